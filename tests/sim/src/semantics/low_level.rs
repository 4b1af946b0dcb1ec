//! The low-level connection: one stream, no queues. A cancelled send poisons it, a cancelled receive does not.

use std::io::ErrorKind;
use std::time::Duration;

use seaworthy::low_level::ConnectionConfig;
use seaworthy::low_level::{Connection, ConnectionError};
use seaworthy::{Message, Network, SocketType, StreamOptions};
use seaworthy_sim::{CancelOutcome, CancelWeights, Sim, SimBuilder, SimNetwork};

use super::fixture::{Fixture, MS, SECOND, dropped_after, frames, play, play_in, text};
use super::raw::{Ending, GREETING, RawListener, RawPeer, decoded_frame, encoded_message, hello};

/// A stage whose kernels hold little and on which a dropped operation ends in a given way.
fn tight(outcome: CancelOutcome) -> SimBuilder {
    Sim::builder(1).buffers(2048, 2048).yield_chance(1.0).cancel_weights(CancelWeights::always(outcome))
}

/// A connection from the client, and the raw peer at the server.
async fn connected(
    stage: &Fixture,
    config: ConnectionConfig,
    peer: &str,
) -> (Connection<SimNetwork>, RawPeer) {
    let listener = RawListener::bind(&stage.server, 1);
    let network = stage.client.network();
    let connecting = async {
        let stream = network.connect(&stage.server.at(1), &StreamOptions::default()).await.expect("a stream");
        Connection::handshake(&network, stream, config).await.expect("a handshake")
    };
    futures_util::join!(connecting, listener.accept_as(peer))
}

fn broken_pipe<T: std::fmt::Debug>(result: Result<T, ConnectionError>) {
    match result {
        Err(ConnectionError::Stream(error)) if error.kind() == ErrorKind::BrokenPipe => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn messages_go_both_ways() {
    play(|stage| async move {
        let config = ConnectionConfig::new(SocketType::Dealer);
        let (mut connection, mut peer) = connected(&stage, config, "ROUTER").await;
        assert_eq!(connection.peer().socket_type, Some(SocketType::Router));
        connection.send(["a", "b"]).await?;
        peer.expect_message(["a", "b"]).await;
        peer.say_message(["c", "", "d"]).await;
        assert_eq!(connection.recv().await?, frames(["c", "", "d"]));
        connection.shutdown().await?;
        assert_eq!(peer.end().await, Ending::Closed);
        peer.say_message(["still heard"]).await;
        assert_eq!(text(&connection.recv().await?), ["still heard"]);
        peer.shutdown().await;
        match connection.recv().await {
            Err(ConnectionError::Stream(error)) => assert_eq!(error.kind(), ErrorKind::UnexpectedEof),
            other => panic!("{other:?}"),
        }
        Ok(())
    });
}

#[test]
fn a_send_dropped_at_any_poll_poisons_and_the_peer_never_sees_a_torn_message() {
    for outcome in [CancelOutcome::Nothing, CancelOutcome::Prefix, CancelOutcome::All] {
        for polls in 1.. {
            let completed = std::rc::Rc::new(std::cell::Cell::new(false));
            let tell = std::rc::Rc::clone(&completed);
            play_in(tight(outcome), move |stage| async move {
                let config = ConnectionConfig::new(SocketType::Push);
                let (mut connection, mut peer) = connected(&stage, config, "PULL").await;
                connection.send("before").await?;
                let torn: Message = [vec![b't'; 5000], vec![b't'; 5000]].into_iter().collect();
                let using = async {
                    if dropped_after(polls, connection.send(torn.clone())).await.is_some() {
                        tell.set(true);
                        return;
                    }
                    assert!(connection.is_poisoned());
                    broken_pipe(connection.send("after").await);
                    broken_pipe(connection.recv().await);
                    broken_pipe(connection.shutdown().await);
                    broken_pipe(connection.send("after all").await);
                };
                let (heard, ()) = futures_util::join!(peer_hears(&stage, &mut peer), using);
                drop(connection);
                if tell.get() {
                    return Ok(());
                }
                let (mut bytes, mut ending) = heard;
                if ending.is_none() {
                    let (more, end) = peer.rest().await;
                    bytes.extend_from_slice(&more);
                    ending = Some(end);
                }
                assert!(matches!(ending, Some(Ending::Broken(_))), "it must not look like an orderly end");
                let mut whole = Vec::new();
                while let Some(frame) = decoded_frame(&mut bytes) {
                    whole.push(frame.body);
                }
                // Whole frames of what was sent, in order, and nothing else; what was cut off is never completed.
                let sent = [&b"before"[..], &torn.frames()[0], &torn.frames()[1]];
                assert!(
                    whole.len() <= sent.len() && whole.iter().zip(sent).all(|(heard, sent)| heard == sent)
                );
                Ok(())
            });
            if completed.get() {
                assert!(polls > 5, "the send was never really interrupted");
                break;
            }
        }
    }

    /// What the peer hears within a while, and whether the stream broke.
    async fn peer_hears(stage: &Fixture, peer: &mut RawPeer) -> (bytes::BytesMut, Option<Ending>) {
        match stage.within(10 * SECOND, peer.rest()).await {
            Some((bytes, ending)) => (bytes.into(), Some(ending)),
            None => (bytes::BytesMut::new(), None),
        }
    }
}

#[test]
fn a_send_that_was_never_polled_has_done_nothing() {
    play(|stage| async move {
        let config = ConnectionConfig::new(SocketType::Push);
        let (mut connection, mut peer) = connected(&stage, config, "PULL").await;
        drop(connection.send("never polled"));
        assert!(!connection.is_poisoned());
        connection.send("sent").await?;
        peer.expect_message(["sent"]).await;
        Ok(())
    });
}

#[test]
fn a_recv_dropped_at_any_poll_loses_nothing() {
    for outcome in [CancelOutcome::Nothing, CancelOutcome::Prefix, CancelOutcome::All] {
        for polls in 1..8 {
            play_in(tight(outcome), move |stage| async move {
                let config = ConnectionConfig::new(SocketType::Pull);
                let (mut connection, peer) = connected(&stage, config, "PUSH").await;
                let speech: Vec<u8> = ["one", "two", "three", "four"]
                    .into_iter()
                    .flat_map(|word| encoded_message([word, &word.repeat(1000)]))
                    .collect();
                let saying = async {
                    for piece in speech.chunks(700) {
                        peer.say(piece).await;
                        stage.pass(3 * MS).await;
                    }
                };
                let hearing = async {
                    for word in ["one", "two", "three", "four"] {
                        let message = loop {
                            if let Some(received) = dropped_after(polls, connection.recv()).await {
                                break received?;
                            }
                            stage.pass(MS).await;
                        };
                        assert_eq!(text(&message), [word, &word.repeat(1000)]);
                    }
                    Ok::<_, ConnectionError>(())
                };
                let ((), heard) = futures_util::join!(saying, hearing);
                heard?;
                assert!(!connection.is_poisoned());
                Ok(())
            });
        }
    }
}

#[test]
fn pings_go_out_and_are_answered_while_a_receiver_waits() {
    play(|stage| async move {
        let mut config = ConnectionConfig::new(SocketType::Dealer);
        config.heartbeat_ivl = SECOND;
        let (mut connection, mut peer) = connected(&stage, config, "DEALER").await;
        let beating = async {
            let patience = b"\0\0SEAW\0\0\x03\xe8";
            for context in [&patience[..], b"\0\0", b"\0\0", b"\0\0"] {
                peer.expect_command("PING", context).await;
                peer.say_command("PONG", b"").await;
                peer.say_command("PING", b"\0\0theirs").await;
                peer.expect_command("PONG", b"theirs").await;
            }
            peer.say_message(["done"]).await;
        };
        let (received, ()) = futures_util::join!(connection.recv(), beating);
        assert_eq!(text(&received?), ["done"]);
        Ok(())
    });
}

#[test]
fn a_silent_peer_is_given_up_by_heartbeat() {
    play(|stage| async move {
        let mut config = ConnectionConfig::new(SocketType::Dealer);
        config.heartbeat_ivl = SECOND;
        config.heartbeat_timeout = Some(2 * SECOND);
        let (mut connection, _silent) = connected(&stage, config, "DEALER").await;
        let began = stage.now();
        assert!(matches!(connection.recv().await, Err(ConnectionError::Protocol(_))));
        assert!((1990..=2010).contains(&(stage.now() - began).as_millis()));
        Ok(())
    });
}

#[test]
fn a_handshake_that_fails_says_why() {
    for (said, because) in [
        (hello("PUB", &[]), "PUB cannot talk to PUSH"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "another protocol"),
        (Vec::new(), "timed out"),
        (hello("PULL", &[])[..GREETING].to_vec(), "timed out"),
    ] {
        play(move |stage| async move {
            let listener = RawListener::bind(&stage.server, 1);
            let network = stage.client.network();
            let mut config = ConnectionConfig::new(SocketType::Push);
            config.handshake_ivl = Duration::from_secs(3);
            let connecting = async {
                let stream = network.connect(&stage.server.at(1), &StreamOptions::default()).await?;
                Connection::handshake(&network, stream, config).await
            };
            let speaking = async {
                let mut peer = listener.accept().await;
                peer.say(&said).await;
                peer.end().await;
            };
            let (connection, ()) = futures_util::join!(connecting, speaking);
            let error = connection.unwrap_err().to_string();
            assert!(error.contains(because), "{error}");
            Ok(())
        });
    }
}

#[test]
fn subscriptions_go_both_ways() {
    play(|stage| async move {
        let (mut sub, mut publisher) = connected(&stage, ConnectionConfig::new(SocketType::Sub), "PUB").await;
        sub.subscribe("topic").await?;
        publisher.expect_command("SUBSCRIBE", b"topic").await;
        Ok(())
    });
    play(|stage| async move {
        let (mut publisher, sub) = connected(&stage, ConnectionConfig::new(SocketType::Pub), "SUB").await;
        sub.say_command("SUBSCRIBE", b"topic").await;
        let event = publisher.recv_event().await?;
        assert_eq!(event, seaworthy_zmtp::Event::Subscribe("topic".into()));
        Ok(())
    });
}

#[test]
fn what_cannot_be_sent_is_refused() {
    play(|stage| async move {
        let (mut connection, mut peer) =
            connected(&stage, ConnectionConfig::new(SocketType::Push), "PULL").await;
        let refused = connection.send(Message::default()).await;
        assert!(matches!(refused, Err(ConnectionError::Protocol(_))), "{refused:?}");
        connection.send("it goes on").await?;
        peer.expect_message(["it goes on"]).await;
        let misuse = connection.subscribe("topic").await.unwrap_err();
        assert_eq!(misuse.to_string(), "misuse of the connection: subscribed on a PUSH socket");
        Ok(())
    });
}
