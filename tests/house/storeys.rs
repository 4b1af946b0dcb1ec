//! The order of knowledge: which crate may import from which, and that no two modules import from each other.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use crate::imports::Crate;
use crate::tree::read;

/// A crate's folder, its name in Rust, and the crates below it that it may know.
const STOREYS: &[(&str, &str, &[&str])] = &[
    ("core", "seaworthy_core", &[]),
    ("zmtp", "seaworthy_zmtp", &["seaworthy_core"]),
    ("sockets", "seaworthy", &["seaworthy_core", "seaworthy_zmtp"]),
    ("engine", "seaworthy_engine", &["seaworthy_core"]),
    ("sim", "seaworthy_sim", &["seaworthy_core", "seaworthy_engine"]),
    ("trial", "seaworthy_trial", &["seaworthy_core", "seaworthy", "seaworthy_engine", "seaworthy_sim"]),
    (
        "cli",
        "seaworthy_cli",
        &["seaworthy_core", "seaworthy", "seaworthy_engine", "seaworthy_sim", "seaworthy_trial"],
    ),
];

/// Modules that still import from each other, each set by its folder and the files within. Sets may get smaller and go;
/// none may be added.
const CIRCLES: &[(&str, &[&str])] = &[
    ("core/src/pipe", &["mod", "budget"]),
    ("zmtp/src", &["authentication", "error", "metadata"]),
    ("zmtp/src", &["command", "frame", "mechanism/mod", "transmit"]),
    (
        "sockets/src",
        &[
            "authentication/mod",
            "authentication/security",
            "context",
            "inproc/listing",
            "inproc/mod",
            "inproc/peer_info",
            "transport/attachment",
            "transport/socket_ref",
        ],
    ),
];

#[test]
fn crates_import_only_from_those_below_them() {
    let mut wrong = Vec::new();
    for (folder, own, below) in STOREYS {
        for (file, named) in Crate::read(&format!("crates/{folder}")).crates() {
            if named != *own && !below.contains(&named) {
                wrong.push(format!("{file} imports from {named}"));
            }
        }
    }
    assert!(wrong.is_empty(), "against the order of knowledge:\n{}", wrong.join("\n"));
}

#[test]
fn packages_depend_only_on_those_below_them() {
    let mut wrong = Vec::new();
    for (folder, _, below) in STOREYS {
        let path = format!("crates/{folder}/Cargo.toml");
        let manifest: Table = read(&path).parse().unwrap_or_else(|error| panic!("{path}: {error}"));
        let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
        let tables = targets.filter_map(Value::as_table).chain([&manifest]);
        for dependencies in tables.filter_map(|table| table.get("dependencies")?.as_table()) {
            let ours = dependencies.keys().filter(|name| name.starts_with("seaworthy"));
            let above = ours.filter(|name| !below.contains(&name.replace('-', "_").as_str()));
            wrong.extend(above.map(|name| format!("{path} depends on {name}")));
        }
    }
    assert!(wrong.is_empty(), "against the order of knowledge:\n{}", wrong.join("\n"));
}

#[test]
fn no_two_modules_import_from_each_other() {
    let mut found = Vec::new();
    for (folder, ..) in STOREYS {
        let sources = Crate::read(&format!("crates/{folder}"));
        let arrows = sources.arrows();
        for circle in circles(&arrows) {
            let files: Vec<&str> = circle.iter().map(|name| sources.modules[*name].file.as_str()).collect();
            if CIRCLES.iter().any(|known| is_within(&files, known)) {
                continue;
            }
            let within = arrows.iter().filter(|(from, to)| circle.contains(from) && circle.contains(to));
            let file = |name: &str| &sources.modules[name].file;
            let lines = within.map(|(from, to)| format!("    {} -> {}", file(from), file(to)));
            found.push(format!("{} modules:\n{}", circle.len(), lines.collect::<Vec<_>>().join("\n")));
        }
    }
    assert!(found.is_empty(), "{} circles of imports:\n{}", found.len(), found.join("\n"));
}

#[test]
fn circles_are_found_however_long_they_are() {
    let found = |arrows: &[(&'static str, &'static str)]| circles(&arrows.iter().copied().collect());
    assert_eq!(found(&[("a", "b"), ("b", "c"), ("a", "c")]), [] as [BTreeSet<&str>; 0]);
    assert_eq!(found(&[("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")]), [BTreeSet::from(["a", "b", "c"])]);
}

/// Whether all files are of a known set.
fn is_within(files: &[&str], (folder, known): &(&str, &[&str])) -> bool {
    let path = |name: &&str| format!("crates/{folder}/{name}.rs");
    files.iter().all(|file| known.iter().any(|name| path(name) == *file))
}

/// Sets of more than one module in which each reaches each.
fn circles<'a>(arrows: &BTreeSet<(&'a str, &'a str)>) -> Vec<BTreeSet<&'a str>> {
    let modules: BTreeSet<&str> = arrows.iter().flat_map(|(from, to)| [*from, *to]).collect();
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        modules.iter().map(|module| (*module, reach(module, arrows))).collect();
    let mut found: Vec<BTreeSet<&str>> = Vec::new();
    for module in &modules {
        let circle: BTreeSet<&str> =
            reached[module].iter().filter(|other| reached[**other].contains(module)).copied().collect();
        if circle.len() > 1 && !found.contains(&circle) {
            found.push(circle);
        }
    }
    found
}

fn reach<'a>(from: &str, arrows: &BTreeSet<(&'a str, &'a str)>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(module) = next.pop() {
        for (_, to) in arrows.iter().filter(|(from, _)| *from == module) {
            if reached.insert(*to) {
                next.push(to);
            }
        }
    }
    reached
}
