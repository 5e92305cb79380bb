//! The list of all answers: what is not in it cannot be printed.

use super::{Answer, Described, Failure, schema};
use crate::{
    Error, Result,
    ops::{
        cleanup, collect, diff, init, merge_ranked, resume, review, send, sessions, spawn, status, stop,
        sync, undo, worktrees,
    },
    worktree::capture::CapturedWork,
};

macro_rules! kinds {
    ($($(#[doc = $about:literal])+ $name:ident = $kind:literal: $report:ty;)+) => {
        $($(#[doc = $about])+ pub const $name: Answer<$report> = Answer::new($kind);)+

        /// All kinds of answers: the name, a sentence, the schema.
        pub const KINDS: &[Described] =
            &[$(Described::new($kind, concat!($($about),+), schema::of_answer::<$report>)),+];

        /// Reads an answer by the type of its kind, and writes it again. The same bytes come out where the type knows all of it.
        ///
        /// # Errors
        /// There is no such kind (2), or the text is not an answer of it (3).
        pub fn rewrite_answer(kind: &str, text: &str) -> Result<String> {
            match kind {
                $($kind => $name.text(&$name.read(text)?),)+
                _ => Err(Error::usage(format!("there is no answer of kind {kind:?}"))),
            }
        }
    };
}

kinds! {
    /// Who this clone is, and what was set up.
    INIT = "init": init::Report;
    /// The changed configuration that a person accepted.
    ACCEPT = "accept": init::Accepted;
    /// The agents that were started: as they end, or at once with --detach.
    SPAWN = "spawn": status::Report;
    /// The agents that would be started.
    SPAWN_PLAN = "spawn-plan": spawn::Report;
    /// The agents, as they are now.
    STATUS = "status": status::Report;
    /// The agents that were stopped.
    STOP = "stop": stop::Report;
    /// What was said to agents, and which of them heard it.
    SEND = "send": send::OneOrMany;
    /// The agents that were paused.
    PAUSE = "pause": stop::Report;
    /// The agents that were resumed: as they end, or at once with --detach.
    RESUME = "resume": status::Report;
    /// The agents that would be resumed.
    RESUME_PLAN = "resume-plan": resume::Plan;
    /// The agents' worktrees, and what is in them.
    WORKTREES = "worktrees": worktrees::Report;
    /// The conversations of coding agents.
    SESSIONS = "sessions": sessions::Report;
    /// One conversation, with everything that was said in it.
    SESSION = "session": sessions::whole::Conversation;
    /// The conversations in which words were found, and where.
    SEARCH = "search": sessions::found::Report;
    /// Messages, tokens and costs by day, project and model.
    STATS = "stats": sessions::stats::Report;
    /// The agent that was made of a conversation.
    ADOPT = "adopt": sessions::adopt::Report;
    /// The conversations that were kept in the repository.
    KEEP = "keep": sessions::keep::Report;
    /// The conversations whose kept copies were deleted.
    FORGET = "forget": sessions::keep::Report;
    /// The agents whose work was saved, and what became of them.
    COLLECT = "collect": collect::Report;
    /// What an agent changed.
    DIFF = "diff": diff::Report;
    /// What waits for a verdict, what is known of a work, or the verdict that was given.
    REVIEW = "review": review::Report;
    /// The branches in the order in which they land, and what became of each.
    MERGE_RANKED = "merge-ranked": merge_ranked::Report;
    /// The agents that were removed, or kept and why.
    CLEANUP = "cleanup": cleanup::Report;
    /// What travelled between this clone and a remote.
    SYNC = "sync": sync::Report;
    /// The agent from whose events a secret was removed.
    REDACT = "redact": sync::Redacted;
    /// The operations that can be undone, or the one that was.
    UNDO = "undo": undo::Report;
    /// The schemas of answers and requests.
    SCHEMA = "schema": schema::Schemas;
    /// Why a command failed before it had anything to report.
    ERROR = "error": Failure;
    /// The work that a supervisor's helper saved; for the supervisor alone.
    TAKEN = "taken": CapturedWork;
}
