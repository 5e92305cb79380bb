//! Agents that wait for other agents lend their slots: none stays queued forever, and no more work at once
//! than allowed.

use std::fs;

use testkit::{TestRepo, until};

use crate::world;

/// A repository in which at most this many agents run at once.
fn with_jobs<'world>(world: &'world testkit::World, jobs: &str) -> TestRepo<'world> {
    let repo = world.repo();
    repo.git(["config", "orchestra.agent", "sh"]);
    repo.git(["config", "orchestra.jobs", jobs]);
    repo
}

/// Returns the ids of agents whose names begin like this.
fn named(repo: &TestRepo<'_>, name: &str) -> Vec<String> {
    let ids = repo.agents().into_iter().filter_map(|agent| agent["id"].as_str().map(str::to_owned));
    ids.filter(|id| id.starts_with(name)).collect()
}

/// Returns the largest number that worked at once, and the number at the end: each line of the file is the
/// beginning (`+`) or the end (`-`) of work.
fn most_at_once(repo: &TestRepo<'_>) -> (i32, i32) {
    let marks = fs::read_to_string(repo.path().join("marks")).expect("marks");
    let (mut now, mut most) = (0, 0);
    for mark in marks.lines() {
        now += if mark == "+" { 1 } else { -1 };
        most = most.max(now);
    }
    (now, most)
}

const MARKS: &str = "M=../../repo/marks; ";
const WORK: &str = "echo + >> ../../repo/marks; sleep 0.1; echo - >> ../../repo/marks; echo done > done";

#[test]
fn waiting_parents_in_all_slots_do_not_deadlock() {
    let world = world();
    let repo = with_jobs(&world, "2");
    let parent = format!(
        "{MARKS}echo + >> $M; sleep 0.1; echo - >> $M; git orchestra spawn --name child '{WORK}' '{WORK}' || exit 1; \
        echo + >> $M; echo - >> $M; echo p > p"
    );
    let ran = repo.orchestra(["spawn", "--name", "parent", &parent, &parent, &parent]);
    ran.succeeded();
    assert_eq!((named(&repo, "parent").len(), named(&repo, "child").len()), (3, 6));
    for child in named(&repo, "child") {
        assert_eq!(repo.file_in_head(&child, "done"), "done\n");
    }
    let (left, most) = most_at_once(&repo);
    assert!(left == 0 && most <= 2, "{most} worked at once");
    assert_eq!(fs::read_dir(repo.path().join(".git/orchestra/waiting")).map_or(0, Iterator::count), 0);
}

#[test]
fn children_of_children_run_as_well() {
    let world = world();
    let repo = with_jobs(&world, "1");
    let script = "git orchestra spawn --name two 'git orchestra spawn --name three \"echo 3 > three\" && echo 2 > two' && echo 1 > one";
    repo.orchestra(["spawn", "--name", "one", script]).succeeded();
    for (name, text) in [("one", "1\n"), ("two", "2\n"), ("three", "3\n")] {
        assert_eq!(repo.file_in_head(&named(&repo, name)[0], name), text);
    }
}

#[test]
fn an_agent_that_waits_after_a_detached_spawn_lends_its_slot() {
    let world = world();
    let repo = with_jobs(&world, "1");
    let script = format!(
        "git orchestra spawn -d --name child '{WORK}' '{WORK}' 2> hint; git orchestra status --wait > table || exit 1; \
        git orchestra status --wait $ORCHESTRA_AGENT 2> itself; echo $? >> itself"
    );
    repo.orchestra(["spawn", "--name", "parent", &script]).succeeded();
    let parent = named(&repo, "parent").remove(0);
    assert!(repo.file_in_head(&parent, "hint").contains("'git orchestra status --wait' waits for them"));
    let table = repo.file_in_head(&parent, "table");
    assert!(table.matches("child").count() == 2 && !table.contains("parent"), "{table}");
    let itself = repo.file_in_head(&parent, "itself");
    assert!(itself.contains("would wait for itself") && itself.ends_with("3\n"), "{itself}");
    assert_eq!(most_at_once(&repo), (0, 1));
}

#[test]
fn an_agent_that_resumes_another_and_waits_lends_its_slot() {
    let world = world();
    let repo = with_jobs(&world, "1");
    repo.orchestra(["spawn", "--name", "other", "echo 1 >> ran"]).succeeded();
    let other = named(&repo, "other").remove(0);
    let script = format!("git orchestra resume {other} -m 'echo 2 >> ran' && echo w > w");
    repo.orchestra(["spawn", "--name", "parent", &script]).succeeded();
    assert_eq!(repo.file_in_head(&other, "ran"), "1\n2\n");
}

#[test]
fn a_slot_is_lent_only_while_its_agent_waits() {
    let world = world();
    let repo = with_jobs(&world, "1");
    let go = world.dir().join("go");
    // Its waiting command is killed; the agent it waited for may not start until it waits again.
    let script = format!(
        "git orchestra spawn --name child 'echo 1 > one; until test -e {go}; do sleep 0.05; done' 'echo 2 > two' & \
        until ls ../child-*/one; do sleep 0.05; done; pkill -KILL -P $! ; kill -KILL $!; touch killed; \
        until test -e again; do sleep 0.05; done; git orchestra status --wait",
        go = go.display()
    );
    let parent = repo.orchestra(["spawn", "-d", "--name", "parent", &script]).succeeded().line();
    repo.wait_for_file(&parent, "killed");
    let waiting = repo.path().join(".git/orchestra/waiting");
    let children = named(&repo, "child");
    fs::write(&go, "").expect("written");
    until("the first child ends", || {
        children.iter().any(|id| repo.agent(id)["phase"] == "done").then_some(())
    });
    let queued = |id: &&String| repo.agent(id)["phase"] == "queued";
    assert_eq!(children.iter().filter(queued).count(), 1, "the slot is not lent any more");
    fs::write(repo.worktree(&parent).join("again"), "").expect("written");
    assert_eq!(repo.end_of(&parent)["phase"], "done");
    assert!(children.iter().all(|id| repo.agent(id)["phase"] == "done"));
    assert_eq!(fs::read_dir(waiting).map_or(0, Iterator::count), 0);
}

#[test]
fn waiting_ends_at_the_time_limit() {
    let world = world();
    let repo = with_jobs(&world, "3");
    let id = repo.spawn("until test -e go; do sleep 0.05; done");
    repo.wait_for(&id, "running");
    let late =
        repo.orchestra(["status", "--wait=1s", "--json"]).exits(124).stderr_has("1 agent still running");
    assert_eq!(late.json()["agents"][0]["phase"], "running");
    repo.orchestra(["status", "--wait=nonsense"]).exits(2);
    fs::write(repo.worktree(&id).join("go"), "").expect("written");
    repo.orchestra(["status", "--wait=60s"]).succeeded();
    repo.orchestra(["status", "--wait", &id]).succeeded();
}
