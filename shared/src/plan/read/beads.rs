//! The JSON Lines of beads: one issue a line. Its open issues are the tasks; an epic is what its children are a part of.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::titled;
use crate::{
    Code, Result,
    error::ErrorContext as _,
    plan::{Plan, Task, TaskId},
};

#[derive(Deserialize)]
struct Issue {
    id: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    design: String,
    #[serde(default)]
    acceptance_criteria: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    issue_type: String,
    #[serde(default)]
    priority: i64,
    #[serde(default)]
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    depends_on_id: String,
    #[serde(default, rename = "type")]
    kind: String,
}

/// Returns whether the first line is an issue of beads.
pub(super) fn is_one(file: &str) -> bool {
    let first = file.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    serde_json::from_str::<Issue>(first).is_ok_and(|issue| !issue.status.is_empty())
}

pub(super) fn read(file: &str) -> Result<Plan> {
    let mut issues: Vec<(usize, Issue)> = Vec::new();
    for (number, line) in (1..).zip(file.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let issue =
            serde_json::from_str(line).context(Code::PlanInvalid, || format!("line {number} is no issue"))?;
        issues.push((number, issue));
    }
    let open: BTreeMap<&str, &Issue> = issues
        .iter()
        .filter(|(_, issue)| matches!(issue.status.as_str(), "open" | "in_progress" | "blocked" | "ready"))
        .map(|(_, issue)| (issue.id.as_str(), issue))
        .collect();
    let is_epic = |issue: &Issue| {
        issue.issue_type == "epic" && open.values().any(|child| parent(child) == Some(&issue.id))
    };
    let mut tasks: Vec<(i64, Task)> = Vec::new();
    for (line, issue) in
        issues.iter().filter(|(_, issue)| open.contains_key(issue.id.as_str()) && !is_epic(issue))
    {
        let needs =
            issue.dependencies.iter().filter(|other| matches!(other.kind.as_str(), "blocks" | "waits-for"));
        let after = needs.filter_map(|other| open.get(other.depends_on_id.as_str())).flat_map(|other| {
            if is_epic(other) { children(&open, &other.id) } else { vec![TaskId::of_foreign(&other.id)] }
        });
        let part_of = parent(issue).and_then(|id| issues.iter().find(|(_, other)| other.id == id));
        let after = after.collect();
        tasks.push((
            issue.priority,
            task(*line, issue, after, part_of.map(|(_, above)| above.title.as_str())),
        ));
    }
    tasks.sort_by_key(|(priority, _)| *priority);
    Ok(Plan { tasks: tasks.into_iter().map(|(_, task)| task).collect(), ..Plan::default() })
}

fn parent(issue: &Issue) -> Option<&str> {
    issue
        .dependencies
        .iter()
        .find(|other| other.kind == "parent-child")
        .map(|other| other.depends_on_id.as_str())
}

fn children(open: &BTreeMap<&str, &Issue>, epic: &str) -> Vec<TaskId> {
    open.values()
        .filter(|issue| parent(issue) == Some(epic))
        .map(|issue| TaskId::of_foreign(&issue.id))
        .collect()
}

fn task(line: usize, issue: &Issue, after: Vec<TaskId>, part_of: Option<&str>) -> Task {
    let details = [
        issue.description.trim().to_owned(),
        issue.design.trim().to_owned(),
        issue.acceptance_criteria.trim().to_owned(),
        part_of.map(|title| format!("This is a part of: {title}")).unwrap_or_default(),
    ];
    let details: Vec<String> = details.into_iter().filter(|part| !part.is_empty()).collect();
    let (title, details) = titled(&issue.title, details.join("\n\n"));
    Task { id: TaskId::of_foreign(&issue.id), title, details, after, line, ..Task::default() }
}
