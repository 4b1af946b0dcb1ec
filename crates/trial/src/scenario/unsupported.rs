//! What the real network cannot be made to do, by name: what a scenario that asks for it is refused for.

use super::Scenario;
use seaworthy_sim::script::draw::Draw;
use seaworthy_sim::script::error::Place;
use seaworthy_sim::script::quantity::Probability;
use seaworthy_sim::script::{BadScenario, LinkModel};

/// Something in a scenario that the real network cannot make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// Its key: a fault's, or a property's of links.
    pub key: &'static str,
    /// Whether it is a fault.
    pub fault: bool,
    /// Where it stands.
    pub place: Place,
}

impl Scenario {
    /// What keeps the scenario from the real network, in the order of the file: faults and properties of links that a
    /// kernel cannot be made to have.
    ///
    /// Latency and jitter are no obstacles, and are not made either: every network has its own, and no promise rests on
    /// them.
    pub fn unsupported(&self) -> Vec<Unsupported> {
        let property = |place: &Place, key| Unsupported { key, fault: false, place: place.key(key) };
        let mut found = Vec::new();
        let network = Place::root().key("network");
        found.extend(beyond(&self.network).into_iter().map(|key| property(&network, key)));
        for (index, link) in self.link.iter().enumerate() {
            let place = Place::root().key("link").index(index);
            found.extend(beyond(&link.model()).into_iter().map(|key| property(&place, key)));
        }
        for (index, fault) in self.fault.iter().enumerate() {
            let place = Place::root().key("fault").index(index);
            let impossible = fault.given().into_iter().filter(|(_, kind)| !kind.is_real());
            found.extend(impossible.map(|(key, _)| Unsupported { key, fault: true, place: place.key(key) }));
        }
        found
    }

    /// Refuses the scenario for the real network, if something keeps it from there. `file` and `text` are what it was
    /// read from.
    ///
    /// # Errors
    /// All obstacles, each with its line.
    pub fn check_real(&self, file: &str, text: &str) -> Result<(), BadScenario> {
        let problem = |obstacle: Unsupported| {
            let key = obstacle.key;
            (obstacle.place, format!("the real network cannot make {key}; --skip-unsupported leaves it out"))
        };
        let problems: Vec<_> = self.unsupported().into_iter().map(problem).collect();
        if problems.is_empty() { Ok(()) } else { Err(BadScenario::meaning(file, text, problems)) }
    }
}

/// The properties that a link of a real machine does not have.
fn beyond(model: &LinkModel) -> Vec<&'static str> {
    let chance = |chance: Option<Draw<Probability>>| {
        chance.is_some_and(|chance| chance.most() != Probability::default())
    };
    let properties = [
        ("bandwidth", model.bandwidth.is_some()),
        ("loss", chance(model.loss)),
        ("duplicate", chance(model.duplicate)),
        ("reorder", chance(model.reorder)),
        ("corrupt", chance(model.corrupt)),
    ];
    properties.into_iter().filter(|(_, given)| *given).map(|(key, _)| key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORM: &str = r#"
name = "storm"
description = "what can be made and what cannot"
duration = "10s"
network = { latency = "1ms..5ms", jitter = "1ms", loss = "0.01..0.02", reorder = 0.0 }
host = [{ name = "source" }, { name = "worker", count = 2 }]
socket = [
    { name = "push", host = "source", type = "PUSH", bind = ["tcp://*:1"] },
    { name = "pull", host = "worker", type = "PULL", connect = ["tcp://source:1"] },
]
workload = [{ socket = "push", role = "send", count = 9 }, { socket = "pull", role = "receive" }]
[[link]]
between = ["source", "worker"]
bandwidth = "10Mbit"
[[fault]]
at = "1s"
for = "1s"
crash = "worker-1"
[[fault]]
at = "1s"
for = "1s"
cut = ["source", "worker"]
"#;

    #[test]
    fn each_obstacle_is_named_with_its_place() {
        let storm = Scenario::parse("storm.toml", STORM).unwrap();
        let keys: Vec<_> = storm.unsupported().into_iter().map(|found| found.place.to_string()).collect();
        assert_eq!(keys, ["network.loss", "link[0].bandwidth", "fault[1].cut"]);
    }

    #[test]
    fn a_refusal_shows_file_line_and_key() {
        let storm = Scenario::parse("storm.toml", STORM).unwrap();
        let refusal = storm.check_real("storm.toml", STORM).unwrap_err().to_string();
        for part in
            ["storm.toml:5:", "storm.toml:14:", "storm.toml:22:", "fault[1].cut", "cannot make bandwidth"]
        {
            assert!(refusal.contains(part), "{part} in {refusal}");
        }
        let calm = STORM
            .replace("loss = \"0.01..0.02\", ", "")
            .replace("bandwidth = \"10Mbit\"", "latency = \"1ms\"");
        let calm = calm.replace("cut = [\"source\", \"worker\"]", "pause = \"worker-2\"");
        assert!(Scenario::parse("calm.toml", &calm).unwrap().check_real("calm.toml", &calm).is_ok());
    }
}
