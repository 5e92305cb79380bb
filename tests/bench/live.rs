//! Agents that run: starting them and waiting for them, and counting what they have not committed yet.

use std::{path::Path, process::Command, time::Duration};

use serde_json::Value;
use testkit::{GeneratedRepo, until};

use crate::{
    anchor::{Row, cpu_of_turns, median_of_turns, sorted_turns},
    data::Lab,
};

/// Changes some files and then waits to be stopped.
const BUSY: &str = "git ls-files | head -n 25 | while read -r file; do echo more >> \"$file\"; done; touch ready; \
                    while :; do sleep 60; done";

/// Compares a spawn of five with a shell loop, also by how many spawns end within the time of the loop.
pub(crate) fn spawn_of_five(lab: &Lab, short: bool, show: &mut impl FnMut(Row)) {
    let repo = lab.repo("spawn", 0);
    let turns = if short { 5 } else { 24 };
    let (ours, git) = sorted_turns(turns, &mut || lab.spawn_five(&repo), &mut || lab.shell_loop(&repo));
    let (median, time_of_loop) = (ours[turns / 2], git[turns / 2]);
    show(Row::new("spawn of 5 trivial agents, to the last end", median, time_of_loop, 1.0));
    let within = ours.iter().filter(|time| **time <= time_of_loop).count();
    println!("{within} of {turns} spawns of 5 within the median time of the loop");
}

/// Compares lists of live agents with `git status` in the worktree of each.
pub(crate) fn uncommitted_changes(lab: &Lab, short: bool, show: &mut impl FnMut(Row)) {
    let (files, agents, turns) = if short { (1_000, 8, 5) } else { (5_000, 30, 15) };
    let forest =
        GeneratedRepo { files, folders: files / 25, lines: 40, branches: 1, hot: 5, hot_share: 10, seed: 3 };
    let repo = lab.forest("live", &forest);
    let worktrees = start(lab, &repo, agents);
    let mut list = || lab.run(lab.ours("git-orchestra-status").arg("--json"), &repo);
    let each =
        format!("printf '%s\\n' {} | xargs -P 2 -I {{}} git -C {{}} status --porcelain", worktrees.join(" "));
    let mut git = || lab.run(lab.command("sh").args(["-c", &each]), &repo);
    let (ours, anchor) = median_of_turns(turns, &mut list, &mut git);
    show(Row::new(&format!("status, {agents} live agents on {files} files"), ours, anchor, 1.0));
    let found = status(lab, &repo);
    let answered = found.iter().filter(|agent| agent["dirty"].is_u64()).count();
    println!("answered for {answered} of {agents}");
    let id = found[0]["id"].as_str().expect("an id");
    let (ours, anchor) = cpu_of_turns(
        40,
        &mut || lab.run(lab.ours("git-orchestra-status").args(["--json", id]), &repo),
        &mut || lab.run(lab.git().args(["status", "--porcelain"]), Path::new(&worktrees[0])),
    );
    show(Row::new(&format!("status, one live agent on {files} files, cpu"), ours, anchor, 1.0));
    lab.run(lab.ours("git-orchestra-stop").arg("--all"), &repo);
}

/// Starts agents, waits until each has changed its files, and returns the paths of their worktrees.
fn start(lab: &Lab, repo: &Path, agents: usize) -> Vec<String> {
    let count = agents.to_string();
    let mut spawn = lab.ours("git-orchestra-spawn");
    spawn.args(["--agent", "sh", "--detach", "-j", &count, "--copies", &count, BUSY]);
    let _: Duration = lab.run(&mut spawn, repo);
    until("all agents have changed their files", || {
        let paths: Vec<String> = status(lab, repo)
            .iter()
            .filter_map(|agent| agent["worktree"].as_str().map(str::to_owned))
            .filter(|path| Path::new(path).join("ready").exists())
            .collect();
        (paths.len() == agents).then_some(paths)
    })
}

/// Starts an agent that waits to be stopped, and returns its id once it runs.
pub(crate) fn start_one(lab: &Lab, repo: &Path) -> String {
    let mut spawn = lab.ours("git-orchestra-spawn");
    let output = spawn.args(["--agent", "sh", "--detach", "exec sleep 3600"]).current_dir(repo).output();
    let id = String::from_utf8_lossy(&output.expect("an agent").stdout).trim().to_owned();
    let runs = |agent: &Value| agent["id"] == id.as_str() && agent["phase"] == "running";
    until("the agent runs", || status(lab, repo).iter().any(runs).then_some(()));
    id
}

fn status(lab: &Lab, repo: &Path) -> Vec<Value> {
    let mut command: Command = lab.ours("git-orchestra-status");
    let output = command.arg("--json").current_dir(repo).output().expect("a list");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    report["agents"].as_array().cloned().unwrap_or_default()
}
