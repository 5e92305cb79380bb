//! `review --pr`: reviews a pull request, also one of a stranger. It is fetched into private refs, its test runs on the merge with its base, and
//! a person or an agent judges it. The verdict is on exactly this base and head, in notes that `sync` carries.
//!
//! | file | contains |
//! |---|---|
//! | `fetched` | fetching it into private refs |
//! | `tested` | running the test, and with what power |
//! | `reviewer` | letting an agent review it |
//! | `post` | giving the verdict on the forge |
//! | `record` | the verdicts, and which of them count |

mod fetched;
mod post;
mod record;
mod reviewer;
mod tested;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::{
    fetched::FetchedPullRequest,
    record::{Judged, Place},
    tested::Power,
};
pub use self::{post::PostedVerdict, record::PullRequestVerdict, tested::PullRequestTest};
use super::{
    diff::{self, ChangedFile},
    pr,
    review::{self, GivenVerdict, by_agent::ByAgentRequest},
};
use crate::{
    Code, Error, Result,
    config::{Config, keys::TEST},
    context::Context,
    forge::{Forge, PullRequest},
    git::Oid,
    model::{SandboxLevel, text, verdict::Verdict},
    store::{
        Listing,
        verdicts::{self, VerdictMatch},
        writer,
    },
    sync::Remote,
    trust::AcceptedRepo,
};

/// How many open pull requests are listed.
const MAX_LISTED: usize = 1000;

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
    /// The verdict to give, if a person gives one.
    pub give: Option<GivenVerdict>,
    /// Whether its code may run outside the strictest sandbox, as the work of agents does.
    pub trust: bool,
    /// Whether the verdict that counts is given on the forge as well.
    pub post: bool,
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

/// A pull request that was fetched and can be judged.
pub struct PullRequestReview<'a> {
    context: &'a Context,
    repo: &'a AcceptedRepo,
    request: &'a Request,
    remote: Remote,
    forge: Forge,
    fetched: FetchedPullRequest,
    power: Power,
    test: Option<String>,
}

/// Lists the open pull requests of a remote.
///
/// # Errors
/// An agent calls; the remote is on no forge that is known, there is no token, or the forge refuses.
pub fn list(context: &Context, repo: &AcceptedRepo, remote: Option<&str>) -> Result<Report> {
    refuse_agents(repo)?;
    let remote = pr::place::remote(repo, remote)?;
    let forge = Forge::of_remote(context, repo, &remote.address)?;
    let open = forge.list(MAX_LISTED)?;
    Ok(Report { open, ..empty(&forge) })
}

/// Fetches a pull request into private refs, and finds out what would run.
///
/// # Errors
/// As [`list`]; there is no such pull request, its commits cannot be used (3), or there is no test for what should be done (2).
pub fn open<'a>(
    context: &'a Context,
    repo: &'a AcceptedRepo,
    request: &'a Request,
    number: u64,
) -> Result<PullRequestReview<'a>> {
    refuse_agents(repo)?;
    let config = Config::of(repo);
    let test = tested::command(&config, request.by.as_ref().and_then(|by| by.test.as_deref()))?;
    if let Some(by) = &request.by {
        if test.is_none() {
            return Err(no_test());
        }
        reviewer::check(repo, by)?;
    }
    let remote = pr::place::remote(repo, request.remote.as_deref())?;
    let forge = Forge::of_remote(context, repo, &remote.address)?;
    let fetched = fetched::fetch(context, repo, &remote, &forge, number)?;
    let trusted = request.trust || is_own_work(repo, &fetched)?;
    let power = Power::of(&config, trusted)?;
    Ok(PullRequestReview { context, repo, request, remote, forge, fetched, power, test })
}

fn no_test() -> Error {
    Error::new(Code::TestMissing, "no test command: an agent can only approve work that passed a test")
        .hint("--test COMMAND")
        .hint(TEST.hint("COMMAND"))
}

fn refuse_agents(repo: &AcceptedRepo) -> Result<()> {
    if !repo.is_called_by_agent() {
        return Ok(());
    }
    Err(Error::new(Code::NotForAgents, "an agent does not review pull requests")
        .hint("git orchestra inbox tell 'what people should look at'"))
}

/// Returns whether a pull request is exactly the work of an agent of this clone.
fn is_own_work(repo: &AcceptedRepo, fetched: &FetchedPullRequest) -> Result<bool> {
    if fetched.pull_request.fork.is_some() {
        return Ok(false);
    }
    let listing = Listing::read(repo)?;
    let own = writer::known_writer(repo);
    let of_branch =
        listing.rows.iter().filter(|row| listing.trailer(row, "Branch") == Some(&fetched.pull_request.head));
    for row in of_branch {
        let agent = listing.agent(repo, row)?;
        if agent.head_commit() == Some(fetched.head) && own.as_ref() == Some(&agent.writer) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn empty(forge: &Forge) -> Report {
    Report {
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
    }
}

impl PullRequestReview<'_> {
    /// Returns what of the pull request will run here, for people, before it does; `None` if nothing will.
    pub fn announcement(&self) -> Option<String> {
        let (command, pull_request) =
            (self.test.as_deref().filter(|_| self.tests())?, &self.fetched.pull_request);
        let of = match &pull_request.fork {
            Some(fork) => format!(" of {}", text::safe(fork)),
            None => String::new(),
        };
        let by = format!(
            "{} {} by {}{of}",
            self.forge.kind.request_word(),
            pull_request.number,
            text::safe(&pull_request.author)
        );
        let how = match self.power {
            Power { trusted: true, .. } => "as your own work, without a sandbox".to_owned(),
            Power { sandbox, .. } => format!("in the sandbox '{sandbox}', without your files and tokens"),
        };
        Some(format!("runs '{}' with the code of {by}, {how}", text::one_line(command, 100)))
    }

    const fn tests(&self) -> bool {
        self.request.by.is_some()
    }

    /// Runs the test, asks the reviewer, and records the verdict, as far as that was requested.
    ///
    /// # Errors
    /// The test cannot run (3), the reviewer fails (5), or the pull request moved meanwhile (4); nothing is recorded then.
    pub fn judge(self) -> Result<Report> {
        let mut report =
            Report { pull_request: Some(self.fetched.pull_request.clone()), ..empty(&self.forge) };
        report.work = Some(self.work()?);
        if let Some(command) = self.test.as_deref().filter(|_| self.tests()) {
            let recheck = self.request.by.as_ref().is_some_and(|by| by.recheck);
            report.test =
                Some(tested::run(self.context, self.repo, &self.fetched, command, recheck, self.power)?);
        }
        if let (Some(by), Some(test)) = (&self.request.by, &report.test) {
            let (reviewer, give) =
                reviewer::ask(self.context, self.repo, &self.fetched, by, test, self.power)?;
            let who = format!("agent {}", text::one_line(&by.profile, 60));
            let check = text::one_line(&format!("{}: {}", test.command, test.result), 200);
            self.record(&give, who, Some(reviewer.to_string()), Some(check))?;
            report.given = Some(give.verdict);
        } else if let Some(give) = &self.request.give {
            let identity = self.repo.identity()?;
            let who = text::one_line(&format!("{} <{}>", identity.name, identity.email), 120);
            self.record(give, who, None, None)?;
            report.given = Some(give.verdict);
        }
        report.verdicts = record::all(self.repo, self.place(), &self.judged()?)?;
        let standing = record::standing(&report.verdicts);
        report.standing = standing.map(|one| one.verdict);
        if self.request.post {
            report.posted = Some(post::post(self.repo, &self.forge, &self.fetched, standing)?);
        }
        Ok(report)
    }

    fn work(&self) -> Result<PullRequestWork> {
        let FetchedPullRequest { base, head, .. } = self.fetched;
        let commits = self.repo.commits_since(base, head, usize::MAX)?.len();
        Ok(PullRequestWork {
            base,
            head,
            commits: u64::try_from(commits).unwrap_or(u64::MAX),
            files: diff::between(self.repo, base, head)?,
            trusted: self.power.trusted,
            sandbox: self.power.sandbox,
        })
    }

    fn place(&self) -> Place<'_> {
        Place {
            remote: &self.remote.name,
            host: &self.forge.repo.host,
            repo: &self.forge.repo.path,
            number: self.fetched.pull_request.number,
        }
    }

    fn judged(&self) -> Result<Judged> {
        let FetchedPullRequest { base, head, .. } = self.fetched;
        Ok(Judged { base, head, patch: verdicts::patch_id(self.repo, base, head)? })
    }

    /// Records a verdict on what was fetched.
    fn record(
        &self,
        give: &GivenVerdict,
        by: String,
        reviewer: Option<String>,
        check: Option<String>,
    ) -> Result<()> {
        let Judged { base, head, patch } = self.judged()?;
        let is_other =
            |looked: &Option<String>, now: Oid| looked.as_ref().is_some_and(|at| *at != now.to_string());
        if is_other(&give.base, base) || is_other(&give.head, head) {
            let word = self.forge.kind.request_word();
            let number = self.fetched.pull_request.number;
            return Err(Error::new(
                Code::WorkChanged,
                format!("{word} {number} has changed since you looked at it"),
            )
            .hint(format!("git orchestra review --pr {number}")));
        }
        review::check_texts(self.repo, give, head)?;
        let given = PullRequestVerdict {
            verdict: give.verdict,
            base: base.to_string(),
            head: head.to_string(),
            patch,
            by,
            reviewer,
            check,
            text: give.text.clone(),
            comments: give.comments.clone(),
            at: self.repo.now(),
            writer: writer::writer(self.repo)?.to_string(),
            counts: true,
            holds: VerdictMatch::Current,
        };
        record::add(self.repo, self.place(), head, &given)
    }
}
