//! ZAP, the ZeroMQ Authentication Protocol (RFC 27): a handler socket of the same context is asked.
//!
//! Whatever goes wrong refuses the peer: no handler, no answer within the time of the handshake, an answer that is
//! malformed or belongs to another request. The connection is then closed without an ERROR command, and the peer may
//! try again.

use bytes::Bytes;
use seaworthy_core::{Frame, Message, Network, Options};
use seaworthy_zmtp::{Metadata, Refusal, Verdict};

use super::AuthenticationRequest;
use crate::DealerSocket;
use crate::context::Context;

/// Where the handler binds a REP or a ROUTER.
pub const ZAP_ENDPOINT: &str = "inproc://zeromq.zap.01";

/// The same, without its scheme.
const NAME: &str = "zeromq.zap.01";

/// RFC 27: "The version frame, which SHALL contain the three octets "1.0"."
const VERSION: &str = "1.0";

/// Whether a socket of the context, on any thread, has bound the endpoint.
pub(super) fn has_handler<N: Network>(context: &Context<N>) -> bool {
    context.names().is_bound(NAME)
}

/// Asks the handler. Dropping the future drops the request.
pub(super) async fn ask<N: Network>(
    context: &Context<N>,
    number: u64,
    request: AuthenticationRequest,
) -> Verdict {
    let unknown = Verdict::Refused(Refusal::Temporary);
    // A socket for each request: an answer that comes late finds nobody, and cannot be taken for another's.
    let options = Options::default().linger(std::time::Duration::ZERO);
    let Ok(dealer) = DealerSocket::with_options(context, options) else { return unknown };
    if dealer.connect(ZAP_ENDPOINT).is_err() || dealer.send(encode(number, request)).await.is_err() {
        return unknown;
    }
    match dealer.recv().await {
        Ok(reply) => decode(number, reply).unwrap_or(unknown),
        Err(_) => unknown,
    }
}

/// The request, as a DEALER sends it: with the delimiter.
fn encode(number: u64, request: AuthenticationRequest) -> Message {
    let AuthenticationRequest { domain, address, routing_id, credentials } = request;
    let mut message = Message::from(["", VERSION]);
    let fields = [
        Frame::from(number.to_string()),
        Frame::from(domain),
        Frame::from(address),
        Frame::from(routing_id),
        Frame::from(credentials.mechanism),
    ];
    message.extend(fields);
    message.extend(credentials.frames.into_iter().map(Frame::from));
    message
}

/// What the handler says, if it follows RFC 27 in every frame.
fn decode(number: u64, reply: Message) -> Option<Verdict> {
    let Ok([delimiter, version, id, status, _text, user_id, metadata]) = reply.into_array() else {
        return None;
    };
    if !delimiter.is_empty() || version != VERSION || id != number.to_string() {
        return None;
    }
    match &status[..] {
        b"200" => {
            let metadata = Metadata::decode(&metadata).ok()?;
            Some(Verdict::Admitted { user_id: Bytes::from(user_id), metadata })
        }
        b"300" => Some(Verdict::Refused(Refusal::Temporary)),
        b"400" => Some(Verdict::Refused(Refusal::Denied)),
        b"500" => Some(Verdict::Refused(Refusal::Internal)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use seaworthy_zmtp::Credentials;

    use super::*;

    fn reply(frames: [&'static str; 7]) -> Message {
        Message::from(frames)
    }

    #[test]
    fn a_request_has_the_frames_of_rfc_27() {
        let credentials = Credentials::new("PLAIN", ["admin", "secret"].map(Bytes::from));
        let request = AuthenticationRequest {
            domain: "test".to_owned(),
            address: "192.168.55.1".to_owned(),
            routing_id: Bytes::from("BOB"),
            credentials,
        };
        let expected = ["", "1.0", "7", "test", "192.168.55.1", "BOB", "PLAIN", "admin", "secret"];
        assert_eq!(encode(7, request), Message::from(expected));
    }

    #[test]
    fn a_status_of_200_admits_with_user_and_metadata() {
        let admitted = decode(7, reply(["", "1.0", "7", "200", "OK", "joe", "\x03X-A\0\0\0\x01a"]));
        let Some(Verdict::Admitted { user_id, metadata }) = admitted else { panic!("{admitted:?}") };
        assert_eq!((&user_id[..], &metadata.get("x-a").unwrap()[..]), (&b"joe"[..], &b"a"[..]));
    }

    #[test]
    fn the_other_statuses_refuse() {
        for (status, refusal) in
            [("300", Refusal::Temporary), ("400", Refusal::Denied), ("500", Refusal::Internal)]
        {
            let refused = decode(7, reply(["", "1.0", "7", status, "no", "", ""]));
            assert_eq!(refused, Some(Verdict::Refused(refusal)));
        }
    }

    #[test]
    fn an_answer_that_is_malformed_in_any_frame_is_none() {
        for malformed in [
            ["x", "1.0", "7", "200", "", "joe", ""],
            ["", "1.1", "7", "200", "", "joe", ""],
            ["", "1.0", "8", "200", "", "joe", ""],
            ["", "1.0", "", "200", "", "joe", ""],
            ["", "1.0", "7", "20", "", "joe", ""],
            ["", "1.0", "7", "2000", "", "joe", ""],
            ["", "1.0", "7", "201", "", "joe", ""],
            ["", "1.0", "7", "600", "", "joe", ""],
            ["", "1.0", "7", "200", "", "joe", "\x03X-A\0\0"],
        ] {
            assert_eq!(decode(7, reply(malformed)), None, "{malformed:?}");
        }
        assert_eq!(decode(7, Message::from(["", "1.0", "7", "200", "", "joe"])), None, "a frame too few");
        let more = ["", "1.0", "7", "200", "", "joe", "", ""];
        assert_eq!(decode(7, Message::from(more)), None, "a frame too many");
    }
}
