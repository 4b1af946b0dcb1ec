//! Socket options in a scenario file.

use bytes::Bytes;
use schemars::JsonSchema;
use seaworthy_core::Options;
use serde::{Deserialize, Serialize};

use seaworthy_sim::script::draw::Draw;
use seaworthy_sim::script::quantity::{ByteCount, Count, Span};

/// Writes the struct, how its ranges are decided, and how it becomes [`Options`].
macro_rules! socket_options {
    (
        drawn { $( $(#[$doc:meta])* $drawn:ident: $quantity:ty => |$base:ident, $value:ident| $apply:expr, )* }
        fixed { $( $(#[$fixed_doc:meta])* $fixed:ident: $type:ty => |$fixed_base:ident, $fixed_value:ident| $fixed_apply:expr, )* }
    ) => {
        /// Socket options, by libzmq's names; what is left out has libzmq's default.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct SocketOptions {
            $( $(#[$doc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $drawn: Option<Draw<$quantity>>, )*
            $( $(#[$fixed_doc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $fixed: Option<$type>, )*
        }

        impl SocketOptions {
            /// These options with every range decided.
            #[must_use]
            pub fn resolved(&self, seed: u64, place: &str) -> Self {
                Self {
                    $( $drawn: self.$drawn.map(|draw| draw.resolved(seed, &format!("{place}.{}", stringify!($drawn)))), )*
                    $( $fixed: self.$fixed.clone(), )*
                }
            }

            /// As the sockets take them. Ranges must have been decided.
            pub fn to_options(&self) -> Options {
                let options = Options::default();
                $( let options = match self.$drawn.map(Draw::value) {
                    Some($value) => { let $base = options; $apply }
                    None => options,
                }; )*
                $( let options = match self.$fixed.clone() {
                    Some($fixed_value) => { let $fixed_base = options; $fixed_apply }
                    None => options,
                }; )*
                options
            }
        }
    };
}

socket_options! {
    drawn {
        /// High-water mark of each outgoing pipe, in messages; 0 is unlimited. Default 1000.
        sndhwm: Count => |o, v| o.sndhwm(size(v.0)),
        /// High-water mark of each incoming pipe, in messages; 0 is unlimited. Default 1000.
        rcvhwm: Count => |o, v| o.rcvhwm(size(v.0)),
        /// High-water mark of each outgoing pipe, in bytes; 0 (default) is unlimited.
        sndhwm_bytes: ByteCount => |o, v| o.sndhwm_bytes(size(v.0)),
        /// High-water mark of each incoming pipe, in bytes; 0 (default) is unlimited.
        rcvhwm_bytes: ByteCount => |o, v| o.rcvhwm_bytes(size(v.0)),
        /// How long a send waits for room before it fails. Default: for ever. A workload tries again.
        sndtimeo: Span => |o, v| o.sndtimeo(v.0),
        /// How long a receive waits for a message before it fails. Default: for ever. A workload tries again.
        rcvtimeo: Span => |o, v| o.rcvtimeo(v.0),
        /// How long closing waits for queued messages to leave. Default: for ever.
        linger: Span => |o, v| o.linger(v.0),
        /// Pause before the first attempt to reconnect. Default 100 ms.
        reconnect_ivl: Span => |o, v| o.reconnect_ivl(v.0),
        /// Up to where the pause doubles; 0 s (default) keeps it.
        reconnect_ivl_max: Span => |o, v| o.reconnect_ivl_max(v.0),
        /// How long an attempt to connect may take; 0 s (default) leaves it to the kernel.
        connect_timeout: Span => |o, v| o.connect_timeout(v.0),
        /// How long a handshake may take. Default 30 s.
        handshake_ivl: Span => |o, v| o.handshake_ivl(v.0),
        /// Pause between PINGs; 0 s (default) sends none.
        heartbeat_ivl: Span => |o, v| o.heartbeat_ivl(v.0),
        /// How long after a PING without a sign of life a connection is given up. Default: as heartbeat_ivl.
        heartbeat_timeout: Span => |o, v| o.heartbeat_timeout(v.0),
        /// After how long of silence the peer is asked to give up; 0 s (default) asks nothing.
        heartbeat_ttl: Span => |o, v| o.heartbeat_ttl(v.0),
        /// Largest frame accepted from a peer.
        maxmsgsize: ByteCount => |o, v| o.maxmsgsize(v.0),
        /// Bytes kept per connection that were read and not yet taken. Default 10 MB.
        rcvbuf_pending: ByteCount => |o, v| o.rcvbuf_pending(size(v.0)),
        /// Kernel send buffer.
        sndbuf: ByteCount => |o, v| { let mut o = o; o.stream.sndbuf = Some(size(v.0)); o },
        /// Kernel receive buffer.
        rcvbuf: ByteCount => |o, v| { let mut o = o; o.stream.rcvbuf = Some(size(v.0)); o },
        /// Connections that may wait to be accepted. Default 100.
        backlog: Count => |o, v| { let mut o = o; o.stream.backlog = u32::try_from(v.0).unwrap_or(u32::MAX); o },
    }
    fixed {
        /// The identity announced to ROUTER peers; `{name}` becomes the name of the socket.
        routing_id: String => |o, v| o.routing_id(Bytes::from(v)),
        /// Queue messages only to completed connections.
        immediate: bool => |o, v| o.immediate(v),
        /// PUB, XPUB: wait for room at every subscriber instead of dropping.
        xpub_nodrop: bool => |o, v| o.xpub_nodrop(v),
        /// XPUB: tell of every subscription.
        xpub_verbose: bool => |o, v| o.xpub_verbose(v),
        /// XPUB: tell of every subscription and of every end of one.
        xpub_verboser: bool => |o, v| o.xpub_verboser(v),
        /// XPUB: a subscription has no effect until the application grants it, which the role receive does when it
        /// receives the notice.
        xpub_manual: bool => |o, v| o.xpub_manual(v),
        /// PUB, XPUB: what every subscriber is sent first, if it subscribed to it.
        xpub_welcome_msg: String => |o, v| o.xpub_welcome_msg(Bytes::from(v)),
        /// XSUB: pass every end of a subscription on.
        xsub_verbose_unsubscribe: bool => |o, v| o.xsub_verbose_unsubscribe(v),
        /// ROUTER: fail or wait instead of dropping.
        router_mandatory: bool => |o, v| o.router_mandatory(v),
        /// ROUTER: a new peer takes over the identity of a connected one.
        router_handover: bool => |o, v| o.router_handover(v),
        /// Send an empty message to every new peer.
        probe_router: bool => |o, v| o.probe_router(v),
        /// REQ: number requests and accept only the matching reply.
        req_correlate: bool => |o, v| o.req_correlate(v),
        /// REQ: allow a new request while a reply is awaited.
        req_relaxed: bool => |o, v| o.req_relaxed(v),
    }
}

impl SocketOptions {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
