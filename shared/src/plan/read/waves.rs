//! The order that newer files of Kiro name: `{"waves": [{"id": 0, "tasks": ["1.1", "2.1"]}]}` in a block of code. The tasks of a wave may
//! be worked on side by side, after those of the wave before.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::plan::{Plan, TaskId};

/// Puts the tasks that waves name into that order. What no wave names stays as it is. Returns the tasks that are in a wave.
pub(super) fn apply(file: &str, plan: &mut Plan) -> BTreeSet<TaskId> {
    let known: BTreeSet<TaskId> = plan.tasks.iter().map(|task| task.id.clone()).collect();
    let mut seen: BTreeSet<TaskId> = BTreeSet::new();
    let mut before: Vec<TaskId> = Vec::new();
    for wave in waves(file) {
        // A task is in the first wave that names it, so that there is no circle.
        let wave: Vec<TaskId> = wave
            .iter()
            .map(|name| TaskId::of_foreign(name))
            .filter(|id| known.contains(id) && seen.insert(id.clone()))
            .collect();
        if wave.is_empty() {
            continue;
        }
        for task in plan.tasks.iter_mut().filter(|task| wave.contains(&task.id)) {
            task.after.clone_from(&before);
        }
        before = wave;
    }
    seen
}

/// Returns the names of the tasks of each wave; nothing if the file names no waves.
fn waves(file: &str) -> Vec<Vec<String>> {
    let named = blocks(file).find_map(|block| {
        let whole: Value = serde_json::from_str(&block).ok()?;
        whole.get("waves")?.as_array().cloned()
    });
    let tasks = |wave: &Value| wave.get("tasks").unwrap_or(wave).as_array().cloned().unwrap_or_default();
    let name = |task: Value| task.as_str().map_or_else(|| task.to_string(), str::to_owned);
    named.unwrap_or_default().iter().map(|wave| tasks(wave).into_iter().map(name).collect()).collect()
}

/// Returns the blocks of code at the left margin.
fn blocks(file: &str) -> impl Iterator<Item = String> + '_ {
    let is_fence = |line: &str| line.starts_with("```");
    let mut lines = file.lines();
    std::iter::from_fn(move || {
        lines.find(|line| is_fence(line))?;
        Some(lines.by_ref().take_while(|line| !is_fence(line)).collect::<Vec<_>>().join("\n"))
    })
}
