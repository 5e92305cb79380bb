//! The tool calls of a turn. A program may announce a call twice, tell its details late or only in a question, report its end twice, or never
//! report it. Pure.

use std::collections::{HashMap, VecDeque};

use super::update::{Status, ToolCall};
use crate::agents::StreamEvent;

/// The maximum number of calls of one turn that are kept at a time.
const MAX_OPEN: usize = 1000;
/// The number of ended calls that are remembered, so that what is said about them later is recognized.
const MAX_ENDED: usize = 1000;

/// The calls that were not reported as ended, and the latest of those that were.
#[derive(Debug, Default)]
pub(super) struct Calls {
    open: HashMap<String, Known>,
    ended: VecDeque<String>,
}

/// What is known about a call.
#[derive(Debug, Default)]
struct Known {
    title: Option<String>,
    kind: Option<String>,
    place: Option<String>,
    argument: Option<String>,
    is_announced: bool,
}

impl Calls {
    /// Adds what an update says. Returns the events: the call, once its details are known, and its result.
    pub(super) fn update(&mut self, call: ToolCall) -> Vec<StreamEvent> {
        if self.ended.contains(&call.id) {
            return Vec::new();
        }
        let (id, status, output) = (call.id.clone(), call.status, call.output.clone());
        let has_begun = matches!(status, Some(Status::Running | Status::Completed | Status::Failed));
        let mut events = self.learn(call, has_begun);
        if let Some(status @ (Status::Completed | Status::Failed)) = status {
            self.open.remove(&id);
            self.remember(id);
            let error = status == Status::Failed;
            events.push(StreamEvent::ToolResult { error, text: output.unwrap_or_default() });
        }
        events
    }

    /// Adds what a question says about its call, which is announced now at the latest. Returns the name and details of the call too.
    pub(super) fn asked(&mut self, call: ToolCall) -> (Vec<StreamEvent>, String, String) {
        let id = call.id.clone();
        let alone = Known::default().with(call.clone());
        let events = if self.ended.contains(&id) { Vec::new() } else { self.learn(call, true) };
        let known = self.open.get(&id).unwrap_or(&alone);
        (events, known.name(), known.about())
    }

    /// Forgets the calls of which no end was reported: the turn is over.
    pub(super) fn end_turn(&mut self) {
        let left: Vec<String> = self.open.drain().map(|(id, _)| id).collect();
        left.into_iter().for_each(|id| self.remember(id));
    }

    fn learn(&mut self, call: ToolCall, has_begun: bool) -> Vec<StreamEvent> {
        let id = call.id.clone();
        if self.open.len() >= MAX_OPEN && !self.open.contains_key(&id) {
            self.end_turn();
        }
        let known = self.open.remove(&id).unwrap_or_default().with(call);
        let announces = !known.is_announced && (has_begun || known.has_details());
        let used = announces.then(|| StreamEvent::ToolUse {
            id: id.clone(),
            name: known.name(),
            about: known.about(),
        });
        let is_announced = known.is_announced || announces;
        self.open.insert(id, Known { is_announced, ..known });
        used.into_iter().collect()
    }

    fn remember(&mut self, id: String) {
        self.ended.push_back(id);
        if self.ended.len() > MAX_ENDED {
            self.ended.pop_front();
        }
    }
}

impl Known {
    fn with(self, call: ToolCall) -> Self {
        Self {
            title: call.title.or(self.title),
            kind: call.kind.or(self.kind),
            place: call.place.or(self.place),
            argument: call.argument.or(self.argument),
            is_announced: self.is_announced,
        }
    }

    /// Returns whether it is known what the tool works on.
    fn has_details(&self) -> bool {
        if self.touches_file() {
            self.place.is_some() || self.argument.is_some()
        } else {
            self.argument.is_some()
        }
    }

    fn touches_file(&self) -> bool {
        matches!(self.kind.as_deref(), Some("read" | "edit" | "delete" | "move"))
    }

    /// Returns its kind; the protocol has no names of tools.
    fn name(&self) -> String {
        self.kind.as_deref().filter(|kind| *kind != "other").unwrap_or("tool").to_owned()
    }

    /// Returns what it works on: a file, a command, or else its title.
    fn about(&self) -> String {
        let place = self.place.as_ref().filter(|_| self.touches_file());
        place.or(self.argument.as_ref()).or(self.title.as_ref()).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn call(value: &Value) -> ToolCall {
        ToolCall::of(value).expect("a call")
    }

    fn used(name: &str, about: &str) -> StreamEvent {
        StreamEvent::ToolUse { id: "c".to_owned(), name: name.to_owned(), about: about.to_owned() }
    }

    fn result(error: bool, text: &str) -> StreamEvent {
        StreamEvent::ToolResult { error, text: text.to_owned() }
    }

    #[test]
    fn each_call_is_announced_once_with_its_details_and_ends_once() {
        let says = |text: &str| json!([{"type": "content", "content": {"type": "text", "text": text}}]);
        let mut calls = Calls::default();
        for (update, expected) in [
            (
                json!({"toolCallId": "c", "title": "write", "kind": "edit", "status": "pending", "rawInput": {}}),
                vec![],
            ),
            (
                json!({"toolCallId": "c", "status": "in_progress", "locations": [{"path": "/w/a"}]}),
                vec![used("edit", "/w/a")],
            ),
            (json!({"toolCallId": "c", "title": "write", "kind": "edit", "status": "in_progress"}), vec![]),
            (
                json!({"toolCallId": "c", "status": "completed", "content": says("ok")}),
                vec![result(false, "ok")],
            ),
            (json!({"toolCallId": "c", "status": "completed", "content": says("ok")}), vec![]),
            (json!({"toolCallId": "c", "status": "in_progress"}), vec![]),
        ] {
            assert_eq!(calls.update(call(&update)), expected, "{update}");
        }
    }

    #[test]
    fn a_call_that_is_only_reported_at_its_end_is_announced() {
        let failed = json!({"toolCallId": "c", "status": "failed", "rawOutput": "no", "_meta": {"toolName": "write_file"}});
        let expected = vec![used("tool", "write_file"), result(true, "no")];
        assert_eq!(Calls::default().update(call(&failed)), expected);
    }

    #[test]
    fn a_question_announces_its_call_and_a_call_left_open_ends_with_the_turn() {
        let mut calls = Calls::default();
        let question =
            json!({"toolCallId": "c", "title": "git push", "kind": "execute", "status": "pending"});
        let (events, name, about) = calls.asked(call(&question));
        assert_eq!((events, &*name, &*about), (vec![used("execute", "git push")], "execute", "git push"));
        assert_eq!(calls.asked(call(&question)).0, vec![], "announced already");
        calls.end_turn();
        assert_eq!(calls.update(call(&json!({"toolCallId": "c", "status": "completed"}))), vec![]);
        assert_eq!(
            calls.asked(call(&question)).2,
            "git push",
            "a question is shown whatever was said before"
        );
    }

    #[test]
    fn only_some_calls_are_kept() {
        let mut calls = Calls::default();
        for number in 0..3 * MAX_OPEN {
            calls.update(call(&json!({"toolCallId": number.to_string(), "status": "in_progress"})));
        }
        assert!(calls.open.len() <= MAX_OPEN && calls.ended.len() <= MAX_ENDED);
    }
}
