//! The hosts of a simulation: by number, by name, by address.

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::rc::Rc;

use crate::host::Host;
use crate::id::HostId;

/// The address of the first host; the others follow.
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// The hosts, in the order in which they were added.
#[derive(Debug, Default)]
pub(crate) struct Hosts(RefCell<Vec<Rc<Host>>>);

impl Hosts {
    pub(crate) fn next_id(&self) -> HostId {
        HostId(self.0.borrow().len() as u32)
    }

    /// The address of the next host: 10.0.0.1, 10.0.0.2, …
    pub(crate) fn next_address(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(FIRST.to_bits() + self.next_id().0)
    }

    pub(crate) fn add(&self, host: &Rc<Host>) {
        self.0.borrow_mut().push(Rc::clone(host));
    }

    pub(crate) fn get(&self, id: HostId) -> Option<Rc<Host>> {
        self.0.borrow().get(id.index()).cloned()
    }

    pub(crate) fn named(&self, name: &str) -> Option<Rc<Host>> {
        self.0.borrow().iter().find(|host| host.name == name).cloned()
    }

    pub(crate) fn at(&self, address: Ipv4Addr) -> Option<Rc<Host>> {
        let hosts = self.0.borrow();
        let index = address.to_bits().wrapping_sub(FIRST.to_bits()) as usize;
        let expected = hosts.get(index).filter(|host| host.address == address);
        expected.or_else(|| hosts.iter().find(|host| host.address == address)).cloned()
    }

    pub(crate) fn ids(&self) -> Vec<HostId> {
        self.0.borrow().iter().map(|host| host.id).collect()
    }

    pub(crate) fn all_finished(&self) -> bool {
        self.0.borrow().iter().all(|host| host.is_finished())
    }

    /// Ends all of them, and lets go of them.
    pub(crate) fn end(&self) {
        let hosts = std::mem::take(&mut *self.0.borrow_mut());
        for host in &hosts {
            host.end();
        }
    }
}
