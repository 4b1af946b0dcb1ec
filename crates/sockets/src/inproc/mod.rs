//! Sockets of one context face each other: a pipe between two threads, without a driver, a codec or a handshake.
//!
//! `connect` makes the pipe, attaches one end at once and offers the other under the name. Whoever binds the name
//! takes it, on its own thread. What a handshake would have told lies beside the offer and the binding. Each side
//! has one task for an endpoint, which tells the socket about peers that come and go; messages never pass it.

mod binder;
mod connector;
mod introduction;
mod listing;

pub(crate) use self::binder::bind;
pub(crate) use self::connector::connect;
pub(crate) use self::introduction::Introduction;
pub(crate) use self::listing::list;
pub use self::listing::{InprocEndpoint, InprocPipe};

use bytes::Bytes;
use seaworthy_core::inproc::{Arrivals, Binding, Offering, Registry};
use seaworthy_core::pipe::Gauge;

use crate::parcel::PipeEnd;
use crate::peers::PeerId;
use crate::transport::Port;

/// What a connecting socket offers.
#[derive(Debug)]
pub(crate) struct Offer {
    /// The end for the socket that binds.
    pipe: PipeEnd,
    /// Who offers it.
    from: Introduction,
}

/// The names of one context. A gauge looks at a pipe from its connecting end.
pub(crate) type Names = Registry<Introduction, Gauge, Box<Offer>>;
pub(crate) type NameBinding = Binding<Introduction, Gauge, Box<Offer>>;
type NameArrivals = Arrivals<Introduction, Gauge, Box<Offer>>;
type NameOffering = Offering<Introduction, Gauge, Box<Offer>>;

/// Tells a socket who is at the other end of a peer's pipe. Returns by what name the socket knows it from now on.
fn introduce(port: &dyn Port, id: PeerId, other: &Introduction) -> Bytes {
    port.introduce(id, &other.routing_id);
    let name = port.routing_id(id);
    if name.is_empty() { other.routing_id.clone() } else { name }
}

/// What monitors are told as the place of a peer: it has none but the context.
const PEER_ADDRESS: &str = "inproc";
