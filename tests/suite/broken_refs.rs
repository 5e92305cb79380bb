//! Damaged refs: each is reported with the reason and the repair, and all others work as if nothing were
//! damaged.

use std::{fs, path::PathBuf};

use testkit::{Ran, TestRepo};

use crate::{
    library,
    sync::{first, shared, shared_of_hub},
    world,
};

const NOWHERE: &str = "1234567890123456789012345678901234567890\n";

/// Creates two agents that are done: one whose refs will be damaged, and an intact one.
fn two(repo: &TestRepo<'_>) -> (String, String) {
    let (bad, good) = (repo.spawn("echo 1 > one.txt"), repo.spawn("echo 2 > two.txt"));
    repo.end_of(&bad);
    repo.end_of(&good);
    (bad, good)
}

fn file_of(repo: &TestRepo<'_>, name: &str) -> PathBuf {
    repo.path().join(".git").join(name)
}

/// A name, what damages a ref, and the reported reason.
type Damage = (&'static str, fn(&TestRepo<'_>, &PathBuf), &'static str);

fn put(path: &PathBuf, content: &str) {
    let _ = fs::remove_file(path);
    fs::write(path, content).expect("written");
}

const DAMAGES: &[Damage] = &[
    ("empty", |_, path| put(path, ""), "is empty"),
    ("zeros", |_, path| put(path, &"\0".repeat(41)), "contains only zero bytes"),
    ("torn", |_, path| put(path, "12345"), "contains no object id"),
    ("dangling", |_, path| put(path, NOWHERE), "cannot be read"),
    (
        "foreign",
        |repo, path| put(path, &format!("{}\n", repo.tip("main"))),
        "its ref does not hold the events of an agent",
    ),
    ("symbolic", |_, path| put(path, "ref: refs/heads/main\n"), "points to another ref"),
    (
        "pipe",
        |repo, path| {
            fs::remove_file(path).expect("removed");
            assert!(repo.command("mkfifo").arg(path).status().expect("mkfifo").success());
        },
        "is not a regular file",
    ),
];

/// All commands that list agents.
const LISTS: &[&[&str]] =
    &[&["status"], &["worktrees"], &["cleanup", "-n"], &["collect"], &["review"], &["merge-ranked", "-n"]];

fn says_which(ran: &Ran, id: &str, why: &str) {
    let said = ran.stderr();
    assert!(said.contains(&format!("agent '{id}' cannot be read")) && said.contains(why), "{said}");
    assert!(said.contains("hint: "), "{said}");
}

#[test]
fn every_list_names_an_agent_with_a_damaged_ref() {
    let world = world();
    let repo = world.repo();
    let (bad, good) = two(&repo);
    let path = file_of(&repo, &format!("refs/orchestra/agents/{bad}"));
    let whole = fs::read(&path).expect("a ref");
    for (name, damage, why) in DAMAGES {
        damage(&repo, &path);
        for list in LISTS {
            let ran = repo.orchestra(*list);
            assert!([0, 1].contains(&ran.code()), "{name} {list:?}: {}", ran.stderr());
            says_which(&ran, &bad, why);
            assert!(ran.stdout().contains(&good), "{name} {list:?}: {}", ran.stdout());
            let json = repo.orchestra([list, &["--json"] as &[&str]].concat()).json();
            assert_eq!(json["unreadable"][0]["id"], *bad, "{name} {list:?}: {json}");
            assert_eq!(json["unreadable"].as_array().map(Vec::len), Some(1), "{name} {list:?}: {json}");
        }
        let ran = repo.orchestra(["status", &bad]).exits(3);
        says_which(&Ran::of(&mut repo.orchestra_command(["status", &bad])), &bad, why);
        drop(ran);
        let _ = fs::remove_file(&path);
        fs::write(&path, &whole).expect("restored");
    }
    assert_eq!(repo.agent(&bad)["phase"], "done");
}

#[test]
fn a_single_damaged_agent_is_not_reported_as_no_agents() {
    let world = world();
    let repo = world.repo();
    let bad = repo.spawn("echo 1 > one.txt");
    repo.end_of(&bad);
    put(&file_of(&repo, &format!("refs/orchestra/agents/{bad}")), "");
    for (list, never) in [
        (&["status"] as &[&str], "no agents yet"),
        (&["worktrees"], "no agent has"),
        (&["cleanup", "-n"], "no agents"),
        (&["collect"], "no agents"),
    ] {
        let ran = repo.orchestra(list);
        says_which(&ran, &bad, "is empty");
        assert!(!ran.stderr().contains(never), "{list:?}");
    }
    repo.orchestra(["merge-ranked"]).exits(3).stderr_has(&format!("agent '{bad}' cannot be read"));
    // Other agents can be spawned and removed as usual.
    let more = repo.spawn("true");
    repo.end_of(&more);
    repo.orchestra(["stop", "--all"]);
}

#[test]
fn other_agents_land_despite_damaged_refs() {
    let world = world();
    for (damaged, content) in [("agents", ""), ("heads", ""), ("heads", NOWHERE)] {
        let repo = world.repo_named(&format!("{damaged}{}", content.len()));
        let (bad, good) = two(&repo);
        put(&file_of(&repo, &format!("refs/orchestra/{damaged}/{bad}")), content);
        let named = repo.orchestra(["merge-ranked", "--json", "-n", &bad, &good]);
        if damaged == "heads" {
            let why = format!("the work of agent '{bad}' cannot be read");
            repo.orchestra(["status"]).succeeded().stderr_has(&why);
            repo.orchestra(["worktrees"]).succeeded().stderr_has(&why);
            let cleanup = repo.orchestra(["cleanup", "-n", "--json"]).succeeded().json();
            let entry = cleanup["agents"].as_array().expect("agents").iter().find(|one| one["id"] == *bad);
            assert_eq!(entry.expect("an entry")["outcome"], "kept", "{cleanup}");
            let order = named.exits(0).json()["order"].clone();
            let step = order.as_array().expect("an order").iter().find(|one| one["branch"] == *bad).cloned();
            let step = step.expect("a step");
            assert_eq!(step["outcome"], "blocked", "{step}");
            assert!(step["why"].as_str().is_some_and(|said| said.contains(&why)), "{step}");
        } else {
            let said = named.exits(0).json()["order"].to_string();
            assert!(said.contains(&format!("agent '{bad}' cannot be read")), "{said}");
        }
        let ran = repo.orchestra(["merge-ranked"]);
        assert_eq!(ran.code(), i32::from(damaged == "heads"), "{}", ran.stderr());
        assert_eq!(repo.file_at("main", "two.txt"), "2\n");
        assert!(!repo.has("main", "one.txt"));
    }
}

#[test]
fn damaged_notes_and_archives_are_reported_and_hide_nothing() {
    let world = world();
    let repo = world.repo();
    let (archived, kept) = two(&repo);
    repo.orchestra(["cleanup", "--discard", &archived]).succeeded();
    repo.orchestra(["collect"]).succeeded();
    let archive = repo.refs("refs/orchestra/archive").first().cloned();
    let mut names = vec!["refs/orchestra/notes/results".to_owned(), "refs/orchestra/archive/aaaa".to_owned()];
    names.extend(archive.map(|(name, _)| name));
    for name in &names {
        let path = file_of(&repo, name);
        let whole = fs::read(&path).ok();
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        for content in ["", NOWHERE] {
            put(&path, content);
            let ran = repo.orchestra(["status"]).succeeded().stderr_has(&format!("'{name}' cannot be read"));
            assert!(ran.stdout().contains(&kept));
            let shown = repo.orchestra(["status", "--archived"]).succeeded();
            if name.contains("/archive/") {
                drop(shown.stderr_has(&format!("'{name}' cannot be read")));
            }
        }
        fs::remove_file(&path).expect("removed");
        if let Some(whole) = whole {
            fs::write(&path, whole).expect("restored");
        }
    }
}

#[test]
fn sync_moves_damaged_refs_aside_and_fetches_them_again() {
    let world = world();
    let repo = first(&world);
    let (bad, good) = two(&repo);
    repo.orchestra(["sync"]).succeeded();
    let before = shared(&repo);
    for (kind, content) in [("agents", ""), ("agents", NOWHERE), ("heads", ""), ("heads", "torn")] {
        let name = format!("refs/orchestra/{kind}/{bad}");
        put(&file_of(&repo, &name), content);
        repo.orchestra(["status"]).succeeded().stderr_has("git orchestra sync origin");
        let ran = repo.orchestra(["sync"]).succeeded().stderr_has(&format!("'{name}' was damaged"));
        drop(ran);
        assert_eq!(shared(&repo), before, "{kind} {content}");
        assert_eq!(shared_of_hub(&world), before);
    }
    assert_eq!(repo.orchestra(["status", "--json"]).json()["unreadable"].as_array().map(Vec::len), Some(0));
    // Damaged private refs and remote-tracking refs block git just the same.
    for name in [
        format!("refs/orchestra-local/logs/{good}"),
        format!("refs/orchestra-local/remotes/origin/agents/{good}"),
    ] {
        put(&file_of(&repo, &name), NOWHERE);
        repo.orchestra(["sync"]).succeeded();
        repo.git(["fetch", "-q", "origin"]).succeeded();
    }
    // A ref that no remote has is still reported after it was moved.
    let alone = repo.spawn("echo 3 > three.txt");
    repo.end_of(&alone);
    put(&file_of(&repo, &format!("refs/orchestra/agents/{alone}")), "");
    repo.orchestra(["sync", "-n"]).exits(3).stderr_has(&alone).stderr_has("without --dry-run");
    repo.orchestra(["sync"]).succeeded();
    repo.orchestra(["status"])
        .succeeded()
        .stderr_has(&format!("agent '{alone}' cannot be read"))
        .stderr_has("damaged");
}

#[test]
fn packed_and_loose_refs_are_listed_as_git_lists_them() {
    let world = world();
    let repo = world.repo();
    let tip = repo.tip("main");
    for n in 0..20 {
        repo.git(["update-ref", &format!("refs/heads/x/{n}"), &tip]).succeeded();
    }
    repo.git(["pack-refs", "--all"]).succeeded();
    repo.commit("two", &[("two.txt", "2\n")]);
    for n in [3, 7, 30] {
        repo.git(["update-ref", &format!("refs/heads/x/{n}"), "main"]).succeeded();
    }
    repo.git(["symbolic-ref", "refs/heads/x/points", "refs/heads/main"]).succeeded();
    fs::write(repo.path().join(".git/refs/heads/x/5"), "").expect("torn");
    fs::write(repo.path().join(".git/refs/heads/x/9.lock"), "").expect("a lock");
    let library = library(&repo);
    let list = library.ref_list("refs/heads/x/").expect("a list");
    let ours: Vec<(String, String)> =
        list.refs.iter().map(|(name, id)| (name.clone(), id.to_string())).collect();
    let mut gits = repo.refs("refs/heads/x/");
    gits.retain(|(name, _)| name != "refs/heads/x/points");
    assert_eq!(ours, gits);
    assert_eq!(list.symbolic, ["refs/heads/x/points"]);
    let broken: Vec<(&str, &str)> =
        list.broken.iter().map(|broken| (broken.name.as_str(), broken.why.as_str())).collect();
    // Its older, packed value is not its current value.
    assert_eq!(broken, [("refs/heads/x/5", "is empty")]);
    assert!(library.find_ref("refs/heads/x/5").is_err());
}
