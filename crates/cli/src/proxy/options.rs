//! The command line of a broker.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::sockets::SocketOptions;
use super::value::{Address, Batch, Interval, Time};

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ProxyOptions {
    /// Read settings from a TOML file. What is given here wins over it.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print the settings that result, as such a file, and end.
    #[arg(long)]
    pub(crate) print_config: bool,
    /// Where the frontend listens: clients, publishers. Can be given several times.
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) frontend: Vec<Address>,
    /// Where the backend listens: workers, subscribers. Can be given several times.
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) backend: Vec<Address>,
    /// Where the frontend connects to. Can be given several times.
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) frontend_connect: Vec<Address>,
    /// Where the backend connects to, such as another proxy's frontend. Can be given several times.
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) backend_connect: Vec<Address>,
    /// The types of the two sockets. Default: router-dealer.
    #[arg(long, value_enum)]
    pub(crate) kind: Option<ProxyKind>,
    /// Where a copy of every message can be had.
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) capture: Option<Address>,
    /// The type of the capture socket. Default: pub.
    #[arg(long, value_enum)]
    pub(crate) capture_kind: Option<CaptureKind>,
    /// Where PAUSE, RESUME, TERMINATE, KILL and STATISTICS are taken.
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) control: Option<Address>,
    /// The type of the control socket. Default: rep.
    #[arg(long, value_enum)]
    pub(crate) control_kind: Option<ControlKind>,
    /// How turns are given; several, with commas between them, add up. Default: fair.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) mode: Vec<ProxyMode>,
    /// Messages that a direction moves at most in one turn, 1 to 1024. Default: 64, and 16 with --mode batched.
    #[arg(long, value_name = "MESSAGES")]
    pub(crate) batch: Option<Batch>,
    /// Messages that a direction goes on receiving while one waits for room. Default: 0, and 1000 with --mode
    /// pipelined.
    #[arg(long, value_name = "MESSAGES")]
    pub(crate) queue: Option<usize>,
    /// How long what is on its way may take to arrive once the broker is to end: milliseconds, or with a unit. Default:
    /// 1s.
    #[arg(long, value_name = "TIME")]
    pub(crate) linger: Option<Time>,
    /// How often statistics are told. Default: 1s.
    #[arg(long, value_name = "TIME")]
    pub(crate) interval: Option<Interval>,
    /// Answer GET /metrics there, in the text format of Prometheus. Whoever reaches the address can read them.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) metrics: Option<SocketAddr>,
    /// What is logged on standard error: off, error, warn, info, debug or trace, also for each module, as in
    /// info,seaworthy=debug. Default: the variable RUST_LOG, or info.
    #[arg(long, value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// Report as JSON lines on standard output.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) json: Option<bool>,
    #[command(flatten)]
    pub(crate) sockets: SocketOptions,
}

const EXIT_CODES: &str = "Exit codes: 0 ended in order, by SIGINT, SIGTERM or a command; 1 a second signal came first; \
                          2 bad usage, settings or endpoint; 3 an endpoint cannot be bound, or a socket failed.";

/// Frontend and backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ProxyKind {
    /// Clients' questions go to workers in turn, and answers back.
    #[default]
    RouterDealer,
    /// Publications go to subscribers, and subscriptions back.
    XsubXpub,
    /// Work goes to workers in turn.
    PullPush,
    /// Messages go to peers of the other side in turn.
    DealerDealer,
    /// Peers of the same name talk to each other.
    RouterRouter,
    /// One peer on each side.
    PairPair,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ProxyMode {
    /// The directions take turns.
    Fair,
    /// What the frontend received comes first.
    BiasedFrontend,
    /// What the backend received comes first.
    BiasedBackend,
    /// Short turns.
    Batched,
    /// Reception goes on while a message waits for room.
    Pipelined,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CaptureKind {
    #[default]
    Pub,
    Push,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ControlKind {
    #[default]
    Rep,
    Pair,
}
