//! What all sockets have in common: endpoints, waiting, timeouts, closing.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
#[cfg(feature = "compio")]
use seaworthy_core::CompioNetwork;
use seaworthy_core::{Endpoint, Listener, Message, Network, Options, ToEndpoint};
use seaworthy_zmtp::SocketType;

use crate::context::Context;
use crate::error::{Error, TrySendError};
use crate::monitor::{Event, Monitor, Monitors};
use crate::parcel::PipeEnd;
use crate::pattern::{Pattern, Receives, Sends, Unsent};
use crate::peers::{PeerId, Peers, Ready};
use crate::sink::MessageSink;
use crate::tasks::Tasks;
use crate::transport::{Closing, Port, dial, listen};

/// Operations that may succeed one after the other before the task lets others run. Without a limit a task that
/// always finds room, or a message, would starve the drivers on its own thread.
const OPERATIONS_PER_TURN: u32 = 2048;

/// A ZeroMQ socket. Its type, such as [`PushSocket`](crate::PushSocket), says what it can do: a PUSH has no `recv`.
///
/// All methods take `&self`, so one task can send while another receives. A socket belongs to the thread, and the
/// runtime, that made it.
///
/// **Cancel-safety.** No future of a socket owns an operation of the network: `send` puts a message into a pipe,
/// `recv` takes one out, and the connection's own task does the rest. Dropping a `send` that is not complete means
/// that nothing was sent; dropping a `recv` that is not complete loses nothing.
///
/// Dropping a socket closes it: what is queued still goes out in the background, for as long as `linger` says and
/// the runtime runs. [`close`](Self::close) waits for that.
#[cfg(feature = "compio")]
pub struct Socket<P: Pattern, N: Network = CompioNetwork> {
    core: Rc<Core<P>>,
    context: Context<N>,
}

/// A ZeroMQ socket. Its type, such as [`PushSocket`](crate::PushSocket), says what it can do: a PUSH has no `recv`.
#[cfg(not(feature = "compio"))]
pub struct Socket<P: Pattern, N: Network> {
    core: Rc<Core<P>>,
    context: Context<N>,
}

/// The part of a socket that its transport tasks hold too.
struct Core<P> {
    options: Options,
    state: RefCell<State<P>>,
    readable: std::sync::Arc<Ready>,
    writable: std::sync::Arc<Ready>,
    endpoints: RefCell<Vec<HeldEndpoint>>,
    monitors: Monitors,
    tasks: Tasks,
    closed: Cell<bool>,
    /// Operations since a task last let others run.
    operations: Cell<u32>,
}

struct State<P> {
    pattern: P,
    peers: Peers,
}

/// An endpoint that the socket bound or connected.
struct HeldEndpoint {
    /// As the user gave it.
    given: Endpoint,
    /// As it was resolved.
    resolved: Endpoint,
    bound: bool,
    closing: Closing,
}

impl<P: Pattern, N: Network> Socket<P, N> {
    /// A socket with default [`Options`].
    ///
    /// # Errors
    /// None today: the default options are valid.
    pub fn new(context: &Context<N>) -> Result<Self, Error> {
        Self::with_options(context, Options::default())
    }

    /// A socket with these options.
    ///
    /// # Errors
    /// [`InvalidOption`](Error::InvalidOption) names the option whose value cannot be used.
    pub fn with_options(context: &Context<N>, options: Options) -> Result<Self, Error> {
        check::<P>(&options)?;
        let peers = Peers::new();
        let pattern = P::new(&options, context.network().random());
        let core = Core {
            options,
            readable: peers.readable.clone(),
            writable: peers.writable.clone(),
            state: RefCell::new(State { pattern, peers }),
            endpoints: RefCell::default(),
            monitors: Monitors::default(),
            tasks: Tasks::default(),
            closed: Cell::new(false),
            operations: Cell::new(0),
        };
        Ok(Self { core: Rc::new(core), context: context.clone() })
    }

    /// Listens at an endpoint and gives it back with its port resolved. Peers are accepted in the background from
    /// now on.
    ///
    /// # Errors
    /// [`Endpoint`](Error::Endpoint): not an endpoint. [`Bind`](Error::Bind): it cannot be bound.
    pub fn bind(&self, endpoint: impl ToEndpoint) -> Result<Endpoint, Error> {
        let given = endpoint.to_endpoint()?;
        if let Endpoint::Inproc(_) = given {
            let reason = "inproc is not available yet";
            return Err(Error::Unsupported { operation: "bind", endpoint: Box::new(given), reason });
        }
        self.core.check_open()?;
        let network = self.context.network();
        let listener = network
            .listen(&given, &self.core.options.stream)
            .map_err(|source| Error::Bind { endpoint: Box::new(given.clone()), source })?;
        let resolved = listener.local_endpoint();
        let closing = Closing::default();
        self.core.endpoints.borrow_mut().push(HeldEndpoint {
            given,
            resolved: resolved.clone(),
            bound: true,
            closing: closing.clone(),
        });
        self.core.monitors.emit(Event::Listening { endpoint: resolved.clone() });
        listen(network, listener, self.port(), resolved.clone(), closing, &self.core.tasks);
        Ok(resolved)
    }

    /// Connects to an endpoint in the background, and reconnects whenever the connection is lost. Messages can be
    /// sent from now on; they wait for the connection (unless `immediate` is set).
    ///
    /// A second connect of a DEALER, REQ, PUB or SUB to the same endpoint changes nothing; other types get a
    /// second pipe.
    ///
    /// # Errors
    /// [`Endpoint`](Error::Endpoint): not an endpoint. That nobody listens there is no error: somebody may, later.
    pub fn connect(&self, endpoint: impl ToEndpoint) -> Result<(), Error> {
        let given = endpoint.to_endpoint()?;
        if let Some(reason) = unconnectable(&given) {
            return Err(Error::Unsupported { operation: "connect", endpoint: Box::new(given), reason });
        }
        self.core.check_open()?;
        let once =
            matches!(P::TYPE, SocketType::Dealer | SocketType::Req | SocketType::Pub | SocketType::Sub);
        if once && self.core.endpoints.borrow().iter().any(|held| !held.bound && held.given == given) {
            return Ok(());
        }
        let closing = Closing::default();
        let token = self.core.tasks.token();
        dial(self.context.network(), self.port(), given.clone(), closing.clone(), token);
        self.core.endpoints.borrow_mut().push(HeldEndpoint {
            resolved: given.clone(),
            given,
            bound: false,
            closing,
        });
        Ok(())
    }

    /// Stops listening at an endpoint that was bound, named as it was given or as it was resolved, and ends the
    /// connections that were accepted there. What is queued for them goes out within `linger`.
    ///
    /// # Errors
    /// [`UnknownEndpoint`](Error::UnknownEndpoint): it is not bound.
    pub fn unbind(&self, endpoint: impl ToEndpoint) -> Result<(), Error> {
        self.core.release(endpoint.to_endpoint()?, true)
    }

    /// Gives up an endpoint that was connected, and its connection. What is queued for it goes out within
    /// `linger`.
    ///
    /// # Errors
    /// [`UnknownEndpoint`](Error::UnknownEndpoint): it is not connected.
    pub fn disconnect(&self, endpoint: impl ToEndpoint) -> Result<(), Error> {
        self.core.release(endpoint.to_endpoint()?, false)
    }

    /// Watches what happens to the socket's connections from now on.
    pub fn monitor(&self) -> Monitor {
        self.core.monitors.monitor()
    }

    /// The options the socket was made with.
    pub fn options(&self) -> &Options {
        &self.core.options
    }

    /// Number of peers: connected endpoints, accepted connections, and peers that left messages behind which were not
    /// received yet.
    pub fn peers(&self) -> usize {
        self.core.state.borrow().peers.len()
    }

    /// Closes the socket and waits until everything queued was handed to the network, or `linger` is over.
    ///
    /// Cancel-safe: dropping the future leaves the rest to the background, as dropping the socket does.
    pub async fn close(self) {
        self.core.close();
        poll_fn(|context| self.core.tasks.poll_below(1, context)).await;
    }

    fn port(&self) -> Rc<dyn Port> {
        Rc::clone(&self.core) as Rc<dyn Port>
    }

    pub(crate) fn with_state<R>(&self, act: impl FnOnce(&mut P, &mut Peers) -> R) -> R {
        let mut state = self.core.state.borrow_mut();
        let State { pattern, peers } = &mut *state;
        act(pattern, peers)
    }

    /// Waits for `work`, at most for `limit`.
    async fn within<T>(
        &self,
        limit: Option<Duration>,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut work = pin!(work);
        let mut expiry = pin!(None);
        poll_fn(|context| {
            if let Poll::Ready(output) = work.as_mut().poll(context) {
                return Poll::Ready(output);
            }
            let Some(limit) = limit else { return Poll::Pending };
            if expiry.is_none() {
                let network = self.context.network();
                expiry.set(Some(network.sleep_until(network.now() + limit)));
            }
            match expiry.as_mut().as_pin_mut().map(|expiry| expiry.poll(context)) {
                Some(Poll::Ready(())) => Poll::Ready(Err(Error::WouldBlock)),
                _ => Poll::Pending,
            }
        })
        .await
    }
}

impl<P: Sends, N: Network> Socket<P, N> {
    /// Sends a message to the peer, or the peers, that the socket's type says, once there is room.
    ///
    /// Anything that turns into frames can be sent: a string, bytes, a vector or array of frames.
    ///
    /// Cancel-safe: if the future is dropped before it completes, nothing was sent.
    ///
    /// # Errors
    /// [`WouldBlock`](Error::WouldBlock): no room within `sndtimeo`. What else depends on the socket's type.
    pub async fn send(&self, message: impl Into<Message>) -> Result<(), Error> {
        if self.core.options.sndtimeo == Some(Duration::ZERO) {
            return Ok(self.try_send(message)?);
        }
        if self.core.is_turn_over() {
            yield_now().await;
        }
        let mut message = message.into();
        match self.core.try_send(&mut message) {
            Ok(()) => return Ok(()),
            Err(Unsent::Failed(error)) => return Err(error),
            Err(Unsent::Full) => {}
            Err(Unsent::Yield) => yield_now().await,
        }
        self.within(self.core.options.sndtimeo, poll_fn(|context| self.core.poll_send(context, &mut message)))
            .await
    }

    /// Sends a message if that is possible now.
    ///
    /// # Errors
    /// As [`send`](Self::send); the message is given back.
    pub fn try_send(&self, message: impl Into<Message>) -> Result<(), TrySendError> {
        let mut message = message.into();
        let mut outcome = self.core.try_send(&mut message);
        if matches!(outcome, Err(Unsent::Yield)) {
            outcome = self.core.try_send(&mut message);
        }
        outcome.map_err(|unsent| match unsent {
            Unsent::Full | Unsent::Yield => TrySendError { message, error: Error::WouldBlock },
            Unsent::Failed(error) => TrySendError { message, error },
        })
    }

    /// The socket as a [`Sink`](futures_sink::Sink) of messages.
    pub fn sink(&self) -> MessageSink<'_, P, N> {
        MessageSink::new(self)
    }

    pub(crate) fn poll_send(
        &self,
        context: &TaskContext<'_>,
        message: &mut Message,
    ) -> Poll<Result<(), Error>> {
        self.core.poll_send(context, message)
    }
}

impl<P: Receives, N: Network> Socket<P, N> {
    /// Receives the next message, once there is one.
    ///
    /// Cancel-safe: if the future is dropped before it completes, no message is lost.
    ///
    /// # Errors
    /// [`WouldBlock`](Error::WouldBlock): no message within `rcvtimeo`. What else depends on the socket's type.
    pub async fn recv(&self) -> Result<Message, Error> {
        if self.core.options.rcvtimeo == Some(Duration::ZERO) {
            return self.try_recv();
        }
        if self.core.is_turn_over() {
            yield_now().await;
        }
        if let Some(outcome) = self.core.try_recv().transpose() {
            return outcome;
        }
        self.within(self.core.options.rcvtimeo, poll_fn(|context| self.core.poll_recv(context))).await
    }

    /// Receives a message if there is one now.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn try_recv(&self) -> Result<Message, Error> {
        self.core.try_recv()?.ok_or(Error::WouldBlock)
    }

    /// Waits for one message and then takes what is there, at most `max` messages, into `messages`. Gives how
    /// many came: at least one, unless `max` is zero.
    ///
    /// Cancel-safe: if the future is dropped before it completes, no message is lost.
    ///
    /// # Errors
    /// As [`recv`](Self::recv), when the first message fails.
    pub async fn recv_batch(&self, messages: &mut Vec<Message>, max: usize) -> Result<usize, Error> {
        if max == 0 {
            return Ok(0);
        }
        messages.push(self.recv().await?);
        let mut count = 1;
        while count < max
            && let Ok(Some(message)) = self.core.try_recv()
        {
            messages.push(message);
            count += 1;
        }
        Ok(count)
    }
}

/// Messages as they come. The stream never ends by itself; an `Err` need not be the last item.
impl<P: Receives, N: Network> Stream for Socket<P, N> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        self.core.poll_recv(context).map(Some)
    }
}

impl<P: Pattern, N: Network> Drop for Socket<P, N> {
    fn drop(&mut self) {
        self.core.close();
    }
}

impl<P: Pattern, N: Network> fmt::Debug for Socket<P, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(P::TYPE.name()).field("peers", &self.peers()).finish_non_exhaustive()
    }
}

impl<P: Pattern> Core<P> {
    fn check_open(&self) -> Result<(), Error> {
        if self.closed.get() { Err(Error::Closed) } else { Ok(()) }
    }

    /// Lets go of every peer and endpoint. Transport tasks end once they have sent what is queued.
    fn close(&self) {
        if self.closed.replace(true) {
            return;
        }
        self.state.borrow_mut().peers.clear();
        for endpoint in self.endpoints.take() {
            endpoint.closing.close();
        }
        self.monitors.close();
        self.readable.wake();
        self.writable.wake();
    }

    fn release(&self, endpoint: Endpoint, bound: bool) -> Result<(), Error> {
        self.check_open()?;
        let mut released = Vec::new();
        self.endpoints.borrow_mut().retain(|held| {
            let same = held.bound == bound && (held.given == endpoint || held.resolved == endpoint);
            if same {
                released.push(held.closing.clone());
            }
            !same
        });
        if released.is_empty() {
            return Err(Error::UnknownEndpoint(Box::new(endpoint)));
        }
        for closing in released {
            for id in closing.peers() {
                self.part(id, bound);
            }
            closing.close();
        }
        self.writable.wake();
        self.readable.wake();
        Ok(())
    }

    /// Sends nothing to a peer from now on, and receives from it only what it has delivered, if that is `kept`.
    fn part(&self, id: PeerId, kept: bool) {
        let mut state = self.state.borrow_mut();
        let State { pattern, peers } = &mut *state;
        if let Some(peer) = peers.get_mut(id)
            && !std::mem::replace(&mut peer.departed, true)
        {
            peer.connected = false;
            peer.pipe.out.close();
            pattern.departed(peers, id);
        }
        if !kept || peers.get_mut(id).is_some_and(|peer| peer.pipe.inward.is_ended()) {
            peers.remove(id);
        }
    }

    /// True when the task must let others run before it goes on.
    #[inline]
    fn is_turn_over(&self) -> bool {
        let operations = self.operations.get() + 1;
        let over = operations > OPERATIONS_PER_TURN;
        self.operations.set(if over { 0 } else { operations });
        over
    }
}

impl<P: Sends> Core<P> {
    #[inline(always)]
    fn try_send(&self, message: &mut Message) -> Result<(), Unsent> {
        if message.is_empty() {
            return Err(Unsent::Failed(Error::InvalidMessage { reason: "it has no frames" }));
        }
        if self.closed.get() {
            return Err(Unsent::Failed(Error::Closed));
        }
        let mut state = self.state.borrow_mut();
        let State { pattern, peers } = &mut *state;
        pattern.try_send(peers, message)
    }

    fn poll_send(&self, context: &TaskContext<'_>, message: &mut Message) -> Poll<Result<(), Error>> {
        if self.is_turn_over() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        for last_look in [false, true] {
            match self.try_send(message) {
                Ok(()) => return Poll::Ready(Ok(())),
                Err(Unsent::Failed(error)) => return Poll::Ready(Err(error)),
                Err(Unsent::Yield) => {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Err(Unsent::Full) if !last_look => self.writable.wait(context.waker()),
                Err(Unsent::Full) => {}
            }
        }
        self.operations.set(0);
        Poll::Pending
    }
}

impl<P: Receives> Core<P> {
    #[inline(always)]
    fn try_recv(&self) -> Result<Option<Message>, Error> {
        self.check_open()?;
        let mut state = self.state.borrow_mut();
        let State { pattern, peers } = &mut *state;
        pattern.try_recv(peers)
    }

    fn poll_recv(&self, context: &TaskContext<'_>) -> Poll<Result<Message, Error>> {
        if self.is_turn_over() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        for last_look in [false, true] {
            match self.try_recv() {
                Ok(Some(message)) => return Poll::Ready(Ok(message)),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
            if !last_look {
                self.readable.wait(context.waker());
            }
        }
        self.operations.set(0);
        Poll::Pending
    }
}

impl<P: Pattern> Port for Core<P> {
    fn options(&self) -> &Options {
        &self.options
    }

    fn socket_type(&self) -> SocketType {
        P::TYPE
    }

    fn attach(&self, pipe: PipeEnd) -> Option<PeerId> {
        if self.closed.get() {
            return None;
        }
        let mut state = self.state.borrow_mut();
        let State { pattern, peers } = &mut *state;
        let id = peers.insert(pipe);
        pattern.attached(id);
        self.readable.wake();
        self.writable.wake();
        Some(id)
    }

    fn connected(&self, id: PeerId, routing_id: &Bytes) -> Vec<Bytes> {
        let mut state = self.state.borrow_mut();
        let State { pattern, peers } = &mut *state;
        let Some(peer) = peers.get_mut(id) else { return Vec::new() };
        peer.connected = true;
        pattern.connected(peers, id, routing_id);
        pattern.topics()
    }

    fn disconnected(&self, id: PeerId) {
        if let Some(peer) = self.state.borrow_mut().peers.get_mut(id) {
            peer.connected = false;
        }
    }

    fn departed(&self, id: PeerId) {
        self.part(id, true);
    }

    fn subscription(&self, id: PeerId, topic: Bytes, subscribe: bool) -> bool {
        self.state.borrow_mut().pattern.subscription(id, topic, subscribe)
    }

    fn stopped(&self, closing: &Closing) {
        self.endpoints.borrow_mut().retain(|held| !held.closing.is(closing));
    }

    fn emit(&self, event: Event) {
        self.monitors.emit(event);
    }
}

/// Lets the other tasks of the thread run once.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Longest time to live that a PING can carry (RFC 37).
const HEARTBEAT_TTL_MAX: Duration = Duration::from_millis(6_553_500);

/// Longest routing id, in bytes (RFC 37).
const ROUTING_ID_MAX: usize = 255;

fn check<P: Pattern>(options: &Options) -> Result<(), Error> {
    let invalid = |option, reason| Err(Error::InvalidOption { option, reason });
    if options.routing_id.len() > ROUTING_ID_MAX {
        return invalid("routing_id", "it is longer than 255 bytes");
    }
    if options.routing_id.first() == Some(&0) {
        return invalid(
            "routing_id",
            "routing ids that begin with a zero byte are for the receiving ROUTER to give",
        );
    }
    if options.heartbeat_ttl > HEARTBEAT_TTL_MAX {
        return invalid("heartbeat_ttl", "it is longer than the 6553.5 s that a PING can carry");
    }
    let named = matches!(P::TYPE, SocketType::Req | SocketType::Dealer | SocketType::Router);
    for (option, set, has) in [
        ("routing_id", !options.routing_id.is_empty(), named),
        ("probe_router", options.probe_router, named),
        ("router_mandatory", options.router_mandatory, P::TYPE == SocketType::Router),
        ("router_handover", options.router_handover, P::TYPE == SocketType::Router),
        ("req_correlate", options.req_correlate, P::TYPE == SocketType::Req),
        ("req_relaxed", options.req_relaxed, P::TYPE == SocketType::Req),
        ("xpub_nodrop", options.xpub_nodrop, matches!(P::TYPE, SocketType::Pub | SocketType::XPub)),
    ] {
        if set && !has {
            return invalid(option, "a socket of this type has no such option");
        }
    }
    if options.stream.sndbuf == Some(0) {
        return invalid("sndbuf", "a buffer of no bytes");
    }
    if options.stream.rcvbuf == Some(0) {
        return invalid("rcvbuf", "a buffer of no bytes");
    }
    Ok(())
}

/// Why nobody can connect there.
fn unconnectable(endpoint: &Endpoint) -> Option<&'static str> {
    use seaworthy_core::{Host, IpcPath};
    match endpoint {
        Endpoint::Inproc(_) => Some("inproc is not available yet"),
        Endpoint::Tcp { port: 0, .. } => Some("it has no port"),
        Endpoint::Tcp { host: Host::Ip(ip), .. } if ip.is_unspecified() => Some("it has no address"),
        Endpoint::Ipc(IpcPath::Wildcard) => Some("it has no path"),
        Endpoint::Tcp { .. } | Endpoint::Ipc(_) => None,
    }
}
