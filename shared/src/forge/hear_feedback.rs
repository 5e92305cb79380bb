//! What is said of a pull request on its forge, with who of the authors is trusted.

use std::collections::HashMap;

use super::{
    Forge,
    feedback::{Author, ForgeCheck, ForgeSaid},
    pull_request::PullRequest,
};
use crate::{
    Code, Error, Result,
    model::published::{ForgeChecks, ForgeReviews},
};

impl Forge {
    /// Returns what the forge's checks say of the head of a pull request.
    ///
    /// # Errors
    /// As [`Forge::find`].
    pub fn checks_of(&self, seen: &PullRequest) -> Result<ForgeChecks> {
        if seen.commit.is_empty() { Ok(ForgeChecks::None) } else { self.service.checks(&seen.commit) }
    }

    /// Returns the checks of the head of a pull request, one by one. Where a forge names only those that failed, the others are one.
    ///
    /// # Errors
    /// As [`Forge::find`].
    pub fn check_list(&self, seen: &PullRequest) -> Result<Vec<ForgeCheck>> {
        if seen.commit.is_empty() { Ok(Vec::new()) } else { self.service.check_list(&seen.commit) }
    }

    /// Returns what those who review a pull request say, all in all.
    ///
    /// # Errors
    /// As [`Forge::find`].
    pub fn standing(&self, seen: &PullRequest) -> Result<ForgeReviews> {
        self.service.standing(seen)
    }

    /// Returns what was said at a pull request: comments, remarks on lines, and reviews that say or decide something. An author is
    /// trusted who may push to the repository, is one of `also`, or is the user of the token. `known` keeps who was asked about, so that
    /// the forge is asked once.
    ///
    /// # Errors
    /// As [`Forge::find`].
    pub fn all_said(
        &self,
        seen: &PullRequest,
        also: &[String],
        known: &mut HashMap<String, bool>,
    ) -> Result<Vec<ForgeSaid>> {
        let user = self.service.user()?;
        let mut all = Vec::new();
        for mut read in self.service.all_said(seen)? {
            let is_empty = read.said.text.trim().is_empty() && read.said.verdict.is_none();
            if is_empty {
                continue;
            }
            read.said.is_trusted = !user.id.is_empty() && read.author_id == user.id
                || also.contains(&read.said.author)
                || match read.author {
                    Author::Known(is_trusted) => is_trusted,
                    Author::Ask(who) => match known.get(&who) {
                        Some(is_trusted) => *is_trusted,
                        None => {
                            let is_trusted = self.may_push(&who)?;
                            known.insert(who, is_trusted);
                            is_trusted
                        }
                    },
                };
            all.push(read.said);
        }
        Ok(all)
    }

    /// Returns whether a user may push. A forge that does not tell it to this token does not vouch for the user.
    fn may_push(&self, user: &str) -> Result<bool> {
        match self.service.may_push(user) {
            Err(Error { code: Code::ForgeTokenRefused | Code::ForgeRefused, .. }) => Ok(false),
            other => other,
        }
    }
}
