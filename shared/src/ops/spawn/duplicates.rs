//! Finds agents that have a task already: the same text, or the same issue. Two agents on one task cost twice and land once.

use std::{cmp::Reverse, collections::BTreeSet};

use super::{ReadyProfile, Request, with_prompt};
use crate::{
    Code, Error, Result,
    git::Repo,
    model::{AgentId, Phase, secret},
    store::{AgentLog, Listing, list::ListRow},
    world::SecretVariables,
};

/// The most agents whose tasks are compared, the newest.
const MAX_AGENTS: usize = 200;
/// The most warnings.
const MAX_WARNINGS: usize = 20;

/// An agent whose work has not landed, and its task.
struct OtherTask {
    id: AgentId,
    phase: Phase,
    text: String,
    issues: BTreeSet<Issue>,
}

/// A reference to an issue: its number, and the address of the page if there was one.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Issue {
    number: u64,
    page: Option<String>,
}

/// Compares new tasks with those of agents here and of fetched ones of other clones, as far as their work has not landed. Returns warnings.
///
/// # Errors
/// An agent that has not ended has exactly the text of a task (3): then most likely the same command ran twice.
pub(super) fn check(repo: &Repo, request: &Request, ready: &[ReadyProfile]) -> Result<Vec<String>> {
    let values = SecretVariables::of(repo.environment()).values();
    let others = others(repo, &request.tasks, &values)?;
    let mut warnings = Vec::new();
    for task in request.tasks.iter().filter(|_| !others.is_empty()) {
        let mut same: BTreeSet<String> = [normalized(task)].into();
        for profile in ready {
            same.insert(normalized(&with_prompt(profile.prompt.as_deref(), task)?));
        }
        let issues = issues_in(task);
        for other in &others {
            let state = other.phase.as_str();
            let shown = secret::title(task, &values);
            if same.contains(&other.text) {
                if !other.phase.is_at_rest() {
                    return Err(taken(other, &shown));
                }
                warnings.push(format!(
                    "agent '{}' had the task '{shown}' as well: it is {state}, and its work has not landed",
                    other.id
                ));
            } else if let Some(issue) =
                issues.iter().find(|issue| other.issues.iter().any(|one| one.is(issue)))
            {
                let (id, number) = (&other.id, issue.number);
                warnings
                    .push(format!("the task of agent '{id}' names issue #{number} as well: it is {state}"));
            }
        }
    }
    warnings.truncate(MAX_WARNINGS);
    Ok(warnings)
}

fn taken(other: &OtherTask, shown: &str) -> Error {
    let (id, state) = (&other.id, other.phase.as_str());
    Error::new(Code::TaskTaken, format!("agent '{id}' has the task '{shown}' already: it is {state}"))
        .hint(format!("git orchestra status {id}"))
        .hint("--again starts another agent; --copies N starts several for each task")
}

/// Returns the tasks of the newest agents whose work has not landed, those that have not ended and those that are done, as far as one of
/// the new tasks may be the same: reading a task costs more than reading its title.
fn others(repo: &Repo, tasks: &[String], values: &[String]) -> Result<Vec<OtherTask>> {
    let listing = Listing::read(repo)?;
    let titles: BTreeSet<String> =
        tasks.iter().map(|task| normalized(&secret::title(task, values))).collect();
    let any_issue = tasks.iter().any(|task| !issues_in(task).is_empty());
    let may_be_same = |row: &&ListRow| {
        any_issue || titles.contains(&normalized(listing.trailer(row, "Title").unwrap_or_default()))
    };
    let counts = |row: &&ListRow| match row.entry.header.phase {
        Phase::Done => listing.trailer(row, "Landed").is_none(),
        phase => !phase.is_terminal(),
    };
    let mut rows: Vec<&ListRow> = listing.rows.iter().filter(counts).collect();
    rows.sort_by_key(|row| Reverse(row.entry.header.queued_at));
    rows.truncate(MAX_AGENTS);
    rows.retain(may_be_same);
    let other = |row: &ListRow| {
        // The task of a damaged agent is unknown, and is no reason to refuse another.
        let prompt = AgentLog::read(repo, &row.id, row.tip).ok()?.prompt(repo).ok()??;
        let task = String::from_utf8_lossy(&prompt).into_owned();
        let (id, phase, issues) = (row.id.clone(), row.entry.header.phase, issues_in(&task));
        Some(OtherTask { id, phase, text: normalized(&task), issues })
    };
    Ok(rows.into_iter().filter_map(other).collect())
}

/// Returns a text in lower case, with one space between words and without the punctuation at its end.
pub(in crate::ops) fn normalized(task: &str) -> String {
    let words: Vec<String> = task.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ").trim_end_matches(['.', '!', '?', ':', ';', ',']).to_owned()
}

impl Issue {
    /// Returns whether both may be the same issue: a number alone can be that of any page.
    fn is(&self, other: &Self) -> bool {
        let same_page = match (&self.page, &other.page) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        self.number == other.number && same_page
    }
}

/// Returns the issues that a text refers to, as `#12` or by the address of their page.
fn issues_in(task: &str) -> BTreeSet<Issue> {
    task.split(|c: char| c.is_whitespace() || "()[]<>,;'\"".contains(c)).filter_map(issue).collect()
}

fn issue(word: &str) -> Option<Issue> {
    let word = word.trim_end_matches(['.', ':', '!', '?', '/']);
    if let Some(digits) = word.strip_prefix('#') {
        return Some(Issue { number: number(digits)?, page: None });
    }
    let (_, address) = word.split_once("://")?;
    let page = address.split(['#', '?']).next()?;
    let (before, digits) = page.rsplit_once('/')?;
    let is_issue = ["/issues", "/pull", "/merge_requests"].iter().any(|kind| before.ends_with(kind));
    let number = number(digits).filter(|_| is_issue)?;
    Some(Issue { number, page: Some(page.to_lowercase()) })
}

fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_case_and_the_last_point_do_not_distinguish_tasks() {
        assert_eq!(normalized("  Fix  the\nLogin page. "), "fix the login page");
        assert_ne!(normalized("fix the login page"), normalized("fix the log-in page"));
    }

    #[test]
    fn issues_are_named_by_number_or_page() {
        let found = |task: &str| -> Vec<(u64, Option<String>)> {
            issues_in(task).into_iter().map(|issue| (issue.number, issue.page)).collect()
        };
        assert_eq!(found("fix #12, and (#7)."), [(7, None), (12, None)]);
        let page = "https://example.com/a/b/issues/12";
        assert_eq!(found(&format!("see {page}#note")), [(12, Some("example.com/a/b/issues/12".to_owned()))]);
        for none in ["colour #fff", "a#12", "https://example.com/12", "issue 12", "#"] {
            assert_eq!(found(none), [], "{none}");
        }
        let (bare, one) = (issue("#12").unwrap(), issue(page).unwrap());
        let other = issue("https://example.com/c/d/issues/12").unwrap();
        assert!(bare.is(&one) && bare.is(&other) && !one.is(&other));
    }
}
