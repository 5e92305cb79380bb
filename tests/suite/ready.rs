//! Worktrees that are ready to run: copied files, a setup and a teardown, and variables that keep agents apart.

use std::{fs, os::unix::fs::symlink, path::Path};

use serde_json::Value;
use testkit::{TestRepo, until};

use crate::world;

/// Returns a repository whose checkout has files that git ignores.
fn with_local_files<'world>(world: &'world testkit::World) -> TestRepo<'world> {
    let repo = world.repo();
    repo.commit(
        "ignore",
        &[(".gitignore", ".env\ndeps/\n*.local\n"), (".worktreeinclude", ".env\n*.local\n")],
    );
    repo.write(".env", "DATABASE_PORT=unset\n");
    repo
}

/// Runs a script as an agent, and returns the agent when it has ended.
fn ran(repo: &TestRepo<'_>, options: &[&str], script: &str) -> (String, Value) {
    let spawned =
        repo.orchestra([&["spawn", "--agent", "sh", "--again", "--json"], options, &[script]].concat());
    let id = spawned.json()["agents"][0]["id"].as_str().expect("an id").to_owned();
    let agent = repo.end_of(&id);
    (id, agent)
}

fn shown(repo: &TestRepo<'_>, id: &str) -> String {
    repo.orchestra(["status", id]).succeeded().stdout()
}

fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path.as_ref()).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

#[test]
fn a_worktree_that_needs_a_file_dependencies_and_a_port_is_ready_without_a_word() {
    let world = world();
    let repo = with_local_files(&world);
    symlink(".env", repo.path().join("link.local")).expect("a link");
    repo.git(["config", "orchestra.setup", "mkdir deps && echo installed from $ORCHESTRA_ROOT > deps/list"]);
    let script = "cat .env deps/list > seen; readlink link.local >> seen; \
                  echo $ORCHESTRA_PORT $TMPDIR >> seen; test -d \"$TMPDIR\"";
    let (id, agent) = ran(&repo, &[], script);
    assert_eq!(agent["phase"], "done", "{agent}");
    let seen = repo.file_in_head(&id, "seen");
    let lines: Vec<&str> = seen.lines().collect();
    let root = repo.path().canonicalize().expect("a path");
    assert_eq!(
        lines[..3],
        ["DATABASE_PORT=unset", &format!("installed from {}", root.display()), ".env"],
        "{seen}"
    );
    let port: u16 = lines[3].split(' ').next().and_then(|port| port.parse().ok()).expect("a port");
    assert!((20_000..32_000).contains(&port) && port.is_multiple_of(10), "{port}");
    // Neither the copies nor what the setup made is work, and the checkout is as it was.
    assert!(!repo.has(&format!("refs/orchestra/heads/{id}"), ".env"));
    assert!(!repo.has(&format!("refs/orchestra/heads/{id}"), "deps/list"));
    assert!(!repo.path().join("deps").exists());
    let shown = shown(&repo, &id);
    for expected in ["done: mkdir deps", "2 files, ", ".env, link.local", &format!("{port} to {}", port + 9)]
    {
        assert!(shown.contains(expected), "{expected} in {shown}");
    }
    assert_eq!(
        repo.orchestra(["logs", "--setup", &id]).succeeded().stdout(),
        format!("── {id}: setup passed ──\n")
    );
}

#[test]
fn a_failed_setup_starts_nothing_and_runs_again_until_it_succeeds() {
    let world = world();
    let repo = world.repo();
    let setup = "echo run >> ../runs; echo why >&2; test -e ../fixed";
    let (id, agent) = ran(&repo, &["--setup", setup], "touch started");
    assert_eq!((&agent["phase"], &agent["reason"]), (&"failed".into(), &"setup failed: exit code 1".into()));
    assert!(!repo.worktree(&id).join("started").exists());
    assert!(shown(&repo, &id).contains("failed (setup)"), "{}", shown(&repo, &id));
    let log = repo.orchestra(["logs", "--setup", &id]).succeeded().stdout();
    assert_eq!(log, format!("── {id}: setup failed: exit code 1 ──\nwhy\n"));
    repo.orchestra(["spawn", "--agent", "sh", "--again", "--setup", "exit 3", "true"])
        .exits(1)
        .stderr_has("--setup' shows its output");
    let runs = repo.worktree(&id).with_file_name("runs");
    fs::write(runs.with_file_name("fixed"), "").expect("written");
    repo.orchestra(["resume", &id]).succeeded();
    assert_eq!((repo.agent(&id)["phase"].as_str(), text(&runs).as_str()), (Some("done"), "run\nrun\n"));
    // It has succeeded here, so it does not run again.
    repo.orchestra(["resume", &id]).succeeded();
    assert_eq!(text(&runs), "run\nrun\n");
    // A worktree that is made again is set up again.
    fs::remove_dir_all(repo.worktree(&id)).expect("removed");
    repo.orchestra(["resume", &id]).succeeded();
    assert_eq!(text(&runs), "run\nrun\nrun\n");
}

#[test]
fn a_setup_is_shown_while_it_runs_and_ends_with_its_agent() {
    let world = world();
    let repo = world.repo();
    let setup = "sleep 1000 & echo $! > ../pid; echo $ORCHESTRA_AGENT; wait";
    let id = repo
        .orchestra(["spawn", "--detach", "--json", "--agent", "sh", "--setup", setup, "true"])
        .json()["agents"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    until("it is set up", || {
        let agent = repo.agent(&id);
        (agent["reason"].as_str().is_some_and(|now| now.starts_with("setting up: sleep 1000"))).then_some(())
    });
    let pid = until("it runs", || {
        let pid = repo.worktree(&id).with_file_name("pid");
        fs::read_to_string(pid).ok().filter(|pid| pid.ends_with('\n'))
    });
    let log = until("it prints", || {
        let log = repo.orchestra(["logs", "--setup", &id]).stdout();
        log.contains(&id[..]).then_some(log).filter(|log| log.lines().count() > 1)
    });
    assert!(log.contains("the setup is not over yet"), "{log}");
    repo.orchestra(["stop", &id]).succeeded();
    assert_eq!(repo.agent(&id)["phase"], "stopped");
    assert!(!Path::new("/proc").join(pid.trim()).exists(), "what the setup started is over");
}

#[test]
fn a_setup_of_the_project_runs_only_once_it_is_approved() {
    let world = world();
    let repo = world.repo();
    repo.commit("settings", &[(".gitorchestra", "[orchestra]\n\tsetup = echo team > made\n")]);
    repo.orchestra(["spawn", "--agent", "sh", "true"]).exits(3).stderr_has("proposes orchestra.setup");
    let (id, _) = ran(&repo, &["--no-setup"], "true");
    assert!(!repo.worktree(&id).join("made").exists());
    let (id, _) = ran(&repo, &["--setup", "echo mine > made"], "true");
    assert_eq!(repo.file_in_head(&id, "made"), "mine\n");
    repo.orchestra(["spawn", "--agent", "sh", "--setup", " ", "true"])
        .exits(2)
        .stderr_has("this is not a command");
}

#[test]
fn cleanup_counts_a_copy_only_if_it_was_changed_and_undo_brings_it_back() {
    let world = world();
    let repo = with_local_files(&world);
    let (same, _) = ran(&repo, &[], "touch $TMPDIR/used");
    let (changed, _) = ran(&repo, &[], "true");
    fs::write(repo.worktree(&changed).join(".env"), "DATABASE_PORT=mine\n").expect("written");
    let temporary = shown(&repo, &same)
        .lines()
        .find_map(|line| line.strip_prefix("temporary ")?.strip_suffix(" (TMPDIR)").map(str::to_owned))
        .expect("a folder");
    assert!(Path::new(&temporary).is_dir());
    let report = repo.orchestra(["cleanup", "--json"]).succeeded().json();
    let outcome = |id: &str| {
        let agents = report["agents"].as_array().expect("agents").clone();
        agents.into_iter().find(|agent| agent["id"] == id).expect("an agent")
    };
    assert_eq!(outcome(&same)["outcome"], "removed", "{report}");
    let why = outcome(&changed)["why"].as_str().unwrap_or_default().to_owned();
    assert!(why.contains("ignored files that exist only there: .env"), "{why}");
    assert!(!Path::new(&temporary).exists());
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(text(repo.worktree(&same).join(".env")), "DATABASE_PORT=unset\n");
}

#[test]
fn a_copy_stays_out_of_the_work_even_if_the_agent_stops_to_ignore_it() {
    let world = world();
    let repo = world.repo();
    repo.commit("ignore", &[(".gitignore", "my data.txt\n"), (".worktreeinclude", "my data.txt\n")]);
    repo.write("my data.txt", "mine");
    let (id, agent) = ran(&repo, &[], "echo > .gitignore; echo new > new.txt");
    assert_eq!(agent["phase"], "done", "{agent}");
    let head = format!("refs/orchestra/heads/{id}");
    assert!(repo.worktree(&id).join("my data.txt").exists());
    assert!(repo.has(&head, "new.txt") && !repo.has(&head, "my data.txt"));
}

#[test]
fn more_to_copy_than_allowed_fails_before_anything_starts() {
    let world = world();
    let repo = with_local_files(&world);
    repo.write("big.local", &"x".repeat(3000));
    repo.git(["config", "orchestra.maxInclude", "2k"]);
    let (id, agent) = ran(&repo, &[], "touch started");
    assert_eq!(agent["phase"], "failed");
    let reason = agent["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("more than orchestra.maxInclude"), "{reason}");
    repo.git(["config", "--unset", "orchestra.maxInclude"]);
    repo.orchestra(["resume", &id]).succeeded();
    assert!(repo.worktree(&id).join("big.local").exists());
}

#[test]
fn a_teardown_runs_before_the_worktree_goes_and_its_failure_is_a_warning() {
    let world = world();
    let repo = world.repo();
    let (id, _) = ran(&repo, &[], "true");
    repo.git([
        "config",
        "orchestra.teardown",
        "echo $ORCHESTRA_AGENT > $ORCHESTRA_ROOT/../torn; echo no; exit 4",
    ]);
    repo.orchestra(["cleanup", "--dry-run"]).succeeded();
    let (torn, worktree) = (repo.path().with_file_name("torn"), repo.worktree(&id));
    assert!(!torn.exists());
    let ended = repo.orchestra(["cleanup"]).succeeded();
    ended.stderr_has(&format!("the teardown of '{id}' failed (exit code 4): no"));
    assert_eq!(text(torn), format!("{id}\n"));
    assert!(!worktree.exists());
}

#[test]
fn what_a_teardown_deletes_is_stored_before_and_restored() {
    let world = world();
    let repo = world.repo();
    let (id, _) = ran(&repo, &[], "echo '*.ign' > .gitignore; echo w > w");
    repo.orchestra(["merge-ranked", &id]).succeeded();
    let worktree = repo.worktree(&id);
    fs::write(worktree.join("x.ign"), "ignored\n").expect("a file");
    fs::write(worktree.join("new"), "new\n").expect("a file");
    repo.git(["config", "orchestra.teardown", "rm x.ign new; echo dump > dump"]);
    repo.orchestra(["cleanup", "--force", &id]).succeeded();
    assert!(!worktree.exists());
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(
        (text(worktree.join("x.ign")), text(worktree.join("new"))),
        ("ignored\n".into(), "new\n".into())
    );
    // What it wrote is back as well, and kept beside that.
    assert_eq!(text(worktree.join("dump")), "dump\n");
    let operations = repo.refs("refs/orchestra-local/operations/");
    let kept = operations.iter().find_map(|(name, _)| {
        let files = format!("{name}:{id}/torn-down/files/dump");
        Some(repo.command("git").args(["cat-file", "blob", &files]).output().expect("git"))
            .filter(|found| found.status.success())
    });
    assert_eq!(kept.expect("the dump").stdout, b"dump\n");
}

#[test]
fn what_an_interrupted_teardown_deleted_is_in_the_operation() {
    let world = world();
    let repo = world.repo();
    let (id, _) = ran(&repo, &[], "echo '*.ign' > .gitignore; echo w > w");
    repo.orchestra(["merge-ranked", &id]).succeeded();
    let worktree = repo.worktree(&id);
    fs::write(worktree.join("x.ign"), "ignored\n").expect("a file");
    repo.git(["config", "orchestra.teardown", "rm x.ign; kill -9 $PPID"]);
    let ended = repo.orchestra_command(["cleanup", "--force", &id]).output().expect("cleanup");
    assert!(!ended.status.success() && worktree.exists() && !worktree.join("x.ign").exists());
    let (name, _) = repo.refs("refs/orchestra-local/operations/").pop().expect("an operation");
    assert_eq!(repo.git(["show", &format!("{name}:{id}/worktree/files/x.ign")]).stdout(), "ignored\n");
    repo.git(["config", "--unset", "orchestra.teardown"]);
    // The next command puts it back.
    repo.orchestra(["cleanup", "--older-than", "1d"]).succeeded();
    assert_eq!(text(worktree.join("x.ign")), "ignored\n");
    repo.orchestra(["cleanup", "--force", &id]).succeeded();
    assert!(!worktree.exists());
}

#[test]
fn an_agent_whose_teardown_removes_the_worktree_is_removed_and_restored() {
    let world = world();
    let repo = world.repo();
    for teardown in ["git worktree remove --force \"$PWD\"", "cd ..; rm -rf \"$OLDPWD\""] {
        let (id, _) = ran(&repo, &[], "echo '*.ign' > .gitignore; echo w > w; echo ignored > x.ign");
        let worktree = repo.worktree(&id);
        fs::write(worktree.join("new"), "new\n").expect("a file");
        repo.git(["config", "orchestra.teardown", teardown]);
        repo.orchestra(["cleanup", "--discard", &id, "--force"]).succeeded();
        assert!(!worktree.exists(), "{teardown}");
        repo.git(["gc", "-q", "--prune=now"]);
        repo.orchestra(["undo"]).succeeded();
        let texts = ["x.ign", "new", "w"].map(|name| text(worktree.join(name)));
        assert_eq!(texts, ["ignored\n", "new\n", "w\n"], "{teardown}");
        let status = world.git(&worktree, ["status", "--porcelain", "-b"]).succeeded().stdout();
        assert!(status.contains(&id) && status.ends_with("?? new\n"), "{status}");
    }
}

#[test]
fn what_a_teardown_commits_is_kept_with_what_it_deleted() {
    let world = world();
    let repo = world.repo();
    let (id, _) = ran(&repo, &[], "echo '*.ign' > .gitignore; echo w > w; echo ignored > x.ign");
    repo.orchestra(["merge-ranked", &id]).succeeded();
    let worktree = repo.worktree(&id);
    let commit = "git -c user.name=a -c user.email=a@x commit -qm late";
    repo.git([
        "config",
        "orchestra.teardown",
        &format!("rm x.ign; echo late > late; git add late; {commit}"),
    ]);
    let kept = repo.orchestra(["cleanup", "--force", &id]);
    kept.stdout_has("its teardown committed to its branch")
        .stderr_has(&format!("'{id}' is kept, and what its teardown deleted is back"));
    assert_eq!(
        (text(worktree.join("x.ign")), text(worktree.join("late"))),
        ("ignored\n".into(), "late\n".into())
    );
    // Discarded, all of it can be restored.
    repo.git(["config", "--unset", "orchestra.teardown"]);
    repo.orchestra(["cleanup", "--discard", &id]).succeeded();
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(world.git(&worktree, ["log", "-1", "--format=%s"]).line(), "late");
}

#[test]
fn agents_have_their_own_ports_and_folders_and_share_no_build_folder() {
    let world = world();
    let repo = world.repo();
    repo.commit("compose", &[("compose.yaml", "services: {}\n")]);
    let script = "env > vars; until [ -e ../go ]; do sleep 0.05; done";
    let start = |name: &str| {
        let mut command = repo.orchestra_command(["spawn", "--detach", "--again", "--json", "--agent", "sh"]);
        command.args(["--name", name, script]).env("CARGO_TARGET_DIR", "/home/kim/target");
        let ran = testkit::Ran::of(&mut command).succeeded();
        ran.json()["agents"][0]["id"].as_str().expect("an id").to_owned()
    };
    let ids = [start("one"), start("two")];
    let variables = ids.each_ref().map(|id| {
        repo.wait_for_file(id, "vars");
        until("all is written", || {
            Some(text(repo.worktree(id).join("vars"))).filter(|text| text.contains("ORCHESTRA_ROOT="))
        })
    });
    fs::write(repo.worktree(&ids[0]).with_file_name("go"), "").expect("written");
    let of = |at: usize, name: &str| {
        let lines = variables[at].lines();
        lines.clone().find_map(|line| line.strip_prefix(&format!("{name}="))).map(str::to_owned)
    };
    for name in ["ORCHESTRA_PORT", "TMPDIR", "COMPOSE_PROJECT_NAME"] {
        assert!(of(0, name).is_some() && of(0, name) != of(1, name), "{name}: {:?}", of(0, name));
    }
    assert_eq!(of(0, "COMPOSE_PROJECT_NAME").as_deref(), Some(ids[0].as_str()));
    assert_eq!(of(0, "CARGO_TARGET_DIR"), None);
    ids.iter().for_each(|id| assert_eq!(repo.end_of(id)["phase"], "done"));
    // A resumed agent has the same ports.
    let port = of(0, "ORCHESTRA_PORT").expect("a port");
    repo.orchestra(["resume", &ids[0]]).succeeded();
    assert!(text(repo.worktree(&ids[0]).join("vars")).contains(&format!("ORCHESTRA_PORT={port}\n")));
}

#[test]
fn files_of_lfs_stay_pointers_if_the_user_wants_that() {
    let world = world();
    let repo = world.repo();
    let filter = "test -n \"$GIT_LFS_SKIP_SMUDGE\" && cat || sed s/pointer/content/";
    repo.git(["config", "filter.lfs.smudge", filter]);
    repo.git(["config", "filter.lfs.clean", "sed s/content/pointer/"]);
    repo.commit("large", &[(".gitattributes", "*.bin filter=lfs\n"), ("a.bin", "pointer\n")]);
    for (value, expected) in [("smudge", "content\n"), ("pointers", "pointer\n")] {
        repo.git(["config", "orchestra.lfs", value]);
        let (id, _) = ran(&repo, &[], "true");
        assert_eq!(text(repo.worktree(&id).join("a.bin")), expected);
        assert_eq!(repo.agent(&id)["files_changed"].as_u64().unwrap_or(0), 0);
    }
}

#[test]
fn the_setup_of_another_tool_is_proposed_and_not_run() {
    let world = world();
    let repo = world.repo();
    repo.write("conductor.json", r#"{"scripts":{"setup":"touch $CONDUCTOR_ROOT_PATH/made"}}"#);
    let (id, _) = ran(&repo, &[], "true");
    assert!(!repo.path().join("made").exists() && !repo.worktree(&id).join("made").exists());
    let doctor = repo.orchestra(["doctor"]);
    let said = doctor.stdout() + &doctor.stderr();
    let command = "git orchestra config set orchestra.setup 'touch $ORCHESTRA_ROOT/made'";
    assert!(said.contains(command), "{said}");
    repo.orchestra(["init"]).succeeded().stderr_has(command);
}

#[test]
fn a_sparse_checkout_is_inherited() {
    let world = world();
    let repo = world.repo();
    fs::create_dir_all(repo.path().join("large")).expect("a folder");
    repo.commit("large", &[("large/a", "a\n")]);
    repo.git(["sparse-checkout", "set", "small"]);
    let (id, agent) = ran(&repo, &[], "test ! -e large && git sparse-checkout list > list");
    assert_eq!((&agent["phase"], repo.file_in_head(&id, "list").as_str()), (&"done".into(), "small\n"));
    assert!(repo.has(&format!("refs/orchestra/heads/{id}"), "large/a"));
}

#[test]
fn sizes_have_a_total() {
    let world = world();
    let repo = world.repo();
    ran(&repo, &[], "echo 1 > a");
    ran(&repo, &[], "echo 2 > b");
    let listed = repo.orchestra(["worktrees", "--size"]).succeeded();
    listed.stderr_has("2 worktrees take ");
    let report = repo.orchestra(["worktrees", "--size", "--json"]).succeeded().json();
    let first = &report["worktrees"][0];
    assert!(first["apparent_size"].as_u64().is_some_and(|size| size > 0), "{first}");
    assert_eq!(first["is_size_partial"], false);
}

#[test]
fn submodules_are_made_offline_and_do_not_keep_an_agent() {
    let world = world();
    let (inner, middle, repo) = (world.repo_named("inner"), world.repo_named("middle"), world.repo());
    let add = |to: &TestRepo<'_>, from: &TestRepo<'_>, path: &str| {
        let url = from.path().to_string_lossy().into_owned();
        to.git(["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, path]);
        to.git(["commit", "-qm", "with a submodule"]);
    };
    add(&middle, &inner, "deep");
    add(&repo, &middle, "libs/middle");
    repo.git(["-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init", "--recursive"]);
    // What they came from is away.
    for origin in [&inner, &middle] {
        fs::rename(origin.path(), origin.path().with_extension("away")).expect("renamed");
    }
    let (same, agent) = ran(&repo, &[], "cat libs/middle/deep/file.txt");
    assert_eq!(agent["phase"], "done", "{agent}");
    for (script, left_out) in [
        ("echo 1 > libs/middle/new", 1),
        ("echo 1 > libs/middle/deep/file.txt", 1),
        ("cd libs/middle; echo 1 > new; git add new; rm new", 1),
        ("cd libs/middle; echo '*.o' > \"$(git rev-parse --git-path info/exclude)\"; touch file.txt", 0),
    ] {
        let (id, agent) = ran(&repo, &[], script);
        assert_eq!(agent["left_out"], left_out, "{script}: {agent}");
        if left_out > 0 {
            repo.orchestra(["collect", &id]).succeeded().stdout_has("libs/middle/ (a submodule with changes");
        }
        repo.orchestra(["cleanup", "--discard", &id]).succeeded();
    }
    let (changed, _) = ran(&repo, &[], "true");
    let inside = repo.worktree(&changed).join("libs/middle");
    assert_eq!(world.git(&inside, ["status", "--porcelain"]).stdout(), "");
    assert_eq!(
        world.git(&repo.worktree(&changed), ["submodule", "status", "--recursive"]).stdout().lines().count(),
        2
    );
    let url = world.git(&inside, ["config", "remote.origin.url"]).stdout();
    assert_eq!(url.trim(), middle.path().to_string_lossy());
    assert_eq!(repo.agent(&changed)["left_out"], 0);
    fs::write(inside.join("file.txt"), "mine").expect("written");
    let report = repo.orchestra(["cleanup", "--json"]).succeeded().json();
    let why = |id: &str| {
        let agents = report["agents"].as_array().expect("agents").clone();
        let agent = agents.into_iter().find(|agent| agent["id"] == id).expect("an agent");
        format!("{} {}", agent["outcome"], agent["why"])
    };
    assert!(why(&same).starts_with("\"removed\""), "{}", why(&same));
    assert!(
        why(&changed).contains("has changes that are not in its work: libs/middle/"),
        "{}",
        why(&changed)
    );
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(
        world.git(&repo.worktree(&same).join("libs/middle/deep"), ["status", "--porcelain"]).stdout(),
        ""
    );
}

#[test]
fn builds_are_removed_by_the_rule_of_the_user() {
    let world = world();
    let repo = world.repo();
    repo.commit("ignore", &[(".gitignore", "target/\nnotes.local\n")]);
    let script =
        "mkdir target && echo 1 > target/out && echo n > notes.local && echo 1 > $ORCHESTRA_AGENT.txt";
    let has_build = |id: &str| repo.worktree(id).join("target").exists();
    let gone = |id: &str| until("the build is removed", || (!has_build(id)).then_some(()));
    let (kept, _) = ran(&repo, &[], script);
    repo.git(["config", "orchestra.removeBuilds", "ended"]);
    let (ended, _) = ran(&repo, &[], script);
    gone(&ended);
    assert!(repo.worktree(&ended).join("notes.local").exists());
    // The rule holds for every agent that has ended.
    gone(&kept);
    repo.git(["config", "orchestra.removeBuilds", "landed"]);
    let (landed, _) = ran(&repo, &[], script);
    let (other, _) = ran(&repo, &[], script);
    repo.orchestra(["merge-ranked", &landed]).succeeded();
    gone(&landed);
    assert!(has_build(&other) && repo.worktree(&landed).join("notes.local").exists());
}
