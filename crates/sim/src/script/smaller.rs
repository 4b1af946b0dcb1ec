//! What can be taken away from a scenario, and what goes with it.
//!
//! It works on the file's form and not on its types: what a scenario can say, it can also say less of.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::{Map, Value};

use super::quantity::{ByteCount, Quantity, Span};

/// A key of a table, by the table's JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) table: String,
    pub(super) key: String,
}

/// Of these less is no simpler.
const RATES: [&str; 2] = ["bandwidth", "rate"];

/// The scenario as its file has it.
pub(super) fn value(scenario: &impl serde::Serialize) -> Value {
    serde_json::to_value(scenario).expect("all of a scenario's types have a JSON form")
}

/// The table at a JSON pointer.
pub(super) fn table<'a>(scenario: &'a Value, pointer: &str) -> Option<&'a Map<String, Value>> {
    scenario.pointer(pointer).and_then(Value::as_object)
}

/// The scenario without some entries of a list, and without whatever names what is no longer there.
pub(super) fn without(scenario: &Value, list: &str, entries: Range<usize>) -> Value {
    let mut scenario = scenario.clone();
    let Some(Value::Array(items)) = scenario.get_mut(list) else { return scenario };
    let entries = entries.start.min(items.len())..entries.end.min(items.len());
    let gone: BTreeSet<String> = items.drain(entries).filter_map(|entry| name(&entry)).collect();
    match list {
        "host" => forget_hosts(&mut scenario, gone),
        "socket" => forget_sockets(&mut scenario, &gone),
        "hostile" => forget_hostiles(&mut scenario, &gone),
        _ => {}
    }
    scenario
}

fn name(entry: &Value) -> Option<String> {
    entry.get("name").and_then(Value::as_str).map(ToOwned::to_owned)
}

fn forget_hosts(scenario: &mut Value, gone: BTreeSet<String>) {
    let mut sockets = BTreeSet::new();
    retain(scenario, "socket", |socket| {
        let stays = !socket.get("host").and_then(Value::as_str).is_some_and(|host| gone.contains(host));
        sockets.extend(name(socket).filter(|_| !stays));
        stays
    });
    let mut hostiles = BTreeSet::new();
    retain(scenario, "hostile", |hostile| {
        let stays = !hostile.get("host").and_then(Value::as_str).is_some_and(|host| gone.contains(host));
        hostiles.extend(name(hostile).filter(|_| !stays));
        stays
    });
    forget_hostiles(scenario, &hostiles);
    for list in ["link", "fault"] {
        retain(scenario, list, |entry| !mentions(entry, &gone));
    }
    for socket in scenario.get_mut("socket").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(Value::Array(endpoints)) = socket.get_mut("connect") {
            let leads_to = |host: &String| format!("tcp://{host}:");
            let away: Vec<_> = gone.iter().map(leads_to).collect();
            endpoints.retain(|endpoint| {
                !endpoint.as_str().is_some_and(|endpoint| away.iter().any(|host| endpoint.starts_with(host)))
            });
        }
    }
    forget_sockets(scenario, &sockets);
}

fn forget_sockets(scenario: &mut Value, gone: &BTreeSet<String>) {
    let of_gone =
        |entry: &Value| entry.get("socket").and_then(Value::as_str).is_some_and(|s| gone.contains(s));
    retain(scenario, "workload", |workload| !of_gone(workload));
    for workload in scenario.get_mut("workload").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(Value::Array(to)) = workload.get_mut("to") {
            to.retain(|to| !to.as_str().is_some_and(|to| gone.contains(to)));
        }
    }
    retain(scenario, "fault", |fault| !mentions(fault, gone));
    if let Some(expect) = scenario.get_mut("expect") {
        retain(expect, "must", |must| !of_gone(must));
    }
}

fn forget_hostiles(scenario: &mut Value, gone: &BTreeSet<String>) {
    if let Some(expect) = scenario.get_mut("expect") {
        retain(expect, "must", |must| {
            !must.get("socket").and_then(Value::as_str).is_some_and(|hostile| gone.contains(hostile))
        });
    }
}

fn retain(table: &mut Value, list: &str, stays: impl FnMut(&Value) -> bool) {
    if let Some(Value::Array(items)) = table.get_mut(list) {
        items.retain(stays);
    }
}

/// Whether one of these names stands anywhere in a value.
fn mentions(value: &Value, names: &BTreeSet<String>) -> bool {
    match value {
        Value::String(text) => names.contains(text),
        Value::Array(items) => items.iter().any(|item| mentions(item, names)),
        Value::Object(table) => table.values().any(|value| mentions(value, names)),
        _ => false,
    }
}

/// Every key of every table, except those in `kept` and what is below them.
pub(super) fn keys(scenario: &Value, kept: &[&str]) -> Vec<Key> {
    fn descend(at: &str, value: &Value, kept: &[&str], found: &mut Vec<Key>) {
        match value {
            Value::Object(table) => {
                for (key, value) in table.iter().filter(|(key, _)| !kept.contains(&key.as_str())) {
                    found.push(Key { table: at.to_owned(), key: key.clone() });
                    descend(&format!("{at}/{key}"), value, kept, found);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    descend(&format!("{at}/{index}"), item, kept, found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    descend("", scenario, kept, &mut found);
    found
}

/// Both halves of an array, the first one first.
pub(super) fn halves(items: &[Value]) -> [Value; 2] {
    let (first, second) = items.split_at(items.len().div_ceil(2));
    [Value::from(first.to_vec()), Value::from(second.to_vec())]
}

/// Values below a number, time or size, the least first. Arrays go to their first item.
pub(super) fn less(key: &str, value: &Value) -> Vec<Value> {
    if RATES.contains(&key) {
        return Vec::new();
    }
    match value {
        Value::Number(number) => match number.as_u64() {
            Some(number) if number > 1 => steps(number).into_iter().map(Value::from).collect(),
            _ => Vec::new(),
        },
        Value::String(text) => {
            if let Ok(Span(time)) = Span::parse(text) {
                // Round numbers can be read.
                let seconds = time.as_secs();
                let (unit, whole) = match u64::try_from(time.as_millis()) {
                    _ if seconds > 1 => (1000, seconds),
                    Ok(millis) if millis > 1 => (1, millis),
                    _ => return Vec::new(),
                };
                let span = |whole: u64| Span(std::time::Duration::from_millis(whole * unit));
                steps(whole).into_iter().map(|whole| Value::from(span(whole).to_string())).collect()
            } else if let Ok(ByteCount(bytes)) = ByteCount::parse(text) {
                steps(bytes).into_iter().map(Value::from).collect()
            } else {
                Vec::new()
            }
        }
        Value::Array(items) => match items.as_slice() {
            [first, _, ..] if first.is_number() => vec![first.clone()],
            [one] if one.is_number() => vec![one.clone()],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// One, and half.
fn steps(number: u64) -> Vec<u64> {
    let mut steps = vec![1, number / 2];
    steps.retain(|step| *step > 0 && *step < number);
    steps.dedup();
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario() -> Value {
        serde_json::json!({
            "host": [{ "name": "a" }, { "name": "b" }],
            "link": [{ "from": "a", "to": "b", "loss": 0.1 }],
            "socket": [
                { "name": "push", "host": "a", "connect": ["tcp://b:1", "tcp://bb:1"] },
                { "name": "pull", "host": "b" },
            ],
            "workload": [{ "socket": "push", "to": ["pull"] }, { "socket": "pull" }],
            "fault": [{ "cut": ["a", "b"] }, { "slow_reader": { "host": "b" } }, { "stall": "pull" }, { "crash": "a" }],
            "expect": { "must": [{ "socket": "pull" }, { "socket": "push" }] },
        })
    }

    #[test]
    fn with_a_host_goes_all_that_names_it() {
        assert_eq!(
            without(&scenario(), "host", 1..2),
            serde_json::json!({
                "host": [{ "name": "a" }],
                "link": [],
                "socket": [{ "name": "push", "host": "a", "connect": ["tcp://bb:1"] }],
                "workload": [{ "socket": "push", "to": [] }],
                "fault": [{ "crash": "a" }],
                "expect": { "must": [{ "socket": "push" }] },
            })
        );
    }

    #[test]
    fn with_a_fault_goes_nothing_else() {
        let smaller = without(&scenario(), "fault", 0..3);
        assert_eq!(smaller["fault"], serde_json::json!([{ "crash": "a" }]));
        assert_eq!(smaller["host"], scenario()["host"]);
    }

    #[test]
    fn numbers_times_and_sizes_get_less_and_stay_readable() {
        let less = |value: Value| {
            less("x", &value).iter().map(|v| v.to_string().replace('"', "")).collect::<Vec<_>>()
        };
        assert_eq!(less(9.into()), ["1", "4"]);
        assert_eq!(less(1.into()), [""; 0]);
        assert_eq!(less("7.5s".into()), ["1s", "3s"]);
        assert_eq!(less("1s".into()), ["1ms", "500ms"]);
        assert_eq!(less("4KiB".into()), ["1", "2048"]);
        assert_eq!(less("worker".into()), [""; 0]);
        assert_eq!(super::less("bandwidth", &9.into()), [] as [Value; 0]);
    }
}
