//! The hosts of a simulation and the wire between them.

use std::net::Ipv4Addr;
use std::rc::{Rc, Weak};

use crate::environment::{Environment, Uplink};
use crate::event::{DropReason, Event};
use crate::executor::{Action, Executor, Packet};
use crate::fault::Fault;
use crate::host::{Host, Program};
use crate::hosts::Hosts;
use crate::id::HostId;
use crate::link::{Link, Passage};
use crate::settings::Settings;
use crate::wire::Wire;

/// The hosts, and everything between them.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) environment: Rc<Environment>,
    pub(crate) hosts: Hosts,
    pub(crate) wire: Wire,
}

impl World {
    pub(crate) fn new(settings: Settings, executor: Rc<dyn Executor>) -> Rc<Self> {
        Rc::new_cyclic(|world: &Weak<Self>| Self {
            environment: Environment::new(settings, executor, world.clone()),
            hosts: Hosts::default(),
            wire: Wire::default(),
        })
    }

    /// Adds a host at the next address.
    pub(crate) fn add_host(&self, name: &str, program: Program) -> Rc<Host> {
        self.add_host_at(name, self.hosts.next_address(), program)
    }

    /// Adds a host at an address that the executor chose.
    pub(crate) fn add_host_at(&self, name: &str, address: Ipv4Addr, program: Program) -> Rc<Host> {
        let environment = Rc::clone(&self.environment);
        let host = Host::new(environment, self.hosts.next_id(), name, address, program);
        self.hosts.add(&host);
        host
    }

    /// True if there is a host with this address, up or down.
    pub(crate) fn is_reachable(&self, address: Ipv4Addr) -> bool {
        self.hosts.at(address).is_some() || self.environment.executor.knows(address)
    }

    /// Ends all tasks, silently, and lets go of the hosts.
    pub(crate) fn end(&self) {
        self.environment.end();
        self.hosts.end();
        self.environment.executor.end();
    }

    pub(crate) fn perform(&self, action: Action) {
        match action {
            Action::Wake(waker) => waker.wake(),
            Action::Kernel(host) => {
                if let Some(host) = self.hosts.get(host) {
                    host.kernel().tick();
                }
            }
            Action::Carry { from, to, packet } => match self.hosts.at(to) {
                Some(host) => self.deliver(Some(from), &host, packet),
                None => {
                    let reason = DropReason::NoRoute;
                    self.environment.record(&Event::PacketDropped { packet: packet.id, reason });
                }
            },
        }
    }

    // The wire.

    pub(crate) fn deliver(&self, from: Option<HostId>, to: &Host, packet: Packet) {
        self.wire.deliver(&self.environment, &self.hosts, from, to, packet);
    }

    pub(crate) fn with_link<R>(
        &self,
        from: HostId,
        to: HostId,
        change: impl FnOnce(&mut Link<Packet>) -> R,
    ) -> R {
        self.wire.with_link(&self.environment, &self.hosts, from, to, change)
    }

    pub(crate) fn set_passage(&self, from: HostId, to: HostId, passage: Passage) {
        let before = self.with_link(from, to, |link| std::mem::replace(&mut link.passage, passage));
        if before != passage {
            self.environment.record(&Event::Fault(match passage {
                Passage::Open => Fault::Healed { from, to },
                Passage::Cut => Fault::Cut { from, to },
                Passage::BlackHole => Fault::BlackHole { from, to },
            }));
        }
    }

    pub(crate) fn hold(&self, from: HostId, to: HostId) {
        let already = self.with_link(from, to, |link| link.held.is_some());
        if !already {
            self.with_link(from, to, |link| link.held = Some(Vec::new()));
            self.environment.record(&Event::Fault(Fault::Held { from, to }));
        }
    }

    pub(crate) fn release(&self, from: HostId, to: HostId) {
        let Some(held) = self.with_link(from, to, |link| link.held.take()) else { return };
        self.environment.record(&Event::Fault(Fault::Released { from, to }));
        let (now, executor) = (self.environment.now(), &self.environment.executor);
        if let Some(receiver) = self.hosts.get(to) {
            for packet in held {
                executor.schedule(from, now, Action::Carry { from, to: receiver.address, packet });
            }
        }
    }
}

impl Uplink for World {
    fn send(&self, from: HostId, packet: Vec<u8>) {
        if !self.environment.has_ended() {
            self.wire.send(&self.environment, &self.hosts, from, packet);
        }
    }
}
