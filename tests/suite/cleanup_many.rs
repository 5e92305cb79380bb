//! How many programs `cleanup`, `undo` and `collect` start: the number depends neither on the number of agents nor on how long
//! `main` is.

use std::{fs, path::Path};

use serde_json::Value;
use testkit::{Ran, TestRepo};

use crate::{
    cleanup::{cleanup, outcome_of},
    world,
};

/// Changes a line of a file that all agents share, and adds a file of its own.
const TASK: &str = "sed -i \"s/^3$/three $$/\" lines.txt; echo $$ > own-$$; git add .; git commit -qm work";

/// Spawns agents, waits until they have ended, and returns their ids.
fn ended(repo: &TestRepo<'_>, agents: usize) -> Vec<String> {
    let copies = agents.to_string();
    let before = repo.agents().len();
    repo.orchestra(["spawn", "--agent", "sh", "--copies", &copies, TASK]).succeeded();
    let all = repo.agents();
    assert_eq!(all.len(), before + agents);
    all.iter().for_each(|agent| assert_eq!(agent["phase"], "done", "{agent}"));
    all.iter().map(|agent| agent["id"].as_str().expect("an id").to_owned()).collect()
}

/// Runs a command, and returns its answer and the git programs that it started, without their arguments.
fn programs(repo: &TestRepo<'_>, arguments: &[&str]) -> (Value, Vec<String>) {
    let file = repo.world().dir().join("programs");
    let _ = fs::remove_file(&file);
    let ran = Ran::of(repo.orchestra_command(arguments).env("ORCHESTRA_TRACE", &file)).succeeded();
    (ran.json(), started(&file))
}

fn started(trace: &Path) -> Vec<String> {
    let trace = fs::read_to_string(trace).expect("a trace");
    let verb = |line: &str| {
        let (_, program) = line.split_once("program: git --no-pager ")?;
        program.split(' ').next().map(str::to_owned)
    };
    trace.lines().filter_map(verb).collect()
}

/// Adds commits to `main`, all of them on the file that the agents changed as well.
fn grow_main(repo: &TestRepo<'_>, commits: usize) {
    for at in 0..commits {
        let text = repo.file_at("main", "lines.txt");
        repo.commit(&format!("line {at}"), &[("lines.txt", &format!("{text}more {at}\n"))]);
    }
}

#[test]
fn looking_for_work_starts_three_programs_however_many_agents_there_are() {
    let world = world();
    let repo = world.repo();
    let lines: String = (1..=9).map(|line| format!("{line}\n")).collect();
    repo.commit("lines", &[("lines.txt", &lines)]);
    let first = ended(&repo, 3);
    repo.commit("other", &[("other.txt", "other")]);
    // One agent's commit is in main, but its line was changed again: only its patch shows it.
    repo.git(["cherry-pick", &format!("orchestra/{}", first[0])]);
    repo.commit("the line again", &[("lines.txt", &lines.replace("3\n", "drei\n"))]);
    let few = programs(&repo, &["cleanup", "--dry-run", "--json"]);
    assert_eq!(few.1, ["merge-tree", "diff-tree", "patch-id"]);
    assert_eq!(outcome_of(&few.0, &first[0]), ("planned".into(), "in main, squashed into one commit".into()));
    for id in &first[1..] {
        assert_eq!(outcome_of(&few.0, id), ("kept".into(), "its work is not in main".into()));
    }

    let many = ended(&repo, 9);
    assert_eq!(many.len(), 12);
    grow_main(&repo, 20);
    let (report, started) = programs(&repo, &["cleanup", "--dry-run", "--json"]);
    assert_eq!(started, few.1);
    let planned: Vec<&String> = many.iter().filter(|id| outcome_of(&report, id).0 == "planned").collect();
    assert_eq!(planned, [&first[0]]);
}

#[test]
fn removing_and_restoring_landed_agents_starts_no_git() {
    let world = world();
    let repo = world.repo();
    repo.commit("lines", &[("lines.txt", "3\n")]);
    let ids = ended(&repo, 4);
    for id in &ids {
        repo.git(["merge", "-q", "-s", "ours", "-m", "merge", &format!("orchestra/{id}")]);
        repo.git(["checkout", "-q", &format!("orchestra/{id}"), "--", "."]);
        repo.git(["commit", "-qm", "what it did"]);
    }
    let (report, started) = programs(&repo, &["cleanup", "--json"]);
    assert_eq!(started, [""; 0]);
    assert_eq!(outcome_of(&report, &ids[3]), ("removed".into(), "merged into main".into()));
    assert!(repo.agents().is_empty());
    let (_, started) = programs(&repo, &["undo", "--json"]);
    assert_eq!(started, [""; 0]);
    assert_eq!(repo.agents().len(), 4);
    assert_eq!(repo.git(["worktree", "list"]).stdout().lines().count(), 5);
}

#[test]
fn collecting_what_was_collected_starts_no_git() {
    let world = world();
    let repo = world.repo();
    repo.commit("lines", &[("lines.txt", "3\n")]);
    let ids = ended(&repo, 3);
    repo.orchestra(["collect"]).succeeded();
    let notes = repo.refs("refs/orchestra/notes/");
    let (report, started) = programs(&repo, &["collect", "--json"]);
    assert_eq!(started, [""; 0]);
    assert!(report["agents"].as_array().expect("agents").iter().all(|agent| agent["saved"] == "nothing"));
    assert_eq!(repo.refs("refs/orchestra/notes/"), notes);
    // What a file has in addition is found, and what only looks changed is not work.
    let changed = repo.worktree(&ids[1]).join("lines.txt");
    fs::write(&changed, "other\n").expect("written");
    let touched = repo.worktree(&ids[2]).join("lines.txt");
    fs::write(&touched, fs::read(&touched).expect("a file")).expect("written");
    let (report, _) = programs(&repo, &["collect", "--json"]);
    let saved = |id: &String| {
        let agents = report["agents"].as_array().expect("agents");
        agents.iter().find(|agent| agent["id"] == id.as_str()).expect("the agent")["saved"].clone()
    };
    assert_eq!([saved(&ids[0]), saved(&ids[1]), saved(&ids[2])], ["nothing", "taken", "nothing"]);
    assert_eq!(repo.file_in_head(&ids[1], "lines.txt"), "other\n");
    assert!(cleanup(&repo, &["--dry-run"])["agents"].as_array().is_some());
}
