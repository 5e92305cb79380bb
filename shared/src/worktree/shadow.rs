//! A git directory of ours beside an agent's worktree, with settings frozen before the agent ran. The work is read
//! through it: nothing that the agent writes into config, hooks, attributes or filters runs, and its own index is
//! not touched.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    Kind, Result,
    error::Context,
    git::{Git, Repo, frozen},
};

/// The shadow of one worktree.
#[derive(Clone, Debug)]
pub struct Shadow {
    dir: PathBuf,
    work_tree: PathBuf,
    common_dir: PathBuf,
}

impl Shadow {
    /// The shadow at `dir` of the worktree at `work_tree`.
    pub fn at(dir: PathBuf, work_tree: PathBuf, common_dir: PathBuf) -> Self {
        Self { dir, work_tree, common_dir }
    }

    /// Writes it, with the settings of `repo` as they are now.
    ///
    /// # Errors
    /// The disk is full or not writable.
    pub fn make(&self, frozen: &Frozen) -> Result<()> {
        let cannot = || format!("cannot write '{}'", self.dir.display());
        for folder in ["objects/info", "refs", "info"] {
            fs::create_dir_all(self.dir.join(folder)).context(Kind::External, cannot)?;
        }
        let config = format!(
            "{}[core]\n\tworktree = {}\n",
            frozen.config,
            frozen::quoted(&self.work_tree.to_string_lossy())
        );
        let alternate = format!("{}\n", self.common_dir.join("objects").display());
        for (name, content) in [
            ("HEAD", "ref: refs/heads/shadow\n"),
            ("config", config.as_str()),
            ("objects/info/alternates", alternate.as_str()),
            ("info/exclude", frozen.exclude.as_str()),
            ("info/attributes", frozen.attributes.as_str()),
        ] {
            fs::write(self.dir.join(name), content).context(Kind::External, cannot)?;
        }
        Ok(())
    }

    /// The worktree.
    pub fn work_tree(&self) -> &Path {
        &self.work_tree
    }

    /// Our own index of the worktree.
    pub fn index(&self) -> PathBuf {
        self.dir.join("index")
    }

    /// Whether it was made.
    pub fn exists(&self) -> bool {
        self.dir.join("config").is_file()
    }

    /// A call of git that sees the worktree through the shadow; new objects go into the repository.
    pub fn git(&self, verb: &str) -> Git {
        Git::new(&self.work_tree, verb)
            .env("GIT_DIR", self.dir.as_os_str())
            .env("GIT_WORK_TREE", self.work_tree.as_os_str())
            .env("GIT_INDEX_FILE", self.index().as_os_str())
            .env("GIT_OBJECT_DIRECTORY", self.common_dir.join("objects").as_os_str())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
    }

    /// A call of git that looks at objects only: it works when the worktree is gone.
    pub fn git_without_files(&self, verb: &str) -> Git {
        Git::new(&self.common_dir, verb)
            .env("GIT_DIR", self.dir.as_os_str())
            .env("GIT_OBJECT_DIRECTORY", self.common_dir.join("objects").as_os_str())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
    }

    /// The same for gix.
    ///
    /// # Errors
    /// It was not made, or cannot be read.
    pub fn repo(&self) -> Result<Repo> {
        Repo::open_shadow(&self.dir)
    }
}

/// The settings of a repository at one moment.
#[derive(Clone, Debug)]
pub struct Frozen {
    config: String,
    exclude: String,
    attributes: String,
}

impl Frozen {
    /// As they are now.
    ///
    /// # Errors
    /// The common git directory cannot be found.
    pub fn now(repo: &Repo) -> Result<Self> {
        let info = repo.common_dir()?.join("info");
        let read = |name: &str| fs::read_to_string(info.join(name)).unwrap_or_default();
        Ok(Self { config: repo.frozen_config(), exclude: read("exclude"), attributes: read("attributes") })
    }
}
