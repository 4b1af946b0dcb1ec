//! Peers that come, go, crash and misbehave never end a proxy.

use seaworthy::{Options, proxy};
use seaworthy_sim::CrashKind;

use super::super::fixture::{MS, SECOND, play, sockets::*, text};
use super::super::raw::{RawPeer, encoded_frame};
use super::beside;

#[test]
fn clients_and_workers_that_come_and_go_do_not_end_it() {
    play(|stage| async move {
        let (front, back): (Router, Dealer) = (stage.server.open(), stage.server.open());
        let (clients, workers) = (stage.server.bind(&front), stage.server.bind(&back));
        let statistics = beside(&mut proxy(&front, &back), async {
            for number in 0..20 {
                let (client, worker): (Req, Rep) = (stage.client.open(), stage.other.open());
                client.connect(&clients)?;
                worker.connect(&workers)?;
                client.send(number.to_string()).await?;
                let question = worker.recv().await?;
                worker.send(question).await?;
                assert_eq!(text(&client.recv().await?), [number.to_string()]);
                // This one leaves before it is answered.
                client.send("never mind").await?;
                worker.recv().await?;
                client.close().await;
                stage.pass(SECOND).await;
                worker.send("too late").await?;
                worker.close().await;
                stage.pass(SECOND).await;
            }
            Ok(())
        })
        .await?;
        assert_eq!((statistics.frontend.received, statistics.backend.received), (40, 40));
        assert_eq!(statistics.frontend.dropped, 20, "answers to clients that had left");
        Ok(())
    });
}

#[test]
fn an_answer_to_an_unknown_client_is_a_counted_error_where_the_router_is_mandatory() {
    play(|stage| async move {
        let mandatory = Options::default().router_mandatory(true);
        let (front, back): (Router, Dealer) = (stage.server.open_with(mandatory), stage.server.open());
        let (client, worker): (Req, Dealer) = (stage.client.open(), stage.other.open());
        client.connect(stage.server.bind(&front))?;
        worker.connect(stage.server.bind(&back))?;
        let statistics = beside(&mut proxy(&front, &back), async {
            worker.send(["nobody", "", "answer"]).await?;
            worker.send("nobody").await?;
            client.send("question").await?;
            let question = worker.recv().await?;
            worker.send(question).await?;
            assert_eq!(text(&client.recv().await?), ["question"]);
            Ok(())
        })
        .await?;
        assert_eq!((statistics.errors, statistics.frontend.dropped, statistics.frontend.sent), (2, 2, 1));
        Ok(())
    });
}

#[test]
fn a_crash_on_either_side_does_not_end_it() {
    play(|stage| async move {
        let (front, back): (Router, Dealer) = (stage.server.open(), stage.server.open());
        let (clients, workers) = (stage.server.bind(&front), stage.server.bind(&back));
        beside(&mut proxy(&front, &back), async {
            for kind in [CrashKind::Process, CrashKind::Power] {
                for crashing in [stage.client.id, stage.other.id] {
                    let doomed = Options::default().sndtimeo(SECOND).rcvtimeo(SECOND);
                    let (client, worker): (Dealer, Dealer) =
                        (stage.client.open_with(doomed.clone()), stage.other.open_with(doomed));
                    client.connect(&clients)?;
                    worker.connect(&workers)?;
                    for _ in 0..100 {
                        client.send("question").await?;
                    }
                    stage.control.crash(crashing, kind);
                    drop((client, worker));
                    stage.control.restart(crashing);
                    stage.pass(30 * SECOND).await;
                }
            }
            let (client, worker): (Req, Rep) = (stage.client.open(), stage.other.open());
            client.connect(&clients)?;
            worker.connect(&workers)?;
            client.send("last").await?;
            // What the clients that crashed had asked may come first.
            while text(&worker.recv().await?) != ["last"] {
                worker.send("nobody asks any more").await?;
            }
            worker.send("answer").await?;
            assert_eq!(text(&client.recv().await?), ["answer"]);
            Ok(())
        })
        .await?;
        Ok(())
    });
}

#[test]
fn a_peer_that_breaks_the_protocol_does_not_end_it() {
    play(|stage| async move {
        let (front, back): (Pull, Push) = (stage.server.open(), stage.server.open());
        let (push, pull): (Push, Pull) = (stage.client.open(), stage.other.open());
        let (pushes, pulls) = (stage.server.bind(&front), stage.server.bind(&back));
        push.connect(&pushes)?;
        pull.connect(&pulls)?;
        beside(&mut proxy(&front, &back), async {
            // Half a message, then a frame with reserved flags, from a peer of the frontend; garbage at the backend.
            let mut half = RawPeer::connect_as(&stage.other, &pushes, "PUSH").await;
            half.say(&encoded_frame(1, b"half")).await;
            half.say(&[0xff; 9]).await;
            half.end().await;
            let mut garbage = RawPeer::connect(&stage.client, &pulls).await;
            garbage.say(&[b'?'; 100]).await;
            garbage.end().await;
            push.send("whole").await?;
            assert_eq!(text(&pull.recv().await?), ["whole"]);
            stage.never(pull.recv()).await;
            Ok(())
        })
        .await?;
        Ok(())
    });
}

#[test]
fn a_cut_on_either_side_delays_messages_and_loses_none() {
    play(|stage| async move {
        let (front, back): (Pull, Push) = (stage.server.open(), stage.server.open());
        let (push, pull): (Push, Pull) = (stage.client.open(), stage.other.open());
        push.connect(stage.server.bind(&front))?;
        pull.connect(stage.server.bind(&back))?;
        beside(&mut proxy(&front, &back), async {
            let sending = async {
                for number in 0..200 {
                    push.send(number.to_string()).await?;
                    stage.pass(20 * MS).await;
                }
                Ok::<_, seaworthy::Error>(())
            };
            let cutting = async {
                for peer in [stage.client.id, stage.other.id] {
                    stage.pass(SECOND).await;
                    stage.control.cut_both(stage.server.id, peer);
                    stage.pass(SECOND).await;
                    stage.control.heal_both(stage.server.id, peer);
                }
            };
            let receiving = async {
                for number in 0..200 {
                    assert_eq!(text(&pull.recv().await?), [number.to_string()]);
                }
                Ok::<_, seaworthy::Error>(())
            };
            let (sent, (), received) = futures_util::join!(sending, cutting, receiving);
            sent?;
            received?;
            Ok(())
        })
        .await?;
        Ok(())
    });
}
