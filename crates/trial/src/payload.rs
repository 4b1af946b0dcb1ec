//! What messages carry, so that a check can tell by looking at a frame whose it is and whether it is whole.
//!
//! ```text
//!  0   2        4      6          14     15      16       20         24
//!  +---+--------+------+----------+------+-------+--------+----------+-- … --+
//!  |SW | sender | life | sequence | part | parts | length | checksum | filler |
//!  +---+--------+------+----------+------+-------+--------+----------+-- … --+
//! ```
//! All numbers are big-endian. The checksum (CRC-32) covers everything but itself; the filler follows
//! from the fields before it, so that two frames of different messages differ everywhere.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use seaworthy_core::Message;

/// Bytes of the smallest payload frame: its header.
pub const PAYLOAD_MIN: usize = 24;

const MARK: [u8; 2] = *b"SW";
const CHECKSUM_AT: usize = 20;

/// Which message a payload frame belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// The sending socket, numbered in the order of the resolved scenario.
    pub sender: u16,
    /// How often the sender's host had started when it sent, from 1.
    pub life: u16,
    /// Number of the message at its sender, from 0, counted over all lives.
    pub sequence: u64,
}

/// One frame of payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The message.
    pub stamp: Stamp,
    /// Number of this frame among the payload frames of the message, from 0.
    pub part: u8,
    /// How many there are.
    pub parts: u8,
}

/// Why a frame or message is not what a workload sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Torn {
    /// Shorter than a header.
    #[error("a frame of {0} bytes is shorter than any payload")]
    Short(usize),
    /// Does not begin as payload does.
    #[error("a frame of {0} bytes is no payload")]
    Foreign(usize),
    /// Cut off, or run together with another.
    #[error("a frame of {actual} bytes says it has {said}")]
    Length {
        /// As the header says.
        said: usize,
        /// As received.
        actual: usize,
    },
    /// Changed.
    #[error("a frame of {0} bytes fails its checksum")]
    Checksum(usize),
    /// A frame of one message among those of another, missing, repeated or out of order.
    #[error("part {found} of {of} stands where part {expected} of {message} belongs")]
    Mixed {
        /// Part number found.
        found: u8,
        /// Message it belongs to.
        of: Stamp,
        /// Part number that belongs here.
        expected: u8,
        /// Message it should belong to.
        message: Stamp,
    },
    /// Fewer or more payload frames than the message had.
    #[error("{actual} of {parts} parts of {message} arrived")]
    Parts {
        /// The message.
        message: Stamp,
        /// As its frames say.
        parts: u8,
        /// As received.
        actual: usize,
    },
    /// No frame at all is payload.
    #[error("none of the {0} frames is payload")]
    NoPayload(usize),
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message {} of socket {} (life {})", self.sequence, self.sender, self.life)
    }
}

impl Payload {
    /// The frame, `size` bytes long, at least [`PAYLOAD_MIN`].
    pub fn encode(&self, size: usize) -> Bytes {
        let size = size.max(PAYLOAD_MIN);
        let mut frame = BytesMut::with_capacity(size);
        frame.put_slice(&MARK);
        frame.put_u16(self.stamp.sender);
        frame.put_u16(self.stamp.life);
        frame.put_u64(self.stamp.sequence);
        frame.put_u8(self.part);
        frame.put_u8(self.parts);
        frame.put_u32(u32::try_from(size).unwrap_or(u32::MAX));
        frame.put_u32(0);
        let mut filler = checksum(&[&frame]) | 1;
        frame.resize(size, 0);
        for room in frame[PAYLOAD_MIN..].chunks_mut(4) {
            // xorshift32
            filler ^= filler << 13;
            filler ^= filler >> 17;
            filler ^= filler << 5;
            room.copy_from_slice(&filler.to_be_bytes()[..room.len()]);
        }
        let sum = checksum(&[&frame[..CHECKSUM_AT], &frame[PAYLOAD_MIN..]]);
        frame[CHECKSUM_AT..PAYLOAD_MIN].copy_from_slice(&sum.to_be_bytes());
        frame.freeze()
    }

    /// Reads a frame and verifies all of it.
    ///
    /// # Errors
    /// When a single bit of it is not as it was encoded.
    pub fn decode(frame: &[u8]) -> Result<Self, Torn> {
        let length = frame.len();
        let Some(header) = frame.first_chunk::<PAYLOAD_MIN>() else { return Err(Torn::Short(length)) };
        if header[..2] != MARK {
            return Err(Torn::Foreign(length));
        }
        let said = u32::from_be_bytes([header[16], header[17], header[18], header[19]]) as usize;
        if said != length {
            return Err(Torn::Length { said, actual: length });
        }
        let sum = checksum(&[&frame[..CHECKSUM_AT], &frame[PAYLOAD_MIN..]]);
        if header[CHECKSUM_AT..] != sum.to_be_bytes() {
            return Err(Torn::Checksum(length));
        }
        let mut sequence = [0; 8];
        sequence.copy_from_slice(&header[6..14]);
        let stamp = Stamp {
            sender: u16::from_be_bytes([header[2], header[3]]),
            life: u16::from_be_bytes([header[4], header[5]]),
            sequence: u64::from_be_bytes(sequence),
        };
        Ok(Self { stamp, part: header[14], parts: header[15] })
    }

    /// Whether `frame` begins like payload: enough to tell it from an envelope, not to trust it.
    pub fn resembles(frame: &[u8]) -> bool {
        frame.len() >= PAYLOAD_MIN && frame.starts_with(&MARK)
    }
}

/// Appends the payload frames of a message to `message`, which may hold an envelope or a topic already.
pub fn stamp_message(message: &mut Message, stamp: Stamp, parts: u8, size: usize) {
    for part in 0..parts {
        message.push_back(Payload { stamp, part, parts }.encode(size));
    }
}

/// Splits a received message into the frames before its payload (envelope, topic) and its stamp, verifying every
/// frame of payload.
///
/// # Errors
/// When the message is not, frame for frame, one that [`stamp_message`] made.
pub fn read_message(message: &Message) -> Result<(usize, Stamp), Torn> {
    let frames = message.frames();
    let Some(first) = frames.iter().position(|frame| Payload::resembles(frame)) else {
        return Err(match frames.last() {
            Some(last) if frames.len() == 1 => Payload::decode(last).err().unwrap_or(Torn::NoPayload(1)),
            _ => Torn::NoPayload(frames.len()),
        });
    };
    let head = Payload::decode(&frames[first])?;
    for (expected, frame) in frames[first..].iter().enumerate() {
        let payload = if expected == 0 { head } else { Payload::decode(frame)? };
        if payload.stamp != head.stamp || usize::from(payload.part) != expected {
            return Err(Torn::Mixed {
                found: payload.part,
                of: payload.stamp,
                expected: u8::try_from(expected).unwrap_or(u8::MAX),
                message: head.stamp,
            });
        }
    }
    let actual = frames.len() - first;
    if actual != usize::from(head.parts) {
        return Err(Torn::Parts { message: head.stamp, parts: head.parts, actual });
    }
    Ok((first, head.stamp))
}

fn checksum(pieces: &[&[u8]]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    for piece in pieces {
        sum.update(piece);
    }
    sum.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { sender: 3, life: 1, sequence: 70_000 };

    #[test]
    fn a_payload_reads_back_at_every_size() {
        for size in [PAYLOAD_MIN, PAYLOAD_MIN + 1, PAYLOAD_MIN + 3, 255, 256, 65_536] {
            let payload = Payload { stamp: STAMP, part: 1, parts: 2 };
            let frame = payload.encode(size);
            assert_eq!(frame.len(), size);
            assert_eq!(Payload::decode(&frame), Ok(payload));
        }
    }

    #[test]
    fn any_single_flipped_bit_is_found() {
        let frame = Payload { stamp: STAMP, part: 0, parts: 1 }.encode(100);
        for bit in 0..frame.len() * 8 {
            let mut changed = frame.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(Payload::decode(&changed).is_err(), "bit {bit} flipped unnoticed");
        }
    }

    #[test]
    fn torn_and_merged_frames_are_found() {
        let frame = Payload { stamp: STAMP, part: 0, parts: 1 }.encode(100);
        assert_eq!(Payload::decode(&frame[..99]), Err(Torn::Length { said: 100, actual: 99 }));
        assert_eq!(Payload::decode(&frame[..23]), Err(Torn::Short(23)));
        assert_eq!(
            Payload::decode(&[&frame[..], &frame[..]].concat()),
            Err(Torn::Length { said: 100, actual: 200 })
        );
        assert_eq!(Payload::decode(&frame[1..]), Err(Torn::Foreign(99)));
    }

    #[test]
    fn a_message_is_read_behind_its_envelope() {
        let mut message = Message::from(["client-1", ""]);
        stamp_message(&mut message, STAMP, 3, 40);
        assert_eq!(read_message(&message), Ok((2, STAMP)));
    }

    #[test]
    fn messages_with_missing_swapped_or_foreign_parts_are_found() {
        let mut message = Message::default();
        stamp_message(&mut message, STAMP, 3, 40);
        let frames = message.into_frames();
        let pick = |order: &[usize]| order.iter().map(|&i| frames[i].clone()).collect::<Message>();
        assert_eq!(read_message(&pick(&[0, 1, 2])), Ok((0, STAMP)));
        assert!(matches!(read_message(&pick(&[0, 1])), Err(Torn::Parts { parts: 3, actual: 2, .. })));
        assert!(matches!(read_message(&pick(&[0, 2, 1])), Err(Torn::Mixed { found: 2, expected: 1, .. })));
        assert!(matches!(read_message(&pick(&[1, 2])), Err(Torn::Mixed { expected: 0, .. })));
        let mut other = pick(&[0]);
        stamp_message(&mut other, Stamp { sequence: 70_001, ..STAMP }, 1, 40);
        assert!(matches!(read_message(&other), Err(Torn::Mixed { .. })));
        assert_eq!(read_message(&Message::from(["a", "b"])), Err(Torn::NoPayload(2)));
    }
}
