//! Sequence numbers of bare acknowledgements.
//!
//! When smoltcp 0.14 retransmits, it goes back to the first byte that was not acknowledged, and numbers the bare ACKs it
//! sends meanwhile from there, too. If both ends go back at once, each takes the other's ACKs for old segments and
//! drops them unread, and the connection stands still for ever. RFC 9293 (3.10.7.4) numbers an ACK with SND.NXT,
//! which never goes back; so does this.
//!
//! What lies outside its window is dropped unread as well. So, as in Linux (`tcp_acceptable_seq`), no ACK is numbered
//! beyond the window of the peer: neither after a byte that only probed a window that is closed, nor after bytes from
//! which the peer has withdrawn its window. Else a direction that stands still would stop the other.

use smoltcp::wire::{IpAddress, Ipv4Packet, TcpPacket, TcpSeqNumber};

use crate::kernel::header::Header;

/// How far a connection has sent, and how far it may.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    /// The number after the last byte that was ever sent.
    highest: Option<TcpSeqNumber>,
    /// The peer's last acknowledgement, and the end of the window it announced with it.
    window: Option<(TcpSeqNumber, TcpSeqNumber)>,
    /// By how many bits the peer's windows are shifted.
    scale: u8,
}

impl Sequence {
    /// Learns from a packet of the peer.
    pub(crate) fn heard(&mut self, header: &Header) {
        let Header { acknowledges, window, syn, .. } = *header;
        if let Some(scale) = header.window_scale {
            self.scale = scale;
        }
        let Some(acknowledged) = acknowledges else { return };
        if self.window.is_none_or(|(before, _)| acknowledged >= before) {
            let bytes = usize::from(window) << if syn { 0 } else { self.scale };
            self.window = Some((acknowledged, acknowledged + bytes));
        }
    }

    /// Learns from a packet that is about to leave; if it is a bare ACK, puts its number right. True if the packet asks
    /// for an answer.
    pub(crate) fn number(&mut self, packet: &mut [u8]) -> bool {
        let Ok(mut ip) = Ipv4Packet::new_checked(packet) else { return false };
        let (source, destination) = (ip.src_addr(), ip.dst_addr());
        let Ok(mut tcp) = TcpPacket::new_checked(ip.payload_mut()) else { return false };
        if tcp.rst() {
            return false;
        }
        let (start, length) = (tcp.seq_number(), tcp.segment_len());
        let highest = *self.highest.get_or_insert(start);
        if length > 0 {
            self.highest = Some(highest.max(start + length));
            return true;
        }
        let next = highest.max(start);
        let number = self.window.map_or(next, |(_, end)| next.min(end));
        if number != start {
            tcp.set_seq_number(number);
            tcp.fill_checksum(&IpAddress::Ipv4(source), &IpAddress::Ipv4(destination));
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use smoltcp::phy::ChecksumCapabilities;
    use smoltcp::wire::{IpProtocol, Ipv4Address, Ipv4Repr, TcpControl, TcpRepr};

    use super::*;
    use crate::id::Addresses;

    const SOURCE: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
    const DESTINATION: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);

    fn packet(number: u32, acknowledges: u32, window: u16, payload: &[u8]) -> Vec<u8> {
        let tcp = TcpRepr {
            src_port: 1,
            dst_port: 2,
            control: TcpControl::None,
            seq_number: TcpSeqNumber(number as i32),
            ack_number: Some(TcpSeqNumber(acknowledges as i32)),
            window_len: window,
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
    fn leaves(sequence: &mut Sequence, number: u32, payload: &[u8]) -> u32 {
        let mut bytes = packet(number, 7, 100, payload);
        sequence.number(&mut bytes);
        let ip = Ipv4Packet::new_checked(&bytes[..]).unwrap();
        let tcp = TcpPacket::new_checked(ip.payload()).unwrap();
        assert!(tcp.verify_checksum(&IpAddress::Ipv4(SOURCE), &IpAddress::Ipv4(DESTINATION)));
        tcp.seq_number().0 as u32
    }

    fn hears(sequence: &mut Sequence, acknowledges: u32, window: u16) {
        sequence.heard(&Header::parse(&packet(5, acknowledges, window, b"")).unwrap());
    }

    #[test]
    fn a_bare_ack_never_goes_back_and_data_does() {
        let mut sequence = Sequence::default();
        assert_eq!(leaves(&mut sequence, 1000, b""), 1000);
        assert_eq!(leaves(&mut sequence, 1000, b"abc"), 1000);
        assert_eq!(leaves(&mut sequence, 1003, b"def"), 1003);
        assert_eq!(leaves(&mut sequence, 1000, b"abc"), 1000, "a retransmission keeps its number");
        assert_eq!(leaves(&mut sequence, 1003, b""), 1006, "an ACK after it does not go back");
        assert_eq!(leaves(&mut sequence, 1006, b""), 1006);
    }

    #[test]
    fn numbers_wrap_around() {
        let mut sequence = Sequence::default();
        leaves(&mut sequence, u32::MAX - 1, b"abcd");
        assert_eq!(leaves(&mut sequence, u32::MAX - 1, b""), 2);
    }

    #[test]
    fn no_ack_is_numbered_beyond_a_window_that_is_closed() {
        let mut sequence = Sequence::default();
        hears(&mut sequence, 1000, 3);
        leaves(&mut sequence, 1000, b"abc");
        assert_eq!(leaves(&mut sequence, 1003, b""), 1003);
        hears(&mut sequence, 1003, 0);
        assert_eq!(leaves(&mut sequence, 1003, b"d"), 1003, "a probe");
        assert_eq!(leaves(&mut sequence, 1003, b""), 1003, "which the peer cannot take");
        hears(&mut sequence, 1000, 9);
        assert_eq!(leaves(&mut sequence, 1003, b""), 1003, "what was overtaken counts no more");
        hears(&mut sequence, 1003, 1);
        assert_eq!(leaves(&mut sequence, 1003, b""), 1004, "now it can");
    }

    #[test]
    fn no_ack_is_numbered_beyond_a_window_that_shrank() {
        let mut sequence = Sequence::default();
        hears(&mut sequence, 1000, 6);
        leaves(&mut sequence, 1000, b"abcdef");
        hears(&mut sequence, 1003, 1);
        assert_eq!(leaves(&mut sequence, 1006, b""), 1004);
    }

    #[test]
    fn a_window_is_scaled_as_the_syn_said() {
        let mut sequence = Sequence::default();
        let heard = |window_scale, syn, window| Header {
            addresses: Addresses {
                local: "10.0.0.1:1".parse().unwrap(),
                remote: "10.0.0.2:2".parse().unwrap(),
            },
            syn,
            rst: false,
            acknowledges: Some(TcpSeqNumber(1000)),
            window,
            window_scale,
        };
        leaves(&mut sequence, 1000, &[0; 50]);
        sequence.heard(&heard(Some(4), true, 10));
        assert_eq!(leaves(&mut sequence, 1000, b""), 1010, "its own window is not");
        sequence.heard(&heard(None, false, 2));
        assert_eq!(leaves(&mut sequence, 1000, b""), 1032);
    }
}
