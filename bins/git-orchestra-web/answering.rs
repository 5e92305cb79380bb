//! From a request to its answer: the guard first, whatever the request is for.

use std::{sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Limited};
use hyper::{
    Method, Request, Response, Version,
    body::Incoming,
    header::{self, HeaderMap, HeaderName},
    http::request::Parts,
};
use orchestra::{
    Code, Error, Result,
    ops::web::{self, Facts, MAX_BODY, Policy, Refusal, Repeat, Target, Visitor},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    api, assets,
    call::Call,
    replies::{self, Body, Reply},
    route::Route,
    server::Server,
    socket, stream,
};

/// Where the token of a link is posted.
const LOGIN: &str = "/login";
/// The header with the key of a page.
const KEY: &str = "orchestra-key";
/// The header that marks a request which may come again.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The type that a browser accepts when a person reads the answer.
const PAGE: &[u8] = b"text/html";
/// The delay of an answer to somebody who is not logged in.
const STRANGER_DELAY: Duration = Duration::from_millis(100);
/// How long the body of a request may take.
const BODY_TIME: Duration = Duration::from_secs(15);
/// How long a call may take. Its operation is not ended then.
const CALL_TIME: Duration = Duration::from_secs(120);

/// Answers a request.
pub(crate) async fn answer(server: &Arc<Server>, mut request: Request<Incoming>) -> Response<Body> {
    let upgrade = hyper::upgrade::on(&mut request);
    let (head, body) = request.into_parts();
    let epoch = server.logins().epoch();
    if let Err(refusal) = pass(server, &head) {
        if refusal == Refusal::Stranger {
            tokio::time::sleep(STRANGER_DELAY).await;
        }
        return match nowhere_page(server, &head).filter(|_| refusal == Refusal::Stranger) {
            Some(page) => page,
            None => Reply::refusal(refusal).response(),
        };
    }
    let path = head.uri.path();
    let is_post = head.method == Method::POST;
    if !is_post && let Some(asset) = assets::find(path) {
        return replies::file(200, asset.bytes(&server.environment).into_owned(), asset.kind);
    }
    let body = if is_post { read(body).await } else { Ok(Vec::new()) };
    let body = match body {
        Ok(body) => body,
        Err(reply) => return reply.response(),
    };
    if is_post && path == LOGIN {
        return log_in(server, &head, &body).await.response();
    }
    let Some(target) = Target::parse(path, head.uri.query()) else { return nowhere(server, &head) };
    if !is_post && socket::PATHS.contains(&path) {
        return socket::open(server, &head, upgrade, epoch);
    }
    if !is_post && target.matches(stream::PATH).is_some() {
        return stream::open(server, epoch);
    }
    match api::find(head.method.as_str(), &target) {
        Some(route) => call(server, &head, route, target, body).await.response(),
        None => nowhere(server, &head),
    }
}

/// Returns a page that says so, if a person typed an address outside of the calls into a browser, and reads the answer.
fn nowhere_page(server: &Server, head: &Parts) -> Option<Response<Body>> {
    let is_call = head.uri.path().starts_with("/api") || socket::PATHS.contains(&head.uri.path());
    let accepts = values(&head.headers, &header::ACCEPT);
    let has_html = accepts.iter().any(|types| types.windows(PAGE.len()).any(|part| part == PAGE));
    let asset = assets::find(assets::NOWHERE)?;
    (head.method == Method::GET && !is_call && has_html)
        .then(|| replies::file(404, asset.bytes(&server.environment).into_owned(), asset.kind))
}

/// Answers that there is nothing: a browser with a page, a program with an error.
fn nowhere(server: &Server, head: &Parts) -> Response<Body> {
    nowhere_page(server, head).unwrap_or_else(|| unknown().response())
}

/// Asks the guard.
fn pass(server: &Server, head: &Parts) -> Result<Option<Visitor>, Refusal> {
    let all = |name: HeaderName| values(&head.headers, &name);
    let mut content_types = all(header::CONTENT_TYPE);
    // What is not sent has no type.
    if content_types.is_empty() && !has_body(&head.headers) {
        content_types.push(b"application/json");
    }
    let facts = Facts {
        is_http_1_1: head.version == Version::HTTP_11,
        is_path: head.uri.authority().is_none() && head.uri.path().starts_with('/'),
        method: head.method.as_str(),
        path: head.uri.path(),
        hosts: all(header::HOST),
        origins: all(header::ORIGIN),
        fetch_sites: all(HeaderName::from_static("sec-fetch-site")),
        content_types,
        cookies: all(header::COOKIE),
        keys: all(HeaderName::from_static(KEY)),
        wants_upgrade: head.headers.contains_key(header::UPGRADE),
    };
    let policy = Policy {
        hosts: &server.hosts,
        public: &assets::paths(),
        login: LOGIN,
        sockets: &socket::PATHS,
        cookie: &server.cookie,
        logins: &server.logins(),
        write: server.write,
    };
    web::guard(&facts, &policy)
}

fn has_body(headers: &HeaderMap) -> bool {
    let size = headers.get(header::CONTENT_LENGTH);
    headers.contains_key(header::TRANSFER_ENCODING) || size.is_some_and(|size| size.as_bytes() != b"0")
}

fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a [u8]> {
    headers.get_all(name).iter().map(header::HeaderValue::as_bytes).collect()
}

fn unknown() -> Reply {
    let error = Error::usage("there is no such call").hint("GET /api/v1 lists all of them");
    Reply::error_of(404, &error)
}

/// Reads a body of limited size in limited time.
async fn read(body: Incoming) -> Result<Vec<u8>, Reply> {
    let refused = |status, why: String| Reply::error_of(status, &Error::usage(why));
    match tokio::time::timeout(BODY_TIME, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(read)) => Ok(read.to_bytes().to_vec()),
        Ok(Err(_)) => Err(refused(413, format!("the body is cut off, or longer than {MAX_BODY} bytes"))),
        Err(_) => Err(refused(408, "the body took too long".to_owned())),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    token: String,
}

/// Logs a browser in.
async fn log_in(server: &Server, head: &Parts, body: &[u8]) -> Reply {
    let given = serde_json::from_slice::<Token>(body).map(|given| given.token).unwrap_or_default();
    let login = server.logins().log_in(&given, server.now());
    let login = match login {
        Ok(Some(login)) => login,
        Err(error) => return Reply::error(&error),
        Ok(None) => {
            tokio::time::sleep(STRANGER_DELAY).await;
            let error = Error::refused("the link was used, or is too old").hint("git orchestra web");
            return Reply::error_of(401, &error);
        }
    };
    // A browser that reaches us through HTTPS never sends the cookie without it.
    let hosts = values(&head.headers, &header::HOST);
    let is_it =
        |host: &&web::HostName| hosts.iter().any(|given| host.host().as_bytes().eq_ignore_ascii_case(given));
    let is_encrypted = server.hosts.iter().find(is_it).is_some_and(web::HostName::is_encrypted);
    let secure = if is_encrypted { "; Secure" } else { "" };
    let cookie = format!("{}={}; Path=/; HttpOnly; SameSite=Strict{secure}", server.cookie, login.cookie);
    let is_guest = login.visitor == Visitor::Guest;
    let answer = json!({
        "version": 1, "kind": "login", "key": login.key, "guest": is_guest, "write": server.write && !is_guest,
    });
    Reply { cookie: Some(cookie), ..Reply::json(answer.to_string()) }
}

/// Makes a call, once for each idempotency key.
async fn call(
    server: &Arc<Server>,
    head: &Parts,
    route: &'static Route,
    target: Target,
    body: Vec<u8>,
) -> Reply {
    let key = match values(&head.headers, &HeaderName::from_static(IDEMPOTENCY_KEY)).as_slice() {
        [key] if head.method == Method::POST => Some(String::from_utf8_lossy(key).into_owned()),
        _ => None,
    };
    if let Some(key) = &key {
        let begun = server.repeats().begin(key, head.uri.path(), &body, server.now());
        match begun {
            Repeat::New => {}
            Repeat::Done(reply) => return reply,
            Repeat::Running => {
                return Reply::error_of(409, &Error::new(Code::Conflict, "this request is being done"));
            }
            Repeat::Other => {
                return Reply::error_of(
                    422,
                    &Error::usage("this Idempotency-Key was used for another request"),
                );
            }
            Repeat::Invalid => {
                let what = "an Idempotency-Key has 1 to 64 letters, digits and hyphens";
                return Reply::error_of(400, &Error::usage(what));
            }
        }
    }
    let shared = Arc::clone(server);
    let work = tokio::task::spawn_blocking(move || {
        let places = target.matches(route.path).unwrap_or_default().into_iter().map(str::to_owned).collect();
        let call = Call {
            context: shared.context(),
            environment: &shared.environment,
            server: &shared,
            places,
            parameters: target.parameters,
            body,
        };
        let reply = route.answer(&call);
        // It is kept here, so that a repetition gets it even if nobody waited for it.
        if let Some(key) = key {
            shared.repeats().end(&key, reply.clone(), shared.now());
        }
        reply
    });
    match tokio::time::timeout(CALL_TIME, work).await {
        Ok(Ok(reply)) => reply,
        Ok(Err(_)) => Reply::error(&Error::internal("the call ended with a bug")),
        Err(_) => {
            Reply::error_of(504, &Error::new(Code::Timeout, "the call takes long; its effect comes later"))
        }
    }
}
