//! The few fields of a packet that are read apart from smoltcp. A packet that is corrupt has none.

use std::net::{Ipv4Addr, SocketAddrV4};

use smoltcp::wire::{IpAddress, Ipv4Packet, TcpOption, TcpPacket, TcpSeqNumber};

use crate::id::Addresses;

/// Whose packet it is, and what it says to its connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    /// From the receiver's point of view.
    pub(crate) addresses: Addresses,
    pub(crate) syn: bool,
    pub(crate) rst: bool,
    pub(crate) acknowledges: Option<TcpSeqNumber>,
    /// As it stands there: how it is scaled was said by the SYN.
    pub(crate) window: u16,
    pub(crate) window_scale: Option<u8>,
}

impl Header {
    /// Reads a packet. The only look at its checksums: smoltcp is told not to look.
    pub(crate) fn parse(packet: &[u8]) -> Option<Self> {
        let ip = Ipv4Packet::new_checked(packet).ok()?;
        let (source, destination) = (ip.src_addr(), ip.dst_addr());
        let tcp = TcpPacket::new_checked(ip.payload()).ok()?;
        if !ip.verify_checksum()
            || !tcp.verify_checksum(&IpAddress::Ipv4(source), &IpAddress::Ipv4(destination))
        {
            return None;
        }
        Some(Self {
            addresses: Addresses {
                local: SocketAddrV4::new(destination, tcp.dst_port()),
                remote: SocketAddrV4::new(source, tcp.src_port()),
            },
            syn: tcp.syn(),
            rst: tcp.rst(),
            acknowledges: tcp.ack().then(|| tcp.ack_number()),
            window: tcp.window_len(),
            window_scale: if tcp.syn() { window_scale(tcp.options()) } else { None },
        })
    }

    /// True for the packet that asks for a connection.
    pub(crate) fn is_first_syn(&self) -> bool {
        self.syn && self.acknowledges.is_none() && !self.rst
    }
}

/// The scale of windows that the options of a SYN offer.
fn window_scale(mut options: &[u8]) -> Option<u8> {
    while let Ok((rest, option)) = TcpOption::parse(options) {
        match option {
            TcpOption::WindowScale(scale) => return Some(scale.min(WINDOW_SCALE_MAX)),
            TcpOption::EndOfList => return None,
            _ => options = rest,
        }
    }
    None
}

/// RFC 7323, 2.3.
const WINDOW_SCALE_MAX: u8 = 14;

/// The receiver's address.
pub(crate) fn destination(packet: &[u8]) -> Option<Ipv4Addr> {
    let octets: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
    Some(Ipv4Addr::from(octets))
}

#[cfg(test)]
mod tests {
    use smoltcp::wire::TcpOption;

    use super::window_scale;

    #[test]
    fn the_window_scale_is_found_among_other_options_and_never_too_large() {
        let mut options = [0; 16];
        let rest = TcpOption::MaxSegmentSize(1460).emit(&mut options);
        let rest = TcpOption::NoOperation.emit(rest);
        TcpOption::WindowScale(20).emit(rest);
        assert_eq!(window_scale(&options), Some(14));
        options[5] = 9;
        assert_eq!(window_scale(&options), None, "cut off");
        assert_eq!(window_scale(&[0; 4]), None);
    }
}
