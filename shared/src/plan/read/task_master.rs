//! The `tasks.json` of Task Master: lists by tag, tasks with numbers, each with at most one level of parts.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Choice, title_of, titled};
use crate::{
    Code, Error, Result,
    error::ErrorContext as _,
    model::text,
    plan::{LeftOutPart, Plan, Task, TaskId},
};

/// The list that is read if none is named.
const DEFAULT_TAG: &str = "master";

#[derive(Deserialize)]
struct Entry {
    id: Value,
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    details: Option<String>,
    #[serde(default, rename = "testStrategy")]
    test_strategy: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    dependencies: Vec<Value>,
    #[serde(default)]
    subtasks: Vec<Entry>,
}

#[derive(Deserialize)]
struct List {
    tasks: Vec<Entry>,
}

pub(super) fn read(file: &str, choice: &Choice) -> Result<Plan> {
    let entries = entries(file, choice.tag.as_deref())?;
    let mut plan = Plan::default();
    // What stands for a task in the dependencies of others: itself, or the ends of its parts.
    let ends: BTreeMap<String, Vec<TaskId>> =
        entries.iter().map(|entry| (name(&entry.id), ends(entry))).collect();
    for entry in &entries {
        if is_cancelled(entry) {
            plan.left_out.push(left_out(&name(&entry.id), entry));
            continue;
        }
        let before: Vec<TaskId> =
            entry.dependencies.iter().flat_map(|other| ends_of(&ends, &name(other))).collect();
        if entry.subtasks.is_empty() {
            plan.tasks.push(task(TaskId::of_foreign(&name(&entry.id)), entry, before, None));
            continue;
        }
        for part in &entry.subtasks {
            let id = part_name(entry, part);
            if is_cancelled(part) {
                plan.left_out.push(left_out(&id, part));
                continue;
            }
            let named: Vec<TaskId> =
                part.dependencies.iter().flat_map(|other| part_after(&ends, entry, other)).collect();
            let after = if named.is_empty() { before.clone() } else { named };
            plan.tasks.push(task(TaskId::of_foreign(&id), part, after, Some(&entry.title)));
        }
    }
    Ok(plan)
}

fn entries(file: &str, tag: Option<&str>) -> Result<Vec<Entry>> {
    let unknown = || "the plan is JSON of no known format".to_owned();
    let whole: Value = serde_json::from_str(file).context(Code::PlanInvalid, unknown)?;
    let list = match (&whole, tag) {
        (Value::Array(_), None) => return serde_json::from_value(whole).context(Code::PlanInvalid, unknown),
        (Value::Object(all), None) if all.contains_key("tasks") => &whole,
        (Value::Object(all), tag) => {
            let known: Vec<String> = all
                .iter()
                .filter(|(_, list)| list.get("tasks").is_some())
                .map(|(tag, _)| text::short(tag))
                .collect();
            let found = match (tag, known.as_slice()) {
                (Some(tag), _) => all.get(tag),
                (None, [only]) => all.get(only),
                (None, _) => all.get(DEFAULT_TAG),
            };
            found.ok_or_else(|| no_list(tag, &known))?
        }
        _ => return Err(Error::new(Code::PlanInvalid, unknown())),
    };
    List::deserialize(list).map(|list| list.tasks).context(Code::PlanInvalid, unknown)
}

fn no_list(tag: Option<&str>, known: &[String]) -> Error {
    if known.is_empty() {
        return Error::new(Code::PlanInvalid, "the plan is JSON of no known format");
    }
    let tag = text::short(tag.unwrap_or(DEFAULT_TAG));
    Error::new(Code::PlanInvalid, format!("the plan has no list '{tag}'"))
        .hint(format!("--tag names one of: {}", known.join(", ")))
}

/// Returns an id or a dependency, a number or a text, as text.
fn name(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn part_name(entry: &Entry, part: &Entry) -> String {
    format!("{}.{}", name(&entry.id), name(&part.id))
}

/// Returns the ids that a task stands for in the dependencies of others.
fn ends(entry: &Entry) -> Vec<TaskId> {
    let parts: Vec<&Entry> = entry.subtasks.iter().filter(|part| !is_cancelled(part)).collect();
    if parts.is_empty() {
        return vec![TaskId::of_foreign(&name(&entry.id))];
    }
    let needed = |id: &str| {
        parts.iter().flat_map(|part| &part.dependencies).map(name).any(|other| {
            other == id
                || other.rsplit_once('.').is_some_and(|(of, part)| of == name(&entry.id) && part == id)
        })
    };
    let last = parts.iter().filter(|part| !needed(&name(&part.id)));
    last.map(|part| TaskId::of_foreign(&part_name(entry, part))).collect()
}

fn ends_of(ends: &BTreeMap<String, Vec<TaskId>>, other: &str) -> Vec<TaskId> {
    ends.get(other).cloned().unwrap_or_else(|| vec![TaskId::of_foreign(other)])
}

/// Returns what a part comes after: a number names another part of the same task, one with a point a part of any.
fn part_after(ends: &BTreeMap<String, Vec<TaskId>>, entry: &Entry, other: &Value) -> Vec<TaskId> {
    let other = name(other);
    let is_sibling = entry.subtasks.iter().any(|part| name(&part.id) == other);
    match (other.contains('.'), is_sibling) {
        (false, true) => vec![TaskId::of_foreign(&format!("{}.{other}", name(&entry.id)))],
        (false, false) => ends_of(ends, &other),
        (true, _) => vec![TaskId::of_foreign(&other)],
    }
}

fn is_cancelled(entry: &Entry) -> bool {
    matches!(entry.status.as_deref(), Some("cancelled" | "deferred"))
}

fn left_out(id: &str, entry: &Entry) -> LeftOutPart {
    let what = title_of(&format!("{id} {}", entry.title));
    LeftOutPart { what, why: text::short(entry.status.as_deref().unwrap_or_default()) }
}

fn task(id: TaskId, entry: &Entry, after: Vec<TaskId>, part_of: Option<&str>) -> Task {
    let test = entry.test_strategy.as_ref().filter(|test| !test.trim().is_empty());
    let details = [
        entry.description.clone(),
        entry.details.clone(),
        test.map(|test| format!("How to test it: {test}")),
        part_of.map(|title| format!("This is a part of: {title}")),
    ];
    let details = details.into_iter().flatten().filter(|part| !part.trim().is_empty());
    let details = details.map(|part| part.trim().to_owned()).collect::<Vec<_>>().join("\n\n");
    let (title, details) = titled(&entry.title, details);
    Task {
        id,
        title,
        details,
        done: matches!(entry.status.as_deref(), Some("done" | "completed")),
        after,
        ..Task::default()
    }
}
