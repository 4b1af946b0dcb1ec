//! What an idle connection keeps.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::join;
use seaworthy::low_level::Connection;
use seaworthy::low_level::ConnectionConfig;
use seaworthy::{Context, DealerSocket, SocketType};
use seaworthy_core::{Endpoint, Instant, Listener, Network, Stream, StreamOptions};

use crate::place::{PATIENCE, Pair, on_every_network, pattern};

/// Room that the reads of two idle connections may have, in bytes.
const IDLE_MAX: usize = 2 * 16 * 1024;

/// Bytes that each end sends.
const BURST: usize = 1 << 20;

on_every_network! {
    both after_a_burst_no_large_buffer_waits_for_more;
    both a_low_level_connection_that_waits_holds_no_large_buffer;
}

async fn after_a_burst_no_large_buffer_waits_for_more<N: Network>(pair: Pair<N>) {
    let room = Room::default();
    for size in [64, 1_000, 20_000, 65_536, 200_000] {
        let listener = Metered { network: pair.listener().clone(), room: room.clone() };
        let near = Metered { network: pair.near.clone(), room: room.clone() };
        let bound = DealerSocket::new(&Context::with_network(listener)).unwrap();
        let endpoint = bound.bind(pair.anywhere()).unwrap();
        let connected = DealerSocket::new(&Context::with_network(near)).unwrap();
        connected.connect(&endpoint).unwrap();
        for _ in 0..2 {
            let count = BURST / size;
            join(burst(&bound, &connected, size, count), burst(&connected, &bound, size, count)).await;
            let idle = async {
                while room.now.get() > IDLE_MAX {
                    pair.sleep(Duration::from_millis(1)).await;
                }
            };
            let in_time = pair.within(Duration::from_secs(10), pin!(idle)).await.is_ok();
            assert!(in_time, "{size}: {} bytes of room", room.now.get());
        }
    }
    assert!(room.most.get() > IDLE_MAX, "a busy connection reads in large buffers");
}

async fn a_low_level_connection_that_waits_holds_no_large_buffer<N: Network>(pair: Pair<N>) {
    let room = Room::default();
    let (near, far) = pair.connected().await;
    let [near, far] = [near, far].map(|stream| MeteredStream { stream, room: room.clone() });
    let metered = |network: &N| Metered { network: network.clone(), room: room.clone() };
    let (near_network, far_network) = (metered(&pair.near), metered(&pair.far));
    let (near, far) = join(
        Connection::handshake(&near_network, near, ConnectionConfig::new(SocketType::Push)),
        Connection::handshake(&far_network, far, ConnectionConfig::new(SocketType::Pull)),
    )
    .await;
    let (mut near, mut far) = (near.unwrap(), far.unwrap());
    for size in [1_000, 65_536] {
        let message = pattern(size);
        let sending = async {
            for _ in 0..BURST / size {
                near.send(message.clone()).await.unwrap();
            }
        };
        let receiving = async {
            for _ in 0..BURST / size {
                assert_eq!(far.recv().await.unwrap().frame(0), Some(&message[..]));
            }
        };
        join(sending, receiving).await;
        assert!(pair.within(PATIENCE, pin!(far.recv())).await.is_err(), "everything was received");
        assert!(room.now.get() <= IDLE_MAX, "{size}: {} bytes of room", room.now.get());
    }
    assert!(room.most.get() > IDLE_MAX, "a busy connection reads in large buffers");
}

async fn burst<N: Network>(from: &DealerSocket<N>, to: &DealerSocket<N>, size: usize, count: usize) {
    let message = pattern(size);
    let sending = async {
        for _ in 0..count {
            from.send(message.clone()).await.unwrap();
        }
    };
    let receiving = async {
        for _ in 0..count {
            assert_eq!(to.recv().await.unwrap().frame(0), Some(&message[..]));
        }
    };
    join(sending, receiving).await;
}

/// Room of the reads in flight, in bytes.
#[derive(Clone, Default)]
struct Room {
    now: Rc<Cell<usize>>,
    most: Rc<Cell<usize>>,
}

/// A network that measures the room of its reads.
#[derive(Clone)]
struct Metered<N> {
    network: N,
    room: Room,
}

struct MeteredListener<L> {
    listener: L,
    room: Room,
}

struct MeteredStream<S> {
    stream: S,
    room: Room,
}

impl<N: Network> Network for Metered<N> {
    type Stream = MeteredStream<N::Stream>;
    type Listener = MeteredListener<N::Listener>;

    fn now(&self) -> Instant {
        self.network.now()
    }

    fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> + 'static {
        self.network.sleep_until(deadline)
    }

    fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + 'static) {
        self.network.spawn(name, task);
    }

    fn random(&self) -> u64 {
        self.network.random()
    }

    fn fill_secret(&self, secret: &mut [u8]) -> io::Result<()> {
        self.network.fill_secret(secret)
    }

    fn connect(
        &self,
        endpoint: &Endpoint,
        options: &StreamOptions,
    ) -> impl Future<Output = io::Result<Self::Stream>> + 'static {
        let (connecting, room) = (self.network.connect(endpoint, options), self.room.clone());
        async { Ok(MeteredStream { stream: connecting.await?, room }) }
    }

    fn listen(&self, endpoint: &Endpoint, options: &StreamOptions) -> io::Result<Self::Listener> {
        let listener = self.network.listen(endpoint, options)?;
        Ok(MeteredListener { listener, room: self.room.clone() })
    }
}

impl<L: Listener> Listener for MeteredListener<L> {
    type Stream = MeteredStream<L::Stream>;

    fn local_endpoint(&self) -> Endpoint {
        self.listener.local_endpoint()
    }

    async fn accept(&self) -> io::Result<Self::Stream> {
        Ok(MeteredStream { stream: self.listener.accept().await?, room: self.room.clone() })
    }

    fn close(&self) {
        self.listener.close();
    }
}

impl<S: Stream> Stream for MeteredStream<S> {
    async fn read(&self, buffer: BytesMut) -> (io::Result<usize>, BytesMut) {
        let spare = buffer.capacity() - buffer.len();
        self.room.now.set(self.room.now.get() + spare);
        self.room.most.set(self.room.most.get().max(self.room.now.get()));
        let outcome = self.stream.read(buffer).await;
        self.room.now.set(self.room.now.get() - spare);
        outcome
    }

    async fn readable(&self) {
        self.stream.readable().await;
    }

    fn set_rcvlowat(&self, bytes: usize) {
        self.stream.set_rcvlowat(bytes);
    }

    async fn write(&self, segments: Vec<Bytes>) -> (io::Result<usize>, Vec<Bytes>) {
        self.stream.write(segments).await
    }

    async fn shutdown(&self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    fn reset(&self) {
        self.stream.reset();
    }

    fn peer_address(&self) -> String {
        self.stream.peer_address()
    }
}
