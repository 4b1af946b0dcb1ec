//! A host's kernel: its TCP stack, its ipc sockets, and the timer that drives them.

pub(crate) mod connection;
mod device;
pub(crate) mod header;
pub(crate) mod ipc;
mod sequence;
pub(crate) mod stack;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::net::Ipv4Addr;
use std::rc::Rc;

use seaworthy_core::Instant;

use crate::environment::Environment;
use crate::event::ConnectionView;
use crate::executor::{Action, Ticket};
use crate::id::HostId;
use crate::kernel::ipc::{IpcSockets, SocketFiles};
use crate::kernel::stack::Stack;

/// One boot's kernel. It outlives a killed process, but not the power.
pub(crate) struct Kernel {
    environment: Rc<Environment>,
    host: HostId,
    pub(crate) files: Rc<SocketFiles>,
    stack: RefCell<Stack>,
    pub(crate) ipc: IpcSockets,
    power: Cell<bool>,
    /// The next look at the stack's timers.
    armed: Cell<Option<Ticket>>,
}

impl Kernel {
    pub(crate) fn new(
        environment: &Rc<Environment>,
        host: HostId,
        files: Rc<SocketFiles>,
        name: &str,
        address: Ipv4Addr,
        boot: u32,
    ) -> Rc<Self> {
        let recorder = Rc::clone(&environment.recorder);
        Rc::new(Self {
            environment: Rc::clone(environment),
            host,
            files,
            stack: RefCell::new(Stack::new(&environment.settings, recorder, name, address, boot)),
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
        let now = self.environment.now();
        let mut stack = self.stack.borrow_mut();
        let result = operate(&mut stack, now);
        while let Some(packet) = stack.take_outgoing() {
            self.environment.send(self.host, packet);
        }
        self.arm(stack.next_deadline());
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
    fn arm(&self, deadline: Option<Instant>) {
        let Some(deadline) = deadline else { return };
        let backend = &self.environment.executor;
        if let Some(armed) = self.armed.get() {
            if armed.at <= deadline {
                return;
            }
            backend.cancel(self.host, armed);
        }
        self.armed.set(Some(backend.schedule(self.host, deadline, Action::Kernel(self.host))));
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kernel").field("power", &self.power).finish_non_exhaustive()
    }
}
