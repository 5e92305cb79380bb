//! Checks of one landing that run side by side, and what other commands do while they run.

use std::{
    fs,
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use testkit::{TestRepo, World, until};

use crate::world;

/// Waits until two checks have begun, at most for half a minute.
const MEET: &str = r#"touch "$HOME/met-$$"; n=0; while test "$(ls "$HOME" | grep -c '^met-')" -lt 2; do
    n=$((n+1)); test $n -lt 300 || exit 1; sleep 0.1; done"#;

/// Says that it runs, and waits until it may end, at most for a minute.
const WAIT: &str = r#"touch "$HOME/there-$$"; n=0; while test ! -e "$HOME/go"; do
    n=$((n+1)); test $n -lt 600 || exit 1; sleep 0.1; done"#;

fn repo_with<'w>(world: &'w World, jobs: &str, branches: usize) -> TestRepo<'w> {
    let repo = world.repo_named(&format!("jobs-{jobs}"));
    repo.git(["config", "orchestra.slots", "8"]);
    repo.git(["config", "orchestra.checkJobs", jobs]);
    for at in 0..branches {
        repo.branch(&format!("b{at}"), &[(&format!("{at}.txt"), "1\n")]);
    }
    repo
}

fn names(branches: usize) -> Vec<String> {
    (0..branches).map(|at| format!("b{at}")).collect()
}

fn land(repo: &TestRepo<'_>, options: &[&str], branches: usize) -> Value {
    let names = names(branches);
    let words = ["merge-ranked", "--json"].iter().chain(options).copied();
    repo.orchestra(words.chain(names.iter().map(String::as_str)).collect::<Vec<_>>()).json()
}

/// Returns how many processes of checks wait, and how many worktrees there are besides the main one.
fn left(repo: &TestRepo<'_>) -> (usize, usize) {
    let waiting = testkit::processes_in(repo.world()).into_iter().filter(|(_, line)| line.contains("there-"));
    (waiting.count(), repo.git(["worktree", "list"]).stdout().lines().count() - 1)
}

fn there(world: &World) -> usize {
    let entries = fs::read_dir(world.home()).expect("a folder").flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("there-")).count()
}

fn started(command: &mut Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started")
}

/// Sends a signal to the landing: git has started it as another process.
fn signal(world: &World, name: &str) {
    let is_landing = |line: &str| line.contains("git-orchestra") && line.contains("merge-ranked");
    let found = testkit::processes_in(world).into_iter().find(|(_, line)| is_landing(line));
    let pid = found.expect("a landing").0.to_string();
    let sent = Command::new("kill").args([name, &pid]).status();
    assert!(sent.is_ok_and(|status| status.success()));
}

#[test]
fn the_checks_of_two_steps_run_at_once() {
    let world = world();
    let repo = repo_with(&world, "2", 2);
    let report = land(&repo, &["--test", MEET], 2);
    assert_eq!(report["moved"], true, "{report}");
    assert_eq!(report["checks"]["run"], 2, "{report}");
    assert_eq!(left(&repo), (0, 0));
}

#[test]
fn what_lands_does_not_depend_on_how_many_checks_run_at_once() {
    // Branches that fail alone, and those that fail together.
    type Case = (&'static [usize], &'static [(usize, usize)], bool);
    let cases: [Case; 6] = [
        (&[], &[], false),
        (&[0, 3], &[], false),
        (&[], &[(1, 2), (0, 4)], false),
        (&[2], &[], true),
        (&[4], &[(0, 1)], true),
        (&[0, 1, 2], &[(3, 4)], true),
    ];
    for (bad, pairs, batch) in cases {
        let mut test = bad.iter().map(|at| format!("test ! -e {at}.txt && ")).collect::<String>();
        for (one, other) in pairs {
            test += &format!("{{ test ! -e {one}.txt || test ! -e {other}.txt; }} && ");
        }
        let (test, build) = (test + "true", "test -e README.md || true");
        let world = world();
        let results = ["1", "3"].map(|jobs| {
            let repo = repo_with(&world, jobs, 5);
            let mut options = vec!["--build", build, "--test", &test];
            options.extend(batch.then_some("--batch"));
            let report = land(&repo, &options, 5);
            let steps = report["order"].as_array().expect("steps").iter();
            let outcomes: Vec<String> =
                steps.map(|step| format!("{} {}", step["branch"], step["outcome"])).collect();
            assert_eq!(left(&repo), (0, 0));
            // The commands count once for each state of the files that was asked for, wherever they ran.
            let counts = &report["checks"];
            let needed = counts["run"].as_u64().zip(counts["known"].as_u64()).map(|(run, known)| run + known);
            (outcomes, repo.tip("main^{tree}"), needed)
        });
        assert_eq!(results[0], results[1], "{bad:?} {pairs:?} {batch}");
    }
}

#[test]
fn a_conflict_with_a_branch_that_failed_is_no_conflict() {
    let world = world();
    let results = ["1", "3"].map(|jobs| {
        let repo = repo_with(&world, jobs, 0);
        repo.branch("b0", &[("x.txt", "0\n"), ("0.txt", "1\n")]);
        repo.branch("b1", &[("x.txt", "1\n"), ("1.txt", "1\n"), ("y.txt", "1\n2\n")]);
        repo.branch("b2", &[("2.txt", "1\n")]);
        let report = land(&repo, &["--test", "test ! -e 0.txt"], 3);
        let step = |step: &Value| format!("{} {} {}", step["branch"], step["outcome"], step["why"]);
        let steps: Vec<String> = report["order"].as_array().expect("steps").iter().map(step).collect();
        (steps, repo.tip("main^{tree}"))
    });
    assert_eq!(results[0], results[1]);
    assert!(results[0].0.iter().any(|step| step.starts_with("\"b1\" \"merged\"")), "{results:?}");
}

#[test]
fn a_dry_run_says_how_the_checks_would_run() {
    let world = world();
    let repo = repo_with(&world, "3", 4);
    for (options, first, runs, said) in [
        (&["--batch"][..], 4, 1, "test for all 4 branches together"),
        (&[], 1, 4, "test after each of 4 branches, up to 3 at once"),
    ] {
        let options = [options, &["--dry-run", "--test", "true"]].concat();
        let plan = land(&repo, &options, 4)["check_plan"].clone();
        assert_eq!(
            (&plan["first"], &plan["runs"], &plan["at_once"]),
            (&first.into(), &runs.into(), &3.into())
        );
        let words = ["merge-ranked"].iter().chain(&options).copied().chain(["b0", "b1", "b2", "b3"]);
        repo.orchestra(words.collect::<Vec<_>>()).succeeded().stderr_has(said);
    }
    let plan = land(&repo, &["--dry-run"], 4)["check_plan"].clone();
    assert_eq!(plan, Value::Null);
}

#[test]
fn ctrl_c_leaves_no_process_and_no_worktree() {
    let world = world();
    let repo = repo_with(&world, "2", 2);
    let child = started(&mut repo.orchestra_command(["merge-ranked", "b0", "b1", "--test", WAIT]));
    until("both checks run", || (there(&world) == 2).then_some(()));
    signal(&world, "-INT");
    let output = child.wait_with_output().expect("an end");
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(left(&repo), (0, 0));
    fs::write(world.home().join("go"), "").expect("a file");
    repo.orchestra(["merge-ranked", "--continue"]).succeeded();
    assert_eq!(left(&repo), (0, 0));
}

#[test]
fn a_kill_leaves_nothing_behind_the_next_landing_command() {
    for next in ["--continue", "--abort"] {
        let world = world();
        let repo = repo_with(&world, "2", 2);
        let mut child = started(&mut repo.orchestra_command(["merge-ranked", "b0", "b1", "--test", WAIT]));
        until("both checks run", || (there(&world) == 2).then_some(()));
        signal(&world, "-KILL");
        child.wait().expect("an end");
        let killed = left(&repo);
        assert!(killed.0 >= 2 && killed.1 == 2, "{killed:?}");
        fs::write(world.home().join("go"), "").expect("a file");
        repo.orchestra(["merge-ranked", next]).succeeded();
        assert_eq!(left(&repo), (0, 0), "{next}");
    }
}

#[test]
fn other_commands_work_while_a_check_runs() {
    let world = world();
    let repo = repo_with(&world, "1", 2);
    let id = repo.orchestra(["spawn", "--agent", "sh", "-d", "echo 1 > made.txt"]).succeeded().line();
    repo.end_of(&id);
    let child =
        started(&mut repo.orchestra_command(["merge-ranked", "b0", "--into", "main", "--test", WAIT]));
    until("the check runs", || (there(&world) == 1).then_some(()));
    let other = repo.orchestra(["spawn", "--agent", "sh", "-d", "sleep 1000"]).succeeded().line();
    repo.orchestra(["status"]).succeeded();
    repo.orchestra(["review", &id, "--approve"]).succeeded();
    repo.orchestra(["stop", &other]).succeeded();
    repo.orchestra(["cleanup", &other]).succeeded();
    repo.git(["branch", "side", "main"]);
    repo.orchestra(["merge-ranked", "b1", "--into", "side", "--test", "true"]).succeeded();
    repo.orchestra(["undo"]).succeeded();
    fs::write(world.home().join("go"), "").expect("a file");
    let output = child.wait_with_output().expect("an end");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(repo.has("main", "0.txt"));
}
