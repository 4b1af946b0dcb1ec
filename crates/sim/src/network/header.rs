//! The few fields of a packet that are read before smoltcp has checked it. If it is corrupt, smoltcp drops it
//! later.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::event::Addresses;

/// Whose packet it is.
pub(crate) struct Header {
    /// From the receiver's point of view.
    pub(crate) addresses: Addresses,
    syn: bool,
    ack: bool,
    pub(crate) rst: bool,
}

impl Header {
    pub(crate) fn parse(packet: &[u8]) -> Option<Self> {
        let address = |at: usize| -> Option<Ipv4Addr> {
            Some(Ipv4Addr::from(<[u8; 4]>::try_from(packet.get(at..at + 4)?).ok()?))
        };
        let tcp = packet.get(usize::from(packet.first()? & 0x0f) * 4..)?;
        let port =
            |at: usize| -> Option<u16> { Some(u16::from_be_bytes(tcp.get(at..at + 2)?.try_into().ok()?)) };
        let flags = *tcp.get(13)?;
        let source = SocketAddrV4::new(address(12)?, port(0)?);
        let destination = SocketAddrV4::new(address(16)?, port(2)?);
        Some(Self {
            addresses: Addresses { local: destination, remote: source },
            syn: flags & 0x02 != 0,
            ack: flags & 0x10 != 0,
            rst: flags & 0x04 != 0,
        })
    }

    /// True for the packet that asks for a connection.
    pub(crate) fn is_first_syn(&self) -> bool {
        self.syn && !self.ack && !self.rst
    }
}

/// The receiver's address.
pub(crate) fn destination(packet: &[u8]) -> Option<Ipv4Addr> {
    let octets: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
    Some(Ipv4Addr::from(octets))
}
