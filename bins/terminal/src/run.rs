//! Starts and ends every binary.

use std::{ffi::OsString, process::ExitCode, time::Instant};

use clap::{ArgMatches, Parser};
use orchestra::{Result, trace, world};

use crate::{
    args::{self, Common},
    complete, errors,
    exit::{self, Exit},
    here,
    output::Terminal,
    pages::{self, Page},
};

/// The environment variable that asks a binary for its man page or for completions, read before the command
/// line is parsed.
pub const INTROSPECT: &str = "GIT_ORCHESTRA_ASK";

/// A binary of the suite.
pub struct Program<C> {
    /// The parts of its man page beyond the options.
    pub page: Page,
    /// The function that does its work.
    pub run: fn(&C, &Terminal) -> Result<Exit>,
}

/// Runs a binary: prints its man page or completions if asked, else parses the command line, does the work
/// and reports an error. Returns the exit status.
pub fn run<C: Parser>(program: &Program<C>) -> ExitCode {
    exit_on_panic();
    let command = pages::complete_help(args::command::<C>(), &program.page);
    match here::environment().text_variable(INTROSPECT).as_deref() {
        Some("man") => {
            Terminal::new(anstream::ColorChoice::Never).print(&pages::man(command, &program.page));
            return ExitCode::SUCCESS;
        }
        Some("complete") => {
            let words: Vec<OsString> = std::env::args_os().skip(1).collect();
            Terminal::new(anstream::ColorChoice::Never).print(&complete::complete_words(command, words));
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let parsed = command.try_get_matches().and_then(|matches| {
        Ok((C::from_arg_matches(&matches)?, Common::of(&matches)?, wants_json(&matches)))
    });
    let (arguments, common, wants_json) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return errors::report_usage(&error, errors::is_json_typed()),
    };
    let terminal = Terminal::new(common.choice());
    crate::trace::start();
    let result = traced(|| (program.run)(&arguments, &terminal));
    terminal.status_line().clear();
    match result {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) => errors::report(&terminal, &error, wants_json),
    }
}

/// Runs a command between two lines of the trace.
fn traced(work: impl FnOnce() -> Result<Exit>) -> Result<Exit> {
    if trace::is_on() {
        let typed: Vec<OsString> = std::env::args_os().skip(1).collect();
        trace::command_begins(
            world::this_program().file_name().unwrap_or_default(),
            &typed,
            here::environment().directory(),
        );
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
