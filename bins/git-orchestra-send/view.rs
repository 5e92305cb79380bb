//! Prints the report of `send`.

use orchestra::{
    Result,
    model::AgentId,
    ops::{
        named,
        send::{self, OneOrMany, Sent},
    },
    wire,
};
use orchestra_terminal::{Exit, Terminal, context, errors, here, json, names};

use super::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    let is_agent = |word: &str| AgentId::parse(word).is_ok() && named::find_id(&repo, word).is_ok();
    let mut request = cli.request(is_agent)?;
    names::meant(terminal, &repo, &mut request.agents)?;
    let report = send::run(&context::interruptible(terminal)?, &repo, &request)?;
    let failed = errors::print_failures(terminal, &report.failed);
    if cli.json {
        json::print_answer(terminal, wire::SEND, &OneOrMany::from(report))?;
    } else {
        for sent in &report.sent {
            print_sent(cli, terminal, sent);
        }
    }
    Ok(failed.unwrap_or(Exit::Done))
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
    if sent.answered.is_none()
        && let Some(what) = &sent.agent.waiting
    {
        terminal.hint(&format!("{id} still waits for an answer ({what}): --allow or --deny"));
    }
}
