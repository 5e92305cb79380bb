//! What `sync` shows.

use orchestra::{
    Result,
    git::Repo,
    model::text,
    ops::sync::{self, Asks, Report},
    sync::plan::Change,
    world,
};
use orchestra_terminal::{Exit, Terminal, accepted, json, prompt};

use crate::cli::Cli;

/// Agents named one by one; more are counted.
const NAMED: usize = 20;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = Repo::discover(&world::directory())?;
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
    if cli.json {
        json::answer(terminal, "sync", &report)?;
    } else {
        tell(terminal, &report);
    }
    Ok(Exit::Done)
}

fn redact(repo: &Repo, terminal: &Terminal, event: &str, as_json: bool) -> Result<Exit> {
    let redacted = sync::redact(repo, event)?;
    if as_json {
        json::answer(terminal, "redact", &redacted)?;
    } else {
        terminal.answer(&format!("{}: taken out\n", redacted.agent));
        terminal.hint("its work, its branch and its conversation are as they were");
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
    match (outcome.changes.len(), outcome.sent.len()) {
        (0, 0) => terminal.say(&format!("nothing new here, nothing new at {remote}")),
        (taken, sent) => {
            terminal.say(&format!(
                "{} {would}taken in, {} {would}sent to {remote}",
                text::count(taken as u64, "agent"),
                text::count(sent as u64, "ref")
            ));
        }
    }
}

const fn word(change: Change) -> &'static str {
    match change {
        Change::New => "is new here",
        Change::News => "has news",
        Change::Joined => "had news on both sides: joined",
        Change::Work => "has other work",
        Change::Archived => "was put away",
    }
}

/// The user, as far as there is one.
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

impl Asks for Asking<'_> {
    fn doing(&mut self, what: &str) {
        let Some((_, width)) = self.terminal.stderr_size() else { return };
        let what = text::one_line(what, 200);
        self.terminal.sketch(&text::cut(&what, width.saturating_sub(1)));
    }

    fn may_share(&mut self, urls: &[String], agents: usize) -> Result<bool> {
        self.clear();
        let places: Vec<String> = urls.iter().map(|url| text::safe(url).into_owned()).collect();
        let question = format!(
            "share {} with {}, now and with every sync?",
            text::count(agents as u64, "agent"),
            places.join(" and ")
        );
        prompt::confirm(self.terminal, &question, "git orchestra sync --yes agrees")
    }
}
