//! The primitives: X25519, XSalsa20 and Poly1305, put together as NaCl's `crypto_box` and `crypto_secretbox`. Nothing
//! else in the crate computes with keys.
//!
//! The feature `curve-dryoc` takes them from another crate, which is several times as fast and has had no audit: see
//! docs/DESIGN.md. Both are compared with each other and with NaCl's own vectors below.

use std::fmt;

use seaworthy_core::{CURVE_KEY_BYTES, CurvePublicKey, CurveSecretKey};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

#[cfg(feature = "curve-dryoc")]
use dryoc_primitives as primitives;
#[cfg(not(feature = "curve-dryoc"))]
use rust_crypto as primitives;

pub(super) const NONCE_BYTES: usize = 24;
pub(super) const TAG_BYTES: usize = 16;

pub(super) type Nonce = [u8; NONCE_BYTES];
pub(super) type Tag = [u8; TAG_BYTES];

/// A box that does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Forged;

/// A key with which boxes are sealed and opened.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct BoxKey([u8; CURVE_KEY_BYTES]);

impl BoxKey {
    /// `crypto_box_beforenm`. `None` if the public key is of low order, so that the result would be known to everybody.
    pub(super) fn agree(public: &CurvePublicKey, secret: &CurveSecretKey) -> Option<Self> {
        primitives::agree(public.as_bytes(), secret.expose()).map(Self)
    }

    /// A key for `crypto_secretbox`.
    pub(super) fn from_secret(secret: &[u8; CURVE_KEY_BYTES]) -> Self {
        Self(*secret)
    }

    /// Encrypts `body` in place and returns its tag.
    pub(super) fn seal(&self, nonce: &Nonce, body: &mut [u8]) -> Tag {
        primitives::seal(&self.0, nonce, body)
    }

    /// Checks the tag, and decrypts `body` in place if it is right.
    pub(super) fn open(&self, nonce: &Nonce, tag: &Tag, body: &mut [u8]) -> Result<(), Forged> {
        primitives::open(&self.0, nonce, tag, body)
    }
}

impl fmt::Debug for BoxKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxKey(..)")
    }
}

/// `crypto_scalarmult_base`.
pub(super) fn public_key(secret: &CurveSecretKey) -> CurvePublicKey {
    primitives::public_key(secret.expose()).into()
}

/// Compares in a time that depends on the lengths only.
pub(super) fn equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// By the RustCrypto project and dalek.
#[cfg(any(test, not(feature = "curve-dryoc")))]
mod rust_crypto {
    use crypto_secretbox::aead::AeadInPlace;
    use crypto_secretbox::{Kdf, KeyInit, XSalsa20Poly1305};
    use curve25519_dalek::montgomery::MontgomeryPoint;
    use curve25519_dalek::traits::IsIdentity;
    use salsa20::Salsa20;
    use zeroize::Zeroizing;

    use super::{CURVE_KEY_BYTES, Forged, Nonce, Tag};

    pub(super) fn public_key(secret: &[u8; CURVE_KEY_BYTES]) -> [u8; CURVE_KEY_BYTES] {
        MontgomeryPoint::mul_base_clamped(*secret).to_bytes()
    }

    pub(super) fn agree(
        public: &[u8; CURVE_KEY_BYTES],
        secret: &[u8; CURVE_KEY_BYTES],
    ) -> Option<[u8; CURVE_KEY_BYTES]> {
        let shared = Zeroizing::new(MontgomeryPoint(*public).mul_clamped(*secret));
        if shared.is_identity() {
            return None;
        }
        Some(Salsa20::kdf((&shared.0).into(), &Default::default()).into())
    }

    pub(super) fn seal(key: &[u8; CURVE_KEY_BYTES], nonce: &Nonce, body: &mut [u8]) -> Tag {
        match XSalsa20Poly1305::new(key.into()).encrypt_in_place_detached(nonce.into(), b"", body) {
            Ok(tag) => tag.into(),
            Err(_) => unreachable!("only associated data, of which there is none, cannot be encrypted"),
        }
    }

    pub(super) fn open(
        key: &[u8; CURVE_KEY_BYTES],
        nonce: &Nonce,
        tag: &Tag,
        body: &mut [u8],
    ) -> Result<(), Forged> {
        XSalsa20Poly1305::new(key.into())
            .decrypt_in_place_detached(nonce.into(), b"", body, tag.into())
            .map_err(|_| Forged)
    }
}

/// By dryoc.
#[cfg(any(test, feature = "curve-dryoc"))]
mod dryoc_primitives {
    use dryoc::classic::crypto_box::{
        crypto_box_beforenm, crypto_box_detached_afternm_inplace, crypto_box_open_detached_afternm_inplace,
    };
    use dryoc::classic::crypto_core::crypto_scalarmult_base;

    use super::{CURVE_KEY_BYTES, Forged, Nonce, Tag};

    pub(super) fn public_key(secret: &[u8; CURVE_KEY_BYTES]) -> [u8; CURVE_KEY_BYTES] {
        let mut public = [0; CURVE_KEY_BYTES];
        crypto_scalarmult_base(&mut public, secret);
        public
    }

    pub(super) fn agree(
        public: &[u8; CURVE_KEY_BYTES],
        secret: &[u8; CURVE_KEY_BYTES],
    ) -> Option<[u8; CURVE_KEY_BYTES]> {
        crypto_box_beforenm(public, secret).ok()
    }

    pub(super) fn seal(key: &[u8; CURVE_KEY_BYTES], nonce: &Nonce, body: &mut [u8]) -> Tag {
        let mut tag = Tag::default();
        crypto_box_detached_afternm_inplace(body, &mut tag, nonce, key);
        tag
    }

    pub(super) fn open(
        key: &[u8; CURVE_KEY_BYTES],
        nonce: &Nonce,
        tag: &Tag,
        body: &mut [u8],
    ) -> Result<(), Forged> {
        crypto_box_open_detached_afternm_inplace(body, tag, nonce, key).map_err(|_| Forged)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Forged, Nonce, Tag, dryoc_primitives, equal, rust_crypto};

    type Key = [u8; 32];

    /// Either crate behind the same functions.
    struct Primitives {
        public_key: fn(&Key) -> Key,
        agree: fn(&Key, &Key) -> Option<Key>,
        seal: fn(&Key, &Nonce, &mut [u8]) -> Tag,
        open: fn(&Key, &Nonce, &Tag, &mut [u8]) -> Result<(), Forged>,
    }

    const EACH: [Primitives; 2] = [
        Primitives {
            public_key: rust_crypto::public_key,
            agree: rust_crypto::agree,
            seal: rust_crypto::seal,
            open: rust_crypto::open,
        },
        Primitives {
            public_key: dryoc_primitives::public_key,
            agree: dryoc_primitives::agree,
            seal: dryoc_primitives::seal,
            open: dryoc_primitives::open,
        },
    ];

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        let octet = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap();
        assert_eq!(text.len(), 2 * N);
        std::array::from_fn(octet)
    }

    /// From "Cryptography in NaCl", sections 2, 8 and 10.
    #[test]
    fn the_vectors_of_nacl_come_out() {
        let alice: Key = hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
        let bob: Key = hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
        let nonce: Nonce = hex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37");
        let plain: [u8; 131] = hex(concat!(
            "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c6129",
            "6cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde",
            "048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705",
        ));
        let sealed: [u8; 131] = hex(concat!(
            "8e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c972",
            "71d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da",
            "99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5",
        ));
        let tag: Tag = hex("f3ffc7703f9400e52a7dfb4b3d3305d9");
        for primitives in EACH {
            let public = (primitives.public_key)(&bob);
            assert_eq!(public, hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"));
            let key = (primitives.agree)(&public, &alice).unwrap();
            assert_eq!(key, hex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389"));
            assert_eq!((primitives.agree)(&(primitives.public_key)(&alice), &bob), Some(key));
            let mut body = plain;
            assert_eq!((primitives.seal)(&key, &nonce, &mut body), tag);
            assert_eq!(body, sealed);
            assert_eq!((primitives.open)(&key, &nonce, &tag, &mut body), Ok(()));
            assert_eq!(body, plain);
        }
    }

    #[test]
    fn no_secret_is_agreed_with_a_public_key_of_low_order() {
        // The points of order 1, 2, 4 and 8, and encodings of them that are not reduced.
        let low = [
            hex("0000000000000000000000000000000000000000000000000000000000000000"),
            hex("0100000000000000000000000000000000000000000000000000000000000000"),
            hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
            hex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
            hex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
            hex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
            hex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        ];
        for primitives in EACH {
            for public in low {
                assert_eq!((primitives.agree)(&public, &[7; 32]), None, "{public:x?}");
            }
        }
    }

    #[test]
    fn what_is_compared_is_equal_only_as_a_whole() {
        assert!(equal(b"abc", b"abc") && equal(b"", b""));
        assert!(!equal(b"abc", b"abd") && !equal(b"abc", b"ab"));
    }

    proptest! {
        #[test]
        fn both_crates_seal_and_open_alike(
            secrets in any::<[Key; 2]>(),
            nonce in any::<Nonce>(),
            plain in prop::collection::vec(any::<u8>(), 0..2000),
            change in any::<prop::sample::Index>(),
        ) {
            let [ours, theirs] = &EACH;
            let public = (ours.public_key)(&secrets[0]);
            prop_assert_eq!(public, (theirs.public_key)(&secrets[0]));
            let key = (ours.agree)(&public, &secrets[1]);
            prop_assert_eq!(key, (theirs.agree)(&public, &secrets[1]));
            let key = key.unwrap();
            let (mut a, mut b) = (plain.clone(), plain.clone());
            let tag = (ours.seal)(&key, &nonce, &mut a);
            prop_assert_eq!(tag, (theirs.seal)(&key, &nonce, &mut b));
            prop_assert_eq!(&a, &b);
            let whole: Vec<u8> = [&tag[..], &a].concat();
            for primitives in &EACH {
                let mut opened = a.clone();
                prop_assert_eq!((primitives.open)(&key, &nonce, &tag, &mut opened), Ok(()));
                prop_assert_eq!(&opened, &plain);
                let mut changed = whole.clone();
                *change.get_mut(&mut changed) ^= 1;
                let (tag, body) = changed.split_first_chunk_mut().unwrap();
                prop_assert_eq!((primitives.open)(&key, &nonce, tag, body), Err(Forged));
            }
        }
    }
}
