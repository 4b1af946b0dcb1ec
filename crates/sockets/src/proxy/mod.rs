//! Forwarding between two sockets: fair, batched, pipelined or biased; captured, steered and counted.
//!
//! A proxy adds nothing between the pipes of its two sockets. A poll moves what has arrived from the receive pipes of
//! one socket into the send pipes of the other, in turns, and there is no future, timer or wake-up for a single
//! message. What waits, waits in the pipes, and so high-water marks bound the memory and hold the peers back.

mod capture;
mod control;
mod direction;
mod error;
mod handle;
mod poll_budget;
mod proxy_socket;
mod relay_step;
mod statistics;
mod wakeups;

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Message, Network};

use self::capture::Capture;
use self::control::{Command, Control};
use self::direction::{Bounds, Direction, Failure, TurnEnd};
use self::handle::{Order, Shared};
use self::poll_budget::{MESSAGES_PER_POLL, PollBudget};
use self::proxy_socket::ProxySocket;
use self::relay_step::{SideWatcher, Watcher};
use self::wakeups::Wakeups;
use crate::patterns::Sends;
use crate::socket::Socket;

pub use self::control::Controls;
pub use self::error::{ProxyError, Side};
pub use self::handle::ProxyHandle;
pub use self::relay_step::RelayStep;
pub use self::statistics::{Statistics, Traffic};
pub use crate::patterns::Forwards;

/// Messages that a direction moves in one turn unless [`batch`](Proxy::batch) says otherwise. Larger turns are no
/// faster, and with up to 200 the two directions get equal shares of any thousand messages, within a tenth.
pub const BATCH_DEFAULT: u32 = 64;

/// What a REP control socket answers to a message that is no command.
const UNKNOWN_COMMAND: &str = "unknown command";

/// Which direction is served when both have something to move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// Each in turn. A direction that can move something is passed over by at most one turn of the other one, which
    /// is at most [`batch`](Proxy::batch) messages.
    #[default]
    Fair,
    /// What this side has received comes first, and the other side gets a turn only when there is nothing to move.
    /// A side that always has something starves the other for as long.
    Biased(Side),
}

/// Forwards messages between two sockets, whole and in both directions, until it is stopped.
///
/// ```
/// use seaworthy::{Context, DealerSocket, ReqSocket, RepSocket, RouterSocket, proxy};
///
/// # #[compio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let context = Context::new();
/// let clients = RouterSocket::new(&context)?;
/// let workers = DealerSocket::new(&context)?;
/// let front = clients.bind("tcp://127.0.0.1:*")?;
/// let back = workers.bind("tcp://127.0.0.1:*")?;
///
/// let mut broker = proxy(&clients, &workers);
/// let handle = broker.handle();
///
/// let (client, worker) = (ReqSocket::new(&context)?, RepSocket::new(&context)?);
/// client.connect(&front)?;
/// worker.connect(&back)?;
/// let conversation = async {
///     client.send("question").await?;
///     let question = worker.recv().await?;
///     worker.send(question).await?;
///     client.recv().await?;
///     handle.terminate();
///     Ok::<_, seaworthy::Error>(())
/// };
/// let (statistics, told) = futures_util::join!(broker.run(), conversation);
/// told?;
/// assert_eq!(statistics?.frontend.received, 1);
/// # Ok(()) }
/// ```
///
/// **Order** is kept for each direction and peer. **Fairness**: by default the directions take turns, and within a
/// direction the peers do, one message each; [`Mode`] states the bounds. **Back-pressure**: when the sending socket
/// has no room, one message is kept in hand (and up to [`queue`](Self::queue) more), nothing more is received in that
/// direction, and the receive pipes fill up to their high-water marks; the other direction goes on. **Peers** that
/// come, go, misbehave or crash never end a proxy. What the sending socket drops by its type's rules, such as a ROUTER
/// for a client that is gone, is [counted](Traffic::dropped).
///
/// **Cancel-safety.** A proxy whose `run` is dropped, at any await, can be run again and goes on as if nothing had
/// happened. A proxy that is dropped, terminated or killed returns the messages in hand to the sockets they came from, which deliver
/// them first. Nothing is lost, torn or sent twice.
///
/// One socket may be both ends: then it gets back what it sends out, as a ROUTER that echoes.
pub struct Proxy<'s, F: Forwards, B: Forwards, N: Network> {
    frontend: &'s Socket<F, N>,
    backend: &'s Socket<B, N>,
    /// One socket is both ends, and there is one direction only.
    single: bool,
    capture: Option<&'s dyn Capture>,
    control: Option<&'s dyn Control>,
    watcher: Option<SideWatcher<'s>>,
    mode: Mode,
    batch: u32,
    queue: usize,
    /// From the frontend to the backend.
    forward: Direction,
    backward: Direction,
    /// Whose turn it is next, when the sides alternate.
    next: Side,
    /// Why the last turns ended, by side.
    turn_ends: [TurnEnd; 2],
    /// What the sockets had dropped when the proxy was made, by side.
    lost_before: [u64; 2],
    shared: Arc<Shared>,
}

/// A proxy between two sockets: short for [`Proxy::new`].
pub fn proxy<'s, F: Forwards, B: Forwards, N: Network>(
    frontend: &'s Socket<F, N>,
    backend: &'s Socket<B, N>,
) -> Proxy<'s, F, B, N> {
    Proxy::new(frontend, backend)
}

impl<'s, F: Forwards, B: Forwards, N: Network> Proxy<'s, F, B, N> {
    /// A proxy between two sockets, which it neither binds nor connects. It does not compile for a pair between
    /// which nothing could flow, such as two PULL sockets:
    ///
    /// ```compile_fail
    /// use seaworthy::{Context, Proxy, PullSocket};
    /// let context = Context::new();
    /// let (one, other) = (PullSocket::new(&context).unwrap(), PullSocket::new(&context).unwrap());
    /// Proxy::new(&one, &other);
    /// ```
    pub fn new(frontend: &'s Socket<F, N>, backend: &'s Socket<B, N>) -> Self {
        const {
            assert!(
                F::RECEIVES && B::SENDS || B::RECEIVES && F::SENDS,
                "neither of the two sockets sends what the other one receives"
            );
        }
        Self {
            frontend,
            backend,
            single: frontend.is_same(backend),
            capture: None,
            control: None,
            watcher: None,
            mode: Mode::Fair,
            batch: BATCH_DEFAULT,
            queue: 0,
            forward: Direction::default(),
            backward: Direction::default(),
            next: Side::Frontend,
            turn_ends: [TurnEnd::Empty; 2],
            lost_before: [frontend.lost(), backend.lost()],
            shared: Arc::new(Shared::new()),
        }
    }

    /// Sends a copy of every message that was forwarded, in order, to this socket: a PUB or PUSH, say. Copies share
    /// their memory with the original. A capture that is slow or gone never delays forwarding; what it misses is
    /// [counted](Statistics::capture_missed).
    #[must_use]
    pub fn capture<P: Sends>(mut self, socket: &'s Socket<P, N>) -> Self {
        self.capture = Some(socket);
        self
    }

    /// Takes commands from this socket, in messages of one frame: `PAUSE`, `RESUME`, `TERMINATE`, `KILL` and
    /// `STATISTICS`, as libzmq's `zmq_proxy_steerable` does. They mean what the methods of [`ProxyHandle`] do.
    ///
    /// STATISTICS is answered with [eight frames](Statistics::counters) of eight bytes each, in this machine's byte
    /// order. A REP answers every other command with an empty frame, and what is no command with `unknown command`.
    #[must_use]
    pub fn control<P: Controls>(mut self, socket: &'s Socket<P, N>) -> Self {
        self.control = Some(socket);
        self
    }

    /// Calls `watcher` for every step of every message, with the side whose socket received it: for tests and traces. It
    /// is called while the message moves and must not use the two sockets.
    #[must_use]
    pub fn watch(mut self, watcher: &'s dyn Fn(Side, RelayStep, &Message)) -> Self {
        self.watcher = Some(watcher);
        self
    }

    /// Which direction is served when both have something to move. Fair by default.
    #[must_use]
    pub const fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Messages that a direction moves at most in one turn: from 1 to 1024, and what is beyond counts as the nearest of
    /// these. [`BATCH_DEFAULT`] by default.
    #[must_use]
    pub fn batch(mut self, max: u32) -> Self {
        self.batch = max.clamp(1, MESSAGES_PER_POLL);
        self
    }

    /// Messages that each direction goes on receiving, at most, while one waits for room: for sockets whose own pipes
    /// are small. None by default, as the pipes are the queue.
    #[must_use]
    pub const fn queue(mut self, max: usize) -> Self {
        self.queue = max;
        self
    }

    /// Steers the proxy, from wherever the handle is taken.
    pub fn handle(&self) -> ProxyHandle {
        ProxyHandle(Arc::clone(&self.shared))
    }

    /// What was done so far.
    pub fn statistics(&self) -> Statistics {
        let mut statistics = Statistics::default();
        let (forward, backward) = (&self.forward.moved, &self.backward.moved);
        let lost = [self.frontend.lost(), self.backend.lost()];
        let ends =
            [(&mut statistics.frontend, forward, backward), (&mut statistics.backend, backward, forward)];
        for ((traffic, inward, outward), (now, before)) in
            ends.into_iter().zip(lost.into_iter().zip(self.lost_before))
        {
            traffic.received = inward.received;
            traffic.received_bytes = inward.received_bytes;
            traffic.sent = outward.sent;
            traffic.sent_bytes = outward.sent_bytes;
            traffic.dropped = outward.refused + (now - before);
        }
        statistics.captured = forward.captured + backward.captured;
        statistics.capture_missed = forward.capture_missed + backward.capture_missed;
        statistics.errors = forward.refused + backward.refused;
        statistics
    }

    /// Forwards until a [handle](Self::handle) or the control socket says TERMINATE or KILL, and returns what was done.
    /// Both end it promptly in every state, paused or without room: see [`ProxyHandle::terminate`].
    ///
    /// Cancel-safe: a dropped `run` loses nothing, and the next one goes on where it was.
    ///
    /// # Errors
    /// A [`ProxyError`] names the side whose socket can no longer be used.
    pub async fn run(&mut self) -> Result<Statistics, ProxyError> {
        if planted(Bug::ProxyForgets) {
            (self.forward, self.backward) = Default::default();
        }
        for (side, checked) in [
            (Side::Frontend, self.frontend.core().check_runtime("receive")),
            (Side::Backend, self.backend.core().check_runtime("receive")),
        ] {
            checked.map_err(|source| ProxyError { side, operation: "receive", source })?;
        }
        let mut wakeups = Wakeups {
            readable: [self.frontend.readable(), self.backend.readable()],
            writable: [self.frontend.writable(), self.backend.writable()],
            control: self.control.map(Control::readable),
            shared: Arc::clone(&self.shared),
        };
        // Where there is no runtime nobody wakes its tasks either.
        self.shared.set_doorbell(self.frontend.network().doorbell().ok().flatten());
        let outcome = poll_fn(|context| {
            let poll = self.poll_run(context, &mut wakeups);
            self.shared.publish(&self.statistics());
            poll
        })
        .await;
        self.shared.reset();
        outcome.map(|()| self.statistics())
    }

    fn poll_run(&mut self, context: &Context<'_>, wakeups: &mut Wakeups) -> Poll<Result<(), ProxyError>> {
        self.shared.watch(context.waker());
        let mut poll = PollBudget::new();
        let mut waits = false;
        loop {
            let commanded = self.handle_commands(&mut poll);
            let moved = match self.shared.order() {
                Order::Run => self.exchange(&mut poll, true)?,
                Order::Pause => false,
                Order::Terminate => {
                    let moved = self.exchange(&mut poll, false)?;
                    if !self.has_more_to_send(&poll, moved) {
                        self.put_back();
                        return Poll::Ready(Ok(()));
                    }
                    moved
                }
                Order::Kill => {
                    self.put_back();
                    return Poll::Ready(Ok(()));
                }
            };
            if poll.is_over() {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if commanded || moved {
                waits = false;
            } else if waits {
                return Poll::Pending;
            } else {
                let fills = [&self.forward, &self.backward].map(|way| way.has_queue_room(self.queue));
                wakeups.wait(self.turn_ends, fills, context.waker());
                // What came before the task was on the lists is seen by one more look.
                waits = true;
            }
        }
    }

    /// Whether a proxy that terminates goes on: it moves, or a socket asked for its drivers to run once before it
    /// drops anything. Room that may never come is not waited for.
    fn has_more_to_send(&self, poll: &PollBudget, moved: bool) -> bool {
        let in_hand = !(self.forward.is_empty() && self.backward.is_empty());
        let waits = planted(Bug::ProxyTerminatesInVain);
        in_hand && (moved || poll.has_yielded() || waits)
    }

    /// Serves the directions as the mode says, until nothing moves or the poll is over. Says whether anything moved.
    #[inline]
    fn exchange(&mut self, poll: &mut PollBudget, receive: bool) -> Result<bool, ProxyError> {
        let mut ever = false;
        loop {
            let (first, alternates) = match self.mode {
                Mode::Fair if planted(Bug::ProxyDrainsOneSide) => (Side::Frontend, false),
                Mode::Fair => (self.next, true),
                Mode::Biased(side) => (side, false),
            };
            self.next = first.other();
            let mut moved = self.turn(first, poll, receive)?;
            if (alternates || !moved) && poll.messages > 0 {
                self.next = first;
                moved |= self.turn(first.other(), poll, receive)?;
            }
            ever |= moved;
            if !moved || poll.messages == 0 {
                return Ok(ever);
            }
        }
    }

    /// Moves what `side` has received, one turn's worth. Says whether anything moved.
    #[inline]
    fn turn(&mut self, side: Side, poll: &mut PollBudget, receive: bool) -> Result<bool, ProxyError> {
        let way = side as usize;
        if poll.yielded[way] || (self.single && side == Side::Backend) {
            return Ok(false);
        }
        if planted(Bug::ProxyServesOneSide) && side == Side::Backend && !self.forward.is_empty() {
            return Ok(false);
        }
        let bounds = Bounds { max: self.batch, queue: self.queue, receive };
        let (capture, told) = (self.capture, self.watcher);
        let tell = told.map(|watcher| move |step, message: &Message| watcher(side, step, message));
        let watcher = tell.as_ref().map(|tell| tell as Watcher<'_>);
        let turn = match side {
            Side::Frontend => self.forward.turn(self.frontend, self.backend, capture, watcher, bounds),
            Side::Backend => self.backward.turn(self.backend, self.frontend, capture, watcher, bounds),
        };
        let (count, end) = turn.map_err(|failure| match failure {
            Failure::Receive(source) => ProxyError { side, operation: "receive", source },
            Failure::Send(source) => ProxyError { side: side.other(), operation: "send", source },
        })?;
        // A turn is never cut short, as that would favour the side that began the poll.
        poll.messages = poll.messages.saturating_sub(count);
        poll.yielded[way] = end == TurnEnd::Yield;
        self.turn_ends[way] = end;
        Ok(count > 0)
    }

    /// Obeys what the control socket says. True when it said anything.
    fn handle_commands(&self, poll: &mut PollBudget) -> bool {
        let Some(control) = self.control else { return false };
        let mut any = false;
        // A control socket that cannot be read steers nothing; the handle still does.
        while poll.commands > 0
            && let Ok(Some(message)) = control.take()
        {
            poll.commands -= 1;
            any = true;
            let answer = match Command::parse(&message) {
                Some(Command::Statistics) => {
                    control.answer(self.statistics().to_message());
                    continue;
                }
                Some(Command::Pause) => self.shared.give_order(Order::Pause),
                Some(Command::Resume) => self.shared.give_order(Order::Run),
                Some(Command::Terminate) => self.shared.give_order(Order::Terminate),
                Some(Command::Kill) => self.shared.give_order(Order::Kill),
                None => UNKNOWN_COMMAND,
            };
            if control.is_lockstep() {
                control.answer(answer.into());
            }
        }
        any
    }

    fn put_back(&mut self) {
        let told = self.watcher;
        let tell = |side| told.map(|watcher| move |step, message: &Message| watcher(side, step, message));
        let (front, back) = (tell(Side::Frontend), tell(Side::Backend));
        self.forward.put_back(self.frontend, front.as_ref().map(|tell| tell as Watcher<'_>));
        self.backward.put_back(self.backend, back.as_ref().map(|tell| tell as Watcher<'_>));
    }
}

impl<F: Forwards, B: Forwards, N: Network> Drop for Proxy<'_, F, B, N> {
    fn drop(&mut self) {
        self.put_back();
    }
}

impl<F: Forwards, B: Forwards, N: Network> fmt::Debug for Proxy<'_, F, B, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("frontend", &self.frontend)
            .field("backend", &self.backend)
            .field("mode", &self.mode)
            .field("batch", &self.batch)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}
