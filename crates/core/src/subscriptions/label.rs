//! The bytes on the way from one node to the next.

use std::fmt;

/// Longest label that lies in its node.
const SHORT_MAX: usize = 14;

/// At most 14 bytes in place, or any number elsewhere.
pub(super) enum Label {
    Short { length: u8, bytes: [u8; SHORT_MAX] },
    Long(Box<Tail>),
}

/// The end of some bytes. Those before it stay, so that a label that is cut and joined again, as often as a peer
/// likes, is not copied each time.
pub(super) struct Tail {
    whole: Box<[u8]>,
    start: usize,
}

impl Label {
    pub(super) fn new(bytes: &[u8]) -> Self {
        match u8::try_from(bytes.len()) {
            Ok(length) if bytes.len() <= SHORT_MAX => {
                let mut place = [0; SHORT_MAX];
                place[..bytes.len()].copy_from_slice(bytes);
                Self::Short { length, bytes: place }
            }
            _ => Self::Long(Box::new(Tail { whole: bytes.into(), start: 0 })),
        }
    }

    #[inline(always)]
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Short { length, bytes } => &bytes[..usize::from(*length)],
            Self::Long(tail) => &tail.whole[tail.start..],
        }
    }

    /// Takes the first `count` bytes off.
    pub(super) fn cut(&mut self, count: usize) {
        match self {
            Self::Long(tail) if tail.whole.len() - tail.start - count > SHORT_MAX => tail.start += count,
            _ => *self = Self::new(&self.bytes()[count..]),
        }
    }

    /// Puts the bytes of another one before these.
    pub(super) fn join(&mut self, before: &Self) {
        let before = before.bytes();
        match self {
            Self::Long(tail) if tail.whole[..tail.start].ends_with(before) => tail.start -= before.len(),
            _ => *self = Self::new(&[before, self.bytes()].concat()),
        }
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.bytes().escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_off_and_joined_again_is_the_same() {
        for length in [1, 14, 15, 16, 40] {
            let bytes: Vec<u8> = (0..length).collect();
            for count in 0..bytes.len() {
                let (upper, mut lower) = (Label::new(&bytes[..count]), Label::new(&bytes));
                lower.cut(count);
                assert_eq!(lower.bytes(), &bytes[count..]);
                lower.join(&upper);
                assert_eq!(lower.bytes(), bytes);
            }
        }
    }

    #[test]
    fn other_bytes_can_be_put_before_a_tail() {
        let mut label = Label::new(&[7; 40]);
        label.cut(10);
        label.join(&Label::new(&[8; 10]));
        assert_eq!(label.bytes(), [[8; 10].as_slice(), &[7; 30]].concat());
    }
}
