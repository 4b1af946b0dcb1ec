//! Where events go, and who numbers streams and packets.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use seaworthy_core::Instant;

use crate::event::{Event, Tap};
use crate::id::{Addresses, HostId, PacketId, StreamId};
use crate::note::Note;

/// Takes what programs say of themselves, and at which host, if at one. Unlike a [`Tap`] it may be called while an event is
/// handed out: what looks at events may log.
pub type NoteWriter = Rc<dyn Fn(Instant, Option<HostId>, Note)>;

/// Hands events to the taps, and gives out the numbers they speak of.
#[derive(Default)]
pub struct Recorder {
    taps: RefCell<Vec<Box<dyn Tap>>>,
    notes: RefCell<Option<NoteWriter>>,
    streams: Cell<u64>,
    packets: Cell<u64>,
    /// The connecting end of each pair of addresses, as the accepting end sees them.
    connecting: RefCell<BTreeMap<Addresses, StreamId>>,
}

impl Recorder {
    pub(crate) fn set_note_writer(&self, writer: NoteWriter) {
        self.notes.replace(Some(writer));
    }

    /// Whether somebody takes notes.
    pub(crate) fn takes_notes(&self) -> bool {
        self.notes.borrow().is_some()
    }

    pub(crate) fn note(&self, at: Instant, host: Option<HostId>, note: Note) {
        let writer = self.notes.borrow().clone();
        if let Some(writer) = writer {
            writer(at, host, note);
        }
    }

    /// Sends every event from now on to `tap`, too.
    pub fn add(&self, tap: Box<dyn Tap>) {
        self.taps.borrow_mut().push(tap);
    }

    /// Forgets the taps: nothing is recorded any more.
    pub fn detach(&self) {
        self.taps.borrow_mut().clear();
        self.notes.take();
    }

    /// Hands an event of this time to all taps.
    pub fn record(&self, at: Instant, event: &Event<'_>) {
        for tap in &mut *self.taps.borrow_mut() {
            tap.event(at, event);
        }
    }

    /// The number of the next stream.
    pub fn next_stream(&self) -> StreamId {
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
