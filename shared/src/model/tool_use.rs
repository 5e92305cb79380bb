//! Summaries of an agent's tool calls for people: the most informative argument, and the beginning of the result. Pure.

use serde_json::Value;

use super::text;

/// The names that agent programs give to informative arguments, the most informative first.
const INFORMATIVE_ARGUMENTS: [&str; 12] = [
    "command",
    "cmd",
    "file_path",
    "filePath",
    "notebook_path",
    "path",
    "pattern",
    "url",
    "query",
    "skill",
    "description",
    "prompt",
];
/// Columns reserved for the number of further lines.
const RESERVED_WIDTH: usize = 20;

/// Returns the most informative argument of a tool call; `None` if it has no known argument.
pub fn main_argument(input: &Value) -> Option<String> {
    named_main_argument(input).map(|(_, argument)| argument)
}

/// As [`main_argument`], with the name of the argument.
pub fn named_main_argument(input: &Value) -> Option<(&'static str, String)> {
    INFORMATIVE_ARGUMENTS.iter().find_map(|&name| match input.get(name)? {
        Value::String(text) => Some((name, text.clone())),
        Value::Array(words) => {
            Some((name, words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")))
        }
        _ => None,
    })
}

/// Returns the first line of a text, cut to fit into `columns`, with the number of further lines: `one (+2 lines)`.
pub fn summary_line(words: &str, columns: usize) -> String {
    let more = words.trim_end().lines().count().saturating_sub(1);
    let first = words.lines().next().unwrap_or_default().replace('\t', "    ");
    let first = text::truncate(first.trim_end(), columns.saturating_sub(RESERVED_WIDTH));
    if more > 0 { format!("{first} (+{more} lines)") } else { first }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_most_informative_argument_is_chosen() {
        for (input, expected) in [
            (json!({"description": "list", "command": "ls -l"}), Some("ls -l")),
            (json!({"command": ["bash", "-lc", "ls"]}), Some("bash -lc ls")),
            (json!({"filePath": "a.rs"}), Some("a.rs")),
            (json!({"command": 5, "path": "b"}), Some("b")),
            (json!({"other": "x"}), None),
            (json!("text"), None),
        ] {
            assert_eq!(main_argument(&input).as_deref(), expected, "{input}");
        }
    }

    #[test]
    fn a_summary_line_is_the_first_line_and_a_count() {
        for (words, expected) in [
            ("one", "one"),
            ("one\n", "one"),
            ("one  \ntwo\nthree\n\n", "one (+2 lines)"),
            ("\tone", "    one"),
            ("", ""),
        ] {
            assert_eq!(summary_line(words, 160), expected, "{words:?}");
        }
        assert_eq!(summary_line("0123456789abcdef", 30).chars().count(), 10);
    }
}
