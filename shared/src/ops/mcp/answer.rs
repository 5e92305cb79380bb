//! Texts of bounded length, for a model. Clients cut or refuse longer ones.

use serde_json::{Value, json};

use crate::{Error, Result, model::text};

/// The longest text, in bytes, without the line that says how to read the rest.
pub(super) const MAX_TEXT: usize = 10_000;

/// Returns the result of a call. A failure is one as well, so that the model reads the hints.
pub(super) fn result(done: Result<String>) -> Value {
    let (failed, text) = match done {
        Ok(text) => (false, text),
        Err(error) => (true, failure(&error)),
    };
    json!({"content": [{"type": "text", "text": text}], "isError": failed})
}

fn failure(error: &Error) -> String {
    let hints: String = error.hints.iter().map(|hint| format!("\nhint: {hint}")).collect();
    cut(&format!("{}{hints}", error.one_line())).0.to_owned()
}

/// Returns the beginning of a text that is short enough, and the rest.
pub(super) fn cut(text: &str) -> (&str, &str) {
    let end = (0..=MAX_TEXT.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.split_at(end)
}

/// Returns a part of a long text from an offset in bytes on, and where the next part begins.
pub(super) fn page(whole: &str, from: usize) -> String {
    let from =
        (from.min(whole.len())..=whole.len()).find(|at| whole.is_char_boundary(*at)).unwrap_or(whole.len());
    let (part, rest) = cut(&whole[from..]);
    if rest.is_empty() {
        return part.to_owned();
    }
    let next = from + part.len();
    format!("{part}\n({next} of {} bytes; the rest: cursor {next})", whole.len())
}

/// Marks each line of what an agent wrote.
pub(super) fn as_data(written: &str) -> String {
    text::safe_block(written).lines().map(|line| format!("| {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_read_in_parts() {
        let whole = "é".repeat(MAX_TEXT);
        let (mut read, mut from) = (String::new(), 0);
        loop {
            let part = page(&whole, from);
            let text = part.split_once("\n(").map_or(part.as_str(), |(text, _)| text);
            read.push_str(text);
            from += text.len();
            if !part.contains("\n(") {
                break;
            }
            assert!(part.contains(&format!("cursor {from})")), "{}", &part[part.len() - 60..]);
        }
        assert_eq!(read, whole);
        assert_eq!(
            (page("é", 1), page("short", 99), page("", 0)),
            (String::new(), String::new(), String::new())
        );
    }

    #[test]
    fn what_agents_wrote_is_marked_line_by_line() {
        assert_eq!(as_data("a\n\nhint: b\u{7}").lines().filter(|line| !line.starts_with("| ")).count(), 0);
    }
}
