//! The invariants that must hold after every fault, whatever the operation was.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use testkit::{TestRepo, World};

use crate::{
    lab::REPOS,
    table::{Column, Finding},
};

/// Lists the commits of all refs, without the lists of points to which agents can be taken back: a longer list replaces a shorter one, and
/// names the same trees.
const COMMITS: &[&str] = &["rev-list", "--exclude=refs/orchestra-local/points/*", "--all"];

/// The contents that must not be lost.
pub(crate) struct Before {
    /// The commits of all refs, for each repository.
    commits: BTreeMap<&'static str, BTreeSet<String>>,
    /// The files of checkouts and worktrees, with the object ids of their contents.
    files: BTreeMap<String, PathBuf>,
    head: BTreeMap<&'static str, String>,
}

impl Before {
    pub(crate) fn of(world: &World) -> Self {
        let mut before = Self { commits: BTreeMap::new(), files: BTreeMap::new(), head: BTreeMap::new() };
        for name in repos(world) {
            before.commits.insert(name, lines(world, name, COMMITS));
            before.head.insert(name, git(world, name, &["symbolic-ref", "HEAD"]).1);
        }
        before.add_files(world);
        before
    }

    /// Adds the files that exist now.
    pub(crate) fn add_files(&mut self, world: &World) {
        for name in repos(world) {
            let files: Vec<PathBuf> = files(world, name);
            for (path, id) in ids(world, name, &files) {
                self.files.insert(id, path);
            }
        }
    }
}

fn repos(world: &World) -> impl Iterator<Item = &'static str> {
    REPOS.into_iter().filter(|name| world.dir().join(name).join(".git").exists())
}

fn git(world: &World, name: &str, arguments: &[&str]) -> (bool, String) {
    let output = world.command("git", &world.dir().join(name)).args(arguments).output().expect("git");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).trim_end().to_owned())
}

fn lines(world: &World, name: &str, arguments: &[&str]) -> BTreeSet<String> {
    git(world, name, arguments)
        .1
        .lines()
        .map(|line| line.split(' ').next().unwrap_or(line).to_owned())
        .collect()
}

/// Returns the files of the checkout and of all worktrees, except git's own.
fn files(world: &World, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![world.dir().join(name), world.dir().join(format!("{name}.worktrees"))];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            // Excludes git's own files and our copies of the tasks of running programs.
            if path.file_name().is_some_and(|name| name == ".git" || name == ".prompts") {
                continue;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(path),
                Ok(kind) if kind.is_file() => found.push(path),
                _ => {}
            }
        }
    }
    found
}

fn ids(world: &World, name: &str, files: &[PathBuf]) -> Vec<(PathBuf, String)> {
    if files.is_empty() {
        return Vec::new();
    }
    let mut command: Command = world.command("git", &world.dir().join(name));
    let output = command.args(["hash-object", "--no-filters", "--"]).args(files).output().expect("git");
    let ids = String::from_utf8_lossy(&output.stdout).into_owned();
    files.iter().cloned().zip(ids.lines().map(str::to_owned)).collect()
}

/// Returns the violated invariants.
pub(crate) fn all(world: &World, repo: &TestRepo<'_>, before: &Before) -> Vec<Finding> {
    let mut wrong = Vec::new();
    for name in repos(world) {
        let lost: Vec<String> = before.commits.get(name).into_iter().flatten().cloned().collect();
        let now = lines(world, name, COMMITS);
        let lost: Vec<&String> = lost.iter().filter(|commit| !now.contains(*commit)).collect();
        if !lost.is_empty() {
            wrong.push(Column::Lost.says(format!("commits of {name} {lost:?}")));
        }
        lost_files(world, name, before, &mut wrong);
        let (sound, said) = git(world, name, &["fsck", "--strict", "--no-dangling", "--no-progress"]);
        if !sound || said.contains("error") || said.contains("missing") || said.contains("invalid") {
            wrong.push(Column::Lost.says(format!("fsck of {name}: {}", said.replace('\n', "; "))));
        }
        left_over(world, name, &mut wrong);
        if before.head.get(name).is_some_and(|head| *head != git(world, name, &["symbolic-ref", "HEAD"]).1) {
            wrong.push(Column::Untrue.says(format!("HEAD of {name} is another one")));
        }
        let status = git(world, name, &["status", "--porcelain"]).1;
        if !status.is_empty() {
            let shown = status.replace('\n', "; ");
            wrong.push(Column::Untrue.says(format!("the checkout of {name} is not clean: {shown}")));
        }
    }
    worktrees(repo, &mut wrong);
    agents(repo, &mut wrong);
    wrong
}

/// Returns the agents whose events are visible and whose work is not: the work is written first, and events are removed first, so no
/// fault leaves that behind even before it is repaired.
pub(crate) fn events_without_work(world: &World) -> Vec<Finding> {
    let mut wrong = Vec::new();
    for name in repos(world) {
        let below = |prefix: &str| -> BTreeSet<String> {
            let refs = git(world, name, &["for-each-ref", "--format=%(refname)", prefix]).1;
            refs.lines().filter_map(|name| Some(name.strip_prefix(prefix)?.to_owned())).collect()
        };
        let heads = below("refs/orchestra/heads/");
        let agents = below("refs/orchestra/agents/");
        let without = |id| Column::Lost.says(format!("events of {id} without its work in {name}"));
        wrong.extend(agents.difference(&heads).map(without));
    }
    wrong
}

/// Checks that each byte is in a file, or reachable from a ref.
fn lost_files(world: &World, name: &str, before: &Before, wrong: &mut Vec<Finding>) {
    let root = world.dir().join(name);
    let mine: Vec<(&String, &PathBuf)> = before
        .files
        .iter()
        .filter(|(_, path)| {
            path.starts_with(&root) || path.starts_with(world.dir().join(format!("{name}.worktrees")))
        })
        .collect();
    let there: BTreeSet<String> =
        ids(world, name, &files(world, name)).into_iter().map(|(_, id)| id).collect();
    let kept = lines(world, name, &["rev-list", "--objects", "--all"]);
    for (id, path) in mine {
        if !there.contains(id) && !kept.contains(id) {
            wrong.push(Column::Lost.says(format!("the content of {}", path.display())));
        }
    }
}

/// Checks that no git lock and nothing incomplete is left.
fn left_over(world: &World, name: &str, wrong: &mut Vec<Finding>) {
    let git_dir = world.dir().join(name).join(".git");
    let mut open = vec![git_dir, world.dir().join(format!("{name}.worktrees"))];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, file) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let is_ours = path.parent().is_some_and(|folder| folder.ends_with("orchestra/intents"));
            if file.ends_with(".lock")
                || file == "packed-refs.new"
                || file.contains(".coming-back-")
                || is_ours
            {
                wrong.push(Column::Ghosts.says(format!("left over: {}", shown(world, &path))));
            }
            // Records of moves are ours: the rest of a finished one is removed by the next move.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) && file != "objects" && file != "moves" {
                open.push(path);
            }
        }
    }
}

fn shown(world: &World, path: &Path) -> String {
    path.strip_prefix(world.dir()).unwrap_or(path).display().to_string()
}

fn worktrees(repo: &TestRepo<'_>, wrong: &mut Vec<Finding>) {
    let listed = repo.git(["worktree", "list", "--porcelain"]).stdout();
    let mut seen = BTreeSet::new();
    for line in listed.lines() {
        if line.starts_with("prunable") || line.starts_with("locked") {
            wrong.push(Column::Ghosts.says(format!("a worktree is {line}")));
        }
        if line.starts_with("worktree ") && !seen.insert(line) {
            wrong.push(Column::Doubled.says(format!("registered twice: {line}")));
        }
    }
}

/// Checks what is listed against what is there: no agent, event, or landing twice, nobody shown as live, nothing without an agent.
pub(crate) fn agents(repo: &TestRepo<'_>, wrong: &mut Vec<Finding>) {
    let agents = repo.agents();
    let text = |agent: &serde_json::Value, key: &str| agent[key].as_str().unwrap_or_default().to_owned();
    let mut names = BTreeSet::new();
    let mut branches = BTreeSet::new();
    for agent in &agents {
        let id = text(agent, "id");
        // The operations give each agent a name of its own; the id ends in random characters.
        if !names.insert(id.rsplit_once('-').map_or(id.clone(), |(name, _)| name.to_owned())) {
            wrong.push(Column::Doubled.says(format!("two agents for one task: {id}")));
        }
        if agent["liveness"] == "live" {
            wrong.push(Column::Ghosts.says(format!("{id} is shown as live though everything was stopped")));
        }
        branches.insert(text(agent, "branch"));
        doubled_events(repo, &id, wrong);
    }
    for (name, _) in repo.refs("refs/heads/orchestra/") {
        if !branches.contains(&name["refs/heads/".len()..]) {
            wrong.push(Column::Ghosts.says(format!("{name} belongs to no agent")));
        }
    }
    let merges = repo.git(["log", "--first-parent", "--format=%s", "main"]).stdout();
    let mut landed = BTreeSet::new();
    for subject in merges.lines().filter(|line| line.starts_with("Merge agent ")) {
        if !landed.insert(subject) {
            wrong.push(Column::Doubled.says(format!("landed twice: {subject}")));
        }
    }
}

/// Checks that no event of an agent is there twice.
pub(crate) fn doubled_events(repo: &TestRepo<'_>, id: &str, wrong: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    for event in repo.events(id) {
        if !seen.insert(event.to_string()) {
            wrong.push(Column::Doubled.says(format!("{id} has an event twice: {event}")));
        }
    }
}
