//! What a pull request says of the work: its title, and our part of its text. Words that look like secrets are taken out.

use crate::{
    Result,
    git::Repo,
    model::{Agent, secret, text, verdict::Verdict, work_check::WorkCheck},
    ops::issue_tasks,
    store::AgentLog,
    world::SecretVariables,
};

/// The longest task that is repeated, in bytes.
const MAX_TASK: usize = 8 * 1024;
/// The longest title, in columns.
const MAX_TITLE: usize = 120;

/// Returns the title of an agent's task.
pub(super) fn title(repo: &Repo, agent: &Agent) -> String {
    text::one_line(&secret::title(&agent.title, &values(repo)), MAX_TITLE)
}

/// Returns the text about the work of an agent, in Markdown: the issue that it is about, if that is one of the repository `place`, the task,
/// what the agent said last, the check and the verdict.
///
/// # Errors
/// The task cannot be read.
pub(super) fn of_agent(repo: &Repo, log: &AgentLog, agent: &Agent, place: &str) -> Result<String> {
    let task = log.prompt(repo)?.unwrap_or_default();
    let task = String::from_utf8_lossy(&task);
    let text = secret::redact_words(&written(&task, agent), &values(repo));
    // A forge closes the issue when the work is merged.
    let closes = issue_tasks::number(&task, place).map(|number| format!("Closes #{number}\n\n"));
    Ok(format!("{}{text}", closes.unwrap_or_default()))
}

/// Returns the same in few words, for a forge that takes one line.
///
/// # Errors
/// The task cannot be read.
pub(super) fn in_one_line(repo: &Repo, log: &AgentLog, agent: &Agent, place: &str) -> Result<String> {
    let task = log.prompt(repo)?.unwrap_or_default();
    let task = String::from_utf8_lossy(&task);
    let closes = issue_tasks::number(&task, place).map(|number| format!("Closes #{number}. "));
    let said = format!("Task: {}; agent: {}", code(&title(repo, agent)), code(&agent.profile));
    Ok(format!("{}{}", closes.unwrap_or_default(), secret::redact_words(&said, &values(repo))))
}

pub(in crate::ops) fn values(repo: &Repo) -> Vec<String> {
    SecretVariables::of(repo.environment()).values()
}

fn written(task: &str, agent: &Agent) -> String {
    let mut lines = vec!["### Task".to_owned(), String::new(), quoted(&cut(task))];
    if let Some(said) = agent.last_words.as_deref().filter(|said| !said.trim().is_empty()) {
        lines.extend([String::new(), "### Result".to_owned(), String::new(), quoted(said)]);
    }
    lines.push(String::new());
    lines.extend(agent.check.as_ref().map(check_line));
    lines.extend(agent.verdict.as_ref().map(|given| {
        let word = match given.verdict {
            Verdict::Approve => "approved",
            Verdict::Changes => "changes requested",
            Verdict::Reject => "rejected",
        };
        format!("- review: {word} by {}", code(&given.by))
    }));
    let model = agent.model.as_deref().map(|model| format!(", model {}", code(model))).unwrap_or_default();
    lines.push(format!("- agent: {}{model}", code(&agent.profile)));
    lines.join("\n")
}

fn check_line(check: &WorkCheck) -> String {
    let said = check.sentence().unwrap_or_else(|| "passed".to_owned());
    let outdated = if check.outdated { ", before the files changed" } else { "" };
    format!("- check: {}{outdated}", code(&said))
}

/// Returns a text as a quotation: nothing in it is read as our own Markdown, as a mention or as the number of an issue.
pub(in crate::ops) fn quoted(said: &str) -> String {
    let fence = longest_fence(said);
    format!("{fence}text\n{}\n{fence}", text::safe_block(said.trim()))
}

/// Returns a fence that is longer than all in a text.
fn longest_fence(said: &str) -> String {
    let longest = said.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

pub(in crate::ops) fn code(word: &str) -> String {
    format!("`{}`", text::one_line(word, MAX_TITLE).replace('`', "'"))
}

fn cut(task: &str) -> String {
    if task.len() <= MAX_TASK {
        return task.to_owned();
    }
    let end = (0..=MAX_TASK).rev().find(|at| task.is_char_boundary(*at)).unwrap_or(0);
    format!("{}\n…", &task[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_stays_a_quotation() {
        let agent = Agent {
            profile: "claude".into(),
            last_words: Some("Closes #1 @everyone\n```\n# Heading".into()),
            ..Agent::default()
        };
        let text = written("Fix `x`\n````\n[link](javascript:1)", &agent);
        assert!(text.contains("`````text\nFix `x`\n````\n"), "{text}");
        assert!(text.contains("````text\nCloses #1 @everyone\n```\n# Heading\n````"), "{text}");
        assert!(text.ends_with("- agent: `claude`"), "{text}");
    }

    #[test]
    fn a_long_task_is_cut() {
        let cut = cut(&"é".repeat(MAX_TASK));
        assert!(cut.len() < MAX_TASK + 10 && cut.ends_with("\n…"));
    }
}
