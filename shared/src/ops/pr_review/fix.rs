//! Lets an agent make the changes that a review of a pull request asks for, tests its work, and pushes it to the branch of the pull request.
//!
//! The agent works at the head, in its own worktree, and with the power that the code of the pull request has. It pushes nothing. Typed again,
//! the agent that was started for the same words at the same head is found by its tag, and what is pushed by the head of the pull request.

use super::{
    PullRequestReview, PullRequests, Report,
    fetched::FetchedPullRequest,
    fix_task,
    fixed::FixedPullRequest,
    head_branch::HeadBranch,
    record::{self, PullRequestVerdict},
    tested,
};
use crate::{
    Code, Error, Result,
    context::interrupted,
    git::Oid,
    model::{Agent, AgentId, IdOrText, Tag, text, verdict::Verdict},
    ops::{
        settings::Settings,
        spawn,
        waiting::{self, WaitOutcome},
    },
    store::{self, Listing, layout, writer},
};

impl PullRequestReview<'_> {
    /// Has the changes made that the verdict asks for, and pushes them, unless that was done.
    ///
    /// # Errors
    /// Nothing asks for changes, the branch cannot be pushed to, or the test fails (3); the agent fails (5); or somebody pushed to the pull
    /// request meanwhile (4). Nothing is pushed then.
    pub fn fix(&self, report: &mut Report) -> Result<()> {
        let PullRequests { context, repo, remote, forge } = self.place;
        if report.standing != Some(Verdict::Changes) {
            report.fixed = self.pushed_before()?;
            return if report.fixed.is_some() { Ok(()) } else { Err(self.nothing_asked(report.standing)) };
        }
        let target = HeadBranch::of(repo, remote, forge, &self.fetched)?;
        let command = self.test.as_deref().unwrap_or_default();
        let asked = record::asked_changes(&report.verdicts);
        let id = self.fixing_agent(&asked, command)?;
        self.wait_for_fixer(&id)?;
        // The agent ran and may have changed the configuration, which is used from here on.
        repo.confirm()?;
        let work = self.work_of_fixer(&id)?;
        let with_work = FetchedPullRequest { head: work, ..self.fetched.clone() };
        let test = tested::run(context, repo, &with_work, command, false, self.power)?;
        repo.confirm()?;
        let failure = (!test.passed).then(|| test.result.clone());
        report.test = Some(test);
        if let Some(failure) = failure {
            let what = format!(
                "the test does not pass with the work of '{id}': {}; nothing was pushed",
                text::safe(&failure)
            );
            return Err(Error::refused(what)
                .hint(format!("git orchestra resume {id} -m 'what to change', and then this command")));
        }
        target.push((context, repo, remote), &self.fetched, work)?;
        report.fixed = Some(FixedPullRequest { agent: id, head: work, is_new: true });
        Ok(())
    }

    /// Returns the work of an agent that is the present head, if this command pushed it.
    fn pushed_before(&self) -> Result<Option<FixedPullRequest>> {
        let head = self.fetched.head;
        let is_it = |agent: &Agent| agent.head_commit() == Some(head);
        Ok(self.find_fixer(is_it)?.map(|agent| FixedPullRequest { agent, head, is_new: false }))
    }

    fn nothing_asked(&self, standing: Option<Verdict>) -> Error {
        let number = self.fetched.pull_request.number;
        let which = self.place.name_of(number);
        let what = match standing {
            Some(verdict) => {
                format!("the verdict on {which} is '{}': no changes are asked for", verdict.label())
            }
            None => format!("there is no verdict on {which} as it is now: no changes are asked for"),
        };
        Error::new(Code::NotReviewed, what)
            .hint(format!("git orchestra review --pr {number} --changes -m 'what to change' --fix"))
    }

    /// Finds an agent of this clone that was started to make changes to this pull request.
    fn find_fixer(&self, is_it: impl Fn(&Agent) -> bool) -> Result<Option<AgentId>> {
        let repo = self.place.repo;
        let (listing, own) = (Listing::read(repo)?, writer::known_writer(repo));
        let reviews = self.mark();
        for row in listing.rows.iter().filter(|row| listing.trailer(row, "Reviews") == Some(&reviews)) {
            let agent = listing.agent(repo, row)?;
            let is_fixer = agent.tags.iter().any(|tag| tag.as_str().starts_with("fix-pr/"));
            let is_own = own.as_ref() == Some(&agent.writer);
            let is_marked = agent.reviews == Some(IdOrText::Text(reviews.clone()));
            if is_fixer && is_own && is_marked && is_it(&agent) {
                return Ok(Some(row.id.clone()));
            }
        }
        Ok(None)
    }

    /// Returns what the agents of this pull request have in their state: their work does not land here.
    fn mark(&self) -> String {
        format!("pull request {}", self.fetched.pull_request.number)
    }

    /// Returns the agent that makes these changes, or starts one.
    fn fixing_agent(&self, asked: &[&PullRequestVerdict], test: &str) -> Result<AgentId> {
        let PullRequests { context, repo, .. } = self.place;
        let tag: Tag =
            fix_task::tag(&self.fetched, asked).ok_or_else(|| Error::internal("no tag of a task"))?;
        let head = self.fetched.head;
        let is_it = |agent: &Agent| agent.tags.contains(&tag) && agent.base.commit() == Some(head);
        if let Some(there) = self.find_fixer(is_it)? {
            return Ok(there);
        }
        let request = spawn::Request {
            tasks: vec![fix_task::task(&self.fetched, asked, test)],
            agents: self.fixer.iter().cloned().collect(),
            base: Some(head.to_string()),
            name: Some(format!("fix-{}", self.fetched.pull_request.number)),
            tags: vec![tag],
            of_pull_request: Some(self.mark()),
            settings: Settings {
                sandbox: Some(self.power.sandbox),
                foreign_files: !self.power.trusted,
                ..Settings::default()
            },
            ..spawn::Request::default()
        };
        let planned = spawn::run(context, repo, &request)?.agents.into_iter().next();
        planned.map(|planned| planned.id).ok_or_else(|| Error::internal("no agent was started"))
    }

    fn wait_for_fixer(&self, id: &AgentId) -> Result<()> {
        let PullRequests { context, repo, .. } = self.place;
        match waiting::wait(context, repo, id)? {
            WaitOutcome::Done => Ok(()),
            WaitOutcome::NotDone(why) => {
                let what = format!("agent '{id}', which makes the changes, is {why}; nothing was pushed");
                Err(Error::new(Code::ProgramFailed, what)
                    .hint(format!("git orchestra logs {id}"))
                    .hint(format!("git orchestra resume {id}, and then this command")))
            }
            WaitOutcome::Interrupted => Err(interrupted(format!(
                "interrupted; agent '{id}' keeps running, and this command waits for it when it is typed again"
            ))
            .hint(format!("git orchestra stop {id}"))),
        }
    }

    fn work_of_fixer(&self, id: &AgentId) -> Result<Oid> {
        let repo = self.place.repo;
        let agent = store::agent(repo, id)?;
        if let Some(unfinished) = &agent.unfinished {
            let what = format!("the work of '{id}' is unfinished: {unfinished}");
            return Err(Error::new(Code::WorkUnusable, what).hint(format!("git orchestra resume {id}")));
        }
        let work = repo.find_ref(&layout::head_ref(id))?.filter(|work| *work != self.fetched.head);
        work.ok_or_else(|| {
            Error::new(Code::WorkMissing, format!("agent '{id}' changed nothing; nothing was pushed"))
                .hint(format!("git orchestra logs {id}"))
                .hint(format!("git orchestra resume {id} -m 'what to change', and then this command"))
        })
    }
}
