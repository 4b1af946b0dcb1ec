//! What a connection needs to know about its socket.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use seaworthy_core::Options;

use crate::limits::{MESSAGE_BYTES_MAX, MESSAGE_FRAMES_MAX};
use crate::mechanism::{Mechanism, Null};
use crate::socket_type::SocketType;

/// How a connection behaves: the part of [`Options`] that concerns the wire.
///
/// ```
/// use seaworthy_core::Options;
/// use seaworthy_zmtp::{ConnectionConfig, SocketType};
/// let config = ConnectionConfig::from((&Options::default().routing_id("worker-7"), SocketType::Dealer));
/// assert_eq!(config.routing_id, "worker-7");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionConfig {
    /// Our socket type.
    pub socket_type: SocketType,
    /// Our routing id, at most 255 bytes, not beginning with zero. Announced by REQ, DEALER and ROUTER.
    pub routing_id: Bytes,
    /// Which security mechanism both ends must use. Default [`Null`].
    pub mechanism: Arc<dyn Mechanism>,
    /// Largest frame of a message, in bytes. `None` (default): as large as a message may be.
    pub maxmsgsize: Option<u64>,
    /// Largest message, in bytes. Default [`MESSAGE_BYTES_MAX`].
    pub message_bytes_max: u64,
    /// Frames of the longest message, at least 1. Default [`MESSAGE_FRAMES_MAX`].
    pub message_frames_max: usize,
    /// From the first byte to the end of the handshake. Zero waits forever. Default 30 s.
    pub handshake_ivl: Duration,
    /// Pause between PINGs. Zero (default) sends none.
    pub heartbeat_ivl: Duration,
    /// From a PING to giving up. `None` (default): as `heartbeat_ivl`. Zero waits forever.
    pub heartbeat_timeout: Option<Duration>,
    /// What a PING asks of the peer: to give up when it hears nothing for this long. Sent in tenths of a second,
    /// rounded up, at most 6553.5 s. Zero (default) asks nothing.
    pub heartbeat_ttl: Duration,
}

impl ConnectionConfig {
    /// The defaults, for a socket of type `socket_type`.
    pub fn new(socket_type: SocketType) -> Self {
        Self::from((&Options::default(), socket_type))
    }
}

impl From<(&Options, SocketType)> for ConnectionConfig {
    fn from((options, socket_type): (&Options, SocketType)) -> Self {
        Self {
            socket_type,
            routing_id: options.routing_id.clone(),
            mechanism: Arc::new(Null::default()),
            maxmsgsize: options.maxmsgsize,
            message_bytes_max: MESSAGE_BYTES_MAX,
            message_frames_max: MESSAGE_FRAMES_MAX,
            handshake_ivl: options.handshake_ivl,
            heartbeat_ivl: options.heartbeat_ivl,
            heartbeat_timeout: options.heartbeat_timeout,
            heartbeat_ttl: options.heartbeat_ttl,
        }
    }
}
