//! Sequence numbers of bare acknowledgements.
//!
//! When smoltcp 0.14 retransmits, it goes back to the first byte that was not acknowledged, and numbers the bare ACKs it
//! sends meanwhile from there, too. If both ends go back at once, each takes the other's ACKs for old segments and
//! drops them unread, and the connection stands still for ever. RFC 9293 (3.10.7.4) numbers an ACK with SND.NXT,
//! which never goes back; so does this.

use smoltcp::wire::{IpAddress, Ipv4Packet, TcpPacket, TcpSeqNumber};

/// The number after the last byte that a connection ever sent.
#[derive(Debug, Default)]
pub(crate) struct HighestSent(Option<TcpSeqNumber>);

impl HighestSent {
    /// Learns from a packet that is about to leave; if it is a bare ACK, puts its number right.
    pub(crate) fn number(&mut self, packet: &mut [u8]) {
        let Ok(mut ip) = Ipv4Packet::new_checked(packet) else { return };
        let (source, destination) = (ip.src_addr(), ip.dst_addr());
        let Ok(mut tcp) = TcpPacket::new_checked(ip.payload_mut()) else { return };
        if tcp.rst() {
            return;
        }
        let (start, length) = (tcp.seq_number(), tcp.segment_len());
        let highest = *self.0.get_or_insert(start);
        if length > 0 {
            self.0 = Some(highest.max(start + length));
        } else if start < highest {
            tcp.set_seq_number(highest);
            tcp.fill_checksum(&IpAddress::Ipv4(source), &IpAddress::Ipv4(destination));
        }
    }
}

#[cfg(test)]
mod tests {
    use smoltcp::phy::ChecksumCapabilities;
    use smoltcp::wire::{IpProtocol, Ipv4Address, Ipv4Repr, TcpControl, TcpRepr};

    use super::*;

    const SOURCE: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
    const DESTINATION: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);

    fn packet(sequence: u32, payload: &[u8]) -> Vec<u8> {
        let tcp = TcpRepr {
            src_port: 1,
            dst_port: 2,
            control: TcpControl::None,
            seq_number: TcpSeqNumber(sequence as i32),
            ack_number: Some(TcpSeqNumber(7)),
            window_len: 100,
            window_scale: None,
            max_seg_size: None,
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: None,
            payload,
        };
        let ip = Ipv4Repr {
            src_addr: SOURCE,
            dst_addr: DESTINATION,
            next_header: IpProtocol::Tcp,
            payload_len: tcp.buffer_len(),
            hop_limit: 64,
        };
        let checksums = ChecksumCapabilities::default();
        let mut bytes = vec![0; ip.buffer_len() + tcp.buffer_len()];
        let mut out = Ipv4Packet::new_unchecked(&mut bytes[..]);
        ip.emit(&mut out, &checksums);
        let addresses = (IpAddress::Ipv4(SOURCE), IpAddress::Ipv4(DESTINATION));
        tcp.emit(&mut TcpPacket::new_unchecked(out.payload_mut()), &addresses.0, &addresses.1, &checksums);
        bytes
    }

    /// The number of a packet after it left, which must still have a good checksum.
    fn leaves(highest: &mut HighestSent, sequence: u32, payload: &[u8]) -> u32 {
        let mut bytes = packet(sequence, payload);
        highest.number(&mut bytes);
        let ip = Ipv4Packet::new_checked(&bytes[..]).unwrap();
        let tcp = TcpPacket::new_checked(ip.payload()).unwrap();
        assert!(tcp.verify_checksum(&IpAddress::Ipv4(SOURCE), &IpAddress::Ipv4(DESTINATION)));
        tcp.seq_number().0 as u32
    }

    #[test]
    fn a_bare_ack_never_goes_back_and_data_does() {
        let mut highest = HighestSent::default();
        assert_eq!(leaves(&mut highest, 1000, b""), 1000);
        assert_eq!(leaves(&mut highest, 1000, b"abc"), 1000);
        assert_eq!(leaves(&mut highest, 1003, b"def"), 1003);
        assert_eq!(leaves(&mut highest, 1000, b"abc"), 1000, "a retransmission keeps its number");
        assert_eq!(leaves(&mut highest, 1003, b""), 1006, "an ACK after it does not go back");
        assert_eq!(leaves(&mut highest, 1006, b""), 1006);
    }

    #[test]
    fn numbers_wrap_around() {
        let mut highest = HighestSent::default();
        leaves(&mut highest, u32::MAX - 1, b"abcd");
        assert_eq!(leaves(&mut highest, u32::MAX - 1, b""), 2);
    }
}
