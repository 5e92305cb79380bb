//! The calls that only look.

use std::collections::BTreeMap;

use orchestra::{
    Error, Result,
    model::AgentId,
    ops::{
        agent_object::AgentObject,
        candidates, decide, diff, inbox,
        logs::{self, Position},
        sessions::{
            self,
            resume::PreparedSession,
            search::{self, Query, SearchSummary},
            search_report::{FoundSession, Report as SearchReport},
        },
        spec, status, unasked, undo,
        web::{self, LogPage, PageStart},
        worktrees,
    },
    wire,
};
use serde_json::{Value, json};

use super::call::{Call, envelope};

/// The most of a diff that is answered, in bytes.
const MAX_DIFF: usize = 256 * 1024;
/// How many lines of output are answered if nothing else is asked for.
const LOG_LINES: u64 = 200;
/// How many sessions are answered if nothing else is asked for, and at most.
const SESSIONS: (u64, u64) = (50, 500);

pub(crate) fn status(call: &Call<'_>) -> Result<Value> {
    let request = status::Request { all: call.flag("all")?, ..status::Request::default() };
    envelope(wire::STATUS, &status::run(&call.context, &call.repo()?, &request)?)
}

pub(crate) fn agent(call: &Call<'_>) -> Result<Value> {
    let request = status::Request { agents: vec![call.agent()], ..status::Request::default() };
    envelope(wire::STATUS, &status::run(&call.context, &call.repo()?, &request)?)
}

pub(crate) fn log(call: &Call<'_>) -> Result<Value> {
    let repo = call.repo()?;
    let start = match (call.number("attempt")?, call.number("from")?, call.number("lines")?) {
        (None, None, lines) => PageStart::LastLines(lines.unwrap_or(LOG_LINES)),
        (Some(attempt), from, None) => {
            let attempt = u32::try_from(attempt).map_err(|_| Error::usage("there is no such attempt"))?;
            PageStart::At(Position { attempt, bytes: from.unwrap_or(0) })
        }
        _ => return Err(Error::usage("a page begins at 'attempt' and 'from', or 'lines' before the end")),
    };
    let report = logs::run(&call.context, &repo, &logs::Request { agent: call.agent(), attempt: None })?;
    with_head("log-page", serde_json::to_value(LogPage::read(&repo, &report, start)?))
}

/// Adds what every answer begins with to one that no command prints.
pub(crate) fn with_head(kind: &str, answer: serde_json::Result<Value>) -> Result<Value> {
    let mut answer = answer.map_err(|error| Error::internal("cannot write JSON").because(error))?;
    answer["version"] = json!(1);
    answer["kind"] = json!(kind);
    Ok(answer)
}

pub(crate) fn diff(call: &Call<'_>) -> Result<Value> {
    let repo = unasked::accepted(call.repo()?)?;
    let since_review = call.flag("since_review")?;
    let request = diff::Request { agent: call.agent(), since_review, ..diff::Request::default() };
    let compared = diff::compare(&repo, &request)?;
    let mut text = compared.text()?;
    let is_cut = text.len() > MAX_DIFF;
    if is_cut {
        // Only whole lines are shown, so the place is also one between two characters.
        let end = text.as_bytes()[..MAX_DIFF].iter().rposition(|byte| *byte == b'\n');
        text.truncate(end.map_or(0, |line| line + 1));
    }
    let mut answer = envelope(wire::DIFF, &compared.into_report()?)?;
    answer["text"] = json!(text);
    answer["text_cut"] = json!(is_cut);
    Ok(answer)
}

pub(crate) fn inbox(call: &Call<'_>) -> Result<Value> {
    let request = inbox::Request { all: call.flag("all")?, ..inbox::Request::default() };
    envelope(wire::INBOX, &inbox::run(&call.context, &call.repo()?, &request)?)
}

pub(crate) fn gates(call: &Call<'_>) -> Result<Value> {
    envelope(wire::DECIDE, &decide::run(&call.context, &call.repo()?, &decide::Request::default())?)
}

pub(crate) fn runs(call: &Call<'_>) -> Result<Value> {
    let report = status::run(&call.context, &call.repo()?, &status::Request::default())?;
    with_head("runs", serde_json::to_value(report.runs).map(|runs| json!({"runs": runs})))
}

pub(crate) fn worktrees(call: &Call<'_>) -> Result<Value> {
    envelope(wire::WORKTREES, &worktrees::run(&call.context, &call.repo()?, &worktrees::Request::default())?)
}

pub(crate) fn sessions(call: &Call<'_>) -> Result<Value> {
    let request = sessions::Request { limit: session_limit(call)?, ..sessions::Request::default() };
    envelope(wire::SESSIONS, &sessions::run(&call.context, Some(&call.repo()?), &request)?)
}

/// Returns how many sessions are asked for.
fn session_limit(call: &Call<'_>) -> Result<usize> {
    let (default, most) = SESSIONS;
    let limit = call.number("limit")?.unwrap_or(default).clamp(1, most);
    Ok(usize::try_from(limit).unwrap_or(1))
}

pub(crate) fn search(call: &Call<'_>) -> Result<Value> {
    let words = call.parameters.get("words").cloned().unwrap_or_default();
    let (regex, ignore_case) = (call.flag("regex")?, call.flag("ignore_case")?);
    let query = Query { words, regex, ignore_case, one_match: false };
    let request = sessions::Request { limit: session_limit(call)?, ..sessions::Request::default() };
    let repo = call.repo()?;
    let mut under_way = search::run(&call.context, Some(&repo), &request, &query)?;
    let sessions = under_way.by_ref().map(|hits| hits.map(FoundSession::from)).collect::<Result<_>>()?;
    let SearchSummary { searched, troubles } = under_way.finish();
    envelope(wire::SEARCH, &SearchReport { searched, sessions, unreadable: troubles })
}

/// Says what to type to resume a session, or that of an agent, in its own program.
pub(crate) fn command(call: &Call<'_>) -> Result<Value> {
    let repo = unasked::accepted(call.repo()?)?;
    let request = sessions::resume::Request {
        session: call.place(),
        dry_run: true,
        ..sessions::resume::Request::default()
    };
    let PreparedSession { plan, .. } = sessions::resume::prepare(call.environment, Some(&repo), &request)?;
    let mut answer = serde_json::to_value(&plan);
    if let Ok(answer) = &mut answer {
        answer["command"] = json!(plan.shell_command());
    }
    with_head("command", answer)
}

pub(crate) fn teams(call: &Call<'_>) -> Result<Value> {
    with_head("teams", Ok(json!({"teams": web::teams(&call.repo()?)})))
}

pub(crate) fn profiles(call: &Call<'_>) -> Result<Value> {
    with_head("profiles", Ok(json!({"profiles": candidates::profiles(&call.repo()?)})))
}

pub(crate) fn specs(call: &Call<'_>) -> Result<Value> {
    envelope(wire::SPECS, &spec::run(&call.context, &call.repo()?)?)
}

pub(crate) fn spec(call: &Call<'_>) -> Result<Value> {
    let request = spec::ShowRequest { name: Some(call.place()), version: call.number("version")? };
    envelope(wire::SPEC, &spec::show(&call.context, &call.repo()?, &request)?)
}

pub(crate) fn history(call: &Call<'_>) -> Result<Value> {
    envelope(wire::UNDO, &undo::list(&call.repo()?)?)
}

pub(crate) fn costs(call: &Call<'_>) -> Result<Value> {
    let request = status::Request { all: true, ..status::Request::default() };
    let report = status::run(&call.context, &call.repo()?, &request)?;
    let by = |name: fn(&AgentObject) -> String| {
        let mut sums: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for agent in &report.agents {
            let sum = sums.entry(name(agent)).or_default();
            sum.0 += agent.cost_usd.map_or(0, |cost| cost.micros());
            sum.1 += 1;
        }
        let row = |(name, (micros, agents)): (String, (u64, u64))| json!({"name": name, "cost_micros": micros, "agents": agents});
        sums.into_iter().map(row).collect::<Vec<_>>()
    };
    let answer = json!({
        "by_day": by(|agent| agent.queued_at.strftime("%Y-%m-%d").to_string()),
        "by_program": by(|agent| agent.profile.clone()),
        "by_agent": by(|agent| AgentId::to_string(&agent.id)),
    });
    with_head("costs", Ok(answer))
}
