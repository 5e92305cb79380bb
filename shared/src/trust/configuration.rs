//! A snapshot of everything in a repository that can name a program or decide where things go: its config files and what they
//! include, its private attributes, its hooks. Comparing two snapshots shows what changed, key by key.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::relevant_keys::is_relevant;
use crate::{
    git::{
        Repo,
        settings::{self, Setting, Settings},
    },
    model::text,
    world::Environment,
};

/// Maximum size of an attributes file that is stored by line, in bytes; of a larger one only the fingerprint is.
const MAX_STORED_ATTRIBUTES: usize = 4 << 10;
/// Maximum size of an attributes file or hook that is read, in bytes.
const MAX_FILE_BYTES: u64 = 16 << 20;
/// Maximum width of a value in a change, in columns. It is large: a person must see what they accept.
const MAX_VALUE_WIDTH: usize = 2000;

/// The relevant configuration at one moment, without the user's own configuration outside the repository.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ConfigSnapshot {
    /// Values by key: `core.pager`; `core.pager (in .gitconfig)` for another file than the repository's `config`;
    /// `info/attributes`; `hooks/pre-push`.
    entries: BTreeMap<String, Vec<String>>,
}

/// One key that differs between two snapshots.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "ConfigChange")]
pub struct ConfigChange {
    /// The key in git config or a file name below the git directory; for another config file, with its name.
    pub key: String,
    /// The values before, on one line and safe to display; `None` if the key was not set.
    pub before: Option<String>,
    /// The values after, as in `before`.
    pub after: Option<String>,
}

impl ConfigSnapshot {
    /// Takes a snapshot of a repository. A file that cannot be read is an entry as well, and so differs from one that could be
    /// read.
    pub fn of(repo: &Repo) -> Self {
        repo.common_dir().map(|common| Self::at(repo.environment(), &common)).unwrap_or_default()
    }

    /// Like [`ConfigSnapshot::of`], for a common git directory: it works even if git rejects the configuration.
    pub fn at(environment: &Environment, common_dir: &Path) -> Self {
        let home = environment.home();
        let resolve = |path: &str| resolve_path(common_dir, home.as_deref(), path);
        let settings = Settings::of(common_dir, home.as_deref());
        let mut snapshot = Self::default();
        let relevant = |one: &&Setting| is_relevant(&one.section, one.subsection.as_deref(), &one.name);
        for one in settings.values.iter().filter(relevant).filter(|one| !is_default(one)) {
            snapshot.add(key_of(one), one.value.clone());
        }
        for (file, why) in &settings.unreadable {
            snapshot.add(file.clone(), why.clone());
        }
        snapshot.add_attributes("info/attributes".to_owned(), &common_dir.join("info/attributes"));
        for module in settings::submodule_git_dirs(common_dir) {
            let name = module.strip_prefix(common_dir).unwrap_or(&module).to_string_lossy().into_owned();
            snapshot.add_attributes(format!("{name}/info/attributes"), &module.join("info/attributes"));
        }
        if let Some(file) = settings.last("core", "attributesfile") {
            snapshot.add_attributes(format!("attributes in {file}"), &resolve(file));
        }
        let hooks = settings.last("core", "hookspath");
        snapshot.add_hooks(&hooks.map_or_else(|| common_dir.join("hooks"), resolve));
        snapshot
    }

    /// Returns whether nothing relevant is configured.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns what differs in `later`, in the order of the keys.
    pub fn changes(&self, later: &Self) -> Vec<ConfigChange> {
        self.changed_keys(later)
            .into_iter()
            .map(|key| ConfigChange {
                before: self.shown(key),
                after: later.shown(key),
                key: text::safe(key).into_owned(),
            })
            .collect()
    }

    /// Returns the keys that differ in `later`. A removed worktree with its own configuration is not a change.
    fn changed_keys<'a>(&'a self, later: &'a Self) -> BTreeSet<&'a str> {
        let keys = self.entries.keys().chain(later.entries.keys()).map(String::as_str);
        let differs = |key: &&str| self.entries.get(*key) != later.entries.get(*key);
        let was_removed = |key: &&str| key.contains("(in worktrees/") && !later.entries.contains_key(*key);
        keys.filter(differs).filter(|key| !was_removed(key)).collect()
    }

    /// Copies the values of a key from another snapshot.
    pub(super) fn copy_key(&mut self, other: &Self, key: &str) {
        match other.entries.get(key) {
            Some(values) => self.entries.insert(key.to_owned(), values.clone()),
            None => self.entries.remove(key),
        };
    }

    /// Returns a fingerprint of the whole snapshot.
    pub fn fingerprint(&self) -> String {
        let mut text = String::new();
        for (key, values) in &self.entries {
            for part in std::iter::once(key).chain(values) {
                text.push_str(&format!("{} {part}\n", part.len()));
            }
            text.push('\n');
        }
        settings::fingerprint(text.as_bytes())
    }

    fn shown(&self, key: &str) -> Option<String> {
        let values = self.entries.get(key)?;
        let shown: Vec<String> = values.iter().map(|value| without_secret(key, value)).collect();
        Some(text::one_line(&shown.join("; "), MAX_VALUE_WIDTH))
    }

    pub(super) fn add(&mut self, key: String, value: String) {
        self.entries.entry(key).or_default().push(value);
    }

    fn add_attributes(&mut self, key: String, file: &Path) {
        match settings::read_regular(file, MAX_FILE_BYTES) {
            Ok(bytes) if bytes.len() <= MAX_STORED_ATTRIBUTES => {
                let content = String::from_utf8_lossy(&bytes).into_owned();
                let lines = content.lines().map(str::trim);
                for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
                    self.add(key.clone(), line.to_owned());
                }
            }
            Ok(bytes) => self.add(key, size_and_fingerprint(&bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => self.add(key, error.to_string()),
        }
    }

    /// Adds the hooks that git would run: executable, and not a sample.
    fn add_hooks(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if Path::new(&name).extension().is_some_and(|ending| ending == "sample") {
                continue;
            }
            let Ok(found) = fs::metadata(entry.path()) else { continue };
            if found.is_dir() || found.permissions().mode() & 0o111 == 0 {
                continue;
            }
            let content = settings::read_regular(&entry.path(), MAX_FILE_BYTES);
            let value = content.map_or_else(|error| error.to_string(), |bytes| size_and_fingerprint(&bytes));
            self.add(format!("hooks/{name}"), value);
        }
    }
}

/// Resolves a path in the configuration; a relative one starts at the top of the checkout.
fn resolve_path(common_dir: &Path, home: Option<&Path>, path: &str) -> PathBuf {
    if let (Some(rest), Some(home)) = (path.strip_prefix("~/"), home) {
        return home.join(rest);
    }
    common_dir.parent().unwrap_or(common_dir).join(path)
}

fn size_and_fingerprint(bytes: &[u8]) -> String {
    format!("{} ({})", text::count(bytes.len() as u64, "byte"), settings::fingerprint(bytes))
}

/// Returns whether git itself writes this setting into every new repository.
fn is_default(one: &Setting) -> bool {
    one.section == "core"
        && matches!(
            (one.name.as_str(), one.value.as_str()),
            ("bare", "false") | ("repositoryformatversion", "0")
        )
}

fn key_of(one: &Setting) -> String {
    let mut key = one.section.clone();
    for part in one.subsection.iter().map(String::as_str).chain([one.name.as_str()]) {
        key.push('.');
        key.push_str(part);
    }
    match &one.file {
        Some(file) => format!("{key} (in {file})"),
        None => key,
    }
}

/// Returns a value without passwords in URLs, headers and cookie files.
fn without_secret(key: &str, value: &str) -> String {
    let name = key.split(" (in ").next().unwrap_or(key);
    if name.ends_with(".extraheader") || name.ends_with(".cookiefile") {
        return format!("(hidden, {})", settings::fingerprint(value.as_bytes()));
    }
    let Some((scheme, rest)) = value.split_once("://") else { return value.to_owned() };
    match rest.split('/').next().and_then(|host| host.rsplit_once('@')) {
        Some((user, _)) if user.contains(':') => {
            let name = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{name}:…{}", &rest[user.len()..])
        }
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(entries: &[(&str, &[&str])]) -> ConfigSnapshot {
        let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        ConfigSnapshot {
            entries: entries.iter().map(|(key, values)| ((*key).to_owned(), owned(values))).collect(),
        }
    }

    #[test]
    fn changes_name_each_key_with_both_values() {
        let before = snapshot(&[
            ("core.pager", &["less"]),
            ("user.name", &["Tess"]),
            ("url.a.insteadof", &["x", "y"]),
            ("core.editor (in worktrees/a/config.worktree)", &["vi"]),
        ]);
        let after = snapshot(&[
            ("core.pager", &["evil\u{1b}[2K"]),
            ("url.a.insteadof", &["y", "x"]),
            ("merge.e.driver", &["rm"]),
        ]);
        let shown: Vec<(String, Option<String>, Option<String>)> =
            before.changes(&after).into_iter().map(|one| (one.key, one.before, one.after)).collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            shown,
            [
                ("core.pager".to_owned(), some("less"), some("evil\\e[2K")),
                ("merge.e.driver".to_owned(), None, some("rm")),
                ("url.a.insteadof".to_owned(), some("x; y"), some("y; x")),
                ("user.name".to_owned(), some("Tess"), None),
            ]
        );
        assert!(before.changes(&before).is_empty());
    }

    #[test]
    fn passwords_are_not_shown() {
        for (key, value, shown) in [
            ("remote.o.url", "https://me:secret@host/x", "https://me:…@host/x"),
            ("remote.o.url", "https://me@host/a:b@c", "https://me@host/a:b@c"),
            ("remote.o.url", "git@host:x", "git@host:x"),
        ] {
            assert_eq!(without_secret(key, value), shown);
        }
        assert!(!without_secret("http.extraheader", "Authorization: secret").contains("secret"));
    }
}
