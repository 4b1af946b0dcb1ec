//! One run of a scenario on the real network: the same workloads and checks, this machine's kernel, real time.

use std::error::Error;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use seaworthy_core::Instant;

use super::clocks::set_clocks;
use super::outcome::Outcome;
use crate::check::{self, Case};
use crate::coverage_point;
use crate::coverage_tap::CoverageTap;
use crate::real::{Host, RealNetwork, World};
use crate::scenario::{BackendName, Must, MustEvent, Plan, Role};
use crate::workload::{self, RunState};
use seaworthy_engine::{ClockSkew, CrashKind, Failure, ReadRate, ShortIo};
use seaworthy_sim::script::conditions::{Conditions, HostFaults};
use seaworthy_sim::script::draw::Draw;
use seaworthy_sim::script::{FaultPlan, timeline};
use seaworthy_sim::trace::{EventKind, Observer, Phase, Recorder, Sockets};

/// Time that healed workloads may take to send all they should.
const FINISH_MAX: Duration = Duration::from_secs(60);

/// Time in which what was sent must arrive once nothing new is sent.
const DRAIN_MAX: Duration = Duration::from_secs(30);

/// Time in which every socket must close.
const CLOSE_MAX: Duration = Duration::from_secs(60);

/// Time after closing in which everything that belonged to a socket must be gone: connections say farewell for a second.
const SETTLE_MAX: Duration = Duration::from_secs(3);

/// How often it is looked at whether a part of the run is over.
const LOOK: Duration = Duration::from_millis(10);

/// So many looks in a row without any message, and nothing is expected to arrive any more. They are counted, not timed:
/// a machine that stood still for a while has not been quiet.
const QUIET_LOOKS: u32 = 50;

/// Runs a plan once on the real network and judges it. The plan must ask for nothing that the real network cannot make:
/// see [`Scenario::unsupported`](crate::scenario::Scenario::unsupported).
///
/// The scripted part ends early when its faults are over and its workloads have done all they should. A run that takes
/// longer than `wall_limit` is given up as hung.
pub fn real(plan: &Rc<Plan>, wall_limit: Duration) -> Outcome {
    let recorder = Recorder::default();
    let coverage_tap = CoverageTap::default();
    let played = seaworthy_core::runtime()
        .map_err(|error| Failure::NoPlace(format!("no runtime: {error}")))
        .and_then(|runtime| runtime.block_on(run_host(plan, &recorder, &coverage_tap, wall_limit)));
    let (trace, audit) = recorder.finish();
    // Some checks allow for real time.
    let mut plan = (**plan).clone();
    plan.scenario.on = Some(BackendName::Real);
    plan.scenario.expect.must.retain(is_of_any_speed);
    let case = Case { plan: &plan, trace: &trace };
    // A run that ended early left everything half done; only what ended it counts.
    let violations = if played.is_ok() { check::all(&case) } else { check::panics(&case) };
    let coverage = coverage_tap.finish().into_iter().chain(coverage_point::in_trace(&trace)).collect();
    Outcome { on: BackendName::Real, trace, audit, violations, coverage, failure: played.err() }
}

/// A host's program while it runs.
type Running = Pin<Box<dyn Future<Output = Result<(), Box<dyn Error>>>>>;

async fn run_host(
    plan: &Rc<Plan>,
    recorder: &Recorder,
    coverage_tap: &CoverageTap,
    wall: Duration,
) -> Result<(), Failure> {
    let world = World::new(plan.scenario.seed).map_err(|error| Failure::NoPlace(error.to_string()))?;
    let run = RunState::new(Rc::clone(plan), recorder.clone());
    let clock = Rc::clone(&world);
    run.keep_time(move || clock.now());
    world.tap(Observer::new(plan.hosts.clone(), Rc::clone(plan) as Rc<dyn Sockets>, recorder.clone()));
    world.tap(coverage_tap.clone());
    run.enter(Phase::Scripted);
    for name in &plan.hosts {
        let (run, host) = (run.clone(), name.clone());
        let program = move |on: &Rc<Host>| -> Running {
            let network = RealNetwork::new(Rc::clone(on));
            Box::pin(workload::run_host(run.clone(), host.clone(), network))
        };
        world.host(name, Rc::new(program));
    }
    let run = Run { world: &world, plan, run: &run, recorder, wall };
    let played = run.play().await;
    world.end();
    played
}

/// A run that is going on.
struct Run<'a> {
    world: &'a Rc<World>,
    plan: &'a Plan,
    run: &'a RunState,
    recorder: &'a Recorder,
    wall: Duration,
}

impl Run<'_> {
    /// The course of a run: faults as scripted, then healing and progress, then silence, then closing.
    async fn play(&self) -> Result<(), Failure> {
        let (world, plan, run) = (self.world, self.plan, self.run);
        let hosts = Hosts(world.hosts());
        let mut conditions = Conditions::none();
        set_clocks(&hosts, plan);
        let faults = FaultPlan::from(plan);
        let timeline = timeline::timeline(&faults);
        for step in &timeline {
            self.wait_until(step.at, || false).await?;
            step.record_at(world.now(), &faults, self.recorder);
            conditions = conditions.change_without_links(Conditions::of(&faults, &step.active), &hosts, run);
        }
        let (all_told, mut quiet) = (all_told(plan), Quiet::new(run));
        self.wait_until(timeline::instant(plan.scenario.duration.0), || {
            let is_over = run.is_finished() && world.now() >= all_told;
            let is_quiet = quiet.look();
            is_over && (is_quiet || run.is_drained())
        })
        .await?;

        for fault in timeline.last().iter().flat_map(|step| &step.active) {
            timeline::Step::healing(world.now(), *fault).record(&faults, self.recorder);
        }
        conditions.change_without_links(Conditions::none(), &hosts, run);
        run.enter(Phase::Healed);
        self.wait(FINISH_MAX, || run.has_progressed()).await?;

        run.enter(Phase::Draining);
        let mut quiet = Quiet::new(run);
        self.wait(DRAIN_MAX, || quiet.look() || run.is_drained()).await?;

        run.enter(Phase::Closing);
        self.wait(CLOSE_MAX, || world.all_finished()).await?;
        let is_clear = |host: &Rc<Host>| host.remains() == (Vec::new(), 0);
        self.wait(SETTLE_MAX, || hosts.0.iter().all(is_clear)).await?;
        for (name, host) in plan.hosts.iter().zip(&hosts.0) {
            let (tasks, streams) = host.remains();
            if !tasks.is_empty() || streams > 0 {
                let tasks = tasks.into_iter().map(str::to_owned).collect();
                self.recorder.push(world.now(), Some(name), None, EventKind::Remains { tasks, streams });
            }
        }
        Ok(())
    }

    async fn wait(&self, most: Duration, over: impl FnMut() -> bool) -> Result<bool, Failure> {
        self.wait_until(self.world.now() + most, over).await
    }

    /// Waits until `over` holds, but not beyond `deadline`. Gives back whether it holds.
    async fn wait_until(&self, deadline: Instant, mut over: impl FnMut() -> bool) -> Result<bool, Failure> {
        loop {
            if let Some(failure) = self.world.failure() {
                return Err(failure);
            }
            let now = self.world.now();
            if now.since_epoch() > self.wall {
                return Err(Failure::Slow { wall: self.wall, at: now });
            }
            if over() {
                return Ok(true);
            }
            if now >= deadline {
                return Ok(false);
            }
            self.world.sleep_until(deadline.min(now + LOOK)).await;
        }
    }
}

/// Counts looks during which nothing was sent or received.
struct Quiet<'a> {
    run: &'a RunState,
    activity: Instant,
    looks: u32,
}

impl<'a> Quiet<'a> {
    fn new(run: &'a RunState) -> Self {
        Self { run, activity: run.last_activity(), looks: 0 }
    }

    /// Looks, and says whether it has been quiet for long enough.
    fn look(&mut self) -> bool {
        let activity = self.run.last_activity();
        self.looks = if activity == self.activity { self.looks + 1 } else { 0 };
        self.activity = activity;
        self.looks >= QUIET_LOOKS
    }
}

/// Whether an expectation does not hang on how fast a machine is and how much its kernel keeps.
fn is_of_any_speed(must: &Must) -> bool {
    let hangs = matches!(must.event, MustEvent::Blocked | MustEvent::Timeout | MustEvent::Lost);
    must.after.is_none() && must.before.is_none() && !hangs
}

/// When nothing is left that the scenario wants to happen, or not to happen, at a time.
fn all_told(plan: &Plan) -> Instant {
    if !plan.scenario.hostile.is_empty() {
        // They play their scripts for as long as the scripted part lasts.
        return timeline::instant(plan.scenario.duration.0);
    }
    let musts = plan.scenario.expect.must.iter().flat_map(|must| [must.after, must.before]);
    let changes = plan
        .scenario
        .workload
        .iter()
        .filter(|workload| matches!(workload.role, Role::Subscribe | Role::Unsubscribe | Role::Proxy));
    let starts = changes.map(|workload| workload.start.map(Draw::value));
    let last = musts.chain(starts).flatten().map(|span| span.0).max();
    timeline::instant(last.unwrap_or_default())
}

/// The hosts of a run, by their numbers.
struct Hosts(Vec<Rc<Host>>);

impl Hosts {
    fn on(&self, host: usize, act: impl FnOnce(&Rc<Host>)) {
        if let Some(host) = self.0.get(host) {
            act(host);
        }
    }
}

impl HostFaults for Hosts {
    fn pause(&self, host: usize) {
        self.on(host, |host| host.pause());
    }

    fn resume(&self, host: usize) {
        self.on(host, |host| host.resume());
    }

    /// The kernel is that of the machine: only a process can be killed.
    fn crash(&self, host: usize, _kind: CrashKind) {
        self.on(host, |host| host.crash());
    }

    fn restart(&self, host: usize) {
        self.on(host, Host::restart);
    }

    fn set_read_rate(&self, host: usize, rate: ReadRate) {
        self.on(host, |host| host.set_read_rate(rate));
    }

    fn set_clock(&self, host: usize, skew: ClockSkew) {
        self.on(host, |host| host.set_clock(skew));
    }

    fn set_short_io(&self, host: usize, short: ShortIo) {
        self.on(host, |host| host.set_short_io(short));
    }

    fn set_yield_chance(&self, host: usize, chance: f64) {
        self.on(host, |host| host.set_yield_chance(chance));
    }
}
