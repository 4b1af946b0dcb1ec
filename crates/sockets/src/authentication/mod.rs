//! Whether peers may connect: the verdict on those that want to.
//!
//! A server of PLAIN needs one on every client; one of CURVE asks for it if there is somebody to ask or a
//! [`zap_domain`](crate::Options#structfield.zap_domain), and a socket of NULL if it has a domain. It comes from the
//! context's [authenticator](crate::ContextBuilder::authenticator), or else from a handler, which is a REP or a ROUTER
//! of the same context, on any thread, that has bound [`ZAP_ENDPOINT`] and speaks RFC 27. No handler, no answer within
//! [`handshake_ivl`](crate::Options#structfield.handshake_ivl), or one that does not follow the RFC: the peer is not
//! admitted.

mod security;
mod zap;

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use seaworthy_core::{Network, Options};

use crate::context::Context;

pub(crate) use self::security::{Security, faults};
pub use self::zap::ZAP_ENDPOINT;
#[doc(no_inline)]
pub use seaworthy_zmtp::{Credentials, Metadata, Refusal, Verdict};

/// What is known about a peer that wants to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthenticationRequest {
    /// The socket's `zap_domain`.
    pub domain: String,
    /// The IP address of the peer; empty if it has none, as over ipc.
    pub address: String,
    /// The socket's own routing id, which is what libzmq's requests carry.
    pub routing_id: Bytes,
    /// What the peer shows: [`plain`](Credentials::plain) and [`curve`](Credentials::curve) read it.
    pub credentials: Credentials,
}

/// A program's own answer to requests, in place of a handler socket.
#[derive(Clone)]
pub(crate) struct Authenticator(Arc<Answer>);

type Answer = dyn Fn(&AuthenticationRequest) -> Verdict + Send + Sync;

impl Authenticator {
    pub(crate) fn new(answer: impl Fn(&AuthenticationRequest) -> Verdict + Send + Sync + 'static) -> Self {
        Self(Arc::new(answer))
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticator(..)")
    }
}

/// A verdict that is under way.
pub(crate) type PendingVerdict = Pin<Box<dyn Future<Output = Verdict>>>;

/// Gives verdicts on the peers of a socket.
pub(crate) trait Authenticates {
    /// Asks for one on the peer at `peer_address`.
    fn ask(&self, options: &Options, peer_address: &str, credentials: Credentials) -> PendingVerdict;
}

/// The context's authenticator, or its ZAP handler.
struct ByContext<N: Network> {
    context: Context<N>,
    /// Requests so far, whose number is their id.
    requests: Rc<RefCell<u64>>,
}

/// Verdicts for a socket of `context`.
pub(crate) fn by_context<N: Network>(context: &Context<N>) -> Rc<dyn Authenticates> {
    Rc::new(ByContext { context: context.clone(), requests: Rc::default() })
}

impl<N: Network> Authenticates for ByContext<N> {
    fn ask(&self, options: &Options, peer_address: &str, credentials: Credentials) -> PendingVerdict {
        // PLAIN without anybody to ask admits nobody. CURVE without a domain is encryption without authentication
        // ("Stonehouse"), unless there is somebody to ask; NULL asks only for the sake of a domain.
        let is_optional = credentials.mechanism == "CURVE" && options.zap_domain.is_empty();
        let request = AuthenticationRequest {
            domain: options.zap_domain.clone(),
            address: ip_address(peer_address),
            routing_id: options.routing_id.clone(),
            credentials,
        };
        if is_optional && options.zap_enforce_domain {
            return Box::pin(std::future::ready(Verdict::admitted()));
        }
        if let Some(Authenticator(answer)) = self.context.authenticator() {
            return Box::pin(std::future::ready(answer(&request)));
        }
        if !zap::has_handler(&self.context) {
            let verdict =
                if is_optional { Verdict::admitted() } else { Verdict::Refused(Refusal::Temporary) };
            return Box::pin(std::future::ready(verdict));
        }
        let number = {
            let mut requests = self.requests.borrow_mut();
            *requests += 1;
            *requests
        };
        let context = self.context.clone();
        Box::pin(async move { zap::ask(&context, number, request).await })
    }
}

/// The address without its port. RFC 27: "an IPv4 dotted string, or an IPv6 canonical string representation".
fn ip_address(peer_address: &str) -> String {
    peer_address.parse::<std::net::SocketAddr>().map(|address| address.ip().to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_the_address_without_the_port() {
        for (peer, address) in [
            ("10.0.0.7:51000", "10.0.0.7"),
            ("[2001:db8::7]:51000", "2001:db8::7"),
            ("/run/socket", ""),
            ("", ""),
        ] {
            assert_eq!(ip_address(peer), address);
        }
    }
}
