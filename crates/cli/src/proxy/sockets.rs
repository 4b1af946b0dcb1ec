//! Options of a broker's sockets, by libzmq's names.

use std::time::Duration;

use clap::Args;
use seaworthy::{Options, SocketType};
use serde::{Deserialize, Serialize};

use super::value::{Size, Time};

/// Each is an option on the command line, for both sockets, and a key in a file.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[command(next_help_heading = "Options of both sockets")]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SocketOptions {
    /// High-water marks each way, in messages for each peer; 0 is without limit. Default: 1000.
    #[arg(long, value_name = "MESSAGES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hwm: Option<usize>,
    /// The mark of the way out. Default: --hwm.
    #[arg(long, value_name = "MESSAGES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sndhwm: Option<usize>,
    /// The mark of the way in. Default: --hwm.
    #[arg(long, value_name = "MESSAGES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rcvhwm: Option<usize>,
    /// The mark of the way out in bytes; 0, the default, is without limit.
    #[arg(long, value_name = "SIZE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sndhwm_bytes: Option<Size>,
    /// The mark of the way in in bytes; 0, the default, is without limit.
    #[arg(long, value_name = "SIZE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rcvhwm_bytes: Option<Size>,
    /// Largest frame that is accepted; the connection of a peer that sends a larger one ends. Default: without limit.
    #[arg(long, value_name = "SIZE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) maxmsgsize: Option<Size>,
    /// What is read ahead of a full pipe so that heartbeats are answered, for each connection. Default: 10MB.
    #[arg(long, value_name = "SIZE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rcvbuf_pending: Option<Size>,
    /// The kernel's send buffer of each connection. Default: the system's choice.
    #[arg(long, value_name = "SIZE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sndbuf: Option<Size>,
    /// The kernel's receive buffer of each connection. Default: the system's choice.
    #[arg(long, value_name = "SIZE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rcvbuf: Option<Size>,
    /// Connections that may wait to be accepted. Default: 100.
    #[arg(long, value_name = "CONNECTIONS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backlog: Option<u32>,
    /// The pause between PINGs to each peer, which show that it is still there; 0, the default, sends none.
    #[arg(long, value_name = "TIME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) heartbeat_ivl: Option<Time>,
    /// How long a peer may give no sign of life after a PING. Default: --heartbeat-ivl.
    #[arg(long, value_name = "TIME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) heartbeat_timeout: Option<Time>,
    /// After which silence of ours a peer may give the connection up; 0, the default, says nothing of it.
    #[arg(long, value_name = "TIME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) heartbeat_ttl: Option<Time>,
    /// How long a handshake may take; 0 is without limit. Default: 30s.
    #[arg(long, value_name = "TIME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) handshake_ivl: Option<Time>,
    /// How long one attempt to connect may take; 0, the default, leaves it to the system.
    #[arg(long, value_name = "TIME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) connect_timeout: Option<Time>,
    /// The pause before the first attempt to reconnect. Default: 100ms.
    #[arg(long, value_name = "TIME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reconnect_ivl: Option<Time>,
    /// Up to where that pause doubles with each failed attempt; 0, the default, keeps it as it is.
    #[arg(long, value_name = "TIME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reconnect_ivl_max: Option<Time>,
    /// A ROUTER or XPUB waits for a peer that has no room, instead of dropping what is for it; all others wait too.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mandatory: Option<bool>,
}

/// The first of two values that is given, for each field.
macro_rules! first_given {
    ($over:ident, $under:ident: $($field:ident)*) => {
        Self { $($field: $over.$field.or($under.$field),)* }
    };
}

impl SocketOptions {
    /// These options, and where they say nothing, those.
    pub(crate) fn over(self, under: Self) -> Self {
        let (over, under) = (self.both_marks(), under.both_marks());
        first_given! { over, under:
            hwm sndhwm rcvhwm sndhwm_bytes rcvhwm_bytes maxmsgsize rcvbuf_pending sndbuf rcvbuf backlog
            heartbeat_ivl heartbeat_timeout heartbeat_ttl handshake_ivl connect_timeout
            reconnect_ivl reconnect_ivl_max mandatory
        }
    }

    /// With `hwm` taken apart.
    fn both_marks(mut self) -> Self {
        let both = self.hwm.take();
        self.sndhwm = self.sndhwm.or(both);
        self.rcvhwm = self.rcvhwm.or(both);
        self
    }

    /// What a socket does unless it is told otherwise.
    pub(crate) fn of_the_library() -> Self {
        let options = Options::default();
        let time = |time: Duration| Some(Time(time));
        let size = |size| Some(Size(size));
        Self {
            hwm: None,
            sndhwm: Some(options.sndhwm),
            rcvhwm: Some(options.rcvhwm),
            sndhwm_bytes: size(options.sndhwm_bytes),
            rcvhwm_bytes: size(options.rcvhwm_bytes),
            maxmsgsize: options.maxmsgsize.and_then(|bytes| usize::try_from(bytes).ok()).map(Size),
            rcvbuf_pending: size(options.rcvbuf_pending),
            sndbuf: options.stream.sndbuf.map(Size),
            rcvbuf: options.stream.rcvbuf.map(Size),
            backlog: Some(options.stream.backlog),
            heartbeat_ivl: time(options.heartbeat_ivl),
            heartbeat_timeout: options.heartbeat_timeout.map(Time),
            heartbeat_ttl: time(options.heartbeat_ttl),
            handshake_ivl: time(options.handshake_ivl),
            connect_timeout: time(options.connect_timeout),
            reconnect_ivl: options.reconnect_ivl.map(Time),
            reconnect_ivl_max: time(options.reconnect_ivl_max),
            mandatory: Some(options.router_mandatory),
        }
    }

    /// For a socket of this type.
    pub(crate) fn for_type(&self, socket_type: SocketType, linger: Duration) -> Options {
        let options = self.clone().over(Self::of_the_library());
        let time = |time: Option<Time>| time.map(|Time(time)| time);
        let size = |size: Option<Size>| size.map_or(0, |Size(bytes)| bytes);
        let mut sockets = Options::default()
            .linger(linger)
            .sndhwm(options.sndhwm.unwrap_or_default())
            .rcvhwm(options.rcvhwm.unwrap_or_default())
            .sndhwm_bytes(size(options.sndhwm_bytes))
            .rcvhwm_bytes(size(options.rcvhwm_bytes))
            .maxmsgsize(options.maxmsgsize.map(|Size(bytes)| bytes as u64))
            .rcvbuf_pending(size(options.rcvbuf_pending))
            .heartbeat_ivl(time(options.heartbeat_ivl).unwrap_or_default())
            .heartbeat_timeout(time(options.heartbeat_timeout))
            .heartbeat_ttl(time(options.heartbeat_ttl).unwrap_or_default())
            .handshake_ivl(time(options.handshake_ivl).unwrap_or_default())
            .connect_timeout(time(options.connect_timeout).unwrap_or_default())
            .reconnect_ivl(time(options.reconnect_ivl))
            .reconnect_ivl_max(time(options.reconnect_ivl_max).unwrap_or_default());
        sockets.stream.sndbuf = options.sndbuf.map(|Size(bytes)| bytes);
        sockets.stream.rcvbuf = options.rcvbuf.map(|Size(bytes)| bytes);
        sockets.stream.backlog = options.backlog.unwrap_or_default();
        let mandatory = options.mandatory == Some(true);
        match socket_type {
            SocketType::Router => sockets.router_mandatory(mandatory),
            SocketType::XPub => sockets.xpub_nodrop(mandatory),
            _ => sockets,
        }
    }
}
