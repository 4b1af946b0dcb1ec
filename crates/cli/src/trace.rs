//! Shows a run: a trace that was written down, or a scenario that is run for it.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use seaworthy_sim::trace::page::Page;
use seaworthy_sim::trace::{Line, Packet, Trace, columns, pcap, semantic};
use seaworthy_trial::run::{self, Outcome};
use seaworthy_trial::scenario::{BackendName, Plan, Scenario};

use crate::arguments::{OneOfAll, TraceOptions};
use crate::list::check_real;
use crate::output::show;
use crate::problem::Problem;

pub(crate) fn trace(options: &TraceOptions) -> Result<u8, Problem> {
    if options.file.extension().is_some_and(|extension| extension == "toml") {
        of_scenario(options)?;
    } else {
        of_trace(options)?;
    }
    Ok(0)
}

/// Reads a text file.
pub(crate) fn read(file: &Path) -> Result<String, Problem> {
    std::fs::read_to_string(file).map_err(|source| Problem::Read { file: file.to_owned(), source })
}

/// Writes a text file.
pub(crate) fn write(file: &Path, text: &str) -> Result<(), Problem> {
    std::fs::write(file, text).map_err(|source| Problem::Write { file: file.to_owned(), source })
}

/// The page of a run that was made, with its packets if there are any.
pub(crate) fn page(plan: &Plan, on: BackendName, outcome: &Outcome, packets: Option<&[Packet]>) -> String {
    let facts = [
        ("seed", plan.scenario.seed.to_string()),
        ("on", on.to_string()),
        ("description", plan.scenario.description.clone()),
    ];
    let page = Page {
        title: &plan.scenario.name,
        facts: &facts,
        verdict: Some(&outcome.verdict().to_string()),
        findings: &outcome.violations,
        hosts: &plan.hosts,
        lines: &Line::of_trace(&outcome.trace),
        packets,
    };
    page.to_html()
}

/// Runs a scenario and shows what happened.
fn of_scenario(options: &TraceOptions) -> Result<(), Problem> {
    let scenario = Scenario::load(&options.file).map_err(|bad| Problem::Scenarios(vec![bad]))?;
    let on = options.on.map(OneOfAll::name).or(scenario.on).unwrap_or(BackendName::Warp);
    let plan = Rc::new(Plan::new(&scenario, options.seed.unwrap_or(scenario.seed)));
    let wall = Duration::from_secs(options.wall);
    let (outcome, packets) = match on.simulated() {
        Some(backend) => {
            let (outcome, packets) = run::capture(&plan, backend, wall);
            (outcome, Some(packets))
        }
        None => {
            check_real(&options.file, &scenario)?;
            if options.pcap.is_some() {
                return Err(Problem::Usage(
                    "on the real network packets pass inside the kernel: --pcap needs --on warp or turmoil"
                        .to_owned(),
                ));
            }
            (run::real(&plan, wall), None)
        }
    };
    if let Some(file) = &options.html {
        write(file, &page(&plan, on, &outcome, packets.as_deref()))?;
    }
    if let (Some(file), Some(packets)) = (&options.pcap, &packets) {
        File::create(file)
            .and_then(|file| pcap::write(BufWriter::new(file), &plan.hosts, packets))
            .map_err(|source| Problem::Write { file: file.clone(), source })?;
    }
    print_unless_written(options, || Ok(outcome.trace))
}

/// Shows a trace that was written down.
fn of_trace(options: &TraceOptions) -> Result<(), Problem> {
    let file = &options.file;
    if options.pcap.is_some() {
        return Err(Problem::Usage(format!(
            "{} holds no packets: give a scenario, such as the .toml that lies beside it",
            file.display()
        )));
    }
    if options.seed.is_some() || options.on.is_some() {
        return Err(Problem::Usage(format!(
            "{} is a run that was made: --seed and --on are for scenarios (.toml)",
            file.display()
        )));
    }
    let text = read(file)?;
    let bad = |source| Problem::Trace { file: file.clone(), source };
    if let Some(html) = &options.html {
        // A page shows events that columns do not know.
        let lines = Line::read_all(&text).map_err(bad)?;
        let title = file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy();
        let page = Page {
            title: &title,
            facts: &[],
            verdict: None,
            findings: &[],
            hosts: &[],
            lines: &lines,
            packets: None,
        };
        write(html, &page.to_html())?;
    }
    print_unless_written(options, || Trace::from_jsonl(&text).map_err(bad))
}

/// Prints the trace as text, unless it was asked for in another form.
fn print_unless_written(
    options: &TraceOptions,
    trace: impl FnOnce() -> Result<Trace, Problem>,
) -> Result<(), Problem> {
    if options.pcap.is_some() || options.html.is_some() {
        return Ok(());
    }
    let trace = trace()?;
    show(&if options.lanes { semantic::render(&trace) } else { columns::render(&trace, options.wire) })
}
