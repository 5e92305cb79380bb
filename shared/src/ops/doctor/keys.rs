//! The keys of git orchestra in git's configuration: unknown ones, and values that are not valid.

use super::finding::{Finding, Group};
use crate::{
    Code, Error, Result,
    config::{Described, KEYS, suggestion},
    git::Git,
    model::{quote, text},
    world::Environment,
};

/// The part of a known key that stands for a name of the user.
const NAME: &str = "<name>";

/// A key with its value, as git lists it.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Entry {
    /// `local`, `global`, `system`, `worktree`, or `command`.
    scope: String,
    key: String,
    value: String,
}

/// Checks every key of git orchestra that applies in the caller's folder.
///
/// # Errors
/// Git cannot read the configuration.
pub(super) fn check(environment: &Environment) -> Result<Vec<Finding>> {
    let output = Git::new(environment, environment.directory(), "config")
        .command_line_settings()
        .args(["--null", "--show-scope", "--get-regexp", r"^orchestra\."])
        .output()?;
    // 1: no key is set.
    if !matches!(output.status.code(), Some(0 | 1)) {
        let said = text::safe_block(output.stderr.trim());
        return Err(Error::new(Code::GitFailed, "git config failed").because(said));
    }
    let entries = entries(&String::from_utf8_lossy(&output.stdout));
    let mut findings: Vec<Finding> = entries.iter().filter_map(judged).collect();
    if findings.is_empty() {
        let what = match entries.len() as u64 {
            0 => "none set, all defaults".to_owned(),
            set => format!("{} set, all known and valid", text::count(set, "key")),
        };
        findings.push(Finding::ok(Group::Keys, "keys", what));
    }
    Ok(findings)
}

/// Parses the output of `git config --null --show-scope`: scope, then key and value, which a line break separates.
fn entries(output: &str) -> Vec<Entry> {
    let mut parts = output.split('\0');
    let mut found = Vec::new();
    while let (Some(scope), Some(entry)) = (parts.next(), parts.next()) {
        let (key, value) = entry.split_once('\n').unwrap_or((entry, "true"));
        found.push(Entry { scope: scope.to_owned(), key: key.to_owned(), value: value.to_owned() });
    }
    found
}

fn judged(entry: &Entry) -> Option<Finding> {
    let Entry { scope, key, value } = entry;
    let Some((known, is_old)) = find(key) else {
        let unset = format!("git config {} --unset-all {}", option_of(scope), quote::word(key));
        let finding =
            Finding::warning(Group::Keys, "key-unknown", format!("'{key}' is not a key of git orchestra"))
                .about(key)
                .because(format!("it is set in the {scope} configuration, and has no effect"));
        return Some(match suggestion(key) {
            Some(near) => finding.fix(format!("did you mean {near}? else: {unset}")),
            None => finding.fix(unset),
        });
    };
    if known.rewritten(value).is_none() && !value.is_empty() {
        let default = known.default_text();
        let name = if known.name().contains(NAME) { key } else { known.name() };
        let set = format!("git config {} {} {}", option_of(scope), quote::word(name), quote::word(&default));
        let finding =
            Finding::error(Group::Keys, "key-value", format!("'{name}' has the invalid value '{value}'"))
                .about(name)
                .because(format!("commands that need it fail. {}", known.what()));
        return Some(if default.is_empty() { finding } else { finding.fix(set) });
    }
    is_old.then(|| {
        Finding::note(Group::Keys, "key-renamed", format!("'{key}' is now called '{}'", known.name()))
            .about(key)
            .because("the old name is still read, unless the new one is set")
            .fix(format!("git config {} {} {}", option_of(scope), known.name(), quote::word(value)))
    })
}

/// Finds the known key of this name, and whether it is the name of earlier versions.
fn find(key: &str) -> Option<(&'static dyn Described, bool)> {
    KEYS.iter().copied().find_map(|known| {
        if matches(known.name(), key) {
            Some((known, false))
        } else {
            known.old_name().filter(|old| matches(old, key)).map(|_| (known, true))
        }
    })
}

/// Returns whether a key has this name, in which `<name>` stands for any text. Git writes the first and the last part in lower case.
fn matches(name: &str, key: &str) -> bool {
    match name.split_once(NAME) {
        None => name.eq_ignore_ascii_case(key),
        Some((before, after)) => {
            let inside = key.len() > before.len() + after.len() && key.is_char_boundary(before.len());
            inside
                && key.is_char_boundary(key.len() - after.len())
                && key[..before.len()].eq_ignore_ascii_case(before)
                && key[key.len() - after.len()..].eq_ignore_ascii_case(after)
        }
    }
}

fn option_of(scope: &str) -> &'static str {
    match scope {
        "global" => "--global",
        "system" => "--system",
        "worktree" => "--worktree",
        _ => "--local",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::doctor::finding::Severity;

    #[test]
    fn keys_are_judged() {
        for (key, value, expected) in [
            ("orchestra.jobs", "3", None),
            ("orchestra.agent.my.own.command", "cat", None),
            ("orchestra.regenerate.lock", "make lock", None),
            ("orchestra.maxtime", "", None),
            ("orchestra.jobs", "many", Some((Severity::Error, "git config --local orchestra.jobs 3"))),
            (
                "orchestra.job",
                "3",
                Some((
                    Severity::Warning,
                    "did you mean orchestra.jobs? else: git config --local --unset-all orchestra.job",
                )),
            ),
            ("orchestra.agent.x.colour", "red", Some((Severity::Warning, ""))),
            (
                "orchestra.agent.x.promt",
                "p",
                Some((
                    Severity::Warning,
                    "did you mean orchestra.agent.x.prompt? else: git config --local --unset-all orchestra.agent.x.promt",
                )),
            ),
            (
                "orchestra.derived",
                "target",
                Some((Severity::Note, "git config --local orchestra.disposableDirs target")),
            ),
        ] {
            let entry = Entry { scope: "local".into(), key: key.into(), value: value.into() };
            let found = judged(&entry);
            assert_eq!(
                found.as_ref().map(|one| one.severity),
                expected.map(|(severity, _)| severity),
                "{key}"
            );
            if let (Some(found), Some((_, fix))) = (found, expected.filter(|(_, fix)| !fix.is_empty())) {
                assert_eq!(found.fix.as_deref(), Some(fix), "{key}");
            }
        }
    }

    #[test]
    fn gits_list_is_parsed() {
        let found =
            entries("local\0orchestra.jobs\n3\0global\0orchestra.flag\0local\0orchestra.test\na\nb\0");
        let found: Vec<(&str, &str, &str)> =
            found.iter().map(|one| (one.scope.as_str(), one.key.as_str(), one.value.as_str())).collect();
        assert_eq!(
            found,
            [
                ("local", "orchestra.jobs", "3"),
                ("global", "orchestra.flag", "true"),
                ("local", "orchestra.test", "a\nb")
            ]
        );
    }
}
