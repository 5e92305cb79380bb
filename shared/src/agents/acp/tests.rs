//! The exchange as a whole: a program is played line by line.

use std::path::Path;

use serde_json::{Value, json};

use super::{super::*, Acp};
use crate::model::Permission;

/// An exchange with a program that is played.
struct Played {
    exchange: Box<dyn Exchange>,
}

impl Played {
    fn with(
        session: Session<'_>,
        opens_with_task: bool,
        permission: Option<Permission>,
        model: Option<&str>,
    ) -> Self {
        let folder = Path::new("/w");
        let connection = Connection {
            folder,
            session,
            opens_with_task,
            permission,
            model,
            servers: &json!([]),
            in_sandbox: false,
        };
        Self { exchange: Acp.connect(&connection) }
    }

    /// Returns an exchange in which the program was asked to do something.
    fn working() -> Self {
        let mut played = Self::with(Session::Unnamed, true, None, None);
        assert_eq!(played.sent()[0]["method"], "initialize");
        assert!(played.exchange.message("task").is_empty(), "it waits for the session");
        played.answers(1, &initialized());
        assert_eq!(played.sent()[0]["method"], "session/new");
        played.answers(2, &json!({"sessionId": "s1"}));
        assert_eq!(played.sent()[0]["params"]["prompt"][0]["text"], "task");
        played
    }

    fn says(&mut self, message: &Value) -> Vec<StreamEvent> {
        self.exchange.read(message.to_string().as_bytes())
    }

    fn answers(&mut self, id: u64, result: &Value) -> Vec<StreamEvent> {
        self.says(&json!({"jsonrpc": "2.0", "id": id, "result": result}))
    }

    fn refuses(&mut self, id: u64, code: i64, message: &str) -> Vec<StreamEvent> {
        self.says(&json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}))
    }

    fn updates(&mut self, update: &Value) -> Vec<StreamEvent> {
        self.says(&json!({"method": "session/update", "params": {"sessionId": "s1", "update": update}}))
    }

    fn writes(&mut self, text: &str) -> Vec<StreamEvent> {
        self.updates(
            &json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}}),
        )
    }

    fn sent(&mut self) -> Vec<Value> {
        lines(&self.exchange.outgoing())
    }
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).expect("JSON")).collect()
}

fn initialized() -> Value {
    json!({"protocolVersion": 1, "agentCapabilities": {"loadSession": true}})
}

fn user() -> Value {
    json!({"sessionUpdate": "user_message_chunk", "content": {"type": "text", "text": "task"}})
}

fn end() -> Value {
    json!({"stopReason": "end_turn"})
}

fn accepted(text: &str) -> StreamEvent {
    StreamEvent::MessageAccepted(text.to_owned())
}

fn started(mode: &str) -> StreamEvent {
    let own = str::to_owned;
    StreamEvent::SessionStarted { session: own("s1"), model: own(""), mode: own(mode), folder: own("/w") }
}

fn text(text: &str) -> StreamEvent {
    StreamEvent::Text(text.to_owned())
}

/// Returns the only turn that ended.
fn turn(events: &[StreamEvent]) -> Turn {
    let turns: Vec<&Turn> = events
        .iter()
        .filter_map(|event| match event {
            StreamEvent::TurnEnded(turn) => Some(turn),
            _ => None,
        })
        .collect();
    assert_eq!(turns.len(), 1, "{events:?}");
    turns[0].clone()
}

fn kind(events: &[StreamEvent]) -> FailureKind {
    turn(events).failure.expect("a failure").kind
}

#[test]
fn the_id_of_a_session_is_told_at_once_and_its_prompt_is_answered() {
    let mut played = Played::with(Session::Unnamed, true, None, None);
    let first = played.sent();
    assert_eq!(first[0]["params"]["protocolVersion"], 1);
    let offered = json!({"fs": {"readTextFile": false, "writeTextFile": false}, "terminal": false});
    assert_eq!(first[0]["params"]["clientCapabilities"], offered);
    played.exchange.message("task");
    assert_eq!(played.answers(1, &initialized()), []);
    assert_eq!(played.sent()[0]["params"], json!({"cwd": "/w", "mcpServers": []}));
    assert!(played.answers(2, &json!({"sessionId": "s1"})).contains(&started("")));
    assert_eq!(played.exchange.standing(), Standing::Busy);
    assert_eq!(played.sent()[0]["method"], "session/prompt");
    assert_eq!(played.writes("Do"), [accepted("task")]);
    assert_eq!(played.writes("ne."), []);
    let events = played.answers(100, &end());
    assert_eq!(
        events,
        [text("Done."), StreamEvent::TurnEnded(Turn { text: "Done.".to_owned(), ..Turn::default() })]
    );
    assert_eq!(played.exchange.standing(), Standing::Unknown);
}

#[test]
fn other_versions_are_not_spoken() {
    for answer in [json!({"protocolVersion": 2}), json!({})] {
        let mut played = Played::with(Session::Unnamed, true, None, None);
        played.exchange.message("task");
        played.sent();
        assert_eq!(kind(&played.answers(1, &answer)), FailureKind::Permanent);
        assert_eq!((played.sent(), played.exchange.standing()), (vec![], Standing::Over));
    }
}

#[test]
fn a_missing_login_is_said_with_the_ways_to_log_in() {
    let mut played = Played::with(Session::Unnamed, true, None, None);
    let methods = json!([{"id": "x", "name": "Log in", "description": "run 'x login'"}]);
    played.answers(1, &json!({"protocolVersion": 1, "authMethods": methods}));
    let turn = turn(&played.refuses(2, -32000, "Authentication required"));
    assert_eq!(turn.text, "Authentication required: Log in (run 'x login')");
    assert!(matches!(turn.failure.expect("one").kind, FailureKind::NotLoggedIn { .. }));
    // The prompt was not passed on either if this is found out later.
    let mut played = Played::working();
    let events = played.refuses(100, 401, "no key");
    assert!(matches!(kind(&events), FailureKind::NotLoggedIn { .. }) && events.len() == 1, "{events:?}");
    assert_eq!(played.exchange.standing(), Standing::Over);
}

#[test]
fn the_history_of_a_loaded_session_is_nothing_new() {
    let mut played = Played::with(Session::Known("s1"), false, None, None);
    played.exchange.message("more");
    played.answers(1, &initialized());
    let load = played.sent().pop().expect("one");
    assert_eq!((&load["method"], &load["params"]["sessionId"]), (&json!("session/load"), &json!("s1")));
    assert_eq!(played.updates(&user()), []);
    assert_eq!(played.writes("an old answer"), []);
    assert_eq!(
        played.updates(&json!({"sessionUpdate": "tool_call", "toolCallId": "c", "status": "completed"})),
        []
    );
    assert_eq!(played.answers(3, &json!({})), [started("")]);
    assert_eq!(played.sent()[0]["params"]["prompt"][0]["text"], "more");
    assert_eq!(played.writes("new"), [accepted("more")]);
    assert_eq!(turn(&played.answers(100, &end())).text, "new");
}

#[test]
fn a_session_that_the_program_does_not_know_is_noticed_even_if_it_says_success() {
    let load = |opens_with_task| {
        let mut played = Played::with(Session::Known("s1"), opens_with_task, None, None);
        played.exchange.message("task");
        played.answers(1, &initialized());
        played.sent();
        played
    };
    let mut played = load(false);
    let lost = turn(&played.answers(3, &json!({"modes": null})));
    assert!(lost.text.contains("does not know the session 's1' any more") && lost.text.contains("--fresh"));
    assert_eq!(played.exchange.standing(), Standing::Over);
    // With the whole task, nothing is lost by a new session.
    let mut played = load(true);
    let events = played.refuses(3, -32603, "no such session");
    assert!(
        matches!(&events[..], [StreamEvent::Remark(why)] if why.contains("no such session")),
        "{events:?}"
    );
    assert_eq!(played.sent()[0]["method"], "session/new");
    assert!(played.answers(2, &json!({"sessionId": "s2"})).len() == 2);
    assert_eq!(played.sent()[0]["params"]["sessionId"], "s2");
}

#[test]
fn history_that_arrives_after_the_answer_counts_until_the_mode_is_set() {
    let modes = json!({"modes": {"currentModeId": "default", "availableModes": [{"id": "default"}]}});
    let load = || {
        let mut played = Played::with(Session::Known("s1"), false, Some(Permission::Default), None);
        played.answers(1, &initialized());
        played.sent();
        assert_eq!(played.answers(3, &modes), []);
        assert_eq!(played.sent()[0]["method"], "session/set_mode");
        played
    };
    let mut played = load();
    played.updates(&user());
    assert_eq!(played.answers(6, &json!({})), [started("default")]);
    // What a program says about its mode is not history.
    let mut played = load();
    assert_eq!(played.writes("[MODE_UPDATE] default"), []);
    assert_eq!(kind(&played.answers(6, &json!({}))), FailureKind::Permanent);
}

#[test]
fn sessions_are_resumed_by_what_the_program_can() {
    let begin = |able: Value| {
        let mut played = Played::with(Session::Known("s1"), false, None, None);
        played.sent();
        let events = played.answers(1, &json!({"protocolVersion": 1, "agentCapabilities": able}));
        (played, events)
    };
    let (mut played, _) = begin(json!({"sessionCapabilities": {"resume": {}}}));
    assert_eq!(played.sent()[0]["method"], "session/resume");
    assert!(played.answers(4, &json!({})).contains(&started("")));
    let (mut played, _) = begin(json!({"loadSession": true, "sessionCapabilities": {"resume": {}}}));
    assert_eq!(played.sent()[0]["method"], "session/load");
    played.refuses(3, -32601, "Method not found");
    assert_eq!(played.sent()[0]["method"], "session/resume");
    assert_eq!(kind(&played.refuses(4, -32601, "Method not found")), FailureKind::Permanent);
    let (_, events) = begin(json!({}));
    assert!(turn(&events).text.contains("it cannot load sessions"));
}

#[test]
fn the_mode_and_the_model_are_set_before_the_first_prompt() {
    let answer = json!({"sessionId": "s1",
        "modes": {"currentModeId": "default", "availableModes": [{"id": "default"}, {"id": "autoEdit"}]},
        "configOptions": [{"id": "m", "category": "model", "currentValue": "a", "options": [{"value": "a"}, {"value": "b"}]}]});
    let begin = |permission, model| {
        let mut played = Played::with(Session::Unnamed, true, Some(permission), model);
        played.exchange.message("task");
        played.answers(1, &initialized());
        played.sent();
        let events = played.answers(2, &answer);
        (played, events)
    };
    let (mut played, _) = begin(Permission::AcceptEdits, Some("b"));
    let model = played.sent().pop().expect("one");
    assert_eq!(
        (&model["method"], &model["params"]["value"]),
        (&json!("session/set_config_option"), &json!("b"))
    );
    played.answers(5, &json!({}));
    let mode = played.sent().pop().expect("one");
    assert_eq!(
        (&mode["method"], &mode["params"]["modeId"]),
        (&json!("session/set_mode"), &json!("autoEdit"))
    );
    let events = played.answers(6, &json!({}));
    assert!(
        matches!(&events[..], [StreamEvent::SessionStarted { mode, model, .. }] if mode == "autoEdit" && model == "b")
    );
    assert_eq!(played.sent()[0]["method"], "session/prompt");
    // What is not offered is refused if that would be less safe, or else said.
    assert!(turn(&begin(Permission::Plan, None).1).text.contains("no mode in which it only plans"));
    assert!(turn(&begin(Permission::AcceptEdits, Some("c")).1).text.contains("does not offer the model 'c'"));
    let (mut played, events) = begin(Permission::BypassPermissions, None);
    assert!(
        matches!(&events[1], StreamEvent::Remark(said) if said.contains("no mode for the permission 'bypassPermissions'"))
    );
    played.refuses(6, -32602, "no need");
    assert!(
        played.sent().iter().any(|sent| sent["method"] == "session/prompt"),
        "it was only the present mode"
    );
    let (mut played, _) = begin(Permission::AcceptEdits, None);
    assert!(turn(&played.refuses(6, 1, "not trusted")).text.contains("not trusted"));
}

#[test]
fn the_next_prompt_is_sent_when_the_turn_has_ended() {
    let mut played = Played::working();
    assert!(played.exchange.message("second").is_empty());
    played.writes("first answer");
    assert_eq!(played.sent(), Vec::<Value>::new());
    played.answers(100, &end());
    assert_eq!(played.exchange.standing(), Standing::Busy);
    assert_eq!(played.sent()[0]["id"], 101);
    assert_eq!(played.answers(100, &end()), [], "a second answer to the first prompt");
    assert_eq!(played.writes("x"), [started(""), accepted("second")]);
    assert_eq!(turn(&played.answers(101, &end())).text, "x");
    assert!(!played.exchange.message("third").is_empty(), "it is sent at once");
    assert_eq!(played.exchange.standing(), Standing::Busy);
}

#[test]
fn a_question_is_answered_with_its_own_options() {
    let mut played = Played::working();
    let options = json!([{"optionId": "y", "kind": "allow_once", "name": "Yes"}, {"optionId": "n", "kind": "reject_once", "name": "No"}]);
    let request = |id: u64| {
        json!({"id": id, "method": "session/request_permission", "params": {"sessionId": "s1", "options": options,
            "toolCall": {"toolCallId": format!("c{id}"), "title": "git push", "kind": "execute"}}})
    };
    let events = played.says(&request(0));
    let Some(StreamEvent::QuestionAsked(question)) = events.last() else { panic!("{events:?}") };
    assert_eq!((&*question.id, &*question.request.text), ("0", "execute git push"));
    let mut answer = |id: u64, allow: bool, text: Option<&str>| {
        let answer = Answer { allow, always: false, text: text.map(str::to_owned) };
        lines(&played.exchange.answer(request(id).to_string().as_bytes(), &answer).expect("bytes"))
    };
    let outcome = |id: u64, option: &str| json!({"jsonrpc": "2.0", "id": id, "result": {"outcome": {"outcome": "selected", "optionId": option}}});
    assert_eq!(answer(0, true, None), [outcome(0, "y")]);
    assert_eq!(answer(1, false, Some("use a branch")), [outcome(1, "n")]);
    let turn = turn(&played.answers(100, &end()));
    assert_eq!(turn.denied, [("c1".to_owned(), "git push".to_owned())]);
    assert_eq!(played.sent()[0]["params"]["prompt"][0]["text"], "use a branch");
    assert!(!played.writes("x").contains(&accepted("use a branch")), "it was never waited for");
}

#[test]
fn questions_outside_of_a_turn_and_other_requests_are_refused() {
    let mut played = Played::working();
    let file =
        json!({"id": 5, "method": "fs/write_text_file", "params": {"path": "/etc/passwd", "content": "x"}});
    assert_eq!(played.says(&file), []);
    assert_eq!(played.sent()[0]["error"]["code"], -32601);
    played.answers(100, &end());
    let question = json!({"id": "q", "method": "session/request_permission", "params": {"options":
        [{"optionId": "y", "kind": "allow_once", "name": "Yes"}], "toolCall": {"toolCallId": "c"}}});
    assert_eq!(played.says(&question), []);
    assert_eq!(
        played.sent(),
        [json!({"jsonrpc": "2.0", "id": "q", "result": {"outcome": {"outcome": "cancelled"}}})]
    );
}

#[test]
fn an_interrupt_cancels_the_turn_and_its_questions_whatever_the_program_calls_its_end() {
    let question =
        json!({"id": 7, "method": "session/request_permission", "params": {"toolCall": {"toolCallId": "c"}}});
    let interrupted = || {
        let mut played = Played::working();
        played.says(&question);
        let sent = lines(&played.exchange.interrupt().expect("bytes"));
        assert_eq!((&sent[0]["method"], &sent[1]["id"]), (&json!("session/cancel"), &json!(7)));
        played
    };
    for reason in ["cancelled", "end_turn"] {
        let mut played = interrupted();
        assert_eq!(kind(&played.answers(100, &json!({"stopReason": reason}))), FailureKind::Interrupted);
        assert!(played.exchange.interrupt().is_none(), "no turn is in progress");
    }
    assert_eq!(kind(&interrupted().refuses(100, -32603, "aborted")), FailureKind::Interrupted);
    let mut played = Played::working();
    played.says(&question);
    let withdrawn = json!({"method": "$/cancel_request", "params": {"requestId": 7}});
    assert_eq!(played.says(&withdrawn), [StreamEvent::QuestionCancelled("7".to_owned())]);
    assert_eq!(played.says(&withdrawn), []);
}

#[test]
fn noise_unknown_updates_and_long_lines_are_tolerated() {
    let mut played = Played::working();
    assert_eq!(played.exchange.read(b"Loading"), [StreamEvent::Unparsed("Loading".to_owned())]);
    assert_eq!(played.exchange.read(b"[1,2]"), [StreamEvent::Unparsed("[1,2]".to_owned())]);
    assert_eq!(played.exchange.read(b"  "), []);
    assert_eq!(played.updates(&json!({"sessionUpdate": "of_next_year", "x": [1]})), []);
    let long = "x".repeat(1 << 20);
    let question = json!({"id": 7, "method": "session/request_permission", "params":
        {"toolCall": {"toolCallId": "c", "kind": "edit", "title": "big", "rawInput": {"content": long}}}});
    let line = question.to_string();
    let events = played.exchange.read_long(&mut line.as_bytes(), line.len() as u64);
    let Some(StreamEvent::QuestionAsked(question)) = events.last() else { panic!("{events:?}") };
    assert_eq!((question.request.cut_from_bytes, &question.request.pattern), (line.len() as u64, &None));
    let broken = format!("{{\"id\": \"{long}");
    let events = played.exchange.read_long(&mut broken.as_bytes(), broken.len() as u64);
    assert_eq!(events, [StreamEvent::Remark(format!("a line of {} bytes", broken.len()))]);
}

#[test]
fn costs_plans_and_modes_are_told() {
    let mut played = Played::working();
    let plan = json!({"sessionUpdate": "plan", "entries": [{"content": "a", "status": "in_progress"}]});
    let remark = StreamEvent::Remark("plan: 0 of 1 done, now: a".to_owned());
    assert_eq!(played.updates(&plan), [accepted("task"), remark]);
    assert_eq!(played.updates(&plan), []);
    let cost = json!({"amount": 0.5, "currency": "USD"});
    played.updates(&json!({"sessionUpdate": "usage_update", "used": 10, "size": 100, "cost": cost}));
    let events = played.answers(100, &end());
    assert!(events.contains(&StreamEvent::Remark("its context holds 10 of 100 tokens".to_owned())));
    assert_eq!(turn(&events).cost_micros, Some(500_000));
}

#[test]
fn a_reader_of_the_output_alone_sees_the_same_conversation() {
    let mut reader = Played { exchange: Acp.open() };
    let modes = json!({"currentModeId": "default", "availableModes": [{"id": "default"}]});
    reader.answers(1, &initialized());
    reader.updates(&user());
    reader.writes("an old answer");
    reader.answers(3, &json!({"modes": modes}));
    assert_eq!(reader.writes("[MODE_UPDATE] default"), []);
    assert!(
        matches!(&reader.answers(6, &json!({}))[..], [StreamEvent::SessionStarted { session, .. }] if session == "s1")
    );
    reader.writes("first");
    assert_eq!(turn(&reader.answers(100, &end())).text, "first");
    assert_eq!(reader.writes("second").len(), 1, "another turn begins");
    assert_eq!(turn(&reader.answers(101, &end())).text, "second");
    // The output of the next attempt follows.
    reader.answers(1, &initialized());
    assert_eq!(reader.writes("an old answer"), []);
    reader.answers(3, &json!({}));
    assert_eq!(turn(&reader.answers(100, &end())).text, "");
    assert!(reader.says(&json!({"id": 3, "method": "fs/read_text_file"})).is_empty());
    assert!(reader.exchange.outgoing().is_empty(), "nobody reads it");
}
