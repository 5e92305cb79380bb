//! Requests to a forge: JSON both ways, within time limits, to its own host alone. What may be repeated is repeated while the forge asks
//! for a pause that is short; a request that changes something is sent once.

use std::time::Duration;

use rustls::crypto::ring;
use serde_json::Value;
use ureq::{
    Agent, Body, Proxy,
    http::{HeaderMap, Response},
    tls::{RootCerts, TlsConfig},
    unversioned::transport::DefaultConnector,
};

use super::{
    failure::{self, Failure},
    kept_answers::KeptAnswers,
    lookup::Lookup,
};
use crate::{Code, Error, Result, context::Cancel, world::Environment};

/// The longest time for one request and its answer.
const REQUEST_TIME: Duration = Duration::from_secs(60);
/// The longest time to connect.
const CONNECT_TIME: Duration = Duration::from_secs(15);
/// The largest answer, in bytes.
const MAX_ANSWER: u64 = 16 << 20;
/// How often a request that only reads is repeated.
const MAX_REPEATS: u32 = 3;
/// How many requests are sent at once. Forges see a program that sends many more as a nuisance.
pub const MAX_AT_ONCE: usize = 6;
/// How many redirections within the host are followed.
const MAX_REDIRECTIONS: u32 = 3;
/// How many pages of a list are read.
const MAX_PAGES: usize = 50;

/// How to reach a forge.
pub(super) struct Access {
    /// The host, as it is called in keys and messages.
    pub(super) host: String,
    /// The address of the interface, without a slash at its end.
    pub(super) base: String,
    /// The header with the credential, and its value.
    pub(super) credential: Option<(&'static str, String)>,
    /// The certificates of `http.sslCAInfo`; without them those of the system count.
    pub(super) roots: Option<RootCerts>,
    /// The proxy of `http.proxy`; without it the variables of the environment count.
    pub(super) proxy: Option<Proxy>,
}

/// Sends requests to one forge. Its credential is shown nowhere.
pub(super) struct Client {
    agent: Agent,
    host: String,
    base: String,
    credential: Option<(&'static str, String)>,
    cancel: Cancel,
    kept: KeptAnswers<Answer>,
}

/// A request that changes something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Write {
    Post,
    Patch,
    Put,
}

/// The answer of a forge.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) body: Value,
    /// The scopes of the token, if the forge tells them.
    pub(super) scopes: Option<String>,
    /// The address of the next page of a list.
    next: Option<String>,
    /// What names this state of it.
    mark: Option<String>,
}

impl Client {
    /// Prepares requests; `cancel` ends the pauses between them.
    pub(super) fn new(access: Access, environment: &Environment, cancel: Cancel) -> Self {
        // Fails only if another part of this process chose a provider, which is as good.
        let _ = ring::default_provider().install_default();
        let roots = access.roots.unwrap_or(RootCerts::PlatformVerifier);
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(MAX_AT_ONCE)
            .max_idle_connections_per_host(MAX_AT_ONCE)
            .timeout_global(Some(REQUEST_TIME))
            .timeout_connect(Some(CONNECT_TIME))
            .user_agent(concat!("git-orchestra/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(roots).build());
        let config = match access.proxy {
            Some(proxy) => config.proxy(Some(proxy)),
            // What is on this machine is not reached through a proxy.
            None if is_here(&access.base) => config.proxy(None),
            None => config,
        };
        let lookup = Lookup { environment: environment.clone(), cancel: cancel.clone() };
        Self {
            agent: Agent::with_parts(config.build(), DefaultConnector::default(), lookup),
            host: access.host,
            base: access.base,
            credential: access.credential,
            cancel,
            kept: KeptAnswers::default(),
        }
    }

    /// Reads something. `None` if there is no such thing (404).
    ///
    /// # Errors
    /// The forge cannot be reached, or refuses the request.
    pub(super) fn find(&self, path: &str) -> Result<Option<Value>> {
        match self.read(&format!("{}{path}", self.base)) {
            Ok(answer) => Ok(Some(answer.body)),
            Err(Failure::Refused { status: 404, .. }) => Ok(None),
            Err(failure) => Err(self.error(failure)),
        }
    }

    /// Reads something that is there.
    ///
    /// # Errors
    /// As [`Client::find`], or there is no such thing.
    pub(super) fn get(&self, path: &str) -> Result<Value> {
        self.answer(path).map(|answer| answer.body)
    }

    /// As [`Client::get`], with what the headers tell.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(super) fn answer(&self, path: &str) -> Result<Answer> {
        self.read(&format!("{}{path}", self.base)).map_err(|why| self.error(why))
    }

    /// Reads a list, page by page, up to `most` entries. `entries` takes them out of a page; the address of the next one is in the
    /// header `Link`, or is `next` in the answer.
    ///
    /// # Errors
    /// As [`Client::find`].
    pub(super) fn list(
        &self,
        path: &str,
        most: usize,
        entries: fn(Value) -> Vec<Value>,
    ) -> Result<Vec<Value>> {
        let (mut all, mut next) = (Vec::new(), Some(format!("{}{path}", self.base)));
        for _ in 0..MAX_PAGES {
            let Some(address) = next.take().filter(|_| all.len() < most) else { break };
            let answer = self.read(&address).map_err(|why| self.error(why))?;
            next = answer.next.or_else(|| answer.body["next"].as_str().map(str::to_owned));
            // A page elsewhere would get the credential.
            next = next.filter(|next| failure::is_same_host(&self.base, next));
            all.extend(entries(answer.body));
        }
        all.truncate(most);
        Ok(all)
    }

    /// Sends a change, once. An error does not say whether it was carried out, unless the forge refused it.
    ///
    /// # Errors
    /// As [`Failure`] says.
    pub(super) fn write(&self, how: Write, path: &str, body: &Value) -> Result<Value, Failure> {
        let url = format!("{}{path}", self.base);
        let request = match how {
            Write::Post => self.agent.post(&url),
            Write::Patch => self.agent.patch(&url),
            Write::Put => self.agent.put(&url),
        };
        let request = self.with_headers(request.header("content-type", "application/json"));
        let sent = request.send(body.to_string().as_bytes());
        receive(sent).map(|answer| answer.body)
    }

    /// Makes an error of a failure, in the words of the forge.
    pub(super) fn error(&self, failure: Failure) -> Error {
        failure.error(&self.host, self.credential.is_some())
    }

    fn read(&self, url: &str) -> Result<Answer, Failure> {
        let (mut url, mut repeats, mut redirections) = (url.to_owned(), 0, 0);
        loop {
            let request = self.with_headers(self.agent.get(&url));
            let request = match self.kept.mark(&url) {
                Some(mark) => request.header("if-none-match", mark),
                None => request,
            };
            match receive(request.call()) {
                Err(failure) if failure.status() == Some(304) => {
                    return self.kept.get(&url).ok_or(failure);
                }
                Err(Failure::Moved(to)) if redirections < MAX_REDIRECTIONS => {
                    // Another host would get the credential.
                    let to = failure::absolute(&url, &to);
                    if !failure::is_same_host(&self.base, &to) {
                        return Err(Failure::Moved(to));
                    }
                    (url, redirections) = (to, redirections + 1);
                }
                Err(failure) => match failure.pause(repeats).filter(|_| repeats < MAX_REPEATS) {
                    Some(pause) if !self.cancel.wait(pause) => repeats += 1,
                    Some(_) => return Err(Failure::Interrupted),
                    None => return Err(failure),
                },
                Ok(answer) => {
                    self.kept.keep(&url, answer.mark.as_deref(), &answer);
                    return Ok(answer);
                }
            }
        }
    }

    fn with_headers<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        let request = request.header("accept", "application/json");
        match &self.credential {
            Some((name, value)) => request.header(*name, value),
            None => request,
        }
    }
}

fn receive(sent: Result<Response<Body>, ureq::Error>) -> Result<Answer, Failure> {
    let mut response = sent.map_err(|error| Failure::Unreachable(error.to_string()))?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
    let body = body.map_err(|error| Failure::Unreachable(error.to_string()))?;
    match status {
        204 => Ok(Answer { body: Value::Null, scopes: None, next: None, mark: None }),
        200..=299 => {
            let body = serde_json::from_slice(&body).map_err(|_| Failure::Unreadable)?;
            let text = |name: &str| headers.get(name).and_then(|text| text.to_str().ok()).map(str::to_owned);
            let (scopes, mark) = (text("x-oauth-scopes"), text("etag"));
            Ok(Answer { body, scopes, next: next_page(&headers), mark })
        }
        301 | 302 | 307 | 308 => {
            let to = headers.get("location").and_then(|to| to.to_str().ok()).unwrap_or_default();
            Err(Failure::Moved(to.to_owned()))
        }
        _ => Err(Failure::refused(status, &headers, &body)),
    }
}

/// Reads the address of the next page from the header `Link` (RFC 8288).
fn next_page(headers: &HeaderMap) -> Option<String> {
    let links = headers.get("link")?.to_str().ok()?;
    let next = links.split(',').find(|link| link.contains("rel=\"next\""))?;
    let (address, _) = next.trim().strip_prefix('<')?.split_once('>')?;
    Some(address.to_owned())
}

fn is_here(base: &str) -> bool {
    crate::model::host::HostAndPort::of_url(base).is_some_and(|host| host.is_local())
}

/// Makes the error of an answer that lacks a field.
pub(super) fn unreadable(what: &str) -> Error {
    Error::new(Code::ForgeFailed, format!("the answer of the forge has no {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_in_the_header() {
        for (link, next) in [
            (
                r#"<https://x.org/a?page=2>; rel="next", <https://x.org/a?page=9>; rel="last""#,
                Some("https://x.org/a?page=2"),
            ),
            (r#"<https://x.org/a?page=1>; rel="prev""#, None),
            ("", None),
            (r#"https://x.org; rel="next""#, None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("link", link.parse().expect("a header"));
            assert_eq!(next_page(&headers).as_deref(), next, "{link}");
        }
    }
}
