//! What happens to a socket's connections, for those who want to watch.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use seaworthy_core::Endpoint;

/// Events a monitor holds for a watcher that does not look; further ones are dropped and counted.
pub const MONITOR_EVENTS_MAX: usize = 10_000;

/// Something that happened to an endpoint or a connection. `endpoint` is the bound or connected one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// An endpoint is bound.
    Listening {
        /// The endpoint, resolved.
        endpoint: Endpoint,
    },
    /// A stream was accepted; its handshake begins.
    Accepted {
        /// The bound endpoint.
        endpoint: Endpoint,
        /// Where the peer is.
        peer: String,
    },
    /// Accepting failed; the listener goes on after a pause.
    AcceptFailed {
        /// The bound endpoint.
        endpoint: Endpoint,
        /// What the system says.
        reason: String,
    },
    /// A stream was connected; its handshake begins.
    Connected {
        /// The connected endpoint.
        endpoint: Endpoint,
        /// Where the peer is.
        peer: String,
    },
    /// An attempt to connect, or a connection, failed; the next attempt comes after a pause.
    ConnectRetried {
        /// The connected endpoint.
        endpoint: Endpoint,
        /// The pause.
        after: Duration,
        /// Why the last attempt ended.
        reason: String,
    },
    /// The handshake is complete: messages can flow.
    HandshakeSucceeded {
        /// The bound or connected endpoint.
        endpoint: Endpoint,
        /// What the peer calls itself; empty if it does not.
        routing_id: Bytes,
        /// The peer's socket type.
        socket_type: &'static str,
    },
    /// The handshake failed.
    HandshakeFailed {
        /// The bound or connected endpoint.
        endpoint: Endpoint,
        /// Whose fault and what.
        reason: String,
    },
    /// A connection that had completed its handshake ended.
    Disconnected {
        /// The bound or connected endpoint.
        endpoint: Endpoint,
        /// What the peer calls itself; empty if it does not.
        routing_id: Bytes,
        /// Why.
        reason: String,
    },
    /// A connected endpoint gave up: a protocol error, or `reconnect_ivl` forbids another attempt.
    ConnectStopped {
        /// The connected endpoint.
        endpoint: Endpoint,
        /// Why.
        reason: String,
    },
    /// An endpoint is no longer bound.
    Closed {
        /// The endpoint.
        endpoint: Endpoint,
    },
}

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
    pub async fn recv(&mut self) -> Option<Event> {
        poll_fn(|context| self.poll_recv(context)).await
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

/// The socket's side: hands events to all monitors.
#[derive(Default)]
pub(crate) struct Monitors(RefCell<Vec<Weak<RefCell<Queue>>>>);

/// Tells those who listen to `tracing`, each event under its name.
fn log(event: &Event) {
    match event {
        Event::Listening { endpoint } => tracing::debug!(%endpoint, "listening"),
        Event::Accepted { endpoint, peer } => tracing::debug!(%endpoint, peer, "accepted"),
        Event::AcceptFailed { endpoint, reason } => tracing::debug!(%endpoint, reason, "accept failed"),
        Event::Connected { endpoint, peer } => tracing::debug!(%endpoint, peer, "connected"),
        Event::ConnectRetried { endpoint, after, reason } => {
            tracing::debug!(%endpoint, ?after, reason, "connect retried");
        }
        Event::HandshakeSucceeded { endpoint, routing_id, socket_type } => {
            tracing::debug!(%endpoint, ?routing_id, socket_type, "handshake succeeded");
        }
        Event::HandshakeFailed { endpoint, reason } => tracing::debug!(%endpoint, reason, "handshake failed"),
        Event::Disconnected { endpoint, routing_id, reason } => {
            tracing::debug!(%endpoint, ?routing_id, reason, "disconnected");
        }
        Event::ConnectStopped { endpoint, reason } => tracing::debug!(%endpoint, reason, "connect stopped"),
        Event::Closed { endpoint } => tracing::debug!(%endpoint, "no longer listening"),
    }
}

impl Monitors {
    pub(crate) fn monitor(&self) -> Monitor {
        let queue = Rc::default();
        self.0.borrow_mut().push(Rc::downgrade(&queue));
        Monitor { queue }
    }

    pub(crate) fn emit(&self, event: Event) {
        log(&event);
        self.0.borrow_mut().retain(|monitor| {
            let Some(queue) = monitor.upgrade() else { return false };
            let mut queue = queue.borrow_mut();
            if queue.events.len() < MONITOR_EVENTS_MAX {
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
