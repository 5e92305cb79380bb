//! What `doctor` finds: each finding with its reason and its fix. Pure.

use std::{collections::BTreeSet, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, model::text};

/// Maximum number of findings of one check; the others are counted.
const MAX_PER_CHECK: usize = 10;

/// What a check examines.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "CheckGroup")]
pub enum Group {
    /// Git, and the configuration of the repository.
    Git,
    /// The agent programs.
    Programs,
    /// The programs, man pages, and completions of git orchestra.
    Installation,
    /// Refs, locks, agents, and what killed commands left.
    Repository,
    /// The remotes that agents are exchanged with.
    Remotes,
    /// Disks and limits of the machine.
    Machine,
    /// The keys of git orchestra in the configuration.
    Keys,
    /// The sessions of agent programs.
    Sessions,
}

impl Group {
    /// All groups, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::Git,
        Self::Programs,
        Self::Installation,
        Self::Repository,
        Self::Remotes,
        Self::Machine,
        Self::Keys,
        Self::Sessions,
    ];

    /// Returns its word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Programs => "programs",
            Self::Installation => "installation",
            Self::Repository => "repository",
            Self::Remotes => "remotes",
            Self::Machine => "machine",
            Self::Keys => "keys",
            Self::Sessions => "sessions",
        }
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// All is well.
    Ok,
    /// Something to know; nothing has to be done.
    Note,
    /// Something does not work as it should, or soon will not.
    Warning,
    /// Something does not work.
    Error,
}

impl Severity {
    /// Returns its word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// Returns whether something is wrong.
    pub const fn is_problem(self) -> bool {
        matches!(self, Self::Warning | Self::Error)
    }
}

/// One result of a check.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Finding {
    /// The name of the check, which never changes its meaning.
    pub check: String,
    /// What the check examines.
    pub group: Group,
    /// The ref, file, agent, program, or key that it is about.
    pub subject: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// What is so.
    pub what: String,
    /// Why it matters.
    pub why: Option<String>,
    /// What to type next.
    pub fix: Option<String>,
    /// Whether `doctor --fix` fixes it.
    pub fixable: bool,
    /// What `doctor --fix` does about it.
    #[serde(skip)]
    pub(super) remedy: Option<Remedy>,
}

/// What `doctor --fix` does about a finding. None of it loses anything.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Remedy {
    /// Finish or revert what killed commands left, as the next command that changes something does.
    Recover,
    /// Remove the lock of a ref of ours, if certainly no process holds it.
    RemoveLock(String),
    /// Delete a file that only makes commands faster.
    DeleteCache(PathBuf),
    /// Move refs into `packed-refs`.
    PackRefs,
    /// Move a damaged ref of ours out of the way.
    QuarantineRef(String),
    /// Install man pages and completions.
    InstallPages,
}

impl Finding {
    fn new(check: &str, group: Group, severity: Severity, what: impl Into<String>) -> Self {
        Self {
            check: check.to_owned(),
            group,
            subject: None,
            severity,
            what: text::safe(&what.into()).into_owned(),
            why: None,
            fix: None,
            fixable: false,
            remedy: None,
        }
    }

    /// All is well.
    pub(super) fn ok(group: Group, check: &str, what: impl Into<String>) -> Self {
        Self::new(check, group, Severity::Ok, what)
    }

    /// Something to know.
    pub(super) fn note(group: Group, check: &str, what: impl Into<String>) -> Self {
        Self::new(check, group, Severity::Note, what)
    }

    /// Something that does not work as it should.
    pub(super) fn warning(group: Group, check: &str, what: impl Into<String>) -> Self {
        Self::new(check, group, Severity::Warning, what)
    }

    /// Something that does not work.
    pub(super) fn error(group: Group, check: &str, what: impl Into<String>) -> Self {
        Self::new(check, group, Severity::Error, what)
    }

    /// A failure with the causes and the first hint of an error.
    pub(super) fn of_error(group: Group, check: &str, severity: Severity, error: &Error) -> Self {
        let causes = error.causes().join(": ");
        let finding = Self::new(check, group, severity, error.message.clone());
        let finding = if causes.is_empty() { finding } else { finding.because(causes) };
        match error.hints.first() {
            Some(hint) => finding.fix(hint.clone()),
            None => finding,
        }
    }

    /// Sets what it is about.
    pub(super) fn about(self, subject: impl AsRef<str>) -> Self {
        Self { subject: Some(text::safe(subject.as_ref()).into_owned()), ..self }
    }

    /// Sets why it matters.
    pub(super) fn because(self, why: impl AsRef<str>) -> Self {
        Self { why: Some(text::safe(why.as_ref()).into_owned()), ..self }
    }

    /// Sets what to type next.
    pub(super) fn fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(text::safe(&fix.into()).into_owned()), ..self }
    }

    /// Lets `doctor --fix` fix it.
    pub(super) fn fixed_by(self, remedy: Remedy) -> Self {
        let fix = self.fix.clone().or_else(|| Some("git orchestra doctor --fix".to_owned()));
        Self { fix, fixable: true, remedy: Some(remedy), ..self }
    }
}

impl Finding {
    /// Returns the finding for a repository whose configuration cannot be used: nothing in it can be fixed before that.
    pub(super) fn after_configuration(self) -> Self {
        match &self.remedy {
            None | Some(Remedy::InstallPages) => self,
            Some(_) => {
                let fix = Some("repair the configuration first, then: git orchestra doctor --fix".to_owned());
                Self { fix, fixable: false, remedy: None, ..self }
            }
        }
    }
}

/// A check that could not run.
#[derive(Debug)]
pub(super) struct FailedCheck {
    pub(super) group: Group,
    /// The name of the check.
    pub(super) name: &'static str,
    pub(super) error: Error,
}

/// Makes one finding of all failed checks that failed for the same reason.
pub(super) fn of_failed_checks(failed: &[FailedCheck]) -> Vec<Finding> {
    let reason = |one: &FailedCheck| match one.error.causes().as_slice() {
        [] => one.error.message.clone(),
        causes => causes.join(": "),
    };
    let mut reasons: Vec<String> = failed.iter().map(reason).collect();
    let mut seen = BTreeSet::new();
    reasons.retain(|one| seen.insert(one.clone()));
    let finding = |why: String| {
        let same: Vec<&FailedCheck> = failed.iter().filter(|one| reason(one) == why).collect();
        let names: Vec<&str> = same.iter().map(|one| one.name).collect();
        let group = same.iter().map(|one| one.group).find(|group| *group == Group::Repository);
        let group = group.or_else(|| same.first().map(|one| one.group)).unwrap_or(Group::Repository);
        let hint = same.iter().find_map(|one| one.error.hints.first().cloned());
        let what = format!("not checked: {}", names.join(", "));
        let finding = Finding::new("check-failed", group, Severity::Warning, what);
        finding.because(&why).fix(hint.unwrap_or_else(|| "git fsck".to_owned()))
    };
    reasons.into_iter().map(finding).collect()
}

/// Keeps the first findings of each check, and counts the rest in one more. Findings that are fine are all kept.
pub(super) fn shortened(findings: Vec<Finding>) -> Vec<Finding> {
    let mut kept: Vec<Finding> = Vec::new();
    let mut more: Vec<(Finding, usize)> = Vec::new();
    for finding in findings {
        let is_same = |one: &&Finding| {
            one.check == finding.check && one.severity == finding.severity && one.severity != Severity::Ok
        };
        if kept.iter().filter(is_same).count() < MAX_PER_CHECK {
            kept.push(finding);
        } else if let Some((_, count)) = more.iter_mut().find(|(first, _)| is_same(&first)) {
            *count += 1;
        } else {
            more.push((finding, 1));
        }
    }
    for (first, count) in more {
        let at = kept.iter().rposition(|one| one.check == first.check && one.severity == first.severity);
        let rest =
            Finding::new(&first.check, first.group, first.severity, format!("and {count} more like this"));
        kept.insert(at.map_or(kept.len(), |at| at + 1), rest);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_shortened_and_what_is_fine_is_not() {
        let many = |severity, count: usize| {
            (0..count).map(move |n| Finding::new("refs", Group::Repository, severity, format!("{n}")))
        };
        let all: Vec<Finding> =
            many(Severity::Error, 12).chain(many(Severity::Ok, 11)).chain(many(Severity::Note, 10)).collect();
        let kept = shortened(all);
        let errors: Vec<&str> =
            kept.iter().filter(|one| one.severity == Severity::Error).map(|one| one.what.as_str()).collect();
        assert_eq!((errors.len(), errors[9], errors[10]), (11, "9", "and 2 more like this"));
        assert_eq!(kept.len(), 11 + 11 + 10);
    }

    #[test]
    fn checks_that_fail_for_one_reason_are_one_finding() {
        let failed = |name, group, error| FailedCheck { group, name, error };
        let refs = |what: &str| Error::refused(format!("cannot read {what}")).because("a malformed line");
        let all = [
            failed("config", Group::Git, refs("logs")),
            failed("disk", Group::Machine, Error::refused("no such disk").hint("df")),
            failed("refs", Group::Repository, refs("refs")),
        ];
        let found = of_failed_checks(&all);
        let found: Vec<(Group, &str, Option<&str>)> =
            found.iter().map(|one| (one.group, one.what.as_str(), one.fix.as_deref())).collect();
        assert_eq!(
            found,
            [
                (Group::Repository, "not checked: config, refs", Some("git fsck")),
                (Group::Machine, "not checked: disk", Some("df"))
            ]
        );
    }

    #[test]
    fn an_error_becomes_a_finding_with_its_hint() {
        let error = Error::refused("it failed\u{1b}").because("no space").hint("df").hint("rm");
        let finding = Finding::of_error(Group::Machine, "disk", Severity::Warning, &error);
        assert_eq!((finding.what.as_str(), finding.fix.as_deref()), ("it failed\\e", Some("df")));
        assert_eq!(finding.why.as_deref(), Some("no space"));
        let fixed = finding.fixed_by(Remedy::PackRefs);
        assert!(fixed.fixable && fixed.fix.as_deref() == Some("df"));
    }
}
