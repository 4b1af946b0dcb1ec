//! A second tap: what a trace does not show, such as the fate of a packet and where in a frame a read ended.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use seaworthy_core::Instant;

use crate::coverage_point::CoveragePoint;
use seaworthy_engine::{DropReason, Event, Tap};

/// Watches a simulation for what only its wire and its streams know. Cloning it gives the same watch.
#[derive(Clone, Debug, Default)]
pub(crate) struct CoverageTap(Rc<RefCell<Watch>>);

#[derive(Debug, Default)]
struct Watch {
    seen: BTreeSet<CoveragePoint>,
    /// Both directions of each end of a stream: written, and read.
    ends: BTreeMap<u64, (Framing, Framing)>,
}

impl CoverageTap {
    /// Takes out what was seen.
    pub(crate) fn finish(&self) -> BTreeSet<CoveragePoint> {
        std::mem::take(&mut *self.0.borrow_mut()).seen
    }
}

impl Tap for CoverageTap {
    fn event(&mut self, _: Instant, event: &Event<'_>) {
        let mut watch = self.0.borrow_mut();
        let Watch { seen, ends } = &mut *watch;
        let sighting = match *event {
            Event::PacketDropped { reason: DropReason::Loss, .. } => CoveragePoint::PacketLost,
            Event::PacketDropped { reason: DropReason::Cut, .. } => CoveragePoint::PacketCut,
            Event::PacketDuplicated { .. } => CoveragePoint::PacketDuplicated,
            Event::PacketReordered { .. } => CoveragePoint::PacketReordered,
            Event::PacketCorrupted { .. } => CoveragePoint::PacketCorrupted,
            Event::ConnectFailed { .. } => CoveragePoint::ConnectFailed,
            Event::Written { stream, bytes } => {
                return ends.entry(stream.index()).or_default().0.feed(bytes);
            }
            Event::Read { stream, bytes } => {
                let read = &mut ends.entry(stream.index()).or_default().1;
                read.feed(bytes);
                match () {
                    () if !read.header.is_empty() => CoveragePoint::PartialHeader,
                    () if read.body > 0 => CoveragePoint::PartialFrame,
                    () => return,
                }
            }
            Event::Reset { stream } | Event::Closed { stream } => match ends.remove(&stream.index()) {
                Some((written, _)) if written.is_in_message() => CoveragePoint::CutInMessage,
                _ => return,
            },
            Event::PeerReset { .. } => CoveragePoint::ResetByPeer,
            Event::TimedOut { .. } => CoveragePoint::TimedOut,
            _ => return,
        };
        seen.insert(sighting);
    }
}

/// Where in ZMTP's framing (RFC 37) one direction of a stream stands.
#[derive(Debug)]
struct Framing {
    /// Bytes of the greeting that are still to come.
    greeting: usize,
    /// The part of a header that has come.
    header: Vec<u8>,
    /// Bytes of the body that are still to come.
    body: u64,
    /// Whether further frames belong to the message.
    more: bool,
}

impl Default for Framing {
    fn default() -> Self {
        Self { greeting: 64, header: Vec::new(), body: 0, more: false }
    }
}

impl Framing {
    fn feed(&mut self, mut bytes: &[u8]) {
        let greeting = self.greeting.min(bytes.len());
        self.greeting -= greeting;
        bytes = &bytes[greeting..];
        while !bytes.is_empty() {
            if self.body > 0 {
                let passed = usize::try_from(self.body).map_or(bytes.len(), |body| body.min(bytes.len()));
                self.body -= passed as u64;
                bytes = &bytes[passed..];
                continue;
            }
            self.header.push(bytes[0]);
            bytes = &bytes[1..];
            let flags = self.header[0];
            let length = match (flags & 2 != 0, self.header.len()) {
                (false, 2) => u64::from(self.header[1]),
                (true, 9) => self.header[1..].iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
                _ => continue,
            };
            (self.body, self.more) = (length, flags & 1 != 0);
            self.header.clear();
        }
    }

    fn is_in_message(&self) -> bool {
        !self.header.is_empty() || self.body > 0 || self.more
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seaworthy_engine::StreamId;

    fn seen(events: &[Event<'_>]) -> Vec<CoveragePoint> {
        let lookout = CoverageTap::default();
        for event in events {
            lookout.clone().event(Instant::ZERO, event);
        }
        lookout.finish().into_iter().collect()
    }

    fn stream(frames: &[u8]) -> Vec<u8> {
        [&[0; 64], frames].concat()
    }

    #[test]
    fn where_a_read_ends_is_told() {
        let read = |bytes: &[u8]| seen(&[Event::Read { stream: StreamId::at(0), bytes }]);
        assert_eq!(read(&stream(&[0, 2, 7, 7])), []);
        assert_eq!(read(&stream(&[0, 2, 7])), [CoveragePoint::PartialFrame]);
        assert_eq!(read(&stream(&[0])), [CoveragePoint::PartialHeader]);
        assert_eq!(read(&stream(&[2, 0, 0, 0, 0, 0, 0, 0])), [CoveragePoint::PartialHeader]);
        assert_eq!(read(&stream(&[2, 0, 0, 0, 0, 0, 0, 0, 1, 7])), []);
        assert_eq!(read(&[0; 10]), [], "a greeting is no frame");
    }

    #[test]
    fn a_stream_that_ends_in_a_message_is_told_from_one_that_ends_behind_it() {
        let ended = |bytes: &[u8]| {
            seen(&[
                Event::Written { stream: StreamId::at(0), bytes },
                Event::Reset { stream: StreamId::at(0) },
            ])
        };
        assert_eq!(ended(&stream(&[0, 1, 7])), []);
        assert_eq!(
            ended(&stream(&[1, 1, 7])),
            [CoveragePoint::CutInMessage],
            "further frames were announced"
        );
        assert_eq!(ended(&stream(&[0, 2, 7])), [CoveragePoint::CutInMessage]);
    }
}
