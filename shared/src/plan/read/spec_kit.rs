//! The `tasks.md` of spec-kit. Its phases are barriers; inside a phase the tasks without `[P]` come one after another.

use super::{
    items::{self, Part, dedent},
    title_of, titled,
};
use crate::plan::{Plan, Task, TaskId};

/// Returns the number that a task begins with, such as `T014`, and the rest.
pub(super) fn number(text: &str) -> Option<(&str, &str)> {
    let (number, rest) = text.split_once(' ')?;
    let digits = number.strip_prefix('T')?;
    let is_one = digits.len() >= 2 && digits.chars().all(|c| c.is_ascii_digit() || c == 'X');
    is_one.then(|| (number, rest.trim_start()))
}

/// A phase of the plan.
#[derive(Default)]
struct Phase {
    /// The last task that is not parallel.
    last: Option<TaskId>,
    /// All tasks.
    all: Vec<TaskId>,
}

pub(super) fn read(file: &str) -> Plan {
    let mut plan = Plan::default();
    let (mut phase, mut before): (Phase, Vec<TaskId>) = Default::default();
    let mut details: Vec<&str> = Vec::new();
    for (line, part) in items::parts(file) {
        match part {
            Part::More(more) => {
                details.push(more);
                continue;
            }
            Part::Heading(1, said) if plan.title.is_none() => {
                plan.title = Some(title_of(said.strip_prefix("Tasks:").unwrap_or(said).trim()));
            }
            Part::Heading(2, _) if !phase.all.is_empty() => {
                before = ends(&plan.tasks, &phase.all);
                phase = Phase::default();
            }
            _ => {}
        }
        finish(&mut plan, &mut details);
        let Part::Item(item) = part else { continue };
        let Some((number, rest)) = number(item.text) else { continue };
        let (parallel, rest) = marks(rest);
        let id = TaskId::of_foreign(number);
        let named = named_before(rest, &plan.tasks);
        let sequence = phase.last.clone().filter(|_| !parallel);
        let mut after: Vec<TaskId> = Vec::new();
        for other in named.into_iter().chain(sequence) {
            if !after.contains(&other) {
                after.push(other);
            }
        }
        // What names only tasks of earlier phases is behind the barrier nevertheless.
        if !after.iter().any(|other| phase.all.contains(other)) {
            let rest = before.iter().filter(|other| !after.contains(other)).cloned().collect::<Vec<_>>();
            after.extend(rest);
        }
        if !parallel {
            phase.last = Some(id.clone());
        }
        phase.all.push(id.clone());
        let done = item.ticked.unwrap_or_default();
        plan.tasks.push(Task { id, title: rest.to_owned(), done, after, line, ..Task::default() });
    }
    finish(&mut plan, &mut details);
    plan
}

fn finish(plan: &mut Plan, details: &mut Vec<&str>) {
    if let Some(task) = plan.tasks.last_mut().filter(|task| task.details.is_empty()) {
        (task.title, task.details) = titled(&task.title, dedent(details.iter().copied()));
    }
    details.clear();
}

/// Splits `[P]` and the name of the story off. Returns whether the task is parallel.
fn marks(mut rest: &str) -> (bool, &str) {
    let mut parallel = false;
    while let Some((mark, more)) = rest.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
        let is_mark = mark == "P" || mark.starts_with("US") && mark[2..].chars().all(|c| c.is_ascii_digit());
        if !is_mark {
            break;
        }
        parallel |= mark == "P";
        rest = more.trim_start();
    }
    (parallel, rest)
}

/// Returns the tasks that a title says it depends on. Of a range such as `T010-T012`, those that are above it.
fn named_before(title: &str, above: &[Task]) -> Vec<TaskId> {
    let lower = title.to_ascii_lowercase();
    let Some(at) = lower.find("(depends on ") else { return Vec::new() };
    let list = title[at + "(depends on ".len()..].split(')').next().unwrap_or_default();
    let words = list.split([',', ' ', '&', ';']).map(|word| word.trim_end_matches('.'));
    let mut named = Vec::new();
    for word in words {
        if number(&format!("{word} ")).is_some() {
            named.push(TaskId::of_foreign(word));
        } else if let Some((first, last)) = range(word) {
            let is_in =
                |task: &&Task| digits(task.id.as_str()).is_some_and(|at| (first..=last).contains(&at));
            named.extend(above.iter().filter(is_in).map(|task| task.id.clone()));
        }
    }
    named
}

fn range(word: &str) -> Option<(u32, u32)> {
    let (first, last) = word.split_once(['-', '\u{2013}'])?;
    Some((digits(first)?, digits(last)?))
}

/// Returns the number of `T012`.
fn digits(word: &str) -> Option<u32> {
    word.strip_prefix(['T', 't'])?.parse().ok()
}

/// Returns those of the tasks of a phase that no other task of the phase comes after.
fn ends(tasks: &[Task], phase: &[TaskId]) -> Vec<TaskId> {
    let is_needed =
        |id: &TaskId| tasks.iter().any(|task| phase.contains(&task.id) && task.after.contains(id));
    phase.iter().filter(|id| !is_needed(id)).cloned().collect()
}
