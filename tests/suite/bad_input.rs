//! Invalid input: a clear message, the documented exit status, and nothing left incomplete.

use testkit::TestRepo;

use crate::world;

#[test]
fn outside_a_repository_the_message_is_that_of_git() {
    let world = world();
    let nowhere = TestRepo::new(&world, world.home());
    for command in ["spawn", "status", "stop", "worktrees", "logs"] {
        nowhere
            .orchestra(
                [command, if command == "stop" { "--all" } else { "x" }]
                    .iter()
                    .take(if command == "worktrees" { 1 } else { 2 }),
            )
            .exits(128)
            .stderr_has("fatal: not a git repository (or any of the parent directories): .git");
    }
}

#[test]
fn repositories_that_cannot_be_used_say_why() {
    let world = world();
    let empty = world.empty_repo("empty");
    empty
        .orchestra(["spawn", "--agent", "sh", "true"])
        .exits(3)
        .stderr_has("no commit yet")
        .stderr_has("git commit --allow-empty");
    empty
        .orchestra(["merge-ranked"])
        .exits(3)
        .stderr_has("has no commit yet")
        .stderr_has("git commit --allow-empty");
    empty.orchestra(["blame", "file.txt"]).exits(3).stderr_has("git commit --allow-empty");
    assert!(!empty.path().join(".git/orchestra").exists());
    // Nothing can be committed in a bare repository.
    world.git(world.dir(), ["init", "-q", "--bare", "bare.git"]);
    let bare = TestRepo::new(&world, world.dir().join("bare.git"));
    for arguments in [&["spawn", "--agent", "sh", "true"][..], &["merge-ranked"]] {
        let ran = bare.orchestra(arguments).exits(3).stderr_has("push a branch with a commit");
        assert!(!ran.stderr().contains("--allow-empty"), "{arguments:?}");
    }

    let nobody = world.repo_named("nobody");
    std::fs::remove_file(world.home().join(".gitconfig")).expect("removed");
    nobody.orchestra(["spawn", "--agent", "sh", "true"]).exits(3).stderr_has("git config --global user.name");
    assert!(nobody.refs("refs/orchestra").is_empty());

    for (option, word) in [("--object-format=sha256", "sha256"), ("--ref-format=reftable", "reftable")] {
        let path = world.dir().join(word);
        let made =
            testkit::Ran::of(world.command("git", world.dir()).args(["init", "-q", option]).arg(&path));
        if made.code() != 0 {
            assert!(made.stderr().contains("unknown"), "{}", made.stderr());
            eprintln!("skipped: this git has no {option}");
            continue;
        }
        let repo = TestRepo::new(&world, path);
        for command in ["spawn", "status"] {
            repo.orchestra([command, "x"]).exits(3).stderr_has(word);
        }
    }
}

#[test]
fn every_directory_of_a_repository_works() {
    let world = world();
    let repo = world.repo();
    repo.git(["checkout", "-q", "--detach"]);
    std::fs::create_dir_all(repo.path().join("sub/dir")).expect("a folder");
    let below = TestRepo::new(&world, repo.path().join("sub/dir"));
    below.orchestra(["spawn", "--agent", "sh", "echo 1 > a"]).succeeded();
    repo.git(["worktree", "add", "-q", "../linked"]);
    let linked = TestRepo::new(&world, world.dir().join("linked"));
    linked.orchestra(["spawn", "--agent", "sh", "echo 2 > a"]).succeeded();
    assert_eq!(repo.agents().len(), 2);
    assert_eq!(linked.agents().len(), 2);
    let folders: Vec<_> = repo.agents().iter().map(|agent| agent["worktree"].clone()).collect();
    assert!(
        folders.iter().all(|folder| folder.as_str().is_some_and(|f| f.contains("/repo.worktrees/"))),
        "{folders:?}"
    );
}

#[test]
fn an_existing_branch_gets_another_agent_name() {
    let world = world();
    let repo = world.repo();
    repo.git(["branch", "orchestra"]);
    repo.orchestra(["spawn", "--agent", "sh", "echo 1 > a"])
        .succeeded()
        .stderr_has("branch 'orchestra' prevents");
    let agent = repo.agents().remove(0);
    assert!(
        agent["branch"].as_str().is_some_and(|branch| branch.starts_with("orchestra-agents/")),
        "{agent}"
    );
}

#[test]
fn what_is_very_long_or_empty_is_refused_in_a_few_words() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo 1 > a");
    repo.end_of(&id);
    let long = "x".repeat(120_000);
    for words in [["status", &long], ["undo", &long], ["help", &long], ["sync", &long], ["blame", &long]] {
        let ran = repo.orchestra(words);
        assert!(ran.code() > 1 && ran.stderr().len() < 10_000, "{} {}", words[0], ran.stderr().len());
    }
    repo.orchestra(["resume", &id, "-m", " "]).exits(2).stderr_has("the message is empty");
    assert_eq!(repo.end_of(&id)["attempt"], 1);
    // The only operation, and the variable of a script that is empty.
    repo.orchestra(["cleanup", "--discard", &id]).succeeded();
    repo.orchestra(["undo", ""]).exits(3).stderr_has("no operation ''");
    repo.orchestra(["demo", "x"]).exits(2).stderr_has("git orchestra demo -h lists the options");
}

#[test]
fn tasks_of_every_shape_are_accepted_or_refused() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["spawn", "--agent", "sh", ""]).exits(2).stderr_has("a task is empty");
    repo.orchestra(["spawn", "--agent", "sh", "true", " \n"]).exits(2).stderr_has("a task is empty");
    repo.orchestra(["spawn", "--agent", "sh"]).exits(2).stderr_has("no task given");
    repo.orchestra(["spawn", "--agent", "sh", "--unknown"]).exits(2).stderr_has("unexpected argument");
    repo.orchestra(["spawn", "--agent", "sh", "-j", "0", "true"]).exits(2);
    repo.orchestra(["spawn", "--agent", "sh", "--max-time", "soon", "true"])
        .exits(2)
        .stderr_has("a duration");
    repo.orchestra(["spawn", "--agent", "sh", "--base=--output=x", "true"])
        .exits(3)
        .stderr_has("names no commit");
    assert!(repo.refs("refs/orchestra").is_empty());

    repo.write("long", &format!(": {}\n", "x".repeat(1_000_000)));
    repo.orchestra(["spawn", "--agent", "sh", "--name", "long", "-f", "long"]).succeeded();
    repo.write("longer", &"x".repeat(1_100_000));
    repo.orchestra(["spawn", "--agent", "sh", "-f", "longer"]).exits(2).stderr_has("the limit is 1048576");
    let escape = "echo done # \u{1b}[31m\u{1b}]0;owned\u{7}\u{202e}";
    repo.orchestra(["spawn", "--agent", "sh", "--name", "escape", escape]).succeeded();
    let shown = repo.orchestra(["status"]).succeeded();
    assert!(!shown.stdout().contains(['\u{1b}', '\u{7}', '\u{202e}']), "{}", shown.stdout());
    let titles: Vec<_> = repo.agents().iter().map(|agent| agent["title"].clone()).collect();
    assert_eq!(titles[1], "echo done # \\e[31m\\e]0;owned\\u{7}\\u{202e}");
    // Git prints subjects and trailers unchanged: they must not contain control characters.
    let plain = repo.git(["log", "--format=%B", "--glob=refs/orchestra/agents"]).stdout();
    assert!(!plain.contains(['\u{1b}', '\u{7}', '\u{202e}']));
}

#[test]
fn an_unknown_agent_error_lists_existing_agents() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.agent.mine.command", "no-such-program {prompt_file}"]);
    repo.git(["config", "orchestra.agent.good.command", "cat"]);
    repo.orchestra(["spawn", "--agent", "nope", "x"])
        .exits(3)
        .stderr_has("no agent program 'nope'")
        .stderr_has("ready here: sh, good\n");
    repo.orchestra(["spawn", "--agent", "mine", "x"])
        .exits(3)
        .stderr_has("'no-such-program' of agent 'mine' is not on PATH");
    repo.git(["config", "orchestra.jobs", "many"]);
    repo.orchestra(["spawn", "--agent", "sh", "x"])
        .exits(3)
        .stderr_has("git config 'orchestra.jobs' is 'many'");
    assert!(repo.refs("refs/orchestra").is_empty());
}

/// A spawn on a full disk would leave half a worktree.
#[test]
fn free_space_is_checked_before_anything_is_created() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.minFree", "99999999g"]);
    repo.orchestra(["spawn", "--agent", "sh", "true"]).exits(3).stderr_has("too little space");
    assert!(repo.refs("refs/orchestra").is_empty());
}

#[test]
fn ambiguous_and_unknown_names_are_refused() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["spawn", "--agent", "sh", "--name", "twin", "--copies", "2", "true"]).succeeded();
    repo.orchestra(["logs", "twin"])
        .exits(3)
        .stderr_has("'twin' is ambiguous: 2 agents")
        .stderr_has("could be: twin-");
    repo.orchestra(["stop", "nobody"]).exits(3).stderr_has("no agent 'nobody'");
    repo.orchestra(["stop"]).succeeded().stderr_has("no agent is running");
    let open = repo.spawn("while :; do sleep 0.1; done");
    repo.orchestra(["stop"]).exits(2).stderr_has("git orchestra stop AGENT");
    repo.orchestra(["stop", &open]).succeeded();
    repo.orchestra(["worktrees", "--path", "\u{1b}[31m"]).exits(3).stderr_has("no agent '\\e[31m'");
}

#[test]
fn broken_and_foreign_refs_hide_no_agent() {
    let world = world();
    let repo = world.repo();
    let id = {
        repo.orchestra(["spawn", "--agent", "sh", "echo 1 > a"]).succeeded();
        repo.agents().remove(0)["id"].as_str().expect("an id").to_owned()
    };
    let head = repo.git(["rev-parse", "HEAD"]).line();
    // A commit without events, a blob, a name that is not an id, an empty ref file, a missing object.
    repo.git(["update-ref", "refs/orchestra/agents/plain-commit-00000", &head]);
    let blob = repo.git(["rev-parse", "HEAD:file.txt"]).line();
    repo.git(["update-ref", "refs/orchestra/agents/a-blob-00000", &blob]);
    repo.git(["update-ref", "refs/orchestra/agents/Not.An.Id", &head]);
    let agents = repo.path().join(".git/refs/orchestra/agents");
    std::fs::write(agents.join("empty-00000"), "").expect("a file");
    std::fs::write(agents.join("missing-00000"), format!("{}\n", "1".repeat(40))).expect("a file");
    // Trailers with this clone's signature, but malformed, on a commit whose parent is missing.
    let whole = repo.git(["cat-file", "commit", &format!("refs/orchestra/agents/{id}")]).stdout();
    let torn = whole.replace("Orchestra-Attempt: 1", "Orchestra-Attempt: x");
    let torn: String = torn
        .lines()
        .map(
            |line| {
                if line.starts_with("parent") { format!("parent {}", "1".repeat(40)) } else { line.into() }
            },
        )
        .map(|line| line + "\n")
        .collect();
    repo.write("torn", &torn);
    let torn = repo.git(["hash-object", "-t", "commit", "-w", "--literally", "torn"]).line();
    std::fs::write(agents.join("torn-00000"), format!("{torn}\n")).expect("a file");
    let report = repo.orchestra(["status", "--all", "--json"]).succeeded().json();
    let shown: Vec<&str> =
        report["agents"].as_array().expect("agents").iter().filter_map(|a| a["id"].as_str()).collect();
    assert!(shown.contains(&id.as_str()), "{shown:?}");
    let unreadable: Vec<&str> =
        report["unreadable"].as_array().expect("a list").iter().filter_map(|a| a["id"].as_str()).collect();
    assert_eq!(
        unreadable,
        ["a-blob-00000", "empty-00000", "missing-00000", "plain-commit-00000", "torn-00000"]
    );
    repo.orchestra(["stop", "--all"]).succeeded();
    for name in ["empty-00000", "missing-00000", "torn-00000"] {
        std::fs::remove_file(agents.join(name)).expect("removed");
    }
}

#[test]
fn forged_trailers_are_ignored() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["spawn", "--agent", "sh", "exit 1"]).exits(1);
    let (name, tip) = repo.refs("refs/orchestra/agents/").remove(0);
    let message = repo.git(["log", "-1", "--format=%B", &tip]).stdout();
    let forged = message.replace("Orchestra-State: failed", "Orchestra-State: done");
    let forged: String = forged
        .lines()
        .map(|l| if l.starts_with("Orchestra-By") { "Orchestra-By: ffff\n".into() } else { format!("{l}\n") })
        .collect();
    let tree = repo.git(["rev-parse", &format!("{tip}^{{tree}}")]).line();
    let parent = repo.git(["rev-parse", &format!("{tip}^")]).line();
    let commit = repo.git(["commit-tree", &tree, "-p", &parent, "-m", &forged]).line();
    repo.git(["update-ref", &name, &commit]);
    assert_eq!(repo.agents().remove(0)["phase"], "failed", "the events say so");
}

#[test]
fn a_git_that_is_too_old_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let world = world();
    let repo = world.repo();
    let folder = world.dir().join("old");
    std::fs::create_dir_all(&folder).expect("a folder");
    let real = testkit::Ran::of(repo.command("sh").args(["-c", "command -v git"])).line();
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *version) echo git version 2.30.1;; *) exec {real} \"$@\";; esac\n"
    );
    std::fs::write(folder.join("git"), script).expect("a program");
    std::fs::set_permissions(folder.join("git"), std::fs::Permissions::from_mode(0o755)).expect("executable");
    let mut command = repo.orchestra_command(["spawn", "--agent", "sh", "true"]);
    let path =
        command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, value)| value).expect("a PATH");
    let folders = std::iter::once(folder).chain(std::env::split_paths(path));
    let path = std::env::join_paths(folders).expect("a PATH");
    testkit::Ran::of(command.env("PATH", path)).exits(3).stderr_has("git 2.30 is too old: 2.39 or newer");
    assert!(repo.refs("refs/orchestra").is_empty());
}
