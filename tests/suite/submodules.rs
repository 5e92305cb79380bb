//! Submodules: a commit that only an agent's worktree has does not land, and what an agent or a person changed in one is named.

use std::path::PathBuf;

use serde_json::Value;
use testkit::{TestRepo, World};

use crate::{
    sync::{clone, first, sync},
    world,
};

/// Returns a repository with a submodule `sub`, whose origin has an earlier commit as well.
fn with_submodule(world: &World) -> TestRepo<'_> {
    let repo = world.repo();
    add_submodule(&repo);
    repo
}

pub(crate) fn add_submodule(repo: &TestRepo<'_>) {
    let library = repo.world().repo_named("library");
    library.commit("second", &[("file.txt", "second\n")]);
    let url = library.path().to_string_lossy().into_owned();
    repo.git(["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "sub"]);
    repo.git(["commit", "-qm", "with a submodule"]);
}

/// Runs a script as an agent, and returns its id and state when it has ended.
pub(crate) fn ran(repo: &TestRepo<'_>, options: &[&str], script: &str) -> (String, Value) {
    let spawned =
        repo.orchestra([&["spawn", "--agent", "sh", "--again", "--json"], options, &[script]].concat());
    let id = spawned.json()["agents"][0]["id"].as_str().expect("an id").to_owned();
    let agent = repo.end_of(&id);
    (id, agent)
}

/// A script that makes a commit in the submodule, and commits that the submodule points to it.
pub(crate) const BUMP: &str = "cd sub; echo 1 > new; git add new; git -c user.name=a -c user.email=a@x commit -qm in-sub; \
                    cd ..; git add sub; git -c user.name=a -c user.email=a@x commit -qm bump; echo w > w";

/// Types what a landing says about a commit of a submodule, and lands the work then.
pub(crate) fn lands_as_hinted(
    world: &World,
    repo: &TestRepo<'_>,
    id: &str,
    report: &serde_json::Value,
    commit: &str,
) {
    let warnings = report["warnings"].as_array().expect("warnings");
    let hint = warnings.iter().filter_map(|one| one.as_str()).find(|one| one.starts_with("to land"));
    let (_, command) = hint.and_then(|one| one.split_once(" of its submodule: ")).expect("a command");
    let typed = repo.command("sh").args(["-c", command]).output().expect("sh");
    assert!(typed.status.success(), "{command}: {typed:?}");
    repo.orchestra(["merge-ranked", id]).succeeded();
    repo.git(["submodule", "--quiet", "update"]);
    assert_eq!(world.git(&repo.path().join("sub"), ["rev-parse", "HEAD"]).line(), commit);
}

#[test]
fn a_commit_that_only_the_worktree_has_lands_once_it_was_published() {
    let world = world();
    let repo = with_submodule(&world);
    let (id, agent) = ran(&repo, &[], BUMP);
    assert_eq!(agent["phase"], "done", "{agent}");
    let commit = world.git(&repo.worktree(&id).join("sub"), ["rev-parse", "HEAD"]).line();
    let sentence = format!("sub points to {}, a commit that only the worktree {id} has", &commit[..10]);
    repo.orchestra(["review", &id]).succeeded().stdout_has(&format!("cannot land: {sentence}"));
    let plan = repo.orchestra(["merge-ranked", "--dry-run", "--json", &id]).succeeded().json();
    assert_eq!(plan["order"][0]["outcome"], "blocked", "{plan}");
    assert_eq!(plan["order"][0]["why"], sentence, "{plan}");
    let main = repo.tip("main");
    let landed = repo.orchestra(["merge-ranked", "--json", &id]).exits(1);
    let report = landed.json();
    assert_eq!((&report["order"][0]["outcome"], repo.tip("main")), (&"set_aside".into(), main), "{report}");
    repo.orchestra(["cleanup", "--json"]).succeeded();
    assert!(repo.worktree(&id).exists());
    lands_as_hinted(&world, &repo, &id, &report, &commit);
}

/// The author's clone knows that nobody else has the commit; another clone knows no more than that it has not seen it.
#[test]
fn sync_and_a_landing_in_another_clone_warn_of_a_commit_that_was_not_published() {
    let world = world();
    let repo = first(&world);
    add_submodule(&repo);
    repo.git(["push", "-q", "origin", "main"]);
    let (id, _) = ran(&repo, &[], BUMP);
    let commit = world.git(&repo.worktree(&id).join("sub"), ["rev-parse", "HEAD"]).line();
    let commit = &commit[..10];
    let warned = format!("{id}: sub points to {commit}, a commit that only the worktree {id} has");
    repo.orchestra(["sync", "--dry-run"]).succeeded().stderr_has(&warned);
    let synced = repo.orchestra(["sync"]).succeeded().stderr_has(&warned);
    synced.stderr_has("push origin");
    let other = clone(&world, "other");
    sync(&other);
    let unseen = format!("{id} lands sub at {commit}, a commit of another clone that this one does not have");
    other.orchestra(["merge-ranked", "--dry-run", &id]).succeeded().stderr_has(&unseen);
    other.orchestra(["merge-ranked", &id]).succeeded().stderr_has(&unseen);
    world.git(&repo.worktree(&id).join("sub"), ["push", "-q", "origin", "HEAD:refs/heads/pushed"]);
    repo.orchestra(["resume", &id, "-m", "echo more > more"]).succeeded();
    let synced = repo.orchestra(["sync"]).succeeded();
    assert!(!synced.stderr().contains(commit), "{}", synced.stderr());
}

#[test]
fn a_commit_that_was_pushed_from_the_worktree_lands() {
    let world = world();
    let repo = with_submodule(&world);
    let push = format!("{BUMP}; git -C sub push --quiet origin HEAD:refs/heads/pushed");
    let (id, _) = ran(&repo, &[], &push);
    repo.orchestra(["merge-ranked", &id]).succeeded();
    // So does one that the checkout has already.
    let (id, _) = ran(&repo, &[], "git -C sub checkout -q HEAD~1; git add sub; echo x > x");
    repo.orchestra(["merge-ranked", &id]).succeeded();
}

/// A script that moves the submodule back to its first commit, which every clone of it has.
const BACK: &str = "git -C sub checkout -q HEAD~1; git add sub; echo w > w";

fn head_of(repo: &TestRepo<'_>) -> (String, String) {
    let sub = repo.path().join("sub");
    let text = std::fs::read_to_string(sub.join("file.txt")).expect("a file");
    (repo.world().git(&sub, ["rev-parse", "--abbrev-ref", "HEAD"]).line(), text)
}

#[test]
fn the_submodules_of_the_checkout_follow_a_trial_and_return() {
    let world = world();
    let repo = with_submodule(&world);
    let (id, _) = ran(&repo, &[], BACK);
    let before = head_of(&repo);
    assert_eq!(before, ("main".into(), "second\n".into()));
    repo.orchestra(["try", &id]).succeeded();
    assert_eq!(head_of(&repo), ("HEAD".into(), repo.file_at("main", "file.txt")));
    assert_eq!(repo.git(["status", "--porcelain"]).stdout(), "");
    repo.orchestra(["try", "--back"]).succeeded();
    assert_eq!((head_of(&repo), repo.git(["status", "--porcelain"]).stdout()), (before, String::new()));
    // One in which a person works stays, and keeps nobody from trying work or from returning.
    std::fs::write(repo.path().join("sub/file.txt"), "mine\n").expect("written");
    let command = format!("git -C {} submodule update -- sub", repo.path().display());
    repo.orchestra(["try", &id]).succeeded().stderr_has("because it has changes").stderr_has(&command);
    repo.orchestra(["try", "--back"]).succeeded();
    assert_eq!(head_of(&repo), ("main".into(), "mine\n".into()));
}

#[test]
fn the_submodules_of_the_checkout_follow_a_landing_and_its_undo() {
    let world = world();
    let repo = with_submodule(&world);
    repo.git(["-C", "sub", "checkout", "-q", "--detach"]);
    let (id, _) = ran(&repo, &[], BACK);
    repo.orchestra(["merge-ranked", &id]).succeeded();
    let status = || repo.git(["status", "--porcelain"]).stdout();
    assert_eq!((head_of(&repo).1, status()), (repo.file_at("main", "file.txt"), String::new()));
    repo.orchestra(["undo"]).succeeded();
    assert_eq!((head_of(&repo).1.as_str(), status()), ("second\n", String::new()));
    // One that is on a branch stays there, and the command that moves it is named.
    repo.git(["-C", "sub", "checkout", "-q", "main"]);
    repo.orchestra(["merge-ranked", &id])
        .succeeded()
        .stderr_has("because it is on a branch")
        .stderr_has(&format!("git -C {} submodule update -- sub", repo.path().display()));
    assert_eq!((head_of(&repo).1.as_str(), status().as_str()), ("second\n", " M sub\n"));
}

#[test]
fn changes_in_a_submodule_of_the_checkout_are_said_to_be_left_out() {
    let world = world();
    let repo = with_submodule(&world);
    repo.write("mine.txt", "mine\n");
    std::fs::write(repo.path().join("sub/file.txt"), "mine\n").expect("written");
    let ran = repo.orchestra(["spawn", "--agent", "sh", "--with-changes", "cat sub/file.txt mine.txt"]);
    ran.succeeded().stderr_has("the agents do not get sub/ (a submodule with changes that are in no commit)");
}

#[test]
fn a_submodule_with_files_is_not_replaced_by_a_file() {
    let world = world();
    let repo = with_submodule(&world);
    for replace in ["git rm -qf sub; echo f > sub", "rm -rf sub; ln -s file.txt sub"] {
        let (id, _) = ran(&repo, &[], replace);
        let main = repo.tip("main");
        repo.write("sub/precious", "kept\n");
        for arguments in [&["merge-ranked", &id][..], &["try", &id]] {
            let refused = repo.orchestra(arguments).exits(3);
            refused.stderr_has("the submodule sub in").stderr_has("submodule deinit -- sub");
            assert_eq!(std::fs::read_to_string(repo.path().join("sub/precious")).expect("kept"), "kept\n");
            assert_eq!(repo.tip("main"), main);
        }
        repo.orchestra(["merge-ranked", "--abort"]);
        std::fs::remove_file(repo.path().join("sub/precious")).expect("removed");
    }
    // What was cleared away by hand is replaced.
    let (id, _) = ran(&repo, &[], "git rm -qf sub; echo f > sub");
    repo.git(["submodule", "--quiet", "deinit", "--", "sub"]);
    repo.orchestra(["merge-ranked", &id]).succeeded();
    assert_eq!(std::fs::read_to_string(repo.path().join("sub")).expect("a file"), "f\n");
}

#[test]
fn an_ignored_file_in_a_submodule_is_not_overwritten() {
    let world = world();
    let repo = with_submodule(&world);
    let script = "cd sub; echo theirs > .env; git add -f .env; git -c user.name=a -c user.email=a@x commit -qm env; \
                  git push -q origin HEAD:refs/heads/env; cd ..; git add sub; \
                  git -c user.name=a -c user.email=a@x commit -qm bump";
    let (id, _) = ran(&repo, &[], script);
    world.git(&repo.path().join("sub"), ["checkout", "-q", "--detach"]).succeeded();
    world.git(&repo.path().join("sub"), ["fetch", "-q", "origin", "env"]).succeeded();
    let exclude = world.git(&repo.path().join("sub"), ["rev-parse", "--git-path", "info/exclude"]).line();
    let exclude = repo.path().join("sub").join(exclude);
    std::fs::create_dir_all(exclude.parent().expect("a folder")).expect("made");
    std::fs::write(exclude, ".env\n").expect("written");
    repo.write("sub/.env", "mine\n");
    repo.orchestra(["merge-ranked", &id]).stderr_has("the submodule sub stays at");
    assert_eq!(std::fs::read_to_string(repo.path().join("sub/.env")).expect("kept"), "mine\n");
}

#[test]
fn a_repository_in_a_folder_of_committed_files_is_not_replaced_by_a_file() {
    let world = world();
    let repo = world.repo();
    repo.commit("a folder", &[("x/y/a", "a\n")]);
    let (id, _) = ran(&repo, &[], "rm -r x; echo f > x");
    let main = repo.tip("main");
    let inner = repo.path().join("x/y");
    world.git(&inner, ["init", "-q"]).succeeded();
    for (command, why) in [("merge-ranked", "holds another repository"), ("try", "in the way: x")] {
        repo.orchestra([command, &id]).exits(3).stderr_has(why);
        assert!(inner.join(".git/HEAD").exists());
        assert_eq!(repo.tip("main"), main);
    }
    repo.orchestra(["merge-ranked", "--abort"]);
    std::fs::rename(inner.join(".git"), repo.path().with_file_name("kept")).expect("moved away");
    repo.orchestra(["merge-ranked", &id]).succeeded();
    assert_eq!(std::fs::read_to_string(repo.path().join("x")).expect("a file"), "f\n");
}

#[test]
fn a_rewind_leaves_the_files_of_a_submodule_in_their_place() {
    let world = world();
    let repo = with_submodule(&world);
    let (id, _) = ran(&repo, &[], "rm -rf sub; echo f > sub");
    let again = "rm sub; git checkout main -- sub; git -c protocol.file.allow=always submodule -q update --init; \
                 echo precious > sub/precious";
    repo.orchestra(["resume", &id, "-m", again]).succeeded();
    repo.end_of(&id);
    let precious = repo.worktree(&id).join("sub/precious");
    let head = format!("refs/orchestra/heads/{id}");
    let was = repo.tip(&head);
    let points = repo.orchestra(["rewind", "--json", &id]).succeeded().json();
    let points = points["points"].as_array().expect("points").len();
    assert!(points > 1, "{points}");
    repo.orchestra(["rewind", &id, "2"]).exits(3).stderr_has("the submodule sub in").stderr_has("has files");
    assert_eq!(std::fs::read_to_string(&precious).expect("kept"), "precious\n");
    assert_eq!(repo.tip(&head), was);
}

#[test]
fn a_commit_that_only_a_clone_elsewhere_has_does_not_land() {
    let world = world();
    let repo = with_submodule(&world);
    let script = "git -c protocol.file.allow=always submodule -q update --init; git clone -q sub ../../elsewhere; \
                  echo \"gitdir: $(cd ../../elsewhere; pwd)/.git\" > sub/.git; cd sub; echo x > x; git add x; \
                  git -c user.name=a -c user.email=a@x commit -qm lone; cd ..; git add sub; \
                  git -c user.name=a -c user.email=a@x commit -qm bump";
    let (id, _) = ran(&repo, &[], script);
    let main = repo.tip("main");
    let refused = repo.orchestra(["merge-ranked", "--json", &id]).exits(1).json();
    let why = refused["order"][0]["why"].as_str().unwrap_or_default();
    assert!(why.contains("a commit that only the worktree"), "{refused}");
    assert_eq!(repo.tip("main"), main);
}

/// Has an agent move the submodule back by a commit. Returns the agent, and the person's submodule, which is on no branch.
fn moved_back(repo: &TestRepo<'_>) -> (String, PathBuf) {
    let script = "cd sub; git checkout -q HEAD~; cd ..; git add sub; \
                  git -c user.name=a -c user.email=a@x commit -qm back";
    let (id, _) = ran(repo, &[], script);
    let sub = repo.path().join("sub");
    repo.world().git(&sub, ["checkout", "-q", "--detach"]).succeeded();
    (id, sub)
}

#[test]
fn a_commit_that_the_persons_submodule_is_on_is_kept_by_what_a_warning_says_to_type() {
    let world = world();
    let repo = with_submodule(&world);
    let (id, sub) = moved_back(&repo);
    std::fs::write(sub.join("mine"), "mine\n").expect("written");
    world.git(&sub, ["add", "mine"]).succeeded();
    world.git(&sub, ["commit", "-qm", "mine"]).succeeded();
    let lone = world.git(&sub, ["rev-parse", "HEAD"]).line();
    let landed = repo.orchestra(["merge-ranked", "--json", &id]).json();
    let warnings = landed["warnings"].as_array().expect("warnings").clone();
    let stays = warnings.iter().filter_map(Value::as_str).find(|one| one.contains("sub stays at"));
    let (_, command) = stays.and_then(|one| one.split_once(": ")).expect("a command");
    let typed = repo.command("sh").args(["-c", command]).output().expect("sh");
    assert!(typed.status.success(), "{command}: {typed:?}");
    assert_eq!(world.git(&sub, ["rev-parse", &format!("kept-{}", &lone[..10])]).line(), lone);
    assert_eq!(world.git(&sub, ["rev-parse", "HEAD"]).line(), repo.tip("main:sub"));
}

#[test]
fn a_submodule_follows_a_landing_that_was_killed_after_the_move() {
    let world = world();
    let repo = with_submodule(&world);
    let (id, sub) = moved_back(&repo);
    // A git that kills the landing when it is about to move the submodule.
    let folder = repo.path().with_file_name("killing");
    std::fs::create_dir(&folder).expect("made");
    let git = format!(
        "#!/bin/sh\ncase \"$*\" in *'--no-overwrite-ignore --detach'*) kill -9 $PPID; exit 1;; esac\n\
         PATH=${{PATH#{}:}}; exec git \"$@\"\n",
        folder.display()
    );
    std::fs::write(folder.join("git"), git).expect("written");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.join("git"), executable).expect("executable");
    let mut command = repo.command("git-orchestra");
    command.args(["merge-ranked", &id]);
    let path = command.get_envs().find_map(|(name, value)| (name == "PATH").then_some(value).flatten());
    let path = format!("{}:{}", folder.display(), path.expect("a PATH").to_string_lossy());
    let ended = command.env("PATH", path).output().expect("merge-ranked");
    assert!(!ended.status.success(), "{ended:?}");
    let wanted = repo.tip("main:sub");
    assert_ne!(world.git(&sub, ["rev-parse", "HEAD"]).line(), wanted);
    repo.orchestra(["merge-ranked", "--continue"]).succeeded();
    assert_eq!(world.git(&sub, ["rev-parse", "HEAD"]).line(), wanted);
    assert_eq!(repo.git(["status", "--porcelain"]).stdout(), "");
}
