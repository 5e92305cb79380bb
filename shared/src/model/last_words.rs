//! The last words of an agent: what it said last, or the last line that a plain command printed, on one line. Pure.

use super::{
    secret,
    text::{self, one_line, width},
};

/// Maximum width of last words, in columns.
pub const MAX_LAST_WORDS_WIDTH: usize = 160;
/// A first line with fewer words says little alone, such as `Done.`, and is shown with the next.
const FEW_WORDS: usize = 3;
/// How much of a text is looked at, in characters.
const MAX_CHARACTERS: usize = 4096;

/// Returns the gist of what an agent said: the first line of a Markdown text without its markup, safe to show. Of a long line, the
/// sentences that fit. Returns `None` for a text without a letter or digit, and for one that contains a secret.
pub fn of_prose(said: &str) -> Option<String> {
    let said: String = said.chars().take(MAX_CHARACTERS).collect();
    let mut in_code = false;
    let mut lines = said.lines().filter_map(|line| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        (!is_fence && !in_code).then(|| plain(line)).filter(|line| line.chars().any(char::is_alphanumeric))
    });
    let first = lines.next()?;
    let gist = match first.split_whitespace().count() < FEW_WORDS {
        true => lines.next().map_or(first.clone(), |next| format!("{first} {next}")),
        false => first,
    };
    cut_unless_secret(&gist)
}

/// Returns the last line of a command's output with a visible character, safe to show. Returns `None` if there is none, or if it
/// contains a secret.
pub fn of_output(output: &str) -> Option<String> {
    cut_unless_secret(&text::last_line(output, MAX_CHARACTERS)?)
}

/// Cuts last words to their width. They are written into events and commits, which are shared; the part of a secret that a cut would leave
/// is not recognized as one.
fn cut_unless_secret(words: &str) -> Option<String> {
    if secret::first_secret(words).is_some() {
        return None;
    }
    Some(one_line(sentences_that_fit(words), MAX_LAST_WORDS_WIDTH)).filter(|words| !words.is_empty())
}

/// Removes the Markdown of a line: what marks a heading, a quote, or an item, emphasis, backticks, and the targets of links.
fn plain(line: &str) -> String {
    let line = line.trim().trim_start_matches(['#', '>']).trim_start();
    let line = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")).unwrap_or(line);
    let parts = line.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 1 { part.to_owned() } else { without_markup(part) }).collect()
}

fn without_markup(part: &str) -> String {
    let part = part.replace("**", "");
    let mut out = String::with_capacity(part.len());
    let mut rest = part.as_str();
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        let link =
            after.split_once("](").and_then(|(label, target)| Some((label, target.split_once(')')?.1)));
        match link {
            Some((label, after)) if !label.contains('[') => {
                out.push_str(label);
                rest = after;
            }
            _ => {
                out.push('[');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Returns the whole sentences at the start that fit, or everything if not even the first one does.
fn sentences_that_fit(line: &str) -> &str {
    if width(line) <= MAX_LAST_WORDS_WIDTH {
        return line;
    }
    let ends = line.match_indices(['.', '!', '?']).map(|(at, mark)| at + mark.len());
    let ends = ends.filter(|end| line[*end..].starts_with(' '));
    let fitting = ends.take_while(|end| width(&line[..*end]) <= MAX_LAST_WORDS_WIDTH).last();
    fitting.map_or(line, |end| &line[..end])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prose_is_reduced_to_its_first_line() {
        for (said, gist) in [
            ("I added the tests.\n\nMore.", Some("I added the tests.")),
            ("\n## Summary of the change\n\ntext", Some("Summary of the change")),
            ("Done.\n\nThe parser is **twice** as fast.", Some("Done. The parser is twice as fast.")),
            ("Done.", Some("Done.")),
            (
                "- Fixed `src/**/a.rs`, see [the notes](https://x.org/n)",
                Some("Fixed src/**/a.rs, see the notes"),
            ),
            ("an array a[0] and [a] list", Some("an array a[0] and [a] list")),
            ("```rust\nfn main() {}\n```\nThat is the whole program", Some("That is the whole program")),
            ("---\n| - |", None),
            ("", None),
            ("red \u{1b}[31m and back \u{202e}", Some("red \\e[31m and back \\u{202e}")),
            (concat!("the key is gh", "p_0123456789abcdefghijklmnopqrstuvwxyzA"), None),
        ] {
            assert_eq!(of_prose(said).as_deref(), gist, "{said}");
        }
    }

    #[test]
    fn a_long_line_ends_after_a_sentence() {
        let said = format!("One sentence here. Another, v1.2 one! {}", "word ".repeat(60));
        assert_eq!(of_prose(&said).as_deref(), Some("One sentence here. Another, v1.2 one!"));
        let endless = of_prose(&"word ".repeat(60)).unwrap();
        assert!(endless.ends_with('…') && width(&endless) <= MAX_LAST_WORDS_WIDTH, "{endless}");
    }

    #[test]
    fn of_output_the_last_line_counts() {
        assert_eq!(of_output("one\n 40%\r100%\n\u{1b}[32mok\u{1b}[0m\n\n").as_deref(), Some("ok"));
        assert_eq!(of_output("\n\n"), None);
        let cut = format!(
            "{} {}",
            "x".repeat(MAX_LAST_WORDS_WIDTH - 20),
            concat!("gh", "p_0123456789abcdefghijklmnopqrstuvwxyzA")
        );
        assert_eq!((of_output(&cut), of_prose(&cut)), (None, None));
    }

    proptest! {
        #[test]
        fn last_words_are_short_and_safe(said in "\\PC{0,300}|.{0,300}") {
            for words in of_prose(&said).into_iter().chain(of_output(&said)) {
                prop_assert!(width(&words) <= MAX_LAST_WORDS_WIDTH);
                prop_assert_eq!(&text::safe(&words), &words);
            }
        }
    }
}
