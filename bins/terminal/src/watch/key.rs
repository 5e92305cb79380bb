//! The keys that a terminal sends, out of its bytes. Pure.

/// A key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Key {
    Up,
    Down,
    PageUp,
    PageDown,
    Enter,
    Escape,
    Backspace,
    /// Ctrl-Z, which pauses the job as in a shell.
    Pause,
    Char(char),
    /// A key that has no meaning here.
    Other,
}

/// Returns the keys in what was typed. A sequence of a key that is not known is one key, which does nothing.
pub(super) fn keys(bytes: &[u8]) -> Vec<Key> {
    let text = String::from_utf8_lossy(bytes);
    let mut rest = text.as_ref();
    let mut keys = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (key, length) = match first {
            '\u{1b}' => escaped(rest),
            '\r' | '\n' => (Key::Enter, 1),
            '\u{7f}' | '\u{8}' => (Key::Backspace, 1),
            '\u{1a}' => (Key::Pause, 1),
            c if c.is_control() || c == char::REPLACEMENT_CHARACTER => (Key::Other, c.len_utf8()),
            c => (Key::Char(c), c.len_utf8()),
        };
        keys.push(key);
        rest = &rest[length..];
    }
    keys
}

/// Returns the key of a sequence that begins with the escape character, and the length of the sequence.
fn escaped(text: &str) -> (Key, usize) {
    let bytes = text.as_bytes();
    match bytes.get(1) {
        Some(b'[' | b'O') => {}
        _ => return (Key::Escape, 1),
    }
    let parameters = bytes[2..].iter().take_while(|byte| matches!(byte, b' '..=b'?')).count();
    let end = 2 + parameters;
    let key = match bytes.get(end) {
        Some(b'A') => Key::Up,
        Some(b'B') => Key::Down,
        Some(b'~') if &bytes[2..end] == b"5" => Key::PageUp,
        Some(b'~') if &bytes[2..end] == b"6" => Key::PageDown,
        _ => Key::Other,
    };
    (key, if bytes.get(end).is_some_and(u8::is_ascii) { end + 1 } else { end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_keys() {
        use Key::{Backspace, Char, Down, Enter, Escape, Other, PageDown, PageUp, Pause, Up};
        for (bytes, expected) in [
            (&b"\x1b[A\x1bOBjk"[..], &[Up, Down, Char('j'), Char('k')][..]),
            (b"\x1b", &[Escape]),
            (b"\x1by", &[Escape, Char('y')]),
            (b"\x1b[1;5Cq", &[Other, Char('q')]),
            (b"\x1b[15~", &[Other]),
            (b"\x1b[5~\x1b[6~ ", &[PageUp, PageDown, Char(' ')]),
            (b"\x1b[", &[Other]),
            (b"no\x7f\r", &[Char('n'), Char('o'), Backspace, Enter]),
            ("é日".as_bytes(), &[Char('é'), Char('日')]),
            (b"\xff\x01\x1a", &[Other, Other, Pause]),
            (b"", &[]),
        ] {
            assert_eq!(keys(bytes), expected, "{bytes:?}");
        }
    }
}
