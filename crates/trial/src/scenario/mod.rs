//! Scenario files: what they can say, how they are read, and how a seed decides them.
//!
//! ```text
//! text --parse--> Scenario --validate--> Scenario --resolved(seed)--> Scenario without groups and ranges
//! ```
//!
//! ```
//! use seaworthy_trial::scenario::Scenario;
//! let text = Scenario::template("hello");
//! let scenario = Scenario::parse("hello.toml", &text)?;
//! let decided = scenario.resolved(7);
//! assert_eq!(decided.resolved(7), decided, "nothing is left to decide");
//! # Ok::<(), seaworthy_trial::scenario::BadScenario>(())
//! ```

pub mod expect;
pub mod hostile;
pub mod model;
mod names;
mod options;
mod plan;
pub mod proxy;
mod resolve;
pub mod socket;
mod unsupported;
mod validate;
pub mod workload;

use std::path::Path;

pub use seaworthy_sim::script::{
    BadScenario, Cancel, CancelOperation, ClockChange, Fault, FaultKind, LatencyModel, LatencyShape, Link,
    LinkModel, Place, Problem, ShortOperations, SlowReader, Yields, draw, quantity,
};

pub use self::expect::{Expect, LossRule, Must, MustEvent};
pub use self::hostile::Hostile;
pub use self::model::{BackendName, Host, Scenario};
pub use self::options::SocketOptions;
pub use self::plan::{Path as ConnectionPath, Plan};
pub use self::proxy::{ProxyMode, ProxyPlan};
pub use self::socket::{Socket, SocketKind};
pub use self::unsupported::Unsupported;
pub use self::validate::MEMBERS_MAX;
pub use self::workload::{Role, Workload};

impl Scenario {
    /// Reads a scenario from text; `file` is its name in errors.
    ///
    /// # Errors
    /// When the text is not TOML, has unknown keys, lacks some, or describes what cannot be. All that is
    /// wrong with the meaning is reported at once.
    pub fn parse(file: &str, text: &str) -> Result<Self, BadScenario> {
        let scenario: Self = toml::from_str(text).map_err(|error| BadScenario::syntax(file, text, &error))?;
        match validate::problems(&scenario) {
            problems if problems.is_empty() => Ok(scenario),
            problems => Err(BadScenario::meaning(file, text, problems)),
        }
    }

    /// Reads a scenario file.
    ///
    /// # Errors
    /// When it cannot be read, and as [`parse`](Self::parse).
    pub fn load(path: &Path) -> Result<Self, BadScenario> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| BadScenario::unreadable(&file, &error))?;
        Self::parse(&file, &text)
    }

    /// Whether it is a scenario that can be run.
    pub(crate) fn can_run(&self) -> bool {
        Self::parse("", &self.to_toml()).is_ok()
    }

    /// The scenario as a file.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("all of a scenario's types have a TOML form")
    }

    /// The JSON Schema of scenario files.
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }

    /// A commented scenario named `name` that passes, to start from.
    pub fn template(name: &str) -> String {
        include_str!("template.toml").replace("@name@", name)
    }
}

#[cfg(test)]
mod tests;
