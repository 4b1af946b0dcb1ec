//! The part of a socket that its transport tasks share with the user's handle.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use seaworthy_core::pipe::{HighWaterMarks, MemoryBudget};
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Doorbell, Endpoint, Host, Instant, Message, Network, Options};
use seaworthy_zmtp::SocketType;

use super::busy_poll::BusyPoll;
use super::coop_budget::CoopBudget;
use super::home::Home;
use super::validity::admit;
use crate::connections::{Connections, Origin};
use crate::context::Context;
use crate::error::Error;
use crate::event::Event;
use crate::inproc::NameBinding;
use crate::log::{Log, Severity};
use crate::monitor::Monitors;
use crate::outcome::{SendRejected, SubscriptionOutcome};
use crate::patterns::{Forwards, Pattern, Receives, Sends};
use crate::peer_id::PeerId;
use crate::peers::{Peer, Peers};
use crate::pipe_item::{PipeEnd, PipeItem};
use crate::ready_set::{ReadySet, Waiter};
use crate::tasks::Tasks;
use crate::transport::{CloseSignal, ListenerHandle, SocketRef, high_water_marks};

/// The part of a socket that its transport tasks hold too.
pub(crate) struct Core<P> {
    options: RefCell<Rc<Options>>,
    /// Of the options, what every operation looks at.
    pub(super) sndtimeo: Cell<Option<Duration>>,
    pub(super) rcvtimeo: Cell<Option<Duration>>,
    /// Set by a `close` that has a limit: instead of `linger`.
    pub(super) close_by: Cell<Option<Instant>>,
    pub(super) state: RefCell<State<P>>,
    readable: Arc<ReadySet>,
    writable: Arc<ReadySet>,
    pub(super) endpoints: RefCell<Vec<HeldEndpoint>>,
    pub(super) monitors: Monitors,
    pub(super) connections: Connections,
    log: Log,
    budget: Option<Arc<MemoryBudget>>,
    clock: Box<dyn Fn() -> Instant>,
    pub(super) tasks: Tasks,
    pub(super) home: Home,
    pub(super) busy_poll: BusyPoll,
    closed: Cell<bool>,
    pub(super) coop: CoopBudget,
    /// The task that hands over what was sent, while it waits.
    publisher: Cell<Option<Waker>>,
    pub(super) has_publisher: Cell<bool>,
    /// Where that task waits until there is room, for what the socket put off.
    room: RefCell<Waiter>,
    /// It was woken.
    publishing: Cell<bool>,
}

pub(super) struct State<P> {
    pub(super) pattern: P,
    pub(super) peers: Peers,
    /// Received, and given back: the next to be received.
    pub(super) returned: VecDeque<Message>,
}

/// An endpoint that the socket bound or connected.
pub(super) struct HeldEndpoint {
    /// As the user gave it.
    pub(super) given: Endpoint,
    /// As it was resolved.
    pub(super) resolved: Endpoint,
    pub(super) bound: bool,
    pub(super) closing: CloseSignal,
    pub(super) _binding: Binding,
}

impl HeldEndpoint {
    /// True when a user may mean this one by `name`.
    fn is_called(&self, name: &Endpoint) -> bool {
        if self.given == *name || self.resolved == *name {
            return true;
        }
        let (
            Endpoint::Tcp { host: given, .. },
            Endpoint::Tcp { host: resolved, port: chosen },
            Endpoint::Tcp { host, port },
        ) = (&self.given, &self.resolved, name)
        else {
            return false;
        };
        chosen == port && (given == host || is_same_address(resolved, host))
    }
}

/// True when both are one address, be it mapped to IPv6 or called `localhost`.
fn is_same_address(resolved: &Host, host: &Host) -> bool {
    match (resolved, host) {
        (Host::Ip(resolved), Host::Ip(ip)) => resolved.to_canonical() == ip.to_canonical(),
        (Host::Ip(resolved), Host::Name(name)) => resolved.is_loopback() && name == "localhost",
        _ => false,
    }
}

/// What keeps an endpoint bound. Dropping it frees the endpoint: it can be bound again at once.
pub(super) enum Binding {
    /// It is connected.
    None,
    Name {
        _name: NameBinding,
    },
    Listener {
        _handle: ListenerHandle,
    },
}

impl<P: Pattern> Core<P> {
    pub(super) fn new<N: Network>(options: Options, context: &Context<N>) -> Self {
        let network = context.network();
        let peers = Peers::new();
        let pattern = P::new(&options, network.random());
        let room = RefCell::new(Waiter::new(Arc::clone(&peers.writable)));
        let clock = network.clone();
        Self {
            busy_poll: BusyPoll::new(options.busy_poll),
            sndtimeo: Cell::new(options.sndtimeo),
            rcvtimeo: Cell::new(options.rcvtimeo),
            close_by: Cell::new(None),
            options: RefCell::new(Rc::new(options)),
            readable: Arc::clone(&peers.readable),
            writable: Arc::clone(&peers.writable),
            state: RefCell::new(State { pattern, peers, returned: VecDeque::new() }),
            endpoints: RefCell::default(),
            monitors: Monitors::default(),
            connections: Connections::default(),
            log: context.log().clone(),
            budget: context.budget().cloned(),
            clock: Box::new(move || clock.now()),
            tasks: Tasks::default(),
            home: Home::new(network),
            closed: Cell::new(false),
            coop: CoopBudget::new(network),
            publisher: Cell::new(None),
            has_publisher: Cell::new(false),
            room,
            publishing: Cell::new(false),
        }
    }

    /// Goes by other options from now on, as far as that is possible while the socket lives.
    pub(super) fn set_options(&self, options: Rc<Options>) {
        self.sndtimeo.set(options.sndtimeo);
        self.rcvtimeo.set(options.rcvtimeo);
        self.busy_poll.set_limit(options.busy_poll);
        let (tx, rx) = high_water_marks(&options);
        let mut state = self.state.borrow_mut();
        let State { pattern, peers, .. } = &mut *state;
        pattern.set_options(&options);
        let former = self.options.replace(options);
        if high_water_marks(&former) != (tx, rx) {
            peers.iter_mut().for_each(|(_, peer)| peer.pipe.set_marks(tx, rx));
        }
        drop(state);
        // Who waits for room may find that it need not: with `router_mandatory`, or `xpub_nodrop`.
        self.writable.wake_tasks();
    }

    /// Peers may come to live on other threads, which have to wake this one's tasks by its doorbell.
    pub(super) fn set_doorbell(&self, doorbell: &Arc<Doorbell>) {
        self.readable.set_doorbell(Arc::clone(doorbell));
        self.writable.set_doorbell(Arc::clone(doorbell));
    }

    /// # Errors
    /// [`Runtime`](Error::Runtime): whoever waits for the socket in this runtime is not woken.
    pub(crate) fn check_runtime(&self, operation: &'static str) -> Result<(), Error> {
        self.home.check(operation)
    }

    /// Waits for a task until there is something to receive.
    pub(crate) fn readable(&self) -> Waiter {
        Waiter::new(Arc::clone(&self.readable))
    }

    /// Waits for a task until there is room to send.
    pub(crate) fn writable(&self) -> Waiter {
        Waiter::new(Arc::clone(&self.writable))
    }

    /// Lets go of every peer and endpoint. Transport tasks end once they have sent what is queued.
    pub(super) fn close(&self) {
        if self.closed.replace(true) {
            return;
        }
        // Bound endpoints are free from here on.
        let closings: Vec<CloseSignal> = self.endpoints.take().into_iter().map(|held| held.closing).collect();
        let mut state = self.state.borrow_mut();
        state.peers.clear();
        state.returned.clear();
        drop(state);
        let linger = self.linger_until((self.clock)());
        closings.iter().for_each(|closing| closing.close(linger));
        self.monitors.close();
        self.wake_publisher();
        self.readable.wake_tasks();
        self.writable.wake_tasks();
    }

    pub(super) fn release(&self, endpoint: Endpoint, bound: bool) -> Result<(), Error> {
        let mut released = Vec::new();
        self.endpoints.borrow_mut().retain(|held| {
            let same = held.bound == bound && held.is_called(&endpoint);
            if same {
                released.push(held.closing.clone());
            }
            !same
        });
        if released.is_empty() {
            return Err(Error::UnknownEndpoint(Box::new(endpoint)));
        }
        let linger = self.linger_until((self.clock)());
        for closing in released {
            for id in closing.peers() {
                self.part(id, bound);
            }
            closing.close(linger);
        }
        self.writable.wake_tasks();
        self.readable.wake_tasks();
        Ok(())
    }

    /// Sends nothing to a peer from now on, and receives from it only what it has delivered, if that is `kept`.
    fn part(&self, id: PeerId, kept: bool) {
        let mut state = self.state.borrow_mut();
        let State { pattern, peers, .. } = &mut *state;
        if let Some(peer) = peers.get_mut(id)
            && !std::mem::replace(&mut peer.departed, true)
        {
            peer.connected = false;
            peer.pipe.tx.close();
            while !kept && peer.pipe.rx.take().is_some() {}
            pattern.departed(peers, id);
        }
        if !kept || peers.get_mut(id).is_some_and(|peer| peer.pipe.rx.is_ended()) {
            peers.remove(id);
        }
        drop(state);
        if puts_off::<P>() {
            self.wake_publisher();
        }
    }

    /// Sees to it that what was sent to other threads is handed over: at once, or if that may be `later`, when the
    /// task lets others run.
    #[inline(always)]
    fn publish(&self, peers: &mut Peers, later: bool) {
        if !peers.has_unpublished() {
            return;
        }
        if !later {
            peers.publish_all();
        } else if !self.publishing.replace(true) {
            self.wake_publisher();
        }
    }

    #[cold]
    fn wake_publisher(&self) {
        if let Some(publisher) = self.publisher.take() {
            publisher.wake();
        }
    }

    /// True when the task must let others run before it receives within this limit: an operation that never waits takes
    /// no turn. What its drivers have to do meanwhile is not known, so that somebody may always be held up.
    #[inline(always)]
    pub(super) fn is_budget_spent_to_recv(&self, limit: Option<Duration>) -> bool {
        limit != Some(Duration::ZERO) && self.coop.is_spent(|| true)
    }

    /// As [`is_budget_spent_to_recv`](Self::is_budget_spent_to_recv), for sending. A task that pauses between messages holds
    /// nobody up: their drivers ran meanwhile.
    #[inline(always)]
    pub(super) fn is_budget_spent_to_send(&self, limit: Option<Duration>) -> bool {
        limit != Some(Duration::ZERO) && self.coop.is_spent(|| self.holds_up_what_was_sent())
    }

    fn holds_up_what_was_sent(&self) -> bool {
        self.state.borrow_mut().peers.iter_mut().any(|(_, peer)| peer.pipe.tx.waits_for_reader())
    }
}

impl<P: Sends> Core<P> {
    #[inline(always)]
    pub(super) fn try_send(&self, message: &mut Message) -> Result<(), SendRejected> {
        if message.is_empty() {
            return Err(SendRejected::Failed(Error::InvalidMessage { reason: "it has no frames" }));
        }
        let mut state = self.state.borrow_mut();
        let State { pattern, peers, .. } = &mut *state;
        admit(pattern, message)?;
        let outcome = pattern.try_send(peers, message);
        self.publish(peers, outcome.is_ok());
        outcome
    }

    pub(crate) fn poll_send(
        &self,
        context: &TaskContext<'_>,
        waiter: &mut Waiter,
        message: &mut Message,
    ) -> Poll<Result<(), Error>> {
        if self.coop.is_spent(|| self.holds_up_what_was_sent()) {
            self.coop.yield_now(context.waker());
            return Poll::Pending;
        }
        for last_look in [false, true] {
            match self.try_send(message) {
                Ok(()) => return Poll::Ready(Ok(())),
                Err(SendRejected::Failed(error)) => return Poll::Ready(Err(error)),
                Err(SendRejected::Yield) => {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Err(SendRejected::Full) if planted(Bug::FullIsAnError) => {
                    let socket = P::TYPE.name();
                    let error = Error::InvalidState { socket, operation: "send", state: "there is no room" };
                    return Poll::Ready(Err(error));
                }
                Err(SendRejected::Full) if !last_look => waiter.wait(context.waker()),
                Err(SendRejected::Full) => {}
            }
        }
        self.coop.restart();
        match self.home.check("send") {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl<P: Receives> Core<P> {
    #[inline(always)]
    pub(crate) fn try_recv(&self) -> Result<Option<Message>, Error> {
        let mut state = self.state.borrow_mut();
        let State { pattern, peers, returned } = &mut *state;
        if !returned.is_empty() {
            return Ok(returned.pop_front());
        }
        let outcome = pattern.try_recv(peers);
        if !matches!(outcome, Ok(Some(_))) {
            self.publish(peers, false);
        }
        outcome
    }

    /// As [`try_recv`](Self::try_recv), for who looks again soon if it is worth it.
    #[inline(always)]
    pub(super) fn try_recv_eagerly(&self) -> Result<Option<Message>, Error> {
        if !self.busy_poll.is_on() {
            return self.try_recv();
        }
        self.state.borrow_mut().peers.eager = true;
        let outcome = self.try_recv();
        self.state.borrow_mut().peers.eager = false;
        outcome
    }

    pub(crate) fn poll_recv(
        &self,
        context: &TaskContext<'_>,
        waiter: &mut Waiter,
    ) -> Poll<Result<Message, Error>> {
        if self.coop.is_spent(|| true) {
            self.coop.yield_now(context.waker());
            return Poll::Pending;
        }
        for last_look in [false, true] {
            match self.try_recv() {
                Ok(Some(message)) => return Poll::Ready(Ok(message)),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
            if !last_look {
                waiter.wait(context.waker());
            }
        }
        self.coop.restart();
        match self.home.check("receive") {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

/// True for sockets that may put off what they have to do for a peer, and need a task that goes on with it.
pub(super) const fn puts_off<P: Pattern>() -> bool {
    matches!(P::TYPE, SocketType::Pub | SocketType::XPub | SocketType::Sub | SocketType::XSub)
}

/// Asks a peer of this process for topics. What the socket subscribes to later is written to its pipe too.
fn ask_for(peer: &mut Peer, topics: Vec<Bytes>) {
    peer.connected = true;
    topics.into_iter().for_each(|topic| peer.pipe.tx.write_unbounded(PipeItem::Subscribe(topic)));
    peer.pipe.tx.publish();
}

impl<P: Forwards> Core<P> {
    /// As `try_recv`, for types that may not receive: then there is never anything.
    #[inline(always)]
    pub(crate) fn take(&self) -> Result<Option<Message>, Error> {
        let mut state = self.state.borrow_mut();
        let State { pattern, peers, returned } = &mut *state;
        if !returned.is_empty() {
            return Ok(returned.pop_front());
        }
        let outcome = pattern.take(peers);
        if !matches!(outcome, Ok(Some(_))) {
            self.publish(peers, false);
        }
        outcome
    }

    /// As `try_send`, for types that may not send: then there is never room.
    #[inline(always)]
    pub(crate) fn give(&self, message: &mut Message) -> Result<(), SendRejected> {
        let mut state = self.state.borrow_mut();
        let State { pattern, peers, .. } = &mut *state;
        admit(pattern, message)?;
        let outcome = pattern.give(peers, message);
        self.publish(peers, outcome.is_ok());
        outcome
    }

    /// Takes messages back that were received, to be received again before all others.
    pub(crate) fn put_back(&self, messages: &mut dyn DoubleEndedIterator<Item = Message>) {
        let mut state = self.state.borrow_mut();
        let mut any = false;
        while let Some(message) = messages.next_back() {
            state.returned.push_front(message);
            any = true;
        }
        drop(state);
        if any {
            self.readable.wake_tasks();
        }
    }
}

impl<P: Pattern> SocketRef for Core<P> {
    fn budget(&self) -> Option<&Arc<MemoryBudget>> {
        self.budget.as_ref()
    }

    fn options(&self) -> Rc<Options> {
        Rc::clone(&self.options.borrow())
    }

    fn linger_until(&self, now: Instant) -> Option<Instant> {
        self.close_by.get().or_else(|| self.options.borrow().linger.map(|linger| now + linger))
    }

    fn socket_type(&self) -> SocketType {
        P::TYPE
    }

    fn admits(&self, others: usize) -> bool {
        !self.closed.get() && self.state.borrow().pattern.admits(others)
    }

    fn attach(&self, pipe: PipeEnd) -> Option<PeerId> {
        if !self.admits(0) {
            return None;
        }
        let mut state = self.state.borrow_mut();
        let State { pattern, peers, .. } = &mut *state;
        let id = peers.insert(pipe);
        pattern.attached(id);
        self.readable.wake_tasks();
        self.writable.wake_tasks();
        Some(id)
    }

    fn attach_provisional(&self, pipe: PipeEnd) -> Option<PeerId> {
        let id = self.attach(pipe)?;
        let mut state = self.state.borrow_mut();
        let State { pattern, peers, .. } = &mut *state;
        peers.add_inproc_peer();
        if let Some(peer) = peers.get_mut(id) {
            peer.ignored = true;
            ask_for(peer, pattern.topics(id));
        }
        Some(id)
    }

    fn inproc_connected(&self, id: PeerId, routing_id: &Bytes) {
        let mut state = self.state.borrow_mut();
        let State { pattern, peers, .. } = &mut *state;
        peers.add_inproc_peer();
        let Some(peer) = peers.get_mut(id) else { return };
        if !peer.connected {
            ask_for(peer, pattern.topics(id));
        }
        if self.options.borrow().probe_router {
            peer.pipe.tx.write_unbounded(PipeItem::Message(Message::from("")));
            peer.pipe.tx.publish();
        }
        peers.stop_ignoring(id);
        pattern.connected(peers, id, routing_id);
    }

    fn poll_publish(&self, context: &TaskContext<'_>) -> Poll<()> {
        if self.closed.get() {
            return Poll::Ready(());
        }
        if puts_off::<P>() {
            // Before the look, since who becomes ready later is to wake the task.
            self.room.borrow_mut().wait(context.waker());
        }
        let mut state = self.state.borrow_mut();
        let State { pattern, peers, .. } = &mut *state;
        if pattern.catch_up(peers) {
            context.waker().wake_by_ref();
        }
        peers.publish_all();
        self.publishing.set(false);
        self.publisher.set(Some(context.waker().clone()));
        Poll::Pending
    }

    fn driver_runs(&self) {
        self.coop.restart();
    }

    fn peer_on_other_thread(&self) {
        self.busy_poll.peer_on_other_thread();
    }

    fn presume_marks(&self, id: PeerId, marks: Option<(HighWaterMarks, HighWaterMarks)>) {
        let mut state = self.state.borrow_mut();
        let Some(peer) = state.peers.get_mut(id) else { return };
        match marks {
            Some((tx, rx)) => peer.pipe.presume_marks(tx, rx),
            None => peer.pipe.forget_marks(),
        }
    }

    fn connected(&self, id: PeerId, routing_id: &Bytes) -> Vec<Bytes> {
        let mut state = self.state.borrow_mut();
        let State { pattern, peers, .. } = &mut *state;
        let Some(peer) = peers.get_mut(id) else { return Vec::new() };
        if planted(Bug::NoResubscription) && peer.connected {
            return Vec::new();
        }
        peer.connected = true;
        pattern.connected(peers, id, routing_id);
        pattern.topics(id)
    }

    fn disconnected(&self, id: PeerId) {
        if let Some(peer) = self.state.borrow_mut().peers.get_mut(id) {
            peer.connected = planted(Bug::NoResubscription);
        }
    }

    fn departed(&self, id: PeerId) {
        self.part(id, true);
    }

    fn subscription(&self, id: PeerId, topic: Bytes, subscribe: bool) -> SubscriptionOutcome {
        let mut state = self.state.borrow_mut();
        let State { pattern, peers, .. } = &mut *state;
        pattern.subscription(peers, id, topic, subscribe)
    }

    fn stopped(&self, closing: &CloseSignal) {
        self.endpoints.borrow_mut().retain(|held| !held.closing.is(closing));
    }

    fn begin(&self, endpoint: &Endpoint, peer: String) -> Origin {
        self.connections.begin(endpoint.clone(), peer)
    }

    fn routing_id(&self, id: PeerId) -> Bytes {
        let mut state = self.state.borrow_mut();
        state.peers.get_mut(id).map_or_else(Bytes::new, |peer| peer.routing_id.clone())
    }

    fn emit(&self, event: Event, severity: Severity) {
        self.connections.note(&event);
        self.log.write(&event, severity, (self.clock)());
        self.monitors.emit(event);
    }
}
