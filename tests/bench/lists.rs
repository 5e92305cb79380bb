//! Lists of many agents and worktrees, and one agent among many: nothing costs more than its own share.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use orchestra::{
    git::Repo,
    model::RunId,
    supervise::spending::{self, Measured},
    world::Environment,
};

use crate::{
    anchor::{Row, median_of_turns},
    data::{Lab, agent_id},
};

/// Shows one row for each list.
pub(crate) fn lists(lab: &Lab, short: bool, show: &mut impl FnMut(Row)) {
    let (few, many, turns) = if short { (100, 1_000, 5) } else { (1_000, 10_000, 9) };
    let waiting = [few, many].map(|agents| {
        let repo = lab.repo_with_work(&format!("waiting-{agents}"), agents, |_| false);
        // Every agent is a row, which is drawn; the goal of the list itself is that of the next row.
        review(lab, &repo, &format!("review, all of {agents} agents wait"), turns, 1.5, show)
    });
    print_exponent("review", few, many, waiting);
    let repo = lab.repo_with_work("landed", many, |at| at % 100 != 0);
    review(
        lab,
        &repo,
        &format!("review, 1 % of {many} agents wait"),
        turns,
        if short { 0.6 } else { 0.35 },
        show,
    );
    let name = format!("completion of an id among {many} agents");
    let mut tab = || lab.run(&mut complete(lab), &repo);
    let (ours, git) = median_of_turns(turns, &mut tab, &mut || all_refs(lab, &repo));
    show(Row::new(&name, ours, git, 0.35));
    sums(lab, &repo, many, turns, show);
    one_of_many(lab, &repo, many, turns, show);
    let (few, many) = if short { (50, 400) } else { (500, 4_000) };
    let listed = [few, many].map(|agents| worktrees(lab, agents, turns, show));
    print_exponent("worktrees", few, many, listed);
}

/// Shows what `review` takes without an agent, and returns its time.
fn review(
    lab: &Lab,
    repo: &Path,
    what: &str,
    turns: usize,
    goal: f64,
    show: &mut impl FnMut(Row),
) -> Duration {
    let mut list = || lab.run(&mut lab.ours("git-orchestra-review"), repo);
    let (ours, git) = median_of_turns(turns, &mut list, &mut || all_refs(lab, repo));
    show(Row::new(what, ours, git, goal));
    ours
}

/// Shows what a supervisor takes to add up what all agents used, for the caps of a day and of a run: if all count, and if all are
/// older. It does so at most every five seconds and in one hundredth of its time.
fn sums(lab: &Lab, repo: &Path, agents: usize, turns: usize, show: &mut impl FnMut(Row)) {
    for (which, midnight, goal) in
        [("today", "1970-01-01T00:00:00Z", 0.75), ("earlier", "2100-01-01T00:00:00Z", 0.35)]
    {
        let mut sum = || {
            let begun = Instant::now();
            let repo = Repo::discover(&Environment::of_this_process().at(repo)).expect("a repository");
            let midnight = midnight.parse().expect("a time");
            let measured = Measured { except: None, run: &RunId::default(), midnight };
            spending::of_clone(&repo, &measured).expect("a sum");
            begun.elapsed()
        };
        let (ours, git) = median_of_turns(turns, &mut sum, &mut || all_refs(lab, repo));
        show(Row::new(&format!("sum for caps, {agents} agents of {which}"), ours, git, goal));
    }
}

/// Runs git's own list, which reads the newest commit of every agent.
fn all_refs(lab: &Lab, repo: &Path) -> Duration {
    let format = "--format=%(refname) %(contents)";
    lab.run(lab.git().args(["for-each-ref", format, "refs/orchestra/agents"]), repo)
}

fn complete(lab: &Lab) -> Command {
    let mut command = lab.ours("git-orchestra");
    command.args(["2", "git-orchestra", "status", "bench-task-77"]).env("GIT_ORCHESTRA_ASK", "complete");
    command
}

/// Shows what one agent takes that is named whole, among many with loose refs, to the same among ten.
fn one_of_many(lab: &Lab, repo: &Path, many: usize, turns: usize, show: &mut impl FnMut(Row)) {
    let alone = lab.repo_with_work("ten", 10, |_| false);
    for repo in [repo, &alone] {
        lab.unpack_refs(repo);
    }
    let id = agent_id(7);
    // A review of one also names the work that it conflicts with: for that it reads the list of all, here a file for each ref.
    let with_others = if many > 1_000 { 40.0 } else { 6.0 };
    for (name, words, goal) in [
        ("status", &[][..], 1.3),
        ("review", &[], with_others),
        ("stop", &[], 1.3),
        ("worktrees", &["--path"], 1.3),
    ] {
        let run = |repo: &Path| {
            let mut command = lab.ours(&format!("git-orchestra-{name}"));
            lab.run_any(command.args(words).arg(id.as_str()), repo)
        };
        let (ours, few) = median_of_turns(turns, &mut || run(repo), &mut || run(&alone));
        show(Row::new(&format!("{name} of one of {many} agents, to one of 10"), ours, few, goal));
    }
}

/// Shows what `worktrees` takes, and returns its time.
fn worktrees(lab: &Lab, count: usize, turns: usize, show: &mut impl FnMut(Row)) -> Duration {
    let repo = lab.repo_with_work(&format!("worktrees-{count}"), count, |_| false);
    lab.add_worktrees(&repo, count);
    let mut list = || lab.run(&mut lab.ours("git-orchestra-worktrees"), &repo);
    let mut anchor = || lab.run(lab.git().args(["worktree", "list", "--porcelain"]), &repo);
    let (ours, git) = median_of_turns(turns, &mut list, &mut anchor);
    show(Row::new(&format!("worktrees, {count} of them"), ours, git, 1.0));
    ours
}

/// Prints how the time grows with the number: 1 is in proportion.
fn print_exponent(what: &str, few: usize, many: usize, [less, more]: [Duration; 2]) {
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let times = many as f64 / few as f64;
    let exponent = (more.as_secs_f64() / less.as_secs_f64()).ln() / times.ln();
    println!("{what}: exponent {exponent:.2} from {few} to {many} (goal 1.1)");
}
