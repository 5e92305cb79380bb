//! Markdown lists, with or without boxes: the format that is also written.

use super::{
    front_matter,
    items::{self, Item, Part, dedent},
    title_of, titled,
};
use crate::{
    Result,
    plan::{Flaw, LeftOutPart, Plan, Task, TaskId},
};

/// Reads a Markdown list.
///
/// # Errors
/// A newer version of git orchestra wrote it.
pub(super) fn read(file: &str) -> Result<Plan> {
    let front = front_matter::read(file)?;
    let mut plan = Plan {
        title: front.title,
        into: front.into,
        check: front.check,
        review: front.review,
        ..Plan::default()
    };
    let mut open: Option<(Item<'_>, Vec<&str>)> = None;
    let mut heading: Option<Heading<'_>> = None;
    for (line, part) in items::parts(file).skip_while(|(line, _)| *line <= front.lines) {
        match part {
            Part::Item(item) => {
                heading = None;
                plan.tasks.extend(open.replace((item, Vec::new())).map(task));
                continue;
            }
            Part::More(more) => {
                if let Some((_, lines)) = &mut open {
                    lines.push(more);
                }
                continue;
            }
            Part::Heading(1, said) if plan.title.is_none() && line > front.lines => {
                plan.title = Some(title_of(said));
            }
            Part::Heading(_, said) => {
                plan.left_out.extend(
                    heading
                        .replace(Heading { line, said, text: false })
                        .and_then(|heading| left_out(&heading)),
                );
            }
            Part::Text(said) => {
                if let Some(heading) = &mut heading {
                    plan.flaws.extend(after_key(said).map(|_| stray_after(line, said, heading)));
                    heading.text = true;
                }
            }
            Part::Other => {}
        }
        // Text between lists belongs to no task.
        plan.tasks.extend(open.take().map(task));
    }
    plan.tasks.extend(open.map(task));
    plan.left_out.extend(heading.and_then(|heading| left_out(&heading)));
    plan.tasks.retain(|task| !task.title.is_empty());
    Ok(plan)
}

/// A heading below which no item was found so far, and whether it has text.
struct Heading<'a> {
    line: usize,
    said: &'a str,
    text: bool,
}

fn left_out(heading: &Heading<'_>) -> Option<LeftOutPart> {
    heading.text.then(|| LeftOutPart {
        what: format!("heading '{}' on line {}", title_of(heading.said), heading.line),
        why: "the tasks of this file are the items of its lists, and below it is only text".to_owned(),
    })
}

fn stray_after(line: usize, said: &str, heading: &Heading<'_>) -> Flaw {
    let (said, heading) = (title_of(said), title_of(heading.said));
    let message = format!(
        "'{said}' is below the heading '{heading}', and the tasks of this file are the items of its lists: \
         indent it below an item"
    );
    Flaw { line, message }
}

/// Reads lines of text, one task each.
pub(super) fn read_lines(file: &str) -> Plan {
    let lines = (1..).zip(file.lines()).map(|(line, said)| (line, said.trim()));
    let tasks = lines.filter(|(_, said)| !said.is_empty() && !said.starts_with('#'));
    let task = |(line, said): (usize, &str)| {
        let (title, details) = titled(said, String::new());
        Task { title, details, line, ..Task::default() }
    };
    Plan { tasks: tasks.map(task).collect(), ..Plan::default() }
}

/// What the first line of a task says.
pub(super) struct Header<'a> {
    pub(super) id: Option<TaskId>,
    pub(super) done: bool,
    pub(super) after: Vec<TaskId>,
    /// The title.
    pub(super) said: &'a str,
}

/// Reads the text of a heading that is a task: `` [x] `api` Use it (after: a) ``.
pub(super) fn header(text: &str) -> Header<'_> {
    let boxes = [("[ ] ", false), ("[x] ", true), ("[X] ", true)];
    let boxed = boxes.iter().find_map(|(mark, done)| Some((*done, text.strip_prefix(mark)?)));
    let (done, text) = boxed.unwrap_or((false, text));
    let (said, after) = split_after(text.trim());
    let (id, said) = split_id(said);
    Header { id, done, after, said }
}

fn task((item, lines): (Item<'_>, Vec<&str>)) -> Task {
    let (said, after) = split_after(item.text);
    let (id, said) = split_id(said);
    let mut task = Task {
        id: id.unwrap_or_default(),
        done: item.ticked.unwrap_or_default(),
        after,
        line: item.line,
        ..Task::default()
    };
    let attributes = lines.iter().take_while(|line| set_attributes(&mut task, line)).count();
    (task.title, task.details) = titled(said, dedent(lines[attributes..].iter().copied()));
    task
}

/// Splits the id off a title: `` `api` Use it ``.
fn split_id(said: &str) -> (Option<TaskId>, &str) {
    let found = said.strip_prefix('`').and_then(|rest| rest.split_once('`'));
    match found.and_then(|(id, rest)| Some((TaskId::parse(id)?, rest.trim_start()))) {
        Some((id, rest)) if !rest.is_empty() => (Some(id), rest),
        _ => (None, said),
    }
}

/// Splits what a task comes after off a title: `Use it (after: a, b)`.
fn split_after(said: &str) -> (&str, Vec<TaskId>) {
    let inside = said.strip_suffix(')').and_then(|said| said.rsplit_once('('));
    let ids = inside.and_then(|(title, inside)| Some((title.trim_end(), ids(after_key(inside)?)?)));
    ids.unwrap_or((said, Vec::new()))
}

fn after_key(text: &str) -> Option<&str> {
    text.trim_start().strip_prefix("after:")
}

fn ids(list: &str) -> Option<Vec<TaskId>> {
    let parts = list.split([',', ' ']).map(|id| id.trim().trim_matches('`')).filter(|id| !id.is_empty());
    parts.map(TaskId::parse).collect::<Option<Vec<_>>>().filter(|ids| !ids.is_empty())
}

/// Sets the attributes of a line below the title, `agent: claude   files: src/**`. Returns whether it is such a line; any other is text
/// for the agent.
pub(super) fn set_attributes(task: &mut Task, line: &str) -> bool {
    if line.trim().is_empty() || line.trim_start().starts_with(['-', '*', '+', '>', '`']) {
        return false;
    }
    let mut parsed = task.clone();
    let all = line.trim().split("   ").map(str::trim).filter(|part| !part.is_empty());
    for part in all {
        let Some((key, value)) = part.split_once(':') else { return false };
        let value = value.trim();
        match key {
            "agent" if is_word(value) => parsed.agent = Some(value.to_owned()),
            "team" if is_word(value) => parsed.team = Some(value.to_owned()),
            "files" if !value.is_empty() => {
                parsed.files =
                    value.split([',', ' ']).filter(|one| !one.is_empty()).map(str::to_owned).collect();
            }
            "size" => match value.parse() {
                Ok(size @ 1..=5) => parsed.size = Some(size),
                _ => return false,
            },
            "after" => match ids(value) {
                Some(ids) => parsed.after.extend(ids),
                None => return false,
            },
            _ => return false,
        }
    }
    *task = parsed;
    true
}

/// Returns whether a value can name a profile or a team.
fn is_word(value: &str) -> bool {
    !value.is_empty() && value.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

/// Returns a Markdown list with the id of each task written before its title; every other byte is kept.
pub fn with_ids(file: &str, plan: &Plan) -> String {
    edit(file, |line, said| {
        let task = plan.tasks.iter().find(|task| task.line == line)?;
        let item = items::item(line, said)?;
        if split_id(item.text).0.is_some() || item.text.is_empty() {
            return None;
        }
        let begin = said.len() - said.trim_end().len() + item.text.len();
        let at = said.len() - begin;
        Some(format!("{}`{}` {}", &said[..at], task.id, &said[at..]))
    })
}

/// Replaces lines of a file, with their ends as they were.
fn edit(file: &str, mut replace: impl FnMut(usize, &str) -> Option<String>) -> String {
    let mut edited = String::with_capacity(file.len() + 64);
    for (number, whole) in (1..).zip(file.split_inclusive('\n')) {
        let line = whole.trim_end_matches(['\n', '\r']);
        match replace(number, line) {
            Some(new) => {
                edited.push_str(&new);
                edited.push_str(&whole[line.len()..]);
            }
            None => edited.push_str(whole),
        }
    }
    edited
}
