//! The report page of a call of `run`, and the pages of traces beside it.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use seaworthy_trial::report::{Page, Run, RunReport};
use seaworthy_trial::run::{Outcome, Verdict, capture};
use seaworthy_trial::scenario::Plan;

use crate::problem::Problem;
use crate::trace::{page, write};

/// Collects runs, in the order of their jobs.
pub(crate) struct Report {
    file: PathBuf,
    runs: Vec<Option<Run>>,
    /// Whether runs that passed get a page, too.
    all: bool,
    wall: Duration,
}

impl Report {
    /// A report of `jobs` runs at `place`: a file that ends with `.html`, or a folder.
    pub(crate) fn new(place: &Path, jobs: usize, all: bool, wall: Duration) -> Result<Self, Problem> {
        let is_file = place.extension().is_some_and(|extension| extension == "html");
        let file = if is_file { place.to_owned() } else { place.join("index.html") };
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        if !folder.as_os_str().is_empty() {
            std::fs::create_dir_all(&folder).map_err(|source| Problem::Write { file: folder, source })?;
        }
        Ok(Self { file, runs: vec![None; jobs], all, wall })
    }

    /// Adds the run of a job, and writes the page of its trace if it is worth one.
    pub(crate) fn add(
        &mut self,
        job: usize,
        report: &RunReport,
        evidence: Option<&(Plan, Outcome)>,
    ) -> Result<(), Problem> {
        let run = match evidence {
            None => Run::without_outcome(report.clone()),
            Some((plan, outcome)) => {
                let mut run = Run::new(report.clone(), plan, outcome);
                if self.all || report.verdict != Verdict::Passed {
                    let name = format!("{}-{}-{}.html", report.scenario, report.on, report.seed);
                    write(&self.file.with_file_name(&name), &self.trace_page(report, plan, outcome))?;
                    run.page = Some(name);
                }
                run
            }
        };
        if let Some(place) = self.runs.get_mut(job) {
            *place = Some(run);
        }
        Ok(())
    }

    /// The page of a run's trace. Where the run can be repeated, it is, for its packets.
    fn trace_page(&self, report: &RunReport, plan: &Plan, outcome: &Outcome) -> String {
        let packets = matches!(report.verdict, Verdict::Passed | Verdict::Failed)
            .then(|| report.on.simulated())
            .flatten()
            .map(|backend| capture(&Rc::new(plan.clone()), backend, self.wall))
            .filter(|(again, _)| again.audit == outcome.audit)
            .map(|(_, packets)| packets);
        page(plan, report.on, outcome, packets.as_deref())
    }

    /// Writes the report, and gives its file.
    pub(crate) fn write(self, program: &str) -> Result<PathBuf, Problem> {
        let runs: Vec<Run> = self.runs.into_iter().flatten().collect();
        write(&self.file, &Page { runs: &runs, program }.to_html())?;
        Ok(self.file)
    }
}
