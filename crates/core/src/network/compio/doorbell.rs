//! A doorbell that rings through an eventfd: writing to it never waits, however the runtime was built.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use compio::runtime::fd::PollFd;
use rustix::event::EventfdFlags;

use super::clock;
use crate::{Doorbell, Network, Ring};

/// How long a doorbell that cannot be listened to, for lack of memory, waits before it tries again.
const RETRY: std::time::Duration = std::time::Duration::from_millis(10);

struct EventFd(Arc<OwnedFd>);

impl Ring for EventFd {
    fn ring(&self) {
        // It fails when the counter is full: then it has been rung.
        let _ = rustix::io::write(&*self.0, &1_u64.to_ne_bytes());
    }
}

/// A doorbell for the current runtime. A task of the runtime answers it for as long as the runtime lives.
pub(super) fn hang(network: &impl Network) -> io::Result<Arc<Doorbell>> {
    let eventfd = Arc::new(rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
    let rung = PollFd::new(Arc::clone(&eventfd))?;
    let doorbell = Arc::new(Doorbell::new(EventFd(eventfd)));
    let lifetime = RuntimeLifetime(Arc::clone(&doorbell));
    network.spawn("doorbell", async move {
        loop {
            if let Err(error) = rung.read_ready().await {
                tracing::warn!(%error, "the doorbell of this thread cannot be listened to");
                clock::sleep_until(clock::now() + RETRY).await;
            }
            let mut rings = [0; size_of::<u64>()];
            // It fails when there was no ring.
            let _ = rustix::io::read(&*rung, &mut rings);
            lifetime.0.answer();
        }
    });
    Ok(doorbell)
}

/// Ends with the runtime.
struct RuntimeLifetime(Arc<Doorbell>);

impl Drop for RuntimeLifetime {
    fn drop(&mut self) {
        self.0.end();
    }
}
