//! Reads tasks from arguments, from a file with one task on each line, or from a Markdown list. Pure.

use crate::{Code, Error, Result, store::append::MAX_PROMPT};

/// The most agents of one spawn; more is taken for a mistake.
pub const MAX_TASKS: usize = 1000;

/// Checks that a task can be passed to a program.
///
/// # Errors
/// It is empty or too long, or contains a NUL character.
pub fn check(task: &str) -> Result<()> {
    if task.trim().is_empty() {
        return Err(
            Error::new(Code::TaskInvalid, "a task is empty").hint("describe what the agent should do")
        );
    }
    if task.contains('\0') {
        return Err(Error::new(Code::TaskInvalid, "a task contains a NUL character")
            .hint("check that the file with the tasks is a text file"));
    }
    if task.len() > MAX_PROMPT {
        return Err(Error::new(
            Code::TaskInvalid,
            format!("a task has {} bytes; the limit is {MAX_PROMPT}", task.len()),
        )
        .hint("put the long part into a file in the repository, and refer to it in the task"));
    }
    Ok(())
}

/// Parses the tasks in a file. If it has Markdown list items, each top-level item is a task, together with the indented lines below it;
/// checked items (`- [x]`) are skipped. Otherwise, each line is a task. Blank lines, headings, and comments (`#`) are skipped. A byte
/// order mark is ignored, and lines may end with a line feed, a carriage return, or both. Nothing in a block of code or a comment of
/// Markdown (`<!--`) that begins at the left margin is an item.
pub fn parse(text: &str) -> Vec<String> {
    let text = &normalize_line_ends(text);
    if parts(text).any(|(line, is_list)| is_list && item(line).is_some()) {
        markdown(text)
    } else {
        lines(text)
    }
}

/// Returns the lines, and whether each can be a part of a list.
fn parts(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut until = None;
    text.lines().map(move |line| {
        if let Some(end) = until {
            let ends = if end == "-->" { line.contains(end) } else { line.starts_with(end) };
            until = until.filter(|_| !ends);
            return (line, false);
        }
        until = ["```", "~~~"].into_iter().find(|mark| line.starts_with(mark));
        if line.starts_with("<!--") {
            until = Some("-->").filter(|end| !line.contains(end));
            return (line, false);
        }
        (line, until.is_none())
    })
}

/// Returns the text without a byte order mark, and with line feeds as line ends.
pub fn normalize_line_ends(text: &str) -> String {
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
    for (line, is_list) in parts(text) {
        if !is_list {
            inside = false;
        } else if let Some((ticked, task)) = item(line) {
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
            // Text between lists belongs to no task.
            inside = false;
        }
    }
    tasks.iter().map(|task| task.trim_end().to_owned()).filter(|task| !task.trim().is_empty()).collect()
}

/// Parses a list item at the left margin. Returns whether it is checked, and its text.
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
    fn one_task_per_line_or_a_markdown_list() {
        for (text, tasks) in [
            ("add auth\n\n# later\nfix tests\n", vec!["add auth", "fix tests"]),
            (
                "# Plan\n\nIntro.\n\n- [ ] add auth\n  with tokens\n- [x] done\n  already\n* fix\nNotes\n  more\n1. third\n",
                vec!["add auth\n  with tokens", "fix", "third"],
            ),
            ("- a\n\n  para\n\nend\n- b", vec!["a\n\n  para", "b"]),
            ("- a\n\n```\n- code\n```\n- b\n\n~~~ sh\n- code\n```\n- code\n~~~\n* c", vec!["a", "b", "c"]),
            ("- a\n  ```\n  - code\n  ```\n- b", vec!["a\n  ```\n  - code\n  ```", "b"]),
            ("<!-- - x\n- y\n-->\n- a\n<!-- z -->\n- b", vec!["a", "b"]),
            ("```\n- code\n```\nfirst\n", vec!["```", "- code", "```", "first"]),
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
    fn empty_and_too_long_tasks_are_refused() {
        assert!(check(" \n\t").is_err());
        assert!(check(&"x".repeat(MAX_PROMPT)).is_ok());
        assert!(check(&"x".repeat(MAX_PROMPT + 1)).is_err());
    }
}
