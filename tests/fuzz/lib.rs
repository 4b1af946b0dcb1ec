//! What any bytes must not do, as functions of bytes: one for each thing that reads what comes from outside.
//!
//! A fuzzer calls them ([`libfuzzer/`](https://rust-fuzz.github.io/book/cargo-fuzz.html)), and so does the test of this
//! package, for a short while, with mutations of [`Target::seeds`]. Each panics when a promise is broken; whatever a
//! fuzzer finds becomes a test of the room that it concerns.

mod connection;
#[path = "../../crates/zmtp/tests/zmtp/curve/secrets.rs"]
#[allow(dead_code, reason = "not everything in it is needed here")]
mod secrets;
mod text;

use std::fmt;

/// Something that reads what comes from outside.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Target {
    /// Its name, as that of a fuzzer's target and of its corpus.
    pub name: &'static str,
    /// Reads these bytes.
    pub run: fn(&[u8]),
    /// Bytes with which reading gets far.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

macro_rules! targets {
    ($($(#[$doc:meta])* $name:ident: $run:expr, $seeds:expr;)+) => {
        $(
            $(#[$doc])*
            ///
            /// # Panics
            /// When it breaks a promise.
            pub fn $name(data: &[u8]) {
                ($run)(data);
            }
        )+

        /// All of them.
        pub const TARGETS: &[Target] = &[
            $(Target { name: stringify!($name), run: $name, seeds: $seeds },)+
        ];
    };
}

targets! {
    /// A whole stream from the first octet, to a connection of NULL.
    null: connection::null, connection::null_seeds;
    /// The same, to a client of PLAIN.
    plain_client: connection::plain_client, connection::plain_client_seeds;
    /// The same, to a server of PLAIN that admits everybody.
    plain_server: connection::plain_server, connection::plain_server_seeds;
    /// The same, to a client of CURVE.
    curve_client: connection::curve_client, connection::curve_seeds;
    /// The same, to a server of CURVE.
    curve_server: connection::curve_server, connection::curve_seeds;
    /// What comes after the handshake, to a publisher with heartbeats.
    established: connection::established, connection::established_seeds;
    /// What goes over the wire between two ends of CURVE, with octets of it changed: three bytes for each, two for where
    /// and one for by what.
    curve_changed: connection::curve_changed, connection::change_seeds;
    /// An endpoint.
    endpoint: text::endpoint, text::endpoint_seeds;
    /// A key of CURVE, and Z85 of any length.
    key: text::key, text::key_seeds;
    /// The metadata of a peer, or of a reply of ZAP.
    metadata: text::metadata, text::metadata_seeds;
}
