//! The search: one smaller scenario after the other, as long as the failure stays.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::smaller;

/// A scenario that gets smaller.
pub struct Reduction<S, F, M> {
    /// The smallest that fails so far.
    pub best: S,
    /// How many were tried.
    pub tried: u64,
    value: Value,
    /// Whether a scenario can be run.
    runs: fn(&S) -> bool,
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

impl<S, F, M> Reduction<S, F, M>
where
    S: Serialize + DeserializeOwned,
    F: FnMut(&S) -> bool,
    M: FnMut() -> bool,
{
    /// Starts from a scenario that fails. `runs` says which can be run, `fails` which of those fail alike, and `more`
    /// whether there is time.
    pub fn new(scenario: S, runs: fn(&S) -> bool, fails: F, more: M) -> Self {
        let value = smaller::value(&scenario);
        Self { best: scenario, tried: 0, value, runs, fails, more }
    }

    /// Makes the scenario as small as it gets. Returns false when there was no time for all of it.
    pub fn reduce(&mut self) -> bool {
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
        let Ok(candidate) = serde_json::from_value::<S>(value.clone()) else { return Ok(false) };
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

impl<S, F, M> std::fmt::Debug for Reduction<S, F, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reduction").field("tried", &self.tried).finish_non_exhaustive()
    }
}
