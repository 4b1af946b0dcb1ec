//! What a broker is told: by a file, and by the command line, which wins.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::options::{CaptureKind, ControlKind, ProxyKind, ProxyMode, ProxyOptions};
use super::sockets::SocketOptions;
use super::value::{Address, Batch, Interval, Time};
use crate::problem::Problem;

const LINGER: Duration = Duration::from_secs(1);

const INTERVAL: Duration = Duration::from_secs(1);

/// A file of settings. Everything may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    kind: Option<ProxyKind>,
    mode: Option<Vec<ProxyMode>>,
    batch: Option<Batch>,
    queue: Option<usize>,
    linger: Option<Time>,
    interval: Option<Interval>,
    metrics: Option<SocketAddr>,
    log: Option<String>,
    json: Option<bool>,
    /// Of both sockets.
    options: SocketOptions,
    frontend: End,
    backend: End,
    capture: Option<OneEndpoint<CaptureKind>>,
    control: Option<OneEndpoint<ControlKind>>,
}

/// Everything that a broker has to know.
#[derive(Debug, Serialize)]
pub(crate) struct Settings {
    pub(crate) kind: ProxyKind,
    pub(crate) mode: Vec<ProxyMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) batch: Option<Batch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) queue: Option<usize>,
    linger: Time,
    interval: Interval,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metrics: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log: Option<String>,
    pub(crate) json: bool,
    pub(crate) frontend: End,
    pub(crate) backend: End,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) capture: Option<OneEndpoint<CaptureKind>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) control: Option<OneEndpoint<ControlKind>>,
}

/// One of the two sockets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct End {
    /// Where it listens.
    pub(crate) bind: Vec<Address>,
    /// Where it connects to.
    pub(crate) connect: Vec<Address>,
    pub(crate) options: SocketOptions,
}

/// A socket beside the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OneEndpoint<K: Default> {
    pub(crate) bind: Address,
    #[serde(default)]
    pub(crate) kind: K,
}

impl Settings {
    /// Puts the command line and its file, if it names one, together.
    pub(crate) fn of(options: &ProxyOptions) -> Result<Self, Problem> {
        Self::put_together(options, options.config.as_deref().map_or_else(|| Ok(Config::default()), read)?)
    }

    fn put_together(options: &ProxyOptions, config: Config) -> Result<Self, Problem> {
        let end = |name: &str, bind: &[Address], connect: &[Address], file: End| {
            let end = End {
                bind: if bind.is_empty() { file.bind } else { bind.to_vec() },
                connect: if connect.is_empty() { file.connect } else { connect.to_vec() },
                options: options
                    .sockets
                    .clone()
                    .over(file.options)
                    .over(config.options.clone())
                    .over(SocketOptions::of_the_library()),
            };
            if end.bind.is_empty() && end.connect.is_empty() {
                return Err(Problem::Usage(format!(
                    "the {name} has no endpoint: give --{name} or --{name}-connect, or bind or connect under \
                     [{name}] in a file"
                )));
            }
            Ok(end)
        };
        Ok(Self {
            kind: options.kind.or(config.kind).unwrap_or_default(),
            mode: match (&*options.mode, config.mode) {
                ([], mode) => mode.unwrap_or_else(|| vec![ProxyMode::Fair]),
                (mode, _) => mode.to_vec(),
            },
            batch: options.batch.or(config.batch),
            queue: options.queue.or(config.queue),
            linger: options.linger.or(config.linger).unwrap_or(Time(LINGER)),
            interval: options.interval.or(config.interval).unwrap_or(Interval(INTERVAL)),
            metrics: options.metrics.or(config.metrics),
            log: config.log,
            json: options.json.or(config.json).unwrap_or_default(),
            frontend: end("frontend", &options.frontend, &options.frontend_connect, config.frontend)?,
            backend: end("backend", &options.backend, &options.backend_connect, config.backend)?,
            capture: beside("capture", options.capture.clone(), options.capture_kind, config.capture)?,
            control: beside("control", options.control.clone(), options.control_kind, config.control)?,
        })
    }

    pub(crate) const fn linger(&self) -> Duration {
        self.linger.0
    }

    pub(crate) const fn interval(&self) -> Duration {
        self.interval.0
    }

    /// As a file that says the same.
    pub(crate) fn to_toml(&self) -> Result<String, Problem> {
        toml::to_string(self)
            .map_err(|error| Problem::Machinery(format!("the settings cannot be written: {error}")))
    }
}

/// A socket beside the two, if it has an endpoint.
fn beside<K: Copy + Default>(
    name: &str,
    bind: Option<Address>,
    kind: Option<K>,
    file: Option<OneEndpoint<K>>,
) -> Result<Option<OneEndpoint<K>>, Problem> {
    let (file_bind, file_kind) = file.map(|file| (file.bind, file.kind)).unzip();
    match bind.or(file_bind) {
        Some(bind) => Ok(Some(OneEndpoint { bind, kind: kind.or(file_kind).unwrap_or_default() })),
        None if kind.is_some() => Err(Problem::Usage(format!("--{name}-kind without --{name}"))),
        None => Ok(None),
    }
}

/// Reads a file. Its errors name the line and the key.
fn read(file: &Path) -> Result<Config, Problem> {
    let text = fs::read_to_string(file).map_err(|source| Problem::Read { file: file.to_owned(), source })?;
    toml::from_str(&text)
        .map_err(|error| Problem::Usage(format!("{}: {}", file.display(), error.to_string().trim_end())))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::{Arguments, Command};

    const FILE: &str = r#"
        kind = "xsub-xpub"
        mode = ["biased-backend"]
        linger = "2s"
        log = "warn"

        [options]
        hwm = 10
        heartbeat_ivl = 500

        [frontend]
        bind = ["tcp://*:5557"]

        [backend]
        bind = ["tcp://*:5558"]
        connect = ["tcp://other:1"]
        options = { sndhwm = 20, sndhwm_bytes = "1MiB", mandatory = true }

        [capture]
        bind = "ipc:///tmp/copies"
    "#;

    /// The settings of a command line, with this file unless it is empty.
    fn settings(file: &str, arguments: &[&str]) -> Result<Settings, String> {
        let Ok(Arguments { command: Command::Proxy(options) }) =
            Arguments::try_parse_from(["seaworthy", "proxy"].iter().chain(arguments))
        else {
            return Err("the command line cannot be read".to_owned());
        };
        let config = toml::from_str(file).map_err(|error| error.to_string())?;
        Settings::put_together(&options, config).map_err(|problem| problem.to_string())
    }

    #[test]
    fn a_file_says_it_all() {
        let settings = settings(FILE, &[]).unwrap();
        assert_eq!((settings.kind, &*settings.mode), (ProxyKind::XsubXpub, &[ProxyMode::BiasedBackend][..]));
        assert_eq!((settings.linger(), settings.interval()), (Duration::from_secs(2), INTERVAL));
        let marks = |end: &End| (end.options.sndhwm, end.options.rcvhwm);
        assert_eq!(marks(&settings.frontend), (Some(10), Some(10)));
        assert_eq!(marks(&settings.backend), (Some(20), Some(10)));
        assert_eq!(settings.backend.options.mandatory, Some(true));
        assert_eq!(settings.capture.unwrap().kind, CaptureKind::Pub);
    }

    #[test]
    fn the_command_line_wins() {
        let arguments = "--kind pull-push --mode fair --backend tcp://*:1 --hwm 5 --mandatory=false \
                         --capture-kind push --linger 1";
        let settings = settings(FILE, &arguments.split_whitespace().collect::<Vec<_>>()).unwrap();
        assert_eq!((settings.kind, &*settings.mode), (ProxyKind::PullPush, &[ProxyMode::Fair][..]));
        let backend = &settings.backend;
        assert_eq!((backend.bind[0].as_str(), backend.connect[0].as_str()), ("tcp://*:1", "tcp://other:1"));
        assert_eq!((backend.options.sndhwm, backend.options.mandatory), (Some(5), Some(false)));
        assert_eq!(settings.linger(), Duration::from_millis(1));
        assert_eq!(settings.capture.unwrap().kind, CaptureKind::Push);
    }

    #[test]
    fn what_is_printed_can_be_read_and_says_the_same() {
        let first = settings(FILE, &["--metrics", "127.0.0.1:9464", "--json"]).unwrap().to_toml().unwrap();
        let again = settings(&first, &[]).unwrap().to_toml().unwrap();
        assert_eq!(first, again);
        assert!(first.contains("reconnect_ivl = \"100ms\""), "{first}");
    }

    #[test]
    fn errors_of_a_file_name_the_line_and_the_key() {
        for (file, line, words) in [
            ("\nkinds = 1", 2, "kinds"),
            ("[options]\nhwm = \"many\"", 2, "hwm"),
            ("[options]\n\nheartbeat_ivl = \"1 week\"", 3, "heartbeat_ivl"),
            ("[options]\nmaxmsgsize = -1", 2, "maxmsgsize"),
            ("batch = 0", 1, "batch"),
            ("[frontend]\nbind = [\"inproc://a\"]", 2, "nobody can reach"),
            ("[backend.options]\nsndhmw = 1", 2, "sndhmw"),
            ("[control]\nkind = \"rep\"", 1, "bind"),
            ("kind = \"router-deale\"", 1, "router-dealer"),
        ] {
            let error = settings(file, &[]).unwrap_err();
            assert!(error.contains(&format!("line {line}")) && error.contains(words), "{file}: {error}");
        }
    }

    #[test]
    fn an_end_without_an_endpoint_is_an_error_that_says_what_to_give() {
        let error = settings("", &["--frontend", "tcp://*:1"]).unwrap_err();
        assert!(error.contains("--backend-connect"), "{error}");
        let error =
            settings("", &["--control-kind", "pair", "--frontend", "tcp://*:1", "--backend", "tcp://*:2"]);
        assert!(error.unwrap_err().contains("--control"));
    }
}
