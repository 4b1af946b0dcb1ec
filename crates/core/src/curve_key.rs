//! Keys of CURVE, as options hold them.

use std::fmt;
use std::str::FromStr;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::z85::{Z85Error, z85_decode, z85_encode};

/// Bytes of a key.
pub const CURVE_KEY_BYTES: usize = 32;

/// A public key of CURVE: 32 bytes, or 40 characters of Z85.
///
/// ```
/// use seaworthy_core::CurvePublicKey;
/// let key: CurvePublicKey = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7".parse().unwrap();
/// assert_eq!(key.to_string(), "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7");
/// assert_eq!(key, CurvePublicKey::from(*key.as_bytes()));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CurvePublicKey([u8; CURVE_KEY_BYTES]);

impl CurvePublicKey {
    /// The key itself.
    pub const fn as_bytes(&self) -> &[u8; CURVE_KEY_BYTES] {
        &self.0
    }
}

impl From<[u8; CURVE_KEY_BYTES]> for CurvePublicKey {
    fn from(bytes: [u8; CURVE_KEY_BYTES]) -> Self {
        Self(bytes)
    }
}

impl FromStr for CurvePublicKey {
    type Err = CurveKeyError;

    fn from_str(text: &str) -> Result<Self, CurveKeyError> {
        Ok(Self(*decoded(text)?))
    }
}

impl fmt::Display for CurvePublicKey {
    /// As Z85.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encoded(&self.0))
    }
}

impl fmt::Debug for CurvePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CurvePublicKey({self})")
    }
}

/// A secret key of CURVE: 32 bytes, or 40 characters of Z85. It is never printed, and its memory is overwritten when it
/// is dropped.
///
/// ```
/// use seaworthy_core::CurveSecretKey;
/// let key: CurveSecretKey = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6".parse().unwrap();
/// assert_eq!(format!("{key:?}"), "CurveSecretKey(..)");
/// assert_eq!(key.expose_z85(), "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6");
/// ```
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct CurveSecretKey([u8; CURVE_KEY_BYTES]);

impl CurveSecretKey {
    /// The key itself, for whatever computes with it.
    pub const fn expose(&self) -> &[u8; CURVE_KEY_BYTES] {
        &self.0
    }

    /// The key as Z85, to be stored where only its owner can read it.
    pub fn expose_z85(&self) -> String {
        encoded(&self.0)
    }
}

impl From<[u8; CURVE_KEY_BYTES]> for CurveSecretKey {
    fn from(bytes: [u8; CURVE_KEY_BYTES]) -> Self {
        Self(bytes)
    }
}

impl FromStr for CurveSecretKey {
    type Err = CurveKeyError;

    fn from_str(text: &str) -> Result<Self, CurveKeyError> {
        let key = decoded(text)?;
        Ok(Self(*key))
    }
}

impl fmt::Debug for CurveSecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CurveSecretKey(..)")
    }
}

/// Why a text is not a key. It names places and never content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CurveKeyError {
    /// Another number of characters.
    #[error("a key has 40 characters of Z85, and this text has {0}")]
    Length(usize),
    /// Not Z85.
    #[error("the key is not Z85: {0}")]
    Z85(#[from] Z85Error),
}

fn decoded(text: &str) -> Result<zeroize::Zeroizing<[u8; CURVE_KEY_BYTES]>, CurveKeyError> {
    let length = text.chars().count();
    if length != CURVE_KEY_BYTES / 4 * 5 {
        return Err(CurveKeyError::Length(length));
    }
    let bytes = zeroize::Zeroizing::new(z85_decode(text)?);
    let key = bytes.as_slice().try_into().map_err(|_| CurveKeyError::Length(length))?;
    Ok(zeroize::Zeroizing::new(key))
}

fn encoded(key: &[u8; CURVE_KEY_BYTES]) -> String {
    // 32 is divisible by 4.
    z85_encode(key).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_another_length_is_no_key() {
        for text in
            ["", "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf", "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf70"]
        {
            let refused = CurveKeyError::Length(text.len());
            assert_eq!(text.parse::<CurvePublicKey>(), Err(refused));
            assert_eq!(text.parse::<CurveSecretKey>().unwrap_err(), refused);
        }
    }

    #[test]
    fn an_error_about_a_key_does_not_show_it() {
        let text = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh~";
        let error = text.parse::<CurveSecretKey>().unwrap_err();
        assert_eq!(error, CurveKeyError::Z85(Z85Error::Character { index: 39 }));
        assert_eq!(error.to_string(), "the key is not Z85: character 39 is not one of Z85");
    }
}
