//! Merges a pull request on its forge: only what is approved, passed the test on the merge with its base, and is still as it was fetched.
//!
//! The forge refuses if the head moved, and Bitbucket, which cannot, is asked before. No forge guards the base: it is looked at last.

use super::{
    PullRequestReview, PullRequests, Report,
    merge_outcome::{MergedPullRequest, NotMerged},
    merge_rule::{MergeFacts, Moved, Obstacle},
};
use crate::{
    Code, Error, Result,
    forge::{PullRequest, PullRequestState},
    git::remotes::RemoteOptions,
    model::text::safe,
    ops::pr::method,
    store::layout,
};

impl PullRequestReview<'_> {
    /// Runs the test, if the reviewer did not need it, and merges what was judged. What keeps it from being merged is in the report.
    ///
    /// # Errors
    /// The test cannot run (3), the head or the base moved (4), or the forge refuses.
    pub fn merge(&self, report: &mut Report) -> Result<()> {
        let PullRequests { repo, forge, .. } = self.place;
        let (seen, head) = (&self.fetched.pull_request, self.fetched.head);
        let known = MergeFacts {
            state: seen.state,
            is_draft: seen.draft,
            verdict: report.standing,
            test_passed: report.test.as_ref().is_none_or(|test| test.passed),
            checks: None,
            moved: Moved::Nothing,
        };
        // What is known already needs no test.
        if let Some(obstacle) = known.obstacle() {
            return self.refuse(obstacle, report);
        }
        let test = match report.test.take() {
            Some(test) => test,
            None => self.run_test()?,
        };
        let test_passed = report.test.insert(test).passed;
        // The test ran and may have changed the configuration, which is used from here on.
        repo.confirm()?;
        let method = method::chosen(repo, self.request.method)?;
        let now = forge.get(seen.number)?;
        if now.state == PullRequestState::Merged {
            let head_moved = !now.is_at(head);
            report.merged = Some(MergedPullRequest { head_moved, ..MergedPullRequest::of(&now, false) });
            return Ok(());
        }
        let facts = MergeFacts {
            state: now.state,
            is_draft: now.draft,
            test_passed,
            checks: forge.checks(head).ok(),
            moved: self.moved(&now)?,
            ..known
        };
        if let Some(obstacle) = facts.obstacle() {
            return self.refuse(obstacle, report);
        }
        let merged = forge.merge(seen.number, method, head).map_err(|error| self.not_by_forge(error))?;
        let head_moved = !merged.is_at(head);
        report.merged = Some(MergedPullRequest { head_moved, ..MergedPullRequest::of(&merged, true) });
        report.pull_request = Some(merged);
        Ok(())
    }

    /// Compares what the forge and the remote have now with what was fetched.
    fn moved(&self, now: &PullRequest) -> Result<Moved> {
        if !now.is_at(self.fetched.head) {
            return Ok(Moved::Head);
        }
        let PullRequests { context, repo, remote, .. } = self.place;
        let name = layout::branch_ref(&self.fetched.pull_request.base);
        let there = repo.remote_refs(context, &remote.address, RemoteOptions::default())?;
        let is_there = there.iter().any(|(one, tip)| *one == name && *tip == self.fetched.into);
        let is_same = is_there && now.base == self.fetched.pull_request.base;
        Ok(if is_same { Moved::Nothing } else { Moved::Base })
    }

    /// Puts the obstacle into the report; what somebody else did meanwhile is an error.
    fn refuse(&self, obstacle: Obstacle, report: &mut Report) -> Result<()> {
        let seen = &self.fetched.pull_request;
        let (which, number) = (self.place.name_of(seen.number), seen.number);
        let review = format!("git orchestra review --pr {number}");
        let (why, next) = match obstacle {
            Obstacle::NotOpen(state) => (format!("{which} is {state}"), safe(&seen.url).into_owned()),
            Obstacle::Draft => (
                format!("{which} is a draft: its author says that it is not ready"),
                safe(&seen.url).into_owned(),
            ),
            Obstacle::NoVerdict => (
                format!("there is no verdict on {which} as it is now"),
                format!("{review} --approve --automerge"),
            ),
            Obstacle::Verdict(verdict) => {
                (format!("the verdict on {which} is '{}'", verdict.label()), review)
            }
            Obstacle::TestFailed => {
                let result = report.test.as_ref().map_or("it failed", |test| test.result.as_str());
                let base = safe(&seen.base);
                (format!("the test does not pass on its merge with '{base}': {}", safe(result)), review)
            }
            Obstacle::ChecksFailed => {
                ("its checks on the forge failed".to_owned(), safe(&seen.url).into_owned())
            }
            Obstacle::ChecksRunning => {
                ("its checks on the forge have not ended".to_owned(), format!("{review} --automerge"))
            }
            Obstacle::Moved(moved) => {
                let what = match moved {
                    Moved::Head => format!("somebody pushed to {which}"),
                    Moved::Base | Moved::Nothing => {
                        format!("'{}', which {which} should be merged into, moved", safe(&seen.base))
                    }
                };
                return Err(Error::new(Code::ForgeChanged, format!("{what} meanwhile; nothing was merged"))
                    .hint(format!("{review} --automerge")));
            }
        };
        report.not_merged = Some(NotMerged { why, next: vec![next] });
        Ok(())
    }

    /// Says in the words of the forge why it did not merge, and what to type next.
    fn not_by_forge(&self, error: Error) -> Error {
        let seen = &self.fetched.pull_request;
        let which = self.place.name_of(seen.number);
        let message = format!("{which} was not merged: {}", error.message);
        let again = format!("git orchestra review --pr {} --automerge", seen.number);
        let is_refused = matches!(error.code, Code::ForgeRefused | Code::ForgeTokenRefused);
        let error = Error { message, ..error };
        let error = if is_refused { error.hint(safe(&seen.url)) } else { error };
        error.hint(again)
    }
}
