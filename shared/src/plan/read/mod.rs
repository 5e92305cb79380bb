//! Reads plans from the formats that people have: which one a file has is found out from its content.

mod beads;
mod checklist;
mod front_matter;
mod headings;
mod items;
mod numbered;
mod spec_kit;
mod task_master;
mod tick;
mod waves;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub(super) use self::front_matter::{VERSION, VERSION_KEY};
pub use self::{
    checklist::with_ids,
    tick::{Untickable, has_boxes, tick},
};
use super::{MAX_FILE, MAX_TASKS, Plan, TaskId};
use crate::{
    Code, Error, Result,
    model::{text, words::words},
};

words! {
    /// A format of plans. The word is what reports call it.
    pub enum Format {
        /// A Markdown list, which may say which task comes after which: `(after: a, b)`.
        Checklist = "checklist",
        /// Headings with the text for the agent below them, which may have lines `after: TITLE`.
        Headings = "headings",
        /// Lines of text, one task each.
        Lines = "lines",
        /// The `tasks.md` of spec-kit: phases of tasks such as `T014 [P]`.
        SpecKit = "spec-kit",
        /// The `tasks.md` of Kiro: numbered tasks such as `1.2`.
        Kiro = "kiro",
        /// The `tasks.json` of Task Master.
        TaskMaster = "task-master",
        /// The JSON Lines of beads.
        Beads = "beads",
    }
}

/// What to read of a file.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Choice {
    /// The list of a file with several, such as a tag of Task Master.
    pub tag: Option<String>,
    /// Whether to take tasks that the file calls optional.
    pub optional: bool,
}

/// Reads a plan.
///
/// # Errors
/// The file is too large, is JSON of no known format, has no task, or too many of them; the list does not exist (2).
pub fn read(file: &str, choice: &Choice) -> Result<(Format, Plan)> {
    if file.len() as u64 > MAX_FILE {
        return Err(Error::new(Code::PlanInvalid, format!("the plan is larger than {} MiB", MAX_FILE >> 20)));
    }
    let file = file.trim_start_matches('\u{feff}');
    let format = format_of(file);
    let mut plan = match format {
        Format::Beads => beads::read(file)?,
        Format::TaskMaster => task_master::read(file, choice)?,
        Format::SpecKit => spec_kit::read(file),
        Format::Kiro => numbered::read(file, choice),
        Format::Checklist => checklist::read(file)?,
        Format::Headings => headings::read(file)?,
        Format::Lines => checklist::read_lines(file),
    };
    if plan.tasks.len() > MAX_TASKS {
        let count = plan.tasks.len();
        return Err(Error::new(
            Code::LimitExceeded,
            format!("{count} tasks are too many; the limit is {MAX_TASKS}"),
        ));
    }
    if plan.tasks.is_empty() {
        return Err(Error::new(Code::PlanInvalid, "the plan has no task")
            .hint("a plan is a Markdown list: - [ ] what to do"));
    }
    name_tasks(&mut plan);
    Ok((format, plan))
}

/// Returns the format of a file.
fn format_of(file: &str) -> Format {
    if file.trim_start().starts_with(['{', '[']) && !file.trim_start().starts_with("[ ]") {
        return if beads::is_one(file) { Format::Beads } else { Format::TaskMaster };
    }
    let items = || items::at_margin(file).filter(|item| item.ticked.is_some());
    if items().any(|item| spec_kit::number(item.text).is_some()) {
        Format::SpecKit
    } else if items().next().is_some() && items().all(|item| numbered::number(item.text).is_some()) {
        Format::Kiro
    } else if headings::is_one(file) {
        Format::Headings
    } else if items::at_margin(file).next().is_some() {
        Format::Checklist
    } else {
        Format::Lines
    }
}

/// Gives each task without an id one, made of its title.
fn name_tasks(plan: &mut Plan) {
    let mut taken: BTreeSet<TaskId> =
        plan.tasks.iter().map(|task| task.id.clone()).filter(|id| !id.as_str().is_empty()).collect();
    for task in plan.tasks.iter_mut().filter(|task| task.id.as_str().is_empty()) {
        let first = TaskId::of_title(&task.title);
        let more = (2..).map(|number| first.numbered(number));
        let free = std::iter::once(first.clone()).chain(more).find(|id| !taken.contains(id));
        task.id = free.unwrap_or(first);
        taken.insert(task.id.clone());
    }
}

/// Returns a title on one line, safe to show.
fn title_of(said: &str) -> String {
    text::short(said)
}

/// Returns a title, and the details with the whole of what was said in front if that does not fit into a title.
fn titled(said: &str, details: String) -> (String, String) {
    let title = title_of(said);
    if title == said.trim() {
        return (title, details);
    }
    let whole = text::safe(said.trim()).into_owned();
    let details = if details.is_empty() { whole } else { format!("{whole}\n\n{details}") };
    (title, details)
}

#[cfg(test)]
mod tests;
