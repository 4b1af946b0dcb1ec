//! What all sockets have in common: endpoints, waiting, timeouts, closing.

mod busy_poll;
mod core;
mod validity;

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
#[cfg(feature = "compio")]
use seaworthy_core::CompioNetwork;
use seaworthy_core::inproc::NameTaken;
#[cfg(feature = "planted-bugs")]
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Endpoint, Listener, Message, Network, Options, ToEndpoint};
use seaworthy_zmtp::SocketType;

pub(crate) use self::core::Core;
use self::core::{HeldEndpoint, State};
use self::validity::{check, unconnectable};
use crate::context::Context;
use crate::error::{Error, TrySendError};
use crate::inproc;
use crate::monitor::{Event, Monitor};
use crate::pattern::{Pattern, Receives, Sends, Subscribes, Unsent};
use crate::peers::Peers;
use crate::ready::Place;
use crate::sink::MessageSink;
use crate::transport::{Closing, NotTaken, Port, dial, listen};

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
    /// The place of the task that polls the socket as a stream.
    streaming: Place,
}

/// A ZeroMQ socket. Its type, such as [`PushSocket`](crate::PushSocket), says what it can do: a PUSH has no `recv`.
#[cfg(not(feature = "compio"))]
pub struct Socket<P: Pattern, N: Network> {
    core: Rc<Core<P>>,
    context: Context<N>,
    /// The place of the task that polls the socket as a stream.
    streaming: Place,
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
        let core = Core::<P>::new(options, context.network().random());
        Ok(Self { streaming: core.readable(), core: Rc::new(core), context: context.clone() })
    }

    /// Listens at an endpoint and gives it back with its port resolved. Peers are accepted in the background from
    /// now on.
    ///
    /// # Errors
    /// [`Endpoint`](Error::Endpoint): not an endpoint. [`Bind`](Error::Bind): it cannot be bound.
    pub fn bind(&self, endpoint: impl ToEndpoint) -> Result<Endpoint, Error> {
        let given = endpoint.to_endpoint()?;
        let network = self.context.network();
        if let Endpoint::Inproc(name) = &given {
            self.start_publisher();
            let closing = Closing::default();
            let names = self.context.names();
            let bound = inproc::bind(network, names, name, self.port(), &closing, &self.core.tasks);
            let _name = Some(bound.map_err(|NameTaken| Error::Bind {
                endpoint: Box::new(given.clone()),
                source: io::Error::new(io::ErrorKind::AddrInUse, "a socket of this context has bound it"),
            })?);
            let resolved = given.clone();
            self.core.endpoints.borrow_mut().push(HeldEndpoint {
                given,
                resolved: resolved.clone(),
                bound: true,
                closing,
                _name,
            });
            return Ok(resolved);
        }
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
            _name: None,
        });
        self.core.monitors.emit(Event::Listening { endpoint: resolved.clone() });
        listen(network, listener, self.port(), resolved.clone(), closing, &self.core.tasks);
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
    pub fn connect(&self, endpoint: impl ToEndpoint) -> Result<(), Error> {
        let given = endpoint.to_endpoint()?;
        if let Some(reason) = unconnectable(&given) {
            return Err(Error::Unsupported { operation: "connect", endpoint: Box::new(given), reason });
        }
        let once =
            matches!(P::TYPE, SocketType::Dealer | SocketType::Req | SocketType::Pub | SocketType::Sub);
        if once && self.core.endpoints.borrow().iter().any(|held| !held.bound && held.given == given) {
            return Ok(());
        }
        let closing = Closing::default();
        let token = self.core.tasks.token();
        let network = self.context.network();
        let connecting = match &given {
            Endpoint::Inproc(name) => {
                self.start_publisher();
                inproc::connect(network, self.context.names(), name, self.port(), &closing, token)
            }
            _ => dial(network, self.port(), given.clone(), closing.clone(), token),
        };
        if let Err(NotTaken) = connecting {
            self.core.monitors.emit(Event::ConnectStopped { endpoint: given, reason: NotTaken.to_string() });
            return Ok(());
        }
        self.core.endpoints.borrow_mut().push(HeldEndpoint {
            resolved: given.clone(),
            given,
            bound: false,
            closing,
            _name: None,
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

    /// Starts the task that hands over what was sent to other threads, when the task that sent it lets others run.
    fn start_publisher(&self) {
        if !self.core.has_publisher.replace(true) {
            let port = self.port();
            self.context.network().spawn("publisher", poll_fn(move |context| port.poll_publish(context)));
        }
    }

    /// True when both are the same socket.
    pub(crate) fn is_same<Q: Pattern>(&self, other: &Socket<Q, N>) -> bool {
        std::ptr::addr_eq(Rc::as_ptr(&self.core), Rc::as_ptr(&other.core))
    }

    pub(crate) fn core(&self) -> &Core<P> {
        &self.core
    }

    fn port(&self) -> Rc<dyn Port> {
        Rc::clone(&self.core) as Rc<dyn Port>
    }

    pub(crate) fn with_state<R>(&self, act: impl FnOnce(&mut P, &mut Peers) -> R) -> R {
        let mut state = self.core.state.borrow_mut();
        let State { pattern, peers, .. } = &mut *state;
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
        if let Some(outcome) =
            self.core.busy_poll.find(self.context.network(), || match self.core.try_send(&mut message) {
                Ok(()) => Some(Ok(())),
                Err(Unsent::Failed(error)) => Some(Err(error)),
                Err(Unsent::Full | Unsent::Yield) => None,
            })
        {
            return outcome;
        }
        let mut place = self.core.writable();
        let sending = poll_fn(|context| self.core.poll_send(context, &mut place, &mut message));
        self.within(self.core.options.sndtimeo, sending).await
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
        let look = || self.core.try_recv_eagerly().transpose();
        if let Some(outcome) = look() {
            return outcome;
        }
        if let Some(outcome) = self.core.busy_poll.find(self.context.network(), look) {
            return outcome;
        }
        let mut place = self.core.readable();
        let receiving = poll_fn(|context| self.core.poll_recv(context, &mut place));
        let outcome = self.within(self.core.options.rcvtimeo, receiving).await;
        #[cfg(feature = "planted-bugs")]
        if planted(Bug::ReceiveLosesWhenDropped) {
            yield_now().await;
        }
        outcome
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

/// A socket is never pinned in its parts.
impl<P: Pattern, N: Network> Unpin for Socket<P, N> {}

/// Messages as they come. The stream never ends by itself; an `Err` need not be the last item.
impl<P: Receives, N: Network> Stream for Socket<P, N> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        this.core.poll_recv(context, &mut this.streaming).map(Some)
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
