//! Reviews on a terminal: the user picks an agent, sees its work, and decides.

use orchestra::{
    Code, Error, Result,
    model::verdict::{Comment, Verdict},
    ops::{
        configuration::AcceptedRepo,
        diff,
        review::{self, GivenVerdict, Report, Request, ReviewedWork},
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
    loop {
        match prompt::choose(terminal, &format!("{}?", work.agent.id), &CHOICES)? {
            Some(1) => show_diff(terminal, repo, &work)?,
            Some(2) => shell(terminal, repo, &work)?,
            Some(3) => {
                return give(
                    terminal,
                    repo,
                    &work,
                    Verdict::Approve,
                    prompt::line("reason (may be empty)")?,
                    vec![],
                );
            }
            Some(4) => match prompt::line("what should change?")? {
                Some(text) => return give(terminal, repo, &work, Verdict::Changes, Some(text), vec![]),
                None => terminal.eprintln("no comment given; no verdict recorded"),
            },
            Some(5) => match edit::comments(repo, &work.agent.id)? {
                remarks if remarks.is_empty() => terminal.eprintln("no comment given; no verdict recorded"),
                remarks => return give(terminal, repo, &work, Verdict::Changes, None, remarks),
            },
            Some(6) => {
                return give(
                    terminal,
                    repo,
                    &work,
                    Verdict::Reject,
                    prompt::line("reason (may be empty)")?,
                    vec![],
                );
            }
            _ => return Ok(()),
        }
    }
}

fn give(
    terminal: &Terminal,
    repo: &AcceptedRepo,
    work: &ReviewedWork,
    verdict: Verdict,
    text: Option<String>,
    comments: Vec<Comment>,
) -> Result<()> {
    let head = work.agent.head.as_ref().map(ToString::to_string);
    let give = GivenVerdict { verdict, text, comments, base: None, head, keep: false, operation: None };
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
