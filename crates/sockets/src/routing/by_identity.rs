//! Routing by identity: the first frame says whom a message is for (RFC 28, ROUTER).

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};

use crate::peer_id::PeerId;
use crate::peers::Peers;

/// Which peer has which routing id.
#[derive(Debug)]
pub(crate) struct ByIdentity {
    peers: BTreeMap<Bytes, PeerId>,
    /// The next routing id for a peer that announced none, as in libzmq: a zero byte and this number.
    next: u32,
}

/// What became of a peer that announced itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Identified {
    /// It can be addressed.
    Known,
    /// Its routing id belongs to another peer: it is ignored.
    Duplicate,
    /// It took its routing id over from this peer.
    TookOver(PeerId),
}

impl ByIdentity {
    /// Knows nobody; numbers routing ids from `first`, which should be random.
    pub(crate) fn new(first: u32) -> Self {
        Self { peers: BTreeMap::new(), next: first }
    }

    /// Enters a peer under the routing id it announced, or under a fresh one when that is empty.
    pub(crate) fn identify(
        &mut self,
        peers: &mut Peers,
        id: PeerId,
        announced: &Bytes,
        handover: bool,
    ) -> Identified {
        let known = peers.get_mut(id).map(|peer| peer.routing_id.clone()).unwrap_or_default();
        // One that came back as a duplicate gave its own name up, and must enter anew under any.
        let entered = self.get(&known) == Some(id);
        if entered && (announced.is_empty() || *announced == known) {
            return Identified::Known;
        }
        self.forget(peers, id);
        let routing_id = if announced.is_empty() { self.fresh() } else { announced.clone() };
        let outcome = match self.peers.get(&routing_id) {
            Some(_) if !handover => return Identified::Duplicate,
            Some(&holder) => {
                let fresh = self.fresh();
                if let Some(peer) = peers.get_mut(holder) {
                    peer.routing_id = fresh.clone();
                }
                self.peers.insert(fresh, holder);
                Identified::TookOver(holder)
            }
            None => Identified::Known,
        };
        self.peers.insert(routing_id.clone(), id);
        if let Some(peer) = peers.get_mut(id) {
            peer.routing_id = routing_id;
        }
        outcome
    }

    /// The peer with this routing id.
    pub(crate) fn get(&self, routing_id: &[u8]) -> Option<PeerId> {
        self.peers.get(routing_id).copied()
    }

    /// Frees the routing id of a peer. The peer keeps the name for messages that it delivered.
    pub(crate) fn forget(&mut self, peers: &mut Peers, id: PeerId) {
        if let Some(peer) = peers.get_mut(id)
            && self.peers.get(&peer.routing_id) == Some(&id)
        {
            self.peers.remove(&peer.routing_id);
        }
    }

    /// Five bytes, a zero and a number, that no peer may announce.
    fn fresh(&mut self) -> Bytes {
        loop {
            let mut routing_id = BytesMut::with_capacity(5);
            routing_id.put_u8(0);
            routing_id.put_u32(self.next);
            self.next = self.next.wrapping_add(1);
            if !self.peers.contains_key(&routing_id[..]) {
                return routing_id.freeze();
            }
        }
    }
}
