//! What is read as a whole.

use seaworthy_core::{CurvePublicKey, CurveSecretKey, Endpoint, z85_decode, z85_encode};
use seaworthy_zmtp::Metadata;

pub(crate) fn endpoint(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(endpoint) = text.parse::<Endpoint>() {
        let printed = endpoint.to_string();
        assert_eq!(printed.parse(), Ok(endpoint), "{printed} is what {text:?} was read as");
    }
}

pub(crate) fn endpoint_seeds() -> Vec<Vec<u8>> {
    [
        "tcp://127.0.0.1:5555",
        "tcp://[::1]:0",
        "tcp://*:*",
        "tcp://lo:5555;host.example:5556",
        "ipc:///tmp/socket",
        "ipc://@abstract",
        "ipc://*",
        "inproc://name",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

pub(crate) fn key(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(bytes) = z85_decode(text) {
        assert_eq!(z85_encode(&bytes).as_deref(), Ok(text));
    }
    if let Ok(key) = text.parse::<CurvePublicKey>() {
        assert_eq!(key.to_string(), text);
    }
    if let Ok(key) = text.parse::<CurveSecretKey>() {
        assert_eq!(key.expose_z85(), text);
        assert!(!format!("{key:?}").contains(text));
    }
}

pub(crate) fn key_seeds() -> Vec<Vec<u8>> {
    ["", "HelloWorld", "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"].map(|text| text.as_bytes().to_vec()).into()
}

pub(crate) fn metadata(data: &[u8]) {
    if let Ok(metadata) = Metadata::decode(data) {
        assert!(metadata.iter().count() <= 128);
        assert_eq!(metadata.to_bytes(), data);
    }
}

pub(crate) fn metadata_seeds() -> Vec<Vec<u8>> {
    vec![vec![], b"\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\x03ann\x06X-Team\0\0\0\0".to_vec()]
}
