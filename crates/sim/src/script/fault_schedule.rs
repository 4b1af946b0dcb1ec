//! What goes wrong around somebody's programs: the part of a scenario that is left when hosts, sockets and workloads are
//! theirs.

use serde::{Deserialize, Serialize};

use super::error::{BadScenario, Place};
use super::fault::Fault;
use super::link::{Link, LinkModel};
use super::names::Names;
use super::quantity::Span;
use super::resolve;
use super::validate::Problems;
use crate::trace::Name;

/// Links and faults, in the words of scenario files.
///
/// ```toml
/// duration = "20s"                      # all faults begin within it, and all are over after it
/// network = { latency = "1ms..5ms" }    # a range is decided by the seed
///
/// [[fault]]
/// at = "1s..15s"
/// for = "100ms..3s"
/// cut = ["broker", "worker"]            # worker-1, worker-2, …
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSchedule {
    /// How long it lasts, in simulated time.
    pub duration: Span,
    /// What every link is like unless a `[[link]]` says otherwise.
    #[serde(default, skip_serializing_if = "LinkModel::is_default")]
    pub network: LinkModel,
    /// Links that differ from `[network]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub link: Vec<Link>,
    /// What goes wrong, and when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fault: Vec<Fault>,
}

impl FaultSchedule {
    /// Reads a storm from `text`, over hosts with these names. Members of a group, `worker-1` and so on, have the group's
    /// name, too.
    ///
    /// # Errors
    /// What is wrong with the text, with its line and its key.
    pub fn parse(text: &str, hosts: &[Name]) -> Result<Self, BadScenario> {
        let storm: Self = toml::from_str(text).map_err(|error| BadScenario::syntax("storm", text, &error))?;
        match storm.problems(&groups(hosts)) {
            problems if problems.is_empty() => Ok(storm),
            problems => Err(BadScenario::meaning("storm", text, problems)),
        }
    }

    /// All problems of a storm over these hosts.
    fn problems(&self, hosts: &[Group]) -> Vec<(Place, String)> {
        let root = Place::root();
        let mut problems = Problems::new(names(hosts), self.duration);
        if self.duration.0.is_zero() {
            problems.add(&root.key("duration"), "a storm of no duration is none".to_owned());
        }
        let hosts: Vec<_> = hosts.iter().map(|host| (host.name.as_str(), host.count)).collect();
        problems.hosts(&hosts);
        problems.model(&self.network, &root.key("network"));
        problems.links(&self.link);
        problems.faults(&self.fault);
        problems.found()
    }

    /// This storm as `seed` decides it, over the hosts of a run in their order. It must have been read for them.
    pub fn planned(&self, hosts: &[Name], seed: u64) -> FaultPlan {
        let groups = groups(hosts);
        let names = names(&groups);
        let storm = Self {
            duration: self.duration,
            network: self.network.resolved(seed, "network"),
            link: resolve::links(
                &self.network,
                &self.link,
                groups.iter().map(|host| host.name.as_str()),
                &names,
                seed,
            ),
            fault: resolve::faults(&self.fault, self.duration, &names, seed),
        };
        FaultPlan { hosts: hosts.to_vec(), storm }
    }

    /// What it does to links, and its faults in their order, in words.
    pub fn lines(&self) -> Vec<String> {
        let network = (self.network != LinkModel::default()).then(|| format!("network: {}", self.network));
        let links = self.link.iter().map(|link| format!("{link}: {}", link.model()));
        let faults = self.fault.iter().map(|fault| {
            let what: Vec<String> = fault.given().iter().map(|(_, kind)| kind.to_string()).collect();
            let lasts = fault.lasts.map(|lasts| format!(", for {lasts}")).unwrap_or_default();
            format!("at {}{lasts}: {}", fault.at, what.join(", "))
        });
        network.into_iter().chain(links).chain(faults).collect()
    }

    /// As a file.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("all of a storm's types have a TOML form")
    }
}

/// A resolved storm and the hosts of a run, in the order in which they were added.
#[derive(Clone, Debug)]
pub struct FaultPlan {
    /// The hosts' names, by number.
    pub hosts: Vec<Name>,
    /// Links and faults, with every group spelled out and every range decided.
    pub storm: FaultSchedule,
}

/// A storm over the hosts it names, as something that gets smaller: without a host it is without all that concerns it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hosted {
    host: Vec<Group>,
    duration: Span,
    #[serde(default, skip_serializing_if = "LinkModel::is_default")]
    network: LinkModel,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    link: Vec<Link>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fault: Vec<Fault>,
}

impl Hosted {
    pub(crate) fn new(plan: &FaultPlan) -> Self {
        let FaultSchedule { duration, network, link, fault } = plan.storm.clone();
        let single = |name: &String| Group { name: name.clone(), count: None };
        let groups = groups(&plan.hosts);
        let names = names(&groups);
        let host = groups.iter().flat_map(|group| names.hosts(&group.name)).map(single).collect();
        Self { host, duration, network, link, fault }
    }

    /// Whether it is a storm that can be made.
    pub(crate) fn is_storm(&self) -> bool {
        self.storm().problems(&self.host).is_empty()
    }

    /// The storm, without its hosts.
    pub(crate) fn storm(&self) -> FaultSchedule {
        let Self { duration, network, link, fault, .. } = self.clone();
        FaultSchedule { duration, network, link, fault }
    }
}

/// A host, or hosts that are called `name-1` to `name-N`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
}

fn names(hosts: &[Group]) -> Names {
    let mut names = Names::default();
    for host in hosts {
        names.add_host(&host.name, host.count);
    }
    names
}

/// The hosts, those called `name-1` to `name-N` as a group.
fn groups(hosts: &[Name]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let known = |name: &str| hosts.iter().any(|host| **host == *name);
    for host in hosts {
        let (group, number) = match host.rsplit_once('-') {
            Some((group, number)) => (group, number.parse::<u64>().ok().filter(|n| n.to_string() == number)),
            None => (&**host, None),
        };
        let members = (1..).take_while(|n| known(&format!("{group}-{n}"))).count() as u64;
        let (name, count) = match number {
            Some(number) if (1..=members).contains(&number) && !known(group) => (group, Some(members)),
            _ => (&**host, None),
        };
        if !groups.iter().any(|known| known.name == name) {
            groups.push(Group { name: name.to_owned(), count });
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(names: &[&str]) -> Vec<Name> {
        names.iter().map(|name| Name::from(*name)).collect()
    }

    #[test]
    fn numbered_hosts_are_a_group() {
        let groups = |names: &[&str]| -> Vec<(String, Option<u64>)> {
            groups(&hosts(names)).into_iter().map(|host| (host.name, host.count)).collect()
        };
        assert_eq!(
            groups(&["broker", "worker-2", "worker-1", "worker-9"]),
            [("broker".into(), None), ("worker".into(), Some(2)), ("worker-9".into(), None)]
        );
        assert_eq!(groups(&["a", "a-1"]), [("a".into(), None), ("a-1".into(), None)], "one is not the other");
    }

    #[test]
    fn a_storm_is_refused_with_its_line_and_key() {
        let text = "duration = \"5s\"\n[[fault]]\nat = \"1s\"\ncrash = \"wroker\"\n";
        let error = FaultSchedule::parse(text, &hosts(&["worker-1", "worker-2"])).unwrap_err().to_string();
        assert!(error.contains("storm:4:9: fault[0].crash: there is no host \"wroker\""), "{error}");
        let error = FaultSchedule::parse("duration = \"0s\"", &hosts(&["a"])).unwrap_err().to_string();
        assert!(error.contains("no duration"), "{error}");
        let error = FaultSchedule::parse("duration = \"1s\"\nsocket = []", &hosts(&["a"])).unwrap_err();
        assert!(error.to_string().contains("socket"), "{error}");
    }

    #[test]
    fn what_is_resolved_reads_back() {
        let text = "duration = \"5s\"\n[[fault]]\nat = \"1s..2s\"\nfor = \"1s\"\ncut = [\"a\", \"worker\"]\n";
        let hosts = hosts(&["a", "worker-1", "worker-2"]);
        let resolved = FaultSchedule::parse(text, &hosts).unwrap().planned(&hosts, 7).storm;
        assert_eq!(resolved.fault.len(), 2);
        let again = FaultSchedule::parse(&resolved.to_toml(), &hosts).unwrap().planned(&hosts, 8).storm;
        assert_eq!(again.fault, resolved.fault);
    }
}
