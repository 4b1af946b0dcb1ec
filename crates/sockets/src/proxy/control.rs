//! The socket that a proxy takes commands from, as libzmq's `zmq_proxy_steerable`.

use seaworthy_core::{Message, Network};

use crate::error::Error;
use crate::patterns::{Dealer, Pair, Pull, Receives, Rep, Sub};
use crate::ready_set::Waiter;
use crate::socket::Socket;

/// What a proxy can be told by a message of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Pause,
    Resume,
    Terminate,
    Kill,
    Statistics,
}

impl Command {
    /// `None` when the message is no command.
    pub(super) fn parse(message: &Message) -> Option<Self> {
        let [name] = message.frames() else { return None };
        Some(match &name[..] {
            b"PAUSE" => Self::Pause,
            b"RESUME" => Self::Resume,
            b"TERMINATE" => Self::Terminate,
            b"KILL" => Self::Kill,
            b"STATISTICS" => Self::Statistics,
            _ => return None,
        })
    }
}

/// A socket type that commands can come by: REP, which answers each, PAIR and DEALER, which answer STATISTICS, and
/// PULL and SUB, which answer nothing.
#[diagnostic::on_unimplemented(
    message = "{Self} cannot control a proxy",
    note = "REP and PAIR take commands and answer them"
)]
#[expect(private_bounds, reason = "sealed")]
pub trait Controls: Receives + Answers {}

/// How a socket type answers commands.
pub(crate) trait Answers: Receives {
    /// Whether each command must be answered.
    const LOCKSTEP: bool;

    /// Answers, if there is anybody who listens.
    fn answer<N: Network>(socket: &Socket<Self, N>, answer: Message);
}

macro_rules! controls {
    ($($both:ident: $lockstep:literal),*; deaf: $($receives:ident),*;) => {
        $(impl Controls for $both {}

        impl Answers for $both {
            const LOCKSTEP: bool = $lockstep;

            fn answer<N: Network>(socket: &Socket<Self, N>, answer: Message) {
                // A requester that does not read only blocks itself.
                let _ = socket.try_send(answer);
            }
        })*
        $(impl Controls for $receives {}

        impl Answers for $receives {
            const LOCKSTEP: bool = false;

            fn answer<N: Network>(_socket: &Socket<Self, N>, _answer: Message) {}
        })*
    };
}

controls! {
    Rep: true, Pair: false, Dealer: false;
    deaf: Pull, Sub;
}

/// The control socket, whatever its type.
pub(super) trait Control {
    fn take(&self) -> Result<Option<Message>, Error>;

    /// Whether each command must be answered.
    fn is_lockstep(&self) -> bool;

    fn answer(&self, answer: Message);

    fn readable(&self) -> Waiter;
}

impl<P: Controls, N: Network> Control for Socket<P, N> {
    fn take(&self) -> Result<Option<Message>, Error> {
        self.core().try_recv()
    }

    fn is_lockstep(&self) -> bool {
        P::LOCKSTEP
    }

    fn answer(&self, answer: Message) {
        P::answer(self, answer);
    }

    fn readable(&self) -> Waiter {
        self.core().readable()
    }
}
