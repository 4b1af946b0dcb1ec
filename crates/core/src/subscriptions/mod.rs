//! Who wants which topics: prefixes and their holders.

mod holders;
mod label;
mod node;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;

use self::label::Label;
use self::node::{Node, Place};
use crate::planted::{Bug, planted};

/// An index from topic prefixes to the holders of subscriptions.
///
/// A holder has a prefix or has it not: a second subscription of one holder to one prefix changes nothing, as in
/// libzmq's publishers.
///
/// It is a radix tree: a lookup follows the topic from prefix to prefix, and costs no more than the topic is long,
/// however many prefixes there are and of whatever lengths. Nothing recurses, whatever a peer subscribes to. A prefix
/// takes some 80 bytes, and more where it is long and shares no beginning with others.
///
/// A holder can be [suspended](Self::suspend): a lookup then costs nothing for it, whatever it holds. Each node learns
/// which of its holders are with the first lookup that comes by after a change.
pub struct Subscriptions<H> {
    /// The first is the root, where the empty prefix ends. Where a prefix ends does not change while it is held.
    nodes: Vec<Node<H>>,
    vacant: Vec<Place>,
    holdings: BTreeMap<H, Holding>,
    /// Number of prefixes that are held.
    prefixes: usize,
    /// Each holds something.
    suspended: BTreeSet<H>,
    /// Grows with each change of what is suspended, and of what is held while something is.
    version: u64,
}

const ROOT: Place = 0;

/// What one holder has.
#[derive(Debug, Default)]
struct Holding {
    /// Where its prefixes end.
    places: BTreeSet<Place>,
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
    pub fn new() -> Self {
        let root = Node::new(Label::new(&[]), ROOT);
        Self {
            nodes: vec![root],
            vacant: Vec::new(),
            holdings: BTreeMap::new(),
            prefixes: 0,
            suspended: BTreeSet::new(),
            version: 0,
        }
    }

    /// Adds a subscription; true when it is the first to this prefix.
    pub fn subscribe(&mut self, prefix: &[u8], holder: H) -> bool {
        let place = self.make(prefix);
        let holders = &mut self.nodes[place as usize].holders;
        let first = holders.is_empty();
        if holders.insert(holder) {
            let holding = self.holdings.entry(holder).or_default();
            holding.places.insert(place);
            holding.bytes += prefix.len();
            self.prefixes += usize::from(first);
            self.note_change();
        }
        first
    }

    /// Takes a subscription back; true when it was the last to this prefix.
    pub fn cancel(&mut self, prefix: &[u8], holder: H) -> bool {
        let Some(place) = self.find(prefix) else { return false };
        let Some(holding) = self.holdings.get_mut(&holder) else { return false };
        if !holding.places.remove(&place) {
            return false;
        }
        holding.bytes -= prefix.len();
        if holding.places.is_empty() {
            self.forget(holder);
        }
        self.let_go(place, holder)
    }

    /// Takes a holder off a prefix; true when it was the last.
    fn let_go(&mut self, place: Place, holder: H) -> bool {
        self.note_change();
        let holders = &mut self.nodes[place as usize].holders;
        let last = holders.remove(holder) && holders.is_empty();
        if last {
            self.prefixes -= 1;
            self.prune(place);
        }
        last
    }

    /// How much one holder has.
    pub fn held_by(&self, holder: H) -> Held {
        self.holdings
            .get(&holder)
            .map(|holding| Held { topics: holding.places.len(), bytes: holding.bytes })
            .unwrap_or_default()
    }

    /// Takes at most `max` subscriptions of a holder back and calls `ended` with each prefix and whether that was the
    /// last to it. True when the holder has no more.
    pub fn remove_some(&mut self, holder: H, max: usize, mut ended: impl FnMut(Bytes, bool)) -> bool {
        for _ in 0..max {
            let Some(place) = self.pop(holder) else { return true };
            let prefix = self.prefix(place);
            let last = self.let_go(place, holder);
            ended(prefix, last);
        }
        !self.holdings.contains_key(&holder)
    }

    /// As [`remove_some`](Self::remove_some), for callers that need not know which they were.
    pub fn forget_some(&mut self, holder: H, max: usize) -> bool {
        for _ in 0..max {
            let Some(place) = self.pop(holder) else { return true };
            self.let_go(place, holder);
        }
        !self.holdings.contains_key(&holder)
    }

    /// Takes one place out of a holding, of which the bytes no longer count.
    fn pop(&mut self, holder: H) -> Option<Place> {
        let holding = self.holdings.get_mut(&holder)?;
        let place = holding.places.pop_first();
        if holding.places.is_empty() {
            self.forget(holder);
        }
        place
    }

    /// The holder holds nothing any more.
    fn forget(&mut self, holder: H) {
        self.holdings.remove(&holder);
        self.resume(holder);
    }

    /// Passes a holder over in lookups, until it is [resumed](Self::resume) or holds nothing any more.
    pub fn suspend(&mut self, holder: H) {
        if self.holdings.contains_key(&holder) {
            self.version += u64::from(self.suspended.insert(holder));
        }
    }

    /// Passes a holder over no longer.
    pub fn resume(&mut self, holder: H) {
        self.version += u64::from(self.suspended.remove(&holder));
    }

    /// Passes no holder over any longer.
    pub fn resume_all(&mut self) {
        self.version += u64::from(!self.suspended.is_empty());
        self.suspended.clear();
    }

    /// True when the holder is passed over.
    pub fn is_suspended(&self, holder: H) -> bool {
        self.suspended.contains(&holder)
    }

    /// What is held changed, and with it perhaps what the nodes know of those that are suspended.
    fn note_change(&mut self) {
        self.version += u64::from(!self.suspended.is_empty());
    }

    /// True when somebody holds this very prefix.
    pub fn contains(&self, prefix: &[u8]) -> bool {
        self.find(prefix).is_some_and(|place| !self.nodes[place as usize].holders.is_empty())
    }

    /// Calls `found` for every prefix of `topic` that is held: with its holders that are not suspended, in order, and the
    /// number of others. A holder of several matching prefixes is given with each if it is not suspended, and counted
    /// once if it is.
    #[inline]
    pub fn for_each_match(&mut self, topic: &[u8], mut found: impl FnMut(&[H], usize)) {
        if planted(Bug::PublisherDoesNotFilter) {
            return self.nodes.iter().for_each(|node| {
                let (active, suspended) = node.holders.parts();
                found(active, suspended);
            });
        }
        let (mut place, mut rest) = (ROOT, topic);
        loop {
            let holders = &self.nodes[place as usize].holders;
            let skipped = planted(Bug::PrefixMustBeShorter) && rest.is_empty();
            if !holders.is_empty() && !skipped {
                if !holders.are_divided(self.version, !self.suspended.is_empty()) {
                    self.divide(place);
                }
                let (active, suspended) = self.nodes[place as usize].holders.parts();
                found(active, suspended);
            }
            match self.step(place, rest) {
                Some(next) => (place, rest) = next,
                None => return,
            }
        }
    }

    /// Finds out which holders of a node are suspended.
    #[cold]
    fn divide(&mut self, place: Place) {
        let mut holders = std::mem::take(&mut self.nodes[place as usize].holders);
        holders.divide(
            self.version,
            !self.suspended.is_empty(),
            |holder| self.suspended.contains(&holder),
            |holder| !self.is_held_above(place, holder),
        );
        self.nodes[place as usize].holders = holders;
    }

    /// True when the holder holds a shorter prefix of the one that ends there, too.
    fn is_held_above(&self, mut place: Place, holder: H) -> bool {
        while place != ROOT {
            place = self.nodes[place as usize].above;
            if self.nodes[place as usize].holders.contains(holder) {
                return true;
            }
        }
        false
    }

    /// True when this holder, suspended or not, holds some prefix of `topic`.
    pub fn is_wanted_by(&self, topic: &[u8], holder: H) -> bool {
        let (mut place, mut rest) = (ROOT, topic);
        loop {
            if self.nodes[place as usize].holders.contains(holder) {
                return true;
            }
            match self.step(place, rest) {
                Some(next) => (place, rest) = next,
                None => return false,
            }
        }
    }

    /// True when some prefix of `topic` is held.
    #[inline]
    pub fn matches(&self, topic: &[u8]) -> bool {
        let (mut place, mut rest) = (ROOT, topic);
        loop {
            if !self.nodes[place as usize].holders.is_empty() {
                return true;
            }
            match self.step(place, rest) {
                Some(next) => (place, rest) = next,
                None => return false,
            }
        }
    }

    /// The node below that `rest` leads to, and what is left of it there.
    #[inline(always)]
    fn step<'t>(&self, place: Place, rest: &'t [u8]) -> Option<(Place, &'t [u8])> {
        let below = self.nodes[place as usize].children.get(*rest.first()?)?;
        let label = self.nodes[below as usize].label.bytes();
        rest.strip_prefix(label).map(|rest| (below, rest))
    }

    /// Number of prefixes that are held.
    pub const fn len(&self) -> usize {
        self.prefixes
    }

    /// True when nobody wants anything.
    pub const fn is_empty(&self) -> bool {
        self.prefixes == 0
    }

    /// Where a prefix ends, if the tree parts or ends there.
    fn find(&self, prefix: &[u8]) -> Option<Place> {
        let (mut place, mut rest) = (ROOT, prefix);
        while let Some(first) = rest.first() {
            place = self.nodes[place as usize].children.get(*first)?;
            rest = rest.strip_prefix(self.nodes[place as usize].label.bytes())?;
        }
        Some(place)
    }

    /// As [`find`](Self::find), and makes a node there if there is none.
    fn make(&mut self, prefix: &[u8]) -> Place {
        let (mut place, mut rest) = (ROOT, prefix);
        while let Some(&first) = rest.first() {
            let Some(below) = self.nodes[place as usize].children.get(first) else {
                return self.add(Node::new(Label::new(rest), place));
            };
            let label = self.nodes[below as usize].label.bytes();
            let common = label.iter().zip(rest).take_while(|(one, other)| one == other).count();
            place = if common == label.len() { below } else { self.split(below, common) };
            rest = &rest[common..];
        }
        place
    }

    /// Adds a node below the one that it names.
    fn add(&mut self, node: Node<H>) -> Place {
        let (above, first) = (node.above, node.first_byte());
        let place = match self.vacant.pop() {
            Some(place) => {
                self.nodes[place as usize] = node;
                place
            }
            None => {
                self.nodes.push(node);
                (self.nodes.len() - 1) as Place
            }
        };
        self.nodes[above as usize].children.set(first, place);
        place
    }

    /// Puts a node above this one, which takes the first `count` bytes of its label over.
    fn split(&mut self, place: Place, count: usize) -> Place {
        let node = &mut self.nodes[place as usize];
        let upper = Node::new(Label::new(&node.label.bytes()[..count]), node.above);
        node.label.cut(count);
        let first = node.first_byte();
        let upper = self.add(upper);
        self.nodes[place as usize].above = upper;
        self.nodes[upper as usize].children.set(first, place);
        upper
    }

    /// Removes a node where no prefix ends any more, unless several part there.
    fn prune(&mut self, place: Place) {
        if place == ROOT {
            return;
        }
        let node = &self.nodes[place as usize];
        if node.children.is_empty() {
            let (above, first) = (node.above, node.first_byte());
            self.nodes[above as usize].children.remove(first);
            self.vacate(place);
            if above != ROOT && self.nodes[above as usize].holders.is_empty() {
                self.merge(above);
            }
        } else {
            self.merge(place);
        }
    }

    /// Replaces a node that has a single one below by that one.
    fn merge(&mut self, place: Place) {
        let node = &mut self.nodes[place as usize];
        let Some(below) = node.children.only() else { return };
        let (above, first, label) = (node.above, node.first_byte(), node.take_label());
        let lower = &mut self.nodes[below as usize];
        lower.label.join(&label);
        lower.above = above;
        self.nodes[above as usize].children.set(first, below);
        self.vacate(place);
    }

    fn vacate(&mut self, place: Place) {
        self.nodes[place as usize] = Node::new(Label::new(&[]), ROOT);
        self.vacant.push(place);
        if self.nodes.len() == self.vacant.len() + 1 {
            self.nodes.truncate(1);
            self.nodes.shrink_to_fit();
            self.vacant = Vec::new();
        }
    }

    /// The prefix that ends there.
    fn prefix(&self, mut place: Place) -> Bytes {
        let mut labels = Vec::new();
        while place != ROOT {
            let node = &self.nodes[place as usize];
            labels.push(node.label.bytes());
            place = node.above;
        }
        labels.reverse();
        Bytes::from(labels.concat())
    }
}

impl<H: Ord + Copy> Default for Subscriptions<H> {
    fn default() -> Self {
        Self::new()
    }
}

impl<H: fmt::Debug> fmt::Debug for Subscriptions<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriptions").field("prefixes", &self.prefixes).finish_non_exhaustive()
    }
}
