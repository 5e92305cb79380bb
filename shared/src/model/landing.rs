//! The outcome of a landing for the work of an agent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{BranchName, CommitId, IdOrText, WriterId, secret, text, words::words};

/// Maximum width of a check's command in an event, in columns.
const MAX_COMMAND_WIDTH: usize = 200;

/// The outcome of a landing for one agent; see [`crate::model::Fact::Landed`].
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Landed {
    /// Whether it landed.
    pub outcome: Landing,
    /// The target branch, without `refs/heads/`.
    pub into: BranchName,
    /// The commit that held the work.
    pub head: IdOrText<CommitId>,
    /// The commit on the target branch that landed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<IdOrText<CommitId>>,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The check that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// The ids of the checks that passed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<String>,
    /// The id of the landing's operation, in the clone that wrote the event; absent in events of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// With [`Landing::Undone`], the outcome that no longer holds; if it is absent, the work had been merged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone: Option<Landing>,
}

/// A command that builds or tests a commit, as events name it.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Check {
    /// Its name: `build`, `test`.
    pub name: String,
    /// The id of the command: see [`check_id`]. Empty in events of version 0.1.0, which do not say which command it was.
    #[serde(default)]
    pub id: String,
    /// The command; absent if it holds what must not leave this machine: an absolute path, a variable, or a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

impl Check {
    /// Makes a check for an event, without a command that must not leave this machine.
    pub fn for_event(name: &str, command: &str) -> Self {
        let shown = (!is_private(command)).then(|| text::one_line(command, MAX_COMMAND_WIDTH));
        Self { name: name.to_owned(), id: check_id(command), command: shown }
    }

    /// Returns whether it is one of `checks`, given as name and command. A check without an id is compared by its name.
    pub fn is_among(&self, checks: &[(String, String)]) -> bool {
        checks.iter().any(|(name, command)| match self.id.as_str() {
            "" => *name == self.name,
            id => check_id(command) == id,
        })
    }
}

/// Returns an id of a check's command that does not reveal the command: the first 16 bytes of its SHA-256, in hexadecimal.
pub fn check_id(command: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(command.as_bytes()).into();
    faster_hex::hex_string(&digest[..16])
}

/// Returns whether a command holds what must not leave this machine.
fn is_private(command: &str) -> bool {
    holds_absolute_path(command) || holds_assignment(command) || secret::first_secret(command).is_some()
}

/// Returns whether a word of a command is an assignment.
fn holds_assignment(command: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    command.split_whitespace().filter_map(|word| word.split_once('=')).any(|(name, _)| is_name(name))
}

/// Returns whether a word of a command holds an absolute path or a path in a home directory.
fn holds_absolute_path(command: &str) -> bool {
    let starts_a_word =
        |before: Option<char>| before.is_none_or(|c| !c.is_alphanumeric() && !"._-*/}".contains(c));
    let mut before = None;
    for c in command.chars() {
        if matches!(c, '/' | '~') && starts_a_word(before) {
            return true;
        }
        before = Some(c);
    }
    false
}

/// A check that failed with the work of an agent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FailedCheck {
    /// The check.
    pub check: Check,
    /// The commit that held the work.
    pub head: IdOrText<CommitId>,
    /// The target branch, without `refs/heads/`.
    pub into: BranchName,
    /// How it failed, for people.
    pub why: String,
    /// The clone in which it failed.
    pub writer: WriterId,
}

impl FailedCheck {
    /// Describes the failure: `failed its test last time (cargo test: exit code 101)`.
    pub fn sentence(&self) -> String {
        let name = &self.check.name;
        let why = self.why.strip_prefix(&format!("{name} fails: ")).unwrap_or(&self.why);
        let told = match &self.check.command {
            Some(command) => format!("{command}: {why}"),
            None => why.to_owned(),
        };
        format!("failed its {name} last time ({told})")
    }
}

/// The outcome of a landing that set the work of an agent aside.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SetAside {
    /// The commit that held the work.
    pub head: IdOrText<CommitId>,
    /// The target branch, without `refs/heads/`.
    pub into: BranchName,
    /// Why, for people.
    pub why: String,
}

words! {
    /// The outcome of a landing for one branch.
    pub enum Landing {
        /// It was merged into the target branch.
        Merged = "merged",
        /// It conflicts, or its verdict or the user excluded it.
        SetAside = "set_aside",
        /// It merges without conflict, but a check fails with it.
        Failed = "failed",
        /// The target branch already contained it.
        UpToDate = "up_to_date",
        /// The target branch did not contain it, but had all its changes.
        NothingNew = "nothing_new",
        /// The landing was undone, with what it did to this branch.
        Undone = "taken_back",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_commands_are_not_shared() {
        for (command, is_shared) in [
            ("cargo test", true),
            ("grep -q ok t", true),
            ("make -C sub/folder check", true),
            ("./check.sh && ../tool/run", true),
            ("ls src/*/mod.rs", true),
            ("/home/you/check.sh", false),
            ("sh -c '/opt/x'", false),
            ("X=/opt/x make", false),
            ("~/bin/check", false),
            ("make DIR=~/x", false),
            ("test -e .&&/bin/true", false),
            ("test a = b", true),
            ("cargo test --jobs=2", true),
            ("RUST_LOG=debug cargo test", false),
            ("make PASSWORD=hunter2 check", false),
            (format!("check --token ghp{}", "_aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6").as_str(), false),
        ] {
            let check = Check::for_event("test", command);
            assert_eq!(check.command.is_some(), is_shared, "{command}");
            assert!(check.is_among(&[("build".into(), command.into())]), "{command}");
            assert!(!check.is_among(&[("test".into(), format!("{command} "))]), "{command}");
        }
    }

    #[test]
    fn a_check_without_an_id_matches_by_name() {
        let check = Check { name: "test".into(), id: String::new(), command: None };
        assert!(check.is_among(&[("test".into(), "anything".into())]));
        assert!(!check.is_among(&[("build".into(), "anything".into())]));
    }

    #[test]
    fn a_failed_check_is_described_with_its_command() {
        let failed = |why: &str, command: Option<&str>| FailedCheck {
            check: Check { name: "test".into(), id: "x".into(), command: command.map(str::to_owned) },
            why: why.into(),
            ..FailedCheck::default()
        };
        for (why, command, told) in [
            ("test fails: exit code 1", Some("make"), "failed its test last time (make: exit code 1)"),
            ("test fails: exit code 1", None, "failed its test last time (exit code 1)"),
            ("took too long", Some("make"), "failed its test last time (make: took too long)"),
        ] {
            assert_eq!(failed(why, command).sentence(), told);
        }
    }
}
