//! PLAIN and CURVE over simulated streams: who gets through, who does not, and what is said about it.

use std::sync::Arc;
use std::time::Duration;

use seaworthy::authentication::{AuthenticationRequest, Credentials, Refusal, Verdict};
use seaworthy::curve::{CurvePublicKey, curve_public};
use seaworthy::low_level::mechanism::{CurveClient, CurveServer, Mechanism, PlainClient, PlainServer};
use seaworthy::low_level::{Connection, ConnectionConfig};
use seaworthy::monitor::{Event, HandshakeFailure};
use seaworthy::{Error, Listener, Message, Network, Options, SocketType, StreamOptions};
use seaworthy_sim::Sim;

use super::fixture::{
    MS, SECOND, event, frames, handshake, handshake_failure, heard, play, play_in, retried, sockets::*, text,
};
use super::raw::RawPeer;

const SERVER: [u8; 32] = [11; 32];
const CLIENT: [u8; 32] = [12; 32];

fn public(secret: [u8; 32]) -> CurvePublicKey {
    curve_public(&secret.into())
}

fn curve_server() -> Options {
    Options::default().curve_server(true).curve_secretkey(SERVER)
}

fn curve_client() -> Options {
    Options::default().curve_serverkey(public(SERVER)).curve_secretkey(CLIENT)
}

fn plain_client(password: &str) -> Options {
    Options::default().plain_username("ann").plain_password(password)
}

/// Admits `ann` with her password.
fn judge(request: &AuthenticationRequest) -> Verdict {
    match request.credentials.plain() {
        Some((b"ann", b"secret")) => {
            Verdict::Admitted { user_id: "ann of the sails".into(), metadata: Default::default() }
        }
        _ => Verdict::Refused(Refusal::Denied),
    }
}

#[test]
fn plain_admits_the_user_that_the_authenticator_knows() {
    play(|stage| async move {
        stage.server.set_authenticator(judge);
        let pull: Pull = stage.server.open_with(Options::default().plain_server(true).zap_domain("test"));
        let mut watch = pull.monitor();
        let push: Push = stage.client.open_with(plain_client("secret"));
        push.connect(stage.server.bind(&pull))?;
        push.send("hello").await?;
        assert_eq!(text(&pull.recv().await?), ["hello"]);
        let succeeded = event(&mut watch, |event| matches!(event, Event::HandshakeSucceeded { .. })).await;
        assert!(
            matches!(&succeeded, Event::HandshakeSucceeded { user_id, .. } if user_id == "ann of the sails")
        );
        assert_eq!(pull.connections()[0].user_id, "ann of the sails");
        Ok(())
    });
}

#[test]
fn both_ends_learn_that_a_password_is_wrong_and_the_client_does_not_try_again() {
    play(|stage| async move {
        stage.server.set_authenticator(judge);
        let pull: Pull = stage.server.open_with(Options::default().plain_server(true));
        let mut at_server = pull.monitor();
        let push: Push = stage.client.open_with(plain_client("guess").linger(Duration::ZERO));
        let mut at_client = push.monitor();
        push.connect(stage.server.bind(&pull))?;
        push.send("hello").await?;
        let (failure, reason) = handshake_failure(&mut at_server).await;
        assert_eq!(failure, HandshakeFailure::Authentication);
        assert!(reason.contains("(400)") && !reason.contains("guess"), "{reason}");
        let (failure, reason) = handshake_failure(&mut at_client).await;
        assert_eq!(failure, HandshakeFailure::Authentication);
        assert!(reason.contains("refused the connection: \"400\""), "{reason}");
        event(&mut at_client, |event| matches!(event, Event::ConnectStopped { .. })).await;
        stage.never(pull.recv()).await;
        assert_eq!(pull.peers(), 0);
        Ok(())
    });
}

#[test]
fn plain_without_anybody_to_ask_admits_nobody_until_there_is_somebody() {
    play(|stage| async move {
        let pull: Pull = stage.server.open_with(Options::default().plain_server(true));
        let push: Push = stage.client.open_with(plain_client("secret").linger(Duration::ZERO));
        let mut watch = push.monitor();
        push.connect(stage.server.bind(&pull))?;
        push.send("hello").await?;
        for _ in 0..3 {
            // Nothing is said, so that the client tries again.
            let (failure, _) = handshake_failure(&mut watch).await;
            assert_eq!(failure, HandshakeFailure::NoDetail);
            retried(&mut watch).await;
        }
        stage.never(pull.recv()).await;
        Ok(())
    });
}

#[test]
fn curve_carries_messages_of_every_size_in_both_directions() {
    play(|stage| async move {
        let router: Router = stage.server.open_with(curve_server());
        let dealer: Dealer = stage.client.open_with(curve_client().routing_id("ann"));
        dealer.connect(stage.server.bind(&router))?;
        for size in [0, 1, 64, 255, 256, 8192, 70_000, 1_000_000] {
            let sent = Message::from([vec![7_u8; size], vec![8; size / 3]]);
            dealer.send(sent.clone()).await?;
            let mut received = router.recv().await?;
            assert_eq!(received.pop_front().unwrap(), "ann");
            assert_eq!(received, sent);
            router.send(received.with_envelope(Message::from("ann"))).await?;
            assert_eq!(dealer.recv().await?, sent);
        }
        Ok(())
    });
}

#[test]
fn patterns_work_over_curve() {
    play(|stage| async move {
        let rep: Rep = stage.server.open_with(curve_server());
        let req: Req = stage.client.open_with(curve_client());
        req.connect(stage.server.bind(&rep))?;
        req.send("question").await?;
        assert_eq!(text(&rep.recv().await?), ["question"]);
        rep.send("answer").await?;
        assert_eq!(text(&req.recv().await?), ["answer"]);

        // The client binds, and the server connects.
        let publisher: Pub = stage.server.open_with(curve_server());
        let subscriber: Sub = stage.client.open_with(curve_client());
        publisher.connect(stage.client.bind(&subscriber))?;
        subscriber.subscribe("topic")?;
        heard(&stage, &publisher, &subscriber, "topic").await;
        publisher.send(frames(["other", "not this"])).await?;
        publisher.send(frames(["topic", "this"])).await?;
        loop {
            if let [_, body] = &text(&subscriber.recv().await?)[..]
                && body != "heard?"
            {
                assert_eq!(body, "this");
                return Ok(());
            }
        }
    });
}

#[test]
fn a_client_with_another_servers_key_gets_nothing_and_goes_on_trying() {
    play(|stage| async move {
        let pull: Pull = stage.server.open_with(curve_server());
        let mut at_server = pull.monitor();
        let options = curve_client().curve_serverkey(public([99; 32])).linger(Duration::ZERO);
        let push: Push = stage.client.open_with(options);
        let mut at_client = push.monitor();
        push.connect(stage.server.bind(&pull))?;
        push.send("secret").await?;
        let (failure, reason) = handshake_failure(&mut at_server).await;
        assert_eq!(failure, HandshakeFailure::Protocol);
        assert!(reason.contains("the box of HELLO does not open"), "{reason}");
        assert_eq!(handshake_failure(&mut at_client).await.0, HandshakeFailure::NoDetail);
        retried(&mut at_client).await;
        assert_eq!(pull.peers(), 0);
        Ok(())
    });
}

#[test]
fn ends_of_different_mechanisms_refuse_each_other() {
    let null = Options::default;
    for (server, client) in [
        (curve_server(), null()),
        (null(), curve_client()),
        (Options::default().plain_server(true), null()),
        (curve_server(), plain_client("secret")),
    ] {
        play(|stage| async move {
            let pull: Pull = stage.server.open_with(server);
            let mut at_server = pull.monitor();
            let push: Push = stage.client.open_with(client.linger(Duration::ZERO));
            push.connect(stage.server.bind(&pull))?;
            push.send("hello").await?;
            let (failure, reason) = handshake_failure(&mut at_server).await;
            assert_eq!(failure, HandshakeFailure::Protocol);
            assert!(reason.contains("requires the mechanism"), "{reason}");
            stage.never(pull.recv()).await;
            Ok(())
        });
    }
}

#[test]
fn curve_comes_back_after_cuts_in_the_middle_of_handshakes_and_of_traffic() {
    for seed in 0..20 {
        play_in(Sim::builder(seed), move |stage| async move {
            let pull: Pull = stage.server.open_with(curve_server());
            let push: Push = stage.client.open_with(curve_client());
            let mut watch = pull.monitor();
            // A handshake takes three round trips, two milliseconds each.
            push.connect(stage.server.bind(&pull))?;
            stage.pass(MS * (seed as u32 % 10)).await;
            stage.control.cut(stage.client.id, stage.server.id);
            stage.pass(SECOND).await;
            stage.control.heal(stage.client.id, stage.server.id);
            handshake(&mut watch).await;
            push.send("after").await?;
            assert_eq!(text(&pull.recv().await?), ["after"]);
            stage.control.cut(stage.client.id, stage.server.id);
            stage.pass(SECOND).await;
            stage.control.heal(stage.client.id, stage.server.id);
            push.send("again").await?;
            loop {
                if text(&pull.recv().await?) == ["again"] {
                    return Ok(());
                }
            }
        });
    }
}

#[test]
fn a_stranger_has_no_pipe_however_long_it_stays() {
    play(|stage| async move {
        let pull: Pull = stage.server.open_with(curve_server().handshake_ivl(10 * SECOND));
        let mut watch = pull.monitor();
        let endpoint = stage.server.bind(&pull);
        let stranger = RawPeer::connect(&stage.client, &endpoint).await;
        let mut greeting = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 1];
        greeting.extend(b"CURVE");
        greeting.resize(64, 0);
        stranger.say(&greeting).await;
        stranger.say(b"\x04\xc8\x05HELLO\x01\0").await;
        stage.pass(9 * SECOND).await;
        assert_eq!(pull.peers(), 0);
        let (failure, reason) = handshake_failure(&mut watch).await;
        assert_eq!(failure, HandshakeFailure::NoDetail);
        assert!(reason.contains("handshake is not complete"), "{reason}");
        Ok(())
    });
}

#[test]
fn heartbeats_pass_over_curve_and_find_a_dead_peer() {
    play(|stage| async move {
        let options = |options: Options| options.heartbeat_ivl(100 * MS);
        let pull: Pull = stage.server.open_with(options(curve_server()));
        let push: Push = stage.client.open_with(options(curve_client()));
        let mut watch = pull.monitor();
        push.connect(stage.server.bind(&pull))?;
        handshake(&mut watch).await;
        stage.never(event(&mut watch, |event| matches!(event, Event::Disconnected { .. }))).await;
        stage.control.cut(stage.client.id, stage.server.id);
        let gone =
            stage.within(SECOND, event(&mut watch, |event| matches!(event, Event::Disconnected { .. })));
        assert!(gone.await.is_some());
        Ok(())
    });
}

#[test]
fn a_low_level_connection_uses_any_mechanism_and_judges_its_peer_itself() {
    let mechanisms: [(Arc<dyn Mechanism>, Arc<dyn Mechanism>); 2] = [
        (
            Arc::new(CurveClient::new(public(SERVER), CLIENT.into())),
            Arc::new(CurveServer::new(SERVER.into()).authenticating()),
        ),
        (Arc::new(PlainClient::new("ann", "secret").unwrap()), Arc::new(PlainServer::default())),
    ];
    for (of_client, of_server) in mechanisms {
        for admitted in [Some(true), Some(false), None] {
            let (of_client, of_server) = (Arc::clone(&of_client), Arc::clone(&of_server));
            play(move |stage| async move {
                let listener =
                    stage.server.network().listen(&"tcp://*:1".parse()?, &StreamOptions::default())?;
                let connecting = async {
                    let network = stage.client.network();
                    let stream = network.connect(&stage.server.at(1), &StreamOptions::default()).await?;
                    let mut config = ConnectionConfig::new(SocketType::Push);
                    config.mechanism = of_client;
                    Connection::handshake(&network, stream, config).await
                };
                let accepting = async {
                    let network = stage.server.network();
                    let stream = listener.accept().await?;
                    let mut config = ConnectionConfig::new(SocketType::Pull);
                    config.mechanism = of_server;
                    match admitted {
                        Some(true) => {
                            let judge = |_: &Credentials| Verdict::admitted();
                            Connection::handshake_with(&network, stream, config, judge).await
                        }
                        Some(false) => {
                            let judge = |_: &Credentials| Verdict::Refused(Refusal::Denied);
                            Connection::handshake_with(&network, stream, config, judge).await
                        }
                        // Without anybody to judge, nobody is admitted.
                        None => Connection::handshake(&network, stream, config).await,
                    }
                };
                let (client, server) = futures_util::join!(connecting, accepting);
                assert_eq!(
                    (client.is_ok(), server.is_ok()),
                    (admitted == Some(true), admitted == Some(true))
                );
                if let (Ok(mut client), Ok(mut server)) = (client, server) {
                    client.send("hello").await?;
                    assert_eq!(text(&server.recv().await?), ["hello"]);
                }
                Ok(())
            });
        }
    }
}

#[test]
fn options_that_would_secure_nothing_are_refused_by_name() {
    play(|stage| async move {
        for (options, refused) in [
            (Options::default().curve_secretkey(SERVER), "curve_secretkey"),
            (Options::default().curve_server(true), "curve_secretkey"),
            (curve_server().curve_publickey(public(CLIENT)), "curve_publickey"),
            (curve_client().curve_server(true), "curve_serverkey"),
            (curve_client().plain_server(true), "curve_serverkey"),
            (Options::default().plain_password("secret"), "plain_password"),
        ] {
            let outcome = Push::with_options(&stage.client.context(), options);
            assert!(
                matches!(&outcome, Err(Error::InvalidOption { option, .. }) if *option == refused),
                "{outcome:?}"
            );
        }
        Ok(())
    });
}

#[test]
fn no_secret_stands_in_printed_options() {
    let options = curve_client().plain_password("a secret password");
    let shown = format!("{options:?}");
    assert!(!shown.contains("a secret password") && !shown.contains("12, 12"), "{shown}");
    assert!(shown.contains("Password(..)") && shown.contains("CurveSecretKey(..)"));
}
