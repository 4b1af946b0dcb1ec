//! A memory fence between two threads that one of them pays for.
//!
//! Two threads that each write one thing and then look at the other's need a fence between the two, or both may see the
//! past. Where one of them does so for each message, and the other only before it sleeps, the one that sleeps can pay
//! for both: it has the kernel put a fence into every other thread of the process (`membarrier`).

#[cfg(any(loom, miri, not(feature = "compio")))]
use self::both::{available, fence_all};
#[cfg(not(any(loom, miri, not(feature = "compio"))))]
use self::kernel::{available, fence_all};

/// True when there is such a fence.
pub(super) fn is_available() -> bool {
    available()
}

/// The fence of the side that does not pay. It keeps the compiler from reordering, and costs nothing.
#[inline(always)]
pub(super) fn light() {
    #[cfg(not(loom))]
    std::sync::atomic::compiler_fence(std::sync::atomic::Ordering::SeqCst);
    #[cfg(loom)]
    crate::sync::fence(crate::sync::Ordering::SeqCst);
}

/// The fence of the side that pays, some microseconds.
#[cold]
pub(super) fn heavy() {
    fence_all();
}

#[cfg(not(any(loom, miri, not(feature = "compio"))))]
mod kernel {
    use std::sync::OnceLock;

    use rustix::thread::{MembarrierCommand, membarrier, membarrier_query};

    /// Asks the kernel once. It needs to know of a process that will do this.
    pub(super) fn available() -> bool {
        static AVAILABLE: OnceLock<bool> = OnceLock::new();
        *AVAILABLE.get_or_init(|| {
            membarrier_query().contains_command(MembarrierCommand::PrivateExpedited)
                && membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok()
        })
    }

    pub(super) fn fence_all() {
        if membarrier(MembarrierCommand::PrivateExpedited).is_err() {
            // A process that forbade itself the call meanwhile: what a thread wrote is visible long before another one
            // has been through the scheduler.
            std::thread::yield_now();
        }
    }
}

/// Both sides pay: for loom, which knows no other fence, and where nobody asks the kernel.
#[cfg(any(loom, miri, not(feature = "compio")))]
mod both {
    pub(super) const fn available() -> bool {
        cfg!(loom)
    }

    pub(super) fn fence_all() {
        crate::sync::fence(crate::sync::Ordering::SeqCst);
    }
}
