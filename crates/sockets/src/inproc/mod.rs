//! Sockets of one context face each other: a pipe between two threads, without a driver, a codec or a handshake.
//!
//! `connect` makes the pipe, attaches one end at once and offers the other under the name. The socket that
//! binds the name takes it, on its own thread. What a handshake would have said lies beside the offer and the binding. Each side
//! has one task for an endpoint, which tells the socket about peers that come and go; messages never pass it.

mod binder;
mod connector;
mod listing;
mod peer_info;

pub(crate) use self::binder::bind;
pub(crate) use self::connector::connect;
pub(crate) use self::listing::list;
pub use self::listing::{InprocEndpoint, InprocPipe};
pub(crate) use self::peer_info::PeerInfo;
pub use seaworthy_core::pipe::QueueDepth;

use bytes::Bytes;
use seaworthy_core::inproc::{Arrivals, Binding, Offering, Registry};
use seaworthy_core::pipe::PipeStats;

use crate::peer_id::PeerId;
use crate::pipe_item::PipeEnd;
use crate::transport::SocketRef;

/// What a connecting socket offers.
#[derive(Debug)]
pub(crate) struct Offer {
    /// The end for the socket that binds.
    pipe: PipeEnd,
    /// Who offers it.
    from: PeerInfo,
}

/// The names of one context. The stats of a pipe are those of its connecting end.
pub(crate) type Names = Registry<PeerInfo, PipeStats, Box<Offer>>;
pub(crate) type NameBinding = Binding<PeerInfo, PipeStats, Box<Offer>>;
type NameArrivals = Arrivals<PeerInfo, PipeStats, Box<Offer>>;
type NameOffering = Offering<PeerInfo, PipeStats, Box<Offer>>;

/// Announces to a socket which other one is at the end of a peer's pipe. Returns the name by which it is known from now
/// on.
fn inproc_connected(socket: &dyn SocketRef, id: PeerId, other: &PeerInfo) -> Bytes {
    socket.inproc_connected(id, &other.routing_id);
    let name = socket.routing_id(id);
    if name.is_empty() { other.routing_id.clone() } else { name }
}

/// The address of a peer in events: it has none but the context.
const PEER_ADDRESS: &str = "inproc";
