//! That the sockets are ZeroMQ sockets: libzmq's test suite by meaning, and what it cannot test, in virtual time.
//!
//! A test is a script ([`fixture::play`]) that holds sockets on several simulated hosts and waits for their own
//! futures only. A [`raw::RawPeer`] says frames byte by byte, so that such a test reads like a packet trace.

mod fixture;
mod raw;

mod adapters;
mod broken_writes;
mod cancellation;
mod cancellation_matrix;
mod close_timeout;
mod connections;
mod dealer;
mod endpoints;
mod handshakes;
mod heartbeats;
mod high_water_marks;
mod hostile_peers;
mod inproc;
mod limits;
mod linger;
mod living_options;
mod low_level;
mod mandatory_router;
mod memory_budget;
mod neighbours;
mod options;
mod pair;
mod proxy;
mod publish_subscribe;
mod push_pull;
mod reconnect;
mod reconnect_pauses;
mod request_reply;
mod router;
mod routing_ids;
mod security;
mod slow_subscribers;
mod subscriptions;
mod timeouts;
mod turns;
mod waiting;
mod warnings;
mod wishes;
mod xpub;
mod xsub;
mod zap;
