//! Whatever an agent does to the configuration or to our private files, people can still look and stop, and
//! no work is lost.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use testkit::{Ran, TestRepo, until};

use crate::{library, sync::first, world};

/// How an agent breaks the configuration, and whether git itself still uses the repository. `$G` is the
/// common git directory.
const BREAKAGES: &[(&str, bool)] = &[
    ("git config core.repositoryformatversion 99", false),
    ("echo '[core' >> $G/config", false),
    ("git config core.repositoryformatversion 1; git config extensions.refStorage reftable", false),
    ("git config core.repositoryformatversion 1; git config extensions.objectFormat sha256", false),
    ("rm $G/config; mkfifo $G/config", false),
    ("rm $G/config; mkdir $G/config", false),
    ("git config user.name ''; git config user.email ''", true),
    (
        "git config orchestra.grace nonsense; git config orchestra.maxFile nonsense; git config orchestra.jobs x",
        true,
    ),
];

/// Runs a binary directly, since git itself refuses such a configuration.
fn ours(repo: &TestRepo<'_>, words: &[&str]) -> Ran {
    let program = repo.world().bins().join(format!("git-orchestra-{}", words[0]));
    Ran::of(repo.command(program).args(&words[1..]))
}

fn agent(repo: &TestRepo<'_>, id: &str) -> serde_json::Value {
    ours(repo, &["status", "--json", id]).succeeded().json()["agents"][0].clone()
}

#[test]
fn an_unusable_configuration_blocks_nothing_and_loses_nothing() {
    for (breakage, git_works) in BREAKAGES {
        let world = world();
        let repo = first(&world);
        let config = fs::read(repo.path().join(".git/config")).expect("a config");
        let go = world.dir().join("go");
        let waits = format!("echo b > b; until test -e '{}'; do sleep 0.05; done", go.display());
        let one = repo.spawn(&waits);
        repo.wait_for_file(&one, "b");
        let breaks = format!(
            "G=$(cd \"$(git rev-parse --git-common-dir)\"; pwd); echo a > a; {breakage}; touch ready; exec sleep 1000"
        );
        let other = repo.spawn(&breaks);
        until("the configuration is broken", || {
            let agent = agent(&repo, &other);
            let there = agent["worktree"].as_str().is_some_and(|path| Path::new(path).join("ready").exists());
            (there && agent["phase"] == "running").then_some(())
        });
        for words in [&["status", "--all"][..], &["worktrees"], &["logs", &one], &["collect"]] {
            ours(&repo, words).succeeded();
        }
        fs::write(&go, "").expect("written");
        let ended =
            until("it ends", || Some(agent(&repo, &one)).filter(|agent| agent["liveness"] == "ended"));
        assert_eq!(
            (ended["phase"].as_str(), &ended["commits"]),
            (Some("done"), &1.into()),
            "{breakage}: {ended}"
        );
        let ran = ours(&repo, &["diff", &one]);
        // Sizes and times are not compared.
        let word = if *git_works { "while agents ran" } else { "cannot be used" };
        assert!(ran.code() == 3 && ran.stderr().contains(word), "{breakage}: {}", ran.stderr());
        ours(&repo, &["stop", "--all"]).succeeded();
        let stopped = agent(&repo, &other);
        assert_eq!(
            (stopped["phase"].as_str(), &stopped["commits"]),
            (Some("stopped"), &1.into()),
            "{breakage}: {stopped}"
        );
        ours(&repo, &["pause", &other]).succeeded();
        let place = repo.path().join(".git/config");
        let _ = fs::remove_file(&place).or_else(|_| fs::remove_dir(&place));
        fs::write(&place, config).expect("restored");
        assert_eq!(repo.file_in_head(&one, "b"), "b\n", "{breakage}");
        assert_eq!(repo.file_in_head(&other, "a"), "a\n", "{breakage}");
        repo.orchestra(["diff", &one]).succeeded();
        repo.git(["fsck", "--strict"]).succeeded();
        assert!(repo.git(["worktree", "list"]).stdout().lines().count() == 3, "{breakage}");
    }
}

#[test]
fn private_files_belong_to_their_owner_whatever_the_umask() {
    let world = world();
    let repo = first(&world);
    let typed =
        "umask 000; git orchestra spawn --agent sh --detach --name a -- 'touch ready; exec sleep 1000'";
    let id = Ran::of(repo.command("sh").args(["-c", typed])).succeeded().line();
    repo.wait_for_file(&id, "ready");
    let private = repo.path().join(".git/orchestra");
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(&private), 0o700);
    let folder = private.join("agents").join(&id);
    for name in ["prompt", "spec.json", "lock", "1.out"] {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
    for entry in fs::read_dir(private.join("frozen")).expect("a folder").flatten() {
        assert_eq!(mode(&entry.path()), 0o700);
        for name in ["config", "HEAD", "info/attributes", "objects/info/alternates"] {
            assert_eq!(mode(&entry.path().join(name)), 0o600, "{name}");
        }
    }
    assert_eq!(mode(&private.join("accepted.json")), 0o600);
    // A file that an earlier version left readable is protected by the next agent.
    fs::set_permissions(&private, fs::Permissions::from_mode(0o777)).expect("opened");
    repo.spawn("true");
    assert_eq!(mode(&private), 0o700);
}

#[test]
fn frozen_settings_are_used_unchanged_or_not_at_all() {
    let world = world();
    let repo = first(&world);
    let canary = world.dir().join("canary");
    for tamper in [
        "printf '[filter \"a\"]\\n\\tclean = touch CANARY\\; cat\\n' >> $F/config; echo '* filter=a' > $F/info/attributes",
        "cp -r $F $F.new; printf '[filter \"a\"]\\n\\tclean = touch CANARY\\; cat\\n' >> $F.new/config; echo $F.new > $F/commondir; echo '* filter=a' > .gitattributes",
    ] {
        let script = format!(
            "F=$(ls -d $(cd \"$(git rev-parse --git-common-dir)\"; pwd)/orchestra/frozen/*); echo new > new; {}",
            tamper.replace("CANARY", &canary.display().to_string())
        );
        let id = repo.spawn(&script);
        let ended = repo.end_of(&id);
        assert_eq!(ended["phase"], "done", "{ended}");
        assert_eq!(repo.file_in_head(&id, "new"), "new\n");
        repo.orchestra(["collect", &id]).succeeded();
        repo.orchestra(["diff", &id]).succeeded();
        assert!(!canary.exists(), "{tamper}");
        fs::remove_dir_all(repo.path().join(".git/orchestra/frozen")).expect("removed");
    }
}

#[test]
fn a_missing_object_is_not_fetched_by_a_program_of_the_configuration() {
    let world = world();
    let repo = first(&world);
    let canary = world.dir().join("canary");
    let missing = "0123456789012345678901234567890123456789";
    repo.git(["config", "core.repositoryformatversion", "1"]);
    repo.git(["config", "extensions.partialClone", "origin"]);
    repo.git(["config", "remote.origin.promisor", "true"]);
    repo.git(["config", "remote.origin.uploadpack", &format!("touch {}; git-upload-pack", canary.display())]);
    let library = library(&repo);
    let ask =
        |git: orchestra::git::Git| git.args(["-e", missing]).output().expect("an answer").status.success();
    assert!(!ask(library.git("cat-file").expect("git")));
    assert!(!canary.exists(), "fetched");
    // The same with an accepted configuration, to show that the program would have run.
    assert!(!ask(library.git("cat-file").expect("git").allow_lazy_fetch()));
    assert!(canary.exists());
}

#[test]
fn a_repository_of_another_kind_is_still_refused() {
    let world = world();
    for format in ["--object-format=sha256", "--ref-format=reftable"] {
        let path = world.dir().join(format.trim_start_matches('-'));
        let made = Ran::of(world.command("git", world.dir()).args(["init", "-q", format]).arg(&path));
        if made.code() != 0 {
            continue;
        }
        for command in ["status", "stop", "spawn"] {
            let program = world.bins().join(format!("git-orchestra-{command}"));
            let arguments: &[&str] = if command == "stop" {
                &["--all"]
            } else if command == "spawn" {
                &["x"]
            } else {
                &[]
            };
            Ran::of(world.command(program, &path).args(arguments)).exits(3).stderr_has("cannot be used");
        }
    }
}
