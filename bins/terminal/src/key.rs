//! The keys that a terminal sends, out of its bytes. Pure.

/// A key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Key {
    /// The arrow up.
    Up,
    /// The arrow down.
    Down,
    /// The arrow to the left.
    Left,
    /// The arrow to the right.
    Right,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// The key Home.
    Home,
    /// The key End.
    End,
    /// The tabulator.
    Tab,
    /// The tabulator with shift.
    BackTab,
    /// The key Return.
    Enter,
    /// The key Escape.
    Escape,
    /// The key Backspace.
    Backspace,
    /// Ctrl-U, which empties a line.
    EmptyLine,
    /// Ctrl-C, where it is read as a key.
    Interrupt,
    /// Ctrl-Z, which pauses the job as in a shell.
    Pause,
    /// What follows was pasted, up to [`Key::PasteEnd`].
    PasteBegin,
    /// The end of what was pasted.
    PasteEnd,
    /// A character.
    Char(char),
    /// A click with the left button of the mouse, at a column and a row that are counted from 0.
    Click(u16, u16),
    /// A step of the wheel up, or down if the first is true, over a column and a row.
    Wheel(bool, u16, u16),
    /// A key that has no meaning here.
    Other,
}

/// Returns the keys in what was typed. A sequence of a key that is not known is one key, which does nothing.
pub fn keys(bytes: &[u8]) -> Vec<Key> {
    let text = String::from_utf8_lossy(bytes);
    let mut rest = text.as_ref();
    let mut keys = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (key, length) = match first {
            '\u{1b}' => escaped(rest),
            '\r' | '\n' => (Key::Enter, 1),
            '\t' => (Key::Tab, 1),
            '\u{7f}' | '\u{8}' => (Key::Backspace, 1),
            '\u{15}' => (Key::EmptyLine, 1),
            '\u{3}' => (Key::Interrupt, 1),
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
    let key = match (bytes.get(end), &bytes[2..end]) {
        (Some(b'A'), _) => Key::Up,
        (Some(b'B'), _) => Key::Down,
        (Some(b'C'), b"") => Key::Right,
        (Some(b'D'), b"") => Key::Left,
        (Some(b'H'), b"") | (Some(b'~'), b"1" | b"7") => Key::Home,
        (Some(b'F'), b"") | (Some(b'~'), b"4" | b"8") => Key::End,
        (Some(b'Z'), b"") => Key::BackTab,
        (Some(b'~'), b"5") => Key::PageUp,
        (Some(b'~'), b"6") => Key::PageDown,
        (Some(b'~'), b"200") => Key::PasteBegin,
        (Some(b'~'), b"201") => Key::PasteEnd,
        (Some(b'M'), [b'<', rest @ ..]) => mouse(rest).unwrap_or(Key::Other),
        _ => Key::Other,
    };
    (key, if bytes.get(end).is_some_and(u8::is_ascii) { end + 1 } else { end })
}

/// Returns what the mouse does: the button, the column and the row, both counted from 1.
fn mouse(parameters: &[u8]) -> Option<Key> {
    let text = std::str::from_utf8(parameters).ok()?;
    let mut numbers = text.split(';').map(str::parse::<u16>);
    let mut next = || numbers.next()?.ok();
    let (button, column, row) = (next()?, next()?.checked_sub(1)?, next()?.checked_sub(1)?);
    match button {
        0 => Some(Key::Click(column, row)),
        64 | 65 => Some(Key::Wheel(button == 65, column, row)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_keys() {
        use Key::{
            BackTab, Backspace, Char, Click, Down, EmptyLine, End, Enter, Escape, Home, Left, Other,
            PageDown, PageUp, PasteBegin, PasteEnd, Pause, Right, Tab, Up, Wheel,
        };
        for (bytes, expected) in [
            (&b"\x1b[A\x1bOBjk"[..], &[Up, Down, Char('j'), Char('k')][..]),
            (b"\x1b", &[Escape]),
            (b"\x1by", &[Escape, Char('y')]),
            (b"\x1b[1;5Cq", &[Other, Char('q')]),
            (b"\x1b[C\x1b[D\x1b[H\x1b[4~", &[Right, Left, Home, End]),
            (b"\t\x1b[Z\x15", &[Tab, BackTab, EmptyLine]),
            (b"\x1b[200~q\r\x1b[201~", &[PasteBegin, Char('q'), Enter, PasteEnd]),
            (b"\x1b[15~", &[Other]),
            (b"\x1b[5~\x1b[6~ ", &[PageUp, PageDown, Char(' ')]),
            (b"\x1b[", &[Other]),
            (b"no\x7f\r", &[Char('n'), Char('o'), Backspace, Enter]),
            ("é日".as_bytes(), &[Char('é'), Char('日')]),
            (b"\xff\x01\x1a", &[Other, Other, Pause]),
            (b"\x1b[<0;1;12M\x1b[<0;1;12m", &[Click(0, 11), Other]),
            (b"\x1b[<64;80;2M\x1b[<65;80;2M\x1b[<2;3;4M", &[Wheel(false, 79, 1), Wheel(true, 79, 1), Other]),
            (b"\x1b[<0;0;1M\x1b[<0;99999;1Mq", &[Other, Other, Char('q')]),
            (b"", &[]),
        ] {
            assert_eq!(keys(bytes), expected, "{bytes:?}");
        }
    }
}
