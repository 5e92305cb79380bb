//! Quoting commands for people to paste. A shell reads the same argument vector from the text, byte for byte, and the text holds
//! no invisible or control characters.

use std::{ffi::OsStr, fmt::Write as _, os::unix::ffi::OsStrExt, str::Utf8Chunk};

use super::text;

/// Characters that no shell treats specially anywhere in a word.
const PLAIN_PUNCTUATION: &str = "-_./:,+@%";

/// Formats an argument vector as one line for a shell.
pub fn command(words: &[&dyn AsRef<OsStr>]) -> String {
    let words: Vec<String> = words.iter().map(word).collect();
    words.join(" ")
}

/// Quotes one word, if necessary. Words with control, bidirectional, or invisible characters, or with bytes that are not UTF-8,
/// use `$'…'`, which bash, zsh, ksh, and busybox read.
pub fn word(word: impl AsRef<OsStr>) -> String {
    let bytes = word.as_ref().as_bytes();
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && is_plain(text) => text.to_owned(),
        Ok(text) if !text.chars().any(text::is_unsafe) => format!("'{}'", text.replace('\'', "'\\''")),
        _ => escaped(bytes),
    }
}

/// Returns whether a word needs no quotes. zsh replaces a word that begins with `=`, so `=` is plain only later in the word.
fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || PLAIN_PUNCTUATION.contains(c) || c == '=';
    text.chars().all(plain) && !text.starts_with('=')
}

/// Quotes with `$'…'`, in octal escapes: their length is the same in every shell, unlike that of `\x` and `\u`.
fn escaped(bytes: &[u8]) -> String {
    let mut out = String::from("$'");
    for chunk in bytes.utf8_chunks() {
        push_text(&mut out, &chunk);
        chunk.invalid().iter().for_each(|byte| push_octal(&mut out, *byte));
    }
    out.push('\'');
    out
}

fn push_text(out: &mut String, chunk: &Utf8Chunk<'_>) {
    for c in chunk.valid().chars() {
        let mut encoded = [0; 4];
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\\' | '\'' => out.extend(['\\', c]),
            // An interactive bash would expand `!` from its history.
            c if c == '!' || text::is_unsafe(c) => {
                c.encode_utf8(&mut encoded).bytes().for_each(|byte| push_octal(out, byte));
            }
            c => out.push(c),
        }
    }
}

fn push_octal(out: &mut String, byte: u8) {
    let _ = write!(out, "\\{byte:03o}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        for (text, shown) in [
            ("main", "main"),
            ("--into=a/b", "--into=a/b"),
            ("", "''"),
            ("=x", "'=x'"),
            ("~/x", "'~/x'"),
            ("a b", "'a b'"),
            ("r'x", "'r'\\''x'"),
            ("m;touch${IFS}PWNED", "'m;touch${IFS}PWNED'"),
            ("a\nb", "$'a\\nb'"),
            ("\u{1b}[31m'!\\", "$'\\033[31m\\'\\041\\\\'"),
            ("\u{202e}txt", "$'\\342\\200\\256txt'"),
            ("ünï", "'ünï'"),
        ] {
            assert_eq!(word(text), shown);
        }
        assert_eq!(word(OsStr::from_bytes(b"\xff1")), "$'\\3771'");
        let place = std::path::PathBuf::from("/a b");
        assert_eq!(command(&[&"git", &"-C", &place, &"status"]), "git -C '/a b' status");
    }
}
