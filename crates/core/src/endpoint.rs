//! Addresses: `tcp://host:port`, `ipc://path`, `inproc://name`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::host::{Host, Source};

/// Where a socket binds or connects to. Parses from and prints as libzmq's endpoint strings.
///
/// ```
/// use seaworthy_core::Endpoint;
/// let endpoint: Endpoint = "tcp://*:5555".parse()?;
/// assert_eq!(endpoint.to_string(), "tcp://0.0.0.0:5555");
/// assert!("tcp://127.0.0.1".parse::<Endpoint>().is_err());
/// # Ok::<(), seaworthy_core::EndpointError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// A TCP address or name with a port. Port 0 (written `*` or `0`) lets the network choose when binding.
    Tcp {
        /// An address, a name, or all interfaces.
        host: Host,
        /// The port, or 0.
        port: u16,
    },
    /// As `Tcp`, to connect to from an address of this host: `tcp://source:port;host:port`.
    TcpFrom {
        /// Where the connection comes from.
        source: Source,
        /// An address or a name.
        host: Host,
        /// The port.
        port: u16,
    },
    /// A Unix-domain socket.
    Ipc(IpcPath),
    /// A name inside one context.
    Inproc(String),
}

/// The path of an ipc endpoint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IpcPath {
    /// A socket file.
    File(PathBuf),
    /// A name in Linux's abstract namespace, written `@name`: no file, gone with its last holder.
    Abstract(String),
    /// `ipc://*`: a fresh path is chosen when binding.
    Wildcard,
}

/// Longest path of an ipc endpoint, in bytes: what `sockaddr_un` holds besides the terminating zero.
pub const IPC_PATH_MAX: usize = 107;

/// Longest name of an inproc endpoint, in bytes: libzmq's limit on endpoint strings.
pub const INPROC_NAME_MAX: usize = 256;

/// Why a string is not an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// No `://`.
    #[error("endpoint {0:?} has no scheme: expected tcp://, ipc:// or inproc://")]
    NoScheme(String),
    /// A scheme that is not tcp, ipc or inproc.
    #[error("endpoint {endpoint:?} has the unsupported scheme {scheme:?}: expected tcp, ipc or inproc")]
    UnknownScheme {
        /// What was parsed.
        endpoint: String,
        /// Its scheme.
        scheme: String,
    },
    /// The rest after the scheme cannot be used.
    #[error("endpoint {endpoint:?}: {reason}")]
    Invalid {
        /// What was parsed.
        endpoint: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl Endpoint {
    /// The scheme: `tcp`, `ipc` or `inproc`.
    pub fn scheme(&self) -> &'static str {
        match self {
            Self::Tcp { .. } | Self::TcpFrom { .. } => "tcp",
            Self::Ipc(_) => "ipc",
            Self::Inproc(_) => "inproc",
        }
    }

    /// An ipc endpoint of a socket file.
    pub fn ipc_file(path: impl AsRef<Path>) -> Self {
        Self::Ipc(IpcPath::File(path.as_ref().to_path_buf()))
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(EndpointError::NoScheme(text.to_owned()));
        };
        let parsed = match scheme {
            "tcp" => parse_tcp(rest),
            "ipc" => parse_ipc(rest),
            "inproc" => parse_inproc(rest),
            _ => {
                return Err(EndpointError::UnknownScheme {
                    endpoint: text.to_owned(),
                    scheme: scheme.to_owned(),
                });
            }
        };
        parsed.map_err(|reason| EndpointError::Invalid { endpoint: text.to_owned(), reason })
    }
}

fn parse_tcp(rest: &str) -> Result<Endpoint, &'static str> {
    match rest.rsplit_once(';') {
        None => parse_host_and_port(rest).map(|(host, port)| Endpoint::Tcp { host, port }),
        Some((source, rest)) => {
            let (host, port) = parse_host_and_port(source).map_err(|_| {
                "the source before the ';' is no local address with a port: expected tcp://source:port;host:port"
            })?;
            let source = Source { host, port };
            parse_host_and_port(rest).map(|(host, port)| Endpoint::TcpFrom { source, host, port })
        }
    }
}

fn parse_host_and_port(text: &str) -> Result<(Host, u16), &'static str> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => return Err("no port: expected tcp://host:port"),
    };
    let port = match port {
        "*" => 0,
        "" => return Err("the port is empty"),
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse().map_err(|_| "the port is greater than 65535")?
        }
        _ => return Err("the port is not a number"),
    };
    Ok((Host::parse(host)?, port))
}

fn parse_ipc(rest: &str) -> Result<Endpoint, &'static str> {
    if rest.len() > IPC_PATH_MAX {
        return Err("the path is longer than 107 bytes");
    }
    if rest.bytes().any(|b| b == 0) {
        return Err("the path contains a zero byte");
    }
    match rest {
        "" => Err("the path is empty"),
        "*" => Ok(Endpoint::Ipc(IpcPath::Wildcard)),
        "@" => Err("the abstract name is empty"),
        path => Ok(Endpoint::Ipc(match path.strip_prefix('@') {
            Some(name) => IpcPath::Abstract(name.to_owned()),
            None => IpcPath::File(PathBuf::from(path)),
        })),
    }
}

fn parse_inproc(rest: &str) -> Result<Endpoint, &'static str> {
    if rest.is_empty() {
        return Err("the name is empty");
    }
    if rest.len() > INPROC_NAME_MAX {
        return Err("the name is longer than 256 bytes");
    }
    if rest.chars().any(char::is_control) {
        return Err("the name contains a control character");
    }
    Ok(Endpoint::Inproc(rest.to_owned()))
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{}", Port(*port)),
            Self::TcpFrom { source, host, port } => {
                write!(f, "tcp://{}:{};{host}:{}", source.host, Port(source.port), Port(*port))
            }
            Self::Ipc(IpcPath::File(path)) => write!(f, "ipc://{}", path.display()),
            Self::Ipc(IpcPath::Abstract(name)) => write!(f, "ipc://@{name}"),
            Self::Ipc(IpcPath::Wildcard) => f.write_str("ipc://*"),
            Self::Inproc(name) => write!(f, "inproc://{name}"),
        }
    }
}

/// A port as it is printed.
struct Port(u16);

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("*"),
            port => write!(f, "{port}"),
        }
    }
}

/// Anything that can name an endpoint: a string, or an [`Endpoint`] already parsed.
pub trait ToEndpoint {
    /// The endpoint.
    ///
    /// # Errors
    /// When a string is not one.
    fn to_endpoint(&self) -> Result<Endpoint, EndpointError>;
}

impl ToEndpoint for str {
    fn to_endpoint(&self) -> Result<Endpoint, EndpointError> {
        self.parse()
    }
}

impl ToEndpoint for String {
    fn to_endpoint(&self) -> Result<Endpoint, EndpointError> {
        self.parse()
    }
}

impl ToEndpoint for Endpoint {
    fn to_endpoint(&self) -> Result<Endpoint, EndpointError> {
        Ok(self.clone())
    }
}

impl<T: ToEndpoint + ?Sized> ToEndpoint for &T {
    fn to_endpoint(&self) -> Result<Endpoint, EndpointError> {
        (**self).to_endpoint()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn prints(text: &str, as_: &str) {
        let endpoint: Endpoint = text.parse().unwrap();
        assert_eq!(endpoint.to_string(), as_);
        assert_eq!(endpoint.to_string().parse::<Endpoint>().unwrap(), endpoint);
    }

    #[track_caller]
    fn refused(text: &str, because: &str) {
        let error = text.parse::<Endpoint>().unwrap_err().to_string();
        assert!(error.contains(because), "{error}");
        assert!(error.contains(&format!("{text:?}")), "{error} does not name {text:?}");
    }

    #[test]
    fn endpoints_print_as_they_parse() {
        prints("tcp://127.0.0.1:5555", "tcp://127.0.0.1:5555");
        prints("tcp://*:5555", "tcp://0.0.0.0:5555");
        prints("tcp://127.0.0.1:0", "tcp://127.0.0.1:*");
        prints("tcp://[::1]:65535", "tcp://[::1]:65535");
        prints("tcp://broker.example:80", "tcp://broker.example:80");
        prints("tcp://a_b-c.example.:80", "tcp://a_b-c.example.:80");
        prints("tcp://[fe80::1%eth0]:5555", "tcp://[fe80::1%eth0]:5555");
        prints("tcp://[FE80::0:1%7]:*", "tcp://[fe80::1%7]:*");
        prints("tcp://192.168.1.17:5555;192.168.1.1:5556", "tcp://192.168.1.17:5555;192.168.1.1:5556");
        prints("tcp://*:0;broker:80", "tcp://0.0.0.0:*;broker:80");
        prints("tcp://[fe80::1%lo]:*;[fe80::2%lo]:80", "tcp://[fe80::1%lo]:*;[fe80::2%lo]:80");
        prints("tcp://eth0:*;broker:80", "tcp://eth0:*;broker:80");
        prints("ipc:///tmp/a b", "ipc:///tmp/a b");
        prints("ipc://@abstract", "ipc://@abstract");
        prints("ipc://*", "ipc://*");
        prints("inproc://workers", "inproc://workers");
    }

    #[test]
    fn malformed_endpoints_are_refused_by_name() {
        refused("127.0.0.1:5555", "no scheme");
        refused("udp://127.0.0.1:5555", "unsupported scheme \"udp\"");
        refused("tcp://127.0.0.1", "no port");
        refused("tcp://127.0.0.1:", "port is empty");
        refused("tcp://127.0.0.1:65536", "greater than 65535");
        refused("tcp://127.0.0.1:+1", "not a number");
        refused("tcp://:5555", "host is empty");
        refused("tcp://::1:5555", "brackets");
        refused("tcp://[::1:5555", "closing bracket");
        refused("tcp://[::1]", "no port");
        refused("tcp://[::1]x:5555", "closing bracket and the port");
        refused("tcp://[::g]:5555", "not an IPv6 address");
        refused("tcp://[fe80::1%]:5555", "zone behind the '%' is empty");
        refused("tcp://[fe80::1%a/b]:5555", "no network interface's name");
        refused("tcp://[fe80::1%0123456789abcdef]:5555", "longer than 15");
        refused("tcp://fe80%eth0:5555", "in brackets");
        refused("tcp://a b:5555", "character");
        refused("tcp://foo@bar:5555", "'@'");
        refused("tcp://foo:secret@bar:5555", "brackets");
        refused("tcp://bücher.example:5555", "character");
        refused("tcp://what?:5555", "character");
        refused("tcp://a..b:5555", "empty part");
        refused("tcp://.:5555", "empty part");
        refused(&format!("tcp://{}:5555", "a".repeat(64)), "more than 63");
        refused(&format!("tcp://{}:5555", "a.".repeat(130)), "longer than 253");
        refused("tcp://10.0.0.256:5555", "not an IPv4 address");
        refused("tcp://10.1:5555", "not an IPv4 address");
        refused("tcp://5555:5555", "not an IPv4 address");
        refused("tcp://10.0.0.1;10.0.0.2:5555", "source before the ';'");
        refused("tcp://;10.0.0.2:5555", "source before the ';'");
        refused("tcp://10.0.0.1:1;10.0.0.2:2;10.0.0.3:3", "source before the ';'");
        refused("tcp://10.0.0.1:5555;", "no port");
        refused("ipc://", "path is empty");
        refused("ipc://@", "abstract name is empty");
        refused("inproc://", "name is empty");
        refused("inproc://a\nb", "control character");
    }

    #[test]
    fn an_ipc_path_of_107_bytes_is_the_longest() {
        assert!(format!("ipc://{}", "p".repeat(IPC_PATH_MAX)).parse::<Endpoint>().is_ok());
        refused(&format!("ipc://{}", "p".repeat(IPC_PATH_MAX + 1)), "longer than 107");
    }

    #[test]
    fn an_inproc_name_of_256_bytes_is_the_longest() {
        assert!(format!("inproc://{}", "n".repeat(INPROC_NAME_MAX)).parse::<Endpoint>().is_ok());
        refused(&format!("inproc://{}", "n".repeat(INPROC_NAME_MAX + 1)), "longer than 256");
    }

    fn host() -> impl Strategy<Value = Host> {
        let zone = "[a-z][a-z0-9.:-]{0,14}";
        prop_oneof![
            any::<IpAddr>().prop_map(Host::Ip),
            (any::<Ipv6Addr>(), zone).prop_map(|(ip, zone)| Host::Scoped { ip, zone }),
            "[a-z0-9_]{1,20}(-[a-z0-9]{1,9}){0,2}(\\.[a-z]{1,9}){0,3}\\.?"
                .prop_filter("a number", |name| Host::parse(name).is_ok())
                .prop_map(Host::Name),
        ]
    }

    fn endpoint() -> impl Strategy<Value = Endpoint> {
        prop_oneof![
            (host(), any::<u16>()).prop_map(|(host, port)| Endpoint::Tcp { host, port }),
            (host(), any::<u16>(), host(), any::<u16>()).prop_map(|(from, from_port, host, port)| {
                Endpoint::TcpFrom { source: Source { host: from, port: from_port }, host, port }
            }),
            "/[ -~]{1,100}".prop_map(Endpoint::ipc_file),
            "[ -~]{1,100}".prop_map(|name| Endpoint::Ipc(IpcPath::Abstract(name))),
            "[ -~]{1,200}".prop_map(Endpoint::Inproc),
        ]
    }

    proptest! {
        #[test]
        fn every_endpoint_is_parsed_from_what_it_prints(endpoint in endpoint()) {
            prop_assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
        }

        #[test]
        fn what_can_be_parsed_prints_as_the_same_endpoint_and_nothing_panics(
            text in "(tcp|ipc|inproc)://[ -~é]{0,40}",
        ) {
            if let Ok(endpoint) = text.parse::<Endpoint>() {
                prop_assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
            }
        }

        #[test]
        fn what_looks_like_a_tcp_endpoint_prints_as_the_same_endpoint(
            text in "tcp://[a1*.%:;\\[\\]]{0,20}:[0-9*]{1,5}",
        ) {
            if let Ok(endpoint) = text.parse::<Endpoint>() {
                prop_assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
            }
        }
    }
}
