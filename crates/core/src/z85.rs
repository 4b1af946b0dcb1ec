//! Z85, the printable form of keys ([RFC 32](https://rfc.zeromq.org/spec/32/)): five characters for four bytes.

const ALPHABET: &[u8; 85] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/// No digit of Z85.
const NONE: u8 = u8::MAX;

/// The value of each ASCII character.
const VALUES: [u8; 128] = {
    let mut values = [NONE; 128];
    let mut value = 0;
    while value < ALPHABET.len() {
        values[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// Why something cannot be written or read as Z85. It names places and never content, which may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Z85Error {
    /// RFC 32: "The binary frame SHALL have a length that is divisible by 4 with no remainder", and the string by 5.
    #[error("a length of {length} is not divisible by {divisor}")]
    Length {
        /// Bytes or characters.
        length: usize,
        /// 4 for bytes, 5 for characters.
        divisor: usize,
    },
    /// A character that Z85 does not use.
    #[error("character {index} is not one of Z85")]
    Character {
        /// Which, counted from 0, in bytes.
        index: usize,
    },
    /// Five characters that stand for more than 32 bits.
    #[error("the five characters from {index} on stand for more than 32 bits")]
    Group {
        /// The first of them, counted from 0.
        index: usize,
    },
}

/// Writes bytes as Z85. libzmq: `zmq_z85_encode`.
///
/// ```
/// use seaworthy_core::{z85_decode, z85_encode};
/// let bytes = [0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b];
/// assert_eq!(z85_encode(&bytes).unwrap(), "HelloWorld");
/// assert_eq!(z85_decode("HelloWorld").unwrap(), bytes);
/// ```
///
/// # Errors
/// The number of bytes is not divisible by 4.
pub fn z85_encode(bytes: &[u8]) -> Result<String, Z85Error> {
    let (groups, []) = bytes.as_chunks::<4>() else {
        return Err(Z85Error::Length { length: bytes.len(), divisor: 4 });
    };
    let mut text = String::with_capacity(groups.len() * 5);
    for group in groups {
        let value = u32::from_be_bytes(*group);
        for divisor in [85_u32.pow(4), 85_u32.pow(3), 85_u32.pow(2), 85, 1] {
            text.push(char::from(ALPHABET[(value / divisor % 85) as usize]));
        }
    }
    Ok(text)
}

/// Reads bytes from Z85. libzmq: `zmq_z85_decode`.
///
/// # Errors
/// The number of characters is not divisible by 5, one is not of Z85, or five of them stand for more than four bytes
/// hold.
pub fn z85_decode(text: &str) -> Result<Vec<u8>, Z85Error> {
    let (groups, []) = text.as_bytes().as_chunks::<5>() else {
        return Err(Z85Error::Length { length: text.len(), divisor: 5 });
    };
    let mut bytes = Vec::with_capacity(groups.len() * 4);
    for (number, group) in groups.iter().enumerate() {
        let mut value = 0_u64;
        for (place, character) in group.iter().enumerate() {
            let digit = VALUES.get(usize::from(*character)).copied().filter(|digit| *digit != NONE);
            let digit = digit.ok_or(Z85Error::Character { index: number * 5 + place })?;
            value = value * 85 + u64::from(digit);
        }
        let value = u32::try_from(value).map_err(|_| Z85Error::Group { index: number * 5 })?;
        bytes.extend_from_slice(&value.to_be_bytes());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_length_that_does_not_divide_is_refused_in_either_direction() {
        assert_eq!(z85_encode(&[0; 3]), Err(Z85Error::Length { length: 3, divisor: 4 }));
        assert_eq!(z85_decode("0000"), Err(Z85Error::Length { length: 4, divisor: 5 }));
        assert_eq!((z85_encode(&[]), z85_decode("")), (Ok(String::new()), Ok(Vec::new())));
    }

    #[test]
    fn a_character_of_another_alphabet_is_refused_by_its_place() {
        for foreign in ["0000000~00", "0000000,00", "0000000 00"] {
            assert_eq!(z85_decode(foreign), Err(Z85Error::Character { index: 7 }));
        }
        assert_eq!(z85_decode("000é"), Err(Z85Error::Character { index: 3 }));
    }

    #[test]
    fn the_largest_group_is_32_bits_and_one_more_is_refused() {
        assert_eq!(z85_decode("%nSc0").unwrap(), [0xff; 4]);
        assert_eq!(z85_decode("00000%nSc1"), Err(Z85Error::Group { index: 5 }));
        assert_eq!(z85_decode("#####"), Err(Z85Error::Group { index: 0 }));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_again(mut bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            bytes.truncate(bytes.len() / 4 * 4);
            prop_assert_eq!(z85_decode(&z85_encode(&bytes).unwrap()).unwrap(), bytes);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            if let Ok(bytes) = z85_decode(&text) {
                prop_assert_eq!(z85_encode(&bytes).unwrap(), text);
            }
        }
    }
}
