//! Shards: which part of a sweep this process makes.

use std::fmt;
use std::str::FromStr;

use seaworthy_engine::seeded_rng::fnv1a;

/// One of `count` parts of a sweep. A pair of scenario and seed belongs to exactly one of them, whatever else is in
/// the sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    count: u64,
}

/// Why there is no such shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadShard {
    /// The text is not `i/n`.
    #[error("{0:?} is not a shard: expected i/n, such as 0/8 for the first of eight, or auto")]
    Text(String),
    /// There are fewer shards.
    #[error("there is no shard {index} of {count}: they are numbered from 0")]
    Beyond {
        /// Which was asked for.
        index: u64,
        /// How many there are.
        count: u64,
    },
    /// A variable of the environment cannot be used.
    #[error("{variable} is {value:?}: {problem}")]
    Variable {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A variable gives the index, and none the count.
    #[error("{index} says which shard this is, but {count} does not say of how many")]
    NoCount {
        /// The variable with the index.
        index: &'static str,
        /// The variable that is not there.
        count: &'static str,
    },
    /// Nobody says.
    #[error(
        "nothing in the environment says which shard this is: there is no SEAWORTHY_SHARD (i/n), no \
         JOB_COMPLETION_INDEX with SEAWORTHY_SHARDS (Kubernetes indexed job), no SLURM_ARRAY_TASK_ID, no \
         AWS_BATCH_JOB_ARRAY_INDEX, no CI_NODE_INDEX (GitLab, with `parallel`) and no BUILDKITE_PARALLEL_JOB"
    )]
    Nowhere,
}

/// How many shards there are, where the platform does not say.
const SHARDS: &str = "SEAWORTHY_SHARDS";

impl Shard {
    /// The only one.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Shard `index` of `count`, from 0.
    ///
    /// # Errors
    /// When there are not that many.
    pub fn new(index: u64, count: u64) -> Result<Self, BadShard> {
        if index < count { Ok(Self { index, count }) } else { Err(BadShard::Beyond { index, count }) }
    }

    /// Whether a pair belongs to it.
    pub fn owns(self, scenario: &str, seed: u64) -> bool {
        // The lower bits of FNV-1a alone are too regular for seeds that follow each other.
        let hash = fnv1a(&[scenario.as_bytes(), &[0], &seed.to_le_bytes()].concat());
        let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) % self.count == self.index
    }

    /// Which it is, from 0.
    pub const fn index(self) -> u64 {
        self.index
    }

    /// Of how many.
    pub const fn count(self) -> u64 {
        self.count
    }

    /// The shard that the platform assigned to this process. `variable` looks a variable of the environment up.
    ///
    /// What is asked first: `SEAWORTHY_SHARD`, then Slurm, AWS Batch, GitLab, Buildkite, and last Kubernetes, on
    /// which the others may run.
    ///
    /// # Errors
    /// When nothing says which shard this is, or something says it and makes no sense.
    pub fn assigned(variable: impl Fn(&str) -> Option<String>) -> Result<Self, BadShard> {
        let environment = Environment(&variable);
        if let Some(text) = variable("SEAWORTHY_SHARD") {
            return text.parse();
        }
        for from in [Environment::slurm, Environment::batch, Environment::gitlab, Environment::buildkite] {
            if let Some(shard) = from(&environment)? {
                return Ok(shard);
            }
        }
        environment.kubernetes()?.ok_or(BadShard::Nowhere)
    }
}

impl FromStr for Shard {
    type Err = BadShard;

    fn from_str(text: &str) -> Result<Self, BadShard> {
        let bad = || BadShard::Text(text.to_owned());
        let (index, count) = text.split_once('/').ok_or_else(bad)?;
        let number = |text: &str| text.trim().parse().map_err(|_| bad());
        Self::new(number(index)?, number(count)?)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

struct Environment<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Environment<'_> {
    fn number(&self, variable: &'static str) -> Result<Option<u64>, BadShard> {
        let Some(value) = (self.0)(variable) else { return Ok(None) };
        match value.trim().parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(BadShard::Variable { variable, value, problem: "not a number".to_owned() }),
        }
    }

    /// `index` of `count`, both variables, counted from `first`.
    fn pair(&self, index: &'static str, count: &'static str, first: u64) -> Result<Option<Shard>, BadShard> {
        let Some(position) = self.number(index)? else { return Ok(None) };
        let total = self.number(count)?.ok_or(BadShard::NoCount { index, count })?;
        match position.checked_sub(first) {
            Some(from_0) if from_0 < total => Shard::new(from_0, total).map(Some),
            _ => Err(BadShard::Variable {
                variable: index,
                value: position.to_string(),
                problem: format!("not one of {total}, counted from {first} ({count} is {total})"),
            }),
        }
    }

    fn kubernetes(&self) -> Result<Option<Shard>, BadShard> {
        // The number of completions stands in the job alone; its manifest has to repeat it.
        self.pair("JOB_COMPLETION_INDEX", SHARDS, 0)
    }

    fn gitlab(&self) -> Result<Option<Shard>, BadShard> {
        self.pair("CI_NODE_INDEX", "CI_NODE_TOTAL", 1)
    }

    fn buildkite(&self) -> Result<Option<Shard>, BadShard> {
        self.pair("BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT", 0)
    }

    fn batch(&self) -> Result<Option<Shard>, BadShard> {
        let size = "AWS_BATCH_JOB_ARRAY_SIZE";
        let count = if (self.0)(size).is_some() { size } else { SHARDS };
        self.pair("AWS_BATCH_JOB_ARRAY_INDEX", count, 0)
    }

    /// An array may begin anywhere and go in steps, as `--array=1-31:2` does; one with gaps has no numbering.
    fn slurm(&self) -> Result<Option<Shard>, BadShard> {
        let (index, total) = ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT");
        let Some(id) = self.number(index)? else { return Ok(None) };
        let count = self.number(total)?.ok_or(BadShard::NoCount { index, count: total })?;
        let least = self.number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
        let step = self.number("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
        let from_least = id.checked_sub(least);
        let most = self.number("SLURM_ARRAY_TASK_MAX")?;
        let regular =
            most.is_none_or(|most| most.checked_sub(least).is_some_and(|span| span / step + 1 == count));
        match from_least {
            Some(distance) if regular && distance.is_multiple_of(step) && distance / step < count => {
                Shard::new(distance / step, count).map(Some)
            }
            _ => Err(BadShard::Variable {
                variable: index,
                value: id.to_string(),
                problem: format!(
                    "not in an array of {count} from {least} in steps of {step}; an array with gaps needs \
                     --shard i/n"
                ),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assigned(variables: &[(&str, &str)]) -> Result<String, String> {
        let look = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Shard::assigned(look).map(|shard| shard.to_string()).map_err(|bad| bad.to_string())
    }

    #[test]
    fn every_pair_belongs_to_exactly_one_shard_and_shards_are_alike() {
        for count in [1, 2, 3, 7, 64] {
            let shards: Vec<_> = (0..count).map(|index| Shard::new(index, count).unwrap()).collect();
            let mut owned = vec![0; shards.len()];
            for scenario in ["push-partition", "worker-crash"] {
                for seed in 0..2000 {
                    let owners: Vec<_> =
                        (0..shards.len()).filter(|i| shards[*i].owns(scenario, seed)).collect();
                    assert_eq!(owners.len(), 1, "{scenario} {seed} of {count}");
                    owned[owners[0]] += 1;
                }
            }
            let fair = 4000 / count;
            assert!(owned.iter().all(|owned| (fair / 2..=fair * 2).contains(owned)), "{owned:?}");
        }
    }

    #[test]
    fn a_shard_of_a_pair_never_changes() {
        // Results of different releases can be merged only if both split alike.
        let owned: Vec<u64> = (0..20).filter(|seed| Shard::new(1, 3).unwrap().owns("storm", *seed)).collect();
        assert_eq!(owned, [0, 3, 5, 7, 9, 10, 11, 15]);
    }

    #[test]
    fn a_shard_is_written_as_its_number_and_the_count() {
        assert_eq!("2/8".parse(), Shard::new(2, 8));
        assert_eq!("8/8".parse::<Shard>(), Err(BadShard::Beyond { index: 8, count: 8 }));
        assert_eq!("0/0".parse::<Shard>(), Err(BadShard::Beyond { index: 0, count: 0 }));
        for text in ["", "2", "2/", "/8", "a/8", "-1/8", "2/8/9"] {
            assert_eq!(text.parse::<Shard>(), Err(BadShard::Text(text.to_owned())), "{text:?}");
        }
    }

    #[test]
    fn each_platform_says_which_shard_this_is() {
        for (variables, shard) in [
            (&[("JOB_COMPLETION_INDEX", "3"), ("SEAWORTHY_SHARDS", "8")][..], "3/8"),
            (&[("SLURM_ARRAY_TASK_ID", "3"), ("SLURM_ARRAY_TASK_COUNT", "8")], "3/8"),
            (&[("AWS_BATCH_JOB_ARRAY_INDEX", "3"), ("AWS_BATCH_JOB_ARRAY_SIZE", "8")], "3/8"),
            (&[("AWS_BATCH_JOB_ARRAY_INDEX", "3"), ("SEAWORTHY_SHARDS", "8")], "3/8"),
            (&[("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "8")], "0/8"),
            (&[("CI_NODE_INDEX", "8"), ("CI_NODE_TOTAL", "8")], "7/8"),
            (&[("BUILDKITE_PARALLEL_JOB", "0"), ("BUILDKITE_PARALLEL_JOB_COUNT", "8")], "0/8"),
            (&[("SEAWORTHY_SHARD", "3/8")], "3/8"),
        ] {
            assert_eq!(assigned(variables), Ok(shard.to_owned()), "{variables:?}");
        }
    }

    #[test]
    fn a_slurm_array_may_begin_anywhere_and_go_in_steps_but_have_no_gaps() {
        let array = |id, count, min, max, step| {
            assigned(&[
                ("SLURM_ARRAY_TASK_ID", id),
                ("SLURM_ARRAY_TASK_COUNT", count),
                ("SLURM_ARRAY_TASK_MIN", min),
                ("SLURM_ARRAY_TASK_MAX", max),
                ("SLURM_ARRAY_TASK_STEP", step),
            ])
        };
        assert_eq!(array("1", "4", "1", "4", "1"), Ok("0/4".to_owned()));
        assert_eq!(array("7", "4", "1", "7", "2"), Ok("3/4".to_owned()));
        assert!(array("9", "3", "1", "9", "1").unwrap_err().contains("an array with gaps needs --shard i/n"));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let bad = |variables: &[(&str, &str)]| assigned(variables).unwrap_err();
        assert!(bad(&[]).contains("nothing in the environment"));
        let error = bad(&[("JOB_COMPLETION_INDEX", "3")]);
        assert_eq!(
            error,
            "JOB_COMPLETION_INDEX says which shard this is, but SEAWORTHY_SHARDS does not say of how many"
        );
        assert!(bad(&[("CI_NODE_INDEX", "0"), ("CI_NODE_TOTAL", "8")]).contains("counted from 1"));
        assert!(bad(&[("CI_NODE_INDEX", "9"), ("CI_NODE_TOTAL", "8")]).contains("CI_NODE_INDEX is \"9\""));
        assert!(bad(&[("BUILDKITE_PARALLEL_JOB", "x")]).contains("not a number"));
        assert!(bad(&[("SEAWORTHY_SHARD", "8/8")]).contains("there is no shard 8 of 8"));
    }
}
