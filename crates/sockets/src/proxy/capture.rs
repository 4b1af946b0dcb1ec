//! The socket that receives a copy of everything.

use seaworthy_core::{Message, Network};

use crate::patterns::Sends;
use crate::socket::Socket;

/// A socket that copies can be given to. Nothing here waits.
pub(super) trait Capture {
    /// Sends it a message. False when it, or one of the peers it was meant for, had no room.
    fn give(&self, message: Message) -> bool;
}

impl<P: Sends, N: Network> Capture for Socket<P, N> {
    fn give(&self, message: Message) -> bool {
        let lost = || self.with_state(|pattern, _| pattern.lost());
        let before = lost();
        self.try_send(message).is_ok() && lost() == before
    }
}
