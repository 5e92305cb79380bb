//! The command line of `run`.

use std::path::PathBuf;

use clap::{Parser, ValueHint};
use orchestra_terminal::pages::Page;

/// Carry a plan out: start its tasks in order, and land what passes the check
///
/// Each task of the plan gets an agent. A task that comes after others starts when the work of those is in
/// the target branch, and from there. When no agent works any more, the work that is done lands as
/// 'git orchestra merge-ranked' lands it: fewest conflicts first, each step checked. Where a task fails, conflicts
/// or fails the check, it opens a gate, and continues with the others. The command ends when every task has
/// landed, was left out, or needs an answer, which 'git orchestra decide' gives; --continue then finishes the run.
/// Ctrl-C and even kill -9 lose nothing: the agents keep running, and --continue works as well.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-run", version)]
pub(crate) struct Cli {
    /// The file with the plan, in any format that 'git orchestra plan' reads; - is standard input
    #[arg(value_name = "PLAN", value_hint = ValueHint::FilePath, required_unless_present_any = ["resume", "abort", "take"], conflicts_with_all = ["resume", "abort", "take"])]
    pub(crate) plan: Option<PathBuf>,
    /// Continue this run, or the newest one of this clone that has not ended
    ///
    /// With --check, --agent or --jobs, the rest of the run is carried out with those.
    #[arg(
        long = "continue",
        id = "resume",
        value_name = "RUN",
        num_args = 0..=1,
        default_missing_value = "",
        conflicts_with_all = ["tasks", "sequential", "confirm", "yolo", "strict", "tick", "pr", "with_review", "dry_run", "again", "even_if_red"]
    )]
    pub(crate) resume: Option<String>,
    /// Give up this run, or the newest one of this clone that has not ended
    ///
    /// Nothing of it starts or lands any more, and its agents are stopped. Their work is kept, and what has
    /// landed stays: 'git orchestra undo' undoes that.
    #[arg(
        long,
        value_name = "RUN",
        num_args = 0..=1,
        default_missing_value = "",
        conflicts_with_all = ["resume", "tasks", "into", "check", "agent", "jobs", "sequential", "confirm", "yolo", "strict", "tick", "pr", "with_review", "dry_run", "again", "even_if_red"]
    )]
    pub(crate) abort: Option<String>,
    /// Drive a run of another clone here, because that clone is gone: this run, or the newest unfinished one
    ///
    /// 'git orchestra sync' receives it first. What was synced is kept: agents that had not ended there continue from it, and work that
    /// landed only in the branch of that clone lands here again. The check and the profiles are those of this clone. If
    /// the other clone comes back, it notices at its next sync, or when it asks the remote before it
    /// opens a pull request, and does nothing more. You are asked before; without a
    /// terminal, a run is taken only if nothing was heard of its clone for 15 minutes.
    #[arg(
        long,
        value_name = "RUN",
        num_args = 0..=1,
        default_missing_value = "",
        conflicts_with_all = ["resume", "abort", "tasks", "sequential", "confirm", "yolo", "strict", "tick", "pr", "again"]
    )]
    pub(crate) take: Option<String>,
    /// Do not ask before a run is taken from another clone
    #[arg(short, long, requires = "take")]
    pub(crate) yes: bool,
    /// Carry out tasks that a run which has not ended has as well, or that landed in an earlier run
    #[arg(long)]
    pub(crate) again: bool,
    /// Start although the check fails on the target already, for a plan that mends it
    #[arg(long)]
    pub(crate) even_if_red: bool,
    /// Carry out only these tasks, such as api,docs
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) tasks: Vec<String>,
    /// Land on this branch (default: that of the plan, orchestra.into, or the one that is checked out); with --continue, if the branch of
    /// the run was renamed
    #[arg(long, value_name = "BRANCH")]
    pub(crate) into: Option<String>,
    /// Land only what passes this command, such as 'cargo test' (default: orchestra.test)
    #[arg(long, value_name = "COMMAND")]
    pub(crate) check: Option<String>,
    /// The profile of the agents of tasks for which the plan names none, such as claude (default: orchestra.agent)
    #[arg(short, long, value_name = "PROFILE")]
    pub(crate) agent: Option<String>,
    /// Run at most this many agents at once (default: orchestra.jobs)
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) jobs: Option<u32>,
    /// Start a task only when the one before it has landed or failed
    #[arg(long)]
    pub(crate) sequential: bool,
    /// Ask about the plan before anything starts: 'git orchestra decide' accepts it or stops the run
    #[arg(long, conflicts_with_all = ["yolo", "dry_run"])]
    pub(crate) confirm: bool,
    /// Never ask: a task that fails is recorded as failed, and what needs it is skipped
    ///
    /// Permissions and caps are not loosened by it: agents ask for them as they do without it.
    #[arg(long)]
    pub(crate) yolo: bool,
    /// Land no work that changes other files than its task names with 'files:' in the plan
    ///
    /// Without it such work lands, and the table says which other files it changes.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Tick each task that lands in the file of the plan, if that is committed (default: {orchestra.tick})
    ///
    /// The tick is a part of the commit that lands the work, so that undoing the landing removes it. It works for
    /// Markdown lists and headings with boxes, and the tasks.md of spec-kit and Kiro. A file with changes that are not committed is left
    /// alone, which a warning says; so is a task that the file does not have any more. With --strategy
    /// rebase of a later landing, the tick is a small commit.
    #[arg(long)]
    pub(crate) tick: bool,
    /// Publish the work of each task as a pull request, instead of landing it here (default: {orchestra.run.autoPr})
    ///
    /// When the work passes the check on its own branch, a gate asks whether it may leave this machine; with
    /// --yolo it is published at once. Then its branch is pushed and a pull request is opened, as by 'git
    /// orchestra pr'. A task that comes after others starts from their work as soon as that is published, and its
    /// pull request goes into their branch. Whether the forge takes the work is asked before anything starts.
    #[arg(long, conflicts_with = "tick")]
    pub(crate) pr: bool,
    /// Have the work of each task reviewed by an agent before it lands, such as --with-review=claude
    ///
    /// When the work passes the check, a reviewer looks at it as with 'git orchestra review --by'. What it approves
    /// lands. If it asks for changes, the agent of the task gets its remarks and the work is reviewed again, at most
    /// {orchestra.review.rounds} times; after that, and if it rejects the work, a gate asks you. Without AGENT, the
    /// reviewers have the profile of --agent.
    #[arg(long, value_name = "AGENT", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(crate) with_review: Option<String>,
    /// Show the tasks, and start nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Print the run as one JSON object at its end
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra run plan.md --check 'cargo test'", "Carry a plan out"),
        ("git orchestra run --dry-run plan.md", "Show which tasks would be carried out"),
        ("git orchestra run --tasks api,docs plan.md", "Carry out two of its tasks"),
        (
            "git orchestra run --tick specs/limits/tasks.md",
            "Carry out the tasks of spec-kit, and tick those that land",
        ),
        ("git orchestra run plan.md --with-review=claude", "Have an agent review all work before it lands"),
        ("git orchestra run TODO.md --pr", "Turn each task into a pull request"),
        ("git orchestra run --confirm plan.md", "Accept the plan with 'git orchestra decide' first"),
        ("git orchestra run --continue", "Finish the newest run after Ctrl-C or a power cut"),
        (
            "git orchestra run --take",
            "Drive the newest run of another clone here, after 'git orchestra sync'",
        ),
        ("git orchestra run --abort", "Give up the newest run, and keep the work of its agents"),
    ],
    sections: &[(
        "HOW A RUN ENDS",
        &[
            "Every task landed: the exit status is 0. Some did not, or none did: the table says why for each, and the \
             exit status is 1. A gate is open: the exit status is 3; answer with 'git orchestra decide', then continue the \
             run. An agent needs a person, because it asks, is paused, or is lost: the exit status is 3; help \
             it with 'git orchestra send', 'resume' or 'stop', then continue the run. A task whose agent was \
             stopped has failed.",
            "A task whose agent changed nothing is 'unchanged' if the target passes the check as it is. Tasks that come \
             after it start then, because the files that they start from pass the check; otherwise it has failed.",
            "A run needs a check: nothing lands untested. It runs on the target before any agent starts, unless it is known to \
             pass there; if it fails, nothing starts, and the exit status is 3. A 'check:' in the plan is only a proposal, because a plan may \
             come from a stranger.",
            "The budget of a run is orchestra.maxRunCost and orchestra.maxRunTokens: what all its agents together may use, those that \
             review included. At 80 % there is a warning. Once it is used up, nothing more starts, and a gate asks whether it may be \
             raised; with --yolo it is never raised, and the rest is left out.",
            "An agent that reaches a usage limit of its service waits for its end, if that is not farther away than \
             orchestra.limitWait; else a gate asks. A target branch that cannot move, because changes in your checkout are in \
             the way, is a gate as well; with --yolo the run ends with an error then, and --continue finishes it.",
            "One clone drives a run: the one that began it, until another takes it with --take. Of two that take it at once one has it \
             after 'git orchestra sync', and the other says so and lands nothing more; with --pr it \
             asks the remotes before it opens a pull request.",
            "If you undo a landing while its run has not ended, the task counts as skipped, and what started from its work \
             waits at a gate.",
            "With --with-review, nothing lands that is not approved: neither commits that came after the review, nor \
             what an agent would write while it resolves a conflict. A verdict that you give with 'git orchestra \
             review' counts as well. With --yolo, work that is not approved has failed.",
            "With --pr a task is 'published' once its pull request is open: the run does not wait until somebody merges it. A \
             forge that is away stops the run, and --continue finishes it, with one pull request for each branch. What \
             concerns one task, such as a push that the remote refuses, is asked at its gate.",
            "All agents of a run have the tag run/ID: 'git orchestra stop tag:run/ID' stops them. 'git orchestra undo' \
             undoes its landings one by one, the newest first.",
        ],
    )],
    configuration: true,
    see_also: &[
        "git-orchestra-plan",
        "git-orchestra-decide",
        "git-orchestra-spawn",
        "git-orchestra-merge-ranked",
    ],
};
