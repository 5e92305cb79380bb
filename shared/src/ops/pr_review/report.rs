//! What is asked of a review of pull requests, and what is reported.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    fixed::FixedPullRequest,
    merge_outcome::{MergedPullRequest, NotMerged},
    post::PostedVerdict,
    record::PullRequestVerdict,
    tested::PullRequestTest,
};
use crate::{
    forge::{Forge, MergeMethod, PullRequest, PullRequestState},
    git::Oid,
    model::{AgentId, SandboxLevel, verdict::Verdict},
    ops::{
        diff::ChangedFile,
        review::{GivenVerdict, by_agent::ByAgentRequest},
    },
};

/// Which pull request to review, and how.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "PrReviewRequest")]
pub struct Request {
    /// Its number; without one, the open ones are listed.
    pub pull_request: Option<u64>,
    /// The remote whose forge has it; by default the one of the branch, or `origin`.
    pub remote: Option<String>,
    /// The agent that reviews it, if one does.
    pub by: Option<ByAgentRequest>,
    /// The test command, if no agent reviews it; by default `orchestra.review.test`, otherwise `orchestra.test`.
    pub test: Option<String>,
    /// The verdict to give, if a person gives one.
    pub give: Option<GivenVerdict>,
    /// Whether its code may run outside the strictest sandbox, as the work of agents does.
    pub trust: bool,
    /// Whether the verdict that counts is given on the forge as well.
    pub post: bool,
    /// Whether it is merged on the forge, if it is approved and passes the test.
    pub automerge: bool,
    /// How it is merged; by default as configured.
    pub method: Option<MergeMethod>,
    /// Whether an agent makes the changes that the verdict asks for, and its work is pushed to the pull request.
    pub fix: bool,
    /// The kind of that agent; by default the configured one.
    pub fixer: Option<String>,
}

/// A pull request, and what was done with it.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "PrReviewReport")]
pub struct Report {
    /// Which forge it is: `github`, `gitlab`, `gitea`, or `bitbucket`.
    pub forge: String,
    /// The host of the forge.
    pub host: String,
    /// The repository on it.
    pub repo: String,
    /// The open pull requests, newest first; empty if one is named.
    pub open: Vec<PullRequest>,
    /// The pull request that was looked at.
    pub pull_request: Option<PullRequest>,
    /// What it changes.
    pub work: Option<PullRequestWork>,
    /// The test that ran.
    pub test: Option<PullRequestTest>,
    /// The verdicts on it that are known, oldest first.
    pub verdicts: Vec<PullRequestVerdict>,
    /// The verdict that counts for what it is now.
    pub standing: Option<Verdict>,
    /// The verdict that was given.
    pub given: Option<Verdict>,
    /// The verdict that is on the forge, if it was to be given there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub posted: Option<PostedVerdict>,
    /// The changes that an agent made for the review, if it was to make them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<FixedPullRequest>,
    /// How it was merged, if it was to be merged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<MergedPullRequest>,
    /// Why it was not merged, if it was to be merged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_merged: Option<NotMerged>,
}

/// What a pull request changes.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct PullRequestWork {
    /// Where it branches off.
    pub base: Oid,
    /// Its newest commit.
    pub head: Oid,
    /// The number of its commits.
    pub commits: u64,
    /// The files that it changes.
    pub files: Vec<ChangedFile>,
    /// Whether its code runs as the work of agents does: an agent of this clone made it, or the user trusts it.
    pub trusted: bool,
    /// The sandbox in which its code runs.
    pub sandbox: SandboxLevel,
}

/// The reviews of the pull requests of a run.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "PrRunReviewReport")]
pub struct RunReport {
    /// The run.
    pub run: String,
    /// The pull requests, in the order of the tasks.
    pub reviews: Vec<RunReview>,
}

/// The review of one pull request of a run.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "PrRunReview")]
pub struct RunReview {
    /// The number of the pull request.
    pub number: u64,
    /// The agent whose work it is.
    pub agent: AgentId,
    /// Its state on the forge when its turn came; only an open one is reviewed.
    pub state: Option<PullRequestState>,
    /// What was done with it.
    pub report: Option<Report>,
    /// Why its review failed, if it did.
    pub error: Option<String>,
}

impl Request {
    /// Returns whether the test runs.
    pub(super) const fn runs_test(&self) -> bool {
        self.by.is_some() || self.automerge || self.fix
    }
}

impl Report {
    /// Returns a report about a forge, in which nothing was done.
    pub(super) fn of(forge: &Forge) -> Self {
        Self {
            forge: forge.kind.as_str().to_owned(),
            host: forge.repo.host.clone(),
            repo: forge.repo.path.clone(),
            open: Vec::new(),
            pull_request: None,
            work: None,
            test: None,
            verdicts: Vec::new(),
            standing: None,
            given: None,
            posted: None,
            fixed: None,
            merged: None,
            not_merged: None,
        }
    }
}
