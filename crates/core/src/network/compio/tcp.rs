//! TCP: names to addresses, addresses to sockets.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;

use compio::net::{TcpListener, TcpSocket, ToSocketAddrsAsync};
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

use super::{CompioListener, CompioStream, backlog, clock, set_buffers};
use crate::{Endpoint, Host, StreamOptions};

/// How long one address may keep the next one waiting: RFC 8305's "Connection Attempt Delay".
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects to whichever address of `host` answers first.
pub(super) async fn connect(host: Host, port: u16, options: &StreamOptions) -> io::Result<CompioStream> {
    let name = match host {
        Host::Ip(ip) => return connect_address(SocketAddr::new(ip, port), options).await,
        Host::Name(name) => name,
    };
    let addresses =
        (name.as_str(), port).to_socket_addrs_async().await.map_err(|error| unresolved(&name, &error))?;
    match connect_any(addresses, options).await {
        Some(outcome) => outcome,
        None => Err(unresolved(&name, &"it has no address")),
    }
}

/// Tries `addresses` in their order: the next one when all before it have failed, or the last of them has not
/// answered for [`ATTEMPT_DELAY`]. Otherwise one that swallows packets would hide all behind it for as long as
/// the kernel tries, and for ever from a caller who gives up earlier. Gives the last error when all have failed,
/// and nothing when there is no address.
async fn connect_any(
    mut addresses: impl Iterator<Item = SocketAddr>,
    options: &StreamOptions,
) -> Option<io::Result<CompioStream>> {
    let mut attempts: Vec<Pin<Box<dyn Future<Output = io::Result<CompioStream>> + '_>>> = Vec::new();
    let mut delay = None;
    let mut failure = None;
    poll_fn(|context| {
        loop {
            let mut connected = None;
            attempts.retain_mut(|attempt| match attempt.as_mut().poll(context) {
                Poll::Pending => true,
                Poll::Ready(Ok(stream)) => {
                    connected = Some(stream);
                    false
                }
                Poll::Ready(Err(error)) => {
                    failure = Some(error);
                    false
                }
            });
            if let Some(stream) = connected {
                return Poll::Ready(Some(Ok(stream)));
            }
            if attempts.is_empty() {
                delay = None;
            }
            if let Some(waiting) = &mut delay {
                ready!(Future::poll(Pin::new(waiting), context));
                delay = None;
            }
            match addresses.next() {
                Some(address) => {
                    attempts.push(Box::pin(connect_address(address, options)));
                    delay = Some(Box::pin(clock::sleep_until(clock::now() + ATTEMPT_DELAY)));
                }
                None if attempts.is_empty() => return Poll::Ready(failure.take().map(Err)),
                None => return Poll::Pending,
            }
        }
    })
    .await
}

async fn connect_address(address: SocketAddr, options: &StreamOptions) -> io::Result<CompioStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4().await? } else { TcpSocket::new_v6().await? };
    set_buffers(&SockRef::from(&socket), options)?;
    socket.set_nodelay(true)?;
    let stream = socket.connect(address).await?;
    // Where nobody listens on this host the kernel may choose the very port it connects to, and the socket meets
    // itself. Nobody could bind the port while it does.
    if stream.local_addr()? == address {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(CompioStream::tcp(stream, address.to_string()))
}

/// Listens at the first address of `host` that is this host's. A name is a network interface, or else looked
/// up, which blocks the thread for as long as the resolver takes.
pub(super) fn listen(host: &Host, port: u16, options: &StreamOptions) -> io::Result<CompioListener> {
    let name = match host {
        Host::Ip(ip) => return listen_address(SocketAddr::new(*ip, port), options),
        Host::Name(name) => name,
    };
    let mut addresses = interface_addresses(name, port)?;
    if addresses.is_empty() {
        addresses =
            (name.as_str(), port).to_socket_addrs().map_err(|error| unresolved(name, &error))?.collect();
    }
    let mut outcome = Err(unresolved(name, &"it has no address"));
    for address in addresses {
        outcome = listen_address(address, options);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn listen_address(address: SocketAddr, options: &StreamOptions) -> io::Result<CompioListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A port whose last connections are in TIME_WAIT can be bound again; one that somebody listens on cannot.
    socket.set_reuse_address(true)?;
    if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
        socket.set_only_v6(false)?;
    }
    set_buffers(&socket, options)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(backlog(options))?;
    let listener = TcpListener::from_std(socket.into())?;
    let bound = listener.local_addr()?;
    let endpoint = Endpoint::Tcp { host: Host::Ip(bound.ip()), port: bound.port() };
    Ok(CompioListener::tcp(listener, endpoint))
}

/// The addresses of network interface `name`, IPv4 first; none if there is no such interface.
fn interface_addresses(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let mut addresses: Vec<SocketAddr> = if_addrs::get_if_addrs()?
        .into_iter()
        .filter(|interface| interface.name == name && !interface.is_link_local())
        .map(|interface| SocketAddr::new(interface.ip(), port))
        .collect();
    addresses.sort();
    Ok(addresses)
}

fn unresolved(name: &str, why: &dyn std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("host name {name:?} does not resolve: {why}"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener as StdTcpListener;

    use super::*;
    use crate::Stream;

    /// A listener that answers no more, because its backlog is full, and what fills it.
    fn silent_listener() -> (Socket, Vec<Socket>) {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let connect = |_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&address);
            socket
        };
        (listener, (0..8).map(connect).collect())
    }

    #[test]
    fn an_address_that_refuses_or_does_not_answer_does_not_hide_the_next() {
        let refusing = StdTcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (silent, _filling) = silent_listener();
        let silent = silent.local_addr().unwrap().as_socket().unwrap();
        let answering = StdTcpListener::bind("127.0.0.1:0").unwrap();
        let answer = answering.local_addr().unwrap();
        compio::runtime::Runtime::new().unwrap().block_on(async {
            let options = StreamOptions::default();
            let stream =
                connect_any([refusing, silent, answer].into_iter(), &options).await.unwrap().unwrap();
            assert_eq!(stream.peer_address(), answer.to_string());
        });
    }

    #[test]
    fn the_last_refusal_is_reported_when_every_address_fails() {
        let refusing = StdTcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        compio::runtime::Runtime::new().unwrap().block_on(async {
            let options = StreamOptions::default();
            let error = connect_any([refusing, refusing].into_iter(), &options).await.unwrap().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
            assert!(connect_any(std::iter::empty(), &options).await.is_none());
        });
    }
}
