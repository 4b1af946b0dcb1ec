//! What a caller does that it must not do ends its connection, and nothing else.

use bytes::{Bytes, BytesMut};
use seaworthy_core::{Instant, Message};
use seaworthy_zmtp::{ApiMisuse, Connection, ConnectionConfig, Error, SocketType};

use crate::scripted::Scripted;

#[track_caller]
fn failed_with(connection: &mut Connection, misuse: ApiMisuse) {
    let error = Error::ApiMisuse(misuse);
    assert!(!error.is_protocol());
    assert_eq!(error.wire_reason(), None);
    assert_eq!(connection.handle_input(Instant::ZERO, &mut BytesMut::new()), Err(error.clone()));
    assert_eq!(connection.handle_timeout(Instant::ZERO), Err(error));
}

#[test]
fn sending_before_ready() {
    let mut push = Scripted::greeted(SocketType::Push);
    push.connection.send(&Message::from("early"));
    assert_eq!(push.sent(), []);
    failed_with(&mut push.connection, ApiMisuse::SentBeforeReady);

    let mut sub = Scripted::greeted(SocketType::Sub);
    sub.connection.subscribe(b"early");
    assert_eq!(sub.sent(), []);
    failed_with(&mut sub.connection, ApiMisuse::SentBeforeReady);
}

#[test]
fn sending_a_message_without_frames() {
    let mut push = Scripted::in_traffic(SocketType::Push);
    push.connection.send(&Message::default());
    assert_eq!(push.sent(), []);
    failed_with(&mut push.connection, ApiMisuse::EmptyMessage);
}

#[test]
fn subscribing_on_a_socket_that_is_no_subscriber() {
    for socket_type in SocketType::ALL {
        let subscriber = [SocketType::Sub, SocketType::XSub].contains(&socket_type);
        for cancel in [false, true] {
            let mut scripted = Scripted::in_traffic(socket_type);
            if cancel {
                scripted.connection.cancel(b"topic");
            } else {
                scripted.connection.subscribe(b"topic");
            }
            assert_eq!(scripted.sent().is_empty(), !subscriber);
            if !subscriber {
                failed_with(&mut scripted.connection, ApiMisuse::NotASubscriber(socket_type));
            }
        }
    }
}

#[test]
fn a_routing_id_that_must_not_be_announced() {
    let connection = |id: Vec<u8>| {
        let mut config = ConnectionConfig::new(SocketType::Dealer);
        config.routing_id = Bytes::from(id);
        Connection::new(config, Instant::ZERO)
    };
    assert_eq!(connection(vec![1; 255]).transmit_len(), 11);
    for (id, reason) in [
        (vec![1; 256], "it is longer than 255 bytes"),
        (vec![0, 1], "it begins with a zero byte, which is reserved"),
    ] {
        let length = id.len();
        let mut connection = connection(id);
        assert_eq!(connection.transmit_len(), 0);
        failed_with(&mut connection, ApiMisuse::RoutingId { length, reason });
    }
}
