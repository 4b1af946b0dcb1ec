use std::collections::BTreeMap;

use bytes::Bytes;
use seaworthy_core::{Message, Network, Options, Subscriptions};
use seaworthy_zmtp::SocketType;

use crate::Error;
use crate::parcel::Parcel;
use crate::pattern::{Pattern, Receives};
use crate::peers::{PeerId, Peers};
use crate::routing::FairQueue;
use crate::socket::Socket;

/// SUB: receives the messages whose first frame begins with one of its topics, from all its publishers in turn.
/// Without a subscription it receives nothing.
#[derive(Debug, Default)]
pub struct Sub {
    fair_queue: FairQueue,
    /// How often each topic is subscribed to.
    counts: BTreeMap<Bytes, usize>,
    filter: Subscriptions<()>,
}

impl Pattern for Sub {
    const TYPE: SocketType = SocketType::Sub;

    fn new(_options: &Options, _random: u64) -> Self {
        Self::default()
    }

    fn attached(&mut self, id: PeerId) {
        self.fair_queue.add(id);
    }

    fn topics(&self) -> Vec<Bytes> {
        self.counts.keys().cloned().collect()
    }
}

impl Receives for Sub {
    #[inline(always)]
    fn try_recv(&mut self, peers: &mut Peers) -> Result<Option<Message>, Error> {
        while let Some((_, message)) = self.fair_queue.next_message(peers) {
            if self.filter.matches(message.frame(0).unwrap_or_default()) {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }
}

impl<N: Network> Socket<Sub, N> {
    /// Receives from now on what begins with `topic`, from every publisher, also from those it connects to later;
    /// the empty topic is everything. Subscribing twice takes two [`unsubscribe`](Self::unsubscribe)s to undo.
    ///
    /// # Errors
    /// None today.
    pub fn subscribe(&self, topic: impl Into<Bytes>) -> Result<(), Error> {
        let topic = topic.into();
        self.with_state(|sub, peers| {
            *sub.counts.entry(topic.clone()).or_default() += 1;
            sub.filter.subscribe(topic.clone(), ());
            tell_publishers(peers, &Parcel::Subscribe(topic));
        });
        Ok(())
    }

    /// Takes a subscription back.
    ///
    /// # Errors
    /// None today: a topic that is not subscribed to is no error, as in libzmq.
    pub fn unsubscribe(&self, topic: impl AsRef<[u8]>) -> Result<(), Error> {
        let topic = topic.as_ref();
        self.with_state(|sub, peers| {
            let Some(count) = sub.counts.get_mut(topic) else { return };
            *count -= 1;
            if *count == 0 {
                sub.counts.remove(topic);
                sub.filter.cancel(topic, ());
                tell_publishers(peers, &Parcel::Cancel(Bytes::copy_from_slice(topic)));
            }
        });
        Ok(())
    }
}

/// Passes a wish to every publisher that is connected; others learn of it when they are.
fn tell_publishers(peers: &mut Peers, wish: &Parcel) {
    for (_, peer) in peers.iter_mut().filter(|(_, peer)| peer.connected) {
        peer.pipe.out.write_beyond(wish.clone());
        peer.pipe.out.publish();
    }
}
