//! A peer that speaks ZMTP by hand: it says and expects bytes, frames and commands, and knows no better.
//!
//! It shares no code with the implementation, so what it writes is what RFC 37 says and not what we think it says.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;

use bytes::{Buf, Bytes, BytesMut};
use seaworthy::{Endpoint, Listener, Network, Stream, StreamOptions};
use seaworthy_sim::{SimListener, SimStream};

use super::fixture::Place;

pub(crate) const MORE: u8 = 1;
pub(crate) const LONG: u8 = 2;
pub(crate) const COMMAND: u8 = 4;

/// Bytes of a greeting.
pub(crate) const GREETING: usize = 64;

type Reading = Pin<Box<dyn Future<Output = (io::Result<usize>, BytesMut)>>>;

pub(crate) struct RawPeer {
    stream: Rc<SimStream>,
    input: BytesMut,
    /// Kept when a future is dropped, so that looking whether something comes loses nothing.
    reading: Option<Reading>,
}

impl fmt::Debug for RawPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawPeer")
            .field("stream", &self.stream)
            .field("input", &self.input)
            .finish_non_exhaustive()
    }
}

/// A frame as it stood on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) flags: u8,
    pub(crate) body: Bytes,
}

/// A listener for raw peers.
pub(crate) struct RawListener(SimListener);

impl RawListener {
    pub(crate) fn bind(place: &Place, port: u16) -> Self {
        let endpoint: Endpoint = format!("tcp://*:{port}").parse().expect("an endpoint");
        Self(place.network().listen(&endpoint, &StreamOptions::default()).expect("a free port"))
    }

    pub(crate) async fn accept(&self) -> RawPeer {
        RawPeer::new(self.0.accept().await.expect("a stream"))
    }

    /// Accepts and shakes hands.
    pub(crate) async fn accept_as(&self, socket_type: &str) -> RawPeer {
        let mut peer = self.accept().await;
        peer.shake_hands(socket_type).await;
        peer
    }
}

impl RawPeer {
    fn new(stream: SimStream) -> Self {
        Self { stream: Rc::new(stream), input: BytesMut::new(), reading: None }
    }

    pub(crate) async fn connect(place: &Place, endpoint: &Endpoint) -> Self {
        Self::new(place.network().connect(endpoint, &StreamOptions::default()).await.expect("a stream"))
    }

    /// Connects and shakes hands.
    pub(crate) async fn connect_as(place: &Place, endpoint: &Endpoint, socket_type: &str) -> Self {
        let mut peer = Self::connect(place, endpoint).await;
        peer.shake_hands(socket_type).await;
        peer
    }

    /// Greets as ZMTP 3.1, and exchanges READY.
    pub(crate) async fn shake_hands(&mut self, socket_type: &str) {
        self.shake_hands_in(1, socket_type, &[]).await;
    }

    /// Shakes hands as ZMTP 3.`minor`, with more properties than the socket type.
    pub(crate) async fn shake_hands_in(&mut self, minor: u8, socket_type: &str, more: &[(&str, &[u8])]) {
        self.say(&greeting(minor)).await;
        self.say_command("READY", &metadata(socket_type, more)).await;
        self.hear(GREETING).await;
        let ready = self.frame().await;
        assert!(ready.body.starts_with(b"\x05READY"), "{ready:?}");
    }

    // Saying.

    pub(crate) async fn say(&self, bytes: &[u8]) {
        self.try_say(bytes).await.expect("the stream takes bytes");
    }

    pub(crate) async fn try_say(&self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = Bytes::copy_from_slice(bytes);
        while !rest.is_empty() {
            let (written, _) = self.stream.write(vec![rest.clone()]).await;
            rest.advance(written?);
        }
        Ok(())
    }

    pub(crate) async fn say_frame(&self, flags: u8, body: &[u8]) {
        self.say(&encoded_frame(flags, body)).await;
    }

    /// Says a command: its name and its data.
    pub(crate) async fn say_command(&self, name: &str, data: &[u8]) {
        self.say(&encoded_command(name, data)).await;
    }

    pub(crate) async fn say_message<const N: usize>(&self, frames: [&str; N]) {
        self.say(&encoded_message(frames)).await;
    }

    /// Makes sure that everything said so far was taken in: a PING is answered after it.
    pub(crate) async fn barrier(&mut self) {
        self.say_command("PING", &[0, 0]).await;
        self.expect_command("PONG", b"").await;
    }

    // Hearing.

    /// Exactly so many bytes.
    pub(crate) async fn hear(&mut self, count: usize) -> Bytes {
        while self.input.len() < count {
            let read = self.read().await.expect("the stream gives bytes");
            assert!(read > 0, "the stream ended; it said {:?}", self.input);
        }
        self.input.split_to(count).freeze()
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> Frame {
        loop {
            if let Some(frame) = decoded_frame(&mut self.input) {
                return frame;
            }
            let read = self.read().await.expect("the stream gives bytes");
            assert!(read > 0, "the stream ended within a frame: {:?}", self.input);
        }
    }

    /// The frames of the next message. Signs of life that nobody asked for are skipped; any other command panics.
    pub(crate) async fn message(&mut self) -> Vec<String> {
        let mut frames = Vec::new();
        loop {
            let frame = self.frame().await;
            if frame == (Frame { flags: COMMAND, body: command_body("PONG", b"SEAW") }) {
                continue;
            }
            assert_eq!(frame.flags & COMMAND, 0, "{frame:?} is no part of a message");
            frames.push(frame.body.escape_ascii().to_string());
            if frame.flags & MORE == 0 {
                return frames;
            }
        }
    }

    pub(crate) async fn expect_message<const N: usize>(&mut self, frames: [&str; N]) {
        assert_eq!(self.message().await, frames);
    }

    pub(crate) async fn expect_command(&mut self, name: &str, data: &[u8]) {
        let frame = self.frame().await;
        assert_eq!(frame, Frame { flags: COMMAND, body: command_body(name, data) });
    }

    /// Everything up to the end of the stream, and whether it ended in order or with a reset.
    pub(crate) async fn rest(&mut self) -> (Bytes, Ending) {
        loop {
            match self.read().await {
                Ok(0) => return (self.input.split().freeze(), Ending::Closed),
                Ok(_) => {}
                Err(error) => return (self.input.split().freeze(), Ending::Broken(error.kind())),
            }
        }
    }

    /// Waits for the end of the stream, whatever is said before.
    pub(crate) async fn end(&mut self) -> Ending {
        self.rest().await.1
    }

    pub(crate) async fn read(&mut self) -> io::Result<usize> {
        let stream = Rc::clone(&self.stream);
        let input = &mut self.input;
        let reading = self.reading.get_or_insert_with(|| {
            let mut buffer = std::mem::take(input);
            buffer.reserve(64 * 1024);
            Box::pin(async move { stream.read(buffer).await })
        });
        let (result, buffer) = poll_fn(|context| reading.as_mut().poll(context)).await;
        self.reading = None;
        self.input = buffer;
        result
    }

    // Leaving.

    pub(crate) fn reset(self) {
        self.stream.reset();
    }

    /// Ends the sending direction.
    pub(crate) async fn shutdown(&self) {
        self.stream.shutdown().await.expect("an open stream");
    }
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Closed,
    Broken(io::ErrorKind),
}

/// The greeting of a NULL peer that speaks ZMTP 3.`minor`.
pub(crate) fn greeting(minor: u8) -> [u8; GREETING] {
    let mut octets = [0; GREETING];
    octets[..10].copy_from_slice(&[0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f]);
    octets[10] = 3;
    octets[11] = minor;
    octets[12..16].copy_from_slice(b"NULL");
    octets
}

/// The data of a READY command.
pub(crate) fn metadata(socket_type: &str, more: &[(&str, &[u8])]) -> Vec<u8> {
    let mut data = Vec::new();
    for (name, value) in [("Socket-Type", socket_type.as_bytes())].iter().chain(more) {
        data.push(name.len() as u8);
        data.extend(name.as_bytes());
        data.extend((value.len() as u32).to_be_bytes());
        data.extend(*value);
    }
    data
}

/// Greeting and READY of a peer.
pub(crate) fn hello(socket_type: &str, more: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = greeting(1).to_vec();
    bytes.extend(encoded_command("READY", &metadata(socket_type, more)));
    bytes
}

fn command_body(name: &str, data: &[u8]) -> Bytes {
    [&[name.len() as u8], name.as_bytes(), data].concat().into()
}

pub(crate) fn encoded_command(name: &str, data: &[u8]) -> Vec<u8> {
    encoded_frame(COMMAND, &command_body(name, data))
}

pub(crate) fn encoded_frame(flags: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = match u8::try_from(body.len()) {
        Ok(length) => vec![flags, length],
        Err(_) => [&[flags | LONG], &(body.len() as u64).to_be_bytes()[..]].concat(),
    };
    bytes.extend(body);
    bytes
}

pub(crate) fn encoded_message<const N: usize>(frames: [&str; N]) -> Vec<u8> {
    let last = frames.len() - 1;
    let flags = |index| if index == last { 0 } else { MORE };
    frames.iter().enumerate().flat_map(|(i, frame)| encoded_frame(flags(i), frame.as_bytes())).collect()
}

/// Takes a whole frame off the front of `input`, if there is one.
pub(crate) fn decoded_frame(input: &mut BytesMut) -> Option<Frame> {
    let flags = *input.first()?;
    let (header, length) = if flags & LONG == 0 {
        (2, usize::from(*input.get(1)?))
    } else {
        let octets: [u8; 8] = input.get(1..9)?.try_into().ok()?;
        (9, u64::from_be_bytes(octets) as usize)
    };
    if input.len() < header + length {
        return None;
    }
    input.advance(header);
    Some(Frame { flags: flags & !LONG, body: input.split_to(length).freeze() })
}

/// A subscriber that has shaken hands and whose subscription the publisher has taken in.
pub(crate) async fn subscriber(place: &Place, endpoint: &Endpoint, topics: &[&str]) -> RawPeer {
    let mut peer = RawPeer::connect_as(place, endpoint, "SUB").await;
    for topic in topics {
        peer.say_command("SUBSCRIBE", topic.as_bytes()).await;
    }
    peer.barrier().await;
    peer
}

/// A DEALER with this routing id that has shaken hands.
pub(crate) async fn dealer_named(place: &Place, endpoint: &Endpoint, routing_id: &str) -> RawPeer {
    let mut peer = RawPeer::connect(place, endpoint).await;
    peer.shake_hands_in(1, "DEALER", &[("Identity", routing_id.as_bytes())]).await;
    peer
}
