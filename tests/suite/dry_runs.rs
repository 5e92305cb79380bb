//! A dry run shows exactly what the command then does.

use std::fs;

use serde_json::Value;
use testkit::{Ran, TestRepo};

use crate::world;

/// Returns the fields of every agent in a report, in order.
fn fields(report: &Value, list: &str, keys: &[&str]) -> Vec<Vec<Value>> {
    let agents = report[list].as_array().cloned().unwrap_or_default();
    agents.iter().map(|agent| keys.iter().map(|key| agent[*key].clone()).collect()).collect()
}

/// Returns both answers of a command: of its dry run, and of the real run.
fn both(repo: &TestRepo<'_>, command: &[&str]) -> (Ran, Ran) {
    let refs = repo.refs("refs");
    let dry = repo.orchestra([command, &["--dry-run", "--json"]].concat());
    assert_eq!(repo.refs("refs"), refs, "{command:?} --dry-run changes nothing");
    (dry, repo.orchestra([command, &["--json"]].concat()))
}

fn errors(ran: &Ran) -> Vec<String> {
    ran.stderr().lines().filter(|line| line.starts_with("error:")).map(str::to_owned).collect()
}

#[test]
fn spawn_starts_what_its_dry_run_showed() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    // Nothing can be created next to the repository: the worktrees are created inside it.
    let in_the_way = repo.path().with_extension("worktrees");
    fs::write(&in_the_way, "a file of the user").expect("a file");
    for options in [&["-j", "2"][..], &["--permission", "plan"], &["--agent", "sh", "--base", "HEAD"]] {
        let command = [&["spawn", "--detach", "true"], options].concat();
        let dry = repo.orchestra([&command[..], &["--dry-run", "--json"]].concat()).succeeded().json();
        let id = repo.orchestra(command).succeeded().line();
        let agent = repo.end_of(&id);
        let planned = &dry["agents"][0];
        let worktree = |agent: &Value| {
            let path = agent["worktree"].as_str().map(std::path::PathBuf::from).expect("a path");
            path.parent().map(std::path::Path::to_owned)
        };
        assert_eq!(worktree(planned), worktree(&agent), "{options:?}");
        for key in ["base", "profile", "title"] {
            assert_eq!(planned[key], agent[key], "{options:?} {key}");
        }
        assert_eq!(planned["permission"], agent["permission_mode"], "{options:?}");
    }
    repo.orchestra(["spawn", "--dry-run", "--permission", "plan", "true"]).succeeded().stdout_has("plan");
    let refused = ["spawn", "--agent", "sh", "-d", "true"];
    repo.git(["config", "orchestra.minFree", "900000000m"]);
    // Other processes change what is free from one call to the next.
    let reason =
        |ran: Ran| errors(&ran.exits(3)).concat().replace(|letter: char| letter.is_ascii_digit(), "#");
    assert_eq!(
        reason(repo.orchestra([&refused[..], &["--dry-run"]].concat())),
        reason(repo.orchestra(refused))
    );
}

#[test]
fn resume_resumes_what_its_dry_run_showed() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let done = repo.spawn_claude(&["--permission", "plan", "-j", "2", "--max-time", "7m"], "say one");
    repo.end_of(&done);
    let running = repo.spawn("until test -e go; do sleep 0.05; done");
    repo.wait_for(&running, "running");
    let paused = repo.spawn("until test -e go; do sleep 0.05; done");
    repo.wait_for(&paused, "running");
    repo.orchestra(["pause", &paused]).succeeded();
    for (agents, options) in [
        (vec![done.as_str()], &["-m", "say two"][..]),
        (vec![&done], &["--permission", "acceptEdits"]),
        (vec![&done], &["--fresh", "-j", "5"]),
        (vec![&running], &[]),
        (vec!["nobody"], &[]),
        (vec![&paused, &running], &[]),
        (vec![], &["--all"]),
    ] {
        let command = [&["resume", "--detach"], &agents[..], options].concat();
        let dry = repo.orchestra([&command[..], &["--dry-run", "--json"]].concat());
        let real = repo.orchestra(&command);
        assert_eq!((dry.code(), errors(&dry)), (real.code(), errors(&real)), "{command:?}");
        let planned = if dry.stdout().is_empty() { Value::Null } else { dry.json() };
        let ids: Vec<String> = fields(&planned, "agents", &["id"])
            .into_iter()
            .map(|id| id[0].as_str().unwrap_or_default().to_owned())
            .collect();
        let resumed: Vec<String> = real.stdout().lines().map(str::to_owned).collect();
        assert_eq!(ids, resumed, "{command:?}");
        for agent in planned["agents"].as_array().into_iter().flatten() {
            let id = agent["id"].as_str().expect("an id");
            if id == done {
                repo.end_of(id);
            }
            let now = repo.agent(id);
            for (promised, key) in
                [("attempt", "attempt"), ("permission", "permission_mode"), ("worktree", "worktree")]
            {
                assert_eq!(agent[promised], now[key], "{command:?} {id} {key}");
            }
        }
        repo.orchestra(["pause", &paused]).succeeded();
    }
}

#[test]
fn cleanup_removes_what_its_dry_run_showed() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["spawn", "--agent", "sh", "--name", "merged", "echo 1 > merged"]).succeeded();
    repo.orchestra(["merge-ranked"]).succeeded();
    for (name, script) in [
        ("open", "echo 1 > open"),
        ("nothing", "true"),
        ("failed", "false"),
        ("ignored", "echo x > .gitignore; echo 1 > x"),
    ] {
        repo.orchestra(["spawn", "--agent", "sh", "--name", name, script]);
    }
    let running = repo.spawn("until test -e go; do sleep 0.05; done");
    repo.wait_for(&running, "running");
    for command in [
        &["cleanup"][..],
        &["cleanup", &running],
        &["cleanup", "--discard", "ignored"],
        &["cleanup", "nobody"],
    ] {
        let (dry, real) = both(&repo, command);
        assert_eq!((dry.code(), errors(&dry)), (real.code(), errors(&real)), "{command:?}");
        if dry.stdout().is_empty() {
            continue;
        }
        let outcome = |report: &Value| {
            let mut all = fields(report, "agents", &["id", "outcome", "why"]);
            all.iter_mut().filter(|one| one[1] == "planned").for_each(|one| one[1] = "removed".into());
            all
        };
        assert_eq!(outcome(&dry.json()), outcome(&real.json()), "{command:?}");
    }
}

#[test]
fn undo_does_what_its_dry_run_showed() {
    let world = world();
    let repo = world.repo();
    let agree = |what: &str, code: i32| {
        let (dry, real) = both(&repo, &["undo"]);
        assert_eq!((dry.code(), errors(&dry)), (real.code(), errors(&real)), "{what}");
        assert_eq!(real.code(), code, "{what}: {}", real.stderr());
        if code == 0 {
            let id = |ran: &Ran| ran.json()["operations"][0]["id"].clone();
            assert_eq!(id(&dry), id(&real), "{what}");
        }
    };
    agree("nothing to undo", 3);
    let id = repo.spawn("echo 1 > a");
    repo.end_of(&id);
    let worktree = repo.worktree(&id);
    repo.orchestra(["merge-ranked"]).succeeded();
    agree("a landing", 0);
    repo.orchestra(["merge-ranked"]).succeeded();
    let landed = repo.tip("main");
    repo.commit("of the user", &[("b", "b\n")]);
    agree("the branch moved on", 3);
    repo.git(["reset", "-q", "--hard", &landed]).succeeded();
    repo.orchestra(["cleanup"]).succeeded();
    fs::create_dir_all(&worktree).expect("a folder");
    fs::write(worktree.join("file"), "").expect("a file");
    agree("the place of the worktree is taken", 3);
    fs::remove_dir_all(&worktree).expect("removed");
    agree("a cleanup", 0);
    agree("a landing, with the agent back", 0);
}

#[test]
fn sync_sends_what_its_dry_run_showed() {
    let world = world();
    let repo = crate::sync::first(&world);
    // This file must not contain a text that looks like a key.
    let secret = format!("echo 'k = {}{}' > s", "AKIA", "QYLPMN5HHHFPZAM2");
    for (name, script) in [("good", "echo 1 > one"), ("secret", secret.as_str())] {
        repo.orchestra(["spawn", "--agent", "sh", "--name", name, script]).succeeded();
    }
    let dry = repo.orchestra(["sync", "--dry-run", "--json"]);
    let real = repo.orchestra(["sync", "--json"]);
    assert_eq!((dry.code(), errors(&dry)), (real.code(), errors(&real)));
    let (dry, real) = (dry.json(), real.json());
    let sent = |report: &Value| {
        let mut sent = report["sent"].as_array().cloned().unwrap_or_default();
        sent.sort_by_key(ToString::to_string);
        sent
    };
    assert_eq!(sent(&dry), sent(&real));
    assert!(!sent(&real).is_empty());
    assert_eq!(dry["held"], real["held"]);
}

#[test]
fn undo_after_a_rename_restores_agents_next_to_the_repository() {
    let world = world();
    let before = world.repo_named("parent/app");
    let id = before.spawn("echo 1 > a; echo 2 > b; git add a; git commit -qm a");
    before.end_of(&id);
    before.orchestra(["merge-ranked"]).succeeded();
    before.orchestra(["cleanup"]).succeeded();
    fs::rename(world.dir().join("parent"), world.dir().join("other")).expect("renamed");
    let repo = TestRepo::new(&world, world.dir().join("other/app"));
    let (dry, real) = both(&repo, &["undo"]);
    let place = |ran: &Ran| ran.json()["operations"][0]["removals"][0]["worktree"].clone();
    assert_eq!(place(&dry), place(&real));
    let worktree = repo.worktree(&id);
    assert!(worktree.join("b").exists() && worktree.starts_with(repo.path().parent().expect("a folder")));
    assert!(!world.dir().join("parent").exists());
    repo.git(["-C", &worktree.to_string_lossy(), "status", "--short"]).succeeded();
    assert!(!repo.git(["worktree", "list", "--porcelain"]).succeeded().stdout().contains("prunable"));
}
