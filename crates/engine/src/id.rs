//! What events name things by: numbers that are never used twice, and addresses.

use std::net::SocketAddrV4;

/// A simulated host, by the order in which hosts were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub(crate) u32);

impl HostId {
    /// The host at this position among the hosts of a simulation, from 0.
    pub fn at(index: usize) -> Self {
        Self(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// Position among the hosts of the simulation, from 0.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One end of a byte stream, numbered in the order of first use. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub(crate) u64);

impl StreamId {
    /// The stream end with this number.
    pub const fn at(index: u64) -> Self {
        Self(index)
    }

    /// The number.
    pub const fn index(self) -> u64 {
        self.0
    }
}

/// A packet on the wire, numbered in the order of sending. A duplicate keeps its original's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketId(pub(crate) u64);

impl PacketId {
    /// The packet with this number.
    pub const fn at(index: u64) -> Self {
        Self(index)
    }

    /// The number.
    pub const fn index(self) -> u64 {
        self.0
    }
}

/// The two ends of a tcp stream, as seen from one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Addresses {
    /// Here.
    pub local: SocketAddrV4,
    /// There.
    pub remote: SocketAddrV4,
}
