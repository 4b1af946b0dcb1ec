//! A password, as options hold it.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A password. It is never printed, and its memory is overwritten when it is dropped.
///
/// ```
/// use seaworthy_core::Password;
/// assert_eq!(format!("{:?}", Password::from("secret")), "Password(..)");
/// ```
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Password(Box<[u8]>);

impl Password {
    /// The password itself, for whatever sends or checks it.
    pub const fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl Default for Password {
    /// The empty one.
    fn default() -> Self {
        Self(Box::default())
    }
}

impl From<&str> for Password {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl From<&[u8]> for Password {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self(text.into_bytes().into())
    }
}

impl From<Vec<u8>> for Password {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}
