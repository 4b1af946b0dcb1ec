//! One run of a scenario in a simulation.

use std::rc::Rc;
use std::time::Duration;

use super::clocks::set_clocks;
use super::outcome::Outcome;
use crate::check::{self, Case};
use crate::coverage_point;
use crate::coverage_tap::CoverageTap;
use crate::scenario::{BackendName, Plan};
use crate::workload::{self, RunState};
use seaworthy_engine::{Backend, Failure, LinkConfig};
use seaworthy_sim::Sim;
use seaworthy_sim::script::conditions::{self, Conditions};
use seaworthy_sim::script::{FaultPlan, timeline};
use seaworthy_sim::trace::{Capture, EventKind, Observer, Packet, Phase, Recorder, Sockets};

/// Simulated time that healed workloads may take to send all they should.
const FINISH_MAX: Duration = Duration::from_secs(120);

/// Simulated time in which what was sent must arrive once nothing new is sent.
const DRAIN_MAX: Duration = Duration::from_secs(60);

/// Simulated time without any message after which nothing is expected to arrive any more: longer than TCP waits
/// between two retransmissions unless the link is a wall.
const QUIET: Duration = Duration::from_secs(15);

/// Simulated time in which every socket must close.
const CLOSE_MAX: Duration = Duration::from_secs(60);

/// Simulated time after closing in which everything that belonged to a socket must be gone: connections say farewell for
/// a second.
const SETTLE: Duration = Duration::from_secs(2);

/// Runs a plan once and judges it.
///
/// `wall_limit` is real time: a run that takes longer is given up as hung.
pub fn run(plan: &Rc<Plan>, backend: Backend, wall_limit: Duration) -> Outcome {
    tapped(plan, backend, wall_limit, None)
}

/// Runs a plan once and judges it, and collects its packets.
pub fn capture(plan: &Rc<Plan>, backend: Backend, wall_limit: Duration) -> (Outcome, Vec<Packet>) {
    let capture = Capture::default();
    let outcome = tapped(plan, backend, wall_limit, Some(capture.clone()));
    (outcome, capture.finish())
}

fn tapped(plan: &Rc<Plan>, backend: Backend, wall_limit: Duration, capture: Option<Capture>) -> Outcome {
    let recorder = Recorder::default();
    let run = RunState::new(Rc::clone(plan), recorder.clone());
    let sim = Sim::builder(plan.scenario.seed)
        .backend(backend)
        .link(conditions::link_config(&plan.scenario.network, LinkConfig::default()))
        .wall_limit(wall_limit)
        .record(false)
        .build();
    let control = sim.control();
    run.keep_time(move || control.now());
    sim.tap(Observer::new(plan.hosts.clone(), Rc::clone(plan) as Rc<dyn Sockets>, recorder.clone()));
    let coverage_tap = CoverageTap::default();
    sim.tap(coverage_tap.clone());
    if let Some(capture) = capture {
        sim.tap(capture);
    }
    run.enter(Phase::Scripted);
    for host in &plan.hosts {
        let (run, name) = (run.clone(), host.clone());
        sim.host(host, move |network| workload::run_host(run.clone(), name.clone(), network));
    }
    let played = play(&sim, plan, &run, &recorder);
    let (trace, audit) = recorder.finish();
    let case = Case { plan, trace: &trace };
    // A run that ended early left everything half done; only what ended it counts.
    let violations = if played.is_ok() { check::all(&case) } else { check::panics(&case) };
    let coverage = coverage_tap.finish().into_iter().chain(coverage_point::in_trace(&trace)).collect();
    Outcome { on: BackendName::of(backend), trace, audit, violations, coverage, failure: played.err() }
}

/// The course of a run: faults as scripted, then healing and progress, then silence, then closing.
fn play(sim: &Sim, plan: &Plan, run: &RunState, recorder: &Recorder) -> Result<(), Failure> {
    let control = sim.control();
    let mut conditions = Conditions::none();
    let faults = FaultPlan::from(plan);
    conditions::set_links(&control, &faults);
    set_clocks(&control, plan);

    let timeline = timeline::timeline(&faults);
    for step in &timeline {
        sim.run_until(step.at)?;
        step.record(&faults, recorder);
        conditions =
            conditions.change_to(Conditions::of(&faults, &step.active), &control, &faults, Some(run));
    }
    sim.run_until(timeline::instant(plan.scenario.duration.0))?;

    for fault in timeline.last().iter().flat_map(|step| &step.active) {
        timeline::Step::healing(sim.now(), *fault).record(&faults, recorder);
    }
    conditions.change_to(Conditions::none(), &control, &faults, Some(run));
    run.enter(Phase::Healed);
    if !sim.run_until_condition(sim.now() + FINISH_MAX, || run.has_progressed())?
        && sim.next_event().is_none()
    {
        recorder.push(sim.now(), None, None, EventKind::Deadlock { waiting: run.waiting() });
    }

    run.enter(Phase::Draining);
    let deadline = sim.now() + DRAIN_MAX;
    while !run.is_drained() && sim.now() < deadline.min(run.last_activity() + QUIET) {
        let look_again = deadline.min(run.last_activity() + QUIET);
        sim.run_until_condition(look_again, || run.is_drained())?;
    }

    run.enter(Phase::Closing);
    sim.run_until_finished(sim.now() + CLOSE_MAX)?;
    sim.run(SETTLE)?;
    for (name, host) in plan.hosts.iter().zip(control.hosts()) {
        let tasks: Vec<_> = control.tasks(host).into_iter().map(str::to_owned).collect();
        let streams = control.connections(host).iter().filter(|held| !held.orphan).count() as u64;
        if !tasks.is_empty() || streams > 0 {
            recorder.push(sim.now(), Some(name), None, EventKind::Remains { tasks, streams });
        }
    }
    Ok(())
}
