//! What a simulated host needs from whatever gives it time, runs its tasks and carries its packets.

use std::fmt;
use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::task::Waker;

use seaworthy_core::Instant;

use crate::id::{HostId, PacketId};

/// A task without its type.
pub type Task = Pin<Box<dyn Future<Output = ()>>>;

/// An IP packet under way.
#[derive(Clone)]
pub(crate) struct Packet {
    pub(crate) id: PacketId,
    pub(crate) bytes: Vec<u8>,
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "packet {} of {} bytes", self.id.index(), self.bytes.len())
    }
}

/// Something that is to happen at a time.
#[derive(Debug)]
pub(crate) enum Action {
    /// Wake a task.
    Wake(Waker),
    /// Let a host's kernel look at its timers.
    Kernel(HostId),
    /// Bring a packet to the host at `to`.
    Carry { from: HostId, to: Ipv4Addr, packet: Packet },
}

/// Names a scheduled action, to cancel it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket {
    pub(crate) at: Instant,
    /// Distinguishes actions of the same time: they happen in this order.
    pub(crate) sequence: u64,
}

/// Carries packets, keeps time, runs tasks. Everything else is common to both executors.
pub(crate) trait Executor: fmt::Debug {
    /// The simulation's true time.
    fn now(&self) -> Instant;

    /// Performs `action` for `host` at `at`, or as soon after as the executor's clock ticks.
    fn schedule(&self, host: HostId, at: Instant, action: Action) -> Ticket;

    /// Forgets a scheduled action, if it has not happened yet.
    fn cancel(&self, host: HostId, ticket: Ticket);

    /// Runs `task` on `host`.
    fn spawn(&self, host: HostId, task: Task);

    /// The address of a host that `name` stands for, where the executor knows names of its own.
    fn resolve(&self, name: &str) -> Option<Ipv4Addr>;

    /// True if the executor knows a host with this address besides those of the world.
    fn knows(&self, _address: Ipv4Addr) -> bool {
        false
    }

    /// Drops everything that is to happen.
    fn end(&self);
}
