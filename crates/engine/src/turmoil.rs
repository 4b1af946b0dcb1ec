//! The executor turmoil: simulated hosts are turmoil hosts, packets are turmoil's UDP datagrams, and turmoil's
//! latency, partitions, holds and crashes act on them.
//!
//! Each host has a *pump*, a task on the turmoil host that does on time what is scheduled, hands arriving
//! datagrams to the kernel, and starts tasks. Its clock ticks in milliseconds, and a datagram takes at least
//! one tick, which the pump takes off the latency of our own link.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::{Duration, SystemTime};

use seaworthy_core::{Endpoint, Instant, Network, StreamOptions};
use turmoil::net::UdpSocket;

use crate::executor::{Action, Executor, Packet, Task, Ticket};
use crate::failure::Failure;
use crate::fault::CrashKind;
use crate::host::{Host, Running};
use crate::id::{HostId, PacketId};
use crate::network::{SimListener, SimNetwork, SimStream};
use crate::settings::Settings;
use crate::world::World;

/// The UDP port that packets travel to.
const PORT: u16 = 57_575;

/// turmoil's tick. Shorter ones disturb its clock.
const TICK: Duration = Duration::from_millis(1);

/// Sender of a packet that no host of our own world sent.
const STRANGER: u32 = u32::MAX;

/// What the pumps of all hosts share.
#[derive(Default)]
pub(crate) struct Pumps {
    /// The time outside of any host.
    now: Cell<Instant>,
    sequence: Cell<u64>,
    /// When a datagram was last given to turmoil.
    last_sent: Cell<Option<Instant>>,
    pumps: RefCell<BTreeMap<HostId, Rc<Pump>>>,
}

/// What is to happen on one host.
#[derive(Default)]
struct Pump {
    agenda: RefCell<BTreeMap<Ticket, Action>>,
    tasks: RefCell<VecDeque<Task>>,
    waker: RefCell<Option<Waker>>,
}

impl Pump {
    fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

impl Pumps {
    fn pump(&self, host: HostId) -> Rc<Pump> {
        Rc::clone(self.pumps.borrow_mut().entry(host).or_default())
    }

    /// When the next thing happens, if anything is going to. A datagram is with turmoil for a tick: what turmoil itself
    /// holds back for longer is not seen.
    fn next_event(&self) -> Option<Instant> {
        let now = self.now.get();
        let pumps = self.pumps.borrow();
        let tasks = pumps.values().any(|pump| !pump.tasks.borrow().is_empty());
        let arrives = self.last_sent.get().map(|sent| sent + 2 * TICK).filter(|arrives| *arrives >= now);
        let scheduled = pumps.values().filter_map(|pump| Some(pump.agenda.borrow().keys().next()?.at));
        scheduled.chain(arrives).chain(tasks.then_some(now)).min()
    }
}

impl fmt::Debug for Pumps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pumps").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Executor for Pumps {
    fn now(&self) -> Instant {
        match turmoil::sim_elapsed() {
            Some(elapsed) => Instant::ZERO + elapsed,
            None => self.now.get(),
        }
    }

    fn schedule(&self, host: HostId, at: Instant, action: Action) -> Ticket {
        let now = self.now();
        let at = match action {
            // turmoil adds a tick of its own.
            Action::Carry { .. } => Instant::ZERO + at.since_epoch().saturating_sub(TICK),
            _ => at,
        };
        let sequence = self.sequence.replace(self.sequence.get() + 1);
        let ticket = Ticket { at: at.max(now), sequence };
        let pump = self.pump(host);
        pump.agenda.borrow_mut().insert(ticket, action);
        pump.wake();
        ticket
    }

    fn cancel(&self, host: HostId, ticket: Ticket) {
        self.pump(host).agenda.borrow_mut().remove(&ticket);
    }

    fn spawn(&self, host: HostId, task: Task) {
        let pump = self.pump(host);
        pump.tasks.borrow_mut().push_back(task);
        pump.wake();
    }

    fn resolve(&self, name: &str) -> Option<Ipv4Addr> {
        // turmoil gives a new address to every name it is asked for, but not when it is asked to connect.
        let known = poll_now(async {
            let probe = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
            probe.connect((name, PORT)).await
        });
        match known {
            Some(Ok(())) => match turmoil::lookup(name) {
                IpAddr::V4(address) => Some(address),
                IpAddr::V6(_) => None,
            },
            _ => None,
        }
    }

    fn knows(&self, address: Ipv4Addr) -> bool {
        turmoil::in_simulation() && turmoil::reverse_lookup(IpAddr::V4(address)).is_some()
    }

    fn end(&self) {
        let pumps = std::mem::take(&mut *self.pumps.borrow_mut());
        for pump in pumps.values() {
            let tasks = std::mem::take(&mut *pump.tasks.borrow_mut());
            drop(tasks);
            let agenda = std::mem::take(&mut *pump.agenda.borrow_mut());
            drop(agenda);
        }
    }
}

/// The result of a future that never waits.
fn poll_now<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut context = std::task::Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

/// Keeps a host going, for as long as its turmoil host lives or until `done`.
async fn run_pump(
    world: Rc<World>,
    host: Rc<Host>,
    pump: Rc<Pump>,
    sent: impl Fn(),
    mut done: impl FnMut() -> bool,
) -> io::Result<()> {
    let _power = Power { host: Rc::clone(&host) };
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
    let mut datagram = vec![0; 12 + world.environment.settings.mtu.max(1500)];
    loop {
        let mut busy = true;
        while std::mem::take(&mut busy) {
            while let Some(task) = { pump.tasks.borrow_mut().pop_front() } {
                busy = true;
                #[allow(clippy::disallowed_methods, reason = "this is where Network::spawn ends")]
                tokio::task::spawn_local(task);
            }
            while let Some(action) = due(&pump, world.environment.now()) {
                busy = true;
                perform(&world, &socket, action, &sent)?;
            }
            while let Ok((length, _)) = socket.try_recv_from(&mut datagram) {
                busy = true;
                if let Some((from, packet)) = decode(&datagram[..length]) {
                    world.deliver(from, &host, packet);
                }
            }
        }
        if done() {
            return Ok(());
        }
        let next = pump.agenda.borrow().keys().next().map(|ticket| ticket.at);
        let mut readable = pin!(socket.readable());
        #[allow(
            clippy::disallowed_methods,
            reason = "turmoil's clock is tokio's, and this is where it is read"
        )]
        let mut alarm =
            pin!(tokio::time::sleep(next.map_or(Duration::MAX, |at| at - world.environment.now())));
        let mut first = true;
        poll_fn(|cx| {
            pump.waker.replace(Some(cx.waker().clone()));
            let woken = !std::mem::take(&mut first);
            let ready = readable.as_mut().poll(cx).is_ready();
            let rung = alarm.as_mut().poll(cx).is_ready();
            if woken || ready || rung { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// Turmoil drops the pump when it crashes the host: for ours, the power fails.
struct Power {
    host: Rc<Host>,
}

impl Drop for Power {
    fn drop(&mut self) {
        if !self.host.environment.has_ended() {
            self.host.crash(CrashKind::Power);
        }
    }
}

fn due(pump: &Pump, now: Instant) -> Option<Action> {
    let mut agenda = pump.agenda.borrow_mut();
    let first = agenda.first_entry().filter(|entry| entry.key().at <= now)?;
    Some(first.remove())
}

fn perform(world: &World, socket: &UdpSocket, action: Action, sent: impl Fn()) -> io::Result<()> {
    match action {
        Action::Carry { from, to, packet } => {
            let known_sender = world.hosts.at(to).is_some();
            let from = if known_sender { from.0 } else { STRANGER };
            let mut datagram = Vec::with_capacity(12 + packet.bytes.len());
            datagram.extend_from_slice(&packet.id.0.to_be_bytes());
            datagram.extend_from_slice(&from.to_be_bytes());
            datagram.extend_from_slice(&packet.bytes);
            if known_sender || world.environment.executor.knows(to) {
                sent();
                socket.try_send_to(&datagram, (to, PORT))?;
            }
        }
        action => world.perform(action),
    }
    Ok(())
}

fn decode(datagram: &[u8]) -> Option<(Option<HostId>, Packet)> {
    let (id, rest) = datagram.split_first_chunk()?;
    let (from, bytes) = rest.split_first_chunk()?;
    let from = u32::from_be_bytes(*from);
    let packet = Packet { id: PacketId(u64::from_be_bytes(*id)), bytes: bytes.to_vec() };
    Some(((from != STRANGER).then_some(HostId(from)), packet))
}

/// Runs a world inside turmoil.
pub(crate) struct TurmoilRun {
    sim: RefCell<turmoil::Sim<'static>>,
    pumps: Rc<Pumps>,
}

impl TurmoilRun {
    pub(crate) fn new(settings: Settings) -> (Rc<World>, Self) {
        let sim = turmoil::Builder::new()
            .epoch(SystemTime::UNIX_EPOCH)
            .rng_seed(settings.seed)
            .tick_duration(TICK)
            .min_message_latency(TICK)
            .max_message_latency(TICK)
            .udp_capacity(1 << 20)
            .simulation_duration(Duration::from_secs(u64::from(u32::MAX)))
            .build();
        let pumps = Rc::new(Pumps::default());
        let run = Self { sim: RefCell::new(sim), pumps: Rc::clone(&pumps) };
        (World::new(settings, pumps), run)
    }

    pub(crate) fn add_host(&self, world: &Rc<World>, host: &Rc<Host>) {
        let (world, host, pumps) = (Rc::clone(world), Rc::clone(host), Rc::clone(&self.pumps));
        let began = Cell::new(false);
        self.sim.borrow_mut().host(IpAddr::V4(host.address), move || {
            let (world, host, pump) = (Rc::clone(&world), Rc::clone(&host), pumps.pump(host.id));
            // From the second time on turmoil has bounced the host. A host that is down the first time was crashed.
            let bounced = began.replace(true);
            let pumps = Rc::clone(&pumps);
            let sent = move || pumps.last_sent.set(Some(pumps.now()));
            async move {
                if bounced && !host.is_up() {
                    host.boot();
                }
                Ok(run_pump(world, host, pump, sent, || false).await?)
            }
        });
    }

    /// turmoil's own simulation, for its own faults.
    pub(crate) fn with<R>(&self, operate: impl FnOnce(&mut turmoil::Sim<'static>) -> R) -> R {
        operate(&mut self.sim.borrow_mut())
    }

    pub(crate) fn next_event(&self) -> Option<Instant> {
        self.pumps.next_event()
    }

    pub(crate) fn advance(
        &self,
        world: &World,
        deadline: Instant,
        mut condition: impl FnMut() -> bool,
    ) -> Result<bool, Failure> {
        let mut sim = self.sim.borrow_mut();
        loop {
            if let Some(failure) = world.environment.failure() {
                return Err(failure);
            }
            if condition() {
                return Ok(true);
            }
            if Instant::ZERO + sim.elapsed() >= deadline {
                return Ok(false);
            }
            world.environment.check_wall();
            sim.step().map_err(|error| Failure::Turmoil(error.to_string()))?;
            self.pumps.now.set(Instant::ZERO + sim.elapsed());
        }
    }
}

/// The [`Network`] of a host in somebody else's turmoil simulation.
///
/// Packets are datagrams between turmoil hosts, so turmoil's latency, `partition`, `hold`, `repair`, `crash`
/// and `bounce` act on them as on a real network under a real TCP stack: a partition delays and does not wedge.
/// Names are turmoil's. Give turmoil's `Builder` a fixed `epoch`, a `tick_duration` of a millisecond or more,
/// latencies of at least a tick, and a `udp_capacity` of some thousands.
///
/// ```
/// use std::time::SystemTime;
/// use seaworthy::{Context, RepSocket, ReqSocket};
/// use seaworthy_engine::TurmoilNetwork;
///
/// let mut sim = turmoil::Builder::new().epoch(SystemTime::UNIX_EPOCH).rng_seed(7).udp_capacity(4096).build();
/// sim.host("server", || {
///     TurmoilNetwork::run("server", 7, |net| async move {
///         let rep = RepSocket::new(&Context::with_network(net))?;
///         rep.bind("tcp://*:5555")?;
///         loop {
///             let question = rep.recv().await?;
///             rep.send(question).await?;
///         }
///     })
/// });
/// sim.client("client", TurmoilNetwork::run("client", 7, |net| async move {
///     let req = ReqSocket::new(&Context::with_network(net))?;
///     req.connect("tcp://server:5555")?;
///     req.send("ahoy").await?;
///     assert_eq!(req.recv().await?, "ahoy".into());
///     Ok(())
/// }));
/// sim.run().unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct TurmoilNetwork(SimNetwork);

impl TurmoilNetwork {
    /// Runs `program` on the turmoil host this is called on, which has the name `host`. Completes when the
    /// program and its tasks have ended and the peers have all that was sent to them.
    ///
    /// Random numbers follow from `seed` and the name.
    ///
    /// # Errors
    /// The program's error, or that a task panicked.
    pub async fn run<P, F>(host: &str, seed: u64, program: P) -> Result<(), Box<dyn Error>>
    where
        P: Fn(Self) -> F + 'static,
        F: Future<Output = Result<(), Box<dyn Error>>> + 'static,
    {
        let IpAddr::V4(address) = turmoil::lookup(host) else {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "the simulation has no IPv4").into());
        };
        let pumps = Rc::new(Pumps::default());
        let world = World::new(Settings::new(seed), Rc::clone(&pumps) as Rc<dyn Executor>);
        let _end = End { world: Rc::clone(&world) };
        let within = Rc::clone(&world);
        let program = move |host: &Rc<Host>| -> Running {
            Box::pin(program(Self(SimNetwork::new(Rc::clone(&within), Rc::clone(host)))))
        };
        let host = world.add_host_at(host, address, Rc::new(program));
        host.boot();
        let pump = pumps.pump(host.id);
        let done = {
            let (world, host) = (Rc::clone(&world), Rc::clone(&host));
            move || {
                world.environment.failure().is_some()
                    || host.task_names().is_empty() && host.kernel().is_idle()
            }
        };
        run_pump(Rc::clone(&world), host, pump, || {}, done).await?;
        match world.environment.failure() {
            Some(failure) => Err(failure.into()),
            None => Ok(()),
        }
    }
}

/// Lets go of a world.
struct End {
    world: Rc<World>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.world.end();
    }
}

impl Network for TurmoilNetwork {
    type Stream = SimStream;
    type Listener = SimListener;

    fn now(&self) -> Instant {
        self.0.now()
    }

    fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> + 'static {
        self.0.sleep_until(deadline)
    }

    fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + 'static) {
        self.0.spawn(name, task);
    }

    fn random(&self) -> u64 {
        self.0.random()
    }

    fn fill_secret(&self, secret: &mut [u8]) -> io::Result<()> {
        self.0.fill_secret(secret)
    }

    fn connect(
        &self,
        endpoint: &Endpoint,
        options: &StreamOptions,
    ) -> impl Future<Output = io::Result<SimStream>> + 'static {
        self.0.connect(endpoint, options)
    }

    fn listen(&self, endpoint: &Endpoint, options: &StreamOptions) -> io::Result<SimListener> {
        self.0.listen(endpoint, options)
    }
}
