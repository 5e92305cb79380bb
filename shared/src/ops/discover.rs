//! `init --discover`: proposes how a project is built, tested, formatted and linted, from what its files say. Nothing of it runs.

mod documents;
mod manifests;
mod targets;
#[cfg(test)]
mod tests;
mod words;

use std::{fs, io, path::Path};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::config::{self, SetRequest, SettingObject, UnsetRequest};
use crate::{
    Error, Kind, Result,
    config::{
        Settings, TableKey,
        keys::{BASE, BUILD, TEST},
    },
    context::Context,
    error::ErrorContext as _,
    git::{Repo, careful},
    model::text,
    private_files,
    store::layout::PrivateDir,
};

/// The longest command or name that is proposed, in characters.
const MAX_VALUE: usize = 200;
/// Maximum number of proposals.
const MAX_PROPOSALS: usize = 60;
/// Maximum number of entries that are looked at in the folder of workflows, and of workflows that are read.
const MAX_ENTRIES: usize = 500;
const MAX_WORKFLOWS: usize = 20;
/// The folder of the workflows of GitHub.
const WORKFLOWS: &str = ".github/workflows";
/// Where git remembers the main branch of the remote.
const REMOTE_HEAD: &str = "refs/remotes/origin/HEAD";

/// The files that say most about a project to people and agents.
const KEY_FILES: [&str; 8] = [
    "README.md",
    "README.rst",
    "CONTRIBUTING.md",
    "ARCHITECTURE.md",
    "AGENTS.md",
    "CLAUDE.md",
    "GEMINI.md",
    "SECURITY.md",
];

/// What a proposal is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[schemars(rename = "DiscoveredPurpose")]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// A programming language of the project.
    Language,
    /// The branch on which the work of agents begins.
    Base,
    /// The shell command that builds.
    Build,
    /// The shell command that tests.
    Test,
    /// The shell command that formats, or checks the format.
    Format,
    /// The shell command that looks for faults without running the project.
    Lint,
}

impl Purpose {
    /// Returns its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Language => "language",
            Self::Base => "base",
            Self::Build => "build",
            Self::Test => "test",
            Self::Format => "format",
            Self::Lint => "lint",
        }
    }

    /// Returns the key that it sets, if there is one.
    fn key(self) -> Option<&'static str> {
        match self {
            Self::Base => Some(BASE.name()),
            Self::Build => Some(BUILD.name()),
            Self::Test => Some(TEST.name()),
            Self::Language | Self::Format | Self::Lint => None,
        }
    }
}

/// What the files of a project say.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Discovery {
    /// The proposals by purpose: the best one first, at most 60.
    pub proposals: Vec<Discovered>,
    /// The files that say most about the project to people and agents.
    pub key_files: Vec<String>,
    /// Whether the keys were set.
    pub done: bool,
}

impl Discovery {
    /// Returns the proposals that set a key.
    pub fn to_set(&self) -> impl Iterator<Item = (&str, &str)> {
        let open = self.proposals.iter().filter(|one| one.kept.is_none());
        open.filter_map(|one| Some((one.key.as_deref()?, one.value.as_str())))
    }
}

/// A proposal, and where it was read.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Discovered {
    /// What it is for.
    pub purpose: Purpose,
    /// The command or name.
    pub value: String,
    /// The file, relative to the checkout.
    pub file: String,
    /// The line in the file, from 1; absent if the proposal does not come from a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The key that it sets; absent for all but the best of its purpose, and if no key has this purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The value that the key has already, and keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
}

/// What a reader found in the text of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Found {
    purpose: Purpose,
    value: String,
    /// From 1.
    line: usize,
}

impl Found {
    fn new(purpose: Purpose, value: impl Into<String>, line: usize) -> Self {
        Self { purpose, value: value.into(), line }
    }
}

/// A file, the line in it, and what was found there.
type Candidate = (String, Option<usize>, Purpose, String);

/// Reads the text of a file; it can ask which other files there are.
type Reader = fn(&str, &dyn Fn(&str) -> bool) -> Vec<Found>;

/// The files at the top, in the order of their rank: what the project says about itself, what its tools usually do, and below, after
/// the workflows, what its documents show.
const FILES: &[(&str, Reader)] = &[
    ("justfile", targets::just),
    ("Justfile", targets::just),
    (".justfile", targets::just),
    ("GNUmakefile", targets::make),
    ("makefile", targets::make),
    ("Makefile", targets::make),
    ("package.json", manifests::package),
    ("Cargo.toml", manifests::cargo),
    ("go.mod", manifests::go),
    ("tox.ini", manifests::tox),
    ("pyproject.toml", manifests::pyproject),
    ("setup.py", manifests::setup_py),
    ("build.gradle", manifests::gradle),
    ("build.gradle.kts", manifests::gradle),
    ("pom.xml", manifests::maven),
];
const DOCUMENTS: [&str; 2] = ["CONTRIBUTING.md", "README.md"];

/// Reads the files of the checkout, and returns what they propose.
///
/// # Errors
/// There is no checkout (3), or the configuration cannot be read (3).
pub fn plan(context: &Context, repo: &Repo) -> Result<Discovery> {
    context.check()?;
    let top = repo.work_dir().ok_or_else(|| {
        Error::refused("there is no checkout whose files could be read").hint("run it in a worktree")
    })?;
    let mut all: Vec<Candidate> = base(repo)?.into_iter().collect();
    for (file, found) in read(&top) {
        all.extend(found.into_iter().map(|one| (file.clone(), Some(one.line), one.purpose, one.value)));
    }
    let settings = Settings::read(Some(repo), context.environment())?;
    let mut proposals: Vec<Discovered> = Vec::new();
    for (file, line, purpose, value) in all {
        let is_known = proposals.iter().any(|one| one.purpose == purpose && one.value == value);
        if is_known || !is_usable(&value) {
            continue;
        }
        let is_best = !proposals.iter().any(|one| one.purpose == purpose);
        let key = purpose.key().filter(|_| is_best).map(TableKey::require).transpose()?;
        let kept = key
            .as_ref()
            .and_then(|key| SettingObject::of(&settings.of(key)).values.pop())
            .map(|one| one.value);
        let key = key.map(|key| key.name().to_owned());
        proposals.push(Discovered { purpose, value, file, line, key, kept });
    }
    proposals.sort_by_key(|one| one.purpose);
    proposals.truncate(MAX_PROPOSALS);
    let is_there = |file: &&str| top.join(file).is_file();
    let key_files = KEY_FILES.iter().copied().filter(is_there).map(str::to_owned).collect();
    Ok(Discovery { proposals, key_files, done: false })
}

/// Sets the keys of a plan, one after the other; a key that has a value keeps it. Those that were set before an interruption stay.
///
/// # Errors
/// As those of [`config::set`].
pub fn set(context: &Context, repo: &Repo, plan: Discovery) -> Result<Discovery> {
    let mut recorded = recorded(repo)?;
    for (key, value) in plan.to_set() {
        // First, so that `init --undo` knows it also after an interruption.
        recorded.retain(|(known, _)| known != key);
        recorded.push((key.to_owned(), value.to_owned()));
        record(repo, &recorded)?;
        let request = SetRequest { key: key.to_owned(), value: value.to_owned(), add: false, global: false };
        config::set(context, Some(&repo.reopen()?), &request)?;
    }
    Ok(Discovery { done: true, ..plan })
}

/// Unsets the keys that [`set`] has set, if they still have those values. Returns their names.
///
/// # Errors
/// The configuration, or the file that lists them, cannot be written.
pub(super) fn undo(context: &Context, repo: &Repo) -> Result<Vec<String>> {
    let mut unset = Vec::new();
    for (key, value) in recorded(repo)? {
        let request = UnsetRequest { key: key.clone(), value: Some(value), global: false };
        match config::unset(context, Some(&repo.reopen()?), &request) {
            Ok(change) if change.before != change.after => unset.push(key),
            // A person has unset it, or given it another value.
            Ok(_) => {}
            Err(error) if matches!(error.kind(), Kind::Refused | Kind::Usage) => {}
            Err(error) => return Err(error),
        }
    }
    let path = PrivateDir::new(repo.private_dir()?).discovered();
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).context(Kind::External, || format!("cannot remove '{}'", path.display()))
        }
        _ => Ok(unset),
    }
}

/// Returns the keys and values that were set. A file that cannot be understood lists nothing.
fn recorded(repo: &Repo) -> Result<Vec<(String, String)>> {
    let path = PrivateDir::new(repo.private_dir()?).discovered();
    let content = careful::read(&path).unwrap_or_default();
    let all: Vec<(String, String)> = serde_json::from_slice(&content).unwrap_or_default();
    Ok(all.into_iter().take(MAX_PROPOSALS).collect())
}

fn record(repo: &Repo, all: &[(String, String)]) -> Result<()> {
    let path = PrivateDir::new(repo.private_dir()?).discovered();
    let content =
        serde_json::to_vec(all).map_err(|error| Error::internal("a list of keys").because(error))?;
    let folder = path.parent().map(private_files::create_dir).unwrap_or(Ok(()));
    folder
        .and_then(|()| private_files::replace(&path, content))
        .context(Kind::External, || format!("cannot write '{}'", path.display()))
}

/// A value is one line, and shows what it is.
fn is_usable(value: &str) -> bool {
    !value.is_empty() && text::one_line(value, MAX_VALUE) == value
}

fn read(top: &Path) -> Vec<(String, Vec<Found>)> {
    let has = |file: &str| top.join(file).is_file();
    let mut read = Vec::new();
    let mut add = |file: String, reader: Reader| {
        if let Some(text) = careful::small_text(&top.join(&file)) {
            read.push((file, reader(&text, &has)));
        }
    };
    for (file, reader) in FILES {
        add((*file).to_owned(), *reader);
    }
    for name in workflows(top) {
        add(format!("{WORKFLOWS}/{name}"), documents::workflow);
    }
    for file in DOCUMENTS {
        add(file.to_owned(), documents::markdown);
    }
    read
}

fn workflows(top: &Path) -> Vec<String> {
    let entries = fs::read_dir(top.join(WORKFLOWS)).into_iter().flatten().take(MAX_ENTRIES).flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let is_workflow = |name: &String| {
        let extension = Path::new(name).extension();
        is_usable(name) && extension.is_some_and(|extension| extension == "yml" || extension == "yaml")
    };
    let mut names: Vec<String> = names.filter(is_workflow).collect();
    names.sort();
    names.truncate(MAX_WORKFLOWS);
    names
}

/// Proposes the branch that the remote calls its main one, or else the one that people usually call so.
fn base(repo: &Repo) -> Result<Option<Candidate>> {
    let known = careful::small_text(&repo.common_dir()?.join(REMOTE_HEAD));
    let of_remote =
        known.as_deref().and_then(|text| text.trim_end().strip_prefix("ref: refs/remotes/origin/"));
    for branch in of_remote.into_iter().chain(["main", "master", "trunk"]) {
        let full = format!("refs/heads/{branch}");
        if repo.find_ref(&full)?.is_some() {
            let from = if of_remote == Some(branch) { REMOTE_HEAD.to_owned() } else { full };
            return Ok(Some((from, None, Purpose::Base, branch.to_owned())));
        }
    }
    Ok(None)
}
