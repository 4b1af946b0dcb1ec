//! What a scenario file can say.
//!
//! These types are the file format: their documentation becomes the JSON Schema of `seaworthy schema`, and
//! what they cannot express does not exist. Each table of a file has a module of its own: `link`,
//! [`socket`](super::socket), [`workload`](super::workload), [`hostile`](super::hostile), `fault` and [`expect`](super::expect).
//! A *group* is a host or socket with a `count`; wherever a name is asked for, a group's name means all of its
//! members and `group-2` means one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::expect::Expect;
use super::hostile::Hostile;
use super::socket::Socket;
use super::workload::Workload;
use seaworthy_engine::Backend;
use seaworthy_sim::script::draw::Draw;
use seaworthy_sim::script::fault::Fault;
use seaworthy_sim::script::link::{Link, LinkModel};
use seaworthy_sim::script::quantity::Span;
use seaworthy_sim::words;

/// One scenario: hosts and links, sockets and what they do, faults, and what is expected of it all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Short name, the same as the file's.
    pub name: String,
    /// What the scenario proves, in one sentence.
    pub description: String,
    /// How long the scripted part lasts, in simulated time. All faults begin within it.
    pub duration: Span,
    /// The seed that decides all ranges and all chance of the network. Default 1.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// In a resolved scenario: on what it ran when it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<BackendName>,
    /// What every link is like unless a `[[link]]` says otherwise.
    #[serde(default, skip_serializing_if = "LinkModel::is_default")]
    pub network: LinkModel,
    /// The machines.
    pub host: Vec<Host>,
    /// Links that differ from `[network]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub link: Vec<Link>,
    /// The sockets.
    pub socket: Vec<Socket>,
    /// What the sockets do.
    pub workload: Vec<Workload>,
    /// Peers that are no sockets, and mean ill.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hostile: Vec<Hostile>,
    /// What goes wrong, and when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fault: Vec<Fault>,
    /// What is expected beyond the checks that always apply.
    #[serde(default, skip_serializing_if = "Expect::is_default")]
    pub expect: Expect,
}

words! {
    /// On what a scenario runs.
    pub enum BackendName {
        /// turmoil's hosts and links, at its ticks of simulated time.
        Turmoil = "turmoil",
        /// One executor that jumps from event to event.
        Warp = "warp",
        /// No simulation: the kernel of this machine, in real time.
        Real = "real",
    }
}

impl BackendName {
    /// What a scenario file calls a backend of the simulation.
    pub const fn of(backend: Backend) -> Self {
        match backend {
            Backend::Turmoil => Self::Turmoil,
            Backend::Warp => Self::Warp,
        }
    }

    /// The backend of the simulation; `None` on the real network.
    pub const fn simulated(self) -> Option<Backend> {
        match self {
            Self::Turmoil => Some(Backend::Turmoil),
            Self::Warp => Some(Backend::Warp),
            Self::Real => None,
        }
    }
}

/// A machine, or `count` alike named `name-1`, `name-2`, ….
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Name, of letters, digits and `-`; also what `tcp://name:port` resolves.
    pub name: String,
    /// How many. Left out: one, with just this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// How far its clock is ahead of true time from the start. Default 0 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_offset: Option<Draw<Span>>,
}

fn default_seed() -> u64 {
    1
}
