//! What a key does to the agents that are watched. Pure: a key changes what is shown, or asks for an action.

use orchestra::{model::AgentId, ops::agent_object::AgentObject};

use super::{
    mode::{Asked, Mode},
    reading::Reading,
};
use crate::{key::Key, request_view};

/// The longest reason that can be typed, in characters.
const MAX_REASON: usize = 2000;

/// What a key asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Action {
    /// Nothing but to draw.
    Nothing,
    /// The watch ends; the agents keep running.
    Quit,
    Log(AgentId),
    Diff(AgentId),
    Review(AgentId),
    Pause(AgentId),
    Stop(AgentId),
    Allow(Asked),
    /// Allows what an agent asks for, and whatever has the same pattern, for good.
    Always(Asked),
    /// Denies a request, with a reason if there is one.
    Deny(Asked, Option<String>),
}

/// The state of a window that takes keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Control {
    pub(super) mode: Mode,
    /// The chosen agent; the first one if it is not among them.
    chosen: Option<AgentId>,
    /// What happened last, for one line.
    pub(super) message: Option<String>,
    /// How far the text of the question was read that the window asks.
    pub(super) reading: Option<Reading>,
}

/// Returns the agents in the order in which they are shown: those that wait come first.
pub(super) fn in_order(agents: &[AgentObject]) -> Vec<&AgentObject> {
    let mut order: Vec<&AgentObject> = agents.iter().collect();
    order.sort_by_key(|agent| agent.waiting.is_none());
    order
}

impl Control {
    /// Returns the chosen agent.
    pub(super) fn chosen<'a>(&self, agents: &'a [AgentObject]) -> Option<&'a AgentObject> {
        let order = in_order(agents);
        order.iter().find(|agent| Some(&agent.id) == self.chosen.as_ref()).or(order.first()).copied()
    }

    /// Follows a change of the agents: a question that was answered or replaced meanwhile is not asked any more.
    pub(super) fn update(&mut self, agents: &[AgentObject]) {
        // An agent that is chosen stays so when others begin to wait.
        self.chosen = self.chosen(agents).map(|agent| agent.id.clone());
        let (Mode::Allow(asked) | Mode::Always(asked, _) | Mode::Deny(asked, _)) = &self.mode else { return };
        let agent = agents.iter().find(|agent| agent.id == asked.agent);
        let now = agent.and_then(Asked::of);
        let is_same = match &self.mode {
            Mode::Always(asked, shown) => pattern(asked, agents).as_ref() == Some(shown),
            _ => true,
        };
        if is_same && now.as_ref() == Some(asked) {
            return;
        }
        self.reading = None;
        let id = asked.agent.clone();
        (self.mode, self.message) = match now {
            Some(now) => (Mode::Allow(now), Some(format!("{id} asks something else now"))),
            None => (Mode::Table, Some(format!("{id} no longer waits"))),
        };
    }

    /// Returns whether a window shows another question than before, or another part of it: what was typed before that appeared does
    /// not answer it.
    pub(super) fn asks_more_than(&self, mode: &Mode, reading: Option<&Reading>) -> bool {
        let is_question = matches!(self.mode, Mode::Allow(_) | Mode::Always(..) | Mode::Stop(_));
        match mode {
            Mode::Table => self.mode != Mode::Table,
            _ => is_question && (self.mode != *mode || self.reading.as_ref() != reading),
        }
    }

    /// Handles a key.
    pub(super) fn press(&mut self, key: Key, agents: &[AgentObject]) -> Action {
        self.message = None;
        match std::mem::take(&mut self.mode) {
            Mode::Table => self.press_in_table(key, agents),
            Mode::Help => Action::Nothing,
            mode @ (Mode::Allow(_) | Mode::Always(..)) => self.press_in_request(key, mode, agents),
            Mode::Deny(asked, reason) => self.press_in_reason(key, asked, reason),
            Mode::Stop(id) if key == Key::Char('y') => Action::Stop(id),
            Mode::Stop(_) => self.say("nothing was stopped"),
        }
    }

    fn say(&mut self, message: impl Into<String>) -> Action {
        self.message = Some(message.into());
        Action::Nothing
    }

    /// Handles a key while the window shows what an agent asks for, or what would be allowed for good.
    fn press_in_request(&mut self, key: Key, mode: Mode, agents: &[AgentObject]) -> Action {
        let is_whole = self.reading.as_ref().is_some_and(|reading| reading.is_whole(&mode));
        match (key, &mode) {
            (Key::Char('y'), Mode::Allow(asked)) if is_whole => return Action::Allow(asked.clone()),
            (Key::Char('y'), Mode::Always(asked, _)) if is_whole => return Action::Always(asked.clone()),
            (Key::Char('A'), Mode::Allow(asked)) if is_whole => {
                self.mode = match pattern(asked, agents) {
                    Some(pattern) => Mode::Always(asked.clone(), pattern),
                    None => {
                        self.message = Some("it can only be allowed once".to_owned());
                        mode
                    }
                };
            }
            (Key::Char('y'), _) | (Key::Char('A'), Mode::Allow(_)) => {
                self.message = Some("not allowed: its end was not shown yet".to_owned());
                self.mode = mode;
            }
            _ if self.reading.as_mut().is_some_and(|reading| reading.scroll(key)) => self.mode = mode,
            _ => return self.say("nothing was allowed"),
        }
        Action::Nothing
    }

    fn press_in_table(&mut self, key: Key, agents: &[AgentObject]) -> Action {
        match key {
            Key::Char('q') => return Action::Quit,
            Key::Char('?') => {
                self.mode = Mode::Help;
                return Action::Nothing;
            }
            Key::Up | Key::Char('k') => return self.choose(agents, |at| at.saturating_sub(1)),
            Key::Down | Key::Char('j') => return self.choose(agents, |at| at + 1),
            _ => {}
        }
        let Some(agent) = self.chosen(agents) else { return Action::Nothing };
        let id = agent.id.clone();
        match key {
            Key::Char('l') | Key::Enter => Action::Log(id),
            Key::Char('d') => Action::Diff(id),
            Key::Char('r') => Action::Review(id),
            Key::Char('p' | 's') if agent.phase.is_terminal() => self.say(format!("{id} has ended")),
            Key::Char('p') => Action::Pause(id),
            Key::Char('s') => {
                self.mode = Mode::Stop(id);
                Action::Nothing
            }
            Key::Char('a') => self.ask_to_allow(agent),
            Key::Char('x') => match Asked::of(agent) {
                Some(asked) => {
                    self.mode = Mode::Deny(asked, String::new());
                    Action::Nothing
                }
                None => self.say(not_asked(agent)),
            },
            _ => Action::Nothing,
        }
    }

    fn choose(&mut self, agents: &[AgentObject], to: impl Fn(usize) -> usize) -> Action {
        let order = in_order(agents);
        let now = self.chosen(agents).map(|agent| &agent.id);
        let at = order.iter().position(|agent| Some(&agent.id) == now).unwrap_or(0);
        let next = to(at).min(order.len().saturating_sub(1));
        self.chosen = order.get(next).map(|agent| agent.id.clone());
        Action::Nothing
    }

    fn ask_to_allow(&mut self, agent: &AgentObject) -> Action {
        let id = &agent.id;
        match Asked::of(agent) {
            Some(_) if agent.choice => {
                self.say(format!("it asks for a choice: git orchestra send {id} 'your choice'"))
            }
            Some(_) if !request_view::is_whole(agent) => {
                self.say(format!("too long to be shown whole: git orchestra send {id} --allow"))
            }
            Some(asked) => {
                self.reading = None;
                self.mode = Mode::Allow(asked);
                Action::Nothing
            }
            None => self.say(not_asked(agent)),
        }
    }

    fn press_in_reason(&mut self, key: Key, asked: Asked, mut reason: String) -> Action {
        match key {
            Key::Escape => return self.say("nothing was denied"),
            Key::Enter => {
                let reason = Some(reason.trim().to_owned()).filter(|reason| !reason.is_empty());
                return Action::Deny(asked, reason);
            }
            Key::Backspace => drop(reason.pop()),
            Key::Char(c) if reason.chars().count() < MAX_REASON => reason.push(c),
            _ => {}
        }
        self.mode = Mode::Deny(asked, reason);
        Action::Nothing
    }
}

/// Returns what would be allowed for good with the answer to a question, if anything can be.
fn pattern(asked: &Asked, agents: &[AgentObject]) -> Option<String> {
    let agent = agents.iter().find(|agent| agent.id == asked.agent)?;
    agent.request.as_ref().filter(|request| request.id == asked.question)?.pattern.clone()
}

/// Says why an agent cannot be answered.
fn not_asked(agent: &AgentObject) -> String {
    let id = &agent.id;
    match agent.waiting {
        Some(_) => format!("an older version started it: git orchestra send {id} --allow"),
        None => format!("{id} is not waiting for an answer"),
    }
}

#[cfg(test)]
mod tests;
