//! One boot of a host: what its program's network and streams hold.

use std::rc::Rc;

use crate::host::Host;
use crate::kernel::Kernel;

/// A host and the kernel that it had when a program started. After a power failure the host has another.
#[derive(Clone)]
pub(super) struct Boot {
    pub(super) host: Rc<Host>,
    pub(super) kernel: Rc<Kernel>,
}
