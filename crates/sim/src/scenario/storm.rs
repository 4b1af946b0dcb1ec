//! What goes wrong around somebody's programs: the part of a scenario that is left when hosts, sockets and workloads are
//! theirs.

use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::link::{Link, LinkModel};
use super::quantity::Span;
use super::{Host, Scenario};
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
pub struct Storm {
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

impl Storm {
    /// A scenario of this storm and hosts with these names.
    pub(super) fn over(self, hosts: &[Name]) -> Scenario {
        let Self { duration, network, link, fault } = self;
        let (name, description) = ("storm".to_owned(), String::new());
        Scenario {
            name,
            description,
            duration,
            network,
            host: groups(hosts),
            link,
            fault,
            ..Scenario::of_nothing()
        }
    }

    /// The storm of such a scenario.
    pub(crate) fn of(scenario: &Scenario) -> Self {
        let Scenario { duration, network, link, fault, .. } = scenario.clone();
        Self { duration, network, link, fault }
    }

    /// A scenario of this storm and no hosts.
    pub(crate) fn alone(&self) -> Scenario {
        self.clone().over(&[])
    }

    /// What it does to links, and its faults in their order, in words.
    pub(crate) fn lines(&self) -> Vec<String> {
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

/// The hosts, those called `name-1` to `name-N` as a group.
fn groups(hosts: &[Name]) -> Vec<Host> {
    let mut groups: Vec<Host> = Vec::new();
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
            groups.push(Host { name: name.to_owned(), count, clock_offset: None });
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
        let error = Scenario::parse_storm(text, &hosts(&["worker-1", "worker-2"])).unwrap_err().to_string();
        assert!(error.contains("storm:4:9: fault[0].crash: there is no host \"wroker\""), "{error}");
        let error = Scenario::parse_storm("duration = \"0s\"", &hosts(&["a"])).unwrap_err().to_string();
        assert!(error.contains("no duration"), "{error}");
        let error = Scenario::parse_storm("duration = \"1s\"\nsocket = []", &hosts(&["a"])).unwrap_err();
        assert!(error.to_string().contains("socket"), "{error}");
    }

    #[test]
    fn what_is_resolved_reads_back() {
        let text = "duration = \"5s\"\n[[fault]]\nat = \"1s..2s\"\nfor = \"1s\"\ncut = [\"a\", \"worker\"]\n";
        let hosts = hosts(&["a", "worker-1", "worker-2"]);
        let resolved = Scenario::parse_storm(text, &hosts).unwrap().resolved(7);
        assert_eq!(resolved.fault.len(), 2);
        let again = Scenario::parse_storm(&Storm::of(&resolved).to_toml(), &hosts).unwrap().resolved(8);
        assert_eq!(again.fault, resolved.fault);
    }
}
