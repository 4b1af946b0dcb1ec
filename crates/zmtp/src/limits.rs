//! Every bound on what a peer can make us do, and why it is where it is.
//!
//! A bound is checked when a size is announced, before a byte of it is stored; nothing is ever allocated because
//! a peer announced it.

use std::time::Duration;

/// Length of a routing id, in bytes. RFC 37, "The Identity Property": `identity = 0*255OCTET`.
pub const ROUTING_ID_BYTES_MAX: usize = 255;

/// Sum of the frames of one message, in bytes, also when MAXMSGSIZE is unlimited (libzmq's default). A message
/// is delivered whole, so this is what one peer can make us hold; it is far above what anybody sends in one
/// message, and far below what a length field of 63 bits can announce.
pub const MESSAGE_BYTES_MAX: u64 = 4 << 30;

/// Frames of one message. Every frame costs 72 bytes, also an empty one, so endless MORE frames would grow memory 36
/// times as fast as the wire carries them. With this bound the cost is 4.5 MiB.
pub const MESSAGE_FRAMES_MAX: usize = 65_536;

/// Body of a command before the handshake is complete, in bytes. The peer is not known yet,
/// so it gets little: a READY with the standard properties has under 350 bytes, the longest command of CURVE
/// 257 plus metadata; the rest is room for application metadata.
pub const HANDSHAKE_COMMAND_BYTES_MAX: u64 = 16 << 10;

/// Properties in the metadata of a peer. The RFCs define three; applications add a handful. It keeps the search
/// for duplicates short.
pub const METADATA_PROPERTIES_MAX: usize = 128;

/// Name of one property, in bytes: its length is one octet.
pub const PROPERTY_NAME_BYTES_MAX: usize = 255;

/// Value of one property, in bytes. RFC 37, "The NULL Security Mechanism": 2^31-1 octets.
pub const PROPERTY_VALUE_BYTES_MAX: u32 = i32::MAX.unsigned_abs();

/// Body of a command after the handshake, and topic of a subscription in either form, in bytes. The only
/// commands with a body that a user chooses are SUBSCRIBE and CANCEL, and a topic is stored in an index: longer
/// ones are an attack on that index.
pub const COMMAND_BYTES_MAX: u64 = 1 << 20;

/// Topic of a subscription that has room in a SUBSCRIBE command, behind its name, in bytes.
pub const TOPIC_LENGTH_MAX: usize = COMMAND_BYTES_MAX as usize - b"\x09SUBSCRIBE".len();

/// Context of a PING, in bytes. RFC 37, "Connection Heartbeating": `ping-context = 0*16OCTET`. A longer one is
/// cut, as libzmq does, so a PONG is never longer than what asked for it.
pub const PING_CONTEXT_BYTES_MAX: usize = 16;

/// PONGs waiting for transmission. A peer that sends PINGs and does not read the PONGs must not grow what waits;
/// beyond this its PINGs are not answered until the waiting ones are on their way. No peer that keeps to "a
/// small number of PING commands without receiving PONG replies" (RFC 37) comes near.
pub const PONGS_WAITING_MAX: u16 = 1000;

/// Shortest time between PINGs, and shortest timeout. libzmq counts in milliseconds; below, a connection would do
/// little else. A shorter one, other than zero, is taken for this.
pub const HEARTBEAT_MIN: Duration = Duration::from_millis(1);

/// Longest time to live a PING can announce, in tenths of a second: RFC 37 gives it 16 bits. libzmq lets larger
/// values wrap (libzmq#4226); we cap them.
pub const TTL_DECISECONDS_MAX: u16 = u16::MAX;

/// Reason in an ERROR command, in bytes: its length is one octet.
pub const ERROR_REASON_BYTES_MAX: usize = 255;
