//! The connecting side: offers a pipe under a name, and another one whenever that was lost.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use seaworthy_core::inproc::BindingId;
use seaworthy_core::pipe::{Watch, pipe_within};
use seaworthy_core::{Backoff, Doorbell, Endpoint, Network, Options, waker_for_others};
use seaworthy_zmtp::SocketType;

use super::{NameOffering, Names, Offer, PEER_ADDRESS, PeerInfo, inproc_connected};
use crate::log::Severity;
use crate::monitor::Origin;
use crate::monitor::{Event, HandshakeFailure};
use crate::peer_id::PeerId;
use crate::pipe_item::PipeEnd;
use crate::race::{Winner, race, until};
use crate::tasks::TaskToken;
use crate::transport::{CloseSignal, CloseWatch, PeerRejected, SocketRef, high_water_marks};

/// Connects to a name, whether it is bound or not. The pipe exists when this returns, unless `immediate` is set and
/// the name is not bound.
pub(crate) fn connect<N: Network>(
    network: &N,
    names: &Names,
    name: &str,
    socket: Rc<dyn SocketRef>,
    doorbell: Option<Arc<Doorbell>>,
    closing: &CloseSignal,
    task: TaskToken,
) -> Result<(), PeerRejected> {
    let connector = Connector {
        doorbell,
        network: network.clone(),
        names: names.clone(),
        name: name.to_owned(),
        endpoint: Endpoint::Inproc(name.to_owned()),
        info: PeerInfo::of(&*socket, network),
        options: socket.options(),
        socket,
        closing: closing.watch(),
    };
    let connection = connector.offer()?;
    network.spawn("connector", async move {
        connector.run(connection, task).await;
    });
    Ok(())
}

struct Connector<N> {
    doorbell: Option<Arc<Doorbell>>,
    network: N,
    names: Names,
    name: String,
    endpoint: Endpoint,
    info: PeerInfo,
    /// As they were when the name was connected.
    options: Rc<Options>,
    socket: Rc<dyn SocketRef>,
    closing: CloseWatch,
}

/// One pipe, from its offer to its end.
struct InprocConnection {
    pending: NameOffering,
    watch: Watch,
    end: LocalEnd,
    /// The socket at the other end, once it is known.
    other: Option<Other>,
}

/// The socket at the other end of a connection.
struct Other {
    binding: BindingId,
    origin: Origin,
    /// By what name it is known.
    routing_id: Bytes,
}

/// This socket's end of the pipe.
enum LocalEnd {
    /// Kept back until the name is bound: `immediate`.
    Kept(PipeEnd),
    Attached(PeerId),
    /// Given up.
    Gone,
}

enum Step {
    /// The name is bound, or taken by somebody else than before, or free.
    Bound(Option<(BindingId, PeerInfo)>),
    /// The other end is gone.
    Lost,
    Closing,
}

/// How a connection ended.
enum ConnectionEnd {
    /// This socket no longer wants it.
    Closed,
    /// The other end left, and may come back. True when it kept the name.
    Lost { name_kept: bool },
    /// The other end cannot be talked to.
    Refused(String),
}

impl<N: Network> Connector<N> {
    async fn run(self, mut connection: InprocConnection, task: TaskToken) {
        let options = Rc::clone(&self.options);
        let mut backoff = options.reconnect_ivl.map(|first| Backoff::new(first, options.reconnect_ivl_max));
        loop {
            let name_kept = match self.hold(&mut connection).await {
                ConnectionEnd::Closed => return self.linger(&connection, &task).await,
                ConnectionEnd::Lost { name_kept } => name_kept,
                ConnectionEnd::Refused(reason) => {
                    self.stop(reason, Severity::Fault);
                    // The other side is to learn of it too, which the socket does not wait for.
                    drop(task);
                    poll_fn(|context| {
                        let waker = self.waker(context);
                        connection.pending.poll_taken_or_free(&Context::from_waker(&waker))
                    })
                    .await;
                    return;
                }
            };
            let reason = "closed by the peer".to_owned();
            let Some(backoff) = &mut backoff else { return self.stop(reason, Severity::Routine) };
            // Who keeps the name and drops its peer would drop it again at once.
            let after = if name_kept { backoff.next_pause(self.network.random()) } else { Duration::ZERO };
            let retried = Event::ConnectRetried { endpoint: self.endpoint.clone(), after, reason };
            self.socket.emit(retried, Severity::Routine);
            if !after.is_zero() {
                let pause = self.network.sleep_until(self.network.now() + after);
                if self.closing.unless_closed(pause).await.is_none() {
                    return;
                }
            }
            // A socket that takes one peer only may have another by this time.
            connection = loop {
                match self.offer() {
                    Ok(connection) => break connection,
                    Err(PeerRejected) => {
                        let pause = backoff.next_pause(self.network.random());
                        let pause = self.network.sleep_until(self.network.now() + pause);
                        if self.closing.unless_closed(pause).await.is_none() {
                            return;
                        }
                    }
                }
            };
        }
    }

    /// Makes a pipe, attaches one end and offers the other.
    fn offer(&self) -> Result<InprocConnection, PeerRejected> {
        let (there, back) = high_water_marks(&self.socket.options());
        let (mut ours, mut theirs) = pipe_within(self.socket.budget(), there, back);
        if !self.network.has_other_threads() {
            ours.hold_back();
            theirs.hold_back();
        }
        let (watch, gauge) = (ours.rx.watch(), ours.stats());
        let mut end = LocalEnd::Kept(ours);
        if !self.options.immediate {
            end = self.attach(end)?;
        }
        let offer = Box::new(Offer { pipe: theirs, from: self.info.clone() });
        let pending = self.names.offer(&self.name, offer, gauge);
        let mut connection = InprocConnection { pending, watch, end, other: None };
        if let Some(other) = connection.pending.bound()
            && self.info.accept(&other.1).is_ok()
        {
            self.meet(&mut connection, other);
        }
        Ok(connection)
    }

    fn attach(&self, end: LocalEnd) -> Result<LocalEnd, PeerRejected> {
        let LocalEnd::Kept(pipe) = end else { return Ok(end) };
        let id = self.socket.attach_provisional(pipe)?;
        self.closing.add(id);
        Ok(LocalEnd::Attached(id))
    }

    /// Waits for the end of a connection. Meanwhile the socket hears which other one is at its end.
    async fn hold(&self, connection: &mut InprocConnection) -> ConnectionEnd {
        loop {
            let known = connection.other.as_ref().map(|other| other.binding);
            let step = poll_fn(|context| {
                let waker = self.waker(context);
                let outside = Context::from_waker(&waker);
                if let Poll::Ready(bound) = connection.pending.poll_bound(&outside, known) {
                    return Poll::Ready(Step::Bound(bound));
                }
                if self.closing.poll_closed(context).is_ready() {
                    return Poll::Ready(Step::Closing);
                }
                if connection.watch.wait(&waker) { Poll::Pending } else { Poll::Ready(Step::Lost) }
            })
            .await;
            match step {
                Step::Bound(bound) => {
                    if connection.other.is_some() {
                        self.lose(connection, "the name is no longer bound");
                        if self.options.immediate {
                            self.depart(connection);
                            return ConnectionEnd::Lost { name_kept: false };
                        }
                    }
                    let Some(other) = bound else { continue };
                    if let Err(incompatible) = self.info.accept(&other.1) {
                        let origin = self.socket.begin(&self.endpoint, PEER_ADDRESS.to_owned());
                        self.socket.emit(
                            origin.handshake_failed(HandshakeFailure::Protocol, &incompatible),
                            Severity::Fault,
                        );
                        self.depart(connection);
                        return ConnectionEnd::Refused(incompatible.to_string());
                    }
                    self.meet(connection, other);
                }
                Step::Lost => {
                    let name_kept = self.bound_by_the_same(connection);
                    self.lose(connection, "closed by the peer");
                    self.depart(connection);
                    return ConnectionEnd::Lost { name_kept };
                }
                Step::Closing => {
                    self.lose(connection, "closed by this socket");
                    return ConnectionEnd::Closed;
                }
            }
        }
    }

    /// The other end is known: messages can flow.
    fn meet(&self, connection: &mut InprocConnection, (binding, them): (BindingId, PeerInfo)) {
        connection.end =
            self.attach(std::mem::replace(&mut connection.end, LocalEnd::Gone)).unwrap_or(LocalEnd::Gone);
        if self.info.shares_thread_with(&them) == Some(false) {
            self.socket.peer_on_other_thread();
        }
        let origin = self.socket.begin(&self.endpoint, PEER_ADDRESS.to_owned());
        self.socket.emit(origin.connected(), Severity::Routine);
        let routing_id = match connection.end {
            LocalEnd::Attached(id) => {
                self.socket.presume_marks(id, Some(them.marks_of_other()));
                inproc_connected(&*self.socket, id, &them)
            }
            LocalEnd::Kept(_) | LocalEnd::Gone => them.routing_id,
        };
        let succeeded = origin.handshake_succeeded(routing_id.clone(), them.socket_type.name(), Bytes::new());
        self.socket.emit(succeeded, Severity::Routine);
        connection.other = Some(Other { binding, origin, routing_id });
    }

    /// Nobody is at the other end any more.
    fn lose(&self, connection: &mut InprocConnection, reason: &str) {
        let Some(Other { origin, routing_id, .. }) = connection.other.take() else { return };
        self.socket.emit(origin.disconnected(routing_id, reason), Severity::Routine);
        if let LocalEnd::Attached(id) = connection.end {
            self.socket.presume_marks(id, None);
        }
    }

    fn depart(&self, connection: &mut InprocConnection) {
        if let LocalEnd::Attached(id) = std::mem::replace(&mut connection.end, LocalEnd::Gone) {
            self.closing.remove(id);
            self.socket.departed(id);
        }
    }

    fn bound_by_the_same(&self, connection: &InprocConnection) -> bool {
        let known = connection.other.as_ref().map(|other| other.binding);
        known.is_some() && connection.pending.binding() == known
    }

    fn stop(&self, reason: String, severity: Severity) {
        self.socket.stopped(self.closing.closing());
        self.socket.emit(Event::ConnectStopped { endpoint: self.endpoint.clone(), reason }, severity);
    }

    /// What was sent to a name that nobody has bound waits there, as long as `linger` says.
    async fn linger(&self, connection: &InprocConnection, task: &TaskToken) {
        let empty = connection.pending.look(|offer| offer.pipe.rx.is_empty());
        // What a subscriber wrote are subscriptions that nobody will ever need.
        let is_subscriber = matches!(self.info.socket_type, SocketType::Sub | SocketType::XSub);
        if empty.is_none_or(|empty| empty) || is_subscriber {
            return;
        }
        let deadline = self.closing.linger().unwrap_or_else(|| self.socket.linger_until(self.network.now()));
        let taken = poll_fn(|context| {
            let waker = self.waker(context);
            connection.pending.poll_taken(&Context::from_waker(&waker))
        });
        if let Winner::First(()) = race(until(&self.network, deadline), taken).await {
            let left = connection.pending.look(|offer| offer.pipe.stats().rx().queued.messages);
            task.leave(left.unwrap_or_default(), false);
        }
    }

    /// The present task's, for other threads.
    fn waker(&self, context: &Context<'_>) -> Waker {
        waker_for_others(self.doorbell.as_ref(), context.waker())
    }
}
