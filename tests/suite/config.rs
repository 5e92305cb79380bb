//! `config`: keys are shown with their origins, and changed with their types checked.

use std::fs;

use orchestra::{
    Code,
    context::Context,
    model::ConfigScope,
    ops::config::{self, Change, Report, Request, SetRequest, UnsetRequest},
};
use testkit::{Ran, TestRepo};

use crate::{environment, library, world};

fn context(repo: &TestRepo<'_>) -> Context {
    Context::of(&environment(repo))
}

fn list(repo: &TestRepo<'_>, all: bool) -> Report {
    let request = Request { key: None, all };
    config::run(&context(repo), Some(&library(repo)), &request).expect("a list")
}

fn set(repo: &TestRepo<'_>, key: &str, value: &str) -> orchestra::Result<Change> {
    let request = SetRequest { key: key.to_owned(), value: value.to_owned(), ..SetRequest::default() };
    config::set(&context(repo), Some(&library(repo)), &request)
}

fn unset(repo: &TestRepo<'_>, key: &str) -> Change {
    let request = UnsetRequest { key: key.to_owned(), ..UnsetRequest::default() };
    config::unset(&context(repo), Some(&library(repo)), &request).expect("unset")
}

/// Returns git's whole configuration, one key per line.
fn in_git(repo: &TestRepo<'_>) -> String {
    repo.git(["config", "--list"]).stdout()
}

#[test]
fn a_key_is_set_shown_and_unset_as_git_sees_it() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["config"]).succeeded().stderr_has("every default applies");
    repo.orchestra(["config", "set", "MAXTIME", "2h"]).succeeded().stdout_has("not set → 2h");
    assert_eq!(repo.git(["config", "--local", "orchestra.maxTime"]).line(), "2h");
    repo.orchestra(["config", "set", "--global", "jobs", "7"]).succeeded();
    assert_eq!(repo.git(["config", "--global", "orchestra.jobs"]).line(), "7");
    let listed = repo.orchestra(["config", "list", "--show-origin"]).succeeded().stdout();
    let rows: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().take(4).collect()).collect();
    assert_eq!(rows[0], ["KEY", "VALUE", "ORIGIN", "PURPOSE"]);
    assert_eq!(rows[1][..3], ["jobs", "7", "global"]);
    assert_eq!(rows[2], ["maxTime", "2h", "local", ".git/config"]);
    assert_eq!(repo.orchestra(["config", "get", "orchestra.jobs"]).line(), "7");
    assert_eq!(repo.orchestra(["config", "get", "retries"]).line(), "2");
    repo.orchestra(["config", "get", "build"]).exits(1);
    repo.orchestra(["config", "unset", "maxTime"]).succeeded().stderr_has("it is now 1h (the default)");
    assert!(!in_git(&repo).contains("orchestra.maxtime"), "{}", in_git(&repo));
    repo.orchestra(["config", "unset", "maxTime"]).exits(1).stderr_has("is not set in the local");
}

#[test]
fn unknown_names_and_wrong_values_change_nothing() {
    let world = world();
    let repo = world.repo();
    let before = fs::read(repo.path().join(".git/config")).expect("a config");
    for (key, value, code, hint) in [
        ("maxtme", "5m", Code::KeyUnknown, "did you mean 'orchestra.maxTime'?"),
        ("core.pager", "less", Code::KeyUnknown, "'git orchestra config list --all' lists all keys"),
        ("maxTime", "soon", Code::ValueInvalid, "orchestra.maxTime: How long an agent may run"),
        ("jobs", "0", Code::ValueInvalid, "orchestra.jobs: How many agents run at once"),
        ("permission", "acceptEdit", Code::ValueInvalid, "did you mean 'acceptEdits'?"),
        ("shareWith", " ", Code::ValueInvalid, ""),
    ] {
        let error = set(&repo, key, value).expect_err(key);
        assert_eq!(error.code, code, "{key}");
        assert!(error.hints.iter().any(|one| hint.is_empty() || one == hint), "{key}: {:?}", error.hints);
    }
    assert!(set(&repo, "permission", "bypassPermissions").is_err());
    assert_eq!(fs::read(repo.path().join(".git/config")).expect("a config"), before);
    repo.orchestra(["config", "set", "jobs", "many"]).exits(2).stderr_has("not a number from 1 to 1000");
    repo.orchestra(["config", "set", "--add", "jobs", "2"]).exits(2).stderr_has("--add does not apply");
}

#[test]
fn what_git_has_and_nobody_reads_is_reported() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.job", "3"]);
    repo.git(["config", "orchestra.retries", "many\u{1b}[31m"]);
    repo.git(["config", "orchestra.agent.mine.command", "cat"]);
    let report = list(&repo, false);
    let unknown: Vec<_> =
        report.unknown.iter().map(|one| (one.key.as_str(), one.nearest.as_deref())).collect();
    assert_eq!(unknown, [("orchestra.job", Some("orchestra.jobs"))]);
    let keys: Vec<&str> = report.settings.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(keys, ["orchestra.retries", "orchestra.agent.mine.command"]);
    assert!(report.settings[0].values[0].problem.is_some());
    let ran = repo.orchestra(["config"]).succeeded();
    assert!(!ran.stdout().contains('\u{1b}') && !ran.stderr().contains('\u{1b}'), "{}", ran.stderr());
    ran.stderr_has(".git/config sets the unknown key 'orchestra.job'; did you mean 'orchestra.jobs'?")
        .stderr_has("not a number from 0 to 100");
    let all = list(&repo, true);
    let fixed = orchestra::config::KEYS.iter().filter(|key| !key.name().contains('<')).count();
    assert_eq!(all.settings.len(), fixed + 1);
}

#[test]
fn earlier_names_are_shown_and_unset_under_the_present_one() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.derived", "out"]);
    let report = list(&repo, false);
    assert_eq!(report.settings[0].key, "orchestra.disposableDirs");
    assert_eq!(report.settings[0].value.as_deref(), Some("out"));
    set(&repo, "derived", "build").expect("set");
    assert_eq!(repo.git(["config", "orchestra.disposableDirs"]).line(), "build");
    let change = unset(&repo, "disposableDirs");
    assert_eq!((change.before.len(), change.after.len()), (2, 0));
    assert!(!in_git(&repo).contains("orchestra.d"), "{}", in_git(&repo));
}

#[test]
fn a_key_may_have_several_values() {
    let world = world();
    let repo = world.repo();
    let (one, two) = ("Bash(git *)", "Bash(cargo *)");
    for value in [one, two] {
        repo.orchestra(["config", "set", "--add", "trustWriter", value]).succeeded();
    }
    assert_eq!(repo.orchestra(["config", "get", "trustWriter"]).stdout(), format!("{one}\n{two}\n"));
    assert_eq!(list(&repo, false).settings[0].values.len(), 2);
    repo.orchestra(["config", "unset", "trustWriter", one]).succeeded();
    assert_eq!(repo.git(["config", "--get-all", "orchestra.trustWriter"]).line(), two);
    repo.orchestra(["config", "set", "trustWriter", one]).succeeded();
    assert_eq!(repo.git(["config", "--get-all", "orchestra.trustWriter"]).line(), one);
}

#[test]
fn what_takes_precedence_is_named() {
    let world = world();
    let repo = world.repo();
    set(&repo, "jobs", "3").expect("set");
    let request = SetRequest { key: "jobs".into(), value: "5".into(), add: false, global: true };
    let change = config::set(&context(&repo), Some(&library(&repo)), &request).expect("set");
    assert_eq!(change.scope, ConfigScope::Global);
    assert_eq!((change.after[0].as_str(), change.setting.value.as_deref()), ("5", Some("3")));
    assert!(change.warnings[0].contains(".git/config' takes precedence here, and sets orchestra.jobs to 3"));
    let change = unset(&repo, "jobs");
    assert_eq!(change.setting.value.as_deref(), Some("5"));
}

#[test]
fn secrets_are_not_shown() {
    let world = world();
    let repo = world.repo();
    // In two parts, since the scan for secrets is tried on this file as well.
    let url = ["https://me:s3cr3t-pass-", "w0rd@example.com/x"].concat();
    let url = url.as_str();
    let said = repo.orchestra(["config", "set", "remote", url]).succeeded();
    let listed = repo.orchestra(["config", "list", "--json"]).succeeded();
    let got = repo.orchestra(["config", "get", "remote"]).succeeded();
    got.stderr_has("is not shown").stderr_has("git config --get-all orchestra.remote");
    let got = repo.orchestra(["config", "get", "remote", "--json"]).succeeded();
    for ran in [said, listed, got] {
        assert!(!ran.stdout().contains("s3cr3t") && ran.stdout().contains("example.com"), "{}", ran.stdout());
    }
    assert_eq!(repo.git(["config", "orchestra.remote"]).line(), url);
}

#[test]
fn outside_a_repository_only_the_users_configuration_is_changed() {
    let world = world();
    let nowhere = TestRepo::new(&world, world.home());
    nowhere.orchestra(["config", "set", "jobs", "3"]).exits(128).stderr_has("--global");
    nowhere.orchestra(["config", "set", "--global", "jobs", "3"]).succeeded();
    let listed = nowhere.orchestra(["config"]).succeeded().stdout();
    assert!(listed.contains("jobs") && listed.contains("global"), "{listed}");
    nowhere.orchestra(["config", "unset", "--global", "jobs"]).succeeded();
    nowhere.orchestra(["config"]).succeeded().stderr_has("every default applies");
    nowhere.orchestra(["config", "nosuch"]).exits(2);
}

#[test]
fn agents_read_settings_and_change_none() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn(
        "git orchestra config get jobs > got; git orchestra config set jobs 9 2> refused; echo $? >> got",
    );
    repo.end_of(&id);
    assert_eq!(repo.file_in_head(&id, "got"), "3\n3\n");
    assert!(repo.file_in_head(&id, "refused").contains("an agent cannot change the configuration"));
    assert!(!in_git(&repo).contains("orchestra.jobs"), "{}", in_git(&repo));
}

#[test]
fn what_a_person_sets_while_agents_run_is_accepted_with_it() {
    let world = world();
    let repo = world.repo();
    let file = world.dir().join("go");
    let id = repo.spawn(&format!("until [ -e '{}' ]; do sleep 0.1; done", file.display()));
    repo.wait_for(&id, "running");
    repo.orchestra(["config", "set", "agent.Mine.command", "cat"]).succeeded();
    repo.orchestra(["spawn", "--dry-run", "--agent", "Mine", "x"]).succeeded();
    // By other means it is shown before it is used; then a key that is set is shown with it.
    repo.git(["config", "orchestra.test", "evil"]);
    repo.orchestra(["config", "set", "build", "make"]).succeeded();
    repo.orchestra(["spawn", "--dry-run", "--agent", "Mine", "x"])
        .exits(3)
        .stderr_has("orchestra.test")
        .stderr_has("orchestra.build");
    fs::write(file, "").expect("a file");
    repo.end_of(&id);
}

#[test]
fn a_configuration_that_git_rejects_is_reported() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("true");
    repo.end_of(&id);
    fs::write(repo.path().join(".git/config"), "[core\n").expect("written");
    let program = repo.world().bins().join("git-orchestra-config");
    Ran::of(&mut repo.command(&program)).exits(3).stderr_has("/config --edit");
    Ran::of(repo.command(&program).args(["set", "jobs", "3"])).exits(3);
}

#[test]
fn keys_and_values_are_completed() {
    let world = world();
    let repo = world.repo().with_identity();
    repo.git(["config", "orchestra.jobs", "4"]);
    let asked = |index, words: &[&str]| crate::completions::asked(&repo, index, words);
    let keys = asked(3, &["git-orchestra", "config", "get", "orchestra.max"]);
    assert!(keys.contains(&"orchestra.maxTime".into()), "{keys:?}");
    assert_eq!(asked(3, &["git-orchestra", "config", "unset", ""]), ["orchestra.jobs"]);
    let modes = asked(4, &["git-orchestra", "config", "set", "permission", ""]);
    assert_eq!(modes, ["plan", "default", "dontAsk", "acceptEdits"]);
    assert!(asked(4, &["git-orchestra", "config", "set", "jobs", ""]).is_empty());
}

#[test]
fn the_list_fits_a_terminal() {
    if !testkit::has_terminal() {
        crate::skip("there is no terminal");
        return;
    }
    let world = world();
    let repo = world.repo();
    let mut command = repo.command("script");
    let typed = "stty cols 80 && git orchestra config list --all --color=never";
    let shown = Ran::of(command.args(["-qec", typed, "/dev/null"])).succeeded().stdout();
    let long: Vec<&str> = shown.lines().filter(|line| line.trim_end().chars().count() > 80).collect();
    assert!(shown.contains("orchestra/") && long.is_empty(), "{long:#?}");
}
