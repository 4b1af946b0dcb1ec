//! How much a pipe holds: what both sides allow.

use seaworthy::Options;

use super::super::fixture::{MS, SECOND, play, sockets::*, text};
use super::{NAME, fill};

fn unlimited() -> Options {
    Options::default().sndhwm(0).rcvhwm(0)
}

#[test]
fn a_pipe_holds_what_both_sides_allow_together() {
    play(|stage| async move {
        for bind_first in [false, true] {
            let pull: Pull = stage.server.open_with(Options::default().rcvhwm(3));
            let push: Push = stage.server.open_with(Options::default().sndhwm(2));
            if bind_first {
                pull.bind(NAME)?;
                push.connect(NAME)?;
                assert_eq!(fill(&push), 5);
            } else {
                push.connect(NAME)?;
                assert_eq!(fill(&push), 2, "its own mark while there is no other");
                pull.bind(NAME)?;
                stage.pass(MS).await;
                assert_eq!(fill(&push), 3);
            }
            assert!(stage.within(SECOND, push.send("beyond")).await.is_none());
            for _ in 0..5 {
                pull.recv().await?;
            }
            push.send("room again").await?;
        }
        Ok(())
    });
}

#[test]
fn the_marks_add_up_when_the_sender_binds_too() {
    play(|stage| async move {
        let push: Push = stage.server.open_with(Options::default().sndhwm(2));
        let pull: Pull = stage.server.open_with(Options::default().rcvhwm(3));
        push.bind(NAME)?;
        pull.connect(NAME)?;
        stage.pass(MS).await;
        assert_eq!(fill(&push), 5);
        Ok(())
    });
}

#[test]
fn no_mark_on_one_side_is_no_mark_at_all() {
    play(|stage| async move {
        for (sndhwm, rcvhwm) in [(0, 1), (1, 0)] {
            let pull: Pull = stage.server.open_with(Options::default().rcvhwm(rcvhwm));
            let push: Push = stage.server.open_with(Options::default().sndhwm(sndhwm));
            pull.bind(NAME)?;
            push.connect(NAME)?;
            for number in 0..10_000 {
                push.try_send(number.to_string())?;
            }
        }
        Ok(())
    });
}

#[test]
fn marks_in_bytes_add_up_too() {
    play(|stage| async move {
        let pull: Pull = stage.server.open_with(unlimited().rcvhwm_bytes(270));
        let push: Push = stage.server.open_with(unlimited().sndhwm_bytes(180));
        pull.bind(NAME)?;
        push.connect(NAME)?;
        for _ in 0..5 {
            push.try_send([0; 10].as_slice().to_vec())?;
        }
        assert!(push.try_send("x").is_err());
        Ok(())
    });
}

#[test]
fn a_sender_that_waits_goes_on_when_somebody_binds() {
    play(|stage| async move {
        let push: Push = stage.server.open_with(Options::default().sndhwm(1));
        push.connect(NAME)?;
        push.send("0").await?;
        let pull: Pull = stage.server.open_with(Options::default().rcvhwm(1));
        let (sent, bound) = futures_util::join!(push.send("1"), async {
            stage.pass(SECOND).await;
            pull.bind(NAME)
        });
        sent?;
        bound?;
        Ok(())
    });
}

#[test]
fn a_publisher_drops_what_exceeds_the_mark_of_a_subscriber() {
    play(|stage| async move {
        let publisher: Pub = stage.server.open_with(Options::default().sndhwm(2));
        let sub: Sub = stage.server.open_with(Options::default().rcvhwm(2));
        publisher.bind(NAME)?;
        sub.connect(NAME)?;
        sub.subscribe("")?;
        stage.pass(MS).await;
        for number in 0..10 {
            publisher.try_send(number.to_string())?;
        }
        for number in 0..4 {
            assert_eq!(text(&sub.recv().await?), [number.to_string()]);
        }
        stage.never(sub.recv()).await;
        Ok(())
    });
}
