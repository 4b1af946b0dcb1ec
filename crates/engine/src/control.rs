//! The handle that breaks things and mends them.

use std::fmt;
use std::rc::Rc;

use seaworthy_core::Instant;

use crate::event::{ConnectionView, Event, Tap};
use crate::fault::CancelOutcome;
use crate::fault::{CancelWeights, ClockSkew, CrashKind, Fault, ReadRate, Readers, ShortIo};
use crate::id::HostId;
use crate::link::{LinkConfig, Passage};
use crate::note::Note;
use crate::rule::{PacketView, RuleGuard, Verdict};
use crate::world::World;

/// Changes links and hosts while a simulation runs: between two runs, or from a task of any host.
///
/// Everything takes effect at once, at the current virtual time. Directions are named by `(from, to)`: what
/// `from` sends to `to`. Links of a host with itself cannot fail. Hosts are named by their names or their [`HostId`]s; a
/// name that no host has is a panic.
#[derive(Clone)]
pub struct Control {
    world: Rc<World>,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}

impl Control {
    pub(crate) fn new(world: Rc<World>) -> Self {
        Self { world }
    }

    /// The simulation's true time.
    pub fn now(&self) -> Instant {
        self.world.environment.now()
    }

    /// Sends every event from now on to `tap`, too.
    pub fn tap(&self, tap: impl Tap + 'static) {
        self.world.environment.recorder.add(Box::new(tap));
    }

    /// Writes an event of one's own into the trace, at a host or for the whole run.
    pub fn note(&self, host: Option<HostId>, note: Note) {
        self.world.environment.note(host, note);
    }

    /// The host with this name.
    pub fn host(&self, name: &str) -> Option<HostId> {
        self.world.hosts.named(name).map(|host| host.id)
    }

    /// The name of a host.
    pub fn name(&self, host: impl ToHost) -> String {
        let host = host.to_host(self);
        self.world.hosts.get(host).map(|host| host.name.clone()).unwrap_or_default()
    }

    /// All hosts, in the order in which they were added.
    pub fn hosts(&self) -> Vec<HostId> {
        self.world.hosts.ids()
    }

    /// The address of a host.
    pub fn address(&self, host: impl ToHost) -> Option<std::net::Ipv4Addr> {
        let host = host.to_host(self);
        self.world.hosts.get(host).map(|host| host.address)
    }

    /// Configures one direction. What is under way already keeps its time of arrival.
    pub fn set_link(&self, from: impl ToHost, to: impl ToHost, config: LinkConfig) {
        let (from, to) = (from.to_host(self), to.to_host(self));
        self.world.environment.record(&Event::Fault(Fault::Link { from, to, config: config.clone() }));
        self.world.with_link(from, to, |link| link.config = config);
    }

    /// Configures both directions between two hosts.
    pub fn set_links(&self, a: impl ToHost, b: impl ToHost, config: LinkConfig) {
        let (a, b) = (a.to_host(self), b.to_host(self));
        self.set_link(a, b, config.clone());
        self.set_link(b, a, config);
    }

    /// The configuration of one direction.
    pub fn link(&self, from: impl ToHost, to: impl ToHost) -> LinkConfig {
        let (from, to) = (from.to_host(self), to.to_host(self));
        self.world.with_link(from, to, |link| link.config.clone())
    }

    /// What links are like that nobody configured.
    pub fn default_link(&self) -> LinkConfig {
        self.world.environment.settings.link.clone()
    }

    /// Cuts one direction: what is sent is lost, and so is what is under way.
    pub fn cut(&self, from: impl ToHost, to: impl ToHost) {
        let (from, to) = (from.to_host(self), to.to_host(self));
        self.world.set_passage(from, to, Passage::Cut);
    }

    /// Cuts both directions between two hosts.
    pub fn cut_both(&self, a: impl ToHost, b: impl ToHost) {
        let (a, b) = (a.to_host(self), b.to_host(self));
        self.cut(a, b);
        self.cut(b, a);
    }

    /// Cuts a host off from all others, in both directions.
    pub fn isolate(&self, host: impl ToHost) {
        let host = host.to_host(self);
        for other in self.hosts() {
            if other != host {
                self.cut_both(host, other);
            }
        }
    }

    /// Swallows what is sent in one direction, for ever unless it is healed. What is under way arrives.
    pub fn black_hole(&self, from: impl ToHost, to: impl ToHost) {
        let (from, to) = (from.to_host(self), to.to_host(self));
        self.world.set_passage(from, to, Passage::BlackHole);
    }

    /// Ends a cut or a black hole of one direction.
    pub fn heal(&self, from: impl ToHost, to: impl ToHost) {
        let (from, to) = (from.to_host(self), to.to_host(self));
        self.world.set_passage(from, to, Passage::Open);
    }

    /// Ends cuts and black holes of both directions between two hosts.
    pub fn heal_both(&self, a: impl ToHost, b: impl ToHost) {
        let (a, b) = (a.to_host(self), b.to_host(self));
        self.heal(a, b);
        self.heal(b, a);
    }

    /// Ends all cuts and black holes to and from a host.
    pub fn reunite(&self, host: impl ToHost) {
        let host = host.to_host(self);
        for other in self.hosts() {
            if other != host {
                self.heal_both(host, other);
            }
        }
    }

    /// Heals every link, releases what is held, resumes every host and lets everyone read freely. Leaves link
    /// configurations as they are, and crashed hosts down.
    pub fn heal_all(&self) {
        let hosts = self.hosts();
        for &from in &hosts {
            for &to in hosts.iter().filter(|to| **to != from) {
                self.heal(from, to);
                self.release(from, to);
            }
            self.resume(from);
        }
        self.world.environment.unthrottle();
    }

    /// Keeps back what arrives in one direction, until [`release`](Self::release).
    pub fn hold(&self, from: impl ToHost, to: impl ToHost) {
        let (from, to) = (from.to_host(self), to.to_host(self));
        self.world.hold(from, to);
    }

    /// Lets go of what was kept back, in order.
    pub fn release(&self, from: impl ToHost, to: impl ToHost) {
        let (from, to) = (from.to_host(self), to.to_host(self));
        self.world.release(from, to);
    }

    /// Asks `rule` about every packet that a link is about to deliver, until the guard is dropped. The first rule that does
    /// not say [`Verdict::Deliver`] decides, in the order in which they were added. Rules see no packet that a cut or the
    /// loss of its link takes, and none within a host; they move no draw of any link. What they decide is in the trace.
    ///
    /// A rule is a function of the packets and of what it keeps itself, so that a seed replays. It must not call into the
    /// simulation.
    pub fn rule(&self, rule: impl FnMut(&PacketView<'_>) -> Verdict + 'static) -> RuleGuard {
        self.world.wire.rules.add(Box::new(rule))
    }

    /// Crashes a host: its tasks are gone. A host that is down stays as it is, except that
    /// [`CrashKind::Power`] also silences the kernel that a process crash left running.
    ///
    /// A task that crashes its own host runs on until it next waits.
    pub fn crash(&self, host: impl ToHost, kind: CrashKind) {
        let host = host.to_host(self);
        if let Some(host) = self.world.hosts.get(host) {
            host.crash(kind);
        }
    }

    /// Runs a host's program again, on a fresh kernel if the power had failed. A running host is crashed first,
    /// as [`CrashKind::Process`].
    pub fn restart(&self, host: impl ToHost) {
        let host = host.to_host(self);
        if let Some(host) = self.world.hosts.get(host) {
            host.crash(CrashKind::Process);
            host.boot();
        }
    }

    /// True while a host has not crashed, even if its program has finished.
    pub fn is_up(&self, host: impl ToHost) -> bool {
        let host = host.to_host(self);
        self.world.hosts.get(host).is_some_and(|host| host.is_up())
    }

    /// True once a host's program has returned.
    pub fn is_finished(&self, host: impl ToHost) -> bool {
        let host = host.to_host(self);
        self.world.hosts.get(host).is_some_and(|host| host.is_finished())
    }

    /// Tasks of a host that have not ended, its program included.
    pub fn tasks(&self, host: impl ToHost) -> Vec<&'static str> {
        let host = host.to_host(self);
        self.world.hosts.get(host).map(|host| host.task_names()).unwrap_or_default()
    }

    /// The tcp connections of a host's kernel, also those whose stream is gone. Empty without power.
    pub fn connections(&self, host: impl ToHost) -> Vec<ConnectionView> {
        let host = host.to_host(self);
        self.world.hosts.get(host).map(|host| host.kernel().connections()).unwrap_or_default()
    }

    /// Stops a host's tasks where they are. Its kernel goes on: buffers fill.
    pub fn pause(&self, host: impl ToHost) {
        let host = host.to_host(self);
        if let Some(host) = self.world.hosts.get(host) {
            host.pause();
        }
    }

    /// Lets a paused host's tasks go on.
    pub fn resume(&self, host: impl ToHost) {
        let host = host.to_host(self);
        if let Some(host) = self.world.hosts.get(host) {
            host.resume();
        }
    }

    /// Slows readers down, below the application.
    pub fn set_read_rate(&self, readers: Readers, rate: ReadRate) {
        self.world.environment.set_read_rate(readers, rate);
    }

    /// Slows a host's readers down, below the application.
    pub fn set_host_read_rate(&self, host: impl ToHost, rate: ReadRate) {
        self.set_read_rate(Readers::Host(host.to_host(self)), rate);
    }

    /// Makes reads and writes of a host come short.
    pub fn set_short_io(&self, host: impl ToHost, short: ShortIo) {
        let host = host.to_host(self);
        if let Some(host) = self.world.hosts.get(host) {
            host.set_short_io(short);
        }
    }

    /// Probability that an operation of any host yields once before it is looked at, as an operation of
    /// io_uring does. With 1.0, every read and write can be dropped half-way.
    pub fn set_yield_chance(&self, chance: f64) {
        self.world.environment.set_yield_chance(chance);
    }

    /// The same for the operations of one host; the larger of both probabilities counts.
    pub fn set_host_yield_chance(&self, host: impl ToHost, chance: f64) {
        let host = host.to_host(self);
        if let Some(host) = self.world.hosts.get(host) {
            host.set_yield_chance(chance);
        }
    }

    /// Changes a host's clock.
    pub fn set_clock(&self, host: impl ToHost, skew: ClockSkew) {
        let host = host.to_host(self);
        if let Some(host) = self.world.hosts.get(host) {
            host.set_clock(skew);
        }
    }

    /// What becomes of operations whose future is dropped from now on, by weights.
    pub fn set_cancel_weights(&self, weights: CancelWeights) {
        self.world.environment.set_cancel_weights(weights);
    }

    /// What becomes of every operation whose future is dropped from now on.
    pub fn force_cancel(&self, outcome: CancelOutcome) {
        self.set_cancel_weights(CancelWeights::always(outcome));
    }
}

/// A host: its [`HostId`], or its name.
pub trait ToHost {
    /// Its id.
    ///
    /// # Panics
    /// When no host has the name.
    fn to_host(&self, control: &Control) -> HostId;
}

impl ToHost for HostId {
    fn to_host(&self, _: &Control) -> HostId {
        *self
    }
}

impl ToHost for str {
    fn to_host(&self, control: &Control) -> HostId {
        control.host(self).unwrap_or_else(|| {
            let names: Vec<String> = control.hosts().into_iter().map(|host| control.name(host)).collect();
            panic!("there is no host {self:?}; hosts are {}", names.join(", "))
        })
    }
}

impl ToHost for String {
    fn to_host(&self, control: &Control) -> HostId {
        self.as_str().to_host(control)
    }
}

impl<T: ToHost + ?Sized> ToHost for &T {
    fn to_host(&self, control: &Control) -> HostId {
        T::to_host(self, control)
    }
}
