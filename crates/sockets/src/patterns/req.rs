use bytes::{BufMut, Bytes, BytesMut};
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Message, Options};
use seaworthy_zmtp::SocketType;

use crate::Error;
use crate::outcome::SendRejected;
use crate::patterns::{Behavior, Pattern, Receives, Sends, TryRecv, TrySend};
use crate::peer_id::PeerId;
use crate::peers::Peers;
use crate::routing::{FairQueue, RoundRobin};

/// REQ: sends a request to the next peer, then waits for its reply, in lockstep.
///
/// A reply is accepted only from the peer that got the request. If that peer departs, a reply of any peer is
/// accepted; the request is not sent again. With `req_relaxed` a new request may be sent while a reply is awaited,
/// and with `req_correlate` only the reply to the newest request is accepted.
#[derive(Debug)]
pub struct Req {
    round_robin: RoundRobin,
    fair_queue: FairQueue,
    state: State,
    relaxed: bool,
    correlate: bool,
    /// The id of the newest request that had one.
    last_id: u32,
    /// The id of the newest request, if it has one.
    request_id: Option<u32>,
}

#[derive(Debug)]
enum State {
    /// `send` is next.
    Idle,
    /// `recv` is next: a reply of this peer, or of any when the peer that got the request departed.
    Awaiting(Option<PeerId>),
}

impl Req {
    /// The reply inside a message, or `None` when it is not the reply that is awaited.
    fn open(&self, mut message: Message) -> Option<Message> {
        if let Some(request_id) = self.request_id
            && message.pop_front()? != request_id.to_be_bytes()[..]
            && !planted(Bug::AnyReplyTaken)
        {
            return None;
        }
        let delimited = message.pop_front()?.is_empty() && !message.is_empty();
        delimited.then_some(message)
    }
}

impl Pattern for Req {
    const TYPE: SocketType = SocketType::Req;
}

impl Behavior for Req {
    fn new(options: &Options, random: u64) -> Self {
        Self {
            round_robin: RoundRobin::default(),
            fair_queue: FairQueue::default(),
            state: State::Idle,
            relaxed: options.req_relaxed,
            correlate: options.req_correlate,
            last_id: random as u32,
            request_id: None,
        }
    }

    fn set_options(&mut self, options: &Options) {
        self.relaxed = options.req_relaxed;
        self.correlate = options.req_correlate;
    }

    fn frames_on_the_wire(&self, frames: usize) -> usize {
        frames + 1 + usize::from(self.request_id.is_some())
    }

    fn attached(&mut self, id: PeerId) {
        self.round_robin.add(id);
        self.fair_queue.add(id);
    }

    fn departed(&mut self, _peers: &mut Peers, id: PeerId) {
        self.round_robin.remove(id);
        if matches!(self.state, State::Awaiting(Some(peer)) if peer == id) {
            self.state = State::Awaiting(None);
        }
    }
}

impl Sends for Req {}

impl TrySend for Req {
    fn try_send(&mut self, peers: &mut Peers, message: &mut Message) -> Result<(), SendRejected> {
        if matches!(self.state, State::Awaiting(_)) && !self.relaxed {
            let state = "a reply is awaited";
            let error = Error::InvalidState { socket: "REQ", operation: "send", state };
            return Err(SendRejected::Failed(error));
        }
        if self.round_robin.next(peers).is_none() {
            return Err(SendRejected::Full);
        }
        // Late replies to former requests.
        self.fair_queue.discard(peers);

        message.push_front(Bytes::new());
        let request_id = self.correlate.then(|| self.last_id.wrapping_add(1));
        if let Some(id) = request_id {
            let mut frame = BytesMut::with_capacity(4);
            frame.put_u32(id);
            message.push_front(frame.freeze());
        }
        match self.round_robin.send(peers, message) {
            Some(peer) => {
                self.state = State::Awaiting(Some(peer));
                self.request_id = request_id;
                self.last_id = request_id.unwrap_or(self.last_id);
                Ok(())
            }
            None => {
                if request_id.is_some() {
                    message.pop_front();
                }
                message.pop_front();
                Err(SendRejected::Full)
            }
        }
    }
}

impl Receives for Req {}

impl TryRecv for Req {
    fn try_recv(&mut self, peers: &mut Peers) -> Result<Option<Message>, Error> {
        let State::Awaiting(peer) = self.state else {
            let state = "no request was sent";
            return Err(Error::InvalidState { socket: "REQ", operation: "receive", state });
        };
        while let Some((sender, message)) = self.fair_queue.next_message(peers) {
            if peer.is_none_or(|peer| peer == sender)
                && let Some(reply) = self.open(message)
            {
                self.state = State::Idle;
                return Ok(Some(reply));
            }
        }
        Ok(None)
    }
}
