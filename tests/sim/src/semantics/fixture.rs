//! Where a test plays: hosts, sockets on them, and one script that holds them all.

use std::cell::RefCell;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use seaworthy::authentication::{AuthenticationRequest, Verdict};
use seaworthy::monitor::{Event, HandshakeFailure};
use seaworthy::{Context, Endpoint, Host, Instant, Message, Monitor, Network, Options};
use seaworthy_sim::{Control, HostId, Sim, SimBuilder, SimNetwork};

use self::sockets::{Pub, Sub};

/// What a script gives: `?` works on everything.
pub(crate) type Outcome = Result<(), Box<dyn Error>>;

pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Virtual time after which a script that still waits is taken to wait for ever.
const DEADLINE: Duration = Duration::from_secs(24 * 3600);

/// Three hosts, each one millisecond from the others: `server`, `client` and `other`.
#[derive(Clone)]
pub(crate) struct Fixture {
    pub(crate) server: Place,
    pub(crate) client: Place,
    pub(crate) other: Place,
    pub(crate) control: Control,
}

/// A host of the stage.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) name: &'static str,
    pub(crate) id: HostId,
    /// What the sockets of its last boot share.
    context: Rc<RefCell<Option<Context<SimNetwork>>>>,
}

/// Plays a script to its end.
#[track_caller]
pub(crate) fn play<F>(script: impl FnOnce(Fixture) -> F + 'static)
where
    F: Future<Output = Outcome> + 'static,
{
    play_in(Sim::builder(1), script);
}

/// Plays a script on a stage of another kind.
#[track_caller]
pub(crate) fn play_in<F>(builder: SimBuilder, script: impl FnOnce(Fixture) -> F + 'static)
where
    F: Future<Output = Outcome> + 'static,
{
    let sim = builder.build();
    let stage = Fixture {
        server: Place::new(&sim, "server"),
        client: Place::new(&sim, "client"),
        other: Place::new(&sim, "other"),
        control: sim.control(),
    };
    let script = RefCell::new(Some(script));
    let control = sim.control();
    let script = sim.host("script", move |_| {
        let script = script.borrow_mut().take().expect("the script's host never restarts");
        script(stage.clone())
    });
    match sim.run_until_condition(Instant::ZERO + DEADLINE, || control.is_finished(script)) {
        Ok(true) => {}
        Ok(false) => panic!("the script waits for something that never happens"),
        Err(failure) => panic!("{failure}"),
    }
}

impl Place {
    fn new(sim: &Sim, name: &'static str) -> Self {
        let context: Rc<RefCell<Option<Context<SimNetwork>>>> = Rc::default();
        let slot = Rc::clone(&context);
        let id = sim.host(name, move |booted| {
            slot.replace(Some(Context::with_network(booted)));
            async { Ok(()) }
        });
        Self { name, id, context }
    }

    /// The network of the host, as of its last boot.
    pub(crate) fn network(&self) -> SimNetwork {
        self.context().network().clone()
    }

    /// What all sockets of the host share, as of its last boot.
    pub(crate) fn context(&self) -> Context<SimNetwork> {
        self.context.borrow().clone().expect("hosts boot before the script begins")
    }

    /// Sockets that are opened from now on share a budget of memory.
    pub(crate) fn set_memory_budget(&self, bytes: usize) -> Context<SimNetwork> {
        let context = Context::builder_with_network(self.network()).memory_budget(bytes).build();
        self.context.replace(Some(context.clone()));
        context
    }

    /// Verdicts on the peers of sockets that are opened from now on are given by `answer`.
    pub(crate) fn set_authenticator(
        &self,
        answer: impl Fn(&AuthenticationRequest) -> Verdict + Send + Sync + 'static,
    ) {
        let context = Context::builder_with_network(self.network()).authenticator(answer).build();
        self.context.replace(Some(context));
    }

    /// A socket with default options.
    pub(crate) fn open<S: Opens>(&self) -> S {
        self.open_with(Options::default())
    }

    pub(crate) fn open_with<S: Opens>(&self, options: Options) -> S {
        S::open(&self.context(), options)
    }

    /// The host's endpoint with this port, as other hosts name it.
    pub(crate) fn at(&self, port: u16) -> Endpoint {
        Endpoint::Tcp { host: Host::Name(self.name.to_owned()), port }
    }

    /// Binds a socket of this host to a port of its own and gives the endpoint as other hosts name it.
    pub(crate) fn bind<S: Opens>(&self, socket: &S) -> Endpoint {
        match socket.bind_at("tcp://*:*") {
            Endpoint::Tcp { port, .. } => self.at(port),
            other => panic!("bound {other} when asked for tcp"),
        }
    }
}

/// A socket of any type, so that a test says which by naming the type: `let push: Push = stage.client.open();`.
pub(crate) trait Opens {
    fn open(context: &Context<SimNetwork>, options: Options) -> Self;
    fn bind_at(&self, endpoint: &str) -> Endpoint;
}

/// The socket types, on the simulated network.
pub(crate) mod sockets {
    use seaworthy::{Context, Endpoint, Options};
    use seaworthy_sim::SimNetwork;

    use super::Opens;

    macro_rules! on_the_simulated_network {
        ($($name:ident = $socket:ident;)*) => {$(
            pub(crate) type $name = seaworthy::$socket<SimNetwork>;

            impl Opens for $name {
                fn open(context: &Context<SimNetwork>, options: Options) -> Self {
                    Self::with_options(context, options).expect("valid options")
                }

                fn bind_at(&self, endpoint: &str) -> Endpoint {
                    self.bind(endpoint).expect("a free port")
                }
            }
        )*};
    }

    on_the_simulated_network! {
        Push = PushSocket;
        Pull = PullSocket;
        Dealer = DealerSocket;
        Router = RouterSocket;
        Req = ReqSocket;
        Rep = RepSocket;
        Pub = PubSocket;
        Sub = SubSocket;
        XPub = XPubSocket;
        XSub = XSubSocket;
        Pair = PairSocket;
    }
}

impl Fixture {
    pub(crate) fn now(&self) -> Instant {
        self.control.now()
    }

    /// Lets time pass: to show that something does *not* happen, never to wait until something has.
    pub(crate) async fn pass(&self, duration: Duration) {
        let network = self.other.network();
        network.sleep_until(network.now() + duration).await;
    }

    /// What `work` gives, or `None` when that takes longer than `limit`.
    pub(crate) async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        let mut expiry = pin!(self.pass(limit));
        poll_fn(|context| {
            if let Poll::Ready(output) = work.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            expiry.as_mut().poll(context).map(|()| None)
        })
        .await
    }

    /// Shows that `work` does not complete within ten seconds, a thousand times longer than a round trip.
    #[track_caller]
    pub(crate) fn never<'a, T: std::fmt::Debug + 'a>(
        &'a self,
        work: impl Future<Output = T> + 'a,
    ) -> impl Future<Output = ()> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            if let Some(output) = self.within(10 * SECOND, work).await {
                panic!("{caller}: {output:?} was not to happen");
            }
        }
    }
}

/// Polls `work` at most `polls` times and then drops it. `None` when it was dropped.
pub(crate) async fn dropped_after<T>(polls: usize, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut polled = 0;
    poll_fn(|context| {
        if polled == polls {
            return Poll::Ready(None);
        }
        polled += 1;
        match work.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if polled == polls => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// A message's frames as text, the shape in which tests compare them.
pub(crate) fn text(message: &Message) -> Vec<String> {
    message.into_iter().map(|frame| frame.escape_ascii().to_string()).collect()
}

/// A message of these frames.
pub(crate) fn frames<const N: usize>(frames: [&str; N]) -> Message {
    frames.into_iter().map(|frame| Bytes::copy_from_slice(frame.as_bytes())).collect()
}

/// The next event for which `wanted` holds; those before it are skipped.
pub(crate) async fn event(monitor: &mut Monitor, wanted: impl Fn(&Event) -> bool) -> Event {
    loop {
        let event = monitor.recv().await.expect("the socket lives");
        if wanted(&event) {
            return event;
        }
    }
}

/// Waits for a handshake that fails; what kind of failure it is, and why.
pub(crate) async fn handshake_failure(monitor: &mut Monitor) -> (HandshakeFailure, String) {
    match event(monitor, |event| matches!(event, Event::HandshakeFailed { .. })).await {
        Event::HandshakeFailed { failure, reason, .. } => (failure, reason),
        _ => unreachable!("the filter above"),
    }
}

/// Waits for a complete handshake.
pub(crate) async fn handshake(monitor: &mut Monitor) {
    event(monitor, |event| matches!(event, Event::HandshakeSucceeded { .. })).await;
}

/// Waits for the end of a connection that had completed its handshake; gives the reason.
pub(crate) async fn disconnection(monitor: &mut Monitor) -> String {
    match event(monitor, |event| matches!(event, Event::Disconnected { .. })).await {
        Event::Disconnected { reason, .. } => reason,
        _ => unreachable!("the filter above"),
    }
}

/// Publishes until the subscriber hears of it: from then on its subscription to `topic` is known.
pub(crate) async fn heard(stage: &Fixture, publisher: &Pub, subscriber: &Sub, topic: &str) {
    loop {
        publisher.send([topic.to_owned(), "heard?".to_owned()]).await.expect("a PUB always sends");
        if stage.within(10 * MS, subscriber.recv()).await.is_some() {
            return;
        }
    }
}

/// Waits for the end of an attempt to connect; gives the pause before the next, and the reason.
pub(crate) async fn retried(monitor: &mut Monitor) -> (Duration, String) {
    match event(monitor, |event| matches!(event, Event::ConnectRetried { .. })).await {
        Event::ConnectRetried { after, reason, .. } => (after, reason),
        _ => unreachable!("the filter above"),
    }
}

/// Waits until an endpoint is connected no more; gives the reason.
pub(crate) async fn stopped(monitor: &mut Monitor) -> String {
    match event(monitor, |event| matches!(event, Event::ConnectStopped { .. })).await {
        Event::ConnectStopped { reason, .. } => reason,
        _ => unreachable!("the filter above"),
    }
}
