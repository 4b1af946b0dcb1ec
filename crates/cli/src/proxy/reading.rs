//! What there is to know about a running broker at one moment.

use std::cell::RefCell;

use seaworthy::monitor::Event;
use seaworthy::proxy::{Forwards, ProxyHandle, Side, Statistics, Traffic};
use seaworthy::{Monitor, Queued, Socket};

/// A look at a broker.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading {
    pub(crate) statistics: Statistics,
    pub(crate) frontend: EndReading,
    pub(crate) backend: EndReading,
}

/// A look at one of its two sockets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EndReading {
    pub(crate) peers: usize,
    pub(crate) queued: Queued,
    pub(crate) connections: Connections,
}

/// What became of connections since the broker began.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Connections {
    /// Handshakes that were completed.
    pub(crate) completed: u64,
    /// Handshakes that were not: peers that are refused, or no ZeroMQ.
    pub(crate) refused: u64,
    /// Completed connections that ended.
    pub(crate) ended: u64,
    /// Connections that could not be accepted, as when files ran out.
    pub(crate) accept_failed: u64,
}

impl Reading {
    /// The two ends by name, each with its traffic.
    pub(crate) fn ends(&self) -> [(Side, &Traffic, &EndReading); 2] {
        [
            (Side::Frontend, &self.statistics.frontend, &self.frontend),
            (Side::Backend, &self.statistics.backend, &self.backend),
        ]
    }
}

/// Looks at a broker.
#[derive(Debug)]
pub(crate) struct Readings<'a, F: Forwards, B: Forwards> {
    frontend: &'a Socket<F>,
    backend: &'a Socket<B>,
    handle: ProxyHandle,
    tallies: RefCell<[Tally; 2]>,
}

impl<'a, F: Forwards, B: Forwards> Readings<'a, F, B> {
    /// Of a proxy between these two, neither of which is bound or connected yet.
    pub(crate) fn new(frontend: &'a Socket<F>, backend: &'a Socket<B>, handle: ProxyHandle) -> Self {
        let tallies = RefCell::new([Tally::of(frontend.monitor()), Tally::of(backend.monitor())]);
        Self { frontend, backend, handle, tallies }
    }

    pub(crate) fn read(&self) -> Reading {
        let [frontend, backend] = &mut *self.tallies.borrow_mut();
        Reading {
            statistics: self.handle.statistics(),
            frontend: EndReading {
                peers: self.frontend.peers(),
                queued: self.frontend.queued(),
                connections: frontend.count(),
            },
            backend: EndReading {
                peers: self.backend.peers(),
                queued: self.backend.queued(),
                connections: backend.count(),
            },
        }
    }
}

/// Counts the events of a socket.
#[derive(Debug)]
struct Tally {
    monitor: Monitor,
    so_far: Connections,
}

impl Tally {
    fn of(monitor: Monitor) -> Self {
        Self { monitor, so_far: Connections::default() }
    }

    fn count(&mut self) -> Connections {
        let so_far = &mut self.so_far;
        while let Some(event) = self.monitor.try_recv() {
            match event {
                Event::HandshakeSucceeded { .. } => so_far.completed += 1,
                Event::HandshakeFailed { .. } => so_far.refused += 1,
                Event::Disconnected { .. } => so_far.ended += 1,
                Event::AcceptFailed { .. } => so_far.accept_failed += 1,
                _ => {}
            }
        }
        *so_far
    }
}
