//! What a proxy does with a socket.

use seaworthy_core::Message;

use super::core::Core;
use crate::error::Error;
use crate::outcome::SendRejected;
use crate::patterns::Forwards;

impl<P: Forwards> Core<P> {
    /// As `try_recv`, for types that may not receive: then there is never anything.
    #[inline(always)]
    pub(crate) fn take(&self) -> Result<Option<Message>, Error> {
        self.receive_with(P::take)
    }

    /// As `try_send`, for types that may not send: then there is never room.
    #[inline(always)]
    pub(crate) fn give(&self, message: &mut Message) -> Result<(), SendRejected> {
        self.send_with(message, P::give)
    }

    /// Takes messages back that were received, to be received again before all others.
    pub(crate) fn put_back(&self, messages: &mut dyn DoubleEndedIterator<Item = Message>) {
        let mut state = self.state.borrow_mut();
        let mut any = false;
        while let Some(message) = messages.next_back() {
            state.returned.push_front(message);
            any = true;
        }
        drop(state);
        if any {
            self.readable.wake_tasks();
        }
    }
}
