//! Constants and files that pages name are there.

use crate::markdown::Page;
use crate::tree::{files, read, root};

/// Folders in which a page may name a file by the end of its path.
const FOLDERS: &[&str] = &["crates", "examples", "tests", "docs", "scenarios", ".ci"];

#[test]
fn every_constant_and_file_that_a_page_names_is_there() {
    let sources: String = ["crates", "examples", "tests", "docs"]
        .iter()
        .flat_map(|folder| files(folder, "rs"))
        .map(|path| read(&path))
        .collect();
    let paths: Vec<String> = FOLDERS
        .iter()
        .flat_map(|folder| ["rs", "toml", "md", "yml", "lua"].map(|extension| files(folder, extension)))
        .flatten()
        .collect();
    let mut missing = Vec::new();
    for page in files("", "md") {
        for code in Page::parse(&read(&page)).code {
            let is_there = match kind(&code) {
                // libzmq's constants are its own.
                Kind::Constant => code.starts_with("ZMQ_") || sources.contains(&*code),
                Kind::File => {
                    root().join(&code).exists()
                        || paths.iter().any(|path| path.ends_with(&format!("/{code}")) || *path == code)
                }
                Kind::Other => true,
            };
            if !is_there {
                missing.push(format!("{page}: `{code}`"));
            }
        }
    }
    assert!(missing.is_empty(), "named, but not in the repository:\n{}", missing.join("\n"));
}

#[test]
fn constants_and_files_are_told_from_other_code() {
    assert_eq!(kind("WARNINGS_MAX"), Kind::Constant);
    assert_eq!(kind("PUSH"), Kind::Other, "a socket type");
    assert_eq!(kind("pipe/queue.rs"), Kind::File);
    assert_eq!(kind("scenarios/mine.toml --on warp"), Kind::Other);
    assert_eq!(kind("sndhwm"), Kind::Other);
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Constant,
    File,
    Other,
}

fn kind(code: &str) -> Kind {
    let is_capital = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
    if code.contains('_') && code.chars().all(is_capital) {
        Kind::Constant
    } else if code.ends_with(".rs") && !code.contains([' ', '<', '*', '…']) {
        Kind::File
    } else {
        Kind::Other
    }
}
