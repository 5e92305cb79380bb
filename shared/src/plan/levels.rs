//! Orders the tasks of a plan into levels: those of one level can be worked on side by side.

use std::collections::{BTreeMap, BTreeSet};

use super::{Plan, Task, TaskId};

/// Returns the open tasks by levels: the tasks of a level need only tasks of earlier levels and tasks that are done. Tasks in a circle,
/// and what needs them, are in no level; neither is what needs a task that does not exist.
pub fn levels(plan: &Plan) -> Vec<Vec<&Task>> {
    let open: BTreeMap<&TaskId, &Task> =
        plan.tasks.iter().filter(|task| !task.done).map(|task| (&task.id, task)).collect();
    let mut ready: BTreeSet<&TaskId> =
        plan.tasks.iter().filter(|task| task.done).map(|task| &task.id).collect();
    let mut left: Vec<&Task> =
        plan.tasks.iter().filter(|task| open.contains_key(&task.id) && !task.done).collect();
    let mut levels = Vec::new();
    while !left.is_empty() {
        let (level, later): (Vec<&Task>, Vec<&Task>) =
            left.into_iter().partition(|task| task.after.iter().all(|after| ready.contains(after)));
        if level.is_empty() {
            break;
        }
        ready.extend(level.iter().map(|task| &task.id));
        levels.push(level);
        left = later;
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_needs_only_earlier_ones() {
        let id = |text: &str| TaskId::parse(text).unwrap();
        let task = |name: &str, after: &[&str], done| Task {
            id: id(name),
            after: after.iter().map(|one| id(one)).collect(),
            done,
            ..Task::default()
        };
        let plan = Plan {
            tasks: vec![
                task("c", &["a", "b"], false),
                task("a", &["old"], false),
                task("b", &[], false),
                task("old", &[], true),
                task("lost", &["gone"], false),
                task("round", &["round"], false),
            ],
            ..Plan::default()
        };
        let found: Vec<Vec<&str>> =
            levels(&plan).iter().map(|level| level.iter().map(|task| task.id.as_str()).collect()).collect();
        assert_eq!(found, [vec!["a", "b"], vec!["c"]]);
    }
}
