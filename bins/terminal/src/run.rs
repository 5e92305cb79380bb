//! The one way a binary starts and ends.

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

/// Read before anything is parsed: what the binary is asked to say of itself.
pub const INTROSPECT: &str = "GIT_ORCHESTRA_ASK";

/// A binary.
pub struct Program<C> {
    /// What its man page says beyond its flags.
    pub page: Page,
    /// What it does.
    pub run: fn(&C, &Terminal) -> Result<Exit>,
}

/// Runs a binary: answers a question about itself, or parses the command line, does the work, tells an error, and
/// returns the exit code.
pub fn run<C: Parser>(program: &Program<C>) -> ExitCode {
    stop_at_a_bug();
    let command = pages::complete_help(args::command::<C>(), &program.page);
    match here::environment().text_variable(INTROSPECT).as_deref() {
        Some("man") => {
            Terminal::new(anstream::ColorChoice::Never).answer(&pages::man(command, &program.page));
            return ExitCode::SUCCESS;
        }
        Some("complete") => {
            let words: Vec<OsString> = std::env::args_os().skip(1).collect();
            Terminal::new(anstream::ColorChoice::Never).answer(&complete::answer(command, words));
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
    match traced(|| (program.run)(&arguments, &terminal)) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) => errors::report(&terminal, &error, wants_json),
    }
}

/// Does the work of a command between two lines of the trace.
fn traced(work: impl FnOnce() -> Result<Exit>) -> Result<Exit> {
    if trace::is_on() {
        let typed: Vec<OsString> = std::env::args_os().skip(1).collect();
        trace::command_begins(
            world::this_program().file_name().unwrap_or_default(),
            &typed,
            here::environment().directory(),
        );
    }
    let begun = Instant::now();
    let result = work();
    let (exit, code) = match &result {
        Ok(exit) => (exit.code(), None),
        Err(error) => (exit::code(error.kind()), Some(error.code)),
    };
    trace::command_ends(begun.elapsed(), exit, code);
    result
}

/// Whether `--json` was typed, also after the name of a subcommand.
fn wants_json(matches: &ArgMatches) -> bool {
    let here = matches.try_get_one::<bool>("json").ok().flatten().copied().unwrap_or(false);
    here || matches.subcommand().is_some_and(|(_, inner)| wants_json(inner))
}

/// A panic is a bug: it says so, and ends with 70 instead of a core dump.
fn stop_at_a_bug() {
    std::panic::set_hook(Box::new(|info| {
        let terminal = Terminal::new(anstream::ColorChoice::Auto);
        terminal.note("error", crate::style::Role::Bad, &format!("a bug in git orchestra: {info}"));
        #[expect(
            clippy::exit,
            clippy::disallowed_methods,
            reason = "this is the door, and a panic has no other way out"
        )]
        std::process::exit(70);
    }));
}
