//! Prints the messages of agents, and what was done with them.

use orchestra::{
    Kind, Result,
    model::text,
    ops::inbox::{self, InboxMessage, MessageKind, ReadRequest, Receiver, ReplyRequest, Report, TellRequest},
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, agents, context, here, humanize, json, names,
    style::Role,
    table::{self, Column, TableCell},
};

use super::cli::{Cli, Verb};

/// The longest beginning of a message in the list, in columns.
const MAX_TEXT: usize = 200;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    match &cli.verb {
        None => list(cli, terminal),
        Some(Verb::Read { ids, all, json }) => {
            read(terminal, &ReadRequest { messages: ids.clone(), all: *all }, *json)
        }
        Some(Verb::Reply { id, text, json }) => {
            reply(terminal, &ReplyRequest { message: id.clone(), text: text.clone() }, *json)
        }
        Some(Verb::Tell { text, kind, to, json }) => {
            tell(terminal, &TellRequest { kind: *kind, to: *to, text: text.clone() }, *json)
        }
    }
}

fn list(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    let mut request = cli.request();
    names::meant(terminal, &repo, &mut request.agents)?;
    let context = context::interruptible(terminal)?;
    let report = match cli.wait {
        Some(limit) => inbox::wait(&context, &repo, &request, limit.0)?,
        None => inbox::run(&context, &repo, &request)?,
    };
    if cli.json {
        json::print_answer(terminal, wire::INBOX, &report)?;
    } else {
        show(terminal, &report);
    }
    let timed_out = cli.wait.is_some() && report.is_empty();
    Ok(if timed_out { Exit::Failed(Kind::Timeout) } else { Exit::Done })
}

fn show(terminal: &Terminal, report: &Report) {
    agents::warn_unreadable(terminal, &report.unreadable);
    if !report.messages.is_empty() {
        let now = here::environment().now().as_second();
        let rows: Vec<Vec<TableCell>> = report.messages.iter().map(|one| row(one, now)).collect();
        let columns = [
            Column::new("ID"),
            Column::new("AGENT").cut_in_middle(),
            Column::new("KIND"),
            Column::new("AGE").hidden_at(1),
            Column::new("MESSAGE").cut_at_end(),
        ];
        terminal.print(&table::draw(&columns, &rows, terminal.width(), terminal.painter()));
    }
    if report.hidden > 0 {
        terminal.eprintln(&format!("{} older", text::count(report.hidden as u64, "message")));
    }
    agents::warn(terminal, &report.waiting);
    if report.is_empty() {
        terminal.eprintln("nothing to read or to answer");
    } else if report.messages.iter().any(|one| one.unread) {
        terminal
            .hint("'git orchestra inbox read ID' shows a message in full, 'inbox reply ID TEXT' answers it");
    }
}

fn row(one: &InboxMessage, now: i64) -> Vec<TableCell> {
    let role = match one.kind {
        MessageKind::Question => Role::Warn,
        MessageKind::Error => Role::Bad,
        MessageKind::Complete => Role::Good,
        MessageKind::Note | MessageKind::Other => Role::Plain,
    };
    vec![
        TableCell::new(&one.id),
        TableCell::new(one.agent.as_str()),
        TableCell::role(one.kind.as_str(), role),
        TableCell::number(humanize::age(now.saturating_sub(one.at.as_second()).max(0))),
        TableCell::new(text::one_line(&one.text, MAX_TEXT)),
    ]
}

fn read(terminal: &Terminal, request: &ReadRequest, as_json: bool) -> Result<Exit> {
    let repo = here::repository()?;
    let report = inbox::read(&context::interruptible(terminal)?, &repo, request)?;
    if as_json {
        json::print_answer(terminal, wire::INBOX_READ, &report)?;
        return Ok(Exit::Done);
    }
    for one in &report.messages {
        terminal.print(&whole(one));
    }
    if report.messages.is_empty() {
        terminal.eprintln("nothing to read");
    }
    Ok(Exit::Done)
}

/// Formats a whole message. Every line of its text is indented, so that none can look like one of ours.
fn whole(one: &InboxMessage) -> String {
    let to = match (&one.parent, one.to) {
        (Some(parent), Receiver::Parent) => format!(" to {}", text::safe(parent.as_str())),
        _ => String::new(),
    };
    let indented = |text: &str| text.lines().map(|line| format!("    {line}\n")).collect::<String>();
    let reply = one
        .reply
        .as_ref()
        .map_or_else(String::new, |reply| format!("  reply:\n{}", indented(&text::safe_block(reply))));
    let at = humanize::exact_time(one.at);
    format!("{} {} of {}{to}, {at}\n{}{reply}", one.id, one.kind, one.agent, indented(&one.text))
}

fn reply(terminal: &Terminal, request: &ReplyRequest, as_json: bool) -> Result<Exit> {
    let repo = here::repository()?;
    let report = inbox::reply(&context::interruptible(terminal)?, &repo, request)?;
    if as_json {
        json::print_answer(terminal, wire::INBOX_REPLY, &report)?;
    } else {
        terminal.eprintln(&format!("{}: reply sent", report.agent.id));
    }
    Ok(Exit::Done)
}

fn tell(terminal: &Terminal, request: &TellRequest, as_json: bool) -> Result<Exit> {
    let repo = here::repository()?;
    let report = inbox::tell(&context::interruptible(terminal)?, &repo, request)?;
    if as_json {
        json::print_answer(terminal, wire::INBOX_TELL, &report)?;
        return Ok(Exit::Done);
    }
    match &report.parent {
        Some(parent) => terminal.eprintln(&format!("{}: sent to {parent}", report.id)),
        None => terminal.eprintln(&format!("{}: recorded for people, who read it later", report.id)),
    }
    Ok(Exit::Done)
}
