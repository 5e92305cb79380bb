//! The messages that a program was given and does not repeat in its output: a line of JSON for each, with its place in the output.

use std::{io::Write as _, path::Path};

use serde::{Deserialize, Serialize};

use crate::private_files;

/// The longest text that is noted, in bytes; the rest of a longer one is cut.
const MAX_TEXT: usize = 64 * 1024;
/// The most messages that are read.
const MAX_MESSAGES: usize = 10_000;

/// A message that a program was given.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SentMessage {
    /// The length of the output before the first sign of it, in bytes.
    pub at: u64,
    /// Its text, of which a very long one is cut.
    pub text: String,
}

/// Notes a message. Errors are ignored: without a note, the log does not show the message.
pub fn note(path: &Path, at: u64, words: &str) {
    let end = (0..=MAX_TEXT.min(words.len())).rev().find(|end| words.is_char_boundary(*end)).unwrap_or(0);
    let Ok(mut line) = serde_json::to_vec(&SentMessage { at, text: words[..end].to_owned() }) else { return };
    line.push(b'\n');
    let _ = private_files::open_log(path).and_then(|mut file| file.write_all(&line));
}

/// Reads notes; a line that is not one is skipped, such as one that is written at this moment.
pub fn parse(bytes: &[u8]) -> Vec<SentMessage> {
    let lines = bytes.split(|byte| *byte == b'\n');
    lines.filter_map(|line| serde_json::from_slice(line).ok()).take(MAX_MESSAGES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_they_were_noted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.sent");
        note(&path, 0, "one\ntwo");
        note(&path, 70, &"é".repeat(MAX_TEXT));
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend(b"{\"at\":9");
        let all = parse(&bytes);
        assert_eq!((all.len(), &all[0]), (2, &SentMessage { at: 0, text: "one\ntwo".to_owned() }));
        assert_eq!((all[1].at, all[1].text.len()), (70, MAX_TEXT));
    }
}
