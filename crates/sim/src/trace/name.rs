//! What things in a trace are called.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A name of the scenario. Cloning shares it.
pub type Name = Arc<str>;

/// A message, by its sender and its number there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageName {
    /// The sending socket.
    pub sender: Name,
    /// How often the sender's host had started, from 1.
    pub life: u16,
    /// Its number at the sender, from 0.
    pub sequence: u64,
}

/// By number, life and sender. Checks look messages up all the time: numbers are compared faster than names, and nearly
/// always names of one sender are one.
impl Ord for MessageName {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = (self.sequence, self.life).cmp(&(other.sequence, other.life));
        numbers.then_with(|| match Arc::ptr_eq(&self.sender, &other.sender) {
            true => Ordering::Equal,
            false => self.sender.cmp(&other.sender),
        })
    }
}

impl PartialOrd for MessageName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// `push#5`, and in its sender's second life `push.2#5`.
impl fmt::Display for MessageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sender)?;
        if self.life != 1 {
            write!(f, ".{}", self.life)?;
        }
        write!(f, "#{}", self.sequence)
    }
}

impl FromStr for MessageName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is not the name of a message");
        let (sender, sequence) = text.rsplit_once('#').ok_or_else(bad)?;
        let sequence = sequence.parse().map_err(|_| bad())?;
        let (sender, life) = match sender.split_once('.') {
            Some((sender, life)) => (sender, life.parse().map_err(|_| bad())?),
            None => (sender, 1),
        };
        Ok(Self { sender: sender.into(), life, sequence })
    }
}

impl Serialize for MessageName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MessageName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
