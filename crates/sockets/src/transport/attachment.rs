//! A driver's hold on its socket: its end of the pipe, and what becomes of the peer when connections come and go.

use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use seaworthy_core::pipe::{Charge, HighWaterMarks, local_pipe_within};
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Doorbell, Endpoint, Instant, Message, Options};
use seaworthy_zmtp::{Credentials, Peer, SocketType, Verdict};

use super::attached_pipe::AttachedPipe;
use super::close_signal::{CloseSignal, CloseWatch};
use super::cross_thread_waker::CrossThreadWaker;
use super::disconnect_reason::DisconnectReason;
use super::linger::Linger;
use super::pending_handshakes::{ConnectionSlot, PendingHandshake};
use super::socket_ref::{PeerRejected, SocketRef};
use crate::authentication::PendingVerdict;
use crate::log::Severity;
use crate::monitor::Origin;
use crate::outcome::SubscriptionOutcome;
use crate::peer_id::PeerId;
use crate::pipe_item::PipeItem;
use crate::tasks::TaskToken;

/// How long a pipe lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// From `connect` to `disconnect`, across connections: messages queue while there is none.
    Endpoint,
    /// From the end of a handshake to the end of its connection: accepted peers, and `immediate`.
    Connection,
}

/// See the module. Dropping it tells the socket that the peer departed.
pub(super) struct Attachment {
    pub(super) socket: Rc<dyn SocketRef>,
    /// As they were when the endpoint was bound or connected.
    pub(super) options: Rc<Options>,
    /// The bound or connected endpoint.
    pub(super) endpoint: Endpoint,
    lifetime: Lifetime,
    /// The socket never receives: what its peers send is dropped.
    deaf: bool,
    closing: CloseWatch,
    attached: Option<AttachedPipe>,
    /// Where the present connection comes from.
    origin: Option<Origin>,
    /// By what name the present connection's peer is known, once its handshake is complete.
    identity: Option<Bytes>,
    /// The verdict on the present connection's peer, while it is awaited.
    verdict: Option<PendingVerdict>,
    /// Counts this attachment among the tasks that closing the socket waits for.
    task: Option<TaskToken>,
    /// Held until this connection's handshake is complete.
    handshake: Option<PendingHandshake>,
    /// Counts it among the complete connections of a bound endpoint.
    slot: Option<ConnectionSlot>,
    /// Bytes that former connections left in the pipe beyond its marks.
    pub(super) overrun: usize,
    /// How other threads that free memory wake the task.
    cross_thread: CrossThreadWaker,
    /// Begins once the socket was seen to be done with this peer.
    linger: Linger,
}

/// The peer subscribes to more than it may.
#[derive(Debug)]
pub(super) struct TooMany;

impl Attachment {
    /// Attaches at once when the pipe lives as long as the endpoint.
    pub(super) fn new(
        socket: Rc<dyn SocketRef>,
        options: Rc<Options>,
        endpoint: Endpoint,
        lifetime: Lifetime,
        closing: &CloseSignal,
        task: TaskToken,
    ) -> Result<Self, PeerRejected> {
        let mut attachment = Self {
            deaf: matches!(socket.socket_type(), SocketType::Push | SocketType::Pub),
            socket,
            options,
            endpoint,
            lifetime,
            closing: closing.watch(),
            attached: None,
            origin: None,
            identity: None,
            verdict: None,
            task: Some(task),
            handshake: None,
            slot: None,
            overrun: 0,
            cross_thread: CrossThreadWaker::default(),
            linger: Linger::NotBegun,
        };
        if lifetime == Lifetime::Endpoint {
            attachment.attach()?;
        }
        Ok(attachment)
    }

    /// Everything queued was handed to the network: closing the socket need not wait any longer.
    pub(super) fn release(&mut self) {
        self.task = None;
    }

    /// Holds this until the handshake is complete or has failed.
    pub(super) fn hold_until_handshaken(&mut self, handshake: PendingHandshake) {
        self.handshake = Some(handshake);
    }

    /// Ready when the handshake has to make room for others.
    pub(super) fn poll_evicted(&self, context: &Context<'_>) -> Poll<()> {
        match &self.handshake {
            Some(handshake) => handshake.poll_evicted(context),
            None => Poll::Pending,
        }
    }

    fn attach(&mut self) -> Result<PeerId, PeerRejected> {
        let (tx, rx) = high_water_marks(&self.socket.options());
        let (socket_end, pipe) = local_pipe_within(self.socket.budget(), tx, rx);
        let id = self.socket.attach(socket_end)?;
        self.closing.add(id);
        self.attached = Some(AttachedPipe::new(id, pipe));
        Ok(id)
    }

    /// The socket's name for this peer, while there is a pipe.
    pub(super) fn id(&self) -> Option<PeerId> {
        self.attached.as_ref().map(|attached| attached.id)
    }

    /// A handshake is complete. Returns the topics to subscribe to.
    pub(super) fn handshaken(&mut self, peer: &Peer) -> Result<Vec<Bytes>, PeerRejected> {
        if let Some(handshake) = self.handshake.take() {
            let max = self.socket.options().connections_max;
            self.slot = Some(handshake.complete(max).ok_or(PeerRejected)?);
        }
        let id = match self.id() {
            Some(id) => id,
            None => self.attach()?,
        };
        let is_subscriber = self.is_subscriber();
        if let Some(attached) = &mut self.attached {
            attached.begin(is_subscriber);
        }
        let topics = self.socket.connected(id, &peer.routing_id);
        let mut name = self.socket.routing_id(id);
        if name.is_empty() {
            name = peer.routing_id.clone();
        }
        if let Some(origin) = &self.origin {
            let socket_type = peer.socket_type.map_or("", SocketType::name);
            self.socket.emit(
                origin.handshake_succeeded(name.clone(), socket_type, peer.user_id.clone()),
                Severity::Routine,
            );
        }
        self.identity = Some(name);
        Ok(topics)
    }

    /// Asks for a verdict on the present connection's peer.
    pub(super) fn authenticate(&mut self, credentials: Credentials) {
        let peer = self.origin.as_ref().map_or("", Origin::peer);
        self.verdict = Some(self.socket.security().authenticator.ask(&self.options, peer, credentials));
    }

    /// The verdict that was asked for.
    pub(super) fn poll_verdict(&mut self, context: &mut Context<'_>) -> Poll<Verdict> {
        let Some(pending) = &mut self.verdict else { return Poll::Pending };
        let verdict = std::task::ready!(pending.as_mut().poll(context));
        self.verdict = None;
        Poll::Ready(verdict)
    }

    /// True once the present connection's handshake is complete.
    pub(super) fn is_handshaken(&self) -> bool {
        self.identity.is_some()
    }

    /// A connection begins.
    pub(super) fn connection_began(&mut self, origin: Origin) {
        self.origin = Some(origin);
    }

    /// True when the present connection delivered something.
    pub(super) fn has_received(&self) -> bool {
        self.attached.as_ref().is_some_and(AttachedPipe::has_delivered)
    }

    /// The connection is gone, and with it the pipe when that lives no longer.
    pub(super) fn connection_ended(&mut self, ended: &DisconnectReason) {
        let (reason, severity) = (ended.to_string(), ended.severity());
        self.verdict = None;
        let (origin, identity) = (self.origin.take(), self.identity.take());
        let Some(routing_id) = identity else {
            if let Some(origin) = origin {
                self.socket.emit(origin.handshake_failed(ended.handshake_failure(), reason), severity);
            }
            return;
        };
        if let Some(origin) = origin {
            self.socket.emit(origin.disconnected(routing_id, reason), severity);
        }
        if let Some(task) = self.task.as_ref().filter(|_| self.linger.has_begun()) {
            task.leave(0, true);
        }
        let Some(id) = self.id() else { return };
        if planted(Bug::QueueLostWithConnection) {
            while self.take().is_some() {}
        }
        self.socket.disconnected(id);
        if self.lifetime == Lifetime::Connection {
            self.detach();
        }
    }

    fn detach(&mut self) {
        self.count_unsent();
        if let Some(AttachedPipe { id, pipe, .. }) = self.attached.take() {
            drop(pipe);
            self.closing.remove(id);
            self.socket.departed(id);
        }
    }

    /// Tells a socket that is closing what its peer will not get.
    fn count_unsent(&mut self) {
        if !self.linger.has_begun() || self.task.is_none() {
            return;
        }
        let items = std::iter::from_fn(|| self.take());
        let messages = items.filter(|item| matches!(item, PipeItem::Message(_))).count();
        if let Some(task) = &self.task {
            task.leave(messages, false);
        }
    }

    /// The next item to send.
    #[inline]
    pub(super) fn take(&mut self) -> Option<PipeItem> {
        self.attached.as_mut()?.take()
    }

    /// True when a message can be delivered: there is room, or nobody will ever read it.
    #[inline(always)]
    pub(super) fn has_room(&mut self) -> bool {
        match &mut self.attached {
            Some(_) if self.deaf || planted(Bug::ReceiveMarkIgnored) => true,
            Some(attached) => {
                !attached.pipe.tx.is_full() || attached.pipe.tx.is_closed() || self.linger.has_begun()
            }
            None => true,
        }
    }

    /// Writes a message to the pipe, unless nobody will ever read it; [`publish`](Self::publish) hands it over.
    #[inline(always)]
    pub(super) fn deliver(&mut self, message: Message) {
        if let Some(attached) = &mut self.attached
            && !self.deaf
            && !self.linger.has_begun()
        {
            attached.pipe.tx.write_in_place(|| PipeItem::Message(message));
        }
    }

    /// As [`deliver`](Self::deliver), for a message of one small frame.
    #[inline(always)]
    pub(super) fn deliver_small(&mut self, body: &[u8]) {
        if let Some(attached) = &mut self.attached
            && !self.deaf
            && !self.linger.has_begun()
        {
            attached.pipe.tx.write_in_place(|| PipeItem::Message(Message::from(body)));
        }
    }

    /// As [`deliver`](Self::deliver), for what may be a mark.
    pub(super) fn deliver_item(&mut self, item: PipeItem) {
        if let Some(attached) = &mut self.attached
            && !self.deaf
            && !self.linger.has_begun()
        {
            attached.pipe.tx.write_unbounded(item);
        }
    }

    /// The peer subscribes, or cancels: the mark to deliver behind what came before, if the user is to hear of it.
    pub(super) fn subscription(&self, topic: Bytes, subscribe: bool) -> Result<Option<PipeItem>, TooMany> {
        let Some(id) = self.id() else { return Ok(None) };
        let weight = 1 + topic.len();
        match self.socket.subscription(id, topic, subscribe) {
            SubscriptionOutcome::Silent => Ok(None),
            SubscriptionOutcome::Notify(sequence) => Ok(Some(PipeItem::Marker { sequence, weight })),
            SubscriptionOutcome::TooMany => Err(TooMany),
        }
    }

    /// True when subscriptions may come, which are to take effect even if nobody receives.
    pub(super) fn is_publisher(&self) -> bool {
        matches!(self.socket.socket_type(), SocketType::Pub | SocketType::XPub)
    }

    /// Messages that passed the pipe in either direction.
    pub(super) fn messages_moved(&self) -> u64 {
        self.attached.as_ref().map_or(0, |attached| attached.pipe.tx.written() + attached.pipe.rx.taken())
    }

    /// Frees memory that the pipe has kept since it was fuller.
    pub(super) fn free_spares(&mut self) {
        if let Some(attached) = &mut self.attached {
            attached.pipe.free_spares();
        }
    }

    pub(super) fn publish(&mut self) {
        if let Some(attached) = &mut self.attached {
            attached.pipe.tx.publish();
        }
    }

    /// Wakes the task once there is something to send. False when there is already, or never will be.
    pub(super) fn wait_to_send(&mut self, task: &std::task::Waker) -> bool {
        match &mut self.attached {
            Some(attached) => attached.pipe.rx.wait_for_item(task),
            None => true,
        }
    }

    /// Wakes the task once there is room to deliver. False when there is already.
    pub(super) fn wait_to_deliver(&mut self, task: &Waker) -> bool {
        let Some(attached) = &mut self.attached else { return false };
        attached.pipe.tx.wait_for_room(self.cross_thread.get(task))
    }

    /// The task runs where this doorbell is.
    pub(super) fn set_doorbell(&mut self, doorbell: Option<Arc<Doorbell>>) {
        self.cross_thread.set_doorbell(doorbell);
    }

    /// An account for memory that the connection keeps outside of the pipe.
    pub(super) fn charge(&self) -> Charge {
        Charge::new(self.socket.budget().cloned())
    }

    /// Ready once the socket has let go of this peer, also while nothing is taken from the pipe. Wakes the last task that
    /// asked.
    pub(super) fn poll_released(&mut self, context: &Context<'_>) -> Poll<()> {
        match &mut self.attached {
            Some(attached) => attached.poll_released(context),
            None => Poll::Pending,
        }
    }

    /// True when the pipe outlives its connections.
    pub(super) fn outlives_connections(&self) -> bool {
        self.lifetime == Lifetime::Endpoint
    }

    /// Nothing can be sent on this connection any more: the socket sends no more to a peer that has no other.
    pub(super) fn stop_sending(&mut self) {
        if let Some(attached) = &mut self.attached
            && self.lifetime == Lifetime::Connection
        {
            attached.pipe.rx.close();
        }
    }

    /// True once the socket is done with this peer; from the first time on, the linger period runs.
    pub(super) fn is_closing(&mut self, now: Instant) -> bool {
        if self.linger.has_begun() {
            return true;
        }
        let gone = self.attached.as_ref().is_some_and(|attached| attached.pipe.rx.is_closed());
        if !gone && !self.closing.is_closed() {
            return false;
        }
        let until = self.closing.linger().unwrap_or_else(|| self.socket.linger_until(now));
        // What a subscriber has left to send are subscriptions that nobody will ever need.
        self.linger = if self.is_subscriber() { Linger::Until(now) } else { Linger::begin(until) };
        true
    }

    fn is_subscriber(&self) -> bool {
        matches!(self.socket.socket_type(), SocketType::Sub | SocketType::XSub)
    }

    /// True when the socket is done with this peer and nothing is left to send, or the linger period is over.
    pub(super) fn is_finished(&mut self, now: Instant) -> bool {
        self.is_closing(now)
            && (self.is_drained() || self.linger_deadline().is_some_and(|until| until <= now))
    }

    /// True when there is nothing to send.
    pub(super) fn is_drained(&mut self) -> bool {
        match &mut self.attached {
            Some(attached) => attached.pipe.rx.is_empty(),
            None => true,
        }
    }

    /// When to stop waiting for queued messages to go out.
    pub(super) fn linger_deadline(&self) -> Option<Instant> {
        self.linger.deadline()
    }

    pub(super) fn close_watch(&self) -> &CloseWatch {
        &self.closing
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.detach();
    }
}

/// The marks of the two directions, as the options set them: to send, and to receive.
pub(crate) fn high_water_marks(options: &Options) -> (HighWaterMarks, HighWaterMarks) {
    (
        HighWaterMarks { messages: options.sndhwm, bytes: options.sndhwm_bytes },
        HighWaterMarks { messages: options.rcvhwm, bytes: options.rcvhwm_bytes },
    )
}
