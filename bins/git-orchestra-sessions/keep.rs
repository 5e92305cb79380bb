//! Prints the reports of `keep`, `forget` and `adopt`.

use orchestra::{
    Result,
    ops::sessions::{
        adopt::{self, Request},
        keep::{self, ForgetRequest, KeepRequest, Report},
    },
    wire::{self, Answer},
};
use orchestra_terminal::{Exit, Terminal, accepted, context, here, json};

use super::{cli::SessionIds, meant};

pub(crate) fn keep(terminal: &Terminal, some: &SessionIds) -> Result<Exit> {
    let repo = here::repository()?;
    let report = keep::keep(&repo, &KeepRequest { sessions: meant::numbered(&repo, &some.ids)? })?;
    print_report(terminal, some, wire::KEEP, &report, ["kept", "is up to date"])
}

pub(crate) fn adopt(terminal: &Terminal, id: &str, base: Option<&String>, as_json: bool) -> Result<Exit> {
    let repo = accepted::repository(terminal)?;
    let report = meant::with_session(terminal, Some(&repo), id, |id| {
        let request = Request { session: id.to_owned(), base: base.cloned() };
        adopt::run(&context::uninterrupted(), &repo, &request)
    })?;
    report.warnings.iter().for_each(|warning| terminal.warn(warning));
    if as_json {
        json::print_answer(terminal, wire::ADOPT, &report)?;
        return Ok(Exit::Done);
    }
    terminal.print(&format!("{}\n", report.agent));
    terminal.hint(&format!("git orchestra resume {} -m '…' resumes it", report.agent));
    Ok(Exit::Done)
}

pub(crate) fn forget(terminal: &Terminal, some: &SessionIds, dry_run: bool) -> Result<Exit> {
    let repo = here::repository()?;
    let report =
        keep::forget(&repo, &ForgetRequest { sessions: meant::numbered(&repo, &some.ids)?, dry_run })?;
    print_report(
        terminal,
        some,
        wire::FORGET,
        &report,
        [if dry_run { "would be deleted" } else { "deleted" }, "was not kept"],
    )
}

fn print_report(
    terminal: &Terminal,
    some: &SessionIds,
    kind: Answer<Report>,
    report: &Report,
    words: [&str; 2],
) -> Result<Exit> {
    if some.json {
        json::print_answer(terminal, kind, report)?;
        return Ok(Exit::Done);
    }
    for one in &report.sessions {
        terminal.print(&format!("{} {}\n", one.id, if one.changed { words[0] } else { words[1] }));
    }
    Ok(Exit::Done)
}
