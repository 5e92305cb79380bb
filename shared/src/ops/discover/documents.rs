//! The commands in workflows and in documents. Only simple commands that are known by their first words count.

use super::{Found, words};

/// The languages of code blocks that are shells.
const SHELLS: [&str; 8] = ["", "sh", "bash", "shell", "console", "zsh", "shell-session", "text"];

/// Reads the `run:` lines of a workflow, and the blocks below them.
pub(super) fn workflow(text: &str, _: &dyn Fn(&str) -> bool) -> Vec<Found> {
    let mut found = Vec::new();
    // The column of the key whose block is being read.
    let mut block: Option<usize> = None;
    for (at, line) in text.lines().enumerate() {
        let content = line.trim_start();
        let indent = line.len() - content.len();
        if block.is_some_and(|column| indent > column || content.is_empty()) {
            add(&mut found, content, at + 1);
            continue;
        }
        block = None;
        let after_dash = content.strip_prefix('-').map_or(content, str::trim_start);
        let Some(value) = after_dash.strip_prefix("run:") else { continue };
        if value.trim_start().starts_with(['|', '>']) {
            block = Some(line.len() - after_dash.len());
        } else {
            add(&mut found, unquoted(value.trim()), at + 1);
        }
    }
    found
}

/// Reads the code blocks of a document.
pub(super) fn markdown(text: &str, _: &dyn Fn(&str) -> bool) -> Vec<Found> {
    let mut found = Vec::new();
    // Whether the block that is open is one of a shell.
    let mut block: Option<bool> = None;
    for (at, line) in text.lines().enumerate() {
        let content = line.trim();
        match (content.strip_prefix("```"), block) {
            (Some(language), None) => block = Some(SHELLS.contains(&language.trim())),
            (Some(_), Some(_)) => block = None,
            (None, Some(true)) => add(&mut found, content.strip_prefix("$ ").unwrap_or(content), at + 1),
            (None, _) => {}
        }
    }
    found
}

fn add(found: &mut Vec<Found>, command: &str, line: usize) {
    let command = command.split_once(" #").map_or(command, |(command, _)| command).trim();
    if let Some(purpose) = words::purpose(command) {
        found.push(Found::new(purpose, command, line));
    }
}

fn unquoted(value: &str) -> &str {
    let within = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    within('"').or_else(|| within('\'')).unwrap_or(value)
}
