//! Object ids of git (SHA-1). The model defines them because events name commits; [`crate::git`] converts them to and from gix.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{parsed::parsed, text};
use crate::Error;

/// The id of any git object: 20 bytes, written as 40 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, schemars::JsonSchema)]
#[schemars(transparent)]
pub struct Oid(#[schemars(with = "String", regex(pattern = "^[0-9a-f]{40}$"))] [u8; 20]);

/// The id of a commit. As in git, all objects have one kind of id; this alias says which kind of object a field means.
pub type CommitId = Oid;

impl Oid {
    /// The id of the empty tree, which every git knows.
    pub const EMPTY_TREE: Self = Self([
        0x4b, 0x82, 0x5d, 0xc6, 0x42, 0xcb, 0x6e, 0xb9, 0xa0, 0x60, 0xe5, 0x4b, 0xf8, 0xd6, 0x92, 0x88, 0xfb,
        0xee, 0x49, 0x04,
    ]);

    /// The id of 40 zeros, which git writes where there is no object.
    pub const NULL: Self = Self([0; 20]);

    /// Parses 40 hexadecimal digits in either case; returns `None` for anything else.
    pub fn parse(hex: &str) -> Option<Self> {
        let digits: &[u8; 40] = hex.as_bytes().try_into().ok()?;
        let mut bytes = [0; 20];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
            *byte = value(pair[0])? << 4 | value(pair[1])?;
        }
        Some(Self(bytes))
    }

    /// Returns the 20 bytes of the id.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// Makes an id from its 20 bytes.
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// Returns the first ten digits, for messages.
    pub fn short(&self) -> String {
        self.to_string()[..10].to_owned()
    }
}

/// Returns the value of a hexadecimal digit.
const fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

impl FromStr for Oid {
    type Err = Error;

    fn from_str(hex: &str) -> Result<Self, Error> {
        Self::parse(hex).ok_or_else(|| Error::usage(format!("'{}' is not an object id", text::safe(hex))))
    }
}

impl Serialize for Oid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Oid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, "an object id", Self::parse)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = [0; 40];
        for (pair, byte) in hex.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
        }
        f.write_str(str::from_utf8(&hex).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_forty_hexadecimal_digits() {
        let hex = "0123456789abcdef0123456789abcdef01234567";
        let id = Oid::parse(hex).unwrap();
        assert_eq!((id.to_string().as_str(), id.short().as_str()), (hex, "0123456789"));
        assert_eq!(Oid::parse(&hex.to_uppercase()), Some(id));
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{hex}\""));
        assert_eq!(serde_json::from_str::<Oid>(&format!("\"{hex}\"")).unwrap(), id);
        for text in [
            "",
            "0123",
            &hex[1..],
            &format!("{hex}0"),
            &format!(" {}", &hex[1..]),
            &format!("+{}", &hex[1..]),
        ] {
            assert_eq!(Oid::parse(text), None, "{text}");
        }
        assert_eq!(Oid::EMPTY_TREE.to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    }
}
