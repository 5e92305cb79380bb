//! Why a request failed, and what to do then. Pure.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use ureq::http::HeaderMap;

use crate::model::text;

/// The longest pause that the service may ask for and that is waited for here. A longer one is a usage limit.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often a request is repeated.
pub(super) const MAX_RETRIES: u32 = 4;
/// The pause before the first repetition, if the service names none; it doubles before each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest message that is kept, in columns.
const MESSAGE_WIDTH: usize = 400;
/// The prefix of the headers about usage limits.
const UNIFIED: &str = "anthropic-ratelimit-unified-";

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Failure {
    /// The service was not reached, or its answer is not one.
    Unreachable(String),
    /// The service refused the request.
    Refused { status: u16, kind: String, message: String, pause: Option<Duration>, limit: Option<Box<Limit>> },
}

/// A usage limit in the headers of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Limit {
    status: String,
    kind: String,
    resets_at: Option<i64>,
    used: Option<f64>,
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Next {
    /// Repeat the request after a pause.
    Retry(Duration),
    /// End the turn because of a usage limit.
    Limited,
    /// End the turn.
    GiveUp,
}

impl Failure {
    /// Reads an answer that is not the model's.
    pub(super) fn refused(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let of_error =
            |field: &str| body["error"][field].as_str().map(|said| text::one_line(said, MESSAGE_WIDTH));
        let pause = number(headers, "retry-after").filter(|seconds| *seconds >= 0.0 && seconds.is_finite());
        Self::Refused {
            status,
            kind: of_error("type").unwrap_or_default(),
            message: of_error("message")
                .unwrap_or_else(|| format!("the service answered with status {status}")),
            pause: pause.map(|seconds| Duration::from_secs_f64(seconds.min(1e9))),
            limit: Limit::of(headers).map(Box::new),
        }
    }

    /// Makes the failure that an event of a stream reports, with the status that an answer would have.
    pub(super) fn in_stream(kind: &str, message: &str) -> Self {
        let status = match kind {
            "overloaded_error" => 529,
            "rate_limit_error" => 429,
            "authentication_error" => 401,
            "permission_error" => 403,
            "invalid_request_error" => 400,
            "request_too_large" => 413,
            _ => 500,
        };
        Self::Refused {
            status,
            kind: text::one_line(kind, MESSAGE_WIDTH),
            message: text::one_line(message, MESSAGE_WIDTH),
            pause: None,
            limit: None,
        }
    }

    /// Decides what follows; `done` is how often the request was repeated already.
    pub(super) fn next(&self, done: u32) -> Next {
        let pause = match self {
            Self::Unreachable(_) => None,
            Self::Refused { limit: Some(limit), status: 429, .. } if limit.is_reached() => {
                return Next::Limited;
            }
            Self::Refused { status: 429, pause: Some(pause), .. } if *pause > LONGEST_PAUSE => {
                return Next::Limited;
            }
            Self::Refused { status: 408 | 409 | 429 | 500.., pause, .. } => *pause,
            Self::Refused { .. } => return Next::GiveUp,
        };
        if done >= MAX_RETRIES {
            return Next::GiveUp;
        }
        Next::Retry(pause.unwrap_or(FIRST_PAUSE * (1 << done)).min(LONGEST_PAUSE))
    }

    /// Returns the sentence for people.
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::Unreachable(why) => {
                format!("the service cannot be reached: {}", text::one_line(why, MESSAGE_WIDTH))
            }
            Self::Refused { status, message, .. } => format!("API error {status}: {message}"),
        }
    }

    /// Returns the word for it in the output.
    pub(super) fn word(&self) -> &str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Refused { status: 401, .. } => "authentication_failed",
            Self::Refused { status: 429, .. } => "rate_limit",
            Self::Refused { kind, .. } if kind.is_empty() => "unknown",
            Self::Refused { kind, .. } => kind,
        }
    }

    /// Returns the HTTP status, if there was an answer.
    pub(super) const fn status(&self) -> Option<u16> {
        match self {
            Self::Unreachable(_) => None,
            Self::Refused { status, .. } => Some(*status),
        }
    }

    /// Returns whether the conversation is too long for the model.
    pub(super) fn is_too_long(&self) -> bool {
        match self {
            Self::Refused { status: 413, .. } => true,
            Self::Refused { status: 400, message, .. } => {
                message.to_ascii_lowercase().contains("prompt is too long")
            }
            _ => false,
        }
    }

    /// Returns the limit that ended the turn.
    pub(super) fn limit(&self, now: Timestamp) -> Value {
        match self {
            Self::Refused { limit: Some(limit), .. } if limit.is_reached() => limit.info(),
            Self::Refused { pause: Some(pause), .. } => {
                let until =
                    now.as_second().saturating_add(i64::try_from(pause.as_secs()).unwrap_or(i64::MAX));
                json!({"status": "rejected", "resetsAt": until})
            }
            _ => json!({"status": "rejected"}),
        }
    }
}

impl Limit {
    /// Reads the headers; returns `None` if they report no limit.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let word =
            |name: &str| Some(headers.get(format!("{UNIFIED}{name}"))?.to_str().ok()?.trim().to_owned());
        let kind = word("representative-claim").unwrap_or_default();
        let window = match kind.as_str() {
            "five_hour" => "5h",
            "seven_day" => "7d",
            other => other,
        };
        Some(Self {
            status: word("status")?,
            resets_at: word("reset").and_then(|at| at.parse().ok()),
            used: number(headers, &format!("{UNIFIED}{window}-utilization")),
            kind,
        })
    }

    fn is_reached(&self) -> bool {
        self.status == "rejected"
    }

    /// Returns whether it is near or reached.
    pub(super) fn is_news(&self) -> bool {
        self.is_reached() || self.status == "allowed_warning"
    }

    /// Returns it as the output has it.
    pub(super) fn info(&self) -> Value {
        json!({"status": self.status, "resetsAt": self.resets_at, "rateLimitType": self.kind, "utilization": self.used})
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<f64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use ureq::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(all: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            (name, HeaderValue::from_str(value).expect("a value"))
        };
        all.iter().map(pair).collect()
    }

    fn refused(status: u16, all: &[(&str, &str)]) -> Failure {
        Failure::refused(status, &headers(all), br#"{"error":{"type":"some_error","message":"some words"}}"#)
    }

    #[test]
    fn what_may_pass_is_repeated_within_bounds() {
        let seconds = Duration::from_secs;
        for (failure, done, expected) in [
            (refused(529, &[]), 0, Next::Retry(seconds(1))),
            (refused(529, &[]), 3, Next::Retry(seconds(8))),
            (refused(529, &[]), 4, Next::GiveUp),
            (refused(500, &[("retry-after", "7")]), 0, Next::Retry(seconds(7))),
            (refused(503, &[("retry-after", "100000")]), 0, Next::Retry(seconds(60))),
            (refused(429, &[("retry-after", "30")]), 1, Next::Retry(seconds(30))),
            (refused(429, &[("retry-after", "3600")]), 0, Next::Limited),
            (refused(429, &[("retry-after", "-1")]), 0, Next::Retry(seconds(1))),
            (refused(429, &[("retry-after", "Fri, 27 Nov 2026")]), 0, Next::Retry(seconds(1))),
            (refused(429, &[("anthropic-ratelimit-unified-status", "rejected")]), 0, Next::Limited),
            (refused(400, &[]), 0, Next::GiveUp),
            (refused(401, &[("retry-after", "1")]), 0, Next::GiveUp),
            (refused(403, &[]), 0, Next::GiveUp),
            (refused(302, &[]), 0, Next::GiveUp),
            (Failure::in_stream("overloaded_error", "x"), 0, Next::Retry(seconds(1))),
            (Failure::in_stream("invalid_request_error", "x"), 0, Next::GiveUp),
            (Failure::in_stream("of_next_year", "x"), 1, Next::Retry(seconds(2))),
            (Failure::Unreachable("x".into()), 0, Next::Retry(seconds(1))),
            (Failure::Unreachable("x".into()), 4, Next::GiveUp),
        ] {
            assert_eq!(failure.next(done), expected, "{failure:?} {done}");
        }
        assert_eq!(refused(400, &[]).sentence(), "API error 400: some words");
        assert!(Failure::refused(500, &headers(&[]), b"<html>").sentence().contains("status 500"));
    }

    #[test]
    fn limits_say_when_they_end() {
        let now = Timestamp::from_second(1000).expect("a time");
        let window = [
            ("anthropic-ratelimit-unified-status", "rejected"),
            ("anthropic-ratelimit-unified-reset", "5000"),
            ("anthropic-ratelimit-unified-representative-claim", "five_hour"),
            ("anthropic-ratelimit-unified-5h-utilization", "1"),
            ("retry-after", "9"),
        ];
        let limit = refused(429, &window).limit(now);
        assert_eq!(
            limit,
            json!({"status": "rejected", "resetsAt": 5000, "rateLimitType": "five_hour", "utilization": 1.0})
        );
        assert_eq!(refused(429, &[("retry-after", "3600")]).limit(now)["resetsAt"], 4600);
        let warning = Limit::of(&headers(&[("anthropic-ratelimit-unified-status", "allowed_warning")]));
        assert!(warning.is_some_and(|limit| limit.is_news() && !limit.is_reached()));
        assert!(
            Limit::of(&headers(&[("anthropic-ratelimit-unified-status", "allowed")]))
                .is_some_and(|limit| !limit.is_news())
        );
    }
}
