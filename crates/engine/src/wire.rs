//! The wire between the hosts: every pair has a link in each direction, and every packet meets its faults.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::environment::Environment;
use crate::event::{DropReason, Event};
use crate::executor::{Action, Packet};
use crate::host::Host;
use crate::hosts::Hosts;
use crate::id::HostId;
use crate::kernel::header::destination;
use crate::link::{Arrival, Link, Passage};
use crate::rule::{PacketView, Rules, Verdict};

/// All links, made when they are first used.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    pub(crate) rules: Rules,
    links: RefCell<BTreeMap<(HostId, HostId), Link<Packet>>>,
}

impl Wire {
    pub(crate) fn with_link<R>(
        &self,
        environment: &Environment,
        hosts: &Hosts,
        from: HostId,
        to: HostId,
        change: impl FnOnce(&mut Link<Packet>) -> R,
    ) -> R {
        let mut links = self.links.borrow_mut();
        let link = links.entry((from, to)).or_insert_with(|| {
            let name = |host| hosts.get(host).map(|host| host.name.clone()).unwrap_or_default();
            Link::new(environment.settings.seed, &name(from), &name(to), environment.settings.link.clone())
        });
        change(link)
    }

    /// Sends a packet from `from` to the host its header names. What is lost is lost here; what is late is late
    /// here; cuts and holds also meet it on arrival.
    pub(crate) fn send(&self, environment: &Environment, hosts: &Hosts, from: HostId, bytes: Vec<u8>) {
        let id = environment.recorder.next_packet();
        let Some(address) = destination(&bytes) else { return };
        let to = hosts.at(address);
        environment.record(&Event::PacketSent {
            packet: id,
            from,
            to: to.as_ref().map(|to| to.id),
            bytes: &bytes,
        });
        let now = environment.now();
        let packet = Packet { id, bytes };
        let Some(to) = to else {
            // Nobody we know: the backend may (a TurmoilNetwork knows only itself).
            environment.executor.schedule(from, now, Action::Carry { from, to: address, packet });
            return;
        };
        let passage = self.with_link(environment, hosts, from, to.id, |link| link.passage);
        // A closed link still draws, so that a cut does not move the draws of what comes after it.
        let (first, copy) =
            self.with_link(environment, hosts, from, to.id, |link| link.admit(now, packet.bytes.len()));
        let lost = match passage {
            Passage::Cut => Some(DropReason::Cut),
            Passage::BlackHole => Some(DropReason::BlackHole),
            Passage::Open if first.is_none() => Some(DropReason::Loss),
            Passage::Open => None,
        };
        if let Some(reason) = lost {
            return environment.record(&Event::PacketDropped { packet: id, reason });
        }
        let view = PacketView { id, from, to: to.id, bytes: &packet.bytes };
        let verdict = self.rules.verdict(&view);
        if verdict != Verdict::Deliver {
            environment.record(&Event::Ruled { packet: id, from, to: to.id, verdict });
        }
        let (mut first, mut copy, mut packet) = (first, copy, packet);
        match verdict {
            Verdict::Deliver => {}
            Verdict::Drop => {
                return environment.record(&Event::PacketDropped { packet: id, reason: DropReason::Rule });
            }
            Verdict::Delay(later) => {
                for arrival in [&mut first, &mut copy].into_iter().flatten() {
                    arrival.at += later;
                }
            }
            Verdict::Corrupt => {
                let offset = packet.bytes.len().saturating_sub(1);
                if let Some(last) = packet.bytes.last_mut() {
                    *last ^= 1;
                }
                environment.record(&Event::PacketCorrupted { packet: id, offset });
            }
        }
        if copy.is_some() {
            environment.record(&Event::PacketDuplicated { packet: id });
        }
        if let Some(copy) = copy {
            Self::dispatch(environment, from, address, packet.clone(), copy);
        }
        if let Some(first) = first {
            Self::dispatch(environment, from, address, packet, first);
        }
    }

    /// Puts one copy of a packet on its way.
    fn dispatch(environment: &Environment, from: HostId, to: Ipv4Addr, mut packet: Packet, arrival: Arrival) {
        if let Some(bit) = arrival.flipped_bit {
            let offset = (bit / 8) as usize;
            if let Some(byte) = packet.bytes.get_mut(offset) {
                *byte ^= 1 << (bit % 8);
            }
            environment.record(&Event::PacketCorrupted { packet: packet.id, offset });
        }
        if arrival.reordered {
            environment.record(&Event::PacketReordered { packet: packet.id });
        }
        environment.executor.schedule(from, arrival.at, Action::Carry { from, to, packet });
    }

    /// A packet has come to the end of the wire.
    pub(crate) fn deliver(
        &self,
        environment: &Environment,
        hosts: &Hosts,
        from: Option<HostId>,
        to: &Host,
        packet: Packet,
    ) {
        let id = packet.id;
        let packet = match from {
            None => packet,
            Some(from) => {
                let passage = self.with_link(environment, hosts, from, to.id, |link| match &mut link.held {
                    _ if link.passage == Passage::Cut => Err(true),
                    Some(held) => {
                        held.push(packet);
                        Err(false)
                    }
                    None => Ok(packet),
                });
                match passage {
                    Ok(packet) => packet,
                    Err(true) => {
                        return environment
                            .record(&Event::PacketDropped { packet: id, reason: DropReason::Cut });
                    }
                    Err(false) => return,
                }
            }
        };
        let kernel = to.kernel();
        if !kernel.has_power() {
            return environment.record(&Event::PacketDropped { packet: id, reason: DropReason::HostDown });
        }
        environment.record(&Event::PacketDelivered { packet: id, to: to.id, bytes: &packet.bytes });
        kernel.receive(packet.bytes);
    }
}
