use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Message, Network, Poisoned, SecretRandom, Stream};
use seaworthy_zmtp::{self as zmtp, ApiMisuse, ConnectionConfig, Credentials, Event, Peer, Refusal, Verdict};

use crate::race::before;
use crate::transport::{ReadBufferSizer, advance};

/// ZMTP on one stream, for one user at a time.
///
/// ```no_run
/// # async fn doc() -> Result<(), Box<dyn std::error::Error>> {
/// use seaworthy::low_level::Connection;
/// use seaworthy::{CompioNetwork, Endpoint, Network, SocketType, StreamOptions};
/// use seaworthy::low_level::ConnectionConfig;
///
/// let network = CompioNetwork::new();
/// let endpoint: Endpoint = "tcp://127.0.0.1:5555".parse()?;
/// let stream = network.connect(&endpoint, &StreamOptions::default()).await?;
/// let config = ConnectionConfig::new(SocketType::Push);
/// let mut connection = Connection::handshake(&network, stream, config).await?;
/// connection.send("hello").await?;
/// # Ok(()) }
/// ```
///
/// **Cancel-safety.** [`recv`](Self::recv) is cancel-safe: the read stays in flight inside the connection.
/// [`send`](Self::send) is not: a dropped `send` may have written any part of the message, so it *poisons* the
/// connection. Every later operation fails with `BrokenPipe`, nothing more goes out, and the stream is reset, so that
/// the peer can never take the rest of one message for the beginning of another.
pub struct Connection<N: Network> {
    network: N,
    stream: Rc<N::Stream>,
    protocol: zmtp::Connection,
    poisoned: Poisoned,
    /// Read and not yet decoded, while no read is in flight.
    input: BytesMut,
    sizer: ReadBufferSizer,
    /// What comes before a read with a large buffer.
    waiting: Option<Waiting>,
    reading: Option<Reading>,
    peer: Peer,
}

/// A wait for something to read, which owns its stream.
type Waiting = Pin<Box<dyn Future<Output = ()>>>;

/// A read in flight, which owns its stream.
type Reading = Pin<Box<dyn Future<Output = (io::Result<usize>, BytesMut)>>>;

/// Why a [`Connection`] failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The stream broke or ended; `BrokenPipe` after a cancelled send.
    #[error(transparent)]
    Stream(#[from] io::Error),
    /// The peer broke the protocol, did not answer in time, or was asked for something impossible.
    #[error(transparent)]
    Protocol(#[from] zmtp::Error),
}

impl<N: Network> Connection<N> {
    /// Shakes hands with the peer at the other end of `stream`. A mechanism that asks for a verdict on it admits nobody:
    /// see [`handshake_with`](Self::handshake_with).
    ///
    /// Not cancel-safe: the stream is dropped with the future.
    ///
    /// # Errors
    /// The stream broke, or the peer does not fit, or it took longer than `config.handshake_ivl`.
    pub async fn handshake(
        network: &N,
        stream: N::Stream,
        config: ConnectionConfig,
    ) -> Result<Self, ConnectionError> {
        Self::handshake_with(network, stream, config, |_| Verdict::Refused(Refusal::Temporary)).await
    }

    /// Shakes hands with the peer at the other end of `stream`, on whose credentials `judge` gives the verdict if the
    /// mechanism asks for one.
    ///
    /// Not cancel-safe: the stream is dropped with the future.
    ///
    /// # Errors
    /// As [`handshake`](Self::handshake), or the peer is refused.
    pub async fn handshake_with(
        network: &N,
        stream: N::Stream,
        config: ConnectionConfig,
        judge: impl FnOnce(&Credentials) -> Verdict,
    ) -> Result<Self, ConnectionError> {
        let random = SecretRandom::from_network(network);
        let mut protocol = zmtp::Connection::with_random(config, random, network.now());
        let mut judge = Some(judge);
        let stream = Rc::new(stream);
        let poisoned = Poisoned::new();
        let mut input = BytesMut::new();
        let mut sizer = ReadBufferSizer::new();
        loop {
            write_out(&*stream, &poisoned, &mut protocol).await?;
            let mut event = protocol.handle_input(network.now(), &mut input);
            let mut was_asked = false;
            if let Ok(Some(Event::Authenticate(credentials))) = &event
                && let Some(judge) = judge.take()
            {
                was_asked = true;
                event = protocol.authenticate(network.now(), judge(credentials));
            }
            write_out(&*stream, &poisoned, &mut protocol).await?;
            protocol.written(network.now());
            let event = event?;
            if was_asked && event.is_none() {
                // What came meanwhile is not decoded yet.
                continue;
            }
            if let Some(Event::Ready(peer)) = event {
                let (network, peer) = (network.clone(), *peer);
                let (waiting, reading) = (None, None);
                return Ok(Self {
                    network,
                    stream,
                    protocol,
                    poisoned,
                    input,
                    sizer,
                    waiting,
                    reading,
                    peer,
                });
            }
            input = sizer.make(input, protocol.wanted());
            let deadline = protocol.poll_timeout().map(|(at, _)| at);
            let read = before(network, deadline, stream.read(input)).await;
            let Some((result, buffer)) = read else {
                protocol.handle_timeout(network.now())?;
                return Err(io::Error::from(io::ErrorKind::TimedOut).into());
            };
            match result? {
                0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                count => sizer.read(count),
            }
            input = buffer;
        }
    }

    /// The other end.
    pub const fn peer(&self) -> &Peer {
        &self.peer
    }

    /// True when a send was cancelled: every operation fails from then on.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned.is_poisoned()
    }

    /// Writes a message to the stream, to its last byte.
    ///
    /// Not cancel-safe: dropping the future before it completes poisons the connection, unless nothing was written.
    ///
    /// # Errors
    /// `BrokenPipe` when the connection is poisoned; what the stream says; a message without frames.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), ConnectionError> {
        self.check()?;
        let message = message.into();
        if message.is_empty() {
            return Err(zmtp::Error::from(ApiMisuse::EmptyMessage).into());
        }
        self.protocol.send(&message);
        self.write_out().await
    }

    /// Asks the peer for messages that begin with `topic`; only for SUB and XSUB. Cancel-safety and errors as
    /// [`send`](Self::send).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn subscribe(&mut self, topic: impl AsRef<[u8]>) -> Result<(), ConnectionError> {
        self.check()?;
        self.protocol.subscribe(topic.as_ref());
        if self.protocol.peer().is_none() {
            // It failed: this says why.
            self.protocol.handle_timeout(self.network.now())?;
        }
        self.write_out().await
    }

    /// Receives the next message. Subscriptions of the peer are skipped; see [`recv_event`](Self::recv_event).
    ///
    /// Cancel-safe: a read stays in flight inside the connection. (If a PING was sent or answered by half when the
    /// future is dropped, the connection is poisoned as by a cancelled send.)
    ///
    /// # Errors
    /// `UnexpectedEof` when the peer closed; `BrokenPipe` when the connection is poisoned; the peer's faults.
    pub async fn recv(&mut self) -> Result<Message, ConnectionError> {
        loop {
            if let Event::Message(message) = self.recv_event().await? {
                return Ok(message);
            }
        }
    }

    /// Receives the next message or subscription. Cancel-safety and errors as [`recv`](Self::recv).
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub async fn recv_event(&mut self) -> Result<Event, ConnectionError> {
        loop {
            self.check()?;
            if self.reading.is_none() {
                let event = self.protocol.handle_input(self.network.now(), &mut self.input);
                self.write_out().await?;
                if let Some(event) = event? {
                    return Ok(event);
                }
            }
            let deadline = self.protocol.poll_timeout().map(|(at, _)| at);
            let network = self.network.clone();
            let read = before(&network, deadline, poll_fn(|context| self.poll_read(context))).await;
            match read {
                Some(Ok(0)) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Some(result) => {
                    result?;
                    self.protocol.received(self.network.now());
                }
                None => {
                    self.protocol.handle_timeout(self.network.now())?;
                    self.write_out().await?;
                }
            }
        }
    }

    /// Ends the sending direction, after what was sent. The peer's messages can still be received.
    ///
    /// # Errors
    /// `BrokenPipe` when the connection is poisoned; what the stream says.
    pub async fn shutdown(&mut self) -> Result<(), ConnectionError> {
        self.check()?;
        Ok(self.stream.shutdown().await?)
    }

    fn check(&self) -> io::Result<()> {
        if self.poisoned.is_poisoned() {
            self.stream.reset();
            return Err(io::Error::new(
                io::ErrorKind::BrokenPipe,
                "the connection is poisoned: a send on it was cancelled",
            ));
        }
        Ok(())
    }

    async fn write_out(&mut self) -> Result<(), ConnectionError> {
        write_out(&*self.stream, &self.poisoned, &mut self.protocol).await?;
        self.protocol.written(self.network.now());
        Ok(())
    }

    /// Goes on with the read in flight, or starts one.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.reading.is_none() {
            if self.waiting.is_none() && self.sizer.waits(&self.input) {
                self.input = BytesMut::new();
                let stream = Rc::clone(&self.stream);
                self.waiting = Some(Box::pin(async move { stream.readable().await }));
            }
            if let Some(waiting) = &mut self.waiting {
                ready!(waiting.as_mut().poll(context));
                self.waiting = None;
            }
        }
        let wanted = self.protocol.wanted();
        let reading = self.reading.get_or_insert_with(|| {
            let stream = Rc::clone(&self.stream);
            let buffer = self.sizer.make(std::mem::take(&mut self.input), wanted);
            Box::pin(async move { stream.read(buffer).await })
        });
        reading.as_mut().poll(context).map(|(result, buffer)| {
            self.reading = None;
            self.input = buffer;
            self.sizer.read(*result.as_ref().unwrap_or(&0));
            self.protocol.share_from(self.sizer.shared_min());
            result
        })
    }
}

/// Writes everything that waits for transmission; poisons when it is dropped in between.
async fn write_out<S: Stream>(
    stream: &S,
    poisoned: &Poisoned,
    protocol: &mut zmtp::Connection,
) -> Result<(), ConnectionError> {
    let mut segments: Vec<Bytes> = Vec::new();
    protocol.poll_transmit(&mut segments);
    if segments.is_empty() {
        return Ok(());
    }
    let guard = poisoned.arm();
    if planted(Bug::CancelledSendForgotten) {
        poisoned.arm().disarm();
    }
    while !segments.is_empty() {
        let (result, rest) = stream.write(segments).await;
        segments = rest;
        advance(&mut segments, result?)?;
    }
    guard.disarm();
    Ok(())
}

impl<N: Network> Drop for Connection<N> {
    fn drop(&mut self) {
        if self.poisoned.is_poisoned() {
            self.stream.reset();
        }
    }
}

impl<N: Network> fmt::Debug for Connection<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("peer", &self.peer).field("poisoned", &self.is_poisoned()).finish()
    }
}
