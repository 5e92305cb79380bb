//! Several kinds of faults one after the other, with the real binaries: the work of intact agents is saved,
//! lands, and reaches the other clone.

use std::{fs, path::Path};

use testkit::{SeededRandom, TestRepo, until};

use crate::{
    hostile_trees::{folder_with_a_canary, pulled},
    sync::{clone, first, shared_of_hub},
    world,
};

fn pipe(repo: &TestRepo<'_>, at: &Path) {
    fs::create_dir_all(at.parent().expect("a folder")).expect("a folder");
    assert!(repo.command("mkfifo").arg(at).status().expect("mkfifo").success());
}

fn named(repo: &TestRepo<'_>, name: &str, script: &str) -> String {
    repo.orchestra(["spawn", "-d", "--agent", "sh", "--name", name, "--", script]).succeeded().line()
}

/// Kills a supervisor and the program of its agent, as a power failure does.
fn kill(repo: &TestRepo<'_>, id: &str) {
    let agent = repo.agent(id);
    for key in ["supervisor_pid", "pid"] {
        let pid = agent[key].as_i64().unwrap_or_else(|| panic!("{key} of {agent}")).to_string();
        // The program may end with its supervisor.
        let killed = repo.command("kill").args(["-9", &pid]).status().expect("kill").success();
        assert!(killed || key == "pid", "{key} of {agent}");
    }
    until(&format!("{id} is lost"), || (repo.agent(id)["liveness"] == "lost").then_some(()));
}

/// Returns a text that looks like a GitHub token.
fn key() -> String {
    let mut numbers = SeededRandom::from(7);
    let letters: Vec<char> = ('a'..='z').chain('A'..='Z').chain('0'..='9').collect();
    let mut letter = || letters[usize::try_from(numbers.below(letters.len() as u64)).unwrap_or(0)];
    format!("ghp_{}", (0..36).map(|_| letter()).collect::<String>())
}

fn is_at_the_hub(world: &testkit::World, id: &str) -> bool {
    shared_of_hub(world).iter().any(|(name, _)| name.ends_with(&format!("heads/{id}")))
}

#[test]
fn intact_work_survives_a_hostile_agent_a_crash_a_secret_and_a_damaged_ref() {
    let world = world();
    let repo = first(&world);
    repo.git(["config", "orchestra.jobs", "8"]);
    repo.git(["config", "orchestra.grace", "1s"]);
    let honest = named(&repo, "honest", "echo 1 > one.txt");
    let crashed = named(&repo, "crashed", "echo 2 > two.txt; touch ready; exec sleep 1000");
    let leaky =
        named(&repo, "leaky", &format!("echo {} > notes.txt; git add .; git commit -qm notes", key()));
    let damaged = named(&repo, "damaged", "echo 4 > four.txt");
    for id in [&honest, &leaky, &damaged] {
        repo.end_of(id);
    }
    repo.wait_for_file(&crashed, "ready");
    let config = world.dir().join("config");
    fs::copy(repo.path().join(".git/config"), &config).expect("kept");
    let hostile = named(
        &repo,
        "hostile",
        "G=$(cd \"$(git rev-parse --git-common-dir)\"; pwd); echo h > h.txt; mkfifo .gitignore; truncate -s 40G file.txt; \
         mkdir -p $G/worktrees/zz; mkfifo $G/worktrees/zz/HEAD; echo /nowhere/.git > $G/worktrees/zz/gitdir; \
         echo ../.. > $G/worktrees/zz/commondir; rm $G/info/exclude; mkfifo $G/info/exclude; \
         git config orchestra.grace nonsense; echo '[broken' >> $G/config; touch ready; exec sleep 1000",
    );
    let ours = |words: &[&str]| {
        let program = world.bins().join(format!("git-orchestra-{}", words[0]));
        testkit::Ran::of(repo.command(program).args(&words[1..]))
    };
    until("the hostile one is at work", || {
        let agent = ours(&["status", "--json", &hostile]).json()["agents"][0].clone();
        let there = agent["worktree"].as_str().is_some_and(|path| Path::new(path).join("ready").exists());
        there.then_some(())
    });
    // The configuration is unreadable from here on. Everything can still be shown and stopped.
    let crashed_now = ours(&["status", "--json", &crashed]).succeeded().json()["agents"][0].clone();
    for key in ["supervisor_pid", "pid"] {
        let pid = crashed_now[key].as_i64().expect("a process").to_string();
        assert!(repo.command("kill").args(["-9", &pid]).status().expect("kill").success());
    }
    fs::write(repo.path().join(format!(".git/refs/orchestra/agents/{damaged}")), "").expect("damaged");
    ours(&["status"]).succeeded().stdout_has(&honest).stderr_has(&damaged);
    ours(&["stop", "--all"]);
    for id in [&hostile, &crashed] {
        let agent = ours(&["status", "--json", id]).json()["agents"][0].clone();
        assert_eq!(
            (agent["phase"].as_str(), agent["liveness"].as_str()),
            (Some("stopped"), Some("ended")),
            "{agent}"
        );
    }
    // A person repairs the configuration, and removes what git waits for as the error says.
    fs::copy(&config, repo.path().join(".git/config")).expect("repaired");
    let mut tries = 0;
    while let said @ Some(_) = ours(&["sync", "--yes"]).stderr().lines().find_map(waits_for) {
        fs::remove_file(said.expect("a path")).expect("removed");
        tries += 1;
        assert!(tries < 5);
    }
    ours(&["collect"]);
    assert_eq!(repo.file_in_head(&crashed, "two.txt"), "2\n");
    assert_eq!(repo.file_in_head(&hostile, "h.txt"), "h\n");
    assert_eq!(repo.file_in_head(&hostile, "file.txt"), "one\n");
    assert!(is_at_the_hub(&world, &honest) && is_at_the_hub(&world, &crashed));
    assert!(!is_at_the_hub(&world, &leaky), "a secret left");
    let landed = ours(&["merge-ranked", "--test", "true", &honest, &crashed]);
    // A pipe where git reads ignore rules: it is reported, removed, and the landing continues.
    let pipe = landed.exits(3).stderr().lines().find_map(waits_for).expect("a path");
    assert!(pipe.ends_with("repo/.git/info/exclude"), "{pipe}");
    fs::remove_file(pipe).expect("removed");
    ours(&["merge-ranked", "--continue"]).succeeded();
    assert_eq!(
        (repo.file_at("main", "one.txt"), repo.file_at("main", "two.txt")),
        ("1\n".into(), "2\n".into())
    );
    let other = clone(&world, "other");
    other.orchestra(["sync"]).succeeded();
    assert_eq!(other.file_in_head(&honest, "one.txt"), "1\n");
    assert_eq!(other.file_in_head(&crashed, "two.txt"), "2\n");
}

/// Returns the file that git waits for, as the error names it.
fn waits_for(line: &str) -> Option<String> {
    let rest = line.split_once("is blocked: '")?.1;
    Some(rest.split_once('\'')?.0.to_owned())
}

#[test]
fn hostile_trees_a_killed_landing_and_a_lock_at_the_hub() {
    let world = world();
    let repo = first(&world);
    let (one, two) = (named(&repo, "one", "echo 1 > one.txt"), named(&repo, "two", "echo 2 > two.txt"));
    for id in [&one, &two] {
        repo.end_of(id);
    }
    // Two works with directories named `.git` are received, and notes that are not notes.
    for (id, name) in [("evil-00000", b".git".as_slice()), ("worse-00000", b"..")] {
        let tip = folder_with_a_canary(&repo, name);
        pulled(&repo, id, &tip);
    }
    fs::create_dir_all(repo.path().join(".git/refs/orchestra/notes")).expect("a folder");
    fs::write(repo.path().join(".git/refs/orchestra/notes/reviews"), "nonsense\n").expect("written");
    repo.orchestra(["merge-ranked", "--dry-run"]).succeeded().stdout_has(&one);
    // The command is killed in the middle of its first test.
    let killed = world.dir().join("killed");
    let test = format!("test -e {0} || {{ touch {0}; kill -9 $PPID; sleep 1000; }}", killed.display());
    let ran = repo.orchestra(["merge-ranked", "--test", &test]);
    assert!(killed.exists() && ran.code() != 0, "{}", ran.stderr());
    assert!(!repo.has("main", "one.txt") && !repo.has("main", "two.txt"));
    repo.orchestra(["status"]).succeeded().stdout_has(&one);
    repo.orchestra(["merge-ranked", "--continue"]);
    assert_eq!(
        (repo.file_at("main", "one.txt"), repo.file_at("main", "two.txt")),
        ("1\n".into(), "2\n".into())
    );
    assert!(!repo.has("main", "canary") && !repo.path().join("canary").exists());
    // One ref is locked at the hub: all others arrive.
    let lock = world.dir().join(format!("hub.git/refs/orchestra/agents/{one}.lock"));
    fs::create_dir_all(lock.parent().expect("a folder")).expect("a folder");
    fs::write(&lock, "").expect("a lock");
    repo.orchestra(["sync", "--yes"])
        .exits(1)
        .stderr_has(&format!("'refs/orchestra/agents/{one}.lock' in it"));
    assert!(is_at_the_hub(&world, &two));
    fs::remove_file(&lock).expect("removed");
    repo.orchestra(["sync", "--yes"]);
    assert!(is_at_the_hub(&world, &one));
    // Cleanup and undo: landed agents are removed, and restored.
    repo.orchestra(["cleanup", &one, &two]).succeeded();
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(repo.file_in_head(&two, "two.txt"), "2\n");
    let other = clone(&world, "other");
    other.orchestra(["sync"]);
    assert_eq!(other.file_in_head(&one, "one.txt"), "1\n");
    assert_eq!(other.agent(&two)["phase"], "done");
}

#[test]
fn a_full_history_with_children_crashes_pipes_pauses_and_reviews() {
    let world = world();
    let repo = first(&world);
    repo.git(["config", "orchestra.jobs", "1"]);
    repo.git(["config", "orchestra.grace", "1s"]);
    // A parent holds the only slot; its children run in it, and one of them dies with its supervisor.
    let parent = named(
        &repo,
        "parent",
        "git orchestra spawn --agent sh --name good 'echo g > good.txt' 'echo b > bad.txt; mkfifo .gitattributes; touch ready; \
         exec sleep 1000'; echo p > parent.txt",
    );
    let child = |begins: &str| {
        let ids = repo.agents().into_iter().filter_map(|agent| agent["id"].as_str().map(str::to_owned));
        let mut ids: Vec<String> = ids.filter(|id| id.starts_with(begins)).collect();
        ids.sort_by_key(|id| repo.agent(id)["place"].as_u64());
        ids
    };
    until("both children are there", || (child("good").len() == 2).then_some(()));
    let (good, bad) = (child("good").remove(0), child("good").remove(1));
    assert_eq!(repo.end_of(&good)["phase"], "done");
    repo.wait_for_file(&bad, "ready");
    kill(&repo, &bad);
    assert_eq!(repo.end_of(&parent)["phase"], "done", "it waits no longer than its child lives");
    // The lost agent is resumed with another message, paused, resumed, and ends.
    repo.orchestra([
        "resume",
        "-d",
        &bad,
        "-m",
        "rm -f .gitattributes; touch again; until test -e go; do sleep 0.05; done",
    ])
    .succeeded();
    repo.wait_for_file(&bad, "again");
    repo.orchestra(["pause", &bad]).succeeded();
    let in_the_way = repo.path().join(".git/refs/stash");
    pipe(&repo, &in_the_way);
    repo.orchestra(["resume", "-d", &bad, "-m", "echo done > done.txt"]).succeeded();
    assert_eq!(repo.end_of(&bad)["phase"], "done");
    assert_eq!(
        (repo.file_in_head(&bad, "bad.txt"), repo.file_in_head(&bad, "done.txt")),
        ("b\n".into(), "done\n".into())
    );
    fs::remove_file(in_the_way).expect("removed");
    // It is reviewed, landed, removed, restored, and shared.
    for id in [&parent, &good] {
        repo.orchestra(["review", id, "--approve"]).succeeded();
    }
    repo.orchestra(["review", &bad, "--reject", "-m", "not this one"]).exits(1);
    repo.orchestra(["merge-ranked", "--approved", "--test", "test -e file.txt"]);
    assert_eq!(
        (repo.file_at("main", "good.txt"), repo.file_at("main", "parent.txt")),
        ("g\n".into(), "p\n".into())
    );
    assert!(!repo.has("main", "bad.txt"));
    repo.orchestra(["sync", "--yes"]).succeeded();
    repo.orchestra(["cleanup"]).succeeded();
    assert!(repo.refs(&format!("refs/orchestra/agents/{good}")).is_empty());
    repo.orchestra(["sync", "--yes"]).succeeded();
    let other = clone(&world, "other");
    other.orchestra(["sync"]).succeeded();
    let there: Vec<String> =
        other.agents().iter().filter_map(|agent| agent["id"].as_str().map(str::to_owned)).collect();
    assert_eq!(there, [bad], "what landed is in the archive");
    assert!(other.orchestra(["status", "--archived"]).succeeded().stdout().contains(&good));
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(repo.file_in_head(&good, "good.txt"), "g\n");
    repo.git(["fsck", "--strict"]).succeeded();
}
