//! High-water marks in messages and bytes, both ways, on both sides of each edge (libzmq's test_hwm,
//! test_sockopt_hwm).

use bytes::Bytes;
use futures_util::join;
use seaworthy::{Error, FRAME_WEIGHT, FRAMES_PER_PLACE, Options};
use seaworthy_sim::Sim;

use super::fixture::{MS, SECOND, disconnection, event, play, play_in, sockets::*, text};
use super::raw::{COMMAND, RawListener, RawPeer, encoded_command, encoded_message};

/// Sends messages until one is refused; gives how many were taken.
fn fill(push: &Push, message: &Bytes, most: usize) -> usize {
    (0..most).take_while(|_| push.try_send(message.clone()).is_ok()).count()
}

#[test]
fn a_pipe_takes_as_many_messages_as_sndhwm_says_and_not_one_more() {
    for hwm in [1, 2, 3, 1000] {
        play(move |stage| async move {
            let push: Push = stage.client.open_with(Options::default().sndhwm(hwm));
            push.connect(stage.server.at(1))?;
            assert_eq!(fill(&push, &Bytes::from_static(b"m"), 2000), hwm);
            stage.never(push.send("one more")).await;
            Ok(())
        });
    }
}

#[test]
fn each_pipe_has_a_mark_of_its_own() {
    play(|stage| async move {
        let push: Push = stage.client.open_with(Options::default().sndhwm(3));
        push.connect(stage.server.at(1))?;
        push.connect(stage.server.at(2))?;
        assert_eq!(fill(&push, &Bytes::from_static(b"m"), 2000), 6);
        Ok(())
    });
}

#[test]
fn the_mark_counts_messages_and_not_frames() {
    play(|stage| async move {
        let push: Push = stage.client.open_with(Options::default().sndhwm(2));
        push.connect(stage.server.at(1))?;
        push.try_send(["a", "b", "c", "d"])?;
        push.try_send(["a", "b", "c", "d"])?;
        assert!(matches!(push.try_send(["a", "b"]), Err(refused) if refused.message.len() == 2));
        Ok(())
    });
}

#[test]
fn zero_means_without_limit() {
    play(|stage| async move {
        let push: Push =
            stage.client.open_with(Options::default().sndhwm(0).linger(std::time::Duration::ZERO));
        push.connect(stage.server.at(1))?;
        assert_eq!(fill(&push, &Bytes::from_static(b"m"), 100_000), 100_000);
        Ok(())
    });
}

#[test]
fn a_pipe_takes_the_message_that_crosses_sndhwm_bytes_and_none_after_it() {
    for (size, taken) in
        [(0, 13), (20, 10), (21, 10), (420, 2), (421, 2), (919, 2), (920, 1), (921, 1), (1_000_000, 1)]
    {
        play(move |stage| async move {
            let push: Push = stage.client.open_with(Options::default().sndhwm_bytes(1000));
            push.connect(stage.server.at(1))?;
            assert_eq!(fill(&push, &vec![0; size].into(), 100), taken, "{size}");
            Ok(())
        });
    }
}

#[test]
fn the_mark_in_bytes_counts_all_frames() {
    play(|stage| async move {
        let push: Push = stage.client.open_with(Options::default().sndhwm_bytes(2 * FRAME_WEIGHT + 100));
        push.connect(stage.server.at(1))?;
        push.try_send([vec![0; 49], vec![0; 50]])?;
        push.try_send([vec![0; 1], vec![]])?;
        assert!(push.try_send("x").is_err());
        Ok(())
    });
}

#[test]
fn whichever_mark_is_reached_first_counts() {
    play(|stage| async move {
        let options = Options::default().sndhwm(5).sndhwm_bytes(5 * FRAME_WEIGHT);
        let push: Push = stage.client.open_with(options.clone());
        push.connect(stage.server.at(1))?;
        assert_eq!(fill(&push, &Bytes::from_static(b"m"), 100), 5);
        let push: Push = stage.client.open_with(options);
        push.connect(stage.server.at(1))?;
        assert_eq!(fill(&push, &vec![0; 60].into(), 100), 3);
        Ok(())
    });
}

#[test]
fn empty_frames_weigh_what_they_take() {
    play(|stage| async move {
        let push: Push = stage.client.open_with(Options::default().sndhwm(0).sndhwm_bytes(1_000_000));
        push.connect(stage.server.at(1))?;
        assert_eq!(fill(&push, &Bytes::new(), 20_000), 12_500);
        let push: Push = stage.client.open_with(Options::default().sndhwm(0).sndhwm_bytes(1_000_000));
        push.connect(stage.server.at(1))?;
        assert_eq!((0..100).take_while(|_| push.try_send([""; 1000]).is_ok()).count(), 13);
        Ok(())
    });
}

#[test]
fn a_message_of_very_many_frames_takes_more_than_one_place() {
    play(|stage| async move {
        let frames = vec![Bytes::new(); 100 * FRAMES_PER_PLACE];
        let push: Push = stage.client.open();
        push.connect(stage.server.at(1))?;
        assert_eq!((0..100).take_while(|_| push.try_send(frames.clone()).is_ok()).count(), 10);
        Ok(())
    });
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let endpoint = stage.server.bind(&pull);
        let peer = RawPeer::connect_as(&stage.client, &endpoint, "PUSH").await;
        let message = encoded_message([""; 20 * FRAMES_PER_PLACE]);
        for _ in 0..100 {
            if stage.within(SECOND, peer.say(&message)).await.is_none() {
                break;
            }
        }
        let mut taken = 0;
        while pull.try_recv().is_ok() {
            taken += 1;
        }
        assert_eq!(taken, 50);
        Ok(())
    });
}

#[test]
fn a_message_larger_than_every_mark_and_buffer_passes() {
    play_in(Sim::builder(1).buffers(4096, 4096), |stage| async move {
        let marks = Options::default().sndhwm(1).rcvhwm(1).sndhwm_bytes(1).rcvhwm_bytes(1);
        let (push, pull): (Push, Pull) =
            (stage.client.open_with(marks.clone()), stage.server.open_with(marks));
        push.connect(stage.server.bind(&pull))?;
        let giant: Bytes = (0..3_000_000u32).map(|n| n as u8).collect();
        let (sent, received) = join!(push.send([giant.clone(), giant.slice(1..)]), pull.recv());
        sent?;
        let received = received?;
        assert!(received.frames()[0] == giant && received.frames()[1] == giant.slice(1..));
        Ok(())
    });
}

/// How many messages a PULL takes off a connection while nobody receives.
fn taken_in(options: Options, messages: &'static [usize]) -> usize {
    let counted = std::rc::Rc::new(std::cell::Cell::new(0));
    let count = std::rc::Rc::clone(&counted);
    play(move |stage| async move {
        let pull: Pull = stage.server.open_with(options);
        let endpoint = stage.server.bind(&pull);
        let peer = RawPeer::connect_as(&stage.client, &endpoint, "PUSH").await;
        for size in messages {
            peer.say_message([&"m".repeat(*size)]).await;
        }
        stage.pass(SECOND).await;
        while pull.try_recv().is_ok() {
            count.set(count.get() + 1);
        }
        Ok(())
    });
    counted.get()
}

#[test]
fn the_receive_pipe_takes_as_many_messages_as_rcvhwm_says() {
    // What is received without waiting is what was in the pipe: the connection had no chance to fill it up.
    assert_eq!(taken_in(Options::default().rcvhwm(3), &[1; 2]), 2);
    assert_eq!(taken_in(Options::default().rcvhwm(3), &[1; 3]), 3);
    assert_eq!(taken_in(Options::default().rcvhwm(3), &[1; 10]), 3);
    assert_eq!(taken_in(Options::default().rcvhwm(1), &[1; 10]), 1);
    assert_eq!(taken_in(Options::default().rcvhwm(0), &[1; 3000]), 3000);
}

#[test]
fn the_receive_pipe_takes_the_message_that_crosses_rcvhwm_bytes_and_none_after_it() {
    let marks = || Options::default().rcvhwm_bytes(1000);
    assert_eq!(taken_in(marks(), &[0; 20]), 13);
    assert_eq!(taken_in(marks(), &[420; 10]), 2);
    assert_eq!(taken_in(marks(), &[421; 10]), 2);
    assert_eq!(taken_in(marks(), &[419, 420, 1, 1]), 3);
    assert_eq!(taken_in(marks(), &[920, 1]), 1);
    assert_eq!(taken_in(marks(), &[10_000, 1]), 1);
}

#[test]
fn a_slow_reader_holds_the_sender_back_and_loses_nothing() {
    play_in(Sim::builder(1).buffers(4096, 4096), |stage| async move {
        let (push, pull): (Push, Pull) = (
            stage.client.open_with(Options::default().sndhwm(10)),
            stage.server.open_with(Options::default().rcvhwm(10)),
        );
        let mut watch = push.monitor();
        push.connect(stage.server.bind(&pull))?;
        super::fixture::handshake(&mut watch).await;
        let body = "b".repeat(1000);
        let mut sent = 0;
        while stage.within(SECOND, push.send([sent.to_string(), body.clone()])).await.is_some() {
            sent += 1;
        }
        // Both pipes, both kernel buffers, and what the two drivers hold in their hands.
        assert!((20..500).contains(&sent), "{sent}");
        stage.pass(3600 * SECOND).await;
        assert_eq!(watch.try_recv(), None, "a slow reader is not disconnected");
        let sending = async {
            for number in sent..sent + 100 {
                push.send([number.to_string(), body.clone()]).await?;
            }
            Ok::<_, Error>(())
        };
        let receiving = async {
            for number in 0..sent + 100 {
                assert_eq!(text(&pull.recv().await?), [number.to_string(), body.clone()]);
            }
            Ok::<_, Error>(())
        };
        let (sent, received) = join!(sending, receiving);
        sent?;
        received?;
        Ok(())
    });
}

#[test]
fn a_full_receive_pipe_stops_the_peer_at_the_kernel_buffers_and_a_bounded_rest() {
    play_in(Sim::builder(1).buffers(4096, 4096), |stage| async move {
        let pull: Pull = stage.server.open_with(Options::default().rcvhwm(1));
        let peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&pull), "PUSH").await;
        let message = encoded_message([&"m".repeat(998)]);
        let mut said = 0;
        while stage.within(10 * SECOND, peer.say(&message)).await.is_some() {
            said += 1000;
            assert!(said < 1_000_000, "nothing stops the peer");
        }
        assert!(said < 300_000, "{said}");
        Ok(())
    });
}

#[test]
fn a_ping_is_answered_while_the_receive_pipe_is_full_even_the_first() {
    play(|stage| async move {
        let pull: Pull = stage.server.open_with(Options::default().rcvhwm(2));
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&pull), "PUSH").await;
        for _ in 0..5 {
            peer.say_message(["m"]).await;
        }
        stage.pass(10 * SECOND).await;
        for context in [&b"first"[..], b"second"] {
            peer.say_command("PING", &[&[0, 0], context].concat()).await;
            let answer = stage.within(SECOND, peer.expect_command("PONG", context)).await;
            answer.expect("a PONG");
        }
        for _ in 0..5 {
            assert_eq!(text(&pull.recv().await?), ["m"]);
        }
        Ok(())
    });
}

#[test]
fn a_ping_right_behind_what_fills_the_pipe_is_answered() {
    play(|stage| async move {
        let pull: Pull = stage.server.open_with(Options::default().rcvhwm(2));
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&pull), "PUSH").await;
        let mut burst = encoded_message(["m"]).repeat(100);
        burst.extend(encoded_command("PING", b"\0\0here"));
        peer.say(&burst).await;
        stage.within(SECOND, peer.expect_command("PONG", b"here")).await.expect("a PONG");
        for _ in 0..100 {
            pull.recv().await?;
        }
        Ok(())
    });
}

#[test]
fn what_is_read_ahead_for_heartbeats_is_bounded_by_rcvbuf_pending() {
    for (pending, most) in [(10_000, 150_000), (500_000, 700_000)] {
        play_in(Sim::builder(1).buffers(4096, 4096), move |stage| async move {
            let options = Options::default().rcvhwm(1).rcvbuf_pending(pending);
            let pull: Pull = stage.server.open_with(options);
            let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&pull), "PUSH").await;
            peer.barrier().await;
            let message = encoded_message([&"m".repeat(998)]);
            let mut said = 0;
            while stage.within(10 * SECOND, peer.say(&message)).await.is_some() {
                said += 1000;
                assert!(said <= most, "{said} bytes were read ahead");
            }
            assert!(said >= pending * 9 / 10, "{said} bytes were read ahead");
            Ok(())
        });
    }
}

#[test]
fn endless_empty_messages_are_bounded_too() {
    play_in(Sim::builder(1).buffers(4096, 4096), move |stage| async move {
        let options = Options::default().rcvhwm(1).rcvbuf_pending(100_000);
        let pull: Pull = stage.server.open_with(options);
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&pull), "PUSH").await;
        peer.barrier().await;
        let messages = encoded_message([""]).repeat(500);
        let mut said = 0;
        while stage.within(10 * SECOND, peer.say(&messages)).await.is_some() {
            said += 500;
            assert!(said < 200_000, "{said} messages were read ahead");
        }
        Ok(())
    });
}

#[test]
fn what_was_read_ahead_is_received_after_the_peer_left() {
    play(|stage| async move {
        let pull: Pull = stage.server.open_with(Options::default().rcvhwm(2));
        let mut watch = pull.monitor();
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&pull), "PUSH").await;
        peer.barrier().await;
        for number in 0..10 {
            peer.say_message([&number.to_string()]).await;
        }
        peer.barrier().await;
        drop(peer);
        disconnection(&mut watch).await;
        for number in 0..10 {
            assert_eq!(text(&pull.recv().await?), [number.to_string()]);
        }
        stage.never(pull.recv()).await;
        assert_eq!(pull.peers(), 0);
        Ok(())
    });
}

#[test]
fn servers_that_come_and_go_cannot_fill_a_client_that_does_not_receive() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let options = Options::default().rcvhwm(1).rcvbuf_pending(50_000).reconnect_ivl(MS);
        let pull: Pull = stage.client.open_with(options);
        pull.connect(stage.server.at(1))?;
        for _ in 0..20 {
            // When nothing more may be kept nothing more is read, not even the end of the stream.
            let Some(mut peer) = stage.within(SECOND, listener.accept_as("PUSH")).await else { break };
            peer.say_command("PING", &[0, 0]).await;
            peer.say(&encoded_message([&"m".repeat(998)]).repeat(40)).await;
            // The first PING is answered at once or never; the second only if there was room for all of it.
            stage.within(SECOND, peer.frame()).await;
            peer.say_command("PING", &[0, 0]).await;
            stage.within(SECOND, peer.frame()).await;
            peer.reset();
        }
        let mut received = 0;
        while stage.within(SECOND, pull.recv()).await.is_some() {
            received += 1;
        }
        assert!((40..150).contains(&received), "{received} messages were kept");
        Ok(())
    });
}

#[test]
fn a_writer_at_its_mark_goes_on_when_half_of_it_was_read() {
    // libzmq's low-water mark: credit is given in lots of half the mark.
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let push: Push = stage.client.open_with(Options::default().sndhwm(4));
        push.connect(stage.server.at(1))?;
        assert_eq!(fill(&push, &Bytes::from_static(b"m"), 10), 4);
        let mut peer = listener.accept_as("PULL").await;
        for _ in 0..4 {
            peer.expect_message(["m"]).await;
        }
        assert_eq!(fill(&push, &Bytes::from_static(b"m"), 10), 4);
        Ok(())
    });
}

#[test]
fn a_ping_does_not_overtake_nor_tear_a_message() {
    play_in(Sim::builder(1).buffers(4096, 4096), |stage| async move {
        let push: Push = stage.server.open();
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&push), "PULL").await;
        peer.barrier().await;
        let body = "b".repeat(50_000);
        push.send([body.clone(), body.clone()]).await?;
        peer.say_command("PING", b"\0\0now").await;
        let first = peer.frame().await;
        assert_eq!((first.flags & COMMAND, first.body.len()), (0, 50_000));
        let second = peer.frame().await;
        assert_eq!((second.flags & COMMAND, second.body.len()), (0, 50_000));
        peer.expect_command("PONG", b"now").await;
        Ok(())
    });
}

#[test]
fn a_dead_peer_is_noticed_while_the_receive_pipe_is_full() {
    play(|stage| async move {
        let dealer: Dealer = stage.server.open_with(Options::default().rcvhwm(1));
        let mut watch = dealer.monitor();
        let peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&dealer), "DEALER").await;
        for _ in 0..3 {
            peer.say_message(["m"]).await;
        }
        peer.reset();
        let ended =
            event(&mut watch, |event| matches!(event, seaworthy::monitor::Event::Disconnected { .. }));
        stage.within(10 * SECOND, ended).await.expect("the end of the connection");
        Ok(())
    });
}
