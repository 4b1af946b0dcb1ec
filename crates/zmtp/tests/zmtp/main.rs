//! ZMTP as a peer sees it: byte vectors written from the RFCs, deadlines in virtual time, and properties.
//! One file per behaviour; `scripted` and `pair` are the vocabulary.

mod pair;
mod scripted;

mod api_misuse;
mod authentication;
mod commands;
#[cfg(feature = "curve")]
mod curve;
mod custom_mechanism;
mod encode_and_decode;
mod error_command;
mod frames;
mod greeting;
mod heartbeat;
mod hostile_bytes;
mod metadata;
mod multipart;
mod null_handshake;
mod older_peers;
mod plain;
mod small_messages;
mod socket_types;
mod splits;
mod subscriptions;
mod transmission;
