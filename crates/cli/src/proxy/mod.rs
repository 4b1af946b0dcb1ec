//! A broker on the real network: two sockets, a proxy between them, and somebody who watches.

mod auxiliary;
mod exporter;
mod log;
mod meter;
mod metrics;
mod options;
mod reading;
mod settings;
mod signals;
mod sockets;
mod supervisor;
mod value;

use std::future::{Future, pending};
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::join;
use indicatif::ProgressBar;
use seaworthy::patterns::{Dealer, Pair, Pull, Push, Router, XPub, XSub};
use seaworthy::proxy::{Forwards, Mode, ProxyError, ProxyHandle, Side, Statistics};
use seaworthy::{Context, Network, Proxy, Socket, proxy};

use self::auxiliary::Auxiliary;
use self::exporter::Exporter;
use self::meter::Meter;
pub(crate) use self::options::ProxyOptions;
use self::options::{ProxyKind, ProxyMode};
use self::reading::{Reading, Readings};
use self::settings::Settings;
use self::signals::Signals;
use self::supervisor::Supervisor;
use self::value::Batch;
use crate::output::show;
use crate::problem::Problem;

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
    let settings = Settings::of(options)?;
    if options.print_config {
        return show(&settings.to_toml()?).map(|()| 0);
    }
    let bar = meter::bar(settings.json);
    log::start(options.log.as_deref(), settings.log.as_deref(), bar.clone())?;
    let runtime =
        seaworthy::runtime().map_err(|source| Problem::Machinery(format!("no runtime: {source}")))?;
    runtime.block_on(async {
        match settings.kind {
            ProxyKind::RouterDealer => broker::<Router, Dealer>(&settings, bar).await,
            ProxyKind::XsubXpub => broker::<XSub, XPub>(&settings, bar).await,
            ProxyKind::PullPush => broker::<Pull, Push>(&settings, bar).await,
            ProxyKind::DealerDealer => broker::<Dealer, Dealer>(&settings, bar).await,
            ProxyKind::RouterRouter => broker::<Router, Router>(&settings, bar).await,
            ProxyKind::PairPair => broker::<Pair, Pair>(&settings, bar).await,
        }
    })
}

/// Opens the ends, lets the proxy run between them, and closes them in order.
async fn broker<F: Forwards, B: Forwards>(
    settings: &Settings,
    bar: Option<ProgressBar>,
) -> Result<u8, Problem> {
    let context = Context::new();
    let linger = settings.linger();
    let frontend = Socket::<F>::with_options(&context, settings.frontend.options.for_type(F::TYPE, linger))
        .map_err(Problem::of_socket)?;
    let backend = Socket::<B>::with_options(&context, settings.backend.options.for_type(B::TYPE, linger))
        .map_err(Problem::of_socket)?;
    let mut signals = Signals::new()
        .map_err(|source| Problem::Machinery(format!("signals cannot be watched: {source}")))?;
    let mut meter = Meter::new(settings.json, settings.interval(), context.network().clone(), bar);
    let (auxiliary, places) = Auxiliary::open(settings, &context)?;
    let exporter = match settings.metrics {
        Some(address) => Some(Exporter::bind(address).await.map_err(|source| unexported(address, &source))?),
        None => None,
    };

    let mut broker = auxiliary.attach(configured(proxy(&frontend, &backend), settings));
    let handle = broker.handle();
    let readings = Readings::new(&frontend, &backend, handle.clone());
    let mut at = [Vec::new(), Vec::new()];
    for endpoint in &settings.frontend.bind {
        at[0].push(frontend.bind(endpoint.as_str()).map_err(Problem::of_socket)?);
    }
    for endpoint in &settings.backend.bind {
        at[1].push(backend.bind(endpoint.as_str()).map_err(Problem::of_socket)?);
    }
    for endpoint in &settings.frontend.connect {
        frontend.connect(endpoint.as_str()).map_err(Problem::of_socket)?;
    }
    for endpoint in &settings.backend.connect {
        backend.connect(endpoint.as_str()).map_err(Problem::of_socket)?;
    }
    let bound = |end, number: usize| at[number].iter().map(move |endpoint| (end, endpoint));
    let auxiliary_places = places.iter().map(|(end, endpoint)| (*end, endpoint));
    for (end, endpoint) in bound("frontend", 0).chain(bound("backend", 1)).chain(auxiliary_places) {
        meter.listening(end, &endpoint.to_string())?;
    }
    if let (Some(exporter), Some(address)) = (&exporter, settings.metrics) {
        let address = exporter.address().map_err(|source| unexported(address, &source))?;
        meter.listening("metrics", &format!("http://{address}/metrics"))?;
    }
    let supervisor = Supervisor::new();
    supervisor.ready();

    let unbind = || {
        at[0].iter().for_each(|endpoint| drop(frontend.unbind(endpoint)));
        at[1].iter().for_each(|endpoint| drop(backend.unbind(endpoint)));
    };
    let began = context.network().now();
    let expose = || metrics::expose(&readings.read(), context.network().now() - began);
    let (ended, why) = {
        let beside = pin!(async {
            let exporting = async {
                match &exporter {
                    Some(exporter) => match exporter.serve(&expose).await {},
                    None => pending::<()>().await,
                }
            };
            join!(exporting, supervisor.watch());
        });
        let running = pin!(broker.run());
        let read = || readings.read();
        let steer = Steer { handle: &handle, read: &read, supervisor: &supervisor, linger };
        let watching = pin!(steer.watch(&mut signals, &mut meter, unbind));
        match select(running, pin!(meanwhile(watching, beside))).await {
            Either::Left((ended, _)) => (ended, Why::Command),
            Either::Right((Err(problem), _)) => return Err(problem),
            Either::Right((Ok(why), running)) => (running.await, why),
        }
    };
    supervisor.stopping();
    drop(broker);
    let statistics = ended.map_err(|error: ProxyError| Problem::Machinery(error.to_string()))?;
    let reading = Reading { statistics, ..readings.read() };
    drop(readings);
    let closing = async {
        join!(auxiliary.close(), frontend.close(), backend.close());
    };
    let hurried = pin!(signals.next());
    let in_order = why != Why::Hurried && matches!(select(pin!(closing), hurried).await, Either::Left(_));
    meter.ended(&reading, in_order)?;
    Ok(u8::from(!in_order))
}

/// Does the work of `beside` until `work` is done.
async fn meanwhile<T>(work: impl Future<Output = T> + Unpin, beside: impl Future<Output = ()> + Unpin) -> T {
    match select(work, beside).await {
        Either::Left((done, _)) => done,
        Either::Right(((), work)) => work.await,
    }
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

/// What it takes to watch a proxy and to end it.
struct Steer<'a> {
    handle: &'a ProxyHandle,
    read: &'a dyn Fn() -> Reading,
    supervisor: &'a Supervisor,
    linger: Duration,
}

impl Steer<'_> {
    /// Reports until a signal comes. Then lets what is on its way arrive, for at most `linger`, and tells the proxy to
    /// end.
    async fn watch(
        &self,
        signals: &mut Signals,
        meter: &mut Meter,
        unbind: impl Fn(),
    ) -> Result<Why, Problem> {
        loop {
            let tick = pin!(compio::time::sleep(meter.interval()));
            match select(pin!(signals.next()), tick).await {
                Either::Left(_) => break,
                Either::Right(_) => self.supervisor.status(&meter.tick(&(self.read)())?),
            }
        }
        self.supervisor.stopping();
        meter.ending()?;
        self.handle.resume();
        let draining = async {
            self.settle().await;
            // Who still sends is cut off, and what was received is forwarded.
            unbind();
            self.settle().await;
        };
        match select(pin!(draining), pin!(signals.next())).await {
            Either::Left(_) => {
                self.handle.terminate();
                Ok(Why::Signal)
            }
            Either::Right(_) => {
                self.handle.kill();
                Ok(Why::Hurried)
            }
        }
    }

    /// Waits until nothing moves any more, at most for `linger`.
    async fn settle(&self) {
        let moved = |statistics: Statistics| statistics.counters();
        let (mut before, mut quiet, mut waited) =
            (moved(self.handle.statistics()), Duration::ZERO, Duration::ZERO);
        while quiet < QUIET && waited < self.linger {
            compio::time::sleep(LOOK).await;
            let now = moved(self.handle.statistics());
            quiet = if now == before { quiet + LOOK } else { Duration::ZERO };
            waited += LOOK;
            before = now;
        }
    }
}

fn configured<'s, F: Forwards, B: Forwards, N: Network>(
    mut proxy: Proxy<'s, F, B, N>,
    settings: &Settings,
) -> Proxy<'s, F, B, N> {
    for mode in &settings.mode {
        proxy = match mode {
            ProxyMode::Fair => proxy.mode(Mode::Fair),
            ProxyMode::BiasedFrontend => proxy.mode(Mode::Biased(Side::Frontend)),
            ProxyMode::BiasedBackend => proxy.mode(Mode::Biased(Side::Backend)),
            ProxyMode::Batched => proxy.batch(BATCH),
            ProxyMode::Pipelined => proxy.queue(QUEUE),
        };
    }
    if let Some(Batch(batch)) = settings.batch {
        proxy = proxy.batch(batch);
    }
    if let Some(queue) = settings.queue {
        proxy = proxy.queue(queue);
    }
    proxy
}

fn unexported(address: SocketAddr, source: &std::io::Error) -> Problem {
    Problem::Machinery(format!("cannot serve metrics at {address}: {source}"))
}
