//! Prints the messages of agents, and what was done with them.

use std::{collections::BTreeMap, path::Path};

use orchestra::{
    Code, Kind, Result,
    model::{text, via::Via},
    ops::inbox::{
        self, HeardHow, HeardReceipt, InboxMessage, MessageKind, ReadReceipt, ReadRequest, Receiver,
        ReplyRequest, Report, TellRequest,
    },
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, agents, context, here, humanize, json, names,
    style::Role,
    table::{self, Column, TableCell},
    text_file,
};

use super::cli::{Cli, Verb};

/// The longest beginning of a message in the list, in columns.
const MAX_TEXT: usize = 200;
/// The most messages of one agent that are listed, the newest, unless agents are named.
const MAX_OF_ONE: usize = 10;

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
        Some(Verb::Hear { hook: Some(program), .. }) => hear_in_hook(terminal, program),
        Some(Verb::Hear { hook: None, json }) => hear(terminal, *json),
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
        show(terminal, &report, cli);
    }
    let timed_out = cli.wait.is_some() && report.is_empty();
    Ok(if timed_out { Exit::Failed(Kind::Timeout) } else { Exit::Done })
}

/// Leaves out the older messages of agents that wrote very many. Returns the others, and how many are left out of each agent.
fn fewer(messages: &[InboxMessage]) -> (Vec<&InboxMessage>, BTreeMap<&str, usize>) {
    let (mut seen, mut left): (BTreeMap<&str, usize>, _) = (BTreeMap::new(), BTreeMap::new());
    let mut kept: Vec<&InboxMessage> = Vec::new();
    for one in messages.iter().rev() {
        let count = seen.entry(one.agent.as_str()).or_default();
        *count += 1;
        if *count <= MAX_OF_ONE {
            kept.push(one);
        } else {
            *left.entry(one.agent.as_str()).or_default() += 1;
        }
    }
    kept.reverse();
    (kept, left)
}

fn show(terminal: &Terminal, report: &Report, cli: &Cli) {
    agents::warn_unreadable(terminal, &report.unreadable);
    if !report.messages.is_empty() {
        let now = here::environment().now().as_second();
        let (kept, left) = match cli.agents.is_empty() {
            true => fewer(&report.messages),
            false => (report.messages.iter().collect(), BTreeMap::new()),
        };
        let rows: Vec<Vec<TableCell>> = kept.into_iter().map(|one| row(one, now, cli.all)).collect();
        let mut columns = vec![
            Column::new("ID"),
            Column::new("AGENT").cut_in_middle(),
            Column::new("KIND"),
            Column::new("AGE").hidden_at(1),
        ];
        columns.extend(cli.all.then_some(Column::new("STATE").hidden_at(2)));
        columns.push(Column::new("MESSAGE").cut_at_end());
        terminal.print(&table::draw(&columns, &rows, terminal.width(), terminal.painter()));
        for (agent, count) in left {
            terminal.eprintln(&format!(
                "{} of {agent} are not shown",
                text::count(count as u64, "older message")
            ));
            terminal.hint(&format!("git orchestra inbox {agent}"));
        }
    }
    if report.hidden > 0 {
        terminal.eprintln(&format!("{} older", text::count(report.hidden as u64, "message")));
    }
    for agent in &report.full {
        terminal.warn(&format!(
            "'{agent}' can write no more to people: nobody has read {} of its messages",
            inbox::MAX_UNREAD
        ));
        terminal.hint(&format!(
            "'git orchestra inbox read --all' lets it write again, 'git orchestra stop {agent}' ends it"
        ));
    }
    agents::warn(terminal, &report.waiting);
    if report.is_empty() {
        terminal.eprintln("nothing to read or to answer");
    } else if report.messages.iter().any(|one| one.unread) {
        terminal
            .hint("'git orchestra inbox read ID' shows a message in full, 'inbox reply ID TEXT' answers it");
    }
}

/// Returns what became of a message, in a few words.
fn state(one: &InboxMessage) -> &'static str {
    match one {
        InboxMessage { reply_heard: Some(_), .. } => "reply heard",
        InboxMessage { reply: Some(_), .. } => "replied",
        InboxMessage { heard: Some(_), .. } => "heard",
        InboxMessage { to: Receiver::Parent, unread: true, .. } => "not heard",
        InboxMessage { to: Receiver::Parent, .. } => "sent",
        InboxMessage { unread: true, .. } => "unread",
        _ => "read",
    }
}

fn row(one: &InboxMessage, now: i64, with_state: bool) -> Vec<TableCell> {
    let role = match one.kind {
        MessageKind::Question => Role::Warn,
        MessageKind::Error => Role::Bad,
        MessageKind::Complete => Role::Good,
        MessageKind::Note | MessageKind::Other => Role::Plain,
    };
    let mut row = vec![
        TableCell::new(&one.id),
        TableCell::new(one.agent.as_str()),
        TableCell::role(one.kind.as_str(), role),
        TableCell::number(humanize::age(now.saturating_sub(one.at.as_second()).max(0))),
    ];
    row.extend(with_state.then(|| TableCell::new(state(one))));
    row.push(TableCell::new(text::one_line(&one.text, MAX_TEXT)));
    row
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
    let via = Via::after(one.reply_via);
    let reply = one
        .reply
        .as_ref()
        .map_or_else(String::new, |reply| format!("  reply{via}:\n{}", indented(&text::safe_block(reply))));
    let at = humanize::exact_time(one.at);
    let receipts: String = receipts(one).iter().map(|line| format!("  {line}\n")).collect();
    format!("{} {} of {}{to}, {at}\n{}{reply}{receipts}", one.id, one.kind, one.agent, indented(&one.text))
}

/// Formats who got a message or its reply, and when.
fn receipts(one: &InboxMessage) -> Vec<String> {
    let how = |receipt: &HeardReceipt| match receipt.how {
        HeardHow::Input => "while it ran",
        HeardHow::Launch => "when it was started",
    };
    let heard = |who: &str, receipt: &HeardReceipt| {
        format!("{who} got it {}, {}", how(receipt), humanize::exact_time(receipt.at))
    };
    let by = |read: &ReadReceipt| {
        let name = read.by.as_ref().map_or_else(String::new, |by| format!(" by {}", text::safe(by)));
        format!("{name}{}", Via::after(read.via))
    };
    let is_unheard = one.to == Receiver::Parent && one.unread;
    let unheard = is_unheard.then(|| "the agent that started it ended before it got it".to_owned());
    [
        unheard,
        one.read.as_ref().map(|read| format!("read{}, {}", by(read), humanize::exact_time(read.at))),
        one.heard.as_ref().map(|receipt| heard("the agent that started it", receipt)),
        one.reply_heard.as_ref().map(|receipt| format!("reply: {}", heard("the agent", receipt))),
    ]
    .into_iter()
    .flatten()
    .collect()
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

fn hear(terminal: &Terminal, as_json: bool) -> Result<Exit> {
    let report = inbox::hear(&context::uninterrupted(), &here::repository()?)?;
    if as_json {
        json::print_answer(terminal, wire::INBOX_HEAR, &report)?;
    } else {
        report.messages.iter().for_each(|one| terminal.print(&one.marked()));
    }
    Ok(if report.messages.is_empty() { Exit::No } else { Exit::Done })
}

fn hear_in_hook(terminal: &Terminal, program: &str) -> Result<Exit> {
    let input = text_file::read(Path::new("-"), "what the hook gets", Code::MessageInvalid)?;
    let repo = here::repository()?;
    let said = inbox::hear_in_hook(&context::uninterrupted(), &repo, program, input.as_bytes())?;
    if let Some(said) = said {
        terminal.print(&format!("{said}\n"));
    }
    Ok(Exit::Done)
}
