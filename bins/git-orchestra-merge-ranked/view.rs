//! What `merge-ranked` shows.

use orchestra::{
    Code, Error, Result,
    context::Context,
    model::text,
    ops::merge_ranked::{self, BranchOutcome, BranchRow, Incomplete, Mode, Report},
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, accepted, agents,
    context::{self, role_of},
    json,
    table::{self, Text},
};

use crate::{cli::Cli, matrix};

/// Columns of a branch's name.
const NAME: usize = 40;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = accepted::repository(terminal)?;
    let request = cli.request();
    // A dry run leaves nothing behind that would have to be tidied up, and so may be ended anywhere.
    let is_dry_run = request.mode == Mode::DryRun;
    let context = if is_dry_run { Context::default() } else { context::interruptible(terminal)? };
    let report = merge_ranked::run(&context, &repo, &request)?;
    for warning in &report.warnings {
        terminal.warn(warning);
    }
    agents::warn_unreadable(terminal, &report.unreadable);
    if cli.json {
        json::answer(terminal, wire::MERGE_RANKED, &report)?;
    } else {
        show(terminal, &report, request.mode);
    }
    end(terminal, &report, request.mode)
}

fn show(terminal: &Terminal, report: &Report, mode: Mode) {
    if mode == Mode::Abort {
        return;
    }
    let rows = report.order.iter().map(row).collect();
    let headings = ["#", "BRANCH", "OUTCOME", "FILES", "LINES", "WHY"];
    terminal.answer(&table::draw(&headings, rows, terminal.width(), terminal.paint()));
    let matrix = matrix::draw(&report.order, &report.into, terminal.width());
    if !matrix.is_empty() {
        terminal.answer(&format!("\n{matrix}"));
    }
    // One that is kept back for a check lands when it is named, or passes that check.
    let kept_back = report.order.iter().find(|row| row.failed_before.as_ref() == Some(&row.reason));
    if let Some(row) = kept_back {
        terminal.hint_command(&[&"git", &"orchestra", &"merge-ranked", &row.branch]);
    }
}

fn row(step: &BranchRow) -> Vec<Text> {
    let why = match (step.outcome, &step.why) {
        (BranchOutcome::Merged | BranchOutcome::Passed, Some(settled)) => {
            format!("{}; {settled}", step.reason)
        }
        (_, Some(why)) => why.clone(),
        (_, None) => step.reason.clone(),
    };
    vec![
        Text::number(step.rank.to_string()),
        Text::new(text::one_line(&step.branch, NAME)),
        Text::role(step.outcome.label(), role_of(step.outcome)),
        Text::number(step.files.to_string()),
        Text::number(step.lines.to_string()),
        Text::new(text::one_line(&why, 400)),
    ]
}

/// What it came to, what to type next, and the exit code.
fn end(terminal: &Terminal, report: &Report, mode: Mode) -> Result<Exit> {
    let go_on = "git orchestra merge-ranked --continue goes on, --abort gives it up";
    let into = text::one_line(&report.into, NAME);
    match report.why_incomplete() {
        Some(Incomplete::Interrupted) => {
            terminal.say(&format!("interrupted; {into} stays where it was"));
            terminal.hint(go_on);
            return Ok(Exit::Interrupted);
        }
        Some(Incomplete::CheckFailed) => {
            terminal.say(&format!("stopped at a failure; {into} stays where it was"));
            logs(terminal, report);
            terminal.hint(go_on);
            return Ok(Exit::No);
        }
        Some(Incomplete::Aborted) => {
            terminal.say(&format!("given up; {into} stays where it was"));
            return Ok(Exit::Done);
        }
        Some(Incomplete::Blocked { why, hints }) => {
            let error = Error::new(Code::CheckoutBlocked, format!("{why}; the landing waits"));
            let error = hints.iter().cloned().fold(error, Error::hint).hint(go_on);
            let result = report.result().map(|result| result.to_string()).unwrap_or_default();
            return Err(error.hint(format!("git log --oneline {}..{result}", report.base.short())));
        }
        None => {}
    }
    if mode == Mode::DryRun {
        return Ok(Exit::Done);
    }
    summary(terminal, report, &into);
    Ok(if merge_ranked::all_landed(report) { Exit::Done } else { Exit::No })
}

fn summary(terminal: &Terminal, report: &Report, into: &str) {
    let landed = report.count(BranchOutcome::Merged);
    match report.moved_to() {
        Some(result) => {
            terminal.say(&format!(
                "{landed} of {} landed in {into}: {}..{}",
                report.order.len(),
                report.base.short(),
                result.short()
            ));
            terminal.hint("git orchestra undo takes it all back");
            if report.notes_shown {
                terminal
                    .hint("from now on git log shows the notes on what landed (git config notes.displayRef)");
            }
        }
        None => terminal.say(&format!("nothing landed; {into} stays where it was")),
    }
    logs(terminal, report);
}

/// Where to read what failed.
fn logs(terminal: &Terminal, report: &Report) {
    let failed = |row: &&BranchRow| row.outcome == BranchOutcome::Failed;
    for log in report.order.iter().filter(failed).filter_map(|step| step.log.as_ref()).take(3) {
        terminal.hint_command(&[&"git", &"show", log]);
    }
}
