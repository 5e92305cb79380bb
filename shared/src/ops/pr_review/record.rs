//! The verdicts on pull requests: lines of JSON in notes on their heads, which `sync` carries, and in a private ref. A verdict counts if
//! this clone gave it, which only the private ref proves, or if the user trusts its writer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Error, Result,
    config::{Config, keys::TRUST_WRITER},
    git::{Oid, Repo, refs::RefEdit},
    model::{
        canonical, text,
        verdict::{Comment, Verdict},
    },
    store::{layout, notes, verdicts::VerdictMatch, writer},
    world::Timestamp,
};

/// The most verdicts that are kept for one pull request in this clone.
const MAX_VERDICTS: usize = 200;
/// How often to try if other commands write at the same time.
const ATTEMPTS: u32 = 5;

/// A verdict on a pull request.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct PullRequestVerdict {
    /// The verdict.
    pub verdict: Verdict,
    /// Where the pull request branched off.
    pub base: String,
    /// The commit that was its head.
    pub head: String,
    /// The id of the patch between them.
    pub patch: String,
    /// Who gave it: a person, or a kind of agent.
    pub by: String,
    /// The agent that gave it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewer: Option<String>,
    /// The result of the test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// What is said of the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What is said of lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<Comment>,
    /// When it was given.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The clone in which it was given.
    pub writer: String,
    /// Whether it counts in this clone.
    #[serde(default)]
    pub counts: bool,
    /// Whether it is on the present head.
    pub holds: VerdictMatch,
}

/// The pull request of which verdicts are read and written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// The name of the remote as a component of a ref.
    pub(super) remote: &'a str,
    /// The host of its forge.
    pub(super) host: &'a str,
    /// Its repository there.
    pub(super) repo: &'a str,
    /// Its number.
    pub(super) number: u64,
}

/// What a verdict is about now.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    pub(super) base: Oid,
    pub(super) head: Oid,
    pub(super) patch: String,
}

/// Records a verdict of this clone, unless its last one says the same.
///
/// # Errors
/// It cannot be written.
pub(super) fn add(repo: &Repo, place: Place<'_>, head: Oid, given: &PullRequestVerdict) -> Result<()> {
    let line = written(place, given).ok_or_else(|| Error::internal("a verdict is no JSON"))?;
    let name = layout::pull_request_verdicts_ref(place.remote, place.number);
    for attempt in 1.. {
        let old = repo.find_ref(&name)?;
        let mut lines = own_lines(repo, place)?;
        let same = |known: &String| read(known, place).is_some_and(|known| says_the_same(&known, given));
        if lines.last().is_none_or(|last| !same(last)) {
            lines.push(line.clone());
        }
        let from = lines.len().saturating_sub(MAX_VERDICTS);
        let text: String = lines[from..].iter().map(|line| format!("{line}\n")).collect();
        let new = repo.write_blob(text.as_bytes())?;
        if old == Some(new) {
            break;
        }
        match repo.edit_refs(&[RefEdit { name: name.clone(), old, new }], "orchestra: verdict") {
            Err(error) if error.is_race() && attempt < ATTEMPTS => {}
            other => {
                other?;
                break;
            }
        }
    }
    share(repo, place, head)
}

/// Writes the verdicts of this clone on a head into the notes, beside those of others.
fn share(repo: &Repo, place: Place<'_>, head: Oid) -> Result<()> {
    let on_head = |line: &String| read(line, place).is_some_and(|one| one.head == head.to_string());
    let mut lines = noted_lines(repo, head)?;
    for line in own_lines(repo, place)?.into_iter().filter(on_head) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    let note: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let subject = format!("verdict on {} of {}", place.number, text::one_line(place.repo, 100));
    notes::write(repo, layout::PULL_REQUESTS, &subject, &[(head, note)])
}

/// Returns the verdicts on a pull request, oldest first: those of this clone, and what others noted on its present head.
///
/// # Errors
/// They cannot be read.
pub(super) fn all(repo: &Repo, place: Place<'_>, now: &Judged) -> Result<Vec<PullRequestVerdict>> {
    let own = own_lines(repo, place)?;
    let (trusted, own_id) = (Config::of(repo).all(&TRUST_WRITER), writer::known_writer(repo));
    let is_own = |writer: &str| own_id.as_ref().is_some_and(|own| own.as_str() == writer);
    let mut found: Vec<PullRequestVerdict> = Vec::new();
    for line in own.iter().chain(noted_lines(repo, now.head)?.iter().filter(|line| !own.contains(line))) {
        let Some(mut one) = read(line, place) else { continue };
        // Who can push notes can name any clone in them, but cannot write the private ref.
        one.counts = own.contains(line) || (trusted.contains(&one.writer) && !is_own(&one.writer));
        one.holds = holds(&one, now);
        found.push(one);
    }
    found.sort_by_key(|one| one.at);
    Ok(found)
}

/// Returns the verdict that decides: of the last ones of all reviewers on the present work, the strictest.
pub(super) fn standing(all: &[PullRequestVerdict]) -> Option<&PullRequestVerdict> {
    last_of_each(all).into_iter().max_by_key(|one| one.verdict)
}

/// Returns the verdicts that ask for changes to the present work, of those that are the last ones of their reviewers, oldest first.
pub(super) fn asked_changes(all: &[PullRequestVerdict]) -> Vec<&PullRequestVerdict> {
    last_of_each(all).into_iter().filter(|one| one.verdict == Verdict::Changes).collect()
}

fn last_of_each(all: &[PullRequestVerdict]) -> Vec<&PullRequestVerdict> {
    let that_hold: Vec<_> = all.iter().filter(|one| one.counts && one.holds != VerdictMatch::Stale).collect();
    let is_last = |at: usize| !that_hold[at + 1..].iter().any(|later| later.by == that_hold[at].by);
    that_hold.iter().enumerate().filter(|(at, _)| is_last(*at)).map(|(_, one)| *one).collect()
}

fn holds(one: &PullRequestVerdict, now: &Judged) -> VerdictMatch {
    if one.head == now.head.to_string() && one.base == now.base.to_string() {
        VerdictMatch::Current
    } else if !one.patch.is_empty() && one.patch == now.patch {
        VerdictMatch::Carried
    } else {
        VerdictMatch::Stale
    }
}

fn says_the_same(one: &PullRequestVerdict, other: &PullRequestVerdict) -> bool {
    let said = |one: &PullRequestVerdict| {
        let key = (one.verdict, one.base.clone(), one.head.clone(), one.by.clone(), one.reviewer.clone());
        (key, one.text.clone(), one.comments.clone())
    };
    said(one) == said(other)
}

fn own_lines(repo: &Repo, place: Place<'_>) -> Result<Vec<String>> {
    let Some(blob) = repo.find_ref(&layout::pull_request_verdicts_ref(place.remote, place.number))? else {
        return Ok(Vec::new());
    };
    Ok(lines(&repo.read_blob(blob)?))
}

fn noted_lines(repo: &Repo, head: Oid) -> Result<Vec<String>> {
    let Some(tip) = repo.find_ref(layout::PULL_REQUESTS)? else { return Ok(Vec::new()) };
    Ok(notes::read_one(repo, tip, head)?.map(|note| lines(&note)).unwrap_or_default())
}

fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect()
}

fn written(place: Place<'_>, one: &PullRequestVerdict) -> Option<String> {
    canonical::write(&json!({
        "v": 1, "t": "verdict", "host": place.host, "repo": place.repo, "number": place.number,
        "at": one.at.to_string(), "w": one.writer, "verdict": one.verdict.as_str(), "base": one.base, "head": one.head,
        "patch": one.patch, "by": one.by, "reviewer": one.reviewer, "check": one.check, "text": one.text, "comments": one.comments,
    }))
}

/// Reads a line; `None` if it is no verdict on this pull request. What is shown is made safe.
fn read(line: &str, place: Place<'_>) -> Option<PullRequestVerdict> {
    let value = canonical::read(line)?;
    let is_here = value["t"] == "verdict"
        && value["host"] == place.host
        && value["repo"] == place.repo
        && value["number"] == place.number;
    if !is_here {
        return None;
    }
    let word = |name: &str| value[name].as_str().map(text::short);
    let comments: Vec<Comment> = serde_json::from_value(value["comments"].clone()).unwrap_or_default();
    Some(PullRequestVerdict {
        verdict: serde_json::from_value(value["verdict"].clone()).ok()?,
        base: word("base")?,
        head: word("head")?,
        patch: word("patch").unwrap_or_default(),
        by: word("by")?,
        reviewer: word("reviewer"),
        check: word("check"),
        text: value["text"].as_str().map(text::safe_block),
        comments: comments.iter().map(shown).collect(),
        at: serde_json::from_value::<Timestamp>(Value::clone(&value["at"])).ok()?,
        writer: word("w")?,
        counts: false,
        holds: VerdictMatch::Stale,
    })
}

fn shown(comment: &Comment) -> Comment {
    Comment {
        file: text::one_line(&comment.file, 400),
        line: comment.line,
        text: text::safe_block(&comment.text),
    }
}
