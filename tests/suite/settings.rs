//! Configuration keys: each is listed in one table, and read through it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use orchestra::config::{
    Config, KEYS, RepeatedKey,
    keys::{COMPLETION_PROVIDER, DISPOSABLE_DIRS, JOBS, LABEL, UNDO_EXPIRE},
};

use crate::{environment, library, sync::first, world};

/// A file of another program whose name looks like that of a key.
const FOREIGN_FILE: &str = "orchestra.yml";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns every file below a directory whose name ends like this.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    let below = entries.flat_map(|entry| match entry.path() {
        path if path.is_dir() => files(&path, ending),
        path if path.to_string_lossy().ends_with(ending) => vec![path],
        _ => Vec::new(),
    });
    below.collect()
}

/// Returns the source without unit tests and comments.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).expect("a file");
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    code.lines().filter(is_code).collect::<Vec<_>>().join("\n")
}

fn sources() -> Vec<PathBuf> {
    let mut sources = files(&root().join("shared/src"), ".rs");
    sources.extend(files(&root().join("bins"), ".rs"));
    sources.retain(|file| !file.starts_with(root().join("shared/src/config")));
    sources
}

#[test]
fn keys_are_spelled_and_read_in_one_place() {
    let of_git = root().join("shared/src/git");
    for file in sources() {
        let code = code(&file).replace(&format!("\"{FOREIGN_FILE}\""), "");
        assert!(!code.contains("\"orchestra."), "{} spells a key", file.display());
        let reads =
            [".config(\"", ".config(&", ".config_all(", ".config_path(", ".path_setting(", ".edit_config("];
        let reads = reads.iter().find(|call| code.contains(**call) && !file.starts_with(&of_git));
        assert_eq!(reads, None, "{} reads a key past the table", file.display());
    }
}

/// Returns the keys that a text names: `orchestra.` and what follows, as far as it can be the name of a
/// key.
fn named_in(text: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for (at, word) in text.match_indices("orchestra.") {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || "-_/.".contains(c)) {
            continue;
        }
        let rest = &text[at + word.len()..];
        let end = rest.find(|c: char| !(c.is_alphanumeric() || "<>.".contains(c))).unwrap_or(rest.len());
        let rest = rest[..end].trim_end_matches('.');
        if rest.starts_with(|c: char| c.is_lowercase()) {
            named.insert(format!("{word}{rest}"));
        }
    }
    named
}

/// Whether the table has the key; any word may be in the place of a variable middle part.
fn is_known(named: &str) -> bool {
    if named == FOREIGN_FILE {
        return true;
    }
    let pattern = |name: &str| -> Vec<String> { name.split('.').map(str::to_owned).collect() };
    let named = pattern(named);
    let is_it = |name: &str| {
        let known = pattern(name);
        known.len() == named.len()
            && known.iter().zip(&named).all(|(known, named)| known == "<name>" || known == named)
    };
    KEYS.iter().any(|key| is_it(key.name()))
}

#[test]
fn every_named_key_is_in_the_table() {
    let mut texts = sources();
    texts.extend(files(&root().join("man"), ""));
    texts.push(root().join("README.md"));
    for file in texts {
        let text = fs::read_to_string(&file).expect("a file").replace("\\-", "-").replace("\\&", "");
        // The list of keys also names those of earlier versions.
        let text = KEYS
            .iter()
            .filter_map(|key| key.old_name())
            .fold(text, |text, old| text.replace(&format!("{old} in earlier versions"), ""));
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for named in named_in(code) {
            assert!(is_known(&named), "{} names the key '{named}', which there is not", file.display());
        }
    }
}

#[test]
fn the_manual_lists_every_key() {
    let manual =
        fs::read_to_string(root().join("man/git-orchestra-config.1")).expect("a page").replace("\\-", "-");
    for key in KEYS {
        assert!(manual.contains(key.name()), "{}", key.name());
    }
}

#[test]
fn an_old_key_name_is_read_unless_the_new_one_is_set() {
    let world = world();
    let repo = first(&world);
    let opened = || library(&repo);
    repo.git(["config", "orchestra.derived", "out, build/"]);
    repo.git(["config", "orchestra.trashTime", "nonsense"]);
    let here = opened();
    let config = Config::of(&here);
    assert_eq!(config.get(&DISPOSABLE_DIRS).expect("folders"), ["out", "build"]);
    let error = config.get(&UNDO_EXPIRE).expect_err("not a duration");
    assert!(error.message.starts_with("git config 'orchestra.trashTime' is 'nonsense', not"), "{error}");
    assert_eq!(error.hints[0], "git config orchestra.undoExpire 30d");
    assert!(error.hints[1].starts_with("it is set in "), "{:?}", error.hints);
    repo.git(["config", "orchestra.disposableDirs", "cache"]);
    repo.git(["config", "orchestra.undoExpire", "7d"]);
    let here = opened();
    let config = Config::of(&here);
    assert_eq!(config.get(&DISPOSABLE_DIRS).expect("folders"), ["cache"]);
    assert_eq!(config.get(&UNDO_EXPIRE).expect("a duration").as_secs(), 7 * 24 * 3600);
}

#[test]
fn both_names_of_a_multi_valued_key_are_read() {
    let world = world();
    let repo = first(&world);
    repo.git(["config", "--add", "orchestra.completes", "old"]);
    repo.git(["config", "--add", "orchestra.completionProvider", "new"]);
    let here = library(&repo);
    assert_eq!(Config::of(&here).all(&COMPLETION_PROVIDER), ["new", "old"]);
    // The configuration of a repository is no consent of the user.
    let of_the_user = |key: &RepeatedKey| orchestra::config::user_values(&environment(&repo), key);
    assert!(of_the_user(&COMPLETION_PROVIDER).is_empty());
}

#[test]
fn a_key_is_set_and_unset_in_the_repository() {
    let world = world();
    let repo = first(&world);
    let here = library(&repo);
    let config = Config::of(&here);
    assert_eq!(config.get(&JOBS).expect("a number"), JOBS.default());
    assert_eq!(config.get_if_set(&JOBS).expect("nothing"), None);
    config.set(&LABEL, "laptop").expect("set");
    let again = library(&repo);
    assert_eq!(Config::of(&again).get(&LABEL).expect("a text").as_deref(), Some("laptop"));
    assert!(config.unset(&LABEL).expect("unset"));
    assert!(!config.unset(&LABEL).expect("nothing to unset"));
}
