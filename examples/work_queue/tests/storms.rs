//! The same program on simulated hosts: what it promises, in weather of all kinds.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::time::Duration;

use seaworthy::Frame;
use seaworthy_sim::trace::Trace;
use seaworthy_sim::{Explorer, Sim};
use work_queue::{Acknowledge, JobId, broker, client, worker};

const JOBS: u64 = 20;

/// Anything may be cut off, slow, or dead for a while, the broker included.
const STORM: &str = r#"
    duration = "20s"
    network = { latency = "1ms..20ms", loss = "0..0.02" }

    [[fault]]
    at = "0s..2s"
    for = "200ms..3s"
    every = "4s"
    times = "0..4"
    crash = "worker"

    [[fault]]
    at = "0s..10s"
    for = "200ms..3s"
    power_off = "broker"

    [[fault]]
    at = "0s..2s"
    for = "100ms..4s"
    every = "5s"
    times = "0..3"
    cut = ["broker", "worker"]

    [[fault]]
    at = "0s..10s"
    for = "1s..5s"
    isolate = "client"

    [[fault]]
    at = "0s..10s"
    for = "1s..5s"
    pause = "worker-2"
"#;

/// A broker, three workers and a client. What they promise: every job is reported in the end, and what was reported was
/// done.
fn work_queue(sim: &Sim, acknowledge: Acknowledge, storm: &str) -> Result<(), Box<dyn Error>> {
    sim.host("broker", |net| async move { Ok(broker(net, "tcp://*:5555").await?) });
    for number in 1..=3 {
        let name = format!("worker-{number}");
        sim.host(&name.clone(), move |net| {
            let name = name.clone();
            async move { Ok(worker(net, &name, "tcp://broker:5555", acknowledge).await?) }
        });
    }
    sim.client("client", |net| async move {
        let jobs: BTreeMap<_, _> = (1..=JOBS).map(|job| (job, Frame::from(format!("job {job}")))).collect();
        let results = client(net, "tcp://broker:5555", jobs).await?;
        let expected = (1..=JOBS).map(|job| (job, format!("job {job}").bytes().rev().collect::<Frame>()));
        assert!(results.into_iter().eq(expected));
        Ok(())
    });
    sim.check("what was reported was done", |trace| {
        let (done, reported) = (jobs(trace, "done"), jobs(trace, "reported"));
        let lost: Vec<_> = reported.difference(&done).collect();
        if lost.is_empty() { Ok(()) } else { Err(format!("nobody ever did {lost:?}")) }
    });
    sim.storm(storm)?;
    sim.run_to_end(Duration::from_secs(120))?;
    sim.nothing_remains()?;
    Ok(())
}

/// The jobs of which the trace says this.
fn jobs(trace: &Trace, what: &str) -> BTreeSet<JobId> {
    trace.events.iter().filter_map(|event| event.note(what)?.number("job")).collect()
}

#[test]
fn every_job_is_reported_and_was_done() {
    Sim::explore("every_job_is_reported_and_was_done", 0..100, |sim| {
        work_queue(sim, Acknowledge::WhenDone, STORM)
    });
}

#[test]
fn an_early_acknowledgement_does_no_harm_in_fair_weather() {
    Sim::explore("an_early_acknowledgement_does_no_harm_in_fair_weather", 0..10, |sim| {
        work_queue(sim, Acknowledge::WhenTaken, "duration = '20s'")
    });
}

#[test]
fn seeds_find_an_early_acknowledgement() {
    // Shrinking ends when nothing smaller is left, also on a slow machine.
    let explorer =
        Explorer::new("seeds_find_an_early_acknowledgement").seeds(0..100).shrink(Duration::from_secs(600));
    let found = explorer.search(|sim| work_queue(sim, Acknowledge::WhenTaken, STORM)).expect("it is a bug");
    assert_eq!(found.kind, "what was reported was done", "{found}");
    let storm = found.storm.expect("it has a storm");
    assert_eq!(
        storm.fault.len(),
        1,
        "one worker that dies at the wrong moment is enough: {}",
        storm.to_toml()
    );
    assert!(storm.fault[0].crash.is_some(), "{}", storm.to_toml());
}
