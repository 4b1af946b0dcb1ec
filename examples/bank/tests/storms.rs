//! The bank in simulated storms, as docs/GUIDE.md shows it.

use std::error::Error;
use std::time::Duration;

use bank::{Retries, bank, deposit};
use seaworthy_sim::{Explorer, Sim};

/// A bank and a client, each on a host of its own.
fn a_bank_and_a_client(sim: &Sim, retries: Retries) {
    sim.host("bank", move |net| async move { Ok(bank(net, "tcp://*:7000", retries).await?) });
    sim.client("client", |net| async move {
        let balance = deposit(net, "tcp://bank:7000", 10).await?;
        tracing::info!(balance, "finished");
        Ok(())
    });
}

#[test]
fn ten_deposits_come_to_fifty_five() -> Result<(), Box<dyn Error>> {
    let sim = Sim::new(1);
    a_bank_and_a_client(&sim, Retries::Count);
    sim.run_to_end(Duration::from_secs(10))?;
    let trace = sim.trace();
    let finished = trace.events.iter().find_map(|event| event.note("finished")).ok_or("no balance")?;
    assert_eq!(finished.number("balance"), Some(55));
    Ok(())
}

#[test]
fn a_cut_delays_and_a_retry_goes_on() -> Result<(), Box<dyn Error>> {
    let sim = Sim::new(1);
    a_bank_and_a_client(&sim, Retries::CountOnce);
    sim.at(Duration::from_millis(250), |control| control.cut_both("bank", "client"));
    sim.at(Duration::from_secs(5), |control| control.heal_all());
    sim.run_to_end(Duration::from_secs(60))?;
    assert!(sim.now().since_epoch() > Duration::from_secs(5));
    Ok(sim.judge()?)
}

/// What a storm does to the bank: the link is cut and held up, and the bank itself stands still.
const STORM: &str = r#"
    duration = "15s"
    network = { latency = "1ms..50ms" }

    [[fault]]
    at = "0s..2s"
    for = "100ms..3s"
    every = "5s"
    times = "0..3"
    cut = ["bank", "client"]

    [[fault]]
    at = "0s..2s"
    for = "100ms..3s"
    every = "4s"
    times = "0..3"
    hold = ["client", "bank"]

    [[fault]]
    at = "0s..10s"
    for = "100ms..2s"
    pause = "bank"
"#;

fn every_deposit_counts_once(sim: &Sim, retries: Retries) -> Result<(), Box<dyn Error>> {
    a_bank_and_a_client(sim, retries);
    sim.storm(STORM)?;
    let mut expected = 0;
    sim.watch("every deposit counts once", move |event| {
        let Some(deposited) = event.note("deposited") else { return Ok(()) };
        expected += deposited.number("amount").unwrap_or_default();
        match deposited.number("deposit") {
            Some(deposit) if (1..=deposit).sum::<u64>() == expected => Ok(()),
            deposit => Err(format!("after deposit {deposit:?} there is {expected} on the account")),
        }
    });
    sim.check("all is there in the end", |trace| {
        let finished = trace.events.iter().rev().find_map(|event| event.note("finished"));
        match finished.and_then(|note| note.number("balance")) {
            Some(55) => Ok(()),
            balance => Err(format!("it is {balance:?}")),
        }
    });
    sim.run_to_end(Duration::from_secs(120))?;
    sim.nothing_remains()?;
    Ok(())
}

#[test]
fn a_bank_that_counts_once_survives_storms() {
    Sim::explore("a_bank_that_counts_once_survives_storms", 0..100, |sim| {
        every_deposit_counts_once(sim, Retries::CountOnce)
    });
}

#[test]
fn a_storm_that_found_a_bug_stays() {
    Explorer::new("a_storm_that_found_a_bug_stays")
        .seeds(100..150)
        .also(include_str!("storms/a-retry-and-its-question.toml"))
        .run(|sim| every_deposit_counts_once(sim, Retries::CountOnce));
}

#[test]
fn a_bank_that_counts_retries_does_not() {
    let explorer = Explorer::new("a_bank_that_counts_retries_does_not").seeds(0..100);
    let found = explorer.search(|sim| every_deposit_counts_once(sim, Retries::Count)).expect("it is a bug");
    assert_eq!(found.kind, "every deposit counts once", "{found}");
    println!("{found}");
}

/// What the guide shows of this package, is in this package.
#[test]
fn the_guide_shows_these_files() {
    let (guide, here) = (include_str!("../../../docs/GUIDE.md"), include_str!("storms.rs"));
    let program = include_str!("../src/bank.rs");
    let mut shown = 0;
    for block in guide.split("```rs\n").skip(1).filter_map(|rest| rest.split("```").next()) {
        let (file, text) = block.split_once('\n').expect("a block names its file");
        let source = if file == "// src/bank.rs" { program } else { here };
        assert!(source.contains(text), "{file} has nothing like\n{text}");
        shown += 1;
    }
    assert!(shown > 10, "{shown}");
}
