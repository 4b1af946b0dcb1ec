//! A task whose operations all succeed at once lets the others of its thread run all the same.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use seaworthy::{Error, Options};

use super::fixture::{Fixture, MS, play, sockets::*};

const NAME: &str = "inproc://turns";

/// More operations than a turn has.
const MANY: usize = 5000;

async fn pair(stage: &Fixture, options: Options) -> Result<(Dealer, Dealer), Error> {
    let unlimited = options.sndhwm(0).rcvhwm(0);
    let (here, there): (Dealer, Dealer) =
        (stage.server.open_with(unlimited.clone()), stage.server.open_with(unlimited));
    there.bind(NAME)?;
    here.connect(NAME)?;
    stage.pass(MS).await;
    Ok((here, there))
}

/// How often the work was polled until it was done.
pub(crate) async fn polls(work: impl Future<Output = Result<(), Error>>) -> Result<usize, Error> {
    let (mut work, polls) = (pin!(work), Cell::new(0));
    poll_fn(|context| {
        polls.set(polls.get() + 1);
        work.as_mut().poll(context)
    })
    .await?;
    Ok(polls.get())
}

#[test]
fn a_turn_of_sends_and_one_of_receives_end() {
    play(|stage| async move {
        let (here, there) = pair(&stage, Options::default()).await?;
        let sending = async {
            for _ in 0..MANY {
                here.send("m").await?;
            }
            Ok(())
        };
        assert_eq!(polls(sending).await?, 1 + MANY / 2049);
        let receiving = async {
            for _ in 0..MANY {
                there.recv().await?;
            }
            Ok(())
        };
        assert!(polls(receiving).await? > MANY / 2049);
        Ok(())
    });
}

#[test]
fn operations_that_never_wait_take_no_turn() {
    play(|stage| async move {
        let zero = Options::default().sndtimeo(Duration::ZERO).rcvtimeo(Duration::ZERO);
        let (here, there) = pair(&stage, zero).await?;
        let work = async {
            for _ in 0..MANY {
                here.send("m").await?;
                // What was sent may be held back until the task waits.
                assert!(matches!(there.recv().await, Ok(_) | Err(Error::WouldBlock)));
            }
            Ok(())
        };
        assert_eq!(polls(work).await?, 1);
        Ok(())
    });
}

#[test]
fn they_do_not_take_the_turn_of_others_either() {
    play(|stage| async move {
        let (here, there) = pair(&stage, Options::default().rcvtimeo(Duration::ZERO)).await?;
        for _ in 0..MANY {
            there.send("m").await?;
        }
        let work = async {
            for _ in 0..MANY {
                here.send("m").await?;
                here.send("m").await?;
                here.recv().await?;
            }
            Ok(())
        };
        assert!(polls(work).await? > 2 * MANY / 2049);
        Ok(())
    });
}
