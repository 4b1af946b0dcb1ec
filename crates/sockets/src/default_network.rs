//! The network that sockets run on unless another one is named.

/// The network of [`Context`](crate::Context) and [`Socket`](crate::Socket) unless another one is named: the kernel's.
#[cfg(feature = "compio")]
pub type DefaultNetwork = seaworthy_core::CompioNetwork;

/// The network of [`Context`](crate::Context) and [`Socket`](crate::Socket) unless another one is named. Without the
/// feature `compio` there is none, and another has to be named.
#[cfg(not(feature = "compio"))]
pub type DefaultNetwork = NoNetwork;

#[cfg(not(feature = "compio"))]
pub use self::no_network::NoNetwork;

#[cfg(not(feature = "compio"))]
mod no_network {
    use std::future::{Future, pending};
    use std::io;

    use bytes::{Bytes, BytesMut};
    use seaworthy_core::{Endpoint, Instant, Listener, Network, Stream, StreamOptions};

    /// A network that no value exists of, since the feature `compio` is off.
    #[derive(Clone, Debug)]
    pub enum NoNetwork {}

    impl Network for NoNetwork {
        type Stream = Self;
        type Listener = Self;

        fn now(&self) -> Instant {
            match *self {}
        }

        fn sleep_until(&self, _deadline: Instant) -> impl Future<Output = ()> + 'static {
            pending()
        }

        fn spawn(&self, _name: &'static str, _task: impl Future<Output = ()> + 'static) {
            match *self {}
        }

        fn random(&self) -> u64 {
            match *self {}
        }

        fn fill_secret(&self, _secret: &mut [u8]) -> io::Result<()> {
            match *self {}
        }

        fn connect(
            &self,
            _endpoint: &Endpoint,
            _options: &StreamOptions,
        ) -> impl Future<Output = io::Result<Self>> + 'static {
            pending()
        }

        fn listen(&self, _endpoint: &Endpoint, _options: &StreamOptions) -> io::Result<Self> {
            match *self {}
        }
    }

    impl Listener for NoNetwork {
        type Stream = Self;

        fn local_endpoint(&self) -> Endpoint {
            match *self {}
        }

        fn accept(&self) -> impl Future<Output = io::Result<Self>> {
            pending()
        }

        fn close(&self) {
            match *self {}
        }
    }

    impl Stream for NoNetwork {
        fn read(&self, _buffer: BytesMut) -> impl Future<Output = (io::Result<usize>, BytesMut)> {
            pending()
        }

        fn write(&self, _segments: Vec<Bytes>) -> impl Future<Output = (io::Result<usize>, Vec<Bytes>)> {
            pending()
        }

        fn shutdown(&self) -> impl Future<Output = io::Result<()>> {
            pending()
        }

        fn reset(&self) {
            match *self {}
        }

        fn peer_address(&self) -> String {
            match *self {}
        }
    }
}
