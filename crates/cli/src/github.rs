//! What GitHub Actions shows of a call of `run`: an annotation at each scenario that failed, and the job's summary.
//!
//! The formats are those of
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use seaworthy_trial::report::{RunReport, Skipped};
use seaworthy_trial::run::Verdict;
use seaworthy_trial::scenario::{BadScenario, Scenario};

use crate::problem::Problem;
use crate::progress::headline;

/// Most failures that the summary has in full, since GitHub drops a summary of more than 1 MiB. The table has all.
const FAILURES_MAX: usize = 50;

/// Most reasons that are given for one failure: the first says what broke, and a flood of alike ones hides the others.
const REASONS_MAX: usize = 10;

/// The files of scenarios, by the names under which runs are reported.
pub(crate) struct Sources(BTreeMap<String, (PathBuf, usize)>);

impl Sources {
    pub(crate) fn new(found: &[(PathBuf, Scenario)]) -> Self {
        let source = |(file, scenario): &(PathBuf, Scenario)| {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            (scenario.name.clone(), (file.clone(), line_of_name(&text)))
        };
        Self(found.iter().map(source).collect())
    }

    /// One line for each scenario and network with a failure, at the scenario's name. `flags` is what the runs were
    /// made with besides network and seed.
    pub(crate) fn annotations(&self, reports: &[RunReport], flags: &str) -> String {
        let mut text = String::new();
        for group in failures(reports) {
            let (report, others) = (group[0], group.len() - 1);
            let mut message = reasons(report).join("\n");
            if others > 0 {
                let _ = write!(message, "\nand {others} more seeds of it");
            }
            let _ = write!(message, "\nreplay: {}", self.again(report, flags));
            let place = self.0.get(&report.scenario).map(|(file, line)| (file.as_path(), *line));
            text.push_str(&annotation(place, &headline(report), &message));
        }
        text
    }

    /// The job's summary, in Markdown: a table of all scenarios, and what failed with the commands that replay it.
    pub(crate) fn summary(&self, reports: &[RunReport], skipped: &[Skipped], flags: &str) -> String {
        let failed = reports.iter().filter(|report| report.verdict != Verdict::Passed).count();
        let mut text = match failed {
            0 => format!("## Seaworthy: all {} runs passed\n", reports.len()),
            _ => format!("## Seaworthy: {failed} of {} runs failed\n", reports.len()),
        };
        text.push_str("\n| Scenario | Network | Runs | Failed |\n|---|---|---|---|\n");
        let mut groups: BTreeMap<_, (usize, usize)> = BTreeMap::new();
        for report in reports {
            let (runs, failed) = groups.entry((&report.scenario, report.on)).or_default();
            *runs += 1;
            *failed += usize::from(report.verdict != Verdict::Passed);
        }
        for ((scenario, on), (runs, failed)) in groups {
            let failed = if failed == 0 { "0".to_owned() } else { format!("**{failed}**") };
            let _ = writeln!(text, "| {} | {on} | {runs} | {failed} |", cell(scenario));
        }
        for skip in skipped {
            let why = skip.skipped.join(", ");
            let _ = writeln!(text, "| {} | {} | skipped: {} | |", cell(&skip.scenario), skip.on, cell(&why));
        }
        let groups = failures(reports);
        for group in groups.iter().take(FAILURES_MAX) {
            let report = group[0];
            let _ =
                write!(text, "\n### {}\n\n```text\n{}\n```\n", headline(report), reasons(report).join("\n"));
            let _ = write!(text, "\n```sh\n{}\n", self.again(report, flags));
            if let Some(file) = &report.replay {
                let _ = writeln!(text, "seaworthy replay {file} # with the files that this run left behind");
            }
            text.push_str("```\n");
            if group.len() > 1 {
                let seeds: Vec<String> =
                    group[1..].iter().take(REASONS_MAX).map(|report| report.seed.to_string()).collect();
                let more = if group.len() - 1 > seeds.len() { ", …" } else { "" };
                let _ = writeln!(
                    text,
                    "\nIt fails with {} more seeds: {}{more}",
                    group.len() - 1,
                    seeds.join(", ")
                );
            }
        }
        if let Some(more) = groups.len().checked_sub(FAILURES_MAX).filter(|more| *more > 0) {
            let _ = writeln!(text, "\n{more} more scenarios failed; the table has them.");
        }
        text
    }

    /// The command that makes the same run from the scenario's own file.
    fn again(&self, report: &RunReport, flags: &str) -> String {
        let file = self.0.get(&report.scenario).map_or(Path::new(""), |(file, _)| file);
        format!("seaworthy run {} --on {} --seed {}{flags}", file.display(), report.on, report.seed)
    }
}

/// One line for each thing that is wrong with a scenario file, at its place.
pub(crate) fn of_bad_scenarios(bad: &[BadScenario]) -> String {
    let lines = |bad: &BadScenario| -> String {
        let file = Path::new(&bad.file);
        let line = |problem: &seaworthy_trial::scenario::Problem| {
            let title = if problem.key.is_empty() { "bad scenario" } else { &problem.key };
            annotation(Some((file, problem.line.max(1))), title, &problem.problem)
        };
        bad.problems.iter().map(line).collect()
    };
    bad.iter().map(lines).collect()
}

/// Appends to the summary of the job that this process runs in, if it runs in one.
pub(crate) fn add_to_summary(text: &str) -> Result<(), Problem> {
    let Some(file) = std::env::var_os("GITHUB_STEP_SUMMARY").map(PathBuf::from) else { return Ok(()) };
    let opened = OpenOptions::new().create(true).append(true).open(&file);
    let written = opened.and_then(|mut opened| opened.write_all(text.as_bytes()));
    written.map_err(|source| Problem::Write { file, source })
}

/// What did not pass, by scenario and network.
fn failures(reports: &[RunReport]) -> Vec<Vec<&RunReport>> {
    let mut groups: BTreeMap<_, Vec<&RunReport>> = BTreeMap::new();
    for report in reports.iter().filter(|report| report.verdict != Verdict::Passed) {
        groups.entry((&report.scenario, report.on)).or_default().push(report);
    }
    groups.into_values().collect()
}

fn reasons(report: &RunReport) -> Vec<String> {
    let mut reasons: Vec<String> = report.reasons.iter().take(REASONS_MAX).cloned().collect();
    if report.reasons.len() > REASONS_MAX {
        reasons.push(format!("and {} more", report.reasons.len() - REASONS_MAX));
    }
    reasons
}

/// The workflow command that marks a line of a file.
fn annotation(place: Option<(&Path, usize)>, title: &str, message: &str) -> String {
    let place = place.map_or_else(String::new, |(file, line)| {
        // GitHub knows paths as Git does, which has no `./` before them.
        let file = file.strip_prefix(".").unwrap_or(file);
        format!("file={},line={line},", property(&file.display().to_string()))
    });
    format!("::error {place}title={}::{}\n", property(title), data(message))
}

/// Text behind the `::`, in which a line break would end the command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text before the `::`, in which a comma or a colon would end the property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Text in a table, whose columns a `|` would split.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

/// Where a scenario's own name stands, or its first line. Names of hosts and sockets come behind a header.
fn line_of_name(text: &str) -> usize {
    let of_scenario = text.lines().take_while(|line| !line.trim_start().starts_with('['));
    let is_name =
        |line: &str| line.strip_prefix("name").is_some_and(|rest| rest.trim_start().starts_with('='));
    of_scenario.enumerate().find(|(_, line)| is_name(line)).map_or(1, |(index, _)| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_colons_and_line_breaks_do_not_end_a_command() {
        let line = annotation(Some((Path::new("./a,b.toml"), 3)), "FAILED: a, b", "100 %\nof it: a, b");
        assert_eq!(line, "::error file=a%2Cb.toml,line=3,title=FAILED%3A a%2C b::100 %25%0Aof it: a, b\n");
    }

    #[test]
    fn an_annotation_is_at_the_scenarios_own_name() {
        assert_eq!(line_of_name("# Proves\n\nname = 'x'\n\n[[host]]\nname = 'y'\n"), 3);
        assert_eq!(line_of_name("duration = '1s'\n[[host]]\nname = 'y'\n"), 1);
    }

    #[test]
    fn a_column_bar_stays_in_its_cell() {
        assert_eq!(cell("a|b\nc"), "a\\|b c");
    }
}
