//! A broker on the real network: two sockets, a proxy between them, and somebody who watches.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::join;
use seaworthy::{
    Context, DealerSocket, Endpoint, Error, Forwards, Mode, Network, Options, PairSocket, Proxy, ProxyError,
    ProxyHandle, PubSocket, PullSocket, PushSocket, RepSocket, RouterSocket, Side, Socket, Statistics,
    XPubSocket, XSubSocket, proxy,
};

use crate::arguments::{CaptureKind, ControlKind, ProxyKind, ProxyMode, ProxyOptions};
use crate::meter::Meter;
use crate::problem::Problem;
use crate::signals::Signals;

/// Messages that a batched turn moves unless `--batch` says otherwise.
const BATCH: u32 = 16;

/// Messages that a pipelined direction goes on receiving unless `--queue` says otherwise.
const QUEUE: usize = 1000;

/// How long nothing must have moved before everything on its way is taken to have arrived.
const QUIET: Duration = Duration::from_millis(200);

/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Runs the broker until a signal or a command ends it. The exit code is 0 when it ended in order.
pub(crate) fn run(options: &ProxyOptions) -> Result<u8, Problem> {
    let runtime =
        seaworthy::runtime().map_err(|source| Problem::Machinery(format!("no runtime: {source}")))?;
    runtime.block_on(async {
        let context = Context::new();
        let common = || {
            let mut sockets = Options::default().linger(options.linger());
            if let Some(hwm) = options.hwm {
                sockets = sockets.sndhwm(hwm).rcvhwm(hwm);
            }
            sockets
        };
        let router = || common().router_mandatory(options.mandatory);
        let xpub = || common().xpub_nodrop(options.mandatory);
        match options.kind {
            ProxyKind::RouterDealer => {
                broker(
                    options,
                    RouterSocket::with_options(&context, router()),
                    DealerSocket::with_options(&context, common()),
                    &context,
                )
                .await
            }
            ProxyKind::XsubXpub => {
                broker(
                    options,
                    XSubSocket::with_options(&context, common()),
                    XPubSocket::with_options(&context, xpub()),
                    &context,
                )
                .await
            }
            ProxyKind::PullPush => {
                broker(
                    options,
                    PullSocket::with_options(&context, common()),
                    PushSocket::with_options(&context, common()),
                    &context,
                )
                .await
            }
            ProxyKind::DealerDealer => {
                broker(
                    options,
                    DealerSocket::with_options(&context, common()),
                    DealerSocket::with_options(&context, common()),
                    &context,
                )
                .await
            }
            ProxyKind::RouterRouter => {
                broker(
                    options,
                    RouterSocket::with_options(&context, router()),
                    RouterSocket::with_options(&context, router()),
                    &context,
                )
                .await
            }
            ProxyKind::PairPair => {
                broker(
                    options,
                    PairSocket::with_options(&context, common()),
                    PairSocket::with_options(&context, common()),
                    &context,
                )
                .await
            }
        }
    })
}

/// Opens the ends, lets the proxy run between them, and closes them in order.
async fn broker<F: Forwards, B: Forwards>(
    options: &ProxyOptions,
    frontend: Result<Socket<F>, Error>,
    backend: Result<Socket<B>, Error>,
    context: &Context,
) -> Result<u8, Problem> {
    let (frontend, backend) = (frontend.map_err(problem)?, backend.map_err(problem)?);
    let mut signals = Signals::new()
        .map_err(|source| Problem::Machinery(format!("signals cannot be watched: {source}")))?;
    let mut meter = Meter::new(options.json, options.interval(), context.network().clone());

    let capture = open_capture(options, context)?;
    let control = open_control(options, context)?;
    let mut at = [Vec::new(), Vec::new()];
    for endpoint in &options.frontend {
        at[0].push(bound(endpoint, frontend.bind(endpoint.as_str()))?);
    }
    for endpoint in &options.backend {
        at[1].push(bound(endpoint, backend.bind(endpoint.as_str()))?);
    }
    for endpoint in &options.frontend_connect {
        frontend.connect(endpoint.as_str()).map_err(problem)?;
    }
    for endpoint in &options.backend_connect {
        backend.connect(endpoint.as_str()).map_err(problem)?;
    }
    meter.listening("frontend", &at[0])?;
    meter.listening("backend", &at[1])?;

    let mut broker = configured(proxy(&frontend, &backend), options);
    match &capture {
        Some((Capture::Pub(socket), endpoint)) => {
            broker = broker.capture(socket);
            meter.listening("capture", std::slice::from_ref(endpoint))?;
        }
        Some((Capture::Push(socket), endpoint)) => {
            broker = broker.capture(socket);
            meter.listening("capture", std::slice::from_ref(endpoint))?;
        }
        None => {}
    }
    match &control {
        Some((Control::Rep(socket), endpoint)) => {
            broker = broker.control(socket);
            meter.listening("control", std::slice::from_ref(endpoint))?;
        }
        Some((Control::Pair(socket), endpoint)) => {
            broker = broker.control(socket);
            meter.listening("control", std::slice::from_ref(endpoint))?;
        }
        None => {}
    }
    let handle = broker.handle();
    let unbind = || {
        at[0].iter().for_each(|endpoint| drop(frontend.unbind(endpoint)));
        at[1].iter().for_each(|endpoint| drop(backend.unbind(endpoint)));
    };
    let (ended, why) = {
        let running = pin!(broker.run());
        let watching = pin!(watch(&handle, &mut signals, &mut meter, options.linger(), unbind));
        match select(running, watching).await {
            Either::Left((ended, _)) => (ended, Why::Command),
            Either::Right((Err(problem), _)) => return Err(problem),
            Either::Right((Ok(why), running)) => (running.await, why),
        }
    };
    drop(broker);
    let statistics = ended.map_err(|error: ProxyError| Problem::Machinery(error.to_string()))?;
    let closing = async {
        // What the control socket still has to say first of all: whoever told us to end waits for it.
        let control = async {
            match control {
                Some((Control::Rep(socket), _)) => socket.close().await,
                Some((Control::Pair(socket), _)) => socket.close().await,
                None => {}
            }
        };
        let capture = async {
            match capture {
                Some((Capture::Pub(socket), _)) => socket.close().await,
                Some((Capture::Push(socket), _)) => socket.close().await,
                None => {}
            }
        };
        join!(control, capture, frontend.close(), backend.close());
    };
    let hurried = pin!(signals.next());
    let in_order = why != Why::Hurried && matches!(select(pin!(closing), hurried).await, Either::Left(_));
    meter.ended(&statistics, in_order)?;
    Ok(u8::from(!in_order))
}

/// Why a broker ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// The control socket said so.
    Command,
    /// A signal did.
    Signal,
    /// A second signal came before everything was sent.
    Hurried,
}

/// Reports until a signal comes. Then lets what is on its way arrive, for at most `linger`, and tells the proxy to end.
async fn watch(
    handle: &ProxyHandle,
    signals: &mut Signals,
    meter: &mut Meter,
    linger: Duration,
    unbind: impl Fn(),
) -> Result<Why, Problem> {
    loop {
        let tick = pin!(compio::time::sleep(meter.interval()));
        match select(pin!(signals.next()), tick).await {
            Either::Left(_) => break,
            Either::Right(_) => meter.tick(&handle.statistics())?,
        }
    }
    meter.ending()?;
    handle.resume();
    let draining = async {
        settle(handle, linger).await;
        // Who still sends is cut off, and what was received is forwarded.
        unbind();
        settle(handle, linger).await;
    };
    let why = match select(pin!(draining), pin!(signals.next())).await {
        Either::Left(_) => {
            handle.terminate();
            Why::Signal
        }
        Either::Right(_) => Why::Hurried,
    };
    if why == Why::Hurried {
        handle.kill();
    }
    Ok(why)
}

/// Waits until nothing moves any more, at most for `limit`.
async fn settle(handle: &ProxyHandle, limit: Duration) {
    let moved = |statistics: Statistics| statistics.counters();
    let (mut before, mut quiet, mut waited) = (moved(handle.statistics()), Duration::ZERO, Duration::ZERO);
    while quiet < QUIET && waited < limit {
        compio::time::sleep(LOOK).await;
        let now = moved(handle.statistics());
        quiet = if now == before { quiet + LOOK } else { Duration::ZERO };
        waited += LOOK;
        before = now;
    }
}

fn configured<'s, F: Forwards, B: Forwards, N: Network>(
    mut proxy: Proxy<'s, F, B, N>,
    options: &ProxyOptions,
) -> Proxy<'s, F, B, N> {
    for mode in &options.mode {
        proxy = match mode {
            ProxyMode::Fair => proxy.mode(Mode::Fair),
            ProxyMode::BiasedFrontend => proxy.mode(Mode::Biased(Side::Frontend)),
            ProxyMode::BiasedBackend => proxy.mode(Mode::Biased(Side::Backend)),
            ProxyMode::Batched => proxy.batch(BATCH),
            ProxyMode::Pipelined => proxy.queue(QUEUE),
        };
    }
    if let Some(batch) = options.batch {
        proxy = proxy.batch(batch);
    }
    if let Some(queue) = options.queue {
        proxy = proxy.queue(queue);
    }
    proxy
}

enum Capture {
    Pub(PubSocket),
    Push(PushSocket),
}

enum Control {
    Rep(RepSocket),
    Pair(PairSocket),
}

fn open_capture(options: &ProxyOptions, context: &Context) -> Result<Option<(Capture, Endpoint)>, Problem> {
    let Some(endpoint) = &options.capture else { return Ok(None) };
    let sockets = Options::default().linger(options.linger());
    Ok(Some(match options.capture_kind {
        CaptureKind::Pub => {
            let socket = PubSocket::with_options(context, sockets).map_err(problem)?;
            let endpoint = bound(endpoint, socket.bind(endpoint.as_str()))?;
            (Capture::Pub(socket), endpoint)
        }
        CaptureKind::Push => {
            let socket = PushSocket::with_options(context, sockets).map_err(problem)?;
            let endpoint = bound(endpoint, socket.bind(endpoint.as_str()))?;
            (Capture::Push(socket), endpoint)
        }
    }))
}

fn open_control(options: &ProxyOptions, context: &Context) -> Result<Option<(Control, Endpoint)>, Problem> {
    let Some(endpoint) = &options.control else { return Ok(None) };
    let sockets = Options::default().linger(options.linger());
    Ok(Some(match options.control_kind {
        ControlKind::Rep => {
            let socket = RepSocket::with_options(context, sockets).map_err(problem)?;
            let endpoint = bound(endpoint, socket.bind(endpoint.as_str()))?;
            (Control::Rep(socket), endpoint)
        }
        ControlKind::Pair => {
            let socket = PairSocket::with_options(context, sockets).map_err(problem)?;
            let endpoint = bound(endpoint, socket.bind(endpoint.as_str()))?;
            (Control::Pair(socket), endpoint)
        }
    }))
}

/// Names the endpoint in what went wrong with it.
fn bound(endpoint: &str, outcome: Result<Endpoint, Error>) -> Result<Endpoint, Problem> {
    outcome.map_err(|error| match error {
        Error::Endpoint(_) => Problem::Usage(format!("{endpoint}: {error}")),
        error => problem(error),
    })
}

/// Whose fault it is: of who called the program, or of what it runs on.
fn problem(error: Error) -> Problem {
    match error {
        Error::Endpoint(_) | Error::Unsupported { .. } | Error::InvalidOption { .. } => {
            Problem::Usage(error.to_string())
        }
        error => Problem::Machinery(error.to_string()),
    }
}
