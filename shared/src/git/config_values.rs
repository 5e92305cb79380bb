//! The values of one section of a configuration, with the scope and the file that each comes from.

use std::path::PathBuf;

use gix::config::{File, Source};

use crate::model::ConfigScope;

/// Maximum number of values of a section that are read.
const MAX_ENTRIES: usize = 10_000;

/// One value in the configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigEntry {
    /// The name as git normalizes it: section and last part in lower case.
    pub name: String,
    /// The value.
    pub value: String,
    /// The scope.
    pub scope: ConfigScope,
    /// The file, if it is in one.
    pub file: Option<PathBuf>,
}

/// Returns the values of a section, from those that others override to those that take precedence.
pub(super) fn entries(config: &File, section: &str) -> Vec<ConfigEntry> {
    let Some(sections) = config.sections_by_name(section) else { return Vec::new() };
    let mut found = Vec::new();
    for part in sections {
        let meta = part.meta();
        let subsection = part.header().subsection_name().map(|name| format!("{name}."));
        let mut names: Vec<String> = part.value_names().map(|name| name.to_ascii_lowercase()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let full = format!("{section}.{}{name}", subsection.as_deref().unwrap_or_default());
            for value in part.values(&name) {
                if found.len() == MAX_ENTRIES {
                    return found;
                }
                found.push(ConfigEntry {
                    name: full.clone(),
                    value: value.to_string(),
                    scope: scope(meta.source),
                    file: meta.path.clone(),
                });
            }
        }
    }
    found
}

const fn scope(source: Source) -> ConfigScope {
    match source {
        Source::GitInstallation | Source::System => ConfigScope::System,
        Source::Git | Source::User => ConfigScope::Global,
        Source::Local => ConfigScope::Local,
        Source::Worktree => ConfigScope::Worktree,
        Source::Env | Source::Cli | Source::Api | Source::EnvOverride => ConfigScope::Command,
    }
}
