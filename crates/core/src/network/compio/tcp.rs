//! TCP: names to addresses, addresses to sockets.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpListener};
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;

use compio::net::{TcpSocket, TcpStream};
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

use super::blocking_retry::BlockingRetry;
use super::port::{HeldPort, is_held_here};
use super::resolver::Resolver;
use super::{CompioListener, CompioNetwork, CompioStream, backlog, clock, set_buffers};
use crate::{Endpoint, Host, Network, Source, StreamOptions};

/// How long one address may keep the next one waiting: RFC 8305's "Connection Attempt Delay".
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// How long a listener's name may be looked up, which blocks the thread: the system's resolver gives a name server
/// 5 s before it asks the next one.
const LISTEN_LOOK_UP_MAX: Duration = Duration::from_secs(6);

/// Connects to whichever address of `host` answers first, from `source` if there is one.
pub(super) async fn connect(
    network: &CompioNetwork,
    host: &Host,
    port: u16,
    source: Option<&Source>,
    options: &StreamOptions,
) -> io::Result<CompioStream> {
    let sources = match source {
        Some(source) => source_addresses(source)?,
        None => Vec::new(),
    };
    let origin = Origin { sources: &sources, options };
    let name = match host {
        Host::Ip(ip) => return origin.connect(SocketAddr::new(*ip, port)).await,
        Host::Scoped { ip, zone } => return origin.connect(scoped(*ip, zone, port)?).await,
        Host::Name(name) => name,
    };
    // Without one, for lack of file descriptors, the task is woken in the executor's own way.
    let doorbell = network.doorbell().ok().flatten();
    let looked_up = network.resolver.look_up(name, doorbell).await;
    let addresses = looked_up.map_err(|error| unresolved(name, &error))?;
    let addresses = addresses.iter().map(|address| with_port(*address, port));
    match connect_any(addresses, &origin).await {
        Some(outcome) => outcome,
        None => Err(unresolved(name, &"it has no address")),
    }
}

/// What a connecting socket starts from.
struct Origin<'a> {
    /// Local addresses to bind, of which the first of the right family is taken; none leaves it to the kernel.
    sources: &'a [SocketAddr],
    options: &'a StreamOptions,
}

/// Tries `addresses` in their order: the next one when all before it have failed, or the last of them has not
/// answered for [`ATTEMPT_DELAY`]. Otherwise one that swallows packets would hide all behind it for as long as
/// the kernel tries, and for ever from a caller who gives up earlier. Gives the last error when all have failed,
/// and nothing when there is no address.
async fn connect_any(
    mut addresses: impl Iterator<Item = SocketAddr>,
    origin: &Origin<'_>,
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
                    attempts.push(Box::pin(origin.connect(address)));
                    delay = Some(Box::pin(clock::sleep_until(clock::now() + ATTEMPT_DELAY)));
                }
                None if attempts.is_empty() => return Poll::Ready(failure.take().map(Err)),
                None => return Poll::Pending,
            }
        }
    })
    .await
}

impl Origin<'_> {
    async fn connect(&self, address: SocketAddr) -> io::Result<CompioStream> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4().await? } else { TcpSocket::new_v6().await? };
        set_buffers(&SockRef::from(&socket), self.options)?;
        socket.set_nodelay(true)?;
        if !self.sources.is_empty() {
            let source = self.source_for(address)?;
            // One port may connect to several servers.
            socket.set_reuseaddr(true)?;
            SockRef::from(&socket).bind(&source.into())?;
        }
        let stream = socket.connect(address).await?;
        refuse_itself(&stream, address)?;
        Ok(CompioStream::tcp(stream, address.to_string()))
    }

    fn source_for(&self, address: SocketAddr) -> io::Result<SocketAddr> {
        let source = self.sources.iter().find(|source| source.is_ipv4() == address.is_ipv4());
        source.copied().ok_or_else(|| {
            let reason = format!("{address} cannot be reached from a source of the other address family");
            io::Error::new(io::ErrorKind::InvalidInput, reason)
        })
    }
}

/// Where nobody listens on this host the kernel may choose the very port it connects to, and the socket meets itself.
fn refuse_itself(stream: &TcpStream, address: SocketAddr) -> io::Result<()> {
    if stream.local_addr()? != address {
        return Ok(());
    }
    // Closed in an orderly way, it would keep listeners from its port for a minute. This resets it.
    rustix::net::connect_unspec(stream)?;
    Err(io::ErrorKind::ConnectionRefused.into())
}

/// Where a connection may come from. A name is a network interface, as in libzmq.
fn source_addresses(source: &Source) -> io::Result<Vec<SocketAddr>> {
    let Source { host, port } = source;
    match host {
        // Whichever family it takes.
        Host::Ip(ip) if ip.is_unspecified() => {
            Ok(vec![SocketAddr::new(*ip, *port), SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), *port)])
        }
        Host::Ip(ip) => Ok(vec![SocketAddr::new(*ip, *port)]),
        Host::Scoped { ip, zone } => Ok(vec![scoped(*ip, zone, *port)?]),
        Host::Name(name) => {
            let addresses = interface_addresses(name, *port)?;
            if addresses.is_empty() {
                let reason = format!("the source {name:?} is neither an address nor a network interface");
                return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, reason));
            }
            Ok(addresses)
        }
    }
}

/// Listens at the first address of `host` that is this host's. A name is a network interface, or else looked
/// up, which blocks the thread for [`LISTEN_LOOK_UP_MAX`] at most; IPv4 goes first, as in libzmq.
pub(super) fn listen(
    resolver: &Resolver,
    host: &Host,
    port: u16,
    options: &StreamOptions,
) -> io::Result<CompioListener> {
    let name = match host {
        Host::Ip(ip) => return listen_address(SocketAddr::new(*ip, port), None, options),
        Host::Scoped { ip, zone } => {
            return listen_address(scoped(*ip, zone, port)?, Some(zone), options);
        }
        Host::Name(name) => name,
    };
    let mut addresses = interface_addresses(name, port)?;
    if addresses.is_empty() {
        let found = resolver.look_up_within(name, LISTEN_LOOK_UP_MAX);
        let found = found.map_err(|error| unresolved(name, &error))?;
        addresses = found.iter().map(|address| with_port(*address, port)).collect();
        addresses.sort_by_key(SocketAddr::is_ipv6);
    }
    let mut outcome = Err(unresolved(name, &"it has no address"));
    for address in addresses {
        outcome = listen_address(address, None, options);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// Listens at `address`. While somebody else holds it, it is tried again for a moment: a process that was killed may
/// not have ended yet.
fn listen_address(
    address: SocketAddr,
    zone: Option<&str>,
    options: &StreamOptions,
) -> io::Result<CompioListener> {
    let retry = BlockingRetry::new();
    let socket = loop {
        match bind(address, options) {
            Ok(socket) => break socket,
            Err(error) if error.kind() != io::ErrorKind::AddrInUse || address.port() == 0 => {
                return Err(error);
            }
            Err(_) if is_held_here(address.port()) => {
                let reason = "address in use: this process listens there";
                return Err(io::Error::new(io::ErrorKind::AddrInUse, reason));
            }
            Err(error) if !retry.pause() => return Err(error),
            Err(_) => {}
        }
    };
    let listener = TcpListener::from(socket);
    let bound = listener.local_addr()?;
    let host = match (bound.ip(), zone) {
        (IpAddr::V6(ip), Some(zone)) => Host::Scoped { ip, zone: zone.to_owned() },
        (ip, _) => Host::Ip(ip),
    };
    let endpoint = Endpoint::Tcp { host, port: bound.port() };
    CompioListener::tcp(listener, HeldPort::new(bound.port()), endpoint)
}

fn bind(address: SocketAddr, options: &StreamOptions) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A port whose last connections are in TIME_WAIT can be bound again; one that somebody listens on cannot.
    socket.set_reuse_address(true)?;
    if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
        socket.set_only_v6(false)?;
    }
    set_buffers(&socket, options)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(backlog(options))?;
    Ok(socket)
}

fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}

/// An address whose zone is named by an interface or its number.
fn scoped(ip: Ipv6Addr, zone: &str, port: u16) -> io::Result<SocketAddr> {
    let index = match zone.parse() {
        Ok(index) => Some(index),
        Err(_) => {
            let socket = Socket::new(Domain::IPV6, Type::DGRAM, None)?;
            rustix::net::netdevice::name_to_index(&socket, zone).ok()
        }
    };
    let Some(index) = index else {
        let reason = format!("the zone {zone:?} of [{ip}] is no network interface of this host");
        return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, reason));
    };
    Ok(SocketAddrV6::new(ip, port, 0, index).into())
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
            let origin = Origin { sources: &[], options: &StreamOptions::default() };
            let stream = connect_any([refusing, silent, answer].into_iter(), &origin).await.unwrap().unwrap();
            assert_eq!(stream.peer_address(), answer.to_string());
        });
    }

    #[test]
    fn the_last_refusal_is_reported_when_every_address_fails() {
        let refusing = StdTcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        compio::runtime::Runtime::new().unwrap().block_on(async {
            let origin = Origin { sources: &[], options: &StreamOptions::default() };
            let error = connect_any([refusing, refusing].into_iter(), &origin).await.unwrap().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
            assert!(connect_any(std::iter::empty(), &origin).await.is_none());
        });
    }

    #[test]
    fn a_socket_that_meets_itself_is_refused_and_leaves_its_port_free() {
        compio::runtime::Runtime::new().unwrap().block_on(async {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
            let address = socket.local_addr().unwrap();
            socket.connect(&address).unwrap();
            let stream = TcpStream::from_std(socket.into()).unwrap();
            let address = address.as_socket().unwrap();
            let error = refuse_itself(&stream, address).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
            drop(stream);
            listen_address(address, None, &StreamOptions::default()).unwrap();
        });
    }

    #[test]
    fn a_zone_is_an_interface_or_its_number() {
        let ip = Ipv6Addr::LOCALHOST;
        let SocketAddr::V6(lo) = scoped(ip, "lo", 7).unwrap() else { panic!("not IPv6") };
        assert_ne!(lo.scope_id(), 0);
        assert_eq!(scoped(ip, &lo.scope_id().to_string(), 7).unwrap(), lo.into());
        let error = scoped(ip, "no-such-zone", 7).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
        assert!(error.to_string().contains("no-such-zone"), "{error}");
    }
}
