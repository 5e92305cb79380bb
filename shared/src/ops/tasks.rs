//! Reading tasks: from arguments, from a file with one a line, or from a Markdown list. Pure.

use crate::{Code, Error, Result, store::append::MAX_PROMPT};

/// Tasks of one spawn; more is a mistake.
pub const MAX_TASKS: usize = 1000;

/// Checks a task as it was given.
///
/// # Errors
/// It is empty or too long, or holds what no program can be told.
pub fn check(task: &str) -> Result<()> {
    if task.trim().is_empty() {
        return Err(Error::new(Code::TaskInvalid, "a task is empty").hint("say what the agent should do"));
    }
    if task.contains('\0') {
        return Err(Error::new(Code::TaskInvalid, "a task holds a NUL character")
            .hint("is it in a file that is not text?"));
    }
    if task.len() > MAX_PROMPT {
        return Err(Error::new(
            Code::TaskInvalid,
            format!("a task has {} bytes; at most {MAX_PROMPT} are taken", task.len()),
        )
        .hint("put the long part into a file of the repository and name it in the task"));
    }
    Ok(())
}

/// The tasks in a file's text. If it has Markdown list items, each top-level item is a task, with the lines below it
/// that are indented (ticked items, `- [x]`, are done and passed over); else each line is one.
/// Blank lines, headings and comments (`#`) are no tasks. The file may be of any system: a byte order mark is not text, and lines
/// end with a line feed, a carriage return or both.
pub fn parse(text: &str) -> Vec<String> {
    let text = &plain(text);
    if text.lines().any(|line| item(line).is_some()) { markdown(text) } else { lines(text) }
}

/// Text without a byte order mark, each line ended by a line feed.
pub fn plain(text: &str) -> String {
    text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n")
}

fn lines(text: &str) -> Vec<String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

fn markdown(text: &str) -> Vec<String> {
    let mut tasks: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if let Some((ticked, task)) = item(line) {
            inside = !ticked;
            if inside {
                tasks.push(task.to_owned());
            }
        } else if line.trim().is_empty() || line.starts_with([' ', '\t']) {
            if let Some(task) = tasks.last_mut().filter(|_| inside) {
                task.push('\n');
                task.push_str(line);
            }
        } else {
            // Text between lists is for people.
            inside = false;
        }
    }
    tasks.iter().map(|task| task.trim_end().to_owned()).filter(|task| !task.trim().is_empty()).collect()
}

/// A list item at the left margin, and whether it is ticked.
fn item(line: &str) -> Option<(bool, &str)> {
    let rest =
        line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")).or_else(|| line.strip_prefix("+ "));
    let rest = rest.or_else(|| numbered(line))?.trim_start();
    for (mark, ticked) in [("[ ] ", false), ("[x] ", true), ("[X] ", true)] {
        if let Some(task) = rest.strip_prefix(mark) {
            return Some((ticked, task.trim()));
        }
    }
    Some((false, rest.trim()))
}

fn numbered(line: &str) -> Option<&str> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &line[digits..];
    (1..=3).contains(&digits).then(|| rest.strip_prefix(". ").or_else(|| rest.strip_prefix(") "))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_a_line_or_a_markdown_list() {
        for (text, tasks) in [
            ("add auth\n\n# later\nfix tests\n", vec!["add auth", "fix tests"]),
            (
                "# Plan\n\nIntro.\n\n- [ ] add auth\n  with tokens\n- [x] done\n  already\n* fix\nNotes\n  more\n1. third\n",
                vec!["add auth\n  with tokens", "fix", "third"],
            ),
            ("- a\n\n  para\n\nend\n- b", vec!["a\n\n  para", "b"]),
            ("", vec![]),
            ("- \n- [x] \n", vec![]),
            ("2026 is the year\n", vec!["2026 is the year"]),
            ("\u{feff}- a\n- b", vec!["a", "b"]),
            ("\u{feff}a\nb", vec!["a", "b"]),
            ("a\rb\rc", vec!["a", "b", "c"]),
            ("- a\r\n\r\n  para\r\n- b\r\n", vec!["a\n\n  para", "b"]),
            ("- a\r  more\r- b", vec!["a\n  more", "b"]),
        ] {
            assert_eq!(parse(text), tasks, "{text}");
        }
    }

    #[test]
    fn empty_and_endless_tasks_are_refused() {
        assert!(check(" \n\t").is_err());
        assert!(check(&"x".repeat(MAX_PROMPT)).is_ok());
        assert!(check(&"x".repeat(MAX_PROMPT + 1)).is_err());
    }
}
