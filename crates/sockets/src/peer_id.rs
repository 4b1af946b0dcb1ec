//! The name of a peer.

/// Names a peer of one socket. A slot is used again after its peer left, with another generation, so that a late
/// event of a dead peer never reaches its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PeerId {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl PeerId {
    /// Its slot among the peers of the socket; another peer may have had it before.
    pub(crate) const fn slot(self) -> usize {
        self.slot as usize
    }
}
