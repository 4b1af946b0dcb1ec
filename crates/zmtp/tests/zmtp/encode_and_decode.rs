//! What one connection encodes, another decodes to the same.

use bytes::Bytes;
use proptest::prelude::*;
use seaworthy_core::Message;
use seaworthy_zmtp::{ConnectionConfig, Event, SocketType};

use crate::pair::Pair;

/// What a user does with one end.
#[derive(Clone, Debug)]
enum Done {
    Send(Vec<usize>),
    Subscribe(usize),
    Cancel(usize),
    /// What waits reaches the other end.
    Drive,
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0..300_usize, 2 => 250..260_usize, 1 => 8_180..8_200_usize, 1 => 0..150_000_usize]
}

fn done() -> impl Strategy<Value = Done> {
    prop_oneof![
        6 => prop::collection::vec(size(), 1..4).prop_map(Done::Send),
        1 => (0..3000_usize).prop_map(Done::Subscribe),
        1 => (0..3000_usize).prop_map(Done::Cancel),
        2 => Just(Done::Drive),
    ]
}

fn bytes(size: usize, salt: usize) -> Bytes {
    // Not 0 or 1 at the front: an XPUB would take that for a subscription.
    (0..size).map(|at| 2 + ((at * 31 + salt) % 250) as u8).collect::<Vec<u8>>().into()
}

proptest! {
    #[test]
    fn everything_arrives_once_and_in_order(done in prop::collection::vec(done(), 0..40)) {
        let [xsub, xpub] = [SocketType::XSub, SocketType::XPub].map(ConnectionConfig::new);
        let mut pair = Pair::ready(xsub, xpub);
        let mut expected = Vec::new();
        for (salt, done) in done.iter().enumerate() {
            let xsub = &mut pair.a.connection;
            match done {
                Done::Send(sizes) => {
                    let message: Message = sizes.iter().map(|size| bytes(*size, salt)).collect();
                    xsub.send(&message);
                    expected.push(Event::Message(message));
                }
                Done::Subscribe(size) => {
                    xsub.subscribe(&bytes(*size, salt));
                    expected.push(Event::Subscribe(bytes(*size, salt)));
                }
                Done::Cancel(size) => {
                    xsub.cancel(&bytes(*size, salt));
                    expected.push(Event::Cancel(bytes(*size, salt)));
                }
                Done::Drive => pair.drive().unwrap(),
            }
        }
        pair.drive().unwrap();
        prop_assert_eq!(pair.b.events, expected);
        prop_assert_eq!(pair.a.events, []);
    }
}
