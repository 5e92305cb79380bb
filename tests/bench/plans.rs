//! Plans of many branches, compared with git merging all pairs on trial.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use testkit::{GeneratedRepo, SeededRandom};

use crate::{
    anchor::{Row, median_of_turns},
    data::Lab,
};

/// The number of topics that begin along a long history.
const TOPICS: u64 = 40;
/// The highest exponent of the time in the number of pairs.
const EXPONENT: f64 = 1.1;

pub(crate) fn rows(lab: &Lab, turns: usize, short: bool, show: &mut impl FnMut(Row)) {
    of_three(lab, turns, show);
    // In a small repository the fixed costs dominate: the goal for a hundred branches applies to the large one.
    let sizes: &[(u64, u64, f64)] =
        if short { &[(5_000, 30, 0.25)] } else { &[(5_000, 30, 0.25), (50_000, 100, 0.10)] };
    for (files, branches, goal) in sizes {
        of_branches(lab, *files, *branches, *goal, if short { 3 } else { 5 }, show);
    }
    growth(lab, short, show);
    long_history(lab, short, show);
}

fn forest(files: u64, branches: u64) -> GeneratedRepo {
    GeneratedRepo { files, folders: files / 25, lines: 80, branches, hot: 5, hot_share: 10, seed: 7 }
}

#[expect(clippy::cast_precision_loss, reason = "few")]
fn of_branches(lab: &Lab, files: u64, branches: u64, goal: f64, turns: usize, show: &mut impl FnMut(Row)) {
    let repo = lab.forest(&format!("ranking-{branches}"), &forest(files, branches));
    let what = format!("a plan for {branches} branches of {files} files");
    let (ours, git) =
        median_of_turns(turns, &mut || lab.plan(&repo, true), &mut || lab.merge_tree(&repo, branches, true));
    show(Row::new(&what, ours, git, goal));
    let (ours, git) = median_of_turns(turns, &mut || lab.plan(&repo, false), &mut || {
        lab.merge_tree(&repo, branches, false)
    });
    show(Row::new(&format!("{what}, repeated"), ours, git, 0.20));
    let (known, whole) =
        median_of_turns(turns, &mut || lab.plan_after_one_moved(&repo), &mut || lab.plan(&repo, true));
    let what = format!("a plan after one of {branches} moved, to a whole one");
    show(Row::new(&what, known, whole, 3.0 / branches as f64));
}

/// Compares a plan of three times as many branches with what the smaller one costs for each pair.
fn growth(lab: &Lab, short: bool, show: &mut impl FnMut(Row)) {
    let (few, many) = if short { (20, 60) } else { (100, 300) };
    let repos = [few, many]
        .map(|branches| (lab.forest(&format!("growth-{branches}"), &forest(3_000, branches)), branches));
    let [(small, _), (large, _)] = &repos;
    let (ours, anchor) =
        median_of_turns(if short { 1 } else { 3 }, &mut || lab.plan(large, true), &mut || {
            lab.plan(small, true)
        });
    #[expect(clippy::cast_precision_loss, reason = "few")]
    let pairs = |branches: u64| (branches * (branches + 1) / 2) as f64;
    let expected = anchor.mul_f64((pairs(many) / pairs(few)).powf(EXPONENT));
    show(Row::new(&format!("a plan for {many} branches, by the pairs of {few}"), ours, expected, 1.0));
}

/// Compares a plan for topics that begin at distant commits.
fn long_history(lab: &Lab, short: bool, show: &mut impl FnMut(Row)) {
    let commits = if short { 400 } else { 4_000 };
    let repo = lab.imported("history", |import| write_history(import, commits));
    let (ours, git) = median_of_turns(if short { 1 } else { 3 }, &mut || lab.plan(&repo, true), &mut || {
        lab.merge_tree(&repo, TOPICS, true)
    });
    show(Row::new(&format!("a plan for {TOPICS} topics along {commits} commits"), ours, git, 2.0));
}

fn of_three(lab: &Lab, turns: usize, show: &mut impl FnMut(Row)) {
    let repo = lab.forest("three", &forest(200, 3));
    let mut ours = || {
        let mut command = lab.ours("git-orchestra-merge-ranked");
        lab.run(command.args(["--dry-run", "b000", "b001", "b002"]), &repo)
    };
    let mut anchor = || lab.run(lab.git().args(["rev-parse", "--git-dir"]), &repo);
    let (ours, git) = median_of_turns(turns, &mut ours, &mut anchor);
    show(Row::new("merge-ranked --dry-run of 3, repeated", ours, git, 1.3));
}

/// Gives `git fast-import` a line of commits of one file each, and topics of five files that begin along it.
fn write_history(mut import: Command, commits: u64) {
    const FILES: u64 = 2_000;
    let mut child = import.stdin(Stdio::piped()).spawn().expect("git fast-import");
    let mut out = std::io::BufWriter::new(child.stdin.take().expect("a pipe"));
    let mut numbers = SeededRandom::from(5);
    let mut write = |branch: &str, at: u64, from: Option<u64>, files: &[u64]| {
        let mark = if from.is_none() { format!("mark :{}\n", at + 1) } else { String::new() };
        let time = 1_700_000_000 + at;
        writeln!(
            out,
            "commit refs/heads/{branch}\n{mark}committer H <h@example.com> {time} +0000\ndata 1\nx"
        )?;
        if let Some(from) = from {
            writeln!(out, "from :{from}")?;
        }
        for file in files {
            let changed = numbers.below(60);
            let text: String = (0..60)
                .map(|line| {
                    if line == changed {
                        format!("{branch} {at}\n")
                    } else {
                        format!("line {line} of {file}\n")
                    }
                })
                .collect();
            writeln!(out, "M 100644 inline d{:02}/f{file}\ndata {}\n{text}", file % 40, text.len())?;
        }
        std::io::Result::Ok(())
    };
    write("main", 0, None, &(0..FILES).collect::<Vec<_>>()).expect("taken");
    for at in 1..=commits {
        write("main", at, None, &[at * 7 % FILES]).expect("taken");
    }
    for topic in 0..TOPICS {
        let files: Vec<u64> = (0..5).map(|n| (topic * 31 + n * 397) % FILES).collect();
        let start = 1 + topic * commits / TOPICS;
        write(&format!("b{topic:03}"), commits + 1 + topic, Some(start), &files).expect("taken");
    }
    out.into_inner().expect("taken").flush().expect("taken");
    assert!(child.wait().expect("an end").success(), "git fast-import");
}
