//! The table of all keys. Everything that is known of a key is here.

#![expect(missing_docs, reason = "the description of each key says what it is for")]

use std::{path::PathBuf, time::Duration};

pub use super::profile_keys::*;
use super::{
    key::{Choices, Described, Key, Kind, NamedKey, RepeatedKey},
    kind::{
        self, BOOLEAN, DIGEST, DURATION, FOLDER_NAMES, LIST, OPTIONAL_BRANCH, OPTIONAL_DURATION,
        OPTIONAL_PATH, OPTIONAL_REVISION, OPTIONAL_TEXT, PERMANENT, PERMANENT_PERMISSION, SIZE, TEXT, TOOL,
    },
};
use crate::{
    model::{ByteSize, OnPrompt, Permission, Price},
    parallel,
};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

pub static AGENT: Key<String> =
    Key::new("orchestra.agent", TEXT, || "claude".to_owned(), "The profile of the agents that spawn starts")
        .with_choices(Choices::Profiles)
        .proposed_by_team();

/// The default permission mode. Read only by [`super::Config::permission`], which refuses a value that must not be permanent.
pub(super) static PERMISSION: Key<Permission> = Key::new(
    "orchestra.permission",
    PERMANENT_PERMISSION,
    || Permission::AcceptEdits,
    "What a coding agent may do without asking: plan, default, dontAsk, or acceptEdits; bypassPermissions \
     is only accepted on the command line",
)
.with_choices(PERMANENT)
.proposed_by_team();

pub static ON_PROMPT: Key<Option<OnPrompt>> = Key::new(
    "orchestra.onPrompt",
    Kind {
        expected: "deny, ask, or fail",
        parse: |text| if text.is_empty() { Some(None) } else { OnPrompt::parse(text).map(Some) },
        text: |value| value.map_or("", OnPrompt::as_str).to_owned(),
    },
    || None,
    "What happens when an agent asks for a permission: deny, ask (it waits for 'git orchestra send'), or fail; if \
     this is not set: ask while spawn watches on a terminal, else deny",
)
.with_choices(Choices::Words(&["deny", "ask", "fail"])).proposed_by_team();

pub static ALLOWED_CLI: Key<Vec<String>> = Key::new(
    "orchestra.allowedCli",
    LIST,
    Vec::new,
    "Programs that a coding agent may run without asking, separated by commas, such as gh,az",
)
.proposed_by_team();

pub static ALLOW: RepeatedKey = RepeatedKey::new(
    "orchestra.allow",
    "A tool that a coding agent may use without asking, such as 'Bash(git *)', in addition to --allow; a reviewing agent \
     has orchestra.review.allow instead; may be given several times",
)
.of_kind(TOOL).proposed_by_team();

pub static OFFER_ALLOW: Key<bool> = Key::new(
    "orchestra.offerAllow",
    BOOLEAN,
    || true,
    "Whether spawn, on a terminal, offers to allow the commands with which the project is built and tested, if nothing \
     is allowed yet; it sets this to false once it has asked",
);

pub static DENY: RepeatedKey = RepeatedKey::new(
    "orchestra.deny",
    "A tool that a coding agent must not use, in addition to --deny, unless --allow names the same tool; may be given \
     several times",
)
.of_kind(TOOL).set_by_team();

/// Folders besides the worktree. Read by [`super::Config::folders`], which expands `~`.
pub static ADD_DIR: RepeatedKey = RepeatedKey::new(
    "orchestra.addDir",
    "A directory that a coding agent may use besides its worktree, in addition to --add-dir, relative to the repository's \
     own folder; may be given several times",
);

pub static BASE: Key<Option<String>> = Key::new(
    "orchestra.base",
    OPTIONAL_REVISION,
    || None,
    "The branch, tag, or commit from which spawn starts agents; those that an agent starts begin at its own HEAD",
)
.shown_default("HEAD")
.with_choices(Choices::Branches).set_by_team();

pub static INTO: Key<Option<String>> = Key::new(
    "orchestra.into",
    OPTIONAL_BRANCH,
    || None,
    "The branch into which merge-ranked lands, with which review compares, and in which cleanup looks for the work of \
     agents; if this is not set: the branch that is checked out",
)
.with_choices(Choices::Branches).set_by_team();

pub static JOBS: Key<u32> = Key::new("orchestra.jobs", NUMBER_OF_AGENTS, || 3, "How many agents run at once")
    .only_measures()
    .set_by_team();

pub static MAX_JOBS: Key<u32> = Key::new(
    "orchestra.maxJobs",
    NUMBER_OF_AGENTS,
    || 1000,
    "The largest number of agents that may run at once; --jobs must not exceed it, and orchestra.jobs is limited to it",
)
.only_measures();

pub static SLOTS: Key<u32> = Key::new(
    "orchestra.slots",
    Kind {
        expected: "a number from 1 to 1000",
        parse: |text| text.parse().ok().filter(|slots| (1..=1000).contains(slots)),
        text: u32::to_string,
    },
    || u32::try_from(parallel::cores() / 2).unwrap_or(1).max(1),
    "How many heavy commands run at once on this machine, over all repositories: the checks of landings and reviews, and what \
     'git orchestra slot' runs",
)
.shown_default("<half of the processors, at least 1>")
.only_measures();

pub static MAX_TIME: Key<Duration> =
    Key::new("orchestra.maxTime", DURATION, || Duration::from_secs(HOUR), "How long an agent may run")
        .only_measures()
        .set_by_team();

pub static IDLE_TIMEOUT: Key<Duration> = Key::new(
    "orchestra.idleTimeout",
    DURATION,
    || Duration::from_secs(5 * MINUTE),
    "How long a coding agent may be idle: no output, no new line in its session's file, and no change in its \
     worktree; programs that print nothing while they work (sh, your own) are watched only if this is set",
)
.only_measures()
.set_by_team();

pub static RETRIES: Key<u32> = Key::new(
    "orchestra.retries",
    Kind {
        expected: "a number from 0 to 100",
        parse: |text| text.parse().ok().filter(|retries| *retries <= 100),
        text: u32::to_string,
    },
    || 2,
    "How often an agent resumes its session after a transient failure: it was idle too long, or its service was \
     overloaded",
)
.only_measures().set_by_team();

pub static RETRY_DELAY: Key<Duration> = Key::new(
    "orchestra.retryDelay",
    DURATION,
    || Duration::from_secs(5),
    "How long to wait before the first retry; the wait doubles before each further one",
)
.only_measures()
.set_by_team();

pub static LIMIT_WAIT: Key<Duration> = Key::new(
    "orchestra.limitWait",
    DURATION,
    || Duration::from_secs(6 * HOUR),
    "How long an agent waits for the end of a usage limit of its service, to resume then; an agent that would have to \
     wait longer stays paused until you resume it",
);

pub static GRACE: Key<Duration> = Key::new(
    "orchestra.grace",
    DURATION,
    || Duration::from_secs(5),
    "How long a stopped agent may clean up before it is killed",
)
.only_measures();

pub static MAX_OUTPUT: Key<ByteSize> = Key::new(
    "orchestra.maxOutput",
    SIZE,
    || ByteSize::mebibytes(1024),
    "The maximum output of one attempt; an agent that prints more is stopped",
)
.only_measures();

pub static MAX_FILE: Key<ByteSize> = Key::new(
    "orchestra.maxFile",
    SIZE,
    || ByteSize::mebibytes(100),
    "The maximum size of a file in an agent's work; a file that git tracks may grow to twice its size",
)
.only_measures();

pub static MIN_FREE: Key<ByteSize> = Key::new(
    "orchestra.minFree",
    SIZE,
    || ByteSize::mebibytes(200),
    "The free disk space below which no agent is started",
)
.only_measures();

pub static BUILD: Key<Option<String>> = Key::new(
    "orchestra.build",
    OPTIONAL_TEXT,
    || None,
    "The shell command that builds; merge-ranked runs it after each branch",
)
.proposed_by_team();

pub static TEST: Key<Option<String>> = Key::new(
    "orchestra.test",
    OPTIONAL_TEXT,
    || None,
    "The shell command that tests; merge-ranked runs it after each branch",
)
.proposed_by_team();

pub static CHECK_TIME: Key<Duration> = Key::new(
    "orchestra.checkTime",
    DURATION,
    || Duration::from_secs(30 * MINUTE),
    "How long one build or test may take",
)
.only_measures()
.set_by_team();

pub static MERGE_TIMEOUT: Key<Duration> = Key::new(
    "orchestra.mergeTimeout",
    DURATION,
    || Duration::from_secs(MINUTE),
    "How long git may take to merge two branches, merge drivers included; if it takes longer, it is unknown whether the \
     two conflict",
)
.only_measures().set_by_team();

pub static REGENERATE: NamedKey<Option<String>> = NamedKey::new(
    Key::new(
        "orchestra.regenerate.<name>",
        OPTIONAL_TEXT,
        || None,
        "The shell command that regenerates a file with conflicts, if .gitattributes gives it the attribute \
     orchestra-regenerate=<name>; it runs in the file's folder",
    )
    .proposed_by_team(),
);

pub static PRICE: NamedKey<Option<Price>> = NamedKey::new(Key::new(
    "orchestra.price.<name>",
    Kind {
        expected: "two amounts of US dollars such as 3/15",
        parse: |text| if text.is_empty() { Some(None) } else { Price::parse(text).map(Some) },
        text: |value| value.map_or_else(String::new, |price| price.text()),
    },
    || None,
    "The price of a million input and output tokens of the model <name> in US dollars, such as 3/15, from which the \
         cost of agents of the profile api is computed; in the name, a hyphen stands for every character that is neither \
         a letter nor a digit",
));

pub static BRANCH_PREFIX: Key<String> = Key::new(
    "orchestra.branchPrefix",
    kind::BRANCH_PREFIX,
    || "orchestra/".to_owned(),
    "The prefix of agents' branches",
)
.proposed_by_team();

/// The folder for worktrees. Read only by [`super::Config::worktrees`], which expands `~`.
pub(super) static WORKTREES: Key<Option<PathBuf>> = Key::new(
    "orchestra.worktrees",
    OPTIONAL_PATH,
    || None,
    "The folder for agents' worktrees, relative to the repository's own folder; one inside a checkout is excluded by \
     .git/info/exclude, and must hold nothing else",
)
.shown_default("<repository>.worktrees");

pub static REVIEW_TEST: Key<Option<String>> = Key::new(
    "orchestra.review.test",
    OPTIONAL_TEXT,
    || None,
    "The shell command that tests the work that an agent reviews (default: orchestra.test)",
)
.proposed_by_team();

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
.proposed_by_team();

/// What a reviewing agent may do. Read only by [`super::Config::review_permission`].
pub(super) static REVIEW_PERMISSION: Key<Permission> = Key::new(
    "orchestra.review.permission",
    PERMANENT_PERMISSION,
    || Permission::DontAsk,
    "The permission mode of a reviewing agent: plan, default, dontAsk, or acceptEdits; with --fix it is acceptEdits",
)
.with_choices(PERMANENT).proposed_by_team();

pub static REVIEW_MODEL: Key<Option<String>> =
    Key::new("orchestra.review.model", OPTIONAL_TEXT, || None, "The model of a reviewing agent")
        .proposed_by_team();

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

pub static REMOTE: Key<Option<String>> = Key::new(
    "orchestra.remote",
    OPTIONAL_TEXT,
    || None,
    "The remote that sync uses, if it is not the branch's own or origin; work is then not sent, unless \
     'sync --with work' asks for it",
)
.with_choices(Choices::Remotes);

pub static AUTO_SYNC: Key<Option<Duration>> = Key::new(
    "orchestra.autoSync",
    OPTIONAL_DURATION,
    || None,
    "How often supervisors sync automatically while their agents run, such as 5m, and after every change of phase as \
     well, with the remote that you agreed to; if this is not set: never",
);

pub static LABEL: Key<Option<String>> = Key::new(
    "orchestra.label",
    OPTIONAL_TEXT,
    || None,
    "What other clones call this one, such as laptop; the events of its agents contain it",
)
.only_measures();

pub static SHARE_WITH: RepeatedKey = RepeatedKey::new(
    "orchestra.shareWith",
    "A URL to which sync may send agents; set when you agree to it, but not a consent by itself; may be given several times",
);

pub static NOT_SECRET: RepeatedKey = RepeatedKey::new(
    "orchestra.notSecret",
    "The id of an event, a commit, or a blob, or at least 7 digits of it, that seems to hold a secret but does not; \
     may be given several times",
);

pub static TRUST_WRITER: RepeatedKey = RepeatedKey::new(
    "orchestra.trustWriter",
    "The id of another clone whose verdicts, messages, and answers count here; may be given several times",
);

pub static COMPLETION_PROVIDER: RepeatedKey = RepeatedKey::new(
    "orchestra.completionProvider",
    "Another command on PATH that answers completion requests as git orchestra's commands do; may be given several times; \
     read only from your own configuration, not from the repository's",
)
.renamed_from("orchestra.completes");

pub static APPROVED: Key<Option<String>> = Key::new(
    "orchestra.approved",
    DIGEST,
    || None,
    "The SHA-256 of the .gitorchestra whose proposals you approved; 'git orchestra config approve' sets it",
);

pub static DECLINED: Key<Option<String>> = Key::new(
    "orchestra.declined",
    DIGEST,
    || None,
    "The SHA-256 of the .gitorchestra whose proposals you declined; 'git orchestra config decline' sets it",
);

/// All keys, in the order in which the documentation lists them.
pub static KEYS: &[&dyn Described] = &[
    &AGENT,
    &AGENT_COMMAND,
    &AGENT_ACP,
    &AGENT_RESUME,
    &AGENT_SESSION,
    &AGENT_CONVERSATION,
    &AGENT_WAITING,
    &AGENT_STDIN_HELD,
    &AGENT_READS_PROSE,
    &AGENT_PROGRAM,
    &AGENT_PROMPT,
    &AGENT_MODEL,
    &AGENT_PERMISSION,
    &AGENT_ALLOW,
    &AGENT_DENY,
    &AGENT_MAX_TIME,
    &AGENT_MAX_TURNS,
    &AGENT_BUDGET,
    &AGENT_ENV,
    &AGENT_FALLBACK,
    &PERMISSION,
    &ON_PROMPT,
    &ALLOWED_CLI,
    &ALLOW,
    &OFFER_ALLOW,
    &DENY,
    &ADD_DIR,
    &BASE,
    &INTO,
    &JOBS,
    &MAX_JOBS,
    &SLOTS,
    &MAX_TIME,
    &IDLE_TIMEOUT,
    &RETRIES,
    &RETRY_DELAY,
    &LIMIT_WAIT,
    &GRACE,
    &MAX_OUTPUT,
    &MAX_FILE,
    &MIN_FREE,
    &BUILD,
    &TEST,
    &CHECK_TIME,
    &MERGE_TIMEOUT,
    &REGENERATE,
    &PRICE,
    &BRANCH_PREFIX,
    &WORKTREES,
    &REVIEW_TEST,
    &REVIEW_ALLOW,
    &REVIEW_PERMISSION,
    &REVIEW_MODEL,
    &DISPOSABLE_DIRS,
    &UNDO_EXPIRE,
    &REMOTE,
    &AUTO_SYNC,
    &LABEL,
    &SHARE_WITH,
    &NOT_SECRET,
    &TRUST_WRITER,
    &COMPLETION_PROVIDER,
    &APPROVED,
    &DECLINED,
];

/// A number of agents.
const NUMBER_OF_AGENTS: Kind<u32> = Kind {
    expected: "a number from 1 to 1000",
    parse: |text| text.parse().ok().filter(|agents| (1..=1000).contains(agents)),
    text: u32::to_string,
};
