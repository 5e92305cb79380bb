//! `doctor`: every damage is a finding with its fix, nothing is written without `--fix`, and `--fix` loses nothing.

use std::{fs, path::PathBuf};

use orchestra::{
    Result,
    context::Context,
    ops::doctor::{self, Finding, FixOutcome, FixUser, Group, Report, Request, Severity},
};
use testkit::{Ran, TestRepo, World, dir_state, until};

use crate::{environment, world};

const NOWHERE: &str = "1234567890123456789012345678901234567890\n";

/// A user who gives the same answer to every question.
pub(crate) struct Answering(pub(crate) bool);

impl FixUser for Answering {
    fn agrees(&mut self, _question: &str) -> Result<bool> {
        Ok(self.0)
    }
}

pub(crate) fn examined(repo: &TestRepo<'_>, fix: bool) -> Report {
    let request = Request { fix, ..Request::default() };
    doctor::run(&Context::of(&environment(repo)), &request, &mut Answering(true)).expect("a report")
}

pub(crate) fn finding<'a>(report: &'a Report, check: &str) -> Option<&'a Finding> {
    report.findings.iter().find(|one| one.check == check && one.severity != Severity::Ok)
}

/// Returns a repository in which nothing is wrong: its agents are scripts.
pub(crate) fn healthy(world: &World) -> TestRepo<'_> {
    let repo = world.repo().with_identity();
    repo.git(["config", "orchestra.agent", "sh"]);
    repo
}

pub(crate) fn agent(repo: &TestRepo<'_>) -> String {
    let id = repo.spawn("echo 1 > one.txt");
    repo.end_of(&id);
    id
}

fn in_git(repo: &TestRepo<'_>, name: &str) -> PathBuf {
    repo.path().join(".git").join(name)
}

fn put(repo: &TestRepo<'_>, name: &str, content: &str) {
    let path = in_git(repo, name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let _ = fs::remove_file(&path);
    fs::write(path, content).expect("written");
}

#[test]
fn a_healthy_repository_takes_a_line_for_each_group() {
    let world = world();
    let repo = healthy(&world);
    agent(&repo);
    let ran = repo.orchestra(["doctor"]).succeeded();
    let lines: Vec<String> = ran.stdout().lines().map(str::to_owned).collect();
    for group in Group::ALL {
        // Programs of this machine may have no login.
        let is_shown = lines.iter().any(|line| line.starts_with(group.as_str()));
        assert!(is_shown, "{}:\n{}", group.as_str(), ran.stdout());
    }
    assert!(ran.stdout().contains("no stale locks"), "{}", ran.stdout());
    assert!(ran.stdout().contains("1 agent intact"), "{}", ran.stdout());
    let last = lines.last().expect("a line");
    assert!(last == "no problems" || last.ends_with("note") || last.ends_with("notes"), "{last}");
    assert!(lines.iter().filter(|line| !line.contains("fix: ")).all(|line| line.chars().count() <= 80));
    assert_eq!(ran.stdout().matches('\u{1b}').count(), 0);
}

/// Runs `doctor` without the folder of the binaries on PATH, so that it installs pages in the home folder and not next to them.
pub(crate) fn fixing(repo: &TestRepo<'_>, arguments: &[&str]) -> Ran {
    let program = repo.world().bins().join("git-orchestra-doctor");
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ran::of(repo.command(program).args(arguments).env("PATH", path))
}

/// A damage, and the check that finds it.
struct Damage {
    check: &'static str,
    severity: Severity,
    /// Whether `--fix` fixes it.
    fixable: bool,
    damages: fn(&TestRepo<'_>, &str),
}

const DAMAGES: &[Damage] = &[
    Damage {
        check: "ref-broken",
        severity: Severity::Error,
        fixable: true,
        damages: |repo, id| put(repo, &format!("refs/orchestra/agents/{id}"), ""),
    },
    Damage {
        check: "ref-broken",
        severity: Severity::Error,
        fixable: true,
        damages: |repo, id| put(repo, &format!("refs/orchestra-local/logs/{id}"), NOWHERE),
    },
    Damage {
        check: "ref-broken",
        severity: Severity::Error,
        fixable: false,
        damages: |repo, _| put(repo, "refs/heads/lost", NOWHERE),
    },
    Damage {
        check: "agent-unreadable",
        severity: Severity::Error,
        fixable: false,
        damages: |repo, id| put(repo, &format!("refs/orchestra/agents/{id}"), &repo.tip("main")),
    },
    Damage {
        check: "agent-work",
        severity: Severity::Error,
        fixable: false,
        damages: |repo, id| {
            repo.git(["update-ref", "-d", &format!("refs/orchestra/heads/{id}")]);
        },
    },
    Damage {
        check: "lock-git",
        severity: Severity::Warning,
        fixable: false,
        damages: |repo, _| put(repo, "index.lock", ""),
    },
    Damage {
        check: "lock-git",
        severity: Severity::Warning,
        fixable: true,
        damages: |repo, id| put(repo, &format!("refs/orchestra/heads/{id}.lock"), ""),
    },
    Damage {
        check: "lock-ours",
        severity: Severity::Warning,
        fixable: true,
        damages: |repo, id| {
            // As a writer leaves it that was killed between the lock and the change.
            let name = format!("refs/orchestra/agents/{id}");
            put(repo, "orchestra/intents/00ff", &format!("replace {name}\n"));
            put(repo, "orchestra/intents/00ff.0", NOWHERE);
            let lock = in_git(repo, &format!("{name}.lock"));
            fs::hard_link(in_git(repo, "orchestra/intents/00ff.0"), lock).expect("a lock");
        },
    },
    Damage {
        check: "landing-interrupted",
        severity: Severity::Warning,
        fixable: true,
        // As a landing leaves it that was killed before it changed anything.
        damages: |repo, _| put(repo, "orchestra/moves/00ff/alive", ""),
    },
    Damage {
        check: "worktree-incomplete",
        severity: Severity::Warning,
        fixable: true,
        damages: |repo, id| put(repo, &format!("worktrees/{id}/locked"), "initializing"),
    },
    Damage {
        check: "events-set-aside",
        severity: Severity::Note,
        fixable: false,
        damages: |repo, id| {
            let name = format!("refs/orchestra/agents/{id}");
            let tip = repo.tip(&name);
            let tree = repo.tip(&format!("{name}^{{tree}}"));
            let message = "subject\n\n{\"malformed\":\n";
            let commit = repo.git(["commit-tree", "-p", &tip, "-m", message, &tree]).line();
            repo.git(["update-ref", &name, &commit]);
        },
    },
    Damage {
        check: "cache-damaged",
        severity: Severity::Note,
        fixable: true,
        damages: |repo, _| put(repo, "orchestra/cache", "garbage"),
    },
    Damage {
        check: "sync-leftovers",
        severity: Severity::Note,
        fixable: true,
        damages: |repo, _| {
            repo.git(["update-ref", "refs/orchestra-local/outgoing/origin/ab/heads/x", "main"]);
        },
    },
    Damage {
        check: "branch-unowned",
        severity: Severity::Note,
        fixable: false,
        damages: |repo, _| {
            repo.git(["branch", "orchestra/ghost-12345"]);
        },
    },
    Damage {
        check: "worktree-unowned",
        severity: Severity::Note,
        fixable: false,
        damages: |repo, _| {
            repo.git(["worktree", "add", "-q", "--detach", "../repo.worktrees/other-12345"]);
        },
    },
    Damage {
        check: "worktree-gone",
        severity: Severity::Note,
        fixable: false,
        damages: |repo, id| fs::remove_dir_all(repo.worktree(id)).expect("removed"),
    },
    Damage {
        check: "key-unknown",
        severity: Severity::Warning,
        fixable: false,
        damages: |repo, _| {
            repo.git(["config", "orchestra.job", "3"]);
        },
    },
    Damage {
        check: "key-value",
        severity: Severity::Error,
        fixable: false,
        damages: |repo, _| {
            repo.git(["config", "orchestra.maxTime", "soon"]);
        },
    },
    Damage {
        check: "profile",
        severity: Severity::Warning,
        fixable: false,
        damages: |repo, _| {
            repo.git(["config", "orchestra.agent.mine.command", "no-such-program-here"]);
        },
    },
    Damage {
        check: "writer-id",
        severity: Severity::Warning,
        fixable: false,
        damages: |repo, _| {
            put(repo, "orchestra/writer", "{}");
            repo.git(["update-ref", "-d", "refs/orchestra-local/writer"]);
        },
    },
];

#[test]
fn every_damage_is_found_and_fixed_if_that_loses_nothing() {
    let world = world();
    for (at, Damage { check, severity, fixable, damages }) in DAMAGES.iter().enumerate() {
        let repo = world.repo_named(&format!("r{at}/repo")).with_identity();
        repo.git(["config", "orchestra.agent", "sh"]);
        let id = agent(&repo);
        assert!(examined(&repo, false).is_healthy(), "{check} before");
        // Its supervisor removes the folder a moment after it ended.
        until("it is tidied up", || {
            let kept = repo.path().join(".git/orchestra/agents").join(&id);
            (!kept.exists()).then_some(())
        });
        damages(&repo, &id);
        let before = dir_state(&repo.path().join(".git"));
        let report = examined(&repo, false);
        assert_eq!(dir_state(&repo.path().join(".git")), before, "{check}: nothing is written");
        let found = finding(&report, check).unwrap_or_else(|| panic!("{check}: {report:?}"));
        assert_eq!((found.severity, found.fixable), (*severity, *fixable), "{check}: {found:?}");
        assert!(found.fix.is_some() || *check == "writer-id", "{check}: {found:?}");
        assert_eq!(report.is_healthy(), *severity == Severity::Note, "{check}: {report:?}");
        let after = examined(&repo, true);
        assert_eq!(finding(&after, check).is_none(), *fixable, "{check}: {after:?}");
        assert_eq!(
            after.fixed.iter().any(|one| one.outcome == FixOutcome::Done),
            *fixable,
            "{check}: {after:?}"
        );
        if *fixable {
            assert!(repo.git(["fsck", "--connectivity-only"]).stderr().is_empty(), "{check}");
        }
    }
}

#[test]
fn moved_refs_are_an_operation_that_undo_reverts() {
    let world = world();
    let repo = healthy(&world);
    let id = agent(&repo);
    let name = format!("refs/orchestra/agents/{id}");
    let whole = fs::read(in_git(&repo, &name)).expect("a ref");
    put(&repo, &name, "torn");
    // There is no terminal.
    let ran = repo.orchestra(["doctor", "--fix"]).exits(1).stderr_has("there is no terminal to ask on");
    drop(ran.stderr_has("git orchestra doctor --fix --yes"));
    assert_eq!(fs::read(in_git(&repo, &name)).expect("a ref"), b"torn");
    let ran = fixing(&repo, &["--fix", "--yes", "--json"]).exits(1);
    let report = ran.json();
    let moved = report["fixed"].as_array().expect("a list").iter().find(|one| !one["operation"].is_null());
    let operation = moved.expect("an operation")["operation"].as_str().expect("an id").to_owned();
    assert!(!in_git(&repo, &name).exists());
    // What is left says how to restore the agent.
    let left = report["findings"].as_array().expect("a list").clone();
    let left = left.iter().find(|one| one["check"] == "agent-unreadable").expect("a finding");
    assert_eq!(left["subject"], id.as_str(), "{left}");
    repo.git(["gc", "-q"]).succeeded();
    repo.orchestra(["undo", "--list"]).succeeded().stdout_has("1 damaged ref out of the way");
    repo.orchestra(["undo", "--dry-run", &operation]).succeeded().stdout_has(&name);
    repo.orchestra(["undo", &operation]).succeeded().stdout_has(&format!("{name} is back"));
    assert_eq!(fs::read(in_git(&repo, &name)).expect("a ref"), b"torn");
    fs::write(in_git(&repo, &name), whole).expect("restored");
    repo.orchestra(["undo", &operation]).exits(3).stderr_has("was already undone");
    assert_eq!(repo.agent(&id)["phase"], "done");
}

#[test]
fn a_ref_that_exists_again_is_not_overwritten_by_undo() {
    let world = world();
    let repo = healthy(&world);
    let id = agent(&repo);
    let name = format!("refs/orchestra/heads/{id}");
    put(&repo, &name, "");
    let fixed = examined(&repo, true).fixed;
    let operation = fixed.iter().find_map(|one| one.operation.clone()).expect("an operation");
    // The finding has the command that restores the work.
    let left = examined(&repo, false);
    let fix = finding(&left, "agent-work").and_then(|one| one.fix.clone()).expect("a fix");
    assert!(Ran::of(repo.command("sh").args(["-c", &fix])).succeeded().stderr().is_empty());
    let tip = repo.tip(&name);
    repo.orchestra(["undo", &operation]).exits(3).stderr_has("exists again");
    assert_eq!(repo.tip(&name), tip);
    assert!(examined(&repo, false).is_healthy());
}

#[test]
fn what_nobody_agrees_to_is_not_done() {
    let world = world();
    let repo = healthy(&world);
    let id = agent(&repo);
    put(&repo, &format!("refs/orchestra/heads/{id}"), "");
    let request = Request { fix: true, ..Request::default() };
    let report =
        doctor::run(&Context::of(&environment(&repo)), &request, &mut Answering(false)).expect("a report");
    assert_eq!(report.fixed.len(), 1, "{report:?}");
    assert_eq!(report.fixed[0].outcome, FixOutcome::Declined);
    assert!(
        finding(&report, "ref-broken").is_some() && repo.refs("refs/orchestra-local/operations").is_empty()
    );
}

#[test]
fn outside_a_repository_the_rest_is_checked() {
    let world = world();
    let ran = Ran::of(world.command("git", &world.home()).args(["orchestra", "doctor"])).succeeded();
    let shown = ran.stdout();
    assert!(shown.contains("not in a repository") && shown.contains("git 2."), "{shown}");
    let json = Ran::of(world.command("git", &world.home()).args(["orchestra", "doctor", "--json"]))
        .succeeded()
        .json();
    assert!(json["repository"].is_null(), "{json}");
}

#[test]
fn a_repository_that_cannot_be_used_is_explained() {
    // How it is broken, and the beginning of the check that says so.
    let breakages: [(&str, &str); 9] = [
        ("echo '[core' >> .git/config", "repository"),
        ("git config core.repositoryformatversion 99", "repository"),
        (
            "git config core.repositoryformatversion 1; git config extensions.refStorage reftable",
            "repository",
        ),
        (
            "git config core.repositoryformatversion 1; git config extensions.objectFormat sha256",
            "repository",
        ),
        ("rm .git/config; mkfifo .git/config", "repository"),
        ("rm .git/HEAD; mkfifo .git/HEAD", "repository"),
        ("rm -r .git/objects", "repository"),
        ("echo junk > .git/packed-refs", "check-failed"),
        ("rm -r .git/refs/heads; echo junk > .git/refs/heads", "ref"),
    ];
    for used in [false, true] {
        for (at, (breakage, check)) in breakages.iter().enumerate() {
            let world = world();
            let repo = world.repo_named(&format!("r{at}"));
            repo.git(["config", "orchestra.agent", "sh"]);
            if used {
                agent(&repo);
            }
            assert!(repo.command("sh").args(["-c", breakage]).status().expect("sh").success());
            // Git itself may refuse it.
            let program = world.bins().join("git-orchestra-doctor");
            let ran = Ran::of(repo.command(&program).arg("--json"));
            assert_eq!(ran.code(), 1, "{breakage}: {}{}", ran.stdout(), ran.stderr());
            let all = ran.json()["findings"].as_array().expect("findings").clone();
            let bad: Vec<&str> = all
                .iter()
                .filter(|one| ["error", "warning"].contains(&one["severity"].as_str().unwrap_or_default()))
                .filter_map(|one| one["check"].as_str())
                .collect();
            let is_named = |one: &&str| one.starts_with(check) || one.starts_with("config");
            assert!(bad.iter().any(is_named), "{breakage} {used}: {bad:?}\n{}", ran.stdout());
            // It ends, whatever is broken, and says the same to people.
            assert_eq!(Ran::of(&mut repo.command(&program)).code(), 1, "{breakage}");
            let _ = fs::remove_dir_all(repo.path().join(".git"));
        }
    }
}

#[test]
fn the_command_that_edits_a_broken_configuration_works() {
    let world = world();
    let repo = healthy(&world);
    let id = agent(&repo);
    put(&repo, &format!("refs/orchestra/heads/{id}.lock"), "");
    let config = in_git(&repo, "config");
    let whole = fs::read_to_string(&config).expect("a config");
    fs::write(&config, format!("{whole}[core\n")).expect("broken");
    let report = examined(&repo, false);
    let found = finding(&report, "config-usable").expect("a finding");
    assert!(found.why.as_deref().is_some_and(|why| why.contains("bad config line")), "{found:?}");
    let fix = found.fix.clone().expect("a fix");
    let lock = finding(&report, "lock-git").expect("a finding");
    assert!(
        !lock.fixable && lock.fix.as_deref().is_some_and(|fix| fix.starts_with("repair the configuration"))
    );
    let editor = "sed -i '/^.core$/d'";
    Ran::of(repo.command("sh").args(["-c", &fix]).env("GIT_EDITOR", editor)).succeeded();
    assert_eq!(fs::read_to_string(&config).expect("a config"), whole);
    assert!(examined(&repo, true).is_healthy());
}

#[test]
fn a_lost_agent_and_its_processes_are_named() {
    let world = world();
    let repo = healthy(&world);
    let id = repo.spawn("touch ready; while :; do sleep 0.1; done");
    repo.wait_for_file(&id, "ready");
    let supervisor = repo.agent(&id)["supervisor_pid"].to_string();
    assert!(repo.command("kill").args(["-9", &supervisor]).status().expect("kill").success());
    let report = until("it is lost", || {
        let report = examined(&repo, false);
        finding(&report, "agent-orphans").is_some().then_some(report)
    });
    let found = finding(&report, "agent-orphans").expect("a finding");
    assert_eq!(found.fix.as_deref(), Some(format!("git orchestra stop {id}").as_str()));
    repo.orchestra(["stop", &id]).succeeded();
    assert!(examined(&repo, false).is_healthy());
}
