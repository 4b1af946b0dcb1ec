//! The receiving half of a driver: from bytes to messages in the pipe.

use std::collections::VecDeque;

use bytes::BytesMut;
use seaworthy_core::{Instant, Message};
use seaworthy_zmtp::{Connection, Event, SocketType};

use super::attachment::Attachment;
use super::driver::Ended;

/// Room of the first read, in bytes. What an idle connection costs is mostly this.
const READ_MIN: usize = 2 * 1024;

/// Room of a read on a busy connection, in bytes.
const READ_MAX: usize = 128 * 1024;

/// Room made in advance for a large frame, in bytes beyond what has arrived of it: a peer that merely announces a
/// frame cannot make us allocate it.
const READ_AHEAD_MAX: usize = 1024 * 1024;

/// Bytes that were read and messages that were decoded, on their way to the pipe.
pub(super) struct Inflow {
    /// Read and not yet decoded.
    buffer: BytesMut,
    /// Room of the next read: grows while reads fill it, shrinks while they do not.
    room: usize,
    /// Decoded while the pipe was full, so that heartbeats behind them are answered.
    held: VecDeque<Message>,
    held_bytes: usize,
    /// Decoding waits for room in the pipe, and so does reading.
    stalled: bool,
}

impl Inflow {
    pub(super) fn new() -> Self {
        Self { buffer: BytesMut::new(), room: READ_MIN, held: VecDeque::new(), held_bytes: 0, stalled: false }
    }

    /// The buffer for the next read, or `None` when there must be no read now.
    pub(super) fn next_read(&mut self, connection: &Connection) -> Option<BytesMut> {
        if self.stalled {
            return None;
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let arrived = buffer.len();
        let ahead = connection.wanted().min(READ_AHEAD_MAX.max(arrived));
        buffer.reserve(self.room.max(ahead));
        Some(buffer)
    }

    /// Takes the buffer back, with `count` bytes more.
    pub(super) fn read(&mut self, buffer: BytesMut, count: usize) {
        if count >= self.room {
            self.room = (self.room * 4).min(READ_MAX);
        } else if count < self.room / 16 {
            self.room = (self.room / 2).max(READ_MIN);
        }
        self.buffer = buffer;
    }

    /// Decodes what was read and delivers it, as far as the pipe has room.
    pub(super) fn deliver(
        &mut self,
        now: Instant,
        connection: &mut Connection,
        attachment: &mut Attachment,
    ) -> Result<(), Ended> {
        let outcome = self.decode(now, connection, attachment);
        attachment.publish();
        outcome
    }

    fn decode(
        &mut self,
        now: Instant,
        connection: &mut Connection,
        attachment: &mut Attachment,
    ) -> Result<(), Ended> {
        while attachment.has_room()
            && let Some(message) = self.held.pop_front()
        {
            self.held_bytes -= message.byte_len();
            attachment.deliver(message);
        }
        let pending_max = attachment.port.options().rcvbuf_pending;
        loop {
            let room = self.held.is_empty() && attachment.has_room();
            let ahead = connection.has_heartbeats() && self.held_bytes < pending_max;
            self.stalled = !room && !ahead;
            if self.stalled {
                connection.received(now);
                return Ok(());
            }
            match connection.handle_input(now, &mut self.buffer).map_err(Ended::Protocol)? {
                None => return Ok(()),
                Some(Event::Message(message)) if room => attachment.deliver(message),
                Some(Event::Message(message)) => {
                    self.held_bytes += message.byte_len();
                    self.held.push_back(message);
                }
                Some(Event::Ready(peer)) => {
                    let topics = attachment.handshaken(&peer).map_err(|_| Ended::NotTaken)?;
                    topics.iter().for_each(|topic| connection.subscribe(topic));
                    if attachment.port.options().probe_router
                        && matches!(
                            attachment.port.socket_type(),
                            SocketType::Req | SocketType::Dealer | SocketType::Router
                        )
                    {
                        connection.send(&Message::from(""));
                    }
                }
                Some(Event::Subscribe(topic)) => {
                    if let Some(id) = attachment.id() {
                        attachment.port.subscription(id, topic, true);
                    }
                }
                Some(Event::Cancel(topic)) => {
                    if let Some(id) = attachment.id() {
                        attachment.port.subscription(id, topic, false);
                    }
                }
                Some(_) => {}
            }
        }
    }

    /// True when something waits for room in the pipe.
    pub(super) fn is_waiting(&self) -> bool {
        self.stalled || !self.held.is_empty()
    }
}
