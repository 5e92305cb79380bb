//! Prints the report of `send`.

use orchestra::{
    Result,
    git::Repo,
    model::{AgentId, text},
    ops::{
        named,
        send::{self, OneOrMany, Request, Sent},
    },
    wire,
};
use orchestra_terminal::{
    Exit, Terminal,
    chosen::{self, Choice},
    context, errors, here, json, names, prompt, request_view,
};

use super::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    let is_agent = |word: &str| AgentId::parse(word).is_ok() && named::find_id(&repo, word).is_ok();
    let mut request = cli.request(is_agent)?;
    if request.agents.is_empty() && !request.all {
        complete(terminal, &repo, &mut request)?;
    }
    names::meant(terminal, &repo, &mut request.agents)?;
    let report = send::run(&context::interruptible(terminal)?, &repo, &request)?;
    let failed = errors::print_failures(terminal, &report.failed);
    if cli.json {
        let answer = if cli.all { OneOrMany::Many(report) } else { OneOrMany::from(report) };
        json::print_answer(terminal, wire::SEND, &answer)?;
    } else if cli.all && report.sent.is_empty() && report.failed.is_empty() {
        terminal.eprintln("no agent waits for an answer");
    } else {
        for sent in &report.sent {
            print_sent(cli, terminal, sent);
        }
    }
    Ok(failed.unwrap_or(Exit::Done))
}

/// Lets the user pick the agent, and type the message if there is neither that nor an answer.
fn complete(terminal: &Terminal, repo: &Repo, request: &mut Request) -> Result<()> {
    let (choice, alternative) = match request.allow {
        Some(true) => (Choice::Waiting, "git orchestra send AGENT --allow"),
        Some(false) => (Choice::Waiting, "git orchestra send AGENT --deny"),
        None => (Choice::Running, "git orchestra send AGENT 'what to do next'"),
    };
    let agent = chosen::picked(terminal, repo, choice, alternative)?;
    if request.allow.is_none() && request.text.is_none() {
        request.text = prompt::line(&format!("message to {agent}"))?;
    }
    request.agents = vec![agent];
    Ok(())
}

/// Says what is allowed from now on, as the supervisor recorded it.
fn print_always(terminal: &Terminal, sent: &Sent, pattern: &str) {
    let id = &sent.agent.id;
    if sent.agent.always.iter().any(|known| known == pattern) {
        terminal.eprintln(&format!("{id}: allowed from now on: {}", text::safe(pattern)));
    } else {
        terminal.warn(&format!("{id}: allowed once only: its supervisor is of an older version"));
    }
}

fn print_sent(cli: &Cli, terminal: &Terminal, sent: &Sent) {
    let id = &sent.agent.id;
    if sent.travels {
        let clone = sent.agent.label.as_deref().unwrap_or(&sent.agent.writer);
        terminal.eprintln(&format!(
            "{id} runs in clone {clone}: it gets the message after both clones sync, if that clone trusts this one"
        ));
        terminal.hint("git orchestra sync");
        return;
    }
    match &sent.answered {
        Some(what) if cli.allow => terminal.eprintln(&format!("{id}: allowed: {what}")),
        Some(what) if cli.deny => terminal.eprintln(&format!("{id}: denied: {what}")),
        Some(what) => terminal.eprintln(&format!("{id}: answered: {what}")),
        None => terminal.eprintln(&format!("{id}: message sent")),
    }
    if let (Some(shown), Some(bytes)) = (&sent.answered, sent.cut_from_bytes) {
        terminal.warn(&format!("{id}: {}", request_view::cut_sentence(shown.len(), bytes)));
    }
    if let Some(pattern) = &sent.allowed_always {
        print_always(terminal, sent, pattern);
    }
    if sent.answered.is_none()
        && let Some(what) = &sent.agent.waiting
    {
        terminal.hint(&format!("{id} still waits for an answer ({what}): --allow or --deny"));
    }
}
