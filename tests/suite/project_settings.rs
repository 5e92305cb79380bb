//! The file `.gitorchestra`: what a project committed sets what can do no harm, proposes what a person has to approve, and nothing else.

use std::fs;

use orchestra::{
    Code, Error,
    config::{
        Config, KEYS, ProjectUse,
        keys::{ALLOW, BASE, JOBS, MAX_JOBS, TEST},
    },
    context::Context,
    ops::{
        config::{self, Decision, DecisionRequest, Request},
        doctor::{Finding, Severity},
        spawn,
    },
    trust::AcceptedRepo,
};
use testkit::TestRepo;

use crate::{
    doctor::{examined, healthy},
    environment, library,
    merge_ranked::four,
    skip, world,
};

const FILE: &str = "[orchestra]\n\ttest = test -e lines.txt\n\tjobs = 7\n\tmaxJobs = 900\n\tallow = Bash(make *)\n\tnosuch = 1\n\
                    [core]\n\tpager = evil\n";

fn with_file(repo: &TestRepo<'_>, content: &str) {
    repo.commit("settings", &[(".gitorchestra", content)]);
}

fn proposal(repo: &TestRepo<'_>) -> config::Proposal {
    config::proposal(&library(repo)).expect("a file that is read").expect("a file")
}

fn approve(repo: &TestRepo<'_>) {
    let request = DecisionRequest { hash: proposal(repo).digest };
    config::approve(&Context::of(&environment(repo)), &library(repo), &request).expect("approved");
}

fn test_command(repo: &TestRepo<'_>) -> Result<Option<String>, Error> {
    Config::of(&library(repo)).get(&TEST)
}

#[test]
fn only_what_can_do_no_harm_holds_before_an_approval() {
    let world = world();
    let repo = world.repo();
    with_file(&repo, FILE);
    let here = library(&repo);
    let config = Config::of(&here);
    assert_eq!(config.get(&JOBS).expect("a number"), 7);
    assert_eq!(config.get(&MAX_JOBS).expect("a number"), 1000);
    let error = config.get(&TEST).expect_err("not approved");
    assert_eq!(error.code, Code::ProposalUnapproved);
    assert!(error.message.contains("'.gitorchestra' proposes orchestra.test"), "{}", error.message);
    assert_eq!(config.valid(&ALLOW).expect_err("not approved").code, Code::ProposalUnapproved);
    approve(&repo);
    assert_eq!(test_command(&repo).expect("approved").as_deref(), Some("test -e lines.txt"));
    assert_eq!(Config::of(&library(&repo)).valid(&ALLOW).expect("approved"), ["Bash(make *)"]);
    // Another content has to be approved again, and the old one as well when it returns after that.
    with_file(&repo, &FILE.replace("lines", "lists"));
    assert!(test_command(&repo).is_err());
    approve(&repo);
    with_file(&repo, FILE);
    assert!(test_command(&repo).is_err());
}

#[test]
fn the_users_own_configuration_takes_precedence() {
    let world = world();
    let repo = world.repo();
    with_file(&repo, FILE);
    repo.git(["config", "--global", "orchestra.jobs", "2"]);
    repo.git(["config", "orchestra.test", ""]);
    repo.git(["config", "orchestra.allow", "Edit"]);
    let here = library(&repo);
    assert_eq!(Config::of(&here).get(&JOBS).expect("a number"), 2);
    // An empty value leaves out what the project proposes.
    assert_eq!(test_command(&repo).expect("left out"), None);
    assert_eq!(proposal(&repo).keys, [""; 0]);
    // A list of one's own replaces the list of the project.
    assert_eq!(Config::of(&here).valid(&ALLOW).expect("own"), ["Edit"]);
}

#[test]
fn only_the_commit_of_the_main_checkout_counts() {
    let world = world();
    let repo = world.repo();
    fs::write(repo.path().join(".gitorchestra"), FILE).expect("a file");
    assert!(config::proposal(&library(&repo)).expect("no file").is_none());
    let id = repo.spawn("printf '[orchestra]\\n\\tbase = evil\\n\\tjobs = 9\\n' > .gitorchestra; git orchestra config get jobs > got");
    repo.end_of(&id);
    assert_eq!(repo.file_in_head(&id, "got"), "3\n");
    let agent = repo.agents().remove(0);
    let there = environment(&repo).at(agent["worktree"].as_str().expect("a worktree"));
    let there = orchestra::git::Repo::discover(&there).expect("a repository");
    assert_eq!(Config::of(&there).get(&BASE).expect("not set"), None);
    assert_eq!(Config::of(&there).get(&JOBS).expect("a number"), 3);
}

#[test]
fn an_approval_by_an_agent_is_not_one() {
    let world = world();
    let repo = world.repo();
    with_file(&repo, FILE);
    let digest = proposal(&repo).digest;
    let id = repo.spawn(&format!(
        "git orchestra config approve --hash={digest} 2> said; git config orchestra.approved {digest}"
    ));
    repo.end_of(&id);
    assert!(repo.file_in_head(&id, "said").contains("an agent cannot change the configuration"));
    let refused = AcceptedRepo::of(library(&repo)).map(drop).expect_err("refused");
    assert_eq!(refused.code, Code::ConfigUntrusted);
    assert!(refused.message.contains("orchestra.approved"), "{}", refused.message);
}

#[test]
fn a_landing_waits_for_the_approval() {
    let world = world();
    let repo = four(&world);
    with_file(&repo, FILE);
    let digest = proposal(&repo).digest;
    repo.orchestra(["merge-ranked", "b3"])
        .exits(3)
        .stderr_has("'.gitorchestra' proposes orchestra.test, and nobody approved that here")
        .stderr_has(&format!("git orchestra config approve --hash={digest}"));
    repo.orchestra(["config", "approve"]).exits(3).stderr_has("test = test -e lines.txt");
    repo.orchestra(["config", "approve", "--hash", &"0".repeat(64)]).exits(3);
    repo.orchestra(["config", "approve", "--hash", &digest]).succeeded().stdout_has("orchestra.test");
    repo.orchestra(["merge-ranked", "b3"]).succeeded();
}

#[test]
fn a_person_sees_the_whole_file_and_answers() {
    if !testkit::has_terminal() {
        return skip("there is no terminal");
    }
    let world = world();
    let repo = four(&world);
    with_file(&repo, FILE);
    let ask = |answer: &str| {
        let typed = "stty -echo; git orchestra merge-ranked b3";
        testkit::talk(repo.command("script").args(["-qec", typed, "/dev/null"]), "approve this file?", answer)
    };
    let (code, said) = ask("\n");
    assert!(code != 0 && said.contains("pager = evil"), "{code}: {said}");
    assert!(test_command(&repo).is_err());
    let (code, said) = ask("y\n");
    assert_eq!(code, 0, "{said}");
    assert!(test_command(&repo).is_ok());
}

#[test]
fn a_no_is_remembered_until_the_file_changes() {
    if !testkit::has_terminal() {
        return skip("there is no terminal");
    }
    let world = world();
    let repo = four(&world);
    with_file(&repo, FILE);
    let on_terminal = |command: &str, answer: &str| {
        let typed = format!("stty -echo; git orchestra {command}");
        let mut script = repo.command("script");
        testkit::talk(script.args(["-qec", &typed, "/dev/null"]), "approve this file?", answer)
    };
    // An empty line is no decision.
    let (_, said) = on_terminal("merge-ranked b3", "");
    assert!(said.contains("approve this file?") && !said.contains("declined"), "{said}");
    assert_eq!(proposal(&repo).decision, Decision::Open);
    let (code, said) = on_terminal("config approve", "no");
    assert!(code == 3 && said.contains("nobody asks again until the file changes"), "{code}: {said}");
    assert_eq!(proposal(&repo).decision, Decision::Declined);
    let (code, said) = on_terminal("merge-ranked b3", "y");
    assert!(code == 3 && !said.contains("approve this file?"), "{code}: {said}");
    assert!(said.contains("proposes orchestra.test, and that was declined here"), "{said}");
    repo.orchestra(["config"])
        .succeeded()
        .stderr_has("proposes orchestra.allow and orchestra.test, which you declined");
    // Another content is asked about, and an approval still works.
    with_file(&repo, &FILE.replace("lines", "lists"));
    assert_eq!(proposal(&repo).decision, Decision::Open);
    with_file(&repo, FILE);
    let (code, said) = on_terminal("config approve", "y");
    assert!(code == 0 && said.contains("that was declined here"), "{code}: {said}");
    assert!(test_command(&repo).is_ok());
    assert!(!repo.git(["config", "--list"]).stdout().contains("orchestra.declined"));
}

#[test]
fn an_approval_ends_when_the_file_is_declined() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["config", "decline"]).exits(3).stderr_has("has no file '.gitorchestra'");
    with_file(&repo, FILE);
    approve(&repo);
    repo.orchestra(["config", "decline", "--hash", &"0".repeat(64)]).exits(3);
    repo.orchestra(["config", "decline"])
        .succeeded()
        .stdout_has("declined .gitorchestra: orchestra.allow, orchestra.test");
    assert_eq!(test_command(&repo).expect_err("declined").code, Code::ProposalUnapproved);
    approve(&repo);
    assert!(test_command(&repo).is_ok());
    let id = repo.spawn("git orchestra config decline 2> said");
    repo.end_of(&id);
    assert!(repo.file_in_head(&id, "said").contains("an agent cannot change the configuration"));
    assert_eq!(proposal(&repo).decision, Decision::Approved);
}

#[test]
fn the_list_names_what_the_project_set_proposed_and_must_not_set() {
    let world = world();
    let repo = world.repo();
    with_file(&repo, FILE);
    let ran = repo.orchestra(["config"]).succeeded();
    ran.stderr_has(".gitorchestra proposes orchestra.allow and orchestra.test")
        .stderr_has(".gitorchestra sets 'orchestra.maxJobs', which only your own configuration can set")
        .stderr_has(".gitorchestra sets the unknown key 'orchestra.nosuch'")
        .stdout_has("project");
    let request = Request { key: Some("jobs".to_owned()), all: false };
    let report =
        config::run(&Context::of(&environment(&repo)), Some(&library(&repo)), &request).expect("a key");
    assert_eq!(report.settings[0].value.as_deref(), Some("7"));
    with_file(&repo, "[orchestra\n");
    repo.orchestra(["config"]).succeeded().stderr_has("'.gitorchestra' of commit");
    let request = spawn::Request {
        tasks: vec!["x".to_owned()],
        agents: vec!["sh".to_owned()],
        dry_run: true,
        ..Default::default()
    };
    let accepted = AcceptedRepo::of(library(&repo)).expect("accepted");
    let refused = spawn::run(&Context::of(&environment(&repo)), &accepted, &request).expect_err("refused");
    assert_eq!(refused.code, Code::ConfigInvalid);
}

#[test]
fn doctor_examines_the_file_and_the_decision() {
    let world = world();
    let repo = healthy(&world);
    let checks = |severity: Severity| {
        let report = examined(&repo, false);
        let of_project = report.findings.into_iter().filter(|one| one.check.starts_with("team-"));
        let found: Vec<Finding> = of_project.filter(|one| one.severity == severity).collect();
        found
    };
    let named = |found: Vec<Finding>| found.into_iter().map(|one| one.check).collect::<Vec<_>>();
    assert_eq!(checks(Severity::Ok).len() + checks(Severity::Warning).len(), 0);
    with_file(&repo, FILE);
    assert_eq!(
        named(checks(Severity::Warning)),
        ["team-key-forbidden", "team-key-unknown", "team-unapproved"]
    );
    let ran = repo.orchestra(["doctor"]).exits(1);
    ran.stdout_has("warning: .gitorchestra sets the unknown key 'orchestra.nosuch'")
        .stdout_has("fix: git orchestra config approve");
    approve(&repo);
    let good = "[orchestra]\n\tbuild = true\n";
    with_file(&repo, good);
    assert!(checks(Severity::Warning)[0].what.contains("changed after it was approved here"));
    repo.orchestra(["config", "decline"]).succeeded();
    assert_eq!(named(checks(Severity::Note)), ["team-declined"]);
    repo.orchestra(["doctor"]).stdout_has("which you declined");
    approve(&repo);
    assert_eq!(named(checks(Severity::Ok)), ["team-file"]);
    with_file(&repo, "[orchestra\n");
    let found = checks(Severity::Error).remove(0);
    assert!(found.what.contains("cannot be used") && found.fix.is_some(), "{found:?}");
}

#[test]
fn a_project_sets_nothing_that_could_run_or_widen() {
    // Keys of other kinds are proposals, or the user's own.
    let sets: Vec<&str> =
        KEYS.iter().filter(|key| key.project() == ProjectUse::Sets).map(|key| key.name()).collect();
    let harmless = |name: &str| {
        // A sandbox of the project is only stricter; submodules and files of LFS come from the user's own checkout and configuration.
        // Roles write by default, which can only be taken from them, and they work in rounds that the caps bound.
        // A tick changes one box of the list that the user named.
        let all = [
            "base",
            "into",
            "deny",
            "lfs",
            "maxTime",
            "maxTurns",
            "rounds",
            "sandbox",
            "submodules",
            "tick",
            "writes",
        ];
        all.iter().any(|end| name.ends_with(end))
            || KEYS.iter().any(|key| key.name() == name && key.only_measures().is_some())
    };
    for name in sets {
        assert!(harmless(name), "{name}");
    }
    // An MCP server is a program, and gets what its agent reads: it is the user's own, whatever a person approves.
    let is_server = |name: &str| name.starts_with("orchestra.mcp") || name.ends_with(".mcp");
    let servers: Vec<_> = KEYS.iter().filter(|key| is_server(key.name())).collect();
    assert_eq!(servers.len(), 7);
    for key in servers {
        assert_eq!(key.project(), ProjectUse::Nothing, "{}", key.name());
    }
    let runs = |name: &str| !is_server(name) && (name.ends_with(".command") || name.ends_with("est"));
    for key in KEYS.iter().filter(|key| runs(key.name())) {
        assert_eq!(key.project(), ProjectUse::Proposes, "{}", key.name());
    }
    for name in [
        "orchestra.addDir",
        "orchestra.trustWriter",
        "orchestra.shareWith",
        "orchestra.approved",
        "orchestra.declined",
        "orchestra.worktrees",
    ] {
        let key = KEYS.iter().find(|key| key.name() == name).expect(name);
        assert_eq!(key.project(), ProjectUse::Nothing, "{name}");
    }
}
