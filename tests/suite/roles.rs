//! Profiles with options of their own, and roles: known programs under a name of the user, with a prompt that is put before each task.

use orchestra::{
    Code, Error,
    context::Context,
    ops::spawn::{self, Request},
    trust::AcceptedRepo,
};
use testkit::TestRepo;

use crate::{configured_runs::arguments, environment, library, world};

/// Plans one agent of a profile, or returns why it cannot be started.
fn plan(repo: &TestRepo<'_>, profile: &str) -> Result<spawn::Report, Error> {
    let (tasks, agents) = (vec!["x".to_owned()], vec![profile.to_owned()]);
    let request = Request { tasks, agents, dry_run: true, ..Request::default() };
    let accepted = AcceptedRepo::of(library(repo)).expect("accepted");
    spawn::run(&Context::of(&environment(repo)), &accepted, &request)
}

fn configure(repo: &TestRepo<'_>, pairs: &[(&str, &str)]) {
    for (key, value) in pairs {
        repo.git(["config", "--add", &format!("orchestra.agent.{key}"), value]);
    }
}

#[test]
fn roles_whose_program_is_missing_are_left_out_of_what_is_ready() {
    let world = world();
    let repo = world.repo();
    configure(
        &repo,
        &[("coder.program", "claude"), ("coder.prompt", "You write."), ("tester.program", "claude")],
    );
    // To say what is ready, every role is looked at, whose error would say what is ready.
    for profile in ["coder", "nosuch"] {
        let error = plan(&repo, profile).expect_err("it is missing");
        let ready = error.hints.iter().find(|hint| hint.starts_with("ready here:")).expect("a hint");
        assert!(ready.contains("sh") && !ready.contains("coder") && !ready.contains("tester"), "{ready}");
    }
}

#[test]
fn a_role_runs_a_known_program_with_its_own_options() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    configure(
        &repo,
        &[
            ("tester.program", "claude"),
            ("tester.prompt", "say I test."),
            ("tester.model", "m1"),
            ("tester.permission", "default"),
            ("tester.allow", "Bash(make *)"),
            ("tester.deny", "WebFetch"),
            ("tester.maxTurns", "7"),
            ("tester.budget", "2.5"),
            ("tester.maxTime", "20m"),
        ],
    );
    repo.git(["config", "orchestra.deny", "Bash(make *)"]);
    let planned = repo.orchestra(["spawn", "-n", "--json", "--agent", "tester", "x"]).succeeded().json();
    assert_eq!(
        (&planned["agents"][0]["profile"], &planned["agents"][0]["role"]),
        (&"claude".into(), &"tester".into())
    );
    let typed = ["spawn", "-d", "--json", "--agent", "tester", "--max-turns", "9", "write a b"];
    let started = repo.orchestra(typed).succeeded().json();
    let id = started["agents"][0]["id"].as_str().expect("an id").to_owned();
    let given = arguments(&repo, &id);
    for flag in [
        "--model=m1",
        "--permission-mode=default",
        "--allowedTools=Bash(make *)",
        "--disallowedTools=WebFetch",
        "--max-turns=9",
        "--max-budget-usd=2.500000",
    ] {
        assert!(given.iter().any(|one| one == flag), "{flag} in {given:?}");
    }
    assert!(!given.iter().any(|one| one == "--disallowedTools=Bash(make *)"), "{given:?}");
    // The title is that of the task, and the agent has both.
    let agent = repo.end_of(&id);
    assert_eq!((&agent["title"], &agent["profile"]), (&"write a b".into(), &"claude".into()));
    // Its events name both, so that every clone knows the role and can run the program.
    assert_eq!((&agent["role"], &repo.events(&id)[0]["role"]), (&"tester".into(), &"tester".into()));
    repo.orchestra(["status", &id]).succeeded().stdout_has("role      tester").stdout_has("program   claude");
    repo.orchestra(["resume", "-n", &id, "-m", "x"]).succeeded().stdout_has(" tester ");
    assert_eq!(repo.file_in_head(&id, "a"), "b\n");
    repo.orchestra(["logs", &id]).succeeded().stdout_has("> say I test.").stdout_has("> write a b");
    // A later attempt has the role as it is configured then; what was typed stays.
    repo.git(["config", "orchestra.agent.tester.model", "m2"]);
    repo.git(["config", "--unset", "orchestra.agent.tester.allow"]);
    repo.orchestra(["resume", &id, "-m", "write c d"]).succeeded();
    let given = arguments(&repo, &id);
    assert!(given.iter().any(|one| one == "--model=m2") && given.iter().any(|one| one == "--max-turns=9"));
    assert!(!given.iter().any(|one| one == "--allowedTools=Bash(make *)"), "{given:?}");
    repo.git(["config", "--remove-section", "orchestra.agent.tester"]);
    repo.orchestra(["resume", &id, "-m", "x"]).exits(3).stderr_has("no agent program 'tester'");
}

#[test]
fn profiles_are_listed_and_completed() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    configure(&repo, &[("tester.program", "claude"), ("tester.promt", "x"), ("tester.allow", "Edit")]);
    let ran = repo.orchestra(["config"]).succeeded();
    ran.stderr_has("did you mean 'orchestra.agent.tester.prompt'?")
        .stdout_has("agent.tester.program")
        .stdout_has("agent.tester.allow");
    assert!(orchestra::ops::candidates::profiles(&library(&repo)).contains(&"tester".to_owned()));
}

#[test]
fn what_a_program_does_not_support_is_refused() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    configure(&repo, &[("sh.model", "m"), ("typo.program", "claud"), ("quick.command", "cat {prompt_file}")]);
    let error = plan(&repo, "sh").expect_err("refused");
    assert_eq!(error.code, Code::OptionUnsupported);
    assert_eq!(error.message, "agent 'sh' does not support orchestra.agent.sh.model");
    let error = plan(&repo, "typo").expect_err("refused");
    let (message, known) = (&error.message, ["aider", "claude", "codex", "gemini", "opencode", "qwen"]);
    assert!(known.iter().all(|name| message.contains(&format!(" {name},"))), "{message}");
    assert_eq!(error.hints[0], "git config orchestra.agent.typo.program claude");
    // A prompt is never run as a script.
    configure(&repo, &[("quick.prompt", "be quick")]);
    assert_eq!(plan(&repo, "quick").expect_err("refused").code, Code::TaskIsScript);
    configure(&repo, &[("quick.reads", "prose")]);
    plan(&repo, "quick").expect("a plan");
    configure(&repo, &[("claude.permission", "bypassPermissions")]);
    let error = plan(&repo, "claude").expect_err("refused");
    assert!(error.message.contains("must not allow everything permanently"), "{}", error.message);
}

#[test]
fn a_known_program_that_is_missing_says_how_to_install_it() {
    let world = world();
    let repo = world.repo();
    for (name, title, hint) in [
        ("codex", "Codex", "npm install -g @openai/codex, then run 'codex login' once to log in"),
        ("opencode", "opencode", "npm install -g opencode-ai, then run 'opencode auth login' once to log in"),
    ] {
        configure(&repo, &[(&format!("{name}.program"), "no-such-program")]);
        let error = plan(&repo, name).expect_err("missing");
        assert_eq!(error.code, Code::ProgramMissing);
        assert_eq!(error.message, format!("{title} is not installed: no program '{name}' on PATH"));
        assert_eq!(error.hints[0], hint);
    }
}
