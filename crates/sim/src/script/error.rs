//! Why a scenario file is refused, and where.

use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A scenario file that cannot be run: all of its problems, each with its line and its key.
#[derive(Clone, Debug, thiserror::Error)]
pub struct BadScenario {
    /// The file, as the user named it.
    pub file: String,
    /// What is wrong; never empty.
    pub problems: Vec<Problem>,
}

/// One thing wrong with a scenario file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line, counted from 1; 0 when the problem has no place in the file.
    pub line: usize,
    /// Column, counted from 1 in characters.
    pub column: usize,
    /// The key, such as `socket[1].connect[0]`; empty for the whole file.
    pub key: String,
    /// What is wrong, with the offending value.
    pub problem: String,
    /// The line's text.
    pub source: String,
    /// How many characters of it are concerned.
    pub width: usize,
}

/// Where in a scenario something stands: a path of keys and indices.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Place(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Place {
    /// The whole file.
    pub fn root() -> Self {
        Self::default()
    }

    /// The value of `key` in here.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.then(Step::Key(key.to_owned()))
    }

    /// The `index`-th value in here.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.then(Step::Index(index))
    }

    fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// The span of this place in `text`; of the innermost part of it that the file contains, if it is absent.
    fn locate(&self, text: &str) -> Option<Range<usize>> {
        let root = DeTable::parse(text).ok()?;
        let mut table = Some(root.get_ref());
        let mut array = None;
        let mut span = None;
        for step in &self.0 {
            let next: &Spanned<DeValue<'_>> = match step {
                Step::Key(key) => {
                    let found =
                        table.and_then(|t| t.iter().find(|(name, _)| *name.get_ref() == key.as_str()));
                    let Some((_, value)) = found else { break };
                    value
                }
                Step::Index(index) => {
                    let Some(value) = array.and_then(|a: &toml::de::DeArray<'_>| a.get(*index)) else {
                        break;
                    };
                    value
                }
            };
            span = Some(next.span());
            (table, array) = (next.get_ref().as_table(), next.get_ref().as_array());
        }
        span
    }

    /// The innermost place whose key or value covers `span`.
    fn covering(text: &str, span: &Range<usize>) -> Self {
        let mut place = Self::root();
        if let Ok(root) = DeTable::parse(text) {
            descend(root.get_ref(), span, &mut place);
        }
        place
    }
}

fn descend(table: &DeTable<'_>, span: &Range<usize>, place: &mut Place) {
    for (key, value) in table {
        if covers(&key.span(), span) || inside(value, span) {
            *place = place.key(key.get_ref());
            into_value(value.get_ref(), span, place);
            return;
        }
    }
}

fn into_value(value: &DeValue<'_>, span: &Range<usize>, place: &mut Place) {
    match value {
        DeValue::Table(table) => descend(table, span, place),
        DeValue::Array(array) => {
            if let Some(index) = array.iter().position(|item| inside(item, span)) {
                *place = place.index(index);
                if let Some(item) = array.get(index) {
                    into_value(item.get_ref(), span, place);
                }
            }
        }
        _ => {}
    }
}

/// True when `span` lies in `value`. A table written under a header spans that header only, so its members count.
fn inside(value: &Spanned<DeValue<'_>>, span: &Range<usize>) -> bool {
    covers(&value.span(), span)
        || match value.get_ref() {
            DeValue::Table(table) => {
                table.iter().any(|(key, member)| covers(&key.span(), span) || inside(member, span))
            }
            DeValue::Array(array) => array.iter().any(|item| inside(item, span)),
            _ => false,
        }
}

fn covers(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end && !outer.is_empty()
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if position == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl BadScenario {
    /// A file that could not be read at all.
    pub fn unreadable(file: &str, error: &std::io::Error) -> Self {
        let problem = Problem {
            line: 0,
            column: 0,
            key: String::new(),
            problem: format!("cannot be read: {error}"),
            source: String::new(),
            width: 0,
        };
        Self { file: file.to_owned(), problems: vec![problem] }
    }

    /// What the TOML reader refused.
    pub fn syntax(file: &str, text: &str, error: &toml::de::Error) -> Self {
        let span = error.span().unwrap_or(0..0);
        let key = Place::covering(text, &span).to_string();
        let problem = error.message().trim().replace('\n', "; ");
        Self { file: file.to_owned(), problems: vec![Problem::at(text, span, key, problem)] }
    }

    /// What is written correctly and cannot be.
    pub fn meaning(file: &str, text: &str, found: Vec<(Place, String)>) -> Self {
        let mut problems: Vec<_> = found
            .into_iter()
            .map(|(place, problem)| {
                Problem::at(text, place.locate(text).unwrap_or(0..0), place.to_string(), problem)
            })
            .collect();
        problems.sort_by_key(|problem| (problem.line, problem.column));
        Self { file: file.to_owned(), problems }
    }
}

impl Problem {
    fn at(text: &str, span: Range<usize>, key: String, problem: String) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let source = text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        let marked = text.get(span).and_then(|marked| marked.lines().next()).unwrap_or_default();
        Self {
            line: before.matches('\n').count() + 1,
            column,
            key,
            problem,
            source: source.to_owned(),
            width: marked.chars().count().max(1),
        }
    }
}

impl fmt::Display for BadScenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.problems.iter().enumerate() {
            if position > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&self.file)?;
            if problem.line > 0 {
                write!(f, ":{}:{}", problem.line, problem.column)?;
            }
            if !problem.key.is_empty() {
                write!(f, ": {}", problem.key)?;
            }
            write!(f, ": {}", problem.problem)?;
            if problem.line > 0 && !problem.source.trim().is_empty() {
                let number = problem.line.to_string();
                let margin = " ".repeat(number.len());
                let indent = " ".repeat(problem.column - 1);
                let mark = "^".repeat(problem.width);
                write!(f, "\n {margin} |\n {number} | {}\n {margin} | {indent}{mark}", problem.source)?;
            }
        }
        Ok(())
    }
}
