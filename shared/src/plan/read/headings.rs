//! Tasks that are headings with the text for the agent below them: `## Add auth`, a paragraph, and a line `after: Set up`.

use super::{
    checklist::{self, Header},
    front_matter,
    items::{self, Item, Part, dedent},
    name_tasks, title_of, titled,
};
use crate::{
    Result,
    plan::{LeftOutPart, Plan, Task, TaskId},
};

/// A heading, and the lines below it until the next one that is not deeper.
struct Section<'a> {
    line: usize,
    depth: usize,
    said: &'a str,
    /// The line of the heading.
    whole: &'a str,
    /// The lines, each with whether it can name an attribute: it is not in a comment or in code.
    lines: Vec<(&'a str, bool)>,
}

impl Section<'_> {
    fn has_text(&self) -> bool {
        self.lines.iter().any(|(line, _)| !line.trim().is_empty())
    }
}

/// Returns whether the tasks of a file are its headings: it has no list, and text below a heading that is not its title; or text below
/// headings says what comes after what, and no item has a box.
pub(super) fn is_one(file: &str) -> bool {
    let items: Vec<Item<'_>> = items::at_margin(file).collect();
    let sections = sections(file);
    let says_after =
        |section: &Section<'_>| section.lines.iter().any(|(line, counts)| *counts && after(line).is_some());
    let is_said = sections.iter().any(says_after);
    if items.is_empty() {
        return is_said || level(&sections).is_some();
    }
    is_said && level(&sections).is_some() && items.iter().all(|item| item.ticked.is_none())
}

/// Reads headings.
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
    let mut sections = sections(file);
    sections.retain(|section| section.line > front.lines);
    let level = level(&sections).unwrap_or(1);
    let mut named: Vec<Vec<String>> = Vec::new();
    for section in &joined(sections, level) {
        if section.depth == level {
            let (task, names) = task(section);
            plan.tasks.push(task);
            named.push(names);
        } else if section.depth == 1 && plan.title.is_none() {
            plan.title = Some(title_of(section.said));
        } else {
            let what = format!("heading '{}' on line {}", title_of(section.said), section.line);
            let why = "the tasks of this file are other headings".to_owned();
            plan.left_out.push(LeftOutPart { what, why });
        }
    }
    name_tasks(&mut plan);
    resolve(&mut plan, named);
    Ok(plan)
}

/// Splits a file at its headings. What is before the first belongs to none.
fn sections(file: &str) -> Vec<Section<'_>> {
    let mut all: Vec<Section<'_>> = Vec::new();
    for ((line, part), whole) in items::parts(file).zip(file.lines()) {
        match (part, all.last_mut()) {
            (Part::Heading(depth, said), _) => {
                all.push(Section { line, depth, said, whole, lines: Vec::new() });
            }
            (part, Some(section)) => section.lines.push((whole, matches!(part, Part::Text(_)))),
            (_, None) => {}
        }
    }
    all
}

/// Makes the headings below those of a level parts of their text.
fn joined(sections: Vec<Section<'_>>, level: usize) -> Vec<Section<'_>> {
    let mut all: Vec<Section<'_>> = Vec::new();
    for section in sections {
        match all.last_mut() {
            Some(above) if section.depth > level && above.depth >= level => {
                above.lines.push((section.whole, false));
                above.lines.extend(section.lines);
            }
            _ => all.push(section),
        }
    }
    all
}

/// Returns the depth of the headings that are tasks: the smallest with text below it, not counting a title of the whole file.
fn level(sections: &[Section<'_>]) -> Option<usize> {
    sections
        .iter()
        .filter(|section| section.depth > 1 && section.has_text())
        .map(|section| section.depth)
        .min()
}

/// Returns the task of a heading, and the names of what it comes after.
fn task(section: &Section<'_>) -> (Task, Vec<String>) {
    let Header { id, done, after: ids, said } = checklist::header(section.said);
    let mut task =
        Task { id: id.unwrap_or_default(), done, line: section.line, after: ids, ..Task::default() };
    let (mut names, mut kept) = (Vec::new(), Vec::new());
    let mut may_be_attributes = true;
    for (line, counts) in &section.lines {
        let found = counts.then(|| after(line)).flatten();
        if let Some(list) = found {
            names.extend(list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()));
        } else if !(*counts && may_be_attributes && checklist::set_attributes(&mut task, line)) {
            may_be_attributes = line.trim().is_empty();
            kept.push((*line, *counts));
        }
    }
    (task.title, task.details) = titled(said, text(&kept));
    (task, names)
}

fn text(lines: &[(&str, bool)]) -> String {
    dedent(lines.iter().map(|(line, _)| *line).collect::<Vec<_>>())
}

/// Returns what a line says comes before: `after: Set up, docs`.
fn after(line: &str) -> Option<&str> {
    let (key, list) = line.split_once(':')?;
    (key.trim_matches(['*', '_', ' ']).eq_ignore_ascii_case("after"))
        .then(|| list.trim_matches(['*', '_', ' ', '.']))
}

/// Finds the tasks that others name by their ids or titles. A name of no task becomes an id of no task, which is a flaw.
fn resolve(plan: &mut Plan, named: Vec<Vec<String>>) {
    let known: Vec<(TaskId, String)> =
        plan.tasks.iter().map(|task| (task.id.clone(), comparable(&task.title))).collect();
    for (task, names) in plan.tasks.iter_mut().zip(named) {
        for name in names {
            let by_title = || known.iter().find(|(_, title)| *title == comparable(&name));
            let by_id =
                known.iter().find(|(id, _)| TaskId::parse(name.trim_matches('`')).as_ref() == Some(id));
            let id = by_id.or_else(by_title).map_or_else(|| TaskId::of_foreign(&name), |(id, _)| id.clone());
            if !task.after.contains(&id) {
                task.after.push(id);
            }
        }
    }
}

fn comparable(title: &str) -> String {
    let words: Vec<String> = title.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ").trim_matches(['`', '"', '\'', '.']).to_owned()
}
