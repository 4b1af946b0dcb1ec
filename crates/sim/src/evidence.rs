//! What a run of somebody's programs leaves behind: its trace, its packets, and a page that shows both.

use std::io::{self, Write};

use crate::sim::{Failure, Sim};
use crate::trace::page::Page;
use crate::trace::{Audit, Line, Name, Packet, Trace, pcap};

/// A finished run, without its simulation.
#[derive(Debug)]
pub(crate) struct Evidence {
    pub(crate) seed: u64,
    pub(crate) hosts: Vec<Name>,
    pub(crate) trace: Trace,
    pub(crate) audit: Audit,
    pub(crate) packets: Option<Vec<Packet>>,
}

impl Evidence {
    /// Takes the record out of a simulation.
    pub(crate) fn of(sim: &Sim) -> Self {
        let (trace, audit) = sim.world.log.as_ref().map(|log| log.recorder.finish()).unwrap_or_default();
        let packets = sim.capture.as_ref().map(|capture| capture.finish());
        Self { seed: sim.world.settings.seed, hosts: host_names(sim), trace, audit, packets }
    }

    /// The page of the run.
    pub(crate) fn page(&self, title: &str, failure: Option<&Failure>, failed: bool) -> String {
        page(self.seed, title, &self.hosts, &self.trace, self.packets.as_deref(), failure, failed)
    }
}

fn host_names(sim: &Sim) -> Vec<Name> {
    sim.world.log.as_ref().map(|log| log.hosts.borrow().clone()).unwrap_or_default()
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
        let events = |log: &crate::log::Log| log.recorder.look(<[_]>::to_vec);
        Trace { events: self.world.log.as_ref().map(events).unwrap_or_default() }
    }

    /// What happened so far as a page for a browser, which needs no other file.
    pub fn to_html(&self, title: &str) -> String {
        let packets = self.capture.as_ref().map(|capture| capture.packets());
        let failure = self.world.failure();
        let seed = self.world.settings.seed;
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
