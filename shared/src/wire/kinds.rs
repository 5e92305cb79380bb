//! The list of all answers. An answer that is not in it cannot be printed.

use super::{Answer, Failure, MessageType, schema};
use crate::{
    Error, Result,
    ops::{
        attach, blame, cleanup, collect, compare, config, decide, designer, diff, discover, doctor, inbox,
        init, logs, merge_ranked, plan, pr, pr_review, resume, review, rewind, run, send, sessions, slot,
        spawn, spec, status, stop, supervise, sync, tag, r#try, undo, worktrees,
    },
    watch::StreamedChange,
    worktree::capture::CapturedWork,
};

macro_rules! kinds {
    ($($(#[doc = $about:literal])+ $name:ident = $kind:literal: $report:ty;)+) => {
        $($(#[doc = $about])+ pub const $name: Answer<$report> = Answer::new($kind);)+

        /// All kinds of answers, with name, description, and schema.
        pub const KINDS: &[MessageType] =
            &[$(MessageType::new($kind, concat!($($about),+), schema::of_answer::<$report>)),+];

        /// Reads an answer as the type of its kind, and writes it again. The bytes are the same if the type knows every field.
        /// It is generic so that only a program that calls it contains the readers of all kinds.
        ///
        /// # Errors
        /// There is no such kind (2), or the text is not an answer of it (3).
        pub fn rewrite_answer<T: AsRef<str>>(kind: &str, text: T) -> Result<String> {
            match kind {
                $($kind => $name.text(&$name.read(text.as_ref())?),)+
                _ => Err(Error::usage(format!("no answer of kind {kind:?}"))),
            }
        }
    };
}

kinds! {
    /// The writer id and label of this clone, and what was set up.
    INIT = "init": init::Report;
    /// The changed configuration that a person accepted.
    ACCEPT = "accept": init::Accepted;
    /// What the files of the project say about how it is built and tested, and whether that was set.
    DISCOVERY = "discovery": discover::Discovery;
    /// The file of the project that a person approved.
    CONFIG_APPROVAL = "config-approval": config::Approval;
    /// The file of the project that a person declined.
    CONFIG_DECLINE = "config-decline": config::Decline;
    /// What the settings file of another orchestrator sets, or would set.
    CONFIG_IMPORT = "config-import": config::Import;
    /// The tasks of a list, and what is wrong in it.
    PLAN = "plan": plan::Report;
    /// A run of a plan, as far as it came.
    RUN = "run": run::Report;
    /// What waits for a person, or the answer that was given.
    DECIDE = "decide": decide::Report;
    /// The slots of this machine, and the commands that have them.
    SLOT = "slot": slot::Report;
    /// The agents that were started: at their end, or immediately with --detach.
    SPAWN = "spawn": status::Report;
    /// The agents that would be started.
    SPAWN_PLAN = "spawn-plan": spawn::Report;
    /// The agents, in their current state.
    STATUS = "status": status::Report;
    /// One change of the agents that `status --watch` shows: a line of its stream.
    CHANGE = "change": StreamedChange;
    /// One entry of the output of an agent: a line of the stream of `logs`.
    LOG = "log": logs::StreamedEntry;
    /// The points of an agent, and what a rewind did.
    REWIND = "rewind": rewind::Report;
    /// Pull requests, and what was done with them.
    PR = "pr": pr::Report;
    /// One change of a pull request: a line of the stream of `pr watch`.
    PR_NEWS = "pr-news": pr::PullRequestNews;
    /// Pull requests to review, one of them, or the verdict that was given on it.
    PR_REVIEW = "pr-review": pr_review::Report;
    /// The reviews of the pull requests of a run.
    PR_REVIEW_RUN = "pr-review-run": pr_review::RunReport;
    /// Agents with their tags.
    TAG = "tag": tag::Report;
    /// The agents that were stopped.
    STOP = "stop": stop::Report;
    /// The messages and answers that were sent to agents, and which were delivered.
    SEND = "send": send::OneOrMany;
    /// What agents say and ask.
    INBOX = "inbox": inbox::Report;
    /// The messages that were marked as read.
    INBOX_READ = "inbox-read": inbox::ReadReport;
    /// The reply that was sent.
    INBOX_REPLY = "inbox-reply": inbox::ReplyReport;
    /// The message of an agent's program.
    INBOX_TELL = "inbox-tell": inbox::TellReport;
    /// The messages that the program of an agent got.
    INBOX_HEAR = "inbox-hear": inbox::HearReport;
    /// The agents that were paused.
    PAUSE = "pause": stop::Report;
    /// The agents that were resumed: at their end, or immediately with --detach.
    RESUME = "resume": status::Report;
    /// The agents that would be resumed.
    RESUME_PLAN = "resume-plan": resume::Plan;
    /// The command with which a person attaches to an agent.
    ATTACH_PLAN = "attach-plan": attach::Plan;
    /// The command with which a designer is started.
    DESIGNER_PLAN = "designer-plan": designer::Plan;
    /// The specs of this repository.
    SPECS = "specs": spec::Report;
    /// The text of a spec, with its versions.
    SPEC = "spec": spec::SpecText;
    /// What became of a text that was saved as a spec.
    SPEC_SAVE = "spec-save": spec::SaveReport;
    /// The agents' worktrees, and their contents.
    WORKTREES = "worktrees": worktrees::Report;
    /// The sessions of coding agents.
    SESSIONS = "sessions": sessions::Report;
    /// One session, with all its messages.
    SESSION = "session": sessions::transcript::SessionTranscript;
    /// The sessions that match a search, and where.
    SEARCH = "search": sessions::search_report::Report;
    /// Messages, tokens, and costs by day, project, and model.
    STATS = "stats": sessions::stats::Report;
    /// The agent that was made from a session.
    ADOPT = "adopt": sessions::adopt::Report;
    /// The sessions that were kept in the repository.
    KEEP = "keep": sessions::keep::Report;
    /// The sessions whose kept copies were deleted.
    FORGET = "forget": sessions::keep::Report;
    /// The agents whose work was saved, and the result for each.
    COLLECT = "collect": collect::Report;
    /// The keys of the configuration with the values that apply, and the unknown names in it.
    CONFIG = "config": config::Report;
    /// The key of the configuration that was changed, and what applies now.
    CONFIG_CHANGE = "config-change": config::Change;
    /// Who wrote the lines of a file: agents with their tasks, or people.
    BLAME = "blame": blame::Report;
    /// What an agent changed.
    DIFF = "diff": diff::Report;
    /// The work that waits for a verdict, the work of one agent, or the verdict that was given.
    REVIEW = "review": review::Report;
    /// The work of several agents side by side, and which of them was picked.
    COMPARE = "compare": compare::Report;
    /// The branches in the order in which they land, and the result for each.
    MERGE_RANKED = "merge-ranked": merge_ranked::Report;
    /// Whose work the checkout shows, and to which branch it returns.
    TRY = "try": r#try::Report;
    /// The agents that were removed, and those that were kept, with the reason.
    CLEANUP = "cleanup": cleanup::Report;
    /// What was exchanged between this clone and a remote.
    SYNC = "sync": sync::Report;
    /// The agent from whose events a secret was removed.
    REDACT = "redact": sync::Redacted;
    /// What was found in git, the programs, the repository, and the machine, with the fix of each.
    DOCTOR = "doctor": doctor::Report;
    /// The operations that can be undone, or the operation that was undone.
    UNDO = "undo": undo::Report;
    /// The schemas of answers and requests.
    SCHEMA = "schema": schema::Schemas;
    /// Why a command failed before it had anything to report.
    ERROR = "error": Failure;
    /// The work that a supervisor's helper saved. Only the supervisor reads it.
    TAKEN = "taken": CapturedWork;
    /// What the other agents of this clone used. Only a supervisor reads it.
    SUM = "sum": supervise::Sum;
}
