//! What an XPUB has to tell its user of its peers' subscriptions.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};
use seaworthy_core::Message;

use crate::peers::PeerId;

/// Notices that the user has not received, in the order in which the subscriptions took effect.
///
/// That order must hold across peers: an end of the last subscription that overtook the first one would leave
/// whoever passes notices on subscribed for ever. Yet a notice must not overtake what its peer sent before. So a
/// peer's pipe carries a mark where the notice belongs, which also counts it against the pipe's high-water mark, and
/// what the mark allows to be received is not this notice, but all up to it.
#[derive(Debug, Default)]
pub(super) struct Notices {
    queue: VecDeque<Notice>,
    /// Place of the first in the queue.
    first: u64,
    /// Those before this place may be received.
    due: u64,
}

/// A subscription, or the end of one.
#[derive(Debug)]
pub(super) struct Notice {
    /// Whose; nobody's when the peer is gone.
    pub(super) peer: Option<PeerId>,
    pub(super) subscribe: bool,
    pub(super) topic: Bytes,
}

impl Notices {
    /// Adds one, to be received once its place is reached. Gives the place.
    pub(super) fn add(&mut self, notice: Notice) -> u64 {
        self.queue.push_back(notice);
        self.first + self.queue.len() as u64 - 1
    }

    /// A mark for this place came out of its pipe.
    pub(super) fn reach(&mut self, place: u64) {
        self.due = self.due.max(place + 1);
    }

    /// No mark need be waited for; true when there is something to receive.
    pub(super) fn reach_all(&mut self) -> bool {
        self.due = self.first + self.queue.len() as u64;
        !self.queue.is_empty()
    }

    /// The next one that may be received.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Notice> {
        if self.first >= self.due {
            return None;
        }
        let notice = self.queue.pop_front()?;
        self.first += 1;
        Some(notice)
    }
}

impl Notice {
    /// As users receive it, and as RFC 23 writes it: a 1 or a 0, and the topic.
    pub(super) fn into_message(self) -> Message {
        let mut frame = BytesMut::with_capacity(1 + self.topic.len());
        frame.put_u8(u8::from(self.subscribe));
        frame.put_slice(&self.topic);
        Message::from(frame.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(notices: &mut Notices, topic: &'static str) -> u64 {
        notices.add(Notice { peer: None, subscribe: true, topic: Bytes::from_static(topic.as_bytes()) })
    }

    fn next(notices: &mut Notices) -> Option<Bytes> {
        notices.next().map(|notice| notice.topic)
    }

    #[test]
    fn a_mark_lets_out_what_is_before_it_too_and_nothing_behind_it() {
        let mut notices = Notices::default();
        let [_, b, c] = ["a", "b", "c"].map(|topic| add(&mut notices, topic));
        assert_eq!(next(&mut notices), None);
        notices.reach(b);
        assert_eq!(next(&mut notices).unwrap(), "a");
        assert_eq!(next(&mut notices).unwrap(), "b");
        assert_eq!(next(&mut notices), None);
        notices.reach(b);
        assert_eq!(next(&mut notices), None);
        notices.reach(c);
        assert_eq!(next(&mut notices).unwrap(), "c");
    }

    #[test]
    fn all_are_due_without_a_mark_when_their_peer_is_gone() {
        let mut notices = Notices::default();
        assert!(!notices.reach_all());
        add(&mut notices, "a");
        assert!(notices.reach_all());
        add(&mut notices, "b");
        assert_eq!(next(&mut notices).unwrap(), "a");
        assert_eq!(next(&mut notices), None);
    }
}
