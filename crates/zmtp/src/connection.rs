//! One connection with one peer: bytes in, events out; messages in, bytes out; and deadlines.

use bytes::{Bytes, BytesMut};
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Instant, Message, Reachability, SecretRandom};

use crate::authentication::Verdict;
use crate::command;
use crate::config::ConnectionConfig;
use crate::error::{ApiMisuse, Error, visible};
use crate::established::{Established, SmallMessages};
use crate::event::Event;
use crate::greeting::Greeting;
use crate::handshake::{Handshake, Outcome};
use crate::mechanism::{self, Protection};
use crate::peer::{Peer, User, routing_id_fault};
use crate::progress::Progress;
use crate::socket_type::SocketType;
use crate::timer::Timer;
use crate::transmit::Transmit;
use crate::version::Version;

/// The protocol state of one connection. It is dropped whole with its stream: a reconnect begins with a new one,
/// so nothing of the old can leak into it.
///
/// See the [crate documentation](crate) for the loop that drives it.
#[derive(Debug)]
pub struct Connection {
    state: State,
    transmit: Transmit,
    wanted: usize,
    socket_type: SocketType,
}

#[derive(Debug)]
enum State {
    Handshake(Box<Handshaking>),
    Established(Established),
    Failed(Error),
}

#[derive(Debug)]
struct Handshaking {
    config: ConnectionConfig,
    deadline: Option<Instant>,
    handshake: Handshake,
    random: Option<SecretRandom>,
}

impl Connection {
    /// A connection on a stream that has just been opened, from either end. The beginning of the greeting waits
    /// for transmission. A routing id, or a name of a mechanism,
    /// that must not be announced fails the connection at once.
    ///
    /// For mechanisms that need no random bytes; those that do, such as CURVE, fail with
    /// [`ApiMisuse`](Error::ApiMisuse) once the greetings are exchanged.
    pub fn new(config: ConnectionConfig, now: Instant) -> Self {
        Self::start(config, None, now)
    }

    /// The same for any mechanism: it draws its keys and nonces from `random`.
    pub fn with_random(config: ConnectionConfig, random: SecretRandom, now: Instant) -> Self {
        Self::start(config, Some(random), now)
    }

    fn start(config: ConnectionConfig, random: Option<SecretRandom>, now: Instant) -> Self {
        let mut transmit = Transmit::default();
        let socket_type = config.socket_type;
        let state = match our_greeting(&config) {
            Err(misuse) => State::Failed(misuse.into()),
            Ok(greeting) => State::Handshake(Box::new(Handshaking {
                deadline: (!config.handshake_ivl.is_zero() && !planted(Bug::HandshakeWithoutDeadline))
                    .then(|| now + config.handshake_ivl),
                handshake: Handshake::start(greeting, &mut transmit),
                config,
                random,
            })),
        };
        Self { state, transmit, wanted: 0, socket_type }
    }

    /// Takes bytes from the front of `input` until there is an event, or `None` when more bytes are needed. Call
    /// it until it returns `None`, or stop at any event: what it has not taken stays in `input`, and later bytes
    /// are appended there.
    ///
    /// Long frames share the memory of `input`: see [`share_from`](Self::share_from). Everything else is copied.
    ///
    /// # Errors
    /// When the peer broke a rule, does not fit, or sent an ERROR; or the error with which the connection has
    /// failed before. What waits for transmission may then end in an ERROR command, to be flushed before the
    /// stream is closed.
    #[inline]
    pub fn handle_input(&mut self, now: Instant, input: &mut BytesMut) -> Result<Option<Event>, Error> {
        match self.whole_message(input) {
            Some(message) => Ok(Some(Event::Message(message))),
            None => self.handle_any_input(now, input),
        }
    }

    /// The message that [`handle_input`](Self::handle_input) would return, if it has a single frame and all of it has
    /// come; otherwise `None`, and `input` is untouched. Most input is of this kind, and it comes here without the
    /// cost of moving events and errors.
    #[inline(always)]
    pub fn whole_message(&mut self, input: &mut BytesMut) -> Option<Message> {
        match &mut self.state {
            State::Established(established) => established.whole_message(input),
            State::Handshake(_) | State::Failed(_) => None,
        }
    }

    /// The small messages that [`handle_input`](Self::handle_input) would return next, without the cost of looking at the
    /// connection's state, and of taking bytes off the input, for each of them. `None` when no message can come now.
    #[inline(always)]
    pub fn small_messages<'a>(&'a mut self, input: &'a mut BytesMut) -> Option<SmallMessages<'a>> {
        match &mut self.state {
            State::Established(established) => established.small_messages(input),
            State::Handshake(_) | State::Failed(_) => None,
        }
    }

    /// From now on, bodies of at least `bytes` bytes share the memory of the input, and shorter ones are copied. A frame
    /// that shares memory keeps the whole allocation alive; so half the size of the input's allocation is a good
    /// value. 32 KiB to begin with. Without effect before [`Event::Ready`].
    pub const fn share_from(&mut self, bytes: usize) {
        if let State::Established(established) = &mut self.state {
            established.share_from(bytes);
        }
    }

    #[inline(never)]
    fn handle_any_input(&mut self, now: Instant, input: &mut BytesMut) -> Result<Option<Event>, Error> {
        self.wanted = 0;
        let progress = match &mut self.state {
            State::Failed(error) => return Err(error.clone()),
            State::Established(established) => established.handle_input(now, input, &mut self.transmit),
            State::Handshake(handshaking) => {
                let Handshaking { config, handshake, random, .. } = &mut **handshaking;
                match handshake.handle_input(config, random.as_ref(), input, &mut self.transmit) {
                    Ok(Progress::Done(outcome)) => self.follow(now, outcome).map(Progress::Done),
                    Ok(Progress::Missing(bytes)) => Ok(Progress::Missing(bytes)),
                    Err(error) => Err(error),
                }
            }
        };
        match progress {
            Ok(Progress::Done(event)) => Ok(Some(event)),
            Ok(Progress::Missing(bytes)) => {
                self.wanted = bytes;
                Ok(None)
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    /// The answer to [`Event::Authenticate`]. An admitted peer goes on with its handshake, and [`Event::Ready`] may
    /// follow at once. The handshake's deadline goes on while the verdict is awaited: one that comes too late finds a
    /// connection that has failed.
    ///
    /// # Errors
    /// The peer is refused. An ERROR command tells it so, unless the refusal is temporary. Also: no verdict was awaited,
    /// or the connection had failed before, with that error.
    pub fn authenticate(&mut self, now: Instant, verdict: Verdict) -> Result<Option<Event>, Error> {
        let outcome = match (&mut self.state, verdict) {
            (State::Failed(error), _) => return Err(error.clone()),
            (State::Established(_), _) => Err(ApiMisuse::VerdictNotAwaited.into()),
            (State::Handshake(handshaking), _) if !handshaking.handshake.awaits_verdict() => {
                Err(ApiMisuse::VerdictNotAwaited.into())
            }
            (State::Handshake(_), Verdict::Refused(refusal)) => Err(refusal.into()),
            (State::Handshake(handshaking), Verdict::Admitted { user_id, metadata }) => {
                let Handshaking { config, handshake, .. } = &mut **handshaking;
                handshake.admit(config, User { user_id, metadata }, &mut self.transmit)
            }
        };
        outcome
            .and_then(|outcome| outcome.map(|outcome| self.follow(now, outcome)).transpose())
            .map_err(|error| self.fail(error))
    }

    /// True while a verdict is awaited: nothing is taken from the input.
    pub fn awaits_verdict(&self) -> bool {
        matches!(&self.state, State::Handshake(handshaking) if handshaking.handshake.awaits_verdict())
    }

    /// What a handshake has come to.
    fn follow(&mut self, now: Instant, outcome: Outcome) -> Result<Event, Error> {
        let (peer, protection) = match outcome {
            Outcome::Authenticate(credentials) => return Ok(Event::Authenticate(credentials)),
            Outcome::Complete(peer, protection) => (peer, protection),
        };
        let State::Handshake(handshaking) = &self.state else {
            return Err(ApiMisuse::VerdictNotAwaited.into());
        };
        let ready = Event::Ready(Box::new(peer.clone()));
        let opener = protection.map(|Protection { sealer, opener }| {
            self.transmit.seal_with(sealer);
            opener
        });
        let mut established = Established::new(&handshaking.config, peer, opener, now);
        // Before any message, so that the peer knows from the start whether signs of life are awaited.
        let begun = established.handle_timeout(now, &mut self.transmit);
        self.state = State::Established(established);
        begun.map(|()| ready)
    }

    /// Bytes came: a sign of life, whatever they are part of. To be called for each read, since the
    /// [short ways](Self::small_messages) of decoding do not know the time. It does not prolong the handshake.
    pub fn received(&mut self, now: Instant) {
        if let State::Established(established) = &mut self.state {
            established.received(now);
        }
    }

    /// What was read was decoded as far as possible. `reading` says whether the caller goes on to read: one that does
    /// not cannot hold the peer's silence against it, and owes the peer signs of life, since its PINGs are not seen. So
    /// does one that has got part of a frame, or messages behind which a PING may be on its way. They become due as
    /// [`Timer::KeepaliveDue`].
    pub fn settle(&mut self, now: Instant, reading: bool) {
        if let State::Established(established) = &mut self.state {
            established.settle(now, reading);
        }
    }

    /// Looks closer at a peer whose silence is about to end the connection; does nothing while it is not. With what
    /// the stream knows of the other end, a peer that is merely slow is distinguished from one that is dead, and the
    /// deadline moves on. To be called before [`handle_timeout`](Self::handle_timeout), which knows silence only.
    ///
    /// # Errors
    /// The peer is dead: the timer that has run out. The connection has not failed, and what came can still be
    /// decoded.
    pub fn examine(
        &mut self,
        now: Instant,
        reachability: impl FnOnce() -> Option<Reachability>,
    ) -> Result<(), Timer> {
        match &mut self.state {
            State::Established(established) => established.examine(now, reachability),
            State::Handshake(_) | State::Failed(_) => Ok(()),
        }
    }

    /// True while the connection waits for a call to [`written`](Self::written): there is a PING in what
    /// [`poll_transmit`](Self::poll_transmit) returned last.
    #[inline]
    pub fn is_writing_ping(&self) -> bool {
        matches!(&self.state, State::Established(established) if established.is_writing_ping())
    }

    /// All that [`poll_transmit`](Self::poll_transmit) returned was handed over to the network: the answer to a PING is
    /// awaited from now on. Until this is called there is no other PING.
    pub fn written(&mut self, now: Instant) {
        if let State::Established(established) = &mut self.state {
            established.written(now);
        }
    }

    /// True when either side sends PINGs: then a side that stops reading leaves some unanswered.
    pub fn has_heartbeats(&self) -> bool {
        matches!(&self.state, State::Established(established) if established.has_heartbeats())
    }

    /// The next deadline and what it is for. It may change with every other call.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match &self.state {
            State::Handshake(handshaking) => Some((handshaking.deadline?, Timer::Handshake)),
            State::Established(established) => established.poll_timeout(),
            State::Failed(_) => None,
        }
    }

    /// To be called when the deadline has come; earlier it does nothing. Queues a PING, or an unasked PONG, when one
    /// is due.
    ///
    /// # Errors
    /// When the deadline was the last chance of the peer, or the error with which the connection has failed
    /// before.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        let outcome = match &mut self.state {
            State::Failed(error) => return Err(error.clone()),
            State::Established(established) => established.handle_timeout(now, &mut self.transmit),
            State::Handshake(handshaking) => match handshaking.deadline {
                Some(deadline) if deadline <= now => Err(Error::TimedOut(Timer::Handshake)),
                _ => Ok(()),
            },
        };
        outcome.map_err(|error| self.fail(error))
    }

    /// Queues a message. Small frames are copied, large ones share memory with what is sent.
    ///
    /// Before [`Event::Ready`], or without a frame, it fails the connection with
    /// [`ApiMisuse`](Error::ApiMisuse): the next call that can return an error returns it. After a failure it
    /// does nothing.
    #[inline]
    pub fn send(&mut self, message: &Message) {
        if let State::Established(_) = &self.state
            && !message.is_empty()
        {
            self.transmit.message(message);
        } else {
            self.refuse(if message.is_empty() {
                ApiMisuse::EmptyMessage
            } else {
                ApiMisuse::SentBeforeReady
            });
        }
    }

    /// Queues a subscription, as a command for a peer of ZMTP 3.1 and as a message for an older one. Subscribing
    /// twice must be cancelled twice.
    ///
    /// Before [`Event::Ready`], or when our socket is neither SUB nor XSUB, it fails the connection as
    /// [`send`](Self::send) does.
    pub fn subscribe(&mut self, topic: &[u8]) {
        match &self.state {
            State::Established(established) if self.socket_type.is_subscriber() => {
                established.subscribe(topic, &mut self.transmit);
            }
            _ => self.refuse_subscription(),
        }
    }

    /// Queues the end of a subscription, in the form that [`subscribe`](Self::subscribe) uses; fails as it does.
    pub fn cancel(&mut self, topic: &[u8]) {
        match &self.state {
            State::Established(established) if self.socket_type.is_subscriber() => {
                established.cancel(topic, &mut self.transmit);
            }
            _ => self.refuse_subscription(),
        }
    }

    /// Queues an ERROR command with this reason, for a peer that is sent away although it broke no rule of the protocol.
    /// Close the stream after what waits is flushed. The RFC has ERROR for the handshake; but "the peer SHALL treat an
    /// incoming ERROR command as fatal" at any time.
    pub fn dismiss(&mut self, reason: &str) {
        if let State::Established(_) = &self.state {
            command::error(&mut self.transmit, &visible(reason));
        }
    }

    /// Bytes that wait for transmission.
    #[inline]
    pub fn transmit_len(&self) -> usize {
        self.transmit.len()
    }

    /// Of the bytes that wait to be sent, how many are copies: headers, commands and small bodies. The others are
    /// in bodies that were referenced.
    pub fn transmit_copied_len(&self) -> usize {
        self.transmit.copied_len()
    }

    /// Moves everything that waits to the end of `segments`, in order; none is empty. Drop the segments when
    /// they are written, and before the next call if possible: then their memory is used again.
    pub fn poll_transmit(&mut self, segments: &mut Vec<Bytes>) {
        if let State::Established(established) = &mut self.state {
            established.transmitted();
        }
        self.transmit.take(segments);
    }

    /// Frees the memory that is kept for what will be sent next, unless something waits for transmission. For a
    /// connection that has become quiet.
    pub fn free_buffers(&mut self) {
        self.transmit.free_buffers();
    }

    /// How many bytes are missing to the end of the current greeting, frame header or frame body, after
    /// [`handle_input`](Self::handle_input) returned `None`; otherwise 0. A hint for the size of the next read. A
    /// peer can announce a large frame and never send it: cap what you allocate.
    pub fn wanted(&self) -> usize {
        self.wanted
    }

    /// The other end, from [`Event::Ready`] until the connection fails.
    pub fn peer(&self) -> Option<&Peer> {
        match &self.state {
            State::Established(established) => Some(established.peer()),
            State::Handshake(_) | State::Failed(_) => None,
        }
    }

    fn refuse_subscription(&mut self) {
        self.refuse(if self.socket_type.is_subscriber() {
            ApiMisuse::SentBeforeReady
        } else {
            ApiMisuse::NotASubscriber(self.socket_type)
        });
    }

    #[cold]
    fn refuse(&mut self, why: ApiMisuse) {
        if !matches!(self.state, State::Failed(_)) {
            self.fail(why.into());
        }
    }

    /// Fails for good. During the handshake an ERROR command says why: RFC 37, "ZMTP allows an explicit fatal error response
    /// during the mechanism handshake, using the ERROR command". Later the stream is closed
    /// without a word, unless the peer exceeds a limit, which it cannot know.
    #[cold]
    fn fail(&mut self, error: Error) -> Error {
        let sends_error = match &self.state {
            State::Handshake(handshaking) => handshaking.handshake.may_send_error(&error),
            State::Established(_) => error.is_limit(),
            State::Failed(_) => false,
        };
        if sends_error && let Some(reason) = error.wire_reason() {
            command::error(&mut self.transmit, &reason);
        }
        self.wanted = 0;
        self.state = State::Failed(error.clone());
        error
    }
}

fn our_greeting(config: &ConnectionConfig) -> Result<Greeting, ApiMisuse> {
    if let Some(reason) = routing_id_fault(&config.routing_id) {
        return Err(ApiMisuse::RoutingId { length: config.routing_id.len(), reason });
    }
    let Some(mechanism) = mechanism::padded_name(&*config.mechanism) else {
        return Err(ApiMisuse::MechanismName { name: config.mechanism.name().to_owned() });
    };
    Ok(Greeting { version: Version::ZMTP_3_1, mechanism, as_server: config.mechanism.is_server() })
}
