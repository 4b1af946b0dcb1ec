//! ZMTP as the tap sees it: an independent, minimal reader of what passes on a stream.
//!
//! It shares no code with `seaworthy-zmtp` on purpose: what both misread the same way no check would find. It
//! knows the NULL mechanism, and reads frames as RFC 37 writes them.

use serde::{Deserialize, Serialize};

use super::name::MessageName;

/// Bytes of a greeting.
const GREETING_LEN: usize = 64;
/// Flag bits of a frame.
const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;
/// Longest frame of which the trace has the text, in bytes: longer than routing ids that a ROUTER makes up.
const TEXT_MAX: usize = 32;
/// Largest frame the tap believes in, in bytes: more than any workload sends.
const FRAME_MAX: u64 = 64 << 20;

/// A whole unit of ZMTP.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "frame", rename_all = "lowercase")]
pub enum WireFrame {
    /// The 64 bytes that begin a stream.
    Greeting {
        /// `3.1`.
        version: String,
        /// `NULL`.
        mechanism: String,
    },
    /// A command.
    Command {
        /// `READY`, `PING`, ….
        name: String,
        /// Bytes behind the name.
        bytes: u64,
        /// SUBSCRIBE, CANCEL: the prefix.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        topic: Option<String>,
    },
    /// A frame of a message.
    Message {
        /// Bytes of the body.
        bytes: u64,
        /// Whether further frames of the same message follow.
        more: bool,
        /// The message it belongs to, when it carries payload.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<MessageName>,
        /// What it says, when it is no payload and short: a routing id, say. As it is if it can be printed, else as
        /// hexadecimal digits behind `0x`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
}

/// Reads one direction of one stream.
#[derive(Debug, Default)]
pub struct WireReader {
    pending: Vec<u8>,
    greeted: bool,
    broken: bool,
    frames: u64,
}

impl WireReader {
    /// Takes the next bytes and gives back the frames they complete, and a problem if there is one; after a
    /// problem it reads nothing more. `message` says whose a frame is by what is in it.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        message: impl Fn(&[u8]) -> Option<MessageName>,
    ) -> (Vec<WireFrame>, Option<String>) {
        let mut frames = Vec::new();
        if self.broken {
            return (frames, None);
        }
        self.pending.extend_from_slice(bytes);
        let mut used = 0;
        let problem = loop {
            let rest = &self.pending[used..];
            let read = if self.greeted { frame(rest, &message) } else { greeting(rest) };
            match read {
                Ok(Some((length, frame))) => {
                    self.greeted = true;
                    used += length;
                    frames.push(frame);
                }
                Ok(None) => break None,
                Err(problem) => break Some(problem),
            }
        };
        self.pending.drain(..used);
        self.frames += frames.len() as u64;
        self.broken = problem.is_some();
        (frames, problem)
    }

    /// How many frames, the greeting included, it has given back.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Bytes of a frame that has not ended.
    pub fn unfinished(&self) -> usize {
        self.pending.len()
    }
}

fn greeting(bytes: &[u8]) -> Result<Option<(usize, WireFrame)>, String> {
    if bytes.first().is_some_and(|first| *first != 0xff) {
        return Err(format!("a greeting begins with ff, not {:02x}", bytes[0]));
    }
    if bytes.get(9).is_some_and(|last| *last != 0x7f) {
        return Err(format!("the signature ends with 7f, not {:02x}", bytes[9]));
    }
    let Some(greeting) = bytes.first_chunk::<GREETING_LEN>() else { return Ok(None) };
    let version = format!("{}.{}", greeting[10], greeting[11]);
    let name = &greeting[12..32];
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    let mechanism = String::from_utf8_lossy(&name[..end]).into_owned();
    Ok(Some((GREETING_LEN, WireFrame::Greeting { version, mechanism })))
}

fn frame(
    bytes: &[u8],
    message: impl Fn(&[u8]) -> Option<MessageName>,
) -> Result<Option<(usize, WireFrame)>, String> {
    let Some((&flags, rest)) = bytes.split_first() else { return Ok(None) };
    if flags & !(MORE | LONG | COMMAND) != 0 {
        return Err(format!("flags {flags:02x} have reserved bits"));
    }
    if flags & COMMAND != 0 && flags & MORE != 0 {
        return Err(format!("flags {flags:02x}: a command has no further frames"));
    }
    let (header, length) = if flags & LONG != 0 {
        let Some(long) = rest.first_chunk::<8>() else { return Ok(None) };
        (9, u64::from_be_bytes(*long))
    } else {
        let Some(short) = rest.first() else { return Ok(None) };
        (2, u64::from(*short))
    };
    if length > FRAME_MAX {
        return Err(format!("a frame of {length} bytes was announced"));
    }
    let end = header + length as usize;
    let Some(body) = bytes.get(header..end) else { return Ok(None) };
    let frame = if flags & COMMAND != 0 {
        command(body)?
    } else {
        let of = message(body);
        let text = if of.is_none() && (1..=TEXT_MAX).contains(&body.len()) { Some(text(body)) } else { None };
        WireFrame::Message { bytes: length, more: flags & MORE != 0, of, text }
    };
    Ok(Some((end, frame)))
}

fn text(body: &[u8]) -> String {
    match std::str::from_utf8(body) {
        Ok(text) if body.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') => text.to_owned(),
        _ => body.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}")),
    }
}

fn command(body: &[u8]) -> Result<WireFrame, String> {
    let split = body.split_first().and_then(|(length, rest)| rest.split_at_checked(usize::from(*length)));
    let Some((name, data)) = split else { return Err("a command is shorter than its name".to_owned()) };
    let name = String::from_utf8_lossy(name).into_owned();
    let topic =
        matches!(name.as_str(), "SUBSCRIBE" | "CANCEL").then(|| String::from_utf8_lossy(data).into_owned());
    Ok(WireFrame::Command { name, bytes: data.len() as u64, topic })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Vec<u8> {
        let mut bytes = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1];
        bytes.extend_from_slice(b"NULL");
        bytes.resize(GREETING_LEN, 0);
        bytes.extend_from_slice(b"\x04\x06\x05READY");
        bytes.extend_from_slice(b"\x04\x0b\x09SUBSCRIBEa");
        bytes.extend_from_slice(&[MORE, 1, b'a']);
        bytes.extend_from_slice(&[MORE, 2, 0, b'A']);
        bytes.extend_from_slice(&[LONG, 0, 0, 0, 0, 0, 0, 1, 44]);
        bytes.extend_from_slice(&[b'p'; 300]);
        bytes
    }

    fn expected() -> Vec<WireFrame> {
        let of = Some("push#5".parse().unwrap());
        vec![
            WireFrame::Greeting { version: "3.1".into(), mechanism: "NULL".into() },
            WireFrame::Command { name: "READY".into(), bytes: 0, topic: None },
            WireFrame::Command { name: "SUBSCRIBE".into(), bytes: 1, topic: Some("a".into()) },
            WireFrame::Message { bytes: 1, more: true, of: None, text: Some("a".into()) },
            WireFrame::Message { bytes: 2, more: true, of: None, text: Some("0x0041".into()) },
            WireFrame::Message { bytes: 300, more: false, of, text: None },
        ]
    }

    #[test]
    fn frames_read_alike_however_the_stream_is_split() {
        let message = |frame: &[u8]| frame.starts_with(b"pp").then(|| "push#5".parse().unwrap());
        let stream = stream();
        for split in 0..stream.len() {
            let mut reader = WireReader::default();
            let (mut frames, first) = reader.feed(&stream[..split], message);
            let (more, second) = reader.feed(&stream[split..], message);
            frames.extend(more);
            assert_eq!((frames, first, second), (expected(), None, None), "split at {split}");
            assert_eq!(reader.unfinished(), 0);
        }
    }

    #[test]
    fn what_is_no_zmtp_is_said_once() {
        let mut reader = WireReader::default();
        assert!(reader.feed(b"GET / HTTP/1.1", |_| None).1.unwrap().contains("begins with ff"));
        assert_eq!(reader.feed(b"more", |_| None), (vec![], None));
        let mut bytes = stream();
        bytes.push(0x08);
        assert!(WireReader::default().feed(&bytes, |_| None).1.unwrap().contains("reserved"));
        let mut bytes = stream();
        bytes.extend_from_slice(&[LONG, 0x40, 0, 0, 0, 0, 0, 0, 0]);
        assert!(WireReader::default().feed(&bytes, |_| None).1.unwrap().contains("announced"));
    }
}
