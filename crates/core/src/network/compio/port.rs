//! The tcp ports that this process listens at: a bind that meets one of them need not wait for anybody to end.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many listeners each port has, at different addresses.
static HELD: Mutex<BTreeMap<u16, usize>> = Mutex::new(BTreeMap::new());

/// Kept while a socket listens at a port.
pub(super) struct HeldPort(u16);

impl HeldPort {
    pub(super) fn new(port: u16) -> Self {
        *held().entry(port).or_default() += 1;
        Self(port)
    }
}

impl Drop for HeldPort {
    fn drop(&mut self) {
        let mut held = held();
        if let Some(listeners) = held.get_mut(&self.0) {
            *listeners -= 1;
            if *listeners == 0 {
                held.remove(&self.0);
            }
        }
    }
}

pub(super) fn is_held_here(port: u16) -> bool {
    held().contains_key(&port)
}

fn held() -> MutexGuard<'static, BTreeMap<u16, usize>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}
