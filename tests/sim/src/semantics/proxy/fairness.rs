//! Fairness: who waits, and how long, in every mode. The order of forwarding is what the capture saw.

use seaworthy::proxy::{BATCH_DEFAULT, Mode, Side};
use seaworthy::{Message, Options, proxy};
use seaworthy_sim::Sim;

use super::super::fixture::{Fixture, MS, SECOND, play_in, sockets::*, text};
use super::beside;

/// Jain's index of these shares: one when all are equal, 1/n when one has everything.
fn jain(shares: &[f64]) -> f64 {
    let sum: f64 = shares.iter().sum();
    let squares: f64 = shares.iter().map(|share| share * share).sum();
    sum * sum / (shares.len() as f64 * squares)
}

/// The worst of Jain's indices over every window of a thousand forwarded messages.
fn worst_window(order: &[String], names: &[&str]) -> f64 {
    let number = |sender: &String| names.iter().position(|name| name == sender).expect("a known sender");
    let order: Vec<usize> = order.iter().map(number).collect();
    let mut shares = vec![0.0; names.len()];
    order[..1000].iter().for_each(|&sender| shares[sender] += 1.0);
    let mut worst = jain(&shares);
    for (&gone, &come) in order.iter().zip(&order[1000..]) {
        shares[gone] -= 1.0;
        shares[come] += 1.0;
        worst = worst.min(jain(&shares));
    }
    worst
}

/// The longest run of messages of others between two of `name`, before its last.
fn longest_wait(order: &[String], name: &str) -> usize {
    let end = order.iter().rposition(|sender| sender == name).expect("it was forwarded") + 1;
    order[..end].split(|sender| sender == name).map(<[String]>::len).max().unwrap_or(0)
}

fn unlimited<S: super::super::fixture::Opens>(place: &super::super::fixture::Place) -> S {
    place.open_with(Options::default().sndhwm(0).rcvhwm(0))
}

/// What a test of fairness sets.
#[derive(Clone, Copy, Debug)]
struct Setting {
    mode: Mode,
    batch: u32,
    queue: usize,
}

/// Fair ones.
const FAIR: [Setting; 6] = [
    Setting { mode: Mode::Fair, batch: BATCH_DEFAULT, queue: 0 },
    Setting { mode: Mode::Fair, batch: 1, queue: 0 },
    Setting { mode: Mode::Fair, batch: 16, queue: 0 },
    Setting { mode: Mode::Fair, batch: 200, queue: 0 },
    Setting { mode: Mode::Fair, batch: BATCH_DEFAULT, queue: 1000 },
    Setting { mode: Mode::Fair, batch: 7, queue: 3 },
];

/// Lets `peers` on each side send `count` messages each while the proxy is paused, and gives the senders of what it
/// forwards then, in order.
fn saturated(seed: u64, setting: Setting, peers: usize, count: usize) -> Vec<String> {
    let order = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let seen = std::rc::Rc::clone(&order);
    play_in(Sim::builder(seed).shuffle(true), move |stage: Fixture| async move {
        let (front, back): (Dealer, Dealer) = (unlimited(&stage.server), unlimited(&stage.server));
        let (fronts, backs) = (stage.server.bind(&front), stage.server.bind(&back));
        let (copies, capture): (Push, Pull) = (unlimited(&stage.server), unlimited(&stage.other));
        copies.connect(stage.other.bind(&capture))?;
        let mut senders: Vec<Dealer> = Vec::new();
        let mut broker = proxy(&front, &back)
            .capture(&copies)
            .mode(setting.mode)
            .batch(setting.batch)
            .queue(setting.queue);
        let handle = broker.handle();
        handle.pause();
        beside(&mut broker, async {
            for (side, place, endpoint) in [("f", &stage.client, fronts), ("b", &stage.other, backs)] {
                for number in 0..peers {
                    let dealer: Dealer = unlimited(place);
                    dealer.connect(&endpoint)?;
                    for _ in 0..count {
                        dealer.send(format!("{side}{number}")).await?;
                    }
                    senders.push(dealer);
                }
            }
            stage.pass(60 * SECOND).await;
            handle.resume();
            for _ in 0..2 * peers * count {
                let sender = text(&capture.recv().await?);
                seen.borrow_mut().extend(sender);
            }
            Ok(())
        })
        .await?;
        Ok(())
    });
    order.take()
}

/// Which side each message came from.
fn sides(order: &[String]) -> Vec<String> {
    order.iter().map(|sender| sender[..1].to_owned()).collect()
}

#[test]
fn saturated_directions_and_peers_have_equal_shares() {
    for seed in 0..5 {
        for setting in FAIR {
            let order = saturated(seed, setting, 4, 300);
            let sides = sides(&order);
            assert!(worst_window(&sides, &["f", "b"]) >= 0.95, "{setting:?}, seed {seed}");
            let peers = ["f0", "f1", "f2", "f3", "b0", "b1", "b2", "b3"];
            assert!(worst_window(&order, &peers) >= 0.95, "{setting:?}, seed {seed}");
            for side in ["f", "b"] {
                let wait = longest_wait(&sides, side);
                assert!(wait <= setting.batch as usize, "{side} waited {wait}: {setting:?}, seed {seed}");
            }
            // The three others of its side, and a turn of the other side for each turn that these take.
            let turns = 3_usize.div_ceil(setting.batch as usize) + 1;
            for peer in peers {
                let wait = longest_wait(&order, peer);
                let bound = 3 + turns * setting.batch as usize;
                assert!(wait <= bound, "{peer} waited {wait} > {bound}: {setting:?}, seed {seed}");
            }
        }
    }
}

#[test]
fn a_biased_proxy_starves_the_other_side_while_the_first_has_anything() {
    for seed in 0..5 {
        for (side, first) in [(Side::Frontend, "f"), (Side::Backend, "b")] {
            let setting = Setting { mode: Mode::Biased(side), batch: 16, queue: 0 };
            let order = sides(&saturated(seed, setting, 2, 700));
            assert!(order[..1400].iter().all(|side| side == first), "seed {seed}");
            assert!((worst_window(&order, &["f", "b"]) - 0.5).abs() < 1e-9, "one side has everything");
        }
    }
}

/// Messages as `count` of them in a second, for three seconds, each with the time it was sent at.
async fn stream(stage: &Fixture, dealer: &Dealer, count: u32) -> Result<(), seaworthy::Error> {
    for _ in 0..3 * count {
        dealer.send(stage.now().to_string_nanos()).await?;
        stage.pass(SECOND / count).await;
    }
    Ok(())
}

trait Nanos {
    fn to_string_nanos(&self) -> String;
}

impl Nanos for seaworthy::Instant {
    fn to_string_nanos(&self) -> String {
        (*self - Self::ZERO).as_nanos().to_string()
    }
}

/// How long a message was under way, in nanoseconds.
fn age(stage: &Fixture, message: &Message) -> u128 {
    let sent: u128 = text(message)[0].parse().expect("a time");
    (stage.now() - seaworthy::Instant::ZERO).as_nanos() - sent
}

#[test]
fn one_message_a_second_is_served_beside_a_thousand() {
    let settings = FAIR.into_iter().chain([Side::Frontend, Side::Backend].map(|side| Setting {
        mode: Mode::Biased(side),
        batch: BATCH_DEFAULT,
        queue: 0,
    }));
    for setting in settings {
        play_in(Sim::builder(1), move |stage| async move {
            let (front, back): (Dealer, Dealer) = (stage.server.open(), stage.server.open());
            let (busy, idle): (Dealer, Dealer) = (stage.client.open(), stage.other.open());
            busy.connect(stage.server.bind(&front))?;
            idle.connect(stage.server.bind(&back))?;
            let mut broker =
                proxy(&front, &back).mode(setting.mode).batch(setting.batch).queue(setting.queue);
            beside(&mut broker, async {
                let ages = async |dealer: &Dealer, count: usize| {
                    let mut worst = 0;
                    for _ in 0..count {
                        worst = worst.max(age(&stage, &dealer.recv().await?));
                    }
                    Ok::<_, seaworthy::Error>(worst)
                };
                let (sent, sent_too, rare, many) = futures_util::join!(
                    stream(&stage, &busy, 1000),
                    stream(&stage, &idle, 1),
                    ages(&busy, 3),
                    ages(&idle, 3000)
                );
                sent?;
                sent_too?;
                // Two hops of a millisecond each; the first ones also wait for their connection.
                let worst = rare?.max(many?);
                assert!(worst < (20 * MS).as_nanos(), "{setting:?}: a message took {worst} ns");
                Ok(())
            })
            .await?;
            Ok(())
        });
    }
}
