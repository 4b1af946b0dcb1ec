//! One direction of a proxy: from what a socket received to what the other one sends.

use std::collections::VecDeque;

use seaworthy_core::Message;

use super::capture::Capture;
use super::error::is_transient;
use super::proxy_socket::ProxySocket;
use super::relay_step::{RelayStep, Watcher};
use crate::error::Error;
use crate::outcome::SendRejected;

/// Why a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TurnEnd {
    /// It has moved all that one turn may.
    Spent,
    /// There is nothing to receive.
    Empty,
    /// The sending socket has no room for the message in hand.
    Full,
    /// It has none either, and its drivers should run before it drops anything.
    Yield,
}

/// Which of the two sockets failed, and how.
#[derive(Debug)]
pub(super) enum Failure {
    Receive(Error),
    Send(Error),
}

/// What moved.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moved {
    pub(super) received: u64,
    pub(super) received_bytes: u64,
    pub(super) sent: u64,
    pub(super) sent_bytes: u64,
    pub(super) refused: u64,
    pub(super) captured: u64,
    pub(super) capture_missed: u64,
}

/// A direction's messages in hand, and what it has moved.
#[derive(Debug, Default)]
pub(super) struct Direction {
    /// Received and not yet sent, the oldest first: one that found no room, and with a queue those behind it.
    held: VecDeque<Message>,
    pub(super) moved: Moved,
}

impl Direction {
    /// Moves at most `max` messages from one socket to the other. When there is no room, receives up to `queue`
    /// more. With `receive` unset, moves only what is in hand.
    #[inline]
    pub(super) fn turn<F: ProxySocket, T: ProxySocket>(
        &mut self,
        from: &F,
        to: &T,
        capture: Option<&dyn Capture>,
        watcher: Option<Watcher<'_>>,
        Bounds { max, queue, receive }: Bounds,
    ) -> Result<(u32, TurnEnd), Failure> {
        if !F::RECEIVES || !T::SENDS {
            return Ok((0, TurnEnd::Empty));
        }
        for count in 0..max {
            let mut message = match self.held.pop_front() {
                Some(message) => message,
                None if receive => match from.take().map_err(Failure::Receive)? {
                    Some(message) => {
                        self.count_received(&message, watcher);
                        message
                    }
                    None => return Ok((count, TurnEnd::Empty)),
                },
                None => return Ok((count, TurnEnd::Empty)),
            };
            let bytes = message.byte_len();
            let copy = (capture.is_some() || watcher.is_some()).then(|| message.clone());
            match to.give(&mut message) {
                Ok(()) => {
                    self.moved.sent += 1;
                    self.moved.sent_bytes += bytes as u64;
                    if let Some(copy) = copy {
                        self.passed(capture, watcher, copy);
                    }
                }
                Err(SendRejected::Failed(error)) if is_transient(&error) => {
                    self.moved.refused += 1;
                    report(watcher, RelayStep::Refused, &message);
                }
                Err(unsent) => {
                    self.held.push_front(message);
                    return match unsent {
                        SendRejected::Yield => Ok((count, TurnEnd::Yield)),
                        SendRejected::Full => {
                            if receive {
                                self.queue_up(from, watcher, queue).map_err(Failure::Receive)?;
                            }
                            Ok((count, TurnEnd::Full))
                        }
                        SendRejected::Failed(error) => Err(Failure::Send(error)),
                    };
                }
            }
        }
        Ok((max, TurnEnd::Spent))
    }

    /// Receives behind the message in hand, until there are `queue` of them.
    fn queue_up<F: ProxySocket>(
        &mut self,
        from: &F,
        watcher: Option<Watcher<'_>>,
        queue: usize,
    ) -> Result<(), Error> {
        while self.held.len() <= queue
            && let Some(message) = from.take()?
        {
            self.count_received(&message, watcher);
            self.held.push_back(message);
        }
        Ok(())
    }

    #[inline(always)]
    fn count_received(&mut self, message: &Message, watcher: Option<Watcher<'_>>) {
        self.moved.received += 1;
        self.moved.received_bytes += message.byte_len() as u64;
        report(watcher, RelayStep::Taken, message);
    }

    #[cold]
    fn passed(&mut self, capture: Option<&dyn Capture>, watcher: Option<Watcher<'_>>, copy: Message) {
        report(watcher, RelayStep::Given, &copy);
        let Some(capture) = capture else { return };
        if capture.give(copy) {
            self.moved.captured += 1;
        } else {
            self.moved.capture_missed += 1;
        }
    }

    /// Whether more would be received while the first message in hand waits.
    pub(super) fn has_queue_room(&self, queue: usize) -> bool {
        self.held.len() <= queue
    }

    /// Whether nothing is in hand.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Returns what is in hand to where it came from.
    pub(super) fn put_back<F: ProxySocket>(&mut self, from: &F, watcher: Option<Watcher<'_>>) {
        for message in &self.held {
            report(watcher, RelayStep::PutBack, message);
            self.moved.received -= 1;
            self.moved.received_bytes -= message.byte_len() as u64;
        }
        from.put_back(&mut self.held.drain(..));
    }
}

#[inline(always)]
fn report(watcher: Option<Watcher<'_>>, step: RelayStep, message: &Message) {
    if let Some(watcher) = watcher {
        watcher(step, message);
    }
}

/// What one turn may do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) max: u32,
    pub(super) queue: usize,
    pub(super) receive: bool,
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;
    use crate::ready_set::Waiter;

    /// A socket with these messages, room for this many, and the error it fails with then.
    #[derive(Default)]
    struct Fake {
        messages: RefCell<VecDeque<Message>>,
        room: Cell<usize>,
        failure: RefCell<Option<Error>>,
    }

    impl Fake {
        fn with(count: usize) -> Self {
            let numbers = (0..count).map(|number| number.to_string().into());
            Self { messages: RefCell::new(numbers.collect()), ..Self::default() }
        }
    }

    impl ProxySocket for Fake {
        const RECEIVES: bool = true;
        const SENDS: bool = true;

        fn take(&self) -> Result<Option<Message>, Error> {
            match self.messages.borrow_mut().pop_front() {
                None => self.failure.take().map_or(Ok(None), Err),
                message => Ok(message),
            }
        }

        fn give(&self, message: &mut Message) -> Result<(), SendRejected> {
            if self.room.get() == 0 {
                return Err(self.failure.take().map_or(SendRejected::Full, SendRejected::Failed));
            }
            self.room.set(self.room.get() - 1);
            self.messages.borrow_mut().push_back(std::mem::take(message));
            Ok(())
        }

        fn put_back(&self, messages: &mut dyn DoubleEndedIterator<Item = Message>) {
            while let Some(message) = messages.next_back() {
                self.messages.borrow_mut().push_front(message);
            }
        }

        fn lost(&self) -> u64 {
            0
        }

        fn readable(&self) -> Waiter {
            Waiter::new(std::sync::Arc::default())
        }

        fn writable(&self) -> Waiter {
            Waiter::new(std::sync::Arc::default())
        }
    }

    const BOUNDS: Bounds = Bounds { max: 10, queue: 0, receive: true };

    fn gone() -> Error {
        Error::InvalidState { socket: "FAKE", operation: "do anything", state: "it is gone" }
    }

    #[test]
    fn a_turn_moves_as_many_as_it_may_and_no_more() {
        for (there, room, max, moved, end) in [
            (11, 99, 10, 10, TurnEnd::Spent),
            (10, 99, 10, 10, TurnEnd::Spent),
            (9, 99, 10, 9, TurnEnd::Empty),
            (9, 8, 10, 8, TurnEnd::Full),
            (0, 0, 10, 0, TurnEnd::Empty),
        ] {
            let (from, to) = (Fake::with(there), Fake::default());
            to.room.set(room);
            let turn = Direction::default().turn(&from, &to, None, None, Bounds { max, ..BOUNDS }).unwrap();
            assert_eq!(turn, (moved, end), "{there} there, room for {room}");
        }
    }

    #[test]
    fn a_socket_that_can_no_longer_send_ends_the_direction_and_loses_nothing() {
        let (from, to) = (Fake::with(3), Fake::default());
        to.room.set(1);
        to.failure.replace(Some(gone()));
        let mut direction = Direction::default();
        let failure = direction.turn(&from, &to, None, None, BOUNDS).unwrap_err();
        assert!(matches!(failure, Failure::Send(Error::InvalidState { .. })));
        direction.put_back(&from, None);
        assert_eq!(*from.messages.borrow(), [Message::from("1"), Message::from("2")]);
        assert_eq!((direction.moved.received, direction.moved.sent), (1, 1));
    }

    #[test]
    fn a_socket_that_can_no_longer_receive_ends_the_direction_after_what_it_had() {
        let (from, to) = (Fake::with(3), Fake::default());
        to.room.set(99);
        from.failure.replace(Some(gone()));
        let mut direction = Direction::default();
        let failure = direction.turn(&from, &to, None, None, BOUNDS).unwrap_err();
        assert!(matches!(failure, Failure::Receive(Error::InvalidState { .. })));
        assert_eq!(direction.moved.sent, 3);
    }

    #[test]
    fn an_error_of_one_message_is_counted_and_the_next_follows() {
        let (from, to) = (Fake::with(2), Fake::default());
        to.failure.replace(Some(Error::Unroutable { routing_id: bytes::Bytes::new() }));
        let mut direction = Direction::default();
        assert_eq!(direction.turn(&from, &to, None, None, BOUNDS).unwrap(), (1, TurnEnd::Full));
        assert_eq!((direction.moved.refused, direction.moved.sent), (1, 0));
        to.room.set(1);
        direction.turn(&from, &to, None, None, BOUNDS).unwrap();
        assert_eq!(*to.messages.borrow(), [Message::from("1")]);
    }

    #[test]
    fn terminating_moves_what_is_in_hand_and_receives_nothing() {
        let (from, to) = (Fake::with(5), Fake::default());
        let mut direction = Direction::default();
        let bounds = Bounds { queue: 2, ..BOUNDS };
        assert_eq!(direction.turn(&from, &to, None, None, bounds).unwrap(), (0, TurnEnd::Full));
        to.room.set(99);
        let last = Bounds { receive: false, ..bounds };
        assert_eq!(direction.turn(&from, &to, None, None, last).unwrap(), (3, TurnEnd::Empty));
        assert!(direction.is_empty());
        assert_eq!(from.messages.borrow().len(), 2);
    }

    #[test]
    fn a_watcher_hears_of_each_step_in_order() {
        let (from, to) = (Fake::with(4), Fake::default());
        to.failure.replace(Some(Error::Unroutable { routing_id: bytes::Bytes::new() }));
        let steps = RefCell::new(Vec::new());
        let watcher = |step, message: &Message| steps.borrow_mut().push((step, message.clone()));
        let mut direction = Direction::default();
        let bounds = Bounds { queue: 1, ..BOUNDS };
        direction.turn(&from, &to, None, Some(&watcher), Bounds { max: 1, ..bounds }).unwrap();
        to.room.set(1);
        direction.turn(&from, &to, None, Some(&watcher), bounds).unwrap();
        direction.put_back(&from, Some(&watcher));
        let told = |step, number: &str| (step, Message::from(number.to_owned()));
        use RelayStep::{Given, PutBack, Refused, Taken};
        let expected = [
            told(Taken, "0"),
            told(Refused, "0"),
            told(Taken, "1"),
            told(Given, "1"),
            told(Taken, "2"),
            told(Taken, "3"),
            told(PutBack, "2"),
            told(PutBack, "3"),
        ];
        assert_eq!(steps.into_inner(), expected);
    }
}
