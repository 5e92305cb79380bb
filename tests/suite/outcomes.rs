//! The outcomes of `merge-ranked` say what would happen, or what happened; a failed check is remembered;
//! nothing is recorded twice.

use serde_json::Value;
use testkit::{Ran, TestRepo};

use crate::{
    merge_ranked::{four, land},
    sync::{clone, first},
    world,
};

/// Returns the branches with their outcomes, in order.
fn words(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let order = report["order"].as_array().cloned().unwrap_or_default();
    order.iter().map(|step| (text(&step["branch"]), text(&step["outcome"]))).collect()
}

fn word(ran: &Ran, branch: &str) -> String {
    let found = words(&ran.json()).into_iter().find(|(name, _)| name == branch);
    found.unwrap_or_else(|| panic!("{branch} in {}", ran.stdout())).1
}

/// The check that the work of the agent fails.
const CHECK: &str = "grep -q ok state.txt";

fn failing_agent(repo: &TestRepo<'_>) -> String {
    repo.commit("state", &[("state.txt", "ok\n")]);
    let id = repo.spawn("echo bad > state.txt");
    repo.end_of(&id);
    id
}

fn landed_events(repo: &TestRepo<'_>, id: &str) -> usize {
    repo.events(id).iter().filter(|fact| fact["t"] == "landed").count()
}

#[test]
fn a_dry_run_says_what_would_happen() {
    let world = world();
    let repo = four(&world);
    repo.git(["checkout", "-q", "--orphan", "alone"]).succeeded();
    repo.commit("alone", &[("alone.txt", "x\n")]);
    repo.git(["checkout", "-q", "main"]).succeeded();
    let rejected = repo.spawn("echo r > rejected.txt");
    repo.end_of(&rejected);
    repo.orchestra(["review", &rejected, "--reject"]).exits(1);
    let all = ["merge-ranked", "-n", "--json", "b1", "b2", "b3", "main", "alone", &rejected];
    let ran = repo.orchestra(all).succeeded();
    for (branch, expected) in [
        ("b1", "lands"),
        ("b3", "lands"),
        ("b2", "conflict"),
        (rejected.as_str(), "blocked"),
        ("alone", "blocked"),
        ("main", "up_to_date"),
    ] {
        assert_eq!(word(&ran, branch), expected, "{branch}");
    }
    let shown = repo.orchestra(["merge-ranked", "-n", "b1", "b2", &rejected]).succeeded().stdout();
    assert!(!shown.contains("planned") && shown.contains("blocked") && shown.contains("lands"), "{shown}");
}

#[test]
fn a_passed_branch_is_merged_only_once_the_target_moved() {
    let world = world();
    let repo = four(&world);
    let before = repo.tip("main");
    let options = ["--json", "--on-failure", "stop", "--test", "! test -e three.txt"];
    let stopped = land(&repo, &options).exits(1);
    let expected = [("b1", "passed"), ("b4", "passed"), ("b3", "failed"), ("b2", "not_reached")];
    assert_eq!(words(&stopped.json()), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    assert_eq!((&stopped.json()["moved"], repo.tip("main")), (&Value::from(false), before.clone()));
    let given_up = repo.orchestra(["merge-ranked", "--abort", "--json"]).succeeded();
    assert_eq!(word(&given_up, "b1"), "passed");
    // A file is in the way: the landing waits.
    repo.write("three.txt", "mine\n");
    let waits = land(&repo, &[]).exits(3).stderr_has("the landing waits");
    assert!(waits.stdout().contains("passed") && !waits.stdout().contains("merged"), "{}", waits.stdout());
    assert_eq!(repo.tip("main"), before);
    std::fs::remove_file(repo.path().join("three.txt")).expect("removed");
    let done = repo.orchestra(["merge-ranked", "--continue", "--json"]).exits(1);
    assert_eq!((word(&done, "b1"), word(&done, "b2")), ("merged".into(), "set_aside".into()));
}

#[test]
fn the_end_of_the_output_of_a_failed_check_is_shown_and_all_of_it_on_request() {
    let world = world();
    let repo = four(&world);
    let id = failing_agent(&repo);
    let check = format!(r"printf '\033[31mred\033[0m\n'; seq 1 20; {CHECK}");
    let ran = repo.orchestra(["merge-ranked", &id, "--test", &check]).exits(1);
    let end: String = (11..=20).map(|number| format!("  {number}\n")).collect();
    let hint = format!("hint: git orchestra logs --check {id}\n");
    ran.stderr_has(&format!("{id}: test fails: exit code 1; its last lines:\n{end}{hint}"));
    let whole: String = (1..=20).map(|number| format!("{number}\n")).collect();
    let heading = format!("── {id}: test fails: exit code 1 ──\n");
    let all = format!("{heading}red\n{whole}");
    assert_eq!(repo.orchestra(["logs", "--check"]).succeeded().stdout(), all);
    // A newer landing did not check it.
    land(&repo, &["--test", "echo fine"]).exits(1);
    assert_eq!(repo.orchestra(["logs", "--check", &id]).succeeded().stdout(), all);
    let shown = repo.orchestra(["logs", "--check", "b1", "-n", "1"]).succeeded().stdout();
    assert_eq!(shown, "── b1: test passed ──\nfine\n");
    let raw = repo.orchestra(["logs", "--check", &id, "--raw"]).succeeded().stdout();
    assert_eq!(raw, format!("\u{1b}[31mred\u{1b}[0m\n{whole}"));
    repo.orchestra(["logs", "--check", "main"])
        .exits(3)
        .stderr_has("no landing of this clone ran a check on 'main'");
}

#[test]
fn a_failed_check_is_shown_everywhere_and_blocks_the_branch() {
    let world = world();
    let repo = world.repo();
    let id = failing_agent(&repo);
    repo.orchestra(["merge-ranked", "--test", CHECK]).exits(1).stdout_has("test fails: exit code 1");
    let sentence = format!("failed its test last time ({CHECK}: exit code 1)");
    // The plan, the list, the agent, the review, and JSON.
    let plan = repo.orchestra(["merge-ranked", "-n"]).succeeded();
    assert!(plan.stdout().contains(&sentence) && plan.stdout().contains("blocked"), "{}", plan.stdout());
    drop(plan.stderr_has(&format!("hint: git orchestra merge-ranked {id}")));
    for command in [&["status"] as &[&str], &["status", &id], &["review", &id]] {
        repo.orchestra(command).succeeded().stdout_has("did not land: test fails: exit code 1");
    }
    repo.orchestra(["status", &id]).stdout_has(CHECK);
    let failed = repo.agent(&id)["failed_check"].clone();
    assert_eq!((&failed["check"], &failed["command"]), (&"test".into(), &CHECK.into()));
    assert_eq!((&failed["current"], &failed["into"]), (&true.into(), &"main".into()));
    // By default it does not land without that check, and with the check it fails again.
    let before = repo.tip("main");
    let ran = repo.orchestra(["merge-ranked", "--json"]).exits(1);
    assert_eq!(word(&ran, &id), "set_aside");
    assert!(ran.json()["order"][0]["why"].as_str().is_some_and(|why| why == sentence), "{}", ran.stdout());
    repo.orchestra(["merge-ranked", "--test", "true"]).exits(1);
    assert_eq!(word(&repo.orchestra(["merge-ranked", "--json", "--test", CHECK]).exits(1), &id), "failed");
    assert_eq!(repo.tip("main"), before);
    // If it is named, it lands, with a warning before and during the landing.
    let warning = format!("'{id}' {sentence}; that check is not run this time");
    repo.orchestra(["merge-ranked", "-n", &id]).succeeded().stderr_has(&warning);
    assert_eq!(
        word(&repo.orchestra(["merge-ranked", "--json", &id]).succeeded().stderr_has(&warning), &id),
        "merged"
    );
    assert!(!repo.orchestra(["status"]).stdout().contains("did not land"));
    // After the undo its state is as before: nothing has passed since.
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(word(&repo.orchestra(["merge-ranked", "-n", "--json"]), &id), "blocked");
}

#[test]
fn a_failed_check_is_cleared_when_it_passes_or_the_branch_moves() {
    let world = world();
    let repo = world.repo();
    let id = failing_agent(&repo);
    repo.orchestra(["merge-ranked", "--test", CHECK]).exits(1);
    let worktree = repo.worktree(&id);
    std::fs::write(worktree.join("state.txt"), "ok again\n").expect("written");
    repo.orchestra(["collect", &id]).succeeded();
    assert_eq!(repo.agent(&id)["failed_check"]["current"], false);
    assert_eq!(word(&repo.orchestra(["merge-ranked", "-n", "--json"]), &id), "lands");
    // The same commit, for which the check passes once its environment has changed.
    let flaky = repo.spawn("echo 1 > flaky.txt");
    repo.end_of(&flaky);
    let marker = world.dir().join("marker");
    let check = format!("test -e '{}' || ! test -e flaky.txt", marker.display());
    repo.orchestra(["merge-ranked", "--test", &check, &flaky]).exits(1);
    // Its command contains a local path: no event contains it, but this clone remembers it.
    assert_eq!(repo.agent(&flaky)["failed_check"]["command"], Value::Null);
    let plan = repo.orchestra(["merge-ranked", "-n"]).succeeded().stdout();
    assert!(plan.contains("failed its test last time (test -e '"), "{plan}");
    std::fs::write(&marker, "").expect("written");
    assert_eq!(
        word(&repo.orchestra(["merge-ranked", "--json", "--test", &check]).succeeded(), &flaky),
        "merged"
    );
    assert_eq!(repo.agent(&flaky)["failed_check"], Value::Null);
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(word(&repo.orchestra(["merge-ranked", "-n", "--json"]), &flaky), "lands");
}

#[test]
fn the_failure_that_stopped_a_landing_is_remembered_for_all_branches() {
    let world = world();
    let repo = world.repo();
    let id = failing_agent(&repo);
    repo.orchestra(["merge-ranked", "--test", CHECK, "--on-failure", "stop"]).exits(1);
    repo.orchestra(["merge-ranked", "--abort"]).succeeded();
    assert_eq!(word(&repo.orchestra(["merge-ranked", "-n", "--json"]), &id), "blocked");
    assert_eq!(landed_events(&repo, &id), 1);
    repo.branch("plain", &[("state.txt", "bad\n")]);
    repo.orchestra(["merge-ranked", "plain", "--test", CHECK]).exits(1);
    let sentence = format!("failed its test last time ({CHECK}: exit code 1)");
    let plan = repo.orchestra(["merge-ranked", "-n", "plain"]).succeeded();
    assert!(plan.stdout().contains("lands") && plan.stdout().contains(&sentence), "{}", plan.stdout());
    plan.stderr_has("that check is not run this time");
    repo.git(["branch", "-f", "plain", "main"]).succeeded();
    let plan = repo.orchestra(["merge-ranked", "-n", "plain"]).succeeded();
    assert!(!plan.stdout().contains("failed"), "{}", plan.stdout());
}

#[test]
fn events_without_effect_are_not_written() {
    let world = world();
    let repo = world.repo();
    let one = repo.spawn("echo 1 > same.txt");
    let two = repo.spawn("echo 2 > same.txt");
    repo.end_of(&one);
    repo.end_of(&two);
    let lives = || repo.refs("refs/orchestra/agents/");
    // They are not approved: that is not a new event.
    let before = lives();
    repo.orchestra(["merge-ranked", "--approved"]).exits(1).stdout_has("not approved in review");
    assert_eq!(lives(), before);
    // One conflicts with the other, which is recorded once.
    repo.orchestra(["merge-ranked"]).exits(1);
    let after = lives();
    assert_ne!(after, before);
    let aside = repo.agents().into_iter().find(|agent| agent["merged"] == false).expect("one set aside");
    let aside_id = aside["id"].as_str().expect("an id");
    assert!(aside["set_aside"]["why"].as_str().is_some_and(|why| why.contains("same.txt")), "{aside}");
    assert_eq!((&aside["set_aside"]["current"], &aside["set_aside"]["into"]), (&true.into(), &"main".into()));
    repo.orchestra(["status", aside_id]).stdout_has("set aside: conflicts with ");
    repo.orchestra(["merge-ranked"]).exits(1);
    repo.orchestra(["merge-ranked"]).exits(1);
    let told_again = landed_events(&repo, aside_id);
    assert!(told_again <= 2, "{told_again} events");
    let after = lives();
    for quiet in [
        &["merge-ranked"] as &[&str],
        &["merge-ranked", "--approved"],
        &["collect"],
        &["pause", "--all"],
        &["stop", "--all"],
        &["stop", aside_id],
        &["cleanup", "-n"],
        &["status"],
    ] {
        repo.orchestra(quiet);
        assert_eq!(lives(), after, "{quiet:?}");
    }
    repo.orchestra(["review", aside_id, "--reject", "-m", "no"]).exits(1);
    let judged = lives();
    let notes = repo.tip("refs/orchestra/notes/reviews");
    repo.orchestra(["review", aside_id, "--reject", "-m", "no"]).exits(1).stdout_has("rejected");
    assert_eq!((lives(), repo.tip("refs/orchestra/notes/reviews")), (judged.clone(), notes));
    repo.orchestra(["review", aside_id, "--reject", "-m", "no, and why"]).exits(1);
    assert_ne!(lives(), judged);
    let collected = || {
        repo.orchestra(["collect"]).succeeded();
        repo.refs("refs/orchestra/")
    };
    assert_eq!(collected(), collected());
}

#[test]
fn another_clone_gets_one_request() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    let id = a.spawn("sleep 60");
    a.wait_for(&id, "running");
    a.orchestra(["sync"]).succeeded();
    b.orchestra(["sync"]).succeeded();
    let asked = || {
        b.events(&id)
            .iter()
            .filter(|fact| ["stop", "pause"].contains(&fact["t"].as_str().unwrap_or_default()))
            .count()
    };
    for (request, expected) in [
        (&["pause", &id] as &[&str], 1),
        (&["pause", &id], 1),
        (&["stop", &id], 2),
        (&["stop", &id], 2),
        (&["pause", &id], 2),
        (&["stop", &id, "-m", "why"], 3),
    ] {
        b.orchestra(request).succeeded().stdout_has("requested; sent with the next sync");
        assert_eq!(asked(), expected, "{request:?}");
    }
    a.orchestra(["stop", "--all"]).succeeded();
}
