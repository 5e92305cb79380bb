//! Whether git could take one file for the renamed other: its estimate of how much of a content was kept. Pure.
//!
//! Git cuts both contents into lines, or into pieces of 64 bytes, and counts the bytes of the pieces that are in both. From half of the larger
//! file on, it may be a rename. Only what is clearly below that is decided here.

use std::collections::HashMap;

/// The maximum length of a piece, in bytes.
const PIECE_BYTES: u32 = 64;
/// The number of different pieces that git distinguishes.
const PIECES: u32 = 107_927;
/// What is less similar than this, in percent, is certainly no rename: git's limit is 50.
const MIN_PERCENT: u64 = 45;

/// The pieces of a content.
#[derive(Debug)]
pub(super) struct Pieces {
    bytes: u64,
    /// How many bytes are in equal pieces, by their hash.
    counts: HashMap<u32, u32>,
}

impl Pieces {
    /// Cuts a content. `None`: how git cuts it depends on its attributes.
    pub(super) fn of(content: &[u8]) -> Option<Self> {
        if content.windows(2).any(|two| two == b"\r\n") {
            return None;
        }
        let mut counts = HashMap::new();
        let (mut one, mut two, mut length) = (0u32, 0u32, 0u32);
        for (at, byte) in content.iter().enumerate() {
            let before = one;
            one = (one << 7) ^ (two >> 25);
            two = (two << 7) ^ (before >> 25);
            one = one.wrapping_add(u32::from(*byte));
            length += 1;
            if length == PIECE_BYTES || *byte == b'\n' || at + 1 == content.len() {
                *counts.entry(one.wrapping_add(two.wrapping_mul(0x61)) % PIECES).or_insert(0) += length;
                (one, two, length) = (0, 0, 0);
            }
        }
        Some(Self { bytes: content.len() as u64, counts })
    }

    /// Returns the approximate memory size in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        16 * self.counts.len()
    }

    /// Returns whether git certainly does not take one for the renamed other.
    pub(super) fn is_unlike(&self, other: &Self) -> bool {
        let of_other = |piece| other.counts.get(piece).copied().unwrap_or(0);
        let kept: u64 = self.counts.iter().map(|(piece, count)| u64::from(of_other(piece).min(*count))).sum();
        // Some versions of git count the last piece, some do not.
        (kept + u64::from(PIECE_BYTES)) * 100 < self.bytes.max(other.bytes) * MIN_PERCENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: std::ops::Range<u32>) -> Vec<u8> {
        lines.map(|line| format!("line number {line} of this text\n")).collect::<String>().into_bytes()
    }

    #[test]
    fn only_clearly_different_contents_are_unlike() {
        let unlike = |a: &[u8], b: &[u8]| Pieces::of(a).unwrap().is_unlike(&Pieces::of(b).unwrap());
        for (kept, expected) in
            [(0, true), (30, true), (40, true), (45, false), (50, false), (60, false), (100, false)]
        {
            let (old, new) = (text(0..100), text(100 - kept..200 - kept));
            assert_eq!((unlike(&old, &new), unlike(&new, &old)), (expected, expected), "{kept} % kept");
        }
        // Of very different lengths, but not of very short ones.
        assert!(unlike(&text(0..100), &text(0..30)));
        assert!(!unlike(b"a\n", b"b\n") && !unlike(b"", b""));
        // Without line breaks.
        assert!(!unlike(&[1; 2000], &[1; 1500]));
        assert!(Pieces::of(b"a\r\nb").is_none() && Pieces::of(b"a\rb").is_some());
    }
}
