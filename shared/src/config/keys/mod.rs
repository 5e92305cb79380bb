//! The table of all keys. Everything that is known of a key is in the files of this folder.

#![expect(missing_docs, reason = "the description of each key says what it is for")]

mod agents;
mod landing;
mod limits;
mod profiles;
mod sharing;
mod worktrees;

pub use self::{agents::*, landing::*, limits::*, profiles::*, sharing::*, worktrees::*};
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
    &SANDBOX,
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
