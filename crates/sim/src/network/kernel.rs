//! A host's kernel: its TCP stack, its ipc sockets, and the timer that drives them.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::net::Ipv4Addr;
use std::rc::{Rc, Weak};

use seaworthy_core::Instant;

use crate::event::ConnectionView;
use crate::host::Host;
use crate::network::ipc::IpcSockets;
use crate::network::stack::Stack;
use crate::network::{Action, Ticket};
use crate::world::World;

/// One boot's kernel. It outlives a killed process, but not the power.
pub(crate) struct Kernel {
    host: Weak<Host>,
    stack: RefCell<Stack>,
    pub(crate) ipc: IpcSockets,
    power: Cell<bool>,
    /// The next look at the stack's timers.
    armed: Cell<Option<Ticket>>,
}

impl Kernel {
    pub(crate) fn new(host: Weak<Host>, world: &World, name: &str, address: Ipv4Addr, boot: u32) -> Rc<Self> {
        Rc::new(Self {
            host,
            stack: RefCell::new(Stack::new(&world.settings, Rc::clone(&world.recorder), name, address, boot)),
            ipc: IpcSockets::default(),
            power: Cell::new(true),
            armed: Cell::new(None),
        })
    }

    pub(crate) fn has_power(&self) -> bool {
        self.power.get()
    }

    /// From here on, nothing that happens to this kernel reaches the wire.
    pub(crate) fn lose_power(&self) {
        self.power.set(false);
    }

    /// Does something to the stack and sends what comes of it. `None` once the power has failed.
    pub(crate) fn with_stack<R>(&self, operate: impl FnOnce(&mut Stack, Instant) -> R) -> Option<R> {
        if !self.has_power() {
            return None;
        }
        let host = self.host.upgrade()?;
        let now = host.world.now();
        let mut stack = self.stack.borrow_mut();
        let result = operate(&mut stack, now);
        while let Some(packet) = stack.take_outgoing() {
            host.world.send(&host, packet);
        }
        self.arm(&host, stack.next_deadline());
        Some(result)
    }

    /// Its tcp connections.
    pub(crate) fn connections(&self) -> Vec<ConnectionView> {
        if self.has_power() { self.stack.borrow().views() } else { Vec::new() }
    }

    /// True when nothing is left to send.
    pub(crate) fn is_idle(&self) -> bool {
        self.stack.borrow().is_idle()
    }

    /// A packet has arrived.
    pub(crate) fn receive(&self, packet: Vec<u8>) {
        self.with_stack(|stack, now| stack.receive(now, packet));
    }

    /// The timer has fired.
    pub(crate) fn tick(&self) {
        self.armed.set(None);
        self.with_stack(Stack::tick);
    }

    /// Sets the timer to `deadline`. One that is set to an earlier time is left to fire for nothing: that costs
    /// less than moving it with every packet.
    fn arm(&self, host: &Host, deadline: Option<Instant>) {
        let Some(deadline) = deadline else { return };
        let carrier = &host.world.carrier;
        if let Some(armed) = self.armed.get() {
            if armed.at <= deadline {
                return;
            }
            carrier.cancel(host.id, armed);
        }
        self.armed.set(Some(carrier.schedule(host.id, deadline, Action::Kernel(host.id))));
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kernel").field("power", &self.power).finish_non_exhaustive()
    }
}
