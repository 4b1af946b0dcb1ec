//! The search: one smaller scenario after the other, as long as the failure stays.

use serde_json::{Map, Value};

use super::smaller;
use crate::scenario::Scenario;

/// A scenario that gets smaller.
pub(super) struct Reduction<F, M> {
    /// The smallest that fails so far.
    pub(super) best: Scenario,
    /// How many were tried.
    pub(super) tried: u64,
    value: Value,
    /// Whether a scenario can be run.
    runs: fn(&Scenario) -> bool,
    fails: F,
    more: M,
}

/// Nothing more can be tried.
struct Over;

/// Tables that stand on their own once nothing else names them, in the order in which they are taken away: what takes
/// most with it first.
const LISTS: [&str; 6] = ["host", "fault", "hostile", "socket", "workload", "link"];

/// Keys that make a scenario what it is, or say what is promised: a failure without them is another one.
const KEPT: [&str; 6] = ["name", "description", "seed", "on", "expect", "progress_within"];

impl<F: FnMut(&Scenario) -> bool, M: FnMut() -> bool> Reduction<F, M> {
    pub(super) fn new(scenario: Scenario, runs: fn(&Scenario) -> bool, fails: F, more: M) -> Self {
        let value = smaller::value(&scenario);
        Self { best: scenario, tried: 0, value, runs, fails, more }
    }

    /// Makes the scenario as small as it gets. Gives false when there was no time for all of it.
    pub(super) fn reduce(&mut self) -> bool {
        loop {
            let before = self.value.clone();
            let round =
                self.take_from_lists().and_then(|()| self.take_keys()).and_then(|()| self.lower_numbers());
            if round.is_err() {
                return false;
            }
            if self.value == before {
                return true;
            }
        }
    }

    /// Tries a smaller scenario, and keeps it if it fails.
    fn attempt(&mut self, value: Value) -> Result<bool, Over> {
        if value == self.value {
            return Ok(false);
        }
        // What cannot be run is no smaller scenario.
        let Ok(candidate) = serde_json::from_value::<Scenario>(value.clone()) else { return Ok(false) };
        if !(self.runs)(&candidate) {
            return Ok(false);
        }
        if !(self.more)() {
            return Err(Over);
        }
        self.tried += 1;
        let fails = (self.fails)(&candidate);
        if fails {
            (self.best, self.value) = (candidate, value);
        }
        Ok(fails)
    }

    /// Takes entries away: all, then halves, then quarters, down to each alone.
    fn take_from_lists(&mut self) -> Result<(), Over> {
        for list in LISTS {
            let length = |value: &Value| value.get(list).and_then(Value::as_array).map_or(0, Vec::len);
            let mut chunk = length(&self.value);
            while chunk > 0 {
                // From the end: what is declared late rarely carries what is declared early.
                let mut end = length(&self.value);
                while end > 0 {
                    let start = end.saturating_sub(chunk);
                    let without = smaller::without(&self.value, list, start..end);
                    self.attempt(without)?;
                    end = start;
                }
                chunk /= 2;
            }
        }
        Ok(())
    }

    /// Takes every key away that need not be there, and every item of arrays but one.
    fn take_keys(&mut self) -> Result<(), Over> {
        for pointer in smaller::keys(&self.value, &KEPT) {
            if smaller::table(&self.value, &pointer.table)
                .is_none_or(|table| !table.contains_key(&pointer.key))
            {
                continue;
            }
            let without = self.changed(&pointer, |table, key| drop(table.remove(key)));
            if self.attempt(without)? {
                continue;
            }
            loop {
                let table = smaller::table(&self.value, &pointer.table);
                let items = table.and_then(|table| table.get(&pointer.key)).and_then(Value::as_array);
                let Some(items) = items.filter(|items| items.len() > 1) else { break };
                let mut shorter = false;
                for half in smaller::halves(items) {
                    let with = self.changed(&pointer, |table, key| drop(table.insert(key.to_owned(), half)));
                    if self.attempt(with)? {
                        shorter = true;
                        break;
                    }
                }
                if !shorter {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Lowers numbers, times and sizes: to the least, else by halves.
    fn lower_numbers(&mut self) -> Result<(), Over> {
        for pointer in smaller::keys(&self.value, &KEPT) {
            loop {
                let table = smaller::table(&self.value, &pointer.table);
                let Some(number) = table.and_then(|table| table.get(&pointer.key)).cloned() else { break };
                let mut lower = false;
                for less in smaller::less(&pointer.key, &number) {
                    let with = self.changed(&pointer, |table, key| drop(table.insert(key.to_owned(), less)));
                    if self.attempt(with)? {
                        lower = true;
                        break;
                    }
                }
                if !lower {
                    break;
                }
            }
        }
        Ok(())
    }

    fn changed(&self, pointer: &smaller::Key, change: impl FnOnce(&mut Map<String, Value>, &str)) -> Value {
        let mut value = self.value.clone();
        if let Some(Value::Object(table)) = value.pointer_mut(&pointer.table) {
            change(table, &pointer.key);
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: &str = r#"
name = "large"
description = "d"
duration = "60s"
host = [{ name = "a" }, { name = "b" }, { name = "c" }]
socket = [
    { name = "push", host = "a", type = "PUSH", bind = ["tcp://*:1", "tcp://*:2"], options = { sndhwm = 7 } },
    { name = "pull", host = "b", type = "PULL", connect = ["tcp://a:1"], options = { rcvhwm = 9, linger = "4s" } },
    { name = "other", host = "c", type = "PULL", connect = ["tcp://a:2"] },
]
workload = [
    { socket = "push", role = "send", count = 100, size = [100, 200, 300], interval = "8ms" },
    { socket = "pull", role = "receive" },
    { socket = "other", role = "receive" },
]
fault = [
    { at = "1s", for = "1s", crash = "c" },
    { at = "2s", for = "10s", cut = ["a", "b"] },
    { at = "3s", for = "1s", isolate = "b" },
]
"#;

    fn reduced(fails: impl FnMut(&Scenario) -> bool, more: impl FnMut() -> bool) -> (Scenario, bool) {
        let large = Scenario::parse("large.toml", LARGE).unwrap();
        let mut reduction = Reduction::new(large, Scenario::can_run, fails, more);
        let finished = reduction.reduce();
        (reduction.best, finished)
    }

    #[test]
    fn only_what_the_failure_needs_is_left() {
        // It takes the cut for at least three seconds, and more than ten messages.
        let (small, finished) = reduced(
            |scenario| {
                let cut = scenario.fault.iter().find(|fault| fault.cut.is_some());
                let lasts = cut.and_then(|cut| cut.lasts).map_or(0, |lasts| lasts.value().0.as_secs());
                let count = scenario.workload.iter().find_map(|workload| workload.count);
                lasts >= 3 && count.is_some_and(|count| count.value().0 > 10)
            },
            || true,
        );
        assert!(finished);
        let hosts: Vec<_> = small.host.iter().map(|host| host.name.as_str()).collect();
        assert_eq!(hosts, ["a", "b"], "the cut needs both");
        assert_eq!(small.fault.len(), 1);
        assert!(small.fault[0].lasts.unwrap().value().0.as_secs() < 6, "{:?}", small.fault);
        assert_eq!(small.workload[0].count.unwrap().value().0, 12, "half of it would be too few");
        assert_eq!((small.workload[0].size.clone(), small.workload[0].interval), (None, None));
        assert!(small.socket.iter().all(|socket| socket.options == Default::default()), "{:?}", small.socket);
    }

    #[test]
    fn a_scenario_that_always_fails_gets_as_small_as_a_scenario_can_be() {
        let (small, _) = reduced(|_| true, || true);
        assert_eq!((small.host.len(), small.socket.len(), small.workload.len()), (1, 1, 1));
        assert_eq!(small.fault, []);
        Scenario::parse("small.toml", &small.to_toml()).unwrap();
    }

    #[test]
    fn what_is_tried_is_a_scenario_and_never_more_than_there_is_time_for() {
        let mut left = 5;
        let mut tried = 0;
        let (_, finished) = reduced(
            |scenario| {
                tried += 1;
                Scenario::parse("candidate.toml", &scenario.to_toml()).unwrap();
                false
            },
            || {
                left -= 1;
                left >= 0
            },
        );
        assert_eq!((tried, finished), (5, false));
    }
}
