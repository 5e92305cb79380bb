//! How work is checked, reviewed and landed.

use std::time::Duration;

use super::{HOUR, MINUTE};
use crate::{
    config::{
        key::{Choices, Key, Kind, NamedKey},
        kind::{
            BOOLEAN, DURATION, DURATION_OR_0, LIST, OPTIONAL_BRANCH, OPTIONAL_TEXT, PERMANENT,
            PERMANENT_PERMISSION,
        },
    },
    model::Permission,
};

pub static INTO: Key<Option<String>> = Key::new(
    "orchestra.into",
    OPTIONAL_BRANCH,
    || None,
    "The branch into which merge-ranked lands, with which review compares, and in which cleanup looks for the work of \
     agents; if this is not set: the branch that is checked out",
)
.with_choices(Choices::Branches).set_by_project();

pub static BUILD: Key<Option<String>> = Key::new(
    "orchestra.build",
    OPTIONAL_TEXT,
    || None,
    "The shell command that builds; merge-ranked runs it after each branch",
)
.proposed_by_project();

pub static TEST: Key<Option<String>> = Key::new(
    "orchestra.test",
    OPTIONAL_TEXT,
    || None,
    "The shell command that tests; merge-ranked runs it after each branch",
)
.proposed_by_project();

pub static CHECK_TIME: Key<Duration> = Key::new(
    "orchestra.checkTime",
    DURATION,
    || Duration::from_secs(30 * MINUTE),
    "How long one build or test may take",
)
.only_measures("the project may set it")
.set_by_project();

pub static CHECK: Key<Option<String>> = Key::new(
    "orchestra.check",
    OPTIONAL_TEXT,
    || None,
    "The shell command that must succeed in the worktree of an agent when it ends, or else the agent has failed, unless \
     --check or --until names another one; reviewing agents have no check",
)
.proposed_by_project();

pub static CHECK_AGE: Key<Duration> = Key::new(
    "orchestra.checkAge",
    DURATION_OR_0,
    || Duration::from_secs(24 * HOUR),
    "How long a check that passed is known to pass for the same files, command and environment, so that it does not run \
     again; 0: it always runs. CHECKS in git-orchestra-merge-ranked(1) says what the environment is",
);

pub static GATE_TIME: Key<Duration> = Key::new(
    "orchestra.gateTime",
    DURATION_OR_0,
    || Duration::ZERO,
    "How long a gate of a run waits for a person's answer; then the task is left out, or the run of a plan that nobody accepted \
     is stopped; 0: without end",
);

pub static TICK: Key<bool> = Key::new(
    "orchestra.tick",
    BOOLEAN,
    || false,
    "Whether a task of a run is ticked, as a part of what lands, in the file that the plan was read from, if that is committed",
)
.set_by_project();

pub static AUTO_PR: Key<bool> = Key::new(
    "orchestra.run.autoPr",
    BOOLEAN,
    || false,
    "Whether a run publishes the work of each task as a pull request, as with --pr, instead of landing it here",
);

pub static COUNT_WORKTREE_CHECKS: Key<bool> = Key::new(
    "orchestra.countWorktreeChecks",
    BOOLEAN,
    || false,
    "Whether a check that passed in an agent's worktree counts for landings and reviews even if ignored files, such as \
     the output of a build, were there with it; a fresh checkout does not have them",
);

pub static MERGE_TIMEOUT: Key<Duration> = Key::new(
    "orchestra.mergeTimeout",
    DURATION,
    || Duration::from_secs(MINUTE),
    "How long git may take to merge two branches, merge drivers included; if it takes longer, it is unknown whether the \
     two conflict",
)
.only_measures("the project may set it").set_by_project();

pub static REGENERATE: NamedKey<Option<String>> = NamedKey::new(
    Key::new(
        "orchestra.regenerate.<name>",
        OPTIONAL_TEXT,
        || None,
        "The shell command that regenerates a file with conflicts, if .gitattributes gives it the attribute \
     orchestra-regenerate=<name>; it runs in the file's folder",
    )
    .proposed_by_project(),
);

pub static REVIEW_TEST: Key<Option<String>> = Key::new(
    "orchestra.review.test",
    OPTIONAL_TEXT,
    || None,
    "The shell command that tests the work that an agent reviews (default: orchestra.test)",
)
.proposed_by_project();

pub static REVIEW_ROUNDS: Key<u32> = Key::new(
    "orchestra.review.rounds",
    Kind {
        expected: "a number from 0 to 20",
        parse: |text| text.parse().ok().filter(|rounds| *rounds <= 20),
        text: u32::to_string,
    },
    || 2,
    "How often a run with --with-review may send the work of a task back to its agent; after that, a gate asks you",
)
.set_by_project();

pub static REVIEW_ALLOW: Key<Vec<String>> = Key::new(
    "orchestra.review.allow",
    LIST,
    || {
        ["Read", "Grep", "Glob", "Bash(git diff *)", "Bash(git log *)", "Bash(git show *)"]
            .map(str::to_owned)
            .into()
    },
    "What a reviewing agent may use without asking, in addition to that test, separated by commas",
)
.proposed_by_project();

/// What a reviewing agent may do. Read only by [`crate::config::Config::review_permission`].
pub(in crate::config) static REVIEW_PERMISSION: Key<Permission> = Key::new(
    "orchestra.review.permission",
    PERMANENT_PERMISSION,
    || Permission::DontAsk,
    "The permission mode of a reviewing agent: plan, default, dontAsk, or acceptEdits; with --fix it is acceptEdits",
)
.with_choices(PERMANENT).proposed_by_project();

pub static REVIEW_MODEL: Key<Option<String>> =
    Key::new("orchestra.review.model", OPTIONAL_TEXT, || None, "The model of a reviewing agent")
        .proposed_by_project();
