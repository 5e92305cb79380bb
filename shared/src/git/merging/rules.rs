//! What decides how two commits merge, besides the commits: git's version and settings, attributes, replaced history. Two uses:
//! to tell which contents may be judged here, and to key what is remembered.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write as _,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    attributes::{Attributes, Read},
    place::{self, ATTRIBUTES, MergePlace},
};
use crate::{
    Result,
    git::{Repo, careful, settings},
    world::Environment,
};

/// Another way to judge here, or to count, has another one.
const JUDGING: &[u8] = b"1";
/// Sections of git's configuration in which something can decide a merge.
const SECTIONS: &[&str] = &["attr", "core", "diff", "extensions", "filter", "merge", "submodule"];
/// Attributes of the whole machine: where git looks for them depends on how it was built.
const OF_THE_MACHINE: &[&str] =
    &["/etc/gitattributes", "/usr/local/etc/gitattributes", "/opt/homebrew/etc/gitattributes"];
/// Largest file that is read, in bytes; git judges where one is larger.
const LARGEST: u64 = 1 << 20;
/// Folders whose attributes are read for one key, at the most.
const MOST_FOLDERS: usize = 50_000;

/// See the module.
pub struct Rules {
    /// Whether the repository's history is not what its commits say: replaced objects, grafts.
    pub(super) rewritten: bool,
    /// Whether plain text may be merged here at all: by settings, and by attributes that hold everywhere.
    plain: bool,
    /// Whether programs of the user's may merge files.
    pub(super) programs: bool,
    /// Attributes that hold everywhere, and by folder those of its own file; `None` where they cannot be read.
    everywhere: Vec<Attributes>,
    folders: HashMap<Vec<u8>, Option<Attributes>>,
    top: PathBuf,
    digest: Sha256,
}

impl Rules {
    /// Reads them, by asking git for its settings in the place.
    ///
    /// # Errors
    /// Git does not work here.
    pub fn read(repo: &Repo, place: &MergePlace) -> Result<Self> {
        let version = repo.git_in(place.common_dir(), "version").line()?;
        let listed = place.git("config").args(["--list", "-z"]).run()?;
        let settings = settings_in(&listed);
        let mut digest = Sha256::new();
        let mut add = |name: &str, value: &[u8]| {
            digest.update(format!("{name} {}\n", value.len()));
            digest.update(value);
        };
        add("judging", JUDGING);
        add("version", version.as_bytes());
        for (key, value) in &settings {
            add(key, value.as_bytes());
        }
        let rewritten = add_history(repo, place, &mut add);
        let mut rules = Self {
            rewritten,
            plain: judges_plain_text(&settings),
            programs: settings.iter().any(|(key, _)| key.starts_with("merge.") && key.ends_with(".driver")),
            everywhere: Vec::new(),
            folders: HashMap::new(),
            top: place.path().to_owned(),
            digest: Sha256::new(),
        };
        let no_system = repo.environment().text_variable("GIT_ATTR_NOSYSTEM").unwrap_or_default();
        add("GIT_ATTR_NOSYSTEM", no_system.as_bytes());
        for path in everywhere(repo.environment(), place, &settings) {
            let read = read(&path, true);
            add(&path.to_string_lossy(), format!("{read:?}").as_bytes());
            match Attributes::of(&read) {
                Some(attributes) => rules.everywhere.push(attributes),
                None => rules.plain = false,
            }
        }
        rules.digest = digest;
        Ok(rules)
    }

    /// Whether the content of a regular text file is merged as git merges any text.
    pub(super) fn is_plain(&mut self, path: &[u8]) -> bool {
        if !self.plain || self.everywhere.iter().any(|one| one.may_decide(path)) {
            return false;
        }
        let folders = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for end in std::iter::once(0).chain(folders) {
            let folder = &path[..end];
            let inside = if end == 0 { path } else { &path[end + 1..] };
            if !self.folders.contains_key(folder) {
                let read = read(&place::below(&self.top, folder, ATTRIBUTES), false);
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

    /// A key for what is remembered of merges in which git may have asked for the attributes in these folders (the top is the empty
    /// one). `None`: nothing can be remembered.
    pub fn key(&self, folders: &BTreeSet<Vec<u8>>) -> Option<[u8; 32]> {
        if folders.len() > MOST_FOLDERS {
            return None;
        }
        let mut digest = self.digest.clone();
        for folder in folders {
            let read = read(&place::below(&self.top, folder, ATTRIBUTES), false);
            if read == Read::Missing {
                continue;
            }
            digest.update(format!("{} ", folder.len()));
            digest.update(folder);
            digest.update(format!("{read:?}"));
        }
        Some(digest.finalize().into())
    }
}

/// As git reads one: through links only outside of a checkout.
fn read(path: &Path, links: bool) -> Read {
    let opened = if links { careful::open_regular_through_links(path) } else { careful::open_regular(path) };
    match opened.and_then(|file| careful::read_up_to(file, LARGEST)) {
        Ok(Some(text)) => Read::Text(text),
        Ok(None) => Read::Unknown("too large".to_owned()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Read::Missing,
        Err(error) => Read::Unknown(error.to_string()),
    }
}

/// Keys and values of the sections that count, in git's order.
fn settings_in(listed: &[u8]) -> Vec<(String, String)> {
    let listed = String::from_utf8_lossy(listed);
    let pairs = listed.split('\0').filter(|entry| !entry.is_empty()).map(|entry| {
        let (key, value) = entry.split_once('\n').unwrap_or((entry, "true"));
        (key.to_owned(), value.to_owned())
    });
    pairs.filter(|(key, _)| SECTIONS.iter().any(|section| key.split('.').next() == Some(section))).collect()
}

/// Whether nothing in the settings makes git merge text in another way than it does by default.
fn judges_plain_text(settings: &[(String, String)]) -> bool {
    settings.iter().all(|(key, value)| match key.as_str() {
        "merge.renormalize" => matches!(value.as_str(), "false" | "no" | "off" | "0" | ""),
        "merge.conflictstyle" => value == "merge",
        "diff.algorithm" => value == "histogram",
        "merge.default" | "attr.tree" => false,
        _ => true,
    })
}

/// Files of attributes that hold everywhere: the machine's, the user's, the repository's private ones.
fn everywhere(environment: &Environment, place: &MergePlace, settings: &[(String, String)]) -> Vec<PathBuf> {
    let home = environment.home();
    let configured =
        settings.iter().rev().find(|(key, _)| key == "core.attributesfile").map(|(_, value)| value);
    let of_the_user = match configured {
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
    OF_THE_MACHINE.iter().map(PathBuf::from).chain(of_the_user).chain([private]).collect()
}

/// Refs that replace objects, and what they name.
fn replaced_objects(repo: &Repo) -> Vec<(String, String)> {
    let Ok(platform) = repo.gix.references() else { return Vec::new() };
    let Ok(found) = platform.prefixed("refs/replace/") else { return Vec::new() };
    found.flatten().map(|one| (one.name().as_bstr().to_string(), format!("{:?}", one.target()))).collect()
}

/// Adds replaced objects, grafts and the edge of a shallow clone; gives whether history is rewritten.
fn add_history(repo: &Repo, place: &MergePlace, add: &mut impl FnMut(&str, &[u8])) -> bool {
    let replaced = replaced_objects(repo);
    let mut listed = String::new();
    for (name, target) in &replaced {
        let _ = writeln!(listed, "{name} {target}");
    }
    add("refs/replace", listed.as_bytes());
    let grafts = settings::read_regular(&place.common_dir().join("info/grafts"), LARGEST);
    add("grafts", format!("{grafts:?}").as_bytes());
    let shallow = settings::read_regular(&place.common_dir().join("shallow"), 64 * LARGEST);
    add("shallow", format!("{:?}", shallow.map_err(|error| error.kind())).as_bytes());
    !replaced.is_empty() || grafts.is_ok_and(|grafts| !grafts.is_empty())
}
