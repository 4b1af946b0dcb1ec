//! The task behind a connected endpoint: connects, drives, pauses, and connects again.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use seaworthy_core::planted::{self, Bug, planted};
use seaworthy_core::{Backoff, Endpoint, Network, Stream};

use super::attachment::{Attachment, Lifetime};
use super::close_signal::CloseSignal;
use super::disconnect_reason::DisconnectReason;
use super::driver::drive;
use super::socket_ref::{PeerRejected, SocketRef};
use crate::log::Severity;
use crate::monitor::Event;
use crate::race::before;
use crate::tasks::TaskToken;

/// Starts the task of a connected endpoint: the pipe exists when this returns, unless `immediate` is set. There is
/// no task when the socket takes no more peers.
pub(crate) fn dial<N: Network>(
    network: &N,
    socket: Rc<dyn SocketRef>,
    endpoint: Endpoint,
    closing: CloseSignal,
    task: TaskToken,
) -> Result<(), PeerRejected> {
    let options = socket.options();
    let lifetime = if options.immediate { Lifetime::Connection } else { Lifetime::Endpoint };
    let attachment = Attachment::new(socket, options, endpoint, lifetime, &closing, task)?;
    let dialer = Dialer { network: network.clone(), attachment };
    network.spawn("dialer", dialer.run());
    Ok(())
}

struct Dialer<N> {
    network: N,
    attachment: Attachment,
}

/// How one round of connecting and driving ended.
struct Round {
    ended: DisconnectReason,
    handshaken: bool,
    /// The connection was worth having: something was received, or it held for a while.
    useful: bool,
}

impl Round {
    const fn without_connection(ended: DisconnectReason) -> Self {
        Self { ended, handshaken: false, useful: false }
    }

    /// False when another attempt would end the same way.
    fn may_be_followed(&self) -> bool {
        // A peer that spoke our protocol may do so again, and what it was cut off for may be over.
        self.ended.may_reconnect() || self.handshaken && self.ended.is_fault()
    }
}

/// How long a connection must have held to be of use even if nothing was received. One that is given up sooner, again
/// and again, is tried less and less often.
const USEFUL_AFTER: Duration = Duration::from_secs(1);

impl<N: Network> Dialer<N> {
    async fn run(mut self) {
        let socket = Rc::clone(&self.attachment.socket);
        let options = Rc::clone(&self.attachment.options);
        let mut backoff = options.reconnect_ivl.map(|first| Backoff::new(first, options.reconnect_ivl_max));
        while let Some(round) = self.connect_and_drive().await {
            let endpoint = self.attachment.endpoint.clone();
            let reason = round.ended.to_string();
            let Some(backoff) = backoff.as_mut().filter(|_| round.may_be_followed()) else {
                let Round { ended, .. } = round;
                if !matches!(ended, DisconnectReason::Closed) {
                    socket.stopped(self.attachment.close_watch().closing());
                    let severity = if ended.may_reconnect() { Severity::Routine } else { Severity::Fault };
                    socket.emit(Event::ConnectStopped { endpoint, reason }, severity);
                }
                return;
            };
            if round.handshaken && planted(Bug::TaskPanics) {
                panic!("planted: {reason}");
            }
            if round.handshaken && planted(Bug::TaskNeverReturns) {
                planted::never_return();
            }
            if round.useful || planted(Bug::BackoffResetByHandshake) && round.handshaken {
                backoff.reset();
            }
            let mut random = self.network.random();
            if planted(Bug::PausesFromOutside) {
                random = planted::number_from_outside();
            }
            let pause = if round.ended.is_fault() {
                backoff.next_pause_after_fault(random)
            } else {
                backoff.next_pause(random)
            };
            let retried = Event::ConnectRetried { endpoint, after: pause, reason };
            socket.emit(retried, if round.handshaken { Severity::Routine } else { round.ended.severity() });
            let pause = self.network.sleep_until(self.network.now() + pause);
            if self.unless_finished(pause).await.is_none() {
                return;
            }
        }
    }

    /// One connection, from the first packet to its end. `None` when the socket no longer wants one.
    async fn connect_and_drive(&mut self) -> Option<Round> {
        let stream = match self.connect().await? {
            Ok(stream) => stream,
            Err(error) => return Some(Round::without_connection(DisconnectReason::Stream(error))),
        };
        let origin = self.attachment.socket.begin(&self.attachment.endpoint, stream.peer_address());
        self.attachment.socket.emit(origin.connected(), Severity::Routine);
        self.attachment.connection_began(origin);
        let began = self.network.now();
        let ended = drive(&self.network, stream, &mut self.attachment).await;
        let handshaken = self.attachment.is_handshaken();
        let useful =
            handshaken && (self.attachment.has_received() || self.network.now() >= began + USEFUL_AFTER);
        self.attachment.connection_ended(&ended);
        Some(Round { ended, handshaken, useful })
    }

    async fn connect(&mut self) -> Option<io::Result<N::Stream>> {
        let options = Rc::clone(&self.attachment.options);
        let connecting = self.network.connect(&self.attachment.endpoint, &options.stream);
        let limit = options.connect_timeout;
        let limited = limit != Duration::ZERO && !planted(Bug::ConnectTimeoutIgnored);
        let network = self.network.clone();
        let deadline = limited.then(|| network.now() + limit);
        self.unless_finished(async move {
            before(&network, deadline, connecting)
                .await
                .unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
        })
        .await
    }

    /// Runs `work`, unless the socket is done with this endpoint before: then `None`, at once when nothing is
    /// queued, else when the linger period is over.
    async fn unless_finished<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        let mut lingering = pin!(None);
        poll_fn(|context| {
            let now = self.network.now();
            if self.attachment.is_finished(now) {
                return Poll::Ready(None);
            }
            if let Poll::Ready(output) = work.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            if !self.attachment.is_closing(now) {
                let _ = self.attachment.close_watch().poll_closed(context);
                return Poll::Pending;
            }
            if let Some(until) = self.attachment.linger_deadline() {
                if lingering.is_none() {
                    lingering.set(Some(self.network.sleep_until(until)));
                }
                if let Some(linger) = lingering.as_mut().as_pin_mut()
                    && linger.poll(context).is_ready()
                {
                    return Poll::Ready(None);
                }
            }
            Poll::Pending
        })
        .await
    }
}
