//! Refs that are damaged, or name objects that are missing.

use std::time::{Duration, Instant};

use super::finding::{Finding, Group, Remedy};
use crate::{
    Result,
    git::{Repo, ref_list::BrokenRef},
    model::{quote, text},
    store::layout,
};

/// How long the objects of refs may be looked up.
const LIMIT: Duration = Duration::from_secs(3);

/// Checks all refs of the repository.
///
/// # Errors
/// The refs cannot be read at all.
pub(super) fn check(repo: &Repo) -> Result<Vec<Finding>> {
    let list = repo.ref_list("refs/")?;
    let (mut broken, mut unchecked) = (list.broken, 0);
    let until = Instant::now() + LIMIT;
    if !repo.is_partial() {
        for (name, id) in &list.refs {
            if Instant::now() > until {
                unchecked += 1;
            } else if !repo.has_object(*id) {
                let why = format!("names {}, which is not in this repository", id.short());
                broken.push(BrokenRef { name: name.clone(), why });
            }
        }
    }
    let mut findings: Vec<Finding> = broken.iter().map(of_broken).collect();
    if unchecked > 0 {
        let what = format!("{} were not checked, because that takes long", text::count(unchecked, "ref"));
        findings.push(Finding::note(Group::Repository, "refs", what).fix("git fsck --connectivity-only"));
    } else if findings.is_empty() {
        let count = list.refs.len() as u64;
        let what = match count {
            0 => "no refs yet".to_owned(),
            _ => format!("{} intact", text::count(count, "ref")),
        };
        findings.push(Finding::ok(Group::Repository, "refs", what));
    }
    Ok(findings)
}

fn of_broken(broken: &BrokenRef) -> Finding {
    let BrokenRef { name, why } = broken;
    let finding = Finding::error(Group::Repository, "ref-broken", format!("{name} {why}"))
        .about(name)
        .because("git fetch and git gc fail while it exists");
    if name.starts_with(layout::SHARED) || name.starts_with(layout::PRIVATE) {
        return finding.fixed_by(Remedy::QuarantineRef(name.clone()));
    }
    let set = quote::command(&[&"git", &"update-ref", name, &"COMMIT"]);
    finding.fix(format!("git fsck --lost-found lists commits that no ref names; then: {set}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_refs_of_ours_are_fixable() {
        for (folder, fixable) in [("orchestra/heads", true), ("orchestra-local/logs", true), ("heads", false)]
        {
            let name = ["refs", folder, "x"].join("/");
            let finding = of_broken(&BrokenRef { name, why: "is empty".into() });
            assert_eq!(finding.fixable, fixable, "{folder}");
            assert!(finding.fix.is_some());
        }
    }
}
