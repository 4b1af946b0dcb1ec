//! Every IP packet of a run, and what became of it: what a trace is too coarse for.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use seaworthy_core::Instant;

use seaworthy_engine::{DropReason, Event, HostId, PacketId, Tap};

/// Collects packets while a run goes on. Cloning it gives the same collection.
///
/// It is a [`Tap`]: give one clone to the simulation and keep the other.
#[derive(Clone, Default)]
pub struct Capture(Rc<RefCell<Collected>>);

#[derive(Default)]
struct Collected {
    packets: Vec<Packet>,
    /// Position in `packets`, by the packet's number.
    position: BTreeMap<PacketId, usize>,
}

/// A packet that a host sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Its number, in the order of sending.
    pub number: u64,
    /// The host it left, by its number.
    pub from: usize,
    /// The host it is for, by its number; `None` if no host has the address.
    pub to: Option<usize>,
    /// When it was sent, in nanoseconds of simulated time.
    pub sent: u64,
    /// The IP packet as it was sent.
    pub bytes: Vec<u8>,
    /// What happened to it, in order. A duplicate shares its original's list; a packet that was still under way at
    /// the end has neither arrival nor drop in it.
    pub fates: Vec<Fate>,
}

/// Something that happened to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It, or its duplicate, reached its host at this time.
    Delivered(u64),
    /// It, or its duplicate, was lost at this time.
    Dropped(u64, DropReason),
    /// The link made a second copy.
    Duplicated,
    /// The link flipped a bit of this byte.
    Corrupted(usize),
    /// The link let it be overtaken.
    Reordered,
}

impl Capture {
    /// The packets so far.
    pub fn packets(&self) -> Vec<Packet> {
        self.0.borrow().packets.clone()
    }

    /// Takes the packets out.
    pub fn finish(&self) -> Vec<Packet> {
        std::mem::take(&mut *self.0.borrow_mut()).packets
    }

    fn happened(&self, packet: PacketId, fate: Fate) {
        let mut collected = self.0.borrow_mut();
        let position = collected.position.get(&packet).copied();
        if let Some(packet) = position.and_then(|position| collected.packets.get_mut(position)) {
            packet.fates.push(fate);
        }
    }
}

impl Tap for Capture {
    fn event(&mut self, at: Instant, event: &Event<'_>) {
        let now = at.as_nanos();
        match *event {
            Event::PacketSent { packet, from, to, bytes } => {
                let mut collected = self.0.borrow_mut();
                let position = collected.packets.len();
                collected.position.insert(packet, position);
                collected.packets.push(Packet {
                    number: packet.index(),
                    from: from.index(),
                    to: to.map(HostId::index),
                    sent: now,
                    bytes: bytes.to_vec(),
                    fates: Vec::new(),
                });
            }
            Event::PacketDelivered { packet, .. } => self.happened(packet, Fate::Delivered(now)),
            Event::PacketDropped { packet, reason } => self.happened(packet, Fate::Dropped(now, reason)),
            Event::PacketDuplicated { packet } => self.happened(packet, Fate::Duplicated),
            Event::PacketCorrupted { packet, offset } => self.happened(packet, Fate::Corrupted(offset)),
            Event::PacketReordered { packet } => self.happened(packet, Fate::Reordered),
            _ => {}
        }
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture").field("packets", &self.0.borrow().packets.len()).finish()
    }
}

/// As a sentence goes on: `lost: the link is cut`.
impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered(at) => write!(f, "arrived at {:.6} s", seconds(*at)),
            Self::Dropped(at, reason) => write!(f, "lost at {:.6} s: {}", seconds(*at), why(*reason)),
            Self::Duplicated => f.write_str("duplicated"),
            Self::Corrupted(offset) => write!(f, "corrupted on the way, in byte {offset}"),
            Self::Reordered => f.write_str("delayed, so that it can be overtaken"),
        }
    }
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

fn why(reason: DropReason) -> &'static str {
    match reason {
        DropReason::Loss => "the link loses packets",
        DropReason::Cut => "the link is cut",
        DropReason::BlackHole => "the link is a black hole",
        DropReason::HostDown => "the host has no power",
        DropReason::NoRoute => "no host has the address",
        DropReason::Rule => "a rule drops it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_keeps_all_that_happens_to_it_in_order() {
        let capture = Capture::default();
        let mut tap = capture.clone();
        let mut at = |t, event: Event<'_>| tap.event(Instant::from_nanos(t), &event);
        let (from, to) = (HostId::at(0), Some(HostId::at(1)));
        at(1, Event::PacketSent { packet: PacketId::at(0), from, to, bytes: b"a" });
        at(1, Event::PacketDuplicated { packet: PacketId::at(0) });
        at(2, Event::PacketSent { packet: PacketId::at(1), from, to, bytes: b"b" });
        at(3, Event::PacketDropped { packet: PacketId::at(0), reason: DropReason::Cut });
        at(4, Event::PacketDelivered { packet: PacketId::at(0), to: HostId::at(1), bytes: b"a" });
        let packets = capture.finish();
        assert_eq!(
            packets[0].fates,
            [Fate::Duplicated, Fate::Dropped(3, DropReason::Cut), Fate::Delivered(4)]
        );
        assert_eq!((packets[1].sent, packets[1].fates.len()), (2, 0), "still under way");
        assert_eq!(packets[0].fates[1].to_string(), "lost at 0.000000 s: the link is cut");
        assert!(capture.finish().is_empty(), "taken out");
    }
}
