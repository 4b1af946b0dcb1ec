//! Subscriptions reach publishers as on the wire.

use seaworthy::HighWaterMarks;

use super::super::fixture::{MS, play, sockets::*, text};
use super::NAME;

#[test]
fn a_subscription_counts_from_the_next_publication_on() {
    play(|stage| async move {
        for pub_binds in [true, false] {
            let (publisher, sub): (Pub, Sub) = (stage.server.open(), stage.server.open());
            sub.subscribe("a")?;
            if pub_binds {
                publisher.bind(NAME)?;
                sub.connect(NAME)?;
            } else {
                sub.bind(NAME)?;
                publisher.connect(NAME)?;
            }
            stage.pass(MS).await;
            sub.subscribe("b")?;
            for topic in ["a1", "b1", "c1"] {
                publisher.try_send(topic)?;
            }
            for expected in ["a1", "b1"] {
                assert_eq!(text(&sub.recv().await?), [expected]);
            }
            sub.unsubscribe("a")?;
            for topic in ["a2", "b2"] {
                publisher.try_send(topic)?;
            }
            assert_eq!(text(&sub.recv().await?), ["b2"]);
            stage.never(sub.recv()).await;
        }
        Ok(())
    });
}

/// libzmq: test_connect_before_bind_pub_sub.
#[test]
fn a_subscriber_that_waits_for_its_publisher_hears_its_first_word() {
    play(|stage| async move {
        let (publisher, sub): (Pub, Sub) = (stage.server.open(), stage.server.open());
        sub.connect(NAME)?;
        sub.subscribe("news")?;
        stage.pass(MS).await;
        publisher.bind(NAME)?;
        publisher.try_send("news: first")?;
        assert_eq!(text(&sub.recv().await?), ["news: first"]);
        Ok(())
    });
}

#[test]
fn only_what_was_subscribed_to_reaches_the_pipe() {
    play(|stage| async move {
        let (publisher, sub): (Pub, Sub) = (stage.server.open(), stage.server.open());
        publisher.bind(NAME)?;
        sub.connect(NAME)?;
        sub.subscribe("a")?;
        stage.pass(MS).await;
        for topic in ["a", "b", "c"] {
            publisher.try_send(topic)?;
        }
        let endpoints = stage.server.context().inproc_endpoints();
        assert_eq!(endpoints[0].pipes[0].to_connected.queued, HighWaterMarks { messages: 1, bytes: 81 });
        Ok(())
    });
}

#[test]
fn topics_are_asked_for_again_of_the_next_who_binds() {
    play(|stage| async move {
        let (first, sub): (Pub, Sub) = (stage.server.open(), stage.server.open());
        first.bind(NAME)?;
        sub.connect(NAME)?;
        sub.subscribe("kept")?;
        sub.subscribe("left")?;
        stage.pass(MS).await;
        drop(first);
        stage.pass(MS).await;
        sub.unsubscribe("left")?;
        let second: Pub = stage.server.open();
        second.bind(NAME)?;
        stage.pass(MS).await;
        second.try_send("left")?;
        second.try_send("kept")?;
        assert_eq!(text(&sub.recv().await?), ["kept"]);
        let endpoints = stage.server.context().inproc_endpoints();
        assert_eq!(endpoints[0].pipes[0].to_bound.queued.messages, 0);
        Ok(())
    });
}

#[test]
fn an_xpub_is_told_of_subscriptions_and_hears_what_an_xsub_sends() {
    play(|stage| async move {
        for xpub_binds in [true, false] {
            let (xpub, xsub): (XPub, XSub) = (stage.server.open(), stage.server.open());
            xsub.subscribe("a")?;
            if xpub_binds {
                xsub.connect(NAME)?;
                xpub.bind(NAME)?;
            } else {
                xpub.connect(NAME)?;
                xsub.bind(NAME)?;
            }
            stage.pass(MS).await;
            xsub.send("upstream").await?;
            xsub.subscribe("b")?;
            for expected in ["\\x01a", "upstream", "\\x01b"] {
                assert_eq!(text(&xpub.recv().await?), [expected]);
            }
            xpub.send("b1").await?;
            assert_eq!(text(&xsub.recv().await?), ["b1"]);
            drop(xsub);
            let mut ended = [text(&xpub.recv().await?).concat(), text(&xpub.recv().await?).concat()];
            ended.sort();
            assert_eq!(ended, ["\\x00a", "\\x00b"]);
        }
        Ok(())
    });
}

#[test]
fn an_xpub_that_only_sends_knows_its_subscribers_and_keeps_what_they_said_in_order() {
    play(|stage| async move {
        let (xpub, xsub): (XPub, XSub) = (stage.server.open(), stage.server.open());
        xpub.bind(NAME)?;
        xsub.connect(NAME)?;
        xsub.send("before").await?;
        xsub.subscribe("a")?;
        xsub.send("after").await?;
        stage.pass(MS).await;
        xpub.try_send("a1")?;
        assert_eq!(text(&xsub.recv().await?), ["a1"]);
        for expected in ["before", "\\x01a", "after"] {
            assert_eq!(text(&xpub.recv().await?), [expected]);
        }
        Ok(())
    });
}
