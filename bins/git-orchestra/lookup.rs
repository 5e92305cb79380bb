//! Finds the command that is meant: one of ours, or a program `git-orchestra-<name>` on PATH.

use std::{collections::BTreeSet, ffi::OsString, path::PathBuf, process::ExitCode};

use orchestra::{
    Code, Error,
    config::{self, keys::COMPLETION_PROVIDER},
    model::{nearest::nearest, text},
    process,
};
use orchestra_terminal::{
    CommandLine, Terminal, catalog, complete, errors, here,
    run::{self, INTROSPECT},
};

use crate::{
    cli::Cli,
    commands::{self, Entry, PREFIX},
};

/// Runs the command that the name of the program or its first argument names. A program on PATH replaces
/// this process.
pub(crate) fn dispatch(line: CommandLine) -> ExitCode {
    if let Some(command) = line.program.strip_prefix(PREFIX).and_then(commands::find) {
        return (command.run)(&line);
    }
    if here::environment().text_variable(INTROSPECT).as_deref() == Some("complete") {
        return complete_by_command(&line.arguments).unwrap_or_else(|| run_dispatcher(line));
    }
    let name = line.arguments.first().and_then(|word| word.to_str());
    if let Some(name) = name.filter(|name| is_built_in(name) && asks_for_help(&line.arguments)) {
        let arguments = vec!["help".into(), name.into()];
        return run_dispatcher(CommandLine { arguments, ..line });
    }
    match name.filter(|name| !name.starts_with('-') && !is_built_in(name)).map(str::to_owned) {
        Some(name) => run_named(&name, line.arguments),
        None => run_dispatcher(line),
    }
}

/// Returns whether the help of a command is asked for. The dispatcher's own commands have no such option, since `git orchestra -h`
/// and `--help` show the whole suite.
fn asks_for_help(arguments: &[OsString]) -> bool {
    arguments.iter().take_while(|word| *word != "--").any(|word| word == "-h" || word == "--help")
}

/// Runs a command that the dispatcher implements itself.
fn run_dispatcher(line: CommandLine) -> ExitCode {
    run::run::<Cli>(&CommandLine { program: "git-orchestra".into(), ..line })
}

fn run_named(name: &str, mut arguments: Vec<OsString>) -> ExitCode {
    arguments.remove(0);
    if let Some(command) = commands::find(name) {
        return run_own(name, &command, arguments);
    }
    let terminal = Terminal::new(anstream_choice());
    match on_path(name) {
        Some(program) => exec(&terminal, &program, &arguments),
        None => report_unknown(&terminal, name),
    }
}

fn run_own(name: &str, command: &Entry, arguments: Vec<OsString>) -> ExitCode {
    (command.run)(&CommandLine { program: format!("{PREFIX}{name}"), arguments })
}

const fn anstream_choice() -> orchestra_terminal::output::ColorChoice {
    orchestra_terminal::output::ColorChoice::Auto
}

fn is_built_in(name: &str) -> bool {
    catalog::COMMANDS.iter().any(|entry| entry.built_in && entry.name == name)
}

/// Returns the path of another program that is a command.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    is_name(name).then(|| process::on_path(here::environment(), format!("{PREFIX}{name}"))).flatten()
}

/// Whether a name is only a name: it must not lead to another directory.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn exec(terminal: &Terminal, program: &std::path::Path, arguments: &[OsString]) -> ExitCode {
    let error = process::exec(process::sibling_command(program).args(arguments));
    let message = format!("cannot run '{}'", program.display());
    errors::report(
        terminal,
        &Error::new(Code::ProgramFailed, message).because(error),
        errors::is_json_typed(),
    )
}

/// Returns the error for a name that is not a command.
pub(crate) fn unknown_command(name: &str) -> Error {
    Error::new(Code::CommandUnknown, format!("'{}' is not a git orchestra command", text::safe(name)))
        .hint("'git orchestra --list' shows all commands")
}

fn report_unknown(terminal: &Terminal, name: &str) -> ExitCode {
    let mut error = unknown_command(name);
    if let Some(nearest) = nearest_command(name) {
        error.hints.insert(0, format!("did you mean 'git orchestra {nearest}'?"));
    }
    errors::report(terminal, &error, errors::is_json_typed())
}

fn nearest_command(name: &str) -> Option<String> {
    let ours = catalog::COMMANDS.iter().map(|entry| entry.name.to_owned());
    nearest(name, ours.chain(other_commands()).collect())
}

/// Returns the other commands: programs `git-orchestra-NAME` on PATH that are not in our catalog.
pub(crate) fn other_commands() -> Vec<String> {
    let Some(path) = here::environment().variable("PATH") else { return Vec::new() };
    let mut names = BTreeSet::new();
    for folder in std::env::split_paths(&path) {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for entry in entries.flatten() {
            let file = entry.file_name();
            if let Some(name) = file.to_str().and_then(|file| file.strip_prefix(PREFIX))
                && is_name(name)
                && !catalog::COMMANDS.iter().chain(catalog::INTERNAL).any(|known| known.name == name)
                && is_program(&entry.path())
            {
                names.insert(name.to_owned());
            }
        }
    }
    names.into_iter().collect()
}

fn is_program(path: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Lets the command that the first word names answer a completion. A foreign program might simply run, so
/// it is asked only if the user declared that it answers.
fn complete_by_command(arguments: &[OsString]) -> Option<ExitCode> {
    let index: usize = arguments.first()?.to_str()?.parse().ok()?;
    let words = &arguments[1..];
    let name = words.get(1)?.to_str()?.to_owned();
    if index == 1 {
        return Some(complete_names(&name));
    }
    if index < 1 || is_built_in(&name) {
        return None;
    }
    let mut passed: Vec<OsString> = vec![(index - 1).to_string().into(), format!("{PREFIX}{name}").into()];
    passed.extend(words[2..].iter().cloned());
    if let Some(command) = commands::find(&name) {
        return Some(run_own(&name, &command, passed));
    }
    let program = is_completion_provider(&name).then(|| on_path(&name)).flatten();
    if let Some(program) = program {
        let _ = process::exec(process::sibling_command(&program).args(passed));
    }
    Some(ExitCode::SUCCESS)
}

fn complete_names(prefix: &str) -> ExitCode {
    if prefix.starts_with('-') {
        return complete_options(prefix);
    }
    let terminal = Terminal::new(anstream_choice());
    let ours = catalog::COMMANDS.iter().map(|entry| (entry.name.to_owned(), entry.summary));
    for (name, summary) in ours.chain(other_commands().into_iter().map(|name| (name, ""))) {
        if name.starts_with(prefix) {
            terminal.print(&complete::line(&name, Some(summary)));
        }
    }
    ExitCode::SUCCESS
}

fn complete_options(prefix: &str) -> ExitCode {
    let terminal = Terminal::new(anstream_choice());
    for (option, help) in
        [("--help", "Print help"), ("--list", "List all commands"), ("--version", "Print version")]
    {
        if option.starts_with(prefix) {
            terminal.print(&complete::line(option, Some(help)));
        }
    }
    ExitCode::SUCCESS
}

/// Whether the user declared that a command answers completions. Only the user's own configuration counts:
/// the repository's may come from somebody else, and a key press cannot ask.
fn is_completion_provider(name: &str) -> bool {
    let providers = config::user_values(here::environment(), &COMPLETION_PROVIDER);
    providers.iter().any(|provider| provider == name)
}
