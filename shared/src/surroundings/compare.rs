//! What differs between two snapshots, and how much it should worry the user. Pure.
//!
//! A commit, switch, merge, pull or rebase by the user is recorded in the reflog of that checkout's `HEAD`, a fetch in the reflog
//! of the ref that it moves. A change found there is a note. A change that loses nothing and runs nothing is a note as well: a
//! new branch, a config key that names no program. Everything else is a warning.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    change::{ChangeSubject, Level, SurroundingsChange},
    evidence::{Evidence, Stasher},
    files::FileStamp,
    snapshot::{SurroundingsSnapshot, UserCheckout},
};
use crate::{
    git::{Oid, reflog::ReflogEntry},
    model::text,
    store::layout,
};

/// Maximum number of changes of one kind that are named; the rest are counted.
const MAX_NAMED: usize = 30;
/// Maximum width of a config value, in columns.
const VALUE_WIDTH: usize = 60;

/// What a key of a linked worktree has behind its name, and the end of that, which a key of the main checkout has as well.
const OF_WORKTREE: &str = " (in worktrees/";
const WORKTREE_CONFIG: &str = "config.worktree)";

/// The stash, which all worktrees of a repository share: `git stash pop` in one takes what was stashed in another.
const STASH: &str = "refs/stash";

/// How the reflog messages of `HEAD` begin when git moves it in ordinary use.
const ORDINARY_HEAD_MESSAGES: &[&str] = &[
    "am",
    "bisect",
    "branch",
    "Branch",
    "checkout",
    "cherry-pick",
    "clone",
    "commit",
    "fetch",
    "initial",
    "merge",
    "orchestra",
    "pull",
    "rebase",
    "reset",
    "revert",
    "switch",
];

/// How the reflog messages of other refs begin when git moves them in ordinary use.
const ORDINARY_REF_MESSAGES: &[&str] = &[
    "branch: renamed",
    "Branch: renamed",
    "fetch",
    "notes",
    "orchestra",
    "pull",
    "push",
    "rebase",
    "remote",
    "rewritten",
    "update by push",
];

/// Compares two snapshots and returns the changes, warnings first.
pub(super) fn compare(
    before: &SurroundingsSnapshot,
    after: &SurroundingsSnapshot,
    evidence: &dyn Evidence,
) -> Vec<SurroundingsChange> {
    let mut changes: Vec<SurroundingsChange> = Vec::new();
    for group in [
        configuration(before, after),
        git_files(before, after),
        refs(before, after, evidence),
        checkouts(before, after, evidence),
        files(before, after, evidence),
    ] {
        changes.extend(first_of_each_level(&group));
    }
    changes.sort_by_key(|change| change.level);
    changes
}

/// Returns the first [`MAX_NAMED`] changes of each level, and a change that counts the rest.
fn first_of_each_level(all: &[SurroundingsChange]) -> Vec<SurroundingsChange> {
    let mut kept = Vec::new();
    for level in [Level::Warning, Level::Note] {
        let group: Vec<SurroundingsChange> =
            all.iter().filter(|change| change.level == level).cloned().collect();
        let more = group.len().saturating_sub(MAX_NAMED);
        let subject = group.first().map(|change| change.subject);
        kept.extend(group.into_iter().take(MAX_NAMED));
        if let Some(subject) = subject.filter(|_| more > 0) {
            let what = format!("{} of this kind", text::count(more as u64, "more change"));
            kept.push(SurroundingsChange::new(level, subject, &what));
        }
    }
    kept
}

fn configuration(before: &SurroundingsSnapshot, after: &SurroundingsSnapshot) -> Vec<SurroundingsChange> {
    let mut changes = Vec::new();
    let mut reported = BTreeSet::new();
    for one in before.trusted.changes(&after.trusted) {
        reported.insert(one.key.clone());
        let value = |value: &str| text::one_line(value, VALUE_WIDTH);
        if let Some(hook) = one.key.strip_prefix("hooks/") {
            // Hooks in the git directory are reported with its files.
            let is_listed = |files: &BTreeMap<String, String>| files.contains_key(&one.key);
            if !is_listed(&before.files) && !is_listed(&after.files) {
                changes.push(SurroundingsChange::warning(
                    ChangeSubject::Hook,
                    &format!("hook {hook} {}", verb(&one.before, &one.after)),
                ));
            }
            continue;
        }
        let what = match (&one.before, &one.after) {
            _ if !one.key.contains('.') => format!("{} changed", one.key),
            (None, Some(new)) => format!("config {} set to '{}'", one.key, value(new)),
            (Some(old), Some(new)) => {
                format!("config {} changed from '{}' to '{}'", one.key, value(old), value(new))
            }
            (old, None) => {
                format!("config {} unset (was '{}')", one.key, value(old.as_deref().unwrap_or_default()))
            }
        };
        changes.push(SurroundingsChange::warning(ChangeSubject::Config, &what));
    }
    let is_new = |key: &str| !reported.contains(key) && !is_copied(before, after, key);
    for key in differing(&before.settings, &after.settings).into_iter().filter(|key| is_new(key)) {
        let verb = verb(&before.settings.get(key), &after.settings.get(key));
        changes.push(SurroundingsChange::note(ChangeSubject::Config, &format!("config {key} {verb}")));
    }
    changes
}

/// Returns whether a setting came or went with a worktree: a new one gets those of the main checkout, such as what a sparse checkout
/// leaves out.
fn is_copied(before: &SurroundingsSnapshot, after: &SurroundingsSnapshot, key: &str) -> bool {
    let of_worktree = key.split_once(OF_WORKTREE).filter(|(_, file)| file.ends_with(WORKTREE_CONFIG));
    let Some((name, _)) = of_worktree else { return false };
    let main = format!("{name} (in {WORKTREE_CONFIG}");
    match (before.settings.get(key), after.settings.get(key)) {
        (None, Some(added)) => after.settings.get(&main) == Some(added),
        (Some(removed), None) => before.settings.get(&main) == Some(removed),
        _ => false,
    }
}

fn git_files(before: &SurroundingsSnapshot, after: &SurroundingsSnapshot) -> Vec<SurroundingsChange> {
    let all = differing(&before.files, &after.files);
    let change = |name: &str| {
        let verb = verb(&before.files.get(name), &after.files.get(name));
        match name.strip_prefix("hooks/") {
            Some(hook) => SurroundingsChange::warning(ChangeSubject::Hook, &format!("hook {hook} {verb}")),
            None => SurroundingsChange::warning(
                ChangeSubject::GitFile,
                &format!("{name} of the repository {verb}"),
            ),
        }
    };
    all.into_iter().map(change).collect()
}

const fn verb<T>(before: &Option<T>, after: &Option<T>) -> &'static str {
    match (before, after) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "changed",
    }
}

fn differing<'a, T: PartialEq>(
    before: &'a BTreeMap<String, T>,
    after: &'a BTreeMap<String, T>,
) -> Vec<&'a str> {
    let all: BTreeSet<&str> = before.keys().chain(after.keys()).map(String::as_str).collect();
    all.into_iter().filter(|name| before.get(*name) != after.get(*name)).collect()
}

fn refs(
    before: &SurroundingsSnapshot,
    after: &SurroundingsSnapshot,
    evidence: &dyn Evidence,
) -> Vec<SurroundingsChange> {
    let names = differing(&before.refs, &after.refs);
    // Without reflogs, as in a bare repository, moves by the user cannot be distinguished from others.
    let logged = before.checkouts.first().is_some_and(|main| main.log.is_some());
    let visited: BTreeSet<Oid> = before
        .checkouts
        .iter()
        .flat_map(|checkout| evidence.visited(&checkout.name))
        .filter(|entry| is_ordinary(&entry.message, ORDINARY_HEAD_MESSAGES))
        .filter_map(|entry| entry.new)
        .collect();
    let change = |name: &str| {
        let (old, new) =
            (before.refs.get(name).map(String::as_str), after.refs.get(name).map(String::as_str));
        let moved = MovedRef { name, old, new, visited: &visited, logged };
        let level = moved.level(evidence);
        let mut what = format!("{} {}", ref_label(name), moved.verb());
        let by = new
            .and_then(Oid::parse)
            .filter(|_| level == Level::Warning && names.len() <= MAX_NAMED)
            .and_then(|new| evidence.agent_that_visited(new));
        if let Some(agent) = by {
            what.push_str(&format!(", where agent {agent} was"));
        }
        what.push_str(&moved.stasher(level, evidence));
        SurroundingsChange::new(level, ChangeSubject::Ref, &what)
    };
    names.iter().map(|name| change(name)).collect()
}

/// A ref that differs between the snapshots.
struct MovedRef<'a> {
    name: &'a str,
    old: Option<&'a str>,
    new: Option<&'a str>,
    /// The commits that `HEAD` of the user's checkouts moved to.
    visited: &'a BTreeSet<Oid>,
    logged: bool,
}

impl MovedRef<'_> {
    fn verb(&self) -> String {
        match (self.old, self.new) {
            (Some(old), Some(new)) => format!("moved {} → {}", short(old), short(new)),
            (None, Some(new)) => format!("added at {}", short(new)),
            (Some(old), None) => format!("removed (was {})", short(old)),
            (None, None) => String::new(),
        }
    }

    fn level(&self, evidence: &dyn Evidence) -> Level {
        let explained = match (self.old.and_then(Oid::parse), self.new.and_then(Oid::parse)) {
            // A replace ref makes git read another object than the stored one.
            _ if self.name.starts_with("refs/replace/") => false,
            (None, _) => true,
            (Some(old), _) if self.name == STASH => {
                let is_listed = || evidence.reflog_of(self.name).iter().any(|entry| entry.new == Some(old));
                evidence.stashed_by(old) == Stasher::Itself || is_listed()
            }
            (Some(old), None) => self.is_of_remote() || evidence.is_reachable(old),
            (Some(_), Some(new)) => {
                let own = || {
                    evidence.reflog_of(self.name).last().is_some_and(|last| {
                        last.new == Some(new) && is_ordinary(&last.message, ORDINARY_REF_MESSAGES)
                    })
                };
                self.visited.contains(&new) || own() || !self.logged
            }
        };
        if explained { Level::Note } else { Level::Warning }
    }

    /// Says who stashed what is gone from the stash or, if nothing of others is gone, what is new in it.
    fn stasher(&self, level: Level, evidence: &dyn Evidence) -> String {
        if self.name != STASH {
            return String::new();
        }
        let commit = if level == Level::Warning { self.old } else { self.new.or(self.old) };
        match commit.and_then(Oid::parse).map(|commit| evidence.stashed_by(commit)) {
            Some(Stasher::Agent(agent)) => format!(", stashed by agent {agent}"),
            Some(Stasher::Itself) => ", stashed by this agent".to_owned(),
            Some(Stasher::Unknown) | None => String::new(),
        }
    }

    fn is_of_remote(&self) -> bool {
        self.name.starts_with(layout::REMOTE_BRANCHES)
    }
}

/// Returns `branch main`, `tag v1`, `remote branch origin/main`, or the whole name.
fn ref_label(name: &str) -> String {
    for (prefix, word) in
        [(layout::BRANCHES, "branch "), (layout::TAGS, "tag "), (layout::REMOTE_BRANCHES, "remote branch ")]
    {
        if let Some(rest) = name.strip_prefix(prefix) {
            return format!("{word}{rest}");
        }
    }
    name.to_owned()
}

fn short(target: &str) -> &str {
    if Oid::parse(target).is_some() { &target[..10] } else { target }
}

fn checkouts(
    before: &SurroundingsSnapshot,
    after: &SurroundingsSnapshot,
    evidence: &dyn Evidence,
) -> Vec<SurroundingsChange> {
    let mut changes = Vec::new();
    for old in &before.checkouts {
        let new = after.checkouts.iter().find(|new| new.name == old.name);
        let place = match old.name.as_str() {
            "" => "your checkout".to_owned(),
            name => format!("your worktree {name}"),
        };
        let Some(new) = new else {
            changes.push(SurroundingsChange::note(ChangeSubject::Checkout, &format!("{place} is gone")));
            continue;
        };
        if old.head != new.head {
            let entries = evidence.visited(&old.name);
            let reported = entries.iter().any(|entry| {
                is_ordinary(&entry.message, &["checkout", "switch", "rebase", "branch", "Branch", "clone"])
            });
            let both_detached = Oid::parse(&old.head).is_some() && Oid::parse(&new.head).is_some();
            let level = if reported || both_detached && is_visited(entries, new) {
                Level::Note
            } else {
                Level::Warning
            };
            let what =
                format!("{place} was switched from {} to {}", head_label(&old.head), head_label(&new.head));
            changes.push(SurroundingsChange::new(level, ChangeSubject::Checkout, &what));
        }
    }
    let known = |name: &str| before.checkouts.iter().any(|old| old.name == name);
    for new in after.checkouts.iter().filter(|new| !known(&new.name)) {
        changes
            .push(SurroundingsChange::note(ChangeSubject::Checkout, &format!("worktree {} added", new.name)));
    }
    changes
}

fn is_visited(entries: &[ReflogEntry], now: &UserCheckout) -> bool {
    entries.iter().any(|entry| entry.new == now.commit && is_ordinary(&entry.message, ORDINARY_HEAD_MESSAGES))
}

fn head_label(head: &str) -> String {
    match head.strip_prefix("ref: ") {
        Some(name) => layout::branch_of(name).unwrap_or(name).to_owned(),
        None => format!("no branch, at {}", short(head)),
    }
}

/// Returns whether a message begins with one of `words`, as `commit: one` does with `commit`, but `committed` does not.
fn is_ordinary(message: &str, words: &[&str]) -> bool {
    words.iter().any(|word| {
        message.strip_prefix(word).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
    })
}

fn files(
    before: &SurroundingsSnapshot,
    after: &SurroundingsSnapshot,
    evidence: &dyn Evidence,
) -> Vec<SurroundingsChange> {
    if before.main.is_none() {
        return Vec::new();
    }
    let (Some(old), Some(new)) = (&before.changed, &after.changed) else {
        return vec![SurroundingsChange::note(
            ChangeSubject::Unseen,
            "the files of your checkout were not compared: too many changes, or no time left",
        )];
    };
    // The user's git may have committed or stashed the changes.
    let visited = evidence.visited("");
    let visited = !visited.is_empty()
        && visited.iter().all(|entry| is_ordinary(&entry.message, ORDINARY_HEAD_MESSAGES));
    let all = differing(old, new);
    all.into_iter().filter_map(|path| file(path, old.get(path), new.get(path), visited)).collect()
}

fn file(
    path: &str,
    old: Option<&FileStamp>,
    new: Option<&FileStamp>,
    visited: bool,
) -> Option<SurroundingsChange> {
    let warning = |what: String| Some(SurroundingsChange::warning(ChangeSubject::File, &what));
    match (old, new) {
        (None, Some(new)) if !new.tracked => warning(format!("file {path} appeared in your checkout")),
        (None, Some(new)) if new.content.is_none() => {
            warning(format!("file {path} was deleted in your checkout"))
        }
        (None, Some(_)) => warning(format!("file {path} changed in your checkout")),
        (Some(old), Some(new)) if old.content == new.content => {
            let what = if new.tracked { "was staged" } else { "is no longer staged" };
            Some(SurroundingsChange::note(
                ChangeSubject::File,
                &format!("file {path} {what} in your checkout"),
            ))
        }
        (Some(_), Some(_)) => warning(format!("file {path} changed in your checkout")),
        (Some(_), None) if visited => None,
        (Some(old), None) if old.tracked => {
            warning(format!("changes of file {path} are gone from your checkout"))
        }
        (Some(_), None) => warning(format!("untracked file {path} is gone from your checkout")),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests;
