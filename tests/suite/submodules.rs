//! Submodules: a commit that only an agent's worktree has does not land, and what an agent or a person changed in one is named.

use serde_json::Value;
use testkit::{TestRepo, World};

use crate::world;

/// Returns a repository with a submodule `sub`, whose origin has an earlier commit as well.
fn with_submodule(world: &World) -> TestRepo<'_> {
    let (library, repo) = (world.repo_named("library"), world.repo());
    library.commit("second", &[("file.txt", "second\n")]);
    let url = library.path().to_string_lossy().into_owned();
    repo.git(["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "sub"]);
    repo.git(["commit", "-qm", "with a submodule"]);
    repo
}

/// Runs a script as an agent, and returns its id and state when it has ended.
fn ran(repo: &TestRepo<'_>, options: &[&str], script: &str) -> (String, Value) {
    let spawned =
        repo.orchestra([&["spawn", "--agent", "sh", "--again", "--json"], options, &[script]].concat());
    let id = spawned.json()["agents"][0]["id"].as_str().expect("an id").to_owned();
    let agent = repo.end_of(&id);
    (id, agent)
}

/// A script that makes a commit in the submodule, and commits that the submodule points to it.
const BUMP: &str = "cd sub; echo 1 > new; git add new; git -c user.name=a -c user.email=a@x commit -qm in-sub; \
                    cd ..; git add sub; git -c user.name=a -c user.email=a@x commit -qm bump; echo w > w";

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
    // What it says to type works.
    let warnings = report["warnings"].as_array().expect("warnings").clone();
    let text =
        warnings.iter().filter_map(Value::as_str).find(|one| one.starts_with("to land")).expect("a hint");
    let (_, command) = text.split_once(" of its submodule: ").expect("a command");
    let typed = repo.command("sh").args(["-c", command]).output().expect("sh");
    assert!(typed.status.success(), "{command}: {typed:?}");
    repo.orchestra(["merge-ranked", &id]).succeeded();
    repo.git(["submodule", "--quiet", "update"]);
    assert_eq!(world.git(&repo.path().join("sub"), ["rev-parse", "HEAD"]).line(), commit);
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

#[test]
fn what_an_agent_in_a_sandbox_writes_into_a_submodule_is_named() {
    if !crate::sandbox::can_make_one() {
        return;
    }
    let world = world();
    let repo = with_submodule(&world);
    let (id, agent) = ran(&repo, &["--sandbox", "files"], "echo 1 > sub/new; git -C sub status; echo w > w");
    assert_eq!((&agent["phase"], &agent["left_out"]), (&"done".into(), &1.into()), "{agent}");
    let shown = repo.orchestra(["status", &id]).succeeded();
    let shown = shown.stdout_has("sub/.git (in a sandbox, git does not work in a submodule");
    shown.stdout_has("left out  sub/ (a submodule with changes that are in no commit)");
    let kept = repo.orchestra(["cleanup", "--json"]).succeeded().json();
    assert_eq!(kept["agents"][0]["outcome"], "kept", "{kept}");
}
