//! Prints the report of `sync`, and asks for consent.

use orchestra::{
    Kind, Result,
    git::Repo,
    model::text,
    ops::sync::{self, AgentChange, ConsentQuestion, OwnWork, Report, SyncOutcome, SyncUser, Withheld},
    wire,
};
use orchestra_terminal::{Exit, Terminal, accepted, context, here, humanize, json, prompt};

use super::cli::Cli;

/// The number of changed agents that are listed; more are only counted.
const MAX_NAMED: usize = 20;
/// The largest number of hints about agents that are not sent.
const MAX_HINTS: usize = 12;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    if let Some(event) = &cli.redact {
        return redact(&repo, terminal, event, cli.json);
    }
    let repo = accepted::accept(terminal, repo)?;
    if cli.auto {
        sync::auto::run(&context::uninterrupted(), &repo)?;
        return Ok(Exit::Done);
    }
    let context = context::interruptible(terminal)?;
    let report =
        sync::run(&context, &repo, &cli.request(terminal.can_ask()), &mut TerminalUser { terminal })?;
    for warning in &report.warnings {
        terminal.warn(&text::safe(warning));
    }
    if !report.outcome.missing.is_empty() {
        terminal.hint("git orchestra sync --restore sends it again");
    }
    for held in &report.outcome.held {
        terminal.warn(&text::safe(&held.message()));
    }
    print_hints(terminal, &report);
    if cli.json {
        json::print_answer(terminal, wire::SYNC, &report)?;
    } else {
        print_report(terminal, &report);
    }
    let SyncOutcome { unsent, held, unfetched, .. } = &report.outcome;
    let is_all_there = unsent.is_empty() && held.is_empty() && unfetched.is_empty();
    Ok(match (report.outcome.locked.is_empty(), is_all_there) {
        (false, _) => Exit::Failed(Kind::Conflict),
        (true, false) => Exit::No,
        (true, true) => Exit::Done,
    })
}

/// Prints the hints about agents that are not sent, each once.
fn print_hints(terminal: &Terminal, report: &Report) {
    let mut shown: Vec<String> = Vec::new();
    for hint in report.outcome.held.iter().flat_map(Withheld::hints) {
        if shown.len() < MAX_HINTS && !shown.contains(&hint) {
            terminal.hint(&text::safe(&hint));
            shown.push(hint);
        }
    }
}

fn redact(repo: &Repo, terminal: &Terminal, event: &str, as_json: bool) -> Result<Exit> {
    let redacted = sync::redact(repo, event)?;
    if as_json {
        json::print_answer(terminal, wire::REDACT, &redacted)?;
    } else {
        let names = [&redacted.agent, &redacted.run, &redacted.spec];
        let name = names.into_iter().flatten().next().map(String::as_str).unwrap_or_default();
        terminal.print(&format!("{name}: redacted\n"));
        if redacted.agent.is_some() {
            terminal.hint("its work, its branch and its session are unchanged");
        }
    }
    Ok(Exit::Done)
}

fn print_report(terminal: &Terminal, report: &Report) {
    let outcome = &report.outcome;
    for (id, change) in outcome.changes.iter().take(MAX_NAMED) {
        terminal.print(&format!("{id} {}\n", change_label(*change)));
    }
    if outcome.changes.len() > MAX_NAMED {
        terminal.print(&format!("and {} more\n", outcome.changes.len() - MAX_NAMED));
    }
    for (name, change) in outcome.other_changes.iter().take(MAX_NAMED) {
        terminal.print(&format!("{name} {}\n", change_label(*change)));
    }
    if outcome.other_changes.len() > MAX_NAMED {
        terminal.print(&format!("and {} more\n", outcome.other_changes.len() - MAX_NAMED));
    }
    let remote = text::safe(&report.remote);
    let would = if report.dry_run { "would be " } else { "" };
    if !outcome.own_work.is_empty() {
        terminal.eprintln(&format!(
            "{would}also sent: {} that {remote} did not have",
            own_work_text(&outcome.own_work)
        ));
    }
    for told in &report.told {
        terminal.eprintln(&format!("{} hears what changed in the spec '{}'", told.designer, told.spec));
    }
    if let Some(question) = &report.asks {
        terminal.hint(&format!("git orchestra sync asks first: {}", question_text(question)));
    }
    match (outcome.changes.len() + outcome.other_changes.len(), outcome.sent.len()) {
        (0, 0) if !outcome.locked.is_empty() => {}
        (0, 0) if !outcome.held.is_empty() => terminal.eprintln(&format!("nothing {would}sent to {remote}")),
        (0, 0) if !outcome.missing.is_empty() => {
            terminal.eprintln(&format!("nothing {would}received from {remote} or sent to it"));
        }
        (0, 0) if !outcome.refused.is_empty() || !outcome.unsent.is_empty() => {
            terminal.eprintln(&format!("nothing else to exchange with {remote}"));
        }
        (0, 0) => terminal.eprintln(&format!("already up to date with {remote}")),
        (0, _) => terminal.eprintln(&sent(outcome, &remote, report.dry_run)),
        (_, 0) => {
            terminal.eprintln(&format!("{} from {remote}", received(outcome, report.dry_run)));
        }
        _ => {
            let sent = sent(outcome, &remote, report.dry_run);
            terminal.eprintln(&format!("{}; {sent}", received(outcome, report.dry_run)));
        }
    }
}

/// Formats what was sent: `sent 9 refs to origin`.
fn sent(outcome: &SyncOutcome, remote: &str, dry_run: bool) -> String {
    let sends = if dry_run { "would send" } else { "sent" };
    format!("{sends} {} to {remote}", text::count(outcome.sent.len() as u64, "ref"))
}

/// Formats what was received: `received 2 agents`, or `received 2 agents and 1 other log`.
fn received(outcome: &SyncOutcome, dry_run: bool) -> String {
    let receives = if dry_run { "would receive" } else { "received" };
    let agents = text::count(outcome.changes.len() as u64, "agent");
    let logs = text::count(outcome.other_changes.len() as u64, "other log");
    match (outcome.changes.len(), outcome.other_changes.len()) {
        (_, 0) => format!("{receives} {agents}"),
        (0, _) => format!("{receives} {logs}"),
        _ => format!("{receives} {agents} and {logs}"),
    }
}

const fn change_label(change: AgentChange) -> &'static str {
    match change {
        AgentChange::New => "is new here",
        AgentChange::News => "was updated",
        AgentChange::Joined => "changed in both clones: joined",
        AgentChange::Work => "has new work",
        AgentChange::Archived => "was archived",
    }
}

/// The user at the terminal, who sees progress and is asked for consent.
struct TerminalUser<'a> {
    terminal: &'a Terminal,
}

impl SyncUser for TerminalUser<'_> {
    fn agrees(&mut self, question: &ConsentQuestion) -> Result<bool> {
        prompt::confirm(self.terminal, &question_text(question), "git orchestra sync --yes agrees")
    }
}

/// Formats own commits, such as `3 commits of main and 1 commit of topic`.
fn own_work_text(own: &[OwnWork]) -> String {
    own.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

/// Formats the question: what is sent, its size, and its destination.
fn question_text(question: &ConsentQuestion) -> String {
    let places: Vec<String> = question.urls.iter().map(|url| text::safe(url).into_owned()).collect();
    let places = places.join(" and ");
    let size = question.bytes.map_or_else(|| "size unknown".to_owned(), humanize::size);
    let own = match question.own_work.as_slice() {
        [] => String::new(),
        all => format!("{} that it does not have", own_work_text(all)),
    };
    if question.agreed_before {
        return format!(
            "Agents' work builds on {own}. Send those ({size}) to {places}, now and with every sync?"
        );
    }
    let what = if question.work { "their tasks, commits and reviews" } else { "their tasks and reviews" };
    let what = match question.agents {
        0 => format!("{} ({size})", text::count(question.refs as u64, "ref")),
        agents => format!("{} ({what}; {size})", text::count(agents as u64, "agent")),
    };
    let own = if own.is_empty() { own } else { format!(" and {own}") };
    format!("Send {what}{own} to {places}, now and with every sync?")
}
