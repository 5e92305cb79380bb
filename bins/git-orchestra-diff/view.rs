//! What `diff` shows.

use orchestra::{
    Code, Error, Result,
    model::text,
    ops::diff::{self, Report},
    wire,
};
use orchestra_terminal::{Exit, Terminal, accepted, json};

use crate::cli::Cli;

/// What is shown of what no commit would take.
const LEFT_OUT: usize = 5;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = accepted::repository(terminal)?;
    let comparison = diff::compare(&repo, &cli.request())?;
    let report = &comparison.report;
    if cli.json {
        json::answer(terminal, wire::DIFF, report)?;
        return Ok(Exit::Done);
    }
    let mut git = comparison.git_diff().arg(if cli.ext_diff { "--ext-diff" } else { "--no-ext-diff" });
    if terminal.paint().is_on() {
        git = git.arg("--color=always");
    }
    for (wanted, option) in [(cli.stat, "--stat"), (cli.name_only, "--name-only")] {
        if wanted {
            git = git.arg(option);
        }
    }
    // A signal, or 141: the reader went away, which is their right.
    if let Some(code) = comparison.compared(git).show()?.filter(|code| !matches!(code, 0 | 141)) {
        return Err(Error::new(Code::GitFailed, format!("git diff failed ({code})")));
    }
    if let Some(problem) = &report.problem {
        terminal.warn(&format!("this work will not land: {problem}"));
    }
    left_out(terminal, report);
    Ok(Exit::Done)
}

fn left_out(terminal: &Terminal, report: &Report) {
    for left in report.left_out.iter().take(LEFT_OUT) {
        terminal.warn(&format!("not shown: {} ({})", text::safe(&left.path), text::safe(&left.why)));
    }
    let more = report.left_out.len().saturating_sub(LEFT_OUT);
    if more > 0 {
        terminal.warn(&format!("not shown: {more} more"));
    }
}
