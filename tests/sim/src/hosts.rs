//! Hosts: pause, restart, finish.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use seaworthy_core::{Instant, Listener, Network};
use seaworthy_sim::{Backend, CrashKind, Sim, SimNetwork};

use crate::place::{Pair, control, on_both_carriers, pattern, read_up_to, write_all};

const SECOND: Duration = Duration::from_secs(1);

on_both_carriers! {
    the_kernel_of_a_paused_host_goes_on_until_its_buffers_are_full;
}

async fn the_kernel_of_a_paused_host_goes_on_until_its_buffers_are_full(pair: Pair<SimNetwork>) {
    let (control, _, far_id) = control(&pair);
    let (near, far) = pair.connected().await;
    let read = Rc::new(Cell::new(0));
    let count = Rc::clone(&read);
    pair.far.spawn("reader", async move {
        while let Ok(bytes) = read_up_to(&far, 1).await
            && !bytes.is_empty()
        {
            count.set(count.get() + 1);
        }
    });
    pair.sleep(SECOND).await;
    control.pause(far_id);
    // Both buffers take what nobody reads.
    write_all(&near, pattern(100_000)).await.unwrap();
    pair.sleep(SECOND).await;
    assert_eq!(read.get(), 0);
    control.resume(far_id);
    pair.sleep(SECOND).await;
    assert_eq!(read.get(), 100_000);
}

fn on_carriers(test: impl Fn(&Sim)) {
    for backend in [Backend::Warp, Backend::Turmoil] {
        test(&Sim::builder(1).backend(backend).build());
    }
}

#[test]
fn a_restart_runs_the_program_again_and_ends_what_the_old_one_did() {
    on_carriers(|sim| {
        let log = Rc::new(RefCell::new(Vec::new()));
        let lines = Rc::clone(&log);
        let boots = Rc::new(Cell::new(0));
        let host = sim.host("a", move |net| {
            let lines = Rc::clone(&lines);
            boots.set(boots.get() + 1);
            let boot = boots.get();
            async move {
                loop {
                    lines.borrow_mut().push((boot, net.now().since_epoch().as_secs()));
                    net.sleep_until(net.now() + SECOND).await;
                }
            }
        });
        let control = sim.control();
        sim.run(Duration::from_millis(1500)).unwrap();
        control.crash(host, CrashKind::Power);
        sim.run(3 * SECOND).unwrap();
        control.restart(host);
        sim.run(SECOND / 4).unwrap();
        control.restart(host);
        sim.run(SECOND / 4).unwrap();
        assert_eq!(*log.borrow(), [(1, 0), (1, 1), (2, 4), (3, 4)]);
    });
}

#[test]
fn a_host_is_finished_when_its_program_returns_and_its_tasks_go_on() {
    on_carriers(|sim| {
        let ticks = Rc::new(Cell::new(0));
        let count = Rc::clone(&ticks);
        let host = sim.host("a", move |net| {
            let (count, clock) = (Rc::clone(&count), net.clone());
            net.spawn("ticker", async move {
                loop {
                    clock.sleep_until(clock.now() + SECOND).await;
                    count.set(count.get() + 1);
                }
            });
            async { Ok(()) }
        });
        assert_eq!(sim.run_until_finished(Instant::ZERO + SECOND), Ok(true));
        let control = sim.control();
        assert!(control.is_finished(host) && control.is_up(host));
        sim.run_until(Instant::ZERO + Duration::from_millis(5_500)).unwrap();
        assert_eq!(ticks.get(), 5);
        assert_eq!(control.tasks(host), ["ticker"]);
        assert_eq!(control.name(host), "a");
        assert_eq!(control.host("a"), Some(host));
        assert_eq!(control.host("b"), None);
    });
}

#[test]
fn a_run_ends_at_its_deadline_or_when_its_condition_holds() {
    on_carriers(|sim| {
        let at_three = Rc::new(Cell::new(false));
        let flag = Rc::clone(&at_three);
        sim.host("a", move |net| {
            let flag = Rc::clone(&flag);
            async move {
                net.sleep_until(Instant::ZERO + 3 * SECOND).await;
                flag.set(true);
                Ok(())
            }
        });
        let until = |seconds| Instant::ZERO + SECOND * seconds;
        assert_eq!(sim.run_until_condition(until(2), || at_three.get()), Ok(false));
        assert_eq!(sim.now(), until(2));
        assert_eq!(sim.run_until_condition(until(9), || at_three.get()), Ok(true));
        assert!(sim.now() - until(3) <= Duration::from_millis(1));
    });
}

#[test]
fn a_host_that_only_waits_has_no_next_event() {
    for backend in [Backend::Warp, Backend::Turmoil] {
        let sim = Sim::builder(1).backend(backend).build();
        sim.host("a", |net| async move {
            net.sleep_until(Instant::ZERO + SECOND).await;
            std::future::pending().await
        });
        sim.run(SECOND / 2).unwrap();
        assert_eq!(sim.next_event(), Some(Instant::ZERO + SECOND), "{backend:?}");
        sim.run(SECOND).unwrap();
        assert_eq!(sim.next_event(), None, "{backend:?}");
    }
}

#[test]
fn while_a_packet_is_under_way_there_is_a_next_event() {
    for backend in [Backend::Warp, Backend::Turmoil] {
        let sim = Sim::builder(1).backend(backend).build();
        sim.host("b", |net| async move {
            let listener = net.listen(&"tcp://*:1".parse()?, &Default::default())?;
            let _stream = listener.accept().await?;
            std::future::pending().await
        });
        let connected = Rc::new(Cell::new(false));
        let flag = Rc::clone(&connected);
        sim.host("a", move |net| {
            let flag = Rc::clone(&flag);
            async move {
                let _stream = net.connect(&"tcp://b:1".parse()?, &Default::default()).await?;
                flag.set(true);
                std::future::pending().await
            }
        });
        let step = Duration::from_millis(1);
        while !connected.get() && sim.now() < Instant::ZERO + SECOND {
            sim.run(step).unwrap();
            assert!(connected.get() || sim.next_event().is_some(), "{backend:?} at {:?}", sim.now());
        }
        assert!(connected.get());
        sim.run(10 * SECOND).unwrap();
        assert_eq!(sim.next_event(), None, "{backend:?}: both wait for ever");
    }
}

#[test]
fn a_dropped_simulation_drops_what_its_tasks_hold() {
    for backend in [Backend::Warp, Backend::Turmoil] {
        let sim = Sim::builder(1).backend(backend).build();
        let held = Rc::new(());
        let token = Rc::clone(&held);
        sim.host("a", move |net| {
            let token = Rc::clone(&token);
            async move {
                let listener = net.listen(&"tcp://*:1".parse()?, &Default::default())?;
                let _stream = net.connect(&"tcp://a:1".parse()?, &Default::default()).await?;
                std::future::pending::<()>().await;
                drop((token, listener));
                Ok(())
            }
        });
        sim.run(SECOND).unwrap();
        drop(sim);
        assert_eq!(Rc::strong_count(&held), 1);
    }
}
