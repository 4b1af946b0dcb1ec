//! Capture: a copy of everything, in order, that nothing waits for.

use seaworthy::{Options, proxy};

use super::super::fixture::{SECOND, play, sockets::*, text};
use super::beside;

#[test]
fn capture_gets_every_message_of_both_directions_in_order() {
    play(|stage| async move {
        let (front, back, copies): (Dealer, Dealer, Push) =
            (stage.server.open(), stage.server.open(), stage.server.open());
        let (one, other, capture): (Dealer, Dealer, Pull) =
            (stage.client.open(), stage.other.open(), stage.other.open());
        one.connect(stage.server.bind(&front))?;
        other.connect(stage.server.bind(&back))?;
        capture.connect(stage.server.bind(&copies))?;
        let statistics = beside(&mut proxy(&front, &back).capture(&copies), async {
            stage.pass(SECOND).await;
            for number in 0..50 {
                one.send([format!("question {number}"), String::new()]).await?;
                other.recv().await?;
                other.send(format!("answer {number}")).await?;
                one.recv().await?;
                assert_eq!(text(&capture.recv().await?), [format!("question {number}"), String::new()]);
                assert_eq!(text(&capture.recv().await?), [format!("answer {number}")]);
            }
            Ok(())
        })
        .await?;
        assert_eq!((statistics.captured, statistics.capture_missed), (100, 0));
        Ok(())
    });
}

#[test]
fn a_capture_that_is_slow_misses_what_it_has_no_room_for_and_delays_nothing() {
    play(|stage| async move {
        let tight = Options::default().sndhwm(10).rcvhwm(10);
        let (front, back, copies): (Pull, Push, Push) =
            (stage.server.open(), stage.server.open(), stage.server.open_with(tight.clone()));
        let (push, pull, capture): (Push, Pull, Pull) =
            (stage.client.open(), stage.other.open(), stage.other.open_with(tight));
        push.connect(stage.server.bind(&front))?;
        pull.connect(stage.server.bind(&back))?;
        capture.connect(stage.server.bind(&copies))?;
        let statistics = beside(&mut proxy(&front, &back).capture(&copies), async {
            stage.pass(SECOND).await;
            let began = stage.now();
            for number in 0..1000_u32 {
                push.send([number.to_be_bytes().to_vec(), vec![b'x'; 1000]]).await?;
                pull.recv().await?;
            }
            assert!(stage.now() - began < 20 * SECOND, "a thousand round trips of some milliseconds");
            Ok(())
        })
        .await?;
        assert_eq!((statistics.backend.sent, statistics.captured + statistics.capture_missed), (1000, 1000));
        assert!(statistics.captured > 10 && statistics.capture_missed > 0, "{statistics:?}");
        let mut last = None;
        for _ in 0..statistics.captured {
            let copy = capture.recv().await?;
            let number = copy.frame(0).map(<[u8]>::to_vec);
            assert!(number > last && copy.len() == 2, "in order and whole");
            last = number;
        }
        Ok(())
    });
}

#[test]
fn a_capture_that_nobody_listens_to_misses_everything() {
    play(|stage| async move {
        let (front, back, copies): (Pull, Push, Push) =
            (stage.server.open(), stage.server.open(), stage.server.open());
        let (push, pull): (Push, Pull) = (stage.client.open(), stage.other.open());
        push.connect(stage.server.bind(&front))?;
        pull.connect(stage.server.bind(&back))?;
        let statistics = beside(&mut proxy(&front, &back).capture(&copies), async {
            for _ in 0..10 {
                push.send("m").await?;
                pull.recv().await?;
            }
            Ok(())
        })
        .await?;
        assert_eq!((statistics.captured, statistics.capture_missed), (0, 10));
        Ok(())
    });
}

#[test]
fn what_a_published_capture_loses_is_counted() {
    play(|stage| async move {
        let (front, back, copies): (Pull, Push, Pub) =
            (stage.server.open(), stage.server.open(), stage.server.open_with(Options::default().sndhwm(5)));
        let (push, pull): (Push, Pull) = (stage.client.open(), stage.other.open());
        let capture: Sub = stage.other.open_with(Options::default().rcvhwm(5));
        push.connect(stage.server.bind(&front))?;
        pull.connect(stage.server.bind(&back))?;
        capture.subscribe("")?;
        capture.connect(stage.server.bind(&copies))?;
        let statistics = beside(&mut proxy(&front, &back).capture(&copies), async {
            stage.pass(SECOND).await;
            for _ in 0..1000 {
                push.send(vec![b'x'; 1000]).await?;
                pull.recv().await?;
            }
            Ok(())
        })
        .await?;
        assert!(statistics.capture_missed > 0, "{statistics:?}");
        for _ in 0..statistics.captured {
            capture.recv().await?;
        }
        stage.never(capture.recv()).await;
        Ok(())
    });
}
