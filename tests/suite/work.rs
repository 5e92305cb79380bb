//! Saving the work: all of it, nothing else, and no code of the agent runs meanwhile.

use std::os::unix::fs::PermissionsExt;

use crate::world;

/// Runs one agent until it ends, in whatever phase, and returns its id.
fn ran(repo: &testkit::TestRepo<'_>, script: &str) -> String {
    let report = repo.orchestra(["spawn", "--agent", "sh", "--json", "--", script]).json();
    report["agents"][0]["id"].as_str().expect("an id").to_owned()
}

#[test]
fn files_of_every_kind_are_saved() {
    let world = world();
    let repo = world.repo();
    let id = ran(
        &repo,
        "mkdir -p d/e; echo x > 'd/e/with space'; ln -s nowhere link; echo y > run; chmod +x run; \
        rm file.txt; printf 'a\\0b' > binary; echo z > \"$(printf 'new\\nline')\"; echo q > -dash",
    );
    let tree = repo.git(["ls-tree", "-r", "-z", &format!("refs/orchestra/heads/{id}")]).stdout();
    let entries: Vec<(String, String)> = tree
        .split('\0')
        .filter_map(|line| line.split_once('\t'))
        .map(|(meta, path)| (meta[..6].to_owned(), path.to_owned()))
        .collect();
    let wanted = [
        ("100644", "-dash"),
        ("100644", "binary"),
        ("100644", "d/e/with space"),
        ("120000", "link"),
        ("100644", "new\nline"),
        ("100755", "run"),
    ];
    assert_eq!(entries, wanted.map(|(mode, path)| (mode.to_owned(), path.to_owned())));
}

#[test]
fn excluded_files_stay_in_the_worktree_and_are_reported() {
    let world = world();
    let repo = world.repo();
    repo.write(".gitignore", "ignored/\n");
    repo.git(["add", "."]);
    repo.git(["commit", "-qm", "ignore"]);
    repo.git(["config", "orchestra.maxFile", "1k"]);
    let id = ran(
        &repo,
        "mkdir ignored; echo i > ignored/i; echo s > .env; git init -q inner; echo n > inner/n; \
        git init -q empty; head -c 2000 /dev/zero > giant; echo good > good",
    );
    let names = repo.git(["ls-tree", "-r", "--name-only", &format!("refs/orchestra/heads/{id}")]).stdout();
    assert_eq!(names, ".gitignore\nfile.txt\ngood\n");
    let fact = repo.git(["log", "-1", "--format=%b", &format!("refs/orchestra/agents/{id}")]).stdout();
    let fact: serde_json::Value = serde_json::from_str(fact.lines().next().expect("a line")).expect("JSON");
    let left: Vec<&str> =
        fact["left_out"].as_array().expect("a list").iter().filter_map(|l| l["path"].as_str()).collect();
    assert_eq!(left, [".env", "empty/", "giant", "inner/"]);
    assert_eq!(repo.agent(&id)["left_out"], 4);
    let shown = repo.orchestra(["status", &id]).succeeded().stdout();
    assert!(shown.contains("left out  giant (too large (orchestra.maxFile))"), "{shown}");
    assert!(repo.worktree(&id).join(".env").exists(), "they stay where they are");
}

#[test]
fn an_agents_hooks_filters_and_config_do_not_run() {
    let world = world();
    let repo = world.repo();
    let id = ran(
        &repo,
        "trap=\"touch $PWD/../trapped\"; main=$(git rev-parse --git-common-dir)
        for hook in pre-commit post-commit reference-transaction post-index-change post-checkout; do
            printf '#!/bin/sh\\n%s\\n' \"$trap\" > \"$main/hooks/$hook\"; chmod +x \"$main/hooks/$hook\"; done
        git config filter.evil.clean \"$trap; cat\"; git config filter.evil.required true
        git config core.fsmonitor \"$trap\"; git config core.attributesFile \"$PWD/attributes\"
        echo '* filter=evil' > attributes; cp attributes .gitattributes
        git config --global filter.evil.clean \"$trap; cat\"
        echo work > work",
    );
    assert!(
        !repo.path().with_file_name("repo.worktrees").join("trapped").exists(),
        "something of the agent's ran"
    );
    assert_eq!(repo.file_in_head(&id, "work"), "work\n");
    for setting in ["filter.evil.clean", "core.fsmonitor", "filter.evil.required", "core.attributesFile"] {
        repo.git(["config", "--unset-all", setting]);
    }
    std::fs::remove_dir_all(repo.path().join(".git/hooks")).expect("removed");
}

#[test]
fn the_users_own_filters_do_run() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "filter.upper.clean", "tr a-z A-Z"]);
    repo.git(["config", "filter.upper.smudge", "tr A-Z a-z"]);
    repo.write(".gitattributes", "*.up filter=upper\n");
    repo.git(["add", "."]);
    repo.git(["commit", "-qm", "attributes"]);
    let id = ran(&repo, "echo word > w.up");
    assert_eq!(repo.git(["cat-file", "-p", &format!("refs/orchestra/heads/{id}:w.up")]).stdout(), "WORD\n");
    assert_eq!(world.git(&repo.worktree(&id), ["status", "--porcelain"]).stdout(), "");
}

#[test]
fn changes_hidden_from_git_are_found() {
    let world = world();
    let repo = world.repo();
    repo.write("second.txt", "one\n");
    repo.git(["add", "."]);
    repo.git(["commit", "-qm", "two"]);
    let id = ran(
        &repo,
        "git update-index --assume-unchanged file.txt; git update-index --skip-worktree second.txt; \
        echo hidden > file.txt; echo hidden > second.txt",
    );
    assert_eq!(repo.file_in_head(&id, "file.txt"), "hidden\n");
    assert_eq!(repo.file_in_head(&id, "second.txt"), "hidden\n");
}

/// The branch of a worktree may be switched at any time: the work is saved, and no other branch gets it.
#[test]
fn an_open_merge_another_branch_or_no_branch_keep_the_work_off_the_branch() {
    let world = world();
    let repo = world.repo();
    for (script, reason) in [
        (
            "git checkout -qb side; echo s > file.txt; git commit -qam s; git checkout -q -; echo t > file.txt; \
          git commit -qam t; git merge side; echo left > left",
            "a merge is unfinished: conflicts in file.txt",
        ),
        (
            "git checkout -qb elsewhere-$ORCHESTRA_AGENT; echo left > left",
            "the worktree is on another branch",
        ),
        ("git checkout -q --detach; echo left > left", "the worktree has a detached HEAD"),
    ] {
        let id = ran(&repo, script);
        let agent = repo.agent(&id);
        assert!(agent["reason"].as_str().is_some_and(|r| r.contains(reason)), "{reason}: {agent}");
        assert_eq!(repo.file_in_head(&id, "left"), "left\n");
        let branch = repo.git(["ls-tree", "--name-only", &format!("orchestra/{id}")]).stdout();
        assert!(!branch.contains("left"), "the branch is as the agent left it");
        // The worktree is as the agent left it, too.
        assert!(!world.git(&repo.worktree(&id), ["status", "--porcelain"]).stdout().is_empty());
    }
}

#[test]
fn a_missing_worktree_or_branch_loses_no_work() {
    let world = world();
    let repo = world.repo();
    let id = ran(&repo, "echo 1 > a; git add a; git commit -qm a; cd ..; rm -rf \"$ORCHESTRA_AGENT\"");
    assert_eq!(repo.file_in_head(&id, "a"), "1\n");
    // Everything that it committed is on its branch, and nothing else is claimed.
    let not_saved = "its worktree is gone: what it had not committed is not saved";
    assert_eq!(
        (&repo.agent(&id)["phase"], &repo.agent(&id)["reason"]),
        (&"failed".into(), &not_saved.into())
    );
    assert_eq!(repo.tip(&format!("orchestra/{id}")), repo.tip(&format!("refs/orchestra/heads/{id}")));
    let id = ran(
        &repo,
        "echo 1 > a; git checkout -q --detach; git branch -qD orchestra/$ORCHESTRA_AGENT; echo 2 > b",
    );
    assert_eq!(repo.file_in_head(&id, "b"), "2\n");
}

/// Without its worktree, an agent would continue in the checkout of the user.
#[test]
fn an_agent_whose_worktree_vanished_is_not_done() {
    let world = world();
    let repo = world.repo();
    let not_saved = "its worktree is gone: what it had not committed is not saved";
    repo.orchestra(["spawn", "--agent", "sh", "--name", "gone", "echo 1 > a; rm -rf \"$PWD\""]).exits(1);
    let id = repo.agents()[0]["id"].as_str().expect("an id").to_owned();
    let agent = repo.agent(&id);
    assert_eq!((&agent["phase"], &agent["reason"]), (&"failed".into(), &not_saved.into()), "{agent}");
    assert_eq!(agent["unsaved"], not_saved, "{agent}");
    repo.orchestra(["review", &id]).succeeded().stdout_has(&format!("not all of it is saved: {not_saved}"));
    let found = repo.orchestra(["doctor"]).stdout();
    assert!(found.contains(&format!("the files of agent {id} were not saved")), "{found}");
    repo.orchestra(["collect", &id]).stdout_has(not_saved);
    let kept = repo.orchestra(["cleanup", "--json"]).json();
    assert!(kept["agents"][0]["why"].as_str().is_some_and(|why| why.contains("gone")), "{kept}");
    // What it was to do can be done again, or it goes.
    repo.git(["worktree", "prune"]);
    let kept = repo.orchestra(["cleanup", "--json"]).json();
    assert_eq!(
        (&kept["agents"][0]["outcome"], &kept["agents"][0]["why"]),
        (&"kept".into(), &not_saved.into())
    );
    repo.orchestra(["cleanup", "--discard", &id]).succeeded();
    assert!(repo.agents().is_empty());
}

#[test]
fn a_held_standard_input_ends_when_the_supervisor_dies() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.agent.talk.command", "tee heard; echo over > over; echo bye"]);
    repo.git(["config", "orchestra.agent.talk.stdin", "held"]);
    let id = repo.orchestra(["spawn", "--agent", "talk", "-d", "the task\n"]).succeeded().line();
    repo.wait_for_output(&id, "the task");
    let agent = repo.agent(&id);
    assert_eq!(agent["phase"], "running", "it keeps listening");
    let supervisor = agent["supervisor_pid"].as_i64().expect("a pid").to_string();
    repo.command("kill").args(["-9", &supervisor]).status().expect("kill");
    let worktree = repo.worktree(&id);
    testkit::until("the agent sees the end", || worktree.join("over").exists().then_some(()));
}

#[test]
fn an_unwritable_directory_is_refused_and_nothing_is_created() {
    let world = world();
    let repo = world.repo();
    let closed = world.dir().join("closed");
    std::fs::write(&closed, "a file").expect("a file");
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o444)).expect("closed");
    repo.git(["config", "orchestra.worktrees", closed.join("x").to_str().expect("text")]);
    repo.orchestra(["spawn", "--agent", "sh", "true"]).exits(3).stderr_has("orchestra.worktrees");
    assert!(repo.refs("refs/orchestra").is_empty());
}

#[test]
fn a_change_in_the_same_instant_as_the_index_is_detected() {
    let world = world();
    let repo = world.repo();
    // Git compares only lengths and seconds: changes within one instant can be simulated here.
    repo.git(["config", "core.trustctime", "false"]);
    repo.git(["config", "core.checkStat", "minimal"]);
    let id = repo.spawn("echo abc > a.txt");
    repo.end_of(&id);
    let worktree = repo.worktree(&id);
    let instant = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    let at_that_instant = |path: &std::path::Path| {
        let file = std::fs::File::options().write(true).open(path).expect("a file");
        file.set_modified(instant).expect("set");
    };
    let (file, index) = (worktree.join("a.txt"), repo.path().join(".git/worktrees").join(&id).join("index"));
    at_that_instant(&file);
    world.git(&worktree, ["update-index", "--refresh"]);
    at_that_instant(&index);
    std::fs::write(&file, "xyz\n").expect("written");
    at_that_instant(&file);
    repo.orchestra(["collect", &id]).succeeded();
    assert_eq!(repo.file_in_head(&id, "a.txt"), "xyz\n");
    assert_eq!(world.git(&worktree, ["status", "--porcelain"]).stdout(), "");
}

#[test]
fn the_index_that_is_left_knows_the_files() {
    let world = world();
    let repo = world.repo();
    for (version, name) in ["2", "3", "4"].into_iter().zip(["two", "three", "four"]) {
        // The index also remembers a conflict that was resolved.
        let id = ran(
            &repo,
            &format!(
                "git checkout -qb side-{name}; echo s > file.txt; git commit -qam s; git checkout -q -; echo t > file.txt
                git commit -qam t; git merge -q side-{name}; echo both > file.txt; git add file.txt; git commit -qm both
                git update-index --index-version {version}; mkdir -p a/b; echo 1 > a/b/one; echo 2 > run; chmod +x run
                ln -s run link; echo x >> file.txt"
            ),
        );
        let worktree = repo.worktree(&id);
        let resolved = world.git(&worktree, ["ls-files", "--resolve-undo"]).stdout();
        assert_eq!(resolved.lines().count(), 3, "version {version}");
        // Plumbing does not read a file to find out whether it changed: only the index decides.
        assert_eq!(world.git(&worktree, ["diff-files", "--name-only"]).stdout(), "", "version {version}");
        assert_eq!(world.git(&worktree, ["status", "--porcelain"]).stdout(), "");
        assert_eq!(repo.file_in_head(&id, "a/b/one"), "1\n");
    }
}
