//! Random bytes that follow from a seed, for tests.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use seaworthy_core::{Endpoint, Instant, Listener, Network, SecretRandom, Stream, StreamOptions};

/// Keys and nonces of a run with this seed.
pub(crate) fn seeded(seed: u8) -> SecretRandom {
    SecretRandom::from_network(&Secrets(Rc::new(Cell::new(u64::from(seed) << 32))))
}

/// A network that has none to give.
pub(crate) fn exhausted() -> SecretRandom {
    SecretRandom::from_network(&Exhausted)
}

#[derive(Clone)]
struct Secrets(Rc<Cell<u64>>);

#[derive(Clone)]
struct Exhausted;

/// A stream or listener that there never is.
enum Never {}

macro_rules! network {
    ($name:ident: $self:ident, $secret:ident => $fill:expr) => {
        impl Network for $name {
            type Stream = Never;
            type Listener = Never;

            fn now(&self) -> Instant {
                Instant::ZERO
            }

            fn sleep_until(&self, _: Instant) -> impl Future<Output = ()> + 'static {
                std::future::pending()
            }

            fn spawn(&self, _: &'static str, _: impl Future<Output = ()> + 'static) {
                unreachable!("a connection starts no tasks")
            }

            fn random(&self) -> u64 {
                unreachable!("no key comes from here")
            }

            fn fill_secret(&$self, $secret: &mut [u8]) -> io::Result<()> {
                $fill
            }

            fn connect(&self, _: &Endpoint, _: &StreamOptions) -> impl Future<Output = io::Result<Never>> + 'static {
                std::future::pending()
            }

            fn listen(&self, _: &Endpoint, _: &StreamOptions) -> io::Result<Never> {
                Err(io::ErrorKind::Unsupported.into())
            }
        }
    };
}

network!(Secrets: self, secret => {
    for byte in secret {
        self.0.set(self.0.get() + 1);
        *byte = (self.0.get().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8;
    }
    Ok(())
});
network!(Exhausted: self, _secret => Err(io::ErrorKind::Unsupported.into()));

impl Stream for Never {
    async fn read(&self, _: BytesMut) -> (io::Result<usize>, BytesMut) {
        match *self {}
    }

    async fn write(&self, _: Vec<Bytes>) -> (io::Result<usize>, Vec<Bytes>) {
        match *self {}
    }

    async fn shutdown(&self) -> io::Result<()> {
        match *self {}
    }

    fn reset(&self) {
        match *self {}
    }

    fn peer_address(&self) -> String {
        match *self {}
    }
}

impl Listener for Never {
    type Stream = Self;

    fn local_endpoint(&self) -> Endpoint {
        match *self {}
    }

    async fn accept(&self) -> io::Result<Self> {
        match *self {}
    }

    fn close(&self) {
        match *self {}
    }
}
