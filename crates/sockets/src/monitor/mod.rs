//! What happens to a socket's endpoints and connections: as [`Event`]s for monitors, and in the log.
//!
//! ```
//! use seaworthy::monitor::Event;
//! use seaworthy::{Context, PullSocket};
//!
//! # #[compio::main]
//! # async fn main() -> Result<(), seaworthy::Error> {
//! let pull = PullSocket::new(&Context::new())?;
//! let mut monitor = pull.monitor();
//! pull.bind("tcp://127.0.0.1:*")?;
//! assert!(matches!(monitor.recv().await, Some(Event::Listening { .. })));
//! # Ok(()) }
//! ```

mod connections;
mod event;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use futures_core::{FusedFuture, FusedStream, Stream};

pub use self::connections::ConnectionInfo;
pub(crate) use self::connections::{Connections, Origin};
pub use self::event::{ConnectionId, Event, HandshakeFailure};
pub use crate::log::{WARNING_PERIOD, WARNINGS_MAX};

/// Events a monitor holds for a watcher that does not look; further ones are dropped and counted.
pub const EVENTS_MAX: usize = 10_000;

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Event>,
    dropped: u64,
    closed: bool,
    watcher: Option<Waker>,
}

/// Receives the events of one socket, from the moment it was made. Also a [`Stream`].
#[derive(Debug)]
pub struct Monitor {
    queue: Rc<RefCell<Queue>>,
}

impl Monitor {
    /// The next event; `None` once the socket is gone. Cancel-safe: a dropped call loses no event.
    pub fn recv(&mut self) -> impl FusedFuture<Output = Option<Event>> {
        Receiving(self)
    }

    /// The next event, if there is one now.
    pub fn try_recv(&mut self) -> Option<Event> {
        self.queue.borrow_mut().events.pop_front()
    }

    /// Events that were dropped because nobody looked.
    pub fn dropped(&self) -> u64 {
        self.queue.borrow().dropped
    }

    fn poll_recv(&self, context: &Context<'_>) -> Poll<Option<Event>> {
        let mut queue = self.queue.borrow_mut();
        match queue.events.pop_front() {
            Some(event) => Poll::Ready(Some(event)),
            None if queue.closed => Poll::Ready(None),
            None => {
                queue.watcher = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Stream for Monitor {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll_recv(context)
    }
}

impl FusedStream for Monitor {
    fn is_terminated(&self) -> bool {
        let queue = self.queue.borrow();
        queue.closed && queue.events.is_empty()
    }
}

struct Receiving<'m>(&'m Monitor);

impl Future for Receiving<'_> {
    type Output = Option<Event>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.0.poll_recv(context)
    }
}

/// Polled again after an event came, it receives the next one.
impl FusedFuture for Receiving<'_> {
    fn is_terminated(&self) -> bool {
        false
    }
}

/// The socket's side: hands events to all monitors.
#[derive(Default)]
pub(crate) struct Monitors(RefCell<Vec<Weak<RefCell<Queue>>>>);

impl Monitors {
    pub(crate) fn monitor(&self) -> Monitor {
        let queue = Rc::default();
        self.0.borrow_mut().push(Rc::downgrade(&queue));
        Monitor { queue }
    }

    pub(crate) fn emit(&self, event: Event) {
        self.0.borrow_mut().retain(|monitor| {
            let Some(queue) = monitor.upgrade() else { return false };
            let mut queue = queue.borrow_mut();
            if queue.events.len() < EVENTS_MAX {
                queue.events.push_back(event.clone());
            } else {
                queue.dropped += 1;
            }
            if let Some(watcher) = queue.watcher.take() {
                watcher.wake();
            }
            true
        });
    }

    pub(crate) fn close(&self) {
        for monitor in self.0.borrow_mut().drain(..) {
            if let Some(queue) = monitor.upgrade() {
                let mut queue = queue.borrow_mut();
                queue.closed = true;
                if let Some(watcher) = queue.watcher.take() {
                    watcher.wake();
                }
            }
        }
    }
}
