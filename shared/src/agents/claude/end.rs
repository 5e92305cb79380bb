//! The meaning of Claude Code's words for the end of a turn.

use crate::agents::{FailureKind, TurnFailure};

/// Classifies the failure of a turn, from the word for its end, the HTTP status of the service's answer, and the word for the last
/// API error.
pub(super) fn failure(word: &str, status: Option<u64>, api_error: Option<&str>) -> TurnFailure {
    TurnFailure { word: word.to_owned(), kind: kind(word, status, api_error.unwrap_or_default()) }
}

fn kind(word: &str, status: Option<u64>, api_error: &str) -> FailureKind {
    match word {
        "error_max_turns" | "max_turns" => FailureKind::OutOfTurns,
        "error_max_budget_usd" | "budget_exhausted" => FailureKind::OutOfBudget,
        "aborted_streaming" | "aborted_tools" => FailureKind::Interrupted,
        _ if api_error == "authentication_failed" || status == Some(401) => {
            FailureKind::NotLoggedIn { login: "run 'claude' once to log in" }
        }
        "blocking_limit" => FailureKind::ContextFull { is_transient: is_transient_status(status) },
        _ if is_transient_status(status) => FailureKind::Transient,
        _ => match status {
            None if word == "api_error" && !is_refusal(api_error) => FailureKind::Transient,
            _ => FailureKind::Permanent,
        },
    }
}

/// Returns whether the service may answer differently later.
const fn is_transient_status(status: Option<u64>) -> bool {
    matches!(status, Some(408 | 409 | 429 | 500..))
}

fn is_refusal(api_error: &str) -> bool {
    matches!(api_error, "billing_error" | "invalid_request")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_all_versions() {
        let login = FailureKind::NotLoggedIn { login: "run 'claude' once to log in" };
        for (word, status, api_error, expected) in [
            ("max_turns", None, None, FailureKind::OutOfTurns),
            ("error_max_turns", None, None, FailureKind::OutOfTurns),
            ("budget_exhausted", None, None, FailureKind::OutOfBudget),
            ("error_max_budget_usd", None, None, FailureKind::OutOfBudget),
            ("aborted_tools", None, None, FailureKind::Interrupted),
            ("aborted_streaming", None, None, FailureKind::Interrupted),
            ("blocking_limit", None, None, FailureKind::ContextFull { is_transient: false }),
            ("blocking_limit", Some(429), None, FailureKind::ContextFull { is_transient: true }),
            ("api_error", Some(529), None, FailureKind::Transient),
            ("api_error", Some(429), None, FailureKind::Transient),
            ("api_error", Some(408), None, FailureKind::Transient),
            ("api_error", Some(400), None, FailureKind::Permanent),
            ("api_error", Some(401), None, login),
            ("api_error", None, Some("authentication_failed"), login),
            ("api_error", None, Some("billing_error"), FailureKind::Permanent),
            ("api_error", None, Some("invalid_request"), FailureKind::Permanent),
            ("api_error", None, Some("unknown"), FailureKind::Transient),
            ("api_error", None, None, FailureKind::Transient),
            ("error_during_execution", None, None, FailureKind::Permanent),
            ("success", Some(500), None, FailureKind::Transient),
            ("success", None, Some("unknown"), FailureKind::Permanent),
        ] {
            assert_eq!(
                kind(word, status, api_error.unwrap_or_default()),
                expected,
                "{word} {status:?} {api_error:?}"
            );
        }
    }
}
