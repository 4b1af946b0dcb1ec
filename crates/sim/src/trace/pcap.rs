//! The packets of a run as a pcapng file, for Wireshark and its kin.
//!
//! The capture is taken where packets leave their hosts: one interface for each host, each packet once, those that
//! get lost included. A comment on each packet says what became of it. Simulated time counts from 1970, hosts have
//! their names, and ports are the scenario's, so `tcp.port == 5555` decodes as ZMTP.

use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::time::Duration;

use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::blocks::name_resolution::{Ipv4Record, NameResolutionBlock, Record};
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::pcapng::{PcapNgBlock, PcapNgWriter};
use pcap_file::{DataLink, PcapError};

use super::capture::Packet;
use super::name::Name;

/// Timestamps count nanoseconds: 10 to the power of -9.
const NANOSECONDS: u8 = 9;

/// Writes packets. `hosts` are the hosts' names, by number.
///
/// # Errors
/// What `out` says.
pub fn write(out: impl Write, hosts: &[Name], packets: &[Packet]) -> io::Result<()> {
    write_blocks(out, hosts, packets).map_err(|error| match error {
        PcapError::IoError(error) => error,
        other => io::Error::other(other),
    })
}

fn write_blocks(out: impl Write, hosts: &[Name], packets: &[Packet]) -> Result<(), PcapError> {
    let application = format!("seaworthy {}", env!("CARGO_PKG_VERSION"));
    let section = SectionHeaderBlock {
        options: vec![SectionHeaderOption::UserApplication(application.into())],
        ..SectionHeaderBlock::default()
    };
    let mut writer = PcapNgWriter::with_section_header(out, section)?;
    for host in hosts {
        writer.write_pcapng_block(InterfaceDescriptionBlock {
            linktype: DataLink::RAW,
            snaplen: 0,
            options: vec![
                InterfaceDescriptionOption::IfName(host.as_ref().into()),
                InterfaceDescriptionOption::IfTsResol(NANOSECONDS),
            ],
        })?;
    }
    let records = names(hosts, packets);
    if !records.is_empty() {
        writer.write_pcapng_block(NameResolutionBlock { records, options: Vec::new() })?;
    }
    for packet in packets {
        let comment: Vec<_> = packet.fates.iter().map(ToString::to_string).collect();
        let comment = if comment.is_empty() { "under way at the end".to_owned() } else { comment.join("; ") };
        writer.write_block(
            &EnhancedPacketBlock {
                interface_id: packet.from as u32,
                timestamp: Duration::from_nanos(packet.sent),
                original_len: packet.bytes.len() as u32,
                data: packet.bytes.as_slice().into(),
                options: vec![EnhancedPacketOption::Comment(comment.into())],
            }
            .into_block(),
        )?;
    }
    writer.into_inner().flush().map_err(PcapError::IoError)
}

/// The name of each host that sent something, by the address it sent from.
fn names<'a>(hosts: &'a [Name], packets: &[Packet]) -> Vec<Record<'a>> {
    let address = |host: usize| {
        let first = packets.iter().find(|packet| packet.from == host)?;
        first.bytes.get(12..16).map(<[u8]>::to_vec)
    };
    let record = |(number, name): (usize, &'a Name)| {
        let ip_addr = address(number)?;
        Some(Record::Ipv4(Ipv4Record { ip_addr: ip_addr.into(), names: vec![name.as_ref().into()] }))
    };
    hosts.iter().enumerate().filter_map(record).collect()
}

/// One end of a tcp connection, and what a packet says, in words: `10.0.0.1:49152 > 10.0.0.2:5555 SYN 0 B`.
pub(super) fn describe(packet: &[u8]) -> String {
    let read = || {
        let octets = |at: usize| -> Option<Ipv4Addr> {
            Some(Ipv4Addr::from(<[u8; 4]>::try_from(packet.get(at..at + 4)?).ok()?))
        };
        let header = usize::from(packet.first()? & 0x0f) * 4;
        let tcp = packet.get(header..)?;
        let short =
            |at: usize| -> Option<u16> { Some(u16::from_be_bytes(tcp.get(at..at + 2)?.try_into().ok()?)) };
        let long =
            |at: usize| -> Option<u32> { Some(u32::from_be_bytes(tcp.get(at..at + 4)?.try_into().ok()?)) };
        let flags = *tcp.get(13)?;
        let names = [(0x02, "SYN"), (0x10, "ACK"), (0x08, "PSH"), (0x01, "FIN"), (0x04, "RST")];
        let flags: Vec<_> = names.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| *name).collect();
        let data = tcp.len().checked_sub(usize::from(*tcp.get(12)? >> 4) * 4)?;
        Some(format!(
            "{}:{} > {}:{} {} {data} B, seq {} ack {} window {}",
            octets(12)?,
            short(0)?,
            octets(16)?,
            short(2)?,
            flags.join(" "),
            long(4)?,
            long(8)?,
            short(14)?
        ))
    };
    read().unwrap_or_else(|| format!("{} B that are no TCP", packet.len()))
}

#[cfg(test)]
mod tests {
    use pcap_file::pcapng::{Block, PcapNgReader};

    use super::super::capture::Fate;
    use super::*;
    use seaworthy_engine::DropReason;

    /// A SYN from 10.0.0.1:49152 to 10.0.0.2:5555, with `data` bytes behind it.
    fn packet(number: u64, sent: u64, data: usize, fates: Vec<Fate>) -> Packet {
        let mut bytes = vec![0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        bytes.extend_from_slice(&[0xc0, 0, 0x15, 0xb3, 0, 0, 0, 9, 0, 0, 0, 0, 0x50, 0x02, 1, 0, 0, 0, 0, 0]);
        bytes.resize(40 + data, 7);
        Packet { number, from: 0, to: Some(1), sent, bytes, fates }
    }

    fn blocks(file: &[u8]) -> Vec<Block<'static>> {
        let mut reader = PcapNgReader::new(file).unwrap();
        let mut blocks = Vec::new();
        while let Some(block) = reader.next_block() {
            blocks.push(block.unwrap().into_owned());
        }
        blocks
    }

    #[test]
    fn every_packet_is_there_with_its_time_its_host_and_its_fate() {
        let packets = [
            packet(0, 1_500_000_001, 0, vec![Fate::Delivered(1_502_000_000)]),
            packet(1, 5_000_000_000_000_000_000, 3, vec![Fate::Dropped(7, DropReason::Cut)]),
            packet(2, 5_000_000_000_000_000_001, 0, vec![]),
        ];
        let mut file = Vec::new();
        write(&mut file, &["source".into(), "worker".into()], &packets).unwrap();
        assert_eq!(file[..4], [0x0a, 0x0d, 0x0d, 0x0a], "a section header begins the file");
        assert_eq!(file.len() % 4, 0, "blocks are padded");

        let blocks = blocks(&file);
        let interfaces: Vec<_> =
            blocks.iter().filter_map(|block| block.clone().into_interface_description()).collect();
        assert_eq!(interfaces.len(), 2);
        assert!(interfaces.iter().all(|interface| interface.linktype == DataLink::RAW));
        assert!(interfaces[1].options.contains(&InterfaceDescriptionOption::IfName("worker".into())));
        assert!(interfaces[1].options.contains(&InterfaceDescriptionOption::IfTsResol(9)));

        let read: Vec<_> = blocks.into_iter().filter_map(Block::into_enhanced_packet).collect();
        assert_eq!(read.len(), packets.len());
        for (read, packet) in read.iter().zip(&packets) {
            assert_eq!(read.timestamp, Duration::from_nanos(packet.sent));
            assert_eq!((&*read.data, read.interface_id), (&*packet.bytes, 0));
        }
        let comment = |at: usize| read[at].options.clone();
        assert_eq!(comment(1), [EnhancedPacketOption::Comment("lost at 0.000000 s: the link is cut".into())]);
        assert_eq!(comment(2), [EnhancedPacketOption::Comment("under way at the end".into())]);
    }

    #[test]
    fn hosts_that_sent_something_have_names() {
        let mut file = Vec::new();
        write(&mut file, &["source".into(), "worker".into()], &[packet(0, 0, 0, vec![])]).unwrap();
        let names: Vec<_> = blocks(&file).into_iter().filter_map(Block::into_name_resolution).collect();
        let record = Ipv4Record { ip_addr: vec![10, 0, 0, 1].into(), names: vec!["source".into()] };
        assert_eq!(names[0].records, [Record::Ipv4(record)]);
    }

    #[test]
    fn a_packet_is_described_and_rubbish_is_survived() {
        let whole = packet(0, 0, 3, vec![]).bytes;
        assert_eq!(describe(&whole), "10.0.0.1:49152 > 10.0.0.2:5555 SYN 3 B, seq 9 ack 0 window 256");
        for length in 0..whole.len().min(36) {
            assert_eq!(describe(&whole[..length]), format!("{length} B that are no TCP"));
        }
    }
}
