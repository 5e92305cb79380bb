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
/// How many tasks that are left out may lie between two others.
const MOST_PASSED_OVER: usize = 64;

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
    let names = Names::of(&entries);
    for entry in &entries {
        if is_cancelled(entry) {
            plan.left_out.push(left_out(&name(&entry.id), entry));
            continue;
        }
        let before: Vec<TaskId> =
            unique(entry.dependencies.iter().flat_map(|other| names.stand_for(&name(other))));
        if entry.subtasks.iter().all(is_cancelled) {
            let parts = entry.subtasks.iter().map(|part| left_out(&part_name(entry, part), part));
            plan.left_out.extend(parts);
            plan.tasks.push(task(TaskId::of_foreign(&name(&entry.id)), entry, before, None));
            continue;
        }
        let own: Vec<TaskId> =
            entry.subtasks.iter().map(|part| TaskId::of_foreign(&part_name(entry, part))).collect();
        for part in &entry.subtasks {
            let id = part_name(entry, part);
            if is_cancelled(part) {
                plan.left_out.push(left_out(&id, part));
                continue;
            }
            let named = part.dependencies.iter().flat_map(|other| part_after(&names, entry, other));
            let mut after: Vec<TaskId> = unique(named);
            // What the whole task needs, the first of its parts need.
            if !after.iter().any(|id| own.contains(id)) {
                after = unique(after.into_iter().chain(before.iter().cloned()));
            }
            let mut task = task(TaskId::of_foreign(&id), part, after, Some(&entry.title));
            // Lists that a program wrote have parts without a mark in tasks with one.
            task.done |= is_done(entry);
            plan.tasks.push(task);
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

/// What stands for a task or a part in the dependencies of others.
struct Names(BTreeMap<String, Vec<TaskId>>);

impl Names {
    fn of(entries: &[Entry]) -> Self {
        let mut all: BTreeMap<String, Vec<TaskId>> = BTreeMap::new();
        for entry in entries.iter().filter(|entry| !is_cancelled(entry)) {
            all.insert(name(&entry.id), ends(entry));
        }
        // What needs a task that is left out comes after what that needs.
        let left_out: Vec<&Entry> = entries.iter().filter(|entry| is_cancelled(entry)).collect();
        for entry in &left_out {
            let needs = passed_over(entry, &left_out, &mut Vec::new());
            let stand = needs.iter().flat_map(|id| all.get(id).cloned().unwrap_or_default());
            let stand = unique(stand);
            all.insert(name(&entry.id), stand);
        }
        let parts_of = |entry: &Entry| {
            let gone = |part: &&Entry| is_cancelled(entry) || is_cancelled(part);
            entry.subtasks.iter().filter(gone).map(|part| part_name(entry, part)).collect::<Vec<_>>()
        };
        all.extend(entries.iter().flat_map(parts_of).map(|id| (id, Vec::new())));
        Self(all)
    }

    fn stand_for(&self, other: &str) -> Vec<TaskId> {
        self.0.get(other).cloned().unwrap_or_else(|| vec![TaskId::of_foreign(other)])
    }
}

/// Returns the tasks that are not left out and that one that is left out needs, also by others that are.
fn passed_over<'a>(entry: &'a Entry, left_out: &[&'a Entry], seen: &mut Vec<&'a Value>) -> Vec<String> {
    if seen.contains(&&entry.id) || seen.len() > MOST_PASSED_OVER {
        return Vec::new();
    }
    seen.push(&entry.id);
    let mut needs = Vec::new();
    for other in entry.dependencies.iter().map(name) {
        match left_out.iter().find(|entry| name(&entry.id) == other) {
            Some(next) => needs.extend(passed_over(next, left_out, seen)),
            None => needs.push(other),
        }
    }
    needs
}

fn unique(ids: impl Iterator<Item = TaskId>) -> Vec<TaskId> {
    let mut all: Vec<TaskId> = Vec::new();
    ids.for_each(|id| {
        if !all.contains(&id) {
            all.push(id);
        }
    });
    all
}

/// Returns what a part comes after: a number names another part of the same task, one with a point a part of any.
fn part_after(names: &Names, entry: &Entry, other: &Value) -> Vec<TaskId> {
    let other = name(other);
    let is_sibling = entry.subtasks.iter().any(|part| name(&part.id) == other);
    if !other.contains('.') && is_sibling {
        return names.stand_for(&format!("{}.{other}", name(&entry.id)));
    }
    // A part of a task does not come after that task.
    if other == name(&entry.id) { Vec::new() } else { names.stand_for(&other) }
}

fn is_done(entry: &Entry) -> bool {
    matches!(entry.status.as_deref(), Some("done" | "completed"))
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
    Task { id, title, details, done: is_done(entry), after, ..Task::default() }
}
