//! Sizes in bytes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The number of bytes in one `g`, `m`, and `k`.
const UNITS: [(char, u64); 3] = [('g', 1 << 30), ('m', 1 << 20), ('k', 1 << 10)];

/// A number of bytes. State files store it as a bare number, in a field whose name ends in `_bytes`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct ByteSize(u64);

impl ByteSize {
    /// Makes a size from a number of bytes.
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Makes a size from a number of mebibytes (1024 × 1024 bytes).
    pub const fn mebibytes(mebibytes: u64) -> Self {
        Self(mebibytes << 20)
    }

    /// Returns the number of bytes.
    pub const fn as_bytes(self) -> u64 {
        self.0
    }

    /// Returns the number of whole mebibytes, rounded down.
    pub const fn as_mebibytes(self) -> u64 {
        self.0 >> 20
    }

    /// Parses a size as git does: `500k`, `100m`, `2g`, or a number of bytes. Returns `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let unit = UNITS.iter().find(|(unit, _)| text.ends_with(*unit));
        let (digits, factor) =
            unit.map_or((text.as_str(), 1), |(unit, factor)| (text.trim_end_matches(*unit), *factor));
        // `5gg` is not a size: there is at most one unit.
        if digits.len() + 1 < text.len() {
            return None;
        }
        digits.parse::<u64>().ok()?.checked_mul(factor).map(Self)
    }
}

/// Writes the size so that [`ByteSize::parse`] reads it, in the largest unit that divides it.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, factor): &&(char, u64)| self.0 > 0 && self.0.is_multiple_of(*factor);
        match UNITS.iter().find(fits) {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parses_typed_values() {
        for (text, bytes) in [
            ("1", Some(1)),
            ("2K", Some(2048)),
            ("1g", Some(1 << 30)),
            (" 5m ", Some(5 << 20)),
            ("", None),
            ("k", None),
            ("5gg", None),
            ("1t", None),
            ("99999999999g", None),
        ] {
            assert_eq!(ByteSize::parse(text), bytes.map(ByteSize), "{text}");
        }
    }

    #[test]
    fn formats_values() {
        let shown = [0, 1, 1024, 1025, 100 << 20, 1 << 30].map(|bytes| ByteSize(bytes).to_string());
        assert_eq!(shown, ["0", "1", "1k", "1025", "100m", "1g"]);
    }

    proptest! {
        #[test]
        fn formatted_values_can_be_parsed(bytes: u64) {
            prop_assert_eq!(ByteSize::parse(&ByteSize(bytes).to_string()), Some(ByteSize(bytes)));
        }
    }
}
