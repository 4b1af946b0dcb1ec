//! What Wireshark makes of a run's packets.

use std::path::Path;

use seaworthy_sim::trace::pcap;

use crate::tool::{Folder, STORM, perform, tshark};

/// The arguments that make tshark read ZMTP on a port.
fn zmtp_on(port: u16) -> Vec<String> {
    let known = tshark(&["-G", "protocols"]).lines().any(|line| line.split('\t').nth(2) == Some("zmtp"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("zmtp.lua");
    let script = (!known).then(|| ["-X".to_owned(), format!("lua_script:{}", script.display())]);
    script.into_iter().flatten().chain(["-d".to_owned(), format!("tcp.port=={port},zmtp")]).collect()
}

fn read(file: &Path, port: u16, more: &[&str]) -> String {
    let decode = zmtp_on(port);
    let file = file.display().to_string();
    let arguments: Vec<&str> =
        decode.iter().map(String::as_str).chain(["-r", &file]).chain(more.iter().copied()).collect();
    tshark(&arguments)
}

#[test]
fn packets_dissect_as_tcp_and_zmtp_with_hosts_by_name_and_their_fates() {
    let (plan, _, packets) = perform(STORM);
    let folder = Folder::new("capture");
    let mut bytes = Vec::new();
    pcap::write(&mut bytes, &plan.hosts, &packets).unwrap();
    let file = folder.write("storm.pcapng", bytes);

    let protocols = read(&file, 5555, &["-T", "fields", "-e", "_ws.col.Protocol"]);
    assert_eq!(protocols.lines().count(), packets.len(), "every packet is there");
    let zmtp = protocols.lines().filter(|protocol| *protocol == "ZMTP").count();
    assert!(zmtp > 50, "{zmtp} packets are ZMTP, and 50 messages were sent");
    assert!(protocols.lines().all(|protocol| ["TCP", "ZMTP"].contains(&protocol)), "{protocols}");

    let details = read(&file, 5555, &["-V"]);
    for said in ["NULL", "READY", "Socket-Type", "Interface name: worker-2", "Arrival Time: Jan  1, 1970"] {
        assert!(details.contains(said), "{said}");
    }
    assert!(details.contains("the link is cut"), "a comment says why a packet never came");

    let check = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-Y"];
    let wrong = "tcp.checksum.status == Bad || ip.checksum.status == Bad || _ws.malformed";
    let wrong = read(&file, 5555, &[&check[..], &[wrong]].concat());
    assert_eq!(wrong, "", "nothing is malformed");
    let names = read(&file, 5555, &["-N", "n", "-Y", "tcp.flags.syn == 1 && tcp.flags.ack == 0"]);
    assert!(names.contains("worker-1 → source"), "{names}");
}

#[test]
fn on_another_port_nothing_is_taken_for_zmtp() {
    let (plan, _, packets) = perform(STORM);
    let folder = Folder::new("other-port");
    let mut bytes = Vec::new();
    pcap::write(&mut bytes, &plan.hosts, &packets).unwrap();
    let file = folder.write("storm.pcapng", bytes);
    let protocols = read(&file, 7, &["-T", "fields", "-e", "_ws.col.Protocol"]);
    assert!(!protocols.contains("ZMTP"), "{protocols}");
}
