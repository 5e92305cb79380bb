//! Who holds a slot: a line of JSON in the slot's file. It outlives its holder, and so counts only while the slot is held.

use std::{io::Read, path::Path};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    model::{AgentId, duration, secret, text},
    private_files,
    world::{Environment, Timestamp},
};

/// The longest record that is read, in bytes.
const MAX_LENGTH: u64 = 16 * 1024;
/// The maximum width of a command, in columns.
const MAX_COMMAND: usize = 60;

/// The holder of a slot.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "SlotHolder")]
pub struct Holder {
    /// The command, shortened and without anything that looks like a secret.
    pub command: String,
    /// The folder in which it was started.
    pub folder: String,
    /// The agent that started it, if one did.
    pub agent: Option<AgentId>,
    /// The process that holds the slot: the command itself, or the landing that checks.
    pub pid: u32,
    /// When it took the slot.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub since: Timestamp,
}

/// The content of a slot's file.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Record {
    /// The value that distinguishes the holder from later ones of the same slot.
    mark: String,
    #[serde(flatten)]
    pub(super) holder: Holder,
}

impl Record {
    pub(super) fn new(environment: &Environment, mark: &str, command: &str) -> Self {
        let holder = Holder {
            command: text::one_line(&secret::redact_words(command, &[]), MAX_COMMAND),
            folder: environment.directory().to_string_lossy().into_owned(),
            agent: environment.agent(),
            pid: std::process::id(),
            since: environment.now(),
        };
        Self { mark: mark.to_owned(), holder }
    }

    /// Reads the record of a slot; `None` if there is none that can be read.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let mut text = String::new();
        let file = private_files::options().read(true).open(path).ok()?;
        file.take(MAX_LENGTH).read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok()
    }

    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(super) fn is_marked(&self, mark: &str) -> bool {
        !mark.is_empty() && self.mark == mark
    }

    pub(super) fn is_own(&self) -> bool {
        self.holder.pid == std::process::id()
    }
}

impl Holder {
    /// Describes the holder for people: `cargo test (agent add-tests-k3m9q, for 2m)`.
    pub fn shown(&self, environment: &Environment) -> String {
        let age = duration::age(environment.now().as_second() - self.since.as_second());
        let who = self.agent.as_ref().map_or_else(String::new, |agent| format!("agent {agent}, "));
        format!("{} ({who}for {age})", text::one_line(&self.command, MAX_COMMAND))
    }
}
