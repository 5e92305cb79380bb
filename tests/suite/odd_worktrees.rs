//! Unusual worktrees, with the real binaries: nothing in them blocks a command, nothing from outside is
//! saved, and an end that saved nothing is not a success.

use std::{fs, path::Path, process::Command};

use testkit::{Ran, TestRepo, until};

use crate::{skip, world};

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

/// Runs a command that must end by itself.
fn ends(command: &mut Command) -> Ran {
    Ran::of(command)
}

fn orchestra(repo: &TestRepo<'_>, arguments: &[&str]) -> Ran {
    ends(&mut repo.orchestra_command(arguments))
}

#[test]
fn nothing_in_a_worktree_makes_stop_collect_or_diff_wait() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.grace", "1s"]);
    for (name, odd) in [
        ("ignore", "rm -f .gitignore; mkfifo .gitignore"),
        ("attributes", "mkdir d; mkfifo d/.gitattributes; echo x > d/x"),
        ("modules", "mkfifo .gitmodules"),
        ("giant", "truncate -s 40G file.txt"),
        ("index", "i=$(git rev-parse --git-dir)/index; rm $i; mkfifo $i"),
    ] {
        let script = format!("echo w > w; {odd}; touch ready; while :; do sleep 0.1; done");
        let id = repo.orchestra(["spawn", "--agent", "sh", "--detach", "--name", name, "--", &script]).line();
        repo.wait_for_file(&id, "ready");
        orchestra(&repo, &["status"]).succeeded();
        orchestra(&repo, &["diff", &id]).succeeded().stdout_has("+w");
        orchestra(&repo, &["collect", &id]).succeeded();
        assert_eq!(repo.file_at(&format!("refs/orchestra-local/snapshots/{id}"), "w"), "w\n");
        orchestra(&repo, &["stop", &id]).succeeded();
        let agent = repo.agent(&id);
        assert_eq!((&agent["phase"], &agent["liveness"]), (&"stopped".into(), &"ended".into()), "{name}");
        assert_eq!(repo.file_in_head(&id, "w"), "w\n", "{name}");
        assert_eq!(repo.file_in_head(&id, "file.txt"), "one\n", "{name}");
        orchestra(&repo, &["collect", &id]).succeeded().stdout_has("nothing to save; its work is complete");
        // The unusual files stay, so that nothing is removed without being asked.
        orchestra(&repo, &["cleanup", "--dry-run"]).succeeded();
    }
}

#[test]
fn an_endless_filter_affects_only_its_files() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "filter.unending.clean", "sleep 1000"]);
    let script = "echo '*.secret filter=unending' > .gitattributes; echo s > s.secret; echo w > w; touch ready; exec sleep 1000";
    let id = repo.spawn(script);
    repo.wait_for_file(&id, "ready");
    orchestra(&repo, &["stop", &id]).succeeded();
    assert_eq!(repo.file_in_head(&id, "w"), "w\n");
    assert!(!repo.has(&format!("refs/orchestra/heads/{id}"), "s.secret"), "past its filter");
    orchestra(&repo, &["status", &id]).succeeded().stdout_has("s.secret (its filter did not end in time)");
    assert_eq!(crate::stop::marked(&format!("ORCHESTRA_AGENT={id}")), Vec::<String>::new());
}

#[test]
fn a_worktree_that_became_a_link_is_not_followed() {
    let world = world();
    let repo = world.repo();
    let home = world.dir().join("private");
    write(&home, "Documents/diary.txt", "PRIVATE");
    let home = home.display().to_string();
    let link =
        format!("echo c > c; git add c; git commit -qm c; cd ..; mv \"$OLDPWD\" x; ln -s {home} \"$OLDPWD\"");
    let registration = format!(
        "echo c > c; git add c; git commit -qm c; echo {home}/.git > $(git rev-parse --git-dir)/gitdir"
    );
    for (name, script, why) in [
        ("link", link.as_str(), "the worktree is a symbolic link"),
        ("gitdir", registration.as_str(), "which is not its worktree"),
    ] {
        orchestra(&repo, &["spawn", "--agent", "sh", "--name", name, "--", script]).exits(1);
        let agents = repo.agents();
        let agent = agents
            .iter()
            .find(|agent| agent["id"].as_str().is_some_and(|id| id.starts_with(name)))
            .expect("it");
        let id = agent["id"].as_str().expect("an id").to_owned();
        let reason = agent["reason"].as_str().expect("a reason");
        assert_eq!(agent["phase"], "failed", "{agent}");
        assert!(reason.starts_with("its work stays in the worktree: ") && reason.contains(why), "{reason}");
        assert!(agent["unsaved"].as_str().is_some_and(|unsaved| unsaved.contains(why)), "{agent}");
        assert_eq!(repo.file_in_head(&id, "c"), "c\n", "its commit is saved");
        for arguments in [&["diff", &id][..], &["collect", &id], &["resume", "-d", &id], &["review", &id]] {
            let ran = orchestra(&repo, arguments);
            assert!(
                ran.code() == 3 || arguments[0] == "review",
                "{arguments:?}: {} {}",
                ran.code(),
                ran.stderr()
            );
        }
        orchestra(&repo, &["stop", &id]).exits(5).stderr_has(&format!("git orchestra collect {id}"));
        orchestra(&repo, &["worktrees", "--size"]).succeeded();
        orchestra(&repo, &["cleanup", "--force", "--discard", &id]);
        orchestra(&repo, &["merge-ranked", "--dry-run"]).exits(3);
    }
    let known = repo.git(["cat-file", "--batch-all-objects", "--batch-check"]).stdout();
    let blobs = known.lines().filter(|line| line.contains(" blob ")).map(|line| &line[..40]);
    for blob in blobs {
        assert!(!repo.git(["cat-file", "blob", blob]).stdout().contains("PRIVATE"));
    }
    assert_eq!(fs::read_to_string(format!("{home}/Documents/diary.txt")).expect("there"), "PRIVATE");
}

#[test]
fn unreadable_files_affect_only_themselves() {
    let world = world();
    let repo = world.repo();
    repo.commit("more", &[("tracked/a", "a\n"), ("b", "b\n")]);
    // Without root's right to read everything, which a namespace removes.
    let alone = |script: &str| {
        let mut command = repo.command("unshare");
        ends(command.args(["--user", "sh", "-c", script]))
    };
    if alone("echo x > t; chmod 000 t; ! cat t 2>/dev/null; code=$?; rm -f t; exit $code").code() != 0 {
        return skip("no namespace can be made here");
    }
    let ran = alone(
        "git orchestra spawn --agent sh --name noread 'echo y > y; echo s > noread; chmod 000 noread b; mkdir db; \
        echo d > db/d; chmod 000 db tracked; mkdir half; echo h > half/h; chmod 600 half; true'",
    );
    ran.succeeded();
    let agent = repo.agents().remove(0);
    let id = agent["id"].as_str().expect("an id").to_owned();
    let facts = repo.events(&id);
    let left = facts.last().expect("an end")["left_out"].as_array().expect("a list").clone();
    let paths: Vec<&str> = left.iter().filter_map(|left| left["path"].as_str()).collect();
    assert_eq!(paths, ["b", "db/", "half/", "noread", "tracked/"]);
    assert!(left.iter().all(|left| left["why"] == "cannot be read: permission denied"), "{left:?}");
    assert_eq!((&agent["phase"], repo.file_in_head(&id, "y").as_str()), (&"done".into(), "y\n"));
    assert_eq!(
        (repo.file_in_head(&id, "b"), repo.file_in_head(&id, "tracked/a")),
        ("b\n".into(), "a\n".into())
    );
    let collected = alone("git orchestra collect").succeeded().stdout();
    assert!(collected.contains("its work is complete") && collected.contains("left out"), "{collected}");
    alone("git orchestra diff noread").succeeded().stdout_has("+y");
    alone("chmod -R u+rwX ../repo.worktrees").succeeded();
    repo.orchestra(["collect"]).succeeded().stdout_has("changes made since it ended");
    assert_eq!(
        (repo.file_in_head(&id, "noread"), repo.file_in_head(&id, "db/d")),
        ("s\n".into(), "d\n".into())
    );
}

#[test]
fn an_end_that_saved_nothing_is_a_failure_and_is_retried() {
    let world = world();
    let repo = world.repo();
    // A ref below that name: the head cannot be written as long as it exists.
    let block = "echo w > w; h=refs/orchestra/heads/$ORCHESTRA_AGENT; git update-ref -d $h; git update-ref refs/orchestra/heads/$ORCHESTRA_AGENT/block HEAD";
    orchestra(&repo, &["spawn", "--agent", "sh", "--name", "blocked", "--", block]).exits(1);
    let agent = repo.agents().remove(0);
    let id = agent["id"].as_str().expect("an id").to_owned();
    assert_eq!(agent["phase"], "failed");
    assert!(agent["reason"].as_str().is_some_and(|reason| reason.contains("its work stays in the worktree")));
    for _ in 0..2 {
        let ran = orchestra(&repo, &["collect", &id]);
        assert_ne!(ran.code(), 0, "{}", ran.stdout());
        assert!(!ran.stdout().contains("its work is complete"), "{}", ran.stdout());
        ran.stderr_has("could not be saved").stdout_has(&format!("git orchestra collect {id} tries again"));
    }
    let report = orchestra(&repo, &["collect", &id, "--json"]);
    assert_eq!((report.json()["agents"][0]["saved"].as_str(), report.code() != 0), (Some("failed"), true));
    for all in ["--all", &id] {
        orchestra(&repo, &["stop", all]).exits(5).stderr_has("could not be saved").stderr_has(&id);
    }
    repo.git(["update-ref", "-d", &format!("refs/orchestra/heads/{id}/block")]).succeeded();
    orchestra(&repo, &["stop", "--all"]).succeeded();
    assert_eq!(repo.file_in_head(&id, "w"), "w\n");
    assert_eq!(repo.agent(&id)["unsaved"], serde_json::Value::Null);
    // The same for a running agent that is stopped.
    let script = format!("{block}; touch ready; while :; do sleep 0.1; done");
    let id = repo.spawn(&script);
    repo.wait_for_file(&id, "ready");
    orchestra(&repo, &["stop", &id]).exits(5).stderr_has(&format!("git orchestra collect {id} tries again"));
    assert_eq!(repo.agent(&id)["phase"], "stopped");
    repo.git(["update-ref", "-d", &format!("refs/orchestra/heads/{id}/block")]).succeeded();
    orchestra(&repo, &["collect", &id]).succeeded();
    assert_eq!(
        (repo.file_in_head(&id, "w").as_str(), &repo.agent(&id)["unsaved"]),
        ("w\n", &serde_json::Value::Null)
    );
}

#[test]
fn an_ended_program_is_not_shown_as_running_while_its_work_is_saved() {
    let world = world();
    let repo = world.repo();
    // A filter of the user that waits: the work is being saved until it ends.
    let gate = world.dir().join("gate");
    let clean = format!("sh -c 'while ! test -e {}; do sleep 0.05; done; cat'", gate.display());
    repo.git(["config", "filter.slow.clean", &clean]);
    let id = repo.spawn("echo '*.slow filter=slow' > .gitattributes; echo x > x.slow; echo busy");
    until("its program has ended", || {
        let agent = repo.agent(&id);
        let saving = agent["activity"].as_str().is_some_and(|now| now.contains("its work is being saved"));
        (saving && agent["pid"].is_null()).then_some(())
    });
    fs::write(&gate, "").expect("opened");
    assert_eq!(repo.end_of(&id)["phase"], "done");
    assert_eq!(repo.file_in_head(&id, "x.slow"), "x\n");
}
