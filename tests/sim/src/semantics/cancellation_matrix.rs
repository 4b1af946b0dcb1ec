//! Every operation of a user, dropped at every point at which it can be, for each thing that can become of the kernel's
//! part in it. A tap decodes every byte: nothing may follow a write that was cut off, and every stream begins anew.

use std::future::Future;

use bytes::BytesMut;
use seaworthy::low_level::Connection;
use seaworthy::low_level::ConnectionConfig;
use seaworthy::{Bytes, Frame, Message, Network, Options, SocketType, StreamOptions, proxy};
use seaworthy_sim::invariant::poison::PoisonTap;
use seaworthy_sim::{CancelOutcome, CancelPoint, CancelWeights, Sim, SimNetwork};

use super::fixture::{Fixture, MS, Outcome, SECOND, frames, play_in, sockets::*, text};
use super::raw::{Ending, RawListener, RawPeer, decoded_frame, hello};

/// Plays a script once for each outcome and each point; gives the most polls that the operation took.
fn everywhere<F>(script: impl Fn(Fixture, CancelPoint) -> F + Clone + 'static) -> u64
where
    F: Future<Output = Outcome> + 'static,
{
    let outcomes = [CancelOutcome::Nothing, CancelOutcome::Prefix, CancelOutcome::All];
    let polls = outcomes.map(|outcome| {
        let script = script.clone();
        CancelPoint::each(move |point| {
            // Kernels that hold little, and operations that take at least one more poll.
            let weights = CancelWeights::always(outcome);
            let builder = Sim::builder(1).buffers(2048, 2048).yield_chance(1.0).cancel_weights(weights);
            let script = script.clone();
            play_in(builder, move |stage| async move {
                let tap = PoisonTap::default();
                stage.control.tap(tap.clone());
                script(stage, point).await?;
                assert_eq!(tap.problems(), [""; 0]);
                Ok(())
            });
        })
    });
    polls.into_iter().max().unwrap_or_default()
}

fn numbered(number: usize) -> Message {
    [number.to_string().into(), Bytes::from(vec![b'x'; 3000]), number.to_string().into()]
        .into_iter()
        .collect()
}

fn tight() -> Options {
    Options::default().sndhwm(1).rcvhwm(1)
}

#[test]
fn send() {
    let polls = everywhere(|stage, point| async move {
        let (push, pull): (Push, Pull) = (stage.client.open_with(tight()), stage.server.open_with(tight()));
        push.connect(stage.server.bind(&pull))?;
        let sending = async {
            for number in 0..8 {
                push.send(numbered(number)).await?;
            }
            if let Some(sent) = point.run(push.send(numbered(8))).await {
                sent?;
            }
            push.send(numbered(9)).await
        };
        let receiving = async {
            let mut numbers = Vec::new();
            while numbers.last() != Some(&9) {
                let message = pull.recv().await?;
                let number: usize = text(&message)[0].parse().expect("a number");
                assert_eq!(message, numbered(number));
                numbers.push(number);
                stage.pass(10 * MS).await;
            }
            Ok::<_, seaworthy::Error>(numbers)
        };
        let (sent, received) = futures_util::join!(sending, receiving);
        sent?;
        let mut numbers = received?;
        numbers.retain(|number| *number != 8 || point.is_probe());
        let expected: Vec<usize> = (0..10).filter(|number| *number != 8 || point.is_probe()).collect();
        assert_eq!(numbers, expected);
        Ok(())
    });
    assert!(polls > 1, "it never waited");
}

#[test]
fn recv() {
    let polls = everywhere(|stage, point| async move {
        let (push, pull): (Push, Pull) = (stage.client.open_with(tight()), stage.server.open_with(tight()));
        push.connect(stage.server.bind(&pull))?;
        let sending = async {
            for number in 0..4 {
                push.send(numbered(number)).await?;
            }
            Ok::<_, seaworthy::Error>(())
        };
        let receiving = async {
            for number in 0..4 {
                let message = match point.run(pull.recv()).await {
                    Some(message) => message?,
                    None => pull.recv().await?,
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
    assert!(polls > 4, "it never waited");
}

/// `subscribe` and `connect` return at once: they are dropped before they begin, or not at all.
#[test]
fn subscribe() {
    let polls = everywhere(|stage, point| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let sub: Sub = stage.client.open();
        sub.connect(stage.server.at(1))?;
        let mut peer = listener.accept_as("PUB").await;
        if let Some(subscribed) = point.run(async { sub.subscribe("A") }).await {
            subscribed?;
            peer.expect_command("SUBSCRIBE", b"A").await;
        }
        sub.subscribe("B")?;
        peer.expect_command("SUBSCRIBE", b"B").await;
        peer.say_message(["B"]).await;
        assert_eq!(text(&sub.recv().await?), ["B"]);
        Ok(())
    });
    assert_eq!(polls, 1);
}

#[test]
fn connect() {
    let polls = everywhere(|stage, point| async move {
        let (push, pull): (Push, Pull) = (stage.client.open(), stage.server.open());
        let endpoint = stage.server.bind(&pull);
        match point.run(async { push.connect(&endpoint) }).await {
            Some(connected) => connected?,
            None => {
                assert_eq!(push.peers(), 0);
                push.connect(&endpoint)?;
            }
        }
        push.send("connected").await?;
        assert_eq!(text(&pull.recv().await?), ["connected"]);
        Ok(())
    });
    assert_eq!(polls, 1);
}

#[test]
fn close() {
    let polls = everywhere(|stage, point| async move {
        let (push, pull): (Push, Pull) = (stage.client.open(), stage.server.open());
        push.connect(stage.server.bind(&pull))?;
        for number in 0..4 {
            push.send(numbered(number)).await?;
        }
        let receiving = async {
            for number in 0..4 {
                assert_eq!(pull.recv().await?, numbered(number));
            }
            Ok::<_, seaworthy::Error>(())
        };
        let (_, received) = futures_util::join!(point.run(push.close()), receiving);
        received?;
        // Whatever became of the call, the socket is gone when its messages are.
        stage.pass(2 * SECOND).await;
        assert_eq!(stage.control.tasks(stage.client.id), [""; 0]);
        Ok(())
    });
    assert!(polls > 1, "it never waited");
}

/// The run of a proxy, dropped at each of its polls; then it runs again.
#[test]
fn proxy_forwarding() {
    const MESSAGES: usize = 5;
    let polls = everywhere(|stage, point| async move {
        let (front, back): (Dealer, Dealer) =
            (stage.server.open_with(tight()), stage.server.open_with(tight()));
        let (one, other): (Dealer, Dealer) =
            (stage.client.open_with(tight()), stage.other.open_with(tight()));
        one.connect(stage.server.bind(&front))?;
        other.connect(stage.server.bind(&back))?;
        let exchange = async |socket: &Dealer| {
            let sending = async {
                for number in 0..MESSAGES {
                    socket.send(numbered(number)).await?;
                }
                Ok::<_, seaworthy::Error>(())
            };
            let receiving = async {
                for number in 0..MESSAGES {
                    // Slowly, so that the proxy has a message in hand.
                    stage.pass(20 * MS).await;
                    assert_eq!(socket.recv().await?, numbered(number));
                }
                Ok::<_, seaworthy::Error>(())
            };
            let (sent, received) = futures_util::join!(sending, receiving);
            sent.and(received)
        };
        let mut broker = proxy(&front, &back).queue(1).batch(1);
        let handle = broker.handle();
        let forwarding = async {
            match point.run(broker.run()).await {
                Some(ended) => ended,
                None => broker.run().await,
            }
        };
        let exchanging = async {
            let (there, back) = futures_util::join!(exchange(&one), exchange(&other));
            handle.kill();
            there.and(back)
        };
        let (ended, exchanged) = futures_util::join!(forwarding, exchanging);
        exchanged?;
        let moved = ended?;
        assert_eq!((moved.frontend.sent, moved.backend.sent), (MESSAGES as u64, MESSAGES as u64));
        Ok(())
    });
    assert!(polls > 10, "it never waited: {polls}");
}

async fn stream(stage: &Fixture) -> <SimNetwork as Network>::Stream {
    let options = StreamOptions::default();
    stage.client.network().connect(&stage.server.at(1), &options).await.expect("a listener")
}

/// Connects and shakes hands with the next that connects to the listener.
async fn connected(stage: &Fixture, listener: &RawListener, peer: &str) -> (Connection<SimNetwork>, RawPeer) {
    let network = stage.client.network();
    let config = ConnectionConfig::new(SocketType::Dealer);
    let shaking =
        async { Connection::handshake(&network, stream(stage).await, config).await.expect("a handshake") };
    futures_util::join!(shaking, listener.accept_as(peer))
}

/// That a connection made after one was cut off works from its first byte on.
async fn the_next_is_clean(stage: &Fixture, listener: &RawListener) -> Outcome {
    let (mut connection, mut peer) = connected(stage, listener, "DEALER").await;
    connection.send(["clean", "again"]).await?;
    peer.expect_message(["clean", "again"]).await;
    Ok(())
}

#[test]
fn low_level_handshake() {
    let polls = everywhere(|stage, point| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let network = stage.client.network();
        let config = ConnectionConfig::new(SocketType::Dealer);
        let stream = stream(&stage).await;
        let shaking = async {
            drop(point.run(Connection::handshake(&network, stream, config)).await);
        };
        let serving = async {
            let mut peer = listener.accept().await;
            // It may be gone already.
            let _ = peer.try_say(&hello("DEALER", &[])).await;
            peer.end().await
        };
        futures_util::join!(shaking, serving);
        the_next_is_clean(&stage, &listener).await
    });
    assert!(polls > 2, "it never waited");
}

#[test]
fn low_level_send() {
    let polls = everywhere(|stage, point| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let (mut connection, mut peer) = connected(&stage, &listener, "DEALER").await;
        connection.send("before").await?;
        let using = async {
            let sent = point.run(connection.send(numbered(1))).await;
            // Dropped before it began, it wrote nothing and harmed nothing.
            let untouched = point.was_dropped() && !connection.is_poisoned();
            let after = connection.send("after").await;
            assert_eq!(after.is_ok(), sent.is_some() || untouched);
            let ended = connection.shutdown().await;
            assert_eq!(ended.is_ok(), after.is_ok());
            drop(connection);
            (sent.is_some(), after.is_ok())
        };
        let ((bytes, ending), (whole, clean)) = futures_util::join!(peer.rest(), using);
        let mut bytes = BytesMut::from(&bytes[..]);
        assert_eq!(matches!(ending, Ending::Closed), clean, "{ending:?}");
        let mut heard = Vec::new();
        while let Some(frame) = decoded_frame(&mut bytes) {
            heard.push(frame.body);
        }
        let message = numbered(1);
        let mut said = vec![Frame::from("before")];
        if whole || !clean {
            said.extend(message.frames().iter().cloned());
        }
        if clean {
            said.push("after".into());
            assert_eq!(heard, said);
        }
        assert!(heard.len() <= said.len() && heard.iter().zip(&said).all(|(heard, said)| heard == said));
        the_next_is_clean(&stage, &listener).await
    });
    assert!(polls > 4, "it never waited");
}

#[test]
fn low_level_recv() {
    let polls = everywhere(|stage, point| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let (mut connection, peer) = connected(&stage, &listener, "DEALER").await;
        let saying = async {
            for word in ["one", "two", "three"] {
                stage.pass(10 * MS).await;
                peer.say_message([word, &"y".repeat(3000)]).await;
            }
        };
        let hearing = async {
            for word in ["one", "two", "three"] {
                let message = match point.run(connection.recv()).await {
                    Some(message) => message?,
                    None => connection.recv().await?,
                };
                assert_eq!(message, frames([word, &"y".repeat(3000)]));
            }
            Ok::<_, seaworthy::low_level::ConnectionError>(())
        };
        let ((), heard) = futures_util::join!(saying, hearing);
        heard?;
        drop(connection);
        the_next_is_clean(&stage, &listener).await
    });
    assert!(polls > 4, "it never waited");
}

#[test]
fn low_level_subscribe() {
    let polls = everywhere(|stage, point| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let network = stage.client.network();
        let config = ConnectionConfig::new(SocketType::Sub);
        let shaking = async {
            Connection::handshake(&network, stream(&stage).await, config).await.expect("a handshake")
        };
        let (mut connection, mut peer) = futures_util::join!(shaking, listener.accept_as("PUB"));
        let topic = "t".repeat(5000);
        let using = async {
            let subscribed = point.run(connection.subscribe(&topic)).await;
            let untouched = point.was_dropped() && !connection.is_poisoned();
            let after = connection.subscribe("after").await;
            assert_eq!(after.is_ok(), subscribed.is_some() || untouched);
            drop(connection);
            after.is_ok()
        };
        let ((_, ending), clean) = futures_util::join!(peer.rest(), using);
        assert_eq!(matches!(ending, Ending::Closed), clean, "{ending:?}");
        the_next_is_clean(&stage, &listener).await
    });
    assert!(polls > 4, "it never waited");
}

/// `shutdown` returns at once: it is dropped before it begins, or not at all.
#[test]
fn low_level_shutdown() {
    let polls = everywhere(|stage, point| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let (mut connection, mut peer) = connected(&stage, &listener, "DEALER").await;
        connection.send(["whole"]).await?;
        drop(point.run(connection.shutdown()).await);
        assert!(!connection.is_poisoned());
        drop(connection);
        peer.expect_message(["whole"]).await;
        assert_eq!(peer.end().await, Ending::Closed);
        the_next_is_clean(&stage, &listener).await
    });
    assert_eq!(polls, 1);
}
