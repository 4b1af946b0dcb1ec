//! Verdicts on peers of NULL, and what is refused before any command: other mechanisms, other versions, other roles.

use seaworthy_zmtp::mechanism::{Null, PlainClient, PlainServer};
use seaworthy_zmtp::{
    ApiMisuse, ConnectionConfig, Credentials, Error, Event, PeerIncompatible, Refusal, SocketType, Verdict,
};

use crate::scripted::{Scripted, command, greeting, ready};

#[test]
fn null_asks_for_a_verdict_before_it_announces_anything() {
    let mut config = ConnectionConfig::new(SocketType::Pull);
    config.mechanism = std::sync::Arc::new(Null::authenticating());
    let mut pull = Scripted::new(config);
    let events = pull.receives([greeting(3, 1, "NULL"), ready(SocketType::Push)].concat());
    assert_eq!(events, [Event::Authenticate(Credentials::new("NULL", []))]);
    assert_eq!(pull.sent().len(), 64);
    assert_eq!(pull.connection.authenticate(pull.now, Verdict::admitted()), Ok(None));
    assert_eq!(pull.sent(), ready(SocketType::Pull));
    assert!(matches!(pull.receives("")[..], [Event::Ready(_)]));
}

#[test]
fn null_closes_on_a_peer_that_is_refused() {
    let mut config = ConnectionConfig::new(SocketType::Pull);
    config.mechanism = std::sync::Arc::new(Null::authenticating());
    let mut pull = Scripted::new(config);
    pull.receives([greeting(3, 1, "NULL"), ready(SocketType::Push)].concat());
    pull.sent();
    let verdict = Verdict::Refused(Refusal::Denied);
    let error = pull.connection.authenticate(pull.now, verdict).unwrap_err();
    assert_eq!(pull.sent(), command("ERROR", "\x03400"));
    assert_eq!(pull.try_receives(""), Err(error));
}

#[test]
fn a_verdict_that_nobody_asked_for_is_misuse() {
    for mut scripted in [Scripted::greeted(SocketType::Pull), Scripted::in_traffic(SocketType::Pull)] {
        let error = scripted.connection.authenticate(scripted.now, Verdict::admitted()).unwrap_err();
        assert_eq!(error, Error::ApiMisuse(ApiMisuse::VerdictNotAwaited));
        assert!(scripted.connection.peer().is_none(), "it has failed");
    }
}

#[test]
fn a_peer_cannot_choose_a_mechanism_that_asks_for_less() {
    for theirs in ["NULL", "CURVE", "PLAINX", "plain", ""] {
        let mut config = ConnectionConfig::new(SocketType::Pull);
        config.mechanism = std::sync::Arc::new(PlainServer::default());
        let mut server = Scripted::new(config);
        let error = server.fails_on([greeting(3, 1, theirs), ready(SocketType::Push)].concat());
        let (ours, theirs) = ("PLAIN".to_owned(), theirs.to_owned());
        assert_eq!(error, Error::PeerIncompatible(PeerIncompatible::Mechanism { ours, theirs }));
        assert_eq!(server.sent().len(), 64, "our greeting, and no command");
    }
}

#[test]
fn a_peer_cannot_choose_a_version_without_mechanisms() {
    for older in [greeting(1, 0, "")[..11].to_vec(), greeting(2, 0, "")[..11].to_vec(), vec![0x01, 0x00]] {
        let mut config = ConnectionConfig::new(SocketType::Pull);
        config.mechanism = std::sync::Arc::new(PlainServer::default());
        let mut server = Scripted::new(config);
        assert!(matches!(server.fails_on(older), Error::PeerIncompatible(_)));
        assert_eq!(server.sent().len(), 11);
    }
}

#[test]
fn two_servers_do_not_wait_for_each_other() {
    let of_a_server = {
        let mut octets = greeting(3, 1, "PLAIN");
        octets[32] = 1;
        octets
    };
    let mut config = ConnectionConfig::new(SocketType::Pull);
    config.mechanism = std::sync::Arc::new(PlainServer::default());
    let error = Scripted::new(config.clone()).fails_on(&of_a_server);
    let mechanism = "PLAIN".to_owned();
    assert_eq!(error, Error::PeerIncompatible(PeerIncompatible::TwoServers { mechanism }));
    config.mechanism = std::sync::Arc::new(PlainClient::new("ann", "").unwrap());
    assert_eq!(Scripted::new(config).receives(&of_a_server), []);
}
