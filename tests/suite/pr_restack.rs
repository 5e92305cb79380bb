//! `pr` of work that started from that of others, after theirs was merged: the pull request shows only its own commits, and goes into the
//! target.

use serde_json::Value;
use testkit::{Aim, FakeForge, ForgeFlavor, Injector, Pull, TestRepo, World};

use crate::{
    pr::{on_forge, tip_there},
    world,
};

/// Starts an agent that makes two commits in a file, and waits until it is done. It starts from the work of another one.
fn done(repo: &TestRepo<'_>, name: &str, after: &str, file: &str) -> String {
    let script = format!(
        "echo 1 > {file}; git add {file}; git commit -qm '{name} one'; echo 2 >> {file}; git commit -qam '{name} two'"
    );
    let mut arguments = vec!["spawn", "--agent", "sh", "-d", "--name", name];
    if !after.is_empty() {
        arguments.extend(["--after", after]);
    }
    arguments.push(&script);
    let id = repo.orchestra(arguments).succeeded().line();
    assert_eq!(repo.end_of(&id)["phase"], "done");
    id
}

fn text(agent: &Value, field: &str) -> String {
    agent[field].as_str().expect(field).to_owned()
}

fn branch(repo: &TestRepo<'_>, id: &str) -> String {
    text(&repo.agent(id), "branch")
}

/// Returns the tip of the branch of an agent here, by plain git.
fn tip_here(repo: &TestRepo<'_>, id: &str) -> String {
    repo.git(["rev-parse", &format!("refs/heads/{}", branch(repo, id))]).line()
}

fn pull(forge: &FakeForge, branch: &str) -> Pull {
    let mut all: Vec<Pull> = forge.pulls().into_iter().filter(|pull| pull.head == branch).collect();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

/// Returns the subjects of the commits that a pull request shows, newest first, by plain git.
fn shown(world: &World, pull: &Pull) -> Vec<String> {
    let range = format!("refs/heads/{}..refs/heads/{}", pull.base, pull.head);
    let said = world.git(&world.dir().join("forge.git"), ["log", "--format=%s", &range]).stdout();
    said.lines().map(str::to_owned).collect()
}

/// Types the command that a refusal names.
fn type_hint(repo: &TestRepo<'_>, refused: &Value, place: usize) {
    let hint = refused["hints"][place].as_str().unwrap_or_else(|| panic!("a hint: {refused}"));
    let mut shell = repo.command("sh");
    testkit::Ran::of(shell.args(["-c", hint]));
}

/// Asserts that the pull request of an agent shows these commits, goes into the target, and is what the agent has.
fn assert_shows(
    world: &World,
    repo: &TestRepo<'_>,
    forge: &FakeForge,
    id: &str,
    base: &str,
    commits: &[&str],
) {
    let agent = repo.agent(id);
    let there = pull(forge, &text(&agent, "branch"));
    assert_eq!((there.state.as_str(), there.base.as_str()), ("open", base));
    assert_eq!(shown(world, &there), commits, "{agent}");
    let head = text(&agent, "head");
    assert_eq!((tip_there(world, &there.head), tip_here(repo, id)), (head.clone(), head));
    assert_eq!(
        (&agent["pull_request"]["into"], &agent["pull_request"]["head"]),
        (&base.into(), &agent["head"])
    );
    assert_eq!(text(&agent, "base"), tip_there(world, base), "{agent}");
    let status = repo.orchestra(["status", id]).succeeded().stdout();
    assert!(!status.contains("has changed since"), "{status}");
    assert_eq!(repo.git(["-C", &repo.worktree(id).to_string_lossy(), "status", "--porcelain"]).stdout(), "");
}

#[test]
fn after_a_squash_or_a_rebase_it_shows_its_own_commits_and_undo_brings_the_others_back() {
    for (flavor, method, stack) in
        [(ForgeFlavor::GitHub, "squash", true), (ForgeFlavor::Gitea, "rebase", false)]
    {
        let world = world();
        let (repo, forge) = on_forge(&world, flavor);
        let low = done(&repo, "low", "", "low.txt");
        let high = done(&repo, "high", &low, "high.txt");
        repo.orchestra(["pr", &high, "--stack"]).succeeded();
        assert_shows(&world, &repo, &forge, &high, &branch(&repo, &low), &["high two", "high one"]);
        let old = tip_here(&repo, &high);
        repo.orchestra(["pr", &low, &format!("--merge={method}")]).succeeded();

        let publish = if stack { vec!["pr", &high, "--stack"] } else { vec!["pr", &high] };
        let would = repo.orchestra(publish.iter().chain(&["--dry-run"])).succeeded();
        would.stdout_has("would be pushed to").stdout_has("would be on top of main");
        assert_eq!(
            (tip_here(&repo, &high), tip_there(&world, &branch(&repo, &high))),
            (old.clone(), old.clone())
        );
        let did = repo.orchestra(&publish).succeeded();
        did.stdout_has("pushed to").stdout_has("; its work is now on top of main, its base is now main");
        assert_shows(&world, &repo, &forge, &high, "main", &["high two", "high one"]);
        let moved = tip_here(&repo, &high);
        repo.orchestra(&publish).succeeded().stdout_has(": unchanged");
        assert_eq!((tip_here(&repo, &high), forge.pulls().len()), (moved, 2), "{flavor:?}");

        repo.orchestra(["undo"]).succeeded();
        assert_eq!((tip_here(&repo, &high), text(&repo.agent(&high), "head")), (old.clone(), old));
        assert_eq!(repo.agent(&high)["base"], repo.agent(&low)["head"], "{flavor:?}");
        repo.orchestra(&publish).succeeded();
        assert_shows(&world, &repo, &forge, &high, "main", &["high two", "high one"]);
        // Its agent works on from there.
        repo.orchestra(["resume", &high, "-m", "git commit --allow-empty -qm three"]).succeeded();
        repo.orchestra(&publish).succeeded();
        assert_shows(&world, &repo, &forge, &high, "main", &["three", "high two", "high one"]);
        assert_eq!(forge.faults(), Vec::<String>::new(), "by the official description");
    }
}

#[test]
fn after_a_merge_commit_only_the_base_changes() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitLab);
    let low = done(&repo, "low", "", "low.txt");
    let high = done(&repo, "high", &low, "high.txt");
    repo.orchestra(["pr", &high, "--stack"]).succeeded();
    let old = tip_here(&repo, &high);
    repo.orchestra(["pr", &low, "--merge=merge"]).succeeded();
    repo.orchestra(["pr", &high, "-n"])
        .succeeded()
        .stdout_has(": unchanged")
        .stdout_has("its base would be main");
    let said = repo.orchestra(["pr", &high]).succeeded().stdout();
    assert!(said.contains("its base is now main") && !said.contains("on top of"), "{said}");
    let there = pull(&forge, &branch(&repo, &high));
    assert_eq!(
        (there.base.as_str(), tip_here(&repo, &high), tip_there(&world, &there.head)),
        ("main", old.clone(), old)
    );
    assert_eq!(shown(&world, &there), ["high two", "high one"]);
    assert_eq!(repo.agent(&high)["base"], repo.agent(&low)["head"]);
}

#[test]
fn what_cannot_be_moved_stays_as_it_is_until_the_hint_was_typed() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    let low = done(&repo, "low", "", "low.txt");
    let [conflict, dirty, paused, theirs] = ["low.txt", "dirty.txt", "paused.txt", "theirs.txt"]
        .map(|file| done(&repo, file.trim_end_matches(".txt"), &low, file));
    let all = [&conflict, &dirty, &paused, &theirs];
    repo.orchestra(["pr", "--stack", &conflict, &dirty, &paused, &theirs]).succeeded();
    repo.orchestra(["pr", &low, "--merge=squash"]).succeeded();
    // Somebody changes what was merged, deletes its branch, and pushes to the branch of an agent.
    let bare = world.dir().join("forge.git");
    world.git(world.dir(), ["clone", "-q", "forge.git", "other"]);
    let other = TestRepo::new(&world, world.dir().join("other")).with_identity();
    other.commit("another low", &[("low.txt", "another\n")]);
    other.git(["push", "-q", "origin", "main", &format!(":{}", branch(&repo, &low))]).succeeded();
    other.git(["switch", "-q", &branch(&repo, &theirs)]).succeeded();
    other.commit("theirs", &[("more.txt", "3\n")]);
    other.git(["push", "-q", "origin", &branch(&repo, &theirs)]).succeeded();
    std::fs::write(repo.worktree(&dirty).join("left.txt"), "left\n").expect("a file");
    let points = repo.orchestra(["rewind", &paused, "--json"]).succeeded().json();
    let last = points["points"].as_array().and_then(|all| all.last()).expect("a point")["number"].to_string();
    repo.orchestra(["rewind", &paused, &last]).succeeded();

    let places = || -> Vec<(String, String)> {
        let tips = |id: &&String| (tip_here(&repo, id), tip_there(&world, &branch(&repo, id)));
        all.iter().map(tips).collect()
    };
    let before = (places(), forge.pulls());
    let refused = |id: &str, code: i32, said: &str| {
        repo.orchestra(["pr", id, "-n"]).exits(code);
        let refused = repo.orchestra(["pr", id, "--json"]).exits(code).json();
        assert!(text(&refused, "message").contains(said), "{refused}");
        assert_eq!((places(), forge.pulls()), before, "{refused}");
        refused
    };
    refused(&theirs, 4, "somebody else pushed to");
    let of_conflict = refused(&conflict, 3, "conflicts with 'main' in low.txt");
    let of_dirty = refused(&dirty, 3, "has changes that are not in its work");
    let of_paused = refused(&paused, 3, "is paused, so its branch is not moved");

    type_hint(&repo, &of_dirty, 0);
    repo.orchestra(["pr", &dirty]).succeeded();
    let commits = shown(&world, &pull(&forge, &branch(&repo, &dirty)));
    assert_eq!((commits.len(), &*commits[1], &*commits[2]), (3, "dirty two", "dirty one"));
    type_hint(&repo, &of_paused, 1);
    repo.orchestra(["pr", &paused]).succeeded();
    assert_shows(&world, &repo, &forge, &paused, "main", &["paused two", "paused one"]);
    type_hint(&repo, &of_conflict, 0);
    let folder = repo.worktree(&conflict);
    let folder = folder.to_string_lossy();
    let rebase = |step: &[&str]| {
        let mut git = repo.command("git");
        testkit::Ran::of(git.args(["-C", &*folder, "-c", "core.editor=true"]).args(step))
    };
    // One commit after the other.
    while rebase(&["rev-parse", "-q", "--verify", "REBASE_HEAD"]).code() == 0 {
        rebase(&["checkout", "--theirs", "low.txt"]).succeeded();
        rebase(&["add", "low.txt"]).succeeded();
        rebase(&["rebase", "--continue"]);
    }
    repo.orchestra(["pr", &conflict]).succeeded();
    assert_shows(&world, &repo, &forge, &conflict, "main", &["low two", "low one"]);
    assert_eq!(world.git(&bare, ["rev-parse", &branch(&repo, &theirs)]).line(), before.0[3].1);
}

#[test]
fn a_stack_of_three_moves_up_as_it_is_merged_from_below() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    let low = done(&repo, "low", "", "low.txt");
    let middle = done(&repo, "middle", &low, "middle.txt");
    let high = done(&repo, "high", &middle, "high.txt");
    repo.orchestra(["pr", &high, "--stack"]).succeeded();
    repo.orchestra(["pr", &low, "--merge=squash"]).succeeded();
    // What was merged may be removed here.
    repo.orchestra(["cleanup", &low]).succeeded();
    repo.orchestra(["pr", "--stack", &high, &middle]).succeeded();
    let (two, three) = (["middle two", "middle one"], ["high two", "high one"]);
    assert_shows(&world, &repo, &forge, &middle, "main", &two);
    assert_shows(&world, &repo, &forge, &high, &branch(&repo, &middle), &three);
    // The one in the middle moves alone, and is merged; the upper one follows.
    repo.orchestra(["undo"]).succeeded();
    repo.orchestra(["undo"]).succeeded();
    repo.orchestra(["pr", &middle]).succeeded();
    repo.orchestra(["pr", &middle, "--merge=squash"]).succeeded();
    repo.orchestra(["pr", &high]).succeeded();
    assert_shows(&world, &repo, &forge, &high, "main", &three);
    assert_eq!(forge.pulls().len(), 3);
    assert_eq!(forge.faults(), Vec::<String>::new(), "by the official description");
}

#[test]
fn killed_at_many_calls_and_typed_again_it_is_moved_pushed_and_retargeted_once() {
    let Some(injector) = Injector::compile() else {
        crate::skip("no C compiler");
        return;
    };
    let aim = Aim::at("git-orchestra-pr");
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    let low = done(&repo, "low", "", "low.txt");
    let high = done(&repo, "high", &low, "high.txt");
    repo.orchestra(["pr", &high, "--stack"]).succeeded();
    let old = tip_here(&repo, &high);
    repo.orchestra(["pr", &low, "--merge=squash"]).succeeded();
    let name = branch(&repo, &high);
    let into_low = pull(&forge, &name).base;
    let mut at = 1;
    loop {
        let hit =
            injector.kill(&world, repo.command(world.bins().join("git-orchestra-pr")).arg(&high), aim, at);
        repo.orchestra(["pr", &high]).succeeded();
        let (there, tip) = (pull(&forge, &name), tip_there(&world, &name));
        assert_eq!((forge.pulls().len(), there.base.as_str()), (2, "main"), "killed at call {at}: {hit:?}");
        assert_eq!(shown(&world, &there), ["high two", "high one"], "killed at call {at}: {hit:?}");
        assert_eq!(repo.tip(&name), tip, "killed at call {at}: {hit:?}");
        if hit.is_none() {
            assert_shows(&world, &repo, &forge, &high, "main", &["high two", "high one"]);
        }
        repo.orchestra(["undo"]).succeeded();
        assert_eq!(repo.tip(&name), old, "killed at call {at}: {hit:?}");
        assert_eq!(repo.tip(&format!("refs/orchestra/heads/{high}")), old, "killed at call {at}: {hit:?}");
        if hit.is_none() {
            break;
        }
        forge.change(|pulls| pulls[1].base.clone_from(&into_low));
        // It makes many, and each round moves, pushes and retargets everything.
        at += 7;
    }
    assert!(at > 21, "the last of them was call {at}");
}
