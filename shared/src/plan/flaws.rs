//! Finds what makes a plan impossible to carry out: ids that are used twice, tasks that do not exist, circles.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Plan, Task, TaskId};
use crate::model::{nearest::nearest, text};

/// Something that is wrong in a plan.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "PlanFlaw")]
pub struct Flaw {
    /// The line of the file, counted from 1; 0 if the format has no lines.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// Returns the flaws of a plan, in the order of its lines.
pub fn flaws(plan: &Plan) -> Vec<Flaw> {
    let mut all: Vec<Flaw> = twice(plan).chain(unknown(plan)).collect();
    all.extend(circle(plan));
    all.extend(plan.flaws.iter().cloned());
    all.sort_by_key(|flaw| flaw.line);
    all
}

fn twice(plan: &Plan) -> impl Iterator<Item = Flaw> + '_ {
    let mut first: BTreeMap<&TaskId, usize> = BTreeMap::new();
    plan.tasks.iter().filter_map(move |task| match first.get(&task.id) {
        Some(line) => Some(Flaw {
            line: task.line,
            message: format!("the id '{}' is used twice{}", task.id, also_on(*line)),
        }),
        None => {
            first.insert(&task.id, task.line);
            None
        }
    })
}

fn also_on(line: usize) -> String {
    if line == 0 { String::new() } else { format!(": also on line {line}") }
}

fn unknown(plan: &Plan) -> impl Iterator<Item = Flaw> + '_ {
    let known: BTreeSet<&TaskId> = plan.tasks.iter().map(|task| &task.id).collect();
    let names: BTreeSet<String> = known.iter().map(|id| id.to_string()).collect();
    plan.tasks.iter().flat_map(move |task| {
        let wrong: Vec<&TaskId> = task.after.iter().filter(|after| !known.contains(after)).collect();
        let names = names.clone();
        wrong.into_iter().map(move |after| {
            let meant =
                nearest(after.as_str(), names.clone()).map(|name| format!("; did you mean '{name}'?"));
            let message = format!("'{}' comes after '{after}', which does not exist", task.id);
            Flaw { line: task.line, message: message + &meant.unwrap_or_default() }
        })
    })
}

/// Returns one circle for each task that is in one and in no circle found before.
fn circle(plan: &Plan) -> Vec<Flaw> {
    let by_id: BTreeMap<&TaskId, &Task> = plan.tasks.iter().map(|task| (&task.id, task)).collect();
    let mut finished: BTreeSet<&TaskId> = BTreeSet::new();
    let mut found = Vec::new();
    for start in &plan.tasks {
        let mut path: Vec<&Task> = Vec::new();
        let mut to_visit = vec![(start, 0)];
        while let Some((task, depth)) = to_visit.pop() {
            while path.len() > depth {
                path.pop().map(|left| finished.insert(&left.id));
            }
            if finished.contains(&task.id) {
                continue;
            }
            path.push(task);
            for next in task.after.iter().filter_map(|after| by_id.get(after)) {
                match path.iter().position(|one| one.id == next.id) {
                    Some(begin) => found.push(circle_of(&path[begin..])),
                    None => to_visit.push((next, path.len())),
                }
            }
        }
        path.into_iter().for_each(|left| {
            finished.insert(&left.id);
        });
    }
    found
}

fn circle_of(tasks: &[&Task]) -> Flaw {
    let ids = tasks.iter().chain(tasks.first()).map(|task| format!("'{}'", task.id));
    let line = tasks.iter().map(|task| task.line).min().unwrap_or_default();
    let message = match tasks {
        [only] => format!("'{}' comes after itself", only.id),
        _ => format!("in a circle, each after the next: {}", ids.collect::<Vec<_>>().join(", ")),
    };
    Flaw { line, message: text::short(&message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tasks, each with those that it comes after.
    type Tasks = &'static [(&'static str, &'static [&'static str])];

    fn plan(tasks: Tasks) -> Plan {
        let id = |text: &&str| TaskId::parse(text).unwrap();
        let task = |(line, (name, after)): (usize, &(&str, &[&str]))| Task {
            id: id(name),
            after: after.iter().map(id).collect(),
            line,
            ..Task::default()
        };
        Plan { tasks: (1..).zip(tasks).map(task).collect(), ..Plan::default() }
    }

    #[test]
    fn each_flaw_is_named_with_its_line() {
        let cases: &[(Tasks, &[(usize, &str)])] = &[
            (&[("a", &[]), ("b", &["a"]), ("c", &["a", "b"])], &[]),
            (&[("a", &[]), ("a", &[])], &[(2, "the id 'a' is used twice: also on line 1")]),
            (
                &[("api", &[]), ("b", &["apo"])],
                &[(2, "'b' comes after 'apo', which does not exist; did you mean 'api'?")],
            ),
            (&[("a", &["a"])], &[(1, "'a' comes after itself")]),
            (
                &[("a", &["b"]), ("b", &["c"]), ("c", &["a"])],
                &[(1, "in a circle, each after the next: 'a', 'b', 'c', 'a'")],
            ),
            (
                &[("x", &[]), ("a", &["x", "b"]), ("b", &["a"]), ("c", &["d"]), ("d", &["c"])],
                &[
                    (2, "in a circle, each after the next: 'a', 'b', 'a'"),
                    (4, "in a circle, each after the next: 'c', 'd', 'c'"),
                ],
            ),
            // What leads to a circle is not in it.
            (
                &[("z", &["a"]), ("a", &["b"]), ("b", &["a"])],
                &[(2, "in a circle, each after the next: 'a', 'b', 'a'")],
            ),
        ];
        for (tasks, expected) in cases {
            let found = flaws(&plan(tasks));
            let found: Vec<(usize, &str)> = found.iter().map(|flaw| (flaw.line, &*flaw.message)).collect();
            assert_eq!(found, *expected, "{tasks:?}");
        }
    }

    #[test]
    fn a_thousand_tasks_in_many_layers_are_quick() {
        let ids: Vec<String> = (0..1000).map(|n| format!("t{n}")).collect();
        let tasks = ids.iter().enumerate().map(|(n, id)| Task {
            id: TaskId::parse(id).unwrap(),
            after: ids[n.saturating_sub(20)..n].iter().map(|id| TaskId::parse(id).unwrap()).collect(),
            ..Task::default()
        });
        let plan = Plan { tasks: tasks.collect(), ..Plan::default() };
        assert!(flaws(&plan).is_empty());
    }
}
