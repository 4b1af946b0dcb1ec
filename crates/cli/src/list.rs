//! Finds scenarios, and lists them.

use std::path::{Path, PathBuf};

use seaworthy_trial::scenario::{BadScenario, Scenario};

use crate::arguments::ListOptions;
use crate::output::show;
use crate::problem::Problem;

/// A line for each: the folders it lies in below what was asked for, its name and what it proves.
pub(crate) fn list(options: &ListOptions) -> Result<u8, Problem> {
    let found = load(&options.paths)?;
    let titles: Vec<String> =
        found.iter().map(|(file, scenario)| folder_of(file, &options.paths) + &scenario.name).collect();
    let width = titles.iter().map(String::len).max().unwrap_or(0);
    for ((file, scenario), title) in found.iter().zip(&titles) {
        if options.json {
            let line = serde_json::json!({
                "name": scenario.name,
                "folder": folder_of(file, &options.paths).trim_end_matches('/'),
                "description": scenario.description,
                "file": file.display().to_string(),
            });
            show(&format!("{line}\n"))?;
        } else {
            show(&format!("{title:<width$}  {}\n", scenario.description))?;
        }
    }
    Ok(0)
}

/// The folders between one of these paths and a file found there, each with a slash behind it.
fn folder_of(file: &Path, paths: &[PathBuf]) -> String {
    let within = paths.iter().find_map(|path| file.strip_prefix(path).ok());
    let folders = within.and_then(Path::parent).into_iter().flat_map(Path::iter);
    folders.map(|folder| format!("{}/", folder.display())).collect()
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
    if scenario.unsupported().is_empty() {
        return Ok(());
    }
    let text =
        std::fs::read_to_string(file).map_err(|source| Problem::Read { file: file.to_owned(), source })?;
    scenario.check_real(&file.display().to_string(), &text).map_err(|bad| Problem::Scenarios(vec![bad]))
}

/// The files at these paths: folders give the `.toml` files in them and in their folders, sorted.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Problem> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let mut found = Vec::new();
            in_folder(path, &mut found)?;
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

/// Hidden folders and links to folders are left out: where files are mounted, they show the same ones again.
fn in_folder(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Problem> {
    let unreadable = |source| Problem::Read { file: folder.to_owned(), source };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        if entry.file_type().map_err(unreadable)?.is_dir() {
            if !entry.file_name().as_encoded_bytes().starts_with(b".") {
                in_folder(&path, found)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "toml") && !path.is_dir() {
            found.push(path);
        }
    }
    Ok(())
}
