//! `try`: the user's checkout shows the work of an agent, and returns to what it was.

use std::fs;

use serde_json::json;
use testkit::{Ran, TestRepo};

use crate::{
    branch_moves::{aim, copy},
    injector, world,
};

fn spawned(repo: &TestRepo<'_>, script: &str) -> String {
    let id = repo.spawn(script);
    repo.end_of(&id);
    id
}

/// What must be the same again: HEAD, index, refs and every file.
fn state(repo: &TestRepo<'_>) -> impl PartialEq + std::fmt::Debug + use<> {
    let head = fs::read_to_string(repo.path().join(".git/HEAD")).expect("HEAD");
    let status = repo.git(["status", "--porcelain", "--ignored"]).stdout();
    // The index also has the times of the files, which were written again.
    let files: Vec<_> =
        repo.checkout().into_iter().filter(|(path, _)| !path.ends_with(".git/index")).collect();
    (head, status, repo.refs("refs/heads"), files, repo.git(["ls-files", "-s"]).stdout())
}

#[test]
fn the_checkout_shows_the_merge_and_returns_exactly() {
    let world = world();
    let repo = world.repo();
    repo.commit("more", &[("gone.txt", "1\n"), (".gitignore", "*.log\n")]);
    let one = spawned(&repo, "echo 1st > file.txt; rm gone.txt; mkdir -p new; echo 1 > new/a.txt");
    let two = spawned(&repo, "echo 2 > two.txt");
    repo.commit("ahead", &[("ahead.txt", "1\n")]);
    repo.write("untracked.txt", "mine\n");
    repo.write("build.log", "mine\n");
    let before = state(&repo);
    let report = repo.orchestra(["try", &one, "--json"]).succeeded().json();
    assert_eq!(
        (&report["branch"], &report["files"], &report["back"]),
        (&json!("main"), &json!(3), &json!(false))
    );
    let read = |name: &str| fs::read_to_string(repo.path().join(name)).unwrap_or_default();
    assert_eq!((read("file.txt").as_str(), read("ahead.txt").as_str()), ("1st\n", "1\n"));
    assert!(!repo.path().join("gone.txt").exists() && repo.path().join("new/a.txt").exists());
    assert_eq!(repo.git(["status", "--porcelain"]).stdout(), "?? untracked.txt\n");
    repo.orchestra(["status"])
        .succeeded()
        .stderr_has("the work of '")
        .stderr_has("try --back returns to main");
    // Another one takes its place, on the same branch.
    repo.orchestra(["try", &two]).succeeded().stdout_has("main with the work of").stderr_has("try --back");
    assert!(repo.path().join("two.txt").exists() && repo.path().join("gone.txt").exists());
    repo.orchestra(["try", "--back"]).succeeded().stdout_has("back on main: 1 file changed");
    assert_eq!(state(&repo), before);
    repo.orchestra(["try", "--back"]).exits(3).stderr_has("no work is tried here: the branch main");
    // After a landing meanwhile, the checkout returns to the newest commit of its branch.
    repo.orchestra(["try", &one]).succeeded();
    repo.orchestra(["merge-ranked", "--into", "main", &two]).succeeded();
    repo.orchestra(["try", "--back"]).succeeded().stdout_has("which has moved meanwhile");
    assert_eq!(repo.git(["symbolic-ref", "HEAD"]).line(), "refs/heads/main");
    assert_eq!(repo.git(["status", "--porcelain"]).stdout(), "?? untracked.txt\n");
    assert!(repo.path().join("two.txt").exists());
    repo.orchestra(["try", &two]).exits(3).stderr_has("is in main already");
}

/// A switch is all of it or nothing: after a kill at any change, the way back leads to the checkout as it was.
#[test]
fn a_trial_or_return_killed_at_any_change_is_reverted_or_complete() {
    let world = world();
    let Some(injector) = injector() else { return };
    let template = world.repo();
    template.commit("more", &[("gone.txt", "1\n"), ("d/kept.txt", "1\n")]);
    let id = spawned(
        &template,
        "echo 1st > file.txt; rm gone.txt; mkdir -p new; echo 1 > new/a.txt; echo 1 > d/b.txt",
    );
    template.write("untracked.txt", "mine\n");
    let before = state(&copy(&world, &template, "killed"));
    let mut moments = 0;
    for program in ["git-orchestra-try", "checkout"] {
        for (words, first) in [(vec![id.as_str()], None), (vec!["--back"], Some(["try", id.as_str()]))] {
            for at in 1.. {
                let repo = copy(&world, &template, "killed");
                if let Some(first) = first {
                    repo.orchestra(first).succeeded();
                }
                let mut command = repo.command(world.bins().join("git-orchestra-try"));
                if injector.kill(&world, command.args(&words), aim(program), at).is_none() {
                    break;
                }
                moments += 1;
                let when = format!("{program} {words:?} killed at change {at}");
                let ran = repo.orchestra(["try", "--back"]);
                assert!(ran.code() == 0 || ran.stderr().contains("no work is tried here"), "{when}: {ran:?}");
                assert_eq!(state(&repo), before, "{when}");
                assert!(!repo.path().join(".git/index.lock").exists(), "{when}");
                repo.orchestra(["try", &id]).succeeded();
            }
        }
    }
    assert!(moments > 40, "{moments}");
}

#[test]
fn what_would_lose_something_is_refused_and_changes_nothing() {
    let world = world();
    let repo = world.repo();
    repo.commit("ignore", &[(".gitignore", "*.log\n")]);
    let good = spawned(
        &repo,
        "echo 1st > file.txt; echo 1 > added.txt; echo 1 > x.log; git add -f x.log; git commit -qm log",
    );
    let clash = spawned(&repo, "echo clash > ahead.txt");
    let nothing = spawned(&repo, "true");
    repo.commit("ahead", &[("ahead.txt", "1\n")]);
    let refused = |arguments: &[&str], code: i32, said: &str| {
        let before = state(&repo);
        repo.orchestra([&["try"], arguments].concat()).exits(code).stderr_has(said);
        assert_eq!(state(&repo), before, "{arguments:?}");
    };
    refused(&[&clash], 3, "conflicts with main: ahead.txt");
    refused(&[&nothing], 3, "has no work to try");
    refused(&["nosuch"], 3, "nosuch");
    refused(&[], 2, "AGENT");
    refused(&[&good, "--back"], 2, "--back");
    for (file, said) in [
        ("ahead.txt", "your checkout has changes: ahead.txt"),
        ("added.txt", "files that are not in git are in the way: added.txt"),
        ("x.log", "files that are not in git are in the way: x.log"),
    ] {
        repo.write(file, "mine\n");
        refused(&[&good], 3, said);
        repo.git(["checkout", "-q", "--", "ahead.txt"]);
        let _ = fs::remove_file(repo.path().join(file).with_file_name(if file == "ahead.txt" {
            "-"
        } else {
            file
        }));
    }
    let open = repo.spawn("while :; do sleep 0.1; done");
    repo.wait_for(&open, "running");
    refused(&[&open], 3, "has not ended");
    repo.orchestra(["stop", &open]).succeeded();
    let by_agent = Ran::of(repo.orchestra_command(["try", &good]).env("ORCHESTRA_ATTEMPT", "1"));
    by_agent.exits(3).stderr_has("an agent cannot try work");
    let inside = world.command("git", &repo.worktree(&nothing)).args(["orchestra", "try", &good]).output();
    let said = String::from_utf8_lossy(&inside.expect("output").stderr).into_owned();
    assert!(said.contains("is the branch of agent"), "{said}");
    repo.git(["checkout", "-q", "--detach"]);
    refused(&[&good], 3, "HEAD is detached");
    refused(&["--back"], 3, "HEAD is detached at another commit");
    repo.git(["checkout", "-q", "main"]);
    // What was edited, added to the index or committed during a trial is not lost either.
    repo.orchestra(["try", &good]).succeeded();
    repo.write("file.txt", "edited\n");
    refused(&["--back"], 3, "your checkout has changes: file.txt");
    repo.git(["add", "file.txt"]);
    refused(&["--back"], 3, "your checkout has changes: file.txt");
    repo.git(["commit", "-qm", "mine"]);
    refused(&["--back"], 3, "you made 1 commit");
    repo.git(["switch", "-q", "-c", "kept"]);
    refused(&["--back"], 3, "the branch kept is checked out");
    repo.git(["switch", "-q", "main"]);
    repo.orchestra(["try", &good]).succeeded();
    repo.git(["branch", "-m", "main", "renamed"]);
    refused(&["--back"], 3, "the branch main no longer exists");
}
