//! What simulated time costs: an idle hour, megabytes, small messages between five hosts, and a scenario of them.
//!
//! `cargo bench -p seaworthy-trial --bench warp`, and `-- "Warp: a scenario"` for what contains that.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it measures the simulator")]

use std::rc::Rc;
use std::time::{Duration, Instant as WallInstant};

use bytes::{Bytes, BytesMut};
use seaworthy_core::{Instant, Listener, Network, Stream, StreamOptions};
use seaworthy_sim::{Backend, Sim, SimNetwork, SimStream};
use seaworthy_trial::run::{Verdict, run};
use seaworthy_trial::scenario::{Plan, Scenario};

fn main() {
    for backend in [Backend::Warp, Backend::Turmoil] {
        idle_hour(backend);
        megabytes(backend);
        small_messages(backend);
        scenario(backend);
    }
}

/// The shortest of some runs; zero when it was not asked for.
fn measure(what: &str, backend: Backend, run: impl Fn()) -> Duration {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    if wanted.is_some_and(|wanted| !format!("{backend:?}: {what}").contains(&wanted)) {
        return Duration::ZERO;
    }
    let repeats = if backend == Backend::Warp { 15 } else { 1 };
    let shortest = (0..repeats)
        .map(|_| {
            let start = WallInstant::now();
            run();
            start.elapsed()
        })
        .min()
        .unwrap_or_default();
    println!("{backend:?}: {what}: {shortest:?}");
    shortest
}

async fn read_exactly(stream: &SimStream, bytes: usize) -> std::io::Result<()> {
    let (mut left, mut buffer) = (bytes, BytesMut::with_capacity(16 << 10));
    while left > 0 {
        buffer.clear();
        let (read, filled) = stream.read(buffer).await;
        left -= match read? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => count,
        };
        buffer = filled;
    }
    Ok(())
}

async fn write_all(stream: &SimStream, mut bytes: Bytes) -> std::io::Result<()> {
    while !bytes.is_empty() {
        let written = stream.write(vec![bytes.clone()]).await.0?;
        let _ = bytes.split_to(written);
    }
    Ok(())
}

async fn accept(net: &SimNetwork) -> Result<SimStream, Box<dyn std::error::Error>> {
    let listener = net.listen(&"tcp://*:5555".parse()?, &StreamOptions::default())?;
    Ok(listener.accept().await?)
}

async fn connect(net: &SimNetwork) -> Result<SimStream, Box<dyn std::error::Error>> {
    Ok(net.connect(&"tcp://server:5555".parse()?, &StreamOptions::default()).await?)
}

fn idle_hour(backend: Backend) {
    // Turmoil's idle time is not free: a minute is enough to see it.
    let (what, idle) = match backend {
        Backend::Warp => ("an idle hour of two connected hosts", 3600),
        Backend::Turmoil => ("an idle minute of two connected hosts", 60),
    };
    measure(what, backend, || {
        let sim = Sim::builder(1).backend(backend).build();
        sim.host("server", |net| async move {
            let _stream = accept(&net).await?;
            std::future::pending().await
        });
        sim.host("client", |net| async move {
            let _stream = connect(&net).await?;
            std::future::pending().await
        });
        sim.run(Duration::from_secs(idle)).unwrap();
    });
}

fn megabytes(backend: Backend) {
    const BYTES: usize = 16 << 20;
    let took = measure("16 MiB from one host to another", backend, || {
        let sim = Sim::builder(1).backend(backend).build();
        sim.host("server", |net| async move { Ok(read_exactly(&accept(&net).await?, BYTES).await?) });
        sim.host("client", |net| async move {
            let stream = connect(&net).await?;
            Ok(write_all(&stream, Bytes::from(vec![7; BYTES])).await?)
        });
        assert_eq!(sim.run_until_finished(Instant::ZERO + Duration::from_secs(600)), Ok(true));
    });
    if !took.is_zero() {
        println!("    {:.0} MiB/s", 16.0 / took.as_secs_f64());
    }
}

/// Four clients send 500 messages of 100 bytes each to a server that answers each, over 30 seconds.
fn small_messages(backend: Backend) {
    let took = measure("5 hosts, 30 s, 2000 messages and their answers", backend, || {
        let sim = Sim::builder(1).backend(backend).build();
        sim.host("server", |net| async move {
            let listener = net.listen(&"tcp://*:5555".parse()?, &StreamOptions::default())?;
            loop {
                let stream = listener.accept().await?;
                net.spawn("echo", async move {
                    while read_exactly(&stream, 100).await.is_ok() {
                        let _ = write_all(&stream, Bytes::from_static(&[1; 100])).await;
                    }
                });
            }
        });
        for name in ["a", "b", "c", "d"] {
            sim.host(name, |net| async move {
                let stream = connect(&net).await?;
                for number in 0..500 {
                    write_all(&stream, Bytes::from_static(&[2; 100])).await?;
                    read_exactly(&stream, 100).await?;
                    net.sleep_until(Instant::ZERO + Duration::from_millis(60) * number).await;
                }
                Ok(())
            });
        }
        sim.run(Duration::from_secs(30)).unwrap();
    });
    if !took.is_zero() {
        println!("    {:?} per simulated second", took / 30);
    }
}

/// The same with sockets, as `explore` runs it: with its trace, its audit, its checks, and everything closed at last.
/// Goal on warp: 15 ms.
fn scenario(backend: Backend) {
    const FIVE: &str = r#"
name = "five"
description = "four PUSHes with 500 messages each, and a PULL"
duration = "30s"
network = { latency = "1ms..3ms" }
host = [{ name = "server" }, { name = "client", count = 4 }]
socket = [
    { name = "pull", host = "server", type = "PULL", bind = ["tcp://*:5555"] },
    { name = "push", host = "client", type = "PUSH", connect = ["tcp://server:5555"] },
]
workload = [
    { socket = "push", role = "send", count = 500, interval = "60ms", size = 100 },
    { socket = "pull", role = "receive" },
]
fault = [{ at = "10s", for = "1s", cut = ["server", "client-1"] }]
"#;
    let five = Scenario::parse("five.toml", FIVE).unwrap();
    measure("a scenario of 5 hosts, 30 s, 2000 messages", backend, || {
        let outcome = run(&Rc::new(Plan::new(&five, 1)), backend, Duration::from_secs(60));
        assert_eq!(outcome.verdict(), Verdict::Passed, "{:?}", outcome.reasons());
    });
}
