//! Making foreign text safe to show: characters that would control a terminal become visible.

use std::borrow::Cow;

pub use super::fit::{keep_end, keep_ends, truncate, width, wrap};

/// Maximum width of a title, in columns.
pub const MAX_TITLE_WIDTH: usize = 120;

/// Escapes control, bidirectional, and zero-width characters as `\n`, `\t`, `\e`, or `\u{…}`. Every text that is shown and that
/// this program did not write passes through here.
pub fn safe(text: &str) -> Cow<'_, str> {
    let Some(first) = find_unsafe(text) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len() + 16);
    let (clean, mut rest) = text.split_at(first);
    out.push_str(clean);
    while let Some(c) = rest.chars().next() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\u{1b}' => out.push_str("\\e"),
            c => out.extend(c.escape_unicode()),
        }
        rest = &rest[c.len_utf8()..];
        let (clean, unsafe_rest) = rest.split_at(find_unsafe(rest).unwrap_or(rest.len()));
        out.push_str(clean);
        rest = unsafe_rest;
    }
    Cow::Owned(out)
}

/// Returns where the first character is that [`safe`] escapes.
fn find_unsafe(text: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        at += printable_length(&text.as_bytes()[at..]);
        let c = text[at..].chars().next()?;
        if is_unsafe(c) {
            return Some(at);
        }
        at += c.len_utf8();
    }
}

/// Does the same as [`safe`], but keeps line breaks and tabs, for text that is shown as a block.
pub fn safe_block(text: &str) -> String {
    let lines: Vec<Cow<'_, str>> =
        text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).map(safe_line).collect();
    lines.join("\n")
}

fn safe_line(line: &str) -> Cow<'_, str> {
    if line.contains('\t') {
        Cow::Owned(line.split('\t').map(safe).collect::<Vec<_>>().join("\t"))
    } else {
        safe(line)
    }
}

/// Returns the output of a program without colours, and of a line that was overwritten (a progress bar) only the last version.
/// Other control characters remain, for [`safe`].
pub fn rendered_output(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        push_rendered_line(line, &mut out);
    }
    out
}

fn push_rendered_line(line: &str, out: &mut String) {
    let line = line.strip_suffix('\r').unwrap_or(line);
    let last = line.rsplit('\r').find(|part| !part.is_empty()).unwrap_or_default();
    if last.contains('\u{1b}') {
        push_without_colours(last, out);
    } else {
        out.push_str(last);
    }
}

/// Appends a line without the sequences `ESC [ digits ; … m`, which only set colours.
fn push_without_colours(line: &str, out: &mut String) {
    let mut rest = line;
    while let Some(at) = rest.find("\u{1b}[") {
        out.push_str(&rest[..at]);
        let after = &rest[at + 2..];
        let parameters = after.bytes().take_while(|b| b.is_ascii_digit() || matches!(b, b';' | b':')).count();
        if after[parameters..].starts_with('m') {
            rest = &after[parameters + 1..];
        } else {
            out.push_str("\u{1b}[");
            rest = after;
        }
    }
    out.push_str(rest);
}

/// Returns the output of a program as it is shown: as by [`rendered_output`], then [`safe_block`]. What is not UTF-8 becomes `\u{fffd}`.
/// Most output has nothing to change and is not copied.
pub fn shown_output(output: &[u8]) -> Cow<'_, [u8]> {
    let mut plain = plain_length(output);
    if plain == output.len() {
        return Cow::Borrowed(output);
    }
    let (mut shown, mut rest) = (Vec::with_capacity(output.len() + 64), output);
    let mut rendered = String::new();
    while plain < rest.len() {
        // The whole line is redrawn, because a carriage return changes what comes before it.
        let begin = memchr::memrchr(b'\n', &rest[..plain]).map_or(0, |end| end + 1);
        let end = memchr::memchr(b'\n', &rest[plain..]).map_or(rest.len(), |end| plain + end);
        shown.extend_from_slice(&rest[..begin]);
        rendered.clear();
        push_rendered_line(&String::from_utf8_lossy(&rest[begin..end]), &mut rendered);
        for (at, part) in rendered.split('\t').enumerate() {
            shown.extend_from_slice(if at > 0 { b"\t" } else { b"" });
            shown.extend_from_slice(safe(part).as_bytes());
        }
        rest = &rest[end..];
        plain = plain_length(rest);
    }
    shown.extend_from_slice(rest);
    Cow::Owned(shown)
}

/// Returns the length of the printable ASCII at the start.
fn printable_length(bytes: &[u8]) -> usize {
    prefix_length(bytes, |byte| byte.wrapping_sub(b' ') < 0x5f)
}

/// Returns the length of the printable ASCII, tabs, and line breaks at the start.
fn plain_length(bytes: &[u8]) -> usize {
    prefix_length(bytes, |byte| (byte.wrapping_sub(b' ') < 0x5f) | (byte == b'\t') | (byte == b'\n'))
}

/// Returns how many bytes at the start have a property. Looks at many at once, which the compiler turns into vector instructions.
fn prefix_length(bytes: &[u8], has: impl Fn(u8) -> bool) -> usize {
    let (blocks, _) = bytes.as_chunks::<32>();
    let whole = blocks.iter().take_while(|block| block.iter().fold(true, |all, byte| all & has(*byte)));
    let start = whole.count() * 32;
    bytes[start..].iter().position(|byte| !has(*byte)).map_or(bytes.len(), |at| start + at)
}

/// Returns whether a character controls a terminal, is invisible, or reorders others.
pub(super) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns the title of a task: its [`title_line`], safe to show, at most [`MAX_TITLE_WIDTH`] columns wide.
pub fn title(task: &str) -> String {
    one_line(title_line(task), MAX_TITLE_WIDTH)
}

/// Returns the first line of a task with a letter or digit, without the marks of a heading.
pub fn title_line(task: &str) -> &str {
    task.lines()
        .map(|line| line.trim().trim_start_matches(['#', '*']).trim())
        .find(|line| line.chars().any(char::is_alphanumeric))
        .or_else(|| task.lines().map(str::trim).find(|line| !line.is_empty()))
        .unwrap_or("")
}

/// Returns `text` on one line: safe to show, trimmed, at most `columns` wide, and cut with `…`.
pub fn one_line(text: &str, columns: usize) -> String {
    // Enough characters to fill the width; escaping the rest of a long text would be wasted.
    let text = text.trim().chars().take(columns.saturating_mul(4)).collect::<String>();
    truncate(&safe(&text), columns)
}

/// Returns the last line of a program's output with a visible character, safe to show and at most `columns` wide.
pub fn last_line(output: &str, columns: usize) -> Option<String> {
    rendered_output(output).lines().rev().map(|line| one_line(line, columns)).find(|line| !line.is_empty())
}

/// Maximum width of a reason, a model, an id, and other short texts of an event, in columns.
const MAX_SHORT_WIDTH: usize = 200;

/// Returns `text` as the state of an agent holds it: as by [`one_line`], at most 200 columns wide.
pub fn short(text: &str) -> String {
    one_line(text, MAX_SHORT_WIDTH)
}

/// Does the same as [`short`], and returns `None` for a text without a visible character.
pub fn short_or_none(text: Option<&str>) -> Option<String> {
    text.map(short).filter(|text| !text.is_empty())
}

/// Formats a number with its noun: `1 file`, `2 files`.
pub fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_control_characters() {
        for (text, shown) in [
            ("plain ünïcode 日本", "plain ünïcode 日本"),
            ("\u{1b}[31mred", "\\e[31mred"),
            ("a\nb\tc\r", "a\\nb\\tc\\u{d}"),
            ("\u{202e}txt.exe", "\\u{202e}txt.exe"),
            ("zero\u{200b}width", "zero\\u{200b}width"),
            ("\u{9b}31m", "\\u{9b}31m"),
        ] {
            assert_eq!(safe(text), shown);
        }
        assert_eq!(safe_block("a\tb\r\n\u{7}c"), "a\tb\n\\u{7}c");
    }

    #[test]
    fn rendered_output_has_no_colours_and_no_overwritten_text() {
        for (text, left) in [
            ("a\u{1b}[1;31mred\u{1b}[0m b", "ared b"),
            ("10%\r20%\r100%\ndone\r\n", "100%\ndone\n"),
            ("\u{1b}[2Jclear", "\u{1b}[2Jclear"),
            ("cut \u{1b}[3", "cut \u{1b}[3"),
        ] {
            assert_eq!(rendered_output(text), left);
        }
    }

    #[test]
    fn titles_are_the_first_words() {
        for (task, shown) in [
            ("\n\n  # Add auth\nmore", "Add auth"),
            ("#!/bin/sh\necho", "!/bin/sh"),
            ("---\nreal words", "real words"),
            ("???", "???"),
            ("", ""),
        ] {
            assert_eq!(title(task), shown);
        }
        assert_eq!(title(&"ab ".repeat(80)).chars().count(), 120);
        assert_eq!(truncate("日本語", 5), "日本…");
    }

    /// Escapes a character at a time, as the fast functions must.
    fn escaped(text: &str) -> String {
        let escape = |c: char| match c {
            '\n' => "\\n".to_owned(),
            '\t' => "\\t".to_owned(),
            '\u{1b}' => "\\e".to_owned(),
            c if is_unsafe(c) => c.escape_unicode().to_string(),
            c => c.to_string(),
        };
        text.chars().map(escape).collect()
    }

    #[test]
    fn every_byte_is_judged_at_every_offset() {
        for byte in 0..=u8::MAX {
            for at in [0, 1, 31, 32, 33, 63, 64] {
                let mut bytes = vec![b'a'; 70];
                bytes[at] = byte;
                let text = String::from_utf8_lossy(&bytes);
                assert_eq!(safe(&text), escaped(&text), "{byte} at {at}");
                let shown = safe_block(&rendered_output(&text));
                assert_eq!(shown_output(&bytes), shown.as_bytes(), "{byte} at {at}");
            }
        }
        assert!(matches!(shown_output(&[b'\n'; 99]), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn escaping_runs_is_escaping_each_character(text: String, run in 0usize..70) {
            let text = format!("{}{text}{}", "a".repeat(run), "é b".repeat(run));
            prop_assert_eq!(safe(&text), escaped(&text));
        }

        #[test]
        fn output_is_shown_as_rendered_and_made_safe(
            parts in prop::collection::vec(
                prop_oneof![
                    Just(b"plain words, and more than thirty-two of them".to_vec()),
                    "[\\n\\r\\t\u{1b}\\[0-9m;é\u{202e}]{0,6}".prop_map(String::into_bytes),
                    prop::collection::vec(any::<u8>(), 0..4),
                ],
                0..12,
            ),
        ) {
            let output = parts.concat();
            let shown = safe_block(&rendered_output(&String::from_utf8_lossy(&output)));
            prop_assert_eq!(shown_output(&output).into_owned(), shown.into_bytes());
        }

        #[test]
        fn titles_are_safe_and_short(task: String) {
            let title = title(&task);
            prop_assert_eq!(&safe(&title), &title);
            prop_assert!(width(&title) <= MAX_TITLE_WIDTH);
        }
    }
}
