//! Publish and subscribe (RFC 29): every message goes to all subscribers of its topic.

mod publisher;
mod subscriber;

pub use self::publisher::{Pub, TOPIC_BYTES_MAX, TOPICS_MAX};
pub use self::subscriber::Sub;
