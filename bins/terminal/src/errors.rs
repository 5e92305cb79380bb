//! Translates errors into messages on stderr, the JSON object on stdout, and the exit status.

use std::{borrow::Cow, process::ExitCode};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use orchestra::{
    Code, Error, Kind,
    model::{quote, text},
    ops::failure::Failure,
    wire,
};

use crate::{Exit, exit, json, output::Terminal, style::Role};

/// The number of lines that are shown of one cause, which may be the long output of a program.
const MAX_CAUSE_LINES: usize = 20;
/// The longest message, and line of a cause, that is shown whole, in characters.
const MAX_SHOWN: usize = 4000;
/// The longest hint that is shown, in bytes.
const MAX_HINT: usize = 16 << 10;

/// The section of the keys, with which a key begins.
const SECTION: &str = "orchestra";

/// Converts an error into its JSON object.
pub fn to_failure(error: &Error) -> wire::Failure {
    wire::Failure {
        code: error.code,
        error: error.kind(),
        exit: exit::code(error.kind()),
        message: error.message.clone(),
        causes: error.causes(),
        hints: error.hints.clone(),
    }
}

/// Prints an error on stderr and, if JSON was asked for, on stdout. Returns the exit status.
pub fn report(terminal: &Terminal, error: &Error, as_json: bool) -> ExitCode {
    print_error(terminal, error);
    if as_json {
        print_json(terminal, error);
    }
    ExitCode::from(exit::code(error.kind()))
}

/// Reports a command line of a program that cannot be parsed. Help and version are answers; everything else is an error.
pub fn report_usage(program: &str, error: &clap::Error, as_json: bool) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // clap chooses the stream; if it cannot be written, there is nothing left to do.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let typed: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let error = as_of_git_config(error, &typed).into_iter().fold(usage(program, error), first_hint);
    report(&Terminal::new(anstream::ColorChoice::Auto), &error, as_json)
}

/// Prints on stderr for which of several agents a command failed. Returns the exit, or `None` if none
/// failed.
pub fn print_failures(terminal: &Terminal, failures: &[Failure]) -> Option<Exit> {
    for failure in failures {
        terminal.labelled("error", Role::Bad, &text::safe(&format!("{}: {}", failure.id, failure.error)));
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

/// Prints an error, its causes and its hints on stderr.
fn print_error(terminal: &Terminal, error: &Error) {
    // Without a repository git prints "fatal", and tools look for that word.
    let word = if error.kind() == Kind::NotARepository && error.source.is_none() { "fatal" } else { "error" };
    terminal.labelled(word, Role::Bad, &text::safe_block(&without_middle(&error.message)));
    for cause in error.causes() {
        let cause = text::safe_block(&cause);
        for line in cause.lines().filter(|line| !line.trim().is_empty()).take(MAX_CAUSE_LINES) {
            terminal.labelled("", Role::Faint, &format!("  {}", without_middle(line)));
        }
    }
    // Of a command that nobody can type, a part is of no use.
    for hint in error.hints.iter().filter(|hint| hint.len() <= MAX_HINT) {
        terminal.hint(hint);
    }
    if error.kind() == Kind::Internal {
        terminal.hint("this is a bug in git orchestra, or its refs are damaged; nothing was changed");
    }
}

/// Returns a text without its middle, if it is too long to be read: it may contain what was typed.
fn without_middle(text: &str) -> Cow<'_, str> {
    let count = text.chars().count();
    if count <= MAX_SHOWN {
        return text.into();
    }
    let begin: String = text.chars().take(MAX_SHOWN / 2).collect();
    let end: String = text.chars().skip(count - MAX_SHOWN / 4).collect();
    format!("{begin} … {end}").into()
}

/// Prints an error as the answer, unless an answer was printed already: a caller that asked for JSON gets exactly
/// one object, or a line for each event and the error as the last one.
fn print_json(terminal: &Terminal, error: &Error) {
    if !terminal.has_answered() {
        // The error is on stderr already; a failure to print it as JSON is no further error.
        let _ = json::print_answer(terminal, wire::ERROR, &to_failure(error));
    }
}

fn first_hint(mut error: Error, hint: String) -> Error {
    error.hints.insert(0, hint);
    error
}

/// Returns the command that does what was typed, if a key was typed in the place of a subcommand, as `git config` takes it.
fn as_of_git_config(error: &clap::Error, typed: &[String]) -> Option<String> {
    let Some(ContextValue::String(key)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    let section = key.split_once('.')?.0;
    if error.kind() != ErrorKind::InvalidSubcommand || !section.eq_ignore_ascii_case(SECTION) {
        return None;
    }
    let values = typed.iter().skip_while(|word| *word != key).skip(1).find(|word| !word.starts_with('-'));
    Some(match values {
        Some(value) => quote::command(&[&"git", &"orchestra", &"config", &"set", key, value]),
        None => quote::command(&[&"git", &"orchestra", &"config", &"get", key]),
    })
}

/// Converts an error of clap: its first paragraph is the message, its tips are hints, and so is how to see the options.
fn usage(program: &str, error: &clap::Error) -> Error {
    let text = error.to_string();
    let paragraph = text.lines().map(str::trim).take_while(|line| !line.is_empty());
    let message = paragraph.collect::<Vec<_>>().join(" ");
    let code = match error.kind() {
        ErrorKind::InvalidSubcommand => Code::CommandUnknown,
        ErrorKind::MissingRequiredArgument | ErrorKind::MissingSubcommand => Code::ArgumentMissing,
        _ => Code::Usage,
    };
    let error = Error::new(code, message.strip_prefix("error: ").unwrap_or(&message));
    let tips = text.lines().filter_map(|line| line.trim_start().strip_prefix("tip: "));
    let error = tips.map(hint_of).fold(error, Error::hint);
    let command =
        program.replacen("git-orchestra", "git orchestra", 1).replacen("orchestra-", "orchestra ", 1);
    error.hint(format!("{command} -h lists the options"))
}

/// Returns one of clap's tips in our words.
fn hint_of(tip: &str) -> String {
    match tip.split_once(": ") {
        Some((similar, names)) if similar.starts_with("a similar ") => format!("did you mean {names}?"),
        Some((similar, names)) if similar.starts_with("some similar ") => {
            format!("did you mean one of {names}?")
        }
        _ => tip.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Arg, ArgAction, Command};

    use super::*;

    #[test]
    fn a_long_text_is_shown_without_its_middle() {
        let whole = "ä".repeat(MAX_SHOWN);
        assert_eq!(without_middle(&whole), whole);
        let long = format!("begin{}end", "ä".repeat(MAX_SHOWN));
        let shown = without_middle(&long);
        assert!(shown.starts_with("begin") && shown.ends_with("end") && shown.contains(" … "), "{shown}");
        assert!(shown.chars().count() < MAX_SHOWN);
    }

    #[test]
    fn a_key_in_the_place_of_a_subcommand_is_set_or_printed() {
        let command = Command::new("git-orchestra-config").subcommand(Command::new("set"));
        for (words, hint) in [
            (&["orchestra.agent", "sh"][..], Some("git orchestra config set orchestra.agent sh")),
            (&["Orchestra.jobs"], Some("git orchestra config get Orchestra.jobs")),
            (&["orchestra.checks", "a b"], Some("git orchestra config set orchestra.checks 'a b'")),
            (&["sett"], None),
        ] {
            let line: Vec<String> =
                [&["git-orchestra-config"], words].concat().iter().map(ToString::to_string).collect();
            let error = command.clone().try_get_matches_from(&line).expect_err("wrong");
            assert_eq!(as_of_git_config(&error, &line).as_deref(), hint, "{words:?}");
        }
    }

    #[test]
    fn usage_errors_are_in_our_words() {
        let command = || {
            Command::new("git-orchestra-merge-ranked")
                .arg(Arg::new("watch").long("watch").action(ArgAction::SetTrue))
                .arg(Arg::new("when").long("when").value_parser(["auto", "never"]))
                .arg(Arg::new("name").required(true))
        };
        for (words, message, hints) in [
            (&["x", "--wach"][..], "unexpected argument '--wach' found", &["did you mean '--watch'?"][..]),
            (&[], "the following required arguments were not provided: <name>", &[]),
            (
                &["x", "--when", "x"],
                "invalid value 'x' for '--when <when>' [possible values: auto, never]",
                &[],
            ),
        ] {
            let line = [&["git-orchestra-merge-ranked"], words].concat();
            let error = usage(
                "git-orchestra-merge-ranked",
                &command().try_get_matches_from(line).expect_err("wrong"),
            );
            let (last, first) = error.hints.split_last().expect("a hint");
            assert_eq!(
                (error.message.as_str(), first),
                (message, &hints.iter().map(|&hint| hint.to_owned()).collect::<Vec<_>>()[..])
            );
            assert_eq!(last, "git orchestra merge-ranked -h lists the options");
        }
    }
}
