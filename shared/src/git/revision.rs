//! Resolving revisions that people type.

use super::{
    Oid, Repo,
    ref_names::{BRANCHES, TAGS},
};
use crate::{Code, Error, Result, model::text};

/// Minimum length of an abbreviated object id in git.
const SHORTEST_ID: usize = 4;

impl Repo {
    /// Returns the commit that `revision` names. If a branch and a tag have the same name, the branch is meant.
    ///
    /// # Errors
    /// It names no commit (3).
    pub fn commit(&self, revision: &str) -> Result<Oid> {
        let (name, rest) = split(revision);
        if revision.is_empty() || revision.starts_with('-') {
            return Err(not_a_commit(revision, "it is not a revision"));
        }
        self.refuse_blocked_refs(revision)?;
        let full_name =
            if self.is_branch(name) { format!("{BRANCHES}{name}{rest}") } else { revision.to_owned() };
        let Ok(found) = self.gix.rev_parse_single(full_name.as_str()) else {
            return Err(self.why_not_a_commit(revision, name, rest));
        };
        let Ok(object) = found.object() else {
            return Err(not_a_commit(
                revision,
                &format!("object {} is not in this repository", Oid::from(found.detach()).short()),
            ));
        };
        let kind = object.kind;
        let commit = object.peel_to_commit();
        Ok(commit.map_err(|_| not_a_commit(revision, &format!("it is a {kind}")))?.id.into())
    }

    /// Returns whether a revision begins with the name of both a branch and a tag.
    pub fn hides_a_tag(&self, revision: &str) -> bool {
        let (name, _) = split(revision);
        self.is_branch(name) && matches!(self.find_ref(&format!("{TAGS}{name}")), Ok(Some(_)))
    }

    /// Returns whether a name is a branch, and not something that git resolves before branches.
    fn is_branch(&self, name: &str) -> bool {
        !name.is_empty()
            && name != "HEAD"
            && name != "@"
            && Oid::parse(name).is_none()
            && matches!(self.find_ref(&format!("{BRANCHES}{name}")), Ok(Some(_)))
    }

    fn why_not_a_commit(&self, revision: &str, name: &str, rest: &str) -> Error {
        if !rest.is_empty() && !name.is_empty() && self.gix.rev_parse_single(name).is_ok() {
            let name = text::safe(name);
            return not_a_commit(revision, &format!("'{name}' does, but not with what follows it"));
        }
        if self.is_ambiguous(name) {
            return not_a_commit(revision, "the id prefix is ambiguous").hint("type more digits");
        }
        not_a_commit(revision, "there is no such branch, tag or commit")
            .hint("git branch --all --list; git tag --list")
    }

    fn is_ambiguous(&self, id: &str) -> bool {
        if id.len() < SHORTEST_ID {
            return false;
        }
        let Ok(prefix) = gix::hash::Prefix::from_hex(id) else { return false };
        matches!(self.gix.objects.lookup_prefix(prefix, None), Ok(Some(Err(()))))
    }
}

fn not_a_commit(revision: &str, why: &str) -> Error {
    Error::new(Code::CommitUnknown, format!("'{}' names no commit: {why}", text::safe(revision)))
}

/// Splits a revision into its name and its suffix: `main` and `~2` of `main~2`.
fn split(revision: &str) -> (&str, &str) {
    let end = revision.find(['^', '~', ':']).into_iter().chain(revision.find("@{")).min();
    revision.split_at(end.unwrap_or(revision.len()))
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn names_and_what_follows_them() {
        for (revision, name, rest) in [
            ("main", "main", ""),
            ("main~2^{tree}", "main", "~2^{tree}"),
            ("a@b@{1}", "a@b", "@{1}"),
            ("@{-1}", "", "@{-1}"),
            (":/fix", "", ":/fix"),
            ("HEAD:a~b", "HEAD", ":a~b"),
            ("", "", ""),
        ] {
            assert_eq!(split(revision), (name, rest), "{revision}");
        }
    }
}
