use std::mem;

use bytes::Bytes;
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Message, Options};
use seaworthy_zmtp::SocketType;

use crate::Error;
use crate::outcome::SendRejected;
use crate::patterns::{Behavior, Pattern, Receives, Sends, TryRecv, TrySend};
use crate::peer_id::PeerId;
use crate::peers::Peers;
use crate::pipe_item::PipeItem;
use crate::routing::{ByIdentity, FairQueue, Identified, Patience};

/// ROUTER: puts the sender's routing id before each message it receives, and sends to the peer that the first
/// frame names. What cannot be routed is dropped, unless `router_mandatory` is set.
///
/// A peer that announces the routing id of another one is ignored until that one departs; with `router_handover`
/// it takes over at once, and the other one is cut off.
#[derive(Debug)]
pub struct Router {
    fair_queue: FairQueue,
    by_identity: ByIdentity,
    /// Peers whose routing id belongs to another peer, in the order they came.
    ignored: Vec<(Bytes, PeerId)>,
    mandatory: bool,
    handover: bool,
    patience: Patience,
    /// Messages that had no peer, or one without room.
    lost: u64,
}

impl Router {
    fn identify(&mut self, peers: &mut Peers, id: PeerId, routing_id: &Bytes) {
        let former_id = peers.get_mut(id).map(|peer| peer.routing_id.clone()).unwrap_or_default();
        match self.by_identity.identify(
            peers,
            id,
            routing_id,
            self.handover || planted(Bug::IdentityTakenOver),
        ) {
            Identified::Known => peers.stop_ignoring(id),
            Identified::TookOver(former) => {
                self.by_identity.forget(peers, former);
                peers.remove(former);
                peers.stop_ignoring(id);
            }
            Identified::Duplicate => {
                if let Some(peer) = peers.get_mut(id) {
                    peer.ignored = true;
                }
                self.ignored.push((routing_id.clone(), id));
            }
        }
        // A peer that came back under another name leaves its former one to the peer that waits for it.
        if !former_id.is_empty() && self.by_identity.get(&former_id).is_none() {
            self.admit(peers, &former_id);
        }
    }

    /// Lets the first ignored peer in whose routing id became free.
    fn admit(&mut self, peers: &mut Peers, routing_id: &Bytes) {
        let Some(index) = self.ignored.iter().position(|(wanted, _)| wanted == routing_id) else { return };
        let (routing_id, id) = self.ignored.remove(index);
        self.identify(peers, id, &routing_id);
    }
}

impl Pattern for Router {
    const TYPE: SocketType = SocketType::Router;
}

impl Behavior for Router {
    fn new(options: &Options, random: u64) -> Self {
        Self {
            fair_queue: FairQueue::default(),
            by_identity: ByIdentity::new(random as u32),
            ignored: Vec::new(),
            mandatory: options.router_mandatory,
            handover: options.router_handover,
            patience: Patience::default(),
            lost: 0,
        }
    }

    fn set_options(&mut self, options: &Options) {
        self.mandatory = options.router_mandatory;
        self.handover = options.router_handover;
    }

    fn frames_on_the_wire(&self, frames: usize) -> usize {
        frames.saturating_sub(1)
    }

    fn attached(&mut self, id: PeerId) {
        self.fair_queue.add(id);
    }

    fn connected(&mut self, peers: &mut Peers, id: PeerId, routing_id: &Bytes) {
        self.ignored.retain(|&(_, ignored)| ignored != id);
        self.identify(peers, id, routing_id);
    }

    fn departed(&mut self, peers: &mut Peers, id: PeerId) {
        self.ignored.retain(|&(_, ignored)| ignored != id);
        let Some(peer) = peers.get_mut(id) else { return };
        if peer.ignored {
            peers.remove(id);
            return;
        }
        if planted(Bug::RoutingIdKept) {
            return;
        }
        let routing_id = peer.routing_id.clone();
        self.by_identity.forget(peers, id);
        self.admit(peers, &routing_id);
    }
}

impl Sends for Router {}

impl TrySend for Router {
    #[inline]
    fn try_send(&mut self, peers: &mut Peers, message: &mut Message) -> Result<(), SendRejected> {
        let routing_id = message.frame(0).unwrap_or_default();
        let known = self.by_identity.get(routing_id).and_then(|id| peers.get_mut(id).map(|peer| (id, peer)));
        let Some((id, peer)) = known.filter(|(_, peer)| !peer.pipe.tx.is_closed()) else {
            if self.mandatory {
                return Err(SendRejected::Failed(Error::Unroutable {
                    routing_id: Bytes::copy_from_slice(routing_id),
                }));
            }
            self.lost += 1;
            drop(mem::take(message));
            return Ok(());
        };
        if peer.pipe.tx.is_full() && !peer.pipe.tx.is_closed() {
            if (self.mandatory || planted(Bug::RouterWaits)) && peer.watch_writable() {
                peers.writable.clear();
                return Err(SendRejected::Full);
            }
            if !self.mandatory {
                let alone = peers.len() == 1;
                self.patience.before_loss(peers, &[id], alone)?;
            }
        } else {
            self.patience.no_loss();
        }
        let mut body = mem::take(message);
        body.pop_front();
        // A routing id and nothing behind it is no message; and RFC 28 drops what its peer has no room for.
        if !body.is_empty() {
            match peers.get_mut(id).map(|peer| peer.pipe.tx.write(PipeItem::Message(body))) {
                Some(Ok(())) => peers.publish_soon(id),
                Some(Err(_)) | None => self.lost += 1,
            }
        }
        Ok(())
    }

    fn lost(&self) -> u64 {
        self.lost
    }
}

impl Receives for Router {}

impl TryRecv for Router {
    #[inline]
    fn try_recv(&mut self, peers: &mut Peers) -> Result<Option<Message>, Error> {
        let Some((id, mut message)) = self.fair_queue.next_message(peers) else { return Ok(None) };
        if let Some(peer) = peers.get_mut(id) {
            message.push_front(peer.routing_id.clone());
        }
        Ok(Some(message))
    }
}
