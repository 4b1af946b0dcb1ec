//! Publish and subscribe (RFC 29): every message goes to all subscribers of its topic.

mod audience;
mod notices;
mod publisher;
mod subscriber;
mod wishes;
mod xpub;
mod xsub;

pub use self::audience::{TOPIC_BYTES_MAX, TOPICS_MAX};
pub use self::publisher::Pub;
pub use self::subscriber::Sub;
pub use self::xpub::XPub;
pub use self::xsub::XSub;
