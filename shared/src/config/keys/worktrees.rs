//! Where agents work: their branches and worktrees, and what stays of them.

use std::{path::PathBuf, time::Duration};

use super::{HOUR, MINUTE};
use crate::{
    config::{
        key::{Choices, Key, Kind, RepeatedKey},
        kind::{
            self, BOOLEAN, DURATION, FOLDER_NAMES, OPTIONAL_PATH, OPTIONAL_REVISION, OPTIONAL_TEXT, SIZE,
        },
    },
    model::{ByteSize, SandboxEngine, SandboxLevel, host::HostRule, words::words},
};

pub static BASE: Key<Option<String>> = Key::new(
    "orchestra.base",
    OPTIONAL_REVISION,
    || None,
    "The branch, tag, or commit from which spawn starts agents; those that an agent starts begin at its own HEAD",
)
.shown_default("HEAD")
.with_choices(Choices::Branches).set_by_project();

pub static BRANCH_PREFIX: Key<String> = Key::new(
    "orchestra.branchPrefix",
    kind::BRANCH_PREFIX,
    || "orchestra/".to_owned(),
    "The prefix of agents' branches",
)
.proposed_by_project();

/// The folder for worktrees. Read only by [`crate::config::Config::worktrees`], which expands `~`.
pub(in crate::config) static WORKTREES: Key<Option<PathBuf>> = Key::new(
    "orchestra.worktrees",
    OPTIONAL_PATH,
    || None,
    "The folder for agents' worktrees, relative to the repository's own folder; one inside a checkout is excluded by \
     .git/info/exclude, and must hold nothing else",
)
.shown_default("<repository>.worktrees");

pub static INCLUDE: RepeatedKey = RepeatedKey::new(
    "orchestra.include",
    "A pattern in the syntax of .gitignore, such as .env: of the files that it matches, those that git ignores are copied \
     from your checkout into each new worktree, in addition to those of the file .worktreeinclude; may be given several times",
);

pub static MAX_INCLUDE: Key<ByteSize> = Key::new(
    "orchestra.maxInclude",
    SIZE,
    || ByteSize::mebibytes(1024),
    "The most that is copied into a new worktree by .worktreeinclude and orchestra.include; an agent that needs more is not \
     started",
);

pub static SETUP: Key<Option<String>> = Key::new(
    "orchestra.setup",
    OPTIONAL_TEXT,
    || None,
    "The shell command that makes a new worktree ready, such as 'npm ci': it runs there before the agent's program",
)
.proposed_by_project();

pub static SETUP_TIME: Key<Duration> = Key::new(
    "orchestra.setupTime",
    DURATION,
    || Duration::from_secs(30 * MINUTE),
    "How long the setup or the teardown of a worktree may take",
)
.only_measures("the project may set it")
.set_by_project();

pub static SETUP_CHECKS: Key<bool> = Key::new(
    "orchestra.setupChecks",
    BOOLEAN,
    || false,
    "Whether the worktrees in which landings and reviews run checks are made ready like those of agents, with the files of \
     .worktreeinclude and orchestra.include, and after orchestra.setup; such a check runs each time, since its files are not all \
     committed",
);

pub static TEARDOWN: Key<Option<String>> = Key::new(
    "orchestra.teardown",
    OPTIONAL_TEXT,
    || None,
    "The shell command that cleanup runs in a worktree before it removes it, such as 'docker compose down -v'",
)
.proposed_by_project();

pub static SUBMODULES: Key<bool> = Key::new(
    "orchestra.submodules",
    BOOLEAN,
    || true,
    "Whether the submodules that are checked out in your checkout are made in each new worktree, from your checkout and \
     without the network",
)
.set_by_project();

pub static LFS_POINTERS: Key<bool> = Key::new(
    "orchestra.lfs",
    Kind {
        expected: "pointers or smudge",
        parse: |text| match text {
            "pointers" => Some(true),
            "smudge" => Some(false),
            _ => None,
        },
        text: |value| if *value { "pointers" } else { "smudge" }.to_owned(),
    },
    || false,
    "How files of Git LFS come into the worktrees of agents: smudge, as your configuration says, or pointers, which downloads \
     nothing; an agent gets one with 'git lfs pull'",
)
.with_choices(Choices::Words(&["smudge", "pointers"]))
.set_by_project();

/// Read only by [`crate::config::Config::sandbox`], since the project's file can make it stricter.
pub(in crate::config) static SANDBOX: Key<SandboxLevel> = Key::new(
    "orchestra.sandbox",
    Kind {
        expected: "none, files or net",
        parse: SandboxLevel::parse,
        text: |level| level.as_str().to_owned(),
    },
    SandboxLevel::default,
    "The sandbox of agents: none (a separate worktree prevents accidents, but is not a boundary), or files (an agent \
     writes only there, in a private home folder, and in a folder for temporary files), or net (as files, and it reaches \
     only the hosts of orchestra.sandboxHost and those that its program needs); of this and the project's value the stricter \
     one applies",
)
.with_choices(Choices::Words(&["none", "files", "net"])).set_by_project();

pub static SANDBOX_ENGINE: Key<Option<SandboxEngine>> = Key::new(
    "orchestra.sandboxEngine",
    Kind {
        expected: "auto, bubblewrap or landlock",
        parse: |text| if text == "auto" { Some(None) } else { SandboxEngine::parse(text).map(Some) },
        text: |engine| engine.map_or("auto", SandboxEngine::as_str).to_owned(),
    },
    || None,
    "What enforces the sandbox of agents: bubblewrap, which shows them other files and only their own processes, or landlock, \
     rules of the kernel that need no program and no namespaces, but can enforce only files, or auto: bubblewrap where it \
     works, else landlock",
)
.shown_default("auto")
.with_choices(Choices::Words(&["auto", "bubblewrap", "landlock"]));

pub static SANDBOX_HOST: RepeatedKey = RepeatedKey::new(
    "orchestra.sandboxHost",
    "A host that agents in the sandbox net may reach besides those of their program, such as registry.npmjs.org, \
     *.example.com for all below it, or 127.0.0.1:5432 for a port of this machine; without a port, 443 and 80 are meant; may \
     be given several times",
)
.of_kind(Kind {
    expected: "a host such as api.example.com, *.example.com, or 127.0.0.1:5432",
    parse: |text| HostRule::parse(text).map(|rule| rule.to_string()),
    text: Clone::clone,
});

pub static DISPOSABLE_DIRS: Key<Vec<String>> = Key::new(
    "orchestra.disposableDirs",
    FOLDER_NAMES,
    || ["target", "node_modules", "__pycache__", ".venv"].map(str::to_owned).into(),
    "Folders, by name and separated by commas, whose content can be regenerated: where git ignores them, cleanup \
     deletes them without asking and undo does not restore them",
)
.renamed_from("orchestra.derived");

words! {
    /// When the results of builds are removed from the worktree of an agent.
    pub enum RemoveBuilds {
        /// Never: cleanup removes them with the worktree.
        Never = "never",
        /// Once its work has landed.
        Landed = "landed",
        /// Once it has ended.
        Ended = "ended",
    }
}

pub static REMOVE_BUILDS: Key<RemoveBuilds> = Key::new(
    "orchestra.removeBuilds",
    Kind {
        expected: "never, landed, or ended",
        parse: RemoveBuilds::parse,
        text: |value| value.as_str().to_owned(),
    },
    || RemoveBuilds::Never,
    "When the folders of orchestra.disposableDirs that git ignores are deleted from the worktree of an agent, for good: never, once \
     its work has landed, or once it has ended; an agent that is resumed runs its setup again",
)
.with_choices(Choices::Words(&["never", "landed", "ended"]));

pub static UNDO_EXPIRE: Key<Duration> = Key::new(
    "orchestra.undoExpire",
    DURATION,
    || Duration::from_secs(30 * 24 * HOUR),
    "How long undo can revert an operation, counted in time in which git orchestra was used here: a pause counts as at \
     most a day; the next cleanup after that forgets the operation",
)
.renamed_from("orchestra.trashTime");
