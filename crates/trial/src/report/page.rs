//! A whole run as a page for a browser: what failed and how to see it again, and a table of all verdicts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::RunReport;
use crate::check::coverage::{Reached, reached};
use crate::check::{CHECKS, Case};
use crate::run::{Outcome, Verdict};
use crate::scenario::{BackendName, Plan};
use seaworthy_sim::html::{self, escaped};

/// One run as the page shows it.
#[derive(Clone, Debug)]
pub struct Run {
    /// The verdict and what it rests on.
    pub report: RunReport,
    /// What the scenario proves.
    pub description: String,
    /// The checks that found something, each as often as it did.
    pub found_by: Vec<&'static str>,
    /// How often what must happen did.
    pub reached: Vec<Reached>,
    /// The page of its trace, relative to this one.
    pub page: Option<String>,
}

/// All runs of a call.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// The runs, in the order in which their scenarios are shown.
    pub runs: &'a [Run],
    /// How the program is called, for the commands that replay failures.
    pub program: &'a str,
}

/// More runs of a scenario than this are not drawn one by one, unless they failed.
const SQUARES_MAX: usize = 500;

/// More failures of a scenario than this are only counted.
const FAILURES_MAX: usize = 100;

impl Run {
    /// The run of a plan, as it came out.
    pub fn new(report: RunReport, plan: &Plan, outcome: &Outcome) -> Self {
        Self {
            report,
            description: plan.scenario.description.clone(),
            found_by: outcome.violations.iter().map(|found| found.check).collect(),
            reached: reached(&Case { plan, trace: &outcome.trace }),
            page: None,
        }
    }

    /// A run of which there is no outcome.
    pub const fn without_outcome(report: RunReport) -> Self {
        Self { report, description: String::new(), found_by: Vec::new(), reached: Vec::new(), page: None }
    }

    fn passed(&self) -> bool {
        self.report.verdict == Verdict::Passed
    }
}

/// The runs of a scenario on a backend.
type Group<'a> = Vec<&'a Run>;

impl Page<'_> {
    /// The page as HTML.
    pub fn to_html(&self) -> String {
        let groups = self.groups();
        let bad = self.runs.iter().filter(|run| !run.passed()).count();
        let worst = self.runs.iter().map(|run| run.report.verdict).max().unwrap_or(Verdict::Passed);
        let mut scenarios: Vec<&str> = self.runs.iter().map(|run| run.report.scenario.as_str()).collect();
        scenarios.dedup();
        scenarios.sort_unstable();
        scenarios.dedup();
        let simulated: f64 = self.runs.iter().map(|run| run.report.simulated_s).sum();
        // A run on the real network cannot be repeated.
        let real = self.runs.iter().any(|run| run.report.on == BackendName::Real);
        let runs = if real { "runs, each once" } else { "runs, each twice" };
        let facts = [
            ("scenarios", html::grouped(scenarios.len() as u64)),
            (runs, html::grouped(self.runs.len() as u64)),
            ("passed", html::grouped((self.runs.len() - bad) as u64)),
            ("failed", html::grouped(bad as u64)),
            ("simulated", html::seconds(simulated)),
        ];
        let fact = |(name, value): &(&str, String)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>");
        html::filled(
            PAGE,
            &[
                ("verdict", &html::verdict(&worst.to_string())),
                ("facts", &facts.iter().map(fact).collect::<String>()),
                ("failures", &self.failures(&groups)),
                ("rows", &groups.iter().map(|group| row(group)).collect::<String>()),
                ("checks", &checks(self.runs)),
                ("style", &[html::STYLE, STYLE].concat()),
                ("script", &[html::SCRIPT, SCRIPT].concat()),
            ],
        )
    }

    /// By scenario and backend: those with failures first, else in the order of the runs.
    fn groups(&self) -> Vec<Group<'_>> {
        let mut places = BTreeMap::new();
        let mut groups: Vec<Group<'_>> = Vec::new();
        for run in self.runs {
            let place = *places.entry((&run.report.scenario, run.report.on)).or_insert(groups.len());
            match groups.get_mut(place) {
                Some(group) => group.push(run),
                None => groups.push(vec![run]),
            }
        }
        groups.sort_by_key(|group| group.iter().all(|run| run.passed()));
        groups
    }

    /// What did not pass, with all that is needed to look at it.
    fn failures(&self, groups: &[Group<'_>]) -> String {
        let mut html = String::new();
        for group in groups {
            let failed: Vec<_> = group.iter().filter(|run| !run.passed()).collect();
            let Some((first, others)) = failed.split_first() else { continue };
            html.push_str("<article class=\"failure\">");
            html.push_str(&self.failure(first));
            if !others.is_empty() {
                let _ = write!(html, "<details><summary>{} more seeds of it failed</summary>", others.len());
                for other in others.iter().take(FAILURES_MAX) {
                    let _ = write!(html, "<div class=\"other\">{}</div>", self.failure(other));
                }
                if let Some(more) = others.len().checked_sub(FAILURES_MAX).filter(|more| *more > 0) {
                    let _ = write!(html, "<p>and {more} more</p>");
                }
                html.push_str("</details>");
            }
            html.push_str("</article>");
        }
        if html.is_empty() { html } else { format!("<section><h2>Failures</h2>{html}</section>") }
    }

    fn failure(&self, run: &Run) -> String {
        let report = &run.report;
        let mut html = format!(
            "<h3>{} {} <span class=\"quiet\">on {}, seed {}</span></h3><ul>",
            html::verdict(&report.verdict.to_string()),
            escaped(&report.scenario),
            report.on,
            report.seed
        );
        for reason in &report.reasons {
            let _ = write!(html, "<li>{}</li>", escaped(reason));
        }
        html.push_str("</ul><p class=\"again\">");
        if let Some(page) = &run.page {
            let _ = write!(html, "<a class=\"open\" href=\"{}\">Open its trace</a>", address(page));
        }
        if let Some(file) = &report.replay {
            let command = escaped(&format!("{} replay {file}", self.program));
            let _ = write!(
                html,
                "<code>{command}</code><button type=\"button\" data-copy=\"{command}\">Copy</button>"
            );
        }
        html.push_str("</p>");
        html
    }
}

/// A row of the table: the runs of a scenario on a backend.
fn row(group: &Group<'_>) -> String {
    let Some(first) = group.first() else { return String::new() };
    let bad = group.iter().filter(|run| !run.passed()).count();
    let (name, on) = (escaped(&first.report.scenario), first.report.on);
    let description = group.iter().map(|run| run.description.as_str()).find(|text| !text.is_empty());
    let worst = group.iter().map(|run| run.report.verdict).max().unwrap_or(Verdict::Passed);
    let count = match (bad, group.len()) {
        (_, 1) => String::new(),
        (0, all) => format!(" <span class=\"quiet\">{}</span>", html::grouped(all as u64)),
        (bad, all) => format!(" <span class=\"quiet\">{bad} of {}</span>", html::grouped(all as u64)),
    };
    format!(
        "<tr data-find=\"{} {on}\" data-bad=\"{bad}\"><th scope=\"row\">{name}<small>{}</small></th><td>{on}</td><td>{}{count}</td>\
         <td class=\"seeds\">{}</td><td>{}</td><td>{}</td><td class=\"number\">{}</td></tr>\n",
        name.to_lowercase(),
        escaped(description.unwrap_or_default()),
        html::verdict(&worst.to_string()),
        seeds(group),
        found(group),
        coverage(group),
        durations(group)
    )
}

/// A square for each seed: a link where there is a page.
fn seeds(group: &Group<'_>) -> String {
    let all = group.len() <= SQUARES_MAX;
    let mut html = String::new();
    for run in group.iter().filter(|run| all || !run.passed()).take(SQUARES_MAX) {
        let report = &run.report;
        let label = format!("seed {}: {}", report.seed, report.verdict.to_string().to_lowercase());
        let class = if run.passed() { "good" } else { "bad" };
        match &run.page {
            Some(page) => {
                let _ = write!(
                    html,
                    "<a class=\"{class}\" href=\"{}\" title=\"{label}\" aria-label=\"{label}\"></a>",
                    address(page)
                );
            }
            None => {
                let _ = write!(html, "<i class=\"{class}\" title=\"{label}\"></i>");
            }
        }
    }
    if let ([first], true) = (group.as_slice(), all) {
        let _ = write!(html, " <span class=\"quiet\">seed {}</span>", first.report.seed);
    }
    if !all {
        html.push_str(" <span class=\"quiet\">passed seeds are not drawn</span>");
    }
    html
}

/// The checks that found something, with the number of runs in which they did.
fn found(group: &Group<'_>) -> String {
    let mut runs: BTreeMap<&str, usize> = BTreeMap::new();
    for run in group {
        let mut checks = run.found_by.clone();
        checks.sort_unstable();
        checks.dedup();
        for check in checks {
            *runs.entry(check).or_default() += 1;
        }
    }
    if runs.is_empty() {
        return format!("<span class=\"quiet\">{} clean</span>", CHECKS.len() + 1);
    }
    let entry = |(check, count): (&str, usize)| {
        format!("<div><b class=\"bad\">{check}</b> <span class=\"quiet\">{count}</span></div>")
    };
    runs.into_iter().map(entry).collect()
}

/// What must happen, how often it did, from the fewest to the most.
fn coverage(group: &Group<'_>) -> String {
    let mut html = String::new();
    let expected = group.iter().map(|run| run.reached.len()).max().unwrap_or_default();
    if expected == 0 {
        return "<span class=\"quiet\">nothing asked for</span>".to_owned();
    }
    for number in 0..expected {
        let all: Vec<&Reached> = group.iter().filter_map(|run| run.reached.get(number)).collect();
        let Some(first) = all.first() else { continue };
        let least = all.iter().map(|reached| reached.times).min().unwrap_or_default();
        let most = all.iter().map(|reached| reached.times).max().unwrap_or_default();
        let times = if least == most {
            html::grouped(least)
        } else {
            format!("{}–{}", html::grouped(least), html::grouped(most))
        };
        let class = if all.iter().all(|reached| reached.is_met()) { "good" } else { "bad" };
        let _ = write!(
            html,
            "<div><b class=\"{class}\">{times}×</b> {} {}{} <span class=\"quiet\">{}</span></div>",
            escaped(&first.socket),
            escaped(&first.event.to_string()),
            escaped(&first.window),
            first.wanted()
        );
    }
    html
}

/// How long the runs took in simulated time.
fn durations(group: &Group<'_>) -> String {
    let all = || group.iter().map(|run| run.report.simulated_s);
    let least = html::seconds(all().fold(f64::INFINITY, f64::min));
    let most = html::seconds(all().fold(0.0, f64::max));
    if least == most { most } else { format!("{least} – {most}") }
}

/// All checks, with the number of runs in which each found something.
fn checks(runs: &[Run]) -> String {
    let names = std::iter::once("determinism").chain(CHECKS.iter().map(|(name, _)| *name));
    let entry = |name: &str| {
        let count = runs.iter().filter(|run| run.found_by.contains(&name)).count();
        let class = if count == 0 { "good" } else { "bad" };
        let said = if count == 0 { "clean".to_owned() } else { format!("found something in {count} runs") };
        format!("<li><b class=\"{class}\">{name}</b> <span class=\"quiet\">{said}</span></li>")
    };
    names.map(entry).collect()
}

/// A file's name as it stands in an address.
fn address(file: &str) -> String {
    let mut address = String::new();
    for byte in file.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._/".contains(&byte) {
            address.push(char::from(byte));
        } else {
            let _ = write!(address, "%{byte:02X}");
        }
    }
    address
}

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

#[cfg(test)]
mod tests {
    use super::*;

    fn run(scenario: &str, seed: u64, verdict: Verdict) -> Run {
        let reasons = if verdict == Verdict::Passed { vec![] } else { vec!["order: <b>".to_owned()] };
        Run {
            found_by: if reasons.is_empty() { vec![] } else { vec!["order per pipe"] },
            ..Run::without_outcome(RunReport {
                scenario: scenario.to_owned(),
                seed,
                on: BackendName::Warp,
                verdict,
                reasons,
                audit: String::new(),
                events: 0,
                simulated_s: 2.0,
                real_s: 0.5,
                replay: (verdict != Verdict::Passed).then(|| "failures/a.toml".to_owned()),
            })
        }
    }

    fn html(runs: &[Run]) -> String {
        Page { runs, program: "seaworthy" }.to_html()
    }

    #[test]
    fn failures_come_first_with_their_reasons_and_what_replays_them() {
        let runs = [run("a", 1, Verdict::Passed), run("b", 7, Verdict::Failed), run("b", 8, Verdict::Failed)];
        let html = html(&runs);
        assert!(html.contains("<h2>Failures</h2>"));
        assert!(html.contains("on warp, seed 7") && html.contains("1 more seeds of it failed"), "{html}");
        assert!(html.contains("order: &lt;b&gt;"), "reasons are text");
        assert!(html.contains("<code>seaworthy replay failures/a.toml</code>"));
        assert!(
            html.find("data-find=\"b warp\"") < html.find("data-find=\"a warp\""),
            "and in the table, too"
        );
        assert!(html.contains("order per pipe</b> <span class=\"quiet\">2</span>"));
    }

    #[test]
    fn when_all_passed_there_is_nothing_about_failures() {
        let html = html(&[run("a", 1, Verdict::Passed)]);
        assert!(!html.contains("<h2>Failures</h2>") && html.contains("verdict good"), "{html}");
        assert!(!html.contains("{{") && !html.contains("://"));
    }

    #[test]
    fn names_are_text_and_addresses_are_addresses() {
        let evil = Run { page: Some("a\"><script>.html".to_owned()), ..run("<script>", 1, Verdict::Failed) };
        let html = html(&[evil]);
        assert_eq!(html.matches("<script>").count(), 1, "the page's own");
        assert!(html.contains("href=\"a%22%3E%3Cscript%3E.html\""));
    }

    #[test]
    fn what_must_happen_is_shown_from_the_fewest_to_the_most() {
        let reached = |times| Reached {
            socket: "pull".into(),
            event: crate::scenario::MustEvent::Received,
            window: String::new(),
            times,
            least: 50,
            most: u64::MAX,
        };
        let with = |seed, times| Run { reached: vec![reached(times)], ..run("a", seed, Verdict::Passed) };
        let html = html(&[with(1, 60), with(2, 1200)]);
        assert!(html.contains("<b class=\"good\">60–1\u{202f}200×</b> pull received"), "{html}");
        assert!(html.contains("at least 50"));
    }
}
