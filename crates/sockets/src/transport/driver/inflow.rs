//! The receiving half of a driver: from bytes to messages in the pipe.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use seaworthy_core::pipe::{Charge, Weigh};
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Instant, Message};
use seaworthy_zmtp::{Connection, Event, Peer, SocketType, Verdict};

use super::closing::Cause;
use crate::pipe_item::PipeItem;
use crate::transport::attachment::Attachment;
use crate::transport::disconnect_reason::DisconnectReason;
use crate::transport::read_buffer_sizer::{READ_MIN, ReadBufferSizer};

/// How long a full pipe stops all reading. After that a little is read ahead, so that a first PING and the end of
/// the stream are noticed. Shorter than any sensible heartbeat, longer than a receiver that is merely busy needs.
const FULL_PIPE_GRACE: Duration = Duration::from_millis(100);

/// What is read ahead then, in bytes, while nobody is known to send PINGs.
const READ_AHEAD_WITHOUT_HEARTBEAT: usize = 64 * 1024;

/// Bytes that were read and messages that were decoded, on their way to the pipe.
pub(super) struct Inflow {
    /// Read and not yet decoded.
    buffer: BytesMut,
    sizer: ReadBufferSizer,
    /// Decoded while the pipe was full, so that heartbeats behind them are answered.
    held: VecDeque<PipeItem>,
    /// What these weigh.
    held_bytes: usize,
    /// Of the read that waits: bytes of the frame that has begun.
    begun: usize,
    /// What is kept here, held or for reading.
    charge: Charge,
    /// Decoding waits for room in the pipe, and so does reading.
    stalled: bool,
    /// Since when the pipe has been full.
    full_since: Option<Instant>,
    /// It has not been full for longer than [`FULL_PIPE_GRACE`].
    in_grace: bool,
    /// Nothing can be sent any more, and another connection waits for this one to end.
    hurried: bool,
}

impl Inflow {
    pub(super) fn new(charge: Charge) -> Self {
        Self {
            buffer: BytesMut::new(),
            sizer: ReadBufferSizer::new(),
            held: VecDeque::new(),
            held_bytes: 0,
            begun: 0,
            charge,
            stalled: false,
            full_since: None,
            in_grace: true,
            hurried: false,
        }
    }

    /// The buffer for the next read, or `None` when there must be no read now.
    pub(super) fn next_read(&mut self, connection: &Connection) -> Option<BytesMut> {
        // While a verdict is awaited nothing is decoded: what came would only be kept.
        if self.stalled || connection.awaits_verdict() {
            return None;
        }
        if self.charge.is_budget_reached() {
            self.sizer.restrict();
        }
        let buffer = self.sizer.make(std::mem::take(&mut self.buffer), connection.wanted());
        self.begun = buffer.len();
        self.charge.set(self.held_bytes + kept_for(&buffer));
        Some(buffer)
    }

    /// True when the next read should not begin before there is something to read.
    pub(super) fn waits(&self) -> bool {
        !self.stalled && self.sizer.waits(&self.buffer)
    }

    /// How many bytes the next read may wait for. One where signs of life are counted, of which each byte is one.
    pub(super) fn low_watermark(&self, connection: &Connection) -> usize {
        if connection.has_heartbeats() { 1 } else { self.sizer.low_watermark() }
    }

    /// Frees memory that it has kept since more was held.
    pub(super) fn free_spares(&mut self) {
        if self.held.is_empty() {
            self.held = VecDeque::new();
        }
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        if !self.stalled {
            self.charge_kept();
        }
    }

    /// Charges what is kept here. The buffer of a read in flight counts since the read began, or only with what has begun
    /// to arrive.
    fn charge_kept(&mut self) {
        self.charge.set(self.held_bytes + self.begun.max(kept_for(&self.buffer)));
    }

    /// Takes the buffer back, with `count` bytes more.
    pub(super) fn read(&mut self, buffer: BytesMut, count: usize) {
        self.sizer.read(count);
        self.buffer = buffer;
        self.begun = 0;
    }

    /// Decodes what was read and delivers it, as far as the pipe has room.
    pub(super) fn deliver(
        &mut self,
        now: Instant,
        connection: &mut Connection,
        attachment: &mut Attachment,
    ) -> Result<(), Cause> {
        connection.share_from(self.sizer.shared_min());
        let outcome = self.decode(now, connection, attachment);
        connection.settle(now, !self.stalled);
        attachment.publish();
        self.charge_kept();
        outcome
    }

    fn decode(
        &mut self,
        now: Instant,
        connection: &mut Connection,
        attachment: &mut Attachment,
    ) -> Result<(), Cause> {
        if attachment.has_room() {
            self.full_since = None;
            attachment.overrun = 0;
        }
        if planted(Bug::HeldReversed) {
            self.held.make_contiguous().reverse();
        }
        while attachment.has_room()
            && let Some(item) = self.held.pop_front()
        {
            self.held_bytes -= item.weight();
            attachment.deliver_item(item);
        }
        loop {
            if self.held.is_empty() {
                self.deliver_small(connection, attachment);
            }
            let room = self.held.is_empty() && attachment.has_room();
            self.stalled = !room && self.held_bytes >= self.ahead_max(now, connection, attachment);
            if self.stalled && planted(Bug::SlowReaderCutOff) {
                return Err(Cause::Over(DisconnectReason::Stream(std::io::ErrorKind::OutOfMemory.into())));
            }
            if self.stalled {
                return Ok(());
            }
            if room && let Some(message) = connection.whole_message(&mut self.buffer) {
                attachment.deliver(message);
                continue;
            }
            match connection.handle_input(now, &mut self.buffer).map_err(Cause::misbehaved)? {
                None => return Ok(()),
                Some(Event::Message(message)) if room => attachment.deliver(message),
                Some(Event::Message(_)) if planted(Bug::FullPipeDrops) => {}
                Some(Event::Message(message)) => self.hold(PipeItem::Message(message)),
                Some(Event::Authenticate(credentials)) => attachment.authenticate(credentials),
                Some(Event::Ready(peer)) => begin(&peer, connection, attachment)?,
                Some(Event::Subscribe(topic)) => self.subscription(attachment, topic, true)?,
                Some(Event::Cancel(topic)) => self.subscription(attachment, topic, false)?,
                Some(_) => {}
            }
        }
    }

    /// The verdict on the peer has come: the handshake goes on, and with it decoding; or the peer is refused.
    pub(super) fn authenticate(
        &mut self,
        now: Instant,
        verdict: Verdict,
        connection: &mut Connection,
        attachment: &mut Attachment,
    ) -> Result<(), Cause> {
        if let Some(Event::Ready(peer)) = connection.authenticate(now, verdict).map_err(Cause::misbehaved)? {
            begin(&peer, connection, attachment)?;
        }
        self.deliver(now, connection, attachment)
    }

    /// Delivers the small messages that come next, as long as the pipe has room.
    #[inline(always)]
    fn deliver_small(&mut self, connection: &mut Connection, attachment: &mut Attachment) {
        let Some(mut messages) = connection.small_messages(&mut self.buffer) else { return };
        while attachment.has_room()
            && let Some(body) = messages.next()
        {
            attachment.deliver_small(body);
        }
    }

    /// A subscription takes effect at once, whatever room there is; only what the user hears of it waits its turn.
    fn subscription(
        &mut self,
        attachment: &mut Attachment,
        topic: Bytes,
        subscribe: bool,
    ) -> Result<(), Cause> {
        match attachment
            .subscription(topic, subscribe)
            .map_err(|_| Cause::Refused(DisconnectReason::TooManyTopics))?
        {
            Some(mark) if self.held.is_empty() && attachment.has_room() => attachment.deliver_item(mark),
            Some(mark) => self.hold(mark),
            None => {}
        }
        Ok(())
    }

    fn hold(&mut self, item: PipeItem) {
        self.held_bytes += item.weight();
        self.held.push_back(item);
    }

    /// How much may be held at most while the pipe is full.
    fn ahead_max(&mut self, now: Instant, connection: &Connection, attachment: &Attachment) -> usize {
        let full_since = *self.full_since.get_or_insert(now);
        self.in_grace = now < full_since + FULL_PIPE_GRACE;
        let max = attachment
            .socket
            .options()
            .rcvbuf_pending
            .saturating_sub(attachment.overrun)
            .min(self.charge.ahead_max());
        match self.in_grace {
            _ if self.hurried || connection.has_heartbeats() || attachment.is_publisher() => max,
            true => 0,
            false => max.min(READ_AHEAD_WITHOUT_HEARTBEAT),
        }
    }

    /// When to call [`deliver`](Self::deliver) again even if there is no room: the grace period ends.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.full_since.filter(|_| self.stalled && self.in_grace).map(|since| since + FULL_PIPE_GRACE)
    }

    /// Delivers what is held, whatever the pipe's marks say: the connection is over.
    pub(super) fn abandon(mut self, attachment: &mut Attachment) {
        attachment.overrun += self.held_bytes;
        if planted(Bug::HeldDeliveredTwice) {
            self.held.iter().for_each(|item| attachment.deliver_item(item.clone()));
        }
        self.held.drain(..).for_each(|item| attachment.deliver_item(item));
        attachment.publish();
    }

    /// Nothing can be sent any more: what has come is read to its end. If another connection is `awaited`, as much of
    /// it as may be held does not wait for room in the pipe.
    pub(super) fn hurry(&mut self, awaited: bool) {
        self.hurried = awaited;
    }

    /// True when nothing more is read for want of room in the pipe.
    pub(super) const fn is_stalled(&self) -> bool {
        self.stalled
    }

    /// True when something waits for room in the pipe.
    pub(super) fn is_waiting(&self) -> bool {
        self.stalled || !self.held.is_empty()
    }
}

/// A handshake is complete: the peer is attached, and told what it has to know before any message.
fn begin(peer: &Peer, connection: &mut Connection, attachment: &mut Attachment) -> Result<(), Cause> {
    let topics = attachment.handshaken(peer).map_err(|_| Cause::Over(DisconnectReason::PeerRejected))?;
    topics.iter().for_each(|topic| connection.subscribe(topic));
    let has_probe =
        matches!(attachment.socket.socket_type(), SocketType::Req | SocketType::Dealer | SocketType::Router);
    if has_probe && attachment.socket.options().probe_router {
        connection.send(&Message::from(""));
    }
    Ok(())
}

/// What a buffer keeps. The first room of a connection is as much a part of it as its task.
fn kept_for(buffer: &BytesMut) -> usize {
    buffer.len().max(buffer.capacity().saturating_sub(READ_MIN))
}
