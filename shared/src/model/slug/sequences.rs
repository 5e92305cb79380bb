//! Removes what controls a terminal from a text, also where it is written out as programs and [`crate::model::text::safe`] write it.
//! Pure.

/// The number of characters that are read.
const READ: usize = 1000;
/// How the escape character is written.
const ESCAPES: [&str; 9] =
    ["\u{1b}", "\\e", "\\E", "\\x1b", "\\x1B", "\\033", "\\u001b", "\\u001B", "\\u{1b}"];
/// How the character is written that begins a sequence in place of an escape character and a bracket.
const SEQUENCE_STARTS: [&str; 2] = ["\u{9b}", "\\u{9b}"];
/// How the end of a command of the terminal is written, such as one that sets its title.
const COMMAND_ENDS: [&str; 5] = ["\u{7}", "\\a", "\\x07", "\\007", "\\u{7}"];

/// Returns the beginning of a text with a space in place of each sequence.
pub(super) fn removed(text: &str) -> String {
    let end = text.char_indices().nth(READ).map_or(text.len(), |(end, _)| end);
    let (mut rest, mut left) = (&text[..end], String::with_capacity(end));
    while let Some(first) = rest.chars().next() {
        match length(rest) {
            0 => {
                left.push(first);
                rest = &rest[first.len_utf8()..];
            }
            length => {
                left.push(' ');
                rest = &rest[length..];
            }
        }
    }
    left
}

/// Returns the length in bytes of the sequence at the start; 0 if there is none.
fn length(text: &str) -> usize {
    if let Some(start) = one_of(&SEQUENCE_STARTS, text) {
        return start + sequence(&text[start..]);
    }
    let Some(escape) = one_of(&ESCAPES, text) else { return escaped_character(text) };
    let after = &text[escape..];
    match after.as_bytes().first() {
        Some(b'[') => escape + 1 + sequence(&after[1..]),
        Some(b']') => escape + 1 + command(&after[1..]),
        // A backslash and a letter may also be a path.
        _ if text.starts_with('\u{1b}') => escape,
        _ => escaped_character(text),
    }
}

fn one_of(all: &[&str], text: &str) -> Option<usize> {
    all.iter().find(|one| text.starts_with(**one)).map(|one| one.len())
}

/// Returns the length of the parameters of a sequence, and of the letter that ends it.
fn sequence(text: &str) -> usize {
    let parameters = text.bytes().take_while(|byte| matches!(byte, b'0'..=b'?')).count();
    parameters + usize::from(text.as_bytes().get(parameters).is_some_and(|byte| matches!(byte, b'@'..=b'~')))
}

/// Returns the length of a command with its end; 0 if it does not end.
fn command(text: &str) -> usize {
    let ends = text.char_indices().find_map(|(at, _)| {
        let end = &text[at..];
        let string_end = || {
            let escape = one_of(&ESCAPES, end)?;
            end[escape..].starts_with('\\').then_some(escape + 1)
        };
        one_of(&COMMAND_ENDS, end).or_else(string_end).map(|length| at + length)
    });
    ends.unwrap_or(0)
}

/// Returns the length of a character that is written as `\u{…}`; 0 if there is none.
fn escaped_character(text: &str) -> usize {
    let Some(digits) = text.strip_prefix("\\u{") else { return 0 };
    let length = digits.bytes().take_while(u8::is_ascii_hexdigit).count();
    if length > 0 && digits[length..].starts_with('}') { "\\u{".len() + length + 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sequences_are_removed_however_they_are_written() {
        for (text, left) in [
            ("plain [31m", "plain [31m"),
            ("\u{1b}[31mred\u{1b}[0m", " red "),
            ("\\e[1;31mred\\033[mx\\x1b[?25lh", " red x h"),
            ("\\u001b[31ma\\u{1b}[0mb", " a b"),
            ("\u{9b}31ma\\u{9b}0mb", " a b"),
            ("\u{1b}]0;title\u{7}a\\e]8;;http://x\\e\\b", " a b"),
            ("\u{1b}]no end", " no end"),
            ("\u{1b}c \u{1b}", " c  "),
            ("C:\\edit C:\\Edit", "C:\\edit C:\\Edit"),
            ("a\\u{200b}b \\u{} \\u{1", "a b \\u{} \\u{1"),
            ("\u{1b}[3日", " 日"),
        ] {
            assert_eq!(removed(text), left, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(\u{1b}|\\\\e|\\\\u\\{|[\\[\\]}0-9a日;m]){0,12}") {
            prop_assert!(!removed(&text).contains('\x1b'));
        }
    }
}
