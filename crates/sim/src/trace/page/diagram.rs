//! What a page draws: lanes, arrows between them, marks and spans on them, and bands behind them.
//!
//! It is worked out from the lines of a trace by the names of their events and keys. An event that is not known
//! becomes a mark, or a band if it has an end, so that a trace with events of somebody else's is shown, too.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use super::super::capture::{Fate, Packet};
use super::super::line::Line;
use super::super::name::Name;
use super::super::pcap;
use super::table::{Arrows, End, Marks, Spans};
use super::texts::Templates;

/// All that is drawn, in the form in which the page gets it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Diagram {
    /// Simulated time of the last thing that happened, in nanoseconds.
    pub(super) end: u64,
    lanes: Vec<Lane>,
    bands: Vec<Band>,
    phases: Vec<Phase>,
    /// Messages, frames and packets, in this order; the last is missing when packets were not captured.
    levels: Vec<Level>,
    /// Names of kinds, which tables refer to by position.
    kinds: Vec<String>,
    /// What texts consist of.
    templates: Vec<String>,
}

/// A host.
#[derive(Debug, Serialize)]
struct Lane {
    name: Name,
    /// What runs there: name and type of each socket.
    sockets: Vec<(Name, String)>,
}

/// A time in which something was different, at some lanes or, if there are none, everywhere.
#[derive(Debug, PartialEq, Serialize)]
struct Band {
    kind: String,
    label: String,
    from: u64,
    to: u64,
    lanes: Vec<usize>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Phase {
    name: String,
    from: u64,
}

/// One way to look at what was sent.
#[derive(Debug, Default, Serialize)]
struct Level {
    name: &'static str,
    arrows: Arrows,
    marks: Marks,
    spans: Spans,
}

const MESSAGES: usize = 0;
const FRAMES: usize = 1;
const PACKETS: usize = 2;

impl Diagram {
    /// Works it out. `hosts` come first, in their order; packets name them by number.
    pub(super) fn new(hosts: &[Name], lines: &[Line], packets: Option<&[Packet]>) -> Self {
        let mut builder = Builder::default();
        for host in hosts {
            builder.lane(host);
        }
        builder.look_around(lines);
        builder.end = lines.iter().map(|line| line.t).max().unwrap_or_default();
        let names = ["messages", "frames", "packets"];
        let levels = if packets.is_some() { 3 } else { 2 };
        builder.levels = names.iter().take(levels).map(|name| Level { name, ..Level::default() }).collect();
        for line in lines {
            builder.line(line);
        }
        builder.loose_ends();
        for packet in packets.unwrap_or_default() {
            builder.packet(packet);
        }
        builder.finish()
    }

    pub(super) fn lanes(&self) -> usize {
        self.lanes.len()
    }
}

#[derive(Default)]
struct Builder {
    end: u64,
    lanes: Vec<Lane>,
    lane_of: BTreeMap<Name, usize>,
    lane_of_socket: BTreeMap<Name, usize>,
    bands: Vec<Band>,
    phases: Vec<Phase>,
    levels: Vec<Level>,
    kinds: Vec<String>,
    kind_of: BTreeMap<String, usize>,
    templates: Templates,

    /// The other end of each end of a stream, and the lane of each.
    peers: BTreeMap<u64, u64>,
    lane_of_stream: BTreeMap<u64, usize>,
    /// Intervals that have begun: by the name of their event and their number.
    open: BTreeMap<(String, u64), Band>,
    /// Hosts that are down, since when and how.
    down: BTreeMap<usize, Band>,
    /// Sends that wait, by message.
    blocked: BTreeMap<String, Blocked>,
    /// Messages that were sent, by name.
    sent: BTreeMap<String, Sent>,
    /// Frames under way on each stream, by its sending end.
    frames: BTreeMap<u64, VecDeque<Frame>>,
    /// When a write was dropped, by stream.
    dropped_writes: BTreeMap<u64, u64>,
}

struct Blocked {
    since: u64,
    lane: usize,
    /// Somebody else's message, so what waits is an answer to it.
    answers: bool,
}

struct Sent {
    at: u64,
    lane: usize,
    text: String,
    /// Where to, if the sender said so.
    to: Option<usize>,
    receipts: Vec<usize>,
}

struct Frame {
    at: u64,
    lane: usize,
    kind: String,
    text: String,
}

impl Builder {
    fn lane(&mut self, host: &Name) -> usize {
        if let Some(lane) = self.lane_of.get(host) {
            return *lane;
        }
        let lane = self.lanes.len();
        self.lanes.push(Lane { name: host.clone(), sockets: Vec::new() });
        self.lane_of.insert(host.clone(), lane);
        lane
    }

    fn kind(&mut self, name: &str) -> usize {
        if let Some(kind) = self.kind_of.get(name) {
            return *kind;
        }
        let kind = self.kinds.len();
        self.kinds.push(name.to_owned());
        self.kind_of.insert(name.to_owned(), kind);
        kind
    }

    /// Finds lanes, sockets and the ends of streams: what earlier lines refer to may stand in later ones.
    fn look_around(&mut self, lines: &[Line]) {
        for line in lines {
            let Some(host) = &line.host else { continue };
            let lane = self.lane(host);
            if let Some(socket) = &line.socket {
                self.lane_of_socket.entry(socket.clone()).or_insert(lane);
                if let (Some(kind), "opened") = (line.text("kind"), &*line.event) {
                    let socket = (socket.clone(), kind.to_owned());
                    if !self.lanes[lane].sockets.contains(&socket) {
                        self.lanes[lane].sockets.push(socket);
                    }
                }
            }
            if let Some(stream) = line.number("stream") {
                self.lane_of_stream.insert(stream, lane);
                if let Some(peer) = line.number("peer") {
                    self.peers.insert(stream, peer);
                    self.peers.insert(peer, stream);
                }
            }
        }
    }

    fn line(&mut self, line: &Line) {
        let lane = line.host.as_ref().map(|host| self.lane(host));
        match (&*line.event, lane) {
            ("phase", _) => {
                let name = line.text("phase").unwrap_or("?").to_owned();
                if name == "draining" {
                    self.waited_in_vain(line.t, "until the time to send was over", |_, blocked| {
                        !blocked.answers
                    });
                }
                self.phases.push(Phase { name, from: line.t });
            }
            ("sent", Some(lane)) if line.text("message").is_some() => self.message_sent(line, lane),
            ("received", Some(lane)) if line.text("message").is_some() => self.message_received(line, lane),
            ("blocked", Some(lane)) if line.text("message").is_some() => {
                if let Some(message) = line.text("message") {
                    let answers = !line.socket.as_deref().is_some_and(|socket| is_of(message, socket));
                    self.blocked.insert(message.to_owned(), Blocked { since: line.t, lane, answers });
                }
            }
            ("frame", Some(lane)) if line.number("stream").is_some() => self.frame(line, lane),
            ("crashed", Some(lane)) => {
                self.mark_everywhere(line, lane);
                self.waited_in_vain(line.t, "until its process died", |_, blocked| blocked.lane == lane);
                let label = format!("down: {}", line.text("how").unwrap_or("crashed"));
                let band =
                    Band { kind: "down".to_owned(), label, from: line.t, to: self.end, lanes: vec![lane] };
                self.down.insert(lane, band);
            }
            ("started", Some(lane)) => {
                self.mark_everywhere(line, lane);
                self.up_again(lane, line.t);
            }
            ("stream-ended", Some(lane)) => {
                self.mark(FRAMES, line, &line.event, lane);
                self.poisoned(line, lane);
            }
            ("cancelled" | "timed-out", Some(lane)) => {
                self.mark_everywhere(line, lane);
                if let Some(given_up) = line.text("message") {
                    let why = format!(
                        "until it was {}",
                        if &*line.event == "cancelled" { "cancelled" } else { "too late" }
                    );
                    self.waited_in_vain(line.t, &why, |message, _| message == given_up);
                }
            }
            ("dropped", Some(lane)) => {
                self.mark_everywhere(line, lane);
                if let (Some("write"), Some(stream)) = (line.text("operation"), line.number("stream")) {
                    self.dropped_writes.insert(stream, line.t);
                }
            }
            // Its arrow goes from end to end, and its frames show the way.
            ("relayed", Some(_)) if matches!(line.text("step"), Some("taken" | "given")) => {}
            ("stream" | "not-zmtp" | "diverged", Some(lane)) => self.mark(FRAMES, line, &line.event, lane),
            _ => self.other(line, lane),
        }
    }

    /// An event of no particular form: it begins, ends or is a band, or it is a mark.
    fn other(&mut self, line: &Line, lane: Option<usize>) {
        let number = line.number("fault").or_else(|| line.number("id")).unwrap_or_default();
        for over in ["-over", "-ended", "-healed"] {
            if let Some(began) = line.event.strip_suffix(over)
                && let Some(band) = self.open.remove(&(began.to_owned(), number))
            {
                self.bands.push(Band { to: line.t, ..band });
                return;
            }
        }
        let label = line.text("what").map_or_else(
            || format!("{} {}", line.event, line.details()).trim_end().to_owned(),
            ToOwned::to_owned,
        );
        let lanes = if let Some(lane) = lane { vec![lane] } else { self.lanes_named_in(&label) };
        let kind = if &*line.event == "fault" { self.fault_kind(&label) } else { line.event.to_string() };
        let from = line.number("start").unwrap_or(line.t);
        let until = line
            .number("end")
            .or_else(|| line.number("until"))
            .or_else(|| line.number("for").map(|lasts| from.saturating_add(lasts)));
        if let Some(to) = until.filter(|to| *to >= from) {
            self.bands.push(Band { kind, label, from, to, lanes });
        } else if &*line.event == "fault" {
            let band = Band { kind, label, from, to: self.end, lanes };
            if let Some(before) = self.open.insert(("fault".to_owned(), number), band) {
                self.bands.push(Band { to: line.t, ..before });
            }
        } else if let Some(lane) = lane {
            let connection =
                ["connected", "handshake", "handshake-failed", "disconnected", "retrying", "stopped"];
            if &*line.event == "task-failed" {
                return self.mark_everywhere(line, lane);
            }
            self.mark(MESSAGES, line, &line.event, lane);
            if connection.contains(&&*line.event) {
                self.mark(FRAMES, line, &line.event, lane);
            }
        } else {
            self.bands.push(Band { kind, label, from: line.t, to: line.t, lanes });
        }
    }

    /// The lane of a host or of a socket's host, by a word in which it may be named.
    fn place(&self, word: &str) -> Option<usize> {
        self.lane_of.get(word).or_else(|| self.lane_of_socket.get(word)).copied()
    }

    /// The words of what a trace calls a fault that stand before the first place.
    fn fault_kind(&self, label: &str) -> String {
        let words: Vec<&str> = label.split([' ', ',', ':']).collect();
        let place = words.iter().position(|word| self.place(word).is_some());
        words.get(..place.unwrap_or(1).max(1)).unwrap_or_default().join(" ")
    }

    /// The lanes of the hosts and sockets that a text names, in the order of the lanes.
    fn lanes_named_in(&self, text: &str) -> Vec<usize> {
        let mut lanes: Vec<usize> = text.split([' ', ',', ':']).filter_map(|word| self.place(word)).collect();
        lanes.sort_unstable();
        lanes.dedup();
        lanes
    }

    fn mark(&mut self, level: usize, line: &Line, kind: &str, lane: usize) {
        let socket = line.socket.as_deref().map(|socket| format!("{socket}: ")).unwrap_or_default();
        let text = format!("{socket}{}", line.details());
        self.put_mark(level, line.t, lane, kind, &text);
    }

    fn put_mark(&mut self, level: usize, at: u64, lane: usize, kind: &str, text: &str) {
        let kind = self.kind(kind);
        let templates = &mut self.templates;
        if let Some(level) = self.levels.get_mut(level) {
            level.marks.push(at, lane, kind, |numbers| templates.add(text.trim_end(), numbers));
        }
    }

    fn mark_everywhere(&mut self, line: &Line, lane: usize) {
        for level in [MESSAGES, FRAMES, PACKETS] {
            self.mark(level, line, &line.event, lane);
        }
    }

    fn put_arrow(
        &mut self,
        level: usize,
        times: (u64, u64),
        lanes: (usize, Option<usize>),
        kind: &str,
        end: End,
        text: &str,
    ) {
        let kind = self.kind(kind);
        let templates = &mut self.templates;
        if let Some(level) = self.levels.get_mut(level) {
            level.arrows.push(times, lanes, kind, end, |numbers| templates.add(text, numbers));
        }
    }

    fn up_again(&mut self, lane: usize, at: u64) {
        if let Some(band) = self.down.remove(&lane) {
            self.bands.push(Band { to: at, ..band });
        }
    }

    fn message_sent(&mut self, line: &Line, lane: usize) {
        let message = line.text("message").unwrap_or_default().to_owned();
        let text = line.details();
        if let Some(blocked) = self.blocked.remove(&message) {
            self.waited(&blocked, line.t, &format!("{message} waited for room"));
        }
        let to = line.text("to").and_then(|to| self.lane_of_socket.get(to).copied());
        self.sent.insert(message, Sent { at: line.t, lane, text, to, receipts: Vec::new() });
    }

    fn waited(&mut self, blocked: &Blocked, to: u64, text: &str) {
        let kind = self.kind("blocked");
        let (times, templates) = ((blocked.since, to), &mut self.templates);
        if let Some(level) = self.levels.get_mut(MESSAGES) {
            level.spans.push(times, blocked.lane, kind, |numbers| templates.add(text, numbers));
        }
    }

    /// Ends the waits of messages that are not going to be sent.
    fn waited_in_vain(&mut self, to: u64, why: &str, ended: impl Fn(&str, &Blocked) -> bool) {
        for (message, blocked) in std::mem::take(&mut self.blocked) {
            if ended(&message, &blocked) {
                self.waited(&blocked, to, &format!("{message} waited for room {why}"));
            } else {
                self.blocked.insert(message, blocked);
            }
        }
    }

    fn message_received(&mut self, line: &Line, lane: usize) {
        let name = line.text("message").unwrap_or_default();
        let socket = line.socket.as_deref().unwrap_or("?");
        let Some(sent) = self.sent.get_mut(name) else {
            return self.mark(MESSAGES, line, "received", lane);
        };
        let again = sent.receipts.contains(&lane) && line.text("topic").is_none();
        sent.receipts.push(lane);
        let (times, lanes) = ((sent.at, line.t), (sent.lane, Some(lane)));
        let text = format!("{} to {socket}", sent.text);
        let end = if again { End::Again } else { End::Arrived };
        self.put_arrow(MESSAGES, times, lanes, "message", end, &text);
    }

    fn frame(&mut self, line: &Line, lane: usize) {
        let stream = line.number("stream").unwrap_or_default();
        if line.text("dir") == Some("out") {
            let kind = match line.text("frame") {
                Some("command") => line.text("name").unwrap_or("command").to_owned(),
                Some("message") => "frame".to_owned(),
                Some(kind) => kind.to_owned(),
                None => "frame".to_owned(),
            };
            let frame = Frame { at: line.t, lane, kind, text: line.details() };
            return self.frames.entry(stream).or_default().push_back(frame);
        }
        let sent = self.peers.get(&stream).and_then(|peer| self.frames.get_mut(peer)?.pop_front());
        match sent {
            Some(frame) => self.put_arrow(
                FRAMES,
                (frame.at, line.t),
                (frame.lane, Some(lane)),
                &frame.kind,
                End::Arrived,
                &frame.text,
            ),
            None => self.mark(FRAMES, line, "frame", lane),
        }
    }

    /// A stream that is reset after one of its writes was dropped was poisoned.
    fn poisoned(&mut self, line: &Line, lane: usize) {
        let stream = line.number("stream").unwrap_or_default();
        if line.text("how") == Some("reset") && self.dropped_writes.remove(&stream).is_some() {
            let text = format!("s{stream} was reset: one of its writes was dropped half done");
            for level in [MESSAGES, FRAMES, PACKETS] {
                self.put_mark(level, line.t, lane, "poisoned", &text);
            }
        }
    }

    /// What never arrived, what was never over.
    fn loose_ends(&mut self) {
        for (_, sent) in std::mem::take(&mut self.sent) {
            if sent.receipts.is_empty() {
                let text = format!("{}, received by nobody", sent.text);
                self.put_arrow(
                    MESSAGES,
                    (sent.at, sent.at),
                    (sent.lane, sent.to),
                    "message",
                    End::Open,
                    &text,
                );
            }
        }
        for (stream, frames) in std::mem::take(&mut self.frames) {
            let to = self.peers.get(&stream).and_then(|peer| self.lane_of_stream.get(peer).copied());
            for frame in frames {
                let text = format!("{}, never read", frame.text);
                self.put_arrow(FRAMES, (frame.at, frame.at), (frame.lane, to), &frame.kind, End::Open, &text);
            }
        }
        let healed = self.phases.iter().find(|phase| phase.name == "healed").map(|phase| phase.from);
        for (_, band) in std::mem::take(&mut self.open) {
            let to = healed.filter(|healed| *healed >= band.from).unwrap_or(self.end);
            self.bands.push(Band { to, ..band });
        }
        self.bands.extend(std::mem::take(&mut self.down).into_values());
        self.waited_in_vain(self.end, "until the end", |_, _| true);
    }

    fn packet(&mut self, packet: &Packet) {
        let text = pcap::describe(&packet.bytes);
        let notes: Vec<String> = packet
            .fates
            .iter()
            .filter(|fate| !matches!(fate, Fate::Delivered(_)))
            .map(ToString::to_string)
            .collect();
        let text = if notes.is_empty() { text } else { format!("{text}, {}", notes.join(", ")) };
        let kind = packet_kind(&text);
        let corrupted = packet.fates.iter().any(|fate| matches!(fate, Fate::Corrupted(_)));
        let lanes = (packet.from, packet.to);
        let mut arrivals = 0;
        for fate in &packet.fates {
            let (at, end) = match fate {
                Fate::Delivered(at) => {
                    arrivals += 1;
                    let whole = if arrivals > 1 { End::Again } else { End::Arrived };
                    (*at, if corrupted { End::Corrupted } else { whole })
                }
                Fate::Dropped(at, _) => (*at, End::Lost),
                _ => continue,
            };
            self.end = self.end.max(at);
            self.put_arrow(PACKETS, (packet.sent, at), lanes, kind, end, &text);
        }
        let ended = |fate: &Fate| matches!(fate, Fate::Delivered(_) | Fate::Dropped(..));
        if !packet.fates.iter().any(ended) {
            self.put_arrow(PACKETS, (packet.sent, packet.sent), lanes, kind, End::Open, &text);
        }
    }

    fn finish(mut self) -> Diagram {
        self.bands.sort_by_key(|band| (band.from, band.to));
        for level in &mut self.levels {
            level.arrows.sort();
            level.marks.sort();
            level.spans.sort();
        }
        Diagram {
            end: self.end,
            lanes: self.lanes,
            bands: self.bands,
            phases: self.phases,
            levels: self.levels,
            kinds: self.kinds,
            templates: self.templates.into_list(),
        }
    }
}

/// Whether a message, such as `push.2#5`, is of this socket.
fn is_of(message: &str, socket: &str) -> bool {
    message.strip_prefix(socket).is_some_and(|rest| rest.starts_with(['#', '.']))
}

fn packet_kind(text: &str) -> &'static str {
    let has =
        |flag: &str| text.split_once(" > ").is_some_and(|(_, rest)| rest.split(' ').any(|word| word == flag));
    match () {
        () if has("RST") => "RST",
        () if has("SYN") => "SYN",
        () if has("FIN") => "FIN",
        () if text.contains(" 0 B, ") => "ACK",
        () => "data",
    }
}

#[cfg(test)]
mod tests;
