//! The one translation of errors: what is said on stderr, the object on stdout for `--json`, and the exit code.

use std::process::ExitCode;

use clap::error::ErrorKind;
use orchestra::{Code, Error, Kind, model::text, ops::failure::Failure, wire};

use crate::{Exit, exit, json, output::Terminal, style::Role};

/// Most lines of one cause that are shown: a program may have said much.
const MOST_LINES: usize = 20;

/// An error as scripts read it.
fn failure_of(error: &Error) -> wire::Failure {
    wire::Failure {
        code: error.code,
        error: error.kind(),
        exit: exit::code(error.kind()),
        message: error.message.clone(),
        causes: error.causes(),
        hints: error.hints.clone(),
    }
}

/// Tells an error on stderr and, where JSON was asked for, on stdout. Gives how the command ends.
pub fn report(terminal: &Terminal, error: &Error, as_json: bool) -> ExitCode {
    tell(terminal, error);
    if as_json {
        answer(terminal, error);
    }
    ExitCode::from(exit::code(error.kind()))
}

/// Ends a command whose command line cannot be parsed. Help and the version are answers, everything else is an error.
pub fn report_usage(error: &clap::Error, as_json: bool) -> ExitCode {
    // It goes to stdout or stderr as its kind demands; nothing is left to do where neither can be written.
    let _ = error.print();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return ExitCode::SUCCESS;
    }
    let error = usage(error);
    if as_json {
        answer(&Terminal::new(anstream::ColorChoice::Never), &error);
    }
    ExitCode::from(exit::code(error.kind()))
}

/// Tells on stderr for which of several agents a command failed. Gives how the command ends; `None`: none failed.
pub fn tell_failures(terminal: &Terminal, failures: &[Failure]) -> Option<Exit> {
    for failure in failures {
        terminal.note("error", Role::Bad, &text::safe(&format!("{}: {}", failure.id, failure.error)));
        for hint in &failure.hints {
            terminal.hint(hint);
        }
    }
    failures.first().map(|failure| Exit::Failed(failure.code.kind()))
}

/// Whether `--json` was typed on a command line that could not be parsed.
pub fn is_json_typed() -> bool {
    std::env::args_os().take_while(|word| word != "--").any(|word| word == "--json")
}

/// Tells an error on stderr.
fn tell(terminal: &Terminal, error: &Error) {
    // For a folder without a repository git has its own words, and tools look for them.
    let word = if error.kind() == Kind::NotARepository && error.source.is_none() { "fatal" } else { "error" };
    terminal.note(word, Role::Bad, &text::safe_block(&error.message));
    for cause in error.causes() {
        let cause = text::safe_block(&cause);
        for line in cause.lines().filter(|line| !line.trim().is_empty()).take(MOST_LINES) {
            terminal.note("", Role::Faint, &format!("  {line}"));
        }
    }
    for hint in &error.hints {
        terminal.hint(hint);
    }
    if error.kind() == Kind::Internal {
        terminal.hint("this is a bug of git orchestra, or damage to its refs; nothing was changed");
    }
}

/// Writes an error as the answer, where no other was given: whoever asked for JSON gets one object in any case.
fn answer(terminal: &Terminal, error: &Error) {
    if !terminal.has_answered() {
        // It is told on stderr as well; what cannot be written as JSON is no reason for another error.
        let _ = json::answer(terminal, wire::ERROR, &failure_of(error));
    }
}

/// What clap found wrong, as an error of ours: its first line and its tips.
fn usage(error: &clap::Error) -> Error {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let code = match error.kind() {
        ErrorKind::InvalidSubcommand => Code::CommandUnknown,
        ErrorKind::MissingRequiredArgument | ErrorKind::MissingSubcommand => Code::ArgumentMissing,
        _ => Code::Usage,
    };
    let told = Error::new(code, first.strip_prefix("error: ").unwrap_or(first));
    let tips = text.lines().filter_map(|line| line.trim_start().strip_prefix("tip: "));
    tips.fold(told, Error::hint)
}
