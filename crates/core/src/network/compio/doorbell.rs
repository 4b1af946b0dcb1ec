//! A doorbell that rings through an eventfd: writing to it never waits, however the runtime was built.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use compio::runtime::fd::PollFd;
use rustix::event::{EventfdFlags, eventfd};

use super::clock;
use crate::{Doorbell, Network, Ring};

/// How long a doorbell that cannot be listened to, for lack of memory, waits before it tries again.
const RETRY: std::time::Duration = std::time::Duration::from_millis(10);

struct Button(Arc<OwnedFd>);

impl Ring for Button {
    fn ring(&self) {
        // It fails when the counter is full: then it has been rung.
        let _ = rustix::io::write(&*self.0, &1_u64.to_ne_bytes());
    }
}

/// Gives the current runtime a doorbell, and the task that answers it for as long as the runtime lives.
pub(super) fn hang(network: &impl Network) -> io::Result<Arc<Doorbell>> {
    let wire = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
    let ears = PollFd::new(Arc::clone(&wire))?;
    let doorbell = Arc::new(Doorbell::new(Button(wire)));
    let tenancy = Tenancy(Arc::clone(&doorbell));
    network.spawn("doorbell", async move {
        loop {
            if let Err(error) = ears.read_ready().await {
                tracing::warn!(%error, "the doorbell of this thread cannot be listened to");
                clock::sleep_until(clock::now() + RETRY).await;
            }
            let mut rings = [0; size_of::<u64>()];
            // It fails when there was no ring.
            let _ = rustix::io::read(&*ears, &mut rings);
            tenancy.0.answer();
        }
    });
    Ok(doorbell)
}

/// Ends with the runtime.
struct Tenancy(Arc<Doorbell>);

impl Drop for Tenancy {
    fn drop(&mut self) {
        self.0.end();
    }
}
