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

#[test]
fn a_child_has_no_more_than_its_parent_has_left_and_counts_towards_its_cap() {
    let world = world();
    let hook = "
        spawn='git-orchestra spawn -d --again --agent claude'
        for more in '--max-time 100h' '--max-turns 9999' '--max-cost 2' '--max-tokens 2k' '--retries 9'; do
            $spawn $more x; echo rc=$?
        done
        $spawn --name kid 'spend 1200 a 1\nhang'; echo rc=$?
    ";
    let repo = with_hook(world.repo(), hook);
    let limits =
        ["--max-time", "10m", "--max-turns", "3", "--max-cost", "1", "--max-tokens", "1k", "--retries", "1"];
    let spawn = [&["spawn", "-d", "--agent", "claude", "--name", "par"][..], &limits, &["hang"]].concat();
    let par = repo.orchestra(spawn).succeeded().line();
    let said = output_of_hook(&repo);
    let codes: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("rc=")).collect();
    assert_eq!(codes, ["3", "3", "3", "3", "3", "0"], "{said}");
    for text in
        ["--max-time 100h gives", "--max-turns 9999 gives", "'par-", "has 3", "--max-cost $2.00 gives"]
    {
        assert!(said.contains(text), "{text}: {said}");
    }
    // What the child used is the parent's use, which pauses at its cap.
    let paused = repo.wait_for(&par, "paused");
    assert!(paused["cap"]["used_tokens"].as_u64().is_some_and(|used| used >= 1200), "{paused}");
    let kid = repo.agents().into_iter().find(|agent| agent["parent"] == par.as_str()).expect("a child");
    let kid = repo.wait_for(kid["id"].as_str().expect("an id"), "paused");
    assert!(kid["cap"]["limit_tokens"].as_u64().is_none_or(|limit| limit <= 1000), "{kid}");
    repo.orchestra(["stop", "--all"]).succeeded();
}

#[test]
fn a_question_that_its_parent_never_got_is_for_people() {
    let world = world();
    let hook = "git-orchestra spawn -d --agent sh --name kid \"git-orchestra inbox tell -k question 'which database?'\"
        while [ -z \"$(git-orchestra inbox --all --json | grep which)\" ]; do sleep 0.1; done";
    let repo = with_hook(world.repo(), hook);
    let spawn =
        ["spawn", "-d", "--agent", "claude", "--permission", "bypassPermissions", "--name", "par", "hang"];
    let par = repo.orchestra(spawn).succeeded().line();
    output_of_hook(&repo);
    repo.orchestra(["stop", &par]).succeeded();
    let open = repo.orchestra(["inbox", "--json"]).succeeded().json();
    let question = &open["messages"][0];
    if question.is_null() {
        // Its program got it before it was stopped.
        let all = repo.orchestra(["inbox", "--json", "--all"]).succeeded().json();
        assert!(all["messages"][0]["heard"].is_object(), "{all}");
        return;
    }
    assert_eq!((&question["text"], &question["unread"]), (&"which database?".into(), &true.into()), "{open}");
    repo.orchestra(["inbox", "--all"]).succeeded().stdout_has("not heard");
    let id = question["id"].as_str().expect("an id").to_owned();
    repo.orchestra(["inbox", "read", &id]).succeeded().stdout_has("ended before it got it");
    repo.orchestra(["inbox"]).succeeded().stderr_has("nothing to read");
}

#[test]
fn the_first_reply_to_a_question_counts_and_the_second_is_told() {
    let world = world();
    let hook = "git-orchestra inbox tell -k question 'A or B?'";
    let repo = with_hook(world.repo(), hook);
    let spawn = ["spawn", "-d", "--agent", "claude", "--name", "par", "await reply"];
    let par = repo.orchestra(spawn).succeeded().line();
    output_of_hook(&repo);
    let open = repo.orchestra(["inbox", "--json"]).succeeded().json();
    let id = open["messages"][0]["id"].as_str().expect("an id").to_owned();
    let both = ["A", "B"].map(|text| {
        let mut command = repo.orchestra_command(["inbox", "reply", &id, text]);
        command
            .stderr(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("started")
    });
    let mut codes = both.map(|child| child.wait_with_output().expect("an end").status.code());
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(3)]);
    repo.orchestra(["inbox", "reply", &id, "C"])
        .exits(3)
        .stderr_has("got a reply to this question before: '");
    let sent = repo.events(&par).into_iter().filter(|event| event["t"] == "send").count();
    assert_eq!(sent, 1);
    repo.orchestra(["stop", &par]).succeeded();
}

#[test]
fn an_agent_whose_ref_is_deleted_while_it_runs_is_found_and_ends() {
    let world = world();
    let repo = world.repo();
    let script = "echo w > w; until [ -e begin ]; do sleep 0.1; done; git update-ref -d refs/orchestra/agents/$ORCHESTRA_AGENT; \
                  echo u > u; until [ -e go ]; do sleep 0.1; done";
    let id = repo.spawn(script);
    repo.wait_for_file(&id, "w");
    let worktree = repo.worktree(&id);
    fs::write(worktree.join("begin"), "").expect("a file");
    until("the ref is deleted", || worktree.join("u").exists().then_some(()));
    // At no moment is it gone: a reader waits until its supervisor has written the ref again.
    assert_eq!(repo.agent(&id)["liveness"], "live");
    assert!(repo.agents().iter().any(|agent| agent["id"] == id.as_str()), "it is listed");
    for turn in 0..3 {
        repo.git(["update-ref", "-d", &format!("refs/orchestra/agents/{id}")]);
        if turn == 0 {
            assert!(repo.agents().iter().any(|agent| agent["id"] == id.as_str()), "it is listed");
        }
        repo.orchestra(["status", &id]).succeeded();
    }
    fs::write(worktree.join("go"), "").expect("a file");
    let ended = repo.end_of(&id);
    assert_eq!((&ended["phase"], &ended["attempt"]), (&"done".into(), &1.into()), "{ended}");
    assert_eq!(repo.file_in_head(&id, "u"), "u\n");
}
