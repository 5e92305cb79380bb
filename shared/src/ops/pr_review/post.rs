//! Gives the verdict that counts as a review on the forge: once for each head and verdict. Words that look like secrets are taken out, and
//! what an agent wrote is quoted: it may repeat what a stranger wrote.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{fetched::FetchedPullRequest, record::PullRequestVerdict};
use crate::{
    Code, Error, Result,
    forge::{Forge, ForgeRemark, ForgeReview, ForgeVerdict, PullRequestState},
    git::Repo,
    model::{
        secret,
        text::{safe, safe_block},
        verdict::Verdict,
    },
    ops::pr::text::{code, quoted, values},
};

/// A verdict that is on the forge.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct PostedVerdict {
    /// The verdict.
    pub verdict: Verdict,
    /// Whether it was given there now; otherwise it was there.
    pub is_new: bool,
    /// Whether it is a comment alone, because the user opened the pull request.
    pub is_comment: bool,
}

/// Gives a verdict on the forge.
///
/// # Errors
/// There is no verdict that counts (3), the pull request is not open (3), its head moved (4), or the forge refuses.
pub(super) fn post(
    repo: &Repo,
    forge: &Forge,
    fetched: &FetchedPullRequest,
    standing: Option<&PullRequestVerdict>,
) -> Result<PostedVerdict> {
    let (seen, word) = (&fetched.pull_request, forge.kind.request_word());
    let number = seen.number;
    let Some(standing) = standing else {
        return Err(Error::new(
            Code::NotReviewed,
            format!("there is no verdict on {word} {number} as it is now"),
        )
        .hint(format!("git orchestra review --pr {number} --approve --post")));
    };
    if seen.state != PullRequestState::Open {
        return Err(Error::new(Code::ForgeRefused, format!("{word} {number} is {}", seen.state))
            .hint(safe(&seen.url)));
    }
    let hidden = values(repo);
    let shown = |said: &str| {
        let said = secret::redact_words(&safe_block(said), &hidden);
        if standing.reviewer.is_some() { quoted(&said) } else { said }
    };
    let remark = |one: &crate::model::verdict::Comment| ForgeRemark {
        file: one.file.clone(),
        line: one.line,
        text: shown(&one.text),
    };
    let review = ForgeReview {
        verdict: match standing.verdict {
            Verdict::Approve => ForgeVerdict::Approve,
            Verdict::Changes | Verdict::Reject => ForgeVerdict::RequestChanges,
        },
        text: written(standing, &hidden, shown),
        remarks: standing.comments.iter().map(remark).collect(),
        base: fetched.base,
        head: fetched.head,
    };
    let given = forge.give_review(seen, &review)?;
    Ok(PostedVerdict { verdict: standing.verdict, is_new: given.is_new, is_comment: given.is_comment })
}

/// Returns the text of the review. A person is not named: the forge names them, and their address is not for everyone.
fn written(standing: &PullRequestVerdict, hidden: &[String], shown: impl Fn(&str) -> String) -> String {
    let mut parts = vec![format!("Review: {}.", standing.verdict.label())];
    parts.extend(standing.text.as_deref().filter(|said| !said.trim().is_empty()).map(shown));
    let mut facts = Vec::new();
    if standing.reviewer.is_some() {
        facts.push(format!("- reviewed by {}", code(&standing.by)));
    }
    facts.extend(
        standing
            .check
            .as_deref()
            .map(|check| format!("- test {}", code(&secret::redact_words(check, hidden)))),
    );
    if !facts.is_empty() {
        parts.push(facts.join("\n"));
    }
    parts.join("\n\n")
}
