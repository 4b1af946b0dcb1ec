//! Who binds a name, who connects to it, and when it is free again.

use seaworthy::{Error, HighWaterMarks, Options, SocketType};

use super::super::fixture::{MS, SECOND, play, sockets::*, text};
use super::NAME;

#[test]
fn messages_flow_whichever_side_comes_first() {
    play(|stage| async move {
        for push_binds in [false, true] {
            for bind_first in [false, true] {
                let (push, pull): (Push, Pull) = (stage.server.open(), stage.server.open());
                let bind = || if push_binds { push.bind(NAME) } else { pull.bind(NAME) };
                let connect = || if push_binds { pull.connect(NAME) } else { push.connect(NAME) };
                if bind_first {
                    bind()?;
                }
                connect()?;
                if !bind_first {
                    stage.pass(SECOND).await;
                    bind()?;
                }
                push.send("one").await?;
                push.send(["two", "frames"]).await?;
                assert_eq!(text(&pull.recv().await?), ["one"]);
                assert_eq!(text(&pull.recv().await?), ["two", "frames"]);
            }
        }
        Ok(())
    });
}

#[test]
fn bind_gives_the_endpoint_as_it_was_named() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        assert_eq!(pull.bind(NAME)?.to_string(), NAME);
        Ok(())
    });
}

#[test]
fn what_is_sent_before_anybody_binds_waits() {
    play(|stage| async move {
        let push: Push = stage.server.open();
        push.connect(NAME)?;
        for number in 0..100 {
            push.send(number.to_string()).await?;
        }
        stage.pass(SECOND).await;
        let pull: Pull = stage.server.open();
        pull.bind(NAME)?;
        for number in 0..100 {
            assert_eq!(text(&pull.try_recv()?), [number.to_string()], "bind takes what waits");
        }
        Ok(())
    });
}

#[test]
fn many_connect_before_one_binds() {
    play(|stage| async move {
        let pushes: Vec<Push> = (0..10).map(|_| stage.server.open()).collect();
        for (number, push) in pushes.iter().enumerate() {
            push.connect(NAME)?;
            push.send(number.to_string()).await?;
        }
        let pull: Pull = stage.server.open();
        pull.bind(NAME)?;
        for number in 0..pushes.len() {
            assert_eq!(text(&pull.recv().await?), [number.to_string()]);
        }
        assert_eq!(pull.peers(), pushes.len());
        Ok(())
    });
}

#[test]
fn a_name_means_something_in_its_context_only() {
    play(|stage| async move {
        let (here, there): (Pull, Pull) = (stage.server.open(), stage.client.open());
        here.bind(NAME)?;
        there.bind(NAME)?;
        let push: Push = stage.server.open();
        push.connect(NAME)?;
        push.send("here").await?;
        assert_eq!(text(&here.recv().await?), ["here"]);
        stage.never(there.recv()).await;
        Ok(())
    });
}

#[test]
fn a_second_bind_of_a_living_name_is_refused_and_changes_nothing() {
    play(|stage| async move {
        let (first, second): (Pull, Pull) = (stage.server.open(), stage.server.open());
        first.bind(NAME)?;
        for pull in [&second, &first] {
            let refused = pull.bind(NAME).unwrap_err();
            assert!(
                matches!(&refused, Error::Bind { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse)
            );
            assert!(refused.to_string().starts_with("cannot bind inproc://name: "), "{refused}");
        }
        drop(second);
        let push: Push = stage.server.open();
        push.connect(NAME)?;
        push.send("still there").await?;
        assert_eq!(text(&first.recv().await?), ["still there"]);
        Ok(())
    });
}

#[test]
fn unbinding_closing_and_dropping_free_the_name_at_once() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        pull.bind(NAME)?;
        pull.unbind(NAME)?;
        pull.bind(NAME)?;
        drop(pull);
        let pull: Pull = stage.server.open();
        pull.bind(NAME)?;
        pull.close().await;
        let pull: Pull = stage.server.open();
        pull.bind(NAME)?;
        Ok(())
    });
}

#[test]
fn a_dealer_connects_once_to_a_name_and_a_push_as_often_as_it_is_told() {
    play(|stage| async move {
        let (dealer, push): (Dealer, Push) = (stage.server.open(), stage.server.open());
        for _ in 0..3 {
            dealer.connect("inproc://router")?;
            push.connect("inproc://pull")?;
        }
        assert_eq!((dealer.peers(), push.peers()), (1, 3));
        Ok(())
    });
}

#[test]
fn endpoints_are_listed_with_what_they_hold() {
    play(|stage| async move {
        let context = stage.server.context();
        assert!(context.inproc_endpoints().is_empty());
        let pull: Pull = stage.server.open_with(Options::default().rcvhwm(10).rcvhwm_bytes(1000));
        let push: Push = stage.server.open_with(Options::default().sndhwm(5).sndhwm_bytes(500));
        let early: Push = stage.server.open();
        early.connect("inproc://early")?;
        pull.bind(NAME)?;
        push.connect(NAME)?;
        stage.pass(MS).await;
        push.send("12345").await?;
        push.send(["1", "2"]).await?;
        pull.recv().await?;

        let [unbound, bound] = &context.inproc_endpoints()[..] else { panic!("two endpoints") };
        assert_eq!((unbound.endpoint.to_string().as_str(), unbound.bound), ("inproc://early", None));
        assert_eq!((unbound.pipes.len(), unbound.waiting), (1, 1));
        assert_eq!((bound.endpoint.to_string().as_str(), bound.bound), (NAME, Some(SocketType::Pull)));
        assert_eq!((bound.pipes.len(), bound.waiting), (1, 0));
        let level = bound.pipes[0].to_bound;
        assert_eq!(level.queued, HighWaterMarks { messages: 1, bytes: 162 });
        assert_eq!(level.marks, HighWaterMarks { messages: 15, bytes: 1500 });

        drop((push, pull, early));
        stage.pass(MS).await;
        assert!(context.inproc_endpoints().is_empty());
        Ok(())
    });
}
