//! Decoding text that is escaped as in JSON or source code, or encoded with two bytes a character.

use std::borrow::Cow;

/// How many levels of escapes are decoded: JSON in a string of JSON in a string of JSON.
const NESTED: usize = 3;

/// Returns the bytes themselves, followed by every decoding of them.
pub fn decodings(bytes: &[u8]) -> Vec<Cow<'_, [u8]>> {
    let mut all = vec![Cow::Borrowed(bytes)];
    // ASCII text in UTF-16, as some editors write it.
    if memchr::memchr(0, bytes).is_some() {
        let narrow: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
        all.push(Cow::Owned(narrow));
    }
    let first = all.len();
    for at in 0..first {
        let mut last = decoded(&all[at]);
        for _ in 0..NESTED {
            let Some(text) = last else { break };
            last = decoded(&text);
            all.push(Cow::Owned(text));
        }
    }
    all
}

/// Decodes one level of escapes; returns `None` if there are none.
fn decoded(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut at = memchr::memchr(b'\\', bytes)?;
    let (mut out, mut from) = (Vec::with_capacity(bytes.len()), 0);
    let mut any = false;
    loop {
        let (value, length) = escape(&bytes[at..]);
        if let Some(value) = value {
            any = true;
            out.extend_from_slice(&bytes[from..at]);
            out.extend_from_slice(value.encode_utf8(&mut [0; 4]).as_bytes());
            from = at + length;
        }
        at += length;
        match memchr::memchr(b'\\', &bytes[at.min(bytes.len())..]) {
            Some(next) => at += next,
            None => break,
        }
    }
    out.extend_from_slice(&bytes[from.min(bytes.len())..]);
    any.then_some(out)
}

/// Returns the character that an escape means, and the number of bytes of the escape.
fn escape(bytes: &[u8]) -> (Option<char>, usize) {
    let hex = |digits: usize| {
        let digits = bytes.get(2..2 + digits)?;
        let text =
            std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
        u32::from_str_radix(text, 16).ok()
    };
    let known = match bytes.get(1) {
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'b' | b'f' | b'v' | b'a' | b'e' | b'0') => ' ',
        Some(byte @ (b'\\' | b'"' | b'\'' | b'/')) => char::from(*byte),
        Some(b'u') => {
            let found = hex(4).map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            return found.map_or((None, 1), |found| (Some(found), 6));
        }
        Some(b'x') => {
            let found = hex(2).and_then(char::from_u32);
            return found.map_or((None, 1), |found| (Some(found), 4));
        }
        _ => return (None, 1),
    };
    (Some(known), 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_every_level_of_escapes() {
        let read = |text: &str| -> Vec<String> {
            decodings(text.as_bytes()).iter().map(|one| String::from_utf8_lossy(one).into_owned()).collect()
        };
        assert_eq!(read("plain"), ["plain"]);
        assert_eq!(read(r"a\nb\tc"), [r"a\nb\tc", "a\nb\tc"]);
        assert_eq!(read(r"a\\nb"), [r"a\\nb", r"a\nb", "a\nb"]);
        assert_eq!(read(r"\u0067hp\x5f"), [r"\u0067hp\x5f", "ghp_"]);
        assert_eq!(read("g\0h\0p\0\\\0n\0"), ["g\0h\0p\0\\\0n\0", "ghp\\n", "ghp\n"]);
        // A backslash that begins no escape stays, and nothing is read beyond the end.
        for text in ["\\", "x\\", r"\u12", r"\uzzzz", r"\x4", r"C:\Users\d", "\\\u{e4}"] {
            assert_eq!(read(text).len(), 1, "{text}");
        }
    }
}
