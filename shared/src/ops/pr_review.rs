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
//! | `fix`, `fix_task`, `fixed` | having an agent make the changes that were asked for |
//! | `head_branch` | the branch of a pull request, to which they are pushed |
//! | `quoting` | how the texts of others are put into tasks. Pure |
//! | `report` | what is asked for, and what is reported |
//! | `of_run` | the pull requests of a run |
//! | `merge_rule` | whether it may be merged. Pure |
//! | `merge`, `merge_outcome` | merging it on the forge, and what became of that |

mod fetched;
mod fix;
mod fix_task;
mod fixed;
mod head_branch;
mod merge;
mod merge_outcome;
mod merge_rule;
mod of_run;
mod post;
mod quoting;
mod record;
mod report;
mod reviewer;
mod tested;

use self::{
    fetched::FetchedPullRequest,
    record::{Judged, Place},
    tested::Power,
};
pub use self::{
    fixed::FixedPullRequest,
    merge_outcome::{MergedPullRequest, NotMerged},
    post::PostedVerdict,
    record::PullRequestVerdict,
    report::{PullRequestWork, Report, Request, RunReport, RunReview},
    tested::PullRequestTest,
};
use super::{
    diff, forge_remote,
    review::{self, GivenVerdict},
};
use crate::{
    Code, Error, Result, agents,
    config::{
        Config,
        keys::{AGENT, TEST},
    },
    context::Context,
    forge::{Forge, PullRequestState},
    git::Oid,
    model::text,
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

/// The pull requests of the forge of a remote.
pub struct PullRequests<'a> {
    context: &'a Context,
    repo: &'a AcceptedRepo,
    remote: Remote,
    forge: Forge,
}

/// A pull request that was fetched and can be judged.
pub struct PullRequestReview<'a> {
    place: &'a PullRequests<'a>,
    request: &'a Request,
    fetched: FetchedPullRequest,
    power: Power,
    test: Option<String>,
    /// The profile of the agent that makes the changes.
    fixer: Option<String>,
}

impl<'a> PullRequests<'a> {
    /// Finds the forge of a remote: the named one, or that of the branch, or `origin`.
    ///
    /// # Errors
    /// An agent calls; the remote is on no forge that is known, there is no token, or the forge refuses.
    pub fn of_remote(context: &'a Context, repo: &'a AcceptedRepo, remote: Option<&str>) -> Result<Self> {
        refuse_agents(repo)?;
        let command = "git orchestra review --pr NUMBER";
        let remote = forge_remote::choose(repo, remote, "whose forge has pull requests", Some(command))?;
        let forge = Forge::of_remote(context, repo, &remote.address)?;
        Ok(Self { context, repo, remote, forge })
    }

    /// Lists the open ones.
    ///
    /// # Errors
    /// The forge refuses.
    pub fn list(&self) -> Result<Report> {
        Ok(Report { open: self.forge.list(MAX_LISTED)?, ..Report::of(&self.forge) })
    }

    /// Returns the report on one that is merged already: its branch may be gone, and there is nothing to judge.
    ///
    /// # Errors
    /// The forge refuses, or there is no such pull request.
    pub fn merged_already(&self, number: u64) -> Result<Option<Report>> {
        let seen = self.forge.get(number)?;
        if seen.state != PullRequestState::Merged {
            return Ok(None);
        }
        let merged = Some(MergedPullRequest::of(&seen, false));
        Ok(Some(Report { merged, pull_request: Some(seen), ..Report::of(&self.forge) }))
    }

    /// Fetches one into private refs, and finds out what would run.
    ///
    /// # Errors
    /// There is no such pull request, its commits cannot be used (3), or there is no test for what should be done (2).
    pub fn open(&'a self, request: &'a Request, number: u64) -> Result<PullRequestReview<'a>> {
        let config = Config::of(self.repo);
        let typed = request.by.as_ref().and_then(|by| by.test.as_deref()).or(request.test.as_deref());
        let test = tested::command(&config, typed)?;
        if test.is_none() && request.runs_test() {
            return Err(no_test(request));
        }
        if let Some(by) = &request.by {
            reviewer::check(self.repo, by)?;
        }
        let fetched = fetched::fetch(self.context, self.repo, &self.remote, &self.forge, number)?;
        let trusted = request.trust || is_own_work(self.repo, &fetched)?;
        let power = Power::of(&config, trusted)?;
        let fixer = if request.fix { Some(fixing_profile(&config, request)?) } else { None };
        Ok(PullRequestReview { place: self, request, fetched, power, test, fixer })
    }

    /// Returns what the forge calls a pull request, with its number.
    fn name_of(&self, number: u64) -> String {
        format!("{} {number}", self.forge.kind.request_word())
    }
}

/// Returns the profile of the agent that makes the changes which a verdict asks for.
fn fixing_profile(config: &Config<'_>, request: &Request) -> Result<String> {
    let profile = match &request.fixer {
        Some(profile) => profile.clone(),
        None => config.get(&AGENT)?,
    };
    agents::check_prose(&profile, config, "what a review asks for")?;
    Ok(profile)
}

fn no_test(request: &Request) -> Error {
    let why = match &request.by {
        Some(_) => "an agent can only approve work that passed a test",
        None if request.fix => "only what passed a test is pushed",
        None => "only what passed a test is merged",
    };
    Error::new(Code::TestMissing, format!("no test command: {why}"))
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

impl PullRequestReview<'_> {
    /// Returns what of the pull request will run here, for people, before it does; `None` if nothing will.
    pub fn announcement(&self) -> Option<String> {
        let (command, pull_request) =
            (self.test.as_deref().filter(|_| self.request.runs_test())?, &self.fetched.pull_request);
        let of = match &pull_request.fork {
            Some(fork) => format!(" of {}", text::safe(fork)),
            None => String::new(),
        };
        let by = format!(
            "{} by {}{of}",
            self.place.name_of(pull_request.number),
            text::safe(&pull_request.author)
        );
        let how = match self.power {
            Power { trusted: true, .. } => "as your own work, without a sandbox".to_owned(),
            Power { sandbox, .. } => format!("in the sandbox '{sandbox}', without your files and tokens"),
        };
        let agent =
            self.fixer.as_ref().map(|profile| format!("agent '{}' and ", text::one_line(profile, 60)));
        let command = text::one_line(command, 100);
        Some(format!("runs {}'{command}' with the code of {by}, {how}", agent.unwrap_or_default()))
    }

    /// Runs the test, asks the reviewer, and records the verdict, as far as that was requested.
    ///
    /// # Errors
    /// The test cannot run (3), the reviewer fails (5), or the pull request moved meanwhile (4); nothing is recorded then.
    pub fn judge(&self) -> Result<Report> {
        let PullRequests { context, repo, forge, .. } = self.place;
        let mut report =
            Report { pull_request: Some(self.fetched.pull_request.clone()), ..Report::of(forge) };
        report.work = Some(self.work()?);
        if let Some(by) = &self.request.by {
            let test = self.run_test()?;
            let (reviewer, give) = reviewer::ask(context, repo, &self.fetched, by, &test, self.power)?;
            let who = format!("agent {}", text::one_line(&by.profile, 60));
            let check = text::one_line(&format!("{}: {}", test.command, test.result), 200);
            self.record(&give, who, Some(reviewer.to_string()), Some(check))?;
            (report.test, report.given) = (Some(test), Some(give.verdict));
        } else if let Some(give) = &self.request.give {
            let identity = repo.identity()?;
            let who = text::one_line(&format!("{} <{}>", identity.name, identity.email), 120);
            self.record(give, who, None, None)?;
            report.given = Some(give.verdict);
        }
        report.verdicts = record::all(repo, self.place_of_verdicts(), &self.judged()?)?;
        let standing = record::standing(&report.verdicts);
        report.standing = standing.map(|one| one.verdict);
        if self.request.post {
            report.posted = Some(post::post(repo, forge, &self.fetched, standing)?);
        }
        Ok(report)
    }

    fn run_test(&self) -> Result<PullRequestTest> {
        let PullRequests { context, repo, .. } = self.place;
        let command = self.test.as_deref().ok_or_else(|| no_test(self.request))?;
        let recheck = self.request.by.as_ref().is_some_and(|by| by.recheck);
        tested::run(context, repo, &self.fetched, command, recheck, self.power)
    }

    fn work(&self) -> Result<PullRequestWork> {
        let FetchedPullRequest { base, head, .. } = self.fetched;
        let commits = self.place.repo.commits_since(base, head, usize::MAX)?.len();
        Ok(PullRequestWork {
            base,
            head,
            commits: u64::try_from(commits).unwrap_or(u64::MAX),
            files: diff::between(self.place.repo, base, head)?,
            trusted: self.power.trusted,
            sandbox: self.power.sandbox,
        })
    }

    fn place_of_verdicts(&self) -> Place<'_> {
        let PullRequests { remote, forge, .. } = self.place;
        Place {
            remote: &remote.name,
            host: &forge.repo.host,
            repo: &forge.repo.path,
            number: self.fetched.pull_request.number,
        }
    }

    fn judged(&self) -> Result<Judged> {
        let FetchedPullRequest { base, head, .. } = self.fetched;
        Ok(Judged { base, head, patch: verdicts::patch_id(self.place.repo, base, head)? })
    }

    /// Records a verdict on what was fetched.
    fn record(
        &self,
        give: &GivenVerdict,
        by: String,
        reviewer: Option<String>,
        check: Option<String>,
    ) -> Result<()> {
        let repo = self.place.repo;
        let Judged { base, head, patch } = self.judged()?;
        let is_other =
            |looked: &Option<String>, now: Oid| looked.as_ref().is_some_and(|at| *at != now.to_string());
        if is_other(&give.base, base) || is_other(&give.head, head) {
            let number = self.fetched.pull_request.number;
            return Err(Error::new(
                Code::WorkChanged,
                format!("{} has changed since you looked at it", self.place.name_of(number)),
            )
            .hint(format!("git orchestra review --pr {number}")));
        }
        review::check_texts(repo, give, head)?;
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
            at: repo.now(),
            writer: writer::writer(repo)?.to_string(),
            counts: true,
            holds: VerdictMatch::Current,
        };
        record::add(repo, self.place_of_verdicts(), head, &given)
    }
}
