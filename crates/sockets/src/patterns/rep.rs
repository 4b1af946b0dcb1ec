use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Frame, Message, Options};
use seaworthy_zmtp::SocketType;

use crate::Error;
use crate::outcome::SendRejected;
use crate::patterns::{Behavior, Pattern, Receives, Sends, TryRecv, TrySend};
use crate::peer_id::PeerId;
use crate::peers::Peers;
use crate::pipe_item::PipeItem;
use crate::routing::FairQueue;

/// REP: receives a request, then sends the reply to where it came from, in lockstep.
///
/// The request's envelope, everything up to its first empty frame, goes back before the reply. A request without
/// an envelope is skipped. A reply to a peer that departed is dropped.
#[derive(Debug, Default)]
pub struct Rep {
    fair_queue: FairQueue,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    /// `recv` is next.
    #[default]
    Idle,
    /// `send` is next.
    Replying { peer: PeerId, envelope: Vec<Frame> },
}

/// Splits a request into its envelope, with the empty frame, and its body, which may not be missing.
fn open(request: Message) -> Option<(Vec<Frame>, Message)> {
    let mut frames = request.into_frames();
    let delimiter = frames.iter().position(|frame| frame.is_empty())?;
    let body = frames.split_off(delimiter + 1);
    (!body.is_empty()).then(|| (frames, Message::from(body)))
}

impl Pattern for Rep {
    const TYPE: SocketType = SocketType::Rep;
}

impl Behavior for Rep {
    fn new(_options: &Options, _random: u64) -> Self {
        Self::default()
    }

    fn frames_on_the_wire(&self, frames: usize) -> usize {
        match &self.state {
            State::Replying { envelope, .. } => envelope.len() + frames,
            State::Idle => frames,
        }
    }

    fn attached(&mut self, id: PeerId) {
        self.fair_queue.add(id);
    }
}

impl Sends for Rep {}

impl TrySend for Rep {
    fn try_send(&mut self, peers: &mut Peers, message: &mut Message) -> Result<(), SendRejected> {
        let State::Replying { peer, mut envelope } = std::mem::take(&mut self.state) else {
            let state = "no request was received";
            let error = Error::InvalidState { socket: "REP", operation: "send", state };
            return Err(SendRejected::Failed(error));
        };
        if planted(Bug::EnvelopeLost) {
            envelope.drain(..envelope.len() - 1);
        }
        envelope.extend(std::mem::take(message).into_frames());
        if let Some(peer) = peers.get_mut(peer) {
            // RFC 28: a reply that its peer has no room for is dropped.
            let _ = peer.pipe.tx.send(PipeItem::Message(Message::from(envelope)));
        }
        Ok(())
    }
}

impl Receives for Rep {}

impl TryRecv for Rep {
    fn try_recv(&mut self, peers: &mut Peers) -> Result<Option<Message>, Error> {
        if matches!(self.state, State::Replying { .. }) {
            let state = "the last request awaits its reply";
            return Err(Error::InvalidState { socket: "REP", operation: "receive", state });
        }
        while let Some((peer, message)) = self.fair_queue.next_message(peers) {
            if let Some((envelope, body)) = open(message) {
                self.state = State::Replying { peer, envelope };
                return Ok(Some(body));
            }
        }
        Ok(None)
    }
}
