//! The connecting side: offers a pipe under a name, and another one whenever that was lost.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use seaworthy_core::inproc::BindingId;
use seaworthy_core::pipe::{Watch, pipe_within};
use seaworthy_core::{Backoff, Doorbell, Endpoint, Network, Options, waker_for_others};
use seaworthy_zmtp::SocketType;

use super::{Introduction, NameOffering, Names, Offer, PEER_ADDRESS, introduce};
use crate::connections::Origin;
use crate::event::Event;
use crate::log::Weight;
use crate::parcel::PipeEnd;
use crate::peers::PeerId;
use crate::tasks::TaskToken;
use crate::transport::{Closing, ClosingWatch, NotTaken, Port, marks};

/// Connects to a name, whether it is bound or not. The pipe exists when this returns, unless `immediate` is set and
/// the name is not bound.
pub(crate) fn connect<N: Network>(
    network: &N,
    names: &Names,
    name: &str,
    port: Rc<dyn Port>,
    doorbell: Option<Arc<Doorbell>>,
    closing: &Closing,
    task: TaskToken,
) -> Result<(), NotTaken> {
    let connector = Connector {
        doorbell,
        network: network.clone(),
        names: names.clone(),
        name: name.to_owned(),
        endpoint: Endpoint::Inproc(name.to_owned()),
        introduction: Introduction::of(&*port, network),
        options: port.options(),
        port,
        closing: closing.watch(),
    };
    let tie = connector.offer()?;
    network.spawn("connector", async move {
        connector.run(tie, task).await;
    });
    Ok(())
}

struct Connector<N> {
    doorbell: Option<Arc<Doorbell>>,
    network: N,
    names: Names,
    name: String,
    endpoint: Endpoint,
    introduction: Introduction,
    /// As they were when the name was connected.
    options: Rc<Options>,
    port: Rc<dyn Port>,
    closing: ClosingWatch,
}

/// One pipe, from its offer to its end.
struct Tie {
    offering: NameOffering,
    watch: Watch,
    end: End,
    /// Who is at the other end, or will be.
    other: Option<Other>,
}

/// Who is at the other end of a tie.
struct Other {
    binding: BindingId,
    origin: Origin,
    /// By what name it is known.
    routing_id: Bytes,
}

/// This socket's end of the pipe.
enum End {
    /// Kept back until the name is bound: `immediate`.
    Kept(PipeEnd),
    Attached(PeerId),
    /// Given up.
    Gone,
}

enum Step {
    /// The name is bound, or taken by somebody else than before, or free.
    Bound(Option<(BindingId, Introduction)>),
    /// The other end is gone.
    Lost,
    Closing,
}

/// How a tie ended.
enum Ended {
    /// This socket no longer wants it.
    Closed,
    /// The other end left, and may come back. True when it kept the name.
    Lost { name_kept: bool },
    /// The other end cannot be talked to.
    Refused(String),
}

impl<N: Network> Connector<N> {
    async fn run(self, mut tie: Tie, task: TaskToken) {
        let options = Rc::clone(&self.options);
        let mut backoff = options.reconnect_ivl.map(|first| Backoff::new(first, options.reconnect_ivl_max));
        loop {
            let name_kept = match self.hold(&mut tie).await {
                Ended::Closed => return self.linger(&tie, &task).await,
                Ended::Lost { name_kept } => name_kept,
                Ended::Refused(reason) => {
                    self.stop(reason, Weight::Fault);
                    // The other side is to learn of it too, which the socket does not wait for.
                    drop(task);
                    poll_fn(|context| {
                        let waker = self.waker(context);
                        tie.offering.poll_taken_or_free(&Context::from_waker(&waker))
                    })
                    .await;
                    return;
                }
            };
            let reason = "closed by the peer".to_owned();
            let Some(backoff) = &mut backoff else { return self.stop(reason, Weight::Ordinary) };
            // Who keeps the name and drops its peer would drop it again at once.
            let after = if name_kept { backoff.next_pause(self.network.random()) } else { Duration::ZERO };
            let retried = Event::ConnectRetried { endpoint: self.endpoint.clone(), after, reason };
            self.port.emit(retried, Weight::Ordinary);
            if !after.is_zero() {
                let pause = self.network.sleep_until(self.network.now() + after);
                if self.unless_closed(pause).await.is_none() {
                    return;
                }
            }
            // A socket that takes one peer only may have another by this time.
            tie = loop {
                match self.offer() {
                    Ok(tie) => break tie,
                    Err(NotTaken) => {
                        let pause = backoff.next_pause(self.network.random());
                        let pause = self.network.sleep_until(self.network.now() + pause);
                        if self.unless_closed(pause).await.is_none() {
                            return;
                        }
                    }
                }
            };
        }
    }

    /// Makes a pipe, attaches one end and offers the other.
    fn offer(&self) -> Result<Tie, NotTaken> {
        let (there, back) = marks(&self.port.options());
        let (mut ours, mut theirs) = pipe_within(self.port.budget(), there, back);
        if !self.network.has_other_threads() {
            ours.hold_back();
            theirs.hold_back();
        }
        let (watch, gauge) = (ours.inward.watch(), ours.gauge());
        let mut end = End::Kept(ours);
        if !self.options.immediate {
            end = self.attach(end);
            if matches!(end, End::Gone) {
                return Err(NotTaken);
            }
        }
        let offer = Box::new(Offer { pipe: theirs, from: self.introduction.clone() });
        let offering = self.names.offer(&self.name, offer, gauge);
        let mut tie = Tie { offering, watch, end, other: None };
        if let Some(other) = tie.offering.bound()
            && self.introduction.accept(&other.1).is_ok()
        {
            self.meet(&mut tie, other);
        }
        Ok(tie)
    }

    fn attach(&self, end: End) -> End {
        let End::Kept(pipe) = end else { return end };
        match self.port.attach_stranger(pipe) {
            Some(id) => {
                self.closing.add(id);
                End::Attached(id)
            }
            None => End::Gone,
        }
    }

    /// Waits for the end of a tie, and tells the socket who is at the other end meanwhile.
    async fn hold(&self, tie: &mut Tie) -> Ended {
        loop {
            let known = tie.other.as_ref().map(|other| other.binding);
            let step = poll_fn(|context| {
                let waker = self.waker(context);
                let outside = Context::from_waker(&waker);
                if let Poll::Ready(bound) = tie.offering.poll_bound(&outside, known) {
                    return Poll::Ready(Step::Bound(bound));
                }
                if self.closing.poll_closed(context).is_ready() {
                    return Poll::Ready(Step::Closing);
                }
                if tie.watch.wait(&waker) { Poll::Pending } else { Poll::Ready(Step::Lost) }
            })
            .await;
            match step {
                Step::Bound(bound) => {
                    if tie.other.is_some() {
                        self.lose(tie, "the name is no longer bound");
                        if self.options.immediate {
                            self.depart(tie);
                            return Ended::Lost { name_kept: false };
                        }
                    }
                    let Some(other) = bound else { continue };
                    if let Err(incompatible) = self.introduction.accept(&other.1) {
                        let origin = self.port.begin(&self.endpoint, PEER_ADDRESS.to_owned());
                        self.port.emit(origin.handshake_failed(&incompatible), Weight::Fault);
                        self.depart(tie);
                        return Ended::Refused(incompatible.to_string());
                    }
                    self.meet(tie, other);
                }
                Step::Lost => {
                    let name_kept = self.bound_by_the_same(tie);
                    self.lose(tie, "closed by the peer");
                    self.depart(tie);
                    return Ended::Lost { name_kept };
                }
                Step::Closing => {
                    self.lose(tie, "closed by this socket");
                    return Ended::Closed;
                }
            }
        }
    }

    /// The other end is known: messages can flow.
    fn meet(&self, tie: &mut Tie, (binding, them): (BindingId, Introduction)) {
        tie.end = self.attach(std::mem::replace(&mut tie.end, End::Gone));
        if self.introduction.shares_thread_with(&them) == Some(false) {
            self.port.peer_is_elsewhere();
        }
        let origin = self.port.begin(&self.endpoint, PEER_ADDRESS.to_owned());
        self.port.emit(origin.connected(), Weight::Ordinary);
        let routing_id = match tie.end {
            End::Attached(id) => {
                self.port.presume_marks(id, Some(them.marks_of_other()));
                introduce(&*self.port, id, &them)
            }
            End::Kept(_) | End::Gone => them.routing_id,
        };
        let succeeded = origin.handshake_succeeded(routing_id.clone(), them.socket_type.name());
        self.port.emit(succeeded, Weight::Ordinary);
        tie.other = Some(Other { binding, origin, routing_id });
    }

    /// Nobody is at the other end any more.
    fn lose(&self, tie: &mut Tie, reason: &str) {
        let Some(Other { origin, routing_id, .. }) = tie.other.take() else { return };
        self.port.emit(origin.disconnected(routing_id, reason), Weight::Ordinary);
        if let End::Attached(id) = tie.end {
            self.port.presume_marks(id, None);
        }
    }

    fn depart(&self, tie: &mut Tie) {
        if let End::Attached(id) = std::mem::replace(&mut tie.end, End::Gone) {
            self.closing.remove(id);
            self.port.departed(id);
        }
    }

    fn bound_by_the_same(&self, tie: &Tie) -> bool {
        let known = tie.other.as_ref().map(|other| other.binding);
        known.is_some() && tie.offering.binding() == known
    }

    fn stop(&self, reason: String, weight: Weight) {
        self.port.stopped(self.closing.closing());
        self.port.emit(Event::ConnectStopped { endpoint: self.endpoint.clone(), reason }, weight);
    }

    /// What was sent to a name that nobody has bound waits there, as long as `linger` says.
    async fn linger(&self, tie: &Tie, task: &TaskToken) {
        let empty = tie.offering.look(|offer| offer.pipe.inward.is_empty());
        // What a subscriber wrote are wishes that nobody will ever need.
        let wishes = matches!(self.introduction.socket_type, SocketType::Sub | SocketType::XSub);
        if empty.is_none_or(|empty| empty) || wishes {
            return;
        }
        let until = self.closing.linger().unwrap_or_else(|| self.port.linger_until(self.network.now()));
        let mut expiry = pin!(until.map(|until| self.network.sleep_until(until)));
        poll_fn(|context| {
            if let Some(expiry) = expiry.as_mut().as_pin_mut()
                && expiry.poll(context).is_ready()
            {
                let left = tie.offering.look(|offer| offer.pipe.gauge().inward().queued.messages);
                task.leave(left.unwrap_or_default(), false);
                return Poll::Ready(());
            }
            let waker = self.waker(context);
            tie.offering.poll_taken(&Context::from_waker(&waker))
        })
        .await;
    }

    /// The present task's, for other threads.
    fn waker(&self, context: &Context<'_>) -> Waker {
        waker_for_others(self.doorbell.as_ref(), context.waker())
    }

    async fn unless_closed<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        poll_fn(|context| {
            if self.closing.poll_closed(context).is_ready() {
                return Poll::Ready(None);
            }
            work.as_mut().poll(context).map(Some)
        })
        .await
    }
}
