//! Names to addresses: the system's resolver, on a few threads of our own.
//!
//! `getaddrinfo` cannot be interrupted, and during an outage of DNS it takes its time: a thread is lost to it until it
//! returns. So there are few threads, a name is looked up once for all who ask for it, and a look-up that nobody
//! waits for any more keeps its thread and nothing else. Names that are likely to be answered go before others.

mod hosts;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use self::hosts::Hosts;
use super::clock;
use crate::Doorbell;

/// Names that are looked up at the same time, each on a thread of its own.
pub(super) const LOOKUPS_MAX: usize = 16;

/// A look-up that took longer makes its name wait behind others the next time.
const SLOW: Duration = Duration::from_secs(1);

/// Names of which it is kept how their last look-up went. Beyond, all are forgotten, which makes them new ones.
const HISTORY_MAX: usize = 4096;

/// The addresses of a name. Their ports are 0.
pub(super) type Addresses = Arc<[SocketAddr]>;

type LookUpFn = dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// What is known of a name before it is looked up, the most promising first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// The hosts file has it.
    Local,
    /// Its last look-up was answered in time.
    Answered,
    New,
    /// Its last look-up was not.
    Slow,
}

impl Standing {
    const ALL: [Self; 4] = [Self::Local, Self::Answered, Self::New, Self::Slow];

    /// A look-up begins while fewer than this many are under way. So names that hang leave threads to the others.
    const fn threads(self) -> usize {
        match self {
            Self::Local => LOOKUPS_MAX,
            Self::Answered => LOOKUPS_MAX - 2,
            Self::New => LOOKUPS_MAX - 6,
            Self::Slow => LOOKUPS_MAX - 10,
        }
    }
}

/// Looks names up for all threads that share a network.
#[derive(Clone)]
pub(super) struct Resolver(Arc<Shared>);

struct Shared {
    look_up: Box<LookUpFn>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The next number of a request.
    next: u64,
    /// Names whose look-up is under way or queued.
    pending: BTreeMap<Arc<str>, Pending>,
    /// Those that have not begun, in their order.
    queue: BTreeMap<QueuePosition, Arc<str>>,
    /// What requests are to be told, by their numbers.
    answers: BTreeMap<u64, Answer>,
    history: BTreeMap<Arc<str>, Standing>,
    hosts: Hosts,
    /// Threads.
    running: usize,
}

/// When a look-up begins: by its standing, and the number of the request that it was made for.
type QueuePosition = (Standing, u64);

struct Pending {
    position: QueuePosition,
    running: bool,
    /// By the numbers of their requests.
    waiting: BTreeMap<u64, Option<Summons>>,
}

/// How a task is woken from a thread of the resolver.
struct Summons {
    waker: Waker,
    /// That of the task's runtime, if it has one.
    doorbell: Option<Arc<Doorbell>>,
}

impl Summons {
    fn send(self) {
        match self.doorbell {
            Some(doorbell) => doorbell.wake(self.waker),
            None => self.waker.wake(),
        }
    }
}

type Answer = Result<Addresses, Failure>;

#[derive(Clone)]
struct Failure {
    kind: io::ErrorKind,
    reason: Arc<str>,
}

/// The addresses of a name that means this host.
fn loopback() -> Vec<SocketAddr> {
    [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)]
        .map(|ip| SocketAddr::new(ip, 0))
        .into()
}

impl Resolver {
    /// The system's: `getaddrinfo`, hence `nsswitch.conf`, the hosts file and DNS.
    pub(super) fn system() -> Self {
        Self::new(|name| match (name, 0).to_socket_addrs() {
            Ok(addresses) => Ok(addresses.collect()),
            // Small systems have no hosts file.
            Err(_) if hosts::is_this_host(name) => Ok(loopback()),
            Err(error) => Err(error),
        })
    }

    /// One that asks `look_up`, which may block.
    pub(super) fn new(look_up: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Shared { look_up: Box::new(look_up), state: Mutex::default() }))
    }

    /// Looks `name` up, for a task of the runtime that has this `doorbell`. The look-up begins now, or as soon as a
    /// thread is free for it.
    pub(super) fn look_up(&self, name: &str, doorbell: Option<Arc<Doorbell>>) -> LookUp {
        let mut state = self.0.state();
        let number = state.next;
        state.next += 1;
        let name = state.ask(name, number);
        self.0.start_threads(&mut state);
        drop(state);
        LookUp { shared: Arc::clone(&self.0), name, number, doorbell }
    }

    /// As [`look_up`](Self::look_up), and blocks the thread until there is an answer, or `limit` is over.
    ///
    /// # Errors
    /// Also [`TimedOut`](io::ErrorKind::TimedOut).
    pub(super) fn look_up_within(&self, name: &str, limit: Duration) -> io::Result<Addresses> {
        let until = clock::now() + limit;
        let mut look_up = pin!(self.look_up(name, None));
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        loop {
            if let Poll::Ready(answer) = look_up.as_mut().poll(&mut Context::from_waker(&waker)) {
                return answer;
            }
            let now = clock::now();
            if now >= until {
                let reason = format!("the name was not resolved within {limit:?}");
                return Err(io::Error::new(io::ErrorKind::TimedOut, reason));
            }
            thread::park_timeout(until - now);
        }
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("running", &self.0.state().running).finish_non_exhaustive()
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A request for the addresses of a name. Dropping it gives the request up.
pub(super) struct LookUp {
    shared: Arc<Shared>,
    name: Arc<str>,
    number: u64,
    doorbell: Option<Arc<Doorbell>>,
}

impl Future for LookUp {
    type Output = io::Result<Addresses>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<Addresses>> {
        let mut state = self.shared.state();
        if let Some(answer) = state.answers.remove(&self.number) {
            return Poll::Ready(answer.map_err(|failure| io::Error::new(failure.kind, &*failure.reason)));
        }
        if let Some(pending) = state.pending.get_mut(&self.name) {
            let summons = Summons { waker: context.waker().clone(), doorbell: self.doorbell.clone() };
            pending.waiting.insert(self.number, Some(summons));
        }
        Poll::Pending
    }
}

impl Drop for LookUp {
    fn drop(&mut self) {
        self.shared.state().give_up(&self.name, self.number);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a thread for each look-up that may begin now.
    fn start_threads(self: &Arc<Self>, state: &mut State) {
        while let Some(name) = state.begin() {
            let shared = Arc::clone(self);
            let first = Arc::clone(&name);
            let thread = thread::Builder::new().name("seaworthy-names".into());
            if let Err(error) = thread.spawn(move || shared.run(first)) {
                let reason = format!("there is no thread to look it up: {error}").into();
                for summons in state.end(&name, Err(Failure { kind: error.kind(), reason }), None) {
                    summons.send();
                }
            }
        }
    }

    /// A thread: one look-up after the other, until none may begin.
    fn run(&self, mut name: Arc<str>) {
        loop {
            let began = clock::now();
            let answer = catch_unwind(AssertUnwindSafe(|| (self.look_up)(&name)));
            let answer = match answer {
                Ok(Ok(addresses)) => Ok(addresses.into()),
                Ok(Err(error)) => Err(Failure { kind: error.kind(), reason: error.to_string().into() }),
                Err(_) => Err(Failure { kind: io::ErrorKind::Other, reason: "the resolver panicked".into() }),
            };
            let standing = if clock::now() - began > SLOW { Standing::Slow } else { Standing::Answered };
            let mut state = self.state();
            let waiting = state.end(&name, answer, Some(standing));
            let next = state.begin();
            drop(state);
            waiting.into_iter().for_each(Summons::send);
            match next {
                Some(next) => name = next,
                None => return,
            }
        }
    }
}

impl State {
    /// Adds a request to the look-up of `name`, which is queued if it is not pending.
    fn ask(&mut self, name: &str, number: u64) -> Arc<str> {
        if let Some((name, _)) = self.pending.get_key_value(name) {
            let name = Arc::clone(name);
            if let Some(pending) = self.pending.get_mut(&name) {
                pending.waiting.insert(number, None);
            }
            return name;
        }
        let name: Arc<str> = name.into();
        let mut standing = self.history.get(&name).copied().unwrap_or(Standing::New);
        // Where it would wait, it is worth a look whether the answer is at hand.
        if self.running >= standing.threads() && self.hosts.has(&name) {
            standing = Standing::Local;
        }
        let waiting = BTreeMap::from([(number, None)]);
        let position = (standing, number);
        self.pending.insert(Arc::clone(&name), Pending { position, running: false, waiting });
        self.queue.insert(position, Arc::clone(&name));
        name
    }

    /// The next name to be looked up, if there is a thread for it.
    fn begin(&mut self) -> Option<Arc<str>> {
        let name = Standing::ALL.into_iter().find_map(|standing| {
            if self.running >= standing.threads() {
                return None;
            }
            let (&position, _) = self.queue.range((standing, 0)..=(standing, u64::MAX)).next()?;
            self.queue.remove(&position)
        })?;
        self.running += 1;
        if let Some(pending) = self.pending.get_mut(&name) {
            pending.running = true;
        }
        Some(name)
    }

    /// A look-up is over. Those who waited are to be woken.
    fn end(&mut self, name: &Arc<str>, answer: Answer, standing: Option<Standing>) -> Vec<Summons> {
        self.running -= 1;
        if let Some(standing) = standing {
            if self.history.len() >= HISTORY_MAX && !self.history.contains_key(name) {
                self.history.clear();
            }
            self.history.insert(Arc::clone(name), standing);
        }
        let Some(pending) = self.pending.remove(name) else { return Vec::new() };
        let mut waiting = Vec::new();
        for (number, summons) in pending.waiting {
            self.answers.insert(number, answer.clone());
            waiting.extend(summons);
        }
        waiting
    }

    /// Forgets a request. A look-up that nobody asks for any more does not begin.
    fn give_up(&mut self, name: &Arc<str>, number: u64) {
        self.answers.remove(&number);
        let Some(pending) = self.pending.get_mut(name) else { return };
        pending.waiting.remove(&number);
        if pending.running || !pending.waiting.is_empty() {
            return;
        }
        self.queue.remove(&pending.position);
        self.pending.remove(name);
    }
}

#[cfg(test)]
mod tests;
