//! Changes outside the worktrees of agents while they run are detected and reported; what the user's own
//! git does is not a warning.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use testkit::{Ran, TestRepo};

use crate::{
    sync::{first, sync},
    world,
};

/// Returns what is reported about an agent's surroundings at one level.
fn reported(repo: &TestRepo<'_>, id: &str, level: &str) -> Vec<String> {
    let agent = repo.agent(id);
    let all = agent["surroundings"].as_array().expect("an array").iter();
    all.filter(|change| change["level"] == level).map(|change| text(&change["what"])).collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn contains_all(reported: &[String], wanted: &[&str]) {
    for what in wanted {
        assert!(reported.iter().any(|one| one.contains(what)), "{what} in {reported:#?}");
    }
}

/// Spawns an agent that waits until it is released.
fn waiting(repo: &TestRepo<'_>) -> String {
    let id = repo.spawn("touch ready; until test -e go; do sleep 0.05; done; rm go; echo 1 > one.txt");
    repo.wait_for_file(&id, "ready");
    id
}

fn release(repo: &TestRepo<'_>, id: &str) {
    fs::write(repo.worktree(id).join("go"), "").expect("a file");
    repo.end_of(id);
}

/// Finds the main checkout from a worktree, in a shell.
const MAIN: &str = "m=$(dirname \"$(git rev-parse --path-format=absolute --git-common-dir)\"); g=$m/.git";

#[test]
fn every_change_outside_a_worktree_is_reported() {
    let world = world();
    let repo = world.repo();
    repo.git(["branch", "other"]);
    let script = format!(
        "{MAIN}; echo leak > $m/leak.txt; echo more >> $m/file.txt; git config user.email test@test.com; \
         echo 'touch hooked' > $g/hooks/post-checkout; echo '* -text' > $g/info/attributes; \
         git commit -q --allow-empty -m x; git update-ref refs/heads/other HEAD; git branch foreign; \
         git update-ref refs/heads/main $(git commit-tree -m evil 'HEAD^{{tree}}'); git tag v1; \
         git -C $m symbolic-ref HEAD refs/heads/stolen; echo 1 > one.txt"
    );
    let id = repo.spawn(&script);
    assert_eq!(repo.end_of(&id)["phase"], "done");
    let warnings = reported(&repo, &id, "warning");
    contains_all(
        &warnings,
        &[
            "config user.email set to 'test@test.com'",
            "hook post-checkout added",
            "info/attributes changed",
            "branch other moved ",
            "branch main moved ",
            "your checkout was switched from main to stolen",
            "file leak.txt appeared in your checkout",
            "file file.txt changed in your checkout",
        ],
    );
    let other = warnings.iter().find(|what| what.starts_with("branch other")).expect("a branch");
    assert!(other.ends_with(&format!("where agent {id} was")), "{other}");
    contains_all(&reported(&repo, &id, "note"), &["branch foreign added", "tag v1 added"]);
    repo.orchestra(["status"])
        .succeeded()
        .stderr_has(&format!("while '{id}' ran: "))
        .stderr_has("git orchestra status ");
    repo.orchestra(["status", &id])
        .succeeded()
        .stdout_has("file leak.txt appeared")
        .stdout_has("tag v1 added");
    repo.orchestra(["review", &id]).exits(3).stderr_has("info/attributes, user.email");
    repo.accept_configuration();
    repo.orchestra(["review", &id]).succeeded().stdout_has("warning: while it ran: hook post-checkout added");
    repo.orchestra(["collect", &id]).succeeded().stdout_has("hook post-checkout added");
    // It contains the user's files and values: none of it is sent.
    let shared = repo.git(["log", "-p", "--format=%B", &format!("refs/orchestra/agents/{id}")]).stdout();
    assert!(!shared.contains("leak.txt") || shared.contains("echo leak"), "only the task names it");
    let facts = serde_json::to_string(&repo.events(&id)[1..]).expect("facts");
    assert!(!facts.contains("leak") && !facts.contains("test@test.com"), "{facts}");
}

#[test]
fn unexplained_changes_block_automerge() {
    let world = world();
    let repo = world.repo();
    let script = format!("{MAIN}; printf '#!/bin/sh\\n' > $g/hooks/pre-push; echo 1 > one.txt");
    let id = repo.spawn(&script);
    repo.end_of(&id);
    let main = repo.tip("main");
    let ran = repo.orchestra(["review", &id, "--approve", "--automerge"]).exits(1);
    let ran = ran.stderr_has("was approved but not landed; while it ran: hook pre-push added");
    let ran = ran.stderr_has(&format!("git orchestra merge-ranked {id}"));
    assert!(ran.stdout().contains("approved"), "{}", ran.stdout());
    assert_eq!(repo.tip("main"), main);
    let plan = repo.orchestra(["merge-ranked", &id, "--dry-run"]).succeeded();
    plan.stderr_has("hook pre-push added");
    repo.orchestra(["merge-ranked", &id])
        .succeeded()
        .stderr_has(&format!("while '{id}' ran: hook pre-push added"));
    assert_eq!(repo.file_at("main", "one.txt"), "1\n");
    // Landed work was reviewed by the user.
    let said = repo.orchestra(["status"]).succeeded().stderr();
    assert!(!said.contains("while '"), "{said}");
}

#[test]
fn the_users_own_git_causes_no_warning() {
    let world = world();
    let repo = first(&world);
    repo.branch("side", &[("side.txt", "1\n")]);
    repo.git(["push", "-q", "origin", "side"]);
    let linked = world.dir().join("linked");
    repo.git(["worktree", "add", "-q", "-b", "theirs", &linked.to_string_lossy()]);
    repo.write("mine.txt", "mine\n");
    let id = waiting(&repo);
    let neighbour = waiting(&repo);
    repo.commit("while it runs", &[("file.txt", "two\n")]);
    repo.git(["checkout", "-q", "-b", "topic"]);
    repo.commit("topic", &[("topic.txt", "1\n")]);
    repo.git(["commit", "-q", "--amend", "-m", "better"]);
    repo.git(["rebase", "-q", "side"]);
    repo.git(["checkout", "-q", "main"]);
    repo.git(["merge", "-q", "--no-edit", "side"]);
    repo.git(["branch", "-d", "side"]);
    repo.git(["tag", "v1"]);
    Ran::of(world.command("git", &linked).args(["commit", "-q", "--allow-empty", "-m", "theirs"]))
        .succeeded();
    repo.write("file.txt", "three\n");
    repo.git(["stash", "-q"]);
    // Somebody pushes, and the user fetches.
    let other = world.dir().join("other");
    let hub = world.dir().join("hub.git");
    world.git(world.dir(), ["clone", "-q", &hub.to_string_lossy(), &other.to_string_lossy()]);
    Ran::of(world.command("git", &other).args(["commit", "-q", "--allow-empty", "-m", "theirs"])).succeeded();
    Ran::of(world.command("git", &other).args(["push", "-q", "origin", "HEAD:main", "HEAD:new"])).succeeded();
    repo.git(["fetch", "-q"]);
    repo.git(["push", "-q", "-u", "origin", "topic"]);
    repo.orchestra(["review"]).succeeded();
    release(&repo, &id);
    assert_eq!(reported(&repo, &id, "warning"), [] as [String; 0]);
    contains_all(
        &reported(&repo, &id, "note"),
        &[
            "branch main moved ",
            "branch topic added",
            "branch side removed",
            "branch theirs moved ",
            "remote branch origin/main moved ",
            "remote branch origin/new added",
            "config branch.topic.remote added",
            "tag v1 added",
        ],
    );
    assert_eq!(repo.agent(&id)["surroundings"][0]["meanwhile"], serde_json::json!([neighbour]));
    let said = repo.orchestra(["status"]).succeeded().stderr();
    assert!(!said.contains("while '"), "{said}");
    repo.orchestra(["review", &id, "--approve", "--automerge"]).code();
    assert!(repo.has("main", "one.txt"), "a note stops nothing");
    // Landing is our own change.
    release(&repo, &neighbour);
    assert_eq!(reported(&repo, &neighbour, "warning"), [] as [String; 0]);
}

/// All worktrees share one stash. That cannot be separated without a sandbox, so it is said whose changes an agent took.
#[test]
fn an_agent_that_takes_what_another_one_stashed_is_reported() {
    let world = world();
    let repo = world.repo();
    let stash = "echo mine >> file.txt; git stash -q";
    let wait = "touch ready; until test -e go; do sleep 0.05; done; rm ready go";
    let owner = repo.spawn(&format!("{stash}; {wait}; git stash list > left.txt"));
    repo.wait_for_file(&owner, "ready");
    let taker = repo.spawn(&format!("git stash pop -q; {stash}"));
    repo.end_of(&taker);
    let gone = format!(", stashed by agent {owner}");
    let warnings = reported(&repo, &taker, "warning");
    let [only] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(only.starts_with("refs/stash moved ") && only.ends_with(&gone), "{only}");
    repo.orchestra(["status"]).succeeded().stderr_has(&format!("while '{taker}' ran: ")).stderr_has(&gone);
    let thief = repo.spawn("git stash pop -q");
    repo.end_of(&thief);
    contains_all(&reported(&repo, &thief, "warning"), &[&format!(", stashed by agent {taker}")]);
    release(&repo, &owner);
    assert_eq!(repo.file_in_head(&owner, "left.txt"), "");
    assert_eq!(repo.git(["stash", "list"]).stdout(), "");
}

#[test]
fn what_an_agent_leaves_in_the_stash_is_noted() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo 1 >> file.txt; git stash -q");
    repo.end_of(&id);
    contains_all(&reported(&repo, &id, "note"), &["refs/stash added at ", ", stashed by this agent"]);
    assert_eq!(reported(&repo, &id, "warning"), [] as [String; 0]);
    // Taking back what it stashed itself is nothing to worry about.
    repo.orchestra(["resume", &id, "-m", "git stash pop -q"]).succeeded();
    assert_eq!(reported(&repo, &id, "warning"), [] as [String; 0]);
    assert_eq!(repo.file_in_head(&id, "file.txt").lines().last(), Some("1"));
}

#[test]
fn an_agent_around_which_nothing_changed_has_no_record() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("git checkout -q --detach; git commit -q --allow-empty -m x; echo 1 > one.txt");
    repo.end_of(&id);
    assert_eq!(repo.agent(&id)["surroundings"], serde_json::json!([]));
    assert_eq!(repo.refs("refs/orchestra-local/surroundings"), []);
}

#[test]
fn other_agents_and_worktrees_in_the_checkout_are_no_changes() {
    let world = world();
    let repo = world.repo();
    repo.git(["worktree", "add", "-q", "--detach", "inside"]);
    let packed = waiting(&repo);
    repo.git(["pack-refs", "--all"]);
    let loose = waiting(&repo);
    let id = waiting(&repo);
    for worktree in [repo.worktree(&packed), repo.worktree(&loose)] {
        Ran::of(world.command("git", &worktree).args(["commit", "-q", "--allow-empty", "-m", "x"]))
            .succeeded();
    }
    fs::write(repo.path().join("inside/new.txt"), "1\n").expect("a file");
    release(&repo, &id);
    assert_eq!(repo.agent(&id)["surroundings"], serde_json::json!([]));
    release(&repo, &packed);
    release(&repo, &loose);
}

#[test]
fn commits_for_an_agent_have_the_identity_of_the_spawn() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("git config user.name Test; git config user.email test@test.com; echo 1 > one.txt");
    repo.end_of(&id);
    let by = |revision: &str| repo.git(["log", "-1", "--format=%an <%ae>|%cn <%ce>", revision]).line();
    let tess = "Tess Test <tess@example.com>|Tess Test <tess@example.com>";
    assert_eq!(by(&format!("refs/orchestra/heads/{id}")), tess);
    assert_eq!(by(&format!("refs/orchestra/agents/{id}")), tess);
    // An identity that git refuses does not prevent an agent from ending.
    repo.git(["config", "--unset", "user.name"]);
    repo.git(["config", "--unset", "user.email"]);
    let other = repo.spawn("git config user.name ''; git config user.email ''; echo 1 > three.txt");
    assert_eq!(repo.end_of(&other)["phase"], "done");
    assert_eq!(by(&format!("refs/orchestra/heads/{other}")), tess);
    repo.git(["config", "--unset", "user.name"]);
    repo.git(["config", "--unset", "user.email"]);
    // Later changes in the worktree are committed under the same name, and so is what lands.
    repo.git(["config", "--global", "user.name", "Later"]);
    fs::write(repo.worktree(&id).join("two.txt"), "2\n").expect("a file");
    repo.orchestra(["collect", &id]).succeeded();
    assert_eq!(repo.file_in_head(&id, "two.txt"), "2\n");
    assert_eq!(by(&format!("refs/orchestra/heads/{id}")), tess);
    repo.orchestra(["merge-ranked", &id, "--strategy", "squash"]).succeeded();
    assert_eq!(by("main"), tess);
    repo.orchestra(["merge-ranked", &other, "--strategy", "rebase"]).succeeded();
    assert_eq!(by("main"), tess);
}

#[test]
fn an_unreadable_configuration_blocks_no_agent() {
    let world = world();
    let repo = world.repo();
    for spoil in ["echo '[broken' >> $g/config", "git config core.repositoryformatversion 99"] {
        let config = fs::read(repo.path().join(".git/config")).expect("a configuration");
        let ran =
            repo.orchestra(["spawn", "--agent", "sh", "--", &format!("{MAIN}; echo 1 > one.txt; {spoil}")]);
        fs::write(repo.path().join(".git/config"), config).expect("repaired");
        let id = ran.stderr().split_whitespace().next().expect("an id").to_owned();
        assert_eq!(repo.end_of(&id)["phase"], "done", "what it did is saved as soon as that can be");
        assert_eq!(repo.file_in_head(&id, "one.txt"), "1\n");
    }
}

#[test]
fn a_repository_turned_bare_is_noticed() {
    let world = world();
    let repo = world.repo();
    let id =
        repo.spawn(&format!("{MAIN}; git config core.bare true; echo leak > $m/leak.txt; echo 1 > one.txt"));
    repo.end_of(&id);
    let warnings = reported(&repo, &id, "warning");
    contains_all(&warnings, &["config core.bare set to 'true'", "file leak.txt appeared"]);
    assert_eq!(repo.file_in_head(&id, "one.txt"), "1\n");
}

#[test]
fn attempts_share_one_record_which_is_removed_and_restored_with_the_agent() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn(&format!("{MAIN}; echo a > $m/a.txt"));
    repo.end_of(&id);
    repo.orchestra(["resume", &id, "-m", &format!("{MAIN}; echo b > $m/b.txt; echo 1 > one.txt")])
        .succeeded();
    repo.end_of(&id);
    let both = ["file a.txt appeared in your checkout", "file b.txt appeared in your checkout"];
    assert_eq!(reported(&repo, &id, "warning"), both);
    repo.orchestra(["cleanup", "--discard", &id]).succeeded();
    assert_eq!(repo.refs("refs/orchestra-local/surroundings"), []);
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(reported(&repo, &id, "warning"), both);
}

#[test]
fn changes_before_the_death_of_a_supervisor_are_detected() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn(&format!("{MAIN}; echo leak > $m/leak.txt; touch ready; exec sleep 600"));
    repo.wait_for_file(&id, "ready");
    let supervisor = repo.agent(&id)["supervisor_pid"].to_string();
    repo.command("kill").args(["-9", &supervisor]).status().expect("kill");
    testkit::until("it is lost", || (repo.agent(&id)["liveness"] == "lost").then_some(()));
    let copy = repo.worktree(&id).with_file_name(".prompts").join(&id);
    assert!(copy.exists());
    repo.orchestra(["stop", &id]).succeeded();
    assert_eq!(reported(&repo, &id, "warning"), ["file leak.txt appeared in your checkout"]);
    assert!(!copy.exists(), "the copy of its task is removed with it");
}

#[test]
fn a_queued_agent_is_not_blamed_for_earlier_changes() {
    let world = world();
    let repo = world.repo();
    let long =
        format!("{MAIN}; touch ready; until test -e go; do sleep 0.05; done; rm go; echo a > $m/a.txt");
    let spawned = repo.orchestra([
        "spawn",
        "--agent",
        "sh",
        "--detach",
        "--jobs",
        "1",
        "--",
        &long,
        "echo 2 > two.txt",
    ]);
    let spawned = spawned.succeeded().stdout();
    let ids: Vec<&str> = spawned.lines().collect();
    repo.wait_for_file(ids[0], "ready");
    testkit::until("the other waits", || (repo.agent(ids[1])["queue_position"] == 0).then_some(()));
    let look = repo.path().join(".git/orchestra/agents").join(ids[1]).join("surroundings.json");
    testkit::until("its first look is void", || (!look.exists()).then_some(()));
    release(&repo, ids[0]);
    repo.end_of(ids[1]);
    assert_eq!(reported(&repo, ids[0], "warning"), ["file a.txt appeared in your checkout"]);
    assert_eq!(reported(&repo, ids[1], "warning"), [] as [String; 0]);
}

#[test]
fn a_scan_that_exceeds_its_limit_is_reported() {
    let world = world();
    let repo = world.repo();
    for n in 0..2100 {
        repo.write(&format!("untracked-{n}"), "");
    }
    let id = repo.spawn("echo 1 > one.txt");
    repo.end_of(&id);
    contains_all(&reported(&repo, &id, "note"), &["were not compared"]);
}

/// Returns everything in a process that could name a path: its environment, its arguments, its directory.
fn names(pid: &Value) -> Vec<Vec<u8>> {
    let process = PathBuf::from("/proc").join(pid.to_string());
    let mut all = Vec::new();
    for file in ["environ", "cmdline"] {
        let bytes = fs::read(process.join(file)).expect("a process");
        all.extend(bytes.split(|byte| *byte == 0).map(<[u8]>::to_vec));
    }
    all.push(
        fs::read_link(process.join("cwd")).expect("a folder").to_string_lossy().into_owned().into_bytes(),
    );
    all
}

/// Returns what names a path in a directory, in any form; search paths for programs do not count.
fn within(names: &[Vec<u8>], folder: &Path) -> Vec<String> {
    let folder = folder.to_string_lossy().into_owned();
    let all = names.iter().map(|name| String::from_utf8_lossy(name).into_owned());
    all.filter(|name| !name.starts_with("PATH="))
        .filter(|name| name.match_indices(&folder).any(|(at, _)| !name[at + folder.len()..].starts_with('.')))
        .collect()
}

fn with_traces_of_the_caller<'a>(command: &'a mut Command, repo: &TestRepo<'_>) -> &'a mut Command {
    let main = repo.path().to_string_lossy().into_owned();
    command
        .env("GIT_DIR", repo.path().join(".git"))
        .env("GIT_WORK_TREE", &main)
        .env("GIT_REFLOG_ACTION", "of the caller")
        .env("GIT_AUTHOR_DATE", "2001-01-01T00:00:00Z")
        .env("ORCHESTRA_ANYTHING", &main)
        .env("DIRENV_DIR", format!("-{main}"))
        .env("PROJECT_ROOT", &main)
        .env("TOOL_CONFIG", format!("{main}/tool.conf"))
}

#[test]
fn the_environment_of_an_agent_names_no_other_repository() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let script = "cat \"$ORCHESTRA_PROMPT_FILE\" > told; touch ready; exec sleep 600";
    let shell = ["spawn", "--agent", "sh", "--detach", "--", script];
    let claude = ["spawn", "--detach", "--", "write ready 1\nhang"];
    for arguments in [&shell[..], &claude[..]] {
        let mut command = repo.orchestra_command(arguments);
        let id = Ran::of(with_traces_of_the_caller(&mut command, &repo)).succeeded().line();
        repo.wait_for_file(&id, "ready");
        let names = names(&repo.agent(&id)["pid"]);
        // Only the variable that says where it is, for setups.
        let root = format!("ORCHESTRA_ROOT={}", repo.path().display());
        assert_eq!(within(&names, repo.path()), [root], "{id}");
        let has = |wanted: String| names.iter().any(|name| *name == wanted.as_bytes());
        let worktree = repo.worktree(&id);
        assert!(has(format!("PROJECT_ROOT={}", worktree.display())));
        assert!(has(format!("TOOL_CONFIG={}/tool.conf", worktree.display())));
        assert!(
            !names
                .iter()
                .any(|name| name.starts_with(b"GIT_REFLOG_ACTION") || name.starts_with(b"GIT_AUTHOR_DATE"))
        );
        let copy = worktree.with_file_name(".prompts").join(&id);
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&copy).expect("a copy").permissions());
        assert_eq!(mode & 0o777, 0o600);
        if arguments == shell {
            assert_eq!(fs::read_to_string(worktree.join("told")).expect("the task"), script);
        }
        repo.orchestra(["stop", &id]).succeeded();
        assert!(!copy.exists());
    }
}

#[test]
fn the_record_is_not_sent() {
    let world = world();
    let repo = first(&world);
    let id = repo.spawn(&format!("{MAIN}; echo private > $m/private-name.txt; echo 1 > one.txt"));
    repo.end_of(&id);
    assert_eq!(reported(&repo, &id, "warning").len(), 1);
    sync(&repo);
    let hub = world.dir().join("hub.git");
    let refs = world.git(&hub, ["for-each-ref", "--format=%(refname)"]).stdout();
    assert!(refs.contains("refs/orchestra/agents/") && !refs.contains("surroundings"), "{refs}");
}

/// Git copies the settings of a sparse checkout into each new worktree. Two agents run at once, so that each sees that of the other.
#[test]
fn what_a_new_worktree_gets_of_a_sparse_checkout_is_not_reported() {
    let world = world();
    let repo = world.repo();
    repo.commit("folders", &[("kept/a", "1\n"), ("left/b", "1\n")]);
    repo.git(["sparse-checkout", "set", "kept"]);
    let one = waiting(&repo);
    let other = repo.spawn("touch ready; until test -e go; do sleep 0.05; done; rm go; echo 2 > other.txt");
    repo.wait_for_file(&other, "ready");
    for id in [&one, &other] {
        release(&repo, id);
        for level in ["note", "warning"] {
            assert_eq!(reported(&repo, id, level), [""; 0], "{id}");
        }
    }
    // What an agent sets there itself is reported.
    let set =
        "git config --worktree core.sparseCheckout false; git config --worktree foo.bar 1; echo 2 > two";
    let id = repo.spawn(set);
    repo.end_of(&id);
    contains_all(
        &reported(&repo, &id, "note"),
        &["config core.sparsecheckout (in worktrees/", "config foo.bar (in"],
    );
}
