//! A repository under test.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{Ran, World, until};

/// A repository under test. Dropping it ends its agents.
pub struct TestRepo<'world> {
    world: &'world World,
    path: PathBuf,
}

impl<'world> TestRepo<'world> {
    /// Wraps the repository at `path`.
    pub fn new(world: &'world World, path: PathBuf) -> Self {
        Self { world, path: path.canonicalize().unwrap_or(path) }
    }

    /// Returns its directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns its world.
    pub fn world(&self) -> &World {
        self.world
    }

    /// Returns a command that runs in it.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.world.command(program, &self.path)
    }

    /// Runs plain git in it.
    pub fn git<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Ran {
        self.world.git(&self.path, arguments)
    }

    /// Returns the command `git orchestra …`, not yet started.
    pub fn orchestra_command<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Command {
        let mut command = self.command("git");
        command.arg("orchestra").args(arguments);
        command
    }

    /// Runs `git orchestra …` through real git.
    pub fn orchestra<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Ran {
        Ran::of(&mut self.orchestra_command(arguments))
    }

    /// Returns the variables by which the program of a running agent is known; with a mark that is not its own if it does not run.
    pub fn variables_of(&self, agent: &str) -> [(&'static str, String); 2] {
        let record =
            fs::read(self.path.join(format!(".git/orchestra/agents/{agent}/lock"))).unwrap_or_default();
        let record: Value = serde_json::from_slice(&record).unwrap_or_default();
        let mark = record["nonce"].as_str().unwrap_or("0000").to_owned();
        [("ORCHESTRA_AGENT", agent.to_owned()), ("ORCHESTRA_ATTEMPT", mark)]
    }

    /// Starts one shell agent and returns its id.
    pub fn spawn(&self, script: &str) -> String {
        self.orchestra(["spawn", "--agent", "sh", "--detach", "--", script]).succeeded().line()
    }

    /// Replaces Claude Code by the scripted agent, with short retry delays.
    pub fn with_scripted_claude(self) -> Self {
        let program = self.world.bins().join("fake-claude");
        self.git(["config", "orchestra.agent.claude.program", &program.to_string_lossy()]);
        self.git(["config", "orchestra.retryDelay", "1s"]);
        self.git(["config", "orchestra.grace", "1s"]);
        self.git(["config", "orchestra.offerAllow", "false"]);
        self
    }

    /// Starts one scripted Claude Code agent and returns its id.
    pub fn spawn_claude(&self, options: &[&str], task: &str) -> String {
        let arguments = [&["spawn", "--detach", "--name", "agent"], options, &["--", task]].concat();
        self.orchestra(arguments).succeeded().line()
    }

    /// Accepts the configuration that changed while agents ran, with the command that the refusal hints at.
    ///
    /// # Panics
    /// Nothing was changed.
    pub fn accept_configuration(&self) {
        let said = self.orchestra(["undo", "--dry-run"]).exits(3).stderr();
        let accept = said.split_whitespace().find(|word| word.starts_with("--accept="));
        self.orchestra(["init", accept.expect("a fingerprint")]).succeeded();
    }

    /// Waits until an agent has ended, and returns its status.
    pub fn end_of(&self, id: &str) -> Value {
        until(&format!("{id} ends"), || Some(self.agent(id)).filter(|agent| agent["liveness"] == "ended"))
    }

    /// Returns the events of an agent, oldest first, read by plain git.
    pub fn events(&self, id: &str) -> Vec<Value> {
        let life =
            self.git(["log", "--reverse", "--format=%B", &format!("refs/orchestra/agents/{id}")]).stdout();
        life.lines()
            .filter(|line| line.starts_with('{'))
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Ends all known usage limits: agents that wait for one notice at their next check.
    ///
    /// # Panics
    /// No limit is known.
    pub fn end_limits(&self) {
        let folder = self.path.join(".git/orchestra/limits");
        let files = fs::read_dir(&folder).expect("limits").flatten().map(|entry| entry.path());
        let mut limits: Vec<PathBuf> =
            files.filter(|path| path.extension().is_some_and(|ending| ending == "json")).collect();
        assert!(!limits.is_empty(), "no limit is known");
        for path in limits.drain(..) {
            let mut shut: Value = serde_json::from_slice(&fs::read(&path).expect("a limit")).expect("JSON");
            (shut["opens_at_seconds"], shut["wait_seconds"]) = (0.into(), 0.into());
            let new = path.with_extension("over");
            fs::write(&new, shut.to_string()).expect("a file");
            fs::rename(new, path).expect("renamed");
        }
    }

    /// Writes a file in the checkout.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path.join(name), text).expect("a file");
    }

    /// Writes the identity to the repository's configuration, for calls of the library with the environment of this process.
    pub fn with_identity(self) -> Self {
        self.git(["config", "user.name", "Tess Test"]);
        self.git(["config", "user.email", "tess@example.com"]);
        self
    }

    /// Creates a branch at main with one commit of these files, and switches back to main.
    pub fn branch(&self, name: &str, files: &[(&str, &str)]) {
        self.git(["checkout", "-q", "-b", name, "main"]).succeeded();
        self.commit(name, files);
        self.git(["checkout", "-q", "main"]).succeeded();
    }

    /// Commits these files on the current branch.
    pub fn commit(&self, message: &str, files: &[(&str, &str)]) {
        for (file, text) in files {
            let path = self.path.join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        self.git(["add", "."]).succeeded();
        self.git(["commit", "-q", "-m", message]).succeeded();
    }

    /// Returns the commit that a revision names, by plain git.
    pub fn tip(&self, revision: &str) -> String {
        self.git(["rev-parse", "--verify", revision]).succeeded().line()
    }

    /// Returns a file of a revision, by plain git.
    pub fn file_at(&self, revision: &str, file: &str) -> String {
        self.git(["show", &format!("{revision}:{file}")]).stdout()
    }

    /// Whether a revision contains a file, by plain git.
    pub fn has(&self, revision: &str, file: &str) -> bool {
        !self.git(["ls-tree", "--name-only", revision, file]).stdout().is_empty()
    }

    /// Returns all agents, as `status --json` shows them.
    pub fn agents(&self) -> Vec<Value> {
        let report = self.status(&["--all", "--json"]);
        report["agents"].as_array().cloned().unwrap_or_default()
    }

    /// Returns one agent, as `status --json` shows it.
    pub fn agent(&self, id: &str) -> Value {
        self.status(&["--json", id])["agents"][0].clone()
    }

    /// Calls the binary without git, since tests that wait call it many times a second.
    fn status(&self, arguments: &[&str]) -> Value {
        let program = self.world.bins().join("git-orchestra-status");
        Ran::of(self.command(program).args(arguments)).succeeded().json()
    }

    /// Whether the repository may have agents. Anything that is not an ordinary repository may have some.
    fn may_have_agents(&self) -> bool {
        let git_dir = self.path.join(".git");
        let packed = git_dir.join("packed-refs");
        let is_plain = git_dir.is_dir() && !git_dir.join("reftable").exists();
        // Tests replace files by pipes, which must not be opened.
        let packed =
            if packed.is_file() { fs::read_to_string(packed).unwrap_or_default() } else { String::new() };
        let known = ["refs/orchestra", "orchestra/agents"].iter().any(|place| git_dir.join(place).exists());
        !is_plain || known || packed.contains(" refs/orchestra/")
    }

    /// Waits until an agent is in a phase.
    pub fn wait_for(&self, id: &str, phase: &str) -> Value {
        until(&format!("{id} {phase}"), || Some(self.agent(id)).filter(|agent| agent["phase"] == phase))
    }

    /// Waits until an agent is shown as running and has printed a text; a quick program prints before its
    /// supervisor has recorded that it runs.
    pub fn wait_for_output(&self, id: &str, text: &str) {
        until(&format!("{id} prints {text}"), || {
            let printed = self.orchestra(["logs", id]).stdout().contains(text);
            (printed && self.agent(id)["phase"] != "starting").then_some(())
        });
    }

    /// Waits until an agent is shown as running and has a file in its worktree.
    pub fn wait_for_file(&self, id: &str, name: &str) {
        until(&format!("{id} makes {name}"), || {
            let agent = self.agent(id);
            let there =
                agent["worktree"].as_str().is_some_and(|path| PathBuf::from(path).join(name).exists());
            (there && agent["phase"] == "running").then_some(())
        });
    }

    /// Returns the refs below a prefix with their objects, by plain git.
    pub fn refs(&self, prefix: &str) -> Vec<(String, String)> {
        let listed = self.git(["for-each-ref", "--format=%(refname) %(objectname)", prefix]).stdout();
        listed.lines().filter_map(|line| line.split_once(' ')).map(|(a, b)| (a.into(), b.into())).collect()
    }

    /// Returns a trailer at the tip of an agent's history, by plain git.
    pub fn trailer(&self, id: &str, key: &str) -> String {
        let format = format!("--format=%(contents:trailers:key=Orchestra-{key},valueonly,separator=)");
        self.git(["for-each-ref", &format, &format!("refs/orchestra/agents/{id}")]).line()
    }

    /// Returns a file in the work of an agent, by plain git.
    pub fn file_in_head(&self, id: &str, file: &str) -> String {
        self.git(["show", &format!("refs/orchestra/heads/{id}:{file}")]).stdout()
    }

    /// Returns the path of an agent's worktree.
    pub fn worktree(&self, id: &str) -> PathBuf {
        PathBuf::from(self.orchestra(["worktrees", "--path", id]).succeeded().line())
    }

    /// Returns every byte of the checkout, its index, HEAD, the branches that are not agents', and the
    /// configuration.
    pub fn checkout(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut open = vec![self.path.clone()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(&folder).expect("a folder").flatten() {
                let path = entry.path();
                if path == self.path.join(".git") {
                    for file in ["index", "HEAD", "config"] {
                        found.push((path.join(file), fs::read(path.join(file)).unwrap_or_default()));
                    }
                } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    open.push(path);
                } else {
                    found.push((path.clone(), fs::read(&path).unwrap_or_default()));
                }
            }
        }
        for (name, object) in self.refs("refs/heads/main") {
            found.push((name.into(), object.into_bytes()));
        }
        found.sort();
        found
    }
}

impl Drop for TestRepo<'_> {
    fn drop(&mut self) {
        let is_repository = self.path.join(".git").exists() || self.path.join("HEAD").exists();
        if is_repository && self.may_have_agents() {
            let _ = self.orchestra_command(["stop", "--all"]).output();
        }
    }
}
