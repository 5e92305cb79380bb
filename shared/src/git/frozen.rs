//! The settings that decide how files become objects, frozen before an agent runs: what it writes into config,
//! attributes or filters afterwards takes no effect on how its work is taken.

use std::fmt::Write as _;

use crate::git::Repo;

/// `core.*` settings that matter for the way from files to objects.
const CORE: &[&str] = &[
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
    /// The frozen settings, as the text of a git config file: parts of `core`, and every `filter`
    /// that the user has now (LFS needs its own).
    pub fn frozen_config(&self) -> String {
        let snapshot = self.gix.config_snapshot();
        let mut text = String::from("[core]\n\trepositoryformatversion = 0\n\tbare = false\n");
        for key in CORE {
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

fn push(text: &mut String, key: &str, value: &str) {
    let _ = writeln!(text, "\t{key} = {}", quoted(value));
}

fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t");
    format!("\"{escaped}\"")
}
