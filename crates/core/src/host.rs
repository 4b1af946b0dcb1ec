//! The host part of a tcp endpoint: an address, with its zone if it has one, or a name.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The host part of a TCP endpoint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// An address; `0.0.0.0` (also written `*`) and `[::]` mean all interfaces.
    Ip(IpAddr),
    /// An IPv6 address that means something on one link only, such as `[fe80::1%eth0]`.
    Scoped {
        /// The address.
        ip: Ipv6Addr,
        /// The link: the name of a network interface, or its number.
        zone: String,
    },
    /// A name that is resolved at every attempt to connect.
    Name(String),
}

/// Where a connection comes from: the first half of `tcp://source:port;host:port`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// A local address, all of them, or the name of a network interface.
    pub host: Host,
    /// The local port, or 0: the network chooses one.
    pub port: u16,
}

/// Longest host name, in bytes, and longest part of it between dots (RFC 1035).
const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;

/// Longest name of a network interface, in bytes: Linux's `IFNAMSIZ` without the terminating zero.
const ZONE_MAX: usize = 15;

impl Host {
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "" => return Err("the host is empty"),
            "*" => return Ok(Self::Ip(IpAddr::V4(Ipv4Addr::UNSPECIFIED))),
            _ => {}
        }
        if let Some(rest) = text.strip_prefix('[') {
            return match rest.split_once(']') {
                Some((inside, "")) => parse_ipv6(inside),
                Some(_) => Err("something stands between the closing bracket and the port"),
                None => Err("an IPv6 address lacks its closing bracket"),
            };
        }
        if let Ok(ip) = text.parse() {
            return Ok(Self::Ip(IpAddr::V4(ip)));
        }
        if text.contains(':') {
            return Err("an IPv6 address must stand in brackets: tcp://[::1]:5555");
        }
        check_name(text).map(|()| Self::Name(text.to_owned()))
    }
}

fn parse_ipv6(inside: &str) -> Result<Host, &'static str> {
    let (ip, zone) = match inside.split_once('%') {
        Some((ip, zone)) => (ip, Some(zone)),
        None => (inside, None),
    };
    let ip = ip.parse().map_err(|_| "not an IPv6 address between the brackets")?;
    match zone {
        None => Ok(Host::Ip(IpAddr::V6(ip))),
        Some("") => {
            Err("the zone behind the '%' is empty: expected a network interface, as in [fe80::1%eth0]")
        }
        Some(zone) if zone.len() > ZONE_MAX => {
            Err("the zone behind the '%' is longer than 15 bytes, which no network interface's name is")
        }
        Some(zone) if !zone.bytes().all(|b| b.is_ascii_graphic() && !b"%/;[]".contains(&b)) => {
            Err("the zone behind the '%' contains a character that no network interface's name has")
        }
        Some(zone) => Ok(Host::Scoped { ip, zone: zone.to_owned() }),
    }
}

/// Refuses what the resolver would be asked in vain, or would take for something else.
fn check_name(name: &str) -> Result<(), &'static str> {
    if name.contains('@') {
        return Err("the host contains '@': an endpoint has no user");
    }
    if name.contains('%') {
        return Err("a zone belongs to an IPv6 address in brackets: tcp://[fe80::1%eth0]:5555");
    }
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
        return Err(
            "the host contains a character that no host name has: there are letters, digits, '-', '_' and '.'",
        );
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.len() > NAME_MAX {
        return Err("the host name is longer than 253 bytes");
    }
    if name.split('.').any(str::is_empty) {
        return Err("the host name has an empty part between its dots");
    }
    if name.split('.').any(|label| label.len() > LABEL_MAX) {
        return Err("the host name has a part of more than 63 bytes");
    }
    // The resolver would take 10.1 for 10.0.0.1, and ask DNS for 10.0.0.256.
    let mut labels = name.rsplit('.');
    let numeric = labels.next().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
    if numeric && (labels.next().is_some() || name.parse::<u32>().is_ok()) {
        return Err("not an IPv4 address, which is four numbers of at most 255, and no host name");
    }
    Ok(())
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Self::Scoped { ip, zone } => write!(f, "[{ip}%{zone}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}
