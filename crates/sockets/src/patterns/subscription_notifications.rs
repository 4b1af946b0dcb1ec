//! An XPUB's notifications of subscriptions, in the order in which the user receives them.

use std::collections::{BTreeMap, VecDeque};

use bytes::{BufMut, Bytes, BytesMut};
use seaworthy_core::Message;

use crate::peer_id::PeerId;

/// Notifications that the user has not received, in the order in which the subscriptions took effect.
///
/// That order must hold across peers: if the end of a last subscription overtook a first one, a proxy that passes
/// notifications on would stay subscribed forever. Yet a notification must not overtake what its peer sent before. So a
/// peer's pipe carries a marker where the notification belongs, which also counts it against the pipe's high-water mark, and
/// what the marker releases is not this notification alone, but all up to it.
#[derive(Debug)]
pub(super) struct SubscriptionNotifications {
    /// Each with its sequence number.
    queue: VecDeque<(u64, SubscriptionNotification)>,
    /// Sequence number of the next to be added.
    next: u64,
    /// Those before this number may be received.
    due: u64,
    /// Subscriptions and cancellations of a topic alternate, so that two in a row cancel out.
    alternate: bool,
    /// Length of the queue at which pairs that cancel out are dropped.
    compact_at: usize,
}

/// Notifications that wait for a user who does not receive them before the first are dropped: the beginning of a subscription
/// together with its end.
const NOTIFICATIONS_UNCOMPACTED_MAX: usize = 10_000;

/// A subscription, or the end of one.
#[derive(Debug)]
pub(super) struct SubscriptionNotification {
    /// Whose; nobody's when the peer is gone.
    pub(super) peer: Option<PeerId>,
    pub(super) subscribe: bool,
    pub(super) topic: Bytes,
}

impl SubscriptionNotifications {
    /// For a socket that reports `all` subscriptions, or only the first of a topic and the end of its last.
    pub(super) const fn new(all: bool) -> Self {
        Self {
            queue: VecDeque::new(),
            next: 0,
            due: 0,
            alternate: !all,
            compact_at: NOTIFICATIONS_UNCOMPACTED_MAX,
        }
    }

    /// Reports `all` from now on, or only the first and the last of a topic.
    pub(super) const fn report(&mut self, all: bool) {
        self.alternate = !all;
    }

    /// Adds one, to be received once its number is [reached](Self::reach). Returns the number.
    pub(super) fn add(&mut self, notification: SubscriptionNotification) -> u64 {
        let sequence = self.next;
        self.next += 1;
        self.queue.push_back((sequence, notification));
        if self.alternate && self.queue.len() >= self.compact_at {
            self.compact();
        }
        sequence
    }

    /// Drops subscriptions together with their ends, so that what waits is bounded by the topics that are subscribed to,
    /// and those that the user takes to be.
    fn compact(&mut self) {
        let mut open: BTreeMap<&Bytes, usize> = BTreeMap::new();
        let mut dropped = vec![false; self.queue.len()];
        for (at, (_, notification)) in self.queue.iter().enumerate() {
            match open.get(&notification.topic) {
                Some(&before) if self.queue[before].1.subscribe != notification.subscribe => {
                    dropped[before] = true;
                    dropped[at] = true;
                    open.remove(&notification.topic);
                }
                // The end of what was not subscribed to, once more.
                Some(_) => dropped[at] = true,
                None => drop(open.insert(&notification.topic, at)),
            }
        }
        let mut dropped = dropped.into_iter();
        self.queue.retain(|_| !dropped.next().unwrap_or_default());
        self.compact_at = NOTIFICATIONS_UNCOMPACTED_MAX.max(2 * self.queue.len());
        self.queue.shrink_to(self.compact_at);
    }

    /// The marker with this number came out of its pipe.
    pub(super) fn reach(&mut self, sequence: u64) {
        self.due = self.due.max(sequence + 1);
    }

    /// No marker need be waited for.
    pub(super) const fn reach_all(&mut self) {
        self.due = self.next;
    }

    /// The next one that may be received.
    #[inline]
    pub(super) fn next(&mut self) -> Option<SubscriptionNotification> {
        if self.queue.front()?.0 >= self.due {
            return None;
        }
        self.queue.pop_front().map(|(_, notification)| notification)
    }
}

impl SubscriptionNotification {
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

    fn add(notifications: &mut SubscriptionNotifications, topic: &'static str) -> u64 {
        notifications.add(SubscriptionNotification {
            peer: None,
            subscribe: true,
            topic: Bytes::from_static(topic.as_bytes()),
        })
    }

    fn end(notifications: &mut SubscriptionNotifications, topic: &'static str) -> u64 {
        notifications.add(SubscriptionNotification {
            peer: None,
            subscribe: false,
            topic: Bytes::from_static(topic.as_bytes()),
        })
    }

    fn next(notifications: &mut SubscriptionNotifications) -> Option<Bytes> {
        notifications.next().map(|notification| notification.topic)
    }

    #[test]
    fn a_mark_lets_out_what_is_before_it_too_and_nothing_behind_it() {
        let mut notifications = SubscriptionNotifications::new(false);
        let [_, b, c] = ["a", "b", "c"].map(|topic| add(&mut notifications, topic));
        assert_eq!(next(&mut notifications), None);
        notifications.reach(b);
        assert_eq!(next(&mut notifications).unwrap(), "a");
        assert_eq!(next(&mut notifications).unwrap(), "b");
        assert_eq!(next(&mut notifications), None);
        notifications.reach(b);
        assert_eq!(next(&mut notifications), None);
        notifications.reach(c);
        assert_eq!(next(&mut notifications).unwrap(), "c");
    }

    #[test]
    fn all_are_due_without_a_mark_when_their_peer_is_gone() {
        let mut notifications = SubscriptionNotifications::new(false);
        add(&mut notifications, "a");
        notifications.reach_all();
        add(&mut notifications, "b");
        assert_eq!(next(&mut notifications).unwrap(), "a");
        assert_eq!(next(&mut notifications), None);
    }

    #[test]
    fn subscriptions_that_ended_unseen_are_forgotten_when_there_are_too_many() {
        let mut notifications = SubscriptionNotifications::new(false);
        let seen = add(&mut notifications, "seen");
        notifications.reach(seen);
        assert_eq!(next(&mut notifications).unwrap(), "seen");
        for _ in 0..NOTIFICATIONS_UNCOMPACTED_MAX {
            add(&mut notifications, "a");
            end(&mut notifications, "a");
        }
        end(&mut notifications, "seen");
        add(&mut notifications, "b");
        assert!(notifications.queue.len() < NOTIFICATIONS_UNCOMPACTED_MAX);
        notifications.compact();
        let last = add(&mut notifications, "c");
        notifications.reach(last);
        assert_eq!(next(&mut notifications).unwrap(), "seen");
        assert_eq!(next(&mut notifications).unwrap(), "b");
        assert_eq!(next(&mut notifications).unwrap(), "c");
        assert_eq!(next(&mut notifications), None);
    }

    #[test]
    fn nothing_is_forgotten_where_all_are_told() {
        let mut notifications = SubscriptionNotifications::new(true);
        for _ in 0..NOTIFICATIONS_UNCOMPACTED_MAX {
            add(&mut notifications, "a");
            end(&mut notifications, "a");
        }
        assert_eq!(notifications.queue.len(), 2 * NOTIFICATIONS_UNCOMPACTED_MAX);
    }
}
