//! What is refused before anything is done about it: options, endpoints, and messages that no peer would take.

use std::time::Duration;

use seaworthy_core::{Endpoint, Host, IpcPath, Message, Options};
use seaworthy_zmtp::SocketType;
use seaworthy_zmtp::limits::{HEARTBEAT_MIN, MESSAGE_BYTES_MAX, MESSAGE_FRAMES_MAX, ROUTING_ID_BYTES_MAX};

use crate::authentication;
use crate::error::Error;
use crate::outcome::SendRejected;
use crate::patterns::Pattern;

/// Longest time to live that a PING can carry (RFC 37).
const HEARTBEAT_TTL_MAX: Duration = Duration::from_millis(6_553_500);

/// Refuses options that cannot be used, or that sockets of this type do not have.
pub(super) fn check<P: Pattern>(options: &Options) -> Result<(), Error> {
    let invalid = |option, reason| Err(Error::InvalidOption { option, reason });
    if options.routing_id.len() > ROUTING_ID_BYTES_MAX {
        return invalid("routing_id", "it is longer than 255 bytes");
    }
    if options.routing_id.first() == Some(&0) {
        return invalid(
            "routing_id",
            "routing ids that begin with a zero byte are for the receiving ROUTER to give",
        );
    }
    let too_short = |time: Duration| !time.is_zero() && time < HEARTBEAT_MIN;
    if too_short(options.heartbeat_ivl) {
        return invalid("heartbeat_ivl", "it is shorter than 1 ms");
    }
    if options.heartbeat_timeout.is_some_and(too_short) {
        return invalid("heartbeat_timeout", "it is shorter than 1 ms");
    }
    if options.heartbeat_ttl > HEARTBEAT_TTL_MAX {
        return invalid("heartbeat_ttl", "it is longer than the 6553.5 s that a PING can carry");
    }
    let named = matches!(P::TYPE, SocketType::Req | SocketType::Dealer | SocketType::Router);
    let publisher = matches!(P::TYPE, SocketType::Pub | SocketType::XPub);
    for (option, set, has) in [
        ("routing_id", !options.routing_id.is_empty(), named),
        ("probe_router", options.probe_router, named),
        ("router_mandatory", options.router_mandatory, P::TYPE == SocketType::Router),
        ("router_handover", options.router_handover, P::TYPE == SocketType::Router),
        ("req_correlate", options.req_correlate, P::TYPE == SocketType::Req),
        ("req_relaxed", options.req_relaxed, P::TYPE == SocketType::Req),
        ("xpub_nodrop", options.xpub_nodrop, publisher),
        ("xpub_welcome_msg", !options.xpub_welcome_msg.is_empty(), publisher),
        ("xpub_verbose", options.xpub_verbose, P::TYPE == SocketType::XPub),
        ("xpub_verboser", options.xpub_verboser, P::TYPE == SocketType::XPub),
        ("xpub_manual", options.xpub_manual, P::TYPE == SocketType::XPub),
        ("xpub_manual_last_value", options.xpub_manual_last_value, P::TYPE == SocketType::XPub),
        ("xsub_verbose_unsubscribe", options.xsub_verbose_unsubscribe, P::TYPE == SocketType::XSub),
    ] {
        if set && !has {
            return invalid(option, "a socket of this type has no such option");
        }
    }
    if let Some((option, reason)) = authentication::faults(options) {
        return invalid(option, reason);
    }
    if options.stream.sndbuf == Some(0) {
        return invalid("sndbuf", "a buffer of no bytes");
    }
    if options.stream.rcvbuf == Some(0) {
        return invalid("rcvbuf", "a buffer of no bytes");
    }
    Ok(())
}

/// Refuses a message that a Seaworthy peer would refuse, and with it the connection.
#[inline(always)]
pub(super) fn admit<P: Pattern>(pattern: &P, message: &Message) -> Result<(), SendRejected> {
    if message.len() == 1 && message.byte_len() as u64 <= MESSAGE_BYTES_MAX {
        return Ok(());
    }
    admit_unusual(pattern.frames_on_the_wire(message.len()), message.byte_len())
}

#[inline(never)]
fn admit_unusual(frames: usize, bytes: usize) -> Result<(), SendRejected> {
    if frames > MESSAGE_FRAMES_MAX {
        return Err(SendRejected::Failed(Error::TooManyFrames { frames, limit: MESSAGE_FRAMES_MAX }));
    }
    if bytes as u64 > MESSAGE_BYTES_MAX {
        return Err(SendRejected::Failed(Error::MessageTooLarge {
            bytes: bytes as u64,
            limit: MESSAGE_BYTES_MAX,
        }));
    }
    Ok(())
}

/// Why nobody can connect there.
pub(super) fn unconnectable(endpoint: &Endpoint) -> Option<&'static str> {
    match endpoint {
        Endpoint::Tcp { port: 0, .. } | Endpoint::TcpFrom { port: 0, .. } => Some("it has no port"),
        Endpoint::Tcp { host: Host::Ip(ip), .. } | Endpoint::TcpFrom { host: Host::Ip(ip), .. }
            if ip.is_unspecified() =>
        {
            Some("it has no address")
        }
        Endpoint::Ipc(IpcPath::Wildcard) => Some("it has no path"),
        Endpoint::Tcp { .. } | Endpoint::TcpFrom { .. } | Endpoint::Ipc(_) | Endpoint::Inproc(_) => None,
    }
}

/// Why nobody can listen there.
pub(super) fn unbindable(endpoint: &Endpoint) -> Option<&'static str> {
    match endpoint {
        Endpoint::TcpFrom { .. } => Some("a source address is for connecting"),
        Endpoint::Tcp { .. } | Endpoint::Ipc(_) | Endpoint::Inproc(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_the_most_bytes_is_admitted_and_of_one_more_is_not() {
        let most = usize::try_from(MESSAGE_BYTES_MAX).unwrap();
        assert!(admit_unusual(1, most).is_ok());
        let refused = admit_unusual(1, most + 1).unwrap_err();
        assert!(matches!(
            refused,
            SendRejected::Failed(Error::MessageTooLarge { bytes, limit: MESSAGE_BYTES_MAX }) if bytes == MESSAGE_BYTES_MAX + 1
        ));
    }
}
