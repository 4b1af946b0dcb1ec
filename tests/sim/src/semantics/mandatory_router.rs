//! ROUTER that must not drop (libzmq's test_router_mandatory, test_router_mandatory_hwm).

use bytes::Bytes;
use seaworthy::{Error, Message, Options};

use super::fixture::{SECOND, disconnection, frames, play, sockets::*};
use super::raw::dealer_named;

#[test]
fn mandatory_router_names_whom_it_cannot_reach_and_gives_the_message_back() {
    play(|stage| async move {
        let router: Router = stage.server.open_with(Options::default().router_mandatory(true));
        let endpoint = stage.server.bind(&router);
        match router.send(["X", "to nobody"]).await {
            Err(Error::Unroutable { routing_id }) => assert_eq!(routing_id, "X"),
            other => panic!("{other:?}"),
        }
        let refused = router.try_send(["X", "to nobody"]).unwrap_err();
        assert_eq!(refused.message, frames(["X", "to nobody"]));
        assert!(refused.to_string().contains("\"X\""), "{refused}");
        let mut peer = dealer_named(&stage.client, &endpoint, "X").await;
        peer.barrier().await;
        router.send(["X", "to x"]).await?;
        peer.expect_message(["to x"]).await;
        let mut watch = router.monitor();
        drop(peer);
        disconnection(&mut watch).await;
        assert!(matches!(router.send(["X", "gone"]).await, Err(Error::Unroutable { .. })));
        Ok(())
    });
}

#[test]
fn mandatory_router_waits_for_room() {
    play(|stage| async move {
        let options = Options::default().router_mandatory(true).sndhwm(1);
        let router: Router = stage.server.open_with(options);
        let mut peer = dealer_named(&stage.client, &stage.server.bind(&router), "A").await;
        peer.barrier().await;
        let big = Bytes::from(vec![0; 300_000]);
        let message = || -> Message { [Bytes::from("A"), big.clone()].into_iter().collect() };
        let mut sent = 0;
        while router.try_send(message()).is_ok() {
            sent += 1;
            assert!(sent < 100, "the peer reads nothing");
            stage.pass(SECOND).await;
        }
        let refused = router.try_send(message()).unwrap_err();
        assert!(matches!(refused.error, Error::WouldBlock) && refused.message == message());
        stage.never(router.send(message())).await;
        let reading = async {
            loop {
                peer.frame().await;
            }
        };
        let sending = router.send(message());
        match futures_util::future::select(Box::pin(sending), Box::pin(reading)).await {
            futures_util::future::Either::Left((result, _)) => Ok(result?),
            futures_util::future::Either::Right((never, _)) => never,
        }
    });
}

#[test]
fn mandatory_router_that_waits_for_room_learns_that_the_peer_left() {
    play(|stage| async move {
        let options = Options::default().router_mandatory(true).sndhwm(1);
        let router: Router = stage.server.open_with(options);
        let mut peer = dealer_named(&stage.client, &stage.server.bind(&router), "A").await;
        peer.barrier().await;
        let message =
            || -> Message { [Bytes::from("A"), Bytes::from(vec![0; 300_000])].into_iter().collect() };
        while router.try_send(message()).is_ok() {
            stage.pass(SECOND).await;
        }
        let (result, ()) = futures_util::join!(router.send(message()), async { peer.reset() });
        assert!(matches!(result, Err(Error::Unroutable { .. })), "{result:?}");
        Ok(())
    });
}

#[test]
fn mandatory_router_that_waits_for_room_learns_that_the_endpoint_of_the_peer_was_unbound() {
    play(|stage| async move {
        let options = Options::default().router_mandatory(true).sndhwm(1);
        let router: Router = stage.server.open_with(options);
        let mut peer = dealer_named(&stage.client, &stage.server.bind(&router), "A").await;
        peer.barrier().await;
        let message =
            || -> Message { [Bytes::from("A"), Bytes::from(vec![0; 300_000])].into_iter().collect() };
        while router.try_send(message()).is_ok() {
            stage.pass(SECOND).await;
        }
        stage.never(router.send(message())).await;
        let (result, unbound) =
            futures_util::join!(router.send(message()), async { router.unbind("tcp://*:*") });
        unbound?;
        assert!(matches!(result, Err(Error::Unroutable { .. })), "{result:?}");
        Ok(())
    });
}
