//! The names by which ROUTERs know their peers.

use seaworthy::monitor::Event;
use seaworthy::{Error, Options};

use super::super::fixture::{MS, SECOND, event, frames, play, sockets::*, text};
use super::NAME;

#[test]
fn a_router_knows_its_peers_by_name() {
    play(|stage| async move {
        for router_binds in [true, false] {
            let router: Router = stage.server.open();
            let dealer: Dealer = stage.server.open_with(Options::default().routing_id("me"));
            if router_binds {
                router.bind(NAME)?;
                dealer.connect(NAME)?;
            } else {
                dealer.bind(NAME)?;
                router.connect(NAME)?;
            }
            dealer.send("hello").await?;
            assert_eq!(text(&router.recv().await?), ["me", "hello"]);
            router.send(["me", "you"]).await?;
            assert_eq!(text(&dealer.recv().await?), ["you"]);
        }
        Ok(())
    });
}

#[test]
fn a_router_that_connected_first_knows_who_binds_before_it_hears_from_it() {
    play(|stage| async move {
        let router: Router = stage.server.open_with(Options::default().routing_id("router"));
        router.connect(NAME)?;
        stage.pass(SECOND).await;
        // All of this happens before the router's own task runs.
        let dealer: Dealer = stage.server.open_with(Options::default().routing_id("dealer"));
        dealer.bind(NAME)?;
        dealer.try_send("hello")?;
        drop(dealer);
        assert!(router.try_recv().is_err());
        assert_eq!(text(&router.recv().await?), ["dealer", "hello"]);
        Ok(())
    });
}

#[test]
fn a_peer_without_a_name_gets_five_bytes() {
    play(|stage| async move {
        let (router, dealer): (Router, Dealer) = (stage.server.open(), stage.server.open());
        router.bind(NAME)?;
        dealer.connect(NAME)?;
        dealer.send("hello").await?;
        let message = router.recv().await?;
        assert!(message.frame(0).is_some_and(|id| id.len() == 5 && id[0] == 0), "{message:?}");
        router.send(message).await?;
        assert_eq!(text(&dealer.recv().await?), ["hello"]);
        Ok(())
    });
}

#[test]
fn a_duplicate_is_ignored_until_the_holder_leaves() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        router.bind(NAME)?;
        let named = || -> Dealer { stage.server.open_with(Options::default().routing_id("same")) };
        let (first, second) = (named(), named());
        first.connect(NAME)?;
        first.send("first").await?;
        assert_eq!(text(&router.recv().await?), ["same", "first"]);
        second.connect(NAME)?;
        second.send("second").await?;
        stage.never(router.recv()).await;
        drop(first);
        assert_eq!(text(&router.recv().await?), ["same", "second"]);
        Ok(())
    });
}

#[test]
fn one_that_is_taken_over_pauses_before_it_comes_back() {
    play(|stage| async move {
        let router: Router = stage.server.open_with(Options::default().router_handover(true));
        router.bind(NAME)?;
        let named = || -> Dealer { stage.server.open_with(Options::default().routing_id("same")) };
        let (first, second) = (named(), named());
        let mut watch = first.monitor();
        first.connect(NAME)?;
        stage.pass(MS).await;
        second.connect(NAME)?;
        let retried = event(&mut watch, |event| matches!(event, Event::ConnectRetried { .. })).await;
        assert!(matches!(retried, Event::ConnectRetried { after, .. } if after >= 50 * MS), "{retried:?}");
        Ok(())
    });
}

#[test]
fn a_probe_tells_a_router_of_its_peer() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        router.bind(NAME)?;
        let probe = Options::default().probe_router(true).routing_id("me");
        let dealer: Dealer = stage.server.open_with(probe);
        dealer.connect(NAME)?;
        assert_eq!(text(&router.recv().await?), ["me", ""]);
        Ok(())
    });
}

#[test]
fn a_mandatory_router_is_told_when_a_peer_is_gone() {
    play(|stage| async move {
        let router: Router = stage.server.open_with(Options::default().router_mandatory(true));
        router.bind(NAME)?;
        let dealer: Dealer = stage.server.open_with(Options::default().routing_id("me"));
        dealer.connect(NAME)?;
        dealer.send("hello").await?;
        router.recv().await?;
        drop(dealer);
        // At once: no task has run since.
        assert!(matches!(router.try_send(["me", "x"]).unwrap_err().error, Error::Unroutable { .. }));
        stage.pass(MS).await;
        assert!(matches!(router.send(["me", "x"]).await, Err(Error::Unroutable { .. })));
        Ok(())
    });
}

#[test]
fn a_request_is_answered() {
    play(|stage| async move {
        let rep: Rep = stage.server.open();
        let reqs: Vec<Req> = (0..3).map(|_| stage.server.open()).collect();
        reqs[0].connect(NAME)?;
        rep.bind(NAME)?;
        reqs[1].connect(NAME)?;
        reqs[2].connect(NAME)?;
        for (number, req) in reqs.iter().enumerate() {
            req.send(number.to_string()).await?;
        }
        for _ in &reqs {
            let question = rep.recv().await?;
            rep.send(question).await?;
        }
        for (number, req) in reqs.iter().enumerate() {
            assert_eq!(text(&req.recv().await?), [number.to_string()]);
        }
        Ok(())
    });
}

#[test]
fn dealers_and_routers_of_many_meet() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        router.bind(NAME)?;
        let dealers: Vec<Dealer> = (0..20)
            .map(|number| stage.server.open_with(Options::default().routing_id(format!("d{number}"))))
            .collect();
        for dealer in &dealers {
            dealer.connect(NAME)?;
            dealer.send("ready").await?;
        }
        for _ in &dealers {
            let message = router.recv().await?;
            router.send(message).await?;
        }
        for dealer in &dealers {
            assert_eq!(dealer.recv().await?, frames(["ready"]));
        }
        Ok(())
    });
}
