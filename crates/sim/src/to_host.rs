//! Hosts by id or by name.

use crate::control::Control;
use crate::event::HostId;

/// A host: its [`HostId`], or its name.
pub trait ToHost {
    /// Its id.
    ///
    /// # Panics
    /// When no host has the name.
    fn to_host(&self, control: &Control) -> HostId;
}

impl ToHost for HostId {
    fn to_host(&self, _: &Control) -> HostId {
        *self
    }
}

impl ToHost for str {
    fn to_host(&self, control: &Control) -> HostId {
        control.host(self).unwrap_or_else(|| {
            let names: Vec<String> = control.hosts().into_iter().map(|host| control.name(host)).collect();
            panic!("there is no host {self:?}; hosts are {}", names.join(", "))
        })
    }
}

impl ToHost for String {
    fn to_host(&self, control: &Control) -> HostId {
        self.as_str().to_host(control)
    }
}

impl<T: ToHost + ?Sized> ToHost for &T {
    fn to_host(&self, control: &Control) -> HostId {
        T::to_host(self, control)
    }
}
