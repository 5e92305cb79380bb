//! `doctor`: what it finds outside the repository, and asks of other programs.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use orchestra::{
    context::Context,
    ops::doctor::{self, Request, Severity},
};
use testkit::{Ran, World};

use crate::{
    doctor::{Answering, agent, examined, finding, healthy},
    environment, skip, world,
};

/// Puts a program on PATH that answers as a script does, and returns its folder.
fn program(world: &World, name: &str, script: &str) -> PathBuf {
    let folder = world.dir().join("programs");
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a program");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    folder
}

#[test]
fn programs_are_asked_offline_and_outside_the_repository() {
    let world = world();
    let repo = healthy(&world);
    let seen = world.dir().join("seen");
    let script = format!(
        "echo \"$* $PWD $HTTPS_PROXY\" >> '{}'; case \"$1\" in --version) echo 'codex-cli 0.169.0';; \
         login) echo 'Not logged in'; exit 1;; esac",
        seen.display()
    );
    let folder = program(&world, "codex", &script);
    let path =
        std::env::join_paths([folder.as_path(), Path::new("/usr/bin"), Path::new("/bin")]).expect("a PATH");
    let here = environment(&repo).with("PATH", path).with("HTTPS_PROXY", "http://real.example:1");
    let report =
        doctor::run(&Context::of(&here), &Request::default(), &mut Answering(true)).expect("a report");
    let found = finding(&report, "program-login").expect("a finding");
    assert_eq!((found.severity, found.fix.as_deref()), (Severity::Note, Some("codex login")));
    let mut seen: Vec<String> =
        fs::read_to_string(seen).expect("it ran").lines().map(str::to_owned).collect();
    seen.sort();
    assert_eq!(seen, ["--version / http://127.0.0.1:9", "login status / http://127.0.0.1:9"]);
}

#[test]
fn without_a_folder_for_temporary_files_only_that_is_found() {
    let world = world();
    let repo = healthy(&world);
    let program = world.bins().join("git-orchestra-doctor");
    let doctor = |folder: &Path| Ran::of(repo.command(&program).arg("--json").env("TMPDIR", folder));
    let problems = |ran: &Ran| -> Vec<String> {
        let findings = ran.json()["findings"].as_array().expect("findings").clone();
        let bad =
            findings.iter().filter(|one| ["error", "warning"].iter().any(|word| one["severity"] == *word));
        bad.filter_map(|one| one["check"].as_str().map(str::to_owned)).collect()
    };
    let before = doctor(world.dir()).succeeded();
    assert!(problems(&before).is_empty());
    let gone = doctor(&world.dir().join("gone")).exits(1);
    assert_eq!(problems(&gone), ["temporary-files"], "{}", gone.stdout());
}

/// Some users of the system have none, and programs that are asked would make it.
#[test]
fn a_home_that_does_not_exist_is_not_made() {
    let world = world();
    let repo = world.repo().with_identity();
    let missing = world.dir().join("missing");
    let folder = program(&world, "fish", "mkdir -p \"$HOME/.config/fish\"");
    let path =
        std::env::join_paths([folder.as_path(), world.bins(), Path::new("/usr/bin"), Path::new("/bin")]);
    let path = path.expect("a PATH");
    let ran = |words: &[&str]| {
        let mut command = repo.orchestra_command(words);
        command.env("HOME", &missing).env("PATH", &path).env_remove("XDG_RUNTIME_DIR");
        Ran::of(&mut command)
    };
    ran(&["doctor"]);
    ran(&["spawn", "--agent", "sh", "true"]).succeeded().stderr_has("ORCHESTRA_PORT is empty");
    assert!(!missing.exists());
}

#[test]
fn a_program_of_an_unaccepted_configuration_is_not_run() {
    let world = world();
    let repo = healthy(&world);
    let ran = world.dir().join("ran");
    let folder = program(&world, "trap", &format!("touch '{}'; echo 1.0.0", ran.display()));
    let trap = folder.join("trap");
    let id = repo.spawn(&format!("git config orchestra.agent.claude.program '{}'", trap.display()));
    repo.end_of(&id);
    let report = examined(&repo, false);
    assert!(finding(&report, "config-accepted").is_some(), "{report:?}");
    assert!(
        finding(&report, "program-version").is_some_and(|one| one.what.contains("not examined")),
        "{report:?}"
    );
    assert!(!ran.exists());
    repo.accept_configuration();
    assert!(finding(&examined(&repo, false), "config-accepted").is_none());
    assert!(ran.exists());
}

#[test]
fn sessions_that_their_program_will_delete_are_named_with_the_day() {
    let world = world();
    let repo = healthy(&world);
    let folder = world.claude_config().join("projects/x");
    fs::create_dir_all(&folder).expect("a folder");
    let write = |id: &str, cwd: &Path, days: u64| {
        let line = serde_json::json!({
            "type": "user", "uuid": "u", "sessionId": id, "cwd": cwd, "timestamp": "2026-01-01T00:00:00.000Z",
            "message": { "role": "user", "content": "hello" },
        });
        let path = folder.join(format!("{id}.jsonl"));
        fs::write(&path, format!("{line}\n")).expect("a session");
        let file = fs::File::options().write(true).open(&path).expect("a file");
        file.set_modified(SystemTime::now() - Duration::from_secs(days * 24 * 3600)).expect("a time");
    };
    let (old, new) = ("11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222");
    write(old, repo.path(), 28);
    write(new, &repo.path().with_file_name("repo.worktrees").join("gone-12345"), 1);
    let report = examined(&repo, false);
    let found = finding(&report, "session-deleted-soon").expect("a finding");
    assert_eq!(found.fix.as_deref(), Some(format!("git orchestra sessions keep {old}").as_str()));
    assert!(found.what.contains("on 20"), "{found:?}");
    assert!(
        finding(&report, "session-folder-gone").is_some_and(|one| one.what.starts_with("1 session")),
        "{report:?}"
    );
    assert!(report.is_healthy());
    repo.orchestra(["sessions", "keep", old]).succeeded();
    assert!(finding(&examined(&repo, false), "session-deleted-soon").is_none());
    fs::write(world.claude_config().join("settings.json"), r#"{"cleanupPeriodDays": 3}"#).expect("settings");
    let report = examined(&repo, false);
    assert!(finding(&report, "session-deleted-soon").is_some_and(|one| one.subject.as_deref() == Some(new)));
}

#[test]
fn remotes_are_contacted_only_when_asked_for() {
    let world = world();
    let repo = healthy(&world);
    let asked = |online| {
        let request = Request { online, ..Request::default() };
        doctor::run(&Context::of(&environment(&repo)), &request, &mut Answering(true)).expect("a report")
    };
    repo.git(["remote", "add", "origin", "/nowhere/hub.git"]);
    assert!(asked(false).is_healthy());
    let report = asked(true);
    assert_eq!(
        finding(&report, "remote-reachable").map(|one| one.severity),
        Some(Severity::Warning),
        "{report:?}"
    );
    world.git(world.dir(), ["init", "-q", "--bare", "hub.git"]);
    let hub = world.dir().join("hub.git");
    repo.git(["remote", "set-url", "origin", &hub.to_string_lossy()]);
    assert!(asked(true).is_healthy());
    agent(&repo);
    assert!(finding(&asked(false), "remote-consent").is_some());
    repo.orchestra(["sync", "--yes"]).succeeded();
    assert!(finding(&asked(false), "remote-consent").is_none());
    world.git(world.dir(), ["init", "-q", "--bare", "other.git"]);
    repo.git(["remote", "set-url", "origin", &world.dir().join("other.git").to_string_lossy()]);
    assert!(finding(&asked(false), "remote-url").is_some());
}

#[test]
fn pages_and_completions_are_found_after_setup() {
    let world = world();
    let repo = healthy(&world);
    if world.command("man", world.dir()).arg("--version").output().is_err() {
        skip("man is not installed");
        return;
    }
    // A copy of the programs, so that setup writes next to them and not into the build.
    let prefix = world.dir().join("prefix");
    fs::create_dir_all(prefix.join("bin")).expect("a folder");
    for entry in fs::read_dir(world.bins()).expect("programs").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("git-orchestra") && !name.contains('.') {
            fs::hard_link(entry.path(), prefix.join("bin").join(&name))
                .or_else(|_| fs::copy(entry.path(), prefix.join("bin").join(&name)).map(drop))
                .expect("a program");
        }
    }
    let path =
        std::env::join_paths([prefix.join("bin"), "/usr/local/bin".into(), "/usr/bin".into(), "/bin".into()]);
    let doctor = |arguments: &[&str]| {
        let mut command = repo.command(prefix.join("bin/git-orchestra-doctor"));
        Ran::of(command.args(arguments).env("PATH", path.as_ref().expect("a PATH")))
    };
    let checks = |ran: &Ran, severity: &str| -> Vec<String> {
        let findings = ran.json()["findings"].as_array().expect("findings").clone();
        let matching = findings.iter().filter(|one| one["severity"] == severity);
        matching.filter_map(|one| one["check"].as_str().map(str::to_owned)).collect()
    };
    let before = doctor(&["--json"]).succeeded();
    assert!(checks(&before, "note").contains(&"man-pages".to_owned()), "{}", before.stdout());
    let after = doctor(&["--fix", "--yes", "--json"]).succeeded();
    assert!(checks(&after, "ok").contains(&"man-pages".to_owned()), "{}", after.stdout());
    // Another version of one program.
    fs::remove_file(prefix.join("bin/git-orchestra-diff")).expect("removed");
    let folder = program(&world, "old", "echo git-orchestra-diff 0.0.1");
    fs::copy(folder.join("old"), prefix.join("bin/git-orchestra-diff")).expect("copied");
    let mixed = doctor(&["--json"]).exits(1);
    assert_eq!(checks(&mixed, "warning"), ["program-version"], "{}", mixed.stdout());
}
