//! Bounds on what peers and users can make a socket hold.
//!
//! Those that are an option, such as [`maxmsgsize`](crate::Options#structfield.maxmsgsize), are unlimited or generous by
//! default.

pub use seaworthy_zmtp::limits::{MESSAGE_BYTES_MAX, MESSAGE_FRAMES_MAX, TOPIC_LENGTH_MAX};

/// Topics that one subscriber may hold: more than any program lists, less than what would fill the memory.
pub const TOPICS_MAX: usize = 100_000;

/// Sum of the lengths of one subscriber's topics, in bytes.
pub const TOPIC_BYTES_MAX: usize = 16 << 20;

/// Connections of one endpoint whose handshake is not complete. When another one comes, the oldest of them is
/// cut off: peers that never finish a handshake can neither take all memory nor keep others out, and well-behaved peers
/// finish within a round trip or two.
pub const PENDING_HANDSHAKES_MAX: usize = 256;
