//! `spawn --after`: agents start with the work of others, and land after those.

use orchestra::{
    git::Oid,
    model::AgentId,
    store::layout::PrivateDir,
    supervise::{dependencies, spec::Spec},
};
use testkit::{TestRepo, until};

use crate::{library, world};

/// A script that works on when the file `go` is in the checkout.
fn held(script: &str) -> String {
    format!("until [ -e ../../repo/go ]; do sleep 0.05; done; {script}")
}

/// Starts an agent without watching it. Returns its id.
fn spawned(repo: &TestRepo<'_>, name: &str, after: &[&str], script: &str) -> String {
    let after = after.join(",");
    let mut arguments = vec!["spawn", "--agent", "sh", "-d", "--name", name];
    if !after.is_empty() {
        arguments.extend(["--after", &after]);
    }
    arguments.push(script);
    repo.orchestra(arguments).succeeded().line()
}

fn done(repo: &TestRepo<'_>, id: &str) {
    let ended = repo.end_of(id);
    assert_eq!(ended["phase"], "done", "{ended}");
}

fn history(repo: &TestRepo<'_>, of: &str) -> String {
    repo.git(["log", "--format=%s", of]).stdout()
}

/// Two levels: the second adds a line to the file of the first.
fn stack(repo: &TestRepo<'_>) -> (String, String) {
    let low = spawned(repo, "low", &[], "seq 9 > a.txt");
    let top = spawned(repo, "top", &[&low], "sed -i 's/^5$/five/' a.txt");
    done(repo, &low);
    done(repo, &top);
    (low, top)
}

#[test]
fn an_agent_waits_without_a_slot_and_starts_with_the_work_of_another() {
    let world = world();
    let repo = world.repo();
    let low = spawned(&repo, "low", &[], &held("echo low > low.txt"));
    let before = repo.checkout();
    let top = spawned(&repo, "top", &["low"], "cat low.txt > top.txt");
    // The first of the queue does not keep others from their slots.
    let other = repo.orchestra(["spawn", "--agent", "sh", "-d", "-j", "2", "true"]).succeeded().line();
    done(&repo, &other);
    let waits = repo.agent(&top);
    assert_eq!((&waits["phase"], &waits["queue_position"]), (&"queued".into(), &serde_json::Value::Null));
    assert_eq!((&waits["after"][0]["agent"], &waits["after"][0]["head"]), (&low.clone().into(), &().into()));
    repo.orchestra(["status"]).succeeded().stdout_has(&format!("after {low}"));
    assert_eq!(repo.checkout(), before, "the checkout is not touched");
    repo.write("go", "");
    done(&repo, &top);
    assert_eq!(repo.file_in_head(&top, "top.txt"), "low\n");
    let (work, agent) = (repo.tip(&format!("refs/orchestra/heads/{low}")), repo.agent(&top));
    assert_eq!((&agent["base"], &agent["after"][0]["head"]), (&work.clone().into(), &work.into()));
    assert_eq!((&agent["commits"], &agent["files_changed"]), (&1.into(), &1.into()), "only its own part");
    let diff = repo.orchestra(["diff", &top]).succeeded().stdout();
    assert!(diff.contains("top.txt") && !diff.contains("low.txt"), "{diff}");
}

#[test]
fn a_wrong_request_starts_nothing() {
    let world = world();
    let repo = world.repo();
    let low = spawned(&repo, "low", &[], "true");
    done(&repo, &low);
    let spawn = |more: &[&str]| repo.orchestra([&["spawn", "--agent", "sh", "-d"], more, &["true"]].concat());
    spawn(&["--after", "nobody"]).exits(3).stderr_has("no agent 'nobody'");
    spawn(&["--after", "low,nobody"]).exits(3);
    spawn(&["--after", "low", "--base", "main"]).exits(2);
    spawn(&["--after", "low", "--with-changes"]).exits(2);
    assert_eq!(repo.agents().len(), 1);
    let plan = repo.orchestra(["spawn", "--agent", "sh", "-n", "--json", "--after", "low", "true"]);
    assert_eq!(plan.succeeded().json()["agents"][0]["after"][0], low);
}

#[test]
fn an_agent_after_one_that_has_ended_starts_at_once_and_says_when_that_work_changes() {
    let world = world();
    let repo = world.repo();
    let low = spawned(&repo, "low", &[], "echo low > low.txt");
    done(&repo, &low);
    let top = spawned(&repo, "top", &[&low], "cat low.txt > top.txt");
    done(&repo, &top);
    assert_eq!(repo.file_in_head(&top, "top.txt"), "low\n");
    let sentence = format!("started with work of {low} that has changed since");
    let says = |command: &[&str]| {
        let ran = repo.orchestra(command).succeeded();
        format!("{}{}", ran.stdout(), ran.stderr()).contains(&sentence)
    };
    let commands = [&["status"][..], &["review", &top], &["merge-ranked", "-n", &low, &top]];
    for command in commands {
        assert!(!says(command), "{command:?}");
    }
    std::fs::write(repo.worktree(&low).join("more.txt"), "more\n").expect("a file");
    repo.orchestra(["collect", &low]).succeeded();
    assert_eq!(repo.agent(&top)["after"][0]["changed"], true);
    for command in commands {
        assert!(says(command), "{command:?}");
    }
    repo.orchestra(["merge-ranked", &low, &top]).succeeded().stderr_has(&sentence);
    assert!(repo.has("main", "more.txt") && repo.has("main", "top.txt"));
    assert!(!says(&["status"]), "what has landed is not stale");
}

/// Its supervisor has seen that all are done, and has its slot; before it reads their work, one of them is resumed.
#[test]
fn an_agent_starts_with_the_work_that_it_saw_done_though_the_other_is_resumed_just_then() {
    let world = world();
    let repo = world.repo();
    let low = spawned(&repo, "low", &[], "echo low > low.txt");
    done(&repo, &low);
    let seen = repo.tip(&format!("refs/orchestra/heads/{low}"));
    repo.orchestra(["resume", "-d", &low, "-m", &held("echo more > more.txt")]).succeeded();
    repo.wait_for(&low, "running");
    let top = spawned(&repo, "top", &[&low], "cat low.txt > top.txt");
    repo.wait_for(&top, "queued");
    let library = library(&repo);
    let dir = PrivateDir::new(library.private_dir().expect("a folder"));
    let id = AgentId::parse(&top).expect("an id");
    let spec = Spec::read(&dir.agent(&id)).expect("a record");
    let not_yet = dependencies::begin_with_work(&library, &id, &spec).expect_err("it is not done");
    assert!(not_yet.message.contains("is not done any more"), "{not_yet}");
    let work = Oid::parse(&seen).expect("a commit");
    let spec = Spec { after_work: vec![work], ..spec };
    assert_eq!(dependencies::begin_with_work(&library, &id, &spec).expect("it begins"), work);
    repo.write("go", "");
    done(&repo, &top);
    assert_eq!(repo.agent(&top)["base"], seen.as_str());
    done(&repo, &low);
}

#[test]
fn an_agent_whose_dependency_fails_waits_until_that_is_resumed() {
    let world = world();
    let repo = world.repo();
    let low = spawned(&repo, "low", &[], "[ -e ../../repo/go ] && echo low > low.txt");
    let top = spawned(&repo, "top", &[&low], "cat low.txt");
    assert_eq!(repo.end_of(&low)["phase"], "failed");
    until("it says for what it waits", || {
        repo.orchestra(["status"]).stdout().contains(&format!("waits: {low} failed")).then_some(())
    });
    assert_eq!(repo.agent(&top)["phase"], "queued");
    repo.write("go", "");
    repo.orchestra(["resume", &low]).succeeded();
    done(&repo, &top);
    assert!(repo.has(&format!("refs/orchestra/heads/{top}"), "low.txt"));
}

#[test]
fn an_agent_whose_supervisor_is_killed_while_it_waits_is_resumed() {
    let world = world();
    let repo = world.repo();
    let low = spawned(&repo, "low", &[], &held("echo low > low.txt"));
    let top = spawned(&repo, "top", &[&low], "cat low.txt > top.txt");
    let supervisor = until("a supervisor", || repo.agent(&top)["supervisor_pid"].as_i64()).to_string();
    assert!(repo.command("kill").args(["-9", &supervisor]).status().expect("kill").success());
    until("it is lost", || (repo.agent(&top)["liveness"] == "lost").then_some(()));
    repo.orchestra(["resume", "-d", &top]).succeeded();
    assert_eq!(repo.agent(&top)["phase"], "queued");
    repo.write("go", "");
    done(&repo, &top);
    assert_eq!(repo.file_in_head(&top, "top.txt"), "low\n");
}

#[test]
fn a_stopped_agent_does_not_start() {
    let world = world();
    let repo = world.repo();
    let low = spawned(&repo, "low", &[], &held("true"));
    let top = spawned(&repo, "top", &[&low], "true");
    repo.orchestra(["stop", &top]).succeeded();
    assert_eq!(repo.end_of(&top)["phase"], "stopped");
    repo.write("go", "");
    done(&repo, &low);
    // Resumed later, it starts with the same work as it would have.
    repo.orchestra(["resume", &top]).succeeded();
    assert_eq!(repo.agent(&top)["after"][0]["head"], repo.agent(&low)["head"]);
}

#[test]
fn several_agents_are_merged_and_a_conflict_names_them() {
    let world = world();
    let repo = world.repo();
    let (left, right) =
        (spawned(&repo, "left", &[], "echo l > l.txt"), spawned(&repo, "right", &[], "echo r > r.txt"));
    let other = spawned(&repo, "other", &[], "echo other > l.txt");
    let both = spawned(&repo, "both", &[&left, &right], "cat l.txt r.txt > both.txt");
    let none = spawned(&repo, "none", &[&left, &other], "true");
    done(&repo, &both);
    assert_eq!(repo.file_in_head(&both, "both.txt"), "l\nr\n");
    let failed = repo.end_of(&none);
    let why = format!("the work of {left} and {other} conflicts in l.txt");
    assert_eq!((&failed["phase"], &failed["reason"]), (&"failed".into(), &why.into()));
    for strategy in ["merge", "squash", "rebase"] {
        repo.orchestra(["merge-ranked", "--strategy", strategy, &both, &left, &right]).succeeded();
        assert_eq!(repo.file_at("main", "both.txt"), "l\nr\n");
        repo.orchestra(["undo"]).succeeded();
    }
}

#[test]
fn a_stack_lands_in_its_order_and_once() {
    let world = world();
    let repo = world.repo();
    let (low, top) = stack(&repo);
    for strategy in ["merge", "squash", "rebase"] {
        let plan = repo.orchestra(["merge-ranked", "--json", "--strategy", strategy]).succeeded().json();
        let steps = plan["order"].as_array().expect("steps");
        let order: Vec<_> = steps.iter().map(|step| (&step["branch"], &step["outcome"])).collect();
        let merged = serde_json::Value::from("merged");
        assert_eq!(order, [(&low.clone().into(), &merged), (&top.clone().into(), &merged)], "{plan}");
        assert!(repo.file_at("main", "a.txt").contains("4\nfive\n6\n"), "{strategy}");
        assert_eq!(
            repo.git(["diff", "--numstat", "main^", "main"]).stdout(),
            "1\t1\ta.txt\n",
            "{strategy}: the second brings its own part"
        );
        let cleaned = repo.orchestra(["cleanup", "--dry-run"]).succeeded().stdout();
        assert!(!cleaned.contains("kept"), "{strategy}: {cleaned}");
        repo.orchestra(["undo"]).succeeded();
        assert!(!repo.has("main", "a.txt"));
    }
}

#[test]
fn a_stack_lands_in_two_landings() {
    let world = world();
    let repo = world.repo();
    let (low, top) = stack(&repo);
    for strategy in ["merge", "squash", "rebase"] {
        repo.orchestra(["merge-ranked", "--strategy", strategy, &low]).succeeded();
        repo.orchestra(["merge-ranked", "--strategy", strategy, &top]).succeeded();
        assert!(repo.file_at("main", "a.txt").contains("4\nfive\n6\n"), "{strategy}");
        let subjects = history(&repo, "main");
        let commits = subjects.lines().filter(|line| line.contains("seq 9 > a.txt")).count();
        assert!(commits <= 2, "{strategy}: its commit, and the merge of it: {subjects}");
        repo.orchestra(["undo"]).succeeded();
        repo.orchestra(["undo"]).succeeded();
    }
    // By hand, as one commit.
    repo.git(["merge", "-q", "--squash", &format!("orchestra/{low}")]);
    repo.git(["commit", "-qm", "by hand"]);
    repo.orchestra(["merge-ranked", &top]).succeeded();
    assert!(repo.file_at("main", "a.txt").contains("4\nfive\n6\n"));
}

#[test]
fn work_is_set_aside_with_what_it_started_with() {
    let world = world();
    let repo = world.repo();
    let (low, top) = stack(&repo);
    let last = spawned(&repo, "last", &[&top], "echo last > last.txt");
    done(&repo, &last);
    let with = |name: &str| format!("started with the work of {name}, which did");
    // Not chosen, rejected, failed.
    let alone = repo.orchestra(["merge-ranked", &top]);
    let into = format!("started with the work of {low}, which has not landed in main");
    assert!(alone.stdout().replace("\n", " ").contains(&into) || alone.stderr().contains(&into), "{alone:?}");
    repo.orchestra(["review", &low, "--reject", "-m", "no"]).exits(1);
    let plan = repo.orchestra(["merge-ranked", "--dry-run", "--json"]).json().to_string();
    assert!(plan.contains(&format!("started with the work of {low}, which does not land")), "{plan}");
    assert!(plan.contains(&format!("started with the work of {top}, which does not land")), "{plan}");
    repo.orchestra(["review", &low, "--approve"]).succeeded();
    let failed = repo.orchestra(["merge-ranked", "--json", "--test", "! [ -e a.txt ]"]).json().to_string();
    for name in [&low, &top] {
        assert!(failed.contains(&with(name)), "{failed}");
    }
    assert!(!repo.has("main", "last.txt"));
    repo.orchestra(["merge-ranked", "--batch", "--test", "[ -e a.txt ]", &last, &top, &low]).succeeded();
    assert_eq!(repo.file_at("main", "last.txt"), "last\n");
}

#[test]
fn a_stale_base_is_said() {
    let world = world();
    let repo = world.repo();
    let (low, top) = stack(&repo);
    assert_eq!(repo.agent(&top)["after"][0]["changed"], false);
    repo.orchestra(["resume", &low, "-m", "seq 9 > b.txt"]).succeeded();
    assert_eq!(repo.agent(&top)["after"][0]["changed"], true);
    repo.orchestra(["status", &top]).succeeded().stdout_has(&format!("{low} (changed since)"));
    // Both land nevertheless, as they do not conflict.
    repo.orchestra(["merge-ranked", "--strategy", "squash"]).succeeded();
    assert!(repo.has("main", "b.txt") && repo.file_at("main", "a.txt").contains("five"));
}

#[test]
fn what_happens_when_a_dependency_fails_can_be_chosen() {
    let world = world();
    let repo = world.repo();
    let low = spawned(&repo, "low", &[], &held("echo low > low.txt; false"));
    let spawn = |how: &str| {
        let arguments = ["spawn", "--again", "--agent", "sh", "-d", "--after", &low, "--on-failed", how];
        repo.orchestra([&arguments[..], &["cat low.txt > seen.txt"]].concat()).succeeded().line()
    };
    let (start, stop) = (spawn("start"), spawn("stop"));
    for (id, how, said) in [(&start, "start", "starts even if one"), (&stop, "stop", "is stopped if one")] {
        assert_eq!(
            (&repo.agent(id)["on_failed"], &repo.events(id)[0]["on_failed"]),
            (&how.into(), &how.into())
        );
        repo.orchestra(["status", id]).succeeded().stdout_has(said);
    }
    let waits = spawn("wait");
    assert_eq!(repo.agent(&waits)["on_failed"], "wait");
    assert!(repo.events(&waits)[0]["on_failed"].is_null(), "it is what all do");
    assert!(repo.agent(&low)["on_failed"].is_null(), "it waits for none");
    repo.write("go", "");
    done(&repo, &start);
    assert_eq!(repo.file_in_head(&start, "seen.txt"), "low\n");
    let stopped = repo.end_of(&stop);
    let why = format!("it waited for {low}: failed");
    assert_eq!((&stopped["phase"], &stopped["reason"]), (&"stopped".into(), &why.into()));
    repo.orchestra(["stop", &waits]).succeeded();
}

#[test]
fn stop_can_include_all_that_wait() {
    let world = world();
    let repo = world.repo();
    let low = spawned(&repo, "low", &[], &held("true"));
    let top = spawned(&repo, "top", &[&low], "true");
    let last = spawned(&repo, "last", &[&top], "true");
    let other = spawned(&repo, "other", &[], &held("echo other"));
    repo.orchestra(["stop", "--with-dependants", &low]).succeeded();
    for id in [&low, &top, &last] {
        assert_eq!(repo.agent(id)["phase"], "stopped", "{id}");
    }
    assert_ne!(repo.agent(&other)["liveness"], "ended");
    repo.orchestra(["stop", "--all"]).succeeded();
}

#[test]
fn a_dependency_that_was_removed_after_it_landed_is_no_obstacle() {
    let world = world();
    let repo = world.repo();
    let hold = spawned(&repo, "hold", &[], &held("echo hold > hold.txt"));
    let low = spawned(&repo, "low", &[], "echo low > low.txt");
    done(&repo, &low);
    let top = spawned(&repo, "top", &[&low, &hold], "cat low.txt hold.txt > top.txt");
    repo.orchestra(["merge-ranked", "--strategy", "squash", &low]).succeeded();
    repo.orchestra(["cleanup", &low]).succeeded();
    repo.write("go", "");
    done(&repo, &top);
    assert_eq!(repo.file_in_head(&top, "top.txt"), "low\nhold\n");
    std::fs::remove_file(repo.path().join("go")).expect("a file");
    repo.orchestra(["merge-ranked"]).succeeded();
    assert_eq!(repo.file_at("main", "top.txt"), "low\nhold\n");
    repo.orchestra(["cleanup"]).succeeded();
    assert!(repo.agents().is_empty());
}
