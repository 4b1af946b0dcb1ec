//! The tap: turns what happens on the simulated network into events of a trace, and compares bytes read with bytes
//! written as they pass.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use seaworthy_core::{Endpoint, Instant};

use super::event::{Direction, EventKind};
use super::fault_intervals::FaultIntervals;
use super::log::{HostNames, Log};
use super::message_labels::{self, MessageLabels};
use super::name::{MessageName, Name};
use super::recorder::Recorder;
use super::wire::{WireFrame, WireReader};
use crate::invariant::poison::Poison;
use crate::invariant::stream_prefix::StreamPrefix;
use seaworthy_engine::Fault;
use seaworthy_engine::LinkConfig;
use seaworthy_engine::{Event, HostId, Note, Operation, StreamId, Tap};

/// What is known of the sockets of a run besides what passes on the wire.
pub trait Sockets: fmt::Debug {
    /// The socket on `host` that connects to `endpoint`, if only one does.
    fn connecting(&self, host: &str, endpoint: &Endpoint) -> Option<Name>;
    /// The socket on `host` that binds what others mean by `endpoint`.
    fn binding(&self, host: &str, endpoint: &Endpoint) -> Option<Name>;
    /// Whether a host is one of a peer that means ill.
    fn is_hostile(&self, host: &str) -> bool;
    /// The message that a frame belongs to, by what is in it.
    fn message(&self, frame: &[u8]) -> Option<MessageName>;
}

/// Nothing: somebody's programs have them.
#[derive(Clone, Copy, Debug)]
pub struct NoSockets;

impl Sockets for NoSockets {
    fn connecting(&self, _: &str, _: &Endpoint) -> Option<Name> {
        None
    }

    fn binding(&self, _: &str, _: &Endpoint) -> Option<Name> {
        None
    }

    fn is_hostile(&self, _: &str) -> bool {
        false
    }

    fn message(&self, _: &[u8]) -> Option<MessageName> {
        None
    }
}

/// Watches a simulation for a recorder.
#[derive(Debug)]
pub struct Observer {
    sockets: Rc<dyn Sockets>,
    /// The hosts' names, by number.
    hosts: HostNames,
    recorder: Recorder,
    streams: BTreeMap<u64, Ends>,
    prefix: StreamPrefix,
    poison: Poison,
    /// What no scenario and no workload tells of.
    programs: Option<Programs>,
}

/// A run of somebody's programs.
#[derive(Debug)]
struct Programs {
    faults: FaultIntervals,
    /// While a storm acts, which tells of its faults itself.
    in_storm: Rc<Cell<bool>>,
    letters: MessageLabels,
}

/// One end of a stream.
#[derive(Debug)]
struct Ends {
    host: Name,
    /// The socket it belongs to, if only one comes into question.
    socket: Option<Name>,
    endpoint: Endpoint,
    peer: Option<u64>,
    out: WireReader,
    inward: WireReader,
    /// Of the end of a socket whose peer is hostile: what became of it.
    ordeal: Option<HostileSession>,
    /// Whether the trace shows only the first frames, because one of its ends is hostile.
    is_hostile: bool,
}

/// A socket's end of a connection with a hostile peer.
#[derive(Debug)]
struct HostileSession {
    since: Instant,
    bytes: u64,
    frames: u64,
}

/// Frames that a trace shows of each direction of a connection with a hostile peer: who floods a socket need not flood
/// the trace too.
const HOSTILE_FRAMES_SHOWN: u64 = 64;

impl Observer {
    /// An observer of a run whose hosts are added in this order, and whose sockets are known.
    pub fn new(hosts: Vec<Name>, sockets: Rc<dyn Sockets>, recorder: Recorder) -> Self {
        Self::of_hosts(Rc::new(RefCell::new(hosts)), sockets, recorder)
    }

    /// An observer of a run of somebody's programs, which knows the names of hosts and nothing of sockets.
    pub(crate) fn of_programs(log: &Log, link: LinkConfig) -> Self {
        let sockets = Rc::new(NoSockets);
        let in_storm = Rc::clone(&log.in_storm);
        let programs =
            Programs { faults: FaultIntervals::new(link), in_storm, letters: MessageLabels::default() };
        Self {
            programs: Some(programs),
            ..Self::of_hosts(Rc::clone(&log.hosts), sockets, log.recorder.clone())
        }
    }

    fn of_hosts(hosts: HostNames, sockets: Rc<dyn Sockets>, recorder: Recorder) -> Self {
        Self {
            sockets,
            hosts,
            recorder,
            streams: BTreeMap::new(),
            prefix: StreamPrefix::default(),
            poison: Poison::default(),
            programs: None,
        }
    }

    fn host(&self, host: HostId) -> Option<Name> {
        self.hosts.borrow().get(host.index()).cloned()
    }

    /// Records something about a host.
    fn at_host(&self, now: Instant, host: HostId, what: EventKind) {
        self.recorder.push(now, self.host(host).as_ref(), None, what);
    }

    /// Records a fault that somebody made.
    fn fault(&mut self, now: Instant, fault: &Fault) {
        let hosts = Rc::clone(&self.hosts);
        let name =
            |host: HostId| hosts.borrow().get(host.index()).map(ToString::to_string).unwrap_or_default();
        if let Some(Programs { faults, in_storm, .. }) = &mut self.programs {
            let said = faults.changed(fault, name);
            if !in_storm.get() {
                said.into_iter().for_each(|what| self.recorder.push(now, None, None, what));
            }
        }
    }

    /// Records something about a stream.
    fn at_stream(&self, now: Instant, stream: u64, what: EventKind) {
        let end = self.streams.get(&stream);
        self.recorder.push(now, end.map(|end| &end.host), end.and_then(|end| end.socket.as_ref()), what);
    }

    fn ended(&self, now: Instant, stream: StreamId, how: &str) {
        self.at_stream(
            now,
            stream.index(),
            EventKind::StreamEnded { stream: stream.index(), how: how.to_owned() },
        );
    }

    fn connecting(&mut self, host: HostId, stream: StreamId, endpoint: &Endpoint) {
        let Some(host) = self.host(host) else { return };
        let socket = self.sockets.connecting(&host, endpoint);
        let ends = Ends::new(host, socket, endpoint.clone(), None);
        self.streams.insert(stream.index(), ends);
    }

    fn accepted(&mut self, now: Instant, host: HostId, stream: StreamId, peer: Option<StreamId>) {
        let Some(host) = self.host(host) else { return };
        let peer = peer.map(StreamId::index);
        let endpoint = peer.and_then(|peer| self.streams.get(&peer)).map(|end| end.endpoint.clone());
        let Some(endpoint) = endpoint else { return };
        let socket = self.sockets.binding(&host, &endpoint);
        let mut ends = Ends::new(host, socket, endpoint, peer);
        let is_hostile = |ends: &Ends| self.sockets.is_hostile(&ends.host);
        if let Some(end) = peer.and_then(|peer| self.streams.get_mut(&peer)) {
            end.peer = Some(stream.index());
            if is_hostile(end) || is_hostile(&ends) {
                let ordeal =
                    |honest: bool| honest.then_some(HostileSession { since: now, bytes: 0, frames: 0 });
                (end.is_hostile, ends.is_hostile) = (true, true);
                (end.ordeal, ends.ordeal) = (ordeal(!is_hostile(end)), ordeal(!is_hostile(&ends)));
            }
        }
        self.streams.insert(stream.index(), ends);
        self.at_stream(now, stream.index(), EventKind::Stream { stream: stream.index(), peer });
    }

    /// Bytes passed one end of a stream.
    fn passed(&mut self, now: Instant, stream: StreamId, dir: Direction, bytes: &[u8]) {
        let stream = stream.index();
        let Some(end) = self.streams.get_mut(&stream) else { return };
        let reader = match dir {
            Direction::Out => &mut end.out,
            Direction::In => &mut end.inward,
        };
        let before = reader.frames();
        let (mut frames, problem) = reader.feed(bytes, |frame| self.sockets.message(frame));
        if end.is_hostile {
            let room = HOSTILE_FRAMES_SHOWN.saturating_sub(before);
            if let Some(ordeal) = end.ordeal.as_mut().filter(|_| dir == Direction::In) {
                ordeal.bytes += bytes.len() as u64;
                ordeal.frames += frames.len() as u64;
            }
            frames.truncate(usize::try_from(room).unwrap_or(usize::MAX));
        }
        for frame in frames {
            let letter = match &frame {
                WireFrame::Message { bytes, more, text, .. } => {
                    Some((*more, message_labels::shown(*bytes, text.as_deref())))
                }
                _ => None,
            };
            self.at_stream(now, stream, EventKind::Frame { stream, dir, frame });
            if let Some((more, shown)) = letter {
                self.letter(now, stream, dir, more, shown);
            }
        }
        if let Some(problem) = problem {
            self.at_stream(now, stream, EventKind::NotZmtp { stream, dir, problem });
        }
    }

    /// A frame of somebody's message passed one end of a stream.
    fn letter(&mut self, now: Instant, stream: u64, dir: Direction, more: bool, shown: String) {
        let (Some(programs), Some(end)) = (&mut self.programs, self.streams.get(&stream)) else { return };
        if let Some(note) = programs.letters.frame(&end.host, (stream, end.peer), dir, more, shown) {
            self.at_stream(now, stream, EventKind::Note(note));
        }
    }

    /// The holder of an end lets go of it.
    fn let_go(&mut self, now: Instant, stream: u64) {
        let Some(ordeal) = self.streams.get_mut(&stream).and_then(|end| end.ordeal.take()) else { return };
        let after = now.as_nanos().saturating_sub(ordeal.since.as_nanos());
        let HostileSession { bytes, frames, .. } = ordeal;
        self.at_stream(now, stream, EventKind::LetGo { stream, after, bytes, frames });
    }

    /// A reader took bytes off a stream: they must be the next ones its peer wrote.
    fn compare(&mut self, now: Instant, stream: StreamId, bytes: &[u8]) {
        let Some(peer) = self.streams.get(&stream.index()).and_then(|end| end.peer) else { return };
        if let Err(offset) = self.prefix.read(peer, bytes) {
            self.at_stream(now, stream.index(), EventKind::Diverged { stream: stream.index(), offset });
        }
    }

    /// Bytes followed a write that was dropped, unless that was allowed.
    fn continued(&self, now: Instant, stream: u64, allowed: Result<(), u64>) {
        if let Err(bytes) = allowed {
            self.at_stream(now, stream, EventKind::Continued { stream, bytes });
        }
    }

    /// Adds every event to the audit, those that no trace shows included.
    fn audit(&self, now: Instant, event: &Event<'_>) {
        match event {
            Event::PacketSent { packet, bytes, .. } => {
                self.recorder.audit_bytes(now, 0, packet.index(), bytes);
            }
            Event::PacketDelivered { packet, bytes, .. } => {
                self.recorder.audit_bytes(now, 1, packet.index(), bytes);
            }
            Event::Written { stream, bytes } => self.recorder.audit_bytes(now, 2, stream.index(), bytes),
            Event::Read { stream, bytes } => self.recorder.audit_bytes(now, 3, stream.index(), bytes),
            other => self.recorder.audit(now, format_args!("{other:?}")),
        }
    }
}

impl Ends {
    fn new(host: Name, socket: Option<Name>, endpoint: Endpoint, peer: Option<u64>) -> Self {
        let (out, inward) = (WireReader::default(), WireReader::default());
        Self { host, socket, endpoint, peer, out, inward, ordeal: None, is_hostile: false }
    }
}

impl Tap for Observer {
    fn event(&mut self, at: Instant, event: &Event<'_>) {
        self.audit(at, event);
        match *event {
            Event::Fault(ref fault) => self.fault(at, fault),
            Event::Ruled { packet, from, to, verdict } => {
                let to = self.host(to).map(|name| name.to_string()).unwrap_or_default();
                let note = Note::new("rule").with("verdict", verdict.to_string());
                self.at_host(at, from, EventKind::Note(note.with("to", to).with("packet", packet.index())));
            }
            Event::HostStarted { host, boot } => {
                if let (Some(programs), Some(name)) =
                    (&mut self.programs, self.hosts.borrow().get(host.index()))
                {
                    let over = programs.faults.started(name);
                    over.into_iter().for_each(|what| self.recorder.push(at, None, None, what));
                }
                self.at_host(at, host, EventKind::Started { life: u16::try_from(boot).unwrap_or(u16::MAX) });
            }
            Event::HostCrashed { host, kind } => {
                self.at_host(at, host, EventKind::Crashed { how: format!("{kind:?}").to_lowercase() });
            }
            Event::TaskFailed { host, task, message } => {
                self.at_host(
                    at,
                    host,
                    EventKind::TaskFailed { task: task.to_owned(), message: message.to_owned() },
                );
            }
            Event::Connecting { host, stream, endpoint } => self.connecting(host, stream, endpoint),
            Event::Connected { stream, .. } => {
                self.at_stream(at, stream.index(), EventKind::Stream { stream: stream.index(), peer: None });
            }
            Event::Accepted { host, stream, peer, .. } => self.accepted(at, host, stream, peer),
            Event::Written { stream, bytes } => {
                self.prefix.written(stream.index(), bytes);
                let allowed = self.poison.written(stream.index(), bytes.len() as u64);
                self.continued(at, stream.index(), allowed);
                self.passed(at, stream, Direction::Out, bytes);
            }
            Event::Read { stream, bytes } => {
                self.compare(at, stream, bytes);
                self.passed(at, stream, Direction::In, bytes);
            }
            Event::Cancelled { stream, operation, bytes, .. } => {
                let (stream, bytes) = (stream.index(), bytes as u64);
                let is_write = operation == Operation::Write;
                let operation = format!("{operation:?}").to_lowercase();
                self.at_stream(at, stream, EventKind::Dropped { stream, operation, bytes });
                if is_write {
                    let allowed = self.poison.dropped(stream, bytes);
                    self.continued(at, stream, allowed);
                }
            }
            Event::Discarded { stream, bytes } => self.compare(at, stream, bytes),
            Event::ReadEnd { stream } => self.ended(at, stream, "end"),
            Event::Shutdown { stream } => self.ended(at, stream, "shutdown"),
            Event::Reset { stream } => self.ended(at, stream, "reset"),
            Event::PeerReset { stream } => self.ended(at, stream, "peer-reset"),
            Event::TimedOut { stream } => self.ended(at, stream, "timed-out"),
            Event::Closed { stream } => {
                self.ended(at, stream, "closed");
                self.let_go(at, stream.index());
            }
            _ => {}
        }
    }
}
