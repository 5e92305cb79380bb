//! The command line of `plan`.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, ValueHint};
use orchestra_terminal::{pages::Page, settings::time};

/// Read a list of tasks, find what is wrong in it, and write it as a plan
///
/// A plan is a Markdown list that says which task comes after which: '- [ ] Use it (after: limiter)'. It is
/// read from a Markdown list, headings with text, lines of text, the tasks.md of spec-kit or Kiro, the tasks.json of Task Master,
/// or the issues of beads; the format is found out from the content. The plan is printed, or written with
/// -o; a Markdown list keeps every byte, and gets the ids of its tasks. Ids that are used twice, tasks that
/// do not exist, and circles are named with their lines. With --agent, an agent makes the plan of prose.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-plan", version)]
pub(crate) struct Cli {
    /// The file with the tasks; - is standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath, required_unless_present_any = ["from_todo", "issues"], conflicts_with = "from_todo")]
    pub(crate) file: Option<PathBuf>,
    /// The same as FILE
    #[arg(long, visible_alias = "from", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) from_todo: Option<PathBuf>,
    /// Make a plan of the open issues with this label on the forge of the remote
    ///
    /// The text of each issue is quoted as data from outside, with a warning to the agent that gets it. What resolves an issue closes it
    /// when its pull request is merged.
    #[arg(long, value_name = "LABEL", conflicts_with_all = ["file", "from_todo", "agent", "tag", "optional"])]
    pub(crate) issues: Option<String>,
    /// Have an agent make the plan of prose, such as notes or an issue: --agent claude
    ///
    /// It works in its own worktree, with the permissions of a reviewer: it can look at the files and change none. Its answer is
    /// checked as every plan is; if it has flaws, an agent gets them and one more try.
    #[arg(long, value_name = "PROFILE", conflicts_with_all = ["check", "graph", "tag", "optional"])]
    pub(crate) agent: Option<String>,
    /// Time limit of the agent of --agent, such as 90s or 5m (default: 20m)
    #[arg(long, value_name = "TIME", value_parser = time, requires = "agent")]
    pub(crate) max_time: Option<Duration>,
    /// Write the plan to this file instead of printing it
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["check", "graph", "json"])]
    pub(crate) output: Option<PathBuf>,
    /// Replace the file of --output if it is another one than the file that is read
    #[arg(long, requires = "output")]
    pub(crate) force: bool,
    /// Only say whether the plan has flaws; the exit status is 2 if it has
    #[arg(long)]
    pub(crate) check: bool,
    /// Show the open tasks by levels: those of one level can be worked on side by side
    #[arg(long, conflicts_with = "check")]
    pub(crate) graph: bool,
    /// Read this list of a file with several, such as a tag of Task Master (default: master)
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,
    /// Take the tasks that the file calls optional as well
    #[arg(long)]
    pub(crate) optional: bool,
    /// Print the plan as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

impl Cli {
    /// Returns the file that is read.
    pub(crate) fn source(&self) -> Option<&PathBuf> {
        self.file.as_ref().or(self.from_todo.as_ref())
    }
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra plan --from-todo TODO.md -o plan.md", "Make a plan of a list of tasks"),
        ("git orchestra plan --check plan.md", "Name what is wrong in a plan"),
        ("git orchestra plan --graph plan.md", "Show what can be worked on side by side"),
        ("git orchestra plan specs/limits/tasks.md", "Print the tasks of spec-kit or Kiro as a plan"),
        (
            "git orchestra plan --agent claude --from notes.md -o plan.md",
            "Have an agent make a plan of prose",
        ),
        ("git orchestra plan --issues bug -o plan.md", "Make a plan of the open issues with a label"),
        ("git orchestra plan --tag login .taskmaster/tasks/tasks.json", "Read one list of Task Master"),
    ],
    sections: &[
        (
            "FORMAT",
            &[
                "Each item at the left margin is a task; a ticked one is done. It may begin with its id in backticks, and end \
             with what it comes after: '- [ ] `api` Use it in every handler (after: limiter, docs)'. An id has at most \
             40 small letters, digits, dots, underscores and hyphens; a task without one gets one, made of its title.",
                "Directly below the title, indented, may be lines of 'agent: claude', 'team: NAME', 'files: src/**, docs/**', \
             'size: 3' (1 to 5) and 'after: ID', several on a line if three spaces are between them. What follows, until \
             the next item, is for the agent.",
                "Between two lines '---' at the beginning may be 'title:', 'into: BRANCH', 'check: COMMAND' and \
             'review: AGENT', the profile of the agents that review all work before it lands. A plan is \
             data: a check in it is a proposal that does not run because the plan says so.",
            ],
        ),
        (
            "PLANS BY AGENTS",
            &[
                "With --agent, FILE is any text. The agent gets it quoted, line by line, as what is to be planned. It starts from the current \
                 commit, and 'git orchestra logs' shows what it did. Read the plan before you run it: nothing of it starts unless you type \
                 'git orchestra run'. A file of --output that is there is replaced only with --force.",
            ],
        ),
        (
            "OTHER FORMATS",
            &[
                "Headings: in a file without a list, each heading with text below it ('## Add auth') is a task, and the text is for \
             the agent. A line 'after: Add auth, docs' names what comes before by titles or ids. In a file with a list, the \
             items are the tasks; a heading with only text is named as left out.",
                "spec-kit: the phases are barriers; in a phase, tasks without [P] come one after another, and '(depends on \
             T012, T013)' says it exactly.",
                "Kiro: the parts of a task (1.1, 1.2) come one after another; tasks without a part in common may be worked on \
             side by side, up to the next checkpoint, or in the waves that the file names. Optional ones (- [ ]*) are left \
             out unless --optional is given.",
                "Task Master: subtasks are the tasks, with their dependencies; cancelled and deferred ones are left out.",
                "beads: the open issues, by 'blocks' and 'waits-for'; an epic is what its children are a part of.",
            ],
        ),
    ],
    configuration: true,
    see_also: &["git-orchestra-spawn", "git-orchestra-merge-ranked"],
};
