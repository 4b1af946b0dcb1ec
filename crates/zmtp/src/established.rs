//! After the handshake: frames become messages and events, commands are handled.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{FRAME_IN_PLACE_MAX, Frame, Instant, Message, Reachability};

use crate::command::{self, Command};
use crate::config::ConnectionConfig;
use crate::error::{Error, PeerMisbehaved, printable};
use crate::event::Event;
use crate::frame::{Header, LONG, LONG_HEADER_BYTES, SHORT_HEADER_BYTES, take_bytes};
use crate::heartbeat::Heartbeat;
use crate::keepalive::{self, Keepalive};
use crate::limits::{COMMAND_BYTES_MAX, PONGS_WAITING_MAX};
use crate::mechanism::{FrameKind, Opener};
use crate::peer::Peer;
use crate::progress::Progress;
use crate::timer::Timer;
use crate::transmit::Transmit;

/// The small messages at the front of some input, one after the other: those of one frame that is no longer than
/// [`FRAME_IN_PLACE_MAX`] and has come whole. When this is dropped, the input begins behind the last one that was returned.
#[derive(Debug)]
pub struct SmallMessages<'a> {
    established: &'a mut Established,
    input: &'a mut BytesMut,
    /// Bytes of the frames that were returned.
    taken: usize,
    /// Longest body to return.
    length_max: usize,
}

impl SmallMessages<'_> {
    /// The next one's body. `None` when what follows is something else, or incomplete.
    #[expect(clippy::should_implement_trait, reason = "an iterator's items cannot lie in the iterator")]
    #[inline(always)]
    pub fn next(&mut self) -> Option<&[u8]> {
        let &[0, length, ref rest @ ..] = self.input.get(self.taken..)? else { return None };
        let length = usize::from(length);
        if length > self.length_max {
            return None;
        }
        let body = rest.get(..length)?;
        self.taken += SHORT_HEADER_BYTES + length;
        Some(body)
    }
}

impl Drop for SmallMessages<'_> {
    fn drop(&mut self) {
        if self.taken > 0 {
            self.input.advance(self.taken);
            self.established.messages = true;
            self.established.heard();
        }
    }
}

/// Bodies from this length on share the memory of the input, unless the driver of the connection knows better.
const SHARED_BYTES_MIN: usize = 32 * 1024;

/// A connection whose handshake is complete.
#[derive(Debug)]
pub(crate) struct Established {
    peer: Box<Peer>,
    heartbeat: Heartbeat,
    keepalive: Box<Keepalive>,
    /// No PING was sent yet: the first says how long we wait for signs of life.
    patience_sent: bool,
    /// What came last is the beginning of a message's frame.
    within_frame: bool,
    /// Part of a message was decoded since the driver settled last.
    messages: bool,
    /// Whether single-frame messages that begin with 0 or 1 are subscriptions.
    publisher: bool,
    frame_bytes_max: u64,
    message_bytes_max: u64,
    message_frames_max: usize,
    /// The frames of a message whose last one is still to come.
    frames: Vec<Frame>,
    frames_bytes: u64,
    /// Length of an incomplete frame as of the last look at it; growth is a sign of life.
    incomplete_bytes: usize,
    pongs_waiting: u16,
    /// What frames are opened with, if the mechanism protects them.
    opener: Option<Box<dyn Opener>>,
    /// Whether a frame may be delivered for what its header says: it is not sealed, and cannot be a subscription.
    plain: bool,
    /// The shortest body that shares the memory of the input.
    shared_min: usize,
}

impl Established {
    pub(crate) fn new(
        config: &ConnectionConfig,
        peer: Peer,
        opener: Option<Box<dyn Opener>>,
        now: Instant,
    ) -> Self {
        let message_bytes_max = config.message_bytes_max;
        Self {
            heartbeat: Heartbeat::new(config, now),
            keepalive: Box::new(Keepalive::new(now, peer.version.has_subscription_commands())),
            peer: Box::new(peer),
            patience_sent: false,
            within_frame: false,
            messages: false,
            publisher: config.socket_type.is_publisher(),
            frame_bytes_max: config.maxmsgsize.map_or(message_bytes_max, |max| max.min(message_bytes_max)),
            message_bytes_max,
            message_frames_max: config.message_frames_max.max(1),
            frames: Vec::new(),
            frames_bytes: 0,
            incomplete_bytes: 0,
            pongs_waiting: 0,
            plain: opener.is_none() && !config.socket_type.is_publisher(),
            opener,
            shared_min: SHARED_BYTES_MIN,
        }
    }

    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    pub(crate) const fn share_from(&mut self, bytes: usize) {
        self.shared_min = bytes;
    }

    /// The fast path for the most common input: a whole message of one frame.
    #[inline(always)]
    pub(crate) fn whole_message(&mut self, input: &mut BytesMut) -> Option<Message> {
        let (header_bytes, length) = match input[..] {
            [0, length, ..] => (SHORT_HEADER_BYTES, usize::from(length)),
            [LONG, ref rest @ ..] => {
                (LONG_HEADER_BYTES, usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).ok()?)
            }
            _ => return None,
        };
        if input.len() - header_bytes < length || length > self.alone_bytes_max()? {
            return None;
        }
        self.heard();
        input.advance(header_bytes);
        Some(take_bytes(input, length, self.shared_min).into())
    }

    /// A whole run of such messages, as long as they are small.
    #[inline(always)]
    pub(crate) fn small_messages<'a>(&'a mut self, input: &'a mut BytesMut) -> Option<SmallMessages<'a>> {
        let length_max = FRAME_IN_PLACE_MAX.min(self.alone_bytes_max()?);
        Some(SmallMessages { established: self, input, taken: 0, length_max })
    }

    /// Longest frame that may be a message of its own. `None` when what follows is the rest of a message, is
    /// sealed, or may be a subscription.
    #[inline(always)]
    fn alone_bytes_max(&self) -> Option<usize> {
        let may_be_alone = self.plain && self.frames.is_empty();
        may_be_alone.then(|| usize::try_from(self.frame_bytes_max).unwrap_or(usize::MAX))
    }

    /// A whole frame has come.
    fn heard(&mut self) {
        self.incomplete_bytes = 0;
        self.heartbeat.heard();
    }

    /// The slow path: every other input.
    pub(crate) fn handle_input(
        &mut self,
        now: Instant,
        input: &mut BytesMut,
        transmit: &mut Transmit,
    ) -> Result<Progress<Event>, Error> {
        loop {
            self.within_frame = false;
            let taken = match Header::peek(input)? {
                Progress::Done(header) if self.opener.is_some() => {
                    self.within_frame = true;
                    self.take_sealed(header, input)?
                }
                Progress::Done(header) => {
                    self.admit(header)?;
                    self.within_frame = !header.is_command();
                    header.take_body(input, self.shared_min).map(|body| (header, body))
                }
                Progress::Missing(bytes) => Progress::Missing(bytes),
            };
            let (header, body) = match taken {
                Progress::Done(taken) => taken,
                Progress::Missing(bytes) => {
                    if input.len() > self.incomplete_bytes {
                        self.heartbeat.sign(now);
                    }
                    self.incomplete_bytes = input.len();
                    return Ok(Progress::Missing(bytes));
                }
            };
            self.heard();
            self.heartbeat.sign(now);
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

    /// Takes a sealed frame off `input` when it is whole, opens it, and returns it as if it had come so.
    fn take_sealed(
        &mut self,
        header: Header,
        input: &mut BytesMut,
    ) -> Result<Progress<(Header, Frame)>, PeerMisbehaved> {
        let Some(opener) = &mut self.opener else { return Ok(Progress::Missing(0)) };
        let overhead = opener.overhead();
        let Some(plain_length) = header.length.checked_sub(overhead as u64) else {
            return Err(PeerMisbehaved::Unprotected { reason: "it is too short" });
        };
        // Nothing outside of the seal can be believed. Whatever a frame is, it goes out as a whole message.
        if header.is_command() || !header.is_last() {
            return Err(PeerMisbehaved::Unprotected { reason: "its kind is in clear text" });
        }
        // A command may be longer than a frame of a message; what else it is will be seen when it is open.
        if plain_length > COMMAND_BYTES_MAX {
            self.admit(Header::opened(FrameKind::Last, usize::try_from(plain_length).unwrap_or(usize::MAX)))?;
        }
        let header_bytes = header.header_bytes();
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        let frame_bytes = header_bytes.saturating_add(length);
        if input.len() < frame_bytes {
            return Ok(Progress::Missing(frame_bytes - input.len()));
        }
        input.advance(header_bytes);
        let Some(opener) = &mut self.opener else { return Ok(Progress::Missing(0)) };
        let kind = opener.open(input.get_mut(..length).unwrap_or_default())?;
        input.advance(overhead);
        let header = Header::opened(kind, length - overhead);
        self.admit(header)?;
        self.within_frame = !header.is_command();
        Ok(Progress::Done((header, take_bytes(input, length - overhead, self.shared_min))))
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

    /// Takes a frame of a message, and returns the message when it was the last.
    fn frame(&mut self, header: Header, body: Frame) -> Result<Option<Event>, PeerMisbehaved> {
        self.messages = true;
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

    /// Handles a command. It may stand between the frames of a message: libzmq puts its PINGs there.
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
                self.keepalive.asked(Duration::from_millis(100 * u64::from(ttl)), context);
                if self.pongs_waiting < PONGS_WAITING_MAX {
                    self.pongs_waiting += 1;
                    command::pong(transmit, context);
                }
                Ok(None)
            }
            // "The peer SHALL treat an incoming ERROR command as fatal".
            Command::Error(reason) => Err(Error::PeerRefused { reason: printable(reason) }),
            Command::Pong { context } => {
                if *context == keepalive::SIGNATURE {
                    self.heartbeat.volunteered();
                }
                Ok(None)
            }
            Command::Subscribe(_) | Command::Cancel(_) | Command::Other => Ok(None),
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
        self.heartbeat.taken();
    }

    pub(crate) fn is_writing_ping(&self) -> bool {
        self.heartbeat.is_leaving()
    }

    pub(crate) fn written(&mut self, now: Instant) {
        self.heartbeat.written(now);
    }

    pub(crate) fn received(&mut self, now: Instant) {
        self.heartbeat.sign(now);
    }

    pub(crate) fn settle(&mut self, now: Instant, reading: bool) {
        self.heartbeat.listen(reading);
        self.keepalive.settle(now, !reading || self.within_frame, std::mem::take(&mut self.messages));
    }

    pub(crate) fn examine(
        &mut self,
        now: Instant,
        reachability: impl FnOnce() -> Option<Reachability>,
    ) -> Result<(), Timer> {
        self.heartbeat.examine(now, reachability)
    }

    pub(crate) fn has_heartbeats(&self) -> bool {
        self.heartbeat.is_active()
    }

    pub(crate) fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        let sign = self.keepalive.due().map(|due| (due, Timer::KeepaliveDue));
        [self.heartbeat.poll_timeout(), sign].into_iter().flatten().min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant, transmit: &mut Transmit) -> Result<(), Error> {
        if let Some(ttl) = self.heartbeat.handle_timeout(now).map_err(Error::TimedOut)? {
            let patience = keepalive::context(self.heartbeat.patience());
            let context = if self.patience_sent { &[][..] } else { &patience };
            self.patience_sent = true;
            command::send_ping(transmit, ttl, context);
        }
        // One that waits for transmission serves.
        if self.keepalive.take_due(now) && self.pongs_waiting == 0 {
            self.pongs_waiting = 1;
            command::pong(transmit, &keepalive::SIGNATURE);
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
