//! What all workloads of a run share.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use seaworthy_core::Instant;
use seaworthy_sim::script::conditions::SocketFaults;

use super::deadline::{Cancelling, Deadline};
use crate::check::liveness::{self, Need};
use crate::payload::Stamp;
use crate::scenario::{Plan, Role};
use seaworthy_sim::script::{Cancel, CancelOperation};
use seaworthy_sim::trace::{EventKind, MessageName, Name, Phase, Recorder};

/// The state of a run that outlives any host: its phase, what was sent and received, who must not read now.
///
/// Cloning it gives the same stage.
#[derive(Clone)]
pub struct RunState(Rc<State>);

struct State {
    plan: Rc<Plan>,
    recorder: Recorder,
    /// True time: a host's own clock may be wrong.
    clock: RefCell<Rc<dyn Fn() -> Instant>>,
    phase: Cell<Phase>,
    stalled: RefCell<BTreeSet<Name>>,
    /// The cancellations that are active, by socket.
    cancels: RefCell<BTreeMap<Name, Vec<Cancel>>>,
    cancelling: RefCell<BTreeMap<(usize, CancelOperation), Cancelling>>,
    lives: RefCell<BTreeMap<Name, u16>>,
    /// The next sequence number of each socket.
    sequences: RefCell<Vec<u64>>,
    /// Pairs that have to exchange a message after healing: sender, receiver.
    awaited: RefCell<BTreeSet<Need>>,
    /// Sequence number of each socket with which the healed phase began.
    healed_from: RefCell<Vec<u64>>,
    /// Messages with one receiver that were sent and not received, and answers (`true`) that are due.
    outstanding: RefCell<BTreeSet<(MessageName, bool)>>,
    /// Workloads that have not sent all they should.
    unfinished: RefCell<BTreeSet<Name>>,
    last_activity: Cell<Instant>,
    /// Anonymous peers of a ROUTER, in the order they were seen.
    strangers: RefCell<BTreeMap<(Name, Vec<u8>), usize>>,
    waiting: RefCell<Vec<Waker>>,
}

impl fmt::Debug for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunState").field("phase", &self.phase()).finish_non_exhaustive()
    }
}

impl RunState {
    /// The stage of a run that has not begun.
    pub fn new(plan: Rc<Plan>, recorder: Recorder) -> Self {
        let sockets = plan.sockets.len();
        let makes = |role| matches!(role, Role::Send | Role::Request);
        let unfinished = (0..sockets)
            .filter(|socket| plan.workloads(*socket).any(|workload| makes(workload.role)))
            .map(|socket| plan.name(socket).clone())
            .collect();
        Self(Rc::new(State {
            recorder,
            clock: RefCell::new(Rc::new(|| Instant::ZERO)),
            phase: Cell::new(Phase::Scripted),
            stalled: RefCell::default(),
            cancels: RefCell::default(),
            cancelling: RefCell::default(),
            lives: RefCell::default(),
            sequences: RefCell::new(vec![0; sockets]),
            awaited: RefCell::new(liveness::needs(&plan)),
            healed_from: RefCell::new(vec![0; sockets]),
            outstanding: RefCell::default(),
            unfinished: RefCell::new(unfinished),
            last_activity: Cell::new(Instant::ZERO),
            strangers: RefCell::default(),
            waiting: RefCell::default(),
            plan,
        }))
    }

    /// Takes the time of all that is recorded from `clock`, which shows true time.
    pub fn keep_time(&self, clock: impl Fn() -> Instant + 'static) {
        self.0.clock.replace(Rc::new(clock));
    }

    /// True time.
    fn now(&self) -> Instant {
        let clock = Rc::clone(&self.0.clock.borrow());
        clock()
    }

    /// What is executed.
    pub fn plan(&self) -> &Plan {
        &self.0.plan
    }

    /// The current part of the run.
    pub fn phase(&self) -> Phase {
        self.0.phase.get()
    }

    /// Begins the next part of the run.
    pub fn enter(&self, phase: Phase) {
        self.0.phase.set(phase);
        self.0.recorder.push(self.now(), None, None, EventKind::Phase { phase });
        if phase == Phase::Healed {
            self.0.healed_from.replace(self.0.sequences.borrow().clone());
        }
        self.wake();
    }

    /// When the next operation is dropped, if it is.
    pub(super) fn draw_cancel(&self, socket: &SocketName, operation: CancelOperation) -> Option<Deadline> {
        let cancels = self.0.cancels.borrow();
        let faults = cancels.get(&socket.name).filter(|faults| !faults.is_empty())?;
        let mut cancelling = self.0.cancelling.borrow_mut();
        let seed = self.plan().scenario.seed;
        let fresh = || Cancelling::new(seed, &socket.name, operation);
        cancelling.entry((socket.number, operation)).or_insert_with(fresh).draw(faults, operation)
    }

    /// What a run still waits for, in words.
    pub fn waiting(&self) -> Vec<String> {
        let awaited = self.0.awaited.borrow();
        let needs = awaited.iter().map(|need| need.words(self.plan()));
        needs.chain(self.0.unfinished.borrow().iter().map(|name| format!("{name} to finish"))).collect()
    }

    /// Whether every pair has exchanged a message since everything was healed, and every workload sent what it
    /// should.
    pub fn has_progressed(&self) -> bool {
        self.0.awaited.borrow().is_empty() && self.0.unfinished.borrow().is_empty()
    }

    /// Whether every workload has sent what it should.
    pub fn is_finished(&self) -> bool {
        self.0.unfinished.borrow().is_empty()
    }

    /// Whether everything that was sent was received. Where something is sent to all nobody knows.
    pub fn is_drained(&self) -> bool {
        let publishes = self.plan().scenario.socket.iter().any(|socket| socket.kind.distributes());
        !publishes && self.0.outstanding.borrow().is_empty()
    }

    /// When a message was last sent or received.
    pub fn last_activity(&self) -> Instant {
        self.0.last_activity.get()
    }

    /// Counts a start of the host's program and gives the number of its life.
    pub(super) fn begin_life(&self, host: &Name) -> u16 {
        let mut lives = self.0.lives.borrow_mut();
        let life = lives.entry(host.clone()).or_default();
        *life += 1;
        *life
    }

    pub(super) fn record(&self, socket: &SocketName, what: EventKind) {
        self.0.recorder.push(self.now(), Some(&socket.host), Some(&socket.name), what);
    }

    /// Takes down what a hostile peer did.
    pub(super) fn record_hostile(&self, host: &Name, hostile: &Name, what: EventKind) {
        self.0.recorder.push(self.now(), Some(host), Some(hostile), what);
    }

    /// The stamp of the next message of a socket; the same until it is [sent](Self::sent).
    pub(super) fn next_stamp(&self, socket: &SocketName) -> Stamp {
        let sequence = self.0.sequences.borrow()[socket.number];
        Stamp { sender: u16::try_from(socket.number).unwrap_or(u16::MAX), life: socket.life, sequence }
    }

    /// How a message is called in the trace.
    pub(super) fn message_name(&self, stamp: Stamp) -> MessageName {
        let sender = self.plan().sockets.get(usize::from(stamp.sender)).cloned();
        MessageName {
            sender: sender.unwrap_or_else(|| "?".into()),
            life: stamp.life,
            sequence: stamp.sequence,
        }
    }

    /// A message was taken by a send; the next has the next number. An answer has its request's.
    pub(super) fn sent(&self, socket: &SocketName, what: EventKind) {
        if let EventKind::Sent { message, answer: false, .. } = &what {
            self.0.sequences.borrow_mut()[socket.number] += 1;
            if !self.plan().socket(socket.number).kind.distributes() {
                self.0.outstanding.borrow_mut().insert((message.clone(), false));
            }
        }
        self.0.last_activity.set(self.now());
        self.record(socket, what);
    }

    /// A send was dropped. Nobody knows whether it happened: its number is not used again.
    pub(super) fn skip(&self, socket: &SocketName) {
        self.0.sequences.borrow_mut()[socket.number] += 1;
    }

    /// A message was received whole.
    pub(super) fn received(&self, socket: &SocketName, what: EventKind) {
        if let EventKind::Received { message, .. } = &what {
            let sender = self.plan().socket_number(&message.sender);
            let mut outstanding = self.0.outstanding.borrow_mut();
            outstanding.remove(&(message.clone(), sender == Some(socket.number)));
            if self.plan().plays(socket.number, Role::Reply)
                && sender.is_some_and(|sender| self.plan().hears(sender))
            {
                outstanding.insert((message.clone(), true));
            }
            drop(outstanding);
            let fresh = |sender: usize| message.sequence >= self.0.healed_from.borrow()[sender];
            if self.phase() >= Phase::Healed
                && let Some(sender) = sender.filter(|&sender| fresh(sender))
            {
                self.0.awaited.borrow_mut().retain(|need| !need.is_met_by(sender, socket.number));
            }
        }
        self.0.last_activity.set(self.now());
        self.record(socket, what);
        if self.has_progressed() {
            self.wake();
        }
    }

    /// A socket has sent all it should; what follows are probes.
    pub(super) fn done(&self, socket: &SocketName, count: u64) {
        if self.0.unfinished.borrow_mut().remove(&socket.name) {
            self.record(socket, EventKind::Done { count });
        }
    }

    /// How a trace calls the peer with this identity: the name of the socket that announces it, else a number.
    pub(super) fn peer_name(&self, socket: &SocketName, identity: &[u8]) -> String {
        if let Some(name) = self.plan().identified(identity) {
            return name.to_string();
        }
        let mut strangers = self.0.strangers.borrow_mut();
        let next = strangers.keys().filter(|(router, _)| *router == socket.name).count() + 1;
        let number = *strangers.entry((socket.name.clone(), identity.to_vec())).or_insert(next);
        format!("anonymous-{number}")
    }

    /// Completes once the socket's application may read.
    pub(super) async fn may_read(&self, socket: &SocketName) {
        self.until(|| !self.0.stalled.borrow().contains(&socket.name)).await;
    }

    /// Completes once the socket's application may not read.
    pub(super) async fn may_not_read(&self, socket: &SocketName) {
        self.until(|| self.0.stalled.borrow().contains(&socket.name)).await;
    }

    /// Completes once `phase` has begun.
    pub(super) async fn reached(&self, phase: Phase) {
        self.until(|| self.phase() >= phase).await;
    }

    /// Runs `work` unless `phase` begins first: then `None`.
    pub(super) async fn before<T>(&self, phase: Phase, work: impl Future<Output = T>) -> Option<T> {
        first(self.reached(phase), work).await
    }

    pub(super) async fn until(&self, condition: impl Fn() -> bool) {
        poll_fn(|context| {
            if condition() {
                return Poll::Ready(());
            }
            let mut waiting = self.0.waiting.borrow_mut();
            if !waiting.iter().any(|known| known.will_wake(context.waker())) {
                waiting.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    pub(super) fn wake(&self) {
        self.0.waiting.take().into_iter().for_each(Waker::wake);
    }
}

/// A socket as its workloads name it.
#[derive(Clone, Debug)]
pub(super) struct SocketName {
    pub(super) number: usize,
    pub(super) name: Name,
    pub(super) host: Name,
    /// How often its host had started when the socket was made.
    pub(super) life: u16,
}

/// Runs `work` unless `end` comes first: then `None`. When both are ready, `end` wins.
pub(super) async fn first<T>(end: impl Future<Output = ()>, work: impl Future<Output = T>) -> Option<T> {
    let mut end = pin!(end);
    let mut work = pin!(work);
    poll_fn(|context| {
        if end.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        work.as_mut().poll(context).map(Some)
    })
    .await
}

impl SocketFaults for RunState {
    fn stall(&self, socket: &Name, stalled: bool) {
        if stalled {
            self.0.stalled.borrow_mut().insert(socket.clone());
        } else {
            self.0.stalled.borrow_mut().remove(socket);
        }
        self.wake();
    }

    fn cancel(&self, socket: &Name, cancels: Vec<Cancel>) {
        self.0.cancels.borrow_mut().insert(socket.clone(), cancels);
    }
}
