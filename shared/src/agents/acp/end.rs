//! The meaning of the words for the end of a turn, and of errors. Pure.

use super::message::RpcError;
use crate::agents::{FailureKind, TurnFailure};

/// The code for a request that needs a login.
const LOGIN_NEEDED: i64 = -32000;
/// The code for an error inside the program.
const INTERNAL: i64 = -32603;
/// What a person does about a missing login.
const LOGIN: &str = "log in with the program itself, then resume the agent";

/// Returns why a turn failed, with a sentence, from the reason for which it stopped; `None` if it succeeded.
pub(super) fn stopped(reason: &str, was_cancelled: bool) -> Option<(TurnFailure, String)> {
    let (kind, sentence) = match reason {
        // Some programs do not say that they were interrupted.
        _ if was_cancelled => (FailureKind::Interrupted, "interrupted".to_owned()),
        "end_turn" => return None,
        "cancelled" => (FailureKind::Interrupted, "interrupted".to_owned()),
        "max_tokens" => (FailureKind::Permanent, "its answer reached the limit of tokens".to_owned()),
        "max_turn_requests" => {
            (FailureKind::Permanent, "it reached its limit of requests to the model in one turn".to_owned())
        }
        "refusal" => (FailureKind::Permanent, "the model refused to continue".to_owned()),
        "" => (FailureKind::Permanent, "its turn ended without a reason".to_owned()),
        other => (FailureKind::Permanent, format!("its turn ended for the unknown reason '{other}'")),
    };
    Some((TurnFailure { word: reason.to_owned(), kind }, sentence))
}

/// Returns what an error means.
pub(super) fn failed(error: &RpcError, was_cancelled: bool) -> TurnFailure {
    let status = status(error);
    let kind = match (error.code, status) {
        _ if was_cancelled => FailureKind::Interrupted,
        (LOGIN_NEEDED, _) | (_, Some(401 | 403)) => FailureKind::NotLoggedIn { login: LOGIN },
        (_, Some(408 | 409 | 429 | 500..)) => FailureKind::Transient,
        (_, Some(_)) => FailureKind::Permanent,
        // Nothing says what it was; another attempt costs little.
        (INTERNAL, None) => FailureKind::Transient,
        _ => FailureKind::Permanent,
    };
    TurnFailure { word: status.map_or(error.code, i64::from).to_string(), kind }
}

/// Returns the HTTP status of the service in an error, as its code or as the first word of its message.
fn status(error: &RpcError) -> Option<u16> {
    let is_status = |code: &u16| (400..600).contains(code);
    let first = error.message.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    u16::try_from(error.code).ok().filter(is_status).or_else(|| first.parse().ok().filter(is_status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_for_the_end_of_a_turn() {
        use FailureKind::{Interrupted, Permanent};
        for (reason, was_cancelled, expected) in [
            ("end_turn", false, None),
            ("end_turn", true, Some(Interrupted)),
            ("cancelled", false, Some(Interrupted)),
            ("max_tokens", false, Some(Permanent)),
            ("max_turn_requests", false, Some(Permanent)),
            ("refusal", false, Some(Permanent)),
            ("of_next_year", false, Some(Permanent)),
            ("", false, Some(Permanent)),
        ] {
            assert_eq!(stopped(reason, was_cancelled).map(|(failure, _)| failure.kind), expected, "{reason}");
        }
    }

    #[test]
    fn errors_are_told_apart() {
        use FailureKind::{Interrupted, NotLoggedIn, Permanent, Transient};
        for (code, message, was_cancelled, expected) in [
            (-32000, "Authentication required", false, NotLoggedIn { login: LOGIN }),
            (401, "invalid x-api-key", false, NotLoggedIn { login: LOGIN }),
            (-32603, "401 invalid x-api-key", false, NotLoggedIn { login: LOGIN }),
            (-32603, "400 bad request", false, Permanent),
            (-32603, "529 overloaded", false, Transient),
            (-32603, "connection reset", false, Transient),
            (-32603, "Request was aborted.", true, Interrupted),
            (429, "slow down", false, Transient),
            (-32602, "Session not found: x", false, Permanent),
            (-32601, "Method not found", false, Permanent),
        ] {
            let error = RpcError { code, message: message.to_owned() };
            assert_eq!(failed(&error, was_cancelled).kind, expected, "{code} {message}");
        }
    }
}
