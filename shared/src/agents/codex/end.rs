//! The meaning of Codex's errors at the end of a turn.

use serde_json::Value;

use crate::agents::{FailureKind, TurnFailure, fields::word};

/// How a person logs in.
const LOGIN: FailureKind = FailureKind::NotLoggedIn { login: "run 'codex login' once to log in" };

/// Returns the program's word for an error, and the HTTP status of the service's answer.
pub(super) fn word_of(error: &Value) -> (&str, Option<u64>) {
    match &error["codexErrorInfo"] {
        Value::String(word) => (word, None),
        Value::Object(one) => {
            let (word, about) = one.iter().next().map_or(("", &Value::Null), |(word, about)| (word, about));
            (word, about["httpStatusCode"].as_u64())
        }
        _ => ("", None),
    }
}

/// Returns what an error says. The service's answer may be a whole document, of which one field is a sentence.
pub(super) fn sentence(error: &Value) -> String {
    let message = word(error, "message");
    let inner = serde_json::from_str::<Value>(message).ok();
    let inner = inner.as_ref().and_then(|answer| answer["error"]["message"].as_str());
    inner.unwrap_or(message).to_owned()
}

/// Classifies the failure of a turn.
pub(super) fn failure(error: &Value) -> TurnFailure {
    let (word, status) = word_of(error);
    TurnFailure { word: word.to_owned(), kind: kind(word, status, &sentence(error)) }
}

fn kind(word: &str, status: Option<u64>, sentence: &str) -> FailureKind {
    match word {
        "unauthorized" => LOGIN,
        _ if status == Some(401) => LOGIN,
        "contextWindowExceeded" => FailureKind::ContextFull { is_transient: false },
        "sessionBudgetExceeded" => FailureKind::OutOfBudget,
        "serverOverloaded" | "internalServerError" | "rateLimitExceeded" | "flexUnavailable" => {
            FailureKind::Transient
        }
        "httpConnectionFailed"
        | "responseStreamConnectionFailed"
        | "responseStreamDisconnected"
        | "responseTooManyFailedAttempts" => match status {
            None | Some(408 | 409 | 425 | 429 | 500..) => FailureKind::Transient,
            Some(_) => FailureKind::Permanent,
        },
        "other" if sentence.starts_with("stream disconnected before completion") => FailureKind::Transient,
        _ => FailureKind::Permanent,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_of_the_real_program() {
        let status = |word: &str, status: Option<u64>| json!({word: {"httpStatusCode": status}});
        for (info, message, expected) in [
            (json!("other"), r#"{"error": {"message": "scripted bad request"}}"#, FailureKind::Permanent),
            (status("httpConnectionFailed", Some(401)), "unexpected status 401 Unauthorized", LOGIN),
            (json!("unauthorized"), "log in", LOGIN),
            (
                status("responseTooManyFailedAttempts", Some(429)),
                "exceeded retry limit",
                FailureKind::Transient,
            ),
            (status("httpConnectionFailed", Some(529)), "unexpected status 529", FailureKind::Transient),
            (status("httpConnectionFailed", Some(403)), "unexpected status 403", FailureKind::Permanent),
            (status("responseStreamDisconnected", None), "cut", FailureKind::Transient),
            (
                json!("other"),
                "stream disconnected before completion: error sending request",
                FailureKind::Transient,
            ),
            (json!("usageLimitExceeded"), "You've hit your usage limit.", FailureKind::Permanent),
            (json!("contextWindowExceeded"), "", FailureKind::ContextFull { is_transient: false }),
            (json!("serverOverloaded"), "", FailureKind::Transient),
            (json!("cyberPolicy"), "", FailureKind::Permanent),
            (Value::Null, "Missing environment variable: `KEY`.", FailureKind::Permanent),
        ] {
            let error = json!({"codexErrorInfo": info, "message": message});
            assert_eq!(failure(&error).kind, expected, "{error}");
        }
        assert_eq!(sentence(&json!({"message": "{\"error\": {\"message\": \"no\"}}"})), "no");
    }
}
