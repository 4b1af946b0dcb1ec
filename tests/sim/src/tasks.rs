//! Tasks of a host.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use seaworthy_core::Network;
use seaworthy_sim::{Backend, Failure, Sim};

use crate::place::{Pair, on_every_network};

on_every_network! {
    tcp a_spawned_task_runs_and_outlives_who_spawned_it;
    tcp random_numbers_differ;
    tcp secrets_fill_every_byte_and_differ;
}

async fn a_spawned_task_runs_and_outlives_who_spawned_it<N: Network>(pair: Pair<N>) {
    let ran = Rc::new(Cell::new(false));
    let (net, flag) = (pair.near.clone(), Rc::clone(&ran));
    pair.near.spawn("parent", async move {
        let inner = net.clone();
        net.spawn("child", async move {
            inner.sleep_until(inner.now() + Duration::from_millis(5)).await;
            flag.set(true);
        });
    });
    while !ran.get() {
        pair.sleep(Duration::from_millis(1)).await;
    }
}

async fn random_numbers_differ<N: Network>(pair: Pair<N>) {
    let numbers: std::collections::BTreeSet<u64> = (0..100).map(|_| pair.near.random()).collect();
    assert_eq!(numbers.len(), 100);
}

async fn secrets_fill_every_byte_and_differ<N: Network>(pair: Pair<N>) {
    let mut secrets = std::collections::BTreeSet::new();
    for length in [1, 7, 8, 9, 32, 96] {
        // A byte that stays zero in twenty draws is not filled.
        let mut seen = vec![0; length];
        for _ in 0..20 {
            let mut secret = vec![0; length];
            pair.near.fill_secret(&mut secret).unwrap();
            seen.iter_mut().zip(&secret).for_each(|(seen, byte)| *seen |= byte);
            assert!(length < 32 || secrets.insert(secret));
        }
        assert!(!seen.contains(&0), "{seen:?}");
    }
}

#[test]
fn secrets_of_a_simulation_follow_from_its_seed_and_move_no_other_draw() {
    let drawn = |backend, seed, secrets: usize| {
        let sim = Sim::builder(seed).backend(backend).build();
        let drawn = Rc::new(Cell::new(([0; 32], 0)));
        let out = Rc::clone(&drawn);
        sim.host("a", move |net| {
            let out = Rc::clone(&out);
            async move {
                let mut secret = [0; 32];
                for _ in 0..secrets {
                    net.fill_secret(&mut secret)?;
                }
                out.set((secret, net.random()));
                Ok(())
            }
        });
        sim.run(Duration::from_secs(1)).unwrap();
        drawn.get()
    };
    on_carriers(|backend| {
        assert_eq!(drawn(backend, 1, 1), drawn(backend, 1, 1));
        assert_ne!(drawn(backend, 1, 1).0, drawn(backend, 2, 1).0);
        assert_ne!(drawn(backend, 1, 1).0, drawn(backend, 1, 2).0);
        assert_eq!(drawn(backend, 1, 0).1, drawn(backend, 1, 2).1);
    });
}

fn on_carriers(test: impl Fn(Backend)) {
    test(Backend::Warp);
    test(Backend::Turmoil);
}

#[test]
fn a_panic_of_a_spawned_task_fails_the_run_and_names_host_and_task() {
    on_carriers(|backend| {
        let sim = Sim::builder(1).backend(backend).build();
        sim.host("broker", |net| async move {
            let task = net.clone();
            net.spawn("pump", async move {
                task.sleep_until(task.now() + Duration::from_secs(1)).await;
                panic!("out of {}", "water");
            });
            Ok(())
        });
        let expected =
            Failure::Panic { host: "broker".into(), task: "pump".into(), message: "out of water".into() };
        assert_eq!(sim.run(Duration::from_secs(5)), Err(expected.clone()));
        assert!(sim.now().since_epoch() < Duration::from_millis(1_005), "{:?}", sim.now());
        assert_eq!(sim.run(Duration::from_secs(5)), Err(expected), "a failed run goes no further");
    });
}

#[test]
fn a_program_that_panics_or_fails_fails_the_run() {
    on_carriers(|backend| {
        let sim = Sim::builder(1).backend(backend).build();
        sim.host("a", |_| async { Err("no chart".into()) });
        let failure = sim.run(Duration::from_secs(1)).unwrap_err();
        assert_eq!(failure, Failure::Program { host: "a".into(), error: "no chart".into() });
        assert_eq!(failure.to_string(), "host \"a\": its program failed: no chart");

        let sim = Sim::builder(1).backend(backend).build();
        sim.host("a", |_| async { panic!("leak") });
        let failure = sim.run(Duration::from_secs(1)).unwrap_err();
        assert_eq!(failure, Failure::Panic { host: "a".into(), task: "main".into(), message: "leak".into() });
    });
}

#[test]
fn a_program_that_waits_by_compio_is_told_what_to_use() {
    on_carriers(|backend| {
        let sim = Sim::builder(1).backend(backend).build();
        sim.host("a", |_| async {
            compio::time::sleep(Duration::from_secs(1)).await;
            Ok(())
        });
        let failure = sim.run(Duration::from_secs(1)).unwrap_err().to_string();
        assert!(
            failure.contains("not in a compio runtime; ") && failure.contains("`net.sleep(…)`"),
            "{failure}"
        );
    });
}

#[test]
fn a_task_that_is_busy_without_end_fails_the_run() {
    on_carriers(|backend| {
        let sim = Sim::builder(1).backend(backend).poll_budget(10_000).build();
        sim.host("a", |net| async move {
            net.spawn(
                "spinner",
                std::future::poll_fn(|cx| {
                    cx.waker().wake_by_ref();
                    std::task::Poll::Pending
                }),
            );
            Ok(())
        });
        let failure = sim.run(Duration::from_secs(1)).unwrap_err();
        let Failure::Livelock { host, task, polls, .. } = &failure else { panic!("{failure}") };
        assert_eq!((host.as_str(), task.as_str(), *polls), ("a", "spinner", 10_001));
    });
}

#[test]
fn a_run_that_takes_too_long_outside_fails() {
    let sim = Sim::builder(1).wall_limit(Duration::from_millis(50)).build();
    sim.host("a", |net| async move {
        loop {
            net.sleep_until(net.now() + Duration::from_nanos(1)).await;
        }
    });
    let failure = sim.run(Duration::from_secs(1_000_000)).unwrap_err();
    assert!(matches!(failure, Failure::Slow { .. }), "{failure}");
}
