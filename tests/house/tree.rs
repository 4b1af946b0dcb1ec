//! The files of the repository.

use std::path::{Path, PathBuf};

/// Where the repository is checked out.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("tests/house is two folders deep").into()
}

/// All files of one extension below a folder or file of the repository, as paths within it, in order. What Cargo builds
/// and hidden folders are left out.
pub fn files(below: &str, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    collect(&root().join(below), extension, &mut found);
    found.sort();
    found
}

pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn collect(path: &Path, extension: &str, found: &mut Vec<String>) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if path.is_dir() {
        if name == "target" || (name.starts_with('.') && path != root()) {
            return;
        }
        let entries = std::fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for entry in entries {
            collect(&entry.expect("a folder can be read").path(), extension, found);
        }
    } else if path.extension().is_some_and(|its| its == extension) {
        let within = path.strip_prefix(root()).expect("it was found below the root");
        found.push(within.to_string_lossy().into_owned());
    }
}
