//! Pull requests on the forges: GitHub, GitLab (whose merge requests they are), Gitea and Forgejo, and Bitbucket Cloud.
//!
//! The key of a pull request is its branch, whose name holds the id of the agent: before one is opened, that of the branch is looked for,
//! and after a failure again, so that there is never a second one.
//!
//! | module | knows |
//! |---|---|
//! | `address` | where a repository is, from the URL of a remote. Pure |
//! | `kind` | which forge a host runs. Pure |
//! | `token` | where the user's token for a host is |
//! | `http`, `kept_answers`, `failure` | requests, what need not be sent twice, and what follows from a refusal |
//! | `lookup` | the addresses of hosts, for the library that sends the requests |
//! | `service` | the requests of which everything else is made; `github`, `gitlab`, `gitea`, `bitbucket` speak it |
//! | `github_like` | what the interfaces of GitHub and Gitea have in common |
//! | `access`, `reading_access`, `known` | what the token may do, and what is known without a question to any host |
//! | `fork_edits`, `reading_fork_edits` | who may push to the branches of forks |
//! | `issue`, `issues`, `labels` | issues; the labels and reviewers of pull requests |
//! | `review` | a review as it is given on a forge. Pure |
//! | `reviewing`, `give_review` | how each forge takes reviews, and giving one once |
//! | `feedback`, `reading_feedback`, `hear_feedback` | checks by name, comments and reviews, and whose are trusted |
//! | `by_push` | opening a pull request by a push alone: its options, and what the forge prints. Pure |
//! | `pull_request`, `body` | what is known of a pull request; our part of its text. Pure |

mod access;
mod address;
mod bitbucket;
mod body;
mod by_push;
mod connect;
mod failure;
mod feedback;
mod fields;
mod fork_edits;
mod gitea;
mod github;
mod github_like;
mod gitlab;
mod give_review;
mod hear_feedback;
mod http;
mod issue;
mod issues;
mod kept_answers;
mod kind;
mod known;
mod labels;
mod lookup;
mod pull_request;
mod reading_access;
mod reading_feedback;
mod reading_fork_edits;
mod review;
mod reviewing;
mod service;
mod token;

use serde_json::{Map, Value};

use self::service::Service;
pub use self::{
    access::ForgeAccess,
    address::ForgeRepo,
    body::{has_our_part, with_our_part},
    by_push::PushedRequest,
    connect::ReachedForge,
    feedback::{ForgeCheck, ForgeSaid},
    fork_edits::ForkEdits,
    http::MAX_AT_ONCE,
    issue::Issue,
    kind::ForgeKind,
    known::KnownForge,
    pull_request::{MergeMethod, NewPullRequest, PullRequest, PullRequestChange},
    review::{ForgeRemark, ForgeReview, ForgeVerdict, GivenForgeReview},
    token::TokenSource,
};
pub use crate::model::published::{ForgeChecks, ForgeReviews, PullRequestState};
use crate::{Code, Error, Result, git::Oid};

/// A repository on a forge, with the user's token for it.
pub struct Forge {
    service: Box<dyn Service>,
    /// Where it is.
    pub repo: ForgeRepo,
    /// Which forge it is.
    pub kind: ForgeKind,
    /// Where the token comes from.
    pub token: TokenSource,
}

/// A pull request, and whether it was opened now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OpenedPullRequest {
    /// The pull request.
    pub pull_request: PullRequest,
    /// Whether it was opened now; otherwise it was there.
    pub is_new: bool,
}

impl Forge {
    /// Finds the open pull request of a branch, else its newest one.
    ///
    /// # Errors
    /// The forge cannot be reached, or refuses.
    pub fn find(&self, branch: &str) -> Result<Option<PullRequest>> {
        self.service.find(branch)
    }

    /// Reads a pull request.
    ///
    /// # Errors
    /// As [`Forge::find`], or there is no such pull request.
    pub fn get(&self, number: u64) -> Result<PullRequest> {
        let absent = || {
            Error::new(
                Code::ForgeRefused,
                format!("{} has no {} {number}", self.repo, self.kind.request_word()),
            )
        };
        self.service.get(number)?.ok_or_else(absent)
    }

    /// Lists the open pull requests, newest first.
    ///
    /// # Errors
    /// As [`Forge::find`].
    pub fn list(&self, most: usize) -> Result<Vec<PullRequest>> {
        self.service.list(most)
    }

    /// Opens a pull request, unless the branch has an open one. If the answer is lost, it is looked for, so that there is one, not two.
    ///
    /// # Errors
    /// As [`Forge::find`].
    pub fn open(&self, new: &NewPullRequest) -> Result<OpenedPullRequest> {
        if let Some(pull_request) = self.open_one(&new.head)? {
            return Ok(OpenedPullRequest { pull_request, is_new: false });
        }
        let failure = match self.service.open(new) {
            Ok(pull_request) => return Ok(OpenedPullRequest { pull_request, is_new: true }),
            Err(failure) => failure,
        };
        if (failure.may_be_done() || failure.says_it_exists())
            && let Some(pull_request) = self.open_one(&new.head)?
        {
            return Ok(OpenedPullRequest { pull_request, is_new: failure.may_be_done() });
        }
        Err(self.service.error(failure))
    }

    fn open_one(&self, branch: &str) -> Result<Option<PullRequest>> {
        Ok(self.service.find(branch)?.filter(|found| found.state == PullRequestState::Open))
    }

    /// Changes the title, the text or the base of a pull request.
    ///
    /// # Errors
    /// As [`Forge::find`].
    pub fn change(&self, number: u64, change: &PullRequestChange) -> Result<PullRequest> {
        self.service.change(number, change)
    }

    /// Closes a pull request without merging it.
    ///
    /// # Errors
    /// As [`Forge::find`].
    pub fn close(&self, number: u64) -> Result<()> {
        self.service.close(number)
    }

    /// Merges a pull request whose head is `head`, and returns it as it is then. If the answer is lost, it is read again.
    ///
    /// # Errors
    /// As [`Forge::find`]; its head is another one (4).
    pub fn merge(&self, number: u64, method: MergeMethod, head: Oid) -> Result<PullRequest> {
        if !self.service.guards_head() {
            self.check_head(number, head)?;
        }
        match self.service.merge(number, method, head) {
            Ok(()) => {}
            Err(failure) if failure.may_be_done() => {
                let now = self.get(number)?;
                if now.state == PullRequestState::Merged {
                    return Ok(now);
                }
                return Err(self.service.error(failure));
            }
            Err(failure) => {
                // The forge says the same of a head that moved and of other obstacles.
                let is_conflict = matches!(failure.status(), Some(405 | 406 | 409 | 422));
                if is_conflict && self.get(number)?.state == PullRequestState::Open {
                    self.check_head(number, head)?;
                }
                return Err(self.service.error(failure));
            }
        }
        self.get(number)
    }

    /// Fails if the head of a pull request is not `head`.
    fn check_head(&self, number: u64, head: Oid) -> Result<()> {
        let now = self.get(number)?;
        if now.is_at(head) {
            return Ok(());
        }
        let word = self.kind.request_word();
        Err(Error::new(
            Code::ForgeChanged,
            format!("the head of {word} {number} is {}, not {}", now.commit, head),
        )
        .hint("somebody pushed to its branch: review what came, then merge it"))
    }

    /// Returns what the token may do.
    ///
    /// # Errors
    /// As [`Forge::find`].
    pub fn access(&self) -> Result<ForgeAccess> {
        self.service.access()
    }

    /// Reads an issue.
    ///
    /// # Errors
    /// As [`Forge::find`], or there is no such issue.
    pub fn issue(&self, number: u64) -> Result<Issue> {
        let absent = || Error::new(Code::ForgeRefused, format!("{} has no issue {number}", self.repo));
        self.service.issue(number)?.ok_or_else(absent)
    }

    /// Lists the open issues with a label.
    ///
    /// # Errors
    /// As [`Forge::find`], or issues have no labels there.
    pub fn issues(&self, label: &str, most: usize) -> Result<Vec<Issue>> {
        self.service.issues(label, most)
    }

    /// Adds labels to a pull request; those that it has stay.
    ///
    /// # Errors
    /// As [`Forge::find`], or it cannot have such a label.
    pub fn add_labels(&self, number: u64, labels: &[String]) -> Result<()> {
        if labels.is_empty() { Ok(()) } else { self.service.add_labels(number, labels) }
    }

    /// Asks people to review a pull request; those who were asked before stay.
    ///
    /// # Errors
    /// As [`Forge::find`], or there is nobody of such a name.
    pub fn ask_reviewers(&self, number: u64, names: &[String]) -> Result<()> {
        if names.is_empty() { Ok(()) } else { self.service.ask_reviewers(number, names) }
    }

    /// Returns whether pull requests can have labels.
    pub fn has_labels(&self) -> bool {
        self.service.has_labels()
    }

    /// Returns what the forge's checks say of a commit.
    ///
    /// # Errors
    /// As [`Forge::find`].
    pub fn checks(&self, commit: Oid) -> Result<ForgeChecks> {
        self.service.checks(&commit.to_string())
    }
}

/// Chooses the pull request of a branch of the repository itself: the open one, else the newest.
fn choose(all: Vec<PullRequest>, head: &str) -> Option<PullRequest> {
    let mut own: Vec<PullRequest> =
        all.into_iter().filter(|one| one.fork.is_none() && one.head == head).collect();
    own.sort_by_key(|one| (one.state != PullRequestState::Open, std::cmp::Reverse(one.number)));
    own.into_iter().next()
}

/// Makes an object of the fields that are set.
fn set_fields(fields: &[(&str, Option<&str>)]) -> Value {
    let set =
        fields.iter().filter_map(|(name, value)| Some(((*name).to_owned(), Value::from(*value.as_ref()?))));
    Value::Object(set.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pull_request(number: u64, head: &str, state: PullRequestState, fork: Option<&str>) -> PullRequest {
        PullRequest {
            number,
            url: String::new(),
            title: String::new(),
            head: head.to_owned(),
            fork: fork.map(str::to_owned),
            commit: "0123456789ab".to_owned(),
            base: "main".to_owned(),
            state,
            draft: false,
            author: String::new(),
            body: String::new(),
        }
    }

    #[test]
    fn the_open_one_of_the_branch_counts_and_never_that_of_a_fork() {
        use PullRequestState::{Closed, Merged, Open};
        let all = vec![
            pull_request(9, "a", Open, Some("somebody/app")),
            pull_request(8, "a", Closed, None),
            pull_request(7, "a", Open, None),
            pull_request(6, "a", Merged, None),
            pull_request(5, "b", Merged, None),
            pull_request(4, "b", Closed, None),
        ];
        let chosen = |head: &str| choose(all.clone(), head).map(|one| one.number);
        assert_eq!((chosen("a"), chosen("b"), chosen("c")), (Some(7), Some(5), None));
    }

    #[test]
    fn a_head_is_known_by_twelve_digits_at_least() {
        let commit = Oid::from_bytes([
            0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ]);
        let at = |digits: &str| {
            let one = pull_request(1, "a", PullRequestState::Open, None);
            PullRequest { commit: digits.to_owned(), ..one }.is_at(commit)
        };
        assert!(at("0123456789ab") && at(&commit.to_string()));
        assert!(!at("0123456789ac") && !at("0123456789a") && !at(""));
    }
}
