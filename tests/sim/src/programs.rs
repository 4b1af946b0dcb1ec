//! Somebody's programs on simulated hosts: scripts, storms, checks, own events, and many seeds.

use std::cell::Cell;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use seaworthy::{Context, Options, PullSocket, PushSocket, RepSocket, ReqSocket};
use seaworthy_core::{Instant, Listener, Network, Stream, StreamOptions};
use seaworthy_sim::trace::{EventKind, Note};
use seaworthy_sim::{Backend, Control, CrashKind, Explorer, Failure, LinkConfig, ReadRate, Sim, SimNetwork};

const SECOND: Duration = Duration::from_secs(1);

/// Answers what it is asked, for ever.
async fn echo(net: SimNetwork) -> Result<(), Box<dyn Error>> {
    let rep = RepSocket::new(&Context::with_network(net))?;
    rep.bind("tcp://*:5555")?;
    loop {
        let question = rep.recv().await?;
        rep.send(question).await?;
    }
}

/// Asks `count` questions, a tenth of a second apart. Those that are lost are asked again.
async fn ask(net: SimNetwork, count: u64) -> Result<(), Box<dyn Error>> {
    let options = Options::default().rcvtimeo(SECOND).linger(Duration::ZERO);
    let options = options.req_relaxed(true).req_correlate(true).heartbeat_ivl(SECOND);
    let req = ReqSocket::with_options(&Context::with_network(net.clone()), options)?;
    req.connect("tcp://server:5555")?;
    for number in 0..count {
        let question = number.to_be_bytes().to_vec();
        loop {
            req.send(question.clone()).await?;
            if let Ok(answer) = req.recv().await {
                assert_eq!(answer.frame(0), Some(&question[..]));
                break;
            }
        }
        net.note(Note::new("answered").with("number", number));
        net.sleep_until(net.now() + SECOND / 10).await;
    }
    Ok(())
}

/// A server and a client of it that has fifty questions.
fn asking(sim: &Sim) {
    sim.host("server", echo);
    sim.client("client", |net| ask(net, 50));
}

fn faults(sim: &Sim) -> Vec<String> {
    let tell = |event: seaworthy_sim::trace::Event| match event.what {
        EventKind::Fault { ref what, .. } => Some(format!("{:?} {what}", event.at())),
        EventKind::FaultOver { ref what, .. } => Some(format!("{:?} over: {what}", event.at())),
        _ => None,
    };
    sim.trace().events.into_iter().filter_map(tell).collect()
}

#[test]
fn what_is_scripted_happens_at_its_time_on_both_carriers() {
    for backend in [Backend::Warp, Backend::Turmoil] {
        let sim = Sim::builder(7).backend(backend).build();
        asking(&sim);
        sim.at(2 * SECOND, |control| control.cut_both("server", "client"));
        sim.at(3 * SECOND, |control| control.heal_all());
        sim.at(4 * SECOND, |control| control.pause("server"));
        sim.at(5 * SECOND, |control| control.resume("server"));
        sim.run_to_end(60 * SECOND).unwrap();
        sim.nothing_remains().unwrap();
        assert_eq!(
            faults(&sim),
            [
                "2s cut server -> client",
                "2s cut client -> server",
                "3s over: cut server -> client",
                "3s over: cut client -> server",
                "4s pause server",
                "5s over: pause server",
            ],
            "{backend:?}"
        );
    }
}

#[test]
fn a_trace_tells_of_every_kind_of_fault_that_a_control_makes_and_of_its_end() {
    type Make = fn(&Control);
    let kinds: [(Make, Make, &str); 8] = [
        (|c| c.black_hole("a", "b"), |c| c.heal("a", "b"), "black hole a -> b"),
        (|c| c.hold("a", "b"), |c| c.release("a", "b"), "hold a -> b"),
        (
            |c| c.set_link("a", "b", LinkConfig { loss: 0.5, ..c.default_link() }),
            |c| c.set_link("a", "b", c.default_link()),
            "degrade a -> b: loss 0.5",
        ),
        (
            |c| c.set_host_read_rate("a", ReadRate::Stalled),
            |c| c.set_host_read_rate("a", ReadRate::Unlimited),
            "slow reader a: stalled",
        ),
        (
            |c| c.set_short_io("a", seaworthy_sim::ShortIo { read: 0.5, write: 0.0 }),
            |c| c.set_short_io("a", seaworthy_sim::ShortIo::default()),
            "short io a: read 0.5, write 0",
        ),
        (|c| c.set_host_yield_chance("a", 0.5), |c| c.set_host_yield_chance("a", 0.0), "yields a: 0.5"),
        (
            |c| c.set_clock("a", seaworthy_sim::ClockSkew { jump: SECOND, drift_ppm: 0 }),
            |_| {},
            "clock a: jump 1s, drift 0ppm",
        ),
        (|c| c.pause("a"), |c| c.restart("a"), "pause a"),
    ];
    for (begin, end, words) in kinds {
        let sim = Sim::new(7);
        for host in ["a", "b"] {
            sim.host(host, |_| std::future::pending());
        }
        sim.at(SECOND, begin);
        sim.at(2 * SECOND, end);
        sim.run(3 * SECOND).unwrap();
        let told: Vec<_> =
            faults(&sim).iter().filter_map(|line| Some(line.split_once(' ')?.1.to_owned())).collect();
        assert_eq!(told, [words.to_owned(), format!("over: {words}")]);
    }
}

#[test]
#[should_panic(expected = "there is no host \"sever\"; hosts are server, client")]
fn a_host_that_is_not_there_is_named() {
    let sim = Sim::new(7);
    asking(&sim);
    sim.control().isolate("sever");
}

#[test]
fn a_storm_is_decided_by_the_seed_and_mended_when_it_is_over() {
    let storm = |seed| {
        let sim = Sim::new(seed);
        asking(&sim);
        sim.storm(
            "duration = '10s'
             fault = [
                { at = '1s..4s', for = '1s..2s', cut = ['server', 'client'] },
                { at = '5s..8s', for = '1s..2s', crash = 'server' },
                { at = '9s', isolate = 'server' },
             ]",
        )
        .unwrap();
        sim.run_to_end(60 * SECOND).unwrap();
        sim.run_until(Instant::ZERO + 60 * SECOND).unwrap();
        faults(&sim)
    };
    let faults = storm(1);
    assert_eq!(faults.len(), 6, "each begins and is over: {faults:?}");
    assert_eq!(faults[5], "10s over: isolate server", "with the storm");
    assert_eq!(storm(1), faults);
    assert_ne!(storm(2), faults);
}

#[test]
fn a_run_to_the_end_outlives_what_is_scripted_unless_that_is_too_long() {
    let sim = Sim::new(1);
    asking(&sim);
    sim.storm("duration = '30s'").unwrap();
    sim.run_to_end(60 * SECOND).unwrap();
    assert_eq!(sim.now(), Instant::ZERO + 30 * SECOND);
    sim.at(500 * SECOND, |control| control.heal_all());
    sim.run_to_end(10 * SECOND).unwrap();
    assert_eq!(sim.now(), Instant::ZERO + 40 * SECOND);
}

#[test]
fn messages_between_programs_are_in_the_trace_where_they_leave_and_where_they_arrive() {
    let sim = Sim::new(1);
    sim.client("pull", |net| async move {
        let pull = PullSocket::new(&Context::with_network(net))?;
        pull.bind("tcp://*:5555")?;
        pull.recv().await?;
        Ok(())
    });
    sim.host("push", |net| async move {
        let push = PushSocket::new(&Context::with_network(net))?;
        push.connect("tcp://pull:5555")?;
        push.send(["job", "7"]).await?;
        std::future::pending().await
    });
    sim.run_to_end(SECOND).unwrap();
    let trace = sim.trace();
    let content = |event: &str| {
        let note = trace.events.iter().find_map(|other| other.note(event)).unwrap();
        (note.text("message").unwrap().to_owned(), note.text("content").unwrap().to_owned())
    };
    assert_eq!(content("sent"), ("push#0".to_owned(), "job | 7".to_owned()));
    assert_eq!(content("received"), content("sent"));
}

#[test]
fn links_are_as_the_storm_says_unless_it_says_nothing() {
    let sim = Sim::builder(1).link(LinkConfig::with_latency(SECOND / 100)).build();
    asking(&sim);
    let control = sim.control();
    let own = LinkConfig { loss: 0.25, ..control.default_link() };
    control.set_link("client", "server", own.clone());
    sim.storm("duration = '2s'\nfault = [{ at = '0s', for = '1s', degrade = { from = 'server', to = 'client', loss = 0.5 } }]")
        .unwrap();
    sim.run(SECOND / 2).unwrap();
    assert_eq!(control.link("server", "client"), LinkConfig { loss: 0.5, ..control.default_link() });
    assert_eq!(control.link("client", "server"), own);
    sim.run(SECOND).unwrap();
    assert_eq!(control.link("server", "client"), control.default_link());

    let sim = Sim::new(1);
    asking(&sim);
    sim.storm("duration = '2s'\nnetwork = { latency = '5ms', loss = 0.1 }").unwrap();
    let told = LinkConfig { loss: 0.1, ..LinkConfig::with_latency(SECOND / 200) };
    assert_eq!(sim.control().link("client", "server"), told);
}

#[test]
fn a_watch_ends_the_run_at_the_event_that_it_refuses() {
    let sim = Sim::new(7);
    asking(&sim);
    sim.watch("not the tenth", |event| match event.note("answered").and_then(|note| note.number("number")) {
        Some(10) => Err("it was answered"),
        _ => Ok(()),
    });
    let failure = sim.run_to_end(60 * SECOND).unwrap_err();
    assert!(failure.to_string().ends_with("client it was answered"), "{failure}");
    let Failure::Violations(found) = &failure else { panic!("{failure}") };
    assert_eq!(found[0].check, "not the tenth");
    let last = sim.trace().events.into_iter().rev().find_map(|event| event.note("answered").cloned());
    assert_eq!(last.unwrap().number("number"), Some(10), "nothing came after it");
    assert_eq!(sim.judge(), Err(failure), "and it stays the run's failure");
}

#[test]
fn a_check_looks_at_the_whole_trace_when_the_run_is_judged() {
    let sim = Sim::new(7);
    asking(&sim);
    let asked = Rc::new(Cell::new(0));
    let count = Rc::clone(&asked);
    sim.check("fifty answers", move |trace| {
        let answers = trace.events.iter().filter(|event| event.note("answered").is_some()).count();
        count.set(answers);
        if answers == 50 { Ok(()) } else { Err(format!("{answers} answers")) }
    });
    sim.run(SECOND).unwrap();
    let failure = sim.judge().unwrap_err();
    assert!(failure.to_string().starts_with("fifty answers: "), "{failure}");
    assert!((1..50).contains(&asked.get()));
    assert_eq!(sim.judge(), Ok(()), "each check is asked once");
}

#[test]
fn who_has_not_finished_in_time_is_named() {
    let sim = Sim::new(7);
    asking(&sim);
    sim.client("idle", |_| std::future::pending());
    sim.at(SECOND, |control| control.crash("client", CrashKind::Power));
    let failure = sim.run_to_end(60 * SECOND).unwrap_err();
    let words = "after 60s these have not finished: client (down), idle";
    assert!(failure.to_string().starts_with(words), "{failure}");

    let sim = Sim::new(7);
    sim.host("idle", |_| std::future::pending());
    let failure = sim.run_to_end(60 * SECOND).unwrap_err();
    assert!(failure.to_string().ends_with("idle; and nothing will ever happen again"), "{failure}");
}

#[test]
fn what_a_finished_program_left_behind_is_named() {
    let sim = Sim::new(7);
    sim.host("leaky", |net| async move {
        net.spawn("forgotten", std::future::pending());
        Ok(())
    });
    let failure = sim.nothing_remains().unwrap_err();
    assert!(
        failure.to_string().contains("leaky its program is over, and tasks [\"forgotten\"]"),
        "{failure}"
    );
}

#[test]
fn what_a_program_logs_comes_into_the_trace_at_its_host() {
    let sim = Sim::new(7);
    sim.host("talker", |_| async {
        tracing::info!(job = 7_u64, who = "me", "job done");
        tracing::warn!("it took {} s", 5);
        tracing::trace!("too much to tell");
        Ok(())
    });
    tracing::info!("nobody runs");
    sim.run(SECOND).unwrap();
    let trace = sim.trace();
    let own: Vec<_> = trace.events.iter().filter(|event| matches!(event.what, EventKind::Note(_))).collect();
    assert_eq!(own.len(), 2, "{own:?}");
    assert_eq!(own[0].host.as_deref(), Some("talker"));
    let done = own[0].note("job-done").unwrap();
    assert_eq!((done.number("job"), done.text("who")), (Some(7), Some("me")));
    assert_eq!(own[1].note("log").unwrap().text("text"), Some("it took 5 s"));
}

#[test]
fn a_run_can_be_written_down_in_every_form() {
    let sim = Sim::builder(7).capture(true).build();
    asking(&sim);
    sim.run_to_end(60 * SECOND).unwrap();
    let trace = sim.trace();
    assert_eq!(seaworthy_sim::trace::Trace::from_jsonl(&trace.to_jsonl()).unwrap(), trace);
    let page = sim.to_html("fifty questions");
    assert!(
        page.contains("fifty questions") && page.contains("answered") && page.contains(r#""name":"packets""#)
    );
    let mut pcap = Vec::new();
    sim.write_pcap(&mut pcap).unwrap();
    assert_eq!(pcap[..4], [0x0a, 0x0d, 0x0d, 0x0a], "a pcapng begins like this");
    assert!(pcap.len() > 10_000, "{} bytes", pcap.len());
}

/// A pipeline that loses what was under way when the receiver dies, and does not mind.
fn careless(sim: &Sim) -> Result<(), Box<dyn Error>> {
    sim.host("push", |net| async move {
        let push = PushSocket::new(&Context::with_network(net.clone()))?;
        push.connect("tcp://pull:5555")?;
        for number in 0..100_u64 {
            push.send(number.to_be_bytes().to_vec()).await?;
            net.sleep_until(net.now() + SECOND / 10).await;
        }
        std::future::pending().await
    });
    let next = Rc::new(Cell::new(0));
    sim.client("pull", move |net| {
        let next = Rc::clone(&next);
        async move {
            let pull = PullSocket::new(&Context::with_network(net))?;
            pull.bind("tcp://*:5555")?;
            while next.get() < 100 {
                let message = pull.recv().await?;
                let number = u64::from_be_bytes(message.frame(0).ok_or("no frame")?.try_into()?);
                assert_eq!(number, next.get(), "one is missing");
                next.set(number + 1);
            }
            Ok(())
        }
    });
    sim.storm(
        "duration = '20s'
         network = { latency = '1ms..50ms' }
         fault = [
            { at = '0s..9s', for = '1s', crash = 'pull' },
            { at = '0s..9s', for = '100ms', pause = 'push' },
            { at = '0s..9s', for = '1s', hold = ['push', 'pull'] },
         ]",
    )?;
    Ok(sim.run_to_end(60 * SECOND)?)
}

#[test]
fn the_first_seed_that_fails_is_found_shrunk_and_written_down() {
    let out = std::env::temp_dir().join(format!("seaworthy-programs-{}", std::process::id()));
    let search = |jobs| {
        let explorer = Explorer::new("careless").seeds(0..50).out(&out).shrink(600 * SECOND);
        explorer.jobs(NonZeroUsize::new(jobs).unwrap()).search(careless)
    };
    let found = search(1).expect("a crash loses what the kernel had");
    assert!(found.message.contains("one is missing"), "{found}");
    assert_eq!(found.seed + 1, found.tried);
    let storm = found.storm.clone().unwrap();
    assert!(storm.fault.iter().any(|fault| fault.crash.is_some()), "{found}");
    assert!(storm.fault.iter().all(|fault| fault.hold.is_none()), "it does no harm: {found}");
    assert_eq!(found.faults, (storm.fault.len(), 3));
    let told = found.to_string();
    assert!(told.contains("crash pull") && told.contains("SEAWORTHY_REPLAY="), "{told}");
    let endings = ["html", "jsonl", "pcapng", "toml"];
    assert!(found.files.iter().zip(endings).all(|(file, ending)| file.extension().unwrap() == ending));
    assert!(found.files.iter().all(|file| file.exists()));
    for jobs in [1, 2, 7] {
        assert_eq!(search(jobs).unwrap().to_string(), told, "the same with {jobs} threads");
    }
    std::fs::remove_dir_all(out).unwrap();
}

#[test]
fn a_program_that_does_not_follow_from_its_seed_is_found() {
    let runs = AtomicU64::new(0);
    let out = std::env::temp_dir().join(format!("seaworthy-differs-{}", std::process::id()));
    let found = Explorer::new("differs").seeds(0..5).twice(1).out(&out).search(|sim| {
        let run = runs.fetch_add(1, Ordering::Relaxed);
        sim.host("a", move |net| async move {
            net.note(Note::new("run").with("number", run));
            Ok(())
        });
        Ok(sim.run_to_end(SECOND)?)
    });
    assert_eq!(found.unwrap().kind, "determinism");
    std::fs::remove_dir_all(out).unwrap();
}

#[test]
fn a_script_that_is_wrong_is_no_matter_of_seeds() {
    let explore = || {
        Sim::explore("wrong", 0..5, |sim| {
            asking(sim);
            Ok(sim.storm("duration = '1s'\nfault = [{ at = '2s', crash = 'server' }]")?)
        });
    };
    let panic = std::panic::catch_unwind(explore).unwrap_err();
    let told = panic.downcast_ref::<String>().unwrap();
    assert!(told.starts_with("wrong: storm:2:"), "{told}");
}

#[test]
fn time_goes_on_from_where_a_script_left_it() {
    let sim = Sim::new(7);
    let times = Rc::new(Cell::new((Instant::ZERO, Instant::ZERO)));
    let seen = Rc::clone(&times);
    sim.at(SECOND, move |control| seen.set((control.now(), seen.get().1)));
    let seen = Rc::clone(&times);
    sim.at(2 * SECOND, move |control| seen.set((seen.get().0, control.now())));
    assert_eq!(sim.next_event(), Some(Instant::ZERO + SECOND));
    sim.run(SECOND).unwrap();
    sim.run(5 * SECOND).unwrap();
    assert_eq!(times.get(), (Instant::ZERO + SECOND, Instant::ZERO + 2 * SECOND));
    assert_eq!(sim.now(), Instant::ZERO + 6 * SECOND);
}

#[test]
fn bytes_behind_a_dropped_write_are_found_in_any_program() {
    let sim = Sim::builder(7).yield_chance(1.0).build();
    sim.host("listener", |net| async move {
        let listener = net.listen(&"tcp://*:5555".parse()?, &StreamOptions::default())?;
        let _stream = listener.accept().await?;
        std::future::pending().await
    });
    sim.client("careless", |net| async move {
        let stream = net.connect(&"tcp://listener:5555".parse()?, &StreamOptions::default()).await?;
        let mut write = Box::pin(stream.write(vec![Bytes::from_static(b"first")]));
        poll_fn(|context| {
            assert!(write.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        drop(write);
        stream.write(vec![Bytes::from_static(b"second")]).await.0?;
        Ok(())
    });
    sim.run_to_end(SECOND).unwrap();
    let failure = sim.judge().unwrap_err().to_string();
    assert!(failure.starts_with("poison: "), "{failure}");
    assert!(failure.contains("after a write on it had been dropped"), "{failure}");
}
