//! Makes failing scenarios small.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use seaworthy_trial::report::replay_file;
use seaworthy_trial::scenario::{BackendName, Plan, Scenario};
use seaworthy_trial::shrink::{self, CannotShrink, Shrunk};

use crate::arguments::ShrinkOptions;
use crate::invocation::program;
use crate::jobs::patience;
use crate::output::show;
use crate::pool::{self, Back, Watch};
use crate::problem::Problem;

/// A failure to make small: where it is, and on what it fails.
#[derive(Clone)]
pub(crate) struct Failing {
    pub(crate) file: PathBuf,
    pub(crate) on: Option<BackendName>,
}

/// What became of a failure.
pub(crate) enum Smaller {
    Shrunk(Box<Shrunk>, BackendName),
    Cannot(CannotShrink),
    /// A smaller scenario, or the testbed with it, never came back.
    Lost,
}

pub(crate) fn shrink(options: &ShrinkOptions) -> Result<u8, Problem> {
    let file = &options.file;
    Scenario::load(file).map_err(|bad| Problem::Scenarios(vec![bad]))?;
    let out = options.out.clone().unwrap_or_else(|| beside(file));
    let failing = Failing { file: file.clone(), on: options.on.map(|on| on.name()) };
    let wall = Duration::from_secs(options.wall);
    let mut code = 0;
    let lost = all(vec![failing], 1, options.budget, wall, |failing, smaller| {
        let text = match smaller {
            Smaller::Shrunk(shrunk, on) => {
                leave(&out, &shrunk, on)?;
                told(&shrunk, &out)
            }
            Smaller::Cannot(why) => {
                return Err(Problem::Usage(format!("{} cannot be shrunk: {why}", failing.file.display())));
            }
            Smaller::Lost => {
                code = 5;
                format!("HUNG: a scenario smaller than {} never came back\n", failing.file.display())
            }
        };
        show(&text)
    })?;
    if lost > 0 {
        std::process::exit(i32::from(code));
    }
    Ok(code)
}

/// Shrinks every failure with `threads` threads, each for at most `budget` of real time, and hands what became of it
/// to `each`. Gives how many never came back.
pub(crate) fn all(
    failing: Vec<Failing>,
    threads: usize,
    budget: Duration,
    wall: Duration,
    mut each: impl FnMut(&Failing, Smaller) -> Result<(), Problem>,
) -> Result<usize, Problem> {
    let make = move |failing: &Failing| -> Result<Smaller, Problem> {
        let scenario = Scenario::load(&failing.file).map_err(|bad| Problem::Scenarios(vec![bad]))?;
        let on = failing.on.or(scenario.on).unwrap_or(BackendName::Warp);
        let backend = on.simulated().ok_or_else(|| {
            let file = failing.file.display();
            Problem::Usage(format!("{file}: a run on the real network cannot be repeated; give --on warp"))
        })?;
        let watch = Watch::start();
        Ok(match shrink::shrink(&scenario, backend, wall, || watch.elapsed() < budget) {
            Ok(shrunk) => Smaller::Shrunk(Box::new(shrunk), on),
            Err(why) => Smaller::Cannot(why),
        })
    };
    pool::work(failing.into_iter(), threads, budget + patience(wall) * 2, make, |failing, back| {
        let smaller = match back {
            Back::Done(smaller) => smaller?,
            Back::Never | Back::Panicked => Smaller::Lost,
        };
        each(&failing, smaller).map(ControlFlow::Continue)
    })
}

/// Where the smallest form of a failure goes unless somebody says otherwise.
pub(crate) fn beside(file: &Path) -> PathBuf {
    file.with_extension("min.toml")
}

/// Writes a shrunk scenario.
pub(crate) fn leave(file: &Path, shrunk: &Shrunk, on: BackendName) -> Result<(), Problem> {
    let plan = Plan::new(&shrunk.scenario, shrunk.scenario.seed);
    let failed = |source| Problem::Write { file: file.to_owned(), source };
    std::fs::write(file, replay_file(&plan, on, &shrunk.reasons)).map_err(failed)
}

/// What was shrunk, and how to see it.
fn told(shrunk: &Shrunk, file: &Path) -> String {
    let scenario = &shrunk.scenario;
    let sizes = [
        (scenario.host.len(), "hosts"),
        (scenario.socket.len(), "sockets"),
        (scenario.workload.len(), "workloads"),
        (scenario.fault.len(), "faults"),
    ];
    let sizes: Vec<_> = sizes.into_iter().map(|(count, what)| format!("{count} {what}")).collect();
    let reasons: String = shrunk.reasons.iter().map(|reason| format!("  {reason}\n")).collect();
    format!(
        "{} still fails the check {} with {}; {} scenarios tried{}\n{reasons}  replay: {} replay {}\n",
        scenario.name,
        shrunk.check,
        sizes.join(", "),
        shrunk.tried,
        if shrunk.finished { "" } else { ", and the time was over" },
        program(),
        file.display()
    )
}
