//! An agent is resumed in another clone: its branch, unsaved files and session are transferred, and one
//! machine runs it at a time.

use std::path::{Path, PathBuf};

use testkit::{Ran, TestRepo, World, until};

use crate::{
    sync::{clone, first, shared, shared_of_hub, sync},
    world,
};

const WITH: [&str; 4] = ["sync", "--with", "snapshots,transcripts", "--json"];

fn sync_all(all: &[&TestRepo<'_>]) {
    for repo in all {
        repo.orchestra(WITH).succeeded();
    }
}

#[test]
fn a_stopped_agent_resumes_in_another_clone_with_all_its_data() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    a.git(["config", "orchestra.label", "desk"]);
    b.git(["config", "orchestra.label", "laptop"]);
    let id =
        a.spawn("echo half > half.txt; touch ready; test -e again || sleep 600; cat half.txt > whole.txt");
    a.wait_for_file(&id, "ready");
    a.orchestra(["stop", &id]).succeeded();
    sync_all(&[&a, &b]);
    b.orchestra(["resume", &id, "-m", "cat half.txt > whole.txt; touch new.txt"]).succeeded();
    let agent = b.agent(&id);
    assert_eq!(
        (&agent["phase"], &agent["attempt"], &agent["label"]),
        (&"done".into(), &2.into(), &"laptop".into())
    );
    assert_eq!(b.file_in_head(&id, "whole.txt"), "half\n");
    assert_eq!(b.tip(&format!("refs/heads/orchestra/{id}")), b.tip(&format!("refs/orchestra/heads/{id}")));
    sync_all(&[&b, &a]);
    assert_eq!(
        (a.agent(&id)["label"].clone(), a.file_in_head(&id, "whole.txt")),
        ("laptop".into(), "half\n".into())
    );
    // And back to the first clone.
    let back = ["resume", &id, "-m", "echo 3 > three.txt"];
    // The branch is not moved while it is checked out by the user either.
    let (tree, branch) = (a.worktree(&id).to_string_lossy().into_owned(), format!("orchestra/{id}"));
    a.git(["worktree", "remove", "--force", &tree]).succeeded();
    a.git(["checkout", "-q", &branch]).succeeded();
    let before = a.tip(&branch);
    a.orchestra(back).exits(3).stderr_has("at an older commit than its work");
    assert_eq!((a.tip(&branch), a.git(["status", "--porcelain"]).stdout()), (before, String::new()));
    a.git(["checkout", "-q", "main"]).succeeded();
    a.git(["worktree", "add", "-q", &tree, &branch]).succeeded();
    let said = a.orchestra(back).exits(3).stderr_has("at an older commit than its work").stderr();
    let typed =
        said.lines().find_map(|line| line.strip_prefix("hint: git -C ")).expect("what to type").to_owned();
    Ran::of(a.command("sh").arg("-c").arg(format!("git -C {typed}"))).succeeded();
    a.orchestra(back).succeeded();
    let file = |name: &str| a.file_in_head(&id, name);
    assert_eq!((file("whole.txt"), file("three.txt")), ("half\n".into(), "3\n".into()));
    sync_all(&[&a, &b]);
    assert_eq!(b.agent(&id)["label"], "desk");
    assert_eq!((shared(&a), shared(&b)), (shared_of_hub(&world), shared_of_hub(&world)));
}

#[test]
fn an_agent_of_a_dead_machine_is_taken_over_with_its_unsaved_files() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    let id = a.spawn(
        "echo 1 > one.txt; git add one.txt; git commit -qm one; echo unsaved > unsaved.txt; touch ready; sleep 600",
    );
    a.wait_for_file(&id, "ready");
    a.orchestra(["collect", &id]).succeeded();
    sync_all(&[&a, &b]);
    b.orchestra(["resume", &id]).exits(3).stderr_has("it is running there").stderr_has("--take-over");
    let task = "test -e ready && git log --format=%s -1 > log.txt && git status --porcelain > status.txt";
    b.orchestra(["resume", "--take-over", &id, "-m", task]).succeeded();
    assert_eq!(b.file_in_head(&id, "unsaved.txt"), "unsaved\n");
    assert_eq!(b.file_in_head(&id, "log.txt"), "one\n");
    assert!(b.file_in_head(&id, "status.txt").contains("?? unsaved.txt"), "as unsaved as it was");
    std::fs::write(a.worktree(&id).join("late.txt"), "late\n").expect("a file");
    // The machine was not gone after all: at its next sync, its agent ends.
    sync_all(&[&b, &a]);
    let folder = a.path().join(".git/orchestra/agents").join(&id);
    until("the other ends", || (!folder.exists()).then_some(()));
    assert_eq!(b.agent(&id)["phase"], "done");
    // What it did in the meantime is not the agent's work, but it is kept, and everybody hears of it.
    let late = a.agent(&id)["other_work"][0].clone();
    assert_eq!(late["own"], true, "{late}");
    let head = late["head"].as_str().expect("a commit").to_owned();
    assert_eq!(a.git(["show", &format!("{head}:late.txt")]).stdout(), "late\n");
    assert!(
        a.git(["for-each-ref", "--contains", &head]).stdout().contains("refs/orchestra"),
        "a ref keeps it"
    );
    a.orchestra(["status"]).succeeded().stderr_has(&format!("git merge {}", &head[..10]));
    sync_all(&[&a, &b]);
    assert_eq!(a.agent(&id)["other_work"][0]["head"], *head);
    assert_eq!(b.agent(&id)["other_work"][0]["head"], *head);
    assert!(a.git(["for-each-ref", "--contains", &head]).stdout().contains("refs/orchestra"), "it stays");
}

#[test]
fn a_session_is_restored_where_its_program_finds_it() {
    let world = world();
    let (a, b) = (first(&world).with_scripted_claude(), clone(&world, "b").with_scripted_claude());
    let b = Elsewhere::new(&world, b);
    let id = a.spawn_claude(&[], "say first");
    let session = a.end_of(&id)["session"].as_str().expect("a session").to_owned();
    sync_all(&[&a]);
    b.run(&WITH).succeeded();
    b.run(&["resume", &id, "-m", "write second.txt 2"]).succeeded();
    let agent = b.run(&["status", "--json", &id]).json()["agents"][0].clone();
    assert_eq!((&agent["session"], &agent["phase"]), (&session.as_str().into(), &"done".into()));
    let kept: Vec<PathBuf> = files(&b.home);
    let text = std::fs::read_to_string(
        kept.iter().find(|file| file.ends_with(format!("{session}.jsonl"))).expect("a file"),
    );
    let text = text.expect("text");
    assert!(text.contains("say first") && text.contains("write second.txt 2"), "{text}");
    // Unless it is requested, no session is sent.
    let plain = shared_of_hub(&world).into_iter().filter(|(name, _)| name.contains("transcripts")).count();
    assert_eq!(plain, 1);
}

/// A clone of another user with another home.
struct Elsewhere<'world> {
    repo: TestRepo<'world>,
    home: PathBuf,
}

impl<'world> Elsewhere<'world> {
    fn new(world: &World, repo: TestRepo<'world>) -> Self {
        Self { repo, home: world.dir().join("other-home") }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.repo.orchestra_command(arguments).env("CLAUDE_CONFIG_DIR", &self.home))
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut open = vec![folder.to_owned()];
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        match std::fs::read_dir(&path) {
            Ok(entries) => open.extend(entries.flatten().map(|entry| entry.path())),
            Err(_) => found.push(path),
        }
    }
    found
}

#[test]
fn only_one_of_two_concurrent_resumes_is_accepted_by_the_remote() {
    let world = world();
    let (a, b, c) = (first(&world), clone(&world, "b"), clone(&world, "c"));
    for round in 0..4 {
        let id = a.spawn("true");
        a.end_of(&id);
        sync_all(&[&a, &b, &c]);
        let task = format!("echo {round} >> who.txt");
        let go = |repo: &TestRepo<'_>| repo.orchestra(["resume", &id, "-m", &task]).code();
        let mut codes = std::thread::scope(|scope| {
            [scope.spawn(|| go(&b)), scope.spawn(|| go(&c))].map(|one| one.join().expect("a code"))
        });
        codes.sort_unstable();
        assert_eq!(codes, [0, 4]);
        sync_all(&[&b, &c, &a]);
        assert_eq!((&a.agent(&id)["attempt"], &a.agent(&id)["conflicts"]), (&2.into(), &0.into()));
        assert_eq!(a.file_in_head(&id, "who.txt"), format!("{round}\n"));
    }
}

#[test]
fn two_offline_resumes_are_kept_and_shown_as_a_contradiction() {
    let world = world();
    let (a, b, c) = (first(&world), clone(&world, "b"), clone(&world, "c"));
    let id = a.spawn("true");
    a.end_of(&id);
    sync_all(&[&a, &b, &c]);
    let hub = world.dir().join("hub.git");
    std::fs::rename(&hub, hub.with_extension("away")).expect("moved");
    for (repo, who) in [(&b, "b"), (&c, "c")] {
        let task = format!("echo {who} > {who}.txt");
        repo.orchestra(["resume", &id, "-m", &task]).succeeded().stderr_has("the work of both is kept");
    }
    let heads = [&b, &c].map(|repo| repo.tip(&format!("refs/orchestra/heads/{id}")));
    std::fs::rename(hub.with_extension("away"), &hub).expect("moved");
    sync_all(&[&b, &c, &b, &a]);
    assert_eq!(a.agent(&id)["conflicts"], 1);
    assert_eq!((shared(&a), shared(&b)), (shared(&c), shared_of_hub(&world)));
    let won = a.tip(&format!("refs/orchestra/heads/{id}"));
    let (loser, lost) = if won == heads[0] { (&c, &heads[1]) } else { (&b, &heads[0]) };
    assert!(heads.contains(&won));
    assert_eq!(loser.tip(&format!("refs/orchestra-local/trash/heads/{id}/{lost}")), *lost);
    sync(loser);
}
