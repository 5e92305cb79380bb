//! The table of the keys.

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// As it is written in git config.
    pub name: &'static str,
    /// What holds when it is not set.
    pub default: &'static str,
    /// What it does, one sentence without a full stop.
    pub what: &'static str,
}

pub(super) const JOBS: Key =
    Key { name: "orchestra.jobs", default: "3", what: "How many agents run at once" };
pub(super) const AGENT: Key =
    Key { name: "orchestra.agent", default: "claude", what: "The agent that spawn starts" };
pub(super) const BRANCH_PREFIX: Key =
    Key { name: "orchestra.branchPrefix", default: "orchestra/", what: "What agents' branches begin with" };
pub(super) const WORKTREES: Key = Key {
    name: "orchestra.worktrees",
    default: "<repository>.worktrees",
    what: "The folder for agents' worktrees, relative to the repository's own folder; one in a checkout is kept out of git's \
           sight by .git/info/exclude, and must hold nothing else",
};
pub(super) const MAX_TIME: Key =
    Key { name: "orchestra.maxTime", default: "1h", what: "The longest an agent may run" };
pub(super) const IDLE: Key = Key {
    name: "orchestra.idleTimeout",
    default: "5m",
    what: "How long a coding agent may give no sign of life: no output, no line in its conversation's file, no \
           change in its worktree; programs that say nothing while they work (sh, your own) are watched only \
           where this is set",
};
pub(super) const RETRIES: Key = Key {
    name: "orchestra.retries",
    default: "2",
    what: "How often an agent goes on with its conversation after a failure that may pass: no sign of life, \
           an overloaded service",
};
pub(super) const RETRY_DELAY: Key = Key {
    name: "orchestra.retryDelay",
    default: "5s",
    what: "How long to wait before the first retry; twice as long before each further one",
};
pub(super) const LIMIT_WAIT: Key = Key {
    name: "orchestra.limitWait",
    default: "6h",
    what: "How long an agent waits for the end of a usage limit of its service, to resume then; one that would have to wait \
           longer stays paused until you resume it",
};
pub(super) const PERMISSION: Key = Key {
    name: "orchestra.permission",
    default: "acceptEdits",
    what: "What a coding agent may do without asking: plan, default, dontAsk or acceptEdits; bypassPermissions \
           can only be typed",
};
pub(super) const ON_PROMPT: Key = Key {
    name: "orchestra.onPrompt",
    default: "",
    what: "What happens when an agent asks for more: deny, ask (it waits for 'git orchestra send') or fail; where \
           it is not set: ask while spawn watches on a terminal, else deny",
};
pub(super) const ALLOWED_CLI: Key = Key {
    name: "orchestra.allowedCli",
    default: "",
    what: "Programs that a coding agent may run without asking, separated by commas, such as gh,az",
};
pub(super) const GRACE: Key = Key {
    name: "orchestra.grace",
    default: "5s",
    what: "How long a stopped agent may tidy up before it is killed",
};
pub(super) const MAX_OUTPUT: Key = Key {
    name: "orchestra.maxOutput",
    default: "1g",
    what: "The most output of one attempt; an agent that prints more is stopped",
};
pub(super) const MAX_FILE: Key = Key {
    name: "orchestra.maxFile",
    default: "100m",
    what: "The largest file that is taken into an agent's work; one that git tracks may be twice as large as it was",
};
pub(super) const MIN_FREE: Key = Key {
    name: "orchestra.minFree",
    default: "200m",
    what: "Free disk space below which no agent is started",
};
pub(super) const COMMAND: Key = Key {
    name: "orchestra.agent.<name>.command",
    default: "",
    what: "A shell command that runs the agent <name>; {prompt_file} in it is the file with the task, \
           without it the task comes on standard input",
};
pub(super) const PROGRAM: Key = Key {
    name: "orchestra.agent.claude.program",
    default: "claude",
    what: "Where the program of that agent lies, if not on PATH",
};
pub(super) const STDIN: Key = Key {
    name: "orchestra.agent.<name>.stdin",
    default: "closed",
    what: "'held' keeps the agent's standard input open as long as its supervisor lives; 'closed' ends it",
};
pub(super) const READS: Key = Key {
    name: "orchestra.agent.<name>.reads",
    default: "script",
    what: "'prose' where the agent reads its task as words, as coding agents do; 'script' where it may run them: such an agent \
           is told nothing that you did not type, such as review comments, conflicts or the output of a test",
};

pub(super) const BUILD: Key = Key {
    name: "orchestra.build",
    default: "",
    what: "The shell command that builds, run by merge-ranked after each branch",
};
pub(super) const TEST: Key = Key {
    name: "orchestra.test",
    default: "",
    what: "The shell command that tests, run by merge-ranked after each branch",
};
pub(super) const CHECK_TIME: Key =
    Key { name: "orchestra.checkTime", default: "30m", what: "The longest that one build or test may take" };
pub(super) const MERGE_TIMEOUT: Key = Key {
    name: "orchestra.mergeTimeout",
    default: "1m",
    what: "The longest that git may take to merge two branches, merge drivers included; where it takes longer, nobody can tell \
           whether the two conflict",
};
pub(super) const REGENERATE: Key = Key {
    name: "orchestra.regenerate.<name>",
    default: "",
    what: "The shell command that makes a file anew that conflicts, where .gitattributes gives it the attribute \
           orchestra-regenerate=<name>; run in the file's folder",
};
pub(super) const DERIVED: Key = Key {
    name: "orchestra.derived",
    default: "target,node_modules,__pycache__,.venv",
    what: "Folders, by name and separated by commas, whose content can be made again: where git ignores them, cleanup \
           takes them away unasked and undo does not bring them back",
};
pub(super) const TRASH_TIME: Key = Key {
    name: "orchestra.trashTime",
    default: "30d",
    what: "How long undo can take an operation back, counted in time in which git orchestra was used here: a pause counts for a \
           day at the most; the next cleanup after that forgets it",
};
pub(super) const REVIEW_TEST: Key = Key {
    name: "orchestra.review.test",
    default: "",
    what: "The shell command that tests a work which an agent reviews (default: orchestra.test)",
};
pub(super) const REVIEW_ALLOW: Key = Key {
    name: "orchestra.review.allow",
    default: "Read,Grep,Glob,Bash(git diff *),Bash(git log *),Bash(git show *)",
    what: "What a reviewing agent may use without asking, separated by commas, besides that test",
};
pub(super) const REVIEW_MODEL: Key =
    Key { name: "orchestra.review.model", default: "", what: "The model of a reviewing agent" };
pub(super) const REMOTE: Key = Key {
    name: "orchestra.remote",
    default: "",
    what: "The remote that sync speaks with, where it is another than the branch's own or origin; work then stays at \
           home, unless 'sync --with work' asks for it",
};
pub(super) const AUTO_SYNC: Key = Key {
    name: "orchestra.autoSync",
    default: "",
    what: "How often supervisors sync unasked while their agents run, such as 5m, and after every change of phase as well, \
           with the remote that you agreed to; not set: never",
};
pub(super) const LABEL: Key = Key {
    name: "orchestra.label",
    default: "",
    what: "What other clones call this one, such as laptop; it stands in the events of its agents",
};
pub(super) const SHARE_WITH: Key = Key {
    name: "orchestra.shareWith",
    default: "",
    what: "A URL to which sync may send agents; written when you agree to it, and no consent by itself; may be given several times",
};
pub(super) const NOT_SECRET: Key = Key {
    name: "orchestra.notSecret",
    default: "",
    what: "The id of an event, a commit or a file's object, or at least 7 digits of it, that looks like a secret and is not one; \
           may be given several times",
};
pub(super) const TRUST_WRITER: Key = Key {
    name: "orchestra.trustWriter",
    default: "",
    what: "The id of another clone whose verdicts, messages and answers count here; may be given several times",
};
pub(super) const COMPLETES: Key = Key {
    name: "orchestra.completes",
    default: "",
    what: "A command of others on PATH that answers completions as ours do; may be given several times; read from your own \
           configuration only, not from the repository's",
};

/// All keys.
pub const KEYS: &[Key] = &[
    AGENT,
    COMMAND,
    STDIN,
    READS,
    PROGRAM,
    PERMISSION,
    ON_PROMPT,
    ALLOWED_CLI,
    JOBS,
    MAX_TIME,
    IDLE,
    RETRIES,
    RETRY_DELAY,
    LIMIT_WAIT,
    GRACE,
    MAX_OUTPUT,
    MAX_FILE,
    MIN_FREE,
    BUILD,
    TEST,
    CHECK_TIME,
    MERGE_TIMEOUT,
    REGENERATE,
    BRANCH_PREFIX,
    WORKTREES,
    REVIEW_TEST,
    REVIEW_ALLOW,
    REVIEW_MODEL,
    DERIVED,
    TRASH_TIME,
    REMOTE,
    AUTO_SYNC,
    LABEL,
    SHARE_WITH,
    NOT_SECRET,
    TRUST_WRITER,
    COMPLETES,
];
