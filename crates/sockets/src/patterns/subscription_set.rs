//! The topics of a SUB or XSUB, and how its publishers are kept up to date.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use seaworthy_core::planted::{Bug, planted};
use seaworthy_zmtp::limits::TOPIC_LENGTH_MAX;

use crate::Error;
use crate::limits::{TOPIC_BYTES_MAX, TOPICS_MAX};
use crate::peer_id::PeerId;
use crate::peers::{Peer, Peers};
use crate::pipe_item::PipeItem;

/// Items in the pipe to a publisher at which further changes are kept back: as many as the default high-water mark has
/// messages.
const SUBSCRIPTIONS_PENDING_MAX: usize = 1000;

/// The topics of a subscriber.
#[derive(Debug, Default)]
pub(super) struct SubscriptionSet {
    /// How often each topic is subscribed to.
    counts: BTreeMap<Bytes, usize>,
    /// Sum of the topics' lengths.
    bytes: usize,
    /// By publisher whose pipe is full: the topics whose subscription changed since it was last told. What goes out once
    /// there is room is the state of each topic by then, so a publisher that does not read costs one entry per topic.
    pending: BTreeMap<PeerId, BTreeSet<Bytes>>,
}

impl SubscriptionSet {
    /// Subscribes once more, and notifies the publishers every time: an XPUB with `xpub_verbose` passes each on.
    ///
    /// # Errors
    /// The topic, or all topics together, exceed what a publisher accepts.
    pub(super) fn subscribe(&mut self, peers: &mut Peers, topic: Bytes) -> Result<(), Error> {
        let (topics, bytes) = (self.counts.len(), self.bytes);
        let first = match self.counts.get_mut(&topic) {
            Some(count) => {
                *count += 1;
                false
            }
            None => {
                admit(&topic, topics + 1, bytes + topic.len())?;
                self.bytes += topic.len();
                self.counts.insert(topic.clone(), 1);
                true
            }
        };
        self.notify_publishers(peers, PipeItem::Subscribe(topic), first);
        Ok(())
    }

    /// Takes a subscription back. Publishers are notified if it was the last to this topic, or of `all`. Returns true if
    /// it was the last.
    pub(super) fn unsubscribe(&mut self, peers: &mut Peers, topic: &[u8], all: bool) -> bool {
        let last = match self.counts.get_mut(topic) {
            Some(_) if planted(Bug::UnsubscribeRemovesAll) => self.counts.remove(topic).is_some(),
            Some(1) => self.counts.remove(topic).is_some(),
            Some(count) => {
                *count -= 1;
                false
            }
            None => false,
        };
        if last {
            self.bytes -= topic.len();
        }
        if planted(Bug::UnsubscribeNotTold) {
            return last;
        }
        if last || all {
            self.notify_publishers(peers, PipeItem::Cancel(Bytes::copy_from_slice(topic)), last);
        }
        last
    }

    /// Each topic once, for a new connection to this publisher. Its pending changes are contained in them.
    pub(super) fn topics(&mut self, id: PeerId) -> Vec<Bytes> {
        self.pending.remove(&id);
        self.counts.keys().cloned().collect()
    }

    /// Notifies every connected publisher; others get all topics when they connect. `changes` is false for a repeated
    /// subscription, or one of several that ended: a publisher that lags behind need not hear of it.
    fn notify_publishers(&mut self, peers: &mut Peers, item: PipeItem, changes: bool) {
        let (PipeItem::Subscribe(topic) | PipeItem::Cancel(topic)) = &item else { return };
        let writable = peers.writable_set();
        for (id, peer) in peers.iter_mut().filter(|(_, peer)| peer.connected) {
            if let Some(pending) = self.pending.get_mut(&id) {
                if changes && !pending.remove(topic) {
                    pending.insert(topic.clone());
                }
            } else if has_room(peer) {
                peer.pipe.tx.write_unbounded(item.clone());
                peer.pipe.tx.publish();
            } else {
                self.pending
                    .insert(id, if changes { BTreeSet::from([topic.clone()]) } else { BTreeSet::new() });
                if !peer.watch_credit() {
                    writable.add(id);
                }
            }
        }
    }

    /// Sends pending changes to the publishers that have room again.
    pub(super) fn catch_up(&mut self, peers: &mut Peers) {
        let Self { counts, pending, .. } = self;
        pending.retain(|&id, topics| {
            let Some(peer) = peers.get_mut(id).filter(|peer| peer.connected) else { return false };
            loop {
                while has_room(peer)
                    && let Some(topic) = topics.pop_first()
                {
                    let subscribed = counts.contains_key(&topic);
                    peer.pipe.tx.write_unbounded(if subscribed {
                        PipeItem::Subscribe(topic)
                    } else {
                        PipeItem::Cancel(topic)
                    });
                }
                peer.pipe.tx.publish();
                if topics.is_empty() {
                    return false;
                }
                if peer.watch_credit() {
                    return true;
                }
            }
        });
    }
}

/// Refuses a topic with which the subscriber would hold this many topics, of this many bytes.
fn admit(topic: &[u8], topics: usize, bytes: usize) -> Result<(), Error> {
    admit_length(topic)?;
    if topics > TOPICS_MAX {
        return Err(Error::TooManyTopics { topics, limit: TOPICS_MAX });
    }
    if bytes > TOPIC_BYTES_MAX {
        return Err(Error::TopicsTooLarge { bytes, limit: TOPIC_BYTES_MAX });
    }
    Ok(())
}

/// Refuses a topic that is too long for the wire.
pub(super) const fn admit_length(topic: &[u8]) -> Result<(), Error> {
    if topic.len() > TOPIC_LENGTH_MAX {
        return Err(Error::TopicTooLong { length: topic.len(), limit: TOPIC_LENGTH_MAX });
    }
    Ok(())
}

fn has_room(peer: &mut Peer) -> bool {
    peer.pipe.tx.outstanding().messages < SUBSCRIPTIONS_PENDING_MAX || peer.pipe.tx.is_closed()
}
