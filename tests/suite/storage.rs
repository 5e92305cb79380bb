//! The man page about storage is sufficient to read agents: its reader, a shell script that uses only git,
//! returns everything that we know.

use std::{collections::BTreeSet, fs};

use testkit::Ran;

use crate::{
    sync::{clone, first, sync},
    world,
};

/// Returns the script on the page, as `man` would show it.
fn reader() -> String {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/man/gitorchestra-storage.5"))
        .expect("a page");
    let examples = page.split(".SH EXAMPLES").nth(1).expect("examples");
    let script = examples.split(".EX\n").nth(1).and_then(|rest| rest.split(".EE").next()).expect("a script");
    script.replace("\\e", "\\")
}

#[test]
fn a_script_that_uses_git_alone_reads_everything_back() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    let long = format!("echo 1 > one.txt # {}", "é".repeat(3000));
    let (done, long, gone) = (a.spawn("echo 2 > two.txt"), a.spawn(&long), a.spawn("echo 3 > three.txt"));
    for id in [&done, &long, &gone] {
        a.end_of(id);
    }
    a.orchestra(["collect"]).succeeded();
    a.orchestra(["merge-ranked", &gone]).succeeded();
    a.orchestra(["cleanup", &gone]).succeeded();
    sync(&a);
    sync(&b);
    // An agent with new events in both clones.
    for (repo, why) in [(&a, "good"), (&b, "very good")] {
        repo.orchestra(["review", &done, "--approve", "-m", why]).succeeded();
    }
    for repo in [&a, &b, &a] {
        sync(repo);
    }
    let script = world.dir().join("reader");
    fs::write(&script, reader()).expect("written");
    let told = Ran::of(b.command("sh").arg(&script)).succeeded().stdout();
    for line in [format!("agent {long} done"), format!("archived {gone}"), format!("agent {done} joined")] {
        assert!(told.lines().any(|one| one == line), "{line} in {told}");
    }
    let events: BTreeSet<String> =
        told.lines().filter_map(|line| line.strip_prefix("  event ")).map(str::to_owned).collect();
    let mut ours = BTreeSet::new();
    for (name, _) in a.refs("refs/orchestra/agents").into_iter().chain(a.refs("refs/orchestra/archive")) {
        let all = a.git(["log", "--format=%B", &name]).stdout();
        ours.extend(all.lines().filter(|line| line.starts_with('{')).map(str::to_owned));
    }
    assert!(events == ours && events.iter().filter(|event| event.contains("\"t\":\"verdict\"")).count() == 2);
    assert!(told.contains("two.txt") && told.contains("one.txt"));
    assert_eq!(told.matches("  task 6").count(), 1, "{told}");
    assert!(
        told.lines().any(|line| line.starts_with("note ") && line.contains("\"t\":\"landed\"")),
        "{told}"
    );
    assert!(told.lines().any(|line| line.starts_with("note ") && line.contains("very good")), "{told}");
}

/// Every key of the file in git's registration is on the page.
#[test]
fn the_page_describes_how_a_worktree_was_made_ready() {
    let world = world();
    let repo = world.repo();
    repo.commit("ignore", &[(".gitignore", ".env\n"), (".worktreeinclude", ".env\ntracked\n")]);
    repo.write(".env", "token\n");
    repo.git(["config", "orchestra.setup", "true"]);
    let id = repo.spawn("true");
    repo.end_of(&id);
    let file = repo.path().join(".git/worktrees").join(&id).join("orchestra-ready.json");
    let ready: serde_json::Value = serde_json::from_slice(&fs::read(file).expect("a file")).expect("JSON");
    assert_eq!((&ready["copies"][0]["path"], &ready["set_up"]), (&".env".into(), &"true".into()), "{ready}");
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/man/gitorchestra-storage.5"));
    let page = page.expect("a page");
    let keys = |value: &serde_json::Value| value.as_object().expect("an object").keys().cloned().collect();
    let all: [Vec<String>; 2] = [keys(&ready), keys(&ready["copies"][0])];
    for key in all.concat() {
        assert!(page.contains(&format!("\\fB{key}\\fR")), "{key} is not on the page");
    }
}
