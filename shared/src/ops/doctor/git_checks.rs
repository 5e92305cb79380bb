//! Git itself, and whether the configuration of the repository can be used.

use super::finding::{Finding, Group, Severity};
use crate::{
    Result,
    git::{
        Git, Repo,
        settings::Settings,
        version::{self, InstalledGit},
    },
    model::text,
    ops::configuration::{self, ConfigCheck},
    world::Environment,
};

/// Maximum number of changed keys that are named.
const MAX_KEYS: usize = 5;

/// Checks the git on the caller's PATH.
pub(super) fn version(environment: &Environment) -> Vec<Finding> {
    let finding = match version::installed(environment) {
        Ok(found) => of_version(&found),
        Err(error) => Finding::of_error(Group::Git, "git-version", Severity::Error, &error),
    };
    vec![finding]
}

fn of_version(found: &InstalledGit) -> Finding {
    let version = &found.version;
    if found.is_supported {
        return Finding::ok(Group::Git, "git-version", format!("git {version}"));
    }
    let oldest = version::oldest_supported();
    Finding::error(Group::Git, "git-version", format!("git {version} is too old"))
        .because(format!("git orchestra needs git {oldest} or newer"))
        .fix("update git")
}

/// Checks whether the configuration of the repository can be used, and whether a person accepted it.
///
/// # Errors
/// The repository cannot be read.
pub(super) fn configuration(repo: &Repo) -> Result<Vec<Finding>> {
    if let Some(why) = repo.config_error() {
        let why = said_by_git(repo.environment()).unwrap_or_else(|| why.to_owned());
        let what = "the configuration of this repository cannot be used";
        let broken = Finding::error(Group::Git, "config-usable", what)
            .because(format!("{why}; only status, logs, collect, stop and pause work meanwhile"))
            .fix(repo.edit_config_command());
        return Ok(vec![broken]);
    }
    let mut findings = of_settings(&Settings::of(&repo.common_dir()?, repo.environment().home().as_deref()));
    findings.extend(match configuration::check(repo.reopen()?)? {
        ConfigCheck::Accepted(_) => None,
        ConfigCheck::Pending(pending) => {
            let keys: Vec<&str> =
                pending.changes().iter().take(MAX_KEYS).map(|change| change.key.as_str()).collect();
            let count = text::count(pending.changes().len() as u64, "key");
            let more = if pending.changes().len() > MAX_KEYS { " …" } else { "" };
            let what =
                format!("{count} of the configuration changed while agents ran: {}{more}", keys.join(", "));
            Some(
                Finding::warning(Group::Git, "config-accepted", what)
                    .because("commands that would use it do not run before you have accepted it")
                    .fix("git orchestra init --accept"),
            )
        }
    });
    if findings.is_empty() {
        findings.push(Finding::ok(Group::Git, "config-usable", "configuration can be used"));
    }
    Ok(findings)
}

/// Returns what git itself says about a repository that it cannot use, such as the line of a configuration file.
pub(super) fn said_by_git(environment: &Environment) -> Option<String> {
    let output =
        Git::new(environment, environment.directory(), "rev-parse").arg("--git-dir").output().ok()?;
    let first = output.stderr.lines().next()?.trim_start_matches("fatal: ").trim().to_owned();
    (!output.status.success() && !first.is_empty()).then_some(first)
}

/// Judges the configuration files of the repository and of its worktrees.
fn of_settings(settings: &Settings) -> Vec<Finding> {
    let mut findings: Vec<Finding> = settings
        .unreadable
        .iter()
        .map(|(file, why)| {
            Finding::warning(
                Group::Git,
                "config-files",
                format!("the configuration file '{file}' is ignored"),
            )
            .about(file)
            .because(format!("it cannot be read: {why}"))
            .fix("inspect it; git config --show-origin --list names the files that git reads")
        })
        .collect();
    let is_bare = settings.last("core", "bare").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let has_work_tree = settings.last("core", "worktree").is_some();
    let has_own = settings.last("extensions", "worktreeconfig").is_some_and(|value| value == "true");
    if has_own && (is_bare || has_work_tree) {
        let key = if has_work_tree { "core.worktree" } else { "core.bare" };
        findings.push(
            Finding::warning(Group::Git, "worktree-config", format!("{key} applies to every worktree"))
                .about(key)
                .because("extensions.worktreeConfig is on, so git expects it in config.worktree of the main checkout")
                .fix(format!("git config --worktree {key} VALUE; git config --local --unset {key}")),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::settings::Setting;

    #[test]
    fn versions_are_judged() {
        for (version, is_supported, severity) in
            [("2.47.3", true, Severity::Ok), ("2.30.1", false, Severity::Error)]
        {
            let finding = of_version(&InstalledGit { version: version.into(), is_supported });
            assert_eq!(finding.severity, severity, "{version}");
        }
    }

    #[test]
    fn settings_of_one_worktree_must_not_apply_to_all() {
        let setting = |section: &str, name: &str, value: &str| Setting {
            file: None,
            section: section.into(),
            subsection: None,
            name: name.into(),
            value: value.into(),
        };
        let (own, bare) = (setting("extensions", "worktreeconfig", "true"), setting("core", "bare", "true"));
        let work_tree = setting("core", "worktree", "/elsewhere");
        for (values, subject) in [
            (vec![own.clone()], None),
            (vec![bare.clone()], None),
            (vec![own.clone(), setting("core", "bare", "false")], None),
            (vec![own.clone(), bare], Some("core.bare")),
            (vec![own, work_tree], Some("core.worktree")),
        ] {
            let found = of_settings(&Settings { values, unreadable: Vec::new() });
            assert_eq!(found.first().and_then(|one| one.subject.as_deref()), subject);
        }
        let unreadable = vec![("config".to_owned(), "cannot be parsed".to_owned())];
        assert_eq!(of_settings(&Settings { unreadable, ..Settings::default() }).len(), 1);
    }
}
