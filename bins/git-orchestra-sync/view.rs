//! Prints the report of `sync`, and asks for consent.

use orchestra::{
    Kind, Result,
    git::Repo,
    model::text,
    ops::sync::{self, AgentChange, ConsentQuestion, OwnWork, Report, SyncOutcome, SyncUser, Withheld},
    wire,
};
use orchestra_terminal::{Exit, Terminal, accepted, here, humanize, json, prompt};

use crate::cli::Cli;

/// The number of changed agents that are listed; more are only counted.
const NAMED: usize = 20;
/// The largest number of hints about agents that are not sent.
const HINTS: usize = 12;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    if let Some(event) = &cli.redact {
        return redact(&repo, terminal, event, cli.json);
    }
    let repo = accepted::accept(terminal, repo)?;
    if cli.auto {
        sync::auto::run(&repo)?;
        return Ok(Exit::Done);
    }
    let mut asking = Asking { terminal };
    let result = sync::run(&repo, &cli.request(terminal.can_ask()), &mut asking);
    asking.clear();
    let report = result?;
    for warning in &report.warnings {
        terminal.warn(&text::safe(warning));
    }
    if !report.outcome.missing.is_empty() {
        terminal.hint("git orchestra sync --restore sends it again");
    }
    for held in &report.outcome.held {
        terminal.warn(&text::safe(&held.message()));
    }
    hints(terminal, &report);
    if cli.json {
        json::answer(terminal, wire::SYNC, &report)?;
    } else {
        tell(terminal, &report);
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
fn hints(terminal: &Terminal, report: &Report) {
    let mut told: Vec<String> = Vec::new();
    for hint in report.outcome.held.iter().flat_map(Withheld::hints) {
        if told.len() < HINTS && !told.contains(&hint) {
            terminal.hint(&text::safe(&hint));
            told.push(hint);
        }
    }
}

fn redact(repo: &Repo, terminal: &Terminal, event: &str, as_json: bool) -> Result<Exit> {
    let redacted = sync::redact(repo, event)?;
    if as_json {
        json::answer(terminal, wire::REDACT, &redacted)?;
    } else {
        terminal.answer(&format!("{}: redacted\n", redacted.agent));
        terminal.hint("its work, its branch and its session are unchanged");
    }
    Ok(Exit::Done)
}

fn tell(terminal: &Terminal, report: &Report) {
    let outcome = &report.outcome;
    for (id, change) in outcome.changes.iter().take(NAMED) {
        terminal.answer(&format!("{id} {}\n", word(*change)));
    }
    if outcome.changes.len() > NAMED {
        terminal.answer(&format!("and {} more\n", outcome.changes.len() - NAMED));
    }
    let remote = text::safe(&report.remote);
    let would = if report.dry_run { "would be " } else { "" };
    if !outcome.own_work.is_empty() {
        terminal.say(&format!("{would}also sent: {} that {remote} did not have", own(&outcome.own_work)));
    }
    if let Some(question) = &report.asks {
        terminal.hint(&format!("git orchestra sync asks first: {}", ask(question)));
    }
    match (outcome.changes.len(), outcome.sent.len()) {
        (0, 0) if !outcome.locked.is_empty() => {}
        (0, 0) if !outcome.held.is_empty() => terminal.say(&format!("nothing {would}sent to {remote}")),
        (0, 0) if !outcome.missing.is_empty() => {
            terminal.say(&format!("nothing received, nothing {would}sent to {remote}"));
        }
        (0, 0) => terminal.say(&format!("already up to date with {remote}")),
        (taken, sent) => {
            terminal.say(&format!(
                "{} {would}received, {} {would}sent to {remote}",
                text::count(taken as u64, "agent"),
                text::count(sent as u64, "ref")
            ));
        }
    }
}

const fn word(change: AgentChange) -> &'static str {
    match change {
        AgentChange::New => "is new here",
        AgentChange::News => "was updated",
        AgentChange::Joined => "changed in both clones: joined",
        AgentChange::Work => "has new work",
        AgentChange::Archived => "was archived",
    }
}

/// The user at the terminal, who sees progress and is asked for consent.
struct Asking<'a> {
    terminal: &'a Terminal,
}

impl Asking<'_> {
    fn clear(&self) {
        if self.terminal.stderr_size().is_some() {
            self.terminal.sketch("");
        }
    }
}

impl SyncUser for Asking<'_> {
    fn doing(&mut self, what: &str) {
        let Some((_, width)) = self.terminal.stderr_size() else { return };
        let what = text::one_line(what, 200);
        self.terminal.sketch(&text::cut(&what, width.saturating_sub(1)));
    }

    fn agrees(&mut self, question: &ConsentQuestion) -> Result<bool> {
        self.clear();
        prompt::confirm(self.terminal, &ask(question), "git orchestra sync --yes agrees")
    }
}

/// Formats own commits, such as `3 commits of main and 1 commit of topic`.
fn own(own: &[OwnWork]) -> String {
    own.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

/// Formats the question: what is sent, its size, and its destination.
fn ask(question: &ConsentQuestion) -> String {
    let places: Vec<String> = question.urls.iter().map(|url| text::safe(url).into_owned()).collect();
    let places = places.join(" and ");
    let size = question.bytes.map_or_else(|| "size unknown".to_owned(), humanize::size);
    let own = match question.own_work.as_slice() {
        [] => String::new(),
        all => format!("{} that it does not have", own(all)),
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
