//! Where events go, and who numbers streams and packets.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;

use seaworthy_core::Instant;

use crate::event::{Addresses, Event, PacketId, StreamId, Tap};

/// Hands events to the taps, and gives out the numbers they speak of.
#[derive(Default)]
pub(crate) struct Recorder {
    taps: RefCell<Vec<Box<dyn Tap>>>,
    streams: Cell<u64>,
    packets: Cell<u64>,
    /// The connecting end of each pair of addresses, as the accepting end sees them.
    connecting: RefCell<BTreeMap<Addresses, StreamId>>,
}

impl Recorder {
    pub(crate) fn add(&self, tap: Box<dyn Tap>) {
        self.taps.borrow_mut().push(tap);
    }

    /// Forgets the taps: nothing is recorded any more.
    pub(crate) fn detach(&self) {
        self.taps.borrow_mut().clear();
    }

    pub(crate) fn record(&self, at: Instant, event: &Event<'_>) {
        for tap in &mut *self.taps.borrow_mut() {
            tap.event(at, event);
        }
    }

    pub(crate) fn next_stream(&self) -> StreamId {
        StreamId(self.streams.replace(self.streams.get() + 1))
    }

    pub(crate) fn next_packet(&self) -> PacketId {
        PacketId(self.packets.replace(self.packets.get() + 1))
    }

    /// Remembers which stream connects from `addresses.local`, so that the accepting end can name its peer.
    pub(crate) fn connecting(&self, stream: StreamId, addresses: Addresses) {
        let seen_from_peer = Addresses { local: addresses.remote, remote: addresses.local };
        self.connecting.borrow_mut().insert(seen_from_peer, stream);
    }

    pub(crate) fn peer_of(&self, addresses: Addresses) -> Option<StreamId> {
        self.connecting.borrow_mut().remove(&addresses)
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("taps", &self.taps.borrow().len())
            .field("streams", &self.streams)
            .field("packets", &self.packets)
            .finish()
    }
}
