//! `diff`: shows everything an agent changed, and writes nothing.

use testkit::Ran;

use crate::{skip, world};

#[test]
fn a_running_agent_shows_what_it_committed_changed_and_added() {
    let world = world();
    let repo = world.repo();
    let script = "echo two >> file.txt; git commit -qam c; echo three >> file.txt; echo new > new.txt; \
                  echo K=1 > .env; touch ready; while :; do sleep 0.1; done";
    let id = repo.spawn(script);
    repo.wait_for_file(&id, "ready");
    let state = || (repo.refs(""), repo.git(["count-objects", "-v"]).stdout(), repo.checkout());
    let before = state();
    let ran = repo.orchestra(["diff", &id]).succeeded();
    let shown = ran.stdout();
    for line in ["+two\n", "+three\n", "+new\n", "+++ b/new.txt"] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    assert!(!shown.contains("K=1"), "{shown}");
    ran.stderr_has("not shown: .env");
    let names = repo.orchestra(["diff", "--name-only", &id]).succeeded().stdout();
    assert_eq!(names, "file.txt\nnew.txt\nready\n");
    let committed = repo.orchestra(["diff", "--committed", "--stat", &id]).succeeded().stdout();
    assert!(committed.contains("file.txt | 1 +") && !committed.contains("new.txt"), "{committed}");
    let files = repo.orchestra(["diff", "--json", &id, "--", "file.txt"]).succeeded().json();
    assert_eq!(files["files"], serde_json::json!([{"path": "file.txt", "insertions": 2, "deletions": 0}]));
    assert_eq!(state(), before, "nothing was written");
}

#[test]
fn ended_agents_are_compared_with_their_base_and_with_each_other() {
    let world = world();
    let repo = world.repo();
    let one = repo.spawn("echo 1 > same.txt; echo one > who.txt");
    let two = repo.spawn("echo 1 > same.txt; echo two > who.txt");
    for id in [&one, &two] {
        repo.end_of(id);
    }
    let shown = repo.orchestra(["diff", &one, &two]).succeeded().stdout();
    assert!(shown.contains("-one\n+two\n") && !shown.contains("same.txt"), "{shown}");
    // Later changes in its worktree are shown; once the worktree is gone, its work is still shown.
    let worktree = repo.worktree(&one);
    std::fs::write(worktree.join("later.txt"), "later\n").expect("a file");
    assert!(repo.orchestra(["diff", "--name-only", &one]).succeeded().stdout().contains("later.txt"));
    repo.git(["worktree", "remove", "--force", &worktree.to_string_lossy()]);
    assert_eq!(repo.orchestra(["diff", "--name-only", &one]).succeeded().stdout(), "same.txt\nwho.txt\n");
    // From a subdirectory, with a pager that the user configured.
    std::fs::create_dir_all(repo.path().join("sub")).expect("a folder");
    repo.git(["config", "diff.external", "false"]);
    let sub = world.command("git", &repo.path().join("sub")).args(["orchestra", "diff", &two]).output();
    assert!(Ran::of(&mut repo.orchestra_command(["diff", "--ext-diff", &two])).code() == 5);
    assert!(sub.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("+two")));
    repo.orchestra(["diff", "nobody"]).exits(3);
    repo.orchestra(["diff"]).exits(2);
}

/// A diff costs one `git diff`: the files are not counted first.
#[test]
fn one_git_compares() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo new > new.txt");
    repo.end_of(&id);
    for options in [&["--committed", "--stat"][..], &["--committed"], &["--committed", "--json"]] {
        let trace = world.dir().join("trace");
        let arguments = [&["diff"], options, &[id.as_str()]].concat();
        let ran = Ran::of(repo.orchestra_command(arguments).env("ORCHESTRA_TRACE", &trace)).succeeded();
        assert!(ran.stdout().contains("new.txt"), "{}", ran.stdout());
        let started = std::fs::read_to_string(&trace).expect("a trace");
        let gits: Vec<&str> = started.lines().filter(|line| line.contains("program: git ")).collect();
        assert!(gits.len() == 1 && gits[0].contains(" diff "), "{options:?}\n{started}");
        std::fs::remove_file(&trace).expect("removed");
    }
}

#[test]
fn without_a_name_a_terminal_shows_the_only_agent() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo fresh > new.txt");
    repo.end_of(&id);
    for command in ["diff", "logs"] {
        repo.orchestra([command]).exits(2).stderr_has("which agent?");
    }
    if !testkit::has_terminal() {
        return skip("there is no terminal");
    }
    let typed = "GIT_PAGER=cat git orchestra diff";
    let (code, shown) =
        testkit::talk(repo.command("script").args(["-qec", typed, "/dev/null"]), "which agent?", "");
    assert!(code == 0 && shown.contains("+fresh"), "{code}: {shown}");
}
