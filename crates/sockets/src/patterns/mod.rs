//! The socket types, and what each of them can do.
//!
//! A type is a parameter of [`Socket`](crate::Socket), which has a method only if the type can do it:
//!
//! | type | `send` [`Sends`] | `recv` [`Receives`] | `subscribe` [`Subscribes`] | by a proxy [`Forwards`] | without room |
//! |---|---|---|---|---|---|
//! | [`Push`] | yes | | | yes | waits |
//! | [`Pull`] | | yes | | yes | |
//! | [`Dealer`] | yes | yes | | yes | waits |
//! | [`Router`] | yes | yes | | yes | drops |
//! | [`Req`] | yes | yes | | | waits |
//! | [`Rep`] | yes | yes | | | drops |
//! | [`Pub`] | yes | | | yes | drops |
//! | [`Sub`] | | yes | yes | yes | |
//! | [`XPub`] | yes | yes | with `xpub_manual` | yes | drops |
//! | [`XSub`] | yes | yes | yes | yes | drops |
//! | [`Pair`] | yes | yes | | yes | waits |
//!
//! The traits are sealed: they are for functions that take sockets of any type that can do something.
//!
//! ```
//! use seaworthy::{Error, Network, PushSocket, Sends, Socket};
//!
//! async fn send_all<P: Sends, N: Network>(socket: &Socket<P, N>, messages: &[&'static str]) -> Result<(), Error> {
//!     for &message in messages {
//!         socket.send(message).await?;
//!     }
//!     Ok(())
//! }
//!
//! fn on_the_real_network<P: Sends>(socket: &Socket<P>) -> usize {
//!     socket.peers()
//! }
//!
//! # #[compio::main]
//! # async fn main() -> Result<(), Error> {
//! # use seaworthy::{Context, Options};
//! # let options = Options::default().linger(std::time::Duration::ZERO);
//! let push = PushSocket::with_options(&Context::new(), options)?;
//! push.connect("ipc://@anybody")?;
//! send_all(&push, &["one", "two"]).await?;
//! assert_eq!(on_the_real_network(&push), 1);
//! # Ok(()) }
//! ```

mod abilities;
mod behavior;
mod dealer;
mod forwards;
mod pair;
mod r#pub;
mod pull;
mod push;
mod rep;
mod req;
mod router;
mod sub;
mod subscribers;
mod subscription_notifications;
mod subscription_set;
mod xpub;
mod xsub;

pub use self::abilities::{Pattern, Receives, Sends, Subscribes};
pub(crate) use self::behavior::{Behavior, TopicFilter, TryRecv, TrySend};
pub use self::dealer::Dealer;
pub use self::forwards::Forwards;
pub use self::pair::Pair;
pub use self::r#pub::Pub;
pub use self::pull::Pull;
pub use self::push::Push;
pub use self::rep::Rep;
pub use self::req::Req;
pub use self::router::Router;
pub use self::sub::Sub;
pub use self::xpub::XPub;
pub use self::xsub::XSub;
