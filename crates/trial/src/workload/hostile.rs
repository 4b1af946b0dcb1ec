//! The program of a host whose peer is no socket: plays its script on raw streams.
//!
//! What it sends is written out here byte by byte, and not with the crate that the sockets use: that one writes nothing
//! that is wrong.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use seaworthy::{Network, StreamOptions};
use seaworthy_core::{Endpoint, Listener, Stream};

use super::run_state::{RunState, first};
use crate::scenario::Hostile;
use crate::scenario::hostile::{Action, End, Flood, Greeting};
use seaworthy_engine::SeededRng;
use seaworthy_sim::script::draw::{Draw, Series};
use seaworthy_sim::script::quantity::{ByteCount, Count};
use seaworthy_sim::trace::{EventKind, Name, Phase};

/// Pause after an attempt to connect that failed: it does not count as one of its `times`.
const RETRY: Duration = Duration::from_millis(100);

/// Bytes that are made for one write.
const WRITE_MAX: usize = 64 * 1024;

/// Bytes of a read whose outcome nobody looks at.
const READ_BYTES: usize = 16 * 1024;

/// Plays the hostile peers of `host` until the scripted part is over.
pub(super) async fn run_host<N: Network>(run: &RunState, host: &Name, network: &N, life: u16) {
    let running = Rc::new(Cell::new(0_usize));
    for hostile in run.plan().hostiles_on(host) {
        let peer = Peer {
            run: run.clone(),
            network: network.clone(),
            host: host.clone(),
            name: hostile.name.as_str().into(),
            script: Rc::new(hostile.clone()),
            running: Rc::clone(&running),
        };
        let start =
            if life == 1 { hostile.start.map(Draw::value).unwrap_or_default().0 } else { Duration::ZERO };
        peer.spawn("hostile", |peer| async move {
            let begin = peer.network.sleep_until(peer.network.now() + start);
            if peer.run.before(Phase::Healed, begin).await.is_some() {
                peer.play().await;
            }
        });
    }
    run.reached(Phase::Closing).await;
    run.until(|| running.get() == 0).await;
}

/// One hostile peer.
#[derive(Clone)]
struct Peer<N: Network> {
    run: RunState,
    network: N,
    host: Name,
    name: Name,
    script: Rc<Hostile>,
    /// Tasks of the host.
    running: Rc<Cell<usize>>,
}

/// Why a script is over.
enum Over {
    /// The other side ended the connection.
    Dismissed(String),
    /// It ended the connection itself.
    Ended(End),
}

impl<N: Network> Peer<N> {
    /// Runs `work` with a copy of this peer as a task of its own.
    fn spawn<F: Future<Output = ()> + 'static>(&self, name: &'static str, work: impl FnOnce(Self) -> F) {
        let (running, run) = (Rc::clone(&self.running), self.run.clone());
        running.set(running.get() + 1);
        let work = work(self.clone());
        self.network.spawn(name, async move {
            work.await;
            running.set(running.get() - 1);
            run.wake();
        });
    }

    fn acted(&self, did: String) {
        self.run.record_hostile(&self.host, &self.name, EventKind::Acted { did });
    }

    async fn play(&self) {
        let hostile = &self.script;
        if let Some(endpoint) = hostile.connect.as_ref().and_then(|text| text.parse().ok()) {
            self.attack(&endpoint).await;
        } else if let Some(endpoint) = hostile.listen.as_ref().and_then(|text| text.parse().ok()) {
            self.lie_in_wait(&endpoint).await;
        }
    }

    /// Makes its connections, one after the other.
    async fn attack(&self, endpoint: &Endpoint) {
        let times = self.script.times.map_or(Count(1), Draw::value).0;
        let pause = self.script.pause.map(Draw::value).unwrap_or_default().0;
        let mut turn = 0;
        while turn < times {
            let options = StreamOptions::default();
            let connecting = self.network.connect(endpoint, &options);
            let Some(connected) = self.run.before(Phase::Healed, connecting).await else { return };
            let rest = match connected {
                Ok(stream) => {
                    self.acted(format!("connect {endpoint}"));
                    self.converse(stream, turn).await;
                    turn += 1;
                    pause
                }
                Err(_) => RETRY,
            };
            let rest = self.network.sleep_until(self.network.now() + rest);
            if self.run.before(Phase::Healed, rest).await.is_none() {
                return;
            }
        }
    }

    /// Plays the script on every connection that comes.
    async fn lie_in_wait(&self, endpoint: &Endpoint) {
        let Ok(listener) = self.network.listen(endpoint, &StreamOptions::default()) else {
            return self.acted(format!("cannot listen at {endpoint}"));
        };
        let mut turn = 0;
        while let Some(accepted) = self.run.before(Phase::Healed, listener.accept()).await {
            let Ok(stream) = accepted else { continue };
            self.acted(format!("accept {endpoint}"));
            self.spawn("conversation", |peer| async move { peer.converse(stream, turn).await });
            turn += 1;
        }
    }

    /// Plays the script on one connection and sees it to its end.
    async fn converse(&self, stream: N::Stream, turn: u64) {
        let script = async {
            match self.recite(&stream, turn).await {
                // Nothing is left to do but to wait for the end, which the other future notices.
                Ok(()) => std::future::pending().await,
                Err(over) => over,
            }
        };
        let conversation = async {
            if self.script.deaf {
                return script.await;
            }
            let mut dismissed = None;
            let listening = async { dismissed = Some(read_all(&stream).await) };
            match first(listening, script).await {
                Some(over) => over,
                None => Over::Dismissed(dismissed.unwrap_or_default()),
            }
        };
        match self.run.before(Phase::Healed, conversation).await {
            Some(Over::Ended(End::Close)) => {}
            Some(Over::Ended(End::Reset)) | None => stream.reset(),
            Some(Over::Dismissed(how)) => {
                self.run.record_hostile(&self.host, &self.name, EventKind::Dismissed { how });
                // A write may have been under way.
                stream.reset();
            }
        }
    }

    async fn recite(&self, stream: &N::Stream, turn: u64) -> Result<(), Over> {
        let hostile = &self.script;
        let at = |series: &Option<Series<ByteCount>>| series.as_ref().map(|series| series.turn(turn).0);
        let (close_at, reset_at) = (at(&hostile.close_at), at(&hostile.reset_at));
        let mut pen = Pen {
            network: &self.network,
            stream,
            apart: Duration::ZERO,
            left: close_at.or(reset_at),
            end: if close_at.is_some() { End::Close } else { End::Reset },
        };
        let outcome = self.act(&mut pen, turn).await;
        if let Err(Over::Ended(end)) = &outcome {
            self.acted(end.to_string());
        }
        outcome
    }

    async fn act(&self, pen: &mut Pen<'_, N>, turn: u64) -> Result<(), Over> {
        for (index, action) in self.script.script.iter().enumerate() {
            if !matches!(action, Action::End(_)) {
                self.acted(action.to_string());
            }
            match action {
                Action::Send(hex) => pen.write(hex.0.clone()).await?,
                Action::Text(text) => pen.write(text.clone().into_bytes()).await?,
                Action::Garbage(bytes) => {
                    let place = format!("hostile {} {turn} {index}", self.name);
                    pen.write(garbage(self.run.plan().scenario.seed, &place, bytes.value())).await?;
                }
                Action::Greeting(kind) => pen.write(greeting(*kind)).await?,
                Action::Ready(kind) => pen.write(ready(kind)).await?,
                Action::Announce(bytes) => pen.write(header(LONG, *bytes)).await?,
                Action::More(flood) => pen.flood(*flood, |size, _| frame(MORE, &vec![0; size])).await?,
                Action::Command(flood) => {
                    pen.flood(*flood, |size, _| command("NOISE", &vec![0; size])).await?;
                }
                Action::Ping(flood) => {
                    // A TTL of zero, and then the context.
                    pen.flood(*flood, |size, _| command("PING", &vec![0; 2 + size])).await?;
                }
                Action::Subscribe(flood) => {
                    pen.flood(*flood, |size, number| command("SUBSCRIBE", &topic(size, number))).await?
                }
                Action::Drip(apart) => pen.apart = apart.value().0,
                Action::Wait(span) => self.network.sleep_until(self.network.now() + span.value().0).await,
                Action::End(end) => return Err(Over::Ended(*end)),
            }
        }
        Ok(())
    }
}

/// Writes on a stream, as slowly and as far as the script says.
struct Pen<'a, N: Network> {
    network: &'a N,
    stream: &'a N::Stream,
    /// Pause after each byte; none when zero.
    apart: Duration,
    /// Bytes until the connection ends.
    left: Option<u64>,
    /// How it ends then.
    end: End,
}

impl<N: Network> Pen<'_, N> {
    async fn write(&mut self, bytes: Vec<u8>) -> Result<(), Over> {
        let mut bytes = Bytes::from(bytes);
        if let Some(left) = self.left {
            bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        }
        while !bytes.is_empty() {
            let part = if self.apart.is_zero() { bytes.len() } else { 1 };
            let (result, _) = self.stream.write(vec![bytes.slice(..part)]).await;
            let count = result.map_err(|error| Over::Dismissed(words(&error)))?;
            drop(bytes.split_to(count));
            self.left = self.left.map(|left| left.saturating_sub(count as u64));
            if !self.apart.is_zero() {
                self.network.sleep_until(self.network.now() + self.apart).await;
            }
        }
        if self.left == Some(0) { Err(Over::Ended(self.end)) } else { Ok(()) }
    }

    /// Writes many frames, several at once.
    async fn flood(&mut self, flood: Flood, frame: impl Fn(usize, u64) -> Vec<u8>) -> Result<(), Over> {
        let size = usize::try_from(flood.size.value().0).unwrap_or(usize::MAX);
        let mut batch = Vec::new();
        for number in 0..flood.count.value().0 {
            batch.extend(frame(size, number));
            if batch.len() >= WRITE_MAX {
                self.write(std::mem::take(&mut batch)).await?;
            }
        }
        self.write(batch).await
    }
}

/// Reads until the end, and says what that was.
async fn read_all<S: Stream>(stream: &S) -> String {
    let mut buffer = BytesMut::with_capacity(READ_BYTES);
    loop {
        buffer.clear();
        buffer.reserve(READ_BYTES);
        let (result, same) = stream.read(buffer).await;
        buffer = same;
        match result {
            Ok(0) => return "closed".to_owned(),
            Ok(_) => {}
            Err(error) => return words(&error),
        }
    }
}

fn words(error: &io::Error) -> String {
    error.kind().to_string()
}

/// Flags of a frame (RFC 37).
const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;

fn greeting(kind: Greeting) -> Vec<u8> {
    let mut bytes = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f];
    let (major, mechanism) = match kind {
        Greeting::Old => return [&bytes[..], &[1, 8, 0]].concat(),
        Greeting::Newer => (9, "NULL"),
        Greeting::Curve => (3, "CURVE"),
        Greeting::Valid | Greeting::Half => (3, "NULL"),
    };
    bytes.extend([major, 1]);
    bytes.extend(mechanism.bytes());
    bytes.resize(if kind == Greeting::Half { 11 } else { 64 }, 0);
    bytes
}

fn header(flags: u8, length: u64) -> Vec<u8> {
    match u8::try_from(length) {
        Ok(short) if flags & LONG == 0 => vec![flags, short],
        _ => [&[flags | LONG][..], &length.to_be_bytes()].concat(),
    }
}

fn frame(flags: u8, body: &[u8]) -> Vec<u8> {
    [&header(flags, body.len() as u64), body].concat()
}

fn command(name: &str, data: &[u8]) -> Vec<u8> {
    let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
    frame(COMMAND, &[&[length], name.as_bytes(), data].concat())
}

fn ready(kind: &str) -> Vec<u8> {
    let length = u32::try_from(kind.len()).unwrap_or(u32::MAX);
    command("READY", &[&b"\x0bSocket-Type"[..], &length.to_be_bytes(), kind.as_bytes()].concat())
}

/// A topic of this size that no other number has, if it is long enough for one.
fn topic(size: usize, number: u64) -> Vec<u8> {
    let mut topic = number.to_le_bytes().to_vec();
    topic.resize(size, b'.');
    topic
}

fn garbage(seed: u64, place: &str, bytes: ByteCount) -> Vec<u8> {
    let mut rng = SeededRng::new(seed, place);
    (0..bytes.0).map(|_| rng.below(256) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use seaworthy_sim::trace::wire::{WireFrame, WireReader};

    fn read(bytes: &[u8]) -> (Vec<WireFrame>, Option<String>) {
        WireReader::default().feed(bytes, |_| None)
    }

    #[test]
    fn what_is_said_to_be_valid_is_read_as_zmtp() {
        let bytes = [greeting(Greeting::Valid), ready("PUSH"), command("PING", &[0; 300]), frame(MORE, &[7])]
            .concat();
        let (frames, problem) = read(&bytes);
        assert_eq!(problem, None);
        assert!(
            matches!(&frames[0], WireFrame::Greeting { version, mechanism } if version == "3.1" && mechanism == "NULL")
        );
        assert!(
            matches!(&frames[1], WireFrame::Command { name, bytes: 20, .. } if name == "READY"),
            "{frames:?}"
        );
        assert!(matches!(&frames[2], WireFrame::Command { name, bytes: 300, .. } if name == "PING"));
        assert!(matches!(frames[3], WireFrame::Message { bytes: 1, more: true, .. }));
    }

    #[test]
    fn what_is_announced_is_not_there() {
        let bytes = [greeting(Greeting::Valid), header(LONG, 1 << 62)].concat();
        assert!(read(&bytes).1.unwrap().contains("4611686018427387904 bytes was announced"));
        assert_eq!(header(0, 255), [0, 255]);
        assert_eq!(header(0, 256), [LONG, 0, 0, 0, 0, 0, 0, 1, 0]);
    }

    #[test]
    fn topics_differ_and_garbage_follows_from_the_seed() {
        assert_ne!(topic(3, 1), topic(3, 2));
        assert_eq!(garbage(1, "a", ByteCount(9)), garbage(1, "a", ByteCount(9)));
        assert_ne!(garbage(1, "a", ByteCount(9)), garbage(2, "a", ByteCount(9)));
    }
}
