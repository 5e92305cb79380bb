//! Names that people type and read: revisions, agents, remotes, tasks and names have the expected meaning,
//! or an error says why not.

use std::{fs, process::Command};

use orchestra::ops::shown_list;

use crate::{library, world};

/// Returns the agents that a spawn would start, without the random ends of their names.
fn planned(repo: &testkit::TestRepo<'_>, arguments: &[&str]) -> Vec<String> {
    let ran = repo.orchestra([&["spawn", "-n", "--json", "--agent", "sh"], arguments].concat()).succeeded();
    let agents = ran.json()["agents"].as_array().cloned().unwrap_or_default();
    let name = |agent: &serde_json::Value| agent["id"].as_str().unwrap_or_default().to_owned();
    agents.iter().map(|agent| name(agent)[..name(agent).len() - 6].to_owned()).collect()
}

#[test]
fn a_branch_is_preferred_to_a_tag_of_the_same_name() {
    let world = world();
    let repo = world.repo();
    repo.branch("other", &[("o.txt", "o\n")]);
    repo.git(["tag", "main"]);
    repo.commit("two", &[("two.txt", "2\n")]);
    let (branch, tag) = (repo.tip("refs/heads/main"), repo.tip("refs/tags/main"));
    for (revision, commit) in
        [("main", &branch), ("main~1", &tag), ("tags/main", &tag), ("refs/tags/main", &tag), (&tag, &tag)]
    {
        let ran = repo.orchestra(["spawn", "-n", "--json", "--agent", "sh", "-b", revision, "x"]).succeeded();
        assert_eq!(ran.json()["agents"][0]["base"], *commit.as_str(), "{revision}");
    }
    repo.orchestra(["spawn", "-n", "--agent", "sh", "-b", "main", "x"])
        .succeeded()
        .stderr_has("'main' is a branch and a tag: the branch is used");
    repo.git(["tag", "other", &branch]);
    repo.orchestra(["merge-ranked", "other", "--into", "main"]).succeeded();
    assert!(repo.has("refs/heads/main", "o.txt"));
}

#[test]
fn an_unknown_revision_is_reported_as_git_does() {
    let world = world();
    let repo = world.repo();
    for (revision, why) in [
        ("nosuch", "'nosuch' names no commit: there is no such branch, tag or commit"),
        ("main~99", "'main~99' names no commit: 'main' does, but not with what follows it"),
        ("main^{foo", "'main' does, but not with what follows it"),
        ("main:file.txt", "'main:file.txt' names no commit: it is a blob"),
        ("", "'' names no commit: it is not a revision"),
    ] {
        let ran =
            repo.orchestra(["spawn", "-n", "--agent", "sh", "-b", revision, "x"]).exits(3).stderr_has(why);
        for internal in ["delegate", "NotFound", "couldn't parse"] {
            assert!(!ran.stderr().contains(internal), "{}", ran.stderr());
        }
    }
}

#[test]
fn the_name_of_an_archived_agent_is_accepted_by_every_command() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo said; echo x > x.txt");
    repo.end_of(&id);
    let head = repo.agent(&id)["head"].as_str().expect("a head").to_owned();
    repo.orchestra(["merge-ranked"]).succeeded();
    repo.orchestra(["cleanup", &id]).succeeded();
    assert!(repo.agents().is_empty());
    let short = &id[..id.len() - 3];
    repo.git(["branch", "-q", &format!("feature/{short}"), "main"]);
    repo.orchestra(["diff", &format!("feature/{short}")]).exits(3).stderr_has("no agent 'feature/");
    let (branch, cut) = (format!("orchestra/{id}"), format!("{short}…"));
    for name in [id.as_str(), short, &branch, &cut] {
        let status = repo.orchestra(["status", "--json", name]).succeeded().json();
        assert_eq!(
            (&status["agents"][0]["id"], &status["archived"][0]),
            (&id.as_str().into(), &id.as_str().into())
        );
        repo.orchestra(["status", name]).succeeded().stderr_has(&format!("{id} is archived"));
        repo.orchestra(["logs", name]).succeeded().stdout_has("said");
        repo.orchestra(["diff", name]).succeeded().stdout_has("+x");
        let review = repo.orchestra(["review", "--json", name]).succeeded().json();
        assert_eq!((&review["archived"], &review["work"]["head"]), (&true.into(), &head.as_str().into()));
        let spawned = repo.orchestra(["spawn", "-n", "--json", "--agent", "sh", "-b", name, "x"]).succeeded();
        assert_eq!(spawned.json()["agents"][0]["base"], head.as_str());
    }
    let (archived, back) = (format!("agent '{id}' is archived"), "restores it");
    for command in [
        &["stop"][..],
        &["pause"],
        &["resume"],
        &["collect"],
        &["cleanup"],
        &["send", "-m", "x"],
        &["worktrees", "--path"],
        &["merge-ranked", "-n"],
        &["review", "--approve"],
    ] {
        repo.orchestra([command, &[&id]].concat()).exits(3).stderr_has(&archived).stderr_has(back);
    }
    for command in ["status", "logs", "diff", "review", "stop", "resume", "collect", "cleanup"] {
        repo.orchestra([command, "nobody"]).exits(3).stderr_has("no agent 'nobody'");
    }
}

#[test]
fn the_session_of_an_archived_agent_is_found_by_its_name() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&[], "say hello\nwrite a b");
    repo.end_of(&id);
    repo.orchestra(["sessions", "show", &id]).succeeded();
    repo.orchestra(["merge-ranked"]).succeeded();
    repo.orchestra(["cleanup", &id]).succeeded();
    let shown = repo.orchestra(["sessions", "show", &id]).succeeded().stdout();
    assert!(shown.contains("hello"), "{shown}");
}

#[test]
fn send_accepts_several_agents_and_does_not_mistake_a_name_for_a_message() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let ask = |name: &str| {
        let task = format!("ask git push\nwrite {name} {name}");
        let arguments = ["spawn", "--detach", "--name", name, "--on-prompt", "ask", "--", &task];
        repo.orchestra(arguments).succeeded().line()
    };
    let (one, two) = (ask("one"), ask("two"));
    repo.wait_for(&one, "waiting");
    repo.wait_for(&two, "waiting");
    repo.orchestra(["send", &one, &two]).exits(2).stderr_has(&format!("'{two}' is an agent, not a message"));
    repo.orchestra(["send", &one, "go on please", "--allow"])
        .exits(2)
        .stderr_has("'go on please' is not the name");
    repo.orchestra(["send", &one, "a", "b"]).exits(2).stderr_has("more than one message");
    repo.orchestra(["send", &one, "nobody", "--allow"]).exits(3).stderr_has("no agent 'nobody'");
    assert_eq!(repo.agent(&one)["phase"], "waiting");
    let told = repo.orchestra(["send", &one, &two, "--allow", "--json"]).succeeded().json();
    assert_eq!(told["sent"].as_array().map(Vec::len), Some(2));
    for id in [&one, &two] {
        assert_eq!(repo.end_of(id)["phase"], "done");
    }
    // A failure for one agent does not prevent sending to the other.
    let three = ask("three");
    repo.wait_for(&three, "waiting");
    repo.orchestra(["send", &one, &three, "--allow"])
        .exits(3)
        .stderr_has("is not running")
        .stderr_has("allowed: Bash git push");
    repo.end_of(&three);
}

#[test]
fn the_name_of_a_command_is_a_task_only_after_dashes() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["spawn", "--agent", "sh", "status"])
        .exits(2)
        .stderr_has("'status' is the name of a command, not a task")
        .stderr_has("git orchestra spawn -- status");
    repo.orchestra(["spawn", "help"]).exits(2).stderr_has("git orchestra help spawn");
    assert!(repo.agents().is_empty());
    assert_eq!(planned(&repo, &["--", "status"]), ["status"]);
    assert_eq!(planned(&repo, &["status", "more"]), ["status", "more"]);
    assert_eq!(planned(&repo, &["show the status"]), ["show-status"]);
}

#[test]
fn tasks_in_every_script_get_readable_names() {
    let world = world();
    let repo = world.repo();
    assert_eq!(
        planned(&repo, &["Добавить тесты", "日本語のタスク", "größere Änderung"]),
        ["dobavit-testy", "ri-ben-yu", "grossere-anderung"]
    );
    assert_eq!(planned(&repo, &["--name", "日本語", "x"]), ["ri-ben-yu"]);
    repo.orchestra(["spawn", "-n", "--agent", "sh", "--name", "…", "x"])
        .exits(2)
        .stderr_has("has no letter and no digit");
}

#[test]
fn lists_of_tasks_come_from_any_editor() {
    let world = world();
    let repo = world.repo();
    for (name, content, tasks) in [
        ("mark.md", "\u{feff}- first\n- second\n".as_bytes(), &["first", "second"][..]),
        ("mark.txt", "\u{feff}first\nsecond\n".as_bytes(), &["first", "second"]),
        ("mac.txt", b"first\rsecond\r", &["first", "second"]),
        ("dos.md", b"- first\r\n- second\r\n", &["first", "second"]),
    ] {
        fs::write(repo.path().join(name), content).expect("a file");
        assert_eq!(planned(&repo, &["-f", name]), tasks, "{name}");
    }
    for (name, content, why) in [
        ("nul.txt", b"a\0b\n".as_slice(), "NUL"),
        ("wide.txt", b"\xff\xfea\0", "UTF-16 text"),
        ("latin.txt", b"\xe9t\xe9\n", "not UTF-8"),
    ] {
        fs::write(repo.path().join(name), content).expect("a file");
        repo.orchestra(["spawn", "-n", "--agent", "sh", "-f", name]).exits(2).stderr_has(why);
    }
}

#[test]
fn tasks_are_read_from_a_redirected_standard_input() {
    let world = world();
    let repo = world.repo();
    let list = "# Plan\n\n- [ ] first\n- [x] done\n1. second\n";
    fs::write(repo.path().join("tasks.md"), list).expect("a file");
    let caller = repo.spawn("while :; do sleep 0.1; done");
    repo.wait_for(&caller, "running");
    let [_, (_, mark)] = repo.variables_of(&caller);
    let shell = |line: &str| {
        testkit::Ran::of(repo.command("sh").args(["-c", line]).env("CALLER", &caller).env("MARK", &mark))
    };
    for line in [
        "git orchestra spawn -n --json --agent sh < tasks.md",
        "cat tasks.md | git orchestra spawn -n --json --agent sh",
        "cat tasks.md | git orchestra spawn -n --json --agent sh -f -",
        // The pipe that an agent's program inherits is read only if it is asked to.
        "cat tasks.md | ORCHESTRA_ATTEMPT=$MARK ORCHESTRA_AGENT=$CALLER git orchestra spawn -n --json --agent sh -f -",
    ] {
        let plan = shell(line).succeeded().json();
        let titles: Vec<_> =
            plan["agents"].as_array().expect("agents").iter().map(|one| &one["title"]).collect();
        assert_eq!(titles, ["first", "second"], "{line}");
    }
    for (line, said) in [
        ("git orchestra spawn < /dev/null", "no task given"),
        (": | git orchestra spawn", "standard input contains no task"),
        (
            "cat tasks.md | ORCHESTRA_ATTEMPT=$MARK ORCHESTRA_AGENT=$CALLER git orchestra spawn",
            "no task given",
        ),
    ] {
        shell(line).exits(2).stderr_has(said);
    }
    let plan = shell("git orchestra spawn -n --json --agent sh typed < tasks.md").succeeded().json();
    assert_eq!(plan["agents"][0]["title"], "typed");
    repo.orchestra(["stop", &caller]).succeeded();
}

#[test]
fn an_unused_or_missing_remote_is_an_error() {
    let world = world();
    let repo = world.repo();
    let before = repo.git(["config", "--list", "--local"]).stdout();
    repo.orchestra(["init", "nosuch"]).exits(2).stderr_has("a remote is only used with --probe or --track");
    assert_eq!(repo.git(["config", "--list", "--local"]).stdout(), before);
    repo.orchestra(["sync", "nosuch"]).exits(3).stderr_has("there is no remote 'nosuch'");
    repo.git(["remote", "add", "hub", "../hub.git"]);
    repo.orchestra(["sync", "nosuch"]).exits(3).stderr_has("git orchestra sync hub");
}

#[test]
fn prefixes_of_branches_that_git_refuses_are_refused_by_the_name_of_the_key() {
    let world = world();
    let repo = world.repo();
    for prefix in ["DOMAIN\\john.doe/", "with space/", "tail//", "-dash/", "~/"] {
        repo.git(["config", "orchestra.branchPrefix", prefix]);
        repo.orchestra(["spawn", "--agent", "sh", "true"])
            .exits(3)
            .stderr_has("git config 'orchestra.branchPrefix' is");
    }
    assert!(repo.agents().is_empty());
    repo.git(["config", "orchestra.branchPrefix", "ünï/côde-"]);
    let id = repo.spawn("true");
    assert_eq!(repo.end_of(&id)["branch"], format!("ünï/côde-{id}"));
}

#[test]
fn a_word_of_a_name_means_the_only_agent_that_runs() {
    let world = world();
    let repo = world.repo();
    let spawn = |task: &str| {
        repo.orchestra(["spawn", "--detach", "--agent", "sh", "--name", "fix-login", task]).succeeded().line()
    };
    let ended = spawn("echo said");
    repo.end_of(&ended);
    repo.orchestra(["logs", "login"]).succeeded().stdout_has("said");
    repo.orchestra(["logs", "logn"]).exits(3).stderr_has(&format!("did you mean '{ended}'?"));
    let open = spawn("while :; do sleep 0.1; done");
    repo.wait_for(&open, "running");
    repo.orchestra(["stop", "login"])
        .succeeded()
        .stdout_has(&open)
        .stderr_has(&format!("meaning {open}; the others have ended or are paused"));
    repo.orchestra(["status", "login"])
        .exits(3)
        .stderr_has("'login' is ambiguous: 2 agents")
        .stderr_has(&format!("{ended} (done, "))
        .stderr_has(&format!("{open} (stopped, "));
    // The name of a commit is stronger than a part of an id.
    repo.git(["tag", "login", "main"]);
    let planned = repo.orchestra(["merge-ranked", "-n", "--json", "login"]).succeeded().json();
    assert_eq!(planned["order"][0]["branch"], "login");
    repo.orchestra(["merge-ranked", "-n", "ogin"]).exits(3).stderr_has("is ambiguous: 2 agents");
}

/// Runs a test in a session of its own: that of a container may have its leader outside.
fn run_in_a_session(test: &str) {
    let mut command = Command::new("setsid");
    command.arg("--wait").arg(std::env::current_exe().expect("this program")).args(["--exact", test]);
    let output = command.output().expect("setsid");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains(" 1 passed"), "{said}");
}

#[test]
fn a_number_names_a_row_of_the_list_that_this_terminal_showed_last() {
    let Some(session) = shown_list::session() else {
        run_in_a_session("names::a_number_names_a_row_of_the_list_that_this_terminal_showed_last");
        return;
    };
    let world = world();
    let repo = world.repo();
    repo.orchestra(["stop", "1"]).exits(3).stderr_has("no agent '1'");
    let spawn = |name: &str| {
        let id = repo.orchestra(["spawn", "-d", "--agent", "sh", "--name", name, &format!("echo {name}")]);
        let id = id.succeeded().line();
        repo.end_of(&id);
        id
    };
    let (one, two) = (spawn("one"), spawn("two"));
    // Elsewhere than on a terminal, no numbers are shown and no list is kept.
    assert!(!repo.orchestra(["status"]).succeeded().stdout().contains('#'));
    let file = repo.path().join(".git/orchestra/shown-list.json");
    assert!(!file.exists());
    let rows = || vec![two.clone(), one.clone(), "feature".to_owned()];
    assert!(shown_list::keep(&library(&repo), session, rows()));
    repo.orchestra(["logs", "1"]).succeeded().stdout_has("two");
    let shown = repo.orchestra(["status", "--json", "2"]).succeeded().json();
    assert_eq!(shown["agents"][0]["id"], one.as_str());
    repo.orchestra(["logs", "3"]).exits(3).stderr_has("that row shows 'feature'");
    repo.orchestra(["logs", "4"]).exits(3).stderr_has("has 3 rows").stderr_has("git orchestra status");
    let planned = || repo.orchestra(["merge-ranked", "-n", "--json", "2"]).succeeded().json();
    // The agents wrote nothing; a branch that is called 2 is meant rather than the row.
    assert_eq!(planned()["order"][0]["branch"], one.as_str());
    repo.branch("2", &[("b.txt", "b\n")]);
    assert_eq!(planned()["order"][0]["branch"], "2");
    // The agent is gone, which its own error says.
    repo.orchestra(["cleanup", "--discard", &one]).succeeded();
    repo.orchestra(["stop", "2"]).exits(3).stderr_has(&format!("agent '{one}' is archived"));
    assert!(shown_list::keep(&library(&repo), session + 1, rows()));
    repo.orchestra(["logs", "1"]).exits(3).stderr_has("is on another terminal");
    // A list that cannot be kept has no numbers; a damaged one means nothing.
    fs::write(&file, "damaged").expect("a file");
    repo.orchestra(["logs", "1"]).exits(3).stderr_has("no agent '1'");
    fs::remove_file(&file).expect("the list");
    fs::create_dir(&file).expect("a folder");
    assert!(!shown_list::keep(&library(&repo), session, rows()));
}
