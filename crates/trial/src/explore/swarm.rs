//! Swarm masks: for most seeds a part of the scenario is switched off.
//!
//! Which part follows from the scenario and the seed alone. Each feature has a random stream of its own, and a
//! feature that is off moves no draw of the others: places in the scenario keep their numbers.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use crate::scenario::{Plan, Scenario};
use seaworthy_engine::SeededRng;

/// Every so many seeds one runs its scenario as it is written.
const WHOLE_EVERY: u64 = 4;

/// Keys of a fault that say when it happens, not what.
const WHEN: [&str; 4] = ["at", "for", "times", "every"];

/// Keys of a link that say which it is, not what it is like.
const ENDS: [&str; 3] = ["between", "from", "to"];

/// Keys with text of the user's, in which two dots mean nothing.
const PROSE: [&str; 7] = ["name", "description", "subscribe", "topics", "routing_id", "text", "ready"];

/// What a seed switches off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mask(Vec<Off>);

/// Something that is switched off.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Off {
    /// Every fault of a kind.
    Fault(String),
    /// A property of all links: none has it.
    Link(String),
    /// A range: it always has its lower end.
    Low(String),
    /// A range: it always has its upper end.
    High(String),
}

impl Mask {
    /// Nothing is off.
    pub fn none() -> Self {
        Self::default()
    }

    /// What `seed` switches off: of every fourth seed nothing, of the others each feature with an even chance.
    pub fn of(scenario: &Scenario, seed: u64) -> Self {
        if seed.is_multiple_of(WHOLE_EVERY) {
            return Self::none();
        }
        let value = value(scenario);
        let toss = |feature: &str, name: &str| {
            SeededRng::new(seed, &format!("swarm {feature} {name}")).next_u64() >> 62
        };
        let mut off = Vec::new();
        for kind in fault_kinds(&value) {
            off.extend((toss("fault", &kind) < 2).then_some(Off::Fault(kind)));
        }
        for property in link_properties(&value) {
            off.extend((toss("link", &property) < 2).then_some(Off::Link(property)));
        }
        for place in ranges(&value) {
            off.extend(match toss("range", &place) {
                0 => Some(Off::Low(place)),
                1 => Some(Off::High(place)),
                _ => None,
            });
        }
        Self(off)
    }

    /// This mask, and everything off that the real network cannot make.
    #[must_use]
    pub fn and_skip_unsupported(mut self, scenario: &Scenario) -> Self {
        for obstacle in scenario.unsupported() {
            let key = obstacle.key.to_owned();
            let off = if obstacle.fault { Off::Fault(key) } else { Off::Link(key) };
            if !self.0.contains(&off) {
                self.0.push(off);
            }
        }
        self
    }

    /// Whether everything is on.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is off, in words.
    pub fn words(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    /// The plan of a scenario under a seed, without what is off.
    ///
    /// What the scenario says must happen was written for all of it; of a part it is not expected.
    pub fn plan(&self, scenario: &Scenario, seed: u64) -> Plan {
        if self.is_empty() {
            return Plan::new(scenario, seed);
        }
        let mut masked = self.over(scenario);
        masked.expect.must.clear();
        Plan::new(&masked, seed)
    }

    fn over(&self, scenario: &Scenario) -> Scenario {
        let mut value = value(scenario);
        for off in &self.0 {
            match off {
                Off::Fault(_) => {}
                Off::Link(property) => {
                    let link_is = |place: &str| place == "network" || place.starts_with("link[");
                    for_each_table(&mut value, &mut |place, table| {
                        if link_is(place) {
                            table.remove(property);
                        }
                    });
                }
                Off::Low(place) => pin(&mut value, place, |low, _| low),
                Off::High(place) => pin(&mut value, place, |_, high| high),
            }
        }
        for_each_table(&mut value, &mut |place, table| {
            // A fault that happens no times keeps its number, and with it the draws of those behind it.
            let is_off = |kind: &String| self.0.contains(&Off::Fault(kind.clone()));
            if place.starts_with("fault[") && kind_of(table).is_some_and(is_off) {
                table.insert("times".to_owned(), Value::from(0));
            }
        });
        serde_json::from_value(value).expect("an end of a range is a value of the same kind")
    }
}

impl fmt::Display for Off {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(kind) => write!(f, "no {kind}"),
            Self::Link(property) => write!(f, "no {property}"),
            Self::Low(place) => write!(f, "{place} low"),
            Self::High(place) => write!(f, "{place} high"),
        }
    }
}

/// The kinds of faults in a scenario, by their keys.
pub(super) fn fault_kinds(scenario: &Value) -> BTreeSet<String> {
    entries(scenario, "fault").filter_map(kind_of).cloned().collect()
}

/// The properties that links of a scenario have, by their keys.
pub(super) fn link_properties(scenario: &Value) -> BTreeSet<String> {
    let network = scenario.get("network").and_then(Value::as_object);
    let tables = entries(scenario, "link").chain(network);
    tables.flat_map(Map::keys).filter(|key| !ENDS.contains(&key.as_str())).cloned().collect()
}

/// The key that names a fault.
pub(super) fn kind_of(fault: &Map<String, Value>) -> Option<&String> {
    fault.keys().find(|key| !WHEN.contains(&key.as_str()))
}

/// The places of all ranges, except those of links, which can be off altogether.
fn ranges(scenario: &Value) -> Vec<String> {
    let mut places = Vec::new();
    let mut scenario = scenario.clone();
    for_each_table(&mut scenario, &mut |place, table| {
        let is_range = |(key, value): (&String, &Value)| {
            (!PROSE.contains(&key.as_str()) && value.as_str().and_then(range).is_some())
                .then(|| format!("{place}.{key}"))
        };
        if !place.starts_with("network") && !place.starts_with("link[") {
            places.extend(table.iter().filter_map(is_range));
        }
    });
    places
}

/// Both ends of a range.
fn range(text: &str) -> Option<(&str, &str)> {
    let (low, high) = text.split_once("..")?;
    let (low, high) = (low.trim(), high.trim());
    let begins = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
    (begins(low) && begins(high)).then_some((low, high))
}

fn pin(scenario: &mut Value, range_at: &str, end: impl Fn(String, String) -> String) {
    for_each_table(scenario, &mut |place, table| {
        let Some(key) = range_at.strip_prefix(place).and_then(|rest| rest.strip_prefix('.')) else { return };
        if let Some(value) = table.get_mut(key)
            && let Some((low, high)) = value.as_str().and_then(range)
        {
            *value = Value::from(end(low.to_owned(), high.to_owned()));
        }
    });
}

/// Visits every table inside a scenario with its place, such as `fault[2].degrade`.
fn for_each_table(scenario: &mut Value, visit: &mut dyn FnMut(&str, &mut Map<String, Value>)) {
    fn descend(place: &str, value: &mut Value, visit: &mut dyn FnMut(&str, &mut Map<String, Value>)) {
        match value {
            Value::Object(table) => {
                visit(place, table);
                for (key, value) in table {
                    let inner = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                    descend(&inner, value, visit);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    descend(&format!("{place}[{index}]"), item, visit);
                }
            }
            _ => {}
        }
    }
    descend("", scenario, visit);
}

fn entries<'a>(scenario: &'a Value, key: &str) -> impl Iterator<Item = &'a Map<String, Value>> {
    scenario.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

/// The scenario as its file has it.
pub(super) fn value(scenario: &Scenario) -> Value {
    serde_json::to_value(scenario).expect("all of a scenario's types have a JSON form")
}

#[cfg(test)]
mod tests {
    use super::*;
    use seaworthy_sim::script::quantity::Span;

    const STORM: &str = r#"
name = "storm"
description = "1..2 is no range here"
duration = "10s"
network = { latency = "1ms..5ms", loss = "0.01..0.02" }
host = [{ name = "source" }, { name = "worker", count = 2 }]
socket = [
    { name = "push", host = "source", type = "PUSH", bind = ["tcp://*:1"], options = { sndhwm = "1..1000" } },
    { name = "pull", host = "worker", type = "PULL", connect = ["tcp://source:1"] },
]
workload = [
    { socket = "push", role = "send", count = 9, interval = "1ms..9ms" },
    { socket = "pull", role = "receive" },
]
fault = [
    { at = "1s..2s", for = "1s", cut = ["source", "worker"], times = "1..3", every = "2s" },
    { at = "1s..2s", for = "1s..3s", crash = "worker-1" },
    { at = "2s..3s", for = "1s..3s", pause = "worker-2" },
]
expect = { must = [{ socket = "pull", event = "disconnected" }] }
"#;

    fn storm() -> Scenario {
        Scenario::parse("storm.toml", STORM).unwrap()
    }

    fn only(off: &[Off]) -> Mask {
        Mask(off.to_vec())
    }

    #[test]
    fn a_mask_follows_from_scenario_and_seed() {
        for seed in 0..20 {
            assert_eq!(Mask::of(&storm(), seed), Mask::of(&storm(), seed));
        }
        assert_ne!(Mask::of(&storm(), 1), Mask::of(&storm(), 2));
        assert_eq!(Mask::of(&storm(), 8), Mask::none(), "every fourth seed is whole");
    }

    #[test]
    fn every_feature_is_on_for_some_seeds_and_off_for_others() {
        let seeds: Vec<Vec<String>> = (0..40).map(|seed| Mask::of(&storm(), seed).words()).collect();
        for feature in [
            "no cut",
            "no crash",
            "no pause",
            "no loss",
            "no latency",
            "workload[0].interval low",
            "workload[0].interval high",
            "socket[0].options.sndhwm low",
            "fault[1].for high",
        ] {
            let off = seeds.iter().filter(|words| words.iter().any(|word| word == feature)).count();
            assert!((1..40).contains(&off), "{feature} is off for {off} of 40 seeds");
        }
        let prose = |word: &String| word.contains("description") || word.contains("network");
        assert!(!seeds.iter().flatten().any(prose));
    }

    #[test]
    fn what_is_off_moves_no_draw_of_what_is_on() {
        let whole = Plan::new(&storm(), 5).scenario;
        let masked = only(&[Off::Fault("cut".into()), Off::Link("loss".into())]).plan(&storm(), 5).scenario;
        assert!(whole.fault.iter().any(|fault| fault.cut.is_some()));
        assert!(masked.fault.iter().all(|fault| fault.cut.is_none()));
        let rest: Vec<_> = whole.fault.iter().filter(|fault| fault.cut.is_none()).cloned().collect();
        assert_eq!(masked.fault, rest);
        assert_eq!((&masked.workload, &masked.socket), (&whole.workload, &whole.socket));
        let latencies = |scenario: &Scenario| scenario.link.iter().map(|l| l.latency).collect::<Vec<_>>();
        assert_eq!(latencies(&masked), latencies(&whole));
        assert!(whole.link.iter().all(|link| link.loss.is_some()));
        assert!(masked.link.iter().all(|link| link.loss.is_none()));
    }

    #[test]
    fn a_fault_that_is_off_stays_off_when_its_times_are_pinned() {
        let mask = only(&[Off::Fault("cut".into()), Off::High("fault[0].times".into())]);
        assert!(mask.plan(&storm(), 1).scenario.fault.iter().all(|fault| fault.cut.is_none()));
    }

    #[test]
    fn a_pinned_range_has_its_end() {
        let mask = only(&[Off::High("workload[0].interval".into()), Off::Low("fault[2].at".into())]);
        let plan = mask.plan(&storm(), 5).scenario;
        assert_eq!(plan.workload[0].interval.unwrap().value(), ms(9));
        let pause = plan.fault.iter().find(|fault| fault.pause.is_some()).unwrap();
        assert_eq!(pause.at.value(), ms(2000));
    }

    #[test]
    fn calm_leaves_what_the_real_network_can_make() {
        let mask = Mask::none().and_skip_unsupported(&storm());
        assert_eq!(mask.words(), ["no loss", "no cut"]);
        let calm = mask.plan(&storm(), 1).scenario;
        assert!(calm.unsupported().is_empty() && calm.fault.iter().any(|fault| fault.crash.is_some()));
        assert_eq!(Mask::of(&calm, 0).and_skip_unsupported(&calm), Mask::none());
    }

    #[test]
    fn expectations_hold_for_the_whole_only() {
        assert_eq!(Mask::none().plan(&storm(), 1).scenario.expect.must.len(), 2);
        assert!(only(&[Off::Fault("cut".into())]).plan(&storm(), 1).scenario.expect.must.is_empty());
    }

    fn ms(ms: u64) -> Span {
        Span(std::time::Duration::from_millis(ms))
    }
}
