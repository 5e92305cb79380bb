//! Keeping and forgetting.

use orchestra::{
    Result,
    git::Repo,
    ops::sessions::keep::{self, Report},
    world,
};
use orchestra_terminal::{Exit, Terminal, json};

use crate::cli::Several;

pub(crate) fn keep(terminal: &Terminal, some: &Several) -> Result<Exit> {
    let repo = Repo::discover(&world::directory())?;
    let report = keep::keep(&repo, &some.ids)?;
    tell(terminal, some, "keep", &report, ["kept", "nothing new to keep"])
}

pub(crate) fn forget(terminal: &Terminal, some: &Several, dry_run: bool) -> Result<Exit> {
    let repo = Repo::discover(&world::directory())?;
    let report = keep::forget(&repo, &some.ids, dry_run)?;
    tell(
        terminal,
        some,
        "forget",
        &report,
        [if dry_run { "would be forgotten" } else { "forgotten" }, "was not kept"],
    )
}

fn tell(terminal: &Terminal, some: &Several, kind: &str, report: &Report, words: [&str; 2]) -> Result<Exit> {
    if some.json {
        json::answer(terminal, kind, report)?;
        return Ok(Exit::Done);
    }
    for one in &report.sessions {
        terminal.answer(&format!("{} {}\n", one.id, if one.changed { words[0] } else { words[1] }));
    }
    Ok(Exit::Done)
}
