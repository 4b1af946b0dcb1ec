//! What the index says, and that it says what a list would.

use std::collections::BTreeSet;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// The holders that a lookup finds, and how many suspended ones it counts.
fn found(index: &mut Subscriptions<u32>, topic: &[u8]) -> (BTreeSet<u32>, usize) {
    let (mut active, mut suspended) = (BTreeSet::new(), 0);
    index.for_each_match(topic, |holders, count| {
        assert!(holders.is_sorted());
        active.extend(holders);
        suspended += count;
    });
    (active, suspended)
}

/// The holders where none is suspended.
fn holders(index: &mut Subscriptions<u32>, topic: &[u8]) -> Vec<u32> {
    let (active, suspended) = found(index, topic);
    assert_eq!(suspended, 0);
    active.into_iter().collect()
}

fn remove(index: &mut Subscriptions<u32>, holder: u32) -> Vec<(Bytes, bool)> {
    let mut ended = Vec::new();
    assert!(index.remove_some(holder, usize::MAX, |prefix, last| ended.push((prefix, last))));
    ended.sort();
    ended
}

#[test]
fn overlapping_prefixes_match_what_they_begin() {
    let mut index = Subscriptions::new();
    for (holder, prefix) in [(1, "A"), (2, "AB"), (3, "ABC"), (4, "")] {
        assert!(index.subscribe(prefix.as_bytes(), holder));
    }
    assert_eq!(holders(&mut index, b"ABC"), [1, 2, 3, 4]);
    assert_eq!(holders(&mut index, b"AB"), [1, 2, 4]);
    assert_eq!(holders(&mut index, b"B"), [4]);
    assert_eq!(holders(&mut index, b""), [4]);
    assert!(index.matches(b""));
}

#[test]
fn one_cancel_undoes_two_subscriptions_of_one_holder() {
    let mut index = Subscriptions::new();
    assert!(index.subscribe(b"A", 1));
    assert!(!index.subscribe(b"A", 1));
    assert_eq!(index.held_by(1), Held { topics: 1, bytes: 1 });
    assert!(index.cancel(b"A", 1));
    assert_eq!(index.held_by(1), Held::default());
    assert!(!index.cancel(b"A", 1));
    assert!(!index.matches(b"A") && index.is_empty());
}

#[test]
fn a_prefix_lives_as_long_as_its_last_holder() {
    let mut index = Subscriptions::new();
    assert!(index.subscribe(b"A", 1));
    assert!(!index.subscribe(b"A", 2));
    index.subscribe(b"B", 1);
    assert_eq!(remove(&mut index, 1), [(Bytes::from("A"), false), (Bytes::from("B"), true)]);
    assert_eq!(holders(&mut index, b"A"), [2]);
    assert!(index.contains(b"A") && !index.contains(b"B") && !index.contains(b""));
    assert!(index.cancel(b"A", 2));
}

#[test]
fn a_holder_can_be_removed_little_by_little() {
    let mut index = Subscriptions::new();
    for number in 0..10_u32 {
        index.subscribe(&number.to_be_bytes(), 1);
    }
    assert!(!index.forget_some(1, 9));
    assert_eq!((index.len(), index.held_by(1).topics), (1, 1));
    assert!(index.forget_some(1, 1) && index.is_empty());
    assert!(index.forget_some(1, 1));
}

/// The length of a lookup is what the topic matches, so that thousands of lengths do not count.
#[test]
fn a_lookup_passes_no_node_that_is_not_a_prefix_of_the_topic() {
    let mut index = Subscriptions::new();
    for length in 1..2000 {
        let mut prefix = vec![b'b'; length];
        prefix[0] = b'x';
        index.subscribe(&prefix, 1);
    }
    let steps = |topic: &[u8]| {
        let (mut place, mut rest, mut steps) = (ROOT, topic, 0);
        while let Some(next) = index.step(place, rest) {
            (place, rest) = next;
            steps += 1;
        }
        steps
    };
    assert_eq!(steps(&[b'b'; 8000]), 0);
    assert_eq!(steps(b"xbbc"), 3);
}

#[test]
fn an_index_that_everybody_left_keeps_nothing() {
    let mut index = Subscriptions::new();
    for number in 0..1000_u32 {
        index.subscribe(&number.to_be_bytes(), 1);
    }
    let nodes = index.nodes.len();
    assert!(nodes < 1100, "{nodes} nodes for 1000 prefixes");
    assert!(index.forget_some(1, 1000));
    assert_eq!((index.nodes.len(), index.vacant.len(), index.holdings.len()), (1, 0, 0));
}

/// A lookup hands out what it found out before: it touches no suspended holder until the next change.
#[test]
fn a_lookup_finds_out_once_which_holders_are_suspended() {
    let mut index = Subscriptions::new();
    (0..100).for_each(|holder| assert_eq!(index.subscribe(b"A", holder), holder == 0));
    let is_known = |index: &Subscriptions<u32>| {
        let place = index.find(b"A").unwrap();
        index.nodes[place as usize].holders.are_divided(index.version, true)
    };
    (1..100).for_each(|holder| index.suspend(holder));
    assert!(!is_known(&index));
    for _ in 0..2 {
        assert_eq!(found(&mut index, b"AB"), (BTreeSet::from([0]), 99));
        assert!(is_known(&index));
    }
    index.resume(7);
    assert!(!is_known(&index));
    assert_eq!(found(&mut index, b"AB"), (BTreeSet::from([0, 7]), 98));
    assert!(is_known(&index));
}

#[test]
fn a_node_fits_into_a_cache_line() {
    assert!(size_of::<Node<u64>>() <= 64, "{}", size_of::<Node<u64>>());
}

/// Subscriptions as a list, and the holders that are suspended.
#[derive(Default)]
struct Naive(BTreeSet<(Vec<u8>, u32)>, BTreeSet<u32>);

impl Naive {
    fn contains(&self, prefix: &[u8]) -> bool {
        self.0.iter().any(|(held, _)| held == prefix)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Subscribe(Vec<u8>, u32),
    Cancel(Vec<u8>, u32),
    Remove(u32),
    Suspend(u32),
    Resume(u32),
    ResumeAll,
    LookUp(Vec<u8>),
}

/// Topics of two letters, long and short, so that many begin alike.
fn topic() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(0..2_u8, 0..6),
        (vec(0..2_u8, 0..3), 0..40_usize, vec(0..2_u8, 0..3)).prop_map(|(mut head, zeros, tail)| {
            head.extend(std::iter::repeat_n(0, zeros));
            head.extend(tail);
            head
        }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (topic(), 0..4_u32).prop_map(|(topic, holder)| Step::Subscribe(topic, holder)),
        4 => (topic(), 0..4_u32).prop_map(|(topic, holder)| Step::Cancel(topic, holder)),
        1 => (0..4_u32).prop_map(Step::Remove),
        3 => (0..4_u32).prop_map(Step::Suspend),
        2 => (0..4_u32).prop_map(Step::Resume),
        1 => Just(Step::ResumeAll),
        5 => topic().prop_map(Step::LookUp),
    ]
}

proptest! {
    #[test]
    fn it_says_what_a_list_would(steps in vec(step(), 0..60), topics in vec(topic(), 1..10)) {
        let (mut index, mut naive) = (Subscriptions::new(), Naive::default());
        for step in steps {
            match step {
                Step::Subscribe(prefix, holder) => {
                    let first = !naive.contains(&prefix);
                    prop_assert_eq!(index.subscribe(&prefix, holder), first);
                    naive.0.insert((prefix, holder));
                }
                Step::Cancel(prefix, holder) => {
                    let held = naive.0.remove(&(prefix.clone(), holder));
                    prop_assert_eq!(index.cancel(&prefix, holder), held && !naive.contains(&prefix));
                }
                Step::Remove(holder) => {
                    let mut expected = Vec::new();
                    for (prefix, _) in naive.0.extract_if(.., |(_, held_by)| *held_by == holder).collect::<Vec<_>>() {
                        expected.push((Bytes::from(prefix.clone()), !naive.contains(&prefix)));
                    }
                    prop_assert_eq!(remove(&mut index, holder), expected);
                }
                Step::Suspend(holder) => {
                    index.suspend(holder);
                    naive.1.insert(holder);
                }
                Step::Resume(holder) => {
                    index.resume(holder);
                    naive.1.remove(&holder);
                }
                Step::ResumeAll => {
                    index.resume_all();
                    naive.1.clear();
                }
                Step::LookUp(topic) => drop(found(&mut index, &topic)),
            }
            // A holder of nothing is not suspended.
            naive.1.retain(|holder| naive.0.iter().any(|(_, by)| by == holder));
            let prefixes: BTreeSet<&Vec<u8>> = naive.0.iter().map(|(prefix, _)| prefix).collect();
            prop_assert_eq!(index.len(), prefixes.len());
            // No node is there for nothing: it ends a prefix, or several part there.
            prop_assert!(index.nodes.len() - index.vacant.len() <= 2 * prefixes.len().max(1));
        }
        for holder in 0..4 {
            let of: Vec<usize> =
                naive.0.iter().filter(|(_, by)| *by == holder).map(|(prefix, _)| prefix.len()).collect();
            let held = Held { topics: of.len(), bytes: of.iter().sum() };
            prop_assert_eq!(index.held_by(holder), held);
        }
        for topic in topics {
            let wanted: BTreeSet<u32> =
                naive.0.iter().filter(|(prefix, _)| topic.starts_with(prefix)).map(|(_, by)| *by).collect();
            let active: BTreeSet<u32> = wanted.difference(&naive.1).copied().collect();
            let suspended = wanted.len() - active.len();
            // Once finds out, twice knows.
            prop_assert_eq!(found(&mut index, &topic), (active.clone(), suspended));
            prop_assert_eq!(found(&mut index, &topic), (active, suspended));
            for holder in 0..4 {
                prop_assert_eq!(index.is_wanted_by(&topic, holder), wanted.contains(&holder));
            }
            prop_assert_eq!(index.matches(&topic), !wanted.is_empty());
            prop_assert_eq!(index.contains(&topic), naive.contains(&topic));
        }
    }
}
