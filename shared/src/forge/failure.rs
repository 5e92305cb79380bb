//! Why a forge did not do what was asked, and what to do then. Pure.

use std::time::Duration;

use serde_json::Value;
use ureq::http::{HeaderMap, Uri};

use crate::{
    Code, Error,
    config::keys::{FORGE_TOKEN_COMMAND, FORGE_URL},
    model::{host::HostAndPort, text},
};

/// The longest pause that a forge may ask for and that is waited for.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The first pause, if the forge names none; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest message that is kept, in columns.
const MESSAGE_WIDTH: usize = 400;
/// How many messages of one answer are kept.
const MAX_MESSAGES: usize = 5;

/// Why there is no answer that can be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Failure {
    /// The forge was not reached, or its answer broke off.
    Unreachable(String),
    /// The answer is not JSON.
    Unreadable,
    /// The answer names another place.
    Moved(String),
    /// The forge refused the request, with its words.
    Refused { status: u16, message: String, pause: Option<Duration> },
    /// The user interrupted a pause.
    Interrupted,
}

impl Failure {
    /// Reads an answer with a status that is an error.
    pub(super) fn refused(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let is_spent = number("x-ratelimit-remaining") == Some(0) || number("ratelimit-remaining") == Some(0);
        let is_limit = status == 429 || (status == 403 && (is_spent || headers.contains_key("retry-after")));
        let pause = number("retry-after").map(Duration::from_secs);
        let pause = is_limit.then(|| pause.unwrap_or(LONGEST_PAUSE * 2));
        Self::Refused { status, message: words(&body), pause }
    }

    /// Returns how long to pause before a request that only reads is sent again; `None` if that is useless.
    pub(super) fn pause(&self, repeats: u32) -> Option<Duration> {
        let usual = FIRST_PAUSE * (1 << repeats.min(10));
        match self {
            Self::Unreachable(_) => Some(usual),
            Self::Refused { pause: Some(pause), .. } => Some(*pause).filter(|pause| *pause <= LONGEST_PAUSE),
            Self::Refused { status: 500 | 502..=504, .. } => Some(usual),
            _ => None,
        }
    }

    /// Returns the status, if the forge answered with an error.
    pub(super) const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Returns whether the forge says that what should be made is there already.
    pub(super) fn says_it_exists(&self) -> bool {
        let Self::Refused { status: 400 | 409 | 422, message, .. } = self else { return false };
        let message = message.to_ascii_lowercase();
        ["already exists", "already an open", "another open merge request"]
            .iter()
            .any(|one| message.contains(one))
    }

    /// Returns whether the change may have been carried out though there is no answer that says so.
    pub(super) const fn may_be_done(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Unreadable => true,
            Self::Refused { status, .. } => *status >= 500,
            _ => false,
        }
    }

    /// Makes an error of it. `host` is that of the forge.
    pub(super) fn error(self, host: &str, has_credential: bool) -> Error {
        let host = text::safe(host);
        match self {
            Self::Unreachable(why) => {
                Error::new(Code::ForgeUnreachable, format!("'{host}' cannot be reached"))
                    .because(text::one_line(&why, MESSAGE_WIDTH))
            }
            Self::Unreadable => {
                let address = FORGE_URL.of(&host);
                Error::new(Code::ForgeFailed, format!("the answer of '{host}' is not JSON")).hint_command(&[
                    &"git",
                    &"config",
                    &"--get",
                    &address.name(),
                ])
            }
            Self::Moved(to) => Error::new(
                Code::ForgeRefused,
                format!("'{host}' says that the repository moved to '{}'", text::safe(&to)),
            )
            .hint("git remote set-url REMOTE URL"),
            Self::Interrupted => crate::context::interrupted("interrupted while the forge asked for a pause"),
            Self::Refused { status, message, pause } => {
                refused(&host, status, &message, pause, has_credential)
            }
        }
    }
}

fn refused(host: &str, status: u16, message: &str, pause: Option<Duration>, has_credential: bool) -> Error {
    if pause.is_some() {
        let asked = format!("'{host}' accepts no more requests for now ({status}): {message}");
        return Error::new(Code::ForgeLimit, asked)
            .hint("wait, and repeat the command: what was done is found");
    }
    match status {
        401 if has_credential => {
            Error::new(Code::ForgeTokenRefused, format!("'{host}' refuses the token: {message}"))
                .hint("git orchestra doctor shows where the token comes from")
        }
        401 => no_token(host),
        403 => {
            Error::new(Code::ForgeTokenRefused, format!("the token may not do this on '{host}': {message}"))
                .hint("git orchestra doctor shows where the token comes from")
        }
        404 => Error::new(
            Code::ForgeRefused,
            format!("'{host}' has no such repository or pull request: {message}"),
        )
        .hint("a forge says this as well if the token may not see it"),
        409 => Error::new(Code::ForgeChanged, format!("'{host}' refused it ({status}): {message}")),
        500.. => Error::new(Code::ForgeFailed, format!("'{host}' failed ({status}): {message}")),
        _ => Error::new(Code::ForgeRefused, format!("'{host}' refused it ({status}): {message}")),
    }
}

/// Makes the error that there is no token for a host.
pub(super) fn no_token(host: &str) -> Error {
    let key = FORGE_TOKEN_COMMAND.of(host);
    Error::new(Code::ForgeTokenMissing, format!("there is no token for '{}'", text::safe(host)))
        .hint(key.hint("'COMMAND THAT PRINTS IT'"))
        .hint("section TOKENS of 'git orchestra man pr' lists the places that are searched")
}

/// Collects what an answer says of the error, in the forms of all forges: `message`, `errors`, `error` and `error_description`.
fn words(body: &Value) -> String {
    let mut found = Vec::new();
    for field in ["message", "error", "error_description", "errors"] {
        collect(&body[field], &mut found);
    }
    found.dedup();
    let joined = found.into_iter().take(MAX_MESSAGES).collect::<Vec<_>>().join("; ");
    if joined.is_empty() { "no reason given".to_owned() } else { text::one_line(&joined, MESSAGE_WIDTH) }
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if !text.trim().is_empty() => found.push(text.trim().to_owned()),
        Value::Array(all) => all.iter().take(MAX_MESSAGES).for_each(|one| collect(one, found)),
        Value::Object(fields) if fields.contains_key("message") => collect(&fields["message"], found),
        Value::Object(fields) => match (fields.get("field"), fields.get("code")) {
            (Some(Value::String(field)), Some(Value::String(code))) => found.push(format!("{field}: {code}")),
            _ => fields.values().take(MAX_MESSAGES).for_each(|one| collect(one, found)),
        },
        _ => {}
    }
}

/// Returns whether two addresses have the same scheme, host and port, so that a credential for one may be sent to the other.
pub(super) fn is_same_host(base: &str, other: &str) -> bool {
    let scheme = |url: &str| url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    scheme(base) == scheme(other)
        && HostAndPort::of_url(base).is_some_and(|at| HostAndPort::of_url(other) == Some(at))
}

/// Returns the address that a redirection from `url` names.
pub(super) fn absolute(url: &str, to: &str) -> String {
    if !to.starts_with('/') || to.starts_with("//") {
        return to.to_owned();
    }
    let parsed: Option<Uri> = url.parse().ok();
    let parts = parsed.as_ref().and_then(|uri| Some((uri.scheme_str()?, uri.authority()?)));
    parts.map_or_else(|| to.to_owned(), |(scheme, authority)| format!("{scheme}://{authority}{to}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use ureq::http::HeaderValue;

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &Value) -> Failure {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value)));
        Failure::refused(status, &headers.collect(), body.to_string().as_bytes())
    }

    #[test]
    fn the_words_of_all_forges() {
        for (body, expected) in [
            (json!({"message": "Not Found", "documentation_url": "x"}), "Not Found"),
            (
                json!({"message": "Validation Failed", "errors": [{"resource": "PullRequest", "code": "custom", "message": "A pull request already exists for a:b."}]}),
                "Validation Failed; A pull request already exists for a:b.",
            ),
            (
                json!({"message": "Validation Failed", "errors": [{"resource": "PullRequest", "field": "base", "code": "invalid"}]}),
                "Validation Failed; base: invalid",
            ),
            (
                json!({"message": ["Another open merge request already exists for this source branch: !3"]}),
                "Another open merge request already exists for this source branch: !3",
            ),
            (json!({"message": {"title": ["is too long"]}}), "is too long"),
            (
                json!({"error": "invalid_token", "error_description": "Token was revoked."}),
                "invalid_token; Token was revoked.",
            ),
            (
                json!({"type": "error", "error": {"message": "There are no changes to be pulled"}}),
                "There are no changes to be pulled",
            ),
            (json!({}), "no reason given"),
            (json!([1, 2]), "no reason given"),
        ] {
            assert_eq!(words(&body), expected);
        }
    }

    #[test]
    fn only_what_may_pass_is_repeated_and_only_for_short_pauses() {
        let seconds = Duration::from_secs;
        for (failure, pause) in [
            (answer(404, &[], &json!({})), None),
            (answer(401, &[], &json!({})), None),
            (answer(403, &[], &json!({})), None),
            (answer(403, &[("retry-after", "7")], &json!({})), Some(seconds(7))),
            (answer(429, &[("retry-after", "60")], &json!({})), Some(seconds(60))),
            (answer(429, &[("retry-after", "61")], &json!({})), None),
            (answer(403, &[("x-ratelimit-remaining", "0")], &json!({})), None),
            (answer(502, &[], &json!({})), Some(FIRST_PAUSE)),
            (answer(501, &[], &json!({})), None),
            (Failure::Unreachable("x".into()), Some(FIRST_PAUSE)),
            (Failure::Unreadable, None),
        ] {
            assert_eq!(failure.pause(0), pause, "{failure:?}");
        }
        assert_eq!(Failure::Unreachable(String::new()).pause(2), Some(FIRST_PAUSE * 4));
    }

    #[test]
    fn what_exists_is_told_from_other_refusals() {
        for (status, message, exists) in [
            (422, "A pull request already exists for team:a", true),
            (409, "Another open merge request already exists for this source branch: !3", true),
            (409, "pull request already exists for these targets", true),
            (422, "No commits between main and a", false),
            (500, "already exists", false),
        ] {
            assert_eq!(
                answer(status, &[], &json!({"message": message})).says_it_exists(),
                exists,
                "{message}"
            );
        }
    }

    #[test]
    fn a_credential_stays_with_its_host() {
        for (other, same) in [
            ("https://api.github.com/repositories/1", true),
            ("https://API.github.com:443/x", true),
            ("http://api.github.com/x", false),
            ("https://api.github.com.evil.example/x", false),
            ("https://api.github.com@evil.example/x", false),
            ("https://evil.example/https://api.github.com", false),
            ("//evil.example", false),
            ("", false),
        ] {
            assert_eq!(is_same_host("https://api.github.com", other), same, "{other}");
        }
        assert_eq!(absolute("https://x.org/a/b", "/c?d"), "https://x.org/c?d");
        assert_eq!(absolute("https://x.org/a/b", "//y.org/c"), "//y.org/c");
        assert_eq!(absolute("https://x.org/a/b", "https://y.org/c"), "https://y.org/c");
    }
}
