//! Frames: a flags octet, a length of one or eight octets, a body (RFC 37, "Framing").
//!
//! A header is looked at in place and read again when more bytes have come, so an incomplete frame has no state
//! anywhere but in the buffer that holds it.

use bytes::{Buf, BytesMut};
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{FRAME_IN_PLACE_MAX, Frame};

use crate::error::PeerMisbehaved;
use crate::mechanism::FrameKind;
use crate::progress::Progress;

/// Bit 0: more frames of the same message follow.
pub(crate) const MORE: u8 = 0x01;
/// Bit 1: the length has eight octets.
pub(crate) const LONG: u8 = 0x02;
/// Bit 2: the frame is a command.
pub(crate) const COMMAND: u8 = 0x04;

/// Octets before the body of a short frame.
pub(crate) const SHORT_HEADER_BYTES: usize = 2;
/// Octets before the body of a long frame.
pub(crate) const LONG_HEADER_BYTES: usize = 9;
/// Longest body of a short frame.
pub(crate) const SHORT_BODY_BYTES_MAX: usize = 255;

/// What a frame announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    flags: u8,
    /// Length of the body, in bytes; any number a peer may come up with.
    pub(crate) length: u64,
}

impl Header {
    /// Looks at the front of `input`.
    #[inline]
    pub(crate) fn peek(input: &[u8]) -> Result<Progress<Self>, PeerMisbehaved> {
        let Some((&flags, rest)) = input.split_first() else {
            return Ok(Progress::Missing(SHORT_HEADER_BYTES));
        };
        // "Bits 7-3 are reserved for future use and MUST be zero."
        if flags & !(MORE | LONG | COMMAND) != 0 {
            return Err(PeerMisbehaved::ReservedFlags(flags));
        }
        // "This bit [MORE] SHALL be zero on command frames."
        if flags & (COMMAND | MORE) == COMMAND | MORE {
            return Err(PeerMisbehaved::CommandWithMore(flags));
        }
        // A long length of a short body is not forbidden, so it is taken.
        let length = if flags & LONG == 0 {
            rest.first().map(|&length| u64::from(length)).ok_or(SHORT_HEADER_BYTES)
        } else {
            rest.first_chunk().map(|&length| u64::from_be_bytes(length)).ok_or(LONG_HEADER_BYTES)
        };
        Ok(match length {
            Ok(length) => Progress::Done(Self { flags, length }),
            Err(header_bytes) => Progress::Missing(header_bytes - input.len()),
        })
    }

    /// Of a frame that has been opened: what it is, and the length of its body.
    pub(crate) fn opened(kind: FrameKind, length: usize) -> Self {
        Self { flags: flags(kind), length: length as u64 }
    }

    /// Octets before the body.
    pub(crate) fn header_bytes(self) -> usize {
        if self.flags & LONG == 0 { SHORT_HEADER_BYTES } else { LONG_HEADER_BYTES }
    }

    pub(crate) fn is_command(self) -> bool {
        self.flags & COMMAND != 0
    }

    pub(crate) fn is_last(self) -> bool {
        self.flags & MORE == 0
    }

    /// Takes the frame off `input` when it is whole, and returns its body: see [`take_bytes`].
    #[inline]
    pub(crate) fn take_body(self, input: &mut BytesMut, shared_min: usize) -> Progress<Frame> {
        let header_bytes = self.header_bytes();
        let length = usize::try_from(self.length).unwrap_or(usize::MAX);
        let frame_bytes = header_bytes.saturating_add(length);
        if planted(Bug::FrameTakenEarly) && (header_bytes + 1..frame_bytes).contains(&input.len()) {
            input.advance(header_bytes);
            return Progress::Done(input.split().into());
        }
        if input.len() < frame_bytes {
            return Progress::Missing(frame_bytes - input.len());
        }
        input.advance(header_bytes);
        Progress::Done(take_bytes(input, length, shared_min))
    }
}

/// The flags of a frame of this kind.
pub(crate) const fn flags(kind: FrameKind) -> u8 {
    match kind {
        FrameKind::More => MORE,
        FrameKind::Last => 0,
        FrameKind::Command => COMMAND,
    }
}

/// Takes a body of `length` bytes, which are there, off `input`. It shares the memory of `input` if it has at least
/// `shared_min` bytes; a shorter one, which would keep much more than itself, is copied.
#[inline(always)]
pub(crate) fn take_bytes(input: &mut BytesMut, length: usize, shared_min: usize) -> Frame {
    if length >= shared_min && length > FRAME_IN_PLACE_MAX {
        return input.split_to(length).freeze().into();
    }
    let body = Frame::from(&input[..length]);
    input.advance(length);
    body
}

/// The header of a short frame: flags, and the length in one octet.
#[inline]
pub(crate) fn short_header(flags: u8, length: u8) -> [u8; SHORT_HEADER_BYTES] {
    [flags, length]
}

/// The header of a long frame: flags, and the length in eight octets, in network order.
pub(crate) fn long_header(flags: u8, length: u64) -> [u8; LONG_HEADER_BYTES] {
    let mut header = [flags | LONG; LONG_HEADER_BYTES];
    header[1..].copy_from_slice(&length.to_be_bytes());
    header
}
