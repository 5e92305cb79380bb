//! An agent, as far as it is shown, and the agents in the order in which they are shown. Pure.

use orchestra::{
    model::{AgentId, Liveness, Phase, lineage, text},
    ops::agent_object::AgentObject,
};
use orchestra_terminal::{
    agents,
    style::{Role, role_of},
};

/// A question of an agent: an answer to it is never one to another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Asked {
    pub(crate) agent: AgentId,
    pub(crate) question: String,
}

/// What an agent asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Request {
    /// The id of the question, by which it is answered; `None` if an older version did not record it.
    pub(crate) id: Option<String>,
    /// The request, as far as it was recorded.
    pub(crate) text: String,
    /// Whether that is all of it.
    pub(crate) is_whole: bool,
    /// What can be allowed for good.
    pub(crate) pattern: Option<String>,
    /// Whether it is answered by a text.
    pub(crate) is_choice: bool,
}

/// An agent, as far as it is shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Row {
    pub(crate) id: AgentId,
    /// How many agents are above it in the tree.
    pub(crate) depth: usize,
    pub(crate) title: String,
    pub(crate) phase: Phase,
    pub(crate) liveness: Liveness,
    /// The phase in words, with what makes it special.
    pub(crate) state: String,
    pub(crate) role: Role,
    /// What it does now, or how it ended.
    pub(crate) activity: String,
    pub(crate) request: Option<Request>,
    /// When its present state began, in seconds since 1970.
    pub(crate) since: i64,
    /// When its newest event was recorded.
    pub(crate) heard: i64,
    /// When its attempt began, and how long the ones before it took.
    pub(crate) ran: (Option<i64>, i64),
    pub(crate) cost_micros: Option<u64>,
    pub(crate) worktree: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) head: Option<String>,
    pub(crate) is_designer: bool,
    /// Added and removed lines.
    pub(crate) lines: Option<(u64, u64)>,
    pub(crate) unread: u64,
    /// The place in the queue, counted from 1.
    pub(crate) queued: Option<usize>,
    /// The clone in which it runs, if that is another one.
    pub(crate) elsewhere: Option<String>,
}

impl Row {
    /// Whether it waits for a person: an answer, or somebody who sees that it is lost.
    pub(crate) fn needs_person(&self) -> bool {
        self.request.is_some() || self.liveness == Liveness::Lost || self.unread > 0
    }

    /// Returns its question, if it can be answered.
    pub(crate) fn asked(&self) -> Option<Asked> {
        let question = self.request.as_ref()?.id.clone()?;
        Some(Asked { agent: self.id.clone(), question })
    }

    /// Returns the mark of its state, in Unicode or plain.
    pub(crate) fn mark(&self, plain: bool) -> &'static str {
        let (shown, simple) = match (self.liveness, self.phase) {
            _ if self.request.is_some() => ("?", "?"),
            (Liveness::Lost, _) => ("!", "!"),
            (_, Phase::Done) => ("✓", "+"),
            (_, Phase::Failed | Phase::Timeout) => ("✗", "x"),
            (_, Phase::Stopped) => ("■", "#"),
            (_, Phase::Paused) => ("‖", "="),
            (_, Phase::Queued) => ("○", "o"),
            (_, Phase::Running | Phase::Starting | Phase::Waiting) => ("●", "*"),
        };
        if plain { simple } else { shown }
    }

    /// Returns how long its present state lasts, in seconds.
    pub(crate) fn age(&self, now: i64) -> i64 {
        (now - self.since).max(0)
    }

    /// Returns its cost in a minute, in millionths of a dollar, if it runs and reports costs.
    pub(crate) fn cost_rate(&self, now: i64) -> Option<u64> {
        let (began, before) = self.ran;
        let seconds = u64::try_from(now - began? + before).ok().filter(|seconds| *seconds > 0)?;
        let is_running = self.liveness == Liveness::Live && !self.phase.is_at_rest();
        self.cost_micros.filter(|_| is_running).map(|cost| cost.saturating_mul(60) / seconds)
    }

    /// Whether it has one of the words of a filter.
    pub(crate) fn matches(&self, filter: &str) -> bool {
        let filter = filter.trim_start_matches('/').to_lowercase();
        let is_state = filter == "waiting" && self.request.is_some();
        is_state
            || [self.id.as_str(), &self.title, &self.state]
                .iter()
                .any(|text| text.to_lowercase().contains(&filter))
    }
}

/// Returns agents as they are shown: each is followed by those that it started, and else the oldest is first.
pub(crate) fn rows(agents: &[AgentObject]) -> Vec<Row> {
    let mut agents: Vec<&AgentObject> = agents.iter().collect();
    agents.sort_by(|one, other| {
        (one.queued_at, &one.run, one.place).cmp(&(other.queued_at, &other.run, other.place))
    });
    let born: Vec<(&str, Option<String>)> = agents
        .iter()
        .map(|agent| (agent.id.as_str(), agent.parent.as_ref().map(ToString::to_string)))
        .collect();
    let born: Vec<_> = born.iter().map(|(id, parent)| (*id, parent.as_deref())).collect();
    let order = lineage::tree_order(&born);
    let ordered: Vec<_> = order.iter().map(|at| born[*at]).collect();
    let depths = lineage::depths(&ordered);
    order.iter().zip(depths).map(|(at, depth)| row(agents[*at], depth)).collect()
}

fn row(agent: &AgentObject, depth: usize) -> Row {
    let moment = if agent.phase.is_at_rest() { agent.ended_at } else { agent.started_at };
    Row {
        id: agent.id.clone(),
        depth,
        title: text::safe(&agent.title).into_owned(),
        phase: agent.phase,
        liveness: agent.liveness,
        state: agents::phase(agent),
        role: role_of(agent.phase, agent.liveness),
        activity: text::safe(&agents::activity(agent)).into_owned(),
        request: request(agent),
        since: moment.unwrap_or(agent.queued_at).as_second(),
        heard: agent.told_at.as_second(),
        ran: (
            agent.started_at.filter(|_| agent.ended_at.is_none()).map(|at| at.as_second()),
            i64::try_from(agent.ran_seconds).unwrap_or(i64::MAX),
        ),
        cost_micros: agent.cost_micros(),
        worktree: agent.worktree.clone(),
        session: agent.session.as_ref().map(ToString::to_string),
        head: agent.head.as_ref().map(ToString::to_string),
        is_designer: agent.designer,
        lines: agent.insertions.zip(agent.deletions).filter(|_| agent.files_changed.unwrap_or(0) > 0),
        unread: agent.unread_messages,
        queued: agent.queue_position.map(|before| before + 1),
        elsewhere: (agent.liveness == Liveness::Remote).then(|| {
            text::safe(agent.label.as_deref().unwrap_or_else(|| agent.writer.as_str())).into_owned()
        }),
    }
}

fn request(agent: &AgentObject) -> Option<Request> {
    let waiting = agent.waiting.as_ref()?;
    Some(match &agent.request {
        Some(request) => Request {
            id: Some(request.id.clone()),
            text: text::safe(&request.text).into_owned(),
            is_whole: request.cut_from_bytes.is_none(),
            pattern: request.pattern.as_deref().map(|pattern| text::safe(pattern).into_owned()),
            is_choice: agent.choice,
        },
        None => Request {
            id: None,
            text: text::safe(waiting).into_owned(),
            is_whole: false,
            pattern: None,
            is_choice: agent.choice,
        },
    })
}
