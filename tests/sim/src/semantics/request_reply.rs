//! REQ and REP (RFC 28; libzmq's test_spec_req, test_spec_rep, test_req_correlate, test_req_relaxed,
//! test_invalid_rep).

use seaworthy::{Error, Options};

use super::fixture::{SECOND, disconnection, frames, handshake, play, sockets::*, text};
use super::raw::{MORE, RawListener, RawPeer};

#[test]
fn req_gives_requests_to_its_peers_in_turn() {
    play(|stage| async move {
        let req: Req = stage.client.open();
        let reps: Vec<Rep> = (0..5).map(|_| stage.server.open()).collect();
        for rep in &reps {
            req.connect(stage.server.bind(rep))?;
        }
        for rep in reps.iter().chain(&reps) {
            req.send("ABC").await?;
            assert_eq!(text(&rep.recv().await?), ["ABC"]);
            rep.send(["DE", "F"]).await?;
            assert_eq!(text(&req.recv().await?), ["DE", "F"]);
        }
        Ok(())
    });
}

#[test]
fn req_puts_an_empty_frame_before_its_request() {
    play(|stage| async move {
        let req: Req = stage.server.open();
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&req), "REP").await;
        req.send(["A", "B"]).await?;
        peer.expect_message(["", "A", "B"]).await;
        Ok(())
    });
}

#[test]
fn req_takes_a_reply_only_from_the_peer_that_got_the_request() {
    play(|stage| async move {
        let req: Req = stage.server.open();
        let endpoint = stage.server.bind(&req);
        let mut peers = Vec::new();
        for _ in 0..3 {
            let mut peer = RawPeer::connect_as(&stage.client, &endpoint, "ROUTER").await;
            peer.barrier().await;
            peers.push(peer);
        }
        req.send("request").await?;
        peers[0].expect_message(["", "request"]).await;
        for peer in &mut peers[1..] {
            peer.say_message(["", "wrong"]).await;
            peer.barrier().await;
        }
        peers[0].say_message(["", "reply"]).await;
        assert_eq!(text(&req.recv().await?), ["reply"]);
        // What the others said is gone by the next request, too.
        req.send("again").await?;
        peers[1].expect_message(["", "again"]).await;
        peers[1].say_message(["", "second"]).await;
        assert_eq!(text(&req.recv().await?), ["second"]);
        Ok(())
    });
}

#[test]
fn req_waits_without_a_peer() {
    play(|stage| async move {
        let req: Req = stage.server.open();
        stage.server.bind(&req);
        stage.never(req.send("request")).await;
        Ok(())
    });
}

#[test]
fn req_and_rep_insist_on_lockstep() {
    play(|stage| async move {
        let (req, rep): (Req, Rep) = (stage.client.open(), stage.server.open());
        req.connect(stage.server.bind(&rep))?;
        assert_eq!(req.recv().await.unwrap_err().to_string(), "REQ cannot receive now: no request was sent");
        assert_eq!(
            rep.send("reply").await.unwrap_err().to_string(),
            "REP cannot send now: no request was received"
        );
        req.send("request").await?;
        assert!(matches!(req.send("another").await, Err(Error::InvalidState { socket: "REQ", .. })));
        rep.recv().await?;
        assert!(matches!(rep.recv().await, Err(Error::InvalidState { socket: "REP", .. })));
        rep.send("reply").await?;
        assert!(matches!(rep.send("reply").await, Err(Error::InvalidState { .. })));
        assert_eq!(text(&req.recv().await?), ["reply"]);
        assert!(matches!(req.recv().await, Err(Error::InvalidState { .. })));
        Ok(())
    });
}

#[test]
fn req_skips_replies_that_are_none_and_waits_on() {
    play(|stage| async move {
        let req: Req = stage.server.open();
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&req), "ROUTER").await;
        req.send("request").await?;
        peer.expect_message(["", "request"]).await;
        peer.say_message(["no delimiter"]).await;
        peer.say_message(["no delimiter", "twice"]).await;
        peer.say_message([""]).await;
        peer.say_message(["", "reply"]).await;
        assert_eq!(text(&req.recv().await?), ["reply"]);
        Ok(())
    });
}

#[test]
fn a_reply_that_came_before_its_request_is_none() {
    play(|stage| async move {
        let req: Req = stage.server.open();
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&req), "ROUTER").await;
        peer.say_message(["", "early"]).await;
        peer.barrier().await;
        req.send("request").await?;
        peer.expect_message(["", "request"]).await;
        peer.say_message(["", "reply"]).await;
        assert_eq!(text(&req.recv().await?), ["reply"]);
        Ok(())
    });
}

#[test]
fn req_still_awaits_a_reply_after_its_timeout() {
    play(|stage| async move {
        let (req, rep): (Req, Rep) =
            (stage.client.open_with(Options::default().rcvtimeo(SECOND)), stage.server.open());
        req.connect(stage.server.bind(&rep))?;
        req.send("request").await?;
        rep.recv().await?;
        assert!(matches!(req.recv().await, Err(Error::WouldBlock)));
        assert!(matches!(req.send("another").await, Err(Error::InvalidState { .. })));
        rep.send("late").await?;
        assert_eq!(text(&req.recv().await?), ["late"]);
        Ok(())
    });
}

#[test]
fn req_does_not_send_a_request_again_when_its_peer_is_lost_and_takes_a_reply_of_any() {
    play(|stage| async move {
        let req: Req = stage.server.open();
        let endpoint = stage.server.bind(&req);
        let mut watch = req.monitor();
        let mut lost = RawPeer::connect_as(&stage.client, &endpoint, "REP").await;
        req.send("request").await?;
        lost.expect_message(["", "request"]).await;
        drop(lost);
        disconnection(&mut watch).await;
        let mut next = RawPeer::connect_as(&stage.client, &endpoint, "ROUTER").await;
        next.barrier().await;
        stage.never(next.frame()).await;
        assert!(matches!(req.send("another").await, Err(Error::InvalidState { .. })));
        stage.never(req.recv()).await;
        next.say_message(["", "for somebody else"]).await;
        assert_eq!(text(&req.recv().await?), ["for somebody else"]);
        Ok(())
    });
}

#[test]
fn req_does_not_send_a_request_again_after_a_reconnect() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let req: Req = stage.client.open();
        req.connect(stage.server.at(1))?;
        let mut peer = listener.accept_as("REP").await;
        req.send("request").await?;
        peer.expect_message(["", "request"]).await;
        peer.reset();
        let mut peer = listener.accept_as("REP").await;
        peer.barrier().await;
        stage.never(peer.frame()).await;
        stage.never(req.recv()).await;
        // The pipe is the same, so a reply on the new connection would do.
        peer.say_message(["", "late"]).await;
        assert_eq!(text(&req.recv().await?), ["late"]);
        Ok(())
    });
}

#[test]
fn correlated_req_takes_only_the_reply_that_carries_its_id() {
    play(|stage| async move {
        let req: Req = stage.server.open_with(Options::default().req_correlate(true));
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&req), "ROUTER").await;
        req.send("request").await?;
        let id = peer.frame().await;
        assert_eq!((id.flags, id.body.len()), (MORE, 4));
        peer.expect_message(["", "request"]).await;
        let mut wrong = id.body.to_vec();
        wrong[3] ^= 1;
        for (id, reply) in [(&wrong[..], "wrong"), (b"", "none"), (b"long id", "long"), (&id.body, "right")] {
            peer.say_frame(MORE, id).await;
            peer.say_message(["", reply]).await;
        }
        assert_eq!(text(&req.recv().await?), ["right"]);
        Ok(())
    });
}

#[test]
fn correlated_req_gives_every_request_another_id() {
    play(|stage| async move {
        let req: Req = stage.server.open_with(Options::default().req_correlate(true));
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&req), "ROUTER").await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            req.send("request").await?;
            ids.push(peer.frame().await.body);
            peer.expect_message(["", "request"]).await;
            peer.say_frame(MORE, ids.last().unwrap()).await;
            peer.say_message(["", "reply"]).await;
            req.recv().await?;
        }
        assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], "{ids:?}");
        Ok(())
    });
}

#[test]
fn relaxed_correlated_req_drops_the_reply_to_a_request_it_gave_up() {
    play(|stage| async move {
        let options = Options::default().req_relaxed(true).req_correlate(true);
        let (req, rep): (Req, Rep) = (stage.client.open_with(options), stage.server.open());
        req.connect(stage.server.bind(&rep))?;
        req.send("first").await?;
        req.send("second").await?;
        assert_eq!(text(&rep.recv().await?), ["first"]);
        rep.send("to the first").await?;
        assert_eq!(text(&rep.recv().await?), ["second"]);
        rep.send("to the second").await?;
        assert_eq!(text(&req.recv().await?), ["to the second"]);
        Ok(())
    });
}

#[test]
fn relaxed_req_goes_on_with_another_peer_and_keeps_the_connection_of_the_first() {
    play(|stage| async move {
        let req: Req = stage.server.open_with(Options::default().req_relaxed(true));
        let endpoint = stage.server.bind(&req);
        let mut a = RawPeer::connect_as(&stage.client, &endpoint, "REP").await;
        a.barrier().await;
        let mut b = RawPeer::connect_as(&stage.client, &endpoint, "REP").await;
        b.barrier().await;
        req.send("first").await?;
        req.send("second").await?;
        a.expect_message(["", "first"]).await;
        b.expect_message(["", "second"]).await;
        a.say_message(["", "too late"]).await;
        a.barrier().await;
        b.say_message(["", "reply"]).await;
        assert_eq!(text(&req.recv().await?), ["reply"]);
        req.send("third").await?;
        a.expect_message(["", "third"]).await;
        Ok(())
    });
}

#[test]
fn relaxed_req_sends_to_a_new_connection_after_the_peer_was_lost() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let req: Req = stage.client.open_with(Options::default().req_relaxed(true).req_correlate(true));
        req.connect(stage.server.at(1))?;
        let mut peer = listener.accept_as("REP").await;
        req.send("first").await?;
        peer.frame().await;
        peer.reset();
        let mut peer = listener.accept_as("REP").await;
        req.send("second").await?;
        let id = peer.frame().await.body;
        peer.expect_message(["", "second"]).await;
        peer.say_frame(MORE, &id).await;
        peer.say_message(["", "reply"]).await;
        assert_eq!(text(&req.recv().await?), ["reply"]);
        Ok(())
    });
}

#[test]
fn relaxed_req_that_has_no_room_for_a_request_keeps_the_reply_that_is_there() {
    play(|stage| async move {
        let req: Req = stage.server.open_with(Options::default().req_relaxed(true).sndhwm(1));
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&req), "REP").await;
        peer.barrier().await;
        let request = "r".repeat(300_000);
        while req.try_send(request.clone()).is_ok() {
            stage.pass(SECOND).await;
        }
        peer.say_message(["", "reply"]).await;
        stage.pass(SECOND).await;
        let refused = req.try_send(request.clone()).unwrap_err();
        assert!(matches!(refused.error, Error::WouldBlock), "{refused}");
        assert_eq!(text(&refused.message), [request]);
        assert_eq!(text(&req.try_recv()?), ["reply"]);
        Ok(())
    });
}

#[test]
fn rep_takes_requests_of_its_peers_in_turn() {
    play(|stage| async move {
        let rep: Rep = stage.server.open();
        let endpoint = stage.server.bind(&rep);
        let mut peers = Vec::new();
        for name in ["A", "B", "C"] {
            let mut peer = RawPeer::connect_as(&stage.client, &endpoint, "DEALER").await;
            for _ in 0..10 {
                peer.say_message(["", name]).await;
            }
            peer.barrier().await;
            peers.push(peer);
        }
        for _ in 0..10 {
            for (name, peer) in ["A", "B", "C"].iter().zip(&mut peers) {
                assert_eq!(text(&rep.recv().await?), [*name]);
                rep.send("reply").await?;
                peer.expect_message(["", "reply"]).await;
            }
        }
        Ok(())
    });
}

#[test]
fn rep_gives_the_whole_envelope_back() {
    play(|stage| async move {
        let rep: Rep = stage.server.open();
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&rep), "DEALER").await;
        peer.say_message(["A", "B", "", "request", "", "more"]).await;
        assert_eq!(rep.recv().await?, frames(["request", "", "more"]));
        rep.send(["reply", "", "more"]).await?;
        peer.expect_message(["A", "B", "", "reply", "", "more"]).await;
        Ok(())
    });
}

#[test]
fn rep_skips_requests_without_an_envelope_or_a_body() {
    play(|stage| async move {
        let rep: Rep = stage.server.open();
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&rep), "DEALER").await;
        peer.say_message(["no delimiter"]).await;
        peer.say_message(["no", "delimiter"]).await;
        peer.say_message([""]).await;
        peer.say_message(["A", ""]).await;
        peer.say_message(["", "request"]).await;
        assert_eq!(text(&rep.recv().await?), ["request"]);
        rep.send("reply").await?;
        peer.expect_message(["", "reply"]).await;
        Ok(())
    });
}

#[test]
fn rep_drops_the_reply_to_a_peer_that_left_and_goes_on() {
    play(|stage| async move {
        let rep: Rep = stage.server.open();
        let endpoint = stage.server.bind(&rep);
        let mut watch = rep.monitor();
        let leaving = RawPeer::connect_as(&stage.client, &endpoint, "REQ").await;
        leaving.say_message(["", "request"]).await;
        rep.recv().await?;
        handshake(&mut watch).await;
        drop(leaving);
        disconnection(&mut watch).await;
        let mut staying = RawPeer::connect_as(&stage.client, &endpoint, "REQ").await;
        rep.send("to nobody").await?;
        staying.say_message(["", "next"]).await;
        assert_eq!(text(&rep.recv().await?), ["next"]);
        rep.send("reply").await?;
        staying.expect_message(["", "reply"]).await;
        Ok(())
    });
}

#[test]
fn rep_never_waits_for_a_peer_that_does_not_read() {
    play(|stage| async move {
        let rep: Rep = stage.server.open_with(Options::default().sndhwm(1));
        let peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&rep), "DEALER").await;
        let reply = vec![0u8; 100_000];
        for _ in 0..20 {
            peer.say_message(["", "request"]).await;
            rep.recv().await?;
            let sent = stage.within(SECOND, rep.send(reply.clone())).await;
            sent.expect("a reply without room is dropped")?;
        }
        Ok(())
    });
}
