//! Where a behaviour is tried: two ends of each network.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use compio::runtime::Runtime;
use futures_util::future::{Either, join, select};
use seaworthy_core::{
    CompioNetwork, Endpoint, Host, Instant, IpcPath, Listener, Network, Stream, StreamOptions,
};
use seaworthy_sim::{Backend, Control, Sim, SimBuilder, SimNetwork};

/// What a listener and a stream talk over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Ipc,
}

/// Two ends of a network. They are different hosts where the network has hosts.
#[derive(Clone)]
pub(crate) struct Pair<N> {
    /// Who connects.
    pub(crate) near: N,
    /// Who listens.
    pub(crate) far: N,
    pub(crate) transport: Transport,
    /// How `near` calls `far`.
    far_host: Host,
}

impl<N: Network> Pair<N> {
    pub(crate) fn listen(&self) -> N::Listener {
        self.listen_with(&StreamOptions::default())
    }

    pub(crate) fn listen_with(&self, options: &StreamOptions) -> N::Listener {
        self.listener().listen(&self.anywhere(), options).expect("listen")
    }

    /// Who listens: with ipc, the same host as who connects.
    pub(crate) fn listener(&self) -> &N {
        match self.transport {
            Transport::Tcp => &self.far,
            Transport::Ipc => &self.near,
        }
    }

    pub(crate) fn anywhere(&self) -> Endpoint {
        match self.transport {
            Transport::Tcp => Endpoint::Tcp { host: self.far_host.clone(), port: 0 },
            Transport::Ipc => Endpoint::Ipc(IpcPath::Wildcard),
        }
    }

    pub(crate) async fn connect(&self, listener: &N::Listener) -> io::Result<N::Stream> {
        self.near.connect(&listener.local_endpoint(), &StreamOptions::default()).await
    }

    /// Both ends of a stream: near, far.
    pub(crate) async fn connected(&self) -> (N::Stream, N::Stream) {
        self.connected_with(&StreamOptions::default()).await
    }

    pub(crate) async fn connected_with(&self, options: &StreamOptions) -> (N::Stream, N::Stream) {
        let listener = self.listen_with(options);
        let endpoint = listener.local_endpoint();
        let (near, far) = join(self.near.connect(&endpoint, options), listener.accept()).await;
        (near.expect("connect"), far.expect("accept"))
    }

    pub(crate) async fn sleep(&self, duration: Duration) {
        self.near.sleep_until(self.near.now() + duration).await;
    }

    /// The result of `future`, unless `duration` passes first. The future is then given back.
    pub(crate) async fn within<F: Future + Unpin>(
        &self,
        duration: Duration,
        future: F,
    ) -> Result<F::Output, F> {
        let sleep = pin!(self.near.sleep_until(self.near.now() + duration));
        match select(future, sleep).await {
            Either::Left((output, _)) => Ok(output),
            Either::Right(((), future)) => Err(future),
        }
    }
}

/// Long enough on the real network for what is going to happen at all.
pub(crate) const PATIENCE: Duration = Duration::from_millis(200);

pub(crate) async fn write_all<S: Stream>(stream: &S, bytes: impl Into<Bytes>) -> io::Result<()> {
    let mut bytes: Bytes = bytes.into();
    while !bytes.is_empty() {
        let (written, _) = stream.write(vec![bytes.clone()]).await;
        let _ = bytes.split_to(written?);
    }
    Ok(())
}

/// Exactly so many bytes, or those before the end.
pub(crate) async fn read_up_to<S: Stream>(stream: &S, bytes: usize) -> io::Result<BytesMut> {
    let mut all = BytesMut::new();
    while all.len() < bytes {
        let (read, part) = stream.read(BytesMut::with_capacity((bytes - all.len()).min(1 << 16))).await;
        if read? == 0 {
            break;
        }
        // A buffer may have more room than it was asked for.
        all.extend_from_slice(&part);
    }
    Ok(all)
}

/// Everything up to the end.
pub(crate) async fn read_to_end<S: Stream>(stream: &S) -> io::Result<BytesMut> {
    let mut all = BytesMut::new();
    loop {
        let (read, part) = stream.read(BytesMut::with_capacity(1 << 16)).await;
        if read? == 0 {
            return Ok(all);
        }
        all.extend_from_slice(&part);
    }
}

/// Why it failed. Streams and listeners need not be `Debug`.
#[track_caller]
pub(crate) fn error_of<T>(outcome: io::Result<T>) -> io::Error {
    outcome.err().expect("it should have failed")
}

/// `length` bytes that differ from each other in a known way.
pub(crate) fn pattern(length: usize) -> Bytes {
    (0..length).map(|at| (at * 31 + at / 251) as u8).collect::<Vec<_>>().into()
}

/// Polls once, for what need not wait.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    match Pin::new(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Runs a body on the real network, with both ends on this machine.
pub(crate) fn on_compio(transport: Transport, body: impl AsyncFnOnce(Pair<CompioNetwork>)) {
    Runtime::new().expect("a runtime").block_on(async {
        let network = CompioNetwork::new();
        let far_host = Host::Ip("127.0.0.1".parse().expect("an address"));
        let pair = Pair { near: network.clone(), far: network, transport, far_host };
        compio::time::timeout(Duration::from_secs(60), body(pair)).await.expect("in time");
    });
}

/// Runs a body on a simulated network.
pub(crate) fn on_sim<B>(backend: Backend, transport: Transport, body: B)
where
    B: AsyncFnOnce(Pair<SimNetwork>) + 'static,
{
    simulate(Sim::builder(1).backend(backend), transport, body);
}

/// Runs a body on a simulation of one's own, on two hosts `near` and `far`, until it returns.
pub(crate) fn simulate<B>(builder: SimBuilder, transport: Transport, body: B) -> Sim
where
    B: AsyncFnOnce(Pair<SimNetwork>) + 'static,
{
    let sim = builder.build();
    run_body(&sim, transport, body);
    sim
}

fn run_body<B>(sim: &Sim, transport: Transport, body: B)
where
    B: AsyncFnOnce(Pair<SimNetwork>) + 'static,
{
    let far = Rc::new(RefCell::new(None));
    let network = Rc::clone(&far);
    sim.host("far", move |net| {
        network.replace(Some(net));
        async { Ok(()) }
    });
    let (body, far_host) = (RefCell::new(Some(body)), Host::Name("far".into()));
    let done = Rc::new(RefCell::new(false));
    let finished = Rc::clone(&done);
    sim.host("near", move |near| {
        let far = far.borrow().clone().expect("far booted first");
        let pair = Pair { near, far, transport, far_host: far_host.clone() };
        let (body, finished) = (body.take().expect("booted once"), Rc::clone(&finished));
        async move {
            body(pair).await;
            finished.replace(true);
            Ok(())
        }
    });
    let deadline = Instant::ZERO + Duration::from_secs(400);
    let condition = {
        let done = Rc::clone(&done);
        move || *done.borrow()
    };
    let outcome = sim.run_until_condition(deadline, condition);
    assert_eq!(outcome, Ok(true), "at {:?}", sim.now());
}

/// The handle for faults of a pair.
pub(crate) fn control(pair: &Pair<SimNetwork>) -> (Control, seaworthy_sim::HostId, seaworthy_sim::HostId) {
    let control = pair.near.control();
    let host = |name| control.host(name).expect("a host of the pair");
    let (near, far) = (host("near"), host("far"));
    (control.clone(), near, far)
}

/// Tests that run a body on every network, over the transports named.
macro_rules! on_every_network {
    ($($transport:ident $body:ident;)+) => {
        $(mod $body {
            crate::place::on_every_network!(@transport $transport, super::$body);
        })+
    };
    (@transport tcp, $body:path) => {
        crate::place::on_every_network!(@networks Tcp, $body);
    };
    (@transport ipc, $body:path) => {
        crate::place::on_every_network!(@networks Ipc, $body);
    };
    (@transport both, $body:path) => {
        use $body as body;

        mod tcp {
            crate::place::on_every_network!(@networks Tcp, super::body);
        }

        mod ipc {
            crate::place::on_every_network!(@networks Ipc, super::body);
        }
    };
    (@networks $transport:ident, $body:path) => {
        use crate::place::{Transport, on_compio, on_sim};
        use seaworthy_sim::Backend;

        #[test]
        fn compio() {
            on_compio(Transport::$transport, $body);
        }

        #[test]
        fn turmoil() {
            on_sim(Backend::Turmoil, Transport::$transport, $body);
        }

        #[test]
        fn warp() {
            on_sim(Backend::Warp, Transport::$transport, $body);
        }
    };
}

/// Tests that run a body on both backends of the simulated network.
macro_rules! on_both_carriers {
    ($($body:ident;)+) => {
        $(mod $body {
            use crate::place::{Transport, on_sim};
            use seaworthy_sim::Backend;

            #[test]
            fn turmoil() {
                on_sim(Backend::Turmoil, Transport::Tcp, super::$body);
            }

            #[test]
            fn warp() {
                on_sim(Backend::Warp, Transport::Tcp, super::$body);
            }
        })+
    };
}

pub(crate) use {on_both_carriers, on_every_network};
