//! `compare`: agents of one task side by side, and which one a person picks.

use serde_json::{Value, json};
use testkit::{Aim, Ran, TestRepo};

use crate::{
    injector,
    sync::{clone, first, sync},
    world,
};

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

fn given(repo: &TestRepo<'_>, ids: &[String]) -> Vec<Value> {
    ids.iter().map(|id| repo.agent(id)["verdict"].clone()).collect()
}

/// Returns the verdicts in the note on an agent's work, by plain git.
fn noted(repo: &TestRepo<'_>, id: &str) -> Vec<String> {
    let head = repo.agent(id)["head"].as_str().expect("a head").to_owned();
    let ours = ["cat-file", "blob", &format!("refs/orchestra/notes/reviews:{head}")];
    let note = Ran::of(repo.world().command("git", repo.path()).args(ours)).stdout();
    let verdict =
        |line: &str| serde_json::from_str::<Value>(line).ok()?["verdict"].as_str().map(str::to_owned);
    note.lines().filter_map(verdict).collect()
}

fn operation(ran: &Ran) -> String {
    ran.json()["undo"].as_str().expect("an id").to_owned()
}

#[test]
fn one_undo_withdraws_all_verdicts_of_a_pick_and_those_before_count_again() {
    let world = world();
    let repo = world.repo();
    let ids = copies(&repo);
    repo.orchestra(["review", &ids[0], "--changes", "--keep", "-m", "first"]).succeeded();
    let pick =
        |id: &str| repo.orchestra(["compare", &ids[0], &ids[1], "--pick", id, "--json"]).succeeded().json();
    let picked = pick(&ids[1]);
    assert!(picked["operation"].is_string(), "{picked}");
    assert!(pick(&ids[1])["operation"].is_null(), "the same choice again is no news");
    pick(&ids[0]);
    assert_eq!(given(&repo, &ids), ["approve", "reject"]);
    let back = format!("the verdict on {} would be as it was before\n", ids[0]);
    repo.orchestra(["undo", "-n"]).succeeded().stdout_has(&back);
    assert_eq!(given(&repo, &ids), ["approve", "reject"], "nothing changed");
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(given(&repo, &ids), ["reject", "approve"]);
    assert_eq!(
        (noted(&repo, &ids[0]), noted(&repo, &ids[1])),
        (vec!["changes".into(), "reject".into()], vec!["approve".into()])
    );
    let undo = operation(&repo.orchestra(["undo", "--json"]).succeeded());
    assert_eq!(given(&repo, &ids), [json!("changes"), Value::Null]);
    assert_eq!((noted(&repo, &ids[0]), noted(&repo, &ids[1])), (vec!["changes".to_owned()], Vec::new()));
    repo.orchestra(["undo"]).exits(3).stderr_has("nothing to undo");
    let waiting = repo.orchestra(["review", "--json"]).succeeded().json();
    assert!(waiting["waiting"].to_string().contains(&ids[1]), "it waits for a verdict again: {waiting}");
    // The undo can be undone, and that as well.
    let redo = operation(&repo.orchestra(["undo", &undo, "--json"]).succeeded());
    assert_eq!(given(&repo, &ids), ["reject", "approve"]);
    repo.orchestra(["undo", &redo]).succeeded();
    assert_eq!(given(&repo, &ids), [json!("changes"), Value::Null]);
    // Nothing was removed from the events.
    let kinds = |id: &str, kind: &str| repo.events(id).iter().filter(|fact| fact["t"] == kind).count();
    assert_eq!((kinds(&ids[0], "verdict"), kinds(&ids[0], "withdrawn")), (4, 3));
}

#[test]
fn an_undo_of_a_pick_leaves_what_was_reviewed_since_and_is_not_for_agents() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let ids = copies(&repo);
    repo.orchestra(["compare", &ids[0], &ids[1], "--pick", &ids[0]]).succeeded();
    let agent = repo.spawn_claude(&["--permission", "bypassPermissions"], "write before 1\nawait reply");
    repo.wait_for_file(&agent, "before");
    let mut undo = repo.orchestra_command(["undo"]);
    Ran::of(undo.envs(repo.variables_of(&agent))).exits(3);
    assert_eq!(
        given(&repo, &ids),
        ["approve", "reject"],
        "an agent gives no verdict in the name of a person"
    );
    repo.orchestra(["stop", &agent]).succeeded();
    repo.orchestra(["review", &ids[1], "--approve"]).succeeded();
    let stays = format!("the work of '{}' was reviewed again since, and that verdict stays", ids[1]);
    repo.orchestra(["undo"]).succeeded().stderr_has(&stays);
    assert_eq!(given(&repo, &ids), [Value::Null, json!("approve")]);
    // An agent that was removed is restored first.
    repo.orchestra(["compare", &ids[0], &ids[1], "--pick", &ids[0]]).succeeded();
    let picked = repo.orchestra(["undo", "--list", "--json"]).succeeded().json();
    let picked = picked["operations"][0]["id"].as_str().expect("an id").to_owned();
    repo.orchestra(["cleanup", "--discard", &ids[1]]).succeeded();
    for dry in [&["-n"] as &[&str], &[]] {
        let words = ["undo", &picked].into_iter().chain(dry.iter().copied());
        repo.orchestra(words).exits(3).stderr_has("cannot be changed").stderr_has("undo that first");
    }
    repo.orchestra(["undo"]).succeeded();
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(given(&repo, &ids), [Value::Null, json!("approve")]);
}

#[test]
fn a_pick_that_is_killed_is_undone_or_finished_as_one() {
    let Some(injector) = injector() else { return };
    for finishes in [false, true] {
        let world = world();
        let repo = world.repo();
        let ids = copies(&repo);
        let words = ["compare", &ids[0], &ids[1], "--pick", &ids[0]];
        let mut command = repo.command(world.bins().join("git-orchestra-compare"));
        command.args(&words[1..]);
        let aim = Aim { step: Some("rename refs/orchestra/agents/"), ..Aim::at("git-orchestra-compare") };
        assert!(injector.kill(&world, &mut command, aim, 2).is_some(), "the second verdict");
        assert_eq!(given(&repo, &ids), [json!("approve"), Value::Null]);
        if finishes {
            repo.orchestra(words).succeeded();
            assert_eq!(given(&repo, &ids), ["approve", "reject"]);
        }
        repo.orchestra(["undo"]).succeeded();
        assert_eq!(given(&repo, &ids), [Value::Null, Value::Null], "finishes: {finishes}");
        repo.orchestra(["undo"]).exits(3).stderr_has("nothing to undo");
    }
}

#[test]
fn an_undo_of_a_pick_that_is_killed_is_finished_by_the_next_one() {
    let Some(injector) = injector() else { return };
    let world = world();
    let repo = world.repo();
    let ids = copies(&repo);
    repo.orchestra(["compare", &ids[0], &ids[1], "--pick", &ids[0]]).succeeded();
    let mut command = repo.command(world.bins().join("git-orchestra-undo"));
    let aim = Aim { step: Some("rename refs/orchestra/agents/"), ..Aim::at("git-orchestra-undo") };
    assert!(injector.kill(&world, &mut command, aim, 2).is_some(), "the second withdrawal");
    assert_eq!(given(&repo, &ids), [Value::Null, json!("reject")]);
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(given(&repo, &ids), [Value::Null, Value::Null]);
    let list = repo.orchestra(["undo", "--list", "--json"]).succeeded().json();
    assert_eq!(list["operations"].as_array().map(Vec::len), Some(2), "the undo has one operation: {list}");
}

#[test]
fn a_verdict_that_is_withdrawn_counts_in_no_clone() {
    let world = world();
    let (a, b) = (first(&world).with_identity(), clone(&world, "b").with_identity());
    let ids = copies(&a);
    a.orchestra(["compare", &ids[0], &ids[1], "--pick", &ids[0]]).succeeded();
    let writer = std::fs::read(a.path().join(".git/orchestra/writer")).expect("a writer");
    let writer: Value = serde_json::from_slice(&writer).expect("JSON");
    let writer = writer["id"].as_str().expect("an id");
    sync(&a);
    sync(&b);
    // Before b trusts a, that the work was rejected there is said wherever it is about to land, with how to trust.
    let trust = format!("git config --add orchestra.trustWriter {writer}");
    let ignored = format!("{}: 'reject' by clone {writer} does not count here; if you trust", ids[1]);
    b.orchestra(["merge-ranked", "-n", &ids[1]]).succeeded().stderr_has(&ignored).stderr_has(&trust);
    b.orchestra(["review", &ids[1]]).succeeded().stdout_has(&trust);
    b.git(["config", "orchestra.trustWriter", writer]);
    assert_eq!(given(&b, &ids), ["approve", "reject"]);
    a.orchestra(["undo"]).succeeded();
    sync(&a);
    sync(&b);
    assert_eq!(given(&b, &ids), [Value::Null, Value::Null]);
    assert!(noted(&b, &ids[0]).is_empty());
}
