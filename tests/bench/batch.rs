//! Landings whose branches are checked together, compared with one by one, where a branch fails with some probability; and a run of ten
//! tasks, compared with the sum of its parts.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde_json::Value;
use testkit::SeededRandom;

use crate::{anchor::Row, data::Lab};

/// The number of branches, and of tasks.
const BRANCHES: usize = 10;
/// How long one check takes where many landings are measured, in seconds.
const CHECK: &str = "0.3";

pub(crate) fn rows(lab: &Lab, short: bool, show: &mut impl FnMut(Row)) {
    one_long_check(lab, show);
    for percent in [0, 5, 20] {
        failing(lab, percent, if short { 2 } else { 8 }, show);
    }
    run_of_ten(lab, show);
}

/// Sums of several landings.
#[derive(Default)]
struct Landings {
    took: Duration,
    checks: u64,
}

fn one_long_check(lab: &Lab, show: &mut impl FnMut(Row)) {
    let repo = branches(lab, "batch-long", BRANCHES);
    let (mut together, mut alone) = (Landings::default(), Landings::default());
    land(lab, &repo, "sleep 1", &["--batch"], &mut together);
    land(lab, &repo, "sleep 1", &[], &mut alone);
    println!(
        "{BRANCHES} branches with a check of 1 s: {} runs together, {} one by one",
        together.checks, alone.checks
    );
    show(Row::new("10 branches, a check of 1 s, together", together.took, alone.took, 0.2));
}

/// Lands branches of which each fails with a probability: together, one by one, and with two checks at once.
fn failing(lab: &Lab, percent: u64, trials: u64, show: &mut impl FnMut(Row)) {
    let repo = branches(lab, &format!("batch-{percent}"), BRANCHES);
    lab.run(lab.git().args(["config", "orchestra.slots", "2"]), &repo);
    let mut sums: [Landings; 4] = Default::default();
    for trial in 0..trials {
        let mut numbers = SeededRandom::from(percent * 1000 + trial);
        let bad = (0..BRANCHES).filter(|_| numbers.below(100) < percent);
        let fails: String = bad.map(|at| format!(" && test ! -e {at}.txt")).collect();
        let check = format!("sleep {CHECK}{fails}");
        for (at, sum) in sums.iter_mut().enumerate() {
            let jobs = if at % 2 == 0 { "1" } else { "2" };
            lab.run(lab.git().args(["config", "orchestra.checkJobs", jobs]), &repo);
            land(lab, &repo, &check, if at < 2 { &["--batch"] } else { &[] }, sum);
        }
    }
    let [together, together_of_two, alone, alone_of_two] = sums;
    let runs = |sum: &Landings| {
        f64::from(u32::try_from(sum.checks).unwrap_or(u32::MAX))
            / f64::from(u32::try_from(trials).unwrap_or(1))
    };
    println!(
        "{percent} of 100 branches fail: {:.1} runs together, {:.1} one by one; two at once: {:.1} and {:.1}",
        runs(&together),
        runs(&alone),
        runs(&together_of_two),
        runs(&alone_of_two)
    );
    let goals = match percent {
        0 => (0.3, 0.3, 0.8),
        5 => (0.8, 0.8, 0.8),
        _ => (1.5, 1.2, 0.9),
    };
    let name = |what: &str| format!("10 branches, {percent} % fail, {what}");
    show(Row::new(&name("together"), together.took, alone.took, goals.0));
    show(Row::new(&name("together, 2 at once"), together_of_two.took, alone.took, goals.1));
    show(Row::new(&name("one by one, 2 at once"), alone_of_two.took, alone.took, goals.2));
}

/// Compares a run of ten tasks with a spawn of the same tasks and a landing after it.
fn run_of_ten(lab: &Lab, show: &mut impl FnMut(Row)) {
    let work = |at: usize| format!("sleep 0.5; echo {at} > {at}.txt");
    let jobs = BRANCHES.to_string();
    let check = "sleep 0.1";
    let repo = lab.repo("run-whole", 0);
    let plan: String = (0..BRANCHES).map(|at| format!("- [ ] `t{at}` {}\n", work(at))).collect();
    std::fs::write(repo.join("plan.md"), plan).expect("a plan");
    let mut run = lab.ours("git-orchestra-run");
    let whole = lab.run(run.args(["plan.md", "--agent", "sh", "-j", &jobs, "--check", check]), &repo);
    let parts = lab.repo("run-parts", 0);
    let mut spawn = lab.ours("git-orchestra-spawn");
    spawn.args(["--agent", "sh", "-j", &jobs]).args((0..BRANCHES).map(work));
    let mut sum = lab.run(&mut spawn, &parts);
    sum += lab.run(lab.ours("git-orchestra-merge-ranked").args(["--test", check]), &parts);
    show(Row::new("a run of 10 tasks, to its parts", whole, sum, 1.3));
}

/// Makes a repository with branches that do not conflict.
fn branches(lab: &Lab, name: &str, count: usize) -> std::path::PathBuf {
    let repo = lab.repo(name, 0);
    let script = format!(
        "for at in $(seq 0 {}); do git checkout -q -b b$at main && echo $at > $at.txt && git add . \
         && git commit -q -m $at || exit 1; done; git checkout -q main",
        count - 1
    );
    lab.run(lab.command("sh").args(["-c", &script]), &repo);
    repo
}

/// Lands all branches, undoes that, and adds what it took.
fn land(lab: &Lab, repo: &Path, check: &str, options: &[&str], sum: &mut Landings) {
    let mut command = lab.ours("git-orchestra-merge-ranked");
    command.args(["--json", "--recheck", "--test", check]).args(options);
    command.args((0..BRANCHES).map(|at| format!("b{at}"))).current_dir(repo);
    let begun = Instant::now();
    let output = command.output().expect("a landing");
    sum.took += begun.elapsed();
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    sum.checks += report["checks"]["run"].as_u64().expect("a count");
    lab.run_any(&mut lab.ours("git-orchestra-undo"), repo);
}
