//! The messages of JSON-RPC, one line each.

use serde_json::{Map, Value, json};

/// The code of JSON-RPC for a method that does not exist.
pub(super) const METHOD_NOT_FOUND: i64 = -32601;

/// The requests that are sent to the program. The number of each is fixed, so that a reader of the output alone knows what is
/// answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sent {
    Initialize,
    NewSession,
    LoadSession,
    ResumeSession,
    SetModel,
    SetMode,
    /// A prompt, counted from 0.
    Prompt(u64),
}

/// The number of the first prompt.
const FIRST_PROMPT: u64 = 100;

impl Sent {
    const ALL: [Self; 6] = [
        Self::Initialize,
        Self::NewSession,
        Self::LoadSession,
        Self::ResumeSession,
        Self::SetModel,
        Self::SetMode,
    ];

    /// Returns its number in messages.
    const fn number(self) -> u64 {
        match self {
            Self::Initialize => 1,
            Self::NewSession => 2,
            Self::LoadSession => 3,
            Self::ResumeSession => 4,
            Self::SetModel => 5,
            Self::SetMode => 6,
            Self::Prompt(count) => FIRST_PROMPT.saturating_add(count),
        }
    }

    fn of(number: u64) -> Option<Self> {
        match number.checked_sub(FIRST_PROMPT) {
            Some(count) => Some(Self::Prompt(count)),
            None => Self::ALL.into_iter().find(|sent| sent.number() == number),
        }
    }
}

/// A message of the program.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Incoming {
    /// The answer to a request.
    Answer(Sent, Result<Value, RpcError>),
    /// A request, with its own id.
    Request { id: Value, method: String, params: Value },
    /// A notification.
    Notification { method: String, params: Value },
    /// A valid message to which nothing has to be done, such as the answer to a request that was never sent.
    Other,
}

/// The error in the answer to a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct RpcError {
    pub(super) code: i64,
    pub(super) message: String,
}

impl Incoming {
    /// Reads a message; returns `None` if the value is not one.
    pub(super) fn of(mut value: Value) -> Option<Self> {
        let message = value.as_object_mut()?;
        let id = message.remove("id").filter(|id| !id.is_null());
        let method = message.get("method").and_then(Value::as_str).map(str::to_owned);
        let params = message.remove("params").unwrap_or_default();
        match (method, id) {
            (Some(method), Some(id)) => Some(Self::Request { id, method, params }),
            (Some(method), None) => Some(Self::Notification { method, params }),
            (None, id) if message.contains_key("result") || message.contains_key("error") => {
                let Some(sent) = id.and_then(|id| Sent::of(id.as_u64()?)) else { return Some(Self::Other) };
                Some(Self::Answer(sent, outcome(message)))
            }
            (None, _) => None,
        }
    }
}

fn outcome(message: &mut Map<String, Value>) -> Result<Value, RpcError> {
    match message.remove("error").filter(|error| !error.is_null()) {
        Some(error) => Err(RpcError::of(&error)),
        None => Ok(message.remove("result").unwrap_or_default()),
    }
}

impl RpcError {
    /// Reads an error. Its sentence is the most telling one: many programs put it into the data.
    fn of(error: &Value) -> Self {
        let data = &error["data"];
        let telling = [&data["details"], &data["message"], &data["error"]["message"], data];
        let telling = telling.into_iter().find_map(Value::as_str).filter(|text| !text.trim().is_empty());
        let message = error["message"].as_str().unwrap_or_default();
        let message = match (telling, message) {
            (Some(telling), "" | "Internal error") => telling.to_owned(),
            (Some(telling), message) if !message.contains(telling) => format!("{message}: {telling}"),
            (_, "") => "an error without a message".to_owned(),
            (_, message) => message.strip_prefix("Internal error: ").unwrap_or(message).to_owned(),
        };
        Self { code: error["code"].as_i64().unwrap_or_default(), message: inner_message(message) }
    }
}

/// Returns the message inside of an error that is itself the JSON of a service.
fn inner_message(message: String) -> String {
    let inner = serde_json::from_str::<Value>(&message).ok();
    let inner = inner.and_then(|value| Some(value.pointer("/error/message")?.as_str()?.to_owned()));
    inner.unwrap_or(message)
}

/// Encodes a request.
pub(super) fn request(sent: Sent, method: &str, params: &Value) -> Vec<u8> {
    line(&json!({"jsonrpc": "2.0", "id": sent.number(), "method": method, "params": params}))
}

/// Encodes a notification.
pub(super) fn notification(method: &str, params: &Value) -> Vec<u8> {
    line(&json!({"jsonrpc": "2.0", "method": method, "params": params}))
}

/// Encodes the answer to a request of the program.
pub(super) fn answer(id: &Value, result: &Value) -> Vec<u8> {
    line(&json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

/// Encodes the answer to a request with a method that is not offered.
pub(super) fn not_offered(id: &Value, method: &str) -> Vec<u8> {
    let error = json!({"code": METHOD_NOT_FOUND, "message": format!("Method not found: {method}")});
    line(&json!({"jsonrpc": "2.0", "id": id, "error": error}))
}

fn line(value: &Value) -> Vec<u8> {
    let mut bytes = value.to_string().into_bytes();
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_name_the_requests() {
        for sent in Sent::ALL.into_iter().chain([Sent::Prompt(0), Sent::Prompt(7)]) {
            assert_eq!(Sent::of(sent.number()), Some(sent));
        }
        assert_eq!((Sent::of(0), Sent::of(99)), (None, None));
    }

    #[test]
    fn messages_are_told_apart() {
        let of = |value| Incoming::of(value);
        let (method, params) = ("session/update".to_owned(), json!({"a": 1}));
        assert_eq!(
            of(json!({"method": "session/update", "params": {"a": 1}})),
            Some(Incoming::Notification { method: method.clone(), params: params.clone() })
        );
        assert_eq!(
            of(json!({"id": "x", "method": "session/update", "params": {"a": 1}})),
            Some(Incoming::Request { id: json!("x"), method, params })
        );
        assert_eq!(
            of(json!({"id": 1, "result": null})),
            Some(Incoming::Answer(Sent::Initialize, Ok(Value::Null)))
        );
        assert_eq!(of(json!({"id": "1", "result": {}})), Some(Incoming::Other));
        assert_eq!(of(json!({"id": null, "error": {"code": -32700}})), Some(Incoming::Other));
        for other in [json!({}), json!([]), json!("text"), json!({"id": 1}), json!([{"method": "x"}])] {
            assert_eq!(of(other.clone()), None, "{other}");
        }
    }

    #[test]
    fn the_most_telling_sentence_of_an_error_is_taken() {
        for (error, expected) in [
            (json!({"code": -32603, "message": "Internal error", "data": {"details": "400 bad"}}), "400 bad"),
            (json!({"code": -32603, "message": "Internal error: bad", "data": {"service": "x"}}), "bad"),
            (json!({"code": 400, "message": "{\"error\":{\"code\":400,\"message\":\"bad\"}}"}), "bad"),
            (json!({"code": -32602, "message": "Session not found: x"}), "Session not found: x"),
            (json!({"code": -32002, "message": "Not found", "data": "file x"}), "Not found: file x"),
            (json!({"code": 1}), "an error without a message"),
            (json!("odd"), "an error without a message"),
        ] {
            assert_eq!(RpcError::of(&error).message, expected, "{error}");
        }
    }

    #[test]
    fn each_message_is_one_line() {
        for bytes in [
            request(Sent::Prompt(1), "m", &json!({"text": "a\nb"})),
            notification("m", &json!({"text": "a\nb"})),
            answer(&json!("a\nb"), &json!({})),
            not_offered(&json!(1), "a\nb"),
        ] {
            assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 1);
            assert!(serde_json::from_slice::<Value>(&bytes).is_ok());
        }
    }
}
