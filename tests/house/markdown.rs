//! What a Markdown page contains: its links, the anchors of its headings, and its prose.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

pub struct Page {
    /// Where links and images lead to.
    pub links: Vec<String>,
    /// What may follow `#` in a link to this page.
    pub anchors: Vec<String>,
    /// Paragraphs, headings, list items and cells, without the code in them, each with the line where it begins.
    pub prose: Vec<(usize, String)>,
    /// Inline code.
    pub code: Vec<String>,
}

impl Page {
    pub fn parse(text: &str) -> Self {
        let mut page = Self { links: Vec::new(), anchors: Vec::new(), prose: Vec::new(), code: Vec::new() };
        let mut block = String::new();
        let mut heading = String::new();
        let (mut is_in_code, mut is_in_heading) = (false, false);
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.into_string());
                }
                Event::Start(Tag::CodeBlock(_)) => is_in_code = true,
                Event::End(TagEnd::CodeBlock) => is_in_code = false,
                Event::Start(Tag::Heading { .. }) => {
                    heading.clear();
                    is_in_heading = true;
                }
                Event::End(TagEnd::Heading(_)) => {
                    is_in_heading = false;
                    let anchor = page.unused(anchor(&heading));
                    page.anchors.push(anchor);
                    page.end_block(&mut block, text, range.start);
                }
                Event::End(TagEnd::Paragraph | TagEnd::Item | TagEnd::TableCell) => {
                    page.end_block(&mut block, text, range.start);
                }
                Event::Text(words) if !is_in_code => {
                    block.push_str(&words);
                    if is_in_heading {
                        heading.push_str(&words);
                    }
                }
                Event::Code(words) => {
                    // Something stands there, whatever it is.
                    block.push_str("`code`");
                    if is_in_heading {
                        heading.push_str(&words);
                    }
                    page.code.push(words.into_string());
                }
                Event::SoftBreak | Event::HardBreak => block.push(' '),
                _ => {}
            }
        }
        page
    }

    fn end_block(&mut self, block: &mut String, text: &str, start: usize) {
        if !block.trim().is_empty() {
            let line =
                text[..start].lines().count() + usize::from(text[..start].ends_with('\n') || start == 0);
            self.prose.push((line.max(1), std::mem::take(block)));
        }
        block.clear();
    }

    /// A heading that is there twice has the second anchor `name-1`.
    fn unused(&self, anchor: String) -> String {
        let numbered = |number: &usize| format!("{anchor}-{number}");
        if !self.anchors.contains(&anchor) {
            return anchor;
        }
        (1..)
            .find(|number| !self.anchors.contains(&numbered(number)))
            .map(|number| numbered(&number))
            .expect("endless")
    }
}

/// The anchor of a heading on GitHub: in lower case, without punctuation, with hyphens for spaces.
fn anchor(heading: &str) -> String {
    heading
        .trim()
        .to_lowercase()
        .chars()
        .filter(|&letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'))
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

#[test]
fn headings_have_the_anchors_that_github_makes() {
    let page =
        Page::parse("# Why is there no `flush`?\n## 1. Write it: any_network\n## The end\n## The end\n");
    assert_eq!(page.anchors, ["why-is-there-no-flush", "1-write-it-any_network", "the-end", "the-end-1"]);
}

#[test]
fn code_blocks_are_no_prose() {
    let page = Page::parse("One\ntwo `three`.\n\n```\nWho knows.\n```\n\n| a | b |\n|---|---|\n| c | d |\n");
    let prose: Vec<_> = page.prose.iter().map(|(line, words)| (*line, words.as_str())).collect();
    assert_eq!(prose, [(1, "One two `code`."), (8, "a"), (8, "b"), (10, "c"), (10, "d")]);
}
