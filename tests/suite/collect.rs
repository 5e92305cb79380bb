//! `collect`: saves all work that is only in a worktree, and summarizes everything.

use serde_json::Value;

use crate::world;

#[test]
fn changes_after_the_end_are_saved_by_collect() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo 1 > one.txt");
    repo.end_of(&id);
    let collect = || repo.orchestra(["collect", &id, "--json"]).succeeded().json()["agents"][0].clone();
    assert_eq!(collect()["saved"], "nothing");
    let worktree = repo.worktree(&id);
    std::fs::write(worktree.join("two.txt"), "2\n").expect("a file");
    std::fs::write(worktree.join(".env"), "KEY=1\n").expect("a file");
    let summary = collect();
    assert_eq!(
        (&summary["saved"], &summary["commits"], &summary["files_changed"]),
        (&"taken".into(), &2.into(), &2.into())
    );
    assert_eq!(summary["not_taken"][0]["path"], ".env");
    assert_eq!(repo.file_in_head(&id, "two.txt"), "2\n");
    let head = repo.tip(&format!("refs/orchestra/heads/{id}"));
    assert_eq!((summary["head"].as_str(), repo.trailer(&id, "Head")), (Some(head.as_str()), head.clone()));
    assert_eq!(repo.tip(&format!("refs/heads/orchestra/{id}")), head);
    assert_eq!(world.git(&worktree, ["status", "--porcelain"]).stdout(), "?? .env\n");
    assert_eq!(repo.events(&id).last().expect("a fact")["t"], "collected");
    assert_eq!(collect()["saved"], "nothing");
    // And it lands.
    let note = repo.git(["show", "-s", "--format=%N", "--notes=*", &head]).stdout();
    assert_eq!(note, "\n", "shown only if git log is configured to");
    repo.orchestra(["merge-ranked"]).succeeded();
    assert!(repo.has("main", "two.txt"));
    assert_eq!(repo.git(["show", "-s", "--format=%N", &head]).stdout(), "\n", "nobody asked for it");
    let note = repo
        .git(["-c", "notes.displayRef=refs/orchestra/notes/*", "show", "-s", "--format=%N", &head])
        .stdout();
    let result = note.trim().lines().next().unwrap_or_default();
    let note: Value = serde_json::from_str(result).expect("a note");
    assert_eq!((&note["t"], &note["agent"], &note["phase"]), (&"result".into(), &id.into(), &"done".into()));
}

#[test]
fn a_running_agent_is_saved_without_disturbing_it() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo half > half.txt; touch ready; while ! test -e go; do sleep 0.05; done");
    repo.wait_for_file(&id, "ready");
    let shown = repo.orchestra(["collect"]).succeeded().stdout();
    assert!(shown.contains(&format!("refs/orchestra-local/snapshots/{id}")), "{shown}");
    assert_eq!(repo.file_at(&format!("refs/orchestra-local/snapshots/{id}"), "half.txt"), "half\n");
    std::fs::write(repo.worktree(&id).join("go"), "").expect("a file");
    assert_eq!(repo.end_of(&id)["phase"], "done");
}

#[test]
fn a_bundle_carries_agents_to_another_clone() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&[], "write one.txt 1");
    repo.end_of(&id);
    let file = world.dir().join("agents.bundle");
    let ran = repo.orchestra(["collect", "--bundle", &file.to_string_lossy()]).succeeded();
    assert!(
        ran.stdout().contains("claude --resume ") && ran.stdout().contains("tokens read"),
        "{}",
        ran.stdout()
    );
    let other = world.dir().join("other");
    world.git(world.dir(), ["clone", "-q", &repo.path().to_string_lossy(), &other.to_string_lossy()]);
    world.git(&other, ["fetch", "-q", &file.to_string_lossy(), "refs/orchestra/*:refs/orchestra/*"]);
    let status = world
        .command("git", &other)
        .args(["orchestra", "status", "--all", "--json"])
        .output()
        .expect("status");
    let status: Value = serde_json::from_slice(&status.stdout).expect("JSON");
    assert_eq!((&status["agents"][0]["id"], &status["agents"][0]["phase"]), (&id.into(), &"done".into()));
    repo.orchestra(["collect", "nobody"]).exits(3);
    repo.orchestra(["collect", "--bundle", "/nowhere/at/all"]).exits(5).stderr_has("cannot write the bundle");
}

#[test]
fn ignored_files_that_only_the_worktree_has_are_named() {
    let world = world();
    let repo = world.repo();
    let id =
        repo.spawn("printf '*\\n' > .gitignore; mkdir src target; echo main > src/main.c; echo o > target/o");
    repo.end_of(&id);
    let summary = repo.orchestra(["collect", &id, "--json"]).succeeded().json()["agents"][0].clone();
    let mut ignored: Vec<&str> =
        summary["ignored"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    ignored.sort_unstable();
    assert_eq!((ignored, &summary["ignored_more"]), (vec![".gitignore", "src"], &0.into()));
    repo.orchestra(["collect", &id]).succeeded().stdout_has(" and 1 more (only in its worktree)");
}

#[test]
fn the_reason_says_once_the_work_is_saved() {
    let world = world();
    let repo = world.repo();
    let away = world.dir().join("away");
    let id = repo.spawn(&format!("echo 1 > one.txt; mv \"$(git rev-parse --git-dir)\" '{}'", away.display()));
    let agent = repo.end_of(&id);
    assert!(agent["reason"].as_str().is_some_and(|why| why.contains("stays in the worktree")), "{agent}");
    std::fs::rename(away, repo.path().join(".git/worktrees").join(&id)).expect("moved back");
    repo.orchestra(["collect", &id]).succeeded();
    let agent = repo.agent(&id);
    assert_eq!((&agent["unsaved"], &agent["phase"]), (&Value::Null, &"failed".into()), "{agent}");
    assert_eq!(agent["reason"], "its work was saved after its end", "{agent}");
    assert_eq!(repo.file_in_head(&id, "one.txt"), "1\n");
}
