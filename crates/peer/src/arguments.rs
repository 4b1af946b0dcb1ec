//! The command line.

use std::time::Duration;

use seaworthy::{Bytes, Frame};

/// What a process is asked to do.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    pub(crate) role: String,
    pub(crate) endpoint: String,
    /// The other side of a proxy.
    pub(crate) endpoint2: String,
    /// Bytes of a data message.
    pub(crate) size: usize,
    /// Messages to send or to receive.
    pub(crate) count: u64,
    /// Messages that `dealer_echo` keeps in flight.
    pub(crate) window: u64,
    /// Subscribers in one process.
    pub(crate) subscribers: usize,
    /// Which of several sockets a role should use.
    pub(crate) kind: String,
    /// `--opt hwm=N`.
    pub(crate) high_water_mark: Option<usize>,
    /// `--opt batch=N`: messages that a receiver takes at once, at most.
    pub(crate) batch: usize,
    /// `--opt busy_poll=N`: microseconds of looking again before a socket waits.
    pub(crate) busy_poll: Option<Duration>,
    /// `--opt payload=KIND`: where the bytes of a data message lie.
    pub(crate) payload: Payload,
    /// `--opt nodrop=1`: a publisher waits for slow subscribers.
    pub(crate) no_drop: bool,
}

/// Where the bytes of a data message lie.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Payload {
    /// As a frame of a slice has them: in the message if it is small, otherwise shared.
    Slice,
    /// In one allocation that all messages share and count.
    Shared,
    /// In memory that lives for ever and is not counted.
    Static,
}

/// A command line that cannot be obeyed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArgumentError {
    #[error("no role: expected seaworthy-peer ROLE --endpoint E --size N --count M")]
    NoRole,
    #[error("{0} has no value")]
    NoValue(String),
    #[error("unknown argument {0}")]
    Unknown(String),
    #[error(
        "unknown option --opt {0}: expected hwm=N, batch=N, busy_poll=N, nodrop=1, or payload= slice, shared or static"
    )]
    UnknownOption(String),
    #[error("{name}: {value:?} is not a number")]
    NotANumber { name: String, value: String },
    #[error("--size 0: a message has at least the byte that tells data from the end")]
    NoSize,
}

impl Arguments {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, ArgumentError> {
        let mut arguments = Self {
            role: words.next().ok_or(ArgumentError::NoRole)?,
            endpoint: "tcp://127.0.0.1:5599".to_owned(),
            endpoint2: "tcp://127.0.0.1:5598".to_owned(),
            size: 64,
            count: 100_000,
            window: 32,
            subscribers: 8,
            kind: String::new(),
            high_water_mark: None,
            batch: 1,
            busy_poll: None,
            payload: Payload::Slice,
            no_drop: false,
        };
        while let Some(name) = words.next() {
            let Some(value) = words.next() else { return Err(ArgumentError::NoValue(name)) };
            match name.as_str() {
                "--endpoint" => arguments.endpoint = value,
                "--endpoint2" => arguments.endpoint2 = value,
                "--size" => arguments.size = number(&name, &value)?,
                "--count" => arguments.count = number(&name, &value)?,
                "--window" => arguments.window = number(&name, &value)?,
                "--subs" => arguments.subscribers = number(&name, &value)?,
                "--kind" => arguments.kind = value,
                "--opt" => match value.split_once('=') {
                    Some(("hwm", messages)) => arguments.high_water_mark = Some(number("hwm", messages)?),
                    Some(("batch", messages)) => arguments.batch = number("batch", messages)?,
                    Some(("busy_poll", micros)) => {
                        arguments.busy_poll = Some(Duration::from_micros(number("busy_poll", micros)?));
                    }
                    Some(("payload", "slice")) => arguments.payload = Payload::Slice,
                    Some(("payload", "shared")) => arguments.payload = Payload::Shared,
                    Some(("payload", "static")) => arguments.payload = Payload::Static,
                    Some(("nodrop", flag)) => arguments.no_drop = flag != "0",
                    _ => return Err(ArgumentError::UnknownOption(value)),
                },
                _ => return Err(ArgumentError::Unknown(name)),
            }
        }
        if arguments.size == 0 {
            return Err(ArgumentError::NoSize);
        }
        Ok(arguments)
    }

    /// A data message: it begins with a zero byte.
    pub(crate) fn payload(&self) -> Frame {
        let mut payload = vec![b'x'; self.size];
        if let Some(first) = payload.first_mut() {
            *first = 0;
        }
        match self.payload {
            Payload::Slice => Frame::from(&payload[..]),
            Payload::Shared => Frame::from(payload),
            Payload::Static => Frame::from(Bytes::from_static(payload.leak())),
        }
    }
}

/// Ends a run of publications.
pub(crate) const END_MARKER: &[u8] = &[0xff, 0xff];

fn number<N: std::str::FromStr>(name: &str, value: &str) -> Result<N, ArgumentError> {
    value.parse().map_err(|_| ArgumentError::NotANumber { name: name.to_owned(), value: value.to_owned() })
}
