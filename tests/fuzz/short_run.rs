//! A short run of every target, on the stable toolchain: its seeds, and mutations of them.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use seaworthy_tests_fuzz::TARGETS;

/// What happens to a seed.
#[derive(Clone, Debug)]
enum Change {
    Overwrite(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Repeat(Index, usize),
    Cut(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<Index>;
    prop_oneof![
        4 => (index(), any::<u8>()).prop_map(|(at, by)| Change::Overwrite(at, by)),
        2 => (index(), prop::collection::vec(any::<u8>(), 1..20)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        1 => (index(), 1..30_usize).prop_map(|(at, count)| Change::Remove(at, count)),
        1 => (index(), 1..60_usize).prop_map(|(at, count)| Change::Repeat(at, count)),
        1 => index().prop_map(Change::Cut),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let place = |at: &Index| at.index(bytes.len() + 1);
        match change {
            Change::Overwrite(at, by) if !bytes.is_empty() => *at.get_mut(&mut bytes) = *by,
            Change::Overwrite(_, by) => bytes.push(*by),
            Change::Insert(at, inserted) => {
                let at = place(at);
                bytes.splice(at..at, inserted.iter().copied());
            }
            Change::Remove(at, count) => {
                let at = place(at);
                bytes.drain(at..bytes.len().min(at + count));
            }
            Change::Repeat(at, count) => {
                let at = place(at);
                let part = bytes[at..bytes.len().min(at + count)].to_vec();
                bytes.splice(at..at, part);
            }
            Change::Cut(at) => bytes.truncate(place(at)),
        }
    }
    bytes
}

#[test]
fn no_target_breaks_a_promise_for_its_seeds_or_for_mutations_of_them() {
    for target in TARGETS {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "{target:?}");
        seeds.iter().for_each(|seed| (target.run)(seed));
        (target.run)(&[]);
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
        let changes = prop::collection::vec(change(), 1..8);
        let outcome = runner.run(&(any::<Index>(), changes), |(seed, changes)| {
            (target.run)(&changed(seed.get(&seeds).clone(), &changes));
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{target:?}: {error}");
        }
    }
}

#[test]
fn every_target_has_a_program_for_libfuzzer() {
    let programs = concat!(env!("CARGO_MANIFEST_DIR"), "/libfuzzer");
    let manifest = std::fs::read_to_string(format!("{programs}/Cargo.toml")).unwrap();
    for target in TARGETS {
        let program = std::fs::read_to_string(format!("{programs}/targets/{}.rs", target.name)).unwrap();
        assert!(program.contains(&format!("seaworthy_tests_fuzz::{}(data)", target.name)), "{target:?}");
        assert!(manifest.contains(&format!("name = \"{}\"", target.name)), "{target:?}");
    }
}
