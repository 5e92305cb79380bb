//! `commit.gpgsign`: landed commits are signed by the user's signer, a broken signer blocks nothing, and a
//! signer that an agent configured does not run.

use std::{fs, os::unix::fs::PermissionsExt};

use testkit::TestRepo;

use crate::world;

/// Configures signing with an ssh key; returns `false` if ssh-keygen is missing.
fn with_ssh_key(repo: &TestRepo<'_>) -> bool {
    let key = repo.world().dir().join("key");
    if !key.exists() {
        let mut keygen = repo.command("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "tess@example.com", "-f"]).arg(&key);
        if !keygen.output().is_ok_and(|output| output.status.success()) {
            crate::skip("ssh-keygen is not installed");
            return false;
        }
    }
    let public = fs::read_to_string(key.with_extension("pub")).expect("a public key");
    let known = repo.world().dir().join("known");
    fs::write(&known, format!("tess@example.com {public}")).expect("written");
    repo.git(["config", "gpg.format", "ssh"]);
    repo.git(["config", "gpg.ssh.allowedSignersFile", &known.to_string_lossy()]);
    repo.git(["config", "user.signingKey", &key.to_string_lossy()]);
    repo.git(["config", "commit.gpgsign", "true"]);
    true
}

/// Replaces gpg by a script.
fn with_signer(repo: &TestRepo<'_>, script: &str) -> std::path::PathBuf {
    let program = repo.world().dir().join("signer");
    fs::write(&program, script).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a program");
    repo.git(["config", "gpg.program", &program.to_string_lossy()]);
    repo.git(["config", "commit.gpgsign", "true"]);
    program
}

/// Whether git reports a good signature.
fn is_signed(repo: &TestRepo<'_>, revision: &str) -> bool {
    repo.command("git").args(["verify-commit", revision]).output().is_ok_and(|output| output.status.success())
}

#[test]
fn merge_squash_and_rebase_sign_what_lands() {
    let world = world();
    for (strategy, signed) in [("merge", 1), ("squash", 1), ("rebase", 2)] {
        let repo = world.repo_named(strategy);
        repo.git(["checkout", "-q", "-b", "two", "main"]);
        repo.commit("first", &[("a.txt", "a\n")]);
        repo.commit("second", &[("b.txt", "b\n")]);
        repo.git(["checkout", "-q", "main"]);
        repo.commit("meanwhile", &[("c.txt", "c\n")]);
        if !with_ssh_key(&repo) {
            return;
        }
        let ran = repo.orchestra(["merge-ranked", "two", "--strategy", strategy]).succeeded();
        let landed: Vec<String> =
            repo.git(["rev-list", "main@{1}..main"]).stdout().lines().map(str::to_owned).collect();
        let found = landed.iter().filter(|commit| is_signed(&repo, commit)).count();
        assert_eq!(found, signed, "{strategy}: {}", ran.stderr());
        let warns = ran.stderr().contains("2 commits that landed with the branches are not signed");
        assert_eq!(warns, strategy == "merge", "{strategy}: {}", ran.stderr());
    }
}

#[test]
fn a_failing_signer_blocks_nothing_and_is_reported() {
    let world = world();
    for strategy in ["merge", "squash", "rebase"] {
        let repo = world.repo_named(strategy);
        repo.branch("one", &[("a.txt", "a\n")]);
        repo.branch("two", &[("b.txt", "b\n")]);
        repo.commit("meanwhile", &[("c.txt", "c\n")]);
        let program =
            with_signer(&repo, "#!/bin/sh\necho tried >> \"$0.log\"\necho no agent here >&2\nexit 2\n");
        let log = program.with_file_name("signer.log");
        let _ = fs::remove_file(&log);
        repo.orchestra(["merge-ranked", "one", "two", "--strategy", strategy])
            .succeeded()
            .stderr_has("the landed commits are not signed, although commit.gpgsign asks for it")
            // A newer git passes on the signer's message.
            .stderr_has("failed to sign the data");
        assert!(repo.has("main", "a.txt") && repo.has("main", "b.txt"));
        assert_eq!(fs::read_to_string(&log).unwrap_or_default(), "tried\n", "{strategy}: it is tried once");
    }
}

#[test]
fn an_agent_cannot_choose_the_signer() {
    let world = world();
    let repo = world.repo();
    let mark = world.dir().join("ran");
    let evil = world.dir().join("evil");
    fs::write(&evil, format!("#!/bin/sh\ntouch '{}'\nexit 1\n", mark.display())).expect("written");
    fs::set_permissions(&evil, fs::Permissions::from_mode(0o755)).expect("a program");
    let id = repo.spawn(&format!(
        "git config commit.gpgsign true; git config gpg.program '{}'; echo x > x.txt",
        evil.display()
    ));
    repo.end_of(&id);
    repo.orchestra(["merge-ranked"]).exits(3).stderr_has("of the configuration changed while agents ran");
    assert!(!mark.exists());
}

#[test]
fn a_signer_configured_by_an_agent_during_a_landing_does_not_run() {
    let world = world();
    let repo = world.repo();
    repo.branch("one", &[("a.txt", "a\n")]);
    repo.branch("two", &[("b.txt", "b\n")]);
    repo.commit("meanwhile", &[("c.txt", "c\n")]);
    if !with_ssh_key(&repo) {
        return;
    }
    let (mark, evil) = (world.dir().join("ran"), world.dir().join("evil"));
    fs::write(&evil, format!("#!/bin/sh\ntouch '{}'\nexit 1\n", mark.display())).expect("written");
    fs::set_permissions(&evil, fs::Permissions::from_mode(0o755)).expect("a program");
    let folder = world.dir().display().to_string();
    let id = repo.spawn(&format!(
        "until test -e {folder}/go; do sleep 0.05; done; git config gpg.ssh.program {}; touch {folder}/set; sleep 600",
        evil.display()
    ));
    repo.wait_for(&id, "running");
    let test = format!("touch {folder}/go; until test -e {folder}/set; do sleep 0.05; done");
    repo.orchestra(["merge-ranked", "one", "two", "--test", &test])
        .exits(3)
        .stderr_has("of the configuration changed while agents ran");
    assert!(!mark.exists());
}
