//! What a program's log says at WARN: peers that it cannot talk to, and nothing that happens all the time.

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use seaworthy::Options;
use seaworthy::monitor::{WARNING_PERIOD, WARNINGS_MAX};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::fixture::{Fixture, Outcome, SECOND, play, sockets::*};
use super::raw::{RawPeer, hello};

/// Everything that was said at WARN, a line each.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    fn lines(&self) -> Vec<String> {
        self.0.lock().expect("nobody panicked").clone()
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, "{field}={value:?} ").expect("memory");
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() == Level::WARN
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().expect("nobody panicked").push(line.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// What is said at WARN while the script plays.
fn warnings<F: Future<Output = Outcome> + 'static>(
    script: impl FnOnce(Fixture) -> F + 'static,
) -> Vec<String> {
    let warnings = Warnings::default();
    tracing::subscriber::with_default(warnings.clone(), || play(script));
    warnings.lines()
}

/// A greeting that requires a mechanism which nobody here speaks.
fn curve() -> Vec<u8> {
    let mut octets = hello("PUSH", &[]);
    octets[12..17].copy_from_slice(b"CURVE");
    octets
}

#[test]
fn a_peer_that_cannot_be_talked_to_is_warned_of_with_its_address() {
    let malformed = [&hello("PUSH", &[])[..], &[0xff, 0, 0]].concat();
    for (octets, expected) in [
        (curve(), r#"it requires the mechanism "CURVE" and we require "NULL""#),
        (hello("SUB", &[]), "socket type SUB cannot talk to PULL"),
        (malformed, "frame flags 0xff use reserved bits"),
        (b"GET / HTTP/1.1\r\n".to_vec(), "it speaks ZMTP 1.0 or another protocol"),
    ] {
        let lines = warnings(move |stage| async move {
            let pull: Pull = stage.server.open();
            let peer = RawPeer::connect(&stage.client, &stage.server.bind(&pull)).await;
            peer.say(&octets).await;
            stage.pass(SECOND).await;
            Ok(())
        });
        let [line] = &lines[..] else { panic!("{expected}: {lines:?}") };
        assert!(line.replace('\\', "").contains(expected) && line.contains("peer=\"10."), "{line}");
    }
}

#[test]
fn a_connecting_socket_warns_too_and_says_that_it_stops() {
    let lines = warnings(|stage| async move {
        let listener = super::raw::RawListener::bind(&stage.server, 1);
        let push: Push = stage.client.open_with(Options::default().linger(Duration::ZERO));
        push.connect(stage.server.at(1))?;
        let peer = listener.accept().await;
        peer.say(&curve()).await;
        stage.pass(SECOND).await;
        Ok(())
    });
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("handshake failed") && lines[1].contains("connect stopped"), "{lines:?}");
}

#[test]
fn inproc_peers_of_the_wrong_type_are_warned_of() {
    let lines = warnings(|stage| async move {
        let (pull, sub): (Pull, Sub) = (stage.server.open(), stage.server.open());
        pull.bind("inproc://here")?;
        sub.connect("inproc://here")?;
        stage.pass(SECOND).await;
        Ok(())
    });
    assert_eq!(lines.len(), 3, "the binding side, the connecting side, and that it stops: {lines:?}");
    assert!(lines.iter().all(|line| line.contains("cannot talk to")), "{lines:?}");
}

#[test]
fn peers_that_come_and_go_are_not_warned_of() {
    let lines = warnings(|stage| async move {
        let (pull, push): (Pull, Push) = (stage.server.open(), stage.client.open());
        push.connect(stage.server.at(1))?;
        stage.pass(SECOND).await;
        pull.bind("tcp://*:1")?;
        push.send("hello").await?;
        pull.recv().await?;
        push.close().await;
        RawPeer::connect(&stage.client, &stage.server.at(1)).await.reset();
        stage.pass(SECOND).await;
        Ok(())
    });
    assert_eq!(lines, [""; 0]);
}

#[test]
fn a_flood_of_wrong_peers_does_not_flood_the_log() {
    let lines = warnings(|stage| async move {
        let pull: Pull = stage.server.open();
        let endpoint = stage.server.bind(&pull);
        for _ in 0..WARNINGS_MAX + 5 {
            RawPeer::connect(&stage.client, &endpoint).await.say(&curve()).await;
        }
        stage.pass(WARNING_PERIOD).await;
        RawPeer::connect(&stage.client, &endpoint).await.say(&curve()).await;
        stage.pass(SECOND).await;
        Ok(())
    });
    let max = WARNINGS_MAX as usize;
    assert_eq!(lines.len(), max + 1);
    assert!(lines[..max].iter().all(|line| !line.contains("suppressed")), "{lines:?}");
    assert!(lines[max].contains("suppressed=5 "), "{lines:?}");
}

#[test]
fn many_sockets_with_one_trouble_share_the_limit() {
    let lines = warnings(|stage| async move {
        let listener = super::raw::RawListener::bind(&stage.server, 1);
        let sockets: Vec<Push> = (0..WARNINGS_MAX)
            .map(|_| stage.client.open_with(Options::default().linger(Duration::ZERO)))
            .collect();
        for push in &sockets {
            push.connect(stage.server.at(1))?;
            listener.accept().await.say(&curve()).await;
        }
        stage.pass(SECOND).await;
        Ok(())
    });
    assert_eq!(lines.len(), WARNINGS_MAX as usize, "two each, without a limit in common: {lines:?}");
}
