//! The part of a socket that its transport tasks share with the user's handle.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use seaworthy_core::pipe::MemoryBudget;
use seaworthy_core::{Doorbell, Endpoint, Instant, Message, Network, Options};
use seaworthy_zmtp::SocketType;

use super::busy_poll::BusyPoll;
use super::coop_budget::CoopBudget;
use super::endpoints::Endpoints;
use super::home::Home;
use super::validity::admit;
use crate::authentication::{Security, by_context};
use crate::context::Context;
use crate::error::Error;
use crate::log::Log;
use crate::monitor::Connections;
use crate::monitor::Monitors;
use crate::outcome::SendRejected;
use crate::patterns::Pattern;
use crate::peer_id::PeerId;
use crate::peers::Peers;
use crate::ready_set::{ReadySet, Waiter};
use crate::tasks::Tasks;
use crate::transport::{SocketRef, high_water_marks};

/// The part of a socket that its transport tasks hold too.
pub(crate) struct Core<P> {
    pub(super) options: RefCell<Rc<Options>>,
    /// Of the options, what every operation looks at.
    pub(super) sndtimeo: Cell<Option<Duration>>,
    pub(super) rcvtimeo: Cell<Option<Duration>>,
    /// Set by a `close` that has a limit: instead of `linger`.
    pub(super) close_by: Cell<Option<Instant>>,
    pub(super) state: RefCell<State<P>>,
    pub(super) readable: Arc<ReadySet>,
    pub(super) writable: Arc<ReadySet>,
    pub(super) endpoints: Endpoints,
    pub(super) monitors: Monitors,
    pub(super) connections: Connections,
    pub(super) security: Security,
    pub(super) log: Log,
    pub(super) budget: Option<Arc<MemoryBudget>>,
    pub(super) clock: Box<dyn Fn() -> Instant>,
    pub(super) tasks: Tasks,
    pub(super) home: Home,
    pub(super) busy_poll: BusyPoll,
    pub(super) closed: Cell<bool>,
    pub(super) coop: CoopBudget,
    /// The task that hands over what was sent, while it waits.
    pub(super) publisher: Cell<Option<Waker>>,
    pub(super) has_publisher: Cell<bool>,
    /// Where that task waits until there is room, for what the socket put off.
    pub(super) room: RefCell<Waiter>,
    /// It was woken.
    pub(super) publishing: Cell<bool>,
    /// That task is to free what the pipes keep, in a while.
    pub(super) frees_spares: Cell<bool>,
}

pub(super) struct State<P> {
    pub(super) pattern: P,
    pub(super) peers: Peers,
    /// Received, and given back: the next to be received.
    pub(super) returned: VecDeque<Message>,
}

impl<P: Pattern> Core<P> {
    pub(super) fn new<N: Network>(options: Options, context: &Context<N>) -> Self {
        let network = context.network();
        let peers = Peers::new();
        let pattern = P::new(&options, network.random());
        let room = RefCell::new(Waiter::new(Arc::clone(&peers.writable)));
        let clock = network.clone();
        let security = Security::new(&options, by_context(context));
        Self {
            busy_poll: BusyPoll::new(options.busy_poll),
            sndtimeo: Cell::new(options.sndtimeo),
            rcvtimeo: Cell::new(options.rcvtimeo),
            close_by: Cell::new(None),
            options: RefCell::new(Rc::new(options)),
            readable: Arc::clone(&peers.readable),
            writable: Arc::clone(&peers.writable),
            state: RefCell::new(State { pattern, peers, returned: VecDeque::new() }),
            endpoints: Endpoints::default(),
            monitors: Monitors::default(),
            connections: Connections::default(),
            security,
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
            frees_spares: Cell::new(false),
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
        // Tasks that wait for room may no longer have to: with `router_mandatory`, or `xpub_nodrop`.
        self.writable.wake_tasks();
    }

    /// Peers may come to live on other threads, which have to wake this one's tasks by its doorbell.
    pub(super) fn set_doorbell(&self, doorbell: &Arc<Doorbell>) {
        self.readable.set_doorbell(Arc::clone(doorbell));
        self.writable.set_doorbell(Arc::clone(doorbell));
    }

    /// # Errors
    /// [`Runtime`](Error::Runtime): a task of this runtime that waits for the socket would not be woken.
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
        let closings = self.endpoints.release_all();
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
        let released = self.endpoints.release(&endpoint, bound);
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
    pub(super) fn part(&self, id: PeerId, kept: bool) {
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

    /// One attempt to send, as `send` does it.
    #[inline(always)]
    pub(super) fn send_with(
        &self,
        message: &mut Message,
        send: impl FnOnce(&mut P, &mut Peers, &mut Message) -> Result<(), SendRejected>,
    ) -> Result<(), SendRejected> {
        let mut state = self.state.borrow_mut();
        let State { pattern, peers, .. } = &mut *state;
        admit(pattern, message)?;
        let outcome = send(pattern, peers, message);
        self.publish(peers, outcome.is_ok());
        outcome
    }

    /// One attempt to receive, as `receive` does it, after what was given back.
    #[inline(always)]
    pub(super) fn receive_with(
        &self,
        receive: impl FnOnce(&mut P, &mut Peers) -> Result<Option<Message>, Error>,
    ) -> Result<Option<Message>, Error> {
        let mut state = self.state.borrow_mut();
        let State { pattern, peers, returned } = &mut *state;
        if !returned.is_empty() {
            return Ok(returned.pop_front());
        }
        let outcome = receive(pattern, peers);
        if !matches!(outcome, Ok(Some(_))) {
            self.publish(peers, false);
            self.free_spares_soon(peers);
        }
        outcome
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

    /// Has the memory freed, in a while, that pipes keep since a burst. A driver does that for the pipe that it shares, by
    /// itself; between two sockets there is none.
    #[inline(always)]
    pub(super) fn free_spares_soon(&self, peers: &Peers) {
        if peers.has_spares() && self.has_publisher.get() && !self.frees_spares.replace(true) {
            self.wake_publisher();
        }
    }

    #[cold]
    pub(super) fn wake_publisher(&self) {
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

    pub(super) fn holds_up_what_was_sent(&self) -> bool {
        self.state.borrow_mut().peers.iter_mut().any(|(_, peer)| peer.pipe.tx.waits_for_reader())
    }
}

/// True for sockets that may put off what they have to do for a peer, and need a task that goes on with it.
pub(super) const fn puts_off<P: Pattern>() -> bool {
    matches!(P::TYPE, SocketType::Pub | SocketType::XPub | SocketType::Sub | SocketType::XSub)
}
