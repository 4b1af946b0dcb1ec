//! However a valid stream is split, it decodes alike.

use proptest::prelude::*;
use seaworthy_core::Message;
use seaworthy_zmtp::{ConnectionConfig, Error, Event, SocketType};

use crate::scripted::{COMMAND, MORE, Scripted, command, greeting, long, property, short};

/// What a peer says after its greeting and READY.
#[derive(Clone, Debug)]
enum Said {
    Message(Vec<(Vec<u8>, bool)>),
    Ping(u16, Vec<u8>),
    Pong,
    Subscribe(Vec<u8>),
    Cancel(Vec<u8>),
    Unknown(Vec<u8>),
}

impl Said {
    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Message(frames) => {
                let mut bytes = Vec::new();
                for (index, (body, prefers_long)) in frames.iter().enumerate() {
                    let flags = if index + 1 < frames.len() { MORE } else { 0 };
                    let is_long = *prefers_long || body.len() > 255;
                    bytes.extend(if is_long { long(flags, body) } else { short(flags, body) });
                }
                bytes
            }
            Self::Ping(ttl, context) => command("PING", [&ttl.to_be_bytes()[..], context].concat()),
            Self::Pong => long(COMMAND, b"\x04PONG"),
            Self::Subscribe(topic) => command("SUBSCRIBE", topic),
            Self::Cancel(topic) => command("CANCEL", topic),
            Self::Unknown(data) => command("WHATEVER", data),
        }
    }
}

prop_compose! {
    fn body()(size in prop_oneof![0..4_usize, 250..260_usize, 0..2000_usize], first in 0..4_u8, rest in any::<u8>()) -> Vec<u8> {
        let mut body = vec![rest; size];
        if let Some(octet) = body.first_mut() {
            *octet = first;
        }
        body
    }
}

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        4 => prop::collection::vec((body(), any::<bool>()), 1..5).prop_map(Said::Message),
        1 => (any::<u16>(), prop::collection::vec(any::<u8>(), 0..20)).prop_map(|(ttl, context)| Said::Ping(ttl, context)),
        1 => Just(Said::Pong),
        1 => body().prop_map(Said::Subscribe),
        1 => body().prop_map(Said::Cancel),
        1 => body().prop_map(Said::Unknown),
    ]
}

/// What `socket_type` makes of `stream` when it comes in `pieces`, and what it answers.
fn outcome(socket_type: SocketType, pieces: &[&[u8]]) -> Result<(Vec<Event>, Vec<u8>), Error> {
    let mut scripted = Scripted::new(ConnectionConfig::new(socket_type));
    let mut events = Vec::new();
    for piece in pieces {
        events.extend(scripted.try_receives(piece)?);
    }
    assert!(scripted.input.is_empty());
    Ok((events, scripted.sent()))
}

/// As `outcome`, with small messages taken in runs.
fn outcome_in_runs(socket_type: SocketType, pieces: &[&[u8]]) -> Result<Vec<Event>, Error> {
    let Scripted { mut connection, mut input, now } = Scripted::new(ConnectionConfig::new(socket_type));
    let mut events = Vec::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            if let Some(mut small) = connection.small_messages(&mut input) {
                while let Some(body) = small.next() {
                    events.push(Event::Message(body.into()));
                }
            }
            let Some(event) = connection.handle_input(now, &mut input)? else { break };
            events.push(event);
        }
    }
    Ok(events)
}

fn stream(peer: SocketType, said: &[Said]) -> Vec<u8> {
    let mut stream = greeting(3, 1, "NULL");
    stream.extend(command(
        "READY",
        [property("Socket-Type", peer.name()), property("X-more", "metadata")].concat(),
    ));
    stream.extend(said.iter().flat_map(Said::encode));
    stream
}

fn pieces<'a>(mut stream: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    at.sort_unstable();
    let mut pieces = Vec::new();
    let mut taken = 0;
    for cut in at {
        let (piece, rest) = stream.split_at(cut - taken);
        pieces.push(piece);
        (stream, taken) = (rest, cut);
    }
    pieces.push(stream);
    pieces
}

proptest! {
    #[test]
    fn any_split_decodes_alike(said in prop::collection::vec(said(), 0..12), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20)) {
        for (ours, peer) in [(SocketType::Pull, SocketType::Push), (SocketType::XPub, SocketType::XSub)] {
            let stream = stream(peer, &said);
            let whole = outcome(ours, &[&stream]).unwrap();
            prop_assert_eq!(&outcome(ours, &pieces(&stream, &cuts)).unwrap(), &whole);
            prop_assert_eq!(&outcome_in_runs(ours, &pieces(&stream, &cuts)).unwrap(), &whole.0);
            let single_bytes: Vec<&[u8]> = stream.chunks(1).collect();
            prop_assert_eq!(&outcome(ours, &single_bytes).unwrap(), &whole);
        }
    }

    #[test]
    fn messages_come_out_as_they_went_in(said in prop::collection::vec(said(), 0..12)) {
        let (events, _) = outcome(SocketType::Pull, &[&stream(SocketType::Push, &said)]).unwrap();
        let messages = said.iter().filter_map(|said| match said {
            Said::Message(frames) => Some(Event::Message(frames.iter().map(|(body, _)| body.clone()).collect::<Message>())),
            _ => None,
        });
        prop_assert_eq!(&events[1..], &messages.collect::<Vec<_>>()[..]);
    }
}

#[test]
fn a_stream_cut_in_two_at_every_byte_decodes_alike() {
    let said = [
        Said::Subscribe(b"topic".to_vec()),
        Said::Message(vec![(b"one".to_vec(), false)]),
        Said::Message(vec![(b"a".to_vec(), true), (vec![7; 300], false), (Vec::new(), false)]),
        Said::Ping(10, b"ctx".to_vec()),
        Said::Message(vec![(vec![1; 5], false)]),
        Said::Cancel(b"topic".to_vec()),
    ];
    let stream = stream(SocketType::XSub, &said);
    let whole = outcome(SocketType::XPub, &[&stream]).unwrap();
    assert_eq!(whole.0.len(), 6);
    for cut in 0..=stream.len() {
        let (first, second) = stream.split_at(cut);
        assert_eq!(outcome(SocketType::XPub, &[first, second]).unwrap(), whole, "cut at {cut}");
    }
}
