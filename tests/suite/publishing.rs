//! What agents publish: nothing. What runs their work gets no login of a forge, and git refuses to push for them.

use std::{fs, path::Path};

use orchestra::model::forge_logins::FORGE_LOGINS;
use testkit::{Ran, TestRepo};

use crate::world;

/// Runs a command as a person who has a login in every variable of a forge.
fn with_logins(repo: &TestRepo<'_>, arguments: &[&str]) -> Ran {
    let mut command = repo.orchestra_command(arguments);
    for name in FORGE_LOGINS {
        command.env(name, format!("login-in-{name}"));
    }
    Ran::of(&mut command)
}

/// Returns the logins that a command found in its environment, which it wrote to a file.
fn logins_in(file: &Path) -> Vec<String> {
    let seen = fs::read_to_string(file).expect("what a command wrote");
    assert!(seen.contains("PATH="), "the command ran: {seen:?}");
    let logins =
        seen.lines().filter_map(|line| line.split_once("=login-in-")).map(|(name, _)| name.to_owned());
    let mut logins: Vec<String> = logins.collect();
    logins.sort();
    logins
}

#[test]
fn what_runs_the_work_of_agents_gets_no_login_of_a_forge() {
    let world = world();
    let repo = world.repo();
    let seen = |name: &str| world.dir().join(name);
    let look = |name: &str| format!("env > '{}'", seen(name).display());
    repo.git(["config", "orchestra.setup", &look("setup")]).succeeded();
    repo.git(["config", "orchestra.teardown", &look("teardown")]).succeeded();
    let ended = |work: &str| {
        let (check, script) = (look("check"), format!("{}; {work}", look("agent")));
        let spawn = ["spawn", "--agent", "sh", "--detach", "--until", &check, "--", &script];
        let id = with_logins(&repo, &spawn).succeeded().line();
        assert_eq!(repo.end_of(&id)["phase"], "done");
        id
    };
    let id = ended("echo 1 > a.txt");
    with_logins(&repo, &["merge-ranked", &id, "--test", &look("test")]).succeeded();
    with_logins(&repo, &["cleanup", &id]).succeeded();
    for name in ["setup", "agent", "check", "test", "teardown"] {
        assert_eq!(logins_in(&seen(name)), Vec::<String>::new(), "{name}");
    }

    for name in ["GITLAB_TOKEN", "GH_TOKEN"] {
        repo.git(["config", "--add", "orchestra.keepLogin", name]).succeeded();
    }
    let id = ended("echo 2 > b.txt");
    with_logins(&repo, &["merge-ranked", &id, "--test", &look("test")]).succeeded();
    for name in ["setup", "agent", "check", "test"] {
        assert_eq!(logins_in(&seen(name)), ["GH_TOKEN", "GITLAB_TOKEN"], "{name}");
    }
    repo.orchestra(["config", "set", "orchestra.keepLogin", "HOME"])
        .exits(2)
        .stderr_has("a login of a forge");
}

#[test]
fn a_sandbox_lets_in_only_what_the_user_names() {
    crate::sandbox::with_each_engine(|_, repo, engine| {
        let script = "env > seen.txt";
        let spawn = ["spawn", "--agent", "sh", "--detach", "--again", "--sandbox", "files", "--", script];
        let found = || {
            let id = with_logins(repo, &spawn).succeeded().line();
            repo.end_of(&id);
            let seen = repo.file_in_head(&id, "seen.txt");
            FORGE_LOGINS.iter().filter(|name| seen.contains(&format!("login-in-{name}"))).count()
        };
        assert_eq!(found(), 0, "{engine}");
        repo.git(["config", "orchestra.keepLogin", "GITEA_TOKEN"]).succeeded();
        assert_eq!(found(), 1, "{engine}");
    });
}

#[test]
fn git_refuses_to_push_for_an_agent_but_not_between_other_repositories() {
    let world = world();
    let repo = world.repo();
    for name in ["forge", "second", "tests"] {
        world.git(world.dir(), ["init", "-q", "--bare", "-b", "main", &format!("{name}.git")]);
    }
    let at = |name: &str| world.dir().join(format!("{name}.git")).display().to_string();
    repo.git(["remote", "add", "origin", &at("forge")]).succeeded();
    repo.git(["push", "-q", "origin", "main"]).succeeded();
    repo.git(["remote", "add", "other", &at("forge")]).succeeded();
    repo.git(["config", "remote.other.pushurl", &at("second")]).succeeded();
    let pushes = format!(
        "try() {{ git push \"$1\" HEAD:refs/heads/by-agent 2>> said.txt; echo \"$1 $?\" >> codes.txt; }}\n\
         try origin; try other; try https://git.example/team/app; try git@git.example:team/app; try '{}'\n\
         git fetch -q origin main; echo fetch $? >> codes.txt",
        at("tests")
    );
    let has = |name: &str| {
        let refs = world.git(&world.dir().join(format!("{name}.git")), ["for-each-ref"]).stdout();
        refs.contains("by-agent")
    };
    let run = || {
        let id = repo.orchestra(["spawn", "--agent", "sh", "--detach", "--again", "--", &pushes]).line();
        repo.end_of(&id);
        (repo.file_in_head(&id, "codes.txt"), repo.file_in_head(&id, "said.txt"))
    };
    let (codes, said) = run();
    let expected = [
        "origin 128",
        "other 128",
        "https://git.example/team/app 128",
        "git@git.example:team/app 128",
        &format!("{} 0", at("tests")),
        "fetch 0",
    ];
    assert_eq!(codes.lines().collect::<Vec<_>>(), expected, "{said}");
    assert_eq!(said.matches("transport 'agents-do-not-push' not allowed").count(), 4, "{said}");
    assert_eq!([has("forge"), has("second"), has("tests")], [false, false, true]);

    repo.git(["config", "orchestra.mayPush", "true"]).succeeded();
    let (codes, said) = run();
    assert!(codes.starts_with("origin 0\nother 0\n"), "{codes} {said}");
    assert_eq!([has("forge"), has("second")], [true, true]);
}
