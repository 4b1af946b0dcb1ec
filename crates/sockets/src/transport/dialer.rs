//! The task behind a connected endpoint: connects, drives, pauses, and connects again.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use seaworthy_core::planted::{self, Bug, planted};
use seaworthy_core::{Backoff, Endpoint, Network, Stream};

use super::attachment::{Attachment, Lifetime, NotTaken};
use super::driver::drive;
use super::ending::Ended;
use super::port::{Closing, Port};
use crate::event::Event;
use crate::log::Weight;
use crate::tasks::TaskToken;

/// Starts the task of a connected endpoint: the pipe exists when this returns, unless `immediate` is set. There is
/// no task when the socket takes no more peers.
pub(crate) fn dial<N: Network>(
    network: &N,
    port: Rc<dyn Port>,
    endpoint: Endpoint,
    closing: Closing,
    task: TaskToken,
) -> Result<(), NotTaken> {
    let options = port.options();
    let lifetime = if options.immediate { Lifetime::Connection } else { Lifetime::Endpoint };
    let attachment = Attachment::new(port, options, endpoint, lifetime, &closing, task)?;
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
    ended: Ended,
    /// Messages could flow for a while.
    handshaken: bool,
}

impl<N: Network> Dialer<N> {
    async fn run(mut self) {
        let port = Rc::clone(&self.attachment.port);
        let options = Rc::clone(&self.attachment.options);
        let mut backoff = options.reconnect_ivl.map(|first| Backoff::new(first, options.reconnect_ivl_max));
        while let Some(Round { ended, handshaken }) = self.connect_and_drive().await {
            let endpoint = self.attachment.endpoint.clone();
            let reason = ended.to_string();
            let Some(backoff) = backoff.as_mut().filter(|_| ended.may_reconnect()) else {
                if !matches!(ended, Ended::Closed) {
                    port.stopped(self.attachment.closing().closing());
                    let weight = if ended.may_reconnect() { Weight::Ordinary } else { Weight::Fault };
                    port.emit(Event::ConnectStopped { endpoint, reason }, weight);
                }
                return;
            };
            if handshaken && planted(Bug::TaskPanics) {
                panic!("planted: {reason}");
            }
            if handshaken && planted(Bug::TaskNeverReturns) {
                planted::never_return();
            }
            if handshaken {
                backoff.reset();
            }
            let mut random = self.network.random();
            if planted(Bug::PausesFromOutside) {
                random = planted::number_from_outside();
            }
            let pause = backoff.next_pause(random);
            let retried = Event::ConnectRetried { endpoint, after: pause, reason };
            port.emit(retried, if handshaken { Weight::Ordinary } else { ended.weight() });
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
            Err(error) => return Some(Round { ended: Ended::Stream(error), handshaken: false }),
        };
        let origin = self.attachment.port.begin(&self.attachment.endpoint, stream.peer_address());
        self.attachment.port.emit(origin.connected(), Weight::Ordinary);
        self.attachment.connection_began(origin);
        let ended = drive(&self.network, stream, &mut self.attachment).await;
        let handshaken = self.attachment.is_handshaken();
        self.attachment.connection_ended(&ended.to_string(), ended.weight());
        Some(Round { ended, handshaken })
    }

    async fn connect(&mut self) -> Option<io::Result<N::Stream>> {
        let options = Rc::clone(&self.attachment.options);
        let connecting = self.network.connect(&self.attachment.endpoint, &options.stream);
        let limit = options.connect_timeout;
        let network = self.network.clone();
        let deadline = (limit != Duration::ZERO && !planted(Bug::ConnectTimeoutIgnored))
            .then(|| network.sleep_until(network.now() + limit));
        self.unless_finished(async move {
            let mut connecting = pin!(connecting);
            let mut deadline = pin!(deadline);
            poll_fn(|context| {
                if let Poll::Ready(result) = connecting.as_mut().poll(context) {
                    return Poll::Ready(result);
                }
                match deadline.as_mut().as_pin_mut().map(|deadline| deadline.poll(context)) {
                    Some(Poll::Ready(())) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                    _ => Poll::Pending,
                }
            })
            .await
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
                let _ = self.attachment.closing().poll_closed(context);
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
