//! Who wants which topics: prefixes and their holders.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;

use crate::planted::{Bug, planted};

/// An index from topic prefixes to the holders of subscriptions.
///
/// A holder has a prefix or has it not: a second subscription of one holder to one prefix changes nothing, as in
/// libzmq's publishers. A lookup takes one ordered search for each *length* that any prefix has, however many
/// prefixes there are, and never recurses, whatever a peer subscribes to.
#[derive(Clone)]
pub struct Subscriptions<H> {
    prefixes: BTreeMap<Bytes, BTreeSet<H>>,
    /// How many prefixes have each length.
    lengths: BTreeMap<usize, usize>,
    holdings: BTreeMap<H, Holding>,
}

/// What one holder has.
#[derive(Clone, Default)]
struct Holding {
    prefixes: BTreeSet<Bytes>,
    bytes: usize,
}

/// How much one holder has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Number of prefixes.
    pub topics: usize,
    /// Sum of their lengths, in bytes.
    pub bytes: usize,
}

impl<H: Ord + Copy> Subscriptions<H> {
    /// Nobody wants anything.
    pub const fn new() -> Self {
        Self { prefixes: BTreeMap::new(), lengths: BTreeMap::new(), holdings: BTreeMap::new() }
    }

    /// Adds a subscription; true when it is the first to this prefix.
    pub fn subscribe(&mut self, prefix: Bytes, holder: H) -> bool {
        let length = prefix.len();
        let holding = self.holdings.entry(holder).or_default();
        if holding.prefixes.insert(prefix.clone()) {
            holding.bytes += length;
        }
        let holders = self.prefixes.entry(prefix).or_default();
        let first = holders.is_empty();
        holders.insert(holder);
        if first {
            *self.lengths.entry(length).or_default() += 1;
        }
        first
    }

    /// Takes a subscription back; true when it was the last to this prefix.
    pub fn cancel(&mut self, prefix: &[u8], holder: H) -> bool {
        if let Some(holding) = self.holdings.get_mut(&holder)
            && holding.prefixes.remove(prefix)
        {
            holding.bytes -= prefix.len();
            if holding.prefixes.is_empty() {
                self.holdings.remove(&holder);
            }
        }
        self.let_go(prefix, holder)
    }

    /// Takes a holder off a prefix; true when it was the last.
    fn let_go(&mut self, prefix: &[u8], holder: H) -> bool {
        let Some(holders) = self.prefixes.get_mut(prefix) else { return false };
        if !holders.remove(&holder) || !holders.is_empty() {
            return false;
        }
        self.remove_prefix(prefix);
        true
    }

    /// How much one holder has.
    pub fn held_by(&self, holder: H) -> Held {
        self.holdings
            .get(&holder)
            .map(|holding| Held { topics: holding.prefixes.len(), bytes: holding.bytes })
            .unwrap_or_default()
    }

    /// Takes all subscriptions of a holder back and gives their prefixes, in order, each with whether it was the
    /// last to this prefix.
    pub fn remove_holder(&mut self, holder: H) -> Vec<(Bytes, bool)> {
        let holding = self.holdings.remove(&holder).unwrap_or_default();
        let lets_go = |prefix: Bytes| {
            let last = self.let_go(&prefix, holder);
            (prefix, last)
        };
        holding.prefixes.into_iter().map(lets_go).collect()
    }

    /// True when somebody holds this very prefix.
    pub fn contains(&self, prefix: &[u8]) -> bool {
        self.prefixes.contains_key(prefix)
    }

    fn remove_prefix(&mut self, prefix: &[u8]) {
        self.prefixes.remove(prefix);
        if let Some(count) = self.lengths.get_mut(&prefix.len()) {
            *count -= 1;
            if *count == 0 {
                self.lengths.remove(&prefix.len());
            }
        }
    }

    /// Calls `found` for every prefix of `topic` that somebody holds, with its holders. A holder of several
    /// matching prefixes is given with each.
    #[inline]
    pub fn for_each_match<'s>(&'s self, topic: &[u8], mut found: impl FnMut(&'s BTreeSet<H>)) {
        if planted(Bug::PublisherDoesNotFilter) {
            return self.prefixes.values().for_each(found);
        }
        for (&length, _) in self.lengths.range(..=topic.len()) {
            if planted(Bug::PrefixMustBeShorter) && length == topic.len() {
                continue;
            }
            if let Some(holders) = self.prefixes.get(&topic[..length]) {
                found(holders);
            }
        }
    }

    /// True when some prefix of `topic` is held.
    pub fn matches(&self, topic: &[u8]) -> bool {
        self.lengths.range(..=topic.len()).any(|(&length, _)| self.prefixes.contains_key(&topic[..length]))
    }

    /// All prefixes that are held, in order.
    pub fn prefixes(&self) -> impl Iterator<Item = &Bytes> {
        self.prefixes.keys()
    }

    /// Number of prefixes that are held.
    pub fn len(&self) -> usize {
        self.prefixes.len()
    }

    /// True when nobody wants anything.
    pub fn is_empty(&self) -> bool {
        self.prefixes.is_empty()
    }
}

impl<H: Ord + Copy> Default for Subscriptions<H> {
    fn default() -> Self {
        Self::new()
    }
}

impl<H> fmt::Debug for Subscriptions<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.prefixes.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holders(index: &Subscriptions<u32>, topic: &str) -> Vec<u32> {
        let mut found = BTreeSet::new();
        index.for_each_match(topic.as_bytes(), |holders| found.extend(holders));
        found.into_iter().collect()
    }

    #[test]
    fn overlapping_prefixes_match_what_they_begin() {
        let mut index = Subscriptions::new();
        for (holder, prefix) in [(1, "A"), (2, "AB"), (3, "ABC"), (4, "")] {
            assert!(index.subscribe(Bytes::from(prefix), holder));
        }
        assert_eq!(holders(&index, "ABC"), [1, 2, 3, 4]);
        assert_eq!(holders(&index, "AB"), [1, 2, 4]);
        assert_eq!(holders(&index, "B"), [4]);
        assert_eq!(holders(&index, ""), [4]);
        assert!(index.matches(b""));
    }

    #[test]
    fn one_cancel_undoes_two_subscriptions_of_one_holder() {
        let mut index = Subscriptions::new();
        assert!(index.subscribe(Bytes::from("A"), 1));
        assert!(!index.subscribe(Bytes::from("A"), 1));
        assert_eq!(index.held_by(1), Held { topics: 1, bytes: 1 });
        assert!(index.cancel(b"A", 1));
        assert_eq!(index.held_by(1), Held::default());
        assert!(!index.cancel(b"A", 1));
        assert!(!index.matches(b"A") && index.is_empty());
    }

    #[test]
    fn a_prefix_lives_as_long_as_its_last_holder() {
        let mut index = Subscriptions::new();
        assert!(index.subscribe(Bytes::from("A"), 1));
        assert!(!index.subscribe(Bytes::from("A"), 2));
        index.subscribe(Bytes::from("B"), 1);
        assert_eq!(index.remove_holder(1), [(Bytes::from("A"), false), (Bytes::from("B"), true)]);
        assert_eq!(holders(&index, "A"), [2]);
        assert!(index.contains(b"A") && !index.contains(b"B") && !index.contains(b""));
        assert!(index.cancel(b"A", 2));
    }
}
