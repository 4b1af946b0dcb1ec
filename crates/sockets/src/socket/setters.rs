//! Options of a living socket.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use seaworthy_core::{Network, Options, StreamOptions};

use super::Socket;
use super::validity::check;
use crate::error::Error;
use crate::patterns::{Dealer, Pattern, Pub, Req, Router, XPub};
use crate::transport::SocketRef;

impl<P: Pattern, N: Network> Socket<P, N> {
    /// The options as they are now.
    pub fn options(&self) -> Options {
        Options::clone(&self.core.options())
    }

    /// Changes options, unless that makes them invalid. Those that the setters below do not offer have no effect.
    fn change(&self, change: impl FnOnce(Options) -> Options) -> Result<(), Error> {
        let options = change(self.options());
        check::<P>(&options)?;
        self.core.set_options(Rc::new(options));
        Ok(())
    }
}

/// Writes a setter for each option: for all sockets, or for those of some types.
macro_rules! setters {
    (@argument Option<$type:ty>) => { impl Into<Option<$type>> };
    (@argument Bytes) => { impl Into<Bytes> };
    (@argument $type:ty) => { $type };
    ([$($of:tt)*] $effect:literal: $($name:ident $setter:ident ($($type:tt)+)),* $(,)?) => {
        impl<$($of)* {
            $(
                #[doc = concat!("Sets [`", stringify!($name), "`](Options#structfield.", stringify!($name), "). ", $effect)]
                ///
                /// # Errors
                /// [`InvalidOption`](Error::InvalidOption): the value cannot be used; the former one stays.
                pub fn $setter(&self, $name: setters!(@argument $($type)+)) -> Result<(), Error> {
                    self.change(|options| options.$name($name))
                }
            )*
        }
    };
}

setters! {
    [P: Pattern, N: Network> Socket<P, N>]
    "Takes effect at once, for the pipes that there are, too. A lower mark drops nothing: a pipe that holds more takes nothing until it holds less.":
    sndhwm set_sndhwm (usize),
    rcvhwm set_rcvhwm (usize),
    sndhwm_bytes set_sndhwm_bytes (usize),
    rcvhwm_bytes set_rcvhwm_bytes (usize),
}

setters! {
    [P: Pattern, N: Network> Socket<P, N>]
    "Takes effect for every endpoint and connection that is given up from now on.":
    linger set_linger (Option<Duration>),
}

setters! {
    [P: Pattern, N: Network> Socket<P, N>]
    "Takes effect for operations that begin to wait from now on.":
    sndtimeo set_sndtimeo (Option<Duration>),
    rcvtimeo set_rcvtimeo (Option<Duration>),
    busy_poll set_busy_poll (Duration),
}

setters! {
    [P: Pattern, N: Network> Socket<P, N>]
    "Takes effect at once.":
    rcvbuf_pending set_rcvbuf_pending (usize),
}

setters! {
    [P: Pattern, N: Network> Socket<P, N>]
    "Takes effect for the next connection; those that there are stay, even if there are more.":
    connections_max set_connections_max (usize),
}

setters! {
    [P: Pattern, N: Network> Socket<P, N>]
    "Takes effect for endpoints that are bound or connected from now on; others keep what they began with, also when they reconnect.":
    reconnect_ivl set_reconnect_ivl (Option<Duration>),
    reconnect_ivl_max set_reconnect_ivl_max (Duration),
    connect_timeout set_connect_timeout (Duration),
    handshake_ivl set_handshake_ivl (Duration),
    heartbeat_ivl set_heartbeat_ivl (Duration),
    heartbeat_timeout set_heartbeat_timeout (Option<Duration>),
    heartbeat_ttl set_heartbeat_ttl (Duration),
    maxmsgsize set_maxmsgsize (Option<u64>),
    immediate set_immediate (bool),
    stream set_stream (StreamOptions),
}

/// The setters of sockets that announce themselves to ROUTERs.
macro_rules! named_setters {
    ($($pattern:ident)*) => {$(
        setters! {
            [N: Network> Socket<$pattern, N>]
            "Takes effect for endpoints that are bound or connected from now on; others keep what they began with, also when they reconnect.":
            routing_id set_routing_id (Bytes),
        }

        setters! {
            [N: Network> Socket<$pattern, N>]
            "Takes effect for connections whose handshake completes from now on.":
            probe_router set_probe_router (bool),
        }
    )*};
}

named_setters! { Req Dealer Router }

setters! {
    [N: Network> Socket<Router, N>]
    "Takes effect at once.":
    router_mandatory set_router_mandatory (bool),
    router_handover set_router_handover (bool),
}

setters! {
    [N: Network> Socket<Req, N>]
    "Takes effect with the next request.":
    req_correlate set_req_correlate (bool),
    req_relaxed set_req_relaxed (bool),
}

setters! {
    [N: Network> Socket<Pub, N>]
    "Takes effect at once.":
    xpub_nodrop set_xpub_nodrop (bool),
}

setters! {
    [N: Network> Socket<XPub, N>]
    "Takes effect at once.":
    xpub_nodrop set_xpub_nodrop (bool),
    xpub_verbose set_xpub_verbose (bool),
    xpub_verboser set_xpub_verboser (bool),
}
