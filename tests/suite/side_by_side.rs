//! What can run during a landing or during the test of a review, and what has to wait, pair by pair.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

use testkit::{TestRepo, World, until};

use crate::{
    cleanup::{cleanup, outcome_of},
    merge_ranked, world,
};

/// A test command that records its directory, waits until it is released or a time limit is reached, and
/// passes.
struct Gate {
    reached: PathBuf,
    open: PathBuf,
}

impl Gate {
    fn new(world: &World, name: &str) -> Self {
        let at = |what: &str| world.dir().join(format!("{name}-{what}"));
        Self { reached: at("reached"), open: at("open") }
    }

    fn command(&self) -> String {
        format!(
            "pwd > {0}.new; mv {0}.new {0}; for i in $(seq 600); do test -e {1} && exit 0; sleep 0.1; done; exit 1",
            self.reached.display(),
            self.open.display()
        )
    }

    /// Waits until the command runs, and returns its directory.
    fn wait(&self) -> String {
        until("the test runs", || fs::read_to_string(&self.reached).ok()).trim().to_owned()
    }

    fn open(&self) {
        fs::write(&self.open, "").expect("a file");
    }
}

/// Starts a command in the background.
fn start(repo: &TestRepo<'_>, arguments: &[&str]) -> Child {
    let mut command = repo.orchestra_command(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started")
}

fn code(mut child: Child) -> Option<i32> {
    child.wait().expect("an end").code()
}

fn done(repo: &TestRepo<'_>, script: &str) -> String {
    let id = repo.spawn(script);
    repo.end_of(&id);
    id
}

/// Returns a repository with four branches, in which the checks of several commands run at once.
fn four(world: &World) -> TestRepo<'_> {
    let repo = merge_ranked::four(world);
    repo.git(["config", "orchestra.slots", "9"]);
    repo
}

fn scratch_worktrees(repo: &TestRepo<'_>) -> usize {
    repo.git(["worktree", "list"]).stdout().matches("repo.worktrees/landing").count()
}

#[test]
fn landings_into_different_branches_are_concurrent_and_into_one_branch_sequential() {
    let world = world();
    let repo = four(&world);
    repo.git(["branch", "dev"]);
    let gate = Gate::new(&world, "main");
    let first = start(&repo, &["merge-ranked", "b3", "--test", &gate.command()]);
    let first_folder = gate.wait();
    for command in [&["merge-ranked", "b4", "--into", "main"][..], &["merge-ranked", "--continue"]] {
        let ran =
            repo.orchestra(command).exits(4).stderr_has("another landing into main has been running since 2");
        ran.stderr_has("(process ").stderr_has("wait until it has ended");
    }
    let second_folder = world.dir().join("second");
    let test = format!("pwd > {}", second_folder.display());
    repo.orchestra(["merge-ranked", "b4", "--into", "dev", "--test", &test]).succeeded();
    let second_folder = fs::read_to_string(second_folder).expect("it ran");
    assert!(first_folder.ends_with("/landing") && second_folder.trim().ends_with("/landing-2"));
    assert!(repo.file_at("dev", "lines.txt").contains("E4") && !repo.has("main", "three.txt"));
    gate.open();
    assert_eq!(code(first), Some(0));
    assert!(repo.has("main", "three.txt") && !repo.file_at("main", "lines.txt").contains("E4"));
    assert_eq!(scratch_worktrees(&repo), 0);
    // The newest operation is that of the landing that began last.
    repo.orchestra(["undo"]).succeeded().stdout_has("dev is back");
    repo.orchestra(["undo"]).succeeded().stdout_has("main is back");
}

#[test]
fn a_review_tests_while_a_landing_runs() {
    let world = world();
    let repo = four(&world);
    let id = done(&repo, "seq 3 > a.txt");
    repo.git(["config", "orchestra.agent.judge.reads", "prose"]);
    repo.git(["config", "orchestra.agent.judge.command", r#"echo '{"verdict":"approve"}'"#]);
    let gate = Gate::new(&world, "landing");
    let landing = start(&repo, &["merge-ranked", "b3", "--test", &gate.command()]);
    gate.wait();
    repo.orchestra(["review", &id, "--by", "judge", "--test", "test -e a.txt"]).succeeded();
    assert_eq!(repo.agent(&id)["verdict"], "approve");
    gate.open();
    assert_eq!(code(landing), Some(0));
    assert_eq!(scratch_worktrees(&repo), 0);
}

#[test]
fn a_landing_a_cleanup_and_an_undo_run_while_a_review_tests() {
    let world = world();
    let repo = four(&world);
    let (id, idle) = (done(&repo, "seq 3 > a.txt"), done(&repo, "true"));
    repo.git(["config", "orchestra.agent.judge.reads", "prose"]);
    repo.git(["config", "orchestra.agent.judge.command", r#"echo '{"verdict":"approve"}'"#]);
    let gate = Gate::new(&world, "review");
    let review = start(&repo, &["review", &id, "--by", "judge", "--test", &gate.command()]);
    gate.wait();
    repo.orchestra(["merge-ranked", "b3", "--test", "true"]).succeeded();
    assert_eq!(outcome_of(&cleanup(&repo, &[]), &idle).0, "removed");
    repo.orchestra(["undo"]).succeeded().stdout_has(&idle);
    gate.open();
    assert_eq!(code(review), Some(0));
    assert_eq!(repo.agent(&id)["verdict"], "approve");
    assert_eq!(scratch_worktrees(&repo), 0);
}

#[test]
fn a_cleanup_keeps_agents_used_by_a_landing() {
    let world = world();
    let repo = world.repo();
    let (used, idle) = (done(&repo, "echo 1 > one.txt"), done(&repo, "true"));
    let target = done(&repo, "echo 2 > two.txt");
    let gate = Gate::new(&world, "landing");
    // Into the branch of another agent, which is in use then, too.
    let into = format!("orchestra/{target}");
    let landing = start(&repo, &["merge-ranked", &used, "--into", &into, "--test", &gate.command()]);
    gate.wait();
    let report = cleanup(&repo, &["--discard", &used, "--discard", &target, "--force", &idle]);
    let uses = format!("a landing into {into} is using it");
    for id in [&used, &target] {
        assert_eq!(outcome_of(&report, id), ("kept".into(), uses.clone()), "{report}");
    }
    assert_eq!(outcome_of(&report, &idle).0, "removed");
    gate.open();
    assert_eq!(code(landing), Some(0));
    assert_eq!(repo.agent(&used)["landed_in"], into.as_str());
    assert_eq!(outcome_of(&cleanup(&repo, &["--discard", &used]), &used).0, "removed");
}

#[test]
fn an_agent_that_is_removed_while_its_landing_is_planned_does_not_land() {
    let world = world();
    let repo = four(&world);
    let gate = Gate::new(&world, "driver");
    // Only git runs the driver, so that planning waits.
    repo.git(["config", "merge.slow.driver", &gate.command()]);
    repo.write(".git/info/attributes", "lines.txt merge=slow\n");
    let id = done(&repo, "sed -i s/a/AGENT/ lines.txt");
    let (base, mut command) = (repo.tip("main"), repo.orchestra_command(["merge-ranked", &id, "b1"]));
    let landing = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("started");
    gate.wait();
    repo.orchestra(["cleanup", "--discard", &id]).succeeded();
    gate.open();
    let output = landing.wait_with_output().expect("an end");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains(&format!("agent '{id}' was removed while its landing was planned")), "{said}");
    assert_eq!(repo.tip("main"), base);
    repo.orchestra(["merge-ranked", "--continue"]).exits(3).stderr_has("no landing is under way");
}

#[test]
fn an_undo_waits_for_a_landing_on_its_branch_and_for_no_other() {
    let world = world();
    let repo = four(&world);
    let idle = done(&repo, "true");
    let removed = repo.orchestra(["cleanup", "--json"]).succeeded().json();
    repo.orchestra(["merge-ranked", "b4", "--into", "main"]).succeeded();
    let landed = repo.tip("main");
    let gate = Gate::new(&world, "landing");
    let landing = start(&repo, &["merge-ranked", "b3", "--test", &gate.command()]);
    gate.wait();
    for dry in [&[][..], &["-n"]] {
        repo.orchestra([&["undo"], dry].concat())
            .exits(4)
            .stderr_has("another landing into main has been running since");
    }
    assert_eq!(repo.tip("main"), landed);
    repo.orchestra(["undo", removed["operation"].as_str().expect("an id")]).succeeded().stdout_has(&idle);
    gate.open();
    assert_eq!(code(landing), Some(0));
    repo.orchestra(["undo"]).succeeded().stdout_has("main is back");
    assert_eq!(repo.tip("main"), landed);
}

#[test]
fn unfinished_landings_are_distinguished_by_target() {
    let world = world();
    let repo = four(&world);
    repo.git(["branch", "dev"]);
    let stop = |branch: &str, into: &str, test: &str| {
        let arguments = ["merge-ranked", branch, "--into", into, "--on-failure", "stop", "--test", test];
        repo.orchestra(arguments).exits(1).stderr_has("stopped at a failure");
    };
    stop("b3", "main", "test ! -e three.txt");
    stop("b4", "dev", "! grep -q E4 lines.txt");
    assert_eq!(scratch_worktrees(&repo), 2, "each keeps its own");
    repo.orchestra(["merge-ranked", "b1"]).exits(3).stderr_has("a landing is not finished: 0 of 1 into main");
    for how in ["--continue", "--abort"] {
        let ran = repo.orchestra(["merge-ranked", how]).exits(3);
        ran.stderr_has("several landings are unfinished: into dev, into main")
            .stderr_has("choose one: --into BRANCH");
    }
    repo.orchestra(["merge-ranked", "--abort", "--into", "dev"]).succeeded().stderr_has("dev is unchanged");
    assert_eq!(scratch_worktrees(&repo), 1);
    repo.orchestra(["merge-ranked", "--continue", "--into", "dev"])
        .exits(3)
        .stderr_has("no landing is under way");
    repo.orchestra(["merge-ranked", "--continue"]).exits(1).stderr_has("main is unchanged");
    repo.orchestra(["merge-ranked", "--abort"]).succeeded().stderr_has("main is unchanged");
    assert_eq!(scratch_worktrees(&repo), 0);
}

#[test]
fn a_killed_landing_blocks_nothing_and_continues_in_its_own_worktree() {
    let world = world();
    let repo = four(&world);
    repo.git(["branch", "dev"]);
    let gate = Gate::new(&world, "killed");
    let program = world.bins().join("git-orchestra-merge-ranked");
    let mut command = world.command(program, repo.path());
    let mut killed = command
        .args(["b3", "--test", &gate.command()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    let folder = gate.wait();
    killed.kill().expect("killed");
    killed.wait().expect("an end");
    repo.orchestra(["merge-ranked", "b1", "--into", "main"]).exits(3).stderr_has("a landing is not finished");
    let other = world.dir().join("other");
    let test = format!("pwd > {}", other.display());
    repo.orchestra(["merge-ranked", "b4", "--into", "dev", "--test", &test]).succeeded();
    assert!(fs::read_to_string(&other).is_ok_and(|other| other.trim() != folder));
    assert!(Path::new(&folder).exists(), "it waits for its landing");
    fs::remove_file(&gate.reached).expect("removed");
    gate.open();
    repo.orchestra(["merge-ranked", "--continue"]).succeeded();
    assert_eq!(gate.wait(), folder);
    assert!(repo.has("main", "three.txt"));
    assert_eq!(scratch_worktrees(&repo), 0);
}

#[test]
fn two_landings_do_not_ask_one_agent_for_repairs_at_once() {
    let world = world();
    let repo = four(&world);
    let id = done(&repo, "sed -i s/a/AGENT/ lines.txt");
    repo.branch("dev", &[("lines.txt", "DEV\nb\nc\nd\ne\n")]);
    let gate = Gate::new(&world, "landing");
    let landing = start(&repo, &["merge-ranked", &id, "--test", &gate.command()]);
    gate.wait();
    let arguments = ["merge-ranked", &id, "--into", "dev", "--on-conflict", "agent", "--json"];
    let report = repo.orchestra(arguments).exits(1).json();
    let why = report["order"][0]["why"].as_str().expect("a reason");
    assert!(why.ends_with("its agent cannot be asked: another landing, into main, is using it"), "{why}");
    gate.open();
    assert_eq!(code(landing), Some(0));
    assert_eq!(repo.agent(&id)["landed_in"], "main");
}
