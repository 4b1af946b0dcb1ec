//! After the handshake: frames become messages and events, commands are obeyed.

use bytes::{Buf, Bytes, BytesMut};
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Instant, Message};

use crate::command::{self, Command};
use crate::config::ConnectionConfig;
use crate::connection::Event;
use crate::error::{Error, PeerMisbehaved, printable};
use crate::frame::{Header, SHORT_HEADER_BYTES};
use crate::heartbeat::{Heartbeat, Timer};
use crate::limits::{COMMAND_BYTES_MAX, PONGS_WAITING_MAX};
use crate::peer::Peer;
use crate::progress::Progress;
use crate::transmit::Transmit;

/// A connection in traffic.
#[derive(Debug)]
pub(crate) struct Traffic {
    peer: Box<Peer>,
    heartbeat: Heartbeat,
    /// Whether single-frame messages that begin with 0 or 1 are subscriptions.
    publisher: bool,
    frame_bytes_max: u64,
    message_bytes_max: u64,
    message_frames_max: usize,
    /// The frames of a message whose last one is still to come.
    frames: Vec<Bytes>,
    frames_bytes: u64,
    /// Length of an incomplete frame as of the last look at it; growth is a sign of life.
    incomplete_bytes: usize,
    pongs_waiting: u16,
}

impl Traffic {
    pub(crate) fn new(config: &ConnectionConfig, peer: Peer, now: Instant) -> Self {
        let message_bytes_max = config.message_bytes_max;
        Self {
            peer: Box::new(peer),
            heartbeat: Heartbeat::new(config, now),
            publisher: config.socket_type.is_publisher(),
            frame_bytes_max: config.maxmsgsize.map_or(message_bytes_max, |max| max.min(message_bytes_max)),
            message_bytes_max,
            message_frames_max: config.message_frames_max.max(1),
            frames: Vec::new(),
            frames_bytes: 0,
            incomplete_bytes: 0,
            pongs_waiting: 0,
        }
    }

    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The short way for the most common input: a whole message of one short frame.
    #[inline(always)]
    pub(crate) fn short_message(&mut self, input: &mut BytesMut) -> Option<Message> {
        let &[0, length, ..] = &input[..] else { return None };
        let frame_bytes = SHORT_HEADER_BYTES + usize::from(length);
        if input.len() < frame_bytes
            || self.publisher
            || !self.frames.is_empty()
            || u64::from(length) > self.frame_bytes_max
        {
            return None;
        }
        self.incomplete_bytes = 0;
        self.heartbeat.heard();
        input.advance(SHORT_HEADER_BYTES);
        Some(Message::from(input.split_to(usize::from(length)).freeze()))
    }

    /// Every other way.
    pub(crate) fn handle_input(
        &mut self,
        now: Instant,
        input: &mut BytesMut,
        transmit: &mut Transmit,
    ) -> Result<Progress<Event>, Error> {
        loop {
            let taken = match Header::peek(input)? {
                Progress::Done(header) => {
                    self.admit(header)?;
                    header.take_body(input).map(|body| (header, body))
                }
                Progress::Missing(bytes) => Progress::Missing(bytes),
            };
            let (header, body) = match taken {
                Progress::Done(taken) => taken,
                Progress::Missing(bytes) => {
                    if input.len() > self.incomplete_bytes {
                        self.heartbeat.heard_in_part(now);
                    }
                    self.incomplete_bytes = input.len();
                    return Ok(Progress::Missing(bytes));
                }
            };
            self.incomplete_bytes = 0;
            self.heartbeat.heard();
            let event = if header.is_command() {
                self.command(now, &body, transmit)?
            } else {
                self.frame(header, body)?
            };
            if let Some(event) = event {
                return Ok(Progress::Done(event));
            }
        }
    }

    /// Refuses a frame for what it announces.
    fn admit(&self, header: Header) -> Result<(), PeerMisbehaved> {
        let length = header.length;
        if header.is_command() {
            let limit = COMMAND_BYTES_MAX;
            return if length > limit {
                Err(PeerMisbehaved::CommandTooLarge { length, limit })
            } else {
                Ok(())
            };
        }
        if planted(Bug::LengthUnbounded) {
            return Ok(());
        }
        if length > self.frame_bytes_max {
            return Err(PeerMisbehaved::FrameTooLarge { length, limit: self.frame_bytes_max });
        }
        let length = self.frames_bytes.saturating_add(length);
        if length > self.message_bytes_max {
            return Err(PeerMisbehaved::MessageTooLarge { length, limit: self.message_bytes_max });
        }
        if planted(Bug::FramesUnbounded) {
            return Ok(());
        }
        if self.frames.len() >= self.message_frames_max {
            return Err(PeerMisbehaved::TooManyFrames { limit: self.message_frames_max });
        }
        Ok(())
    }

    /// Takes a frame of a message, and gives the message when it was the last.
    fn frame(&mut self, header: Header, body: Bytes) -> Result<Option<Event>, PeerMisbehaved> {
        if !header.is_last() {
            self.frames_bytes += header.length;
            self.frames.push(body);
            return Ok(None);
        }
        if !self.frames.is_empty() {
            self.frames_bytes = 0;
            self.frames.push(body);
            return Ok(Some(Event::Message(Message::from(std::mem::take(&mut self.frames)))));
        }
        // RFC 23: `subscribe = %x00 short-size %d1 subscription`, `unsubscribe = %x00 short-size %d0
        // subscription`: one frame, and the only one of its message.
        match body.split_first() {
            Some((1, topic)) if self.publisher => Ok(Some(Event::Subscribe(owned_topic(topic)?))),
            Some((0, topic)) if self.publisher => Ok(Some(Event::Cancel(owned_topic(topic)?))),
            _ => Ok(Some(Event::Message(Message::from(body)))),
        }
    }

    /// Obeys a command. It may stand between the frames of a message: libzmq puts its PINGs there.
    fn command(
        &mut self,
        now: Instant,
        body: &[u8],
        transmit: &mut Transmit,
    ) -> Result<Option<Event>, Error> {
        match Command::decode(body)? {
            Command::Subscribe(topic) if self.publisher => Ok(Some(Event::Subscribe(owned_topic(topic)?))),
            Command::Cancel(topic) if self.publisher => Ok(Some(Event::Cancel(owned_topic(topic)?))),
            Command::Ping { ttl, context } => {
                self.heartbeat.ping_received(now, ttl);
                if self.pongs_waiting < PONGS_WAITING_MAX {
                    self.pongs_waiting += 1;
                    command::pong(transmit, context);
                }
                Ok(None)
            }
            // "The peer SHALL treat an incoming ERROR command as fatal".
            Command::Error(reason) => Err(Error::PeerRefused { reason: printable(reason) }),
            Command::Pong
            | Command::Ready(_)
            | Command::Subscribe(_)
            | Command::Cancel(_)
            | Command::Other(_) => Ok(None),
        }
    }

    pub(crate) fn subscribe(&self, topic: &[u8], transmit: &mut Transmit) {
        if self.peer.version.has_subscription_commands() {
            command::subscribe(transmit, topic);
        } else {
            transmit.frame_of(0, &[&[1], topic]);
        }
    }

    pub(crate) fn cancel(&self, topic: &[u8], transmit: &mut Transmit) {
        if self.peer.version.has_subscription_commands() {
            command::cancel(transmit, topic);
        } else {
            transmit.frame_of(0, &[&[0], topic]);
        }
    }

    /// Everything that waited is on its way.
    pub(crate) fn transmitted(&mut self) {
        self.pongs_waiting = 0;
    }

    pub(crate) fn received(&mut self, now: Instant) {
        self.heartbeat.heard_in_part(now);
    }

    pub(crate) fn has_heartbeats(&self) -> bool {
        self.heartbeat.is_active()
    }

    pub(crate) fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        self.heartbeat.poll_timeout()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant, transmit: &mut Transmit) -> Result<(), Error> {
        if let Some(ttl) = self.heartbeat.handle_timeout(now).map_err(Error::TimedOut)? {
            command::send_ping(transmit, ttl);
        }
        Ok(())
    }
}

/// A topic is copied: an index keeps it for long, and must not keep the read buffer with it.
fn owned_topic(topic: &[u8]) -> Result<Bytes, PeerMisbehaved> {
    let (length, limit) = (topic.len() as u64, COMMAND_BYTES_MAX);
    if length > limit {
        return Err(PeerMisbehaved::CommandTooLarge { length, limit });
    }
    Ok(Bytes::copy_from_slice(topic))
}
