//! The protocol of `codex app-server`: JSON-RPC, one object on each line, in both directions.

use std::io::Read;

use serde_json::{Value, json};

use super::{
    approval,
    launch::mode,
    stream::{Stream, long},
};
use crate::agents::{
    Answer, Connection, Exchange, FailureKind, ProtocolKind, Reported, Session, StreamEvent, Turn,
    TurnFailure, fields, fields::word,
};

/// The id of the request that opens the connection.
const INITIALIZE: u64 = 1;
/// The id of the request that starts or resumes the session. Turns have higher ids.
const OPEN_SESSION: u64 = 2;
/// The code of JSON-RPC for a request that is not supported.
const UNSUPPORTED: i64 = -32601;
/// Maximum number of bytes of a long line that are searched for its kind.
const BEGINNING: u64 = 64 << 10;

/// The protocol of the server.
pub(super) struct AppServer;

impl ProtocolKind for AppServer {
    fn name(&self) -> &'static str {
        "codex_app_server"
    }

    fn is_structured(&self) -> bool {
        true
    }

    fn reports(&self) -> Reported {
        Reported { tokens: true, cost: false }
    }

    fn open(&self) -> Box<dyn Exchange> {
        Box::new(Conversation::default())
    }

    fn connect(&self, connection: &Connection<'_>) -> Box<dyn Exchange> {
        Box::new(Conversation {
            outgoing: opening(connection),
            last_request: OPEN_SESSION,
            ..Conversation::default()
        })
    }
}

/// The conversation with one server.
#[derive(Debug, Default)]
struct Conversation {
    stream: Stream,
    /// What is to be sent.
    outgoing: Vec<u8>,
    /// The messages that were written before the session was open.
    early: Vec<String>,
    /// The id of the last request to the server.
    last_request: u64,
}

impl Exchange for Conversation {
    fn read(&mut self, line: &[u8]) -> Vec<StreamEvent> {
        let line = line.trim_ascii();
        match fields::line(line) {
            _ if line.is_empty() => Vec::new(),
            Some(value) if value.is_object() => self.received(&value),
            _ => vec![StreamEvent::Unparsed(String::from_utf8_lossy(line).into_owned())],
        }
    }

    fn read_long(&mut self, line: &mut dyn Read, length: u64) -> Vec<StreamEvent> {
        let mut beginning = Vec::new();
        let _ = line.take(BEGINNING).read_to_end(&mut beginning);
        let (kind, request) = long(&beginning);
        if let Some(id) = request {
            self.refuse(&id);
        }
        vec![StreamEvent::Remark(format!("a line of {length} bytes ({kind})"))]
    }

    fn message(&mut self, text: &str) -> Vec<u8> {
        let Some(thread) = self.stream.thread() else {
            self.early.push(text.to_owned());
            return Vec::new();
        };
        self.last_request += 1;
        turn(self.last_request, thread, text, None)
    }

    fn answer(&mut self, request: &[u8], answer: &Answer) -> Option<Vec<u8>> {
        let request = fields::line(request)?;
        let mut bytes = approval::answer(&request, answer)?;
        // A denial has no words in this protocol: they follow as a message in the same turn.
        if let Some(thread) = self.stream.thread()
            && let Some(why) = answer.text.as_ref().filter(|_| !answer.allow)
        {
            self.last_request += 1;
            bytes.extend(turn(self.last_request, thread, why, Some(approval::REASON)));
        }
        Some(bytes)
    }

    fn outgoing(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.outgoing)
    }
}

impl Conversation {
    fn received(&mut self, value: &Value) -> Vec<StreamEvent> {
        let params = &value["params"];
        match (value.get("id"), value.get("method").and_then(Value::as_str)) {
            (Some(id), Some(method)) if approval::is_approval(method, params) => {
                vec![StreamEvent::QuestionAsked(self.stream.asked(id, method, params))]
            }
            (Some(id), Some(method)) => {
                self.refuse(id);
                vec![StreamEvent::Remark(format!("its request {method} is not supported, and was refused"))]
            }
            (None, Some(method)) => self.stream.notified(method, params),
            (Some(id), None) => self.answered(id.as_u64(), value),
            (None, None) => Vec::new(),
        }
    }

    /// Handles the answer to a request of ours.
    fn answered(&mut self, id: Option<u64>, value: &Value) -> Vec<StreamEvent> {
        if let Some(error) = value.get("error") {
            let failure = TurnFailure { word: "error".to_owned(), kind: FailureKind::Permanent };
            let text = word(error, "message").to_owned();
            return vec![StreamEvent::TurnEnded(Turn { failure: Some(failure), text, ..Turn::default() })];
        }
        if id == Some(OPEN_SESSION) {
            self.stream.open(&value["result"]);
            for text in std::mem::take(&mut self.early) {
                let bytes = self.message(&text);
                self.outgoing.extend(bytes);
            }
        }
        Vec::new()
    }

    /// Answers a request that cannot be answered otherwise, so that the server does not wait.
    fn refuse(&mut self, id: &Value) {
        let error = json!({"code": UNSUPPORTED, "message": "git orchestra does not support this request"});
        self.outgoing.extend(line(&json!({"id": id, "error": error})));
    }
}

/// Returns the requests that open the connection and the session.
///
/// A new session gets no working directory, which is that of the process: the server would record the repository as trusted in the
/// user's settings.
fn opening(connection: &Connection<'_>) -> Vec<u8> {
    let about =
        json!({"name": "git-orchestra", "title": "git orchestra", "version": env!("CARGO_PKG_VERSION")});
    let mut params = serde_json::Map::new();
    if let Some(permission) = connection.permission {
        let mode = mode(permission);
        params.insert("sandbox".to_owned(), sandbox(mode.sandbox, connection.in_sandbox).into());
        params.insert("approvalPolicy".to_owned(), mode.approvals.into());
    }
    params.extend(connection.model.map(|model| ("model".to_owned(), model.into())));
    let method = match connection.session {
        Session::Known(thread) => {
            params.insert("threadId".to_owned(), thread.into());
            params.insert("excludeTurns".to_owned(), true.into());
            params.insert("cwd".to_owned(), connection.folder.to_string_lossy().into());
            "thread/resume"
        }
        _ => "thread/start",
    };
    [
        json!({"id": INITIALIZE, "method": "initialize", "params": {"clientInfo": about}}),
        json!({"method": "initialized"}),
        json!({"id": OPEN_SESSION, "method": method, "params": params}),
    ]
    .iter()
    .flat_map(line)
    .collect()
}

/// Returns its own sandbox: none where it may write, if it is in one of git orchestra.
fn sandbox(of_mode: &'static str, in_sandbox: bool) -> &'static str {
    match of_mode {
        "workspace-write" if in_sandbox => "danger-full-access",
        other => other,
    }
}

/// Encodes a message, which begins a turn or becomes part of the current one.
fn turn(id: u64, thread: &str, text: &str, mark: Option<&str>) -> Vec<u8> {
    let input = json!([{"type": "text", "text": text}]);
    let params = json!({"threadId": thread, "input": input, "clientUserMessageId": mark});
    line(&json!({"id": id, "method": "turn/start", "params": params}))
}

fn line(value: &Value) -> Vec<u8> {
    let mut bytes = value.to_string().into_bytes();
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::model::Permission;

    fn connect(session: Session<'_>) -> Box<dyn Exchange> {
        AppServer.connect(&Connection {
            servers: &serde_json::Value::Null,
            folder: Path::new("/w"),
            session,
            opens_with_task: true,
            permission: Some(Permission::AcceptEdits),
            model: Some("m"),
            in_sandbox: false,
        })
    }

    fn sent(bytes: &[u8]) -> Vec<Value> {
        bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
    }

    #[test]
    fn it_has_no_sandbox_of_its_own_inside_another_one_where_it_may_write() {
        for (of_mode, in_sandbox, expected) in [
            ("workspace-write", false, "workspace-write"),
            ("workspace-write", true, "danger-full-access"),
            ("read-only", true, "read-only"),
        ] {
            assert_eq!(sandbox(of_mode, in_sandbox), expected);
        }
    }

    #[test]
    fn the_session_is_opened_and_early_messages_follow() {
        let mut exchange = connect(Session::Unnamed);
        let opening = sent(&exchange.outgoing());
        assert_eq!(opening[2]["method"], "thread/start");
        let params = json!({"sandbox": "workspace-write", "approvalPolicy": "on-request", "model": "m"});
        assert_eq!(opening[2]["params"], params);
        assert!(exchange.outgoing().is_empty() && exchange.message("task").is_empty());
        exchange.read(br#"{"id":2,"result":{"thread":{"id":"t1","cwd":"/w"},"model":"m","sandbox":{"type":"readOnly"}}}"#);
        let turn = sent(&exchange.outgoing());
        assert_eq!(
            (&turn[0]["method"], &turn[0]["params"]["threadId"]),
            (&json!("turn/start"), &json!("t1"))
        );
        assert_eq!(turn[0]["params"]["input"][0]["text"], "task");
        assert_eq!(sent(&exchange.message("more"))[0]["id"], 4);
    }

    #[test]
    fn a_known_session_is_resumed_in_its_folder() {
        let opening = sent(&connect(Session::Known("t1")).outgoing());
        assert_eq!(opening[2]["method"], "thread/resume");
        let params = &opening[2]["params"];
        assert_eq!((&params["threadId"], &params["cwd"]), (&json!("t1"), &json!("/w")));
        assert_eq!(params["approvalPolicy"], "on-request");
    }

    #[test]
    fn a_session_that_cannot_be_opened_fails() {
        let mut exchange = connect(Session::Known("t1"));
        let events = exchange
            .read(br#"{"error":{"code":-32600,"message":"no rollout found for thread id t1"},"id":2}"#);
        let [StreamEvent::TurnEnded(turn)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((turn.is_ok(), turn.text.as_str()), (false, "no rollout found for thread id t1"));
    }

    #[test]
    fn no_request_is_left_without_an_answer() {
        let mut exchange = connect(Session::Unnamed);
        exchange.outgoing();
        exchange.read(br#"{"id":7,"method":"attestation/generate","params":{}}"#);
        let refused = &sent(&exchange.outgoing())[0];
        assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(7), &json!(UNSUPPORTED)));
        let mut long = &br#"{"method":"item/fileChange/requestApproval","id":3,"params":{"x":"..."#[..];
        exchange.read_long(&mut long, 1 << 20);
        assert_eq!(sent(&exchange.outgoing())[0]["id"], 3);
    }
}
