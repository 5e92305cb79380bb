//! The environment is a value: several callers in one process, each with its own folders, settings, and clock.

use std::{path::PathBuf, time::Duration};

use orchestra::{
    config::{Config, keys},
    context::Context,
    git::Repo,
    model::{
        AgentId, Fact, Phase,
        event::{Created, Finished},
    },
    ops::{cleanup, configuration::AcceptedRepo, sessions},
    removal::trash,
    store::{
        self, Chain, NewAgent,
        operations::{self, Journal, OperationBody, Stage},
        trash_clock::ClockReading,
    },
    world::{Clock, Environment, Timestamp},
};
use testkit::{Ran, TestRepo};

use crate::{environment, world};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns the environment of a person who has a separate home folder.
fn person(repo: &TestRepo<'_>, name: &str) -> Environment {
    let home = repo.world().dir().join(name);
    std::fs::create_dir_all(&home).expect("a folder");
    let config = format!(
        "[user]\n\tname = {name}\n\temail = {name}@example.com\n[include]\n\tpath = ~/more\n[orchestra]\n\tjobs = 3\n"
    );
    std::fs::write(home.join(".gitconfig"), config).expect("a file");
    std::fs::write(home.join("more"), format!("[orchestra]\n\tlabel = of {name}\n")).expect("a file");
    environment(repo).with("HOME", &home).without("XDG_CONFIG_HOME")
}

fn open(environment: &Environment) -> Repo {
    Repo::discover(environment).expect("a repository")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

#[test]
fn each_caller_has_its_own_settings() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.jobs", "5"]);
    let (kim, tess) = (person(&repo, "kim"), person(&repo, "tess"));
    for (caller, name) in [(&kim, "kim"), (&tess, "tess"), (&kim, "kim")] {
        let opened = open(caller);
        assert_eq!(opened.identity().expect("an identity").name, name);
        let say = |key: &str| opened.git_in(repo.path(), "config").arg(key).line().expect("a value");
        assert_eq!((say("user.name"), say("orchestra.label")), (name.to_owned(), format!("of {name}")));
        let config = Config::of(&opened);
        assert_eq!(config.get_or_default(&keys::LABEL), Some(format!("of {name}")));
        assert_eq!(
            config.get(&keys::JOBS).expect("a number"),
            5,
            "the repository's configuration takes precedence"
        );
    }
    let committer = kim.with("GIT_COMMITTER_NAME", "Kim At Work");
    assert_eq!(open(&committer).identity().expect("an identity").name, "Kim At Work");
    let typed =
        [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "user.name"), ("GIT_CONFIG_VALUE_0", "typed")];
    let typed = typed.iter().fold(kim, |caller, (name, value)| caller.with(*name, *value));
    assert_eq!(open(&typed).identity().expect("an identity").name, "typed");
}

#[test]
fn each_caller_finds_its_own_repository() {
    let world = world();
    let (one, other) = (world.repo_named("one"), world.repo_named("other"));
    let here = environment(&one);
    let common = |caller: &Environment| open(caller).common_dir().expect("a folder");
    let canonical = |path: PathBuf| path.canonicalize().expect("a folder");
    assert_eq!(common(&here), canonical(one.path().join(".git")));
    assert_eq!(common(&here.at(other.path())), canonical(other.path().join(".git")));
    let named = here.with("GIT_DIR", other.path().join(".git"));
    assert_eq!(common(&named), canonical(other.path().join(".git")));
    // Git uses the repository of the folder in which it is started, whatever GIT_DIR of the caller names.
    let said =
        open(&named).git_in(one.path(), "rev-parse").arg("--absolute-git-dir").line().expect("a folder");
    assert_eq!(PathBuf::from(said), canonical(one.path().join(".git")));
    let nowhere = here.at(world.dir()).with("GIT_CEILING_DIRECTORIES", world.dir());
    assert!(Repo::find(&nowhere).expect("a result").is_none());
    one.git(["worktree", "add", "-q", "../linked"]);
    let linked = open(&here.at(world.dir().join("linked")));
    assert_eq!(linked.work_dir(), Some(canonical(world.dir().join("linked"))));
    assert_eq!(linked.common_dir().expect("a folder"), canonical(one.path().join(".git")));
}

#[test]
fn programs_are_found_on_the_callers_path() {
    let world = world();
    let repo = world.repo();
    let here = environment(&repo);
    assert!(orchestra::process::on_path(&here, "git").is_some());
    let nowhere = here.with("PATH", world.dir());
    assert!(orchestra::process::on_path(&nowhere, "git").is_none());
    let missing = here.with("CLAUDE_CONFIG_DIR", "/nowhere/at/all");
    assert_eq!(
        sessions::missing_folders(&missing),
        [("CLAUDE_CONFIG_DIR", PathBuf::from("/nowhere/at/all"))]
    );
    assert!(sessions::missing_folders(&here.without("CLAUDE_CONFIG_DIR")).is_empty());
}

#[test]
fn each_caller_has_its_own_sessions() {
    let world = world();
    let repo = world.repo();
    crate::sessions::with_fixtures(&world, repo.path());
    let here = environment(&repo);
    let elsewhere = here.with("CLAUDE_CONFIG_DIR", world.dir().join("of-somebody-else"));
    let count = |caller: &Environment| {
        let opened = open(caller);
        let report = sessions::run(&Context::of(caller), Some(&opened), &sessions::Request::default())
            .expect("a report");
        report.sessions.len()
    };
    assert!(count(&here) > 0 && count(&elsewhere) == 0);
}

/// Creates an agent whose events state that it ended, without running a program.
fn ended(repo: &Repo, name: &str) -> AgentId {
    let id = AgentId::parse(name).expect("an id");
    let created = Created {
        title: "ends".into(),
        branch: format!("orchestra/{id}").as_str().into(),
        ..Created::default()
    };
    let base = repo.head().expect("a commit");
    store::create(repo, &[NewAgent { id: id.clone(), created, prompt: "true".into(), base }])
        .expect("created");
    store::append(repo, &id, &[Fact::Finished(Finished::empty(1, Phase::Done))]).expect("ended");
    id
}

#[test]
fn ages_are_measured_by_the_callers_clock() {
    let world = world();
    let repo = world.repo();
    let clock = Clock::fixed_at(at("2026-01-02T03:04:05Z"));
    let library = open(&environment(&repo).with_clock(clock.clone()));
    let id = ended(&library, "ends-00000");
    let agent = Chain::of_agent(&library, &id).expect("a chain").fold().agent;
    assert_eq!(agent.queued_at, at("2026-01-02T03:04:05Z"));
    let accepted = AcceptedRepo::of(library).expect("accepted");
    let request = cleanup::Request {
        older_than: Some(DAY),
        dry_run: true,
        discard: vec![id.to_string()],
        ..cleanup::Request::default()
    };
    let why = || {
        let report =
            cleanup::run(&Context::of(accepted.environment()), &accepted, &request).expect("a result");
        report.agents.first().expect("an agent").why.clone()
    };
    assert_eq!(why(), "it ended too recently");
    clock.advance(DAY / 2);
    assert_eq!(why(), "it ended too recently");
    clock.advance(DAY);
    assert_ne!(why(), "it ended too recently");
}

#[test]
fn removed_agents_expire_by_the_callers_clock() {
    let world = world();
    let repo = world.repo();
    let clock = Clock::fixed_at(at("2026-01-01T00:00:00Z"));
    let library = open(&environment(&repo).with_clock(clock.clone()));
    for _ in 0..2 {
        let mut journal = Journal::new(&library, OperationBody::Cleanup(Vec::new())).expect("an operation");
        journal.operation.stage = Stage::Done;
        journal.write(&library, &[]).expect("written");
        clock.advance(Duration::from_millis(1));
    }
    let expired = || {
        let now = operations::advance_trash_clock_to(&library, ClockReading::of(&clock)).expect("advanced");
        trash::delete_expired(&library, 30 * DAY, now).expect("a result")
    };
    // Setting the wall time of the machine does not make anything older.
    for wall in ["2096-01-01T00:00:00Z", "1999-01-01T00:00:00Z", "2026-01-01T00:00:00Z"] {
        clock.set(at(wall));
        assert_eq!(expired(), 0, "{wall}");
    }
    for day in 1..=30 {
        clock.advance(DAY);
        assert_eq!(expired(), 0, "day {day}");
    }
    clock.advance(DAY);
    assert_eq!(expired(), 1, "the newest is kept");
}

#[test]
fn settings_that_a_person_types_count_and_those_of_an_agent_do_not() {
    let world = world();
    let repo = world.repo();
    let caller = repo.spawn("while :; do sleep 0.1; done");
    repo.wait_for(&caller, "running");
    let caller = repo.agents()[0]["id"].as_str().expect("an id").to_owned();
    let jobs = |agent: bool| {
        let mut command = repo.command("git");
        command.args(["-c", "orchestra.jobs=7", "-c", "advice.orchestra=off", "orchestra"]);
        command.args(["spawn", "-n", "--json", "--agent", "sh", "true"]);
        if agent {
            command.envs(repo.variables_of(&caller));
        }
        Ran::of(&mut command).succeeded().json()["jobs"].clone()
    };
    assert_eq!((jobs(false), jobs(true)), (7.into(), 3.into()));
    repo.orchestra(["stop", &caller]).succeeded();
    // Neither does an agent inherit them.
    let seen = "git config orchestra.jobs > seen; env | grep -c GIT_CONFIG_PARAMETERS >> seen; true";
    let mut command = repo.command("git");
    command.args(["-c", "orchestra.jobs=7", "orchestra", "spawn", "--json", "--agent", "sh", seen]);
    let id = Ran::of(&mut command).succeeded().json()["agents"][0]["id"].clone();
    assert_eq!(repo.file_in_head(id.as_str().expect("an id"), "seen"), "0\n");
    // The author of our commits, as git takes it.
    repo.branch("b1", &[("b", "1\n")]);
    repo.commit("on main", &[("c", "1\n")]);
    repo.git(["-c", "user.name=Typed", "orchestra", "merge-ranked", "b1"]).succeeded();
    assert_eq!(repo.git(["log", "-1", "--format=%cn"]).line(), "Typed");
}

#[test]
fn hints_are_advice_that_can_be_turned_off() {
    let world = world();
    let repo = world.repo();
    let said = |folder: &TestRepo<'_>, settings: &[&str]| {
        let arguments = [settings, &["orchestra", "logs", "--json", "nosuch"]].concat();
        let ran = Ran::of(folder.command("git").args(arguments)).exits(3);
        (ran.stderr().contains("hint:"), ran.json()["hints"].as_array().expect("hints").len())
    };
    let (shown, hints) = said(&repo, &[]);
    assert!(shown && hints > 0);
    for settings in [["-c", "advice.orchestra=false"], ["-c", "Advice.Orchestra=0"]] {
        assert_eq!(said(&repo, &settings), (false, hints), "JSON keeps them");
    }
    assert!(said(&repo, &["-c", "advice.orchestra=false", "-c", "advice.orchestra"]).0);
    repo.git(["config", "advice.orchestra", "false"]).succeeded();
    assert!(!said(&repo, &[]).0);
    assert!(said(&repo, &["-c", "advice.orchestra=true"]).0);
    // A wrong command line, and no repository at all.
    let nowhere = TestRepo::new(&world, world.home());
    for settings in [&[][..], &["-c", "advice.orchestra=no"]] {
        let arguments = [settings, &["orchestra", "status", "--wach"]].concat();
        let ran = Ran::of(nowhere.command("git").args(arguments)).exits(2);
        assert_eq!(ran.stderr().contains("hint: did you mean '--watch'?"), settings.is_empty());
    }
}
