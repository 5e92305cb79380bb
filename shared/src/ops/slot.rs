//! `slot`: runs a heavy command once the machine has a slot for it, or shows who holds the slots.

use std::{ffi::OsString, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Kind, Result,
    config::{self, Config, keys::SLOTS},
    context::Context,
    git::Repo,
    model::quote,
    process,
    slots::{Holder, KeptSlot, Slots, VARIABLE},
};

/// Which slots to show: always all.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {}

/// The slots of this machine.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "SlotReport")]
pub struct Report {
    /// How many heavy commands run at once.
    pub slots: u32,
    /// The commands that have one, in the order of their slots.
    pub held: Vec<Holder>,
    /// How many commands wait for one.
    pub waiting: usize,
}

/// Shows the slots. `repo` is the repository of the caller's folder, if there is one: its configuration applies.
///
/// # Errors
/// The number of slots is not valid, or the folder of their locks cannot be made.
pub fn run(context: &Context, repo: Option<&Repo>, _request: &Request) -> Result<Report> {
    context.check()?;
    let slots = Slots::of(context.environment(), count(context, repo)?)?;
    Ok(Report { slots: slots.count(), held: slots.held(), waiting: slots.waiting() })
}

/// A command that may start now. The program replaces this process, and keeps the slot until it ends.
#[derive(Debug)]
pub struct Admitted {
    slot: Option<(KeptSlot, String)>,
    /// Why it starts without a slot, if it does.
    pub warning: Option<String>,
}

/// Waits for a slot for `command`, at most for `limit`. An observer learns who holds the slots meanwhile. A command that is a part of one
/// with a slot starts at once; so does every command if the locks cannot be written, with a warning.
///
/// # Errors
/// The number of slots is not valid, no slot became free in time, or the wait is cancelled.
pub fn admit(
    context: &Context,
    repo: Option<&Repo>,
    command: &[OsString],
    limit: Duration,
) -> Result<Admitted> {
    let count = count(context, repo)?;
    let words: Vec<String> = command.iter().map(quote::word).collect();
    let admitted = Slots::of(context.environment(), count).and_then(|slots| {
        if slots.is_inside() {
            return Ok(Admitted { slot: None, warning: None });
        }
        let slot = slots.enter(context, limit, &words.join(" "))?;
        let variable = slot.variable();
        Ok(Admitted { slot: Some((slot.keep()?, variable)), warning: None })
    });
    admitted.or_else(|error| {
        if matches!(error.kind(), Kind::Timeout | Kind::Interrupted) {
            return Err(error);
        }
        let warning = format!("it starts without a slot of the machine: {}", error.one_line());
        Ok(Admitted { slot: None, warning: Some(warning) })
    })
}

impl Admitted {
    /// Replaces this process by the command, which keeps input, output, terminal, and process id. Returns only if that failed.
    pub fn start(self, command: &[OsString]) -> Error {
        let Some((program, arguments)) = command.split_first() else {
            return Error::new(Code::ArgumentMissing, "no command was given");
        };
        let mut replacing = process::unchanged_command(program);
        replacing.args(arguments);
        if let Some((_, variable)) = &self.slot {
            replacing.env(VARIABLE, variable);
        }
        let error = process::exec(&mut replacing);
        Error::new(Code::ProgramFailed, format!("cannot run {}", quote::word(program))).because(error)
    }
}

fn count(context: &Context, repo: Option<&Repo>) -> Result<u32> {
    repo.map_or_else(
        || config::user_value(context.environment(), &SLOTS),
        |repo| Config::of(repo).get(&SLOTS),
    )
}
