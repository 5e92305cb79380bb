//! The command line of `merge-ranked`.

use std::time::Duration;

use clap::{
    Parser,
    builder::{PossibleValuesParser, TypedValueParser},
};
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::merge_ranked::{Mode, OnConflict, OnFailure, Request, Strategy};
use orchestra_terminal::{complete, pages::Page, settings::time};

/// Land many branches, fewest conflicts first, testing each step
///
/// Every pair of branches is merged on trial, in memory, with the result that git merge would give. The
/// largest set of branches that land together without conflict goes first, small branches before large
/// ones; then the others. Each branch is merged on top of what landed before, then built and tested, in a
/// worktree of the landing. A branch that conflicts or fails is set aside with the reason, and the landing
/// continues with the next.
///
/// Your checkout, your index and your branch stay as they are until the end. Then the target branch moves
/// once, together with the files of its checkout, to the commit that contains everything that passed; or it
/// does not move at all. Your uncommitted changes stay as they are. If the landing changes one of those
/// files, or an untracked or ignored file is in its way, nothing moves and the landing waits for you. If
/// the target moved in the meantime, everything is planned and tested again. 'git orchestra undo' undoes
/// the whole landing.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-merge-ranked", version)]
pub(crate) struct Cli {
    /// Branches, agents, tags (tag:NAME) or commits to land (default: the work of every agent that is done)
    #[arg(value_name = "BRANCH", add = ArgValueCandidates::new(complete::agents_tags_and_branches))]
    pub(crate) branches: Vec<String>,
    /// The target branch (default: {orchestra.into}, else the branch that is checked out)
    ///
    /// With --continue or --abort: selects the landing, if several are unfinished.
    #[arg(long, value_name = "BRANCH", add = ArgValueCandidates::new(complete::branches))]
    pub(crate) into: Option<String>,
    /// Show the order, the reasons and the conflicts, and change nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Land this branch first; may be given several times
    #[arg(long, value_name = "BRANCH", add = ArgValueCandidates::new(complete::agents_and_branches))]
    pub(crate) priority: Vec<String>,
    /// Land only branches that change nothing but this path, and leave the others; may be given several times
    ///
    /// Paths are from the top of the repository, as git takes them: --only docs --only '*.md'.
    #[arg(long, value_name = "PATH")]
    pub(crate) only: Vec<String>,
    /// How to land a branch: merge, squash or rebase
    #[arg(long, value_name = "HOW", default_value = "merge", value_parser = strategy(), hide_possible_values = true)]
    pub(crate) strategy: Strategy,
    /// Run this shell command after each branch; it must succeed (default: {orchestra.build})
    #[arg(long, value_name = "COMMAND")]
    pub(crate) build: Option<String>,
    /// Run this shell command after the build; it must succeed (default: {orchestra.test})
    // Spawn calls it --check, and a person who has typed that types it here as well.
    #[arg(long, alias = "check", value_name = "COMMAND")]
    pub(crate) test: Option<String>,
    /// Time limit for each build and each test, such as 90s or 5m (default: {orchestra.checkTime})
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) check_time: Option<Duration>,
    /// Land the work of an agent with all that it started from, even with what the branch lacks
    ///
    /// Without it, only what the agent did lands: an agent that started on another branch, or from a landing that was undone since, does
    /// not bring that along.
    #[arg(long)]
    pub(crate) with_base: bool,
    /// Build and test also what is known to pass; see CHECKS
    #[arg(long)]
    pub(crate) recheck: bool,
    /// Build and test all branches together first; see CHECKS
    #[arg(long)]
    pub(crate) batch: bool,
    /// What to do with a branch that conflicts: skip, ours, theirs, union or agent
    ///
    /// skip: set it aside. ours: where both sides changed the same lines, keep what landed before. theirs:
    /// keep the lines of the branch. union: keep both, one after the other. agent: let the branch's agent
    /// resolve the conflict, in the conflicting files only, unless its program would run the message as a
    /// script. If the agent does not resolve it, its work is restored.
    #[arg(long, value_name = "WHAT", default_value = "skip", value_parser = on_conflict(), hide_possible_values = true)]
    pub(crate) on_conflict: OnConflict,
    /// What to do with a branch whose build or test fails: skip, stop or agent
    ///
    /// skip: set it aside. stop: stop the landing; nothing moves. agent: send the failure to the branch's
    /// agent, which repairs it, unless its program would run the message as a script. A repair that fails
    /// is rolled back.
    #[arg(long, value_name = "WHAT", default_value = "skip", value_parser = on_failure(), hide_possible_values = true)]
    pub(crate) on_failure: OnFailure,
    /// How many times an agent may try, for each branch
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=20))]
    pub(crate) repairs: u32,
    /// Land only work that a review approved at exactly this commit; no agent is asked to change it
    #[arg(long)]
    pub(crate) approved: bool,
    /// Continue a landing that was interrupted or stopped, or that could not move its target
    #[arg(long = "continue", conflicts_with_all = ["branches", "dry_run", "priority", "only", "build", "test", "check_time", "recheck", "with_base", "batch", "approved"])]
    pub(crate) go_on: bool,
    /// Abort that landing; the target does not move
    #[arg(long, conflicts_with_all = ["branches", "dry_run", "priority", "only", "build", "test", "check_time", "recheck", "with_base", "batch", "approved", "go_on"])]
    pub(crate) abort: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra merge-ranked --dry-run", "Show in which order the agents' work would land, and why"),
        ("git orchestra merge-ranked --test 'cargo test'", "Land it, testing each step"),
        (
            "git orchestra merge-ranked b1 b2 b3 --into main --build 'cargo build' --test 'cargo test'",
            "Land branches of your choice",
        ),
        ("git orchestra merge-ranked --on-conflict agent", "Let the agents resolve their own conflicts"),
        ("git orchestra merge-ranked --only docs", "Land what changes documents alone"),
        ("git orchestra merge-ranked --continue", "Continue after a stop"),
    ],
    sections: &[
        (
            "ORDER",
            &["Branches named by --priority come first; then the largest set of branches of which no two \
                 conflict; within it, approved branches first, then those that change fewer lines, then the \
                 older ones. For up to 64 branches that are connected by conflicts, the set is the largest \
                 possible; for more, it is approximated by repeatedly taking the branch with the fewest \
                 conflicts. Then come the branches that conflict with what lands before them, the smallest \
                 conflict first; then those that conflict with the target itself. When a branch is set \
                 aside, the branches that conflicted with it alone move up."],
        ),
        (
            "WHAT DOES NOT LAND",
            &["The work of an agent that ended in the middle of a merge, a rebase or the like, or with \
                 unresolved conflicts, is set aside, even if it is named. So is a branch that still contains \
                 conflict markers after its agent was asked to resolve them. Resolve and commit in the \
                 agent's worktree, then run 'git orchestra collect AGENT'."],
        ),
        (
            "OUTCOMES",
            &[
                "A dry run shows what would happen. A branch lands; or it has a conflict, with the target or \
                 with a branch that lands earlier, and would be set aside unless --on-conflict resolves it; \
                 or it is blocked, and WHY gives the reason.",
                "A landing shows what happened. A branch is merged: it is in the target now; or set aside; \
                 or failed: a check failed; or up to date: it had nothing to land. While the target has not \
                 moved, because the landing stopped or waits, a branch that was merged in the landing's \
                 worktree and passed the checks is passed, and one that was not tried yet is not reached.",
                "A failed check is shown in every later plan, by 'git orchestra status' and by 'git \
                 orchestra review', until the branch moves or passes that check. A branch with a failed \
                 check lands only if that check is run again; if the branch is named, it lands without the \
                 check, with a warning.",
            ],
        ),
        (
            "SUBMODULES",
            &[
                "Work that points to a commit of a submodule is set aside if only the agent's worktree has that commit: nobody else \
                 could check it out. The command that brings it into your checkout and publishes it is shown.",
                "When the target moves, the submodules of its checkout go along if their commit is here, and if they are on no branch \
                 and have no changes; so they do when the landing is undone. For the others, the command is shown.",
            ],
        ),
        (
            "CHECKS",
            &[
                "A command that passed on the same files, in the same environment, within git config orchestra.checkAge (a day) \
                 is not run again: WHY says 'test passed (known, 3m ago)'. It does not matter \
                 whether a landing, a review, or the --check or --until of an agent ran it. --recheck runs it nevertheless. What \
                 failed always runs again, since the machine may have been the reason.",
                "The environment is: this clone on this machine; all variables, except those of the terminal and \
                 the login, such as TERM and SSH_AUTH_SOCK, and those of git orchestra; and the shell, the programs and \
                 the absolute paths that the command names, with their times, so that after an update it runs again. \
                 What other programs these start, services, and the date are not known.",
                "A check that passed in an agent's worktree counts for a landing only if no ignored file, no \
                 submodule and nothing else that is not part of the work was there when it began; with git \
                 config orchestra.countWorktreeChecks true, it always counts. Results are in \
                 refs/orchestra-local/checks, the newest 300, which no push sends; those of other clones never count.",
                "By default, each step is built and tested, so that every commit of the target's history passed. With --batch, \
                 the branches are merged first, and only the result is built and tested: one run, if it passes. If it fails, \
                 a binary search finds the branch that causes it; with that branch, the command runs once more. If it fails \
                 again, the branch has failed; if it passes, the branch lands, and WHY says that the check is flaky. Where \
                 more than 15 of 100 branches fail, the others are tested one by one. --dry-run says how many runs that makes.",
                "Several checks of one landing run at once with git config orchestra.checkJobs 3, at most as many as \
                 orchestra.slots allows: those that will probably be needed next, each in a worktree of the landing. Their results \
                 are taken in order, so that the same branches land as without it; a run that turns out not to be needed is \
                 ended. The answer of --json counts the runs in 'checks'.",
                "The checks of landings and reviews see what is committed and nothing else. If they need more, set git config \
                 orchestra.setupChecks true: their worktree gets the files of .worktreeinclude and orchestra.include, such as \
                 .env, and orchestra.setup runs in it once. A check that passed there counts like one that passed in an \
                 agent's worktree.",
            ],
        ),
        (
            "LOCK FILES",
            &["Cargo.lock, package-lock.json, pnpm-lock.yaml, yarn.lock, poetry.lock, uv.lock and go.sum \
                 are not merged line by line. On a conflict the version that landed before is taken, and the \
                 tool that owns the file regenerates it, if that tool is on PATH. Other files are \
                 regenerated by the command in git config orchestra.regenerate.NAME, if .gitattributes sets \
                 orchestra-regenerate=NAME for them."],
        ),
        (
            "SIGNATURES",
            &["If git config commit.gpgsign is set, the commits that merge-ranked makes are signed, by the \
                 program that git would use, including rebased commits. If the signer fails or does not \
                 answer within a minute, the landing continues with unsigned commits, and a warning gives \
                 the reason. Commits that are made for an agent when it ends are never signed; '--strategy \
                 squash' lands a single signed commit for each branch."],
        ),
        (
            "CONCURRENT COMMANDS",
            &["Only one landing at a time runs into a branch; a second one reports which process runs the \
                 first, and since when. Landings into different branches run at the same time, each in its \
                 own worktree. Reviews, cleanups and undos may run at the same time: a cleanup keeps the \
                 agents that a landing uses, and undoing a landing into the same branch is refused until the \
                 running one ends."],
        ),
        (
            "STORAGE",
            &["A landing is an operation: refs/orchestra-local/operations/ID holds its progress and the \
                 output of every build and test: 'git orchestra logs --check' shows it, and 'git show' prints \
                 the object that the field log of --json names. The landed commits have notes in \
                 refs/orchestra/notes/results; after 'git orchestra init --notes', git log shows what they say."],
        ),
    ],
    configuration: false,
    see_also: &["git-orchestra-status", "git-orchestra-undo", "git-merge", "git-merge-tree"],
};

impl Cli {
    pub(crate) fn request(&self) -> Request {
        Request {
            mode: match (self.dry_run, self.go_on, self.abort) {
                (true, _, _) => Mode::DryRun,
                (_, true, _) => Mode::Continue,
                (_, _, true) => Mode::Abort,
                _ => Mode::New,
            },
            branches: self.branches.clone(),
            into: self.into.clone(),
            strategy: self.strategy,
            on_conflict: self.on_conflict,
            on_failure: self.on_failure,
            repairs: self.repairs,
            priority: self.priority.clone(),
            approved: self.approved,
            despite_verdict: false,
            with_base: self.with_base,
            build: self.build.clone(),
            test: self.test.clone(),
            check_time: self.check_time,
            recheck: self.recheck,
            batch: self.batch,
            only: self.only.clone(),
        }
    }
}

fn strategy() -> impl TypedValueParser<Value = Strategy> {
    PossibleValuesParser::new(Strategy::ALL.map(Strategy::as_str))
        .try_map(|word| Strategy::parse(&word).ok_or("no such strategy"))
}

fn on_conflict() -> impl TypedValueParser<Value = OnConflict> {
    PossibleValuesParser::new(OnConflict::ALL.map(OnConflict::as_str))
        .try_map(|word| OnConflict::parse(&word).ok_or("no such reaction"))
}

fn on_failure() -> impl TypedValueParser<Value = OnFailure> {
    PossibleValuesParser::new(OnFailure::ALL.map(OnFailure::as_str))
        .try_map(|word| OnFailure::parse(&word).ok_or("no such reaction"))
}
