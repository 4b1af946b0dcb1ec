//! What peers that have stalled cost a peer that has not.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use seaworthy::low_level::Connection;
use seaworthy::low_level::ConnectionConfig;
use seaworthy::proxy::{Forwards, ProxyHandle};
use seaworthy::{
    CompioNetwork, DealerSocket, Endpoint, Frame, Message, Network, Options, PubSocket, PullSocket,
    PushSocket, RouterSocket, Socket, SocketType, StreamOptions, SubSocket, XPubSocket, XSubSocket, proxy,
};

use crate::arguments::END_MARKER;
use crate::report::{self, Unsupported};
use crate::{Outcome, Peer};

/// How often each is measured, without stalled peers and with them in turn.
const ROUNDS: usize = 5;

/// Sends `--count` messages to a peer that takes all it can, beside `--subs` peers that read nothing once they have
/// subscribed: the rate at which that one receives, without them and with them. `--kind pub`, `xpub`, `xsub`, `router`,
/// `push` or `dealer` is the socket that sends; `proxy_xsub_xpub`, `proxy_pull_push` or `proxy_dealer_router` is a proxy
/// between.
pub(crate) async fn run(peer: &Peer) -> Outcome {
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (rates, stalled) in rates.iter_mut().zip([0, peer.arguments.subscribers]) {
            rates.push(round(peer, stalled).await?);
        }
    }
    let [alone, beside] = rates.map(median);
    report::result(&[("alone", alone), ("beside", beside), ("ratio", beside / alone)]);
    Ok(())
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_unstable_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}

/// One round: the rate at which the peer received that takes all it can.
#[allow(clippy::disallowed_methods, reason = "two threads are what is measured")]
async fn round(peer: &Peer, stalled: usize) -> Result<f64, Box<dyn std::error::Error>> {
    let endpoint = "tcp://127.0.0.1:*";
    let (context, options) = (&peer.context, peer.options());
    let (payload, count) = (peer.arguments.payload(), peer.arguments.count);
    match peer.arguments.kind.as_str() {
        "pub" => {
            let socket = PubSocket::with_options(context, options)?;
            let receiver = receiver(peer, socket.bind(endpoint)?, SocketType::Sub, stalled);
            let each = async |frame: &Frame| socket.send(frame.clone()).await;
            send_all(each, payload, count, receiver).await
        }
        "xpub" => {
            let socket = XPubSocket::with_options(context, options)?;
            let receiver = receiver(peer, socket.bind(endpoint)?, SocketType::Sub, stalled);
            let each = async |frame: &Frame| {
                while socket.try_recv().is_ok() {}
                socket.send(frame.clone()).await
            };
            send_all(each, payload, count, receiver).await
        }
        "xsub" => {
            let socket = XSubSocket::with_options(context, options)?;
            let receiver = receiver(peer, socket.bind(endpoint)?, SocketType::XPub, stalled);
            // A message that begins with a zero byte would be a subscription.
            let each = async |frame: &Frame| socket.send(["m".into(), frame.clone()]).await;
            send_all(each, payload, count, receiver).await
        }
        "router" => {
            let socket = RouterSocket::with_options(context, options)?;
            let receiver = receiver(peer, socket.bind(endpoint)?, SocketType::Dealer, stalled);
            let names: Vec<Frame> = (0..stalled).map(name).map(Frame::from).collect();
            let mut next = names.iter().cycle();
            let each = async |frame: &Frame| {
                if let Some(name) = next.next() {
                    socket.send([name.clone(), frame.clone()]).await?;
                }
                socket.send(["fast".into(), frame.clone()]).await
            };
            send_all(each, payload, count, receiver).await
        }
        "push" => {
            let socket = PushSocket::with_options(context, options)?;
            let receiver = receiver(peer, socket.bind(endpoint)?, SocketType::Pull, stalled);
            send_all(async |frame: &Frame| socket.send(frame.clone()).await, payload, count, receiver).await
        }
        "dealer" => {
            let socket = DealerSocket::with_options(context, options)?;
            let receiver = receiver(peer, socket.bind(endpoint)?, SocketType::Dealer, stalled);
            send_all(async |frame: &Frame| socket.send(frame.clone()).await, payload, count, receiver).await
        }
        "proxy_xsub_xpub" => {
            let middle = Middle::start(peer, &XSubSocket::with_options, &XPubSocket::with_options)?;
            let socket = PubSocket::with_options(context, options.xpub_nodrop(true))?;
            socket.connect(&middle.frontend)?;
            let receiver = receiver(peer, middle.backend.clone(), SocketType::Sub, stalled);
            send_all(async |frame: &Frame| socket.send(frame.clone()).await, payload, count, receiver).await
        }
        "proxy_pull_push" => {
            let middle = Middle::start(peer, &PullSocket::with_options, &PushSocket::with_options)?;
            let socket = PushSocket::with_options(context, options)?;
            socket.connect(&middle.frontend)?;
            let receiver = receiver(peer, middle.backend.clone(), SocketType::Pull, stalled);
            send_all(async |frame: &Frame| socket.send(frame.clone()).await, payload, count, receiver).await
        }
        "proxy_dealer_router" => {
            let middle = Middle::start(peer, &DealerSocket::with_options, &RouterSocket::with_options)?;
            let socket = DealerSocket::with_options(context, options)?;
            socket.connect(&middle.frontend)?;
            let receiver = receiver(peer, middle.backend.clone(), SocketType::Dealer, stalled);
            let names: Vec<Frame> = (0..stalled).map(name).map(Frame::from).collect();
            let mut next = names.iter().cycle();
            let each = async |frame: &Frame| {
                if let Some(name) = next.next() {
                    socket.send([name.clone(), frame.clone()]).await?;
                }
                socket.send(["fast".into(), frame.clone()]).await
            };
            send_all(each, payload, count, receiver).await
        }
        kind => Err(Unsupported(format!("neighbours --kind {kind}")).into()),
    }
}

/// A proxy on a thread of its own, which ends when this is dropped.
struct Middle {
    frontend: Endpoint,
    backend: Endpoint,
    handle: ProxyHandle,
}

/// Opens a socket of one type.
type Open<P> = dyn Fn(&seaworthy::Context, Options) -> Result<Socket<P>, seaworthy::Error> + Sync;

impl Middle {
    #[allow(clippy::disallowed_methods, reason = "two threads are what is measured")]
    fn start<F: Forwards, B: Forwards>(
        peer: &Peer,
        frontend: &'static Open<F>,
        backend: &'static Open<B>,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let (tell, told) = mpsc::channel();
        let (context, options) = (peer.context.clone(), peer.options());
        thread::spawn(move || {
            let Ok(runtime) = compio::runtime::Runtime::new() else { return };
            let outcome: Result<(), Box<dyn std::error::Error>> = runtime.block_on(async {
                let (frontend, backend) = (frontend(&context, options.clone())?, backend(&context, options)?);
                let endpoints = [&frontend.bind("tcp://127.0.0.1:*")?, &backend.bind("tcp://127.0.0.1:*")?];
                let [frontend_endpoint, backend_endpoint] = endpoints.map(Clone::clone);
                let mut proxy = proxy(&frontend, &backend);
                let handle = proxy.handle();
                drop(tell.send(Self { frontend: frontend_endpoint, backend: backend_endpoint, handle }));
                proxy.run().await?;
                Ok(())
            });
            if let Err(error) = outcome {
                eprintln!("seaworthy-peer: {error}");
            }
        });
        Ok(told.recv()?)
    }
}

impl Drop for Middle {
    fn drop(&mut self) {
        self.handle.kill();
    }
}

fn name(number: usize) -> String {
    format!("stalled-{number}")
}

/// Sends until the receiver has seen the end, and returns its rate.
async fn send_all(
    mut send: impl AsyncFnMut(&Frame) -> Result<(), seaworthy::Error>,
    payload: Frame,
    count: u64,
    receiver: mpsc::Receiver<f64>,
) -> Result<f64, Box<dyn std::error::Error>> {
    compio::time::sleep(Duration::from_millis(500)).await;
    for _ in 0..count {
        send(&payload).await?;
    }
    let end = Frame::from(END_MARKER);
    loop {
        match receiver.try_recv() {
            Ok(rate) => return Ok(rate),
            Err(mpsc::TryRecvError::Disconnected) => return Err("the receiver failed".into()),
            Err(mpsc::TryRecvError::Empty) => send(&end).await?,
        }
        compio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A thread with the peer that takes all it can and those that read nothing.
#[allow(clippy::disallowed_methods, reason = "two threads are what is measured")]
fn receiver(peer: &Peer, endpoint: Endpoint, socket_type: SocketType, stalled: usize) -> mpsc::Receiver<f64> {
    let (tell, told) = mpsc::channel();
    let (context, options) = (peer.context.clone(), peer.options());
    thread::spawn(move || {
        let Ok(runtime) = compio::runtime::Runtime::new() else { return };
        let rate: Result<f64, Box<dyn std::error::Error>> = runtime.block_on(async {
            let network = CompioNetwork::new();
            let mut kept = Vec::new();
            for number in 0..stalled {
                let stream = network.connect(&endpoint, &StreamOptions::default()).await?;
                let config =
                    ConnectionConfig::from((&Options::default().routing_id(name(number)), socket_type));
                let mut connection = Connection::handshake(&network, stream, config).await?;
                if socket_type == SocketType::Sub {
                    connection.subscribe("").await?;
                }
                kept.push(connection);
            }
            match socket_type {
                SocketType::Pull => {
                    let socket = PullSocket::with_options(&context, options)?;
                    socket.connect(&endpoint)?;
                    rate(&network, async || socket.recv().await).await
                }
                SocketType::Dealer => {
                    let socket = DealerSocket::with_options(&context, options.routing_id("fast"))?;
                    socket.connect(&endpoint)?;
                    rate(&network, async || socket.recv().await).await
                }
                SocketType::XPub => {
                    let socket = XPubSocket::with_options(&context, options)?;
                    socket.connect(&endpoint)?;
                    rate(&network, async || socket.recv().await).await
                }
                _ => {
                    let socket = SubSocket::with_options(&context, options)?;
                    socket.subscribe("")?;
                    socket.connect(&endpoint)?;
                    rate(&network, async || socket.recv().await).await
                }
            }
        });
        match rate {
            Ok(rate) => drop(tell.send(rate)),
            Err(error) => eprintln!("seaworthy-peer: {error}"),
        }
    });
    told
}

/// Messages a second, over the second half of those before the end marker: in the first one the pipes and buffers of
/// stalled peers fill, which costs what it costs to send to them.
async fn rate(
    network: &CompioNetwork,
    mut receive: impl AsyncFnMut() -> Result<Message, seaworthy::Error>,
) -> Result<f64, Box<dyn std::error::Error>> {
    let (mut received, mut progress) = (0_u64, Vec::new());
    loop {
        let message = receive().await?;
        if message.frames().last().is_some_and(|frame| **frame == *END_MARKER) {
            break;
        }
        received += 1;
        if received.is_multiple_of(256) {
            progress.push((received, network.now()));
        }
    }
    let half = progress.partition_point(|(count, _)| 2 * count < received);
    match (progress.get(half), progress.last()) {
        (Some((begun, from)), Some((ended, to))) if begun < ended => {
            Ok((ended - begun) as f64 / (*to - *from).as_secs_f64())
        }
        _ => Err("too few messages arrived to tell a rate".into()),
    }
}
