//! One direction of a proxy: from what a socket received to what the other one sends.

use std::collections::VecDeque;

use seaworthy_core::Message;

use super::capture::Capture;
use super::end::End;
use super::error::is_transient;
use crate::error::Error;
use crate::pattern::Unsent;

/// Why a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
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
    pub(super) fn turn<F: End, T: End>(
        &mut self,
        from: &F,
        to: &T,
        capture: Option<&dyn Capture>,
        Bounds { max, queue, receive }: Bounds,
    ) -> Result<(u32, Rest), Failure> {
        if !F::RECEIVES || !T::SENDS {
            return Ok((0, Rest::Empty));
        }
        for count in 0..max {
            let mut message = match self.held.pop_front() {
                Some(message) => message,
                None if receive => match from.take().map_err(Failure::Receive)? {
                    Some(message) => {
                        self.count_received(&message);
                        message
                    }
                    None => return Ok((count, Rest::Empty)),
                },
                None => return Ok((count, Rest::Empty)),
            };
            let bytes = message.byte_len();
            let copy = capture.map(|_| message.clone());
            match to.give(&mut message) {
                Ok(()) => {
                    self.moved.sent += 1;
                    self.moved.sent_bytes += bytes as u64;
                    if let (Some(capture), Some(copy)) = (capture, copy) {
                        self.capture(capture, copy);
                    }
                }
                Err(Unsent::Failed(error)) if is_transient(&error) => self.moved.refused += 1,
                Err(unsent) => {
                    self.held.push_front(message);
                    return match unsent {
                        Unsent::Yield => Ok((count, Rest::Yield)),
                        Unsent::Full => {
                            if receive {
                                self.queue_up(from, queue).map_err(Failure::Receive)?;
                            }
                            Ok((count, Rest::Full))
                        }
                        Unsent::Failed(error) => Err(Failure::Send(error)),
                    };
                }
            }
        }
        Ok((max, Rest::Spent))
    }

    /// Receives behind the message in hand, until there are `queue` of them.
    fn queue_up<F: End>(&mut self, from: &F, queue: usize) -> Result<(), Error> {
        while self.held.len() <= queue
            && let Some(message) = from.take()?
        {
            self.count_received(&message);
            self.held.push_back(message);
        }
        Ok(())
    }

    #[inline(always)]
    fn count_received(&mut self, message: &Message) {
        self.moved.received += 1;
        self.moved.received_bytes += message.byte_len() as u64;
    }

    #[cold]
    fn capture(&mut self, capture: &dyn Capture, copy: Message) {
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

    /// Gives what is in hand back to where it came from.
    pub(super) fn put_back<F: End>(&mut self, from: &F) {
        for message in &self.held {
            self.moved.received -= 1;
            self.moved.received_bytes -= message.byte_len() as u64;
        }
        from.put_back(&mut self.held.drain(..));
    }
}

/// What one turn may do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) max: u32,
    pub(super) queue: usize,
    pub(super) receive: bool,
}
