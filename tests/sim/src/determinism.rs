//! The same seed gives the same events; another seed gives others.

use std::cell::RefCell;
use std::fmt::Write;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use seaworthy_core::{Instant, Listener, Network, StreamOptions};
use seaworthy_sim::{
    Backend, CrashKind, Event, Latency, LinkConfig, ReadRate, Readers, ShortIo, Sim, SimNetwork,
};

use crate::place::{pattern, read_up_to, write_all};

const MS: Duration = Duration::from_millis(1);

/// Three clients, a server, and every fault there is. The record of all events, one a line.
fn storm(backend: Backend, seed: u64, loss: f64) -> String {
    let config = LinkConfig {
        latency: Latency::Exponential { min: MS, mean: 4 * MS, max: 50 * MS },
        jitter: 2 * MS,
        bandwidth: Some(500_000),
        loss,
        duplicate: 0.01,
        reorder: 0.02,
        reorder_delay: 5 * MS,
        corrupt: 0.01,
    };
    let sim = Sim::builder(seed).backend(backend).link(config).yield_chance(0.3).shuffle(true).build();
    let record = Rc::new(RefCell::new(String::new()));
    let lines = Rc::clone(&record);
    sim.tap(move |at: Instant, event: &Event<'_>| {
        writeln!(lines.borrow_mut(), "{at:?} {event:?}").unwrap();
    });
    let server = sim.host("server", |net| async move {
        let listener = net.listen(&"tcp://*:5555".parse()?, &StreamOptions::default())?;
        loop {
            let stream = listener.accept().await?;
            net.spawn("echo", async move {
                while let Ok(bytes) = read_up_to(&stream, 100).await
                    && !bytes.is_empty()
                {
                    if write_all(&stream, bytes).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    let clients = ["a", "b", "c"].map(|name| {
        sim.host(name, |net| async move {
            loop {
                let _ = echo(&net).await;
                let pause = Duration::from_millis(net.random() % 50);
                net.sleep_until(net.now() + pause).await;
            }
        })
    });
    let control = sim.control();
    let steps: [&dyn Fn(); 9] = [
        &|| control.cut_both(server, clients[0]),
        &|| control.heal_all(),
        &|| control.set_short_io(server, ShortIo { read: 0.5, write: 0.5 }),
        &|| control.crash(server, CrashKind::Process),
        &|| control.restart(server),
        &|| control.set_read_rate(Readers::Host(clients[1]), ReadRate::BytesPerSecond(1000)),
        &|| control.crash(clients[2], CrashKind::Power),
        &|| control.restart(clients[2]),
        &|| control.pause(clients[0]),
    ];
    for step in steps {
        sim.run(300 * MS).unwrap();
        step();
    }
    sim.run(300 * MS).unwrap();
    drop(sim);
    let record = record.borrow();
    record.clone()
}

async fn echo(net: &SimNetwork) -> std::io::Result<()> {
    let stream = net.connect(&"tcp://server:5555".parse().unwrap(), &StreamOptions::default()).await?;
    for _ in 0..20 {
        write_all(&stream, pattern(500)).await?;
        read_up_to(&stream, 500).await?;
    }
    Ok(())
}

#[track_caller]
fn assert_same(first: &str, second: &str) {
    for (number, (a, b)) in first.lines().zip(second.lines()).enumerate() {
        assert_eq!(a, b, "event {number} differs");
    }
    assert_eq!(first.len(), second.len());
}

#[test]
fn the_same_seed_gives_the_same_events() {
    for backend in [Backend::Warp, Backend::Turmoil] {
        let first = storm(backend, 7, 0.01);
        assert!(first.lines().count() > 1_000, "{}", first.lines().count());
        assert_same(&first, &storm(backend, 7, 0.01));
    }
}

#[test]
fn another_seed_gives_other_events() {
    for backend in [Backend::Warp, Backend::Turmoil] {
        assert_ne!(storm(backend, 7, 0.01), storm(backend, 8, 0.01));
    }
}

/// FNV-1a of all records of the storm, as a line that the other process can find.
fn fingerprint() -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for backend in [Backend::Warp, Backend::Turmoil] {
        for byte in storm(backend, 7, 0.01).bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
    format!("fingerprint {hash:016x}")
}

/// Run by the test below in a process of its own.
#[test]
fn the_fingerprint_of_a_seed() {
    println!("{}", fingerprint());
}

#[test]
fn the_same_seed_gives_the_same_events_in_another_process() {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program)
        .args(["--exact", "determinism::the_fingerprint_of_a_seed", "--nocapture"])
        .output()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    assert!(output.contains(&fingerprint()), "{output}");
}
