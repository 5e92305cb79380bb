//! Lets the roles of a team work one after another. That a role is done is recorded first, then its work is saved, and then the end of its
//! attempt and the launch of the next role are recorded together: a supervisor that takes over from a killed one finds what is next.

use std::time::{Duration, Instant};

use super::{Supervisor, limited::KnownLimits};
use crate::{
    Error, Result,
    agents::StreamEvent,
    git::{Oid, Repo, careful, command},
    model::{
        Event, Fact, IdOrText, Phase, Team,
        answer::Answer,
        cap::CapScope,
        event::{Finished, PhaseChange, Usage},
        last_words,
        team::{Next, Outcome, Part, PartChange},
        text,
        verdict::{Review, Verdict},
    },
    store::{self, Chain, append_if, findings, verdicts},
    supervise::{
        ending::{AttemptEnd, EndedAttempt},
        helper::HelperTask,
        program_output::ProgramOutput,
        rounds::Rounds,
        team::{self, WorkBefore},
    },
    worktree::capture::CapturedWork,
};

/// How much of what a role said is searched for its verdict, in bytes.
const MAX_SAID: usize = 256 * 1024;
/// How many commits a role gets to know.
const MAX_COMMITS: usize = 40;
/// The longest diff that is put into the prompt of a role that cannot look at the history, in bytes.
const MAX_CHANGES: usize = 128 * 1024;
/// The longest text of a verdict, and of one of its comments, in bytes.
const MAX_TEXT: usize = 8 * 1024;
const MAX_COMMENT: usize = 500;
/// The most comments of a verdict: all must fit into one event.
const MAX_COMMENTS: usize = 50;

impl Supervisor {
    /// Returns whether a role is done, and the next one was not started yet.
    pub(super) fn has_ended_part(&mut self) -> Result<bool> {
        Ok(self.team()?.as_ref().and_then(Team::last).is_some_and(|part| part.outcome.is_some()))
    }

    /// Returns the messages for the role that is next.
    pub(super) fn messages_before_part(&mut self) -> Result<Vec<String>> {
        let repo = self.repo()?;
        let chain = Chain::of_agent(&repo, &self.id)?;
        self.requests.messages(&repo, &self.id, &chain.events)
    }

    /// Returns the part with which an agent of a team begins, if it has not begun.
    pub(super) fn first_part(&self, team: Option<&Team>) -> Option<PartChange> {
        team.filter(|team| team.parts.is_empty()).map(|_| PartChange::begin(0, self.spec.base.into()))
    }

    /// Ends the part of the role whose attempt ended, if it is done, and starts the next one. Without an attempt, the part had ended before.
    /// Returns the end of the agent if no role is next, or if it has no team.
    pub(super) async fn next_part(&mut self, ended: Option<EndedAttempt>) -> Result<Option<EndedAttempt>> {
        if self.spec.team.is_none() || ended.as_ref().is_some_and(|ended| !is_done(ended)) {
            return Ok(ended);
        }
        let was_launched = ended.is_some();
        let ended = match ended {
            Some(ended) => {
                self.end_tree(&ended.end)?;
                match self.end_part(ended).await? {
                    Ok(ended) => ended,
                    Err(ended) => return Ok(Some(ended)),
                }
            }
            None => AttemptEnd::Exit(0).into(),
        };
        let Some(team) = self.in_repository(Self::team)? else { return Ok(Some(ended)) };
        let work = match self.save_part().await {
            Ok(Some(work)) => work,
            // The role has to continue: its part is open again.
            Ok(None) => {
                self.reopen_part(&team)?;
                return Ok(Some(ended));
            }
            Err(error) => {
                self.reopen_part(&team)?;
                return Err(error);
            }
        };
        self.rested = false;
        let verdict = self.in_repository(|supervisor| supervisor.verdict(&team, &work))?;
        let next = team.next();
        // The end of the agent captures the work once more, when nothing is left to take back.
        let remark = team.reader().and_then(|_| work.remark.clone());
        let place = match &next {
            Next::Start(place) | Next::Back(place) => *place,
            Next::Done | Next::Failed(_) => {
                self.record_verdict(verdict)?;
                let end = match next {
                    Next::Failed(why) => AttemptEnd::Failed(why),
                    _ => ended.end,
                };
                return Ok(Some(EndedAttempt { end, remark, ..ended }));
            }
        };
        // What the role used that is done is no matter of the next one.
        let end = match self.reached_cap().filter(|cap| cap.scope != CapScope::Role) {
            Some(cap) => Some(AttemptEnd::Capped(cap)),
            // A stop or a pause is looked for as well.
            None => match self.wait_or_end(Duration::ZERO).await? {
                None => self.end_asked()?.or(self.wait_for_room().await?),
                end => end,
            },
        };
        if let Some(end) = end {
            self.record_verdict(verdict)?;
            return Ok(Some(EndedAttempt { end, remark, ..ended }));
        }
        if self.spec.sandbox.is_some() {
            self.run_helper(HelperTask::HandOver).await?;
        }
        let ran_seconds = self.ran_seconds();
        let finished = was_launched
            .then(|| Fact::Finished(Finished { ran_seconds, ..ended.fact(self.record.attempt, Ok(&work)) }));
        let facts: Vec<Fact> = finished.into_iter().chain(verdict.map(Fact::Verdict)).collect();
        let why = [team::reason(&team, &next), work.remark.clone()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join("; ");
        self.start_part(place, &work, &facts, &why)?;
        Ok(None)
    }

    fn team(&mut self) -> Result<Option<Team>> {
        if self.spec.team.is_none() {
            return Ok(None);
        }
        Ok(store::agent(&self.repo()?, &self.id)?.team)
    }

    /// Records how the part of a role ended. Returns the end of the agent instead if the role did not do what it must.
    async fn end_part(&mut self, mut ended: EndedAttempt) -> Result<Result<EndedAttempt, EndedAttempt>> {
        let Some(team) = self.in_repository(Self::team)? else { return Ok(Ok(ended)) };
        let place = team.place();
        let was_denied = ended.summary.as_ref().is_some_and(|summary| summary.first_denied.is_some());
        if was_denied && !self.spec.judges {
            // A role that was denied something and changed nothing is not done.
            let captured = self.take().await?;
            if ended.judge(Ok(&captured)).0 != Phase::Done {
                return Ok(Err(ended));
            }
        }
        let said = self.said();
        let outcome = match Answer::last_in(&said) {
            _ if !team.reviews(place) => Outcome::Done,
            Some(answer) => {
                ended.summary_of_review = last_words::of_prose(&answer.summary);
                answer.verdict.into()
            }
            None => {
                let name = text::one_line(self.spec.role.as_ref().unwrap_or(&self.spec.profile), 60);
                return Ok(Err(EndedAttempt {
                    end: AttemptEnd::Failed(format!("the reviewing role '{name}' gave no verdict")),
                    ..ended
                }));
            }
        };
        let part = PartChange::end(place, outcome, team::handed_over(&said));
        let step = PhaseChange::new(self.record.attempt, Phase::Running);
        self.append_facts(&[Fact::Phase(PhaseChange { part: Some(part), ..step })])?;
        Ok(Ok(ended))
    }

    /// Lets the role continue its part, because what it did cannot be saved as it is.
    fn reopen_part(&mut self, team: &Team) -> Result<()> {
        if self.record.attempt == 0 {
            return Ok(());
        }
        let step = PhaseChange::new(self.record.attempt, Phase::Running);
        let part = Some(PartChange::again(team.place()));
        self.append_facts(&[Fact::Phase(PhaseChange { part, ..step })])
    }

    /// Saves the work of a role that is done, without what one that does not write changed. Returns `None` if the work is not one that
    /// another role can continue.
    async fn save_part(&mut self) -> Result<Option<CapturedWork>> {
        let work = self.take_work().await?;
        Ok((work.unsaved.is_none() && work.unfinished.is_none()).then_some(work))
    }

    /// Captures the work, and takes back what a role changed that does not write: however its attempt ends, that is no part of the work.
    pub(super) async fn take_work(&mut self) -> Result<CapturedWork> {
        let work = self.take().await?;
        if self.spec.team.is_none() || self.rested || !self.has_worktree {
            return Ok(work);
        }
        let agent = self.in_repository(|supervisor| store::agent(&supervisor.repo()?, &supervisor.id))?;
        let Some((role, begun)) = agent.team.as_ref().and_then(Team::reader) else { return Ok(work) };
        if !team::is_changed(&work, begun) {
            return Ok(work);
        }
        let left_because = |why: &str| Ok(team::with_changes_left(&agent, role, begun, why));
        if let Err(error) = self.run_helper(HelperTask::HandOver).await {
            return left_because(&error.one_line());
        }
        let left = self.take().await?;
        if !team::is_changed(&left, begun) {
            return Ok(team::without_changes(left, role, &work));
        }
        // Whatever the head was set to by this, it is no work.
        let _ = self.run_helper(HelperTask::HandOver).await;
        left_because("its files changed meanwhile")
    }

    /// Lets the part of a role that does not write begin where a person left the work while the agent was at rest: what changed then is
    /// not the role's.
    pub(super) async fn begin_where_left(&mut self) -> Result<()> {
        if self.spec.team.is_none() || !self.rested {
            return Ok(());
        }
        let team = self.in_repository(Self::team)?;
        let reader = team.as_ref().and_then(|team| Some((team.place(), team.reader()?.1)));
        let is_open = team.as_ref().and_then(Team::last).is_some_and(|part| part.outcome.is_none());
        if let Some((place, begun)) = reader.filter(|_| is_open) {
            let work = self.take().await?;
            if work.head.commit() != Some(begun) {
                let part = Some(PartChange::begin(place, work.head));
                let step = PhaseChange::new(self.record.attempt, Phase::Starting);
                self.append_facts(&[Fact::Phase(PhaseChange { part, ..step })])?;
            }
        }
        self.rested = false;
        Ok(())
    }

    /// Starts the role at a place of the team, in a conversation and within limits of its own.
    fn start_part(&mut self, place: usize, work: &CapturedWork, facts: &[Fact], why: &str) -> Result<()> {
        self.spec.take_stage(place);
        self.stage = place;
        (self.session, self.used, self.rounds) = (None, Usage::default(), Rounds::default());
        (self.begun, self.ran, self.has_acted) = (Instant::now(), Duration::ZERO, false);
        self.part_began = work.head.commit();
        self.limits = KnownLimits::new(&self.program_environment(), &self.private, &self.spec);
        self.part = Some(PartChange::begin(place, work.head.clone()));
        self.in_repository(|supervisor| {
            let repo = supervisor.repo()?;
            supervisor.choose_session(None)?;
            supervisor.record_launch(&repo, facts, Some(why))
        })
    }

    /// Returns what a role said after its last call of a tool, or before it if it said nothing then.
    fn said(&self) -> String {
        let path = self.dir.output(self.record.attempt);
        let protocol = self.spec.launch.protocol;
        if !protocol.is_structured() {
            let tail = careful::tail(&path, MAX_SAID as u64).unwrap_or_default();
            return text::rendered_output(&String::from_utf8_lossy(&tail));
        }
        let (mut said, mut before) = (String::new(), String::new());
        let mut output = ProgramOutput::new(path, protocol.open());
        let mut is_over = false;
        loop {
            let more = output.read_output(is_over, |event, _| match event {
                StreamEvent::Text(words) if said.len() < MAX_SAID => {
                    said.push_str(words);
                    said.push('\n');
                }
                StreamEvent::ToolUse { .. } if !said.trim().is_empty() => before = std::mem::take(&mut said),
                _ => {}
            });
            match more {
                Ok(true) if !is_over => {}
                _ if is_over => break,
                _ => is_over = true,
            }
        }
        if said.trim().is_empty() { before } else { said }
    }

    /// Returns the verdict of the role whose part ended, if it reviewed work.
    fn verdict(&mut self, team: &Team, work: &CapturedWork) -> Result<Option<Review>> {
        let repo = self.repo()?;
        let part = team.last().filter(|_| work.work.commits > 0);
        let given = part.and_then(|part| Some((part, part.outcome?.verdict()?)));
        let (Some((part, verdict)), Some(head)) = (given, work.head.commit()) else { return Ok(None) };
        let words = words_of(&Chain::of_agent(&repo, &self.id)?.events).remove(&(part.role as usize));
        let review = review(&repo, self.spec.base, head, verdict, words.as_deref().unwrap_or_default())?;
        let name = team.roles.get(part.role as usize).map_or("", |role| role.name.as_str());
        Ok(Some(Review { by: format!("agent {}", text::one_line(name, 60)), ..review }))
    }

    /// Records a verdict, unless it is recorded.
    fn record_verdict(&mut self, verdict: Option<Review>) -> Result<()> {
        let Some(verdict) = verdict else { return Ok(()) };
        self.in_repository(|supervisor| {
            append_if(&supervisor.repo()?, &supervisor.id, |fold| {
                let is_news = fold.reviews.last().is_none_or(|last| last.review != verdict);
                is_news.then(|| vec![Fact::Verdict(verdict.clone())])
            })
            .map(drop)
        })
    }

    /// Returns what the role that begins or continues gets: its own prompt, the task, and what the roles before it did and said.
    pub(super) fn role_prompt(&self, task: &str) -> Result<String> {
        let repo = self.repo()?;
        let chain = Chain::of_agent(&repo, &self.id)?;
        let Some(team) = chain.fold().agent.team else { return Ok(task.to_owned()) };
        let place = team.place();
        let stage = self.spec.team.as_ref().and_then(|team| team.stages.get(place));
        let from = team.last().and_then(|part: &Part| part.from.as_ref()).and_then(IdOrText::commit);
        let head = from.filter(|head| *head != self.spec.base);
        let mut said = words_of(&chain.events);
        said.remove(&place);
        let mut before = WorkBefore { base: self.spec.base.to_string(), ..WorkBefore::default() };
        before.said.extend(
            said.order.iter().filter_map(|place| {
                Some((team.roles.get(*place)?.name.clone(), said.of.get(place)?.clone()))
            }),
        );
        if let Some(head) = head {
            before.commits = subjects(&repo, self.spec.base, head);
            if stage.is_some_and(|stage| stage.shows_changes) {
                before.changes = Some(changes(&repo, self.spec.base, head)?);
            }
        }
        Ok(team::prompt(&team, place, stage.and_then(|stage| stage.prompt.as_deref()), task, &before))
    }
}

/// Returns whether a role did its part, as far as its end says.
fn is_done(ended: &EndedAttempt) -> bool {
    ended.conclusion().phase == Phase::Done
}

/// What roles said last, by their places.
#[derive(Default)]
struct Words {
    of: std::collections::HashMap<usize, String>,
    /// The places, of which the last spoke last.
    order: Vec<usize>,
}

impl Words {
    fn remove(&mut self, place: &usize) -> Option<String> {
        self.order.retain(|known| known != place);
        self.of.remove(place)
    }
}

fn words_of(events: &[Event]) -> Words {
    let mut events: Vec<&Event> = events.iter().collect();
    events.sort_unstable_by_key(|event| event.order());
    let mut words = Words::default();
    for event in events {
        if let Some(Fact::Phase(step)) = &event.fact
            && let Some(PartChange { role, words: Some(said), outcome: Some(_), .. }) = &step.part
        {
            let place = *role as usize;
            words.remove(&place);
            words.of.insert(place, said.clone());
            words.order.push(place);
        }
    }
    words
}

/// Returns a verdict with the reasons that the role gave.
fn review(repo: &Repo, base: Oid, head: Oid, verdict: Verdict, said: &str) -> Result<Review> {
    let answer = Answer::last_in(said);
    let (summary, found) = answer.map_or_else(Default::default, |answer| (answer.summary, answer.findings));
    let (mut comments, others) = findings::as_comments(repo, head, found);
    comments.truncate(MAX_COMMENTS);
    for comment in &mut comments {
        comment.text = text::one_line(&comment.text, MAX_COMMENT);
    }
    let all: Vec<String> =
        [summary].into_iter().chain(others).filter(|text| !text.trim().is_empty()).collect();
    let mut text = all.join("\n");
    let end = (0..=MAX_TEXT.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(end.unwrap_or(0));
    Ok(Review {
        verdict,
        base: base.into(),
        head: head.into(),
        patch: verdicts::patch_id(repo, base, head)?,
        by: String::new(),
        reviewer: None,
        check: None,
        text: Some(text).filter(|text| !text.is_empty()),
        comments,
        operation: None,
    })
}

/// Returns the subjects of the newest commits, oldest first. What cannot be read is left out.
fn subjects(repo: &Repo, base: Oid, head: Oid) -> Vec<String> {
    let mut commits = repo.commits_since(base, head, MAX_COMMITS).unwrap_or_default();
    commits.reverse();
    let subject = |id: Oid| {
        let message = repo.read_commit(id).ok()?.message;
        let line = text::one_line(message.lines().next().unwrap_or_default(), 120);
        Some(format!("{} {line}", &id.to_string()[..10]))
    };
    commits.into_iter().filter_map(subject).collect()
}

/// Returns what changed, for a role that cannot look at the history.
///
/// # Errors
/// It is too long, or git fails.
fn changes(repo: &Repo, base: Oid, head: Oid) -> Result<String> {
    let diff = repo.git("diff")?.args(["--no-ext-diff", "--no-textconv", "--no-color"]);
    let diff = diff.args([base.to_string(), head.to_string()]).limit(command::SHORT_LIMIT).run()?;
    if diff.len() > MAX_CHANGES {
        let most = MAX_CHANGES / 1024;
        return Err(Error::refused(format!(
            "the role cannot be allowed to run git, and the changes have more than {most} KiB"
        )));
    }
    Ok(text::rendered_output(&String::from_utf8_lossy(&diff)))
}
