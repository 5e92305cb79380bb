//! `spec`: what is to be built, as people wrote it.

use std::{fs, path::PathBuf, process::Stdio};

use serde_json::Value;
use testkit::{Ran, TestRepo, until};

use crate::world;

const TEXT: &str = "# Rate limit\n\none\ntwo\nthree\nfour\nfive\n";

/// Begins a spec.
fn begun(repo: &TestRepo<'_>) {
    repo.write("text.md", TEXT);
    repo.orchestra(["spec", "new", "rate-limit", "--from", "text.md"]).succeeded().stderr_has("version 1");
    fs::remove_file(repo.path().join("text.md")).expect("removed");
}

/// Edits the only spec with an editor that is a shell command for the file `"$1"`.
fn edit(repo: &TestRepo<'_>, editor: &str) -> Ran {
    let mut command = repo.orchestra_command(["spec", "edit"]);
    Ran::of(command.env("GIT_EDITOR", format!("sh -c '{editor}' x")))
}

fn shown(repo: &TestRepo<'_>) -> String {
    repo.orchestra(["spec", "show"]).succeeded().stdout()
}

fn object(repo: &TestRepo<'_>) -> Value {
    repo.orchestra(["spec", "show", "--json"]).succeeded().json()
}

fn drafts(repo: &TestRepo<'_>) -> Vec<PathBuf> {
    let entries = fs::read_dir(repo.path().join(".git/orchestra/drafts")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

#[test]
fn a_spec_is_written_read_and_restored_outside_of_the_files() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["spec"]).succeeded().stderr_has("no specs");
    repo.orchestra(["spec", "show"]).exits(3).stderr_has("git orchestra spec new NAME");
    let before = repo.checkout();
    begun(&repo);
    assert_eq!(shown(&repo), TEXT);
    repo.orchestra(["spec", "new", "rate-limit", "--from", "file.txt"]).exits(3).stderr_has("already");
    repo.orchestra(["spec", "show", "rat-limit"])
        .exits(3)
        .stderr_has("git orchestra spec show rate-limit, if you meant that one");
    for wrong in ["Rate", "a b", "../x", "-"] {
        repo.orchestra(["spec", "new", "--from", "file.txt", "--", wrong]).exits(2);
    }
    edit(&repo, "true").succeeded().stderr_has("nothing changed");
    edit(&repo, "sed -i s/one/ONE/ \"$1\"").succeeded().stderr_has("version 2");
    edit(&repo, "false").exits(5).stderr_has("nothing was saved");
    edit(&repo, ": > \"$1\"").exits(2).stderr_has("the spec is empty");
    let kept = drafts(&repo);
    assert_eq!(kept.len(), 1, "{kept:?}: only what somebody wrote is kept");
    fs::remove_file(&kept[0]).expect("removed");
    repo.orchestra(["spec", "edit", "--restore", "1"]).succeeded().stderr_has("version 3");
    assert_eq!(shown(&repo), TEXT);
    repo.orchestra(["spec", "edit", "--restore", "9"]).exits(3).stderr_has("no version 9");
    let second = repo.orchestra(["spec", "show", "--version", "2"]).succeeded().stdout();
    assert_eq!(second, TEXT.replace("one", "ONE"));
    assert_eq!(repo.checkout(), before, "nothing is in the checkout");
    let log = repo.git(["log", "--format=%s", "refs/orchestra/specs/rate-limit"]).succeeded().stdout();
    assert_eq!(log, "spec rate-limit: version 3\nspec rate-limit: version 2\nspec rate-limit: created\n");
    // A long text is a blob.
    repo.write("long.md", &format!("# Long\n{}", "a line of a text\n".repeat(1000)));
    repo.orchestra(["spec", "new", "long", "--from", "long.md"]).succeeded();
    assert_eq!(repo.file_at("refs/orchestra/specs/long", "spec").lines().count(), 1001);
    repo.orchestra(["spec", "show"]).exits(3).stderr_has("there are 2 specs");
    repo.orchestra(["spec", "show", "long"]).succeeded().stdout_has("# Long\na line of a text\n");
}

/// Starts an editor that waits for a file, changes the text, and saves; runs `meanwhile`, and returns how the edit ended.
fn while_edited(repo: &TestRepo<'_>, change: &str, meanwhile: impl FnOnce()) -> Ran {
    let (open, go) = (repo.world().dir().join("open"), repo.world().dir().join("go"));
    let script = format!(
        "touch {}; while ! test -e {}; do sleep 0.02; done; {change} \"$1\"",
        open.display(),
        go.display()
    );
    let mut command = repo.orchestra_command(["spec", "edit"]);
    command.env("GIT_EDITOR", format!("sh -c '{script}' x")).stderr(Stdio::piped()).stdout(Stdio::piped());
    let running = std::thread::spawn(move || Ran::of(&mut command));
    until("the editor is open", || open.exists().then_some(()));
    meanwhile();
    fs::write(&go, "").expect("written");
    let ran = running.join().expect("an end");
    [open, go].iter().for_each(|file| fs::remove_file(file).expect("removed"));
    ran
}

#[test]
fn two_editors_at_once_lose_nothing() {
    let world = world();
    let repo = world.repo();
    begun(&repo);
    let ran = while_edited(&repo, "sed -i s/one/ONE/", || {
        edit(&repo, "sed -i s/five/FIVE/ \"$1\"").succeeded();
    });
    ran.succeeded().stderr_has("version 3, merged with what was saved meanwhile");
    assert_eq!(shown(&repo), TEXT.replace("one", "ONE").replace("five", "FIVE"));
    let ran = while_edited(&repo, "sed -i s/three/3/", || {
        edit(&repo, "sed -i s/three/THREE/ \"$1\"").succeeded();
    });
    ran.exits(4).stderr_has("is kept as version 5").stderr_has("git orchestra spec edit rate-limit");
    assert!(shown(&repo).contains("\nTHREE\n"));
    let spec = object(&repo);
    assert_eq!((&spec["spec"]["version"], &spec["spec"]["beside"]), (&4.into(), &serde_json::json!([5])));
    assert_eq!(spec["versions"][4]["base"], 3);
    let theirs = repo.orchestra(["spec", "show", "--version", "5"]).succeeded().stdout();
    assert!(theirs.contains("\n3\n"), "{theirs}");
    // A save that leaves the marks is refused; one that decides merges both, also if it comes from the file that was kept.
    edit(&repo, "echo >> \"$1\"").exits(2).stderr_has("marks of a conflict");
    let kept = drafts(&repo).remove(0);
    let text = fs::read_to_string(&kept).expect("a draft");
    let is_mark = |line: &&str| ["<<<<<<<", "=======", ">>>>>>>"].iter().any(|mark| line.starts_with(mark));
    let decided: String =
        text.lines().filter(|line| !is_mark(line)).map(|line| format!("{line}\n")).collect();
    fs::write(&kept, decided).expect("written");
    let kept = kept.to_string_lossy().into_owned();
    repo.orchestra(["spec", "edit", "--from", &kept]).succeeded().stderr_has("version 6");
    let merged = shown(&repo);
    assert!(merged.contains("\nTHREE\n3\n"), "{merged}");
    assert_eq!(object(&repo)["spec"]["beside"], serde_json::json!([]));
    assert_eq!(drafts(&repo), Vec::<PathBuf>::new());
}

#[test]
fn what_a_killed_editor_wrote_is_kept_and_merged() {
    let world = world();
    let repo = world.repo();
    begun(&repo);
    // The editor kills the command that started it.
    edit(&repo, "sed -i s/two/TWO/ \"$1\"; kill -9 $(ps -o ppid= -p $PPID)");
    let kept = drafts(&repo);
    assert_eq!(kept.len(), 1, "{kept:?}");
    let kept = kept[0].to_string_lossy().into_owned();
    let again = edit(&repo, "sed -i s/five/FIVE/ \"$1\"");
    again.succeeded().stderr_has(&format!("its text is in '{kept}'")).stderr_has("version 2");
    let saved = repo.orchestra(["spec", "edit", "--from", &kept]).succeeded();
    saved.stderr_has("version 3, merged with what was saved meanwhile");
    assert_eq!(shown(&repo), TEXT.replace("two", "TWO").replace("five", "FIVE"));
    assert_eq!(drafts(&repo), Vec::<PathBuf>::new(), "it is not needed any more");
}

#[test]
fn specs_travel_and_two_clones_keep_both_texts() {
    let world = world();
    let repo = world.repo();
    begun(&repo);
    world.git(world.dir(), ["init", "-q", "--bare", "hub.git"]);
    repo.git(["remote", "add", "origin", "../hub.git"]);
    repo.git(["push", "-q", "origin", "HEAD:main"]);
    repo.orchestra(["sync", "--yes"]).succeeded();
    world.git(world.dir(), ["clone", "-q", "-b", "main", "hub.git", "other"]);
    let other = TestRepo::new(&world, world.dir().join("other")).with_identity();
    other.orchestra(["sync", "--yes"]).succeeded();
    assert_eq!(shown(&other), TEXT);
    edit(&other, "sed -i s/three/theirs/ \"$1\"").succeeded();
    edit(&repo, "sed -i s/three/ours/ \"$1\"").succeeded();
    for one in [&repo, &other, &repo] {
        one.orchestra(["sync", "--yes"]).succeeded();
    }
    assert_eq!(repo.tip("refs/orchestra/specs/rate-limit"), other.tip("refs/orchestra/specs/rate-limit"));
    let (here, there) = (object(&repo), object(&other));
    assert_eq!((&here["text"], &here["spec"]["beside"]), (&there["text"], &there["spec"]["beside"]));
    assert_eq!(
        (&here["spec"]["versions"], here["spec"]["beside"].as_array().map(Vec::len)),
        (&3.into(), Some(1))
    );
}

#[test]
fn one_name_begun_in_two_clones_is_joined_and_merged() {
    let world = world();
    let repo = world.repo();
    world.git(world.dir(), ["init", "-q", "--bare", "hub.git"]);
    repo.git(["remote", "add", "origin", "../hub.git"]);
    repo.git(["push", "-q", "origin", "HEAD:main"]);
    world.git(world.dir(), ["clone", "-q", "-b", "main", "hub.git", "other"]);
    let other = TestRepo::new(&world, world.dir().join("other")).with_identity();
    begun(&repo);
    other.write("text.md", "# Limits\n\ntheirs\n");
    other.orchestra(["spec", "new", "rate-limit", "--from", "text.md"]).succeeded();
    for one in [&repo, &other, &repo] {
        one.orchestra(["sync", "--yes"]).succeeded();
    }
    assert_eq!(repo.tip("refs/orchestra/specs/rate-limit"), other.tip("refs/orchestra/specs/rate-limit"));
    let spec = object(&repo);
    assert_eq!(spec["spec"]["versions"], 2, "{spec}");
    assert_eq!(spec["spec"]["beside"].as_array().map(Vec::len), Some(1), "{spec}");
    let both: String = ["1", "2"]
        .map(|number| repo.orchestra(["spec", "show", "--version", number]).succeeded().stdout())
        .concat();
    assert!(both.contains("five") && both.contains("theirs"), "{both}");
    edit(&repo, "sed -i -e \"/^[<=>]\\{7\\}/d\" \"$1\"").succeeded().stderr_has("version 3");
    assert_eq!(object(&repo)["spec"]["beside"], serde_json::json!([]));
    for one in [&repo, &other] {
        one.orchestra(["sync", "--yes"]).succeeded();
    }
    assert_eq!(shown(&other), shown(&repo));
}

#[test]
fn the_ends_of_lines_stay_as_they_are() {
    let world = world();
    let repo = world.repo();
    let text = "# Rate limit\r\n\r\none\r\ntwo\n";
    repo.write("text.md", text);
    repo.orchestra(["spec", "new", "rate-limit", "--from", "text.md"]).succeeded();
    assert_eq!(shown(&repo), text);
    repo.write("again.md", &shown(&repo));
    let same = repo.orchestra(["spec", "edit", "rate-limit", "--from", "again.md"]).succeeded();
    same.stderr_has("nothing changed");
}
