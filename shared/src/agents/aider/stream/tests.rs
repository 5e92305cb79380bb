//! The output of the real program, and odd lines.

use std::path::Path;

use super::*;
use crate::agents::StreamSummary;

const EDITED: &str = include_str!("../../../../../tests/fixtures/aider/edited.txt");
const NOT_LOGGED_IN: &str = include_str!("../../../../../tests/fixtures/aider/not-logged-in.txt");
const BAD_EDIT: &str = include_str!("../../../../../tests/fixtures/aider/bad-edit.txt");
/// As its source prints it: the service was asked again, and answered.
const RETRIED: &str = "Aider v0.86.2\nModel: openai/fake with diff edit format\n\n\
    litellm.RateLimitError: RateLimitError: OpenAIException - slow down\n\
    The API provider has rate limited you. Try again later or check your quotas.\n\
    Retrying in 0.2 seconds...\nNow it works.\nTokens: 2.0k sent, 4 received.\n";

fn read(output: &str) -> (Vec<StreamEvent>, StreamSummary) {
    let mut exchange = Text.connect(&Connection {
        servers: &serde_json::Value::Null,
        opens_with_task: true,
        folder: Path::new("/work"),
        session: Session::New("s-1"),
        permission: Some(Permission::AcceptEdits),
        model: None,
        in_sandbox: false,
    });
    let mut events: Vec<StreamEvent> =
        output.lines().flat_map(|line| exchange.read(line.as_bytes())).collect();
    events.extend(exchange.finish());
    let mut summary = StreamSummary::default();
    events.iter().for_each(|event| summary.observe(event));
    (events, summary)
}

#[test]
fn an_edited_file_is_a_whole_story() {
    let (events, summary) = read(EDITED);
    let started = events.iter().find(|event| matches!(event, StreamEvent::SessionStarted { .. }));
    let Some(StreamEvent::SessionStarted { session, model, mode, .. }) = started else {
        panic!("{events:?}")
    };
    assert_eq!((session.as_str(), model.as_str(), mode.as_str()), ("s-1", "openai/fake", "acceptEdits"));
    let edit =
        |event: &&StreamEvent| matches!(event, StreamEvent::ToolUse { about, .. } if about == "edited.txt");
    assert_eq!(events.iter().filter(edit).count(), 1, "{events:?}");
    let is_commit =
        |event: &&StreamEvent| matches!(event, StreamEvent::Remark(text) if text.starts_with("Commit "));
    assert_eq!(events.iter().filter(is_commit).count(), 1, "{events:?}");
    let turn = summary.last_turn.expect("a turn");
    assert!(turn.is_ok() && turn.turns == 1, "{turn:?}");
    assert_eq!((turn.input_tokens, turn.output_tokens), (Some(2000), Some(26)));
    assert_eq!(turn.cost_micros, Some(20_000));
    assert_eq!(summary.last_words.as_deref(), Some("I will create edited.txt."));
}

#[test]
fn a_failed_request_is_known_at_the_end() {
    let (events, summary) = read(NOT_LOGGED_IN);
    let turn = summary.last_turn.expect("a turn");
    let failure = turn.failure.expect("a failure");
    assert_eq!(
        (failure.word.as_str(), failure.kind),
        ("AuthenticationError", FailureKind::NotLoggedIn { login: LOGIN })
    );
    assert!(turn.text.starts_with("OpenAIException - invalid x-api-key The API provider"), "{events:?}");
}

#[test]
fn answers_after_errors_are_successes() {
    for (output, turns) in [(BAD_EDIT, 3), (RETRIED, 1)] {
        let (events, summary) = read(output);
        assert!(summary.last_turn.as_ref().is_some_and(Turn::is_ok), "{events:?}");
        assert_eq!((summary.usage.turns, summary.limit, summary.api_error), (turns, None, None));
    }
    let (events, _) = read(RETRIED);
    let is_retry = |event: &&StreamEvent| matches!(event, StreamEvent::Retry { attempt: 1, .. });
    assert_eq!(events.iter().filter(is_retry).count(), 1, "{events:?}");
}

#[test]
fn giving_up_is_a_failure() {
    let begin = "Aider v0.86.2\nModel: m with diff edit format\n\n";
    for (end, kind, is_limit) in [
        ("Only 3 reflections allowed, stopping.\n", FailureKind::Permanent, false),
        ("Model m has hit a token limit!\n", FailureKind::ContextFull { is_transient: false }, false),
        ("litellm.InternalServerError: down\n", FailureKind::Transient, false),
        (
            "litellm.RateLimitError: RateLimitError: OpenAIException - You exceeded your current quota, please\ncheck your plan\n\n",
            FailureKind::Transient,
            true,
        ),
    ] {
        let (events, summary) = read(&format!("{begin}Text.\n\nTokens: 9 sent, 1 received.\n{end}"));
        let failure = summary.last_turn.expect("a turn").failure;
        assert_eq!(failure.map(|failure| failure.kind), Some(kind), "{events:?}");
        assert_eq!(summary.limit.is_some(), is_limit, "{events:?}");
    }
    // A program that was killed has not ended its turn.
    assert_eq!(read(&format!("{begin}Half a sen")).1.last_turn, None);
}

#[test]
fn waiting_for_a_browser_is_a_question() {
    let (_, summary) = read(
        "No LLM model was specified and no API keys were provided.\nWaiting up to 5 minutes for you to finish in the browser...\n",
    );
    let question = summary.questions.front().expect("a question");
    assert!(question.request.text.starts_with("no model and no API key"), "{question:?}");
}

#[test]
fn a_prompt_is_never_a_command() {
    for (text, prompt) in [("/run x", "\n/run x"), ("!x", "\n!x"), ("a /run", "a /run"), (" /run", "\n /run")]
    {
        assert_eq!(Text.prompt(text.to_owned()), prompt);
    }
}
