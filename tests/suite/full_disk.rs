//! A full disk: nothing is lost, nothing is left incomplete, and the reason is reported.

use testkit::{Ran, World};

use crate::{skip, world};

/// Runs a script on its own disk of 12 MB, in its own namespace. Returns `None`, with the test skipped, if
/// that is not permitted.
fn on_a_small_disk(world: &World, script: &str) -> Option<Ran> {
    on_a_disk(world, "size=12m", script)
}

/// As [`on_a_small_disk`], with other options for the file system.
fn on_a_disk(world: &World, options: &str, script: &str) -> Option<Ran> {
    let folder = world.dir().join("small");
    std::fs::create_dir_all(&folder).expect("a folder");
    let mount = format!("mount -t tmpfs -o {options} tmpfs '{}' && cd '{0}'", folder.display());
    let unshare = |script: &str| {
        let mut command = world.command("unshare", world.dir());
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]);
        command.output().ok().filter(|output| output.status.success()).map(|_| ())
    };
    if unshare(&mount).is_none() {
        skip("no file system can be mounted here");
        return None;
    }
    let script = format!("{mount} || exit 99\n{script}");
    let mut command = world.command("unshare", world.dir());
    Some(Ran::of(command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])))
}

#[test]
fn an_agent_that_fills_the_disk_fails_with_the_reason() {
    let world = world();
    let script = "git init -q repo && cd repo && git commit -q --allow-empty -m one
        git config orchestra.minFree 1m
        git orchestra spawn --agent sh --name filler 'echo kept; dd if=/dev/zero of=big bs=1k count=40000 2>/dev/null' >&2
        echo \"exit $?\"
        git orchestra status --json
        git orchestra spawn --agent sh --name refused true >&2; echo \"exit $?\"
        rm ../repo.worktrees/*/big
        git orchestra spawn --agent sh --name after 'echo fine > fine' >&2; echo \"exit $?\"
        git orchestra logs filler
        git for-each-ref --format='%(refname)' refs/orchestra
        git fsck >&2 && find .git -name '*.lock'";
    let Some(ran) = on_a_small_disk(&world, script) else { return };
    let (said, shown) = (ran.stderr(), ran.stdout());
    assert!(said.contains("its work stays in the worktree: the disk is full"), "{said}");
    assert!(said.contains("too little space for agents"), "{said}");
    let exits: Vec<&str> = shown.lines().filter(|line| line.starts_with("exit ")).collect();
    assert_eq!(exits, ["exit 1", "exit 3", "exit 0"], "{said}\n{shown}");
    assert!(shown.contains("\"phase\":\"failed\",\"liveness\":\"ended\""), "{shown}");
    assert!(shown.contains("\"reason\":\"disk full"), "{shown}");
    // Its output could not be stored when it ended, but was stored once there was space again.
    assert!(shown.contains("\nkept\n"), "{shown}");
    assert!(!shown.contains("refused"), "what was refused left nothing: {shown}");
    assert!(!shown.contains(".lock"), "{shown}");
}

/// The end of an agent needs a few inodes, which are reserved as the space is. What the agent wrote stays in its
/// worktree, and it continues there.
#[test]
fn an_agent_that_uses_up_the_inodes_fails_with_the_reason_and_is_resumed() {
    let world = world();
    let script = "git init -q repo && cd repo && git commit -q --allow-empty -m one
        git config orchestra.minFree 1m
        git orchestra spawn --agent sh --name filler \
            'echo work > work; [ -e ../../go ] && exit; i=0; while : > many.$i; do i=$((i + 1)); done' >&2
        echo \"exit $?\"
        git orchestra status --json
        git orchestra spawn --agent sh --name refused true >&2; echo \"exit $?\"
        rm ../repo.worktrees/*/many.*; touch ../go
        git orchestra resume filler >&2; echo \"exit $?\"
        git orchestra status --format '%(phase) %(commits)' filler
        git show \"refs/orchestra/heads/$(git orchestra status --format '%(id)' filler):work\"
        git fsck >&2 && find .git -name '*.lock'";
    let Some(ran) = on_a_disk(&world, "size=100m,nr_inodes=2600", script) else { return };
    let (said, shown) = (ran.stderr(), ran.stdout());
    let (before, after) = shown.split_once("{\"").expect("a report");
    assert_eq!(before, "exit 1\n", "{said}\n{shown}");
    assert!(after.contains("\"phase\":\"failed\",\"liveness\":\"ended\""), "{shown}");
    assert!(after.contains("\"reason\":\"disk full: "), "{shown}");
    assert!(after.ends_with("exit 3\nexit 0\ndone 1\nwork\n"), "{said}\n{shown}");
    assert!(said.contains("more files can be created"), "{said}");
}

#[test]
fn worktrees_are_created_inside_a_repository_with_a_read_only_parent() {
    let world = world();
    let script =
        "mkdir outer && cd outer && git init -q repo && cd repo && git commit -q --allow-empty -m one
        git config orchestra.minFree 1m
        mount --bind .. .. && mount --bind . ../repo && mount -o remount,ro,bind .. && cd ../repo
        git orchestra spawn --agent sh 'echo fine > fine' >&2; echo \"exit $?\"
        git status --porcelain --untracked-files=all
        git orchestra worktrees --path echo";
    let Some(ran) = on_a_small_disk(&world, script) else { return };
    let shown = ran.stdout();
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.first(), Some(&"exit 0"), "{}", ran.stderr());
    assert_eq!(lines.len(), 2, "the checkout stays clean: {shown}");
    assert!(lines[1].contains("/outer/repo/.worktrees/echo-fine-"), "{shown}");
}

#[test]
fn a_repository_that_cannot_be_written_can_be_read() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["spawn", "--agent", "sh", "echo 1 > a"]).succeeded();
    let script = format!(
        "git clone -q '{}' clone && cd clone && git config orchestra.minFree 1m && git fetch -q --no-auto-maintenance origin 'refs/orchestra/*:refs/orchestra/*' && cd .. && \
         mount -o remount,ro . && cd clone && git orchestra status; echo \"exit $?\"; \
         git orchestra spawn --agent sh true; echo \"exit $?\"",
        repo.path().display()
    );
    let Some(ran) = on_a_small_disk(&world, &script) else { return };
    let shown = ran.stdout();
    assert!(shown.contains(" done "), "{shown}\n{}", ran.stderr());
    let exits: Vec<&str> = shown.lines().filter(|line| line.starts_with("exit ")).collect();
    assert_eq!(exits[0], "exit 0", "{}", ran.stderr());
    assert!(["exit 3", "exit 5"].contains(&exits[1]), "{shown}");
    assert!(ran.stderr().contains("Read-only file system"), "{}", ran.stderr());
}

#[test]
fn an_agent_that_cannot_be_stored_is_not_removed() {
    let world = world();
    let script = "git init -q repo && cd repo && echo '*.raw' > .gitignore && git add . && git commit -qm one
        git config orchestra.minFree 100k
        git orchestra spawn --agent sh --name big 'head -c 6000000 /dev/urandom > noise.raw' >&2
        git orchestra cleanup --force big >&2; echo \"exit $?\"
        ls ../repo.worktrees/*/noise.raw | wc -l; git orchestra worktrees >&2
        git orchestra undo >&2; echo \"exit $?\"
        rm ../repo.worktrees/*/noise.raw; git orchestra cleanup >&2; echo \"exit $?\"
        git fsck >&2 && find .git -name '*.lock'; ls -d ../repo.worktrees/big* 2>/dev/null";
    let Some(ran) = on_a_small_disk(&world, script) else { return };
    let shown = ran.stdout();
    assert_eq!(shown, "exit 5\n1\nexit 3\nexit 0\n", "{}", ran.stderr());
    assert!(ran.stderr().contains("nothing to undo"), "{}", ran.stderr());
}

#[test]
fn a_cleanup_that_cannot_keep_everything_keeps_the_agent_and_is_an_error() {
    let world = world();
    let script = "git init -q repo && cd repo && git commit -q --allow-empty -m one
        git config orchestra.minFree 1m
        git orchestra spawn --agent sh --name full 'echo work > work' >&2
        dd if=/dev/urandom of=$(ls -d ../repo.worktrees/*)/unsaved bs=1k count=600 2>/dev/null
        dd if=/dev/zero of=../filler bs=1k count=40000 2>/dev/null
        git orchestra cleanup --discard full >&2; echo \"exit $?\"
        ls ../repo.worktrees/*/unsaved
        rm ../filler
        git orchestra cleanup --discard full >&2; echo \"exit $?\"
        git orchestra undo >&2; echo \"exit $?\"
        ls ../repo.worktrees/*/unsaved; git fsck >&2";
    let Some(ran) = on_a_small_disk(&world, script) else { return };
    let (said, shown) = (ran.stderr(), ran.stdout());
    let exits: Vec<&str> = shown.lines().filter(|line| line.starts_with("exit ")).collect();
    assert_eq!(exits, ["exit 5", "exit 0", "exit 0"], "{said}\n{shown}");
    assert_eq!(shown.matches("/unsaved").count(), 2, "{said}\n{shown}");
    assert!(said.contains("is kept because something failed"), "{said}");
}

#[test]
fn an_output_that_cannot_be_written_is_an_error() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo said; echo 1 > made");
    repo.end_of(&id);
    for command in [
        "status",
        "status --json",
        "logs AGENT",
        "worktrees",
        "config list --all",
        "review",
        "collect",
        "schema",
    ] {
        let command = command.replace("AGENT", &id);
        let script = format!("git orchestra {command} > /dev/full");
        let ran = Ran::of(repo.command("sh").args(["-c", &script]));
        assert_ne!(ran.code(), 0, "{command}");
        ran.stderr_has("cannot write the output").stderr_has("No space left on device");
        // A reader that has seen enough is no error.
        let script = format!("git orchestra {command} | head -c 1 > /dev/null");
        Ran::of(repo.command("sh").args(["-c", &script])).succeeded();
    }
}
