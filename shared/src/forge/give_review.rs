//! Gives a review on a forge, once: what is there already is found by its mark, and only comments of the user of the token count.

use super::{
    Forge,
    failure::Failure,
    pull_request::PullRequest,
    review::{ForgeRemark, ForgeReview, ForgeUser, ForgeVerdict, GivenForgeReview},
};
use crate::Result;

impl Forge {
    /// Gives a review on a pull request, unless it is there: however often this is called and killed, there is one for each head and verdict.
    ///
    /// # Errors
    /// The forge cannot be reached, or refuses; its head is another one (4).
    pub fn give_review(&self, seen: &PullRequest, review: &ForgeReview) -> Result<GivenForgeReview> {
        let user = self.service.user()?;
        let is_comment = seen.author == user.name && review.verdict != ForgeVerdict::Comment;
        let review = &ForgeReview {
            verdict: if is_comment { ForgeVerdict::Comment } else { review.verdict },
            ..review.clone()
        };
        let number = seen.number;
        let mut is_new = false;
        if !self.has_said(number, &user, &review.mark())? {
            self.check_head(number, review.head)?;
            self.give_parts(number, review, &user)?;
            is_new = true;
        }
        self.service.judge(number, review, &user)?;
        Ok(GivenForgeReview { is_new, is_comment })
    }

    /// Gives the remarks and then the review itself, so that one that is there is complete.
    fn give_parts(&self, number: u64, review: &ForgeReview, user: &ForgeUser) -> Result<()> {
        if !self.service.takes_remarks_apart() {
            if !review.remarks.is_empty() {
                let given = self.service.review(number, review, &review.body(&[]), true);
                match given {
                    // A remark may be on a line that the pull request does not change.
                    Err(failure) if is_refused(&failure) => {}
                    given => return self.settle(number, user, &review.mark(), given),
                }
            }
            let all: Vec<&ForgeRemark> = review.remarks.iter().collect();
            let given = self.service.review(number, review, &review.body(&all), false);
            return self.settle(number, user, &review.mark(), given);
        }
        let mut on_no_line = Vec::new();
        for remark in &review.remarks {
            let mark = review.mark_of(remark);
            if self.has_said(number, user, &mark)? {
                continue;
            }
            match self.service.remark(number, review, remark) {
                Err(failure) if is_refused(&failure) => on_no_line.push(remark),
                given => self.settle(number, user, &mark, given)?,
            }
        }
        let given = self.service.review(number, review, &review.body(&on_no_line), false);
        self.settle(number, user, &review.mark(), given)
    }

    fn has_said(&self, number: u64, user: &ForgeUser, mark: &str) -> Result<bool> {
        Ok(self.service.said(number)?.iter().any(|said| said.by == user.id && said.text.contains(mark)))
    }

    /// Looks for what may have been given though there is no answer that says so.
    fn settle(&self, number: u64, user: &ForgeUser, mark: &str, given: Result<(), Failure>) -> Result<()> {
        match given {
            Ok(()) => Ok(()),
            Err(failure) if failure.may_be_done() && self.has_said(number, user, mark)? => Ok(()),
            Err(failure) => Err(self.service.error(failure)),
        }
    }
}

const fn is_refused(failure: &Failure) -> bool {
    matches!(failure.status(), Some(400 | 422))
}
