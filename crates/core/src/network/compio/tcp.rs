//! TCP: names to addresses, addresses to sockets.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs};

use compio::net::{TcpListener, TcpSocket, ToSocketAddrsAsync};
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

use super::{CompioListener, CompioStream, backlog, set_buffers};
use crate::{Endpoint, Host, StreamOptions};

/// Tries every address of `host`, in the resolver's order, until one answers.
pub(super) async fn connect(host: Host, port: u16, options: &StreamOptions) -> io::Result<CompioStream> {
    let name = match host {
        Host::Ip(ip) => return connect_address(SocketAddr::new(ip, port), options).await,
        Host::Name(name) => name,
    };
    let addresses =
        (name.as_str(), port).to_socket_addrs_async().await.map_err(|error| unresolved(&name, &error))?;
    let mut outcome = Err(unresolved(&name, &"it has no address"));
    for address in addresses {
        outcome = connect_address(address, options).await;
        if outcome.is_ok() {
            break;
        }
    }
    outcome
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
