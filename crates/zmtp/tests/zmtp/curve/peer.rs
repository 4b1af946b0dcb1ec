//! Peers of CURVE, written from RFC 26 with primitives of another crate, which can also do what they must not.

use dryoc::classic::crypto_box::{crypto_box_easy, crypto_box_open_easy};
use dryoc::classic::crypto_core::crypto_scalarmult_base;
use dryoc::classic::crypto_secretbox::{crypto_secretbox_easy, crypto_secretbox_open_easy};
use seaworthy_core::{CurvePublicKey, CurveSecretKey};

use crate::scripted::{command, long, property, short};

pub(crate) type Key = [u8; 32];

/// Seals from one key pair to another.
pub(crate) fn sealed(plain: &[u8], nonce: &[u8; 24], to: &Key, from: &Key) -> Vec<u8> {
    let mut body = vec![0; plain.len() + 16];
    crypto_box_easy(&mut body, plain, nonce, to, from).unwrap();
    body
}

pub(crate) fn opened(body: &[u8], nonce: &[u8; 24], from: &Key, to: &Key) -> Vec<u8> {
    let mut plain = vec![0; body.len() - 16];
    crypto_box_open_easy(&mut plain, body, nonce, from, to).unwrap();
    plain
}

pub(crate) fn nonce(prefix: &str, rest: &[u8]) -> [u8; 24] {
    [prefix.as_bytes(), rest].concat().try_into().unwrap()
}

pub(crate) fn public(secret: &Key) -> Key {
    let mut public = [0; 32];
    crypto_scalarmult_base(&mut public, secret);
    public
}

/// The body of a command frame, without the name.
#[track_caller]
pub(crate) fn data<'a>(frame: &'a [u8], name: &str) -> &'a [u8] {
    let body = if frame[0] & 2 == 0 { &frame[2..] } else { &frame[9..] };
    assert_eq!(usize::from(body[0]), name.len(), "{}", frame.escape_ascii());
    body[1..].strip_prefix(name.as_bytes()).unwrap()
}

/// A MESSAGE frame.
pub(crate) fn message_frame(
    prefix: &str,
    number: u64,
    flags: u8,
    body: &[u8],
    to: &Key,
    from: &Key,
) -> Vec<u8> {
    let number = number.to_be_bytes();
    let sealed = sealed(&[&[flags], body].concat(), &nonce(prefix, &number), to, from);
    let body = [b"\x07MESSAGE", &number[..], &sealed].concat();
    if body.len() > 255 { long(0, body) } else { short(0, body) }
}

/// A client whose every field can be chosen.
#[derive(Clone)]
pub(crate) struct Client {
    /// S, as the client knows it.
    pub(crate) server: Key,
    /// c.
    pub(crate) secret: Key,
    /// c'.
    pub(crate) transient: Key,
    /// What its vouch says: C' and S.
    pub(crate) vouched: Option<(Key, Key)>,
    /// The nonces of HELLO and INITIATE.
    pub(crate) numbers: (u64, u64),
    /// C, as it stands in INITIATE.
    pub(crate) public: Key,
}

impl Client {
    pub(crate) fn new(server: Key) -> Self {
        let secret = [21; 32];
        Self { server, secret, transient: [22; 32], vouched: None, numbers: (1, 2), public: public(&secret) }
    }

    /// The data of HELLO.
    pub(crate) fn hello_data(&self) -> Vec<u8> {
        let number = self.numbers.0.to_be_bytes();
        let signature = sealed(&[0; 64], &nonce("CurveZMQHELLO---", &number), &self.server, &self.transient);
        [&[1, 0][..], &[0; 72], &public(&self.transient), &number, &signature].concat()
    }

    pub(crate) fn hello(&self) -> Vec<u8> {
        command("HELLO", self.hello_data())
    }

    /// S' and the cookie out of WELCOME.
    #[track_caller]
    pub(crate) fn welcomed(&self, frame: &[u8]) -> (Key, Vec<u8>) {
        assert_eq!(frame.len(), 2 + 168, "RFC 26: 168 octets");
        let data = data(frame, "WELCOME");
        let plain = opened(&data[16..], &nonce("WELCOME-", &data[..16]), &self.server, &self.transient);
        (plain[..32].try_into().unwrap(), plain[32..].to_vec())
    }

    /// The data of INITIATE.
    pub(crate) fn initiate_data(&self, server: &Key, cookie: &[u8], metadata: &[u8]) -> Vec<u8> {
        let (transient, permanent) = self.vouched.unwrap_or((public(&self.transient), self.server));
        let vouch_nonce = [23; 16];
        let vouch =
            sealed(&[transient, permanent].concat(), &nonce("VOUCH---", &vouch_nonce), server, &self.secret);
        let number = self.numbers.1.to_be_bytes();
        let plain = [&self.public[..], &vouch_nonce, &vouch, metadata].concat();
        let sealed = sealed(&plain, &nonce("CurveZMQINITIATE", &number), server, &self.transient);
        [cookie, &number, &sealed].concat()
    }

    pub(crate) fn initiate(&self, server: &Key, cookie: &[u8], socket_type: &str) -> Vec<u8> {
        command("INITIATE", self.initiate_data(server, cookie, &property("Socket-Type", socket_type)))
    }

    pub(crate) fn message(&self, server: &Key, number: u64, flags: u8, body: &[u8]) -> Vec<u8> {
        message_frame("CurveZMQMESSAGEC", number, flags, body, server, &self.transient)
    }
}

/// A server whose every field can be chosen.
pub(crate) struct Server {
    /// s.
    pub(crate) secret: Key,
    /// s'.
    pub(crate) transient: Key,
    cookie_key: Key,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self { secret: [31; 32], transient: [32; 32], cookie_key: [33; 32] }
    }

    /// C' out of HELLO, whose every field is checked.
    #[track_caller]
    pub(crate) fn greeted(&self, frame: &[u8]) -> Key {
        assert_eq!(frame.len(), 2 + 200, "RFC 26: 200 octets");
        let data = data(frame, "HELLO");
        assert_eq!((&data[..2], &data[2..74]), (&[1, 0][..], &[0; 72][..]));
        let client: Key = data[74..106].try_into().unwrap();
        assert_eq!(data[106..114], 1_u64.to_be_bytes());
        let signature =
            opened(&data[114..], &nonce("CurveZMQHELLO---", &data[106..114]), &client, &self.secret);
        assert_eq!(signature, [0; 64]);
        client
    }

    pub(crate) fn welcome_data(&self, client: &Key) -> Vec<u8> {
        let cookie_nonce = [34; 16];
        let mut cookie = vec![0; 80];
        let inside = [*client, self.transient].concat();
        crypto_secretbox_easy(&mut cookie, &inside, &nonce("COOKIE--", &cookie_nonce), &self.cookie_key)
            .unwrap();
        let plain = [&public(&self.transient)[..], &cookie_nonce, &cookie].concat();
        let welcome_nonce = [35; 16];
        let sealed = sealed(&plain, &nonce("WELCOME-", &welcome_nonce), client, &self.secret);
        [&welcome_nonce[..], &sealed].concat()
    }

    pub(crate) fn welcome(&self, client: &Key) -> Vec<u8> {
        command("WELCOME", self.welcome_data(client))
    }

    /// C and the metadata out of INITIATE, whose every field is checked.
    #[track_caller]
    pub(crate) fn initiated(&self, frame: &[u8], client: &Key) -> (Key, Vec<u8>) {
        let data = data(frame, "INITIATE");
        assert!(data.len() + 9 >= 257, "RFC 26: at least 257 octets");
        let mut cookie = vec![0; 64];
        crypto_secretbox_open_easy(
            &mut cookie,
            &data[16..96],
            &nonce("COOKIE--", &data[..16]),
            &self.cookie_key,
        )
        .unwrap();
        assert_eq!(cookie, [*client, self.transient].concat());
        assert_eq!(data[96..104], 2_u64.to_be_bytes());
        let plain = opened(&data[104..], &nonce("CurveZMQINITIATE", &data[96..104]), client, &self.transient);
        let permanent: Key = plain[..32].try_into().unwrap();
        let vouch = opened(&plain[48..128], &nonce("VOUCH---", &plain[32..48]), &permanent, &self.transient);
        assert_eq!(vouch, [*client, public(&self.secret)].concat());
        (permanent, plain[128..].to_vec())
    }

    pub(crate) fn ready(&self, client: &Key, number: u64, socket_type: &str) -> Vec<u8> {
        let number = number.to_be_bytes();
        let metadata = property("Socket-Type", socket_type);
        let sealed = sealed(&metadata, &nonce("CurveZMQREADY---", &number), client, &self.transient);
        command("READY", [&number[..], &sealed].concat())
    }

    pub(crate) fn message(&self, client: &Key, number: u64, flags: u8, body: &[u8]) -> Vec<u8> {
        message_frame("CurveZMQMESSAGES", number, flags, body, client, &self.transient)
    }
}

pub(crate) fn as_public(key: Key) -> CurvePublicKey {
    CurvePublicKey::from(key)
}

pub(crate) fn as_secret(key: Key) -> CurveSecretKey {
    CurveSecretKey::from(key)
}
