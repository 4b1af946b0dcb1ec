//! Sockets as Rust users hold them: streams, sinks, batches, and anything that turns into a message.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use seaworthy::monitor::Event;
use seaworthy::{Bytes, Error, Message, Options};

use super::fixture::{SECOND, frames, play, sockets::*, text};
use super::raw::{RawListener, RawPeer, encoded_message};

#[test]
fn a_receiving_socket_is_a_stream_of_messages() {
    play(|stage| async move {
        let mut pull: Pull = stage.server.open();
        let peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&pull), "PUSH").await;
        for number in 0..5 {
            peer.say_message([&number.to_string()]).await;
        }
        let received: Vec<_> =
            (&mut pull).take(5).map(|message| text(&message.expect("a message"))).collect().await;
        assert_eq!(received.concat(), ["0", "1", "2", "3", "4"]);
        stage.never(pull.next()).await;
        Ok(())
    });
}

#[test]
fn a_stream_tells_errors_of_the_socket() {
    play(|stage| async move {
        let mut req: Req = stage.server.open();
        assert!(matches!(req.next().await, Some(Err(Error::InvalidState { .. }))));
        Ok(())
    });
}

#[test]
fn a_sending_socket_is_a_sink_of_messages() {
    play(|stage| async move {
        let (push, pull): (Push, Pull) = (stage.client.open(), stage.server.open());
        push.connect(stage.server.bind(&pull))?;
        let mut sink = push.sink();
        sink.send("one".into()).await?;
        sink.feed(frames(["two", "parts"])).await?;
        sink.feed("three".into()).await?;
        sink.close().await?;
        for expected in [&["one"][..], &["two", "parts"], &["three"]] {
            assert_eq!(text(&pull.recv().await?), expected);
        }
        push.send("the socket is still open").await?;
        pull.recv().await?;
        Ok(())
    });
}

#[test]
fn a_sink_waits_for_room_as_send_does() {
    play(|stage| async move {
        let push: Push = stage.client.open_with(Options::default().sndhwm(2).linger(Duration::ZERO));
        push.connect(stage.server.at(1))?;
        let mut sink = push.sink();
        sink.send("one".into()).await?;
        sink.send("two".into()).await?;
        // One is accepted and waits; the next has to wait for it.
        stage.never(sink.send("three".into())).await;
        stage.never(sink.feed("four".into())).await;
        let listener = RawListener::bind(&stage.server, 1);
        let (flushed, mut peer) = futures_util::join!(sink.flush(), listener.accept_as("PULL"));
        flushed?;
        for expected in ["one", "two", "three"] {
            peer.expect_message([expected]).await;
        }
        Ok(())
    });
}

#[test]
fn a_stream_can_be_forwarded_to_a_sink() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let push: Push = stage.server.open();
        let from = RawPeer::connect_as(&stage.client, &stage.server.bind(&pull), "PUSH").await;
        let mut to = RawPeer::connect_as(&stage.client, &stage.server.bind(&push), "PULL").await;
        for number in 0..3 {
            from.say_message([&number.to_string(), ""]).await;
        }
        pull.take(3).forward(push.sink()).await?;
        for number in 0..3 {
            to.expect_message([&number.to_string(), ""]).await;
        }
        Ok(())
    });
}

#[test]
fn monitors_are_streams_of_events() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let watch = pull.monitor();
        stage.server.bind(&pull);
        pull.unbind("tcp://*:*")?;
        stage.pass(SECOND).await;
        drop(pull);
        let events: Vec<Event> = watch.collect().await;
        assert!(matches!(events[..], [Event::Listening { .. }, Event::Closed { .. }]), "{events:?}");
        Ok(())
    });
}

#[test]
fn a_batch_is_what_is_there_up_to_its_limit_and_at_least_one() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&pull), "PUSH").await;
        let mut messages = Vec::new();
        assert_eq!(pull.recv_batch(&mut messages, 0).await?, 0);
        stage.never(pull.recv_batch(&mut messages, 10)).await;
        peer.say(&encoded_message(["m"]).repeat(7)).await;
        peer.barrier().await;
        assert_eq!(pull.recv_batch(&mut messages, 3).await?, 3);
        assert_eq!(pull.recv_batch(&mut messages, 10).await?, 4);
        assert_eq!(messages.len(), 7);
        Ok(())
    });
}

#[test]
fn anything_that_turns_into_frames_can_be_sent() {
    play(|stage| async move {
        let (push, pull): (Push, Pull) = (stage.client.open(), stage.server.open());
        push.connect(stage.server.bind(&pull))?;
        push.send("text").await?;
        push.send(String::from("text")).await?;
        push.send(&b"text"[..]).await?;
        push.send(b"text".to_vec()).await?;
        push.send(Bytes::from_static(b"text")).await?;
        push.send(Message::single("text")).await?;
        for _ in 0..6 {
            assert_eq!(text(&pull.recv().await?), ["text"]);
        }
        push.send(["two", "frames"]).await?;
        push.send(vec![Bytes::from("two"), Bytes::from("frames")]).await?;
        push.send(["two", "frames"].into_iter().collect::<Message>()).await?;
        for _ in 0..3 {
            assert_eq!(text(&pull.recv().await?), ["two", "frames"]);
        }
        push.send("").await?;
        assert_eq!(text(&pull.recv().await?), [""]);
        assert!(matches!(push.send(Message::default()).await, Err(Error::InvalidMessage { .. })));
        Ok(())
    });
}

#[test]
fn one_task_may_send_while_another_receives() {
    play(|stage| async move {
        let (a, b): (Dealer, Dealer) = (stage.client.open(), stage.server.open());
        a.connect(stage.server.bind(&b))?;
        let talk = async |dealer: &Dealer| {
            for number in 0..3000 {
                dealer.send(number.to_string()).await.expect("a DEALER sends");
            }
        };
        let listen = async |dealer: &Dealer| {
            for number in 0..3000 {
                assert_eq!(text(&dealer.recv().await.expect("a DEALER receives")), [number.to_string()]);
            }
        };
        futures_util::join!(talk(&a), talk(&b), listen(&a), listen(&b));
        Ok(())
    });
}
