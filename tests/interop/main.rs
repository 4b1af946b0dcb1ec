//! Seaworthy and libzmq as each other's peers: every pair of socket types, over tcp and ipc, with either of them
//! as the side that binds. Over inproc, where they cannot meet, that the same program comes to the same result.
//!
//! The two sides synchronise by messages. Where they wait they wait for [`DEADLINE`](libzmq::DEADLINE), which
//! fails the test; time passes on purpose only in the tests of heartbeats and of high-water marks.

mod conversation;
mod corpus;
mod dealer_router;
mod heartbeat;
mod high_water_mark;
mod inproc;
mod libzmq;
mod link;
mod pair;
mod plain;
mod proxy;
mod publish_subscribe;
mod push_pull;
mod reconnect;
mod req_rep;
mod router_router;
mod xpub_xsub;
