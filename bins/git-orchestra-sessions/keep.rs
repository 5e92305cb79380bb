//! Prints the reports of `keep`, `forget` and `adopt`.

use orchestra::{
    Result,
    ops::sessions::{
        adopt::{self, Request},
        keep::{self, Forget, Keep, Report},
    },
    wire::{self, Answer},
};
use orchestra_terminal::{Exit, Terminal, accepted, here, json};

use crate::cli::Several;

pub(crate) fn keep(terminal: &Terminal, some: &Several) -> Result<Exit> {
    let repo = here::repository()?;
    let report = keep::keep(&repo, &Keep { sessions: some.ids.clone() })?;
    tell(terminal, some, wire::KEEP, &report, ["kept", "is up to date"])
}

pub(crate) fn adopt(terminal: &Terminal, id: &str, base: Option<String>, as_json: bool) -> Result<Exit> {
    let repo = accepted::repository(terminal)?;
    let report = adopt::run(&repo, &Request { session: id.to_owned(), base })?;
    report.warnings.iter().for_each(|warning| terminal.warn(warning));
    if as_json {
        json::answer(terminal, wire::ADOPT, &report)?;
        return Ok(Exit::Done);
    }
    terminal.answer(&format!("{}\n", report.agent));
    terminal.hint(&format!("git orchestra resume {} -m '…' resumes it", report.agent));
    Ok(Exit::Done)
}

pub(crate) fn forget(terminal: &Terminal, some: &Several, dry_run: bool) -> Result<Exit> {
    let repo = here::repository()?;
    let report = keep::forget(&repo, &Forget { sessions: some.ids.clone(), dry_run })?;
    tell(
        terminal,
        some,
        wire::FORGET,
        &report,
        [if dry_run { "would be deleted" } else { "deleted" }, "was not kept"],
    )
}

fn tell(
    terminal: &Terminal,
    some: &Several,
    kind: Answer<Report>,
    report: &Report,
    words: [&str; 2],
) -> Result<Exit> {
    if some.json {
        json::answer(terminal, kind, report)?;
        return Ok(Exit::Done);
    }
    for one in &report.sessions {
        terminal.answer(&format!("{} {}\n", one.id, if one.changed { words[0] } else { words[1] }));
    }
    Ok(Exit::Done)
}
