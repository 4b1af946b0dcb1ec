//! What a run of somebody's programs leaves behind: its trace, its packets, and a page that shows both.

use std::io::{self, Write};

use seaworthy_engine::Failure;

use super::sim::Sim;
use crate::trace::page::Page;
use crate::trace::{Audit, Line, Log, Name, Packet, Trace, pcap};

/// A finished run, without its simulation.
#[derive(Debug)]
pub(super) struct Artifacts {
    pub(super) seed: u64,
    pub(super) hosts: Vec<Name>,
    pub(super) trace: Trace,
    pub(super) audit: Audit,
    pub(super) packets: Option<Vec<Packet>>,
}

impl Artifacts {
    /// Takes the record out of a simulation.
    pub(super) fn of(sim: &Sim) -> Self {
        let (trace, audit) = sim.log.as_ref().map(|log| log.recorder.finish()).unwrap_or_default();
        let packets = sim.capture.as_ref().map(|capture| capture.finish());
        Self { seed: sim.simulation.settings().seed, hosts: host_names(sim), trace, audit, packets }
    }

    /// The page of the run.
    pub(super) fn page(&self, title: &str, failure: Option<&Failure>, failed: bool) -> String {
        page(self.seed, title, &self.hosts, &self.trace, self.packets.as_deref(), failure, failed)
    }
}

fn host_names(sim: &Sim) -> Vec<Name> {
    sim.log.as_ref().map(|log| log.hosts.borrow().clone()).unwrap_or_default()
}

fn page(
    seed: u64,
    title: &str,
    hosts: &[Name],
    trace: &Trace,
    packets: Option<&[Packet]>,
    failure: Option<&Failure>,
    failed: bool,
) -> String {
    let findings = match failure {
        Some(Failure::Violations(violations)) => violations.as_slice(),
        _ => &[],
    };
    let page = Page {
        title,
        facts: &[("seed", seed.to_string())],
        verdict: Some(if failed { "failed" } else { "passed" }),
        findings,
        hosts,
        lines: &Line::of_trace(trace),
        packets,
    };
    page.to_html()
}

impl Sim {
    /// What happened so far. Empty without [`record`](crate::SimBuilder::record).
    pub fn trace(&self) -> Trace {
        let events = |log: &Log| log.recorder.look(<[_]>::to_vec);
        Trace { events: self.log.as_ref().map(events).unwrap_or_default() }
    }

    /// What happened so far as a page for a browser, which needs no other file.
    pub fn to_html(&self, title: &str) -> String {
        let packets = self.capture.as_ref().map(|capture| capture.packets());
        let failure = self.simulation.failure();
        let seed = self.simulation.settings().seed;
        page(
            seed,
            title,
            &host_names(self),
            &self.trace(),
            packets.as_deref(),
            failure.as_ref(),
            failure.is_some(),
        )
    }

    /// Writes the packets so far for Wireshark. None without [`capture`](crate::SimBuilder::capture).
    ///
    /// # Errors
    /// What `out` says.
    pub fn write_pcap(&self, out: impl Write) -> io::Result<()> {
        let packets = self.capture.as_ref().map(|capture| capture.packets()).unwrap_or_default();
        pcap::write(out, &host_names(self), &packets)
    }
}
