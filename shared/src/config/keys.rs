//! The table of the keys: all that is known of each stands here, and nowhere else.

#![expect(missing_docs, reason = "the text of each key says what it is for")]

use std::{path::PathBuf, time::Duration};

use super::{
    key::{Described, Key, Kind, NamedKey, RepeatedKey},
    kind::{self, DURATION, FOLDER_NAMES, LIST, OPTIONAL_DURATION, OPTIONAL_PATH, OPTIONAL_TEXT, SIZE, TEXT},
};
use crate::model::{ByteSize, OnPrompt, Permission};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

pub static AGENT: Key<String> =
    Key::new("orchestra.agent", TEXT, || "claude".to_owned(), "The agent that spawn starts");

pub static AGENT_COMMAND: NamedKey<Option<String>> = NamedKey::new(Key::new(
    "orchestra.agent.<name>.command",
    OPTIONAL_TEXT,
    || None,
    "A shell command that runs the agent <name>; {prompt_file} in it is the file with the task, \
     without it the task comes on standard input",
));

/// Whether the standard input is held open.
pub static AGENT_STDIN_HELD: NamedKey<bool> = NamedKey::new(Key::new(
    "orchestra.agent.<name>.stdin",
    Kind {
        wanted: "'held' or 'closed'",
        parse: |text| either(text, "held", "closed"),
        text: |held| (if *held { "held" } else { "closed" }).to_owned(),
    },
    || false,
    "'held' keeps the agent's standard input open as long as its supervisor lives; 'closed' ends it",
));

/// Whether the agent reads its task as words and never runs it.
pub static AGENT_READS_PROSE: NamedKey<bool> = NamedKey::new(Key::new(
    "orchestra.agent.<name>.reads",
    Kind {
        wanted: "'prose' or 'script'",
        parse: |text| either(text, "prose", "script"),
        text: |prose| (if *prose { "prose" } else { "script" }).to_owned(),
    },
    || false,
    "'prose' where the agent reads its task as words, as coding agents do; 'script' where it may run them: such an agent \
     is told nothing that you did not type, such as review comments, conflicts or the output of a test",
));

pub static AGENT_PROGRAM: NamedKey<Option<String>> = NamedKey::new(
    Key::new(
        "orchestra.agent.<name>.program",
        OPTIONAL_TEXT,
        || None,
        "Where the program of the coding agent <name> is, if it is not on PATH; claude and opencode have one",
    )
    .shown_default("<name>"),
);

/// Read by [`super::Config::permission`] alone, which knows what must not be set for good.
pub(super) static PERMISSION: Key<Permission> = Key::new(
    "orchestra.permission",
    Kind {
        wanted: "plan, default, dontAsk or acceptEdits",
        parse: Permission::parse,
        text: |value| value.as_str().to_owned(),
    },
    || Permission::AcceptEdits,
    "What a coding agent may do without asking: plan, default, dontAsk or acceptEdits; bypassPermissions \
     can only be typed",
);

pub static ON_PROMPT: Key<Option<OnPrompt>> = Key::new(
    "orchestra.onPrompt",
    Kind {
        wanted: "deny, ask or fail",
        parse: |text| if text.is_empty() { Some(None) } else { OnPrompt::parse(text).map(Some) },
        text: |value| value.map_or("", OnPrompt::as_str).to_owned(),
    },
    || None,
    "What happens when an agent asks for more: deny, ask (it waits for 'git orchestra send') or fail; where \
     it is not set: ask while spawn watches on a terminal, else deny",
);

pub static ALLOWED_CLI: Key<Vec<String>> = Key::new(
    "orchestra.allowedCli",
    LIST,
    Vec::new,
    "Programs that a coding agent may run without asking, separated by commas, such as gh,az",
);

pub static JOBS: Key<u32> = Key::new(
    "orchestra.jobs",
    Kind {
        wanted: "a number from 1 to 1000",
        parse: |text| text.parse().ok().filter(|jobs| (1..=1000).contains(jobs)),
        text: u32::to_string,
    },
    || 3,
    "How many agents run at once",
)
.only_measures();

pub static MAX_TIME: Key<Duration> =
    Key::new("orchestra.maxTime", DURATION, || Duration::from_secs(HOUR), "The longest an agent may run")
        .only_measures();

pub static IDLE_TIMEOUT: Key<Duration> = Key::new(
    "orchestra.idleTimeout",
    DURATION,
    || Duration::from_secs(5 * MINUTE),
    "How long a coding agent may give no sign of life: no output, no line in its conversation's file, no \
     change in its worktree; programs that say nothing while they work (sh, your own) are watched only \
     where this is set",
)
.only_measures();

pub static RETRIES: Key<u32> = Key::new(
    "orchestra.retries",
    Kind {
        wanted: "a number from 0 to 100",
        parse: |text| text.parse().ok().filter(|retries| *retries <= 100),
        text: u32::to_string,
    },
    || 2,
    "How often an agent goes on with its conversation after a failure that may pass: no sign of life, \
     an overloaded service",
)
.only_measures();

pub static RETRY_DELAY: Key<Duration> = Key::new(
    "orchestra.retryDelay",
    DURATION,
    || Duration::from_secs(5),
    "How long to wait before the first retry; twice as long before each further one",
)
.only_measures();

pub static LIMIT_WAIT: Key<Duration> = Key::new(
    "orchestra.limitWait",
    DURATION,
    || Duration::from_secs(6 * HOUR),
    "How long an agent waits for the end of a usage limit of its service, to resume then; one that would have to wait \
     longer stays paused until you resume it",
);

pub static GRACE: Key<Duration> = Key::new(
    "orchestra.grace",
    DURATION,
    || Duration::from_secs(5),
    "How long a stopped agent may tidy up before it is killed",
)
.only_measures();

pub static MAX_OUTPUT: Key<ByteSize> = Key::new(
    "orchestra.maxOutput",
    SIZE,
    || ByteSize::mebibytes(1024),
    "The most output of one attempt; an agent that prints more is stopped",
)
.only_measures();

pub static MAX_FILE: Key<ByteSize> = Key::new(
    "orchestra.maxFile",
    SIZE,
    || ByteSize::mebibytes(100),
    "The largest file that is taken into an agent's work; one that git tracks may be twice as large as it was",
)
.only_measures();

pub static MIN_FREE: Key<ByteSize> = Key::new(
    "orchestra.minFree",
    SIZE,
    || ByteSize::mebibytes(200),
    "Free disk space below which no agent is started",
)
.only_measures();

pub static BUILD: Key<Option<String>> = Key::new(
    "orchestra.build",
    OPTIONAL_TEXT,
    || None,
    "The shell command that builds, run by merge-ranked after each branch",
);

pub static TEST: Key<Option<String>> = Key::new(
    "orchestra.test",
    OPTIONAL_TEXT,
    || None,
    "The shell command that tests, run by merge-ranked after each branch",
);

pub static CHECK_TIME: Key<Duration> = Key::new(
    "orchestra.checkTime",
    DURATION,
    || Duration::from_secs(30 * MINUTE),
    "The longest that one build or test may take",
)
.only_measures();

pub static MERGE_TIMEOUT: Key<Duration> = Key::new(
    "orchestra.mergeTimeout",
    DURATION,
    || Duration::from_secs(MINUTE),
    "The longest that git may take to merge two branches, merge drivers included; where it takes longer, nobody can tell \
     whether the two conflict",
)
.only_measures();

pub static REGENERATE: NamedKey<Option<String>> = NamedKey::new(Key::new(
    "orchestra.regenerate.<name>",
    OPTIONAL_TEXT,
    || None,
    "The shell command that makes a file anew that conflicts, where .gitattributes gives it the attribute \
     orchestra-regenerate=<name>; run in the file's folder",
));

pub static BRANCH_PREFIX: Key<String> = Key::new(
    "orchestra.branchPrefix",
    kind::BRANCH_PREFIX,
    || "orchestra/".to_owned(),
    "What agents' branches begin with",
);

/// Read by [`super::Config::worktrees`] alone, which spells `~` out.
pub(super) static WORKTREES: Key<Option<PathBuf>> = Key::new(
    "orchestra.worktrees",
    OPTIONAL_PATH,
    || None,
    "The folder for agents' worktrees, relative to the repository's own folder; one in a checkout is kept out of git's \
     sight by .git/info/exclude, and must hold nothing else",
)
.shown_default("<repository>.worktrees");

pub static REVIEW_TEST: Key<Option<String>> = Key::new(
    "orchestra.review.test",
    OPTIONAL_TEXT,
    || None,
    "The shell command that tests a work which an agent reviews (default: orchestra.test)",
);

pub static REVIEW_ALLOW: Key<Vec<String>> = Key::new(
    "orchestra.review.allow",
    LIST,
    || {
        ["Read", "Grep", "Glob", "Bash(git diff *)", "Bash(git log *)", "Bash(git show *)"]
            .map(str::to_owned)
            .into()
    },
    "What a reviewing agent may use without asking, separated by commas, besides that test",
);

pub static REVIEW_MODEL: Key<Option<String>> =
    Key::new("orchestra.review.model", OPTIONAL_TEXT, || None, "The model of a reviewing agent");

pub static DISPOSABLE_DIRS: Key<Vec<String>> = Key::new(
    "orchestra.disposableDirs",
    FOLDER_NAMES,
    || ["target", "node_modules", "__pycache__", ".venv"].map(str::to_owned).into(),
    "Folders, by name and separated by commas, whose content can be made again: where git ignores them, cleanup \
     deletes them unasked and undo does not bring them back",
)
.formerly("orchestra.derived");

pub static UNDO_EXPIRE: Key<Duration> = Key::new(
    "orchestra.undoExpire",
    DURATION,
    || Duration::from_secs(30 * 24 * HOUR),
    "How long undo can take an operation back, counted in time in which git orchestra was used here: a pause counts for a \
     day at the most; the next cleanup after that forgets it",
)
.formerly("orchestra.trashTime");

pub static REMOTE: Key<Option<String>> = Key::new(
    "orchestra.remote",
    OPTIONAL_TEXT,
    || None,
    "The remote that sync speaks with, where it is another than the branch's own or origin; work then stays at \
     home, unless 'sync --with work' asks for it",
);

pub static AUTO_SYNC: Key<Option<Duration>> = Key::new(
    "orchestra.autoSync",
    OPTIONAL_DURATION,
    || None,
    "How often supervisors sync unasked while their agents run, such as 5m, and after every change of phase as well, \
     with the remote that you agreed to; not set: never",
);

pub static LABEL: Key<Option<String>> = Key::new(
    "orchestra.label",
    OPTIONAL_TEXT,
    || None,
    "What other clones call this one, such as laptop; it stands in the events of its agents",
)
.only_measures();

pub static SHARE_WITH: RepeatedKey = RepeatedKey::new(
    "orchestra.shareWith",
    "A URL to which sync may send agents; written when you agree to it, and no consent by itself; may be given several times",
);

pub static NOT_SECRET: RepeatedKey = RepeatedKey::new(
    "orchestra.notSecret",
    "The id of an event, a commit or a file's object, or at least 7 digits of it, that looks like a secret and is not one; \
     may be given several times",
);

pub static TRUST_WRITER: RepeatedKey = RepeatedKey::new(
    "orchestra.trustWriter",
    "The id of another clone whose verdicts, messages and answers count here; may be given several times",
);

pub static COMPLETION_PROVIDER: RepeatedKey = RepeatedKey::new(
    "orchestra.completionProvider",
    "A command of others on PATH that answers completions as ours do; may be given several times; read from your own \
     configuration only, not from the repository's",
)
.formerly("orchestra.completes");

/// Every key, in the order in which the documentation lists them.
pub static KEYS: &[&dyn Described] = &[
    &AGENT,
    &AGENT_COMMAND,
    &AGENT_STDIN_HELD,
    &AGENT_READS_PROSE,
    &AGENT_PROGRAM,
    &PERMISSION,
    &ON_PROMPT,
    &ALLOWED_CLI,
    &JOBS,
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
    &BRANCH_PREFIX,
    &WORKTREES,
    &REVIEW_TEST,
    &REVIEW_ALLOW,
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
];

/// Reads one of two words.
fn either(text: &str, yes: &str, no: &str) -> Option<bool> {
    (text == yes || text == no).then_some(text == yes)
}
