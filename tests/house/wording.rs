//! Words and phrases that a stranger has to read twice, and what to write instead.
//!
//! They are refused in what is listed in [`CLEAN`], in prose and in comments, never in code. When another folder has
//! been cleaned it is added there.

use crate::markdown::Page;
use crate::tree::{files, read};

/// Folders and files in which none of [`PHRASES`] is left.
const CLEAN: &[&str] = &[
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
    "crates/core/README.md",
    "crates/sockets/README.md",
    "crates/zmtp/README.md",
    "docs/DESIGN.md",
    "docs/GLOSSARY.md",
    "docs/GUIDE.md",
    "docs/PERFORMANCE.md",
    "docs/PROXY.md",
    "docs/SCENARIOS.md",
    "docs/SIMULATION.md",
    "docs/ZMTP.md",
    "docs/scale-out",
    "examples/bank/README.md",
    "examples/work_queue/README.md",
    "scenarios",
    "tests/house",
];

/// A phrase in lower case, and its replacement. It is found as whole words.
const PHRASES: &[(&str, &str)] = &[
    ("so many", "`this many`, or the name of the count"),
    ("for ever", "`forever`"),
    ("for who", "`for a caller that`, `for those that`"),
    ("gives back", "`returns`"),
    ("eldest", "`oldest`"),
    ("is told", "`is notified`, `learns`"),
    ("are told", "`are notified`, `learn`"),
    ("yet to be told", "`not yet notified of`"),
    ("anew", "`again`, `afresh`"),
    ("carrier", "`network`, `simulated network`"),
    ("carriers", "`networks`, `simulated networks`"),
    ("is no error", "`is not an error`"),
    ("goes its way", "`continues`"),
    ("finds out about", "`learns of`"),
    ("find it out", "`detect it`"),
    ("found out", "`detected`, `discovered`"),
];

#[test]
fn prose_uses_words_that_strangers_know() {
    let found: Vec<String> = CLEAN.iter().flat_map(|room| findings(room)).collect();
    assert!(found.is_empty(), "{} phrases to replace:\n{}", found.len(), found.join("\n"));
}

#[test]
fn phrases_are_found_as_whole_words_in_prose_only() {
    let found = |text: &str| objections(text).len();
    assert_eq!(found("It runs for ever."), 1);
    assert_eq!(found("It runs for everybody."), 0);
    assert_eq!(found("Who asks waits."), 1, "a question word as the subject of a statement");
    assert_eq!(found("It ends. Who asks waits."), 1);
    assert_eq!(found("Who waits?"), 0, "a question");
    assert_eq!(found("Gives the port."), 1);
    assert_eq!(
        prose("x.rs", "let s = \"for ever\"; // once\n// more\n"),
        [(1, "once".into()), (2, "more".into())]
    );
    assert_eq!(prose("x.rs", "/// One\n/// sentence.\nfn f() {}\n"), [(1, "One sentence.".into())]);
    assert_eq!(prose("x.toml", "# One\n# sentence.\nkey = 'for ever'\n"), [(1, "One sentence.".into())]);
}

/// What is to be replaced in the files below a path.
fn findings(room: &str) -> Vec<String> {
    let paths = ["md", "rs", "toml"].into_iter().flat_map(|extension| files(room, extension));
    let mut found = Vec::new();
    for path in paths {
        for (line, text) in prose(&path, &read(&path)) {
            found
                .extend(objections(&text).into_iter().map(|objection| format!("{path}:{line}: {objection}")));
        }
    }
    found
}

/// The paragraphs of a page, or the comments of a source or TOML file, each with its first line.
fn prose(path: &str, text: &str) -> Vec<(usize, String)> {
    match path.rsplit('.').next() {
        Some("md") => Page::parse(text).prose,
        Some("rs") => comments(text, "//"),
        _ => comments(text, "#"),
    }
}

/// Comments, where one that goes on in the next line is one text. One behind code stands alone.
fn comments(text: &str, mark: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (index, line) in text.lines().enumerate() {
        let is_alone = line.trim_start().starts_with(mark);
        let behind_code = || line.split_once(&format!(" {mark} ")).map(|(_, comment)| comment);
        let comment = if is_alone {
            Some(line.trim_start().trim_start_matches(['/', '!', '#']))
        } else {
            behind_code()
        };
        let Some(comment) = comment.map(str::trim).filter(|comment| !comment.is_empty()) else {
            goes_on = false;
            continue;
        };
        match found.last_mut() {
            Some((_, text)) if goes_on && is_alone => {
                text.push(' ');
                text.push_str(comment);
            }
            _ => found.push((index + 1, comment.to_owned())),
        }
        goes_on = is_alone;
    }
    found
}

/// What is wrong with a text, and what to write instead.
fn objections(text: &str) -> Vec<String> {
    let lower = format!(" {} ", words(text));
    let phrases = PHRASES.iter().filter(|(phrase, _)| lower.contains(&format!(" {phrase} ")));
    let mut found: Vec<String> =
        phrases.map(|(phrase, instead)| format!("`{phrase}`: write {instead}")).collect();
    for sentence in sentences(text) {
        if sentence.starts_with("Who ") && !sentence.ends_with('?') {
            found.push(format!("`Who …` as a subject: write `a caller that …`, `a peer that …`: {sentence}"));
        }
        if sentence.starts_with("Gives ") {
            found.push(format!("`Gives …`: write `Returns …`: {sentence}"));
        }
    }
    found
}

/// A text in lower case, its words apart by one space, without punctuation.
fn words(text: &str) -> String {
    let letters =
        text.to_lowercase().replace(|letter: char| !letter.is_alphanumeric() && letter != '\'', " ");
    letters.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The sentences of a text, each with the mark that ends it.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(['.', '?', '!', ':']).map(str::trim)
}
