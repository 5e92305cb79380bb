//! Who calls: decided by the processes above the caller, not by the variables that an agent's program can change.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use testkit::{TestRepo, until};

use crate::world;

/// Lets the program of each agent named `par` run a script before anything else, with its environment and below its supervisor.
pub(crate) fn with_hook<'a>(repo: TestRepo<'a>, script: &str) -> TestRepo<'a> {
    let repo = repo.with_scripted_claude();
    let program = repo.world().bins().join("fake-claude");
    let folder = repo.path().parent().expect("a folder").to_owned();
    let hook = folder.join("hook.sh");
    fs::write(&hook, script).expect("a script");
    let wrapper = folder.join("claude-with-hook");
    let text = format!(
        "#!/bin/sh\ncase \"$*:$ORCHESTRA_AGENT\" in *--version*) ;; *:par-*) sh '{}' > '{}' 2>&1; touch '{}';; esac\nexec '{}' \"$@\"\n",
        hook.display(),
        folder.join("hook.out").display(),
        folder.join("hook.done").display(),
        program.display()
    );
    fs::write(&wrapper, text).expect("a program");
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).expect("permissions");
    repo.git(["config", "orchestra.agent.claude.program", &wrapper.to_string_lossy()]);
    repo.git(["config", "orchestra.jobs", "8"]);
    repo
}

/// Returns what the script of [`with_hook`] printed, once it has ended.
pub(crate) fn output_of_hook(repo: &TestRepo<'_>) -> String {
    let folder: PathBuf = repo.path().parent().expect("a folder").to_owned();
    until("the script ends", || folder.join("hook.done").exists().then_some(()));
    fs::read_to_string(folder.join("hook.out")).expect("output")
}

#[test]
fn an_agent_that_hides_its_variables_is_still_that_agent() {
    let world = world();
    let hook = "
        hide='env -u ORCHESTRA_ATTEMPT -u ORCHESTRA_AGENT'
        spawn='spawn -d --again --agent claude'
        $hide git-orchestra $spawn --permission bypassPermissions x; echo rc=$?
        setsid -w $hide git-orchestra $spawn --permission bypassPermissions x; echo rc=$?
        (setsid $hide sh -c 'git-orchestra config set jobs 500; echo \"rc=$?\"; touch orphan' &)
        until [ -e orphan ]; do sleep 0.1; done
        $hide git -c orchestra.maxChildren=50 orchestra $spawn --name one 'await reply'; echo rc=$?
        $hide git -c orchestra.maxChildren=50 orchestra $spawn --name two 'await reply'; echo rc=$?
        $hide git-orchestra review \"$ORCHESTRA_AGENT\" --approve; echo rc=$?
        $hide git-orchestra inbox tell hidden; echo rc=$?
    ";
    let repo = with_hook(world.repo(), hook);
    repo.git(["config", "orchestra.maxChildren", "1"]);
    let spawn =
        ["spawn", "-d", "--agent", "claude", "--permission", "default", "--name", "par", "await reply"];
    let par = repo.orchestra(spawn).succeeded().line();
    let said = output_of_hook(&repo);
    let codes: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("rc=")).collect();
    assert_eq!(codes, ["3", "3", "3", "0", "3", "3", "0"], "{said}");
    for text in [
        "is more than the agent may do that starts it",
        "an agent cannot change the configuration",
        "git config 'orchestra.maxChildren' is 1",
        "in the name of a person",
    ] {
        assert!(said.contains(text), "{text}: {said}");
    }
    let agents = repo.agents();
    let one = agents.iter().find(|agent| agent["id"].as_str().is_some_and(|id| id.starts_with("one-")));
    assert_eq!(one.expect("a child")["parent"], par.as_str());
    assert_eq!(agents.len(), 2, "{agents:?}");
    let told = repo.orchestra(["inbox", "--json"]).succeeded().json();
    assert_eq!(told["messages"][0]["agent"], par.as_str(), "{told}");
    repo.orchestra(["stop", "--all"]).succeeded();
}

#[test]
fn an_agent_that_names_another_one_is_refused_in_words() {
    let world = world();
    let hook = "
        other=$(cat ../../repo/other)
        mark=$(tr '\\0' '\\n' < /proc/$(cat ../../repo/pid)/environ | sed -n s/^ORCHESTRA_ATTEMPT=//p)
        for variables in \"ORCHESTRA_AGENT=$other\" \"ORCHESTRA_AGENT=$other ORCHESTRA_ATTEMPT=$mark\"; do
            env $variables git-orchestra spawn -d --again --agent sh x; echo rc=$?
            env $variables git-orchestra inbox tell 'I am the other'; echo rc=$?
            env $variables git-orchestra stop \"$other\"; echo rc=$?
            env $variables git-orchestra undo; echo rc=$?
        done
    ";
    let repo = with_hook(world.repo(), hook);
    let other = repo.spawn("while :; do sleep 0.1; done");
    repo.wait_for(&other, "running");
    let pid = repo.agent(&other)["pid"].as_i64().expect("a process");
    fs::write(repo.path().join("other"), &other).expect("a file");
    fs::write(repo.path().join("pid"), pid.to_string()).expect("a file");
    let spawn =
        ["spawn", "-d", "--agent", "claude", "--permission", "default", "--name", "par", "await reply"];
    let par = repo.orchestra(spawn).succeeded().line();
    let said = output_of_hook(&repo);
    let codes: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("rc=")).collect();
    assert_eq!(codes, ["3"; 8], "{said}");
    let refused = format!("the caller is the program of agent '{par}', and not of '{other}', which it names");
    assert_eq!(said.matches(&refused).count(), 8, "{said}");
    assert_eq!((repo.agents().len(), &repo.agent(&other)["phase"]), (2, &"running".into()));
    repo.orchestra(["stop", "--all"]).succeeded();
}

#[test]
fn a_person_in_the_worktree_of_an_agent_is_a_person() {
    let world = world();
    let repo = world.repo();
    let agent = repo.spawn("while :; do sleep 0.1; done");
    repo.wait_for(&agent, "running");
    let mut command = world.command("git", &repo.worktree(&agent));
    command.args(["orchestra", "config", "set", "jobs", "7"]);
    testkit::Ran::of(&mut command).succeeded();
    repo.orchestra(["stop", &agent]).succeeded();
}
