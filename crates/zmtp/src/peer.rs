//! What a handshake reveals about the other end.

use bytes::Bytes;
use seaworthy_core::planted::{Bug, planted};

use crate::config::ConnectionConfig;
use crate::error::{Error, PeerIncompatible, PeerMisbehaved, printable};
use crate::limits::ROUTING_ID_BYTES_MAX;
use crate::metadata::Metadata;
use crate::socket_type::SocketType;
use crate::version::Version;

/// The other end of a connection, as it described itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peer {
    /// Its socket type, one that ours can talk to. `None` when it announced none, as RFC 37 allows.
    pub socket_type: Option<SocketType>,
    /// The routing id it announced: empty, or 1 to 255 bytes not beginning with zero.
    pub routing_id: Bytes,
    /// The version of ZMTP it announced, which may be higher than ours.
    pub version: Version,
    /// Every property it announced, these and others.
    pub metadata: Metadata,
    /// The name of its user, if a verdict on it named one; else empty. Not from the peer.
    pub user_id: Bytes,
    /// More about its user from the verdict. Not from the peer.
    pub user_metadata: Metadata,
}

/// What a verdict said about the peer.
#[derive(Debug, Default)]
pub(crate) struct User {
    pub(crate) user_id: Bytes,
    pub(crate) metadata: Metadata,
}

impl Peer {
    /// Reads `metadata` as `config`'s socket wants it.
    pub(crate) fn new(
        config: &ConnectionConfig,
        version: Version,
        metadata: Metadata,
        user: User,
    ) -> Result<Self, Error> {
        Ok(Self {
            // RFC 37: "The sender SHOULD specify the Socket-Type", so we cannot demand it; libzmq does not.
            socket_type: match metadata.get(Metadata::SOCKET_TYPE) {
                Some(name) => Some(accepted_type(config.socket_type, name)?),
                None => None,
            },
            routing_id: match metadata.get(Metadata::IDENTITY) {
                Some(id) => accepted_routing_id(config.socket_type, id)?,
                None => Bytes::new(),
            },
            version,
            metadata,
            user_id: user.user_id,
            user_metadata: user.metadata,
        })
    }
}

/// RFC 37: "The peer SHOULD enforce that the other peer is using a valid socket type."
fn accepted_type(ours: SocketType, theirs: &Bytes) -> Result<SocketType, PeerIncompatible> {
    SocketType::from_name(theirs)
        .filter(|theirs| ours.can_talk_to(*theirs) || planted(Bug::AnyTypeAccepted))
        .ok_or_else(|| PeerIncompatible::SocketType { ours, theirs: printable(theirs) })
}

/// Only a ROUTER makes use of an identity, so only there a wrong one does harm; others ignore it.
fn accepted_routing_id(ours: SocketType, id: &Bytes) -> Result<Bytes, PeerMisbehaved> {
    match routing_id_fault(id) {
        None => Ok(id.clone()),
        Some(reason) if ours == SocketType::Router => {
            Err(PeerMisbehaved::MalformedMetadata { property: Metadata::IDENTITY.to_owned(), reason })
        }
        Some(_) => Ok(Bytes::new()),
    }
}

/// What is wrong with a routing id. RFC 37: `identity = 0*255OCTET`, "The first octet of the Identity SHALL NOT
/// be zero".
pub(crate) fn routing_id_fault(id: &[u8]) -> Option<&'static str> {
    if id.len() > ROUTING_ID_BYTES_MAX {
        return Some("it is longer than 255 bytes");
    }
    (id.first() == Some(&0)).then_some("it begins with a zero byte, which is reserved")
}
