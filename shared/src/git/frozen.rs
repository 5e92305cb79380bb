//! The settings that decide how files become objects, as they were before an agent runs: what it writes into config, attributes
//! or filters later does not affect how its work is captured.

use std::{fmt::Write as _, path::Path};

use crate::{
    git::{Git, Repo, settings},
    world::Environment,
};

/// Maximum size of a file of frozen settings, in bytes.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// The `core.*` settings that affect how files become objects.
const CORE_KEYS: &[&str] = &[
    "attributesfile",
    "autocrlf",
    "bigfilethreshold",
    "checkroundtripencoding",
    "checkstat",
    "compression",
    "eol",
    "excludesfile",
    "filemode",
    "ignorecase",
    "loosecompression",
    "precomposeunicode",
    "protecthfs",
    "protectntfs",
    "quotepath",
    "safecrlf",
    "symlinks",
    "trustctime",
];

impl Repo {
    /// Returns the frozen settings as the text of a git config file: parts of `core`, and all `filter` sections
    /// (LFS needs its own).
    pub fn frozen_config(&self) -> String {
        let snapshot = self.gix.config_snapshot();
        let mut text = String::from("[core]\n\trepositoryformatversion = 0\n\tbare = false\n");
        for key in CORE_KEYS {
            if let Some(value) = snapshot.string(&format!("core.{key}")) {
                push(&mut text, key, &value.to_string());
            }
        }
        for name in self.config_sections("filter") {
            let _ = writeln!(text, "[filter {}]", quoted(&name));
            for key in ["clean", "smudge", "process", "required"] {
                if let Some(value) = snapshot.string(&format!("filter.{name}.{key}")) {
                    push(&mut text, key, &value.to_string());
                }
            }
        }
        text
    }
}

impl Git {
    /// Creates the command `git <verb>` in `directory` with the settings in the git directory `dir` of ours, and no others.
    pub fn with_settings_of(environment: &Environment, directory: &Path, dir: &Path, verb: &str) -> Self {
        Self::new(environment, directory, verb)
            .env("GIT_DIR", dir.as_os_str())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
    }
}

/// Reads the settings frozen in the git directory `dir`, in the form of `-c` arguments. A filter with a line feed in its name
/// cannot be expressed so and is omitted.
pub(super) fn frozen_settings(dir: &Path) -> Vec<String> {
    let Ok(bytes) = settings::read_regular(&dir.join("config"), MAX_FILE_BYTES) else { return Vec::new() };
    let meta = gix::config::file::Metadata::from(gix::config::Source::Local);
    let parsed = gix::config::File::from_bytes_no_includes(&bytes, meta, Default::default());
    let Ok(parsed) = parsed else { return Vec::new() };
    let mut found = Vec::new();
    for section in parsed.sections() {
        let header = section.header();
        let filter = header.subsection_name().map(|name| format!("{name}."));
        let prefix = format!("{}.{}", header.name(), filter.unwrap_or_default());
        for name in section.value_names() {
            let value = section.value(&name).unwrap_or_default();
            found.push(format!("{prefix}{name}={value}"));
        }
    }
    found.retain(|setting| {
        let key = setting.split('=').next().unwrap_or_default();
        !key.contains('\n') && !key.ends_with("repositoryformatversion") && !key.ends_with(".bare")
    });
    found
}

fn push(text: &mut String, key: &str, value: &str) {
    let _ = writeln!(text, "\t{key} = {}", quoted(value));
}

fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t");
    format!("\"{escaped}\"")
}
