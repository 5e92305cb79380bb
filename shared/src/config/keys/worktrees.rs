//! Where agents work: their branches and worktrees, and what stays of them.

use std::{path::PathBuf, time::Duration};

use super::HOUR;
use crate::{
    config::{
        key::{Choices, Key, Kind},
        kind::{self, DURATION, FOLDER_NAMES, OPTIONAL_PATH, OPTIONAL_REVISION},
    },
    model::SandboxLevel,
};

pub static BASE: Key<Option<String>> = Key::new(
    "orchestra.base",
    OPTIONAL_REVISION,
    || None,
    "The branch, tag, or commit from which spawn starts agents; those that an agent starts begin at its own HEAD",
)
.shown_default("HEAD")
.with_choices(Choices::Branches).set_by_team();

pub static BRANCH_PREFIX: Key<String> = Key::new(
    "orchestra.branchPrefix",
    kind::BRANCH_PREFIX,
    || "orchestra/".to_owned(),
    "The prefix of agents' branches",
)
.proposed_by_team();

/// The folder for worktrees. Read only by [`crate::config::Config::worktrees`], which expands `~`.
pub(in crate::config) static WORKTREES: Key<Option<PathBuf>> = Key::new(
    "orchestra.worktrees",
    OPTIONAL_PATH,
    || None,
    "The folder for agents' worktrees, relative to the repository's own folder; one inside a checkout is excluded by \
     .git/info/exclude, and must hold nothing else",
)
.shown_default("<repository>.worktrees");

/// Read only by [`crate::config::Config::sandbox`], since the team's file can make it stricter.
pub(in crate::config) static SANDBOX: Key<SandboxLevel> = Key::new(
    "orchestra.sandbox",
    Kind {
        expected: "none or files",
        parse: SandboxLevel::parse,
        text: |level| level.as_str().to_owned(),
    },
    SandboxLevel::default,
    "The sandbox of agents: none (a separate worktree prevents accidents, but is not a boundary), or files (an agent \
     writes only there, in a private home folder, and in a folder for temporary files); of this and the team's value \
     the stricter one applies",
)
.with_choices(Choices::Words(&["none", "files"])).set_by_team();

pub static DISPOSABLE_DIRS: Key<Vec<String>> = Key::new(
    "orchestra.disposableDirs",
    FOLDER_NAMES,
    || ["target", "node_modules", "__pycache__", ".venv"].map(str::to_owned).into(),
    "Folders, by name and separated by commas, whose content can be regenerated: where git ignores them, cleanup \
     deletes them without asking and undo does not restore them",
)
.renamed_from("orchestra.derived");

pub static UNDO_EXPIRE: Key<Duration> = Key::new(
    "orchestra.undoExpire",
    DURATION,
    || Duration::from_secs(30 * 24 * HOUR),
    "How long undo can revert an operation, counted in time in which git orchestra was used here: a pause counts as at \
     most a day; the next cleanup after that forgets the operation",
)
.renamed_from("orchestra.trashTime");
