//! The ways in which a socket of ours and one of libzmq's can be connected.

use std::future::Future;

use seaworthy::{
    CompioNetwork, Context, DealerSocket, Message, Network as _, PairSocket, PubSocket, PullSocket,
    PushSocket, RepSocket, ReqSocket, RouterSocket, SubSocket, XPubSocket, XSubSocket,
};

use crate::libzmq::{DEADLINE, Libzmq};

/// A transport, and the side that binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) wildcard: &'static str,
    pub(crate) we_bind: bool,
}

pub(crate) const LINKS: [Link; 5] = [
    Link { wildcard: "tcp://127.0.0.1:*", we_bind: true },
    Link { wildcard: "tcp://127.0.0.1:*", we_bind: false },
    Link { wildcard: "tcp://[::1]:*", we_bind: false },
    Link { wildcard: "ipc://*", we_bind: true },
    Link { wildcard: "ipc://*", we_bind: false },
];

impl Link {
    /// Where libzmq binds. Its ipc wildcard would leave a folder behind in the current one.
    fn endpoint_of_libzmq(self) -> String {
        if self.wildcard != "ipc://*" {
            return self.wildcard.to_owned();
        }
        let file = format!("seaworthy-{:016x}", CompioNetwork::new().random());
        format!("ipc://{}", std::env::temp_dir().join(file).display())
    }
}

/// What can be bound and connected: any socket of ours.
pub(crate) trait Attach {
    /// Binds and gives the resolved endpoint.
    fn bind_to(&self, endpoint: &str) -> String;
    fn connect_to(&self, endpoint: &str);
}

/// A socket of ours that sends.
pub(crate) trait Sender {
    async fn give(&self, message: Message);
}

/// A socket of ours that receives.
pub(crate) trait Receiver {
    async fn take(&self) -> Message;
}

macro_rules! implement {
    (Attach for $($socket:ty),*) => {$(
        impl Attach for $socket {
            fn bind_to(&self, endpoint: &str) -> String {
                self.bind(endpoint).unwrap().to_string()
            }

            fn connect_to(&self, endpoint: &str) {
                self.connect(endpoint).unwrap();
            }
        }
    )*};
    (Sender for $($socket:ty),*) => {$(
        impl Sender for $socket {
            async fn give(&self, message: Message) {
                self.send(message).await.unwrap();
            }
        }
    )*};
    (Receiver for $($socket:ty),*) => {$(
        impl Receiver for $socket {
            async fn take(&self) -> Message {
                self.recv().await.unwrap()
            }
        }
    )*};
}

implement!(Attach for PushSocket, PullSocket, DealerSocket, RouterSocket, ReqSocket, RepSocket, PubSocket, SubSocket, XPubSocket, XSubSocket, PairSocket);
implement!(Sender for PushSocket, DealerSocket, RouterSocket, ReqSocket, RepSocket, PubSocket, PairSocket);
implement!(Receiver for PullSocket, DealerSocket, RouterSocket, ReqSocket, RepSocket, SubSocket, PairSocket);

impl Link {
    /// Connects the two; messages may be sent from now on.
    pub(crate) fn connect(self, ours: &impl Attach, theirs: &zmq::Socket) {
        if self.we_bind {
            theirs.connect(&ours.bind_to(self.wildcard)).unwrap();
        } else {
            theirs.bind(&self.endpoint_of_libzmq()).unwrap();
            ours.connect_to(&last_endpoint(theirs));
        }
    }
}

pub(crate) fn last_endpoint(theirs: &zmq::Socket) -> String {
    theirs.get_last_endpoint().unwrap().unwrap()
}

/// Runs a test once for each link.
pub(crate) fn on_every_link(test: impl AsyncFn(Link, &Context, &Libzmq)) {
    for link in LINKS {
        eprintln!("{link:?}");
        on_one_runtime(async |context, libzmq| test(link, context, libzmq).await);
    }
}

/// Runs a test within the deadline.
pub(crate) fn on_one_runtime(test: impl AsyncFnOnce(&Context, &Libzmq)) {
    let libzmq = Libzmq::new();
    compio::runtime::Runtime::new().unwrap().block_on(async {
        let context = Context::new();
        within_deadline(test(&context, &libzmq)).await;
    });
}

pub(crate) async fn within_deadline<T>(work: impl Future<Output = T>) -> T {
    compio::time::timeout(DEADLINE, work).await.expect("the test takes too long")
}
