//! MESSAGE: every frame after the handshake, in a box.
//!
//! It is a frame without the COMMAND flag, and always the last of its message, whatever it holds:
//!
//! ```text
//! 0     1 .. 7    8 .. 15   16 .. 31   32      33 ..
//! +----+---------+---------+----------+-------+--------+
//! | 07 | MESSAGE | nonce   | tag      | flags | body   |
//! +----+---------+---------+----------+-------+--------+
//!                                     \____ encrypted ____/
//! ```

use super::nacl::{BoxKey, NONCE_BYTES, Nonce, TAG_BYTES};
use super::{Rising, short_nonce};
use crate::error::PeerMisbehaved;
use crate::mechanism::{FrameKind, Opener, Protection, Sealer};

const MESSAGE: &str = "MESSAGE";
const NAME: &[u8; 8] = b"\x07MESSAGE";
const NUMBER: usize = NAME.len();
const TAG: usize = NUMBER + size_of::<u64>();
const FLAGS: usize = TAG + TAG_BYTES;
const BODY: usize = FLAGS + 1;

/// RFC 26, "payload-flags", bit 0: more frames follow.
const MORE: u8 = 1;
/// Bit 1: a command. RFC 26 has it reserved; libzmq puts SUBSCRIBE, CANCEL, PING and PONG into MESSAGE with it.
const COMMAND: u8 = 2;

/// Of the client's boxes.
const FROM_CLIENT: &[u8; 16] = b"CurveZMQMESSAGEC";
/// Of the server's.
const FROM_SERVER: &[u8; 16] = b"CurveZMQMESSAGES";

/// The client's two directions. `number` is the one of the next nonce that it sends.
pub(super) fn client_protection(key: BoxKey, number: u64, theirs: Rising) -> Protection {
    protection(key, FROM_CLIENT, FROM_SERVER, number, theirs)
}

/// The server's.
pub(super) fn server_protection(key: BoxKey, number: u64, theirs: Rising) -> Protection {
    protection(key, FROM_SERVER, FROM_CLIENT, number, theirs)
}

fn protection(
    key: BoxKey,
    ours: &'static [u8; 16],
    theirs: &'static [u8; 16],
    number: u64,
    seen: Rising,
) -> Protection {
    let opener = CurveOpener { key: key.clone(), nonce: short_nonce(theirs, 0), seen };
    Protection {
        sealer: Box::new(CurveSealer { key, nonce: short_nonce(ours, number), number }),
        opener: Box::new(opener),
    }
}

#[derive(Debug)]
struct CurveSealer {
    key: BoxKey,
    nonce: Nonce,
    /// Of the next nonce.
    number: u64,
}

impl Sealer for CurveSealer {
    fn overhead(&self) -> usize {
        BODY
    }

    fn seal(&mut self, kind: FrameKind, body: &mut [u8]) {
        let Some((header, _)) = body.split_first_chunk_mut::<BODY>() else { return };
        // At a thousand million frames a second this takes 584 years.
        let Some(next) = self.number.checked_add(1) else {
            unreachable!("2^64 frames cannot be sent on one connection")
        };
        header[..NUMBER].copy_from_slice(NAME);
        header[NUMBER..TAG].copy_from_slice(&self.number.to_be_bytes());
        header[FLAGS] = match kind {
            FrameKind::Last => 0,
            FrameKind::More => MORE,
            FrameKind::Command => COMMAND,
        };
        self.nonce[NONCE_BYTES - 8..].copy_from_slice(&self.number.to_be_bytes());
        self.number = next;
        let tag = self.key.seal(&self.nonce, body.get_mut(FLAGS..).unwrap_or_default());
        if let Some(place) = body.get_mut(TAG..FLAGS) {
            place.copy_from_slice(&tag);
        }
    }
}

#[derive(Debug)]
struct CurveOpener {
    key: BoxKey,
    nonce: Nonce,
    seen: Rising,
}

impl Opener for CurveOpener {
    fn overhead(&self) -> usize {
        BODY
    }

    fn open(&mut self, body: &mut [u8]) -> Result<FrameKind, PeerMisbehaved> {
        let unprotected = |reason| PeerMisbehaved::Unprotected { reason };
        let (clear, sealed) = body.split_at_mut_checked(FLAGS).ok_or(unprotected("it is too short"))?;
        let Some(rest) = clear.strip_prefix(NAME) else { return Err(unprotected("it is no MESSAGE")) };
        let (number, tag) = rest.split_first_chunk().ok_or(unprotected("it is too short"))?;
        let tag = tag.first_chunk().ok_or(unprotected("it is too short"))?;
        // Only once the box is open is it known that the peer chose this number; but a number that was there before
        // need not be looked at.
        let mut seen = self.seen;
        seen.next(u64::from_be_bytes(*number), MESSAGE)?;
        self.nonce[NONCE_BYTES - 8..].copy_from_slice(number);
        self.key
            .open(&self.nonce, tag, sealed)
            .map_err(|_| PeerMisbehaved::Unopenable { command: MESSAGE })?;
        self.seen = seen;
        match sealed.first() {
            Some(0) => Ok(FrameKind::Last),
            Some(&MORE) => Ok(FrameKind::More),
            Some(&COMMAND) => Ok(FrameKind::Command),
            // RFC 26: "Bits 7-1: These bits are reserved for future use and MUST be zero."
            Some(&flags) => Err(PeerMisbehaved::ReservedFlags(flags)),
            None => Err(unprotected("it is too short")),
        }
    }
}
