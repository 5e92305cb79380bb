//! `--sandbox`: what an agent in a sandbox can and cannot do. Each attack is tried without a sandbox as well, where it must succeed:
//! otherwise the test would show nothing.

use std::{
    fs,
    path::{Path, PathBuf},
};

use orchestra::{
    model::{SandboxEngine, SandboxLevel},
    world::Environment,
};
use serde_json::Value;
use testkit::{Ran, TestRepo, World};

use crate::world;

/// Returns whether this machine can make a sandbox; otherwise the test is skipped.
pub(crate) fn can_make_one() -> bool {
    let arguments = ["--unshare-pid", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "true"];
    let can =
        std::process::Command::new("bwrap").args(arguments).output().is_ok_and(|ran| ran.status.success());
    if !can {
        crate::skip("bubblewrap cannot make a sandbox here");
    }
    can
}

/// The engines that make sandboxes on this machine; another one is skipped.
pub(crate) fn engines() -> Vec<&'static str> {
    let mut engines = Vec::new();
    if can_make_one() {
        engines.push("bubblewrap");
    }
    let environment = Environment::of_this_process();
    match orchestra::sandbox::trial(&environment, SandboxLevel::Files, SandboxEngine::Landlock) {
        Ok(()) => engines.push("landlock"),
        Err(why) => crate::skip(&format!("no sandbox can be made here: {why}")),
    }
    engines
}

/// Runs a test with each engine, in a fresh repository.
pub(crate) fn with_each_engine(test: impl Fn(&World, &TestRepo<'_>, &str)) {
    for engine in engines() {
        let world = world();
        let repo = world.repo();
        repo.git(["config", "orchestra.sandboxEngine", engine]);
        test(&world, &repo, engine);
    }
}

/// Runs a script as an agent at a level to its end, and returns the agent.
pub(crate) fn ended(repo: &TestRepo<'_>, level: &str, script: &str) -> (String, Value) {
    let arguments = ["spawn", "--agent", "sh", "--detach", "--again", "--sandbox", level, "--", script];
    let id = repo.orchestra(arguments).succeeded().line();
    let agent = repo.end_of(&id);
    (id, agent)
}

pub(crate) fn output(repo: &TestRepo<'_>, id: &str) -> String {
    repo.orchestra(["logs", id]).succeeded().stdout()
}

/// Makes secrets and sockets.
fn furnish(world: &World, repo: &TestRepo<'_>) {
    fs::create_dir_all(world.home().join(".ssh")).expect("a folder");
    fs::write(world.home().join(".ssh/id_test"), "SECRET-KEY\n").expect("written");
    fs::write(world.home().join(".netrc"), "SECRET-LOGIN\n").expect("written");
    listen(&world.home().join(".agent/keys.sock"));
    listen(&repo.path().join(".server.sock"));
    let server = std::net::TcpListener::bind("127.0.0.1:0").expect("a server");
    let port = server.local_addr().expect("an address").port();
    fs::write(port_file(world), port.to_string()).expect("written");
    std::mem::forget(server);
}

/// The file with the port of a server that runs on the machine.
fn port_file(world: &World) -> PathBuf {
    world.dir().join("port")
}

/// Makes a socket of a program that has run for an hour and still does, as long as this process.
fn listen(path: &Path) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::mem::forget(std::os::unix::net::UnixListener::bind(path).expect("a socket"));
    let ran = std::process::Command::new("touch").args(["-d", "1 hour ago"]).arg(path).status();
    assert!(ran.expect("touch").success());
}

/// What an agent tries: the attack, its script, and the file that is there on the machine if it succeeded; without one, the script tells.
/// `{…}` stands for paths.
const ATTACKS: &[(&str, &str, &str)] = &[
    ("write beside the worktree", "echo x > ../beside.txt", "{worktrees}/beside.txt"),
    ("write into the main checkout", "echo x >> {repo}/file.txt", ""),
    ("write into the user's home folder", "echo x > {home}/planted", "{home}/planted"),
    ("write into /var/tmp", "echo x > /var/tmp/{mark}", "/var/tmp/{mark}"),
    ("read a key", "cat {home}/.ssh/id_test", ""),
    ("read a login", "grep SECRET {home}/.netrc", ""),
    ("plant a hook", "mkdir -p {git}/hooks && echo x > {git}/hooks/planted", "{git}/hooks/planted"),
    ("change the configuration", "cp {git}/config {git}/config.planted", "{git}/config.planted"),
    ("read the configuration", "grep repositoryformatversion {git}/config", ""),
    ("make a branch in the repository", "git branch planted", "{git}/refs/heads/planted"),
    ("replace .git", "mv .git was-git && cp was-git .git", ""),
    ("delete objects", "f=$(find {git}/objects -type f | head -1) && mv $f $f.x && mv $f.x $f", ""),
    ("read the locks of agents", "ls {git}/orchestra/agents", ""),
    ("write into another agent's worktree", "echo x > ../{other}/planted", "{worktrees}/{other}/planted"),
    ("connect to a socket in the home folder", "{connect} {home}/.agent/keys.sock", ""),
    ("connect to a socket in the main checkout", "{connect} {repo}/.server.sock", ""),
    ("write into /tmp", "echo x > /tmp/{mark}.planted", "/tmp/{mark}.planted"),
    ("write into shared memory", "echo x > /dev/shm/{mark}", "/dev/shm/{mark}"),
    ("read a secret of the main checkout's git", "cat {git}/HEAD", ""),
    ("write the files of the supervisor", "echo x > {git}/orchestra/planted", "{git}/orchestra/planted"),
    ("find a supervisor", "{supervisors} | grep .", ""),
    ("signal a supervisor", "for p in $({supervisors}); do kill -0 $p && exit; done; exit 1", ""),
    (
        "read the environment of a supervisor",
        "for p in $({supervisors}); do cat /proc/$p/environ && exit; done; exit 1",
        "",
    ),
    (
        "enter the folder of a supervisor",
        "for p in $({supervisors}); do ls /proc/$p/root/ && exit; done; exit 1",
        "",
    ),
    (SERVER, "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 9)'", ""),
];

/// What only the level `net` prevents.
const SERVER: &str = "reach a server of the machine";

/// What Landlock has no rule for: one entry of a folder that can be written, and which processes are seen.
const ALLOWED_BY_LANDLOCK: [&str; 3] = ["replace .git", "find a supervisor", SERVER];

/// Prints the ids of the processes that supervise agents.
const SUPERVISORS: &str = "grep -la '[o]rchestra-supervise' /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3";
/// Connects to the socket that is named next.
const CONNECT: &str = "python3 -c 'import socket,sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])'";

/// Fills in the paths of a script.
fn filled(repo: &TestRepo<'_>, other: &str, text: &str) -> String {
    let path = repo.path().to_string_lossy();
    let mark = repo.world().dir().file_name().expect("a name").to_string_lossy().into_owned();
    let port = fs::read_to_string(port_file(repo.world())).expect("a port");
    text.replace("{supervisors}", SUPERVISORS)
        .replace("{port}", &port)
        .replace("{connect}", CONNECT)
        .replace("{repo}", &path)
        .replace("{git}", &format!("{path}/.git"))
        .replace("{worktrees}", &format!("{path}.worktrees"))
        .replace("{home}", &repo.world().home().to_string_lossy())
        .replace("{mark}", &mark)
        .replace("{other}", other)
}

/// Returns a script that tries every attack and says of each whether it succeeded.
fn script(repo: &TestRepo<'_>, other: &str) -> String {
    let tries = ATTACKS.iter().enumerate().map(|(at, (_, attack, _))| {
        let attack = filled(repo, other, attack);
        format!("if ( {attack} ) >/dev/null 2>&1; then echo attack {at} yes; else echo attack {at} no; fi\n")
    });
    // A setting of the kernel is only opened: without a sandbox, root would change the machine.
    let kernel = "if ( : >> /proc/sys/kernel/core_pattern ); then echo kernel writable; fi\n".to_owned();
    tries.chain([kernel]).collect()
}

/// Returns the attacks that succeeded, and removes the files that they wrote.
fn successes(repo: &TestRepo<'_>, other: &str, said: &str) -> Vec<&'static str> {
    let all: Vec<&str> = said.lines().filter(|line| line.trim_start().starts_with("attack ")).collect();
    assert_eq!(all.len(), ATTACKS.len(), "{said}");
    let succeeded = |at: &usize| {
        let file = filled(repo, other, ATTACKS[*at].2);
        let left = file.is_empty() || fs::remove_file(file).is_ok();
        left && said.contains(&format!("attack {at} yes"))
    };
    (0..ATTACKS.len()).filter(succeeded).map(|at| ATTACKS[at].0).collect()
}

#[test]
fn what_an_agent_can_do_outside_its_sandbox() {
    with_each_engine(|world, repo, engine| {
        furnish(world, repo);
        let (other, _) = ended(repo, "none", "echo other > other.txt");
        let script = script(repo, &other);
        let levels: &[(&str, &[&str])] = match engine {
            "landlock" => &[("files", &ALLOWED_BY_LANDLOCK)],
            _ => &[("files", &[SERVER]), ("net", &[])],
        };
        let mut table = Vec::new();
        for (level, allowed) in levels {
            let (boxed, agent) = ended(repo, level, &script);
            let said = output(repo, &boxed);
            assert_eq!(successes(repo, &other, &said), *allowed, "{agent}");
            assert_eq!(agent["sandbox"], format!("{level} by {engine}"));
            assert!(!said.contains("kernel writable"), "{said}");
            table.push((format!("{level} by {engine}"), allowed.to_vec()));
        }
        // The control: the same script, without a sandbox.
        let (free, _) = ended(repo, "none", &script);
        let said = output(repo, &free);
        let all = successes(repo, &other, &said);
        assert_eq!(all.len(), ATTACKS.len(), "{said}");
        table.push(("none".to_owned(), all));
        print_table(&table);
    });
}

/// The name of a level, and the attacks that succeed at it.
type Level<'a> = (String, Vec<&'a str>);

/// Prints which attacks succeed at which level; `--nocapture` shows it.
fn print_table(levels: &[Level<'_>]) {
    let row = |name: &str, cell: &dyn Fn(&Level<'_>) -> String| {
        let cells: String = levels.iter().map(|level| format!("{:>22}", cell(level))).collect();
        println!("{name:<45}{cells}");
    };
    row("what an agent tries", &|(level, _)| level.clone());
    for (name, ..) in ATTACKS {
        row(name, &|(_, done)| if done.contains(name) { "done" } else { "prevented" }.to_owned());
    }
}

#[test]
fn its_commits_are_imported_and_nothing_else_moves() {
    with_each_engine(|world, repo, engine| {
        let main = repo.tip("HEAD");
        let (id, agent) = ended(
            repo,
            "files",
            "git config core.fsmonitor ./evil; mkdir -p $(git rev-parse --git-dir)/hooks; \
         echo 1 > one.txt; git add one.txt; git commit -qm 'one more'; \
         echo side > side.txt; git add side.txt; git stash -q; git branch side HEAD~0; \
         echo staged > staged.txt; git add staged.txt; echo left > left.txt; git log --oneline | cat; git status --short",
        );
        assert_eq!((&agent["phase"], &agent["commits"]), (&"done".into(), &2.into()), "{agent}");
        assert_eq!(agent["sandbox"], format!("files by {engine}"));
        assert_eq!(agent["unsaved"], Value::Null);
        for (file, text) in [("one.txt", "1\n"), ("staged.txt", "staged\n"), ("left.txt", "left\n")] {
            assert_eq!(repo.file_in_head(&id, file), text);
        }
        let branch = agent["branch"].as_str().expect("a branch");
        assert_eq!(
            repo.tip(&format!("refs/heads/{branch}")),
            repo.tip(&format!("refs/orchestra/heads/{id}"))
        );
        let subjects = repo.git(["log", "--format=%s", &format!("{main}..{branch}~1")]).stdout();
        assert_eq!(subjects, "one more\n");
        // Its worktree is clean for the user's git, whose configuration is untouched.
        let worktree = repo.worktree(&id);
        let status = world.git(&worktree, ["status", "--short"]);
        assert_eq!(status.stdout(), "");
        assert_eq!(Ran::of(repo.command("git").args(["config", "core.fsmonitor"])).code(), 1);
        assert_eq!((repo.tip("HEAD"), repo.refs("refs/heads/").len()), (main, 2));
        // What it stashed is kept.
        let kept = repo.refs(&format!("refs/orchestra-local/sandboxes/{id}/"));
        let has_side = |(name, _): &(String, String)| repo.has(name, "side.txt");
        assert!(kept.iter().any(has_side), "{kept:?}");
        repo.orchestra(["status", &id]).succeeded().stdout_has(&format!("sandbox   files by {engine}"));
        let format = ["status", "--all", "--format", "%(sandbox)"];
        repo.orchestra(format).succeeded().stdout_has(&format!("files by {engine}"));
    });
}

#[test]
fn a_resumed_agent_finds_its_commits_its_stash_and_its_home() {
    with_each_engine(|world, repo, engine| {
        let script = "if test -e ~/mark; then git stash pop -q; git log --format=%s | cat; cat ~/mark; else \
                  echo 1 > one.txt; git add .; git commit -qm first; echo 2 > two.txt; git add .; git stash -q; \
                  echo at-home > ~/mark; echo left > left.txt; fi";
        let (id, _) = ended(repo, "files", script);
        assert!(!world.home().join("mark").exists());
        repo.orchestra(["resume", "--detach", &id]).succeeded();
        let agent = repo.end_of(&id);
        assert_eq!((&agent["attempt"], &agent["phase"]), (&2.into(), &"done".into()), "{agent}");
        assert_eq!(agent["sandbox"], format!("files by {engine}"));
        let said = output(repo, &id);
        assert!(said.contains("at-home") && said.contains("first"), "{said}");
        for (file, text) in [("one.txt", "1\n"), ("two.txt", "2\n"), ("left.txt", "left\n")] {
            assert_eq!(repo.file_in_head(&id, file), text);
        }
        // What a person commits in the worktree meanwhile is there as well.
        let worktree = repo.worktree(&id);
        fs::write(worktree.join("person.txt"), "p\n").expect("written");
        world.git(&worktree, ["add", "."]);
        world.git(&worktree, ["commit", "-qm", "by a person"]);
        repo.orchestra(["resume", "--detach", "--sandbox", "none", &id]).succeeded();
        let agent = repo.end_of(&id);
        assert_eq!(agent["sandbox"], Value::Null);
        assert_eq!(repo.file_in_head(&id, "person.txt"), "p\n");
        repo.orchestra(["cleanup", "--discard", &id]).succeeded();
        assert!(!repo.path().join(".git/orchestra/sandboxes").join(&id).exists());
    });
}

/// The repository refuses such a commit; what the agent's git made comes back with the agent.
#[test]
fn commits_that_cannot_be_imported_are_restored_after_a_discard() {
    with_each_engine(|_, repo, _| {
        let modules =
            "printf '[submodule \"a\"]\\n path = a\\n url = ./a\\n update = !touch x\\n' >.gitmodules";
        let commit = "git add -A && git commit -qm one";
        let (id, agent) =
            ended(repo, "files", &format!("echo token >one; {commit}; git rm -q one; {modules}; {commit}"));
        assert_eq!(agent["phase"], "failed", "{agent}");
        let git_dir = repo.path().join(format!(".git/orchestra/sandboxes/{id}/git"));
        let history = || {
            let git_dir = git_dir.to_string_lossy().into_owned();
            repo.git(["--git-dir", &git_dir, "show", "HEAD~1:one", "HEAD:.gitmodules"]).stdout()
        };
        let before = history();
        repo.orchestra(["cleanup", "--discard", &id]).succeeded();
        assert!(!git_dir.exists());
        repo.git(["gc", "-q", "--prune=now"]);
        repo.orchestra(["undo"]).succeeded();
        assert_eq!(history(), before);
        repo.orchestra(["collect", &id]).exits(5).stdout_has("its commits cannot be imported");
    });
}

#[test]
fn an_agent_that_tampers_with_its_git_directory_loses_no_files() {
    with_each_engine(|_, repo, _| {
        let (id, agent) = ended(
            repo,
            "files",
            "echo 1 > one.txt; git add .; git commit -qm one; \
         ln -s /etc/passwd $(git rev-parse --git-dir)/objects/pack/x.pack",
        );
        let unsaved = agent["unsaved"].as_str().expect("a reason");
        assert!(unsaved.contains("its commits cannot be imported"), "{unsaved}");
        assert_eq!(repo.file_in_head(&id, "one.txt"), "1\n");
    });
}

#[test]
fn the_check_runs_in_the_sandbox_too() {
    with_each_engine(|_, repo, _| {
        let check = format!("! touch {}/by-the-check && test -e one.txt", repo.path().display());
        let arguments = [
            "spawn",
            "--agent",
            "sh",
            "--detach",
            "--sandbox",
            "files",
            "--until",
            &check,
            "--",
            "echo 1 > one.txt",
        ];
        let id = repo.orchestra(arguments).succeeded().line();
        let agent = repo.end_of(&id);
        assert_eq!((&agent["phase"], &agent["check"]["failure"]), (&"done".into(), &Value::Null), "{agent}");
        assert!(!repo.path().join("by-the-check").exists());
    });
}

#[test]
fn what_an_agent_wrote_into_its_private_home_is_stored_and_restored() {
    with_each_engine(|world, repo, _| {
        fs::write(world.home().join(".profile"), "shown\n").expect("written");
        let script = "mkdir -p ~/.cache ~/deep; echo c > ~/.cache/c; echo notes > ~/deep/notes; echo w > w";
        let (id, agent) = ended(repo, "files", script);
        assert_eq!(agent["phase"], "done", "{agent}");
        repo.orchestra(["merge-ranked", &id]).succeeded();
        let home = repo.path().join(".git/orchestra/sandboxes").join(&id).join("home");
        assert_eq!(fs::read_to_string(home.join("deep/notes")).expect("notes"), "notes\n");
        repo.orchestra(["cleanup"]).succeeded();
        assert!(!home.exists());
        repo.orchestra(["undo"]).succeeded();
        assert_eq!(fs::read_to_string(home.join("deep/notes")).expect("notes"), "notes\n");
        assert!(!home.join(".cache").exists());
        // What is too much to be stored without a word keeps the agent.
        fs::File::create(home.join("large")).and_then(|file| file.set_len(65 << 20)).expect("a file");
        let kept = repo.orchestra(["cleanup", "--json"]).json();
        assert_eq!(kept["agents"][0]["outcome"], "kept", "{kept}");
        assert!(
            kept["agents"][0]["why"].as_str().is_some_and(|why| why.contains("private home folder")),
            "{kept}"
        );
    });
}

/// Makes a folder for PATH with what an agent needs, but without bubblewrap.
pub(crate) fn without_bubblewrap(world: &World) -> std::path::PathBuf {
    let empty = world.dir().join("bin");
    fs::create_dir_all(&empty).expect("a folder");
    for program in ["git", "sh", "cat", "grep", "mkdir", "rm"] {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .map(|folder| folder.join(program))
            .find(|path| path.is_file())
            .expect("a program");
        std::os::unix::fs::symlink(found, empty.join(program)).expect("a link");
    }
    empty
}

#[test]
fn a_sandbox_that_cannot_be_made_is_refused_before_anything_is_made() {
    let world = world();
    let repo = world.repo();
    let empty = without_bubblewrap(&world);
    repo.git(["config", "orchestra.sandbox", "files"]);
    repo.git(["config", "orchestra.sandboxEngine", "bubblewrap"]);
    let spawn = |arguments: &[&str]| {
        let program = repo.world().bins().join("git-orchestra-spawn");
        Ran::of(repo.command(program).env("PATH", &empty).args(arguments))
    };
    spawn(&["--agent", "sh", "--detach", "--", "echo 1"])
        .exits(3)
        .stderr_has("cannot run agents in the sandbox 'files' here")
        .stderr_has("bubblewrap ('bwrap') is not on PATH")
        .stderr_has("sudo apt install bubblewrap");
    assert_eq!(repo.refs("refs/orchestra/"), []);
    assert!(!Path::new(&format!("{}.worktrees", repo.path().display())).exists());
    repo.git(["config", "orchestra.sandbox", "file"]);
    repo.orchestra(["spawn", "--agent", "sh", "--", "echo 1"])
        .exits(3)
        .stderr_has("git config 'orchestra.sandbox' is 'file', not none, files or net");
}

#[test]
fn the_projects_file_makes_the_sandbox_only_stricter() {
    let world = world();
    let repo = world.repo();
    let level = |project: &str, own: &str| {
        repo.write(".gitorchestra", &format!("[orchestra]\n\tsandbox = {project}\n"));
        repo.git(["add", "."]);
        repo.git(["commit", "-qm", "settings", "--allow-empty"]);
        repo.git(["config", "orchestra.sandbox", own]);
        let library =
            orchestra::git::Repo::discover(&orchestra::world::Environment::of_this_process().at(repo.path()))
                .expect("a repository");
        orchestra::config::Config::of(&library).sandbox().expect("a level").to_string()
    };
    for (project, own, expected) in
        [("none", "none", "none"), ("files", "none", "files"), ("none", "files", "files")]
    {
        assert_eq!(level(project, own), expected, "project {project}, own {own}");
    }
}

#[test]
fn a_stash_is_seen_by_its_agent_alone() {
    with_each_engine(|_, repo, _| {
        let stash = "echo changed >> file.txt; git stash -q; git stash list";
        let (first, _) = ended(repo, "files", stash);
        assert!(output(repo, &first).contains("stash@{0}"), "{}", output(repo, &first));
        let (second, _) = ended(repo, "files", "git stash list; echo listed");
        assert_eq!(output(repo, &second).lines().last(), Some("listed"));
        assert!(!output(repo, &second).contains("stash@{"));
        assert_eq!(repo.git(["stash", "list"]).stdout(), "");
        // Without a sandbox there is one for all worktrees, as git has it.
        ended(repo, "none", stash);
        let (other, _) = ended(repo, "none", "git stash list");
        assert!(output(repo, &other).contains("stash@{0}"));
    });
}

#[test]
fn folders_that_are_allowed_are_written() {
    with_each_engine(|world, repo, _| {
        let folder = world.home().join("results");
        fs::create_dir_all(&folder).expect("a folder");
        let script = "echo 1 > ~/results/one; true";
        ended(repo, "files", script);
        assert!(!folder.join("one").exists());
        repo.git(["config", "orchestra.addDir", "~/results"]);
        ended(repo, "files", script);
        assert_eq!(fs::read_to_string(folder.join("one")).expect("a file"), "1\n");
        repo.git(["config", "orchestra.addDir", "~/missing"]);
        repo.orchestra(["spawn", "--agent", "sh", "--again", "--sandbox", "files", "--", script])
            .exits(3)
            .stderr_has("missing");
    });
}
