//! `review`: what waits for a verdict, what there is to know of one work, and the verdict itself.

pub mod by;
mod fix;
pub mod remarks;
mod work;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use self::work::{KnownVerdict, ReviewedWork};
pub use crate::store::verdicts::VerdictMatch;
use crate::{
    Code, Error, Result,
    agents::{self, Words},
    config::Config,
    context::Context,
    git::{Oid, Repo},
    model::{
        Agent, AgentId, Fact, IdOrText, canonical,
        event::MAX_COMMENTS,
        text,
        verdict::{Comment, Review, Verdict},
    },
    ops::{agent_object::AgentObject, merge_ranked, named, resume, status},
    store::{Chain, Listing, Unreadable, append_if, layout, notes, sound, unreadable, verdicts, writer},
    surroundings,
    trust::AcceptedRepo,
};

/// Longest text of a verdict and of one remark, in bytes.
const MAX_TEXT: usize = 16 * 1024;

/// Which work to look at, or to judge.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// The agent, by id or unique prefix; without it, what waits for a verdict is listed.
    pub agent: Option<String>,
    /// The verdict to give; without it, the work is only looked at.
    pub give: Option<GivenVerdict>,
}

/// A verdict to give.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GivenVerdict {
    /// The word.
    pub verdict: Verdict,
    /// What is said of the work as a whole.
    #[serde(default)]
    pub text: Option<String>,
    /// Remarks on single lines.
    #[serde(default)]
    pub comments: Vec<Comment>,
    /// The commit that was looked at, if the caller knows it: another one is not judged.
    #[serde(default)]
    pub head: Option<String>,
    /// Do not resume the agent to make the changes that are asked for.
    #[serde(default)]
    pub keep: bool,
}

/// What waits, what is known of a work, and what was done with it.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The agents whose work waits for a verdict, the oldest first; with an agent named, none.
    pub waiting: Vec<AgentObject>,
    /// The work that was looked at, or judged.
    pub work: Option<ReviewedWork>,
    /// It is of an archived agent: no verdict can be given.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub archived: bool,
    /// The verdict that was given.
    pub given: Option<Verdict>,
    /// The work was sent back to the agent, which was resumed.
    pub told: bool,
    /// The commit with what the reviewer repaired, which was judged and is the work now.
    pub repaired: Option<Oid>,
    /// The landing that was asked for.
    pub landing: Option<merge_ranked::Report>,
    /// Why it was not landed unasked, where it was approved and was to land.
    pub not_landed: Option<String>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// From now on plain `git log` shows the notes: its config was told so.
    pub notes_shown: bool,
    /// Agents, work, notes and archives that cannot be read; with an agent named, its work.
    pub unreadable: Vec<Unreadable>,
}

impl Report {
    const fn empty() -> Self {
        Self {
            waiting: Vec::new(),
            work: None,
            archived: false,
            given: None,
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

/// An agent that judges.
struct Judge {
    /// Of which kind; of one kind the last verdict counts.
    by: String,
    /// Its id.
    reviewer: AgentId,
    /// What the test said.
    check: String,
}

/// Lists what waits for a verdict.
///
/// # Errors
/// The agents cannot be read.
pub fn list(repo: &Repo) -> Result<Report> {
    let (waiting, unreadable) = waiting(repo)?;
    Ok(Report { waiting, unreadable, ..Report::empty() })
}

/// Looks, or judges.
///
/// # Errors
/// There is no such agent, it works still, or has no work (3); its work moved meanwhile (4); a remark is of no line (2).
pub fn run(context: &Context, repo: &AcceptedRepo, request: &Request) -> Result<Report> {
    let Some(typed) = &request.agent else { return list(repo) };
    let mut report = Report::empty();
    let id = if request.give.is_some() {
        status::resolve(repo, typed)?
    } else {
        let found = named::find(repo, &Listing::read(repo)?, typed)?;
        report.archived = matches!(found, named::NamedAgent::Archived(_));
        found.id().clone()
    };
    if let Some(give) = &request.give {
        judge(context, repo, &id, give, &mut report, None)?;
    }
    if !report.archived {
        let agent = Chain::of_agent(repo, &id)?.fold().agent;
        report.unreadable.extend(unreadable::work_of(repo, &id, &agent)?);
    }
    report.work = Some(work::look(repo, &id)?);
    Ok(report)
}

/// Lands a work that was just approved, if it is still what was approved, and nothing changed around its agent that nothing
/// explains.
///
/// # Errors
/// As [`merge_ranked::run`].
pub fn land(context: &Context, repo: &AcceptedRepo, report: &mut Report) -> Result<()> {
    let approved = report.given == Some(Verdict::Approve);
    let Some(work) = report.work.as_ref().filter(|_| approved) else { return Ok(()) };
    let around = surroundings::warnings(&work.agent.surroundings);
    if !around.is_empty() {
        // Somebody should look before it lands.
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

/// Done, not landed, and without a verdict that holds; and what cannot be read.
fn waiting(repo: &Repo) -> Result<(Vec<AgentObject>, Vec<Unreadable>)> {
    let listing = Listing::read(repo)?;
    let mut ids = Vec::new();
    for row in &listing.rows {
        let Ok(agent) = listing.agent(repo, row) else { continue };
        let Some(head) = agent.head_commit() else { continue };
        let wanted = row.entry.glance.phase == crate::model::Phase::Done
            && agent.work.commits > 0
            && agent.reviews.is_none()
            && agent.landed_head != agent.head;
        // What cannot be compared waits: one work that is not here does not keep the others from the list.
        let judged = || {
            let held = verdicts::of(repo, &row.id, &agent, head).ok().flatten();
            held.is_some_and(|(_, holds)| holds != VerdictMatch::Stale)
        };
        if wanted && !judged() {
            ids.push(row.id.to_string());
        }
    }
    if ids.is_empty() {
        return Ok((Vec::new(), listing.broken));
    }
    let asked = status::Request { agents: ids, ..status::Request::default() };
    let report = status::run(&Context::default(), repo, &asked)?;
    Ok((report.agents, listing.broken.into_iter().chain(report.unreadable).collect()))
}

/// `by`: who judges, where that is not the user.
fn judge(
    context: &Context,
    repo: &AcceptedRepo,
    id: &AgentId,
    give: &GivenVerdict,
    report: &mut Report,
    by: Option<Judge>,
) -> Result<()> {
    let identity = repo.identity()?;
    let user = || text::one_line(&format!("{} <{}>", identity.name, identity.email), 120);
    let (by, reviewer, check_said) = match by {
        None => (user(), None, None),
        Some(judge) => (judge.by, Some(judge.reviewer), Some(judge.check)),
    };
    let chain = Chain::of_agent(repo, id)?;
    let agent = chain.fold().agent;
    let (base, head) = judged_work(repo, id, &agent)?;
    if give.head.as_ref().is_some_and(|looked| *looked != head.to_string()) {
        return Err(moved(id));
    }
    if give.verdict == Verdict::Approve {
        is_sound(repo, id, head)?;
    }
    check(repo, give, head)?;
    if give.verdict == Verdict::Changes && !give.keep {
        check_hears(repo, id, &agent)?;
    }
    let review = Review {
        verdict: give.verdict,
        base: base.into(),
        head: head.into(),
        patch: verdicts::patch_id(repo, base, head)?,
        by,
        reviewer: reviewer.map(IdOrText::from),
        check: check_said,
        text: give.text.clone(),
        comments: give.comments.clone(),
    };
    let still = |agent: &Agent| agent.head.as_ref() == Some(&review.head) && agent.phase.is_at_rest();
    // Who says again what they said last, says nothing new.
    let is_news = said_last(&chain) != Some((writer::writer(repo)?.as_str(), &review));
    let after = append_if(repo, id, |fold| {
        (is_news && still(&fold.agent)).then(|| vec![Fact::Verdict(review.clone())])
    })?;
    if !still(&after.agent) {
        return Err(moved(id));
    }
    report.given = Some(give.verdict);
    if let Err(error) = write_notes(repo, id, head) {
        report.warnings.push(format!("no note was written: {}", error.one_line()));
    }
    report.notes_shown = notes::show(repo).unwrap_or(false);
    if give.verdict == Verdict::Changes && !give.keep {
        match resume::run(&context.unobserved(), repo, &telling(id, &review)) {
            Ok(_) => report.told = true,
            Err(error) => report.warnings.push(format!("the agent could not be told: {}", error.one_line())),
        }
    }
    Ok(())
}

/// The last verdict on a work, and the clone that gave it.
fn said_last(chain: &Chain) -> Option<(&str, &Review)> {
    let verdicts = chain.events.iter().filter_map(|event| match &event.fact {
        Some(Fact::Verdict(review)) => Some((event.order(), event.writer.as_str(), review)),
        _ => None,
    });
    verdicts.max_by_key(|(order, _, _)| *order).map(|(_, writer, review)| (writer, review))
}

/// Nothing is written down that the agent was to hear and cannot.
fn check_hears(repo: &Repo, id: &AgentId, agent: &Agent) -> Result<()> {
    agents::check_prose(&agent.profile, &Config::of(repo), "a review").map_err(|error| {
        error
            .hint(format!("git orchestra review {id} --changes --keep -m '…' only writes it down"))
            .hint(format!("git orchestra resume {id} -m 'what it should run'"))
    })
}

fn moved(id: &AgentId) -> Error {
    Error::new(Code::WorkChanged, format!("the work of '{id}' has moved since you looked at it"))
        .hint(format!("git orchestra review {id}"))
}

/// Base and head of a work that can be judged.
fn judged_work(repo: &Repo, id: &AgentId, agent: &Agent) -> Result<(Oid, Oid)> {
    if !agent.phase.is_at_rest() {
        let phase = agent.phase.as_str();
        return Err(Error::new(Code::AgentRunning, format!("agent '{id}' has not ended: it is {phase}"))
            .hint(format!("git orchestra status --wait {id}, or git orchestra stop {id}")));
    }
    let nothing = || Error::new(Code::WorkMissing, format!("agent '{id}' has no work to judge"));
    let head = unreadable::work_tip(repo, id, agent)?.ok_or_else(nothing)?;
    if agent.head_commit() != Some(head) || agent.work.commits == 0 {
        return Err(nothing());
    }
    let base = agent.base.commit().ok_or_else(nothing)?;
    Ok((base, head))
}

/// What git would refuse is neither approved nor checked out for a test.
fn is_sound(repo: &Repo, id: &AgentId, head: Oid) -> Result<()> {
    match sound::flaw_of(repo, head)? {
        None => Ok(()),
        Some(unsound) => {
            Err(Error::new(Code::WorkUnusable, format!("the work of '{id}' cannot land: {}", unsound.why))
                .hint(format!("git orchestra review {id} --reject")))
        }
    }
}

/// Whatever is said fits, and remarks are of lines that there are.
fn check(repo: &Repo, give: &GivenVerdict, head: Oid) -> Result<()> {
    let texts = give.text.iter().chain(give.comments.iter().map(|comment| &comment.text));
    if texts.into_iter().any(|text| text.len() > MAX_TEXT) || give.comments.len() > MAX_COMMENTS {
        return Err(Error::new(
            Code::MessageInvalid,
            format!("a text is longer than {MAX_TEXT} bytes, or there are more than {MAX_COMMENTS} remarks"),
        ));
    }
    if give.verdict == Verdict::Changes && give.text.is_none() && give.comments.is_empty() {
        return Err(Error::new(Code::MessageInvalid, "changes are asked for, and not said which")
            .hint("-m 'what to change', or -C FILE:LINE TEXT"));
    }
    for comment in &give.comments {
        let shown = text::safe(&comment.file);
        let Some(content) = repo.read_blob_of(head, &comment.file)? else {
            return Err(Error::new(Code::PlaceUnknown, format!("there is no file '{shown}' in that work")));
        };
        let lines = content.split_inclusive(|byte| *byte == b'\n').count();
        if comment.line == 0 || comment.line as usize > lines {
            return Err(Error::new(
                Code::PlaceUnknown,
                format!("'{shown}' has {lines} lines there, and no line {}", comment.line),
            ));
        }
    }
    Ok(())
}

/// The verdicts on one commit, from the agent's own events: the same events give the same note.
fn write_notes(repo: &Repo, id: &AgentId, head: Oid) -> Result<()> {
    let chain = Chain::of_agent(repo, id)?;
    let mut events: Vec<_> = chain.events.iter().collect();
    events.sort_unstable_by_key(|event| event.order());
    let mut note = String::new();
    for event in events {
        let Some(Fact::Verdict(review)) = &event.fact else { continue };
        if review.head != head {
            continue;
        }
        let line = json!({
            "v": 1, "t": "verdict", "agent": id.as_str(), "at": event.at.to_string(), "w": event.writer,
            "verdict": review.verdict.as_str(), "base": review.base, "head": review.head, "patch": review.patch,
            "by": review.by, "reviewer": review.reviewer, "check": review.check, "text": review.text, "comments": review.comments,
        });
        if let Some(line) = canonical::write(&line) {
            note.push_str(&line);
            note.push('\n');
        }
    }
    notes::write(repo, layout::REVIEWS, &format!("verdict on {id}"), &[(head, note)])
}

fn telling(id: &AgentId, review: &Review) -> resume::Request {
    resume::Request {
        agents: vec![id.to_string()],
        message: Some(Words::Composed(message(review))),
        ..resume::Request::default()
    }
}

/// What the agent is told.
fn message(review: &Review) -> String {
    let mut out = String::from("Your work was reviewed, and changes are asked for.\n");
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
    fn what_the_agent_is_told() {
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
        };
        assert_eq!(
            message(&review),
            "Your work was reviewed, and changes are asked for.\n\nUse less memory.\n\na.rs:3: why?\n"
        );
    }
}
