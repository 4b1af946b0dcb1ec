//! The task behind a bound endpoint: accepts streams and starts a driver for each.

use std::rc::Rc;
use std::time::Duration;

#[cfg(feature = "planted-bugs")]
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Endpoint, Listener, Network, Options, Stream};

use super::attachment::{Attachment, Lifetime};
use super::close_signal::{CloseSignal, CloseWatch};
use super::driver::drive;
use super::pending_handshakes::PendingHandshakes;
use super::socket_ref::{PeerRejected, SocketRef};
use crate::log::Severity;
use crate::monitor::{Event, HandshakeFailure};
use crate::tasks::Tasks;

/// Pause after a failed accept: without file descriptors it would fail again at once.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// A listener, from outside its task. Dropping it frees the endpoint at once, though the task has yet to hear of it.
pub(crate) struct ListenerHandle(Rc<dyn Closes>);

trait Closes {
    fn close(&self);
}

impl<L: Listener> Closes for L {
    fn close(&self) {
        Listener::close(self);
    }
}

impl Drop for ListenerHandle {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Starts the task of a listener that is bound at `endpoint`.
pub(crate) fn listen<N: Network>(
    network: &N,
    listener: N::Listener,
    socket: Rc<dyn SocketRef>,
    endpoint: Endpoint,
    closing: CloseSignal,
    tasks: &Tasks,
) -> ListenerHandle {
    let listener = Rc::new(listener);
    let handle = ListenerHandle(Rc::<N::Listener>::clone(&listener));
    let token = tasks.token();
    let listening = Listening {
        network: network.clone(),
        options: socket.options(),
        socket,
        endpoint,
        closing: closing.watch(),
        tasks: tasks.clone(),
    };
    network.spawn("listener", async move {
        listening.run(listener).await;
        drop(token);
        #[cfg(feature = "planted-bugs")]
        if planted(Bug::TaskLeaked) {
            std::future::pending::<()>().await;
        }
    });
    handle
}

struct Listening<N> {
    network: N,
    socket: Rc<dyn SocketRef>,
    /// As they were when the endpoint was bound.
    options: Rc<Options>,
    endpoint: Endpoint,
    closing: CloseWatch,
    /// The tasks of the socket.
    tasks: Tasks,
}

impl<N: Network> Listening<N> {
    async fn run(self, listener: Rc<N::Listener>) {
        let handshakes = PendingHandshakes::default();
        loop {
            match self.closing.unless_closed(listener.accept()).await {
                None => break,
                Some(Ok(stream)) => self.start(stream, &handshakes),
                Some(Err(error)) => {
                    let endpoint = self.endpoint.clone();
                    let failed = Event::AcceptFailed { endpoint, reason: error.to_string() };
                    self.socket.emit(failed, Severity::Fault);
                    let pause = self.network.sleep_until(self.network.now() + ACCEPT_RETRY);
                    if self.closing.unless_closed(pause).await.is_none() {
                        break;
                    }
                }
            }
        }
        drop(listener);
        self.socket.emit(Event::Closed { endpoint: self.endpoint }, Severity::Routine);
    }

    /// Starts the driver of an accepted stream.
    fn start(&self, stream: N::Stream, handshakes: &PendingHandshakes) {
        let origin = self.socket.begin(&self.endpoint, stream.peer_address());
        self.socket.emit(origin.accepted(), Severity::Routine);
        if !self.socket.admits(handshakes.len()) {
            // Before the handshake: after it the peer would send what nobody receives.
            self.socket
                .emit(origin.handshake_failed(HandshakeFailure::NoDetail, PeerRejected), Severity::Routine);
            return;
        }
        let max = self.socket.options().connections_max;
        if !handshakes.admit(max) {
            let reason = format!("the endpoint has {max} connections, as many as connections_max allows");
            self.socket.emit(origin.handshake_failed(HandshakeFailure::NoDetail, reason), Severity::Routine);
            return;
        }
        let attachment = Attachment::new(
            Rc::clone(&self.socket),
            Rc::clone(&self.options),
            self.endpoint.clone(),
            Lifetime::Connection,
            self.closing.closing(),
            self.tasks.token(),
        );
        let Ok(mut attachment) = attachment else { return };
        attachment.connection_began(origin);
        attachment.hold_until_handshaken(handshakes.begin());
        let network = self.network.clone();
        self.network.spawn("driver", async move {
            let ended = drive(&network, stream, &mut attachment).await;
            attachment.connection_ended(&ended);
        });
    }
}
