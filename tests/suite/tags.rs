//! Tags: names of groups of agents, given by `spawn --tag`, and understood by every command that takes several agents.

use crate::world;

fn ids(report: &serde_json::Value, list: &str) -> Vec<String> {
    let all = report[list].as_array().expect("a list");
    let mut ids: Vec<String> = all.iter().map(|one| one["id"].as_str().expect("an id").to_owned()).collect();
    ids.sort();
    ids
}

#[test]
fn a_tag_names_its_agents_and_no_other() {
    let world = world();
    let repo = world.repo();
    let spawned = [
        "spawn",
        "--json",
        "--agent",
        "sh",
        "--tag",
        "web",
        "--tag",
        "night",
        "echo 1 > a.txt",
        "echo 2 > b.txt",
    ];
    let report = repo.orchestra(spawned).succeeded().json();
    assert_eq!(report["agents"][0]["tags"], serde_json::json!(["night", "web"]));
    let tagged = ids(&report, "agents");
    let other = repo.spawn("echo 3 > c.txt");
    repo.end_of(&other);
    assert_eq!(repo.trailer(&tagged[0], "Tags"), "night web");
    assert_eq!(ids(&repo.orchestra(["status", "--json", "tag:web"]).succeeded().json(), "agents"), tagged);
    repo.orchestra(["status", &tagged[0]]).succeeded().stdout_has("tags      night web");
    repo.orchestra(["status", "tag:wep"])
        .exits(3)
        .stderr_has("no agent has the tag 'wep'")
        .stderr_has("tag:web");
    repo.orchestra(["status", "tag:no tag"]).exits(2).stderr_has("'no tag' is not a tag");
    repo.orchestra(["merge-ranked", "tag:night"]).succeeded();
    assert!(repo.has("main", "a.txt") && repo.has("main", "b.txt") && !repo.has("main", "c.txt"));
    repo.orchestra(["collect", "tag:web"]).succeeded().stdout_has(&tagged[1]);
    repo.orchestra(["cleanup", "tag:web"]).succeeded();
    let left = repo.agents();
    assert_eq!((left.len(), left[0]["id"].as_str()), (1, Some(other.as_str())));
    repo.orchestra(["spawn", "--agent", "sh", "--tag", "not a tag", "true"]).exits(2);
}

#[test]
fn a_tag_means_those_that_a_command_applies_to() {
    let world = world();
    let repo = world.repo();
    let ended = ["spawn", "--json", "--agent", "sh", "--tag", "web", "true"];
    repo.orchestra(ended).succeeded();
    let running =
        ["spawn", "-d", "--agent", "sh", "--tag", "web", "while [ ! -e never ]; do sleep 0.05; done"];
    let running = repo.orchestra(running).succeeded().line();
    repo.wait_for(&running, "running");
    let paused = repo.orchestra(["pause", "--json", "tag:web"]).succeeded().json();
    assert!(paused.to_string().contains(&running), "{paused}");
    assert_eq!(repo.agent(&running)["phase"], "paused");
    repo.orchestra(["resume", "-d", "tag:web"]).succeeded();
    repo.wait_for(&running, "running");
    repo.orchestra(["stop", "tag:web"]).succeeded();
    assert_eq!(repo.agent(&running)["phase"], "stopped");
}

#[test]
fn a_tag_of_another_clones_agents_removes_nothing_here() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["spawn", "--agent", "sh", "--tag", "theirs", "true"]).succeeded();
    let hub = world.dir().join("hub.git");
    let path = hub.to_string_lossy().into_owned();
    repo.git(["init", "-q", "--bare", &path]);
    repo.git(["remote", "add", "origin", &path]);
    repo.git(["push", "-q", "origin", "main"]);
    repo.orchestra(["sync", "--yes"]).succeeded();
    world.git(world.dir(), ["clone", "-q", &path, "other"]);
    let other = testkit::TestRepo::new(&world, world.dir().join("other"));
    other.orchestra(["sync", "--fetch"]).succeeded();
    let own = other.spawn("true");
    other.end_of(&own);
    other.orchestra(["cleanup", "tag:theirs"]).succeeded();
    assert_eq!(other.agents().len(), 2, "cleanup without any agent does not mean all");
}

#[test]
fn what_happened_since_a_moment_is_listed() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo 1 > a.txt");
    repo.end_of(&id);
    repo.orchestra(["merge-ranked"]).succeeded();
    let report = repo.orchestra(["status", "--json", "--since", "1h"]).succeeded().json();
    let happened: Vec<&str> = report["happened"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["what"].as_str())
        .collect();
    assert_eq!(happened, ["created", "started", "ended", "landed"]);
    assert_eq!(report["happened"][2]["text"], "done, 1 commit, +1 -0");
    repo.orchestra(["status", "--since", "1h"])
        .succeeded()
        .stdout_has("WHAT HAPPENED")
        .stdout_has("landed in main");
    assert!(repo.orchestra(["status", "--json"]).succeeded().json().get("happened").is_none());
    repo.orchestra(["status", "--since", "soon"]).exits(2).stderr_has("8h");
}

#[test]
fn a_task_of_an_agent_that_has_not_ended_is_refused() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let first = repo.spawn_claude(&[], "say fixing #12\nawait never");
    repo.wait_for(&first, "running");
    let refused = repo.orchestra(["spawn", "-d", "Say  fixing #12\nawait NEVER."]).exits(3);
    refused.stderr_has(&format!("agent '{first}' has the task")).stderr_has("--again");
    repo.orchestra(["spawn", "-n", "look at #12 too"]).succeeded().stderr_has("names issue #12 as well");
    let again = repo.orchestra(["spawn", "-n", "--again", "say fixing #12\nawait never"]).succeeded();
    assert!(!again.stderr().contains("already"), "{}", again.stderr());
    repo.orchestra(["stop", &first]).succeeded();
    repo.orchestra(["spawn", "-n", "say fixing #12\nawait never"]).succeeded();
}

#[test]
fn a_base_that_is_behind_its_remote_is_reported() {
    let world = world();
    let repo = world.repo();
    let hub = world.dir().join("hub.git").to_string_lossy().into_owned();
    repo.git(["init", "-q", "--bare", &hub]);
    repo.git(["remote", "add", "origin", &hub]);
    repo.git(["push", "-q", "-u", "origin", "main"]);
    world.git(world.dir(), ["clone", "-q", &hub, "other"]);
    let other = testkit::TestRepo::new(&world, world.dir().join("other"));
    other.commit("two", &[("two.txt", "2\n")]);
    other.git(["push", "-q", "origin", "main"]);
    let plan = |options: &[&str]| {
        let ran =
            repo.orchestra([&["spawn", "-n", "--agent", "sh"][..], options, &["true"]].concat()).succeeded();
        ran.stderr()
    };
    assert!(!plan(&[]).contains("behind"), "nothing is asked of the remote");
    let behind = "base main is 1 commit behind origin/main";
    assert!(plan(&["--fetch"]).contains(behind));
    assert!(plan(&[]).contains(behind));
    assert!(!plan(&["--base", "origin/main"]).contains("behind"));
    repo.git(["remote", "set-url", "origin", "/nowhere"]);
    assert!(plan(&["--fetch"]).contains("the base is as it was fetched before: cannot fetch from 'origin'"));
}

#[test]
fn the_tag_of_one_agent_names_it_everywhere() {
    let world = world();
    let repo = world.repo();
    let spawn = |name: &str, tag: &str| {
        let script = format!("echo {name} > {name}");
        let ran = repo.orchestra(["spawn", "--agent", "sh", "--name", name, "--tag", tag, &script]);
        ran.succeeded();
    };
    spawn("one", "first");
    spawn("two", "rest");
    spawn("three", "rest");
    repo.orchestra(["diff", "tag:first", "--name-only"]).succeeded().stdout_has("one");
    repo.orchestra(["review", "tag:first", "--approve"]).succeeded();
    repo.orchestra(["diff", "tag:rest"]).exits(3).stderr_has("2 agents have 'tag:rest', and this takes one");
    repo.orchestra(["diff", "tag:none"]).exits(3).stderr_has("no agent has the tag 'none'");
}
