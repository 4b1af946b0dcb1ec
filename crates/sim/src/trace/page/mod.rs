//! A run as a page for a browser: one file that needs no other and no network.
//!
//! Hosts are lanes, time goes to the right, and what was sent slants from its sender to its receiver. The page can
//! show messages, frames or packets; it reads [`Line`]s, so it shows events that this version does not know, too.

mod diagram;
mod table;
mod texts;

use serde::Serialize;

use self::diagram::Diagram;
use super::capture::Packet;
use super::line::Line;
use super::name::Name;
use crate::html;
use seaworthy_engine::Violation;

/// What stands on a page.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// What the page is called.
    pub title: &'a str,
    /// What else there is to say about the run, such as its seed: names and values.
    pub facts: &'a [(&'a str, String)],
    /// `passed`, `failed` or whatever became of the run, if somebody judged it.
    pub verdict: Option<&'a str>,
    /// What the checks found.
    pub findings: &'a [Violation],
    /// The hosts in their order, by the numbers that packets name them by. Others follow as lines name them.
    pub hosts: &'a [Name],
    /// The trace.
    pub lines: &'a [Line],
    /// The packets, if they were captured.
    pub packets: Option<&'a [Packet]>,
}

/// What the page's script reads.
#[derive(Serialize)]
struct Data<'a> {
    title: &'a str,
    findings: Vec<Finding<'a>>,
    #[serde(flatten)]
    diagram: Diagram,
}

/// A violation, where it is drawn.
#[derive(Serialize)]
struct Finding<'a> {
    at: Option<u64>,
    place: Option<&'a Name>,
    text: String,
}

impl<'a> Finding<'a> {
    fn of(found: &'a Violation) -> Self {
        let at = found.at.and_then(|at| u64::try_from(at.as_nanos()).ok());
        Self { at, place: found.place.as_ref(), text: found.to_string() }
    }
}

impl Page<'_> {
    /// The page as HTML.
    pub fn to_html(&self) -> String {
        let diagram = Diagram::new(self.hosts, self.lines, self.packets);
        let mut facts = String::new();
        let hosts = ("hosts", diagram.lanes().to_string());
        let events = ("events", html::grouped(self.lines.len() as u64));
        let simulated = ("simulated", html::seconds(diagram.end as f64 / 1e9));
        for (name, value) in self.facts.iter().chain([&hosts, &events, &simulated]) {
            facts.push_str(&format!(
                "<div><dt>{}</dt><dd>{}</dd></div>",
                html::escaped(name),
                html::escaped(value)
            ));
        }
        let verdict = self.verdict.map(html::verdict).unwrap_or_default();
        let findings = self.findings.iter().map(Finding::of).collect();
        let data = html::json(&Data { title: self.title, findings, diagram });
        html::filled(
            PAGE,
            &[
                ("title", &html::escaped(self.title)),
                ("verdict", &verdict),
                ("facts", &facts),
                ("style", &[html::STYLE, STYLE].concat()),
                ("script", &[html::SCRIPT, SCRIPT].concat()),
                ("data", &data),
            ],
        )
    }
}

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = concat!(
    include_str!("view.js"),
    include_str!("data.js"),
    include_str!("filter.js"),
    include_str!("kinds.js"),
    include_str!("layout.js"),
    include_str!("paint.js"),
    include_str!("point.js"),
    include_str!("overview.js"),
    include_str!("list.js"),
    include_str!("words.js"),
    include_str!("gestures.js"),
    include_str!("page.js"),
    include_str!("start.js"),
);

#[cfg(test)]
mod tests {
    use super::*;

    fn page(host: &str, packets: Option<&[Packet]>) -> String {
        let text = serde_json::json!({"t": 1, "host": host, "event": "opened", "kind": host}).to_string();
        let lines = Line::read_all(&text).unwrap();
        let page = Page {
            title: host,
            facts: &[("seed", host.to_owned())],
            verdict: Some("failed"),
            findings: &[Violation { check: "order", at: None, place: None, problem: host.to_owned() }],
            hosts: &[host.into()],
            lines: &lines,
            packets,
        };
        page.to_html()
    }

    #[test]
    fn nothing_in_a_trace_can_end_a_script_or_begin_a_tag() {
        let calm = page("calm", None);
        let evil = page("</script><img src=x onerror=alert(1)><!--", None);
        assert_eq!(evil.matches('<').count(), calm.matches('<').count());
        assert!(evil.contains("&lt;/script&gt;"), "it is shown as it is called");
        assert!(evil.contains(r"\u003c/script"), "and so it is to the script");
    }

    #[test]
    fn nothing_is_loaded_from_anywhere() {
        let html = page("a", None);
        for loading in ["http://", "https://", "src=", "<link", "@import", "url("] {
            assert!(!html.contains(loading), "{loading}");
        }
        assert!(html.contains("default-src 'none'"), "and the browser is told so");
    }

    #[test]
    fn every_place_in_the_page_is_filled() {
        assert!(!page("a", None).contains("{{"));
    }

    #[test]
    fn packets_are_a_level_only_when_they_were_captured() {
        assert!(!page("a", None).contains(r#""name":"packets""#));
        assert!(page("a", Some(&[])).contains(r#""name":"packets""#));
    }
}
