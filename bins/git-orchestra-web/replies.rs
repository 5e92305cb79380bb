//! Answers, with the headers that each has, errors too.

use std::convert::Infallible;

use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{self, HeaderName, HeaderValue},
};
use orchestra::{
    Code, Error, Kind,
    ops::web::{Refusal, make_visible},
    wire,
};
use orchestra_terminal::errors;

/// The body of an answer.
pub(crate) type Body = BoxBody<Bytes, Infallible>;

/// The type of all answers but the page and the stream.
pub(crate) const JSON: &str = "application/json";

/// What a browser may do with every answer: show it in a page of ours alone, run nothing but our scripts, keep nothing.
const HEADERS: [(HeaderName, &str); 8] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
         manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
];

/// A finished answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) text: String,
    /// The value of `Set-Cookie`.
    pub(crate) cookie: Option<String>,
}

impl Reply {
    /// An answer of JSON.
    pub(crate) fn json(text: String) -> Self {
        Self { status: 200, kind: JSON, text, cookie: None }
    }

    /// An error of an operation.
    pub(crate) fn error(error: &Error) -> Self {
        let text = wire::ERROR.text(&errors::to_failure(error)).unwrap_or_default();
        // An error may quote what a request said.
        let mut answer = serde_json::from_str(&text).unwrap_or_default();
        make_visible(&mut answer);
        Self { status: status(error), ..Self::json(answer.to_string()) }
    }

    /// An error with another status than that of its kind.
    pub(crate) fn error_of(status: u16, error: &Error) -> Self {
        Self { status, ..Self::error(error) }
    }

    /// The answer to what may not pass.
    pub(crate) fn refusal(refusal: Refusal) -> Self {
        let (message, hint) = refusal.message();
        Self::error_of(refusal.status(), &Error::refused(message).hint(hint))
    }

    /// Returns the answer to send.
    pub(crate) fn response(self) -> Response<Body> {
        let body = Full::new(Bytes::from(self.text)).boxed();
        let mut response = with_headers(body, self.status, self.kind);
        if let Some(cookie) = self.cookie.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        response
    }
}

/// Returns a file of the page as an answer.
pub(crate) fn file(status: u16, bytes: Vec<u8>, kind: &'static str) -> Response<Body> {
    with_headers(Full::new(Bytes::from(bytes)).boxed(), status, kind)
}

/// Returns a body as an answer, with the headers of every answer.
pub(crate) fn with_headers(body: Body, status: u16, kind: &'static str) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED.as_u16() {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
    }
    response
}

fn status(error: &Error) -> u16 {
    let is_unknown = matches!(
        error.code,
        Code::AgentUnknown
            | Code::RunUnknown
            | Code::GateUnknown
            | Code::OperationUnknown
            | Code::MessageUnknown
            | Code::SessionUnknown
            | Code::SpecUnknown
    );
    match error.kind() {
        _ if is_unknown => 404,
        Kind::Usage => 400,
        Kind::Refused | Kind::Conflict => 409,
        Kind::External => 502,
        Kind::Timeout => 504,
        Kind::Interrupted => 503,
        _ => 500,
    }
}
