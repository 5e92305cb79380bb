//! `compare`: agents of one task side by side, and which one a person picks.

use serde_json::{Value, json};
use testkit::TestRepo;

use crate::world;

/// Two agents with one task whose work differs.
fn copies(repo: &TestRepo<'_>) -> Vec<String> {
    let script = "echo $ORCHESTRA_AGENT > file.txt";
    let ran =
        repo.orchestra(["spawn", "-d", "--agent", "sh", "--name", "try", "--copies", "2", "--", script]);
    let ids: Vec<String> = ran.succeeded().stdout().lines().map(str::to_owned).collect();
    ids.iter().for_each(|id| drop(repo.end_of(id)));
    ids
}

fn verdicts(report: &Value) -> Vec<Value> {
    report["agents"].as_array().expect("agents").iter().map(|agent| agent["verdict"].clone()).collect()
}

#[test]
fn copies_are_found_by_their_task_and_one_is_picked() {
    let world = world();
    let repo = world.repo();
    let ids = copies(&repo);
    let other = repo.spawn("echo other > other.txt");
    repo.end_of(&other);
    repo.commit("ahead", &[("file.txt", "main\n")]);
    let report = repo.orchestra(["compare", &ids[1], "--json"]).succeeded().json();
    let found: Vec<&Value> = report["agents"].as_array().expect("agents").iter().collect();
    assert_eq!(found.iter().map(|one| one["id"].as_str().expect("an id")).collect::<Vec<_>>(), ids);
    for one in &found {
        assert_eq!(one["conflicts_with"][0]["branch"], "main", "{one}");
    }
    assert_eq!((&report["same_task"], &report["picked"]), (&json!(true), &Value::Null));
    let shown = repo.orchestra(["compare", &ids[0], &other]).succeeded();
    shown
        .stdout_has("file.txt")
        .stdout_has("other.txt")
        .stdout_has("none")
        .stderr_has("not have the same task");
    let tip = repo.tip("main");
    let picked = repo.orchestra(["compare", &ids[0], "--pick", &ids[1], "-m", "has more", "--json"]);
    let report = picked.succeeded().json();
    assert_eq!(verdicts(&report), ["reject", "approve"]);
    assert_eq!((&report["picked"], &report["rejected"]), (&json!(ids[1]), &json!([ids[0]])));
    assert_eq!(repo.tip("main"), tip, "nothing landed");
    assert_eq!(repo.agent(&other)["verdict"], Value::Null);
    // The same choice again is no news, and another one replaces it.
    let events = repo.events(&ids[0]).len();
    repo.orchestra(["compare", &ids[0], "--pick", &ids[1], "-m", "has more"]).succeeded();
    assert_eq!(repo.events(&ids[0]).len(), events);
    let again = repo.orchestra(["compare", &ids[0], "--pick", &ids[0], "--json"]).succeeded().json();
    assert_eq!(verdicts(&again), ["approve", "reject"]);
}

#[test]
fn what_cannot_be_recorded_whole_is_refused_before_the_first_verdict() {
    let world = world();
    let repo = world.repo();
    let one = repo.spawn("echo 1 > a.txt");
    let same = repo.orchestra(["spawn", "-d", "--agent", "sh", "--name", "same", "--", "echo 1 >a.txt"]);
    let same = same.succeeded().line();
    let nothing = repo.spawn("true");
    for id in [&one, &same, &nothing] {
        repo.end_of(id);
    }
    let open = repo.spawn("while :; do sleep 0.1; done");
    repo.wait_for(&open, "running");
    for (arguments, code, said) in [
        (vec![one.as_str(), &open, "--pick", &one], 3, "has not ended"),
        (vec![&one, &nothing, "--pick", &nothing], 3, "has no work to approve"),
        (vec![&one, &same, "--pick", &nothing], 2, "is not one of the agents"),
        (vec![&one], 2, "no other agent has the task"),
        (vec![&one, &one], 2, "all that was named is agent"),
        (vec![&one, "nosuch"], 3, "nosuch"),
        (vec![&one, &same, "-m", "why"], 2, "--pick"),
        (vec![], 2, "AGENT"),
    ] {
        repo.orchestra([vec!["compare"], arguments].concat()).exits(code).stderr_has(said);
    }
    assert_eq!(repo.agent(&one)["verdict"], Value::Null);
    let shown = repo.orchestra(["compare", &one, &same, &open]).succeeded();
    shown.stdout_has("running").stderr_has(&format!("{same} ended with the same files as {one}"));
    let ran = repo.orchestra(["compare", &one, &nothing, "--pick", &one]).succeeded();
    ran.stderr_has("has no work to reject").stderr_has("rejected nothing");
    repo.orchestra(["stop", &open]).succeeded();
}

#[test]
fn two_picks_at_once_do_not_reject_both() {
    let world = world();
    let repo = world.repo();
    let ids = copies(&repo);
    let path = repo.path().join(".git/orchestra/locks/pick");
    let held =
        orchestra::lock::Lock::take(&path, std::time::Duration::ZERO).expect("a file").expect("a lock");
    let pick = ["compare", &ids[0], &ids[1], "--pick", &ids[0]];
    repo.orchestra(pick).exits(4).stderr_has("another command is picking an agent");
    assert!(ids.iter().all(|id| repo.agent(id)["verdict"] == Value::Null), "nothing is recorded");
    drop(held);
    repo.orchestra(pick).succeeded();
    let given: Vec<Value> = ids.iter().map(|id| repo.agent(id)["verdict"].clone()).collect();
    assert_eq!(given, ["approve", "reject"]);
}
