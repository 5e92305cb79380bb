//! Prints the progress and the report of `merge-ranked`.

use orchestra::{
    Code, Error, Result,
    git::Repo,
    model::text,
    ops::{
        merge_ranked::{self, BranchOutcome, BranchRow, Incomplete, Mode, Report},
        notices,
    },
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, accepted, agents, check_output,
    context::{self, role_of},
    json, names,
    table::{self, Column, TableCell},
};

use super::{cli::Cli, matrix};

/// The width of a branch's name in a sentence, in columns, and the most that a table shows where there is room.
const NAME_WIDTH: usize = 40;
const MAX_NAME_WIDTH: usize = 250;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = accepted::with_project_settings(terminal)?;
    let mut request = cli.request();
    names::numbered_branches(&repo, &mut request.branches)?;
    // A dry run leaves nothing to tidy up, so Ctrl-C may end it at any point.
    let is_dry_run = request.mode == Mode::DryRun;
    let context = if is_dry_run { context::uninterrupted() } else { context::interruptible(terminal)? };
    let landed = merge_ranked::run(&context, &repo, &request);
    if !terminal.can_ask() && !is_dry_run {
        match &landed {
            Ok(report) => notices::landing_ended(&repo, report),
            Err(error) => notices::landing_refused(&repo, error),
        }
    }
    let report = match landed {
        Err(error) if error.code == Code::CheckFailsOnTarget && !cli.json => {
            check_output::print_failure_of_target(terminal, &repo);
            return Err(error);
        }
        other => other?,
    };
    for warning in &report.warnings {
        terminal.warn(warning);
    }
    agents::warn_unreadable(terminal, &report.unreadable);
    if cli.json {
        json::print_answer(terminal, wire::MERGE_RANKED, &report)?;
    } else {
        show(terminal, &repo, &report, request.mode);
    }
    finish(terminal, &repo, &report, request.mode)
}

fn show(terminal: &Terminal, repo: &Repo, report: &Report, mode: Mode) {
    if mode == Mode::Abort {
        return;
    }
    // The ranks are numbers in the first column, too.
    names::number_rows(terminal, repo, report.order.iter().map(|row| row.branch.as_str()));
    let rows: Vec<Vec<TableCell>> = report.order.iter().map(row).collect();
    let columns = [
        Column::new("#"),
        Column::new("BRANCH").cut_in_middle(),
        Column::new("OUTCOME"),
        Column::new("FILES").hidden_at(1),
        Column::new("LINES").hidden_at(2),
        Column::new("WHY").wrapped(),
    ];
    terminal.print(&table::draw(&columns, &rows, terminal.width(), terminal.painter()));
    let matrix = matrix::draw(&report.order, &report.into, terminal.width());
    if !matrix.is_empty() {
        terminal.print(&format!("\n{matrix}"));
    }
    // A branch that is blocked by an earlier failed check lands if it is named.
    let blocked_by_check = report.order.iter().find(|row| row.failed_before.as_ref() == Some(&row.reason));
    if let Some(row) = blocked_by_check {
        terminal.hint_command(&[&"git", &"orchestra", &"merge-ranked", &row.branch]);
    }
}

fn row(step: &BranchRow) -> Vec<TableCell> {
    let why = match (step.outcome, &step.why) {
        (BranchOutcome::Merged | BranchOutcome::Passed, Some(settled)) => {
            format!("{}; {settled}", step.reason)
        }
        (_, Some(why)) => why.clone(),
        (_, None) => step.reason.clone(),
    };
    vec![
        TableCell::number(step.rank.to_string()),
        TableCell::new(text::one_line(&step.branch, MAX_NAME_WIDTH)),
        TableCell::role(step.outcome.label(), role_of(step.outcome)),
        TableCell::number(step.files.to_string()),
        TableCell::number(step.lines.to_string()),
        TableCell::new(text::one_line(&why, 400)),
    ]
}

/// Prints the result and what to type next, and returns the exit status.
fn finish(terminal: &Terminal, repo: &Repo, report: &Report, mode: Mode) -> Result<Exit> {
    let continue_hint = "git orchestra merge-ranked --continue continues it, --abort aborts it";
    let into = text::one_line(&report.into, NAME_WIDTH);
    match report.why_incomplete() {
        Some(Incomplete::Interrupted) => {
            terminal.eprintln(&format!("interrupted; {into} is unchanged"));
            terminal.hint(continue_hint);
            return Ok(Exit::Interrupted);
        }
        Some(Incomplete::CheckFailed) => {
            check_output::print_failures(terminal, repo, &report.order);
            terminal.eprintln(&format!("stopped at a failure; {into} is unchanged"));
            terminal.hint(continue_hint);
            return Ok(Exit::No);
        }
        Some(Incomplete::Aborted) => {
            terminal.eprintln(&format!("aborted; {into} is unchanged"));
            return Ok(Exit::Done);
        }
        Some(Incomplete::Blocked { why, hints }) => {
            let error = Error::new(Code::CheckoutBlocked, format!("{why}; the landing waits"));
            let error = hints.iter().cloned().fold(error, Error::hint).hint(continue_hint);
            let result = report.result().map(|result| result.to_string()).unwrap_or_default();
            return Err(error.hint(format!("git log --oneline {}..{result}", report.base.short())));
        }
        None => {}
    }
    if mode == Mode::DryRun {
        report.check_plan.iter().for_each(|plan| terminal.eprintln(&plan.sentence()));
        return Ok(Exit::Done);
    }
    check_output::print_failures(terminal, repo, &report.order);
    summary(terminal, report, &into);
    Ok(if merge_ranked::all_landed(report) { Exit::Done } else { Exit::No })
}

fn summary(terminal: &Terminal, report: &Report, into: &str) {
    let landed = report.count(BranchOutcome::Merged);
    match report.moved_to() {
        Some(result) => {
            terminal.eprintln(&format!(
                "{landed} of {} landed in {into}: {}..{}",
                report.order.len(),
                report.base.short(),
                result.short()
            ));
            terminal.hint("git orchestra undo undoes the landing");
        }
        None => terminal.eprintln(&format!("nothing landed; {into} is unchanged")),
    }
    let tried = landed + report.count(BranchOutcome::Failed);
    if let Some(sentence) = report.checks.sentence(tried) {
        terminal.eprintln(&sentence);
    }
}
