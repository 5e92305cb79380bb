//! The table of all keys. Everything that is known of a key is in the files of this folder.

#![expect(missing_docs, reason = "the description of each key says what it is for")]

mod agents;
mod caps;
mod landing;
mod limits;
mod profiles;
mod sharing;
mod teams;
mod worktrees;

pub use self::{agents::*, caps::*, landing::*, limits::*, profiles::*, sharing::*, teams::*, worktrees::*};
use super::key::Described;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

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
    &AGENT_KEY_COMMAND,
    &AGENT_CONTEXT,
    &AGENT_PERMISSION,
    &AGENT_ALLOW,
    &AGENT_DENY,
    &AGENT_MAX_TIME,
    &AGENT_MAX_TURNS,
    &AGENT_BUDGET,
    &AGENT_ENV,
    &AGENT_FALLBACK,
    &AGENT_WRITES,
    &TEAM_ROLE,
    &TEAM_ROUNDS,
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
    &STUCK_TURNS,
    &MAX_COST,
    &MAX_TOKENS,
    &MAX_RUN_COST,
    &MAX_RUN_TOKENS,
    &MAX_DAY_COST,
    &MAX_DAY_TOKENS,
    &GRACE,
    &MAX_OUTPUT,
    &MAX_FILE,
    &MIN_FREE,
    &MIN_MEMORY,
    &MAX_PRESSURE,
    &INHIBIT_SLEEP,
    &BUILD,
    &TEST,
    &CHECK,
    &CHECK_TIME,
    &CHECK_AGE,
    &COUNT_WORKTREE_CHECKS,
    &MERGE_TIMEOUT,
    &REGENERATE,
    &PRICE,
    &BRANCH_PREFIX,
    &WORKTREES,
    &INCLUDE,
    &MAX_INCLUDE,
    &SETUP,
    &SETUP_TIME,
    &TEARDOWN,
    &SUBMODULES,
    &LFS_POINTERS,
    &SANDBOX,
    &REVIEW_TEST,
    &REVIEW_ALLOW,
    &REVIEW_PERMISSION,
    &REVIEW_MODEL,
    &DISPOSABLE_DIRS,
    &REMOVE_BUILDS,
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
