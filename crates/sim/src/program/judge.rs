//! What must hold in a run of a program: its own checks, and those of the testbed that say something about any program.

use std::time::Duration;

use seaworthy_engine::{Failure, Violation};

use super::invariants::Check;
use super::sim::Sim;
use crate::invariant;
use crate::trace::{Event, EventKind, Name, Trace};

/// Simulated time after the end of a program in which everything that belonged to its sockets must be gone: connections
/// say farewell for a second.
const SETTLE: Duration = Duration::from_secs(2);

impl Sim {
    /// Looks at every event of the trace as it happens, from now on. The first that `check` refuses ends the run, as
    /// the violation of the promise called `name`.
    ///
    /// What happens: everything that [`trace::EventKind`](crate::trace::EventKind) lists below sockets (hosts, faults, streams,
    /// frames), and the programs' own events (see [`Note`](crate::trace::Note)). `check` must not call into the simulation.
    pub fn watch<E: ToString>(
        &self,
        name: &'static str,
        mut check: impl FnMut(&Event) -> Result<(), E> + 'static,
    ) {
        let Some(log) = &self.log else { return };
        let fail = self.simulation.failing();
        log.recorder.watch(move |event| {
            if let Err(problem) = check(event) {
                let found = Violation { check: name, ..event.violation(problem.to_string()) };
                fail(Failure::Violations(vec![found]));
            }
        });
    }

    /// Looks at the whole trace when the run is [judged](Self::judge). What `check` finds is a violation of the promise
    /// called `name`.
    pub fn check<E: ToString>(
        &self,
        name: &'static str,
        check: impl FnOnce(&Trace) -> Result<(), E> + 'static,
    ) {
        let check: Check = Box::new(|trace| check(trace).map_err(|problem| problem.to_string()));
        self.promises.0.borrow_mut().push((name, check));
    }

    /// Judges the run so far, once it is over: by what ended it early, by the checks of the testbed that hold for any
    /// program, and by those that were [added](Self::check), each of which is asked once.
    ///
    /// The testbed's: no task panicked, no program failed, no stream delivered other bytes than were written, and nothing
    /// followed a write that was dropped. [`run_to_end`](Self::run_to_end) adds progress, and
    /// [`nothing_remains`](Self::nothing_remains) resources; [`explore`](Self::explore) adds determinism.
    ///
    /// # Errors
    /// What was found.
    pub fn judge(&self) -> Result<(), Failure> {
        if let Some(failure) = self.simulation.failure() {
            return Err(failure);
        }
        let trace = self.trace();
        let mut violations = invariant::all(&trace);
        for (name, check) in std::mem::take(&mut *self.promises.0.borrow_mut()) {
            if let Err(problem) = check(&trace) {
                violations.push(Violation { check: name, at: None, place: None, problem });
            }
        }
        if violations.is_empty() { Ok(()) } else { Err(Failure::Violations(violations)) }
    }

    /// Lets time pass until every [client](Self::client) has finished, or every host where there is no client, and all that
    /// was scripted has happened, its [storm](Self::storm) included; but not longer than `limit`.
    ///
    /// # Errors
    /// [`Failure::Unfinished`] names who has not. Else as [`run_until`](Self::run_until).
    pub fn run_to_end(&self, limit: Duration) -> Result<(), Failure> {
        let (control, clients) = (self.control(), self.clients.borrow().clone());
        let awaited = if clients.is_empty() { control.hosts() } else { clients };
        let deadline = self.now() + limit;
        let all = || awaited.iter().all(|host| control.is_finished(*host));
        if self.run_until_condition(deadline, || all() && self.schedule.next().is_none())? || all() {
            return Ok(());
        }
        let waiting = awaited.iter().filter(|host| !control.is_finished(**host)).map(|host| {
            let name = control.name(*host);
            if control.is_up(*host) { name } else { format!("{name} (down)") }
        });
        let for_ever = self.next_event().is_none();
        Err(Failure::Unfinished { waiting: waiting.collect(), limit, for_ever })
    }

    /// Lets two seconds pass, in which connections end, and demands that hosts whose program has finished have no task
    /// and no stream any more.
    ///
    /// # Errors
    /// The check `resources` names what remains. Else as [`run_until`](Self::run_until).
    pub fn nothing_remains(&self) -> Result<(), Failure> {
        self.run(SETTLE)?;
        let control = self.control();
        let mut violations = Vec::new();
        for host in control.hosts().into_iter().filter(|host| control.is_finished(*host)) {
            let tasks: Vec<String> = control.tasks(host).into_iter().map(str::to_owned).collect();
            let streams = control.connections(host).iter().filter(|held| !held.orphan).count() as u64;
            if tasks.is_empty() && streams == 0 {
                continue;
            }
            let name: Name = control.name(host).into();
            let problem = format!("its program is over, and tasks {tasks:?} and {streams} streams remain");
            violations.push(Violation {
                check: "resources",
                at: Some(self.now().since_epoch()),
                ..Violation::of(&name, problem)
            });
            if let Some(log) = &self.log {
                log.recorder.push(self.now(), Some(&name), None, EventKind::Remains { tasks, streams });
            }
        }
        if violations.is_empty() { Ok(()) } else { Err(Failure::Violations(violations)) }
    }
}
