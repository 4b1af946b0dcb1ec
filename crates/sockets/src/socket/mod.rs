//! What all sockets have in common: endpoints, waiting, timeouts, closing.

mod busy_poll;
mod coop_budget;
mod core;
mod endpoints;
mod home;
mod queued;
mod receiving;
mod relaying;
mod sending;
mod setters;
mod socket_ref;
mod timeout;
mod validity;

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use seaworthy_core::inproc::NameTaken;
use seaworthy_core::{Doorbell, Endpoint, Listener, Network, Options, ToEndpoint};
use seaworthy_zmtp::SocketType;

pub(crate) use self::core::Core;
use self::core::{State, puts_off};
use self::endpoints::Binding;
pub use self::queued::Queued;
use self::validity::{check, unbindable, unconnectable};
use crate::context::Context;
use crate::default_network::DefaultNetwork;
use crate::error::{Error, LeftUnsent};
use crate::inproc;
use crate::log::Severity;
use crate::monitor::ConnectionInfo;
use crate::monitor::Event;
use crate::monitor::Monitor;
use crate::patterns::{Pattern, Subscribes};
use crate::peers::Peers;
use crate::ready_set::Waiter;
use crate::transport::{CloseSignal, IDLE_AFTER, PeerRejected, SocketRef, dial, listen};

/// Turns that the tasks of a socket get, once the time to close it is over, to end and to say what is left.
const TURNS_AFTER_EXPIRY: u32 = 2;

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
pub struct Socket<P: Pattern, N: Network = DefaultNetwork> {
    core: Rc<Core<P>>,
    context: Context<N>,
    /// For the task that polls the socket as a stream.
    streaming: Waiter,
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
        let core = Core::<P>::new(options, context);
        Ok(Self { streaming: core.readable(), core: Rc::new(core), context: context.clone() })
    }

    /// Listens at an endpoint and returns it with its port resolved. Peers are accepted in the background from
    /// now on.
    ///
    /// # Errors
    /// [`Endpoint`](Error::Endpoint): not an endpoint. [`Bind`](Error::Bind): it cannot be bound.
    /// [`Runtime`](Error::Runtime): outside of a runtime, or in another one than the socket's first endpoint.
    pub fn bind(&self, endpoint: impl ToEndpoint) -> Result<Endpoint, Error> {
        let given = endpoint.to_endpoint()?;
        if let Some(reason) = unbindable(&given) {
            return Err(Error::Unsupported { operation: "bind", endpoint: Box::new(given), reason });
        }
        self.core.home.settle("bind")?;
        let network = self.context.network();
        if let Endpoint::Inproc(name) = &given {
            let doorbell = self.open_to_threads("bind")?;
            let closing = CloseSignal::default();
            let names = self.context.names();
            let bound =
                inproc::bind(network, names, name, self.socket_ref(), doorbell, &closing, &self.core.tasks);
            let _name = bound.map_err(|NameTaken| Error::Bind {
                endpoint: Box::new(given.clone()),
                source: io::Error::new(io::ErrorKind::AddrInUse, "a socket of this context has bound it"),
            })?;
            let resolved = given.clone();
            self.core.endpoints.add_bound(given, resolved.clone(), closing, Binding::Name { _name });
            return Ok(resolved);
        }
        self.wait_for_memory("bind")?;
        if puts_off::<P>() {
            self.start_publisher();
        }
        let listener = network
            .listen(&given, &self.core.options().stream)
            .map_err(|source| Error::Bind { endpoint: Box::new(given.clone()), source })?;
        let resolved = listener.local_endpoint();
        let closing = CloseSignal::default();
        self.core.emit(Event::Listening { endpoint: resolved.clone() }, Severity::Routine);
        let socket = self.socket_ref();
        let _handle = listen(network, listener, socket, resolved.clone(), closing.clone(), &self.core.tasks);
        self.core.endpoints.add_bound(given, resolved.clone(), closing, Binding::Listener { _handle });
        Ok(resolved)
    }

    /// Connects to an endpoint in the background, and reconnects whenever the connection is lost. Messages can be
    /// sent from now on; they wait for the connection (unless `immediate` is set).
    ///
    /// A second connect of a DEALER, REQ, PUB or SUB to the same endpoint changes nothing; other types get a
    /// second pipe. A PAIR that has a peer does not connect at all: a monitor sees
    /// [`ConnectStopped`](Event::ConnectStopped), and the endpoint is not kept.
    ///
    /// # Errors
    /// [`Endpoint`](Error::Endpoint): not an endpoint. That nobody listens there is no error: somebody may, later.
    /// [`Runtime`](Error::Runtime): outside of a runtime, or in another one than the socket's first endpoint.
    pub fn connect(&self, endpoint: impl ToEndpoint) -> Result<(), Error> {
        let given = endpoint.to_endpoint()?;
        if let Some(reason) = unconnectable(&given) {
            return Err(Error::Unsupported { operation: "connect", endpoint: Box::new(given), reason });
        }
        self.core.home.settle("connect")?;
        let once =
            matches!(P::TYPE, SocketType::Dealer | SocketType::Req | SocketType::Pub | SocketType::Sub);
        if once && self.core.endpoints.has_connected(&given) {
            return Ok(());
        }
        let closing = CloseSignal::default();
        if !matches!(given, Endpoint::Inproc(_)) {
            self.wait_for_memory("connect")?;
        }
        let token = self.core.tasks.token();
        let network = self.context.network();
        let connecting = match &given {
            Endpoint::Inproc(name) => {
                let doorbell = self.open_to_threads("connect")?;
                inproc::connect(
                    network,
                    self.context.names(),
                    name,
                    self.socket_ref(),
                    doorbell,
                    &closing,
                    token,
                )
            }
            _ if puts_off::<P>() => {
                self.start_publisher();
                dial(network, self.socket_ref(), given.clone(), closing.clone(), token)
            }
            _ => dial(network, self.socket_ref(), given.clone(), closing.clone(), token),
        };
        if let Err(PeerRejected) = connecting {
            let stopped = Event::ConnectStopped { endpoint: given, reason: PeerRejected.to_string() };
            self.core.emit(stopped, Severity::Fault);
            return Ok(());
        }
        self.core.endpoints.add_connected(given, closing);
        Ok(())
    }

    /// Stops listening at an endpoint that was bound, and ends the connections that were accepted there. What is
    /// queued for them goes out within `linger`. The endpoint is named as it was given (`tcp://localhost:*`), as it was
    /// resolved (`tcp://127.0.0.1:49152`), or by the host that was given and the port that was chosen
    /// (`tcp://localhost:49152`). When this returns, it can be bound again.
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

    /// Number of peers: connected endpoints, accepted connections, and peers that left messages behind which were not
    /// received yet.
    pub fn peers(&self) -> usize {
        self.core.state.borrow().peers.len()
    }

    /// The connections whose handshake is complete, the oldest first: who is there, at which address, and by what name
    /// a ROUTER knows it. It takes time in proportion to their number; to keep up with many, watch a
    /// [`monitor`](Self::monitor).
    pub fn connections(&self) -> Vec<ConnectionInfo> {
        self.core.connections.list()
    }

    /// Closes the socket and waits until everything queued was handed to the network, or `linger` is over.
    ///
    /// Cancel-safe: dropping the future leaves the rest to the background, as dropping the socket does. In another
    /// runtime than the socket's, which does not run meanwhile, it returns at once.
    pub async fn close(self) {
        self.core.close();
        if !self.core.home.can_wait() {
            return;
        }
        poll_fn(|context| self.core.tasks.poll_below(1, context)).await;
    }

    /// Closes the socket and waits for at most `limit`, whatever `linger` says, until everything queued was handed to the
    /// network. What is left then is dropped; a limit of zero drops everything that was not handed over yet.
    ///
    /// Cancel-safe: dropping the future leaves the rest to the background, with the same deadline.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use seaworthy::{Context, Error, PushSocket};
    ///
    /// # #[compio::main]
    /// # async fn main() -> Result<(), Error> {
    /// let push = PushSocket::new(&Context::new())?;
    /// push.connect("ipc://@nobody-will-ever-listen-here")?;
    /// push.send("for nobody").await?;
    /// let left = push.close_timeout(Duration::from_millis(10)).await.unwrap_err();
    /// assert_eq!(left.messages, 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`LeftUnsent`]: not everything was handed to the network in time, or a connection broke meanwhile. The socket is
    /// closed all the same.
    pub async fn close_timeout(self, limit: Duration) -> Result<(), LeftUnsent> {
        let network = self.context.network();
        let deadline = network.now() + limit;
        self.core.close_by.set(Some(deadline));
        self.core.close();
        if network.runtime().is_err() || !self.core.home.can_wait() {
            // Nobody here can wait, for the time or for the socket's tasks.
            let messages = self.core.tasks.left().0;
            return if self.core.tasks.count() == 0 { Ok(()) } else { Err(LeftUnsent { messages }) };
        }
        // The tasks have the same deadline; those that end by it are to say first what is left.
        let mut expiry = pin!(network.sleep_until(deadline + Duration::from_nanos(1)));
        let mut expired = 0;
        let closed = poll_fn(|context| {
            if self.core.tasks.poll_below(1, context).is_ready() {
                return Poll::Ready(true);
            }
            if expired == 0 && expiry.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            expired += 1;
            if expired > TURNS_AFTER_EXPIRY {
                return Poll::Ready(false);
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        match self.core.tasks.left() {
            (0, false) if closed => Ok(()),
            (messages, _) => Err(LeftUnsent { messages }),
        }
    }

    /// Makes the socket ready for peers on other threads. Returns the doorbell at which they wake its tasks.
    fn open_to_threads(&self, operation: &'static str) -> Result<Option<Arc<Doorbell>>, Error> {
        let doorbell = self.set_doorbell(operation)?;
        self.start_publisher();
        Ok(doorbell)
    }

    /// Where the context has a memory budget, makes the socket ready for other threads that release memory.
    fn wait_for_memory(&self, operation: &'static str) -> Result<(), Error> {
        if self.context.budget().is_some() {
            self.set_doorbell(operation)?;
        }
        Ok(())
    }

    fn set_doorbell(&self, operation: &'static str) -> Result<Option<Arc<Doorbell>>, Error> {
        let doorbell = self.context.network().doorbell();
        let doorbell = doorbell.map_err(|source| Error::Runtime { operation, source })?;
        if let Some(doorbell) = &doorbell {
            self.core.set_doorbell(doorbell);
        }
        Ok(doorbell)
    }

    /// Starts the task that hands over what was sent to other threads, when the task that sent it lets others run, goes
    /// on with what the socket put off, and frees what pipes keep since a burst.
    fn start_publisher(&self) {
        if !self.core.has_publisher.replace(true) {
            let (socket, network) = (self.socket_ref(), self.context.network().clone());
            let publish = async move {
                let mut pause = pin!(None);
                poll_fn(|context| {
                    if socket.poll_publish(context).is_ready() {
                        return Poll::Ready(());
                    }
                    if pause.is_none() && socket.frees_spares() {
                        pause.set(Some(network.sleep(IDLE_AFTER)));
                    }
                    if let Some(pause) = pause.as_mut().as_pin_mut() {
                        ready!(pause.poll(context));
                        socket.free_spares();
                    }
                    pause.set(None);
                    Poll::Pending
                })
                .await;
            };
            self.context.network().spawn("publisher", publish);
        }
    }

    /// True when both are the same socket.
    pub(crate) fn is_same<Q: Pattern>(&self, other: &Socket<Q, N>) -> bool {
        std::ptr::addr_eq(Rc::as_ptr(&self.core), Rc::as_ptr(&other.core))
    }

    pub(crate) fn core(&self) -> &Core<P> {
        &self.core
    }

    pub(crate) const fn network(&self) -> &N {
        self.context.network()
    }

    fn socket_ref(&self) -> Rc<dyn SocketRef> {
        Rc::clone(&self.core) as Rc<dyn SocketRef>
    }

    pub(crate) fn with_state<R>(&self, act: impl FnOnce(&mut P, &mut Peers) -> R) -> R {
        let mut state = self.core.state.borrow_mut();
        let State { pattern, peers, .. } = &mut *state;
        act(pattern, peers)
    }
}

impl<P: Subscribes, N: Network> Socket<P, N> {
    /// SUB and XSUB: asks every publisher for what begins with `topic` from now on, also those it connects to later;
    /// the empty topic is everything. Subscribing twice takes two [`unsubscribe`](Self::unsubscribe)s to undo.
    ///
    /// XPUB with `xpub_manual`: sends what begins with `topic` to the peer of the last notice that was received
    /// from now on. When that peer is gone, or there was no notice yet, it does nothing.
    ///
    /// # Errors
    /// [`InvalidState`](Error::InvalidState): an XPUB without `xpub_manual`.
    pub fn subscribe(&self, topic: impl Into<Bytes>) -> Result<(), Error> {
        let topic = topic.into();
        self.with_state(|pattern, peers| pattern.subscribe(peers, topic))
    }

    /// SUB and XSUB: takes a subscription back. A topic that is not subscribed to is no error, as in libzmq.
    ///
    /// XPUB with `xpub_manual`: takes back what [`subscribe`](Self::subscribe) gave the peer of the last notice
    /// that was received.
    ///
    /// # Errors
    /// As [`subscribe`](Self::subscribe).
    pub fn unsubscribe(&self, topic: impl AsRef<[u8]>) -> Result<(), Error> {
        self.with_state(|pattern, peers| pattern.unsubscribe(peers, topic.as_ref()))
    }
}

/// A socket is never pinned in its parts.
impl<P: Pattern, N: Network> Unpin for Socket<P, N> {}

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
