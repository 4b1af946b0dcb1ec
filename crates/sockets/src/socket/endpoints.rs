//! The endpoints that a socket has bound or connected.

use std::cell::RefCell;

use seaworthy_core::{Endpoint, Host};

use crate::inproc::NameBinding;
use crate::transport::{CloseSignal, ListenerHandle};

/// All endpoints of one socket, in the order in which they were bound or connected.
#[derive(Default)]
pub(super) struct Endpoints(RefCell<Vec<HeldEndpoint>>);

struct HeldEndpoint {
    /// As the user gave it.
    given: Endpoint,
    /// As it was resolved.
    resolved: Endpoint,
    closing: CloseSignal,
    /// `None`: it is connected.
    binding: Option<Binding>,
}

/// What keeps an endpoint bound. Dropping it frees the endpoint: it can be bound again at once.
pub(super) enum Binding {
    Name { _name: NameBinding },
    Listener { _handle: ListenerHandle },
}

impl Endpoints {
    pub(super) fn add_bound(
        &self,
        given: Endpoint,
        resolved: Endpoint,
        closing: CloseSignal,
        binding: Binding,
    ) {
        self.0.borrow_mut().push(HeldEndpoint { given, resolved, closing, binding: Some(binding) });
    }

    pub(super) fn add_connected(&self, endpoint: Endpoint, closing: CloseSignal) {
        let resolved = endpoint.clone();
        self.0.borrow_mut().push(HeldEndpoint { given: endpoint, resolved, closing, binding: None });
    }

    /// True when the endpoint is connected, as the user gave it.
    pub(super) fn has_connected(&self, given: &Endpoint) -> bool {
        self.0.borrow().iter().any(|held| held.binding.is_none() && held.given == *given)
    }

    /// Gives up the endpoints that a user may mean by `name`, of the bound ones or of the connected ones. Bound ones are
    /// free when this returns; the tasks are yet to be told.
    pub(super) fn release(&self, name: &Endpoint, bound: bool) -> Vec<CloseSignal> {
        let mut released = Vec::new();
        self.0.borrow_mut().retain(|held| {
            let meant = held.binding.is_some() == bound && held.is_called(name);
            if meant {
                released.push(held.closing.clone());
            }
            !meant
        });
        released
    }

    /// Gives up all endpoints, as [`release`](Self::release) does.
    pub(super) fn release_all(&self) -> Vec<CloseSignal> {
        self.0.take().into_iter().map(|held| held.closing).collect()
    }

    /// The task of this endpoint has ended by itself.
    pub(super) fn forget(&self, closing: &CloseSignal) {
        self.0.borrow_mut().retain(|held| !held.closing.is(closing));
    }
}

impl HeldEndpoint {
    fn is_called(&self, name: &Endpoint) -> bool {
        if self.given == *name || self.resolved == *name {
            return true;
        }
        let (
            Endpoint::Tcp { host: given, .. },
            Endpoint::Tcp { host: resolved, port: chosen },
            Endpoint::Tcp { host, port },
        ) = (&self.given, &self.resolved, name)
        else {
            return false;
        };
        chosen == port && (given == host || is_same_address(resolved, host))
    }
}

/// True when both are one address, be it mapped to IPv6 or called `localhost`.
fn is_same_address(resolved: &Host, host: &Host) -> bool {
    match (resolved, host) {
        (Host::Ip(resolved), Host::Ip(ip)) => resolved.to_canonical() == ip.to_canonical(),
        (Host::Ip(resolved), Host::Name(name)) => resolved.is_loopback() && name == "localhost",
        _ => false,
    }
}
