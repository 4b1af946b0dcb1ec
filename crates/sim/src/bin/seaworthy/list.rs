//! Finds scenarios, and lists them.

use std::path::{Path, PathBuf};

use seaworthy_sim::scenario::{BadScenario, Scenario};

use crate::arguments::ListOptions;
use crate::problem::Problem;
use crate::show;

pub(crate) fn list(options: &ListOptions) -> Result<u8, Problem> {
    let found = load(&options.paths)?;
    let width = found.iter().map(|(_, scenario)| scenario.name.len()).max().unwrap_or(0);
    for (file, scenario) in found {
        if options.json {
            let line = serde_json::json!({
                "name": scenario.name,
                "description": scenario.description,
                "file": file.display().to_string(),
            });
            show(&format!("{line}\n"))?;
        } else {
            show(&format!("{:<width$}  {}\n", scenario.name, scenario.description))?;
        }
    }
    Ok(0)
}

/// Reads all scenarios at these paths, in order. All bad ones are reported together.
pub(crate) fn load(paths: &[PathBuf]) -> Result<Vec<(PathBuf, Scenario)>, Problem> {
    let mut scenarios: Vec<(PathBuf, Scenario)> = Vec::new();
    let mut bad: Vec<BadScenario> = Vec::new();
    for file in files(paths)? {
        match Scenario::load(&file) {
            Ok(scenario) => {
                if let Some((other, _)) = scenarios.iter().find(|(_, known)| known.name == scenario.name) {
                    let (file, other) = (file.display(), other.display());
                    return Err(Problem::Usage(format!("{file} and {other} have the same name")));
                }
                scenarios.push((file, scenario));
            }
            Err(error) => bad.push(error),
        }
    }
    if bad.is_empty() { Ok(scenarios) } else { Err(Problem::Scenarios(bad)) }
}

/// Refuses a scenario that asks for what the real network cannot make.
pub(crate) fn check_real(file: &Path, scenario: &Scenario) -> Result<(), Problem> {
    if scenario.obstacles().is_empty() {
        return Ok(());
    }
    let text =
        std::fs::read_to_string(file).map_err(|source| Problem::Read { file: file.to_owned(), source })?;
    scenario.check_real(&file.display().to_string(), &text).map_err(|bad| Problem::Scenarios(vec![bad]))
}

/// The files at these paths: folders give their `.toml` files, sorted.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Problem> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let mut found = in_folder(path)?;
            if found.is_empty() {
                return Err(Problem::Usage(format!("there is no scenario in {}", path.display())));
            }
            found.sort();
            files.extend(found);
        } else {
            files.push(path.clone());
        }
    }
    files.dedup();
    Ok(files)
}

fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let unreadable = |source| Problem::Read { file: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
    Ok(found)
}
