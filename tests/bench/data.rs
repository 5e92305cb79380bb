//! The repositories to measure in, and the workloads.

use std::{
    cell::Cell,
    fmt::Write as _,
    io::Write as _,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use orchestra::{
    git::Repo,
    landing,
    model::{
        AgentId, Event, Fact, IdOrText, Phase, WorkStat,
        event::{Created, Finished, PhaseChange},
        landing::{Landed, Landing},
    },
    store::{append, commit, layout},
    world::Environment,
};
use testkit::{GeneratedRepo, Ran, TestRepo, World};

/// A world with several repositories.
pub(crate) struct Lab {
    world: World,
    bins: PathBuf,
}

impl Lab {
    pub(crate) fn new(bins: &Path) -> Self {
        Self { world: World::new(bins), bins: bins.to_owned() }
    }

    /// Returns a command of the suite: the program that contains it, with the name of its own program.
    pub(crate) fn ours(&self, name: &str) -> Command {
        let mut command = self.world.command(self.bins.join("git-orchestra"), self.world.dir());
        command.arg0(name);
        command
    }

    /// Returns a command of the suite by its own program, which hands over.
    pub(crate) fn small_program(&self, name: &str) -> Command {
        self.world.command(self.bins.join(name), self.world.dir())
    }

    /// Returns another command.
    pub(crate) fn command(&self, program: &str) -> Command {
        self.world.command(program, self.world.dir())
    }

    /// Returns the directory in which Claude Code would keep its sessions.
    pub(crate) fn claude_projects(&self) -> PathBuf {
        self.world.claude_config().join("projects")
    }

    pub(crate) fn git(&self) -> Command {
        self.world.command("git", self.world.dir())
    }

    /// Returns the time of one whole process.
    pub(crate) fn run(&self, command: &mut Command, directory: &Path) -> Duration {
        let begun = Instant::now();
        let status = command.current_dir(directory).stdout(Stdio::null()).stderr(Stdio::null()).status();
        let taken = begun.elapsed();
        assert!(status.expect("a process").success(), "{command:?}");
        taken
    }

    /// Returns the time of one whole process, however it ends.
    pub(crate) fn run_any(&self, command: &mut Command, directory: &Path) -> Duration {
        let begun = Instant::now();
        command
            .current_dir(directory)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("a process");
        begun.elapsed()
    }

    /// Creates a repository with ended agents of three events each, packed, written by its own writer.
    pub(crate) fn repo(&self, name: &str, agents: usize) -> PathBuf {
        self.repo_of(name, agents, |stream, at, writer, base| write_agent(stream, at, writer, base, false))
    }

    /// Like [`Lab::repo`], with the refs of the agents' work, some of which has landed.
    pub(crate) fn repo_with_work(
        &self,
        name: &str,
        agents: usize,
        landed: impl Fn(usize) -> bool,
    ) -> PathBuf {
        self.repo_of(name, agents, |stream, at, writer, base| {
            write_agent(stream, at, writer, base, landed(at));
            let _ = write!(stream, "reset {}\nfrom {base}\n\n", layout::head_ref(&agent_id(at)));
        })
    }

    fn repo_of(&self, name: &str, agents: usize, write: impl Fn(&mut String, usize, &str, &str)) -> PathBuf {
        let repo = self.world.repo_named(name).with_identity();
        let path = repo.path().to_owned();
        let opened = Repo::discover(&Environment::of_this_process().at(&path)).expect("a repository");
        let writer = orchestra::store::writer::writer(&opened).expect("a writer");
        drop(opened);
        if agents > 0 {
            let base = repo.tip("main");
            let stream = (0..agents).fold(String::new(), |mut stream, at| {
                write(&mut stream, at, &writer, &base);
                stream
            });
            self.fast_import(&path, stream.as_bytes());
            for arguments in [vec!["pack-refs", "--all"], vec!["repack", "-adq"]] {
                drop(self.world.git(&path, arguments));
            }
        }
        std::mem::forget(repo);
        path
    }

    /// Gives every packed ref a file of its own.
    pub(crate) fn unpack_refs(&self, path: &Path) {
        let git_dir = path.join(".git");
        let packed = std::fs::read_to_string(git_dir.join("packed-refs")).expect("packed refs");
        std::fs::remove_file(git_dir.join("packed-refs")).expect("removed");
        for (value, name) in packed.lines().filter_map(|line| line.split_once(" refs/")) {
            let file = git_dir.join("refs").join(name);
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            std::fs::write(file, format!("{value}\n")).expect("written");
        }
    }

    /// Registers a worktree with one file for each agent, as `git worktree add` would.
    pub(crate) fn add_worktrees(&self, path: &Path, agents: usize) {
        let git_dir = path.join(".git").canonicalize().expect("a git directory");
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let folder = git_dir.parent().expect("a folder").with_file_name(format!("{name}.worktrees"));
        for id in (0..agents).map(agent_id) {
            let (own, files) = (git_dir.join(format!("worktrees/{id}")), folder.join(id.as_str()));
            for (name, content) in [
                (own.join("HEAD"), format!("ref: {}\n", layout::branch_ref(&format!("orchestra/{id}")))),
                (own.join("commondir"), "../..\n".to_owned()),
                (own.join("gitdir"), format!("{}/.git\n", files.display())),
                (files.join(".git"), format!("gitdir: {}\n", own.display())),
            ] {
                std::fs::create_dir_all(name.parent().expect("a folder")).expect("a folder");
                std::fs::write(name, content).expect("written");
            }
        }
    }

    /// Writes objects and refs from a stream for `git fast-import`.
    pub(crate) fn fast_import(&self, path: &Path, stream: &[u8]) {
        let mut command = self.world.command("git", path);
        command.args(["fast-import", "--quiet", "--force"]).stdin(Stdio::piped());
        let mut import = command.spawn().expect("git fast-import");
        import.stdin.take().expect("a pipe").write_all(stream).expect("written");
        assert!(import.wait().expect("an end").success());
    }

    /// Returns the branches below a prefix.
    pub(crate) fn branches(&self, path: &Path, prefix: &str) -> Vec<String> {
        let listed = self.world.git(path, ["for-each-ref", "--format=%(refname)", prefix]).stdout();
        listed.lines().map(str::to_owned).collect()
    }

    /// Gives every agent a head: the commit that it started from.
    pub(crate) fn give_heads(&self, path: &Path) {
        let base = self.world.git(path, ["rev-parse", "main"]).line();
        let names =
            self.world.git(path, ["for-each-ref", "--format=%(refname:lstrip=3)", "refs/orchestra/agents"]);
        let orders: String =
            names.stdout().lines().map(|id| format!("create refs/orchestra/heads/{id} {base}\n")).collect();
        let mut update = self.world.command("git", path);
        let mut update = update.args(["update-ref", "--stdin"]).stdin(Stdio::piped()).spawn().expect("git");
        update.stdin.take().expect("a pipe").write_all(orders.as_bytes()).expect("written");
        assert!(update.wait().expect("an end").success());
        drop(self.world.git(path, ["pack-refs", "--all"]));
    }

    /// Returns the number of refs below a prefix.
    pub(crate) fn refs(&self, path: &Path, prefix: &str) -> usize {
        self.world.git(path, ["for-each-ref", prefix]).stdout().lines().count()
    }

    /// Generates a repository from a seed, packed.
    pub(crate) fn forest(&self, name: &str, forest: &GeneratedRepo) -> PathBuf {
        self.imported(name, |import| forest.import(import))
    }

    /// Creates a packed repository from what `write` gives to `git fast-import`.
    pub(crate) fn imported(&self, name: &str, write: impl FnOnce(Command)) -> PathBuf {
        let repo = self.world.empty_repo(name);
        let path = repo.path().to_owned();
        self.import_with(&path, write);
        std::mem::forget(repo);
        path
    }

    /// Generates the content of a repository, packed.
    pub(crate) fn import(&self, path: &Path, forest: &GeneratedRepo) {
        self.import_with(path, |import| forest.import(import));
    }

    fn import_with(&self, path: &Path, write: impl FnOnce(Command)) {
        drop(self.world.git(path, ["init", "-q"]));
        let mut import = self.world.command("git", path);
        import.args(["fast-import", "--quiet"]);
        write(import);
        for arguments in [vec!["repack", "-adq"], vec!["pack-refs", "--all"], vec!["read-tree", "main"]] {
            drop(self.world.git(path, arguments));
        }
    }

    /// Writes the files of the main branch and an identity for commits, as a person's repository has them.
    pub(crate) fn check_out(&self, path: &Path) {
        drop(self.world.git(path, ["reset", "-q", "--hard", "main"]));
        std::mem::forget(TestRepo::new(&self.world, path.to_owned()).with_identity());
    }

    /// Plans a landing in this process; with `anew`, without the cache.
    pub(crate) fn plan(&self, path: &Path, anew: bool) -> Duration {
        if anew {
            for known in ["trials", "changes", "sizes", "sound-trees"] {
                let _ = std::fs::remove_file(path.join(".git/orchestra").join(known));
            }
        }
        let begun = Instant::now();
        let repo = Repo::discover(&Environment::of_this_process().at(path)).expect("a repository");
        let target = landing::branches::target(&repo, Some("main")).expect("a target");
        let names: Vec<String> = repo
            .refs_below("refs/heads/b")
            .expect("refs")
            .into_iter()
            .map(|(name, _)| name["refs/heads/".len()..].to_owned())
            .collect();
        let branches = landing::branches::named(&repo, &names).expect("branches");
        let plan =
            landing::plan::plan(&repo, target, branches, &landing::LandOptions::default()).expect("a plan");
        assert_eq!(plan.order.places.len(), names.len());
        begun.elapsed()
    }

    /// Plans a landing when all pairs are cached except those of one branch, which got a commit.
    pub(crate) fn plan_after_one_moved(&self, path: &Path) -> Duration {
        self.plan(path, false);
        let blob = Ran::of(self.world.command("git", path).args(["hash-object", "-w", "--stdin"])).line();
        let count = self.world.git(path, ["rev-list", "--count", "b000"]).line();
        let git = |arguments: &[&str]| {
            let mut command = self.world.command("git", path);
            command.env("GIT_INDEX_FILE", path.join("moved"));
            Ran::of(command.args(arguments)).succeeded().line()
        };
        git(&["read-tree", "b000"]);
        git(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},moved-{count}")]);
        let tree = git(&["write-tree"]);
        let commit = git(&["commit-tree", &tree, "-p", "b000", "-m", "moved"]);
        git(&["update-ref", "refs/heads/b000", &commit]);
        self.plan(path, false)
    }

    /// Asks git for all pairs at once; with `anew`, the objects that it writes do not exist yet.
    pub(crate) fn merge_tree(&self, path: &Path, branches: u64, anew: bool) -> Duration {
        let scratch = path.join("scratch");
        if anew {
            let _ = std::fs::remove_dir_all(&scratch);
        }
        std::fs::create_dir_all(&scratch).expect("a folder");
        let pairs = (0..branches).flat_map(|a| (0..a).map(move |b| (b, a)));
        let questions: String =
            pairs.map(|(a, b)| format!("refs/heads/b{a:03} refs/heads/b{b:03}\n")).collect();
        std::fs::write(path.join("questions"), questions).expect("written");
        let mut command = self.world.command("git", path);
        command.args(["merge-tree", "--write-tree", "--stdin", "--name-only", "--no-messages"]);
        command.env("GIT_OBJECT_DIRECTORY", &scratch);
        command.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", path.join(".git/objects"));
        command.stdin(std::fs::File::open(path.join("questions")).expect("a file"));
        self.run(&mut command, path)
    }

    /// Writes one event in this process as a supervisor does: opens the repository, reads the chain, moves
    /// the ref, with everything synced to the disk.
    pub(crate) fn appender(&self, path: &Path) -> impl FnMut() -> Duration + use<> {
        let path = path.to_owned();
        let id = agent_id(0);
        let count = Cell::new(0u32);
        move || {
            let repo = Repo::discover(&Environment::of_this_process().at(&path)).expect("a repository");
            // The chain is as long as a typical history: after ten events it starts over.
            if count.replace(count.get() + 1) % 10 == 9 {
                let name = layout::agent_ref(&id);
                let tip = repo.find_ref(&name).expect("a ref").expect("a tip");
                let mut root = tip;
                while let Some(parent) = repo.read_commit(root).expect("a commit").parents.first() {
                    root = *parent;
                }
                let edit = orchestra::git::refs::RefEdit { name, old: Some(tip), new: root };
                repo.edit_refs(&[edit], "reset").expect("moved");
            }
            drop(repo);
            let begun = Instant::now();
            let repo = Repo::discover(&Environment::of_this_process().at(&path)).expect("a repository");
            append(&repo, &id, &[Fact::Stop { reason: None }]).expect("appended");
            begun.elapsed()
        }
    }

    /// Does the same with two git processes that sync to the disk.
    pub(crate) fn git_appender(&self, path: &Path) -> impl FnMut() -> Duration + use<'_> {
        let path = path.to_owned();
        move || {
            let begun = Instant::now();
            let settings = ["-c", "core.fsync=all", "-c", "core.fsyncMethod=fsync"];
            let git = |arguments: &[&str]| {
                let mut command = self.world.command("git", &path);
                let output = command.args(settings).args(arguments).output().expect("git");
                String::from_utf8_lossy(&output.stdout).trim().to_owned()
            };
            let tip = git(&["rev-parse", "-q", "--verify", "refs/bench/agent"]);
            let tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
            let begun = if tip.is_empty() { begun } else { Instant::now() };
            let parent: Vec<&str> = if tip.is_empty() { vec![] } else { vec!["-p", &tip] };
            let mut arguments = vec!["commit-tree", tree, "-m", "agent: running"];
            arguments.extend(parent);
            let commit = git(&arguments);
            git(&["update-ref", "refs/bench/agent", &commit]);
            begun.elapsed()
        }
    }

    /// Runs five trivial agents at once and watches until the last one ends.
    pub(crate) fn spawn_five(&self, path: &Path) -> Duration {
        let mut command = self.ours("git-orchestra-spawn");
        command.args(["--agent", "sh", "-j", "5", "--copies", "5", "--json", "echo x > made"]);
        self.run(&mut command, path)
    }

    /// Does what a person would type instead: worktree, program, commit, five times.
    pub(crate) fn shell_loop(&self, path: &Path) -> Duration {
        let script = "for n in 1 2 3 4 5; do w=../loop-$$-$n; git worktree add -q --no-track -b loop-$$-$n $w && \
                      (cd $w && sh -c 'echo x > made' && git add -A && git commit -qm made); done";
        self.run(self.world.command("sh", path).args(["-c", script]), path)
    }

    /// Returns the resident and private memory in KiB, and the CPU use in percent of a core, of a
    /// supervisor whose agent prints all the time.
    pub(crate) fn supervisor_cost(&self, path: &Path) -> (u64, u64, f64) {
        let repo = TestRepo::new(&self.world, path.to_owned());
        let id = repo.spawn("while :; do echo working; sleep 0.01; done");
        let agent = repo.wait_for(&id, "running");
        let pid = agent["supervisor_pid"].as_i64().expect("a pid");
        let ticks = || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
            let fields: Vec<u64> = stat
                .rsplit(") ")
                .next()
                .expect("fields")
                .split(' ')
                .filter_map(|field| field.parse().ok())
                .collect();
            // utime and stime are the 11th and 12th numbers after the state.
            fields[10] + fields[11]
        };
        let (before, begun) = (ticks(), Instant::now());
        std::thread::sleep(Duration::from_secs(5));
        let percent = (ticks() - before) as f64 / begun.elapsed().as_secs_f64();
        let status = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("a process");
        let value = |key: &str| {
            let line = status.lines().find(|line| line.starts_with(key)).unwrap_or_default();
            line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
        };
        let found = (value("Rss:"), value("Anonymous:"), percent);
        drop(repo.orchestra(["stop", &id]));
        found
    }
}

pub(crate) fn agent_id(at: usize) -> AgentId {
    let random =
        [(at >> 12) as u8 & 31, (at >> 9) as u8 & 7, (at >> 6) as u8 & 7, (at >> 3) as u8 & 7, at as u8 & 7];
    AgentId::new(&format!("bench task {at}"), random)
}

/// Writes three commits of an ended agent, as a stream for `git fast-import`, and a fourth if its work landed.
fn write_agent(stream: &mut String, at: usize, writer: &str, base: &str, landed: bool) {
    let id = agent_id(at);
    let mut facts = vec![
        Fact::Created(Created {
            title: format!("Bench task number {at}"),
            profile: "sh".into(),
            run: "0123456789ab".into(),
            base: IdOrText::read(base),
            branch: format!("orchestra/{id}").into(),
            prompt: Some(format!("Bench task number {at}")),
            ..Created::default()
        }),
        Fact::Phase(PhaseChange::new(1, Phase::Starting)),
        Fact::Finished(Finished {
            exit: Some(0),
            head: Some(IdOrText::read(base)),
            work: WorkStat { commits: 2, files: 3, insertions: 40, deletions: 5, ..WorkStat::default() },
            ..Finished::empty(1, Phase::Done)
        }),
    ];
    if landed {
        facts.push(Fact::Landed(Landed {
            outcome: Landing::Merged,
            into: "main".into(),
            head: IdOrText::read(base),
            commit: Some(IdOrText::read(base)),
            reason: None,
            check: None,
            passed: Vec::new(),
            operation: None,
            undone: None,
        }));
    }
    let mut events: Vec<Event> = Vec::new();
    for (lamport, fact) in (1..).zip(&facts) {
        let time = "2026-11-21T01:00:00Z".parse().expect("a time");
        let before = orchestra::model::fold::fold(&events).agent;
        events.push(Event::new(fact, lamport, time, writer).expect("an event"));
        let after = orchestra::model::fold::fold(&events).agent;
        let message = commit::message(&id, Some(&before), &events[events.len() - 1..], &after, writer);
        let _ = write!(
            stream,
            "commit {}\ncommitter W <w@example.com> 1795222800 +0000\ndata {}\n{message}\n",
            layout::agent_ref(&id),
            message.len()
        );
    }
}
