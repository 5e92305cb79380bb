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
    let open = Open::of(open);
    let mut tasks: Vec<(i64, Task)> = Vec::new();
    for (line, issue) in
        issues.iter().filter(|(_, issue)| open.by_id.contains_key(issue.id.as_str()) && !open.is_epic(issue))
    {
        let after = open.needs(issue);
        let part_of = parent(issue).and_then(|id| issues.iter().find(|(_, other)| other.id == id));
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

/// How deep epics may be in others; what is deeper is in a circle.
const DEPTH: usize = 16;

/// The open issues.
struct Open<'a> {
    by_id: BTreeMap<&'a str, &'a Issue>,
    /// The parts of each.
    parts: BTreeMap<&'a str, Vec<&'a Issue>>,
}

impl<'a> Open<'a> {
    fn of(by_id: BTreeMap<&'a str, &'a Issue>) -> Self {
        let mut parts: BTreeMap<&str, Vec<&Issue>> = BTreeMap::new();
        for issue in by_id.values() {
            parent(issue).into_iter().for_each(|above| parts.entry(above).or_default().push(issue));
        }
        Self { by_id, parts }
    }

    /// Returns whether an issue is an epic with open parts, which stand for it.
    fn is_epic(&self, issue: &Issue) -> bool {
        issue.issue_type == "epic" && self.parts.contains_key(issue.id.as_str())
    }

    /// Returns what an issue comes after: what it needs, and what the epics need that it is a part of. An epic that needs its parts, or
    /// a part that needs its epic, puts the parts in no order.
    fn needs(&self, issue: &'a Issue) -> Vec<TaskId> {
        let up = |one: &&'a Issue| self.by_id.get(parent(one)?).copied();
        let above: Vec<&Issue> = std::iter::successors(Some(issue), up).take(DEPTH).collect();
        let mut all: Vec<TaskId> = Vec::new();
        for one in &above {
            let links = one.dependencies.iter().filter(|link| matches!(&*link.kind, "blocks" | "waits-for"));
            let needed = links.filter_map(|link| self.by_id.get(link.depends_on_id.as_str()).copied());
            let needed = needed.filter(|other| !above.iter().any(|part_of| part_of.id == other.id));
            let mut needed = needed.flat_map(|other| self.stand_for(other, DEPTH)).peekable();
            let own = if needed.peek().is_some() { self.stand_for(one, DEPTH) } else { Vec::new() };
            for id in needed {
                if !own.contains(&id) && !all.contains(&id) {
                    all.push(id);
                }
            }
        }
        all
    }

    /// Returns the tasks that stand for an issue: itself, or the parts of an epic.
    fn stand_for(&self, issue: &Issue, depth: usize) -> Vec<TaskId> {
        if !self.is_epic(issue) {
            return vec![TaskId::of_foreign(&issue.id)];
        }
        let parts = self.parts.get(issue.id.as_str()).into_iter().flatten().filter(|_| depth > 0);
        parts.flat_map(|part| self.stand_for(part, depth - 1)).collect()
    }
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
