//! The list of all requests: the parameters of operations, without those that only a process has, such as a callback, a lock, or
//! its current folder.

use super::{MessageType, schema};
use crate::{
    Error, Result,
    ops::{
        attach, blame, cleanup, collect, compare, config, decide, designer, diff, doctor, inbox, init, logs,
        merge_ranked, plan, pr, pr_review, resume, review, rewind, run, send, sessions, slot, spawn, spec,
        status, stop, sync, tag, r#try, undo, worktrees,
    },
};

macro_rules! requests {
    ($($(#[doc = $about:literal])+ $name:literal: $request:ty;)+) => {
        /// All requests, with name, description, and schema.
        pub const REQUESTS: &[MessageType] =
            &[$(MessageType::new($name, concat!($($about),+), schema::of_request::<$request>)),+];

        /// Reads a request as its type, and writes it again. It is generic so that only a program that calls it contains the
        /// readers of all requests.
        ///
        /// # Errors
        /// There is no such request (2), or the text is not one (2): a field has another type, or is unknown.
        pub fn rewrite_request<T: AsRef<str>>(name: &str, text: T) -> Result<String> {
            match name {
                $($name => {
                    let read = serde_json::from_str::<$request>(text.as_ref());
                    let request = read.map_err(|e| Error::usage(format!("not a request of '{name}'")).because(e))?;
                    serde_json::to_string(&request).map_err(super::answer::json_error)
                })+
                _ => Err(Error::usage(format!("no request {name:?}"))),
            }
        }
    };
}

requests! {
    /// Names this clone, and checks what a remote accepts.
    "init": init::Request;
    /// Reads a list of tasks.
    "plan": plan::Request;
    /// Begins or continues the run of a plan.
    "run": run::Request;
    /// Shows what waits for a person, or answers at the gate of a run.
    "decide": decide::Request;
    /// Shows the slots of the machine.
    "slot": slot::Request;
    /// Starts an agent for each task.
    "spawn": spawn::Request;
    /// Shows agents.
    "status": status::Request;
    /// Finds the output of an agent.
    "logs": logs::Request;
    /// Lists the points of an agent, or returns it to one.
    "rewind": rewind::Request;
    /// What to do with which pull requests.
    "pr": pr::Request;
    /// Which pull requests to watch, and how.
    "pr-watch": pr::WatchRequest;
    /// Reviews a pull request.
    "pr-review": pr_review::Request;
    /// Changes the tags of agents.
    "tag": tag::Request;
    /// Stops agents, and saves their work.
    "stop": stop::Request;
    /// Sends messages to agents, or answers their questions.
    "send": send::Request;
    /// Lists messages of agents.
    "inbox": inbox::Request;
    /// Marks messages of agents as read.
    "inbox-read": inbox::ReadRequest;
    /// Replies to a message of an agent.
    "inbox-reply": inbox::ReplyRequest;
    /// Tells people, or the agent that started the caller, something.
    "inbox-tell": inbox::TellRequest;
    /// Pauses agents, and saves their work.
    "pause": stop::Request;
    /// Resumes agents.
    "resume": resume::Request;
    /// Prepares to attach a person to an agent.
    "attach": attach::Request;
    /// Prepares to start the agent program of a person with tools that start agents.
    "designer": designer::Request;
    /// Lists specs.
    "specs": spec::Request;
    /// Shows a version of a spec.
    "spec": spec::ShowRequest;
    /// Saves a version of a spec, or a new one.
    "spec-save": spec::SaveRequest;
    /// Lists the agents' worktrees.
    "worktrees": worktrees::Request;
    /// Lists sessions of coding agents.
    "sessions": sessions::Request;
    /// Searches the text of sessions.
    "search": sessions::search::Query;
    /// Keeps copies of sessions in the repository.
    "keep": sessions::keep::KeepRequest;
    /// Deletes kept copies of sessions.
    "forget": sessions::keep::ForgetRequest;
    /// Makes an agent from a session.
    "adopt": sessions::adopt::Request;
    /// Resumes a session in its own program.
    "sessions-resume": sessions::resume::Request;
    /// Saves the current work of agents.
    "collect": collect::Request;
    /// Shows keys of the configuration.
    "config": config::Request;
    /// Sets a key of the configuration.
    "config-set": config::SetRequest;
    /// Unsets a key of the configuration.
    "config-unset": config::UnsetRequest;
    /// Compares the work of an agent with its base or with another agent's work.
    "diff": diff::Request;
    /// Finds who wrote the lines of a file.
    "blame": blame::Request;
    /// Compares the work of several agents, or picks one.
    "compare": compare::Request;
    /// Shows the work of an agent, or records a verdict on it.
    "review": review::Request;
    /// Starts agents that review the work of another.
    "review-by": review::by_agent::ByAgentRequest;
    /// Shows a checkout with the work of an agent, or returns it to its branch.
    "try": r#try::Request;
    /// Lands branches.
    "merge-ranked": merge_ranked::Request;
    /// Removes agents whose work is in another branch.
    "cleanup": cleanup::Request;
    /// Exchanges agents and their work with a remote.
    "sync": sync::Request;
    /// Examines git, the programs, the repository, and the machine.
    "doctor": doctor::Request;
    /// Undoes an operation.
    "undo": undo::Request;
}
