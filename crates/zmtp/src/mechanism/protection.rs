//! What a mechanism does to every frame after the handshake.

use std::fmt;

use crate::error::PeerMisbehaved;

/// What a frame is, apart from its body. A mechanism that hides bodies hides this with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "RFC 37 has no other frames")]
pub enum FrameKind {
    /// A frame of a message that has more.
    More,
    /// The last frame of a message.
    Last,
    /// A command.
    Command,
}

/// The two directions of a protected connection.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "mechanisms of others make it")]
pub struct Protection {
    /// For what goes out.
    pub sealer: Box<dyn Sealer>,
    /// For what comes in.
    pub opener: Box<dyn Opener>,
}

/// Protects the frames that go out: each goes out as the last frame of a message, whose body is what the sealer makes of
/// it.
pub trait Sealer: fmt::Debug {
    /// How many bytes the sealed body has before those of the plain one.
    fn overhead(&self) -> usize;

    /// Seals a frame in place. `body` has [`overhead`](Self::overhead) zero bytes to be filled, and behind them the
    /// plain body.
    fn seal(&mut self, kind: FrameKind, body: &mut [u8]);
}

/// Opens the frames that come in.
pub trait Opener: fmt::Debug {
    /// How many bytes a sealed body has before those of the plain one.
    fn overhead(&self) -> usize;

    /// Opens a frame in place. `body` has at least [`overhead`](Self::overhead) bytes; behind these the plain body has
    /// to be afterwards.
    ///
    /// # Errors
    /// The frame was not sealed by the peer, or not for this place in the stream: the connection fails.
    fn open(&mut self, body: &mut [u8]) -> Result<FrameKind, PeerMisbehaved>;
}
