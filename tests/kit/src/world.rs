//! An isolated world for one test: its own home, configuration and PATH.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{command::Ran, repo::TestRepo};

/// The git configuration of the world's user.
const CONFIG: &str =
    "[user]\n\tname = Tess Test\n\temail = tess@example.com\n[init]\n\tdefaultBranch = main\n";

/// One temporary directory that holds everything a test touches, and is removed with it.
pub struct World {
    root: TempDir,
    path: std::ffi::OsString,
    bins: PathBuf,
    /// The command through which every command is started, and additional environment variables.
    with_wrapper: Vec<OsString>,
    variables: Vec<(String, String)>,
}

impl World {
    /// Creates a world in which `bins` is the directory of the built binaries.
    pub fn new(bins: &Path) -> Self {
        let root = tempfile::Builder::new().prefix("orchestra-test-").tempdir().expect("a temporary folder");
        std::fs::create_dir_all(root.path().join("home")).expect("a home folder");
        std::fs::write(root.path().join("home/.gitconfig"), CONFIG).expect("a configuration");
        let mut folders = vec![bins.to_owned()];
        folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let path = std::env::join_paths(folders).expect("a PATH");
        Self { root, path, bins: bins.to_owned(), with_wrapper: Vec::new(), variables: Vec::new() }
    }

    /// Keeps the directory when the world is dropped, so that a person can examine it.
    pub fn keep(&mut self) {
        self.root.disable_cleanup(true);
    }

    /// Starts every command through another one, with additional environment variables.
    pub fn with_wrapper(mut self, prefix: Vec<OsString>, variables: Vec<(String, String)>) -> Self {
        (self.with_wrapper, self.variables) = (prefix, variables);
        self
    }

    /// Returns the directory of the world.
    pub fn dir(&self) -> &Path {
        self.root.path()
    }

    /// Returns the home directory.
    pub fn home(&self) -> PathBuf {
        self.dir().join("home")
    }

    /// Returns the directory in which Claude Code, the real or the scripted one, keeps its files.
    pub fn claude_config(&self) -> PathBuf {
        self.home().join("claude")
    }

    /// Returns what the scripted Claude Code wrote into the file of a session.
    pub fn scripted_conversation(&self, session: &str) -> String {
        let path = self.claude_config().join("projects/scripted").join(format!("{session}.jsonl"));
        std::fs::read_to_string(path).unwrap_or_default()
    }

    /// Returns the directory of the binaries.
    pub fn bins(&self) -> &Path {
        &self.bins
    }

    /// Returns a command with a clean environment.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>, directory: &Path) -> Command {
        let mut words = self.with_wrapper.iter().cloned().chain([program.as_ref().to_owned()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command
            .args(words)
            .env_clear()
            .env("PATH", &self.path)
            .env("HOME", self.home())
            .env("XDG_CONFIG_HOME", self.home().join(".config"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .env("TERM", "dumb")
            .env("CLAUDE_CONFIG_DIR", self.claude_config())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(directory)
            .stdin(std::process::Stdio::null());
        command
    }

    /// Runs plain git.
    pub fn git<I: IntoIterator<Item = S>, S: AsRef<std::ffi::OsStr>>(
        &self,
        directory: &Path,
        arguments: I,
    ) -> Ran {
        Ran::of(self.command("git", directory).args(arguments)).succeeded()
    }

    /// Creates a repository with one commit.
    pub fn repo(&self) -> TestRepo<'_> {
        self.repo_named("repo")
    }

    /// Creates a repository with one commit, in a directory of that name.
    pub fn repo_named(&self, name: &str) -> TestRepo<'_> {
        let repo = self.empty_repo(name);
        repo.write("file.txt", "one\n");
        repo.git(["add", "."]);
        repo.git(["commit", "-qm", "one"]);
        repo
    }

    /// Creates a repository without a commit.
    pub fn empty_repo(&self, name: &str) -> TestRepo<'_> {
        let path = self.dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder");
        self.git(&path, ["init", "-q"]);
        TestRepo::new(self, path)
    }
}
