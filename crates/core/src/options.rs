//! Socket options, by libzmq's names and with its defaults.

use std::time::Duration;

use bytes::Bytes;

use crate::{CurvePublicKey, CurveSecretKey, Password};

/// How a socket behaves. Built before the socket, whose setters change most of them later; every field has libzmq's
/// name, and its default where libzmq has one.
///
/// ```
/// use std::time::Duration;
/// use seaworthy_core::Options;
/// let options = Options::default().sndhwm(10).reconnect_ivl_max(Duration::from_secs(5));
/// assert_eq!(options.sndhwm, 10);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// High-water mark of each outgoing pipe, in messages. 0 = unlimited. Default 1000. A message of more than
    /// [`FRAMES_PER_PLACE`](crate::FRAMES_PER_PLACE) frames counts once for each so many.
    pub sndhwm: usize,
    /// High-water mark of each incoming pipe, in messages, counted as for [`sndhwm`](Self#structfield.sndhwm).
    /// 0 = unlimited. Default 1000.
    pub rcvhwm: usize,
    /// High-water mark of each outgoing pipe, in bytes of memory: each frame counts its bytes and
    /// [`FRAME_WEIGHT`](crate::FRAME_WEIGHT), see [`Message::weight`](crate::Message::weight). 0 = unlimited (default).
    /// The message that crosses the mark is still taken, so a message larger than the mark can be sent.
    pub sndhwm_bytes: usize,
    /// High-water mark of each incoming pipe, in bytes of memory, counted as for
    /// [`sndhwm_bytes`](Self#structfield.sndhwm_bytes). 0 = unlimited (default).
    pub rcvhwm_bytes: usize,
    /// How long closing waits for queued messages to reach the network. `None` (default) waits for ever.
    pub linger: Option<Duration>,
    /// How long `send` waits for room before it fails with `WouldBlock`. `None` (default) waits for ever.
    pub sndtimeo: Option<Duration>,
    /// How long `recv` waits for a message before it fails with `WouldBlock`. `None` (default) waits for ever.
    pub rcvtimeo: Option<Duration>,
    /// Pause before the first attempt to reconnect. `None` never reconnects. Default 100 ms.
    pub reconnect_ivl: Option<Duration>,
    /// Up to where the pause doubles with each failed attempt. Zero (default) keeps it at `reconnect_ivl`.
    pub reconnect_ivl_max: Duration,
    /// How long one attempt to connect may take. Zero (default) leaves it to the operating system.
    pub connect_timeout: Duration,
    /// How long a connection may take from its first byte to the end of the handshake. Zero = for ever.
    /// Default 30 s.
    pub handshake_ivl: Duration,
    /// Pause between PINGs on a connection, at least 1 ms. Zero (default) sends none.
    pub heartbeat_ivl: Duration,
    /// How long after a PING has gone out the connection is given up if there is no sign of life, at least 1 ms. `None`
    /// (default): as `heartbeat_ivl`. Zero waits forever. A peer that is slow, or has stopped reading, is alive; one
    /// whose thread is blocked for as long is not.
    pub heartbeat_timeout: Option<Duration>,
    /// What a PING asks of the peer: to give the connection up when nothing comes for this long. Sent in
    /// tenths of a second, at most 6553.5 s. Zero (default) asks nothing.
    pub heartbeat_ttl: Duration,
    /// Largest frame accepted from a peer, in bytes; a larger one ends its connection. `None` (default) =
    /// unlimited.
    pub maxmsgsize: Option<u64>,
    /// The identity announced to ROUTER peers, at most 255 bytes, not beginning with a zero byte. Empty
    /// (default) lets the peer choose.
    pub routing_id: Bytes,
    /// Queue messages only to completed connections: an endpoint has no pipe while it is not connected.
    /// Default false.
    pub immediate: bool,
    /// PUB, XPUB: wait for room in every matching pipe instead of dropping. Default false.
    pub xpub_nodrop: bool,
    /// XPUB: receive a notification of every subscription, also to a topic that somebody holds already.
    /// Default false: of the first to each topic.
    pub xpub_verbose: bool,
    /// XPUB: receive a notification of every subscription and of every end of one. Default false: of the first
    /// and the last of each topic.
    pub xpub_verboser: bool,
    /// XPUB: peers' subscriptions are received, every one of them, but have no effect; the user gives the peer of
    /// the last one its topics with `subscribe` and `unsubscribe`. Default false.
    pub xpub_manual: bool,
    /// XPUB: as `xpub_manual`, and the first message after `subscribe` goes to the peer it was called for and to
    /// no other, for caches of last values. Default false.
    pub xpub_manual_last_value: bool,
    /// PUB, XPUB: sent, as a message of one frame, to every peer when its connection is complete, before anything
    /// else; a SUB gets it if it subscribed to it. Empty (default) sends none.
    pub xpub_welcome_msg: Bytes,
    /// XSUB: pass every end of a subscription on to the publishers, also when the topic is still, or was never,
    /// subscribed to. Default false: the last of each topic.
    pub xsub_verbose_unsubscribe: bool,
    /// ROUTER: fail with `Unroutable` or block, instead of dropping, when a message cannot be routed.
    /// Default false.
    pub router_mandatory: bool,
    /// ROUTER: a new peer takes over the identity of a connected one. Default false: the newcomer is ignored.
    pub router_handover: bool,
    /// REQ, DEALER, ROUTER: send an empty message to every new peer, so that a ROUTER learns of it.
    /// Default false.
    pub probe_router: bool,
    /// REQ: prefix requests with an id and accept only the reply that carries it. Default false.
    pub req_correlate: bool,
    /// REQ: allow a new request while a reply is awaited. Default false.
    pub req_relaxed: bool,
    /// How long `recv`, or `send` without room, keeps looking before its task waits to be woken. Between threads
    /// that exchange messages over `inproc://` it saves the wake-up, several microseconds, at the price of a busy
    /// core: meanwhile no other task of the thread runs. A socket without a peer on another thread never looks, and
    /// one that looked in vain several times seldom does. Without effect in a simulation. Default 10 µs; 0 means to
    /// wait at once.
    pub busy_poll: Duration,
    /// Bytes read from a connection and not yet taken by the socket that are kept at most, so that heartbeats
    /// can be answered while the receive pipe is full. Counted as for
    /// [`rcvhwm_bytes`](Self#structfield.rcvhwm_bytes). Default 10 MB.
    pub rcvbuf_pending: usize,
    /// Connections that each bound endpoint may have at a time, of those whose handshake is complete. Further ones are
    /// closed when they are accepted, and try again. Not for inproc. 0 (default) = unlimited. What each may cost is said
    /// by the marks and by `rcvbuf_pending`.
    pub connections_max: usize,
    /// PLAIN: this socket is the server. Every client needs a verdict, from the context's authenticator or its ZAP handler;
    /// without either nobody is admitted. Default false.
    pub plain_server: bool,
    /// PLAIN: this socket is a client with this name, at most 255 bytes, and [`plain_password`](Self#structfield.plain_password).
    /// Empty (default): it is none.
    pub plain_username: Bytes,
    /// PLAIN: the client's password, at most 255 bytes. It goes over the network as it is. Default empty.
    pub plain_password: Password,
    /// CURVE: this socket is the server, with [`curve_secretkey`](Self#structfield.curve_secretkey). Default false.
    pub curve_server: bool,
    /// CURVE: the public key that belongs to `curve_secretkey`, which it also follows from. Default `None`.
    pub curve_publickey: Option<CurvePublicKey>,
    /// CURVE: the socket's own secret key, at either end. Default `None`.
    pub curve_secretkey: Option<CurveSecretKey>,
    /// CURVE: this socket is a client of servers with this public key. Default `None`: it is none.
    pub curve_serverkey: Option<CurvePublicKey>,
    /// What requests for verdicts on peers name as their domain (RFC 27), at most 255 bytes. With NULL, verdicts are asked
    /// for only if there is one; with CURVE, a peer without a verdict is admitted only if there is none. Empty by default.
    pub zap_domain: String,
    /// Ask for no verdict without a `zap_domain`, even if there is somebody to ask. Default false.
    pub zap_enforce_domain: bool,
    /// What concerns the byte stream below.
    pub stream: StreamOptions,
}

/// Options of the byte stream below a connection.
///
/// ```
/// use seaworthy_core::{Options, StreamOptions};
/// let stream = StreamOptions::default().rcvbuf(256 * 1024).backlog(1000);
/// assert_eq!(Options::default().stream(stream).stream.rcvbuf, Some(256 * 1024));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamOptions {
    /// Kernel send buffer, in bytes. `None` (default): the system's choice.
    pub sndbuf: Option<usize>,
    /// Kernel receive buffer, in bytes. `None` (default): the system's choice.
    pub rcvbuf: Option<usize>,
    /// Connections that may wait to be accepted. Default 100.
    pub backlog: u32,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self { sndbuf: None, rcvbuf: None, backlog: 100 }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sndhwm: 1000,
            rcvhwm: 1000,
            sndhwm_bytes: 0,
            rcvhwm_bytes: 0,
            linger: None,
            sndtimeo: None,
            rcvtimeo: None,
            reconnect_ivl: Some(Duration::from_millis(100)),
            reconnect_ivl_max: Duration::ZERO,
            connect_timeout: Duration::ZERO,
            handshake_ivl: Duration::from_secs(30),
            heartbeat_ivl: Duration::ZERO,
            heartbeat_timeout: None,
            heartbeat_ttl: Duration::ZERO,
            maxmsgsize: None,
            routing_id: Bytes::new(),
            immediate: false,
            xpub_nodrop: false,
            xpub_verbose: false,
            xpub_verboser: false,
            xpub_manual: false,
            xpub_manual_last_value: false,
            xpub_welcome_msg: Bytes::new(),
            xsub_verbose_unsubscribe: false,
            router_mandatory: false,
            router_handover: false,
            probe_router: false,
            req_correlate: false,
            req_relaxed: false,
            busy_poll: Duration::from_micros(10),
            rcvbuf_pending: 10_000_000,
            connections_max: 0,
            plain_server: false,
            plain_username: Bytes::new(),
            plain_password: Password::default(),
            curve_server: false,
            curve_publickey: None,
            curve_secretkey: None,
            curve_serverkey: None,
            zap_domain: String::new(),
            zap_enforce_domain: false,
            stream: StreamOptions::default(),
        }
    }
}

/// Writes the builder method of each option: it has the option's name and takes its value.
macro_rules! setters {
    (@argument Option<CurvePublicKey>) => { impl Into<CurvePublicKey> };
    (@argument Option<CurveSecretKey>) => { impl Into<CurveSecretKey> };
    (@argument Option<$type:ty>) => { impl Into<Option<$type>> };
    (@argument Bytes) => { impl Into<Bytes> };
    (@argument Password) => { impl Into<Password> };
    (@argument String) => { impl Into<String> };
    (@argument $type:ty) => { $type };
    (@value $name:ident Option<CurvePublicKey>) => { Some($name.into()) };
    (@value $name:ident Option<CurveSecretKey>) => { Some($name.into()) };
    (@value $name:ident Option<$type:ty>) => { $name.into() };
    (@value $name:ident Bytes) => { $name.into() };
    (@value $name:ident Password) => { $name.into() };
    (@value $name:ident String) => { $name.into() };
    (@value $name:ident $type:ty) => { $name };
    ($owner:ident: $($name:ident: ($($type:tt)+)),* $(,)?) => {
        impl $owner {
            $(
                #[doc = concat!("Sets [`", stringify!($name), "`](Self#structfield.", stringify!($name), ").")]
                #[must_use]
                pub fn $name(mut self, $name: setters!(@argument $($type)+)) -> Self {
                    self.$name = setters!(@value $name $($type)+);
                    self
                }
            )*
        }
    };
}

setters! { StreamOptions:
    sndbuf: (Option<usize>),
    rcvbuf: (Option<usize>),
    backlog: (u32),
}

setters! { Options:
    sndhwm: (usize),
    rcvhwm: (usize),
    sndhwm_bytes: (usize),
    rcvhwm_bytes: (usize),
    linger: (Option<Duration>),
    sndtimeo: (Option<Duration>),
    rcvtimeo: (Option<Duration>),
    reconnect_ivl: (Option<Duration>),
    reconnect_ivl_max: (Duration),
    connect_timeout: (Duration),
    handshake_ivl: (Duration),
    heartbeat_ivl: (Duration),
    heartbeat_timeout: (Option<Duration>),
    heartbeat_ttl: (Duration),
    maxmsgsize: (Option<u64>),
    routing_id: (Bytes),
    immediate: (bool),
    xpub_nodrop: (bool),
    xpub_verbose: (bool),
    xpub_verboser: (bool),
    xpub_manual: (bool),
    xpub_manual_last_value: (bool),
    xpub_welcome_msg: (Bytes),
    xsub_verbose_unsubscribe: (bool),
    router_mandatory: (bool),
    router_handover: (bool),
    probe_router: (bool),
    req_correlate: (bool),
    req_relaxed: (bool),
    busy_poll: (Duration),
    rcvbuf_pending: (usize),
    connections_max: (usize),
    plain_server: (bool),
    plain_username: (Bytes),
    plain_password: (Password),
    curve_server: (bool),
    curve_publickey: (Option<CurvePublicKey>),
    curve_secretkey: (Option<CurveSecretKey>),
    curve_serverkey: (Option<CurvePublicKey>),
    zap_domain: (String),
    zap_enforce_domain: (bool),
    stream: (StreamOptions),
}
