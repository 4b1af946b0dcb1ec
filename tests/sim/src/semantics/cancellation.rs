//! Futures of a socket dropped at every poll: nothing is lost, torn or sent twice.

use std::cell::Cell;
use std::rc::Rc;

use seaworthy::{Bytes, Message, Options};
use seaworthy_sim::{CancelOutcome, CancelWeights, Sim, SimBuilder};

use super::fixture::{Fixture, SECOND, dropped_after, frames, play_in, sockets::*, text};
use super::raw::RawPeer;

/// A stage on which every operation takes at least one more poll, dropped operations of the network happen by half,
/// and the kernels hold little.
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

/// Runs a script for each number of polls after which it drops its futures, until none of them is dropped any more.
fn at_every_poll<F>(script: impl Fn(Fixture, usize, Rc<Cell<bool>>) -> F + Clone + 'static)
where
    F: Future<Output = super::fixture::Outcome> + 'static,
{
    for polls in 0.. {
        let dropped = Rc::new(Cell::new(false));
        let (told, script) = (Rc::clone(&dropped), script.clone());
        play_in(tight(), move |stage| script(stage, polls, told));
        if !dropped.get() {
            assert!(polls > 2, "nothing was ever dropped while it waited");
            return;
        }
    }
}

#[test]
fn a_dropped_send_has_sent_the_whole_message_or_nothing() {
    at_every_poll(|stage, polls, dropped| async move {
        let tight = Options::default().sndhwm(1).rcvhwm(1);
        let (push, pull): (Push, Pull) =
            (stage.client.open_with(tight.clone()), stage.server.open_with(tight));
        push.connect(stage.server.bind(&pull))?;
        let sending = async {
            for number in 0..MESSAGES {
                match dropped_after(polls, push.send(numbered(number))).await {
                    Some(sent) => sent?,
                    None => {
                        dropped.set(true);
                        push.send(numbered(number)).await?;
                    }
                }
            }
            Ok::<_, seaworthy::Error>(())
        };
        let receiving = async {
            for number in 0..MESSAGES {
                assert_eq!(pull.recv().await?, numbered(number));
            }
            Ok::<_, seaworthy::Error>(())
        };
        let (sent, received) = futures_util::join!(sending, receiving);
        sent?;
        received?;
        Ok(())
    });
}

#[test]
fn a_dropped_recv_loses_nothing() {
    at_every_poll(|stage, polls, dropped| async move {
        let tight = Options::default().sndhwm(1).rcvhwm(1);
        let (push, pull): (Push, Pull) =
            (stage.client.open_with(tight.clone()), stage.server.open_with(tight));
        push.connect(stage.server.bind(&pull))?;
        let sending = async {
            for number in 0..MESSAGES {
                push.send(numbered(number)).await?;
            }
            Ok::<_, seaworthy::Error>(())
        };
        let receiving = async {
            for number in 0..MESSAGES {
                let message = match dropped_after(polls, pull.recv()).await {
                    Some(received) => received?,
                    None => {
                        dropped.set(true);
                        pull.recv().await?
                    }
                };
                assert_eq!(message, numbered(number));
            }
            Ok::<_, seaworthy::Error>(())
        };
        let (sent, received) = futures_util::join!(sending, receiving);
        sent?;
        received?;
        Ok(())
    });
}

#[test]
fn a_dropped_recv_batch_loses_nothing() {
    at_every_poll(|stage, polls, dropped| async move {
        let (push, pull): (Push, Pull) = (stage.client.open(), stage.server.open());
        push.connect(stage.server.bind(&pull))?;
        let sending = async {
            for number in 0..MESSAGES {
                push.send(numbered(number)).await?;
            }
            Ok::<_, seaworthy::Error>(())
        };
        let receiving = async {
            let mut messages = Vec::new();
            while messages.len() < MESSAGES {
                let before = messages.len();
                match dropped_after(polls, pull.recv_batch(&mut messages, 3)).await {
                    Some(count) => assert_eq!(messages.len() - before, count?),
                    None => {
                        dropped.set(true);
                        assert_eq!(messages.len(), before);
                        pull.recv_batch(&mut messages, 3).await?;
                    }
                }
            }
            for (number, message) in messages.iter().enumerate() {
                assert_eq!(*message, numbered(number));
            }
            Ok::<_, seaworthy::Error>(())
        };
        let (sent, received) = futures_util::join!(sending, receiving);
        sent?;
        received?;
        Ok(())
    });
}

#[test]
fn requests_and_replies_stay_in_step_whatever_is_dropped() {
    at_every_poll(|stage, polls, dropped| async move {
        let (req, rep): (Req, Rep) = (stage.client.open(), stage.server.open());
        req.connect(stage.server.bind(&rep))?;
        let asking = async {
            for number in 0..MESSAGES {
                req.send(numbered(number)).await?;
                let reply = match dropped_after(polls, req.recv()).await {
                    Some(reply) => reply?,
                    None => {
                        dropped.set(true);
                        req.recv().await?
                    }
                };
                assert_eq!(reply, numbered(number + 1));
            }
            Ok::<_, seaworthy::Error>(())
        };
        let answering = async {
            for number in 0..MESSAGES {
                let request = match dropped_after(polls, rep.recv()).await {
                    Some(request) => request?,
                    None => {
                        dropped.set(true);
                        rep.recv().await?
                    }
                };
                assert_eq!(request, numbered(number));
                rep.send(numbered(number + 1)).await?;
            }
            Ok::<_, seaworthy::Error>(())
        };
        let (asked, answered) = futures_util::join!(asking, answering);
        asked?;
        answered?;
        Ok(())
    });
}

#[test]
fn a_dropped_request_can_be_sent_again() {
    at_every_poll(|stage, polls, dropped| async move {
        let (req, rep): (Req, Rep) =
            (stage.client.open_with(Options::default().immediate(true)), stage.server.open());
        let endpoint = stage.server.at(1);
        req.connect(endpoint)?;
        let asking = async {
            if dropped_after(polls, req.send("request")).await.is_none() {
                dropped.set(true);
                req.send("request").await?;
            }
            assert_eq!(text(&req.recv().await?), ["reply"]);
            Ok::<_, seaworthy::Error>(())
        };
        let answering = async {
            stage.pass(SECOND).await;
            rep.bind("tcp://*:1")?;
            assert_eq!(text(&rep.recv().await?), ["request"]);
            rep.send("reply").await?;
            Ok::<_, seaworthy::Error>(())
        };
        let (asked, answered) = futures_util::join!(asking, answering);
        asked?;
        answered?;
        stage.never(rep.recv()).await;
        Ok(())
    });
}

#[test]
fn a_dropped_send_of_a_mandatory_router_has_sent_the_whole_message_or_nothing() {
    at_every_poll(|stage, polls, dropped| async move {
        let options = Options::default().router_mandatory(true).sndhwm(1);
        let router: Router = stage.server.open_with(options);
        let mut peer = RawPeer::connect(&stage.client, &stage.server.bind(&router)).await;
        peer.shake_hands_in(1, "DEALER", &[("Identity", b"A")]).await;
        peer.barrier().await;
        let addressed = |number: usize| {
            let mut message = numbered(number);
            message.push_front("A");
            message
        };
        let sending = async {
            for number in 0..MESSAGES {
                match dropped_after(polls, router.send(addressed(number))).await {
                    Some(sent) => sent?,
                    None => {
                        dropped.set(true);
                        router.send(addressed(number)).await?;
                    }
                }
            }
            Ok::<_, seaworthy::Error>(())
        };
        let receiving = async {
            for number in 0..MESSAGES {
                assert_eq!(peer.message().await, text(&numbered(number)));
            }
        };
        let (sent, ()) = futures_util::join!(sending, receiving);
        sent?;
        Ok(())
    });
}

#[test]
fn a_dropped_send_of_a_publisher_that_must_not_drop_reaches_all_or_nobody() {
    at_every_poll(|stage, polls, dropped| async move {
        let publisher: Pub = stage.server.open_with(Options::default().xpub_nodrop(true).sndhwm(1));
        let endpoint = stage.server.bind(&publisher);
        let mut peers = Vec::new();
        for _ in 0..2 {
            let mut peer = RawPeer::connect_as(&stage.client, &endpoint, "SUB").await;
            peer.say_command("SUBSCRIBE", b"").await;
            peer.barrier().await;
            peers.push(peer);
        }
        let [a, b] = &mut peers[..] else { unreachable!("two peers") };
        let sending = async {
            for number in 0..MESSAGES {
                match dropped_after(polls, publisher.send(numbered(number))).await {
                    Some(sent) => sent?,
                    None => {
                        dropped.set(true);
                        publisher.send(numbered(number)).await?;
                    }
                }
            }
            Ok::<_, seaworthy::Error>(())
        };
        let receiving = async {
            for number in 0..MESSAGES {
                assert_eq!(a.message().await, text(&numbered(number)));
                assert_eq!(b.message().await, text(&numbered(number)));
            }
        };
        let (sent, ()) = futures_util::join!(sending, receiving);
        sent?;
        Ok(())
    });
}

#[test]
fn a_dropped_close_goes_on_in_the_background() {
    at_every_poll(|stage, polls, dropped| async move {
        let (push, pull): (Push, Pull) = (stage.client.open(), stage.server.open());
        push.connect(stage.server.bind(&pull))?;
        for number in 0..MESSAGES {
            push.send(numbered(number)).await?;
        }
        let closing = async {
            if dropped_after(polls, push.close()).await.is_none() {
                dropped.set(true);
            }
        };
        let receiving = async {
            for number in 0..MESSAGES {
                assert_eq!(pull.recv().await?, numbered(number));
            }
            Ok::<_, seaworthy::Error>(())
        };
        let ((), received) = futures_util::join!(closing, receiving);
        received?;
        stage.pass(2 * SECOND).await;
        assert_eq!(stage.control.tasks(stage.client.id), [""; 0]);
        // Two polls are enough for a close: it waits once.
        dropped.set(dropped.get() || polls < 3);
        Ok(())
    });
}

#[test]
fn whoever_loses_the_race_for_a_message_leaves_it_to_the_other() {
    play_in(tight(), |stage| async move {
        let dealer: Dealer = stage.server.open();
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&dealer), "DEALER").await;
        // Two receivers wait; the first is dropped after it was woken and before it ran.
        let mut first = Box::pin(dealer.recv());
        let mut second = Box::pin(dealer.recv());
        assert!(dropped_after(1, &mut first).await.is_none());
        assert!(dropped_after(1, &mut second).await.is_none());
        peer.say_message(["one"]).await;
        peer.barrier().await;
        drop(first);
        assert_eq!(stage.within(SECOND, second).await.expect("a message")?, frames(["one"]));
        Ok(())
    });
}
