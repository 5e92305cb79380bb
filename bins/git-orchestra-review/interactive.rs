//! Reviews on a terminal: the user picks an agent, sees its work, and decides.

use orchestra::{
    Code, Error, Result,
    model::{
        AgentId, text,
        verdict::{Comment, Verdict},
    },
    ops::{
        configuration::AcceptedRepo,
        diff,
        review::{
            self, GivenVerdict, Report, Request, ReviewedWork,
            draft::{self, Draft, Edit},
        },
        worktrees,
    },
    process,
};
use orchestra_terminal::{Exit, Terminal, agents, context, harmless, here, prompt};

use super::{edit, show};

/// The choices for one agent's work. The first is the default, and does nothing.
const CHOICES: [&str; 7] = [
    "skip",
    "open the diff",
    "open a shell in its worktree",
    "approve",
    "request changes",
    "request changes, with comments in the diff",
    "reject",
];

/// The columns of a remark that was kept.
const MAX_SHOWN: usize = 160;

pub(crate) fn run(terminal: &Terminal, repo: &AcceptedRepo, agent: Option<String>) -> Result<Exit> {
    let only_one = agent.is_some();
    let mut next = agent;
    loop {
        let id = match next.take() {
            Some(id) => id,
            None => {
                let report = review::run(&context::uninterrupted(), repo, &Request::default())?;
                agents::warn_unreadable(terminal, &report.unreadable);
                let waiting = report.waiting;
                if waiting.is_empty() {
                    terminal.eprintln("no work waits for a verdict");
                    return Ok(Exit::Done);
                }
                match prompt::pick_agent(terminal, "which agent?", &waiting, &["git orchestra review AGENT"])
                {
                    Ok(id) => id,
                    Err(_) => return Ok(Exit::Done),
                }
            }
        };
        review_one(terminal, repo, &id)?;
        if only_one {
            return Ok(Exit::Done);
        }
    }
}

/// Shows one agent's work until the user gives a verdict or skips it.
fn review_one(terminal: &Terminal, repo: &AcceptedRepo, id: &str) -> Result<()> {
    let report =
        review::run(&context::uninterrupted(), repo, &Request { agent: Some(id.to_owned()), give: None })?;
    let Some(work) = report.work else { return Ok(()) };
    terminal.print(&show::details(&work, terminal.painter()));
    let id = &work.agent.id;
    loop {
        // What was noted here, or in a window, and not said yet.
        let kept = draft::read(repo, id);
        show_kept(terminal, &kept);
        let plain =
            |verdict, text| Wish { verdict, text, comments: kept.remarks.clone(), only_records: false };
        match prompt::choose(terminal, &format!("{id}?"), &CHOICES)? {
            Some(1) => show_diff(terminal, repo, &work)?,
            Some(2) => shell(terminal, repo, &work)?,
            Some(3) => {
                let reason = prompt::line("reason (may be empty)")?;
                return give(terminal, repo, &work, plain(Verdict::Approve, reason));
            }
            Some(4) => {
                let only_records = only_records(terminal, repo, id);
                let text = match &kept.text {
                    Some(_) => prompt::line("what should change? (Enter alone: what you typed before)")?,
                    None => prompt::line("what should change?")?,
                };
                let Some(text) = text.or_else(|| kept.text.clone()) else {
                    terminal.eprintln("no comment given; no verdict recorded");
                    continue;
                };
                draft::change(repo, id, Edit::Text(Some(text.clone())))?;
                let wish = Wish { only_records, ..plain(Verdict::Changes, Some(text)) };
                return give(terminal, repo, &work, wish);
            }
            Some(5) => {
                let only_records = only_records(terminal, repo, id);
                let comments = edit::comments(repo, id, &kept.remarks)?;
                draft::change(repo, id, Edit::Remarks(comments.clone()))?;
                if comments.is_empty() {
                    terminal.eprintln("no comment given; no verdict recorded");
                    continue;
                }
                let wish = plain(Verdict::Changes, kept.text.clone());
                return give(terminal, repo, &work, Wish { comments, only_records, ..wish });
            }
            Some(6) => {
                let reason = prompt::line("reason (may be empty)")?;
                return give(terminal, repo, &work, plain(Verdict::Reject, reason));
            }
            _ => return Ok(()),
        }
    }
}

/// Shows what was noted before the verdict.
fn show_kept(terminal: &Terminal, kept: &Draft) {
    let remarks = kept.remarks.iter().map(|one| format!("{}:{}: {}", one.file, one.line, one.text));
    for said in remarks.chain(kept.text.clone()) {
        terminal.print(&format!("not sent yet: {}\n", text::one_line(&said, MAX_SHOWN)));
    }
}

/// Whether requested changes can only be recorded, because the agent takes no messages. It is said before they are typed.
fn only_records(terminal: &Terminal, repo: &AcceptedRepo, id: &AgentId) -> bool {
    let refused = review::check_listens(repo, id).err();
    if let Some(why) = &refused {
        terminal.eprintln(&format!("{}; the verdict is only recorded", why.one_line()));
    }
    refused.is_some()
}

/// A verdict to give.
struct Wish {
    verdict: Verdict,
    text: Option<String>,
    comments: Vec<Comment>,
    /// Whether the agent is not told.
    only_records: bool,
}

fn give(terminal: &Terminal, repo: &AcceptedRepo, work: &ReviewedWork, wish: Wish) -> Result<()> {
    let Wish { verdict, text, comments, only_records } = wish;
    let head = work.agent.head.as_ref().map(ToString::to_string);
    let give =
        GivenVerdict { verdict, text, comments, base: None, head, keep: only_records, operation: None };
    let report: Report = review::run(
        &context::uninterrupted(),
        repo,
        &Request { agent: Some(work.agent.id.to_string()), give: Some(give) },
    )?;
    let told = if report.told { "; sent to the agent, which is working on it" } else { "" };
    terminal.print(&format!("{} {}{told}\n", work.agent.id, verdict.label()));
    show::notices(terminal, &report);
    Ok(())
}

fn show_diff(terminal: &Terminal, repo: &AcceptedRepo, work: &ReviewedWork) -> Result<()> {
    let request =
        diff::Request { agent: work.agent.id.to_string(), committed: true, ..diff::Request::default() };
    let comparison = diff::compare(repo, &request)?;
    let mut git = comparison.git_diff().arg("--no-ext-diff");
    if terminal.painter().is_on() {
        git = git.arg("--color=always");
    }
    harmless::show(terminal, comparison.with_trees(git)).map(|_| ())
}

/// Opens the user's shell in the agent's worktree.
fn shell(terminal: &Terminal, repo: &AcceptedRepo, work: &ReviewedWork) -> Result<()> {
    let Ok(folder) = worktrees::path(repo, &work.agent.id) else {
        terminal.eprintln("its worktree is gone");
        return Ok(());
    };
    let shell = here::environment().text_variable("SHELL").unwrap_or_else(|| "/bin/sh".to_owned());
    let status = process::status(process::command(here::environment(), &shell).current_dir(folder));
    status
        .map(|_| ())
        .map_err(|e| Error::new(Code::ProgramFailed, format!("cannot run '{shell}'")).because(e))
}
