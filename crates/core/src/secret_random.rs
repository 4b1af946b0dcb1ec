//! Random bytes for keys and nonces.

use std::fmt;
use std::io;
use std::rc::Rc;

use crate::Network;

/// Random bytes that nobody can predict, for keys and nonces.
///
/// Only a [`Network`] can make one, with its [`fill_secret`](Network::fill_secret): the operating system's generator
/// for `CompioNetwork`, and a stream that follows from the seed inside a simulation. So a program that runs on the real
/// network cannot draw a key from a simulation's generator, nor from [`Network::random`].
#[derive(Clone)]
pub struct SecretRandom(Rc<Source>);

/// Fills a slice.
type Source = dyn Fn(&mut [u8]) -> io::Result<()>;

impl SecretRandom {
    /// Draws from `network`.
    pub fn from_network<N: Network>(network: &N) -> Self {
        let network = network.clone();
        Self(Rc::new(move |secret| network.fill_secret(secret)))
    }

    /// Fills `secret`.
    ///
    /// # Errors
    /// The operating system has no random bytes to give. What `secret` holds then must not be used.
    pub fn fill(&self, secret: &mut [u8]) -> io::Result<()> {
        (self.0)(secret)
    }
}

impl fmt::Debug for SecretRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretRandom").finish_non_exhaustive()
    }
}
