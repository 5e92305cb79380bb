//! Starts and ends every command.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
    process::ExitCode,
    time::Instant,
};

use clap::{ArgMatches, Command, Parser};
use orchestra::{Result, trace};

use crate::{
    args::{self, Common},
    catalog, complete, errors,
    exit::{self, Exit},
    here,
    output::Terminal,
    pages::{self, Page},
};

/// The environment variable that asks a command for its completions, read before the command line is parsed.
pub const INTROSPECT: &str = "GIT_ORCHESTRA_ASK";

/// A command of the suite: its command line, as clap parses it, and what it does.
pub trait Program: Parser {
    /// The parts of its man page beyond the options.
    const PAGE: Page;

    /// Does its work.
    ///
    /// # Errors
    /// As the command's operation.
    fn run(&self, terminal: &Terminal) -> Result<Exit>;
}

/// What was typed: the full name of a command, and its arguments.
#[derive(Clone, Debug)]
pub struct CommandLine {
    /// The name of the program, `git-orchestra-status`.
    pub program: String,
    /// The words after it.
    pub arguments: Vec<OsString>,
}

impl CommandLine {
    /// Returns the command line of this process. The file name of its first word is the name of the program,
    /// so that one file can be started by several names.
    pub fn typed() -> Self {
        let mut words = std::env::args_os();
        let first = words.next().unwrap_or_default();
        let name = Path::new(&first).file_name().and_then(OsStr::to_str).unwrap_or_default();
        Self { program: name.to_owned(), arguments: words.collect() }
    }

    fn words(&self) -> impl Iterator<Item = OsString> {
        std::iter::once(OsString::from(&self.program)).chain(self.arguments.iter().cloned())
    }
}

/// The first file descriptor that is not one of the three standard streams.
const FIRST_OTHER: i32 = 3;

/// Does the work of a command whose command line was parsed.
type Work = Box<dyn FnOnce(&Terminal) -> Result<Exit>>;

/// Runs a command: prints its completions if asked, else parses the command line, does the work and reports
/// an error. Returns the exit status.
pub fn run<P: Program + 'static>(line: &CommandLine) -> ExitCode {
    run_any(line, &args::command::<P>, &P::PAGE, &|matches| {
        let parsed = P::from_arg_matches(matches)?;
        Ok(Box::new(move |terminal| parsed.run(terminal)))
    })
}

/// Returns the name of the program as if each command had its own. The dispatcher contains some.
fn program_of(line: &CommandLine) -> String {
    let word = line.arguments.first().and_then(|word| word.to_str());
    let own = catalog::COMMANDS.iter().find(|entry| entry.built_in && Some(entry.name) == word);
    match own.filter(|_| line.program == "git-orchestra") {
        Some(entry) => format!("{}-{}", line.program, entry.name),
        None => line.program.clone(),
    }
}

/// Returns the name of the program, and behind it the subcommand that was typed, if it has that.
fn typed_command(line: &CommandLine, definition: &Command) -> String {
    let program = program_of(line);
    let word = line.arguments.first().and_then(|word| word.to_str());
    // The subcommands of the dispatcher are in the name already.
    match word.filter(|word| program == line.program && definition.find_subcommand(word).is_some()) {
        Some(verb) => format!("{program} {verb}"),
        None => program,
    }
}

/// Returns the definition of a command, with what its page adds to the help.
pub fn definition<P: Program>() -> Command {
    pages::complete_help(args::command::<P>(), &P::PAGE)
}

/// Returns the man page of a command.
pub fn man_page<P: Program>() -> String {
    pages::man(definition::<P>(), &P::PAGE)
}

/// The part of [`run`] that is compiled once for all commands.
fn run_any(
    line: &CommandLine,
    definition: &dyn Fn() -> Command,
    page: &Page,
    parse: &dyn Fn(&ArgMatches) -> Result<Work, clap::Error>,
) -> ExitCode {
    exit_on_panic();
    // What the caller has open is nothing for the programs that are started here: a directory would lead out of a sandbox, and a lock
    // would be held as long as an agent runs. Only what runs under 'slot' is the caller's own.
    if line.program != "git-orchestra-slot" {
        close_fds::set_fds_cloexec(FIRST_OTHER, &[]);
    }
    let whole = || pages::complete_help(definition(), page);
    if here::environment().text_variable(INTROSPECT).as_deref() == Some("complete") {
        let answer = complete::complete_words(whole(), line.arguments.clone());
        Terminal::new(anstream::ColorChoice::Never).print(&answer);
        return ExitCode::SUCCESS;
    }
    let parse_by = |mut definition: Command| {
        let words = args::behind_subcommand(&definition, line.words().collect());
        let matches = definition.try_get_matches_from_mut(words)?;
        Ok((parse(&matches)?, Common::of(&matches)?, wants_json(&matches)))
    };
    // What the page adds takes longer than everything else here, and is shown on request or after an error only.
    let parsed = parse_by(definition().disable_help_subcommand(true));
    let (work, common, wants_json) = match parsed.or_else(|_: clap::Error| parse_by(whole())) {
        Ok(parsed) => parsed,
        Err(error) => {
            let typed = typed_command(line, &definition());
            return errors::report_usage(&typed, &error, errors::is_json_typed());
        }
    };
    let terminal = Terminal::new(common.choice());
    crate::trace::start(&line.program);
    let result = traced(line, || work(&terminal));
    terminal.status_line().clear();
    let result = result.and_then(|exit| terminal.check_written().map(|()| exit));
    match result {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) => errors::report(&terminal, &error, wants_json),
    }
}

/// Runs a command between two lines of the trace.
fn traced(line: &CommandLine, work: impl FnOnce() -> Result<Exit>) -> Result<Exit> {
    if trace::is_on() {
        trace::command_begins(line.program.as_ref(), &line.arguments, here::environment().directory());
    }
    let started_at = Instant::now();
    let result = work();
    let (exit, code) = match &result {
        Ok(exit) => (exit.code(), None),
        Err(error) => (exit::code(error.kind()), Some(error.code)),
    };
    trace::command_ends(started_at.elapsed(), exit, code);
    result
}

/// Whether `--json` was typed, before or after a subcommand.
fn wants_json(matches: &ArgMatches) -> bool {
    let here = matches.try_get_one::<bool>("json").ok().flatten().copied().unwrap_or(false);
    here || matches.subcommand().is_some_and(|(_, inner)| wants_json(inner))
}

/// Makes a panic print an error and exit with 70, without a core dump.
fn exit_on_panic() {
    std::panic::set_hook(Box::new(|info| {
        let terminal = Terminal::new(anstream::ColorChoice::Auto);
        terminal.labelled("error", crate::style::Role::Bad, &format!("a bug in git orchestra: {info}"));
        #[expect(
            clippy::exit,
            clippy::disallowed_methods,
            reason = "a panic hook has no other way to set the exit status"
        )]
        std::process::exit(70);
    }));
}
