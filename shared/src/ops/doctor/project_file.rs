//! The file in which a project shares its settings: whether it can be read, what is wrong with its values, and what the user decided
//! about what it proposes.

use super::finding::{Finding, Group, Severity};
use crate::{
    Code, Error, Result,
    config::{Config, Decision, ProjectFlaw, ProjectFlawKind, Proposal, project_flaws},
    git::{Repo, project_file::PROJECT_FILE},
};

/// How a person corrects the file.
const CORRECT: &str = "correct it in .gitorchestra, and commit that";

/// Examines the file in the commit that is checked out in the main checkout. If there is none, there is nothing to say.
///
/// # Errors
/// The commit cannot be read.
pub(super) fn check(repo: &Repo) -> Result<Vec<Finding>> {
    match Config::of(repo).proposal() {
        Ok(None) => Ok(Vec::new()),
        Ok(Some(proposal)) => Ok(judged(&proposal)),
        Err(error) if error.code == Code::ConfigInvalid => Ok(vec![unusable(&error)]),
        Err(error) => Err(error),
    }
}

fn unusable(error: &Error) -> Finding {
    Finding::of_error(Group::Keys, "team-file", Severity::Error, error)
        .about(PROJECT_FILE)
        .because("commands that need a key that a project may set fail")
}

fn judged(proposal: &Proposal) -> Vec<Finding> {
    let flaws = project_flaws(&proposal.content).unwrap_or_default();
    let mut findings: Vec<Finding> = flaws.iter().map(of_flaw).collect();
    findings.extend(of_decision(proposal));
    if findings.is_empty() {
        findings.push(Finding::ok(Group::Keys, "team-file", format!("{PROJECT_FILE} is valid")));
    }
    findings
}

fn of_flaw(flaw: &ProjectFlaw) -> Finding {
    let ProjectFlaw { key, kind } = flaw;
    let found = |check: &str, what: String| Finding::warning(Group::Keys, check, what).about(key);
    match kind {
        ProjectFlawKind::Unknown { nearest } => {
            let finding = found("team-key-unknown", format!("{PROJECT_FILE} sets the unknown key '{key}'"))
                .because("it has no effect");
            match nearest {
                Some(near) => finding.fix(format!("did you mean {near}? {CORRECT}")),
                None => finding.fix(CORRECT),
            }
        }
        ProjectFlawKind::Forbidden => {
            found("team-key-forbidden", format!("{PROJECT_FILE} sets '{key}', which has no effect there"))
                .because("only your own configuration can set it")
                .fix(format!("remove it from {PROJECT_FILE}, and commit that"))
        }
        ProjectFlawKind::Invalid { problem } => {
            Finding::error(Group::Keys, "team-key-value", format!("{PROJECT_FILE}: {problem}"))
                .about(key)
                .because("commands that need it fail, unless your own configuration has it")
                .fix(CORRECT)
        }
    }
}

/// Judges what a person decided, if the file proposes something that they did not set themselves.
fn of_decision(proposal: &Proposal) -> Option<Finding> {
    if proposal.keys.is_empty() {
        return None;
    }
    let keys = proposal.keys.join(", ");
    let undecided = |what: String| {
        let finding = Finding::warning(Group::Keys, "team-unapproved", what).about(PROJECT_FILE);
        finding.because("what needs these keys is refused").fix("git orchestra config approve")
    };
    match proposal.decision {
        Decision::Approved => None,
        Decision::Open => {
            Some(undecided(format!("{PROJECT_FILE} proposes {keys}, which nobody approved here")))
        }
        Decision::Changed => {
            Some(undecided(format!("{PROJECT_FILE} changed after it was approved here; it proposes {keys}")))
        }
        Decision::Declined => Some(
            Finding::note(
                Group::Keys,
                "team-declined",
                format!("{PROJECT_FILE} proposes {keys}, which you declined"),
            )
            .about(PROJECT_FILE)
            .because("what needs these keys is refused, unless your own configuration has them")
            .fix("git orchestra config approve"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_decision_and_the_values_are_judged() {
        let valid = "[orchestra]\n\ttest = make\n";
        for (content, decision, expected) in [
            (valid, Decision::Approved, vec![("team-file", Severity::Ok)]),
            (valid, Decision::Open, vec![("team-unapproved", Severity::Warning)]),
            (valid, Decision::Changed, vec![("team-unapproved", Severity::Warning)]),
            (valid, Decision::Declined, vec![("team-declined", Severity::Note)]),
            (
                "[orchestra]\n\tjob = 1\n\tjobs = x\n\tmaxJobs = 1\n",
                Decision::Approved,
                vec![
                    ("team-key-unknown", Severity::Warning),
                    ("team-key-value", Severity::Error),
                    ("team-key-forbidden", Severity::Warning),
                ],
            ),
        ] {
            let keys = vec!["orchestra.test".to_owned()];
            let proposal = Proposal { content: content.to_owned(), digest: String::new(), decision, keys };
            let found = judged(&proposal);
            let found: Vec<(&str, Severity)> =
                found.iter().map(|one| (one.check.as_str(), one.severity)).collect();
            assert_eq!(found, expected, "{content} {decision:?}");
        }
    }
}
