//! `decide … edit` when things go wrong meanwhile: the driver is killed, the worktree is deleted, the landing rebases. Nothing is lost, and
//! what a person resolved lands once, and tested.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::Value;
use testkit::{Aim, Ran, TestRepo, until};

use crate::{decide::outcomes, injector, world};

/// Two tasks that conflict, and the check, which keeps what it saw outside of the repository.
const CONFLICT: &str = "- [ ] `a` echo 1 > same\n- [ ] `b` echo 2 > same\n";

fn check(repo: &TestRepo<'_>) -> String {
    format!("cat same >> {}", repo.world().dir().join("checked").display())
}

fn run<'a>(repo: &TestRepo<'_>, check: &'a str) -> Vec<&'a str> {
    repo.commit("begin", &[("same", "0\n")]);
    vec!["run", "plan.md", "--agent", "sh", "--check", check, "--json"]
}

fn go_on(repo: &TestRepo<'_>) -> Ran {
    repo.orchestra(["run", "--continue", "--json"])
}

/// Brings a run to the gate at which a person resolves the conflict, and returns the worktree.
fn edit(repo: &TestRepo<'_>) -> PathBuf {
    repo.write("plan.md", CONFLICT);
    let check = check(repo);
    let report = repo.orchestra(run(repo, &check)).exits(3).json();
    assert_eq!(report["gates"][0]["kind"], "conflict", "{report}");
    repo.orchestra(["decide", "1", "edit"]).succeeded();
    opened(&go_on(repo).exits(3).json())
}

fn opened(report: &Value) -> PathBuf {
    assert_eq!(report["gates"][0]["kind"], "edit", "{report}");
    PathBuf::from(report["gates"][0]["worktree"].as_str().expect("a worktree"))
}

fn resolve(repo: &TestRepo<'_>, folder: &Path) {
    fs::write(folder.join("same"), "1 and 2\n").expect("written");
    repo.git(["-C", folder.to_str().expect("text"), "add", "same"]).succeeded();
}

/// Checks that the resolution is in the target once, and was checked.
fn landed_once(repo: &TestRepo<'_>, why: &str) {
    assert_eq!(repo.git(["show", "main:same"]).stdout(), "1 and 2\n", "{why}");
    let subjects = repo.git(["log", "--format=%s", "main"]).stdout();
    let by_hand = subjects.lines().filter(|one| one.contains("resolved by hand")).count();
    assert_eq!(by_hand, 1, "{why}: {subjects}");
    let checked = fs::read_to_string(repo.world().dir().join("checked")).expect("checks");
    assert!(checked.lines().any(|line| line == "1 and 2"), "{why}: {checked}");
    assert_eq!(repo.git(["status", "--porcelain", "--untracked-files=no"]).stdout(), "", "{why}");
}

/// Returns how many gates the run has opened.
fn gates(repo: &TestRepo<'_>) -> usize {
    let log = repo.refs("refs/orchestra/runs/").into_iter().next().expect("a run").0;
    repo.git(["log", "--format=%B", &log]).stdout().matches("\"t\":\"gate_opened\"").count()
}

#[test]
fn a_driver_that_is_killed_while_a_person_resolves_loses_nothing() {
    let world = world();
    let repo = world.repo();
    let goes = world.dir().join("goes");
    // The fourth task works while the conflict of the first two is resolved.
    let waits = format!("until test -e {}; do sleep 0.1; done; echo 4 > four", goes.display());
    let plan = format!("{CONFLICT}- [ ] `c` echo 3 > three\n- [ ] `d` {waits} (after: c)\n");
    repo.write("plan.md", &plan);
    let check = check(&repo);
    let words = run(&repo, &check);
    let mut command = repo.command(repo.world().bins().join("git-orchestra-run"));
    command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut driver = command.spawn().expect("started");
    let gate = |number: u64| {
        until("the gate is open", || {
            let list = repo.orchestra(["decide", "--json"]).json();
            let gate = list["runs"][0]["gates"][0].clone();
            (gate["gate"] == number).then_some(gate)
        })
    };
    gate(1);
    repo.orchestra(["decide", "1", "edit"]).succeeded();
    let open = gate(2);
    assert!(driver.try_wait().expect("asked").is_none(), "it drives the fourth task");
    let folder = PathBuf::from(open["worktree"].as_str().expect("a worktree"));
    fs::write(folder.join("same"), "1 and").expect("written");
    driver.kill().expect("killed");
    driver.wait().expect("ended");
    // Continuing changes nothing of what is being written.
    fs::write(&goes, "").expect("written");
    let report = go_on(&repo).exits(3).json();
    assert_eq!(opened(&report), folder, "{report}");
    assert!(outcomes(&report).ends_with(", landed, landed"), "{report}");
    assert_eq!(fs::read_to_string(folder.join("same")).expect("the file"), "1 and");
    resolve(&repo, &folder);
    repo.orchestra(["decide", "2", "done"]).succeeded();
    let ended = go_on(&repo).exits(0).json();
    assert_eq!(outcomes(&ended), "landed, landed, landed, landed", "{ended}");
    landed_once(&repo, "killed while it was open");
    assert_eq!((gates(&repo), folder.exists()), (2, false));
}

#[test]
fn a_driver_that_is_killed_between_done_and_its_effect_takes_the_resolution_once() {
    let Some(injector) = injector() else { return };
    let agents = "rename refs/orchestra/agents/";
    for (step, at) in [
        (Some("rename refs/orchestra/runs/"), 1),
        (Some(agents), 1),
        (None, 4),
        (None, 12),
        (None, 20),
        (None, 40),
    ] {
        let world = world();
        let repo = world.repo();
        let folder = edit(&repo);
        resolve(&repo, &folder);
        repo.orchestra(["decide", "2", "done"]).succeeded();
        let mut command = repo.command(world.bins().join("git-orchestra-run"));
        command.arg("--continue");
        let aim = Aim { step, ..Aim::at("git-orchestra-run") };
        let hit = injector.kill(&world, &mut command, aim, at);
        assert!(hit.is_some(), "{step:?} was not reached {at} times");
        let ended = go_on(&repo).exits(0).json();
        let why = format!("killed at {hit:?}");
        assert_eq!(outcomes(&ended), "landed, landed", "{why}: {ended}");
        landed_once(&repo, &why);
        assert_eq!(gates(&repo), 2, "{why}: nothing is asked again");
        assert!(!folder.exists(), "{why}: its worktree is removed");
    }
}

#[test]
fn a_resolution_that_was_taken_is_kept_although_its_worktree_is_deleted_before_it_is_recorded() {
    let Some(injector) = injector() else { return };
    let world = world();
    let repo = world.repo();
    let folder = edit(&repo);
    resolve(&repo, &folder);
    repo.orchestra(["decide", "2", "done"]).succeeded();
    let mut command = repo.command(world.bins().join("git-orchestra-run"));
    command.arg("--continue");
    let aim = Aim { step: Some("rename refs/orchestra/agents/"), ..Aim::at("git-orchestra-run") };
    assert!(injector.kill(&world, &mut command, aim, 1).is_some());
    fs::remove_dir_all(&folder).expect("removed");
    let report = go_on(&repo).exits(3).json();
    assert_eq!(report["gates"][0]["kind"], "conflict", "{report}");
    repo.orchestra(["decide", "3", "edit"]).succeeded();
    assert_eq!(opened(&go_on(&repo).exits(3).json()), folder);
    assert_eq!(fs::read_to_string(folder.join("same")).expect("the file"), "1 and 2\n");
    repo.orchestra(["decide", "4", "done"]).succeeded();
    let ended = go_on(&repo).exits(0).json();
    assert_eq!(outcomes(&ended), "landed, landed", "{ended}");
    landed_once(&repo, "its worktree was deleted");
}

#[test]
fn a_worktree_that_a_person_deletes_is_made_again() {
    for by_git in [false, true] {
        let world = world();
        let repo = world.repo();
        let folder = edit(&repo);
        let path = folder.to_str().expect("text");
        if by_git {
            repo.git(["worktree", "remove", "--force", path]).succeeded();
        } else {
            fs::remove_dir_all(&folder).expect("removed");
        }
        let tip = repo.tip("main");
        repo.orchestra(["decide", "2", "done"]).succeeded();
        let report = go_on(&repo).exits(3).json();
        let gate = &report["gates"][0];
        assert_eq!(gate["kind"], "conflict", "{report}");
        assert!(gate["says"].as_str().expect("text").contains("is gone"), "{report}");
        assert_eq!(repo.tip("main"), tip, "nothing landed");
        repo.orchestra(["decide", "3", "edit"]).succeeded();
        assert_eq!(opened(&go_on(&repo).exits(3).json()), folder);
        resolve(&repo, &folder);
        repo.orchestra(["decide", "4", "done"]).succeeded();
        assert_eq!(outcomes(&go_on(&repo).exits(0).json()), "landed, landed");
        landed_once(&repo, "made again");
    }
}

#[test]
fn a_rebase_keeps_what_was_resolved_in_a_merge() {
    for strategy in ["merge", "squash", "rebase"] {
        let world = world();
        let repo = world.repo();
        repo.commit("begin", &[("same", "0\n")]);
        let ids = ["echo 1 > same", "echo first > other; git add other; git commit -qm first; echo 2 > same"];
        let ids = ids.map(|script| repo.spawn(script));
        ids.iter().for_each(|id| drop(repo.end_of(id)));
        repo.orchestra(["merge-ranked", &ids[0]]).succeeded();
        // A person resolves the conflict by hand, and what they add in the merge is in no other commit.
        let folder = repo.worktree(&ids[1]);
        let git = |words: &[&str]| Ran::of(world.command("git", &folder).args(words));
        git(&["merge", "-q", "main"]).exits(1);
        fs::write(folder.join("same"), "1 and 2\n").expect("written");
        fs::write(folder.join("more"), "mine\n").expect("written");
        git(&["add", "same", "more"]).succeeded();
        git(&["commit", "-q", "-m", "resolved"]).succeeded();
        repo.orchestra(["collect", &ids[1]]).succeeded();
        let test = "grep -q 'and 2' same && test -e more";
        let land = ["merge-ranked", &ids[1], "--strategy", strategy, "--test", test, "--json"];
        let report = repo.orchestra(land).succeeded().json();
        for (file, text) in [("same", "1 and 2\n"), ("more", "mine\n"), ("other", "first\n")] {
            assert_eq!(repo.git(["show", &format!("main:{file}")]).stdout(), text, "{strategy}: {report}");
        }
        let merges = repo.git(["log", "--merges", "--format=%H", "main"]).stdout().lines().count();
        assert_eq!(merges > 1, strategy == "merge", "{strategy} keeps its kind of history");
    }
}

#[test]
fn a_rebase_of_work_with_a_merge_that_resolved_nothing_keeps_its_commits() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("for i in 1 2; do echo $i > $i; git add $i; git commit -qm \"step $i\"; done");
    repo.end_of(&id);
    repo.commit("meanwhile", &[("else", "0\n")]);
    let folder = repo.worktree(&id);
    world.git(&folder, ["merge", "-q", "--no-edit", "main"]).succeeded();
    repo.orchestra(["collect", &id]).succeeded();
    repo.commit("later", &[("later", "0\n")]);
    repo.orchestra(["merge-ranked", &id, "--strategy", "rebase"]).succeeded();
    let subjects = repo.git(["log", "--format=%s", "-3", "main"]).stdout();
    assert_eq!(subjects, "step 2\nstep 1\nlater\n");
}

#[test]
fn an_edit_is_left_out_or_ends_the_run_and_waits_without_a_deadline() {
    for (option, phase, expected) in
        [("skip", "partial", ["landed", "skipped"]), ("stop", "stopped", ["-", "landed"])]
    {
        let world = world();
        let repo = world.repo();
        repo.write("plan.md", CONFLICT);
        let check = check(&repo);
        repo.orchestra(run(&repo, &check)).exits(3);
        // Nobody is hurried who resolves a conflict by hand.
        repo.git(["config", "orchestra.gateTime", "1s"]);
        repo.orchestra(["decide", "1", "edit"]).succeeded();
        let folder = opened(&go_on(&repo).exits(3).json());
        let report = go_on(&repo).exits(3).json();
        assert!(report["gates"][0]["deadline"].is_null(), "{report}");
        fs::write(folder.join("same"), "1 and").expect("written");
        let tip = repo.tip("main");
        repo.orchestra(["decide", "2", option]).succeeded();
        // The same answer twice is one; another one comes too late.
        repo.orchestra(["decide", "2", option]).succeeded();
        repo.orchestra(["decide", "2", "done"]).stderr_has(&format!("was answered before: '{option}'"));
        let ended = go_on(&repo).exits(1).json();
        let mut outcomes: Vec<String> = outcomes(&ended).split(", ").map(str::to_owned).collect();
        outcomes.sort_unstable();
        assert_eq!(
            (ended["phase"].as_str(), outcomes.as_slice()),
            (Some(phase), &expected.map(String::from)[..])
        );
        assert!(ended["warnings"].to_string().contains("has what was resolved by hand"), "{ended}");
        assert_eq!(fs::read_to_string(folder.join("same")).expect("kept"), "1 and", "{option}");
        assert_eq!(repo.tip("main"), tip, "{option}");
        let run = ended["run"].as_str().expect("an id");
        repo.orchestra(["decide", run, "2", option]).succeeded();
        repo.orchestra(["decide", run, "2", "done"]).stderr_has(&format!("'{option}' counted"));
    }
}

#[test]
fn a_resolution_is_kept_beside_if_the_worktree_of_the_agent_is_gone() {
    let world = world();
    let repo = world.repo();
    let folder = edit(&repo);
    resolve(&repo, &folder);
    let second =
        repo.agents().into_iter().find(|agent| agent["title"] == "echo 2 > same").expect("the agent");
    fs::remove_dir_all(second["worktree"].as_str().expect("a worktree")).expect("removed");
    let head = second["head"].as_str().expect("a head").to_owned();
    let main = repo.tip("main");
    repo.orchestra(["decide", "2", "done"]).succeeded();
    let report = go_on(&repo).exits(3).json();
    assert_eq!(report["gates"][0]["kind"], "conflict", "{report}");
    assert!(report["gates"][0]["says"].as_str().expect("a text").contains("is gone"), "{report}");
    let branch = second["branch"].as_str().expect("a branch");
    assert_eq!((repo.tip("main"), repo.tip(branch)), (main, head), "nothing moved");
    assert_eq!(fs::read_to_string(folder.join("same")).expect("the file"), "1 and 2\n");
    repo.orchestra(["decide", "3", "skip"]).succeeded();
    assert_eq!(outcomes(&go_on(&repo).exits(1).json()), "landed, skipped");
}
