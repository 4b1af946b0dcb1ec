//! Connection metadata: the properties that peers tell each other in the handshake (RFC 37, "Connection
//! Metadata"), and their encoding, which NULL, PLAIN and CURVE share.

use bytes::{BufMut, Bytes, BytesMut};

use crate::error::{ApiMisuse, PeerMisbehaved, printable};
use crate::limits::{METADATA_PROPERTIES_MAX, PROPERTY_NAME_BYTES_MAX, PROPERTY_VALUE_BYTES_MAX};

const VALUE_TOO_LONG: &str = "its value is longer than 2147483647 bytes";

/// Named values, in the order in which they were announced. Names are compared without regard to case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata(Vec<(String, Bytes)>);

impl Metadata {
    /// The property that names the sender's socket type.
    pub const SOCKET_TYPE: &str = "Socket-Type";
    /// The property that carries the sender's routing id.
    pub const IDENTITY: &str = "Identity";

    /// The value of `name`, in upper or lower case.
    pub fn get(&self, name: &str) -> Option<&Bytes> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Every property, its name as it was announced.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Adds a property.
    ///
    /// # Errors
    /// The name does not follow the grammar or is there already, the value is longer than 2147483647 bytes, or there are
    /// 128 properties.
    pub fn insert(&mut self, name: &str, value: impl Into<Bytes>) -> Result<(), ApiMisuse> {
        let value = value.into();
        let outcome = if value.len() > PROPERTY_VALUE_BYTES_MAX as usize {
            Err(VALUE_TOO_LONG)
        } else if name.len() > PROPERTY_NAME_BYTES_MAX {
            Err("its name is longer than 255 bytes")
        } else {
            self.add(name.as_bytes(), value)
        };
        outcome.map_err(|reason| ApiMisuse::Property { property: printable(name.as_bytes()), reason })
    }

    /// As it stands in READY: `metadata = *property`.
    pub fn to_bytes(&self) -> Bytes {
        let mut bytes = BytesMut::new();
        self.encode(&mut bytes);
        bytes.freeze()
    }

    fn add(&mut self, name: &[u8], value: Bytes) -> Result<(), &'static str> {
        if self.0.len() == METADATA_PROPERTIES_MAX {
            return Err("there are more than 128 properties");
        }
        let name = name_of(name)?;
        if self.get(name).is_some() {
            return Err("it is there twice");
        }
        self.push(name, value);
        Ok(())
    }

    /// Adds a property of our own; `name` follows the grammar and is not there yet.
    pub(crate) fn push(&mut self, name: &str, value: Bytes) {
        self.0.push((name.to_owned(), value));
    }

    /// Appends `metadata = *property`.
    pub(crate) fn encode(&self, to: &mut BytesMut) {
        for (name, value) in &self.0 {
            let (Ok(name_length), Ok(value_length)) = (u8::try_from(name.len()), u32::try_from(value.len()))
            else {
                unreachable!("our own property {name:?} of {} bytes fits its length fields", value.len())
            };
            to.put_u8(name_length);
            to.put_slice(name.as_bytes());
            to.put_u32(value_length);
            to.put_slice(value);
        }
    }

    /// Reads `metadata = *property` to the last byte. Values are copied, so they do not keep the read buffer
    /// alive for as long as the connection lasts.
    ///
    /// # Errors
    /// A property is cut short, does not follow the grammar, is there twice, or is one too many.
    pub fn decode(mut bytes: &[u8]) -> Result<Self, PeerMisbehaved> {
        let mut metadata = Self::default();
        while !bytes.is_empty() {
            let Property { name, value } = Property::split_off(&mut bytes)?;
            let value = Bytes::copy_from_slice(value);
            metadata.add(name, value).map_err(|reason| malformed(name, reason))?;
        }
        Ok(metadata)
    }
}

/// `property = name value`, as it is encoded.
struct Property<'a> {
    name: &'a [u8],
    value: &'a [u8],
}

impl<'a> Property<'a> {
    /// Takes one from the front: `name = short-size 1*255name-char`, `value = 4OCTET *OCTET`.
    fn split_off(bytes: &mut &'a [u8]) -> Result<Self, PeerMisbehaved> {
        let (name_length, rest) = bytes.split_first().ok_or_else(|| malformed(b"", "its name is missing"))?;
        let (name, rest) = rest
            .split_at_checked(usize::from(*name_length))
            .ok_or_else(|| malformed(rest, "its name is cut short"))?;
        let (value_length, rest) = rest
            .split_first_chunk::<4>()
            .ok_or_else(|| malformed(name, "the length of its value is cut short"))?;
        let value_length = u32::from_be_bytes(*value_length);
        if value_length > PROPERTY_VALUE_BYTES_MAX {
            return Err(malformed(name, VALUE_TOO_LONG));
        }
        let (value, rest) = usize::try_from(value_length)
            .ok()
            .and_then(|length| rest.split_at_checked(length))
            .ok_or_else(|| malformed(name, "its value is cut short"))?;
        *bytes = rest;
        Ok(Self { name, value })
    }
}

/// RFC 37: `name-char = ALPHA | DIGIT | "-" | "_" | "." | "+"`, "Zero-sized names are not valid".
fn name_of(name: &[u8]) -> Result<&str, &'static str> {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(byte);
    match std::str::from_utf8(name) {
        Ok("") => Err("its name is empty"),
        Ok(text) if name.iter().all(allowed) => Ok(text),
        _ => Err("its name contains a character that names cannot have"),
    }
}

fn malformed(property: &[u8], reason: &'static str) -> PeerMisbehaved {
    PeerMisbehaved::MalformedMetadata { property: printable(property), reason }
}
