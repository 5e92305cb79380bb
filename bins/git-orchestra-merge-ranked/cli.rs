//! The command line of `merge-ranked`.

use std::time::Duration;

use clap::{
    Parser,
    builder::{PossibleValuesParser, TypedValueParser},
};
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::merge_ranked::{Mode, OnConflict, OnFailure, Request, Strategy};
use orchestra_terminal::{complete, pages::Page, settings::time};

/// Land many branches, the least conflicting first, each step tested
///
/// Every pair of branches is merged on trial, with the verdict that git gives; nothing of it stays. The largest set that lands together without conflict goes first, small
/// branches before large ones; then the others. Each branch is merged on top of what landed before, and built and tested there,
/// in a worktree of its own. What conflicts or fails is set aside with the reason, and the next goes on.
///
/// Your checkout, your index and your branch stay as they are until the end. Then the target moves, once, to the commit that
/// has everything that passed, and the files of its checkout with it, or not at all. What you changed there without committing it
/// stays as it is; where the landing changes the same file, or where a file is in the way that git does not track or ignores,
/// nothing moves, and the landing waits for you. If the target moved meanwhile, everything is planned and tested again.
/// 'git orchestra undo' takes the whole landing back.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-merge-ranked", version)]
pub(crate) struct Cli {
    /// Branches, agents or commits (default: the work of every agent that is done)
    #[arg(value_name = "BRANCH", add = ArgValueCandidates::new(complete::agents_and_branches))]
    pub(crate) branches: Vec<String>,
    /// The branch on which they land (default: the one on which you stand)
    ///
    /// With --continue or --abort: which landing is meant, where several are not finished.
    #[arg(long, value_name = "BRANCH", add = ArgValueCandidates::new(complete::branches))]
    pub(crate) into: Option<String>,
    /// Only show order, reasons and conflicts; nothing changes
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// A branch that shall land first; may be given several times
    #[arg(long, value_name = "BRANCH", add = ArgValueCandidates::new(complete::agents_and_branches))]
    pub(crate) priority: Vec<String>,
    /// How branches land: merge, squash or rebase
    #[arg(long, value_name = "HOW", default_value = "merge", value_parser = strategy(), hide_possible_values = true)]
    pub(crate) strategy: Strategy,
    /// A shell command that must succeed after each branch (default: {orchestra.build})
    #[arg(long, value_name = "COMMAND")]
    pub(crate) build: Option<String>,
    /// Another one, run after the build (default: {orchestra.test})
    #[arg(long, value_name = "COMMAND")]
    pub(crate) test: Option<String>,
    /// The longest that one of them may take: 90s, 5m (default: {orchestra.checkTime})
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) check_time: Option<Duration>,
    /// What happens to a branch that conflicts: skip, ours, theirs, union or agent
    ///
    /// skip: it is set aside; ours: what landed before it holds where both changed the same lines; theirs: what it brings holds;
    /// union: both, one after the other; agent: its agent settles the conflict, in the conflicting files alone, unless it
    /// would run what it is told as a script. An agent that does not is given back what it had.
    #[arg(long, value_name = "WHAT", default_value = "skip", value_parser = on_conflict(), hide_possible_values = true)]
    pub(crate) on_conflict: OnConflict,
    /// What happens to a branch with which build or test fails: skip, stop or agent
    ///
    /// skip: it is set aside; stop: the landing stops there, and nothing moves; agent: its agent is told what failed, and repairs
    /// it, unless it would run what it is told as a script. A repair that fails is rolled back.
    #[arg(long, value_name = "WHAT", default_value = "skip", value_parser = on_failure(), hide_possible_values = true)]
    pub(crate) on_failure: OnFailure,
    /// How often an agent may try, for each branch
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=20))]
    pub(crate) repairs: u32,
    /// Land only what was approved in review, in the very state in which it is now
    #[arg(long)]
    pub(crate) approved: bool,
    /// Go on with a landing that was cut off, stopped, or could not move its target
    #[arg(long = "continue", conflicts_with_all = ["branches", "dry_run", "priority", "build", "test", "check_time", "approved"])]
    pub(crate) go_on: bool,
    /// Give that landing up; the target is where it was
    #[arg(long, conflicts_with_all = ["branches", "dry_run", "priority", "build", "test", "check_time", "approved", "go_on"])]
    pub(crate) abort: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        (
            "git orchestra merge-ranked --dry-run",
            "See in which order the finished agents' work would land, and why",
        ),
        ("git orchestra merge-ranked --test 'cargo test'", "Land it, each step tested"),
        (
            "git orchestra merge-ranked b1 b2 b3 --into main --build 'cargo build' --test 'cargo test'",
            "Land any branches",
        ),
        (
            "git orchestra merge-ranked --on-conflict agent",
            "Let the agents settle their conflicts themselves",
        ),
        ("git orchestra merge-ranked --continue", "Go on after a stop"),
    ],
    sections: &[
        (
            "THE ORDER",
            &[
                "Branches that were asked for with --priority come first; then the largest set of branches of which no two \
                 conflict; within it the approved first, then those that change fewer lines, then the older ones. Up to 64 \
                 branches that hang together by conflicts, the set is the largest there is; beyond, it is found by taking the \
                 branch with the fewest conflicts again and again. Then come those that conflict with what lands before them, \
                 the smallest conflict first; then those that conflict with the target itself. When one is set aside, what \
                 conflicted with it alone moves up.",
            ],
        ),
        (
            "WHAT DOES NOT LAND",
            &[
                "The work of an agent that ended in the middle of a merge, a rebase or the like, or with unresolved conflicts, \
                 is set aside, by name as well; so is a branch in which marks of a conflict are left that its agent was asked to \
                 resolve. Resolve and commit it in the agent's worktree, then 'git orchestra collect AGENT'.",
            ],
        ),
        (
            "OUTCOMES",
            &[
                "A dry run says what would happen: a branch lands; or it has a conflict, with the target or with a branch that lands \
                 earlier, and would be set aside unless --on-conflict resolves it; or it is blocked: WHY says why it would not be tried.",
                "A landing says what happened: a branch is merged, that is in the target now; or set aside; or failed, with a check; \
                 or up to date, with nothing to land. As long as the target has not moved, because the landing stopped or waits, \
                 a branch that was merged and passed the checks in the worktree of the landing is passed, and one that was not \
                 tried yet is not reached.",
                "With which check a branch failed is said in every later plan, by 'git orchestra status' and by 'git orchestra review', \
                 until the branch moves or passes that check. Unless it is named, it lands only where that check is run again; \
                 named, it lands without it, with a warning.",
            ],
        ),
        (
            "LOCK FILES",
            &[
                "Cargo.lock, package-lock.json, pnpm-lock.yaml, yarn.lock, poetry.lock, uv.lock and go.sum are not merged line \
                 by line: where they conflict, what landed before is taken, and the tool that writes such a file makes it anew, if \
                 it is on PATH. Other files are made anew by the command in git config orchestra.regenerate.NAME where \
                 .gitattributes says orchestra-regenerate=NAME.",
            ],
        ),
        (
            "SIGNATURES",
            &[
                "Where git config commit.gpgsign is set, the commits that merge-ranked makes are signed, by the program that git \
                 would use; so are rebased ones. A signer that fails, or does not answer for a minute, holds nothing up: what \
                 lands is not signed then, and a warning says why. Commits that are made for an agent when it ends are never \
                 signed: '--strategy squash' lands a single signed commit for each branch.",
            ],
        ),
        (
            "WHAT MAY RUN MEANWHILE",
            &[
                "One landing runs at a time on one branch; a second one is told which process lands there, and since when. Landings on \
                 different branches run side by side, each in a worktree of its own. Reviews, cleanups and undos may run meanwhile: a \
                 cleanup keeps the agents that a landing uses, and an undo of a landing on the same branch is refused until it ends.",
            ],
        ),
        (
            "WHERE THINGS ARE",
            &[
                "A landing is an operation, refs/orchestra-local/operations/ID: what was done so far, and the output of every \
                 build and test ('git show' prints what the column LOG of --json names). The commits that landed bear notes in \
                 refs/orchestra/notes/results, which git log shows.",
            ],
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
            build: self.build.clone(),
            test: self.test.clone(),
            check_time: self.check_time,
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
