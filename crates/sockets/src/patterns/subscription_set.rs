//! What subscribers have in common: what they asked for, and how publishers learn of it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use seaworthy_core::planted::{Bug, planted};
use seaworthy_zmtp::limits::TOPIC_LENGTH_MAX;

use super::subscribers::{TOPIC_BYTES_MAX, TOPICS_MAX};
use crate::Error;
use crate::parcel::Parcel;
use crate::peers::{Peer, PeerId, Peers};

/// Parcels that wait in the pipe to a publisher when wishes begin to be owed: as many as by default messages do.
const WISHES_WAITING_MAX: usize = 1000;

/// The topics of a subscriber.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    /// How often each topic is subscribed to.
    counts: BTreeMap<Bytes, usize>,
    /// Sum of the topics' lengths.
    bytes: usize,
    /// Publishers that do not take what they are told. Each is owed the difference between what it was told and what is
    /// wished by now: the topics that it is to be told of, or of whose end, once there is room.
    owed: BTreeMap<PeerId, BTreeSet<Bytes>>,
}

impl Wishes {
    /// Subscribes once more, and tells the publishers: an XPUB with `xpub_verbose` wants to know.
    ///
    /// # Errors
    /// A publisher would refuse it, and with it the connection.
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
        self.tell(peers, Parcel::Subscribe(topic), first);
        Ok(())
    }

    /// Takes a subscription back, and tells the publishers if it was the last to this topic, or if they are to hear
    /// of `all`. True when it was the last.
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
            self.tell(peers, Parcel::Cancel(Bytes::copy_from_slice(topic)), last);
        }
        last
    }

    /// Each topic once, for a new connection to this publisher, which is owed nothing else then.
    pub(super) fn topics(&mut self, id: PeerId) -> Vec<Bytes> {
        self.owed.remove(&id);
        self.counts.keys().cloned().collect()
    }

    /// Passes a wish to every publisher that is connected; others learn of it when they are. It `matters` if it changes
    /// what is wished.
    fn tell(&mut self, peers: &mut Peers, wish: Parcel, matters: bool) {
        let (Parcel::Subscribe(topic) | Parcel::Cancel(topic)) = &wish else { return };
        let writable = peers.writable_notices();
        for (id, peer) in peers.iter_mut().filter(|(_, peer)| peer.connected) {
            if let Some(owed) = self.owed.get_mut(&id) {
                if matters && !owed.remove(topic) {
                    owed.insert(topic.clone());
                }
            } else if has_room(peer) {
                peer.pipe.out.write_beyond(wish.clone());
                peer.pipe.out.publish();
            } else {
                self.owed.insert(id, if matters { BTreeSet::from([topic.clone()]) } else { BTreeSet::new() });
                if !peer.watch_credit() {
                    writable.add(id);
                }
            }
        }
    }

    /// Tells the publishers that have room what they are owed.
    pub(super) fn catch_up(&mut self, peers: &mut Peers) {
        let Self { counts, owed, .. } = self;
        owed.retain(|&id, topics| {
            let Some(peer) = peers.get_mut(id).filter(|peer| peer.connected) else { return false };
            loop {
                while has_room(peer)
                    && let Some(topic) = topics.pop_first()
                {
                    let wished = counts.contains_key(&topic);
                    peer.pipe.out.write_beyond(if wished {
                        Parcel::Subscribe(topic)
                    } else {
                        Parcel::Cancel(topic)
                    });
                }
                peer.pipe.out.publish();
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

/// Refuses what makes the subscriber hold so many topics, of so many bytes.
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

/// Refuses a topic that is too long to be told.
pub(super) const fn admit_length(topic: &[u8]) -> Result<(), Error> {
    if topic.len() > TOPIC_LENGTH_MAX {
        return Err(Error::TopicTooLong { length: topic.len(), limit: TOPIC_LENGTH_MAX });
    }
    Ok(())
}

fn has_room(peer: &mut Peer) -> bool {
    peer.pipe.out.level().messages < WISHES_WAITING_MAX || peer.pipe.out.is_closed()
}
