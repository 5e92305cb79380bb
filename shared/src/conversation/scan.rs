//! Reads the parts of a line of JSON that are needed, and skips the rest without decoding it.
//!
//! Whatever is skipped is checked like the rest: a line that [`Scanner`] reads to its end is one well-formed object, as it is for
//! serde. In doubt it gives up, and the caller parses the line with serde.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::Deserialize;

/// Number of bytes of a string that are looked at together.
const BLOCK: usize = 32;
/// Maximum depth of arrays and objects that are skipped: one bit each.
const MAX_DEPTH: u32 = 64;
/// Maximum number of digits of a number before its fraction, and of its exponent.
const MAX_DIGITS: usize = 100;
const MAX_EXPONENT: usize = 2;
/// The bytes of a string that end it, begin an escape, or may not be in it.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        special[byte] = true;
        byte += 1;
    }
    special[b'"' as usize] = true;
    special[b'\\' as usize] = true;
    special
};

/// A position in a line of JSON. Every method returns `None` where the line is malformed or unusual.
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Whether the object or array that was entered last has had no member yet.
    is_first: bool,
}

impl<'a> Scanner<'a> {
    /// Begins with a line.
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, is_first: false }
    }

    /// Returns whether only white space is left.
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.next_byte().is_none()
    }

    /// Returns the first byte of the next value, which shows its type.
    pub(crate) fn next_byte(&mut self) -> Option<u8> {
        while matches!(self.bytes.get(self.at)?, b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    /// Enters an object. [`Scanner::field`] must be called until its end.
    pub(crate) fn enter_object(&mut self) -> Option<()> {
        self.is_first = true;
        self.expect(b'{')
    }

    /// Enters an array. [`Scanner::element`] must be called until its end.
    pub(crate) fn enter_array(&mut self) -> Option<()> {
        self.is_first = true;
        self.expect(b'[')
    }

    /// Moves to the value of the next field of an object, which must then be read or skipped. Returns the name of the field, or
    /// `Some(None)` at the end of the object.
    pub(crate) fn field(&mut self) -> Option<Option<&'a [u8]>> {
        if !self.member(b'}')? {
            return Some(None);
        }
        let name = self.string()?;
        // An escaped name may be a known one.
        let name = (memchr::memchr(b'\\', name).is_none()).then_some(name)?;
        self.expect(b':')?;
        Some(Some(name))
    }

    /// Moves to the next element of an array, which must then be read or skipped; returns whether there is one.
    pub(crate) fn element(&mut self) -> Option<bool> {
        self.member(b']')
    }

    /// Skips a value; returns its bytes.
    pub(crate) fn skip(&mut self) -> Option<&'a [u8]> {
        self.next_byte()?;
        let begin = self.at;
        // Whether each open container is an object, the innermost in the lowest bit.
        let (mut depth, mut objects) = (0_u32, 0_u64);
        loop {
            match self.next_byte()? {
                byte @ (b'{' | b'[') if depth < MAX_DEPTH => {
                    self.at += 1;
                    self.is_first = true;
                    depth += 1;
                    objects = objects << 1 | u64::from(byte == b'{');
                }
                b'"' => drop(self.string()?),
                b't' => self.word(b"true")?,
                b'f' => self.word(b"false")?,
                b'n' => self.word(b"null")?,
                _ => self.number()?,
            }
            // To the next member of the innermost container that has one.
            loop {
                let has_member = match (depth, objects & 1) {
                    (0, _) => return self.bytes.get(begin..self.at),
                    (_, 1) => self.field()?.is_some(),
                    (_, _) => self.element()?,
                };
                if has_member {
                    break;
                }
                depth -= 1;
                objects >>= 1;
            }
        }
    }

    /// Reads a value as serde does.
    pub(crate) fn read<T: Deserialize<'a>>(&mut self) -> Option<T> {
        serde_json::from_slice(self.skip()?).ok()
    }

    /// Reads a string, or `null`.
    pub(crate) fn text(&mut self) -> Option<Option<Cow<'a, str>>> {
        if self.next_byte()? != b'"' {
            return self.read();
        }
        let begin = self.at;
        let plain = self.string()?;
        if memchr::memchr(b'\\', plain).is_none() {
            return Some(Some(Cow::Borrowed(std::str::from_utf8(plain).ok()?)));
        }
        serde_json::from_slice(self.bytes.get(begin..self.at)?).ok().map(Some)
    }

    /// Reads a number without sign, fraction and exponent.
    pub(crate) fn count(&mut self) -> Option<u64> {
        let digits = self.skip()?;
        let is_plain = digits.len() < 19 && digits.iter().all(u8::is_ascii_digit);
        is_plain.then(|| digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
    }

    /// Skips a string; returns what is between its quotes.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.expect(b'"')?;
        let begin = self.at;
        let end = string_end(self.bytes, begin)?;
        self.at = end + 1;
        self.bytes.get(begin..end)
    }

    /// Skips the comma before a member, or the end of the container; returns whether there is a member.
    fn member(&mut self, end: u8) -> Option<bool> {
        let is_first = std::mem::take(&mut self.is_first);
        match self.next_byte()? {
            byte if byte == end => {
                self.at += 1;
                Some(false)
            }
            b',' if !is_first => {
                self.at += 1;
                // A comma before the end is malformed.
                (self.next_byte()? != end).then_some(true)
            }
            _ => is_first.then_some(true),
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        let is_there = self.next_byte()? == byte;
        self.at += 1;
        is_there.then_some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let is_there = self.bytes.get(self.at..)?.starts_with(word);
        self.at += word.len();
        is_there.then_some(())
    }

    fn number(&mut self) -> Option<()> {
        if self.bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        let zero = self.bytes.get(self.at) == Some(&b'0');
        let whole = self.digits()?;
        // Serde reads a number that is out of range in some places only.
        if (zero && whole > 1) || whole > MAX_DIGITS {
            return None;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.bytes.get(self.at), Some(b'+' | b'-')));
            return (self.digits()? <= MAX_EXPONENT).then_some(());
        }
        Some(())
    }

    /// Skips digits; returns how many there are, unless there is none.
    fn digits(&mut self) -> Option<usize> {
        let count = self.bytes.get(self.at..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (count > 0).then_some(count)
    }
}

/// Returns the position of the quote that ends the string that begins at `begin`; `None` if the string is malformed.
fn string_end(bytes: &[u8], begin: usize) -> Option<usize> {
    let mut at = begin;
    loop {
        let until = at + BLOCK;
        while at < until {
            let byte = *bytes.get(at)?;
            if !SPECIAL[usize::from(byte)] {
                at += 1;
                continue;
            }
            at += match (byte, bytes.get(at + 1)) {
                (b'"', _) => return Some(at),
                (b'\\', Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')) => 2,
                (b'\\', Some(b'u')) if bytes.get(at + 2..at + 6)?.iter().all(u8::is_ascii_hexdigit) => 6,
                _ => return None,
            };
        }
        let from = at;
        while is_plain(bytes, at) {
            at += BLOCK;
        }
        if at > from {
            // The last block may end in the middle of an escape.
            let slashes = bytes.get(from..at)?.iter().rev().take_while(|byte| **byte == b'\\').count();
            at -= slashes % 2;
        }
    }
}

/// Returns whether a string continues through the next block, and is well-formed there. Returns `false` in doubt. The two bytes before
/// belong to the string.
fn is_plain(bytes: &[u8], at: usize) -> bool {
    let all = bytes.get(at - 2..at + BLOCK).and_then(|all| all.first_chunk::<{ BLOCK + 2 }>());
    let Some(all) = all else { return false };
    // Without a branch, the compiler compares many bytes at once.
    let mut is_doubtful = false;
    for index in 0..BLOCK {
        let [two, one, byte] = [all[index], all[index + 1], all[index + 2]];
        let after_slash = one == b'\\';
        let known = (byte == b'n') | (byte == b'"') | (byte == b'\\') | (byte == b't');
        let ends = (byte == b'"') & !(after_slash & (two != b'\\'));
        is_doubtful |= ends | (byte < 0x20) | (after_slash & !known);
    }
    !is_doubtful
}
