//! Many texts that are alike, kept small: a text is a template and the numbers in it.

use std::collections::BTreeMap;

/// Stands in a template where the text has a number.
const HOLE: char = '\u{0}';

/// More digits than any number JSON readers keep exactly.
const DIGITS_MAX: usize = 15;

/// The templates of all texts so far, each once.
#[derive(Debug, Default)]
pub(super) struct Templates {
    known: BTreeMap<String, usize>,
    list: Vec<String>,
}

impl Templates {
    /// Takes a text apart: gives the position of its template, and puts its numbers into `numbers`.
    pub(super) fn add(&mut self, text: &str, numbers: &mut Vec<u64>) -> usize {
        let mut template = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            let (before, from_digits) = rest.split_at(start);
            let end = from_digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(from_digits.len());
            let (digits, after) = from_digits.split_at(end);
            template.extend(before.chars().filter(|c| *c != HOLE));
            // A number must come back as it was written.
            let plain = digits.len() <= DIGITS_MAX && (digits.len() == 1 || !digits.starts_with('0'));
            match digits.parse() {
                Ok(number) if plain => {
                    template.push(HOLE);
                    numbers.push(number);
                }
                _ => template.push_str(digits),
            }
            rest = after;
        }
        template.extend(rest.chars().filter(|c| *c != HOLE));
        if let Some(position) = self.known.get(&template) {
            return *position;
        }
        let position = self.list.len();
        self.known.insert(template.clone(), position);
        self.list.push(template);
        position
    }

    /// All templates, by position.
    pub(super) fn into_list(self) -> Vec<String> {
        self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn together(texts: &[&str]) -> (Vec<usize>, Vec<u64>, Vec<String>) {
        let mut templates = Templates::default();
        let mut numbers = Vec::new();
        let places = texts.iter().map(|text| templates.add(text, &mut numbers)).collect();
        (places, numbers, templates.into_list())
    }

    #[test]
    fn texts_that_differ_in_numbers_share_a_template() {
        let (places, numbers, list) = together(&["push#5 64 B", "push#60 7 B", "pull"]);
        assert_eq!(places, [0, 0, 1]);
        assert_eq!(numbers, [5, 64, 60, 7]);
        assert_eq!(list, ["push#\0 \0 B", "pull"]);
    }

    #[test]
    fn numbers_that_would_not_come_back_stay_text() {
        let (_, numbers, list) = together(&["007 0 1234567890123456 a\u{0}b"]);
        assert_eq!(numbers, [0]);
        assert_eq!(list, ["007 \0 1234567890123456 ab"]);
    }
}
