//! The command line of `decide`.

use std::time::Duration;

use clap::Parser;
use orchestra::{Error, Result, model::text, ops::decide::Request};
use orchestra_terminal::{pages::Page, settings::time};

/// Show what waits for a person, and answer at the gates of runs
///
/// A run opens a gate where it needs a person: a task failed, its work conflicts with the target branch, fails
/// the check there, was not approved or changes other files than it may, the budget of the run is used up, a usage limit lasts
/// too long, the target branch cannot move, or the plan is to be confirmed first. Other tasks keep working meanwhile. Without arguments,
/// the open gates of all runs are listed with their options, and the agents that ask for a permission.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-decide", version)]
pub(crate) struct Cli {
    /// The run, by id or unique prefix; it can be left out before a gate with an option: '2 retry'
    #[arg(value_name = "RUN")]
    pub(crate) first: Option<String>,
    /// The number of the gate
    #[arg(value_name = "GATE")]
    pub(crate) second: Option<String>,
    /// One of the options of the gate; without it, they are shown
    #[arg(value_name = "OPTION")]
    pub(crate) third: Option<String>,
    /// Add a text to the answer; with 'retry', the agent reads it
    #[arg(short, long, value_name = "TEXT", requires = "first")]
    pub(crate) message: Option<String>,
    /// Wait until the clone that drives the run has closed the gate, at most this long, such as 30s or 10m
    #[arg(long, value_name = "TIME", value_parser = time, requires = "first")]
    pub(crate) wait: Option<Duration>,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra decide", "List what waits for a person"),
        ("git orchestra decide 2 skip", "Answer at gate 2 of the only run that waits"),
        (
            "git orchestra decide 2 retry -m 'keep the old API'",
            "Resume the agent of the task with the reason and this text",
        ),
        (
            "git orchestra decide x7k 1 accept --wait 1m",
            "Accept the plan of a run, and see that this counted",
        ),
    ],
    sections: &[
        (
            "OPTIONS OF GATES",
            &[
                "accept: start the tasks of the plan ('git orchestra run --confirm'); land work that a review did not \
                 approve, or that changes other files than its task names ('git orchestra run --strict'); raise the budget of the run \
                 (orchestra.maxRunCost, orchestra.maxRunTokens) by the amount that the gate names.",
                "retry: resume the agent of the task with the reason; its work is checked and lands again. At the gate \
                 of a review: have the same work reviewed once more. At the gate of a usage limit: resume the agent \
                 now. At the gate of a blocked target: land again, after you have moved away what is in the way.",
                "wait: wait until the usage limit ends, at the time that the gate names, and resume the agent then.",
                "agent: let the agent of the task resolve its conflict with the target; at the gate of a review, give it \
                 the remarks, and review its work again.",
                "ours, theirs, union: land the work, and take conflicting lines from the target (ours), from the work \
                 (theirs), or from both (union), which git can do only where both changed the same lines of a text.",
                "edit: resolve the conflict yourself. A worktree is made next to the others, with the merge of the target \
                 begun in it, and another gate shows its path. Edit the files, 'git add' them, and answer 'done' there. \
                 Only the clone that drives the run can be answered so: the worktree is in it. What is in the worktree \
                 is never deleted before it is in a commit, whatever becomes of the run.",
                "done: commit what is in that worktree, add it to the work of the task, and check and land that. If \
                 conflicts or their markers are left, the gate opens again and says where.",
                "skip: leave the task out, and the tasks that need it; at the gate of the budget, all tasks that have not \
                 started.",
                "stop: end the run. What has landed stays, and agents that work keep running.",
            ],
        ),
        (
            "WHICH ANSWER COUNTS",
            &[
                "An answer is recorded in the log of the run. The process that drives the run heeds it within a \
                 second; if there is none, 'git orchestra run --continue' does. From another clone, 'git orchestra \
                 sync' in both takes it there; it counts if the clone that drives the run trusts this one \
                 (orchestra.trustWriter).",
                "The first answer to a gate counts. Who answers otherwise later sees which one did, and the \
                 exit status is 4. An answer is for the work as it was: if the agent continued in the meantime, the \
                 gate is closed without an answer, and another one opens if it is needed.",
                "Agents cannot answer at gates.",
            ],
        ),
    ],
    configuration: false,
    see_also: &["git-orchestra-run", "git-orchestra-send", "git-orchestra-status", "git-orchestra-sync"],
};

impl Cli {
    /// Returns the request that the words mean.
    pub(crate) fn request(&self) -> Result<Request> {
        let mut request = Request { note: self.message.clone(), wait: self.wait, ..Request::default() };
        let number = |word: &str| word.parse::<u64>().ok().filter(|number| *number > 0);
        let words = [&self.first, &self.second, &self.third];
        let words: Vec<&String> = words.into_iter().flatten().collect();
        match words.as_slice() {
            [run, gate, option] => {
                request.run = Some((*run).clone());
                request.gate = Some(number(gate).ok_or_else(|| not_a_gate(gate))?);
                request.option = Some((*option).clone());
            }
            [run, gate] if number(gate).is_some() => {
                request.run = Some((*run).clone());
                request.gate = number(gate);
            }
            [gate, option] => {
                request.gate = Some(number(gate).ok_or_else(|| not_a_gate(gate))?);
                request.option = Some((*option).clone());
            }
            [run] => request.run = Some((*run).clone()),
            _ => {}
        }
        if request.option.is_none() && (request.note.is_some() || request.wait.is_some()) {
            return Err(Error::usage("no option was given to answer with")
                .hint("git orchestra decide GATE OPTION, such as: git orchestra decide 2 retry"));
        }
        Ok(request)
    }
}

fn not_a_gate(word: &str) -> Error {
    Error::usage(format!("'{}' is not the number of a gate", text::safe(word)))
        .hint("git orchestra decide lists the gates with their numbers")
}
