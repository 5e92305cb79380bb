//! Completions: the answers of the binaries, and their use in the shells.

use std::path::{Path, PathBuf};

use testkit::{Ran, TestRepo};

use crate::{skip, world};

pub(crate) fn asked(repo: &TestRepo<'_>, index: usize, words: &[&str]) -> Vec<String> {
    let mut command = repo.orchestra_command([index.to_string()]);
    command.args(words).env("GIT_ORCHESTRA_ASK", "complete");
    let ran = Ran::of(&mut command).succeeded();
    assert_eq!(ran.stderr(), "", "a completion says nothing");
    ran.stdout().lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn commands_options_and_agents_are_answered() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["spawn", "--agent", "sh", "--name", "ended", "true"]).succeeded();
    let ended = repo.agents().remove(0)["id"].as_str().expect("an id").to_owned();
    let open = repo.spawn("while :; do sleep 0.1; done");
    repo.wait_for(&open, "running");

    let all = asked(&repo, 1, &["git-orchestra", ""]);
    assert!(all.contains(&"spawn".into()) && all.contains(&"demo".into()), "{all:?}");
    assert_eq!(asked(&repo, 1, &["git-orchestra", "sta"]), ["status"]);
    let options = asked(&repo, 2, &["git-orchestra", "status", "--"]);
    assert!(options.contains(&"--watch".into()) && options.contains(&"--json".into()), "{options:?}");
    let agents = asked(&repo, 2, &["git-orchestra", "status", ""]);
    assert!(agents.contains(&ended) && agents.contains(&open), "{agents:?}");
    assert!(!agents.iter().any(|a| a.starts_with('-')), "options are for those who ask for them: {agents:?}");
    assert_eq!(asked(&repo, 2, &["git-orchestra", "stop", ""]), [open.as_str()], "only what can be stopped");
    assert_eq!(asked(&repo, 2, &["git-orchestra", "logs", "end"]), [ended.as_str()]);
    assert_eq!(asked(&repo, 3, &["git-orchestra", "worktrees", "--path", "end"]), [ended.as_str()]);
    repo.git(["config", "orchestra.agent.mine.command", "cat"]);
    assert_eq!(asked(&repo, 3, &["git-orchestra", "spawn", "--agent", ""]), ["sh", "mine"]);
    let built_in = asked(&repo, 2, &["git-orchestra", "demo", "--"]);
    assert!(built_in.contains(&"--keep".into()), "{built_in:?}");
    // Keys may be typed without their section, but are listed once.
    assert_eq!(asked(&repo, 3, &["git-orchestra", "config", "get", "maxTi"]), ["maxTime"]);
    let keys = asked(&repo, 3, &["git-orchestra", "config", "get", ""]);
    assert!(keys.iter().all(|key| key.starts_with("orchestra.")), "{keys:?}");
    let shells = asked(&repo, 2, &["git-orchestra", "completions", ""]);
    assert!(shells.contains(&"bash".into()), "{shells:?}");
    assert_eq!(asked(&repo, 2, &["git-orchestra", "schema", "merge"]), ["merge-ranked"]);
}

#[test]
fn invalid_input_yields_no_candidates() {
    let world = world();
    let nowhere = TestRepo::new(&world, world.home());
    assert!(asked(&nowhere, 2, &["git-orchestra", "status", ""]).is_empty());
    assert!(asked(&nowhere, 2, &["git-orchestra", "nosuch", ""]).is_empty());
    assert!(asked(&nowhere, 9, &["git-orchestra", "status", ""]).is_empty());
    assert!(!nowhere.path().join(".git").exists());
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("completions").join(name)
}

/// Whether a shell is installed; if not, the test is skipped.
fn has(world: &testkit::World, shell: &str) -> bool {
    let there = world.command(shell, world.dir()).arg("--version").output().is_ok();
    if !there {
        skip(&format!("{shell} is not installed"));
    }
    there
}

/// Returns the path of git's own completion for bash on this machine.
fn git_completion() -> Option<PathBuf> {
    [
        "/usr/share/bash-completion/completions/git",
        "/etc/bash_completion.d/git",
        "/usr/local/share/bash-completion/completions/git",
    ]
    .iter()
    .map(PathBuf::from)
    .find(|path| path.is_file())
}

#[test]
fn bash_completes_through_gits_own_completion() {
    let world = world();
    let repo = world.repo();
    let Some(git) = git_completion().filter(|_| has(&world, "bash")) else {
        skip("git's completion for bash is not installed");
        return;
    };
    repo.orchestra(["spawn", "--agent", "sh", "--name", "ended", "true"]).succeeded();
    let id = repo.agents().remove(0)["id"].as_str().expect("an id").to_owned();
    let complete = |line: &str| {
        let script = format!(
            "source {git}; source {ours}; COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; COMP_WORDS=($COMP_LINE); \
             [[ $COMP_LINE == *' ' ]] && COMP_WORDS+=(''); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             __git_wrap__git_main; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            git = git.display(),
            ours = script("git-orchestra.bash").display(),
        );
        let ran = Ran::of(world.command("bash", repo.path()).args(["-c", &script]));
        ran.stdout().lines().map(|l| l.trim_end().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(complete("git orchestra spa"), ["spawn"]);
    assert!(complete("git orchestra status --").contains(&"--watch".into()));
    assert_eq!(complete("git orchestra logs end"), [id.as_str()]);
    let elsewhere = format!("git -C {} orchestra logs end", repo.path().display());
    assert_eq!(complete(&elsewhere), [id]);
}

#[test]
fn fish_completes() {
    let world = world();
    let repo = world.repo();
    if !has(&world, "fish") {
        return;
    }
    repo.orchestra(["spawn", "--agent", "sh", "--name", "ended", "true"]).succeeded();
    let id = repo.agents().remove(0)["id"].as_str().expect("an id").to_owned();
    let complete = |line: &str| {
        let script = format!(
            "source {}; source {}; complete -C '{line}'",
            script("git-orchestra.fish").display(),
            script("git-orchestra.conf.fish").display()
        );
        let ran = Ran::of(world.command("fish", repo.path()).args(["-c", &script]));
        ran.stdout().lines().map(|l| l.split('\t').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert!(complete("git orchestra sp").contains(&"spawn".into()));
    assert!(complete("git orchestra logs end").contains(&id));
    assert!(complete("git-orchestra-logs end").contains(&id));
    assert!(complete(&format!("git -C {} orchestra logs end", repo.path().display())).contains(&id));
}

#[test]
fn zsh_completes_in_a_terminal() {
    let world = world();
    let repo = world.repo();
    if !(has(&world, "zsh") && has(&world, "tmux")) {
        return;
    }
    repo.orchestra(["spawn", "--agent", "sh", "--name", "ended", "true"]).succeeded();
    let id = repo.agents().remove(0)["id"].as_str().expect("an id").to_owned();
    let socket = world.dir().join("tmux");
    let tmux = |arguments: &[&str]| {
        Ran::of(
            world
                .command("tmux", repo.path())
                .arg("-S")
                .arg(&socket)
                .args(["-f", "/dev/null"])
                .args(arguments),
        )
    };
    let path = world
        .command("x", repo.path())
        .get_envs()
        .find(|(n, _)| *n == "PATH")
        .and_then(|(_, v)| v.map(|v| v.to_string_lossy().into_owned()));
    let rc = format!(
        "PS1='% '; fpath=({} $fpath); autoload -U compinit; compinit -u -d {}; echo ready\n",
        script("").display(),
        world.dir().join("zcompdump").display()
    );
    std::fs::write(world.home().join(".zshrc"), rc).expect("written");
    let start = format!(
        "env PATH='{}' HOME='{}' ZDOTDIR='{}' zsh -i",
        path.unwrap_or_default(),
        world.home().display(),
        world.home().display()
    );
    let started = tmux(&["new-session", "-d", "-x", "120", "-y", "30", &start]).succeeded();
    drop(started);
    let screen = |text: &str| {
        testkit::until(text, || tmux(&["capture-pane", "-p"]).stdout().contains(text).then_some(()));
    };
    screen("ready");
    for (typed, shown) in [("git orchestra logs end", id.as_str()), ("git orchestra stat", "status")] {
        let typed_ran = tmux(&["send-keys", "-l", typed]).succeeded();
        let tabbed = tmux(&["send-keys", "Tab"]).succeeded();
        drop((typed_ran, tabbed));
        screen(shown);
        drop(tmux(&["send-keys", "C-u"]));
    }
    drop(tmux(&["kill-server"]));
}
