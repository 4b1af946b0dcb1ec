//! libzmq's side of a test.

use std::time::Duration;

use compio::runtime::ResumeUnwind;
use zmq::SocketType;

/// How long anything may take before its test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Makes libzmq's sockets, with deadlines.
pub(crate) struct Libzmq {
    context: zmq::Context,
}

impl Libzmq {
    pub(crate) fn new() -> Self {
        Self { context: zmq::Context::new() }
    }

    pub(crate) fn socket(&self, kind: SocketType) -> zmq::Socket {
        let socket = self.context.socket(kind).unwrap();
        let deadline = i32::try_from(DEADLINE.as_millis()).unwrap();
        socket.set_rcvtimeo(deadline).unwrap();
        socket.set_sndtimeo(deadline).unwrap();
        // What a finished script has sent still goes out. A subscriber has nothing to say that anybody waits for.
        socket
            .set_linger(if matches!(kind, SocketType::SUB | SocketType::XSUB) { 0 } else { deadline })
            .unwrap();
        socket.set_reconnect_ivl(10).unwrap();
        socket.set_ipv6(true).unwrap();
        socket
    }
}

/// Runs `script` on a thread of its own, because libzmq blocks. Await the result together with our side's
/// conversation: a failed assertion of the script fails the test where it is awaited.
pub(crate) async fn run<T: Send + 'static>(
    socket: zmq::Socket,
    script: impl FnOnce(zmq::Socket) -> T + Send + 'static,
) -> T {
    compio::runtime::spawn_blocking(move || script(socket))
        .await
        .resume_unwind()
        .expect("nobody cancels a script")
}

/// Sends frames as one message.
pub(crate) fn send(socket: &zmq::Socket, frames: &[Vec<u8>]) {
    socket.send_multipart(frames, 0).expect("libzmq sends before the deadline");
}

pub(crate) fn recv(socket: &zmq::Socket) -> Vec<Vec<u8>> {
    socket.recv_multipart(0).expect("libzmq receives before the deadline")
}
