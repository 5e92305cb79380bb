//! Nothing runs that a person did not ask for: no command runs a program that an agent configured, by configuration, attributes or
//! hooks, before a person accepted it; the user's own programs run without a question.

mod programs;

use std::{fs, path::Path, process::Command};

use testkit::{Ran, TestRepo, has_terminal, talk};

use self::programs::{GUARDED, OPEN, PROGRAMS};
use crate::{skip, sync::first, world};
/// A repository with a remote, a canary directory next to it, and an agent that changed a file and ran `script`.
struct Stage<'world> {
    repo: TestRepo<'world>,
    agent: String,
}

impl<'world> Stage<'world> {
    fn new(repo: TestRepo<'world>, script: &str) -> Self {
        fs::create_dir_all(repo.world().dir().join("canary")).expect("a folder");
        let agent = spawn(&repo, &format!("echo two >> file.txt; {script}"));
        Self { repo, agent }
    }

    fn words<'a>(&'a self, words: &[&'a str]) -> Vec<&'a str> {
        words.iter().map(|word| if *word == "AGENT" { &self.agent } else { *word }).collect()
    }

    fn run(&self, words: &[&str]) -> Ran {
        self.repo.orchestra(self.words(words))
    }

    /// Runs the command on a terminal, where a question is answered.
    fn talk(&self, words: &[&str], answer: &str) -> (i32, String) {
        let quoted: Vec<String> = self.words(words).iter().map(|word| format!("'{word}'")).collect();
        let typed = format!("stty -echo; git orchestra {}", quoted.join(" "));
        talk(
            self.repo.command("script").args(["-qec", &typed, "/dev/null"]),
            "use this configuration?",
            answer,
        )
    }

    fn canaries(&self) -> Vec<String> {
        let entries = fs::read_dir(self.repo.world().dir().join("canary")).expect("a folder").flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    fn fingerprint(&self) -> String {
        let said = self.run(&["diff", "AGENT"]).exits(3).stderr();
        let after = said.split("--accept=").nth(1).expect("a fingerprint");
        after.split_whitespace().next().expect("a fingerprint").to_owned()
    }
}

/// Runs an agent, which may set `$EVIL`, until it ends; returns its id.
fn spawn(repo: &TestRepo<'_>, script: &str) -> String {
    let canary = repo.world().dir().join("canary");
    let prelude = format!(
        "G=$(cd \"$(git rev-parse --git-common-dir)\"; pwd); mkdir -p $G/info; evil() {{ EVIL=\"touch {}/$1\"; }}; evil ran",
        canary.display()
    );
    let script = format!("{prelude}; {script}");
    let id = repo.orchestra(["spawn", "--agent", "sh", "--name", "agent", "--detach", "--", &script]);
    let id = id.succeeded().line();
    repo.end_of(&id);
    id
}

#[test]
fn each_configured_program_is_reported_until_removed_or_accepted() {
    let world = world();
    let repo = first(&world);
    let git_dir = repo.path().join(".git");
    let saved = world.dir().join("saved");
    assert!(Command::new("cp").arg("-a").arg(&git_dir).arg(&saved).status().expect("a copy").success());
    fs::create_dir_all(world.dir().join("canary")).expect("a folder");
    for (key, script) in PROGRAMS {
        let stage = Stage::new(TestRepo::new(&world, repo.path().to_owned()), script);
        let ran = stage.run(&["diff", "AGENT"]).exits(3);
        let said = ran.stderr();
        let shown = said.lines().find(|line| line.trim_start().starts_with(key.trim_end_matches(')')));
        assert!(shown.is_some_and(|line| line.contains(" → ")), "{key}: {said}");
        assert!(said.contains("hint: git orchestra init --accept="), "{key}: {said}");
        stage.run(&["status"]).succeeded();
        // A restored setting needs no question.
        let _ = fs::remove_dir_all(git_dir.join("modules"));
        for name in ["config", "info", "hooks"] {
            let (from, to) = (saved.join(name), git_dir.join(name));
            let _ = fs::remove_dir_all(&to);
            assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().expect("a copy").success());
        }
        stage.run(&["diff", "--json", "AGENT"]).succeeded();
        assert_eq!(stage.canaries(), [""; 0], "{key}");
        std::mem::forget(stage);
    }
}

#[test]
fn no_command_runs_a_program_configured_by_an_agent() {
    let world = world();
    let repo = first(&world);
    let all: Vec<String> = PROGRAMS
        .iter()
        // It would make all of git unusable in this repository, and every other command as well.
        .filter(|(key, _)| *key != "url.evil.insteadof")
        .enumerate()
        .map(|(at, (_, script))| format!("evil {at}; {script}"))
        .collect();
    let stage = Stage::new(repo, &all.join("\n"));
    let on_a_terminal = has_terminal();
    if !on_a_terminal {
        skip("script is not installed");
    }
    for words in GUARDED {
        let ran = stage.run(words);
        assert_eq!(ran.code(), 3, "{words:?}: {}{}", ran.stdout(), ran.stderr());
        assert!(ran.stderr().contains("while agents ran"), "{words:?}: {}", ran.stderr());
        if on_a_terminal {
            let (code, shown) = stage.talk(words, "n");
            assert_eq!(code, 3, "{words:?}: {shown}");
        }
        assert_eq!(stage.canaries(), [""; 0], "{words:?}");
    }
    for words in OPEN {
        stage.run(words).succeeded();
        // On a terminal the list of reviews continues with one agent.
        if on_a_terminal && *words != ["review"] {
            let (code, shown) = stage.talk(words, "n");
            assert!(code == 0 && !shown.contains("while agents ran"), "{words:?}: {shown}");
        }
        assert_eq!(stage.canaries(), [""; 0], "{words:?}");
    }
    let program = world.bins().join("git-orchestra");
    for words in [["1", "git-orchestra", ""], ["2", "git-orchestra", "logs"]] {
        drop(Ran::of(stage.repo.command(&program).env("GIT_ORCHESTRA_ASK", "complete").args(words)));
    }
    assert_eq!(stage.canaries(), [""; 0]);
    assert!(stage.repo.refs("refs/orchestra/agents").len() == 1, "an agent was started");
}

#[test]
fn a_change_is_shown_accepted_once_and_then_used() {
    let world = world();
    let script = "git config diff.evil.textconv \"$EVIL;cat\"; echo '*.txt diff=evil' > $G/info/attributes";
    let stage = Stage::new(first(&world), script);
    let said = stage.run(&["diff", "AGENT"]).exits(3).stderr();
    assert!(said.contains("  diff.evil.textconv: (not set) → touch "), "{said}");
    assert!(said.contains("  info/attributes: (not set) → *.txt diff=evil"), "{said}");
    stage.run(&["init", "--accept"]).exits(3).stderr_has("while agents ran");
    stage.run(&["init", "--accept=0123456789"]).exits(3).stderr_has("while agents ran");
    let fingerprint = stage.fingerprint();
    // Only what was shown is accepted: another change has another fingerprint.
    stage.repo.git(["config", "diff.evil.textconv", "touch /nowhere; cat"]);
    stage.run(&["init", &format!("--accept={fingerprint}")]).exits(3).stderr_has("/nowhere");
    let evil = format!("touch {}; cat", world.dir().join("canary/ran").display());
    stage.repo.git(["config", "diff.evil.textconv", &evil]);
    assert_eq!(stage.canaries(), [""; 0]);
    let fingerprint = stage.fingerprint();
    let accepted = stage.run(&["init", &format!("--accept={fingerprint}")]).succeeded();
    assert_eq!(accepted.stdout(), "accepted 2 keys\n");
    stage.run(&["diff", "AGENT"]).succeeded();
    assert_eq!(stage.canaries(), ["ran"], "what was accepted is used");
    stage.run(&["init", "--accept"]).succeeded().stderr_has("has not changed");
    // The next agent starts from the accepted configuration.
    let second = spawn(&stage.repo, "git config merge.evil.driver \"$EVIL\"");
    let said = stage.repo.orchestra(["diff", &second]).exits(3).stderr();
    assert!(
        said.contains("1 key of the configuration changed while agents ran: merge.evil.driver"),
        "{said}"
    );
}

#[test]
fn on_a_terminal_a_person_is_asked_once() {
    if !has_terminal() {
        return skip("script is not installed");
    }
    let world = world();
    let script = "git config core.pager \"$EVIL\"";
    let stage = Stage::new(first(&world), script);
    let (code, shown) = stage.talk(&["diff", "AGENT"], "n");
    assert_eq!(code, 3, "{shown}");
    assert!(shown.contains("core.pager: (not set) → touch "), "{shown}");
    assert_eq!(stage.canaries(), [""; 0]);
    let (code, shown) = stage.talk(&["merge-ranked", "--dry-run"], "y");
    assert_eq!(code, 0, "{shown}");
    let (code, shown) = stage.talk(&["diff", "AGENT"], "n");
    assert!(code == 0 && !shown.contains("while agents ran"), "{shown}");
    assert_eq!(stage.canaries(), ["ran"], "the pager was accepted");
}

#[test]
fn the_users_own_configuration_is_used_without_a_question() {
    let world = world();
    let repo = first(&world);
    fs::create_dir_all(world.dir().join("canary")).expect("a folder");
    let mine = |name: &str| format!("touch {}; cat", world.dir().join("canary").join(name).display());
    for (key, name) in
        [("filter.mine.clean", "clean"), ("filter.mine.smudge", "smudge"), ("diff.mine.textconv", "textconv")]
    {
        repo.git(["config", key, &mine(name)]);
    }
    repo.git(["config", "orchestra.test", &format!("touch {}", world.dir().join("canary/test").display())]);
    repo.git(["config", "orchestra.shareWith", &world.dir().join("hub.git").to_string_lossy()]);
    repo.commit(
        "attributes",
        &[(".gitattributes", "*.dat filter=mine\n*.txt diff=mine\n"), ("a.dat", "a\n")],
    );
    let stage = Stage::new(
        repo,
        "echo b >> a.dat; git config branch.x.remote origin; git config branch.x.merge refs/heads/x; \
                                  git config color.ui never; git branch --track y origin/main; git commit -qam work",
    );
    stage.run(&["diff", "AGENT"]).succeeded();
    stage.run(&["review", "AGENT", "--approve"]).succeeded();
    stage.run(&["sync", "--yes"]).succeeded();
    stage.run(&["merge-ranked", "AGENT"]).succeeded();
    stage.run(&["undo"]).succeeded();
    stage.run(&["init", "--probe"]).succeeded();
    let mut canaries = stage.canaries();
    canaries.sort();
    assert_eq!(canaries, ["clean", "smudge", "test", "textconv"]);
    // What the user changes while no agent runs is accepted, before and after an agent changed something.
    stage.repo.git(["config", "merge.mine.driver", "true"]);
    stage.run(&["diff", "AGENT"]).succeeded();
    let second = spawn(&stage.repo, "git config core.pager evil");
    stage.repo.git(["config", "merge.mine.driver", "false"]);
    let said = stage.repo.orchestra(["diff", &second]).exits(3).stderr();
    assert!(said.contains("1 key of the configuration changed while agents ran: core.pager"), "{said}");
    stage.repo.git(["config", "--unset", "core.pager"]);
    stage.repo.orchestra(["diff", &second]).succeeded();
}

#[test]
fn a_change_counts_while_an_agent_runs_and_after_a_kill() {
    let world = world();
    let repo = first(&world);
    fs::create_dir_all(world.dir().join("canary")).expect("a folder");
    let id = repo.spawn("echo two >> file.txt; git config orchestra.test evil; touch ready; exec sleep 1000");
    repo.wait_for_file(&id, "ready");
    repo.orchestra(["merge-ranked", "--dry-run"]).exits(3).stderr_has("orchestra.test");
    // Agreeing to a remote is also a change, made by the user.
    repo.git(["config", "--unset", "orchestra.test"]);
    repo.orchestra(["sync", "--yes"]).succeeded();
    repo.orchestra(["sync"]).succeeded();
    let agent = repo.agent(&id);
    for pid in ["supervisor_pid", "pid"] {
        let killed = Command::new("kill").arg("-9").arg(agent[pid].to_string()).status();
        assert!(killed.expect("a kill").success());
    }
    repo.git(["config", "core.pager", "evil"]);
    repo.orchestra(["diff", &id]).exits(3).stderr_has("core.pager");
    repo.orchestra(["resume", &id]).exits(3).stderr_has("core.pager");
    repo.orchestra(["stop", &id]).succeeded();
    repo.orchestra(["diff", &id]).exits(3).stderr_has("core.pager");
    repo.git(["config", "--unset", "core.pager"]);
    repo.orchestra(["diff", &id]).succeeded();
}

#[test]
fn deleting_the_record_makes_every_setting_a_question() {
    let world = world();
    let repo = first(&world);
    repo.git(["config", "filter.mine.clean", "cat"]);
    let stage = Stage::new(repo, "git config core.pager evil; rm $G/orchestra/accepted.json");
    let said = stage.run(&["diff", "AGENT"]).exits(3).stderr();
    for key in ["core.pager", "filter.mine.clean", "remote.origin.url"] {
        assert!(said.contains(&format!("  {key}: (not set) → ")), "{key}: {said}");
    }
    let fingerprint = stage.fingerprint();
    stage.run(&["init", &format!("--accept={fingerprint}")]).succeeded();
    stage.run(&["diff", "AGENT"]).succeeded();
}

#[test]
fn an_agent_cannot_accept_a_configuration() {
    let world = world();
    let repo = first(&world);
    let script = "git config core.pager evil; git orchestra diff agent 2> said; \
                  f=$(sed -n 's/.*--accept=\\([0-9a-f]*\\).*/\\1/p' said); test -n \"$f\" || exit 3; \
                  git orchestra init --accept=$f > answer 2>&1; echo $? >> answer";
    let stage = Stage::new(repo, script);
    let answer = stage.repo.file_in_head(&stage.agent, "answer");
    assert!(answer.contains("an agent cannot accept") && answer.ends_with("\n3\n"), "{answer}");
    stage.run(&["diff", "AGENT"]).exits(3);
}

#[test]
fn a_queued_agent_is_checked_out_with_the_users_filters() {
    let world = world();
    let repo = first(&world);
    fs::create_dir_all(world.dir().join("canary")).expect("a folder");
    let evil = format!("touch {}/queued; cat", world.dir().join("canary").display());
    let first_one = format!(
        "git config filter.a.smudge '{evil}'; git config filter.a.clean '{evil}'; \
         echo '* filter=a' > $(git rev-parse --git-common-dir)/info/attributes"
    );
    let ran = repo.orchestra(["spawn", "--agent", "sh", "--jobs", "1", "--", &first_one, "echo x > second"]);
    drop(ran);
    for agent in repo.agents() {
        let ended = repo.end_of(agent["id"].as_str().expect("an id"));
        assert_eq!(ended["phase"], "done", "{ended}");
    }
    assert!(!Path::new(&world.dir().join("canary/queued")).exists());
}

#[test]
fn completion_calls_only_programs_that_the_user_configured() {
    let world = world();
    let repo = world.repo();
    let folder = world.dir().join("path");
    fs::create_dir_all(&folder).expect("a folder");
    let canary = world.dir().join("canary");
    let program = folder.join("git-orchestra-others");
    fs::write(&program, format!("#!/bin/sh\ntouch {}\n", canary.display())).expect("a program");
    assert!(Command::new("chmod").arg("+x").arg(&program).status().expect("chmod").success());
    let complete = || {
        let path = std::env::join_paths([
            folder.as_path(),
            world.bins(),
            Path::new("/usr/local/bin"),
            Path::new("/usr/bin"),
            Path::new("/bin"),
        ]);
        let mut command = repo.command(world.bins().join("git-orchestra"));
        command.env("PATH", path.expect("a PATH")).env("GIT_ORCHESTRA_ASK", "complete");
        drop(Ran::of(command.args(["2", "git-orchestra", "others", ""])));
        canary.exists()
    };
    repo.git(["config", "orchestra.completes", "others"]);
    assert!(!complete(), "named by the repository");
    repo.git(["config", "--global", "orchestra.completes", "others"]);
    assert!(complete(), "named by the user");
}

#[test]
fn a_landing_checks_the_configuration_again_before_the_move() {
    let world = world();
    let stage = Stage::new(first(&world), "echo work > work; git add work; git commit -qm work");
    let id = stage.repo.spawn("touch ready; exec sleep 1000");
    stage.repo.wait_for_file(&id, "ready");
    let main = stage.repo.tip("main");
    // During the test of a landing, a running agent could do what the test does here.
    let test = format!("git -C '{}' config merge.evil.driver evil", stage.repo.path().display());
    let ran = stage.run(&["merge-ranked", "AGENT", "--test", &test]).exits(3);
    assert!(ran.stderr().contains("merge.evil.driver"), "{}", ran.stderr());
    assert_eq!(stage.repo.tip("main"), main);
    stage.run(&["merge-ranked", "--continue"]).exits(3);
    stage.repo.git(["config", "--remove-section", "merge.evil"]);
    stage.run(&["merge-ranked", "--continue"]).succeeded();
    assert!(stage.repo.has("main", "work"));
}
