//! What decides how two commits merge besides the commits themselves: git's version and settings, attributes, replaced history.
//! It is used to decide which contents may be merged here, and as a cache key.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write as _,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    attributes::{Attributes, AttributesFile},
    merge_place::{self, ATTRIBUTES, MergePlace},
};
use crate::{
    Result,
    git::{Repo, careful, settings, written_by_git::MACHINE_ATTRIBUTES},
    world::Environment,
};

/// The version of our own merging and counting, to be raised when either changes.
const JUDGING_VERSION: &[u8] = b"2";
/// Sections of git's configuration that can affect a merge.
const SECTIONS: &[&str] = &["attr", "core", "diff", "extensions", "filter", "merge", "submodule"];
/// Maximum size of a file that is read, in bytes; if one is larger, git judges.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// Maximum number of folders whose attributes are read for one key.
const MAX_FOLDERS: usize = 50_000;

/// The settings and attributes that decide how commits merge.
pub struct MergeRules {
    /// Whether the history differs from what the commits say: replaced objects or grafts.
    pub(super) rewritten: bool,
    /// Whether plain text may be merged here at all, by the settings and by the attributes that apply everywhere.
    text_by_default: bool,
    /// Whether programs of the user may merge files.
    pub(super) programs: bool,
    /// The attributes that apply everywhere, and below those of each folder; `None` if they cannot be read.
    global_attributes: Vec<Attributes>,
    folders: HashMap<Vec<u8>, Option<Attributes>>,
    top: PathBuf,
    digest: Sha256,
}

impl MergeRules {
    /// Reads the rules. Asks git for its settings at the place.
    ///
    /// # Errors
    /// Git does not work here.
    pub fn read(repo: &Repo, place: &MergePlace) -> Result<Self> {
        let (version, listed) = version_and_settings(repo, place)?;
        let settings = settings_in(&listed);
        let mut digest = Sha256::new();
        let mut add = |name: &str, value: &[u8]| {
            digest.update(format!("{name} {}\n", value.len()));
            digest.update(value);
        };
        add("judging", JUDGING_VERSION);
        add("version", version.as_bytes());
        for (key, value) in &settings {
            add(key, value.as_bytes());
        }
        let rewritten = add_history(repo, place, &mut add);
        let mut rules = Self {
            rewritten,
            text_by_default: merges_text_by_default(&settings),
            programs: settings.iter().any(|(key, _)| key.starts_with("merge.") && key.ends_with(".driver")),
            global_attributes: Vec::new(),
            folders: HashMap::new(),
            top: place.path().to_owned(),
            digest: Sha256::new(),
        };
        let no_system = repo.environment().text_variable("GIT_ATTR_NOSYSTEM").unwrap_or_default();
        add("GIT_ATTR_NOSYSTEM", no_system.as_bytes());
        for path in global_attributes_files(repo.environment(), place, &settings) {
            let read = read_attributes(&path, true);
            add(&path.to_string_lossy(), format!("{read:?}").as_bytes());
            match Attributes::of(&read) {
                Some(attributes) => rules.global_attributes.push(attributes),
                None => rules.text_by_default = false,
            }
        }
        rules.digest = digest;
        Ok(rules)
    }

    /// Returns whether the content of a regular text file is merged by git's default algorithm.
    pub(super) fn is_plain(&mut self, path: &[u8]) -> bool {
        if !self.text_by_default || self.global_attributes.iter().any(|one| one.may_decide(path)) {
            return false;
        }
        let folders = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for end in std::iter::once(0).chain(folders) {
            let folder = &path[..end];
            let inside = if end == 0 { path } else { &path[end + 1..] };
            if !self.folders.contains_key(folder) {
                let read = read_attributes(&merge_place::join_bytes(&self.top, folder, ATTRIBUTES), false);
                self.folders.insert(folder.to_vec(), Attributes::of(&read));
            }
            let decided = self
                .folders
                .get(folder)
                .is_none_or(|found| found.as_ref().is_none_or(|attributes| attributes.may_decide(inside)));
            if decided {
                return false;
            }
        }
        true
    }

    /// Returns a cache key for merges in which git may have read the attributes of these folders (an empty path is the root).
    /// `None`: the results cannot be cached.
    pub fn key(&self, folders: &BTreeSet<Vec<u8>>) -> Option<[u8; 32]> {
        if folders.len() > MAX_FOLDERS {
            return None;
        }
        let mut digest = self.digest.clone();
        for folder in folders {
            let read = read_attributes(&merge_place::join_bytes(&self.top, folder, ATTRIBUTES), false);
            if read == AttributesFile::Missing {
                continue;
            }
            digest.update(format!("{} ", folder.len()));
            digest.update(folder);
            digest.update(format!("{read:?}"));
        }
        Some(digest.finalize().into())
    }
}

/// Returns git's version and its list of settings, by one process: its own trace begins with the version.
fn version_and_settings(repo: &Repo, place: &MergePlace) -> Result<(String, Vec<u8>)> {
    let listing = || place.git("config").args(["--list", "-z"]);
    let traced = listing().env("GIT_TRACE2_EVENT", "2").env("GIT_TRACE2_EVENT_BRIEF", "1").output()?;
    if traced.status.success()
        && let Some(version) = version_in_trace(&traced.stderr)
    {
        return Ok((version, traced.stdout));
    }
    Ok((repo.git_in(place.common_dir(), "version").line()?, listing().run()?))
}

/// Returns what `git version` would print, from the trace of another git command.
fn version_in_trace(trace: &str) -> Option<String> {
    let events = trace.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let version = events.into_iter().find(|event| event["event"] == "version")?;
    version["exe"].as_str().map(|exe| format!("git version {exe}"))
}

/// Reads an attributes file as git does: through links only outside of a checkout.
fn read_attributes(path: &Path, links: bool) -> AttributesFile {
    let opened = if links { careful::open_regular_through_links(path) } else { careful::open_regular(path) };
    match opened.and_then(|file| careful::read_up_to(file, MAX_FILE_BYTES)) {
        Ok(Some(text)) => AttributesFile::Text(text),
        Ok(None) => AttributesFile::Unknown("too large".to_owned()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            AttributesFile::Missing
        }
        Err(error) => AttributesFile::Unknown(error.to_string()),
    }
}

/// Returns keys and values of the relevant sections, in git's order.
fn settings_in(listed: &[u8]) -> Vec<(String, String)> {
    let listed = String::from_utf8_lossy(listed);
    let pairs = listed.split('\0').filter(|entry| !entry.is_empty()).map(|entry| {
        let (key, value) = entry.split_once('\n').unwrap_or((entry, "true"));
        (key.to_owned(), value.to_owned())
    });
    pairs.filter(|(key, _)| SECTIONS.iter().any(|section| key.split('.').next() == Some(section))).collect()
}

/// Returns whether no setting makes git merge text in a non-default way.
fn merges_text_by_default(settings: &[(String, String)]) -> bool {
    settings.iter().all(|(key, value)| match key.as_str() {
        "merge.renormalize" => matches!(value.as_str(), "false" | "no" | "off" | "0" | ""),
        "merge.conflictstyle" => value == "merge",
        "diff.algorithm" => value == "histogram",
        "merge.default" | "attr.tree" => false,
        _ => true,
    })
}

/// Returns the attributes files that apply everywhere: the machine's, the user's, and the repository's private one.
fn global_attributes_files(
    environment: &Environment,
    place: &MergePlace,
    settings: &[(String, String)],
) -> Vec<PathBuf> {
    let home = environment.home();
    let configured =
        settings.iter().rev().find(|(key, _)| key == "core.attributesfile").map(|(_, value)| value);
    let user_file = match configured {
        Some(path) => Some(match (path.strip_prefix("~/"), &home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => place.path().join(path),
        }),
        None => environment
            .variable("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .or_else(|| home.map(|home| home.join(".config")))
            .map(|config| config.join("git/attributes")),
    };
    let private = place.common_dir().join("info/attributes");
    MACHINE_ATTRIBUTES.iter().map(PathBuf::from).chain(user_file).chain([private]).collect()
}

/// Lists the replace refs and their targets.
fn replaced_objects(repo: &Repo) -> Vec<(String, String)> {
    let Ok(platform) = repo.gix.references() else { return Vec::new() };
    let Ok(found) = platform.prefixed("refs/replace/") else { return Vec::new() };
    found.flatten().map(|one| (one.name().as_bstr().to_string(), format!("{:?}", one.target()))).collect()
}

/// Returns whether the history differs from what the commits say.
pub(super) fn is_history_rewritten(repo: &Repo, common_dir: &Path) -> bool {
    let grafts = settings::read_regular(&common_dir.join("info/grafts"), MAX_FILE_BYTES);
    !replaced_objects(repo).is_empty() || grafts.is_ok_and(|grafts| !grafts.is_empty())
}

/// Adds replaced objects, grafts and the boundary of a shallow clone; returns whether the history is rewritten.
fn add_history(repo: &Repo, place: &MergePlace, add: &mut impl FnMut(&str, &[u8])) -> bool {
    let replaced = replaced_objects(repo);
    let mut listed = String::new();
    for (name, target) in &replaced {
        let _ = writeln!(listed, "{name} {target}");
    }
    add("refs/replace", listed.as_bytes());
    let grafts = settings::read_regular(&place.common_dir().join("info/grafts"), MAX_FILE_BYTES);
    add("grafts", format!("{grafts:?}").as_bytes());
    let shallow = settings::read_regular(&place.common_dir().join("shallow"), 64 * MAX_FILE_BYTES);
    add("shallow", format!("{:?}", shallow.map_err(|error| error.kind())).as_bytes());
    !replaced.is_empty() || grafts.is_ok_and(|grafts| !grafts.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_in_the_trace() {
        let event = r#"{"event":"version","sid":"1","evt":"3","exe":"2.39.5 (Apple Git-154)"}"#;
        for (trace, version) in [
            (format!("{event}\n{{\"event\":\"start\"}}\n"), Some("git version 2.39.5 (Apple Git-154)")),
            (format!("warning: strange\n{event}\n"), Some("git version 2.39.5 (Apple Git-154)")),
            ("{\"event\":\"start\"}\n".to_owned(), None),
            (event[..30].to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(version_in_trace(&trace).as_deref(), version, "{trace}");
        }
    }
}
