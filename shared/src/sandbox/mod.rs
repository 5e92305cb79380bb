//! Sandboxes: what an agent's program, its check and its commands can reach.
//!
//! | file | knows |
//! |---|---|
//! | `engine` | what can make a sandbox on this machine |
//! | `mounts` | what a sandbox shows, as arguments of the program that makes it |
//! | `home` | the private home folder |
//! | `variables` | which environment variables are removed |
//! | `sockets` | which sockets of the machine are covered |
//! | `network` | which hosts can be reached |
//! | `landlock` | the same files by rules of the kernel, where bubblewrap cannot run |
//!
//! In a sandbox an agent writes its worktree with the repositories of its submodules, its private git directory
//! ([`crate::worktree::private_git_dir`]), its own home folder and its own temporary files. Everything else can only be read, or is hidden. It sees only its own processes. In a sandbox `net` it reaches
//! only the hosts that are allowed; in others it has the network of the machine. By Landlock it sees the processes of the machine as well,
//! but can neither signal nor examine them.

mod engine;
mod home;
mod landlock;
mod mounts;
pub mod network;
mod sockets;
mod variables;

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

pub use self::{
    engine::{BUBBLEWRAP, Obstacle, choose, description, trial},
    landlock::{PathRules, confine},
};
use self::{mounts::Mount, network::Outside};
use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::{common_dir, settings},
    model::{AgentId, SandboxEngine, host::HostRule},
    private_files, process,
    worktree::{private_git_dir::PrivateGitDir, submodules::is_real},
    world::Environment,
};

/// Folders of the machine in whose place an agent has its own.
const TEMPORARY: [&str; 2] = ["/tmp", "/var/tmp"];
/// The folder that it has in their place.
const TEMPORARY_OF_AGENT: &str = "temporary";
/// Where the machine says how names are resolved; often a link into a folder that is hidden.
const RESOLVER: &str = "/etc/resolv.conf";

/// The sandbox of an agent.
#[derive(Clone, Debug)]
pub struct Sandbox {
    /// The agent.
    pub id: AgentId,
    /// The common git directory.
    pub common_dir: PathBuf,
    /// What enforces it.
    pub engine: SandboxEngine,
    /// The agent's worktree.
    pub worktree: PathBuf,
    /// The name of its program, which decides what is in its home folder.
    pub program: String,
    /// The git directories of submodules of its worktree, which it writes.
    pub submodules: Vec<PathBuf>,
    /// Further files that it reads.
    pub read: Vec<PathBuf>,
    /// Further files and folders that it writes.
    pub write: Vec<PathBuf>,
    /// Whether its program has no terminal.
    pub detached: bool,
    /// The hosts that it reaches; `None` if it has the network of the machine.
    pub hosts: Option<Vec<HostRule>>,
}

impl Sandbox {
    /// Returns a command that runs `program` in the sandbox and in `folder`; further arguments are those of the program.
    ///
    /// # Errors
    /// The agent has no private git directory, or a folder cannot be made.
    pub fn command(&self, environment: &Environment, program: &str, folder: &Path) -> Result<Command> {
        let mut command = match self.engine {
            SandboxEngine::Bubblewrap => self.by_bubblewrap(environment, program, folder)?,
            SandboxEngine::Landlock => {
                let own = PrivateGitDir::of(&self.common_dir, &self.id);
                landlock::command(environment, own.folder(), self, &self.mounts(environment)?, program)?
            }
        };
        for name in variables::hidden(environment, &self.program) {
            command.env_remove(name);
        }
        Ok(command)
    }

    fn by_bubblewrap(&self, environment: &Environment, program: &str, folder: &Path) -> Result<Command> {
        let engine = engine::path(environment)
            .ok_or_else(|| Error::new(Code::SandboxUnavailable, Obstacle::Missing.to_string()))?;
        let mut mounts = self.mounts(environment)?;
        let covers = sockets::covers(&mounts, environment.now())?;
        mounts.extend(covers);
        // What an agent wrote here would be gone when it ends; so it sees that it cannot.
        mounts.push(Mount::Sealed(self.common_dir.clone()));
        // Without a terminal, into which it could type.
        let mut more: Vec<&str> = self.detached.then_some("--new-session").into_iter().collect();
        let outside = self.hosts.as_ref().map(|hosts| Outside {
            common_dir: self.common_dir.clone(),
            id: &self.id,
            hosts,
        });
        let mut command = match &outside {
            Some(outside) => {
                more.push(mounts::OWN_NETWORK);
                mounts.extend(Outside::mounts(PrivateGitDir::of(&self.common_dir, &self.id).folder())?);
                let mut command = outside.command(environment);
                command.arg(engine);
                command
            }
            None => process::command(environment, engine),
        };
        command.args(mounts::arguments(&mounts, folder, &more));
        command.args(outside.map(|outside| outside.inside()).unwrap_or_default()).arg(program);
        command.env("TMPDIR", TEMPORARY[0]);
        Ok(command)
    }

    fn mounts(&self, environment: &Environment) -> Result<Vec<Mount>> {
        let git = PrivateGitDir::of(&self.common_dir, &self.id);
        if !git.exists() {
            return Err(Error::new(
                Code::WorktreeMissing,
                format!("agent '{}' has no private git directory", self.id),
            ));
        }
        let temporary = git.folder().join(TEMPORARY_OF_AGENT);
        private_files::create_dir(&temporary)
            .context(Kind::External, || format!("cannot make '{}'", temporary.display()))?;
        let mut mounts: Vec<Mount> =
            TEMPORARY.iter().map(|path| Mount::Write(temporary.clone(), path.into())).collect();
        mounts.extend(resolver());
        mounts.extend(hidden_programs(environment));
        mounts.extend(home::mounts(environment, git.folder(), &self.program)?);
        let checkout = common_dir::display_folder(&self.common_dir);
        if !environment.home().is_some_and(|home| home.starts_with(checkout)) {
            mounts.push(Mount::read(checkout));
        }
        mounts.extend(self.write.iter().filter(|path| path.is_dir()).map(Mount::write));
        // Locks, the queue, other agents, and the configuration with its addresses are nothing that an agent needs.
        mounts.push(Mount::Empty(self.common_dir.clone()));
        mounts.push(Mount::read(self.common_dir.join("objects")));
        mounts.extend(borrowed_objects(&self.common_dir).into_iter().map(Mount::read));
        mounts.extend(written_git_dir(&git.git_dir()));
        for submodule in &self.submodules {
            mounts.extend(written_git_dir(submodule));
            let nested = settings::submodule_git_dirs(submodule);
            mounts.extend(nested.iter().filter(|dir| is_real(dir)).flat_map(|dir| written_git_dir(dir)));
        }
        mounts.push(Mount::write(self.worktree.clone()));
        mounts.push(Mount::Read(git.dot_git(), self.worktree.join(".git")));
        mounts.extend(self.read.iter().filter(|path| path.exists()).map(Mount::read));
        mounts.extend(self.write.iter().filter(|path| path.is_file()).map(Mount::write));
        Ok(mounts)
    }
}

/// Lets the agent write a git directory. A folder that is mounted cannot be renamed: the agent borrows the objects of no other repository.
fn written_git_dir(git_dir: &Path) -> Vec<Mount> {
    let (objects, info) = (git_dir.join("objects"), git_dir.join("objects/info"));
    let mut mounts = vec![Mount::write(git_dir)];
    // In a submodule, an agent without a sandbox may have put links there.
    if [&objects, &info].iter().all(|folder| fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir())) {
        mounts.extend([Mount::write(objects), Mount::read(info)]);
    }
    mounts
}

/// Shows the file to which the resolver's settings lead.
fn resolver() -> Option<Mount> {
    let target = fs::canonicalize(RESOLVER).ok().filter(|target| target.starts_with("/run"))?;
    Some(Mount::read(target))
}

/// Shows programs that are below folders in whose place the agent has its own.
fn hidden_programs(environment: &Environment) -> Vec<Mount> {
    let path: OsString = environment.variable("PATH").unwrap_or_default();
    let is_hidden =
        |folder: &PathBuf| TEMPORARY.iter().chain([&"/run"]).any(|hidden| folder.starts_with(hidden));
    let folders = std::env::split_paths(&path).filter(|folder| is_hidden(folder) && folder.is_dir());
    folders.map(Mount::read).collect()
}

/// Returns the folders of objects that the repository itself borrows, if they are below folders that are hidden.
fn borrowed_objects(common_dir: &Path) -> Vec<PathBuf> {
    let text =
        crate::git::careful::small_text(&common_dir.join("objects/info/alternates")).unwrap_or_default();
    let paths = text.lines().map(|line| common_dir.join("objects").join(line));
    paths.filter(|path| path.is_dir()).filter_map(|path| path.canonicalize().ok()).collect()
}

/// Removes the folder of an agent's sandbox. What its git made was imported before.
pub fn remove(common_dir: &Path, id: &AgentId) {
    let _ = fs::remove_dir_all(PrivateGitDir::of(common_dir, id).folder());
}
