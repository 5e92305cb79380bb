//! The `tasks.md` of Kiro: tasks with numbers, of which those with a point are the parts of another. The parts are the tasks; they come
//! one after another, and what has no part in common may be done side by side, up to the next checkpoint, or as the file itself says.

use std::collections::BTreeSet;

use super::{
    Choice,
    items::{self, Item, dedent},
    title_of, titled, waves,
};
use crate::plan::{LeftOutPart, Plan, Task, TaskId};

/// Returns the number that a task begins with, such as `1.2` or `3.`, and the rest.
pub(super) fn number(text: &str) -> Option<(&str, &str)> {
    let (number, rest) = text.split_once(' ')?;
    let number = number.strip_suffix('.').unwrap_or(number);
    let is_one = number
        .split('.')
        .all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
    is_one.then(|| (number, rest.trim()))
}

/// A numbered item, at any depth of the list.
struct Numbered<'a> {
    item: Item<'a>,
    number: &'a str,
    title: &'a str,
    details: Vec<&'a str>,
}

pub(super) fn read(file: &str, choice: &Choice) -> Plan {
    let mut plan = Plan { title: title(file), ..Plan::default() };
    let all = numbered(file);
    let is_parent = |number: &str| all.iter().any(|other| parent(other.number) == Some(number));
    let mut last_of: Vec<(&str, TaskId)> = Vec::new();
    for one in all.iter().filter(|one| !is_parent(one.number)) {
        if one.item.optional && !choice.optional {
            let what = format!("{} {}", one.number, title_of(one.title));
            plan.left_out.push(LeftOutPart { what, why: "optional".to_owned() });
            continue;
        }
        let id = TaskId::of_foreign(one.number);
        let group = parent(one.number).unwrap_or_default();
        let before = last_of.iter().rfind(|(of, _)| *of == group && !group.is_empty());
        let after = before.map(|(_, id)| id.clone()).into_iter().collect();
        last_of.push((group, id.clone()));
        let above = all.iter().find(|other| other.number == group);
        let (title, details) = titled(one.title, details(one, above));
        plan.tasks.push(Task {
            id,
            title,
            details,
            done: one.item.ticked.unwrap_or_default(),
            after,
            line: one.item.line,
            ..Task::default()
        });
    }
    let in_waves = waves::apply(file, &mut plan);
    order_checkpoints(&mut plan, &in_waves);
    plan
}

/// Lets each checkpoint come after everything above it, and what is below it after the checkpoint, unless the file names its wave.
fn order_checkpoints(plan: &mut Plan, in_waves: &BTreeSet<TaskId>) {
    let (mut before, mut last): (Vec<TaskId>, Option<TaskId>) = Default::default();
    for task in &mut plan.tasks {
        if !in_waves.contains(&task.id) {
            if is_checkpoint(task) {
                task.after.clone_from(&before);
            }
            if task.after.is_empty() {
                task.after.extend(last.clone());
            }
            if is_checkpoint(task) {
                last = Some(task.id.clone());
            }
        }
        before.retain(|id| !task.after.contains(id));
        before.push(task.id.clone());
    }
}

/// Returns whether a task looks back at the work above it, as those that Kiro itself writes between others, in any language.
fn is_checkpoint(task: &Task) -> bool {
    let (title, details) = (task.title.to_lowercase(), task.details.to_lowercase());
    let is_named = ["checkpoint", "final checkpoint"].iter().any(|name| title.starts_with(name));
    !task.id.as_str().contains('.') && (is_named || details.contains("ensure all tests pass"))
}

/// Returns the line of the nearest task with an open box of which the task on `line` is a part, and all required parts are ticked.
pub(super) fn closed(file: &str, line: usize) -> Option<usize> {
    let all = numbered(file);
    let mut number = all.iter().find(|one| one.item.line == line)?.number;
    while let Some(group) = parent(number) {
        let mut parts = all.iter().filter(|one| parent(one.number) == Some(group) && !one.item.optional);
        if !parts.all(|one| one.item.ticked == Some(true)) {
            return None;
        }
        let above = all.iter().find(|one| one.number == group)?;
        if above.item.ticked == Some(false) {
            return Some(above.item.line);
        }
        number = group;
    }
    None
}

fn title(file: &str) -> Option<String> {
    items::parts(file).find_map(|(_, part)| match part {
        items::Part::Heading(1, said) => Some(title_of(said)),
        _ => None,
    })
}

/// Returns the numbered items of the file with their lines, in the order of the file.
fn numbered(file: &str) -> Vec<Numbered<'_>> {
    let mut all: Vec<Numbered<'_>> = Vec::new();
    for (line, whole) in (1..).zip(file.lines()) {
        let found = items::item(line, whole.trim_start()).filter(|item| item.ticked.is_some());
        let found = found.and_then(|item| Some((item, number(item.text)?)));
        if let Some((item, (number, title))) = found {
            all.push(Numbered { item, number, title, details: Vec::new() });
        } else if whole.starts_with([' ', '\t']) || whole.trim().is_empty() {
            all.last_mut().into_iter().for_each(|last| last.details.push(whole));
        }
    }
    all
}

fn parent(number: &str) -> Option<&str> {
    number.rsplit_once('.').map(|(parent, _)| parent)
}

/// Returns the text for the agent besides the title: the lines below it, and what it is a part of.
fn details(one: &Numbered<'_>, above: Option<&Numbered<'_>>) -> String {
    let own = dedent(one.details.iter().copied());
    let part = above.map(|above| format!("This is a part of: {}", above.title));
    match (own.is_empty(), part) {
        (_, None) => own,
        (true, Some(part)) => part,
        (false, Some(part)) => format!("{own}\n\n{part}"),
    }
}
