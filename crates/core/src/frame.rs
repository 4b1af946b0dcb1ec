//! The bytes of one frame.

use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::str::{self, Utf8Error};

use bytes::{Bytes, BytesMut};

/// Longest frame that lies in its [`Frame`], in bytes. Such a frame has no allocation, hence no reference count: two
/// atomic operations for each message, and a cache line that all threads with a clone write to. What it costs is a
/// copy of one cache line whenever the frame moves.
pub const FRAME_IN_PLACE_MAX: usize = 64;

/// One frame of a [`Message`](crate::Message): bytes that do not change.
///
/// What comes as a slice is copied: into the frame itself when it is no longer than [`FRAME_IN_PLACE_MAX`], as libzmq
/// does it, and into an allocation otherwise. What comes as an allocation ([`Bytes`], a vector, a string) keeps it,
/// however short it is, and clones share it. What is `'static` is best given by [`from_static`](Self::from_static). To
/// read numbers and the like, take `&frame[..]` or [`into_bytes`](Self::into_bytes) as a [`Buf`](bytes::Buf).
///
/// ```
/// use seaworthy_core::Frame;
/// let frame = Frame::from("a frame");
/// assert_eq!(frame, "a frame");
/// assert_eq!(&frame[2..], b"frame");
/// ```
#[derive(Clone)]
pub struct Frame(Body);

#[derive(Clone)]
enum Body {
    InPlace(InPlace),
    Shared(Bytes),
}

/// The length comes last, so that whether a frame is moved as a whole or its bytes alone, the processor reads the same
/// pieces that it wrote: others would have to wait until these have left for the cache.
#[derive(Clone, Copy)]
#[repr(C)]
struct InPlace {
    bytes: [u8; FRAME_IN_PLACE_MAX],
    length: Length,
}

macro_rules! lengths {
    ($($length:ident)*) => {
        /// Length of a frame in place. The values that it cannot have tell the other kinds of frames and messages
        /// apart, so that these take no room of their own. It has eight bytes since it is moved with eight: what was
        /// written with fewer would make the processor wait.
        #[derive(Clone, Copy)]
        #[repr(u64)]
        enum Length { $($length,)* }

        const LENGTHS: [Length; FRAME_IN_PLACE_MAX + 1] = [$(Length::$length,)*];
    };
}

lengths! {
    L0 L1 L2 L3 L4 L5 L6 L7 L8 L9 L10 L11 L12 L13 L14 L15 L16 L17 L18 L19 L20 L21 L22 L23 L24 L25 L26 L27 L28 L29 L30
    L31 L32 L33 L34 L35 L36 L37 L38 L39 L40 L41 L42 L43 L44 L45 L46 L47 L48 L49 L50 L51 L52 L53 L54 L55 L56 L57 L58
    L59 L60 L61 L62 L63 L64
}

impl InPlace {
    /// `None` when it is too long.
    #[inline(always)]
    fn copy(from: &[u8]) -> Option<Self> {
        let length = *LENGTHS.get(from.len())?;
        let mut bytes = [0; FRAME_IN_PLACE_MAX];
        bytes[..from.len()].copy_from_slice(from);
        Some(Self { bytes, length })
    }
}

impl Frame {
    /// A frame of memory that lives for ever: neither copied nor counted, however long it is.
    pub const fn from_static(bytes: &'static [u8]) -> Self {
        Self(Body::Shared(Bytes::from_static(bytes)))
    }

    /// The bytes as text.
    ///
    /// ```
    /// use seaworthy_core::Frame;
    /// assert_eq!(Frame::from("hello").as_str(), Ok("hello"));
    /// assert!(Frame::from(&[0xff]).as_str().is_err());
    /// ```
    ///
    /// # Errors
    /// The bytes are not UTF-8; the error says from where on. See [`to_string_lossy`](Self::to_string_lossy).
    pub fn as_str(&self) -> Result<&str, Utf8Error> {
        str::from_utf8(self)
    }

    /// The bytes as text, with U+FFFD in place of what is not UTF-8; for logs and people.
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self)
    }

    /// The bytes as a buffer that can be shared and sliced. A frame that has no allocation is copied into one.
    pub fn into_bytes(self) -> Bytes {
        match self.0 {
            Body::InPlace(_) => Bytes::copy_from_slice(&self),
            Body::Shared(bytes) => bytes,
        }
    }
}

impl Deref for Frame {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Body::InPlace(own) => &own.bytes[..own.length as usize],
            Body::Shared(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Borrow<[u8]> for Frame {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl Default for Frame {
    /// An empty frame.
    #[inline]
    fn default() -> Self {
        Self(Body::Shared(Bytes::new()))
    }
}

impl fmt::Debug for Frame {
    /// As a byte string.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.escape_ascii())
    }
}

impl From<&[u8]> for Frame {
    #[inline(always)]
    fn from(bytes: &[u8]) -> Self {
        match InPlace::copy(bytes) {
            Some(own) => Self(Body::InPlace(own)),
            None => Self(Body::Shared(Bytes::copy_from_slice(bytes))),
        }
    }
}

impl<const N: usize> From<&[u8; N]> for Frame {
    #[inline(always)]
    fn from(bytes: &[u8; N]) -> Self {
        Self::from(&bytes[..])
    }
}

impl From<&str> for Frame {
    #[inline(always)]
    fn from(text: &str) -> Self {
        Self::from(text.as_bytes())
    }
}

impl From<&Vec<u8>> for Frame {
    fn from(bytes: &Vec<u8>) -> Self {
        Self::from(&bytes[..])
    }
}

impl From<&String> for Frame {
    fn from(text: &String) -> Self {
        Self::from(text.as_bytes())
    }
}

impl FromIterator<u8> for Frame {
    fn from_iter<I: IntoIterator<Item = u8>>(bytes: I) -> Self {
        Self::from(bytes.into_iter().collect::<Vec<u8>>())
    }
}

impl<'a> IntoIterator for &'a Frame {
    type Item = &'a u8;
    type IntoIter = std::slice::Iter<'a, u8>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<Bytes> for Frame {
    #[inline(always)]
    fn from(bytes: Bytes) -> Self {
        Self(Body::Shared(bytes))
    }
}

macro_rules! from_allocation {
    ($($allocation:ty)*) => {$(
        impl From<$allocation> for Frame {
            fn from(allocation: $allocation) -> Self {
                Self(Body::Shared(allocation.into()))
            }
        }
    )*};
}

from_allocation! { BytesMut Box<[u8]> String Vec<u8> }

impl From<Frame> for Bytes {
    fn from(frame: Frame) -> Self {
        frame.into_bytes()
    }
}

impl From<Frame> for Vec<u8> {
    fn from(frame: Frame) -> Self {
        match frame.0 {
            Body::InPlace(_) => frame.to_vec(),
            Body::Shared(bytes) => bytes.into(),
        }
    }
}

impl<T: AsRef<[u8]> + ?Sized> PartialEq<T> for Frame {
    fn eq(&self, other: &T) -> bool {
        self[..] == *other.as_ref()
    }
}

macro_rules! equals_frame {
    ($($bytes:ty)*) => {$(
        impl PartialEq<Frame> for $bytes {
            fn eq(&self, other: &Frame) -> bool {
                other == self
            }
        }
    )*};
}

equals_frame! { [u8] &[u8] str &str Bytes String Vec<u8> }

impl Eq for Frame {}

impl PartialOrd for Frame {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Frame {
    fn cmp(&self, other: &Self) -> Ordering {
        self[..].cmp(other)
    }
}

impl Hash for Frame {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self[..].hash(state);
    }
}

#[cfg(test)]
mod tests {
    use std::hash::DefaultHasher;

    use super::*;

    fn lies_in_itself(frame: &Frame) -> bool {
        let place = std::ptr::from_ref(frame).addr();
        (place..place + size_of::<Frame>()).contains(&frame.as_ptr().addr())
    }

    #[test]
    fn a_slice_is_copied_into_the_frame_itself_up_to_the_limit() {
        for length in [0, 1, 15, FRAME_IN_PLACE_MAX - 1, FRAME_IN_PLACE_MAX] {
            let bytes: Vec<u8> = (1..).take(length).collect();
            let frame = Frame::from(&bytes[..]);
            assert_eq!(frame, bytes);
            assert!(lies_in_itself(&frame));
            assert_eq!(frame.clone().into_bytes(), bytes);
            assert_eq!(Vec::from(frame), bytes);
        }
        let longer = [7; FRAME_IN_PLACE_MAX + 1];
        let frame = Frame::from(&longer);
        assert_eq!(frame, longer);
        assert!(!lies_in_itself(&frame));
    }

    #[test]
    fn an_allocation_is_kept_however_short_it_is() {
        for length in [1, FRAME_IN_PLACE_MAX, FRAME_IN_PLACE_MAX + 1] {
            let bytes = vec![7; length];
            let place = bytes.as_ptr();
            let frame = Frame::from(bytes);
            assert_eq!(frame.as_ptr(), place);
            let clone = frame.clone();
            drop(frame);
            assert_eq!(clone.as_ptr(), place);
            assert_eq!(clone.into_bytes().as_ptr(), place);
        }
    }

    #[test]
    fn frames_are_what_their_bytes_are_wherever_these_lie() {
        let (short, shared) = (Frame::from("abc"), Frame::from("abc".to_owned()));
        assert_eq!(short, shared);
        assert_eq!(short.cmp(&Frame::from(b"abd".to_vec())), Ordering::Less);
        assert_eq!(format!("{short:?} {:?}", Frame::from(&[0, b'"'])), r#"b"abc" b"\x00\"""#);
        let hash = |bytes: &dyn Fn(&mut DefaultHasher)| {
            let mut hasher = DefaultHasher::new();
            bytes(&mut hasher);
            hasher.finish()
        };
        for frame in [&short, &shared] {
            assert_eq!(hash(&|hasher| frame.hash(hasher)), hash(&|hasher| b"abc"[..].hash(hasher)));
            assert!("abc" == *frame && b"abc"[..] == *frame && b"abc".to_vec() == *frame);
            assert_eq!(frame.into_iter().copied().collect::<Frame>(), *frame);
            assert_eq!(Bytes::from(frame.clone()), *frame);
        }
        let set = std::collections::BTreeSet::from([short]);
        assert!(set.contains(&b"abc"[..]));
        assert_eq!(
            (Frame::default().len(), Frame::from(&vec![1]), Frame::from(&"a".to_owned())),
            (0, [1].into_iter().collect(), "a".into())
        );
    }

    #[test]
    fn static_memory_is_not_copied() {
        static LONG: [u8; FRAME_IN_PLACE_MAX + 1] = [7; FRAME_IN_PLACE_MAX + 1];
        let frame = Frame::from_static(&LONG);
        assert_eq!(frame.into_bytes().as_ptr(), LONG.as_ptr());
    }
}
