//! ZAP, RFC 27: a handler socket of the server's context is asked about each peer, and whatever goes wrong admits
//! nobody.

use std::rc::Rc;
use std::time::Duration;

use seaworthy::authentication::ZAP_ENDPOINT;
use seaworthy::curve::curve_public;
use seaworthy::monitor::{Event, HandshakeFailure};
use seaworthy::{Message, Network, Options};

use super::fixture::{Place, SECOND, event, handshake, handshake_failure, play, retried, sockets::*, text};

const SERVER: [u8; 32] = [11; 32];
const CLIENT: [u8; 32] = [12; 32];

fn curve_server() -> Options {
    Options::default().curve_server(true).curve_secretkey(SERVER)
}

fn curve_client() -> Options {
    let server = curve_public(&SERVER.into());
    Options::default().curve_serverkey(server).curve_secretkey(CLIENT).linger(Duration::ZERO)
}

/// What a handler does with a request.
#[derive(Clone, Copy)]
enum Answer {
    Status(&'static str),
    /// These frames, after the version and the request's id.
    Frames(&'static [&'static str]),
    /// Another id than the request's.
    AnotherId,
    Nothing,
}

/// Starts a handler on `place` that answers every request alike, and keeps the requests.
fn handler(place: &Place, answer: Answer) -> Rc<std::cell::RefCell<Vec<Message>>> {
    let rep: Rep = place.open();
    rep.bind(ZAP_ENDPOINT).expect("nobody has bound it");
    let requests: Rc<std::cell::RefCell<Vec<Message>>> = Rc::default();
    let kept = Rc::clone(&requests);
    place.network().spawn("zap handler", async move {
        while let Ok(request) = rep.recv().await {
            kept.borrow_mut().push(request.clone());
            let id = request.iter().nth(1).expect("a request has an id").to_string_lossy().into_owned();
            let reply = match answer {
                Answer::Status(status) => {
                    vec!["1.0", &id, status, "text", "ann", "\x06X-Team\0\0\0\x05sails"]
                }
                Answer::Frames(frames) => [&["1.0", &id[..]][..], frames].concat(),
                Answer::AnotherId => vec!["1.0", "4711", "200", "", "", ""],
                Answer::Nothing => std::future::pending().await,
            };
            let reply: Message =
                reply.into_iter().collect::<Vec<_>>().into_iter().map(String::from).collect();
            rep.send(reply).await.expect("the one that asked is there");
        }
    });
    requests
}

#[test]
fn a_handler_is_asked_about_the_clients_key_and_admits_it() {
    play(|stage| async move {
        let requests = handler(&stage.server, Answer::Status("200"));
        let pull: Pull = stage.server.open_with(curve_server().zap_domain("harbour"));
        let mut watch = pull.monitor();
        let push: Push = stage.client.open_with(curve_client());
        push.connect(stage.server.bind(&pull))?;
        push.send("hello").await?;
        assert_eq!(text(&pull.recv().await?), ["hello"]);
        let succeeded = event(&mut watch, |event| matches!(event, Event::HandshakeSucceeded { .. })).await;
        let Event::HandshakeSucceeded { user_id, peer, .. } = succeeded else { unreachable!() };
        assert_eq!(user_id, "ann");
        let request = requests.borrow()[0].clone().into_frames();
        let address = peer.rsplit_once(':').unwrap().0;
        assert_eq!(request[..6], ["1.0", "1", "harbour", address, "", "CURVE"].map(seaworthy::Frame::from));
        assert_eq!(request[6], curve_public(&CLIENT.into()).as_bytes());
        assert_eq!(request.len(), 7);
        Ok(())
    });
}

#[test]
fn plain_and_null_ask_with_their_own_credentials() {
    play(|stage| async move {
        let requests = handler(&stage.server, Answer::Status("200"));
        let plain: Pull = stage.server.open_with(Options::default().plain_server(true));
        let null: Pull = stage.server.open_with(Options::default().zap_domain("harbour"));
        let ann: Push =
            stage.client.open_with(Options::default().plain_username("ann").plain_password("secret"));
        let anybody: Push = stage.client.open();
        ann.connect(stage.server.bind(&plain))?;
        ann.send("hello").await?;
        plain.recv().await?;
        anybody.connect(stage.server.bind(&null))?;
        anybody.send("hello").await?;
        null.recv().await?;
        let asked: Vec<_> = requests.borrow().iter().map(|request| text(request)[5..].to_vec()).collect();
        assert_eq!(asked, [vec!["PLAIN", "ann", "secret"], vec!["NULL"]]);
        Ok(())
    });
}

#[test]
fn null_without_a_domain_asks_nobody() {
    play(|stage| async move {
        let requests = handler(&stage.server, Answer::Status("400"));
        let pull: Pull = stage.server.open();
        let push: Push = stage.client.open();
        push.connect(stage.server.bind(&pull))?;
        push.send("hello").await?;
        pull.recv().await?;
        assert!(requests.borrow().is_empty());
        Ok(())
    });
}

#[test]
fn a_status_of_400_or_500_is_told_to_the_client_which_stops() {
    for status in ["400", "500"] {
        play(move |stage| async move {
            handler(&stage.server, Answer::Status(status));
            let pull: Pull = stage.server.open_with(curve_server());
            let mut at_server = pull.monitor();
            let push: Push = stage.client.open_with(curve_client());
            let mut at_client = push.monitor();
            push.connect(stage.server.bind(&pull))?;
            push.send("hello").await?;
            assert_eq!(handshake_failure(&mut at_server).await.0, HandshakeFailure::Authentication);
            let (failure, reason) = handshake_failure(&mut at_client).await;
            assert_eq!(failure, HandshakeFailure::Authentication);
            assert!(reason.contains(status), "{reason}");
            event(&mut at_client, |event| matches!(event, Event::ConnectStopped { .. })).await;
            stage.never(pull.recv()).await;
            assert_eq!(pull.peers(), 0);
            Ok(())
        });
    }
}

#[test]
fn whatever_else_a_handler_answers_admits_nobody_and_is_told_to_nobody() {
    for answer in [
        Answer::Status("300"),
        Answer::Status("201"),
        Answer::Status("20"),
        Answer::Status(""),
        Answer::AnotherId,
        Answer::Frames(&["200", "", "ann"]),
        Answer::Frames(&["200", "", "ann", "", ""]),
        Answer::Frames(&["200", "", "ann", "\x06X-Team\0\0"]),
        Answer::Frames(&[]),
    ] {
        play(move |stage| async move {
            handler(&stage.server, answer);
            let pull: Pull = stage.server.open_with(curve_server());
            let mut at_server = pull.monitor();
            let push: Push = stage.client.open_with(curve_client());
            let mut at_client = push.monitor();
            push.connect(stage.server.bind(&pull))?;
            push.send("hello").await?;
            assert_eq!(handshake_failure(&mut at_server).await.0, HandshakeFailure::Authentication);
            assert_eq!(handshake_failure(&mut at_client).await.0, HandshakeFailure::NoDetail);
            retried(&mut at_client).await;
            stage.never(pull.recv()).await;
            Ok(())
        });
    }
}

#[test]
fn a_handler_that_does_not_answer_admits_nobody() {
    play(|stage| async move {
        let requests = handler(&stage.server, Answer::Nothing);
        let pull: Pull = stage.server.open_with(curve_server().handshake_ivl(5 * SECOND));
        let mut watch = pull.monitor();
        let push: Push = stage.client.open_with(curve_client());
        push.connect(stage.server.bind(&pull))?;
        push.send("hello").await?;
        let began = stage.now();
        let (failure, reason) = handshake_failure(&mut watch).await;
        assert_eq!(failure, HandshakeFailure::NoDetail);
        assert!(reason.contains("handshake is not complete"), "{reason}");
        assert!(stage.now() - began <= 6 * SECOND);
        assert_eq!((pull.peers(), requests.borrow().len()), (0, 1));
        Ok(())
    });
}

#[test]
fn with_a_domain_a_server_without_a_handler_admits_nobody_until_there_is_one() {
    play(|stage| async move {
        let pull: Pull = stage.server.open_with(curve_server().zap_domain("harbour"));
        let mut watch = pull.monitor();
        let push: Push = stage.client.open_with(curve_client());
        push.connect(stage.server.bind(&pull))?;
        push.send("hello").await?;
        for _ in 0..3 {
            let (failure, reason) = handshake_failure(&mut watch).await;
            assert_eq!(failure, HandshakeFailure::Authentication);
            assert!(reason.contains("no verdict"), "{reason}");
        }
        handler(&stage.server, Answer::Status("200"));
        handshake(&mut watch).await;
        assert_eq!(text(&pull.recv().await?), ["hello"]);
        Ok(())
    });
}

#[test]
fn without_a_domain_curve_asks_a_handler_only_if_there_is_one_and_domains_are_not_enforced() {
    for (has_handler, enforced, admitted) in [(false, false, true), (true, false, false), (true, true, true)]
    {
        play(move |stage| async move {
            if has_handler {
                handler(&stage.server, Answer::Status("400"));
            }
            let pull: Pull = stage.server.open_with(curve_server().zap_enforce_domain(enforced));
            let push: Push = stage.client.open_with(curve_client());
            push.connect(stage.server.bind(&pull))?;
            push.send("hello").await?;
            assert_eq!(stage.within(10 * SECOND, pull.recv()).await.is_some(), admitted);
            Ok(())
        });
    }
}

#[test]
fn a_router_may_be_the_handler_and_answer_out_of_order() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        router.bind(ZAP_ENDPOINT)?;
        stage.server.network().spawn("zap handler", async move {
            let mut requests = Vec::new();
            while requests.len() < 2 {
                requests.push(router.recv().await.expect("it lives"));
            }
            for request in requests.into_iter().rev() {
                let (envelope, body) = request.split_envelope().expect("it has a delimiter");
                let id = body.iter().nth(1).expect("a request has an id").clone();
                let reply: Message =
                    ["1.0".into(), id, "200".into(), "".into(), "".into(), "".into()].into_iter().collect();
                router.send(reply.with_envelope(envelope)).await.expect("it lives");
            }
            std::future::pending::<()>().await;
        });
        let pull: Pull = stage.server.open_with(curve_server());
        let endpoint = stage.server.bind(&pull);
        let (one, another): (Push, Push) =
            (stage.client.open_with(curve_client()), stage.other.open_with(curve_client()));
        for push in [&one, &another] {
            push.connect(&endpoint)?;
            push.send("hello").await?;
        }
        for _ in 0..2 {
            assert_eq!(text(&pull.recv().await?), ["hello"]);
        }
        Ok(())
    });
}

#[test]
fn a_client_that_leaves_while_it_is_judged_leaves_nothing_behind() {
    play(|stage| async move {
        let requests = handler(&stage.server, Answer::Nothing);
        let pull: Pull = stage.server.open_with(curve_server().handshake_ivl(5 * SECOND));
        let mut watch = pull.monitor();
        let endpoint = stage.server.bind(&pull);
        for _ in 0..10 {
            let push: Push = stage.client.open_with(curve_client());
            push.connect(&endpoint)?;
            stage.pass(SECOND / 10).await;
            push.close().await;
        }
        for _ in 0..10 {
            handshake_failure(&mut watch).await;
        }
        assert_eq!(pull.peers(), 0);
        assert!(!requests.borrow().is_empty());
        let left = stage.server.context().inproc_endpoints();
        assert!(left.iter().all(|name| name.pipes.len() <= 1), "{left:?}");
        Ok(())
    });
}
