//! What an XPUB has to tell its user of its peers' subscriptions.

use std::collections::{BTreeMap, VecDeque};

use bytes::{BufMut, Bytes, BytesMut};
use seaworthy_core::Message;

use crate::peers::PeerId;

/// Notices that the user has not received, in the order in which the subscriptions took effect.
///
/// That order must hold across peers: an end of the last subscription that overtook the first one would leave
/// whoever passes notices on subscribed for ever. Yet a notice must not overtake what its peer sent before. So a
/// peer's pipe carries a mark where the notice belongs, which also counts it against the pipe's high-water mark, and
/// what the mark allows to be received is not this notice, but all up to it.
#[derive(Debug)]
pub(super) struct Notices {
    /// Each with its place.
    queue: VecDeque<(u64, Notice)>,
    /// Place of the next to be added.
    next: u64,
    /// Those before this place may be received.
    due: u64,
    /// The notices of a topic alternate, so that two that follow each other say nothing together.
    alternate: bool,
    /// So many are looked through for those that say nothing.
    looked_through_at: usize,
}

/// Notices that wait for a user who does not receive them before the first are dropped: the beginning of a subscription
/// together with its end.
const NOTICES_WHOLE_MAX: usize = 10_000;

/// A subscription, or the end of one.
#[derive(Debug)]
pub(super) struct Notice {
    /// Whose; nobody's when the peer is gone.
    pub(super) peer: Option<PeerId>,
    pub(super) subscribe: bool,
    pub(super) topic: Bytes,
}

impl Notices {
    /// Of a socket that tells the first subscription to a topic and the last end of one only, or `all`.
    pub(super) const fn new(all: bool) -> Self {
        Self {
            queue: VecDeque::new(),
            next: 0,
            due: 0,
            alternate: !all,
            looked_through_at: NOTICES_WHOLE_MAX,
        }
    }

    /// Tells `all` from now on, or the first subscription and the last end only.
    pub(super) const fn tell(&mut self, all: bool) {
        self.alternate = !all;
    }

    /// Adds one, to be received once its place is reached. Returns the place.
    pub(super) fn add(&mut self, notice: Notice) -> u64 {
        let place = self.next;
        self.next += 1;
        self.queue.push_back((place, notice));
        if self.alternate && self.queue.len() >= self.looked_through_at {
            self.drop_what_says_nothing();
        }
        place
    }

    /// Drops subscriptions together with their ends, so that what waits is bounded by the topics that are subscribed to,
    /// and those that the user takes to be.
    fn drop_what_says_nothing(&mut self) {
        let mut open: BTreeMap<&Bytes, usize> = BTreeMap::new();
        let mut dropped = vec![false; self.queue.len()];
        for (at, (_, notice)) in self.queue.iter().enumerate() {
            match open.get(&notice.topic) {
                Some(&before) if self.queue[before].1.subscribe != notice.subscribe => {
                    dropped[before] = true;
                    dropped[at] = true;
                    open.remove(&notice.topic);
                }
                // The end of what was not subscribed to, once more.
                Some(_) => dropped[at] = true,
                None => drop(open.insert(&notice.topic, at)),
            }
        }
        let mut dropped = dropped.into_iter();
        self.queue.retain(|_| !dropped.next().unwrap_or_default());
        self.looked_through_at = NOTICES_WHOLE_MAX.max(2 * self.queue.len());
        self.queue.shrink_to(self.looked_through_at);
    }

    /// A mark for this place came out of its pipe.
    pub(super) fn reach(&mut self, place: u64) {
        self.due = self.due.max(place + 1);
    }

    /// No mark need be waited for.
    pub(super) const fn reach_all(&mut self) {
        self.due = self.next;
    }

    /// The next one that may be received.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Notice> {
        if self.queue.front()?.0 >= self.due {
            return None;
        }
        self.queue.pop_front().map(|(_, notice)| notice)
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

    fn end(notices: &mut Notices, topic: &'static str) -> u64 {
        notices.add(Notice { peer: None, subscribe: false, topic: Bytes::from_static(topic.as_bytes()) })
    }

    fn next(notices: &mut Notices) -> Option<Bytes> {
        notices.next().map(|notice| notice.topic)
    }

    #[test]
    fn a_mark_lets_out_what_is_before_it_too_and_nothing_behind_it() {
        let mut notices = Notices::new(false);
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
        let mut notices = Notices::new(false);
        add(&mut notices, "a");
        notices.reach_all();
        add(&mut notices, "b");
        assert_eq!(next(&mut notices).unwrap(), "a");
        assert_eq!(next(&mut notices), None);
    }

    #[test]
    fn subscriptions_that_ended_unseen_are_forgotten_when_there_are_too_many() {
        let mut notices = Notices::new(false);
        let seen = add(&mut notices, "seen");
        notices.reach(seen);
        assert_eq!(next(&mut notices).unwrap(), "seen");
        for _ in 0..NOTICES_WHOLE_MAX {
            add(&mut notices, "a");
            end(&mut notices, "a");
        }
        end(&mut notices, "seen");
        add(&mut notices, "b");
        assert!(notices.queue.len() < NOTICES_WHOLE_MAX);
        notices.drop_what_says_nothing();
        let last = add(&mut notices, "c");
        notices.reach(last);
        assert_eq!(next(&mut notices).unwrap(), "seen");
        assert_eq!(next(&mut notices).unwrap(), "b");
        assert_eq!(next(&mut notices).unwrap(), "c");
        assert_eq!(next(&mut notices), None);
    }

    #[test]
    fn nothing_is_forgotten_where_all_are_told() {
        let mut notices = Notices::new(true);
        for _ in 0..NOTICES_WHOLE_MAX {
            add(&mut notices, "a");
            end(&mut notices, "a");
        }
        assert_eq!(notices.queue.len(), 2 * NOTICES_WHOLE_MAX);
    }
}
