//! A peer that is gone by the time something is written to it: what it had sent is received all the same, as by
//! libzmq, and its departure is told after it.

use seaworthy::{Error, Message, Options};

use super::fixture::{Place, SECOND, disconnection, handshake, play, sockets::*};
use super::raw::{RawListener, RawPeer, dealer_named, encoded_frame};

/// What a peer sends before it goes: more than is read ahead of a full pipe, less than the kernels hold.
const SENT: usize = 110;

const BODY: usize = 1000;

/// What is written to a peer that does not read: more than the kernels hold.
const WRITTEN: usize = 300;

#[derive(Clone, Copy, Debug)]
enum Leaves {
    ByReset,
    /// With bytes unread, which makes it a reset, too.
    ByClosing,
    /// Its sending direction first, while it reads nothing.
    AfterShutdown,
}

const WAYS: [Leaves; 3] = [Leaves::ByReset, Leaves::ByClosing, Leaves::AfterShutdown];

fn stalling() -> Options {
    Options::default().rcvhwm(1).sndhwm(2 * WRITTEN)
}

fn body(number: usize) -> Vec<u8> {
    let mut body = vec![b'.'; BODY];
    body[..8].copy_from_slice(&number.to_be_bytes());
    body
}

/// The number in a message's last frame.
fn number(message: &Message) -> usize {
    let last = message.frame(message.len() - 1).expect("a frame");
    usize::from_be_bytes(last[..8].try_into().expect("eight bytes"))
}

#[track_caller]
fn are_all_in_order(numbers: &[usize]) {
    assert_eq!(numbers, (0..SENT).collect::<Vec<_>>());
}

#[test]
fn a_router_receives_what_a_peer_had_sent_that_is_gone() {
    for how in WAYS {
        play(move |stage| async move {
            let router: Router = stage.server.open_with(stalling());
            let mut watch = router.monitor();
            let peer = dealer_named(&stage.client, &stage.server.bind(&router), "c").await;
            handshake(&mut watch).await;
            for _ in 0..WRITTEN {
                router.send([&b"c"[..], &[1; BODY]]).await?;
            }
            stage.pass(SECOND).await;
            says(&peer).await;
            stage.pass(SECOND).await;
            leave(peer, how).await;
            stage.pass(SECOND).await;
            let mut numbers = Vec::new();
            while numbers.len() < SENT {
                assert_eq!(watch.try_recv(), None, "its departure is told after what it delivered");
                numbers.push(number(&router.recv().await?));
            }
            are_all_in_order(&numbers);
            disconnection(&mut watch).await;
            Ok(())
        });
    }
}

#[test]
fn nothing_more_is_sent_to_a_peer_that_is_gone_while_its_messages_wait() {
    play(|stage| async move {
        let router: Router = stage.server.open_with(stalling().router_mandatory(true));
        let mut watch = router.monitor();
        let peer = dealer_named(&stage.client, &stage.server.bind(&router), "c").await;
        handshake(&mut watch).await;
        says(&peer).await;
        stage.pass(SECOND).await;
        peer.reset();
        stage.pass(SECOND).await;
        let refused = router.send(["c", "more"]).await;
        assert!(matches!(refused, Err(Error::Unroutable { .. })), "{refused:?}");
        let mut numbers = Vec::new();
        while numbers.len() < SENT {
            numbers.push(number(&router.recv().await?));
        }
        are_all_in_order(&numbers);
        Ok(())
    });
}

#[test]
fn a_connected_socket_receives_it_too_and_connects_again_meanwhile() {
    for how in WAYS {
        play(move |stage| async move {
            let listener = RawListener::bind(&stage.server, 1);
            let dealer: Dealer = stage.client.open_with(stalling());
            let mut watch = dealer.monitor();
            dealer.connect(stage.server.at(1))?;
            let peer = listener.accept_as("DEALER").await;
            handshake(&mut watch).await;
            for _ in 0..WRITTEN {
                dealer.send(vec![1; BODY]).await?;
            }
            says(&peer).await;
            stage.pass(SECOND).await;
            leave(peer, how).await;
            if !matches!(how, Leaves::AfterShutdown) {
                // A socket that sends and never receives must get its next connection.
                listener.accept_as("DEALER").await;
            }
            let mut numbers = Vec::new();
            while numbers.len() < SENT {
                numbers.push(number(&dealer.recv().await?));
            }
            are_all_in_order(&numbers);
            Ok(())
        });
    }
}

#[test]
fn a_pair_receives_it_too() {
    for how in WAYS {
        play(move |stage| async move {
            let pair: Pair = stage.server.open_with(stalling());
            let mut watch = pair.monitor();
            let peer = connected(&stage.client, &stage.server.bind(&pair), "PAIR").await;
            handshake(&mut watch).await;
            for _ in 0..WRITTEN {
                pair.send(vec![1; BODY]).await?;
            }
            says(&peer).await;
            stage.pass(SECOND).await;
            leave(peer, how).await;
            stage.pass(SECOND).await;
            let mut numbers = Vec::new();
            while numbers.len() < SENT {
                numbers.push(number(&pair.recv().await?));
            }
            are_all_in_order(&numbers);
            Ok(())
        });
    }
}

#[test]
fn a_rep_receives_every_request_of_a_client_that_is_gone() {
    for how in WAYS {
        play(move |stage| async move {
            let rep: Rep = stage.server.open_with(stalling());
            let peer = connected(&stage.client, &stage.server.bind(&rep), "REQ").await;
            for number in 0..SENT {
                peer.say(&[encoded_frame(1, b""), encoded_frame(0, &body(number))].concat()).await;
            }
            stage.pass(SECOND).await;
            leave(peer, how).await;
            stage.pass(SECOND).await;
            let mut numbers = Vec::new();
            while numbers.len() < SENT {
                numbers.push(number(&rep.recv().await?));
                rep.send("reply").await?;
                stage.pass(SECOND / 100).await;
            }
            are_all_in_order(&numbers);
            Ok(())
        });
    }
}

#[test]
fn an_xpub_is_told_of_every_subscription_of_a_subscriber_that_is_gone() {
    for how in WAYS {
        play(move |stage| async move {
            let publisher: XPub = stage.server.open_with(stalling().xpub_verbose(true));
            let mut watch = publisher.monitor();
            let peer = connected(&stage.client, &stage.server.bind(&publisher), "SUB").await;
            handshake(&mut watch).await;
            peer.say_command("SUBSCRIBE", b"a").await;
            publisher.recv().await?;
            for _ in 0..WRITTEN {
                publisher.send([b'a'; BODY].to_vec()).await?;
            }
            for number in 0..SENT {
                peer.say_command("SUBSCRIBE", &body(number)).await;
            }
            stage.pass(SECOND).await;
            leave(peer, how).await;
            let mut numbers = Vec::new();
            while numbers.len() < SENT {
                let notice = publisher.recv().await?;
                numbers.push(usize::from_be_bytes(notice.frame(0).expect("a frame")[1..9].try_into()?));
            }
            are_all_in_order(&numbers);
            Ok(())
        });
    }
}

async fn connected(place: &Place, endpoint: &seaworthy::Endpoint, socket_type: &str) -> RawPeer {
    RawPeer::connect_as(place, endpoint, socket_type).await
}

async fn says(peer: &RawPeer) {
    for number in 0..SENT {
        peer.say(&encoded_frame(0, &body(number))).await;
    }
}

async fn leave(peer: RawPeer, how: Leaves) {
    match how {
        Leaves::ByReset => peer.reset(),
        Leaves::ByClosing => drop(peer),
        Leaves::AfterShutdown => {
            peer.shutdown().await;
            drop(peer);
        }
    }
}
