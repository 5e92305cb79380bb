//! The list of all requests: what an operation can be asked for, without what only a process has, such as a callback, a lock, or
//! the folder in which it was started.

use super::{Described, schema};
use crate::{
    Error, Result,
    ops::{
        cleanup, collect, diff, init, logs, merge_ranked, resume, review, send, sessions, spawn, status,
        stop, sync, undo, worktrees,
    },
};

macro_rules! requests {
    ($($(#[doc = $about:literal])+ $name:literal: $request:ty;)+) => {
        /// All requests: the name, a sentence, the schema.
        pub const REQUESTS: &[Described] =
            &[$(Described::new($name, concat!($($about),+), schema::of_request::<$request>)),+];

        /// Reads a request by its type, and writes it again.
        ///
        /// # Errors
        /// There is no such request (2), or the text is not one (2): a field is of another type, or not known.
        pub fn rewrite_request(name: &str, text: &str) -> Result<String> {
            match name {
                $($name => {
                    let read = serde_json::from_str::<$request>(text);
                    let request = read.map_err(|e| Error::usage(format!("this is not a request of '{name}'")).because(e))?;
                    serde_json::to_string(&request).map_err(super::answer::unwritable)
                })+
                _ => Err(Error::usage(format!("there is no request {name:?}"))),
            }
        }
    };
}

requests! {
    /// Names this clone, and looks what a remote takes.
    "init": init::Request;
    /// Starts an agent for each task.
    "spawn": spawn::Request;
    /// Looks at agents.
    "status": status::Request;
    /// Finds what an agent printed.
    "logs": logs::Request;
    /// Stops agents, their work saved.
    "stop": stop::Request;
    /// Says something to agents, or answers what they ask.
    "send": send::Request;
    /// Pauses agents, their work saved.
    "pause": stop::Request;
    /// Resumes agents.
    "resume": resume::Request;
    /// Lists the agents' worktrees.
    "worktrees": worktrees::Request;
    /// Finds conversations of coding agents.
    "sessions": sessions::Request;
    /// Searches the words of conversations.
    "search": sessions::search::Query;
    /// Keeps conversations in the repository.
    "keep": sessions::keep::Keep;
    /// Forgets what is kept of conversations.
    "forget": sessions::keep::Forget;
    /// Makes an agent of a conversation.
    "adopt": sessions::adopt::Request;
    /// Resumes a conversation in its own program.
    "sessions-resume": sessions::resume::Request;
    /// Saves the work of agents as it is now.
    "collect": collect::Request;
    /// Compares the work of an agent.
    "diff": diff::Request;
    /// Looks at a work, or judges it.
    "review": review::Request;
    /// Lets another agent judge a work.
    "review-by": review::by::By;
    /// Lands branches.
    "merge-ranked": merge_ranked::Request;
    /// Removes agents whose work is elsewhere.
    "cleanup": cleanup::Request;
    /// Exchanges agents and their work with a remote.
    "sync": sync::Request;
    /// Undoes an operation.
    "undo": undo::Request;
}
