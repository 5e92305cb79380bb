//! `sessions stats`: messages, tokens, and costs by day, project, and model. Days are in UTC.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Request, catalogue::Catalogue, forks};
use crate::{
    Result,
    context::Context,
    conversation::{DayUsage, ReadFailure, day_of, model_of},
    git::Repo,
    ops::agent_object,
};

/// Messages, tokens, and costs.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The sum of everything.
    pub total: Sum,
    /// The sums by day, newest first.
    pub days: Vec<Sum>,
    /// The sums by project, the most expensive first.
    pub projects: Vec<Sum>,
    /// The sums by model, the most expensive first.
    pub models: Vec<Sum>,
    /// Files that could not be read.
    #[serde(rename = "unreadable")]
    pub troubles: Vec<ReadFailure>,
}

/// A sum. A value that no program recorded is `null`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
pub struct Sum {
    /// The day, the folder of the project, or the model; `null` if it is unknown.
    pub name: Option<String>,
    /// The number of sessions that contribute to it.
    pub sessions: u64,
    /// The number of prompts and answers.
    pub messages: u64,
    /// The number of input tokens, including cached ones.
    pub input_tokens: Option<u64>,
    /// The number of output tokens.
    pub output_tokens: Option<u64>,
    /// The cost in US dollars.
    pub cost_usd: Option<f64>,
}

/// Computes the sums of the sessions that match. Reads every line that is not in the index yet.
///
/// # Errors
/// There is no such program (2), the refs cannot be read, or the user interrupts it (130).
pub fn run(context: &Context, repo: Option<&Repo>, request: &Request) -> Result<Report> {
    super::check(request)?;
    let mut catalogue = Catalogue::read(context, repo, request.everywhere, request.program.as_deref())?;
    let (mut rows, _) = catalogue.rows(&Request { limit: 0, ..request.clone() });
    catalogue.read_whole(&mut rows);
    context.check()?;
    forks::count_once(repo, &mut catalogue, &mut rows);
    let since = request.since.and_then(day_at).unwrap_or_default();
    // A share without a day counts, because its session was active since then.
    let is_wanted = |day: &str| day.is_empty() || day >= since.as_str();
    let mut sums = Sums::default();
    for row in &rows {
        let session = catalogue.session(row);
        let project = session.repository.or(session.cwd).unwrap_or_default();
        let mut mine = Sums::default();
        for (key, share) in row.shares().filter(|(key, _)| is_wanted(day_of(key))) {
            mine.add(day_of(key), &project, model_of(key), &share);
        }
        // Prompts without an answer have no model of their own.
        let unanswered = DayUsage { messages: row.facts.unanswered, ..DayUsage::default() };
        let last = row.facts.last_at.as_deref().and_then(|at| at.get(..10)).unwrap_or_default();
        if unanswered.messages > 0 && is_wanted(last) {
            mine.add(last, &project, row.facts.model.as_deref().unwrap_or_default(), &unanswered);
        }
        if !mine.is_empty() || request.since.is_none() {
            sums.join(mine);
        }
    }
    Ok(sums.report(catalogue.close()))
}

/// Returns the day of a time in seconds since 1970, in the format of shares.
fn day_at(seconds: i64) -> Option<String> {
    Some(Timestamp::from_second(seconds).ok()?.strftime("%Y-%m-%d").to_string())
}

/// A share, and the number of sessions in it.
#[derive(Clone, Copy, Default)]
struct Counted {
    sessions: u64,
    share: DayUsage,
}

#[derive(Default)]
struct Sums {
    total: Counted,
    days: BTreeMap<String, Counted>,
    projects: BTreeMap<String, Counted>,
    models: BTreeMap<String, Counted>,
}

impl Sums {
    fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    fn add(&mut self, day: &str, project: &str, model: &str, share: &DayUsage) {
        let groups = [(&mut self.days, day), (&mut self.projects, project), (&mut self.models, model)];
        for (group, name) in groups {
            add(&mut group.entry(name.to_owned()).or_default().share, share);
        }
        add(&mut self.total.share, share);
    }

    /// Adds the sums of one session.
    fn join(&mut self, one: Self) {
        let groups =
            [(&mut self.days, one.days), (&mut self.projects, one.projects), (&mut self.models, one.models)];
        for (group, mine) in groups {
            for (name, counted) in mine {
                let sum = group.entry(name).or_default();
                sum.sessions += 1;
                add(&mut sum.share, &counted.share);
            }
        }
        self.total.sessions += 1;
        add(&mut self.total.share, &one.total.share);
    }

    fn report(self, troubles: Vec<ReadFailure>) -> Report {
        let named =
            |group: BTreeMap<String, Counted>| -> Vec<(String, Counted)> { group.into_iter().collect() };
        let sums = |group: Vec<(String, Counted)>| {
            group
                .into_iter()
                .map(|(name, counted)| sum(Some(name).filter(|name| !name.is_empty()), &counted))
                .collect()
        };
        let by_cost = |group| {
            let mut group = named(group);
            group.sort_by_key(|(_, counted)| std::cmp::Reverse((counted.share.cost, counted.share.messages)));
            group
        };
        let mut days = named(self.days);
        days.reverse();
        Report {
            total: sum(None, &self.total),
            days: sums(days),
            projects: sums(by_cost(self.projects)),
            models: sums(by_cost(self.models)),
            troubles,
        }
    }
}

const fn add(sum: &mut DayUsage, more: &DayUsage) {
    sum.messages = sum.messages.saturating_add(more.messages);
    sum.input = sum.input.saturating_add(more.input);
    sum.output = sum.output.saturating_add(more.output);
    sum.cost = sum.cost.saturating_add(more.cost);
    sum.counted |= more.counted;
    sum.priced |= more.priced;
}

fn sum(name: Option<String>, counted: &Counted) -> Sum {
    let share = &counted.share;
    Sum {
        name,
        sessions: counted.sessions,
        messages: share.messages,
        input_tokens: share.counted.then_some(share.input),
        output_tokens: share.counted.then_some(share.output),
        cost_usd: share.priced.then(|| agent_object::dollars(share.cost)),
    }
}
