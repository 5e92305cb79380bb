//! Making foreign text safe to show: characters that would control a terminal become visible.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

/// Maximum width of a title, in columns.
pub const MAX_TITLE_WIDTH: usize = 120;

/// Escapes control, bidirectional, and zero-width characters as `\n`, `\t`, `\e`, or `\u{…}`. Every text that is shown and that
/// this program did not write passes through here.
pub fn safe(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\u{1b}' => out.push_str("\\e"),
            c if is_unsafe(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
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
        let line = line.strip_suffix('\r').unwrap_or(line);
        let last = line.rsplit('\r').find(|part| !part.is_empty()).unwrap_or_default();
        push_without_colours(last, &mut out);
    }
    out
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

/// Returns whether a character controls a terminal, is invisible, or reorders others.
pub(super) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns the title of a task: its first line with a letter or digit, safe to show, at most [`MAX_TITLE_WIDTH`] columns wide.
pub fn title(task: &str) -> String {
    let line = task
        .lines()
        .map(|line| line.trim().trim_start_matches(['#', '*']).trim())
        .find(|line| line.chars().any(char::is_alphanumeric))
        .or_else(|| task.lines().map(str::trim).find(|line| !line.is_empty()))
        .unwrap_or("");
    one_line(line, MAX_TITLE_WIDTH)
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

/// Cuts `text` to at most `columns`, with `…` at its end if anything was cut.
pub fn truncate(text: &str, columns: usize) -> String {
    let mut width = 0;
    for (at, c) in text.char_indices() {
        width += c.width().unwrap_or(0);
        if width > columns {
            let room = columns.saturating_sub(1);
            let mut kept = 0;
            let end = text[..at]
                .char_indices()
                .take_while(|(_, c)| {
                    kept += c.width().unwrap_or(0);
                    kept <= room
                })
                .last()
                .map_or(0, |(i, c)| i + c.len_utf8());
            return format!("{}…", text[..end].trim_end());
        }
    }
    text.to_owned()
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

    proptest! {
        #[test]
        fn titles_are_safe_and_short(task: String) {
            let title = title(&task);
            prop_assert_eq!(&safe(&title), &title);
            prop_assert!(title.chars().map(|c| c.width().unwrap_or(0)).sum::<usize>() <= MAX_TITLE_WIDTH);
        }
    }
}
