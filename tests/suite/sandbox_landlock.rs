//! `--sandbox` where bubblewrap cannot run, and what is only so by Landlock. What both engines prevent is in `sandbox`.

use std::fs;

use testkit::{Ran, TestRepo};

use crate::{
    sandbox::{ended, engines, output, without_bubblewrap},
    world,
};

/// Returns whether this machine has Landlock; otherwise the test is skipped.
fn has_landlock() -> bool {
    engines().contains(&"landlock")
}

/// Starts an agent with a PATH on which there is no bubblewrap.
fn spawn(repo: &TestRepo<'_>, arguments: &[&str]) -> Ran {
    let program = repo.world().bins().join("git-orchestra-spawn");
    let folder = repo.world().dir().join("bin");
    let always = ["--agent", "sh", "--detach"];
    Ran::of(repo.command(program).env("PATH", folder).args(always).args(arguments))
}

#[test]
fn without_bubblewrap_landlock_holds_the_files_and_the_network_is_refused() {
    if !has_landlock() {
        return;
    }
    let world = world();
    let repo = world.repo();
    let _ = without_bubblewrap(&world);
    let outside = world.home().join("planted");
    let script = format!("echo x > {}; echo 1 > one.txt", outside.display());
    let id = spawn(&repo, &["--sandbox", "files", "--", &script]).succeeded().line();
    let agent = repo.end_of(&id);
    assert_eq!(
        (&agent["phase"], &agent["sandbox"]),
        (&"done".into(), &"files by landlock".into()),
        "{agent}"
    );
    assert_eq!(repo.file_in_head(&id, "one.txt"), "1\n");
    assert!(!outside.exists());
    spawn(&repo, &["--again", "--sandbox", "net", "--", &script])
        .exits(3)
        .stderr_has("cannot run agents in the sandbox 'net' here")
        .stderr_has("landlock: it has no rules for names, UDP or hosts")
        .stderr_has("sudo apt install bubblewrap");
}

/// One engine shows files of the user at their own paths, the other has links to them in the private home folder.
#[test]
fn the_home_folder_is_the_same_with_the_other_engine() {
    let engines = engines();
    if engines.len() < 2 {
        return;
    }
    let world = world();
    let repo = world.repo();
    fs::write(world.home().join(".shown"), "of the user\n").expect("written");
    fs::create_dir_all(world.home().join(".config/gh")).expect("a folder");
    fs::create_dir_all(world.home().join(".config/vim")).expect("a folder");
    fs::write(world.home().join(".config/vim/rc"), "settings\n").expect("written");
    let script = "cat ~/.shown ~/.config/vim/rc; echo more >> ~/kept; cat ~/kept; echo x >> w; \
                  echo y 2>/dev/null >> ~/.config/vim/rc || echo refused";
    repo.git(["config", "orchestra.sandboxEngine", "landlock"]);
    let (id, _) = ended(&repo, "files", script);
    for (attempt, engine) in ["bubblewrap", "landlock", "bubblewrap"].iter().enumerate() {
        repo.git(["config", "orchestra.sandboxEngine", engine]);
        repo.orchestra(["resume", "--detach", &id]).succeeded();
        let agent = repo.end_of(&id);
        assert_eq!(agent["sandbox"], format!("files by {engine}"));
        let more = "more\n".repeat(attempt + 2);
        let last = format!("of the user\nsettings\n{more}refused\n");
        assert!(output(&repo, &id).ends_with(&last), "{engine}: {}", output(&repo, &id));
    }
    assert_eq!(fs::read_to_string(world.home().join(".config/vim/rc")).expect("a file"), "settings\n");
}

#[test]
fn what_landlock_refuses_is_refused_to_the_programs_that_an_agent_starts_as_well() {
    if !has_landlock() {
        return;
    }
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.sandboxEngine", "landlock"]);
    let home = world.home().display().to_string();
    let tries = [
        ("in the background", format!("( setsid sh -c 'echo x > {home}/a' ) 2>/dev/null; test -e {home}/a")),
        ("through a link", format!("ln -s {home} l; echo x > l/b")),
        ("by a rename", format!("echo x > c; mv c {home}/c")),
        ("by a hard link", format!("ln {home}/.shown hard && echo x >> hard")),
        ("by emptying", format!(": > {home}/.shown")),
        ("by a mount", format!("unshare -rm sh -c 'mount --bind . {home}'")),
        ("through a process", "for p in /proc/[0-9]*; do ls $p/root/etc && exit; done; exit 1".to_owned()),
        ("by rights of root", "grep -v '0000000000000000$' /proc/self/status | grep ^CapEff".to_owned()),
    ];
    fs::write(world.home().join(".shown"), "of the user\n").expect("written");
    // Its own processes may be looked into: only those of others count.
    let tries: Vec<(&str, String)> = tries
        .into_iter()
        .map(|(name, script)| (name, script.replace("/proc/[0-9]*", "/proc/1 /proc/$PPID")))
        .collect();
    let script: String = tries
        .iter()
        .map(|(name, script)| format!("if ( {script} ) >/dev/null 2>&1; then echo done {name}; fi\n"))
        .collect();
    let (id, _) = ended(&repo, "files", &(script + "echo 1 > one.txt; echo all tried"));
    assert_eq!(output(&repo, &id), "all tried\n");
    assert_eq!(fs::read_to_string(world.home().join(".shown")).expect("a file"), "of the user\n");
}

/// A link that an agent placed in its home folder does not make us write where it leads.
#[test]
fn links_of_an_agent_are_not_followed() {
    if !has_landlock() {
        return;
    }
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.sandboxEngine", "landlock"]);
    let elsewhere = world.home().join("elsewhere");
    fs::create_dir_all(&elsewhere).expect("a folder");
    let script = format!("echo x >> w; rm -rf ~/.config; ln -s {} ~/.config", elsewhere.display());
    let (id, _) = ended(&repo, "files", &script);
    fs::create_dir_all(world.home().join(".config/vim")).expect("a folder");
    repo.orchestra(["resume", "--detach", &id]).succeeded();
    assert_eq!(repo.end_of(&id)["phase"], "done");
    assert_eq!(fs::read_dir(&elsewhere).expect("a folder").count(), 0);
}

/// A git of the user would read the configuration that a replaced `.git` names, and run what it says.
#[test]
fn a_git_that_an_agent_put_in_its_worktree_is_moved_away() {
    if !has_landlock() {
        return;
    }
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.sandboxEngine", "landlock"]);
    let planted = world.home().join("planted");
    let script = format!(
        "echo x > w; rm .git; env -u GIT_DIR git init -q . && env -u GIT_DIR git config core.fsmonitor 'touch {}; :'",
        planted.display()
    );
    let (id, agent) = ended(&repo, "files", &script);
    let says = "it replaced '.git' in its worktree; what it put there is in its private home folder, as replaced-git-1";
    assert!(agent["reason"].as_str().is_some_and(|reason| reason.contains(says)), "{agent}");
    let worktree = std::path::PathBuf::from(agent["worktree"].as_str().expect("a worktree"));
    let status = Ran::of(repo.command("git").current_dir(&worktree).args(["status", "--branch", "--short"]));
    status.succeeded().stdout_has(&format!("## orchestra/{id}"));
    assert!(!planted.exists());
    let kept = repo.path().join(".git/orchestra/sandboxes").join(&id).join("home/replaced-git-1/config");
    assert!(fs::read_to_string(kept).expect("a file").contains("fsmonitor"));
}
