//! The wire between the hosts: every pair has a link in each direction, and every packet meets its faults.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::event::{DropReason, Event, HostId};
use crate::host::Host;
use crate::link::{Arrival, Link, Passage};
use crate::network::header::destination;
use crate::network::{Action, Packet};
use crate::world::World;

/// All links, made when they are first used.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    links: RefCell<BTreeMap<(HostId, HostId), Link<Packet>>>,
}

impl Wire {
    pub(crate) fn with_link<R>(
        &self,
        world: &World,
        from: HostId,
        to: HostId,
        change: impl FnOnce(&mut Link<Packet>) -> R,
    ) -> R {
        let mut links = self.links.borrow_mut();
        let link = links.entry((from, to)).or_insert_with(|| {
            let name = |host| world.host(host).map(|host| host.name.clone()).unwrap_or_default();
            Link::new(world.settings.seed, &name(from), &name(to), world.settings.link.clone())
        });
        change(link)
    }

    /// Sends a packet from `from` to the host its header names. What is lost is lost here; what is late is late
    /// here; cuts and holds also meet it on arrival.
    pub(crate) fn send(&self, world: &World, from: &Host, bytes: Vec<u8>) {
        let id = world.recorder.next_packet();
        let Some(address) = destination(&bytes) else { return };
        let to = world.host_at(address);
        world.record(&Event::PacketSent {
            packet: id,
            from: from.id,
            to: to.as_ref().map(|to| to.id),
            bytes: &bytes,
        });
        let now = world.now();
        let packet = Packet { id, bytes };
        let Some(to) = to else {
            // Nobody we know: the carrier may (a TurmoilNetwork knows only itself).
            world.carrier.schedule(from.id, now, Action::Carry { from: from.id, to: address, packet });
            return;
        };
        let passage = self.with_link(world, from.id, to.id, |link| link.passage);
        // A closed link still draws, so that a cut does not move the draws of what comes after it.
        let (first, copy) = self.with_link(world, from.id, to.id, |link| link.admit(now, packet.bytes.len()));
        let lost = match passage {
            Passage::Cut => Some(DropReason::Cut),
            Passage::BlackHole => Some(DropReason::BlackHole),
            Passage::Open if first.is_none() => Some(DropReason::Loss),
            Passage::Open => None,
        };
        if let Some(reason) = lost {
            return world.record(&Event::PacketDropped { packet: id, reason });
        }
        if copy.is_some() {
            world.record(&Event::PacketDuplicated { packet: id });
        }
        if let Some(copy) = copy {
            self.dispatch(world, from.id, address, packet.clone(), copy);
        }
        if let Some(first) = first {
            self.dispatch(world, from.id, address, packet, first);
        }
    }

    /// Puts one copy of a packet on its way.
    fn dispatch(&self, world: &World, from: HostId, to: Ipv4Addr, mut packet: Packet, arrival: Arrival) {
        if let Some(bit) = arrival.flipped_bit {
            let offset = (bit / 8) as usize;
            if let Some(byte) = packet.bytes.get_mut(offset) {
                *byte ^= 1 << (bit % 8);
            }
            world.record(&Event::PacketCorrupted { packet: packet.id, offset });
        }
        if arrival.reordered {
            world.record(&Event::PacketReordered { packet: packet.id });
        }
        world.carrier.schedule(from, arrival.at, Action::Carry { from, to, packet });
    }

    /// A packet has come to the end of the wire.
    pub(crate) fn deliver(&self, world: &World, from: Option<HostId>, to: &Host, packet: Packet) {
        let id = packet.id;
        let packet = match from {
            None => packet,
            Some(from) => {
                let passage = self.with_link(world, from, to.id, |link| match &mut link.held {
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
                        return world.record(&Event::PacketDropped { packet: id, reason: DropReason::Cut });
                    }
                    Err(false) => return,
                }
            }
        };
        let kernel = to.kernel();
        if !kernel.has_power() {
            return world.record(&Event::PacketDropped { packet: id, reason: DropReason::HostDown });
        }
        world.record(&Event::PacketDelivered { packet: id, to: to.id, bytes: &packet.bytes });
        kernel.receive(packet.bytes);
    }
}
