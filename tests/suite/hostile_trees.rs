//! Work with trees that git would refuse, or that are not what they claim to be: it is set aside by name,
//! and an intact agent's work lands.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
};

use orchestra::{
    git::Oid,
    model::{AgentId, Fact, IdOrText, WorkStat, event::Collected},
    store::{self, sound},
};
use testkit::{TestRepo, World};

use crate::{library, world};

/// Writes an object with any content, as plain git does without its checks.
pub(crate) fn object(repo: &TestRepo<'_>, kind: &str, content: &[u8]) -> String {
    let mut command = repo.command("git");
    command.args(["hash-object", "-t", kind, "-w", "--literally", "--stdin"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("git");
    child.stdin.take().expect("a pipe").write_all(content).expect("written");
    let said = child.wait_with_output().expect("an end");
    assert!(said.status.success());
    String::from_utf8_lossy(&said.stdout).trim().to_owned()
}

/// Writes a tree with exactly these entries, in this order.
pub(crate) fn tree(repo: &TestRepo<'_>, entries: &[(&str, &[u8], &str)]) -> String {
    let mut bytes = Vec::new();
    for (mode, name, id) in entries {
        let id = Oid::parse(id).expect("an id");
        bytes.extend([mode.as_bytes(), b" ", name, b"\0", id.as_bytes()].concat());
    }
    object(repo, "tree", &bytes)
}

/// Creates one commit on top of main.
fn commit(repo: &TestRepo<'_>, tree: &str) -> String {
    repo.git(["commit-tree", "-m", "work", "-p", "main", tree]).succeeded().line()
}

/// Creates nested trees, the innermost with one file.
fn nested(repo: &TestRepo<'_>, name: &[u8], depth: usize, inner: &str) -> String {
    (0..depth).fold(inner.to_owned(), |below, _| tree(repo, &[("40000", name, &below)]))
}

/// A kind of hostile work.
struct Shape {
    name: &'static str,
    /// Creates its commit.
    make: fn(&TestRepo<'_>) -> String,
    /// The reported reason.
    reason: &'static str,
    /// Whether `git fsck --strict` refuses it too. Of what git accepts here, no checkout is possible.
    by_git: bool,
}

const MISSING: &str = "1234567890123456789012345678901234567890";

fn file(repo: &TestRepo<'_>) -> String {
    object(repo, "blob", b"canary\n")
}

/// Commits a tree with the file of main and one more entry.
fn commit_with_entry(repo: &TestRepo<'_>, mode: &str, name: &[u8], id: &str) -> String {
    let main = repo.tip("main:file.txt");
    let (first, second) = (("100644", b"file.txt".as_slice(), main.as_str()), (mode, name, id));
    let both = if name < b"file.txt".as_slice() { [second, first] } else { [first, second] };
    let made = tree(repo, &both);
    commit(repo, &made)
}

pub(crate) fn folder_with_a_canary(repo: &TestRepo<'_>, name: &[u8]) -> String {
    let inner = tree(repo, &[("100644", b"canary", &file(repo))]);
    commit_with_entry(repo, "40000", name, &inner)
}

fn shapes() -> Vec<Shape> {
    let shape = |name, make, reason, by_git| Shape { name, make, reason, by_git };
    vec![
        shape("dotgit", |r| folder_with_a_canary(r, b".git"), "holds '.git', which git refuses", true),
        shape(
            "upper",
            |r| commit_with_entry(r, "100644", b".GIT", &file(r)),
            "'.GIT', which git refuses",
            true,
        ),
        shape("parent", |r| folder_with_a_canary(r, b".."), "holds '..', which git refuses", true),
        shape("slashes", |r| commit_with_entry(r, "100644", b"a/../canary", &file(r)), "'a/../canary'", true),
        shape(
            "absolute",
            |r| {
                let place = r.world().dir().join("canary");
                commit_with_entry(r, "100644", place.to_string_lossy().as_bytes(), &file(r))
            },
            "canary', which git refuses",
            true,
        ),
        shape(
            "modules-link",
            |r| commit_with_entry(r, "120000", b".gitmodules", &file(r)),
            "as a link",
            true,
        ),
        shape("short-name", |r| folder_with_a_canary(r, b"git~1"), "'git~1', which git refuses", true),
        shape("hfs", |r| folder_with_a_canary(r, ".g\u{200c}it".as_bytes()), "which git refuses", true),
        shape(
            "stream",
            |r| commit_with_entry(r, "100644", b".git::$DATA", &file(r)),
            "which git refuses",
            true,
        ),
        shape(
            "backslash",
            |r| commit_with_entry(r, "100644", b"a\\.git\\config", &file(r)),
            "which git refuses",
            true,
        ),
        shape("empty", |r| commit_with_entry(r, "100644", b"", &file(r)), "which git refuses", true),
        shape(
            "twice",
            |r| {
                let id = file(r);
                let made = tree(r, &[("100644", b"x", &id), ("100644", b"x", &id)]);
                commit(r, &made)
            },
            "holds 'x' twice",
            true,
        ),
        shape(
            "unsorted",
            |r| {
                let id = file(r);
                let made = tree(r, &[("100644", b"y", &id), ("100644", b"x", &id)]);
                commit(r, &made)
            },
            "is not sorted",
            true,
        ),
        shape("padded", |r| commit_with_entry(r, "0100644", b"x", &file(r)), "with the mode '0100644'", true),
        shape("mode-0", |r| commit_with_entry(r, "0", b"x", &file(r)), "with the mode '0'", true),
        shape("blob-as-tree", |r| commit_with_entry(r, "40000", b"x", &file(r)), "not of the type", true),
        shape(
            "tree-as-blob",
            |r| commit_with_entry(r, "100644", b"x", &tree(r, &[])),
            "not of the type",
            true,
        ),
        shape("no-blob", |r| commit_with_entry(r, "100644", b"x", MISSING), "is missing", true),
        shape("no-tree", |r| commit_with_entry(r, "40000", b"x", MISSING), "is missing", true),
        shape(
            "option",
            |r| {
                let text = b"[submodule \"a\"]\n\tpath = a\n\turl = --upload-pack=touch canary\n";
                commit_with_entry(r, "100644", b".gitmodules", &object(r, "blob", text))
            },
            "has a submodule whose url",
            true,
        ),
        shape(
            "long-name",
            |r| commit_with_entry(r, "100644", &[b'x'; 300], &file(r)),
            "more than 255 bytes",
            false,
        ),
        shape(
            "long-path",
            |r| {
                let inner = tree(r, &[("100644", b"x", &file(r))]);
                commit_with_entry(r, "40000", b"x", &nested(r, &[b'y'; 250], 17, &inner))
            },
            "paths of more than",
            false,
        ),
        shape(
            "deep",
            |r| {
                let inner = tree(r, &[("100644", b"x", &file(r))]);
                commit_with_entry(r, "40000", b"x", &nested(r, b"d", 300, &inner))
            },
            "nested folders",
            false,
        ),
        shape("bomb", |r| commit_with_entry(r, "40000", b"x", &bomb(r, b"x")), "adds more than", false),
        shape(
            "on-the-way",
            |r| {
                let bad = folder_with_a_canary(r, b".git");
                let good = tree(r, &[("100644", b"x", &file(r))]);
                r.git(["commit-tree", "-m", "as if nothing were", "-p", &bad, &good]).line()
            },
            "its commit",
            true,
        ),
    ]
}

/// Creates sixteen names for one tree, eight levels deep: 16⁸ paths in nine objects.
fn bomb(repo: &TestRepo<'_>, file_name: &[u8]) -> String {
    let mut below = tree(repo, &[("100644", file_name, &file(repo))]);
    for _ in 0..8 {
        let names: Vec<String> = (0..16).map(|n| format!("{n:02x}")).collect();
        let entries: Vec<_> = names.iter().map(|name| ("40000", name.as_bytes(), below.as_str())).collect();
        below = tree(repo, &entries);
    }
    below
}

/// Returns every file named `canary`, outside of git's own directories.
fn canaries(world: &World) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![world.dir().to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            if entry.file_name().to_string_lossy().contains("canary") {
                found.push(entry.path());
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(entry.path());
            }
        }
    }
    found
}

#[test]
fn trees_that_fsck_refuses_are_refused() {
    let mut wrong = Vec::new();
    for shape in shapes() {
        let world = world();
        let repo = world.repo();
        let tip = (shape.make)(&repo);
        let mut fsck = repo.command("git");
        let said = fsck.args(["fsck", "--strict", "--no-dangling", "--no-progress", &tip]).output();
        let refused = !said.expect("git").status.success();
        if refused != shape.by_git {
            wrong.push(format!("{}: by git {refused}", shape.name));
        }
        let library = library(&repo);
        let unsound = sound::flaw_of(&library, Oid::parse(&tip).expect("an id")).expect("an answer");
        let why = unsound.map(|unsound| unsound.why).unwrap_or_default();
        if !why.contains(shape.reason) {
            wrong.push(format!("{}: {why}", shape.name));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn unusual_trees_that_git_accepts_are_accepted() {
    let world = world();
    let repo = world.repo();
    let main = repo.tip("main");
    let id = file(&repo);
    let odd: &[&[(&str, &[u8], &str)]] = &[
        &[("160000", b"module", &main)],
        &[("100644", b"a\nb\x1b[2J", &id), ("100755", b"-rf", &id), ("120000", b"link", &id)],
        &[("100644", b"A", &id), ("100644", b"a", &id)],
        &[("100644", b"\xff\xfe", &id)],
        &[],
    ];
    let library = library(&repo);
    for entries in odd {
        let mut sorted = entries.to_vec();
        sorted.sort_by_key(|(_, name, _)| *name);
        let tip = commit(&repo, &tree(&repo, &sorted));
        let found = sound::flaw_of(&library, Oid::parse(&tip).expect("an id")).expect("an answer");
        assert_eq!(found, None, "{entries:?}");
    }
}

/// Creates an agent of another clone, done, with this commit as its work.
pub(crate) fn pulled(repo: &TestRepo<'_>, id: &str, head: &str) {
    let base = repo.tip("main");
    let event = |fact: String, l: u64| {
        let mut all: Vec<String> = vec!["\"at\":\"2026-11-21T00:00:00Z\"".into(), format!("\"l\":{l}")];
        all.extend(["\"v\":1".into(), "\"w\":\"mallory\"".into()]);
        all.extend(fact.split(',').map(str::to_owned));
        all.sort();
        format!("{{{}}}", all.join(","))
    };
    let created = event(
        format!(
            "\"t\":\"created\",\"title\":\"t\",\"profile\":\"sh\",\"run\":\"r\",\"place\":0,\"base\":\"{base}\",\
             \"branch\":\"orchestra/{id}\",\"prompt\":\"true\""
        ),
        1,
    );
    let finished = event(
        format!(
            "\"t\":\"finished\",\"attempt\":1,\"phase\":\"done\",\"head\":\"{head}\",\"commits\":1,\"files\":1"
        ),
        2,
    );
    let message = format!("agent {id}: done\n\n{created}\n{finished}\n\nOrchestra-Format: 1\n");
    let empty = tree(repo, &[]);
    let life = repo.git(["commit-tree", "-m", &message, &empty]).succeeded().line();
    repo.git(["update-ref", &format!("refs/orchestra/agents/{id}"), &life]).succeeded();
    repo.git(["update-ref", &format!("refs/orchestra/heads/{id}"), head]).succeeded();
}

fn id_of(shape: &Shape) -> String {
    format!("{}-00000", shape.name)
}

#[test]
fn every_hostile_shape_is_reported_and_other_work_lands() {
    let world = world();
    let repo = world.repo();
    let mine = repo.spawn("echo mine > mine.txt");
    repo.end_of(&mine);
    for shape in shapes() {
        let tip = (shape.make)(&repo);
        pulled(&repo, &id_of(&shape), &tip);
    }
    let (main, checkout) = (repo.tip("main"), repo.checkout());
    for command in [
        &["status", "--all"] as &[&str],
        &["worktrees"],
        &["cleanup", "-n"],
        &["collect"],
        &["review"],
        &["merge-ranked", "-n"],
        &["undo", "--list"],
    ] {
        repo.orchestra(command).succeeded();
    }
    for shape in shapes() {
        let id = id_of(&shape);
        let shown = repo.orchestra(["review", &id]).succeeded().stdout();
        assert!(shown.contains(shape.reason), "{id}: {shown}");
        repo.orchestra(["review", &id, "--approve"]).exits(3).stderr_has(shape.reason);
        // What can be read is shown with a warning; what is endless or incomplete is not.
        let diff = repo.orchestra(["diff", &id, "--name-only"]);
        assert!([0, 3].contains(&diff.code()), "{id}: {}", diff.stderr());
        diff.stderr_has(shape.reason);
        repo.orchestra(["resume", "--take-over", &id, "-m", "true"]).exits(3).stderr_has(shape.reason);
    }
    assert_eq!((repo.tip("main"), repo.checkout()), (main.clone(), checkout));
    let report = repo.orchestra(["merge-ranked", "--json"]).exits(1).json();
    let order = report["order"].as_array().expect("an order");
    let step = |id: &str| order.iter().find(|step| step["branch"] == id).expect("a step");
    assert_eq!(step(&mine)["outcome"], "merged");
    for shape in shapes() {
        let step = step(&id_of(&shape));
        let why = step["why"].as_str().unwrap_or_default();
        assert_eq!(step["outcome"], "set_aside", "{step}");
        assert!(why.starts_with("not landed: its ") && why.contains(shape.reason), "{step}");
    }
    assert_eq!(repo.file_at("main", "mine.txt"), "mine\n");
    let names = repo.git(["ls-tree", "-r", "--name-only", "main"]).stdout();
    assert_eq!(names, "file.txt\nmine.txt\n");
    repo.orchestra(["merge-ranked", "--continue"]).exits(3).stderr_has("no landing is under way");
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(repo.tip("main"), main);
    assert_eq!(canaries(&world), Vec::<PathBuf>::new());
}

#[test]
fn a_branch_that_breaks_a_step_is_set_aside_and_the_next_lands() {
    let world = world();
    let repo = world.repo();
    // Its header can be read, its content cannot: the fault is found only at the checkout.
    let noise: Vec<u8> = (0u32..60_000).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let blob = object(&repo, "blob", &noise);
    let torn = commit_with_entry(&repo, "100644", b"a-torn.bin", &blob);
    let path = repo.path().join(".git/objects").join(&blob[..2]).join(&blob[2..]);
    let bytes = fs::read(&path).expect("an object");
    fs::remove_file(&path).expect("removed");
    fs::write(&path, &bytes[..bytes.len() / 2]).expect("torn");
    repo.git(["branch", "torn", &torn]).succeeded();
    repo.branch("mine", &[("mine.txt", "mine\n")]);
    for check in [&["--test", "true"] as &[&str], &["--strategy", "rebase"]] {
        let arguments = [&["merge-ranked", "--json", "torn", "mine"], check].concat();
        let report = repo.orchestra(&arguments).exits(1).json();
        let order = report["order"].as_array().expect("an order");
        let of = |name: &str| order.iter().find(|step| step["branch"] == name).expect("a step").clone();
        assert_eq!(of("mine")["outcome"], "merged", "{report}");
        assert_eq!(of("torn")["outcome"], "set_aside", "{report}");
        assert!(of("torn")["why"].as_str().expect("a reason").starts_with("not landed: "), "{report}");
        assert_eq!(repo.file_at("main", "mine.txt"), "mine\n");
        repo.orchestra(["merge-ranked", "--continue"]).exits(3).stderr_has("no landing is under way");
        repo.orchestra(["undo"]).succeeded();
    }
}

#[test]
fn a_link_on_one_side_and_a_file_below_it_on_the_other_write_nothing_outside() {
    let world = world();
    let repo = world.repo();
    let outside = world.dir().join("outside");
    fs::create_dir(&outside).expect("a folder");
    let link = object(&repo, "blob", outside.to_string_lossy().as_bytes());
    let one = commit_with_entry(&repo, "120000", b"a", &link);
    let below = tree(&repo, &[("100644", b"canary", &file(&repo))]);
    let other = commit_with_entry(&repo, "40000", b"a", &below);
    repo.git(["branch", "link", &one]).succeeded();
    repo.git(["branch", "below", &other]).succeeded();
    let report =
        repo.orchestra(["merge-ranked", "--json", "--test", "true", "link", "below"]).exits(1).json();
    let merged =
        report["order"].as_array().expect("an order").iter().filter(|one| one["outcome"] == "merged");
    assert_eq!(merged.count(), 1, "{report}");
    assert_eq!(fs::read_dir(&outside).expect("a folder").count(), 0);
}

#[test]
fn a_tree_bomb_blocks_neither_cleanup_nor_sync() {
    let world = world();
    let repo = crate::sync::first(&world).with_identity();
    let (bad, good) = (repo.spawn("echo 1 > one.txt"), repo.spawn("echo 2 > two.txt"));
    repo.end_of(&bad);
    repo.end_of(&good);
    let before = repo.agent(&bad)["head"].as_str().expect("a head").to_owned();
    let bombed = tree(&repo, &[("40000", b"x", &bomb(&repo, b"x"))]);
    let tip = repo.git(["commit-tree", "-m", "more", "-p", &before, &bombed]).line();
    repo.git(["update-ref", &format!("refs/orchestra/heads/{bad}"), &tip]).succeeded();
    let library = library(&repo);
    let collected = Collected {
        attempt: 1,
        head: IdOrText::read(&tip),
        work: WorkStat { commits: 2, files: 1, ..WorkStat::default() },
        phase: None,
        reason: None,
        unfinished: None,
        session: None,
        started_with: None,
    };
    let id = AgentId::parse(&bad).expect("an id");
    store::append(&library, &id, &[Fact::Collected(collected)]).expect("written");
    let cleanup = repo.orchestra(["cleanup", "-n", "--json"]).succeeded().json();
    let entry = cleanup["agents"].as_array().expect("agents").iter().find(|one| one["id"] == *bad);
    let why = entry.expect("an entry")["why"].as_str().expect("a reason").to_owned();
    assert!(why.contains("adds more than"), "{why}");
    let name = format!("heads/{bad}");
    let said = repo.orchestra(["sync", "--json"]).exits(1);
    let report = said.json();
    assert!(report["unsent"][&name].as_str().is_some_and(|why| why.contains("adds more than")), "{report}");
    said.stderr_has(&format!("'{name}' is not sent to origin"));
    let there = crate::sync::shared_of_hub(&world);
    let has = |name: &str| there.iter().any(|(there, _)| there.ends_with(name));
    assert!(has(&format!("heads/{good}")) && has(&format!("agents/{bad}")) && !has(&name), "{there:?}");
}

/// Objects stay; temporary directories contain nothing that was created to inspect them.
#[test]
fn inspecting_leaves_no_temporary_files() {
    let world = world();
    let repo = world.repo();
    let tip = folder_with_a_canary(&repo, b".git");
    repo.git(["branch", "bad", &tip]).succeeded();
    repo.orchestra(["merge-ranked", "bad"]).exits(1).stdout_has("which git refuses");
    assert!(!Path::new(&world.dir().join("repo.worktrees")).exists());
}
