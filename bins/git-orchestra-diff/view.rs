//! Runs git diff on an agent's work and warns about what the diff does not show.

use orchestra::{
    Result,
    model::text,
    ops::diff::{self, Report},
    wire,
};
use orchestra_terminal::{Exit, Terminal, accepted, chosen, harmless, json, names};

use super::cli::Cli;

/// The number of left-out files that are listed; more are only counted.
const MAX_LEFT_OUT: usize = 5;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = accepted::repository(terminal)?;
    let mut request = cli.request();
    request.agent = chosen::agent(terminal, &repo, cli.agent.as_ref(), "git orchestra diff AGENT")?;
    if let Some(other) = &mut request.other {
        names::meant_one(terminal, &repo, other)?;
    }
    let comparison = diff::compare(&repo, &request)?;
    if cli.json {
        json::print_answer(terminal, wire::DIFF, &comparison.into_report()?)?;
        return Ok(Exit::Done);
    }
    let mut git = comparison.git_diff().arg(if cli.ext_diff { "--ext-diff" } else { "--no-ext-diff" });
    if terminal.painter().is_on() {
        git = git.arg("--color=always");
    }
    for (wanted, option) in [(cli.stat, "--stat"), (cli.name_only, "--name-only")] {
        if wanted {
            git = git.arg(option);
        }
    }
    // No code means that git was ended by a signal; 141 means that the reader closed the pipe. Neither is
    // an error.
    let git = comparison.with_trees(git);
    let ended = if cli.ext_diff { git.run_interactive() } else { harmless::show(terminal, git) }?;
    if let Some(code) = ended.filter(|code| !matches!(code, 0 | 141)) {
        return Err(comparison.failure(code));
    }
    let report = &comparison.report;
    if let Some(problem) = &report.problem {
        terminal.warn(&format!("this work cannot land: {problem}"));
    }
    warn_left_out(terminal, report);
    Ok(Exit::Done)
}

fn warn_left_out(terminal: &Terminal, report: &Report) {
    for left in report.left_out.iter().take(MAX_LEFT_OUT) {
        terminal.warn(&format!("not shown: {} ({})", text::safe(&left.path), text::safe(&left.why)));
    }
    let more = report.left_out.len().saturating_sub(MAX_LEFT_OUT);
    if more > 0 {
        terminal.warn(&format!("not shown: {more} more"));
    }
}
