//! JSON-RPC 2.0: what a line of the client means, and the lines that answer it.

use serde_json::{Value, json};

/// The line is no JSON.
const NOT_JSON: i64 = -32700;
/// The line is no request.
const NOT_A_REQUEST: i64 = -32600;
/// There is no such method.
pub(super) const METHOD_UNKNOWN: i64 = -32601;
/// The parameters cannot be used.
pub(super) const PARAMS_INVALID: i64 = -32602;
/// The request is in a revision of the protocol that is not spoken here.
const REVISION_UNKNOWN: i64 = -32022;
/// The server cannot answer.
pub(super) const INTERNAL: i64 = -32603;

/// The id of a request, as the client wrote it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct RequestId(String);

impl RequestId {
    /// Reads an id: a text or an integer.
    fn read(value: &Value) -> Option<Self> {
        (value.is_string() || value.is_i64() || value.is_u64()).then(|| Self(value.to_string()))
    }

    fn value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or(Value::Null)
    }
}

/// What a line means.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    /// It needs no answer.
    Nothing,
    /// It is no request; this line says why.
    Invalid(String),
    /// The client gave up a request.
    Cancelled(RequestId),
    /// A request.
    Request {
        /// The id, which the answer repeats.
        id: RequestId,
        /// What is asked for.
        method: String,
        /// With which parameters; `null` if there are none.
        params: Value,
    },
}

/// Parses a line.
pub(super) fn parse(line: &[u8]) -> Incoming {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Incoming::Nothing;
    }
    let Ok(mut message) = serde_json::from_slice::<Value>(line) else {
        return Incoming::Invalid(failure(&Value::Null, NOT_JSON, "this line is no JSON"));
    };
    let id = message.get("id").cloned();
    let params = message.get_mut("params").map_or(Value::Null, Value::take);
    let Some(method) = message["method"].as_str().filter(|_| message["jsonrpc"] == "2.0") else {
        // Answers to requests of the server, which sends none.
        if message.get("result").is_some() || message.get("error").is_some() {
            return Incoming::Nothing;
        }
        return Incoming::Invalid(failure(
            &Value::Null,
            NOT_A_REQUEST,
            "this line is no request of JSON-RPC 2.0",
        ));
    };
    match id {
        None if method == "notifications/cancelled" => {
            RequestId::read(&params["requestId"]).map_or(Incoming::Nothing, Incoming::Cancelled)
        }
        None => Incoming::Nothing,
        Some(id) => match RequestId::read(&id) {
            Some(id) => Incoming::Request { id, method: method.to_owned(), params },
            None => Incoming::Invalid(failure(&Value::Null, NOT_A_REQUEST, "an id is a text or an integer")),
        },
    }
}

/// Returns the answer to a line that is too long.
pub(super) fn too_long() -> String {
    failure(&Value::Null, NOT_A_REQUEST, "this line is longer than 1 MiB")
}

/// Returns the answer to a request.
pub(super) fn result(id: &RequestId, result: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id.value(), "result": result}).to_string()
}

/// Returns the failure of a request.
pub(super) fn error(id: &RequestId, code: i64, message: &str) -> String {
    failure(&id.value(), code, message)
}

/// Returns the failure of a request in an unknown revision of the protocol.
pub(super) fn revision_unknown(id: &RequestId, data: &Value) -> String {
    let error = json!({"code": REVISION_UNKNOWN, "message": "this revision of the protocol is not spoken here", "data": data});
    json!({"jsonrpc": "2.0", "id": id.value(), "error": error}).to_string()
}

/// Returns what says that a call still runs.
pub(super) fn progress(token: &Value, step: u64, text: &str) -> String {
    let params = json!({"progressToken": token, "progress": step, "message": text});
    json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}).to_string()
}

fn failure(id: &Value, code: i64, message: &str) -> String {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_requests_notices_or_garbage() {
        let request = parse(br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
        let id = RequestId("1".to_owned());
        assert_eq!(request, Incoming::Request { id: id.clone(), method: "ping".into(), params: Value::Null });
        let cancelled = br#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
        assert_eq!(parse(cancelled), Incoming::Cancelled(id));
        for nothing in [
            "",
            " \r",
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#,
            r#"{"jsonrpc":"2.0","id":3,"result":{}}"#,
        ] {
            assert_eq!(parse(nothing.as_bytes()), Incoming::Nothing, "{nothing}");
        }
        for garbage in [
            "{",
            "[]",
            "7",
            "null",
            r#"{"id":1,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":[],"method":"x"}"#,
        ] {
            assert!(matches!(parse(garbage.as_bytes()), Incoming::Invalid(_)), "{garbage}");
        }
        assert!(matches!(parse(b"\xff\xfe"), Incoming::Invalid(_)));
    }

    #[test]
    fn an_answer_repeats_the_id_as_it_was() {
        for id in ["7", "\"a\\\"b\"", "-1"] {
            let read = RequestId::read(&serde_json::from_str(id).unwrap()).unwrap();
            assert_eq!(result(&read, &json!({})), format!(r#"{{"id":{id},"jsonrpc":"2.0","result":{{}}}}"#));
        }
    }
}
