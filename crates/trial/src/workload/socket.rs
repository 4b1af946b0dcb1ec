//! A socket of any type, for workloads that are written once for several.

use seaworthy::{
    Context, DealerSocket, Error, Message, Monitor, Network, Options, PairSocket, PubSocket, PullSocket,
    PushSocket, RepSocket, ReqSocket, RouterSocket, SocketType, SubSocket, XPubSocket, XSubSocket,
};

use crate::scenario::SocketKind;

/// One socket.
pub(super) enum AnySocket<N: Network> {
    Push(PushSocket<N>),
    Pull(PullSocket<N>),
    Dealer(DealerSocket<N>),
    Router(RouterSocket<N>),
    Req(ReqSocket<N>),
    Rep(RepSocket<N>),
    Pub(PubSocket<N>),
    Sub(SubSocket<N>),
    XPub(XPubSocket<N>),
    XSub(XSubSocket<N>),
    Pair(PairSocket<N>),
}

/// Does the same to a socket of any type.
macro_rules! each {
    ($socket:expr, $bound:ident => $act:expr) => {
        match $socket {
            AnySocket::Push($bound) => $act,
            AnySocket::Pull($bound) => $act,
            AnySocket::Dealer($bound) => $act,
            AnySocket::Router($bound) => $act,
            AnySocket::Req($bound) => $act,
            AnySocket::Rep($bound) => $act,
            AnySocket::Pub($bound) => $act,
            AnySocket::Sub($bound) => $act,
            AnySocket::XPub($bound) => $act,
            AnySocket::XSub($bound) => $act,
            AnySocket::Pair($bound) => $act,
        }
    };
}

impl<N: Network> AnySocket<N> {
    pub(super) fn open(kind: SocketKind, context: &Context<N>, options: Options) -> Result<Self, Error> {
        Ok(match kind {
            SocketKind::Push => Self::Push(PushSocket::with_options(context, options)?),
            SocketKind::Pull => Self::Pull(PullSocket::with_options(context, options)?),
            SocketKind::Dealer => Self::Dealer(DealerSocket::with_options(context, options)?),
            SocketKind::Router => Self::Router(RouterSocket::with_options(context, options)?),
            SocketKind::Req => Self::Req(ReqSocket::with_options(context, options)?),
            SocketKind::Rep => Self::Rep(RepSocket::with_options(context, options)?),
            SocketKind::Pub => Self::Pub(PubSocket::with_options(context, options)?),
            SocketKind::Sub => Self::Sub(SubSocket::with_options(context, options)?),
            SocketKind::XPub => Self::XPub(XPubSocket::with_options(context, options)?),
            SocketKind::XSub => Self::XSub(XSubSocket::with_options(context, options)?),
            SocketKind::Pair => Self::Pair(PairSocket::with_options(context, options)?),
        })
    }

    pub(super) fn bind(&self, endpoint: &str) -> Result<(), Error> {
        each!(self, socket => socket.bind(endpoint).map(|_| ()))
    }

    pub(super) fn connect(&self, endpoint: &str) -> Result<(), Error> {
        each!(self, socket => socket.connect(endpoint))
    }

    pub(super) fn monitor(&self) -> Monitor {
        each!(self, socket => socket.monitor())
    }

    pub(super) async fn close(self) {
        each!(self, socket => socket.close().await);
    }

    pub(super) async fn send(&self, message: Message) -> Result<(), Error> {
        match self {
            Self::Push(socket) => socket.send(message).await,
            Self::Dealer(socket) => socket.send(message).await,
            Self::Router(socket) => socket.send(message).await,
            Self::Req(socket) => socket.send(message).await,
            Self::Rep(socket) => socket.send(message).await,
            Self::Pub(socket) => socket.send(message).await,
            Self::XPub(socket) => socket.send(message).await,
            Self::XSub(socket) => socket.send(message).await,
            Self::Pair(socket) => socket.send(message).await,
            Self::Pull(_) => Err(no(SocketType::Pull, "send")),
            Self::Sub(_) => Err(no(SocketType::Sub, "send")),
        }
    }

    pub(super) async fn recv(&self) -> Result<Message, Error> {
        match self {
            Self::Pull(socket) => socket.recv().await,
            Self::Dealer(socket) => socket.recv().await,
            Self::Router(socket) => socket.recv().await,
            Self::Req(socket) => socket.recv().await,
            Self::Rep(socket) => socket.recv().await,
            Self::Sub(socket) => socket.recv().await,
            Self::XPub(socket) => socket.recv().await,
            Self::XSub(socket) => socket.recv().await,
            Self::Pair(socket) => socket.recv().await,
            Self::Push(_) => Err(no(SocketType::Push, "receive")),
            Self::Pub(_) => Err(no(SocketType::Pub, "receive")),
        }
    }

    pub(super) fn subscribe(&self, topic: &str) -> Result<(), Error> {
        match self {
            Self::Sub(socket) => socket.subscribe(topic.to_owned()),
            Self::XSub(socket) => socket.subscribe(topic.to_owned()),
            Self::XPub(socket) => socket.subscribe(topic.to_owned()),
            _ => Err(no(SocketType::Sub, "subscribe")),
        }
    }

    pub(super) fn unsubscribe(&self, topic: &str) -> Result<(), Error> {
        match self {
            Self::Sub(socket) => socket.unsubscribe(topic),
            Self::XSub(socket) => socket.unsubscribe(topic),
            Self::XPub(socket) => socket.unsubscribe(topic),
            _ => Err(no(SocketType::Sub, "unsubscribe")),
        }
    }
}

/// A validated scenario asks for nothing of the kind.
fn no(socket: SocketType, operation: &'static str) -> Error {
    Error::InvalidState { socket: socket.name(), operation, state: "its type does not do that" }
}
