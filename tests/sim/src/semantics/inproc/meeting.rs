//! Two sides agree, or not, and are told; messages move by pointer, beside other transports.

use bytes::Bytes;
use seaworthy::monitor::Event;
use seaworthy::{FRAME_IN_PLACE_MAX, Options};

use super::super::fixture::{MS, Place, SECOND, event, play, sockets::*, text};
use super::NAME;

#[test]
fn the_receiver_sees_the_very_allocation_that_was_sent() {
    play(|stage| async move {
        let (dealer, router): (Dealer, Router) = (stage.server.open(), stage.server.open());
        router.bind(NAME)?;
        dealer.connect(NAME)?;
        for size in [1, 64, 100_000] {
            let body = Bytes::from(vec![7; size]);
            dealer.send(body.clone()).await?;
            let received = router.recv().await?;
            assert_eq!(received.frames()[1].as_ptr(), body.as_ptr());
            router.send(received).await?;
            assert_eq!(dealer.recv().await?.frames()[0].as_ptr(), body.as_ptr());
        }
        Ok(())
    });
}

#[test]
fn a_small_slice_travels_in_the_message_and_a_longer_one_beside_it() {
    play(|stage| async move {
        let (push, pull): (Push, Pull) = (stage.server.open(), stage.server.open());
        pull.bind(NAME)?;
        push.connect(NAME)?;
        for size in [0, 1, FRAME_IN_PLACE_MAX, FRAME_IN_PLACE_MAX + 1] {
            push.send(&vec![7; size][..]).await?;
            let received = pull.recv().await?;
            let [frame] = received.frames() else { panic!("{received:?}") };
            assert_eq!(*frame, vec![7; size]);
            let (place, message) = (frame.as_ptr().addr(), std::ptr::from_ref(&received).addr());
            let lies_in_it = (message..message + size_of_val(&received)).contains(&place);
            assert_eq!(lies_in_it, size <= FRAME_IN_PLACE_MAX, "{size}");
        }
        Ok(())
    });
}

#[test]
fn immediate_sends_to_those_who_are_there() {
    play(|stage| async move {
        let push: Push = stage.server.open_with(Options::default().immediate(true));
        push.connect("inproc://nobody")?;
        push.connect(NAME)?;
        assert!(push.try_send("early").is_err());
        let pull: Pull = stage.server.open();
        pull.bind(NAME)?;
        for number in 0..4 {
            push.send(number.to_string()).await?;
            assert_eq!(text(&pull.recv().await?), [number.to_string()]);
        }
        drop(pull);
        stage.pass(MS).await;
        assert!(push.try_send("late").is_err());
        Ok(())
    });
}

#[test]
fn types_that_cannot_talk_are_told_so_as_on_the_wire() {
    play(|stage| async move {
        for bind_first in [true, false] {
            let (sub, pull): (Sub, Pull) = (stage.server.open(), stage.server.open());
            let (mut connecting, mut binding) = (sub.monitor(), pull.monitor());
            if bind_first {
                pull.bind(NAME)?;
                sub.connect(NAME)?;
            } else {
                sub.connect(NAME)?;
                pull.bind(NAME)?;
            }
            for (watch, expected) in [
                (&mut connecting, "socket type PULL cannot talk to SUB"),
                (&mut binding, "socket type SUB cannot talk to PULL"),
            ] {
                match event(watch, |event| matches!(event, Event::HandshakeFailed { .. })).await {
                    Event::HandshakeFailed { reason, .. } => assert_eq!(reason, expected),
                    _ => unreachable!("the filter above"),
                }
            }
            event(&mut connecting, |event| matches!(event, Event::ConnectStopped { .. })).await;
            stage.pass(MS).await;
            assert_eq!((sub.peers(), pull.peers()), (0, 0));
            // The name still serves others.
            let push: Push = stage.server.open();
            push.connect(NAME)?;
            push.send("fits").await?;
            assert_eq!(text(&pull.recv().await?), ["fits"]);
        }
        Ok(())
    });
}

#[test]
fn monitors_are_told_what_they_are_told_on_the_wire() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let push: Push = stage.server.open();
        let (mut binding, mut connecting) = (pull.monitor(), push.monitor());
        pull.bind(NAME)?;
        push.connect(NAME)?;
        stage.pass(MS).await;
        pull.unbind(NAME)?;
        stage.pass(MS).await;
        let names = |monitor: &mut seaworthy::Monitor| {
            let name = |event: Event| match event {
                Event::Listening { .. } => "listening",
                Event::Accepted { .. } => "accepted",
                Event::Connected { .. } => "connected",
                Event::HandshakeSucceeded { .. } => "handshake",
                Event::Disconnected { .. } => "disconnected",
                Event::ConnectRetried { .. } => "retried",
                Event::Closed { .. } => "closed",
                _ => "other",
            };
            std::iter::from_fn(|| monitor.try_recv()).map(name).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(&mut binding), "listening accepted handshake disconnected closed");
        assert_eq!(names(&mut connecting), "connected handshake disconnected retried");
        Ok(())
    });
}

#[test]
fn one_socket_serves_tcp_ipc_and_inproc_in_turn() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let tcp = stage.server.bind(&pull);
        let ipc = pull.bind("ipc:///tmp/pull")?;
        pull.bind(NAME)?;
        let senders = [
            (&stage.client, tcp.to_string()),
            (&stage.server, ipc.to_string()),
            (&stage.server, NAME.to_owned()),
        ];
        let mut pushes: Vec<Push> = Vec::new();
        for (place, endpoint) in &senders {
            let push: Push = Place::open(place);
            push.connect(endpoint)?;
            for _ in 0..100 {
                push.send(endpoint.split(':').next().unwrap_or_default().to_owned()).await?;
            }
            pushes.push(push);
        }
        stage.pass(SECOND).await;
        let mut rounds = Vec::new();
        for _ in 0..100 {
            let mut round =
                [pull.recv().await?, pull.recv().await?, pull.recv().await?].map(|m| text(&m).concat());
            round.sort();
            rounds.push(round);
        }
        assert!(rounds.iter().all(|round| *round == ["inproc", "ipc", "tcp"]), "{rounds:?}");
        Ok(())
    });
}

#[test]
fn one_socket_sends_by_tcp_ipc_and_inproc_in_turn() {
    play(|stage| async move {
        let push: Push = stage.server.open();
        let (far, near, inside): (Pull, Pull, Pull) =
            (stage.client.open(), stage.server.open(), stage.server.open());
        push.connect(stage.client.bind(&far))?;
        push.connect(near.bind("ipc:///tmp/near")?)?;
        push.connect(inside.bind(NAME)?)?;
        for number in 0..9 {
            push.send(number.to_string()).await?;
        }
        for (first, pull) in [&far, &near, &inside].into_iter().enumerate() {
            for round in 0..3 {
                assert_eq!(text(&pull.recv().await?), [(first + 3 * round).to_string()]);
            }
        }
        Ok(())
    });
}

#[test]
fn looking_again_takes_no_virtual_time() {
    play(|stage| async move {
        let pull: Pull = stage.server.open_with(Options::default().busy_poll(3600 * SECOND));
        let push: Push = stage.server.open();
        pull.bind(NAME)?;
        push.connect(NAME)?;
        let began = stage.now();
        let (received, sent) = futures_util::join!(pull.recv(), async {
            stage.pass(MS).await;
            push.send("in time").await
        });
        sent?;
        assert_eq!((text(&received?), stage.now() - began), (vec!["in time".to_owned()], MS));
        Ok(())
    });
}
