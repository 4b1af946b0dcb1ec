//! docs/SCENARIOS.md lists the scenarios that there are, each with what it proves.

use std::collections::BTreeSet;

use seaworthy_trial::scenario::Scenario;

use crate::shipped::{files, folder};

/// Where the document's links begin.
const LINK: &str = "(../scenarios/";

fn document() -> String {
    std::fs::read_to_string(folder().join("../docs/SCENARIOS.md")).unwrap()
}

/// The files of scenarios that a text links to, below their folder.
fn linked(text: &str) -> BTreeSet<String> {
    let links = text.split(LINK).skip(1).filter_map(|link| link.split_once(')'));
    links.map(|(file, _)| file.to_owned()).collect()
}

#[test]
fn the_document_names_every_scenario_and_no_other() {
    let within = |file: &std::path::Path| file.strip_prefix(folder()).unwrap().display().to_string();
    let there: BTreeSet<String> = files().iter().map(|(_, file)| within(file)).collect();
    assert_eq!(linked(&document()), there);
}

#[test]
fn the_document_has_a_row_for_each_scenario_below_the_name_of_its_folder() {
    let document = document();
    for (name, file) in files() {
        let promise = file.parent().and_then(|folder| folder.file_name()).unwrap().display().to_string();
        let section = document.split("\n### ").find(|section| section.starts_with(&format!("{promise}\n")));
        let section = section.unwrap_or_else(|| panic!("there is no section {promise}"));
        let description = Scenario::load(&file).unwrap().description;
        let row = format!("\n| [{name}]{LINK}{promise}/{name}.toml) | {description} |\n");
        assert!(section.contains(&row), "there is no such row in {promise}:{row}");
    }
}
