//! The meaning of Gemini CLI's errors.

use serde_json::Value;

use crate::agents::{FailureKind, TurnFailure};

/// How a person logs in.
pub(super) const LOGIN: &str = "run 'gemini' once to log in, or set GEMINI_API_KEY";
/// What the program puts around an error of the service.
const API_ERROR: &str = "[API Error: ";

/// Returns what the exit code means of a program that did not report a result.
pub(super) const fn of_exit(code: i32) -> Option<FailureKind> {
    match code {
        41 => Some(FailureKind::NotLoggedIn { login: LOGIN }),
        53 => Some(FailureKind::OutOfTurns),
        _ => None,
    }
}

/// Returns the failure of a turn and a sentence about it, from the program's word for the error and its message.
pub(super) fn failure(word: &str, message: &str) -> (TurnFailure, String) {
    let first = message.lines().next().unwrap_or_default();
    let inner = first.strip_prefix(API_ERROR).map(|inner| inner.strip_suffix(']').unwrap_or(inner));
    let of_service = inner.and_then(|inner| serde_json::from_str::<Value>(inner).ok());
    let error = of_service.as_ref().map(|value| &value["error"]);
    let status = error.and_then(|error| error["code"].as_u64());
    let said = error.and_then(|error| error["message"].as_str()).or(inner).unwrap_or(message);
    let kind = match status {
        Some(401 | 403) => FailureKind::NotLoggedIn { login: LOGIN },
        Some(_) if said.contains("API key not valid") => FailureKind::NotLoggedIn { login: LOGIN },
        Some(408 | 409 | 429 | 500..) => FailureKind::Transient,
        Some(_) => FailureKind::Permanent,
        None if word.contains("TurnLimited") => FailureKind::OutOfTurns,
        None if inner.is_some() => FailureKind::Transient,
        None => FailureKind::Permanent,
    };
    (TurnFailure { word: word.to_owned(), kind }, said.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_their_meaning() {
        let login = FailureKind::NotLoggedIn { login: LOGIN };
        for (message, kind, said) in [
            (
                r#"[API Error: {"error":{"code":400,"message":"scripted bad request","status":"INVALID_ARGUMENT"}}]"#,
                FailureKind::Permanent,
                "scripted bad request",
            ),
            (
                r#"[API Error: {"error":{"code":400,"message":"API key not valid. Please pass a valid API key."}}]"#,
                login,
                "API key not valid. Please pass a valid API key.",
            ),
            (
                r#"[API Error: {"error":{"code":401,"message":"invalid x-api-key"}}]"#,
                login,
                "invalid x-api-key",
            ),
            (r#"[API Error: {"error":{"code":503,"message":"busy"}}]"#, FailureKind::Transient, "busy"),
            (
                "[API Error: You have exhausted your daily quota on this model.]\nPlease wait.",
                FailureKind::Transient,
                "You have exhausted your daily quota on this model.",
            ),
            ("the settings are wrong", FailureKind::Permanent, "the settings are wrong"),
        ] {
            let (failure, sentence) = failure("unknown", message);
            assert_eq!((failure.kind, sentence.as_str()), (kind, said), "{message}");
        }
        assert_eq!(failure("FatalTurnLimitedError", "x").0.kind, FailureKind::OutOfTurns);
        assert_eq!((of_exit(41), of_exit(145)), (Some(login), None));
    }
}
