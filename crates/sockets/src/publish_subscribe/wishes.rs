//! What subscribers have in common: what they asked for, and how publishers learn of it.

use std::collections::BTreeMap;

use bytes::Bytes;
use seaworthy_core::planted::{Bug, planted};

use crate::parcel::Parcel;
use crate::peers::Peers;

/// The topics of a subscriber.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    /// How often each topic is subscribed to.
    counts: BTreeMap<Bytes, usize>,
}

impl Wishes {
    /// Subscribes once more, and tells the publishers: an XPUB with `xpub_verbose` wants to know.
    pub(super) fn subscribe(&mut self, peers: &mut Peers, topic: Bytes) {
        *self.counts.entry(topic.clone()).or_default() += 1;
        tell_publishers(peers, &Parcel::Subscribe(topic));
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
        if planted(Bug::UnsubscribeNotTold) {
            return last;
        }
        if last || all {
            tell_publishers(peers, &Parcel::Cancel(Bytes::copy_from_slice(topic)));
        }
        last
    }

    /// Each topic once.
    pub(super) fn topics(&self) -> Vec<Bytes> {
        self.counts.keys().cloned().collect()
    }
}

/// Passes a wish to every publisher that is connected; others learn of it when they are.
fn tell_publishers(peers: &mut Peers, wish: &Parcel) {
    for (_, peer) in peers.iter_mut().filter(|(_, peer)| peer.connected) {
        peer.pipe.out.write_beyond(wish.clone());
        peer.pipe.out.publish();
    }
}
