//! Verdicts as a table: a row for each scenario, a column for each backend.

use std::fmt::Write as _;

use super::{RunReport, Skipped};
use crate::run::Verdict;
use crate::scenario::BackendName;

/// Renders the table and a line that sums it up. `scenarios` are the names in the order of the rows.
///
/// Where a scenario was skipped, its row says why.
pub fn table(
    scenarios: &[String],
    backends: &[BackendName],
    reports: &[RunReport],
    skipped: &[Skipped],
) -> String {
    let width = scenarios.iter().map(String::len).max().unwrap_or(0).max("scenario".len());
    let mut text = format!("{:<width$}", "scenario");
    for backend in backends {
        let _ = write!(text, "  {:<18}", backend.to_string());
    }
    let _ = writeln!(text, "  {:>11}  {:>8}", "simulated", "real");
    for scenario in scenarios {
        let _ = write!(text, "{scenario:<width$}");
        let of_scenario = || reports.iter().filter(|report| report.scenario == *scenario);
        for backend in backends {
            let runs: Vec<_> = of_scenario().filter(|report| report.on == *backend).collect();
            let skip = skipped.iter().find(|skip| skip.scenario == *scenario && skip.on == *backend);
            let cell = match skip {
                Some(skip) => format!("skipped: {}", skip.skipped.join(", ")),
                None => cell(&runs),
            };
            let _ = write!(text, "  {cell:<18}");
        }
        if of_scenario().next().is_none() {
            text.truncate(text.trim_end().len());
            text.push('\n');
            continue;
        }
        let simulated: f64 = of_scenario().map(|report| report.simulated_s).sum();
        let real: f64 = of_scenario().map(|report| report.real_s).sum();
        let _ = writeln!(text, "  {simulated:>9.1} s  {real:>6.1} s");
    }
    let _ = writeln!(text, "\n{}", summary(scenarios.len() - skipped.len(), reports));
    if !skipped.is_empty() {
        let count = skipped.len();
        let _ = writeln!(
            text,
            "{count} {} skipped; --skip-unsupported leaves out what cannot be made",
            plural(count, "scenario")
        );
    }
    if backends.contains(&BackendName::Real) {
        text.push_str("real: links are loopback's, with its latency and not the scenario's\n");
    }
    text
}

fn cell(runs: &[&RunReport]) -> String {
    let Some(worst) = runs.iter().map(|run| run.verdict).max() else { return "-".to_owned() };
    let bad = runs.iter().filter(|run| run.verdict != Verdict::Passed).count();
    match (worst, runs.len()) {
        (_, 1) => worst.to_string(),
        (Verdict::Passed, all) => format!("passed {all}"),
        (worst, all) => format!("{worst} {bad} of {all}"),
    }
}

fn summary(scenarios: usize, reports: &[RunReport]) -> String {
    let runs = reports.len();
    let bad = reports.iter().filter(|report| report.verdict != Verdict::Passed).count();
    // A run on the real network cannot be repeated.
    let times = if reports.iter().any(|report| report.on == BackendName::Real) { "once" } else { "twice" };
    let what = format!(
        "{scenarios} {}, {runs} {}, each {times}",
        plural(scenarios, "scenario"),
        plural(runs, "run")
    );
    if bad == 0 { format!("{what}: all passed") } else { format!("{what}: {bad} did not pass") }
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(scenario: &str, seed: u64, on: BackendName, verdict: Verdict) -> RunReport {
        RunReport {
            scenario: scenario.to_owned(),
            seed,
            on,
            verdict,
            reasons: Vec::new(),
            audit: String::new(),
            events: 0,
            simulated_s: 10.0,
            real_s: 0.25,
            replay: None,
        }
    }

    #[test]
    fn the_table_counts_what_did_not_pass() {
        use BackendName::{Turmoil, Warp};
        let reports = [
            report("a", 1, Turmoil, Verdict::Passed),
            report("a", 1, Warp, Verdict::Passed),
            report("a", 2, Warp, Verdict::Failed),
            report("longer", 1, Turmoil, Verdict::Passed),
            report("longer", 2, Turmoil, Verdict::Passed),
        ];
        let text = table(&["a".to_owned(), "longer".to_owned()], &[Turmoil, Warp], &reports, &[]);
        assert_eq!(
            text,
            concat!(
                "scenario  turmoil             warp                  simulated      real\n",
                "a         passed              FAILED 1 of 2            30.0 s     0.8 s\n",
                "longer    passed 2            -                        20.0 s     0.5 s\n",
                "\n2 scenarios, 5 runs, each twice: 1 did not pass\n",
            )
        );
    }
}
