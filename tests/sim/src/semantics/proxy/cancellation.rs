//! The future of a proxy dropped at every poll: nothing is lost, torn, sent twice or out of order.

use std::cell::Cell;
use std::rc::Rc;

use seaworthy::proxy::{Mode, Side};
use seaworthy::{Bytes, Message, Options, proxy};
use seaworthy_sim::{CancelOutcome, CancelWeights, Sim, SimBuilder};

use super::super::fixture::{Fixture, MS, dropped_after, play_in, sockets::*};

/// A stage on which operations take more polls, and the kernels hold little.
fn tight() -> SimBuilder {
    let by_half = CancelWeights::always(CancelOutcome::Prefix);
    Sim::builder(1).buffers(2048, 2048).yield_chance(1.0).cancel_weights(by_half)
}

const MESSAGES: usize = 12;

fn numbered(number: usize) -> Message {
    [number.to_string().into(), Bytes::from(vec![b'x'; 3000]), number.to_string().into()]
        .into_iter()
        .collect()
}

/// How a run ends early, and what comes after.
#[derive(Clone, Copy)]
enum Afterwards {
    /// The same proxy runs on.
    Resume,
    /// Another proxy between the same sockets takes over.
    Replace,
}

/// Forwards both ways while the run of the proxy is dropped after its first poll, and then after each `polls` polls.
async fn forward(
    stage: Fixture,
    polls: usize,
    queue: usize,
    afterwards: Afterwards,
    dropped: Rc<Cell<usize>>,
) -> super::super::fixture::Outcome {
    let hwm = Options::default().sndhwm(1).rcvhwm(1);
    let (front, back): (Dealer, Dealer) =
        (stage.server.open_with(hwm.clone()), stage.server.open_with(hwm.clone()));
    let (one, other): (Dealer, Dealer) = (stage.client.open_with(hwm.clone()), stage.other.open_with(hwm));
    one.connect(stage.server.bind(&front))?;
    other.connect(stage.server.bind(&back))?;
    let reader = stage.clone();
    let exchanging = async |from: &'static str, socket: Dealer| {
        let sending = async {
            for number in 0..MESSAGES {
                socket.send(numbered(number)).await?;
            }
            Ok::<_, seaworthy::Error>(())
        };
        let receiving = async {
            for number in 0..MESSAGES {
                // Slowly, so that the proxy has a message in hand.
                reader.pass(50 * MS).await;
                assert_eq!(socket.recv().await?, numbered(number), "to {from}");
            }
            Ok::<_, seaworthy::Error>(())
        };
        let (sent, received) = futures_util::join!(sending, receiving);
        sent?;
        received?;
        Ok::<_, seaworthy::Error>(socket)
    };
    let forwarding = async {
        let make = || proxy(&front, &back).queue(queue).mode(Mode::Biased(Side::Backend)).batch(1);
        let mut broker = make();
        assert!(dropped_after(1, broker.run()).await.is_none(), "nobody ends it");
        loop {
            // The first poll comes at once, and each further one when something woke the task.
            assert!(dropped_after(polls, broker.run()).await.is_none(), "nobody ends it");
            dropped.set(dropped.get() + 1);
            if matches!(afterwards, Afterwards::Replace) {
                drop(broker);
                broker = make();
            }
        }
    };
    let exchange = async { futures_util::join!(exchanging("one", one), exchanging("other", other)) };
    let (mut exchange, mut forwarding) = (std::pin::pin!(exchange), std::pin::pin!(forwarding));
    let (one, other) = std::future::poll_fn(|context| {
        let never: std::task::Poll<()> = forwarding.as_mut().poll(context);
        assert!(never.is_pending());
        exchange.as_mut().poll(context)
    })
    .await;
    stage.never(one?.recv()).await;
    stage.never(other?.recv()).await;
    Ok(())
}

/// Drops the run after every number of polls, from two to as many as a run that is never dropped takes.
fn dropped_at_every_poll(queue: usize, afterwards: Afterwards) {
    for polls in 2.. {
        let dropped = Rc::new(Cell::new(0));
        let told = Rc::clone(&dropped);
        play_in(tight(), move |stage| forward(stage, polls, queue, afterwards, told));
        if dropped.get() == 0 {
            assert!(polls > MESSAGES, "a run takes more polls than messages: {polls}");
            return;
        }
    }
}

#[test]
fn a_dropped_run_that_is_resumed_loses_nothing() {
    dropped_at_every_poll(0, Afterwards::Resume);
}

#[test]
fn a_dropped_run_with_a_queue_that_is_resumed_loses_nothing() {
    dropped_at_every_poll(5, Afterwards::Resume);
}

#[test]
fn a_dropped_proxy_that_is_replaced_loses_nothing() {
    dropped_at_every_poll(0, Afterwards::Replace);
}

#[test]
fn a_dropped_proxy_with_a_queue_that_is_replaced_loses_nothing() {
    dropped_at_every_poll(5, Afterwards::Replace);
}
