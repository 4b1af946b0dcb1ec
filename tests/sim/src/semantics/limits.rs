//! What a peer would refuse is refused where it is sent, by name, and ends no connection.

use futures_util::join;
use seaworthy::limits::{MESSAGE_FRAMES_MAX, TOPIC_BYTES_MAX, TOPIC_LENGTH_MAX, TOPICS_MAX};
use seaworthy::{Error, Frame, Message, proxy};

use super::fixture::{SECOND, disconnection, handshake, heard, play, retried, sockets::*, text};
use super::raw::{COMMAND, RawListener, RawPeer, encoded_command, encoded_frame};

fn message_of(frames: usize) -> Message {
    vec![Frame::from("x"); frames].into()
}

/// The frames that a refused message would have had on the wire.
fn too_many(outcome: Result<(), Error>) -> usize {
    match outcome {
        Err(Error::TooManyFrames { frames, limit: MESSAGE_FRAMES_MAX }) => frames,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_of_too_many_frames_is_refused_over_tcp_and_inproc_and_the_next_one_arrives() {
    play(|stage| async move {
        let (push, pull): (Push, Pull) = (stage.server.open(), stage.server.open());
        for endpoint in [stage.server.bind(&pull), pull.bind("inproc://pull")?] {
            push.connect(&endpoint)?;
            let refused = push.try_send(message_of(MESSAGE_FRAMES_MAX + 1)).unwrap_err();
            assert_eq!(refused.message.len(), MESSAGE_FRAMES_MAX + 1);
            assert_eq!(too_many(Err(refused.error)), MESSAGE_FRAMES_MAX + 1);
            too_many(push.send(message_of(MESSAGE_FRAMES_MAX + 1)).await);
            push.send(message_of(MESSAGE_FRAMES_MAX)).await?;
            assert_eq!(pull.recv().await?.len(), MESSAGE_FRAMES_MAX);
            push.send("next").await?;
            assert_eq!(text(&pull.recv().await?), ["next"]);
            push.disconnect(&endpoint)?;
        }
        Ok(())
    });
}

#[test]
fn the_envelope_counts() {
    play(|stage| async move {
        let (req, rep): (Req, Rep) = (stage.client.open(), stage.server.open());
        let (router, dealer): (Router, Dealer) = (stage.server.open(), stage.client.open());
        req.connect(stage.server.bind(&rep))?;
        dealer.connect(stage.server.bind(&router))?;
        assert_eq!(too_many(req.send(message_of(MESSAGE_FRAMES_MAX)).await), MESSAGE_FRAMES_MAX + 1);
        req.send(message_of(MESSAGE_FRAMES_MAX - 1)).await?;
        assert_eq!(rep.recv().await?.len(), MESSAGE_FRAMES_MAX - 1);
        // The reply can be sent again after it was refused.
        assert_eq!(too_many(rep.send(message_of(MESSAGE_FRAMES_MAX)).await), MESSAGE_FRAMES_MAX + 1);
        rep.send(message_of(MESSAGE_FRAMES_MAX - 1)).await?;
        assert_eq!(req.recv().await?.len(), MESSAGE_FRAMES_MAX - 1);

        dealer.send(message_of(MESSAGE_FRAMES_MAX)).await?;
        // The name of the sender comes on top, and is taken off again.
        let received = router.recv().await?;
        assert_eq!(received.len(), MESSAGE_FRAMES_MAX + 1);
        router.send(received.clone()).await?;
        assert_eq!(dealer.recv().await?.len(), MESSAGE_FRAMES_MAX);
        let mut larger = received;
        larger.push_back("x");
        assert_eq!(too_many(router.send(larger).await), MESSAGE_FRAMES_MAX + 1);
        Ok(())
    });
}

#[test]
fn a_proxy_refuses_a_message_that_became_too_long_and_goes_on() {
    play(|stage| async move {
        let (front, back): (Router, Dealer) = (stage.server.open(), stage.server.open());
        let (client, worker): (Dealer, Dealer) = (stage.client.open(), stage.other.open());
        client.connect(stage.server.bind(&front))?;
        worker.connect(stage.server.bind(&back))?;
        let mut broker = proxy(&front, &back);
        let handle = broker.handle();
        let script = async {
            client.send(message_of(MESSAGE_FRAMES_MAX)).await?;
            client.send("next").await?;
            assert_eq!(worker.recv().await?.frame(1), Some(&b"next"[..]));
            handle.terminate();
            Ok::<_, Error>(())
        };
        let (statistics, outcome) = join!(broker.run(), script);
        outcome?;
        assert_eq!(statistics?.errors, 1);
        Ok(())
    });
}

#[test]
fn a_topic_that_is_too_long_is_refused_and_the_longest_is_not() {
    play(|stage| async move {
        let (publisher, sub): (Pub, Sub) = (stage.server.open(), stage.client.open());
        sub.connect(stage.server.bind(&publisher))?;
        let longest = "t".repeat(TOPIC_LENGTH_MAX);
        let refused = sub.subscribe(longest.clone() + "t").unwrap_err();
        let limit = TOPIC_LENGTH_MAX;
        assert!(
            matches!(refused, Error::TopicTooLong { length, limit: l } if length == limit + 1 && l == limit)
        );
        sub.subscribe(longest.clone())?;
        heard(&stage, &publisher, &sub, &longest).await;

        let xsub: XSub = stage.client.open();
        let message = Message::from(["\x01", &longest, "t"].concat());
        let refused = xsub.try_send(message.clone()).unwrap_err();
        assert!(matches!(refused.error, Error::TopicTooLong { .. }), "{refused}");
        assert_eq!(refused.message, message);
        let cancel = Message::from(["\0", &longest, "t"].concat());
        let refused = xsub.try_send(cancel).unwrap_err();
        assert!(matches!(refused.error, Error::TopicTooLong { .. }), "{refused}");
        Ok(())
    });
}

#[test]
fn topics_beyond_what_a_publisher_takes_are_refused_and_those_held_go_on() {
    play(|stage| async move {
        let (publisher, sub): (Pub, Sub) = (stage.server.open(), stage.client.open());
        let mut watch = sub.monitor();
        sub.connect(stage.server.bind(&publisher))?;
        for number in 0..TOPICS_MAX {
            sub.subscribe(number.to_string())?;
        }
        let refused = sub.subscribe("one more").unwrap_err();
        assert!(
            matches!(refused, Error::TooManyTopics { topics, limit: TOPICS_MAX } if topics == TOPICS_MAX + 1)
        );
        // One that is held is not one more; and one that is given up makes room for another.
        sub.subscribe("0")?;
        sub.unsubscribe("99999")?;
        sub.subscribe("one more")?;
        heard(&stage, &publisher, &sub, "one more").await;
        handshake(&mut watch).await;
        assert!(watch.try_recv().is_none());
        Ok(())
    });
}

#[test]
fn topics_that_are_too_long_together_are_refused() {
    play(|stage| async move {
        let sub: Sub = stage.client.open();
        for number in 0..16 {
            sub.subscribe([vec![number], vec![0; (1 << 20) - 1000]].concat())?;
        }
        let refused = sub.subscribe(vec![16; 16_000]).unwrap_err();
        assert!(
            matches!(refused, Error::TopicsTooLarge { bytes, limit: TOPIC_BYTES_MAX } if bytes > TOPIC_BYTES_MAX)
        );
        sub.subscribe(vec![16; 15_000])?;
        Ok(())
    });
}

#[test]
fn a_subscriber_of_too_much_is_told_why() {
    play(|stage| async move {
        let publisher: Pub = stage.server.open();
        let mut watch = publisher.monitor();
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&publisher), "SUB").await;
        for number in 0..=TOPICS_MAX {
            peer.say(&encoded_command("SUBSCRIBE", number.to_string().as_bytes())).await;
        }
        let frame = peer.frame().await;
        assert_eq!(frame.flags, COMMAND);
        let said = frame.body.escape_ascii().to_string();
        assert!(said.contains("more-than-100000-topics"), "{said}");
        assert!(disconnection(&mut watch).await.contains("more than 100000 topics"));
        Ok(())
    });
}

#[test]
fn a_publisher_whose_message_is_refused_is_connected_again() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 5555);
        let sub: Sub = stage.client.open();
        let mut watch = sub.monitor();
        sub.subscribe("")?;
        sub.connect(stage.server.at(5555))?;
        let peer = listener.accept_as("PUB").await;
        let more = encoded_frame(1, b"x").repeat(70_000);
        let _ = peer.try_say(&more).await;
        assert!(disconnection(&mut watch).await.contains("exceeds the limit of 65536 frames"));
        drop(peer);
        let again = listener.accept_as("PUB").await;
        again.say_message(["hello"]).await;
        assert_eq!(text(&sub.recv().await?), ["hello"]);
        Ok(())
    });
}

#[test]
fn a_peer_that_is_refused_each_time_is_connected_less_and_less_often() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 5555);
        let sub: Sub = stage.client.open();
        let mut watch = sub.monitor();
        sub.connect(stage.server.at(5555))?;
        let mut pauses = Vec::new();
        for _ in 0..12 {
            let mut peer = listener.accept_as("PUB").await;
            peer.say(&encoded_frame(0x80, b"")).await;
            peer.end().await;
            pauses.push(retried(&mut watch).await.0);
        }
        assert!(
            pauses[0] <= SECOND / 10 && pauses.last().is_some_and(|last| *last >= 15 * SECOND),
            "{pauses:?}"
        );
        Ok(())
    });
}
