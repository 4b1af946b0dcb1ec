//! turmoil's own faults, in its own simulation and in ours.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use seaworthy::{Context, PullSocket, PushSocket};
use seaworthy_core::{Listener, Network, StreamOptions};
use seaworthy_sim::{Backend, Sim, TurmoilNetwork};

use crate::place::{read_up_to, write_all};

const SECOND: Duration = Duration::from_secs(1);

fn turmoil_sim() -> turmoil::Sim<'static> {
    turmoil::Builder::new()
        .epoch(std::time::SystemTime::UNIX_EPOCH)
        .rng_seed(7)
        .simulation_duration(100 * SECOND)
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(5))
        .udp_capacity(4096)
        .build()
}

/// Answers every byte with itself.
async fn echo(net: TurmoilNetwork) -> Result<(), Box<dyn std::error::Error>> {
    let listener = net.listen(&"tcp://*:5555".parse()?, &StreamOptions::default())?;
    loop {
        let stream = listener.accept().await?;
        while let Ok(bytes) = read_up_to(&stream, 1).await
            && !bytes.is_empty()
        {
            if write_all(&stream, bytes).await.is_err() {
                break;
            }
        }
    }
}

#[test]
fn a_partition_by_turmoil_delays_and_loses_nothing() {
    let mut sim = turmoil_sim();
    sim.host("server", || TurmoilNetwork::run("server", 7, echo));
    let slowest = Rc::new(Cell::new(Duration::ZERO));
    let worst = Rc::clone(&slowest);
    sim.client(
        "client",
        TurmoilNetwork::run("client", 7, move |net| {
            let worst = Rc::clone(&worst);
            async move {
                let stream = net.connect(&"tcp://server:5555".parse()?, &StreamOptions::default()).await?;
                for number in 0..100_u8 {
                    if number == 30 {
                        turmoil::partition("client", "server");
                        let healer = net.clone();
                        net.spawn("healer", async move {
                            healer.sleep_until(healer.now() + 2 * SECOND).await;
                            turmoil::repair("client", "server");
                        });
                    }
                    let before = net.now();
                    write_all(&stream, vec![number]).await?;
                    assert_eq!(read_up_to(&stream, 1).await?[..], [number]);
                    worst.set(worst.get().max(net.now() - before));
                }
                Ok(())
            }
        }),
    );
    sim.run().unwrap();
    // Two retransmissions, after 1 and 3 seconds.
    assert!((3 * SECOND..3 * SECOND + SECOND / 10).contains(&slowest.get()), "{:?}", slowest.get());
}

#[test]
fn a_bounce_by_turmoil_runs_the_program_again_and_resets_old_streams() {
    let mut sim = turmoil_sim();
    sim.host("server", || TurmoilNetwork::run("server", 7, echo));
    let outcomes = Rc::new(Cell::new((false, false)));
    let seen = Rc::clone(&outcomes);
    sim.client(
        "client",
        TurmoilNetwork::run("client", 7, move |net| {
            let seen = Rc::clone(&seen);
            async move {
                let place = "tcp://server:5555".parse()?;
                let stream = net.connect(&place, &StreamOptions::default()).await?;
                net.sleep_until(net.now() + 5 * SECOND).await;
                write_all(&stream, "?").await?;
                let reset = read_up_to(&stream, 1).await.is_err();
                let again = net.connect(&place, &StreamOptions::default()).await?;
                write_all(&again, "!").await?;
                seen.set((reset, read_up_to(&again, 1).await? == "!"));
                Ok(())
            }
        }),
    );
    while sim.elapsed() < 2 * SECOND {
        sim.step().unwrap();
    }
    sim.crash("server");
    while sim.elapsed() < 3 * SECOND {
        sim.step().unwrap();
    }
    sim.bounce("server");
    sim.run().unwrap();
    assert_eq!(outcomes.get(), (true, true));
}

#[test]
fn a_panic_of_a_task_fails_a_simulation_of_turmoil() {
    let mut sim = turmoil_sim();
    sim.client(
        "client",
        TurmoilNetwork::run("client", 7, |net| async move {
            net.spawn("fragile", async { panic!("glass") });
            net.sleep_until(net.now() + SECOND).await;
            Ok(())
        }),
    );
    let error = sim.run().unwrap_err().to_string();
    assert!(error.contains("fragile") && error.contains("glass"), "{error}");
}

#[test]
fn turmoils_faults_act_on_a_simulation_of_ours() {
    let sim = Sim::builder(1).backend(Backend::Turmoil).build();
    let server = sim.host("server", |net| async move {
        let listener = net.listen(&"tcp://*:1".parse()?, &StreamOptions::default())?;
        let stream = listener.accept().await?;
        std::future::pending::<()>().await;
        drop(stream);
        Ok(())
    });
    let connected = Rc::new(Cell::new(None));
    let at = Rc::clone(&connected);
    let client = sim.host("client", move |net| {
        let at = Rc::clone(&at);
        async move {
            let _stream = net.connect(&"tcp://server:1".parse()?, &StreamOptions::default()).await?;
            at.set(Some(net.now()));
            std::future::pending().await
        }
    });
    let control = sim.control();
    let address = |host| std::net::IpAddr::V4(control.address(host).unwrap());
    sim.with_turmoil(|turmoil| turmoil.partition(address(server), address(client))).unwrap();
    sim.run(10 * SECOND).unwrap();
    assert_eq!(connected.get(), None);
    sim.with_turmoil(|turmoil| turmoil.repair(address(server), address(client))).unwrap();
    sim.run(10 * SECOND).unwrap();
    assert!(connected.get().is_some());

    sim.with_turmoil(|turmoil| turmoil.crash(address(client))).unwrap();
    assert!(!control.is_up(client));
    connected.set(None);
    sim.with_turmoil(|turmoil| turmoil.bounce(address(client))).unwrap();
    sim.run(SECOND).unwrap();
    assert!(control.is_up(client) && connected.get().is_some());
}

#[test]
fn sockets_in_somebody_elses_simulation_outlive_turmoils_partition_and_bounce() {
    let mut sim = turmoil_sim();
    let received = Rc::new(Cell::new(0_u64));
    let count = Rc::clone(&received);
    sim.host("pull", move || {
        let count = Rc::clone(&count);
        TurmoilNetwork::run("pull", 7, move |net| {
            let count = Rc::clone(&count);
            async move {
                let pull = PullSocket::new(&Context::with_network(net))?;
                pull.bind("tcp://*:5555")?;
                loop {
                    pull.recv().await?;
                    count.set(count.get() + 1);
                }
            }
        })
    });
    sim.host("push", || {
        TurmoilNetwork::run("push", 7, |net| async move {
            let push = PushSocket::new(&Context::with_network(net.clone()))?;
            push.connect("tcp://pull:5555")?;
            loop {
                push.send("ahoy").await?;
                net.sleep_until(net.now() + SECOND / 10).await;
            }
        })
    });
    let advance = |sim: &mut turmoil::Sim<'_>, seconds: u32| {
        let (end, before) = (sim.elapsed() + seconds * SECOND, received.get());
        while sim.elapsed() < end {
            sim.step().unwrap();
        }
        received.get() - before
    };
    assert!((15..=20).contains(&advance(&mut sim, 2)));
    sim.partition("push", "pull");
    assert!(advance(&mut sim, 2) <= 1, "what was under way");
    sim.repair("push", "pull");
    assert!((50..=70).contains(&advance(&mut sim, 5)), "those that waited, and new ones");
    sim.bounce("pull");
    assert!((10..=50).contains(&advance(&mut sim, 5)), "it is connected to anew");
}
