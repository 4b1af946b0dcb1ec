//! Exploring: thousands of seeds over many scenarios, and what they amount to.
//!
//! A sweep is a set of pairs of a scenario and a seed. Each pair is a run of its own, so pairs can be split over
//! threads, processes and machines ([`Shard`]), stopped and taken up again ([`Journal`]), and counted in any order
//! ([`Tally`]): the outcome is the same.
//!
//! Two things make a sweep more than many runs. A [`Mask`] switches part of a scenario off for most seeds, because
//! faults hide each other: a link that is cut all the time never shows what reordering does. And a sweep has
//! [`goals`]: states that must have been reached by some seed, or the silence of the checks means nothing.

mod fingerprint;
pub mod goals;
mod journal;
mod record;
mod shard;
mod swarm;
mod tally;

pub use self::fingerprint::fingerprint;
pub use self::journal::{BadJournal, Journal, Sweeps, files, read};
pub use self::record::{Ended, Line, RunRecord, Sweep, Text};
pub use self::shard::{BadShard, Shard};
pub use self::swarm::Mask;
pub use self::tally::{Fold, Tally};
