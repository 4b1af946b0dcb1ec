//! Options of single types, changed while the socket lives.

use std::time::Duration;

use seaworthy::{Error, Options};

use super::super::fixture::{MS, SECOND, play, sockets::*, text};
use super::super::raw::{MORE, RawPeer, dealer_named, subscriber};

#[test]
fn router_mandatory_changes_at_once() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        for mandatory in [false, true, false] {
            router.set_router_mandatory(mandatory)?;
            let sent = router.send(["nobody", "hello"]).await;
            assert_eq!(matches!(sent, Err(Error::Unroutable { .. })), mandatory, "{sent:?}");
        }
        Ok(())
    });
}

#[test]
fn router_handover_changes_at_once() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        let endpoint = stage.server.bind(&router);
        let mut first = dealer_named(&stage.client, &endpoint, "ada").await;
        let mut second = dealer_named(&stage.client, &endpoint, "ada").await;
        router.send(["ada", "to the first"]).await?;
        first.expect_message(["to the first"]).await;
        router.set_router_handover(true)?;
        let mut third = dealer_named(&stage.client, &endpoint, "ada").await;
        stage.pass(SECOND).await;
        router.send(["ada", "to the third"]).await?;
        third.expect_message(["to the third"]).await;
        stage.never(second.frame()).await;
        Ok(())
    });
}

#[test]
fn probe_router_changes_for_the_next_handshake() {
    play(|stage| async move {
        let dealer: Dealer = stage.server.open();
        let endpoint = stage.server.bind(&dealer);
        let mut first = RawPeer::connect_as(&stage.client, &endpoint, "ROUTER").await;
        dealer.set_probe_router(true)?;
        let mut second = RawPeer::connect_as(&stage.client, &endpoint, "ROUTER").await;
        second.expect_message([""]).await;
        stage.never(first.frame()).await;
        Ok(())
    });
}

#[test]
fn req_relaxed_changes_with_the_next_request() {
    play(|stage| async move {
        let req: Req = stage.server.open();
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&req), "REP").await;
        for relaxed in [false, true, false] {
            req.set_req_relaxed(true)?;
            req.send("question").await?;
            peer.expect_message(["", "question"]).await;
            req.set_req_relaxed(relaxed)?;
            let again = req.send("again").await;
            assert_eq!(matches!(again, Err(Error::InvalidState { .. })), !relaxed, "{again:?}");
            if relaxed {
                peer.expect_message(["", "again"]).await;
            }
        }
        Ok(())
    });
}

#[test]
fn req_correlate_changes_with_the_next_request() {
    play(|stage| async move {
        let req: Req = stage.server.open();
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&req), "REP").await;
        let mut ids = Vec::new();
        for correlate in [false, true, true, false, true] {
            req.set_req_correlate(correlate)?;
            req.send("question").await?;
            // Changed while a reply is awaited: the reply is still the one to that request.
            req.set_req_correlate(!correlate)?;
            if correlate {
                let id = peer.frame().await;
                peer.say_frame(MORE, &id.body).await;
                ids.push(id.body);
            }
            peer.expect_message(["", "question"]).await;
            peer.say_message(["", "answer"]).await;
            assert_eq!(text(&req.recv().await?), ["answer"]);
        }
        ids.dedup();
        assert_eq!(ids.len(), 3, "no id is used twice");
        Ok(())
    });
}

#[test]
fn xpub_nodrop_changes_at_once() {
    play(|stage| async move {
        let options = Options::default().sndhwm(1).linger(Duration::ZERO);
        let publisher: XPub = stage.server.open_with(options.clone());
        let plain: Pub = stage.server.open_with(options);
        publisher.bind("inproc://x")?;
        plain.bind("inproc://y")?;
        let sub: Sub = stage.server.open_with(Options::default().rcvhwm(1));
        sub.subscribe("")?;
        sub.connect("inproc://x")?;
        sub.connect("inproc://y")?;
        stage.pass(MS).await;
        for nodrop in [false, true, false] {
            publisher.set_xpub_nodrop(nodrop)?;
            plain.set_xpub_nodrop(nodrop)?;
            let sent = [
                (0..5).all(|_| publisher.try_send("news").is_ok()),
                (0..5).all(|_| plain.try_send("news").is_ok()),
            ];
            assert_eq!(sent, [!nodrop; 2]);
        }
        let waiting = async {
            publisher.set_xpub_nodrop(true)?;
            publisher.send("waits").await
        };
        let dropping = async {
            stage.pass(SECOND).await;
            publisher.set_xpub_nodrop(false)
        };
        let (sent, changed) = futures_util::join!(waiting, dropping);
        sent?;
        changed?;
        Ok(())
    });
}

#[test]
fn what_an_xpub_tells_changes_at_once() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        let notices = async || {
            stage.pass(SECOND).await;
            std::iter::from_fn(|| publisher.try_recv().ok())
                .map(|notice| text(&notice).concat())
                .collect::<Vec<_>>()
        };
        let first = subscriber(&stage.client, &endpoint, &["a"]).await;
        assert_eq!(notices().await, ["\\x01a"]);
        let second = subscriber(&stage.client, &endpoint, &["a"]).await;
        assert_eq!(notices().await, [""; 0], "the topic was held already");
        publisher.set_xpub_verbose(true)?;
        let third = subscriber(&stage.client, &endpoint, &["a"]).await;
        assert_eq!(notices().await, ["\\x01a"]);
        drop(third);
        assert_eq!(notices().await, [""; 0]);
        publisher.set_xpub_verboser(true)?;
        drop(second);
        assert_eq!(notices().await, ["\\x00a"]);
        publisher.set_xpub_verboser(false)?;
        publisher.set_xpub_verbose(false)?;
        let fourth = subscriber(&stage.client, &endpoint, &["a"]).await;
        assert_eq!(notices().await, [""; 0]);
        drop((first, fourth));
        assert_eq!(notices().await, ["\\x00a"], "the last");
        Ok(())
    });
}
