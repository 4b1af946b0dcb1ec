use std::collections::VecDeque;

use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Message, Options};
use seaworthy_zmtp::SocketType;

use crate::Error;
use crate::outcome::SendRejected;
use crate::patterns::{Behavior, Pattern, Receives, Sends, TryRecv, TrySend};
use crate::peer_id::PeerId;
use crate::peers::Peers;
use crate::pipe_item::PipeItem;

/// PAIR: talks to one peer, and waits while there is none or it has no room.
///
/// As long as the peer is there nobody else is let in. When it has gone the next one is; what the former peer left
/// behind is received first. One whose machine died counts as there until the connection breaks, which heartbeats
/// bring about. A connected endpoint is a peer from `connect` to `disconnect`, whether or not there is a
/// connection.
#[derive(Debug, Default)]
pub struct Pair {
    peer: Option<PeerId>,
    /// Peers with something to receive: those that are gone first, in the order they came, the present one last.
    senders: VecDeque<PeerId>,
}

impl Pattern for Pair {
    const TYPE: SocketType = SocketType::Pair;
}

impl Behavior for Pair {
    fn new(_options: &Options, _random: u64) -> Self {
        Self::default()
    }

    fn admits(&self, others: usize) -> bool {
        planted(Bug::SecondPeerAdmitted) || (self.peer.is_none() && others == 0)
    }

    fn attached(&mut self, id: PeerId) {
        self.peer = Some(id);
        self.senders.push_back(id);
    }

    fn departed(&mut self, _peers: &mut Peers, id: PeerId) {
        self.peer.take_if(|peer| *peer == id);
    }
}

impl Sends for Pair {}

impl TrySend for Pair {
    #[inline(always)]
    fn try_send(&mut self, peers: &mut Peers, message: &mut Message) -> Result<(), SendRejected> {
        peers.writable.clear();
        let Some(id) = self.peer else { return Err(SendRejected::Full) };
        let Some(peer) = peers.get_mut(id) else { return Err(SendRejected::Full) };
        while peer.pipe.tx.is_closed() || peer.pipe.tx.is_full() {
            if peer.pipe.tx.is_closed() || peer.watch_writable() {
                return Err(SendRejected::Full);
            }
        }
        peers.write_soon(id, || PipeItem::Message(message.take()));
        Ok(())
    }
}

impl Receives for Pair {}

impl TryRecv for Pair {
    #[inline(always)]
    fn try_recv(&mut self, peers: &mut Peers) -> Result<Option<Message>, Error> {
        peers.readable.clear();
        let mut index = 0;
        while let Some(&id) = self.senders.get(index) {
            let Some(peer) = peers.get_mut(id) else {
                self.senders.remove(index);
                continue;
            };
            match peer.pipe.rx.take() {
                Some(PipeItem::Message(message)) => return Ok(Some(message)),
                Some(_) => {}
                None if peers.watch_readable(id) => index += 1,
                None => {
                    let Some(peer) = peers.get_mut(id) else { continue };
                    if !peer.pipe.rx.is_ended() {
                        continue;
                    }
                    // A peer on another thread may be gone before its departure is announced here.
                    if peer.departed {
                        self.senders.remove(index);
                        peers.remove(id);
                    } else {
                        index += 1;
                    }
                }
            }
        }
        Ok(None)
    }
}
