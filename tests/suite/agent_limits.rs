//! The limits of agents are those that a person set: no call of an agent raises them, by its variables, its messages, or its end.

use std::fs;

use testkit::{Ran, until};

use crate::{
    callers::{output_of_hook, with_hook},
    world,
};

#[test]
fn an_agent_raises_its_limits_by_no_variable_and_no_setting() {
    let world = world();
    let hook = "
        spawn='git-orchestra spawn -d --again --agent claude'
        $spawn --name one 'await reply'; echo rc=$?
        set='GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=orchestra.maxChildren GIT_CONFIG_VALUE_0=50'
        env $set $spawn 'await reply'; echo rc=$?
        env -u ORCHESTRA_ATTEMPT -u ORCHESTRA_AGENT $set $spawn 'await reply'; echo rc=$?
        mkdir \"$TMPDIR/home\"; git config -f \"$TMPDIR/home/.gitconfig\" orchestra.maxChildren 50
        git config -f \"$TMPDIR/home/.gitconfig\" user.name Kim; git config -f \"$TMPDIR/home/.gitconfig\" user.email kim@example.com
        for file in GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM; do
            env $file=\"$TMPDIR/home/.gitconfig\" $spawn 'await reply'; echo rc=$?
        done
        env -u GIT_CONFIG_GLOBAL HOME=\"$TMPDIR/home\" $spawn 'await reply'; echo rc=$?
    ";
    let hook = format!("TMPDIR=$(mktemp -d); {hook}");
    let repo = with_hook(world.repo(), &hook);
    repo.git(["config", "orchestra.maxChildren", "1"]);
    let spawn = ["spawn", "-d", "--agent", "claude", "--name", "par", "await reply"];
    repo.orchestra(spawn).succeeded();
    let said = output_of_hook(&repo);
    let codes: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("rc=")).collect();
    assert_eq!(codes, ["0", "3", "3", "3", "3", "3"], "{said}");
    assert_eq!(said.matches("git config 'orchestra.maxChildren' is 1").count(), 5, "{said}");
    repo.orchestra(["stop", "--all"]).succeeded();
}

#[test]
fn what_an_agent_writes_into_the_configuration_raises_no_limit() {
    let world = world();
    let repo = world.repo();
    for (key, value) in
        [("maxFile", "900g"), ("checkAge", "9000h"), ("childrenAtEnd", "keep"), ("maxJobs", "900")]
    {
        let agent = repo.spawn(&format!("git config orchestra.{key} {value}"));
        repo.end_of(&agent);
        repo.orchestra(["spawn", "-d", "--agent", "sh", "true"])
            .exits(3)
            .stderr_has(&format!("orchestra.{}", key.to_lowercase()));
        repo.git(["config", "--unset", &format!("orchestra.{key}")]);
    }
}

#[test]
fn an_agent_sends_as_many_messages_in_an_hour_as_a_person_allowed() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    repo.git(["config", "orchestra.maxMessagesPerHour", "3"]);
    let parent = repo.spawn_claude(&["--permission", "bypassPermissions"], "write before 1\nawait reply");
    repo.wait_for_file(&parent, "before");
    let script = "git config orchestra.maxMessagesPerHour 50
        i=0; while git-orchestra inbox tell --to parent $i; do i=$((i+1)); done; echo $i > told.txt
        git-orchestra inbox tell --to people 'that is all'";
    let mut command = repo.command(world.bins().join("git-orchestra-spawn"));
    let spawned = command.args(["-d", "--agent", "sh", "--name", "talks", "--", script]);
    let talks = Ran::of(spawned.envs(repo.variables_of(&parent))).succeeded().line();
    repo.end_of(&talks);
    assert_eq!(repo.file_in_head(&talks, "told.txt"), "3\n");
    repo.orchestra(["logs", &talks])
        .succeeded()
        .stdout_has("sent 3 messages to")
        .stdout_has("git config 'orchestra.maxMessagesPerHour' is 3");
    repo.orchestra(["inbox"]).succeeded().stdout_has("that is all");
    repo.orchestra(["stop", &parent]).succeeded();
}

#[test]
fn children_count_towards_the_cap_of_a_parent_that_ended() {
    let world = world();
    let hook = "
        spawn='git-orchestra spawn -d --again --agent claude'
        $spawn --name early 'spend 700 a 1'; echo rc=$?
        $spawn --name late 'await reply\nspend 900 a 1\nhang'; echo rc=$?
    ";
    let repo = with_hook(world.repo(), hook);
    let spawn = ["spawn", "-d", "--agent", "claude", "--name", "par", "--max-tokens", "1k", "write x 1"];
    let par = repo.orchestra(spawn).succeeded().line();
    let said = output_of_hook(&repo);
    assert_eq!(said.matches("rc=0").count(), 2, "{said}");
    repo.end_of(&par);
    let named = |name: &str| {
        let ids = repo.agents().into_iter().filter_map(|agent| agent["id"].as_str().map(str::to_owned));
        ids.filter(|id| id.starts_with(name)).collect::<Vec<_>>().remove(0)
    };
    let (early, late) = (named("early-"), named("late-"));
    repo.end_of(&early);
    fs::write(repo.worktree(&late).join("reply"), "").expect("written");
    // Neither of them used its own cap, but both together that of the agent that started them.
    let paused = repo.wait_for(&late, "paused");
    assert!(paused["cap"]["used_tokens"].as_u64().is_some_and(|used| used >= 1000), "{paused}");
    repo.orchestra(["stop", "--all"]).succeeded();
}

#[test]
fn an_agent_lends_its_own_slot_and_no_other() {
    let world = world();
    let repo = world.repo();
    let busy = repo.spawn("until [ -e go ]; do sleep 0.1; done");
    repo.wait_for(&busy, "running");
    let script = format!("env ORCHESTRA_AGENT={busy} git-orchestra status --wait {busy}");
    let waits =
        repo.orchestra(["spawn", "-d", "--agent", "sh", "--name", "waits", &script]).succeeded().line();
    let folder = repo.path().join(".git/orchestra/waiting");
    let lender = until("a command waits", || {
        let names = fs::read_dir(&folder)
            .ok()?
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.into_iter().next()
    });
    assert!(lender.starts_with(&waits), "{lender} is not {waits}");
    repo.orchestra(["stop", "--all"]).succeeded();
}
