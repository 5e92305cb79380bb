//! Prints the progress and the report of `merge-ranked`.

use std::sync::Arc;

use orchestra::{
    Code, Error, Result,
    model::text,
    ops::merge_ranked::{self, BranchOutcome, BranchRow, Incomplete, Mode, Progress, Report},
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, accepted, agents, interrupt, json,
    style::Role,
    table::{self, Text},
};

use crate::{cli::Cli, matrix};

/// The width of a branch's name, in columns.
const NAME: usize = 40;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = accepted::repository(terminal)?;
    let request = cli.request();
    // A dry run leaves nothing to tidy up, so Ctrl-C may end it at any point.
    let interrupted = if request.mode == Mode::DryRun { Arc::default() } else { interrupt::flag()? };
    let report = merge_ranked::run(&repo, &request, &|progress| tell(terminal, progress), &interrupted)?;
    clear(terminal);
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

/// Prints, on a terminal only, a status line for the step in progress and a line for each step that has
/// ended.
fn tell(terminal: &Terminal, progress: Progress<'_>) {
    let Some((_, width)) = terminal.stderr_size() else { return };
    match progress {
        Progress::Doing { rank, of, branch, what } => {
            let line = format!("[{rank}/{of}] {}: {what} …", text::one_line(branch, NAME));
            terminal.sketch(&text::cut(&line, width.saturating_sub(1)));
        }
        Progress::Done(step) => {
            clear(terminal);
            // The target has not moved yet, so a branch that passed is not shown as merged.
            let outcome = BranchOutcome::of_step(step.outcome, false);
            let (word, role) = (outcome.label(), role(outcome));
            let why =
                step.why.as_ref().map_or_else(String::new, |why| format!(": {}", text::one_line(why, 200)));
            let word = terminal.paint_err().as_role(role, word);
            terminal.say(&format!("{} {word}{why}", text::one_line(&step.branch, NAME)));
        }
    }
}

fn clear(terminal: &Terminal) {
    if terminal.stderr_size().is_some() {
        terminal.sketch("");
    }
}

const fn role(outcome: BranchOutcome) -> Role {
    match outcome {
        BranchOutcome::Lands | BranchOutcome::NotReached | BranchOutcome::Unknown => Role::Plain,
        BranchOutcome::Passed | BranchOutcome::Merged => Role::Good,
        BranchOutcome::Conflict | BranchOutcome::Blocked | BranchOutcome::SetAside => Role::Warn,
        BranchOutcome::Failed => Role::Bad,
        BranchOutcome::UpToDate | BranchOutcome::NothingNew | BranchOutcome::TakenBack => Role::Faint,
    }
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
    // A branch that is blocked by an earlier failed check lands if it is named.
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
        Text::role(step.outcome.label(), role(step.outcome)),
        Text::number(step.files.to_string()),
        Text::number(step.lines.to_string()),
        Text::new(text::one_line(&why, 400)),
    ]
}

/// Prints the result and what to type next, and returns the exit status.
fn end(terminal: &Terminal, report: &Report, mode: Mode) -> Result<Exit> {
    let go_on = "git orchestra merge-ranked --continue continues it, --abort aborts it";
    let into = text::one_line(&report.into, NAME);
    match report.why_incomplete() {
        Some(Incomplete::Interrupted) => {
            terminal.say(&format!("interrupted; {into} is unchanged"));
            terminal.hint(go_on);
            return Ok(Exit::Interrupted);
        }
        Some(Incomplete::CheckFailed) => {
            terminal.say(&format!("stopped at a failure; {into} is unchanged"));
            logs(terminal, report);
            terminal.hint(go_on);
            return Ok(Exit::No);
        }
        Some(Incomplete::Aborted) => {
            terminal.say(&format!("aborted; {into} is unchanged"));
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
            terminal.hint("git orchestra undo undoes the landing");
            if report.notes_shown {
                terminal.hint("git log now shows the notes on what landed (git config notes.displayRef)");
            }
        }
        None => terminal.say(&format!("nothing landed; {into} is unchanged")),
    }
    logs(terminal, report);
}

/// Hints at the commands that show the output of failed checks, three at most.
fn logs(terminal: &Terminal, report: &Report) {
    let failed = |row: &&BranchRow| row.outcome == BranchOutcome::Failed;
    for log in report.order.iter().filter(failed).filter_map(|step| step.log.as_ref()).take(3) {
        terminal.hint_command(&[&"git", &"show", log]);
    }
}
