//! `review`: lists the work that waits for a verdict, shows the work of one agent, and records verdicts.

pub mod by_agent;
pub mod comments;
pub mod draft;
pub(in crate::ops) mod fix;
pub(in crate::ops) mod withdraw;
mod work;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use self::work::{KnownVerdict, ReviewedWork};
pub use crate::store::verdicts::{VerdictMatch, how_to_trust};
use crate::{
    Code, Error, Result,
    agents::{self, Words},
    config::Config,
    context::Context,
    git::{Oid, Repo},
    model::{
        Agent, AgentId, Fact, IdOrText, Phase, canonical,
        event::MAX_COMMENTS,
        fold::{Fold, GivenReview, Reviews, standing_reviews},
        text,
        verdict::{Comment, Review, Verdict},
    },
    ops::{agent_object::AgentObject, merge_ranked, named, resume, status},
    store::{
        self, AgentLog, Chain, Listing, Unreadable, append_if, layout,
        list::ListRow,
        notes, sound, unreadable,
        verdicts::{self, TrustedWriters},
        writer,
    },
    surroundings,
    sync::log_notes,
    trust::AcceptedRepo,
};

/// The longest text of a verdict or of a comment, in bytes.
const MAX_TEXT: usize = 16 * 1024;

/// Which work to show or to review.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// The agent, by id or unique prefix; without one, the work that waits for a verdict is listed.
    pub agent: Option<String>,
    /// The verdict to give; without one, the work is only shown.
    pub give: Option<GivenVerdict>,
}

/// A verdict to give.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GivenVerdict {
    /// The verdict.
    pub verdict: Verdict,
    /// A comment on the whole work.
    #[serde(default)]
    pub text: Option<String>,
    /// Comments on single lines.
    #[serde(default)]
    pub comments: Vec<Comment>,
    /// The base of the work that was reviewed, if the caller knows it: a verdict on work from any other base is refused.
    #[serde(default)]
    pub base: Option<String>,
    /// The commit that was reviewed, if the caller knows it: a verdict on any other head is refused.
    #[serde(default)]
    pub head: Option<String>,
    /// Whether to only record requested changes, and not resume the agent to make them.
    #[serde(default)]
    pub keep: bool,
    /// The operation that gives it together with others.
    #[serde(skip)]
    pub operation: Option<String>,
}

/// The work that waits for a verdict, or the work of one agent, and what was done with it.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The agents whose work waits for a verdict, oldest first; empty if an agent is named.
    pub waiting: Vec<AgentObject>,
    /// The work that was shown or reviewed.
    pub work: Option<ReviewedWork>,
    /// Whether the agent is archived, so that no verdict can be given.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub archived: bool,
    /// The verdict that was given.
    pub given: Option<Verdict>,
    /// Whether it was recorded: the same verdict given twice is not.
    #[serde(skip)]
    pub is_new: bool,
    /// Whether the requested changes were sent to the agent, which was resumed.
    pub told: bool,
    /// The commit with the reviewer's repair, which became the head of the work and got the verdict.
    pub repaired: Option<Oid>,
    /// The report of the landing, if the approved work was landed.
    pub landing: Option<merge_ranked::Report>,
    /// Why the approved work was not landed automatically.
    pub not_landed: Option<String>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// Whether plain `git log` shows reviews, because the user asked for that.
    pub notes_shown: bool,
    /// Agents, work, notes, and archives that cannot be read; if an agent is named, its work.
    pub unreadable: Vec<Unreadable>,
}

impl Report {
    const fn empty() -> Self {
        Self {
            waiting: Vec::new(),
            work: None,
            archived: false,
            given: None,
            is_new: false,
            told: false,
            repaired: None,
            landing: None,
            not_landed: None,
            warnings: Vec::new(),
            notes_shown: false,
            unreadable: Vec::new(),
        }
    }
}

/// An agent that gives a verdict.
struct Reviewer {
    /// The kind of agent; of each kind, the last verdict counts.
    by: String,
    /// The id of the agent.
    reviewer: AgentId,
    /// The result of the test.
    check: String,
}

/// Lists the work that waits for a verdict.
///
/// # Errors
/// The agents cannot be read.
pub fn list(repo: &Repo) -> Result<Report> {
    let (waiting, unreadable) = awaiting_verdict(repo)?;
    Ok(Report { waiting, unreadable, ..Report::empty() })
}

/// Shows work, or records a verdict on it.
///
/// # Errors
/// There is no such agent, it works still, or has no work (3); its work moved meanwhile (4); a remark is of no line (2).
pub fn run(context: &Context, repo: &AcceptedRepo, request: &Request) -> Result<Report> {
    let Some(typed) = &request.agent else { return list(repo) };
    let mut report = Report::empty();
    let id = if request.give.is_some() {
        status::resolve(repo, typed)?
    } else {
        let found = named::find(repo, &Listing::of_name(repo, typed)?, typed)?;
        report.archived = matches!(found, named::NamedAgent::Archived(_));
        found.id().clone()
    };
    if let Some(give) = &request.give {
        refuse_agents(repo)?;
        record_verdict(context, repo, &id, give, &mut report, None)?;
    }
    if !report.archived {
        let agent = store::agent(repo, &id)?;
        report.unreadable.extend(unreadable::work_of(repo, &id, &agent)?);
    }
    report.work = Some(work::read(repo, &id)?);
    Ok(report)
}

/// Fails if an agent calls: its verdict would be recorded in the name of a person.
///
/// # Errors
/// It does (3).
pub(super) fn refuse_agents(repo: &Repo) -> Result<()> {
    if !repo.is_called_by_agent() {
        return Ok(());
    }
    Err(Error::new(Code::NotForAgents, "an agent cannot give a verdict in the name of a person")
        .hint("git orchestra inbox tell 'what people should look at'"))
}

/// Lands work that was just approved, if it has not changed since, and if nothing outside the worktree changed for an unknown reason
/// while its agent ran.
///
/// # Errors
/// As [`merge_ranked::run`].
pub fn land(context: &Context, repo: &AcceptedRepo, report: &mut Report) -> Result<()> {
    let approved = report.given == Some(Verdict::Approve);
    let Some(work) = report.work.as_ref().filter(|_| approved) else { return Ok(()) };
    let around = surroundings::warnings(&work.agent.surroundings);
    if !around.is_empty() {
        // A person should look at the changes before the work lands.
        report.not_landed = Some(format!("while it ran: {}", surroundings::summary(&around)));
        return Ok(());
    }
    let request = merge_ranked::Request {
        branches: vec![work.agent.id.to_string()],
        approved: true,
        ..merge_ranked::Request::default()
    };
    report.landing = Some(merge_ranked::run(context, repo, &request)?);
    Ok(())
}

/// Returns the agents whose work is done, has not landed, and has no valid verdict; and what cannot be read.
fn awaiting_verdict(repo: &Repo) -> Result<(Vec<AgentObject>, Vec<Unreadable>)> {
    let listing = Listing::read(repo)?;
    let trusted = TrustedWriters::of(repo);
    let done = listing.rows.iter().filter(|row| row.entry.header.phase == Phase::Done);
    let waiting = done.filter_map(|row| Some((row, waiting_agent(repo, &listing, &trusted, row)?))).collect();
    let report = status::of_agents(repo, &listing, waiting)?;
    Ok((report.agents, listing.broken.into_iter().chain(report.unreadable).collect()))
}

/// Returns the agent of a row that is done, if its work has not landed, and has no valid verdict.
fn waiting_agent(
    repo: &Repo,
    listing: &Listing,
    trusted: &TrustedWriters<'_>,
    row: &ListRow,
) -> Option<Agent> {
    // In a long life most work has landed, which two values say.
    let landed = listing.trailer(row, "Landed");
    if landed.is_some() && landed == listing.trailer(row, "Head") {
        return None;
    }
    let agent = listing.agent(repo, row).ok()?;
    let head = agent.head_commit()?;
    if agent.work.commits == 0 || agent.reviews.is_some() || agent.landed_head == agent.head {
        return None;
    }
    // Work that cannot be compared waits as well: missing objects of one agent must not fail the whole list.
    let judged = trusted.effective_for(&row.id, &agent, head).ok().flatten();
    judged.is_none_or(|(_, holds)| holds == VerdictMatch::Stale).then_some(agent)
}

/// Records a verdict. `by` is the reviewing agent; `None` means the user.
fn record_verdict(
    context: &Context,
    repo: &AcceptedRepo,
    id: &AgentId,
    give: &GivenVerdict,
    report: &mut Report,
    by: Option<Reviewer>,
) -> Result<()> {
    let identity = repo.identity()?;
    let user = || text::one_line(&format!("{} <{}>", identity.name, identity.email), 120);
    let (by, reviewer, check_result) = match by {
        None => (user(), None, None),
        Some(judge) => (judge.by, Some(judge.reviewer), Some(judge.check)),
    };
    let Fold { agent, reviews, .. } = AgentLog::of(repo, id)?.fold;
    let (base, head) = reviewable_work(repo, id, &agent)?;
    let is_other =
        |looked: &Option<String>, now: Oid| looked.as_ref().is_some_and(|at| *at != now.to_string());
    if is_other(&give.base, base) || is_other(&give.head, head) {
        return Err(work_changed(id));
    }
    if give.verdict == Verdict::Approve {
        check_sound(repo, id, head)?;
    }
    check_texts(repo, give, head)?;
    if give.verdict == Verdict::Changes && !give.keep {
        check_can_receive(repo, id, &agent)?;
    }
    let review = Review {
        verdict: give.verdict,
        base: base.into(),
        head: head.into(),
        patch: verdicts::patch_id(repo, base, head)?,
        by,
        reviewer: reviewer.map(IdOrText::from),
        check: check_result,
        text: give.text.clone(),
        comments: give.comments.clone(),
        operation: give.operation.clone(),
    };
    let still = |agent: &Agent| agent.head.as_ref() == Some(&review.head) && agent.phase.is_at_rest();
    // A repetition of the last verdict is not recorded.
    let by = writer::writer(repo)?;
    let is_news = reviews.last().is_none_or(|last| last.writer != by || !last.review.says_the_same(&review));
    let after = append_if(repo, id, |fold| {
        (is_news && still(&fold.agent)).then(|| vec![Fact::Verdict(review.clone())])
    })?;
    if !still(&after.agent) {
        return Err(work_changed(id));
    }
    report.given = Some(give.verdict);
    report.is_new = is_news;
    if review.reviewer.is_none()
        && let Err(error) = draft::said(repo, id, &give.comments)
    {
        report.warnings.push(error.one_line());
    }
    if let Err(error) = write_notes(repo, id, head, &after.reviews) {
        report.warnings.push(format!("no note was written: {}", error.one_line()));
    }
    report.notes_shown = log_notes::are_shown(repo);
    if give.verdict == Verdict::Changes && !give.keep {
        match resume::run(&context.unobserved(), repo, &change_request(id, &review)) {
            Ok(_) => report.told = true,
            Err(error) => {
                report.warnings.push(format!("the agent could not be resumed: {}", error.one_line()));
            }
        }
    }
    Ok(())
}

/// Says, before a person types them, whether changes that are requested can be sent to an agent.
///
/// # Errors
/// They cannot (3).
pub fn check_listens(repo: &Repo, id: &AgentId) -> Result<()> {
    check_can_receive(repo, id, &store::agent(repo, id)?)
}

/// Refuses to request changes from an agent that cannot receive them, before the verdict is recorded.
fn check_can_receive(repo: &Repo, id: &AgentId, agent: &Agent) -> Result<()> {
    agents::check_prose(&agent.profile, &Config::of(repo), "a review").map_err(|error| {
        error
            .hint(format!("git orchestra review {id} --changes --keep -m '…' only records the verdict"))
            .hint(format!("git orchestra resume {id} -m 'COMMANDS TO RUN'"))
    })
}

pub(super) fn work_changed(id: &AgentId) -> Error {
    Error::new(Code::WorkChanged, format!("the work of '{id}' has changed since you looked at it"))
        .hint(format!("git orchestra review {id}"))
}

/// Returns the base and the head of work that can be reviewed.
fn reviewable_work(repo: &Repo, id: &AgentId, agent: &Agent) -> Result<(Oid, Oid)> {
    if !agent.phase.is_at_rest() {
        let phase = agent.phase.as_str();
        return Err(Error::new(Code::AgentRunning, format!("agent '{id}' has not ended: it is {phase}"))
            .hint(format!("git orchestra status --wait {id}"))
            .hint(format!("git orchestra stop {id}")));
    }
    let nothing = || Error::new(Code::WorkMissing, format!("agent '{id}' has no work to review"));
    let head = unreadable::work_tip(repo, id, agent)?.ok_or_else(nothing)?;
    if agent.head_commit() != Some(head) || agent.work.commits == 0 {
        return Err(nothing());
    }
    let base = agent.base.commit().ok_or_else(nothing)?;
    Ok((base, head))
}

/// Checks that git accepts the work: otherwise it is neither approved nor checked out for a test.
fn check_sound(repo: &Repo, id: &AgentId, head: Oid) -> Result<()> {
    match sound::flaw_of(repo, head)? {
        None => Ok(()),
        Some(unsound) => {
            Err(Error::new(Code::WorkUnusable, format!("the work of '{id}' cannot land: {}", unsound.why))
                .hint(format!("git orchestra review {id} --reject")))
        }
    }
}

/// Checks the length of the texts, and that every comment is on an existing line.
pub(in crate::ops) fn check_texts(repo: &Repo, give: &GivenVerdict, head: Oid) -> Result<()> {
    let texts = give.text.iter().chain(give.comments.iter().map(|comment| &comment.text));
    if texts.into_iter().any(|text| text.len() > MAX_TEXT) || give.comments.len() > MAX_COMMENTS {
        return Err(Error::new(
            Code::MessageInvalid,
            format!("a text is longer than {MAX_TEXT} bytes, or there are more than {MAX_COMMENTS} comments"),
        ));
    }
    if give.verdict == Verdict::Changes && give.text.is_none() && give.comments.is_empty() {
        return Err(Error::new(Code::MessageInvalid, "changes are requested, but not described")
            .hint("-m 'what to change', or -C FILE:LINE TEXT"));
    }
    for comment in &give.comments {
        let shown = text::safe(&comment.file);
        let Some(content) = repo.read_blob_of(head, &comment.file)? else {
            return Err(Error::new(Code::PlaceUnknown, format!("no file '{shown}' in this work")));
        };
        let lines = content.split_inclusive(|byte| *byte == b'\n').count();
        if comment.line == 0 || comment.line as usize > lines {
            return Err(Error::new(
                Code::PlaceUnknown,
                format!("'{shown}' ends at line {lines}: there is no line {}", comment.line),
            ));
        }
    }
    Ok(())
}

/// Writes a note with all verdicts on one commit. It depends on the agent's events alone, so that all clones write the same note.
fn write_notes(repo: &Repo, id: &AgentId, head: Oid, known: &Reviews) -> Result<()> {
    let note = match known.on(&head.into()) {
        Some(given) => note(id, given),
        None => note(id, &all_reviews(repo, id, head)?),
    };
    notes::write(repo, layout::REVIEWS, &format!("verdict on {id}"), &[(head, note)])?;
    log_notes::refresh(repo)
}

/// Returns all verdicts on one commit, in order, from the whole log.
fn all_reviews(repo: &Repo, id: &AgentId, head: Oid) -> Result<Vec<GivenReview>> {
    let mut given = standing_reviews(&Chain::of_agent(repo, id)?.events);
    given.retain(|one| one.review.head == head);
    Ok(given)
}

/// Returns the text of the note: one line of canonical JSON for each verdict.
fn note(id: &AgentId, given: &[GivenReview]) -> String {
    let mut note = String::new();
    for GivenReview { at, writer, review } in given {
        let line = json!({
            "v": 1, "t": "verdict", "agent": id.as_str(), "at": at.to_string(), "w": writer,
            "verdict": review.verdict.as_str(), "base": review.base, "head": review.head, "patch": review.patch,
            "by": review.by, "reviewer": review.reviewer, "check": review.check, "text": review.text, "comments": review.comments,
        });
        if let Some(line) = canonical::write(&line) {
            note.push_str(&line);
            note.push('\n');
        }
    }
    note
}

fn change_request(id: &AgentId, review: &Review) -> resume::Request {
    resume::Request {
        agents: vec![id.to_string()],
        message: Some(Words::Composed(message(review))),
        ..resume::Request::default()
    }
}

/// Returns the message to the agent.
pub(super) fn message(review: &Review) -> String {
    let mut out = String::from("Your work was reviewed, and changes are requested.\n");
    if let Some(text) = &review.text {
        out.push_str(&format!("\n{}\n", text.trim()));
    }
    for comment in &review.comments {
        out.push_str(&format!("\n{}:{}: {}\n", comment.file, comment.line, comment.text.trim()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_lists_text_and_comments() {
        let review = Review {
            verdict: Verdict::Changes,
            base: IdOrText::default(),
            head: IdOrText::default(),
            patch: String::new(),
            by: String::new(),
            reviewer: None,
            check: None,
            text: Some("Use less memory. ".into()),
            comments: vec![Comment { file: "a.rs".into(), line: 3, text: "why?".into() }],
            operation: None,
        };
        assert_eq!(
            message(&review),
            "Your work was reviewed, and changes are requested.\n\nUse less memory.\n\na.rs:3: why?\n"
        );
    }
}
