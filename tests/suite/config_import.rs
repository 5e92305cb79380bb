//! `config import`: the settings files of other orchestrators, as far as they have counterparts.

use std::fs;

use orchestra::{
    Code,
    context::Context,
    ops::config::{self, Import, ImportRequest},
};
use testkit::TestRepo;

use crate::{environment, library, skip, world};

const ORCHESTRATOR: &str = "git:\n  provider: auto\n  base_branch: main\n  destination_branch: develop\n\
    project:\n  test_command: cargo test\n  agent_instructions: |\n    Be brief.\n    Write tests.\n\
    workflow:\n  auto_approve: true\ntools:\n  permission_mode: acceptEdits\n  allowed_cli:\n  - gh\n  - az\n  \
    allowed_tools: [Edit, 'Bash(git *)', 'Bash(']\n  add_dirs: []\nagent:\n  max_runtime: 3600\n  max_retries: many\n";

fn plan(repo: &TestRepo<'_>, name: &str, content: &str) -> orchestra::Result<Import> {
    let file = repo.path().join(name);
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    fs::write(&file, content).expect("a file");
    let request = ImportRequest { file: Some(file) };
    config::plan_import(&Context::of(&environment(repo)), &library(repo), &request)
}

fn pairs(import: &Import) -> Vec<(&str, String)> {
    import.settings.iter().map(|one| (one.key.as_str(), one.values.join(" | "))).collect()
}

#[test]
fn what_has_a_counterpart_is_set_after_consent() {
    let world = world();
    let repo = world.repo();
    fs::write(repo.path().join(".claude-orchestrator.yaml"), ORCHESTRATOR.replace(", 'Bash('", ""))
        .expect("a file");
    repo.git(["config", "orchestra.base", "main"]);
    repo.git(["config", "orchestra.into", "old"]);
    let ran = repo.orchestra(["config", "import"]).exits(3);
    ran.stderr_has("git orchestra config import --yes")
        .stderr_has("left out: workflow.auto_approve: --permission");
    let listed = repo.git(["config", "--list"]).stdout();
    assert!(!listed.contains("orchestra.test"), "{listed}");
    repo.orchestra(["config", "import", "--yes"]).succeeded().stdout_has("develop");
    for (key, value) in [
        ("orchestra.into", "develop"),
        ("orchestra.test", "cargo test"),
        ("orchestra.permission", "acceptEdits"),
        ("orchestra.allowedCli", "gh,az"),
        ("orchestra.maxTime", "3600s"),
        ("orchestra.allow", "Edit\nBash(git *)"),
        ("orchestra.agent.claude.prompt", "Be brief.\nWrite tests."),
    ] {
        assert_eq!(repo.git(["config", "--get-all", key]).stdout().trim_end(), value, "{key}");
    }
    // What is set already is not set again.
    repo.orchestra(["config", "import"]).succeeded().stderr_has("nothing to set");
}

#[test]
fn a_person_sees_the_keys_and_answers() {
    if !testkit::has_terminal() {
        return skip("there is no terminal");
    }
    let world = world();
    let repo = world.repo();
    fs::write(repo.path().join("orchestra.yml"), "agents:\n  tester:\n    system_prompt: Test.\n")
        .expect("a file");
    let ask = |answer: &str| {
        let typed = "stty -echo; git orchestra config import";
        let question = "set 2 keys in the configuration of this repository?";
        testkit::talk(repo.command("script").args(["-qec", typed, "/dev/null"]), question, answer)
    };
    let set = || repo.git(["config", "--list"]).stdout();
    let (code, shown) = ask("n");
    assert!(code == 3 && shown.contains("nothing was set") && shown.contains("Test."), "{code}: {shown}");
    assert!(!set().contains("tester"));
    let (code, shown) = ask("y");
    assert!(code == 0 && shown.contains("set 2 keys"), "{code}: {shown}");
    assert!(set().contains("orchestra.agent.tester.prompt=Test."), "{}", set());
}

#[test]
fn fields_without_a_counterpart_are_named() {
    let world = world();
    let repo = world.repo();
    let import = plan(&repo, ".claude-orchestrator.yaml", ORCHESTRATOR).expect("a plan");
    let left: Vec<&str> = import.left_out.iter().map(|left| left.field.as_str()).collect();
    assert_eq!(left, ["agent.max_retries", "git.provider", "tools.allowed_tools", "workflow.auto_approve"]);
    let json =
        r#"{"branch_prefix": "work", "default_parallel": 4, "max_parallel": 8, "dashboard_port": 8888}"#;
    let import = plan(&repo, ".orchestra/config.json", json).expect("a plan");
    let expected = [("orchestra.branchPrefix", "work/"), ("orchestra.jobs", "4"), ("orchestra.maxJobs", "8")];
    assert_eq!(pairs(&import), expected.map(|(key, value)| (key, value.to_owned())));
    let yml = "agents:\n  reporter:\n    enabled: true\n    timeout_seconds: 120\n    system_prompt: >-\n      You report.\n";
    let import = plan(&repo, "orchestra.yml", yml).expect("a plan");
    let expected = [
        ("orchestra.agent.reporter.program", "claude"),
        ("orchestra.agent.reporter.prompt", "You report."),
        ("orchestra.agent.reporter.maxTime", "120s"),
    ];
    assert_eq!(pairs(&import), expected.map(|(key, value)| (key, value.to_owned())));
}

#[test]
fn client_modes_become_programs_and_a_fallback() {
    let world = world();
    let repo = world.repo();
    let yml = "agents:\n  a:\n    client_mode: hybrid\n    timeout_seconds: 60\n  b:\n    client_mode: api\n  c:\n    \
        client_mode: claude-code\n  d:\n    client_mode: agent-teams\n  e:\n    client_mode: other\n";
    let import = plan(&repo, "orchestra.yml", yml).expect("a plan");
    let expected = [
        ("orchestra.agent.a.program", "api"),
        ("orchestra.agent.a.fallback", "claude"),
        ("orchestra.agent.a.maxTime", "60s"),
        ("orchestra.agent.b.program", "api"),
        ("orchestra.agent.c.program", "claude"),
        ("orchestra.agent.d.program", "agent-teams"),
    ];
    assert_eq!(pairs(&import), expected.map(|(key, value)| (key, value.to_owned())));
    assert_eq!(
        import.left_out.iter().map(|left| left.field.as_str()).collect::<Vec<_>>(),
        ["agents.e.client_mode"]
    );
    // What is set already stays, and is not replaced by the program of other modes.
    for (key, value) in expected {
        repo.git(["config", key, value]);
    }
    assert_eq!(pairs(&plan(&repo, "orchestra.yml", yml).expect("a plan")), []);
}

#[test]
fn teams_become_teams_of_profiles() {
    let world = world();
    let repo = world.repo();
    let yml = "teams:\n  a-team:\n    description: Builds features\n    teammates:\n      - name: Lead Architect\n        \
        role: |\n          Plan it.\n        timeout_seconds: 600\n      - name: coder\n        client_mode: hybrid\n        \
        system_prompt: Write it.\n        colour: red\n      - claude\n  b-team:\n    max_agents: 3\n  c-team:\n    members:\n    \
        - name: coder\n      role: Something else.\n  d-team:\n    members:\n      lead: x\n  e-team:\n    members: ['']\n";
    let import = plan(&repo, "orchestra.yml", yml).expect("a plan");
    let expected = [
        ("orchestra.agent.lead-architect.program", "claude"),
        ("orchestra.agent.lead-architect.prompt", "Plan it.\n"),
        ("orchestra.agent.lead-architect.maxTime", "600s"),
        ("orchestra.agent.coder.program", "api"),
        ("orchestra.agent.coder.fallback", "claude"),
        ("orchestra.agent.coder.prompt", "Write it."),
        ("orchestra.team.a-team.role", "lead-architect | coder | claude"),
    ];
    assert_eq!(pairs(&import), expected.map(|(key, value)| (key, value.to_owned())));
    let left: Vec<(&str, &str)> =
        import.left_out.iter().map(|left| (left.field.as_str(), left.why.as_str())).collect();
    let none = "it has no counterpart";
    assert_eq!(
        left,
        [
            ("teams.a-team.description", none),
            ("teams.a-team.teammates.2.colour", none),
            ("teams.b-team", "it names no members"),
            ("teams.c-team", "a member has the name of another one in this file, and differs from it"),
            ("teams.d-team", "its members are no list, so that they have no order"),
            ("teams.e-team", "it has a value that cannot be used"),
        ]
    );
    // What was set is a team that can be started, as far as its programs are here.
    repo.orchestra(["config", "import", "--yes", "orchestra.yml"]).succeeded();
    assert_eq!(
        repo.git(["config", "--get-all", "orchestra.team.a-team.role"]).stdout(),
        "lead-architect\ncoder\nclaude\n"
    );
    assert_eq!(pairs(&plan(&repo, "orchestra.yml", yml).expect("a plan")), []);
}

#[test]
fn what_is_not_understood_is_refused_with_its_line() {
    let world = world();
    let repo = world.repo();
    let error = plan(&repo, "orchestra.yml", "agents:\n  a: &x\n    b: 1\n").expect_err("an anchor");
    assert_eq!(error.code, Code::ConfigInvalid);
    assert!(error.message.contains("orchestra.yml', line 2: an anchor"), "{}", error.message);
    let error = plan(&repo, "other.yml", "colour: red\n").expect_err("another file");
    assert!(error.message.contains("is not the settings file of a known orchestrator"), "{}", error.message);
    assert!(plan(&repo, "config.json", "{").is_err());
    fs::remove_file(repo.path().join("orchestra.yml")).expect("removed");
    repo.orchestra(["config", "import"]).exits(3).stderr_has("none of these files is here");
}

#[test]
fn an_agent_imports_nothing() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo 'git: {}' > x.yml; printf 'git:\\n  base_branch: x\\n' > x.yml; git orchestra config import --yes x.yml 2> said");
    repo.end_of(&id);
    assert!(repo.file_in_head(&id, "said").contains("an agent cannot change the configuration"));
    assert!(!repo.git(["config", "--list"]).stdout().contains("orchestra.base"));
}
