//! Checks: ten agents whose checks each want all processors, with turns for the slots of the machine and without; and a landing whose
//! checks are known, compared with one that runs them again.

use std::{fs, path::Path, time::Duration};

use crate::{
    anchor::{Row, median_of_turns},
    data::Lab,
};

/// Works on as many processors as there are, and writes down when it began and ended.
const HEAVY: &str = "begun=$(date +%s%N); \
                     for one in $(seq $(nproc)); do awk 'BEGIN { while (n < WORK) n++ }' & done; wait; \
                     echo $begun $(date +%s%N) >> ../times";

/// How long a check that could be known takes.
const SLOW: &str = "sleep 0.3";

/// Measures both.
pub(crate) fn rows(lab: &Lab, short: bool, show: &mut impl FnMut(Row)) {
    turns_of_the_machine(lab, short, show);
    known_checks(lab, short, show);
}

/// The checks of one spawn, as they ran.
struct Ran {
    /// From the first beginning to the last end.
    total: Duration,
    /// How long one took, in the middle.
    median: Duration,
    at_once: usize,
    /// The load of the machine over the last minute, at the end.
    load: String,
}

fn turns_of_the_machine(lab: &Lab, short: bool, show: &mut impl FnMut(Row)) {
    let agents = if short { 4 } else { 10 };
    let work = if short { "20000000" } else { "40000000" };
    let check = HEAVY.replace("WORK", work);
    let measure = |slots: usize| {
        let repo = lab.repo(&format!("slots-{slots}"), 0);
        lab.run(lab.git().args(["config", "orchestra.slots", &slots.to_string()]), &repo);
        let mut command = lab.ours("git-orchestra-spawn");
        let count = agents.to_string();
        // Each has files of its own, so that no check is known.
        command.args(["--agent", "sh", "-j", &count, "--copies", &count, "--check", &check]);
        command.arg("echo $ORCHESTRA_AGENT > made");
        lab.run(&mut command, &repo);
        let folder = repo.with_file_name(format!("slots-{slots}.worktrees"));
        read(&folder.join("times"), agents)
    };
    let (in_turn, all) = (measure(1), measure(agents));
    for (what, ran) in [("in turn", &in_turn), ("all at once", &all)] {
        println!(
            "{agents} checks {what}: {} at once, {:.2} s in all, {:.2} s each, load {}",
            ran.at_once,
            ran.total.as_secs_f64(),
            ran.median.as_secs_f64(),
            ran.load
        );
    }
    assert_eq!(in_turn.at_once, 1, "one slot admits one check");
    show(Row::new(&format!("{agents} heavy checks in turn, one of them"), in_turn.median, all.median, 0.5));
    show(Row::new(&format!("{agents} heavy checks in turn, together"), in_turn.total, all.total, 1.3));
}

fn read(times: &Path, expected: usize) -> Ran {
    let text = fs::read_to_string(times).expect("the checks wrote their times");
    let nanos = |word: &str| word.parse::<u64>().expect("a time");
    let spans: Vec<(u64, u64)> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(begun, ended)| (nanos(begun), nanos(ended)))
        .collect();
    assert_eq!(spans.len(), expected, "every check ran");
    let at_once = |time: u64| spans.iter().filter(|(begun, ended)| *begun <= time && time < *ended).count();
    let mut lengths: Vec<u64> = spans.iter().map(|(begun, ended)| ended - begun).collect();
    lengths.sort_unstable();
    let first = spans.iter().map(|(begun, _)| *begun).min().unwrap_or_default();
    let last = spans.iter().map(|(_, ended)| *ended).max().unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    Ran {
        total: Duration::from_nanos(last - first),
        median: Duration::from_nanos(lengths[lengths.len() / 2]),
        at_once: spans.iter().map(|(begun, _)| at_once(*begun)).max().unwrap_or_default(),
        load: load.split(' ').next().unwrap_or_default().to_owned(),
    }
}

/// Compares a landing whose check is known with the same one that runs it.
fn known_checks(lab: &Lab, short: bool, show: &mut impl FnMut(Row)) {
    let repo = lab.repo("known", 0);
    lab.run(lab.ours("git-orchestra-spawn").args(["--agent", "sh", "--check", SLOW, "echo x > made"]), &repo);
    let land = |recheck: &[&str]| {
        let mut command = lab.ours("git-orchestra-merge-ranked");
        let took = lab.run(command.args(["--test", SLOW]).args(recheck), &repo);
        lab.run(&mut lab.ours("git-orchestra-undo"), &repo);
        took
    };
    let turns = if short { 3 } else { 9 };
    let (known, again) = median_of_turns(turns, &mut || land(&[]), &mut || land(&["--recheck"]));
    show(Row::new("landing with a known check of 0.3 s", known, again, 0.7));
}
