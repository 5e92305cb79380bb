//! Requests to the service: one POST, and an answer that comes in parts, each within a time limit.

use std::{
    io::{BufRead, BufReader, Read},
    time::Duration,
};

use rustls::crypto::ring;
use serde_json::Value;
use ureq::{
    Agent,
    http::{HeaderMap, Uri},
    tls::{RootCerts, TlsConfig},
};

use super::{
    failure::Failure,
    key,
    stream::{Assembly, Broken, Part},
};
use crate::{Code, Error, Result, context::Cancel, model::text, world::Environment};

/// The address of the service, if the user names no other.
const SERVICE: &str = "https://api.anthropic.com";
/// The variable that names another address.
pub(super) const ADDRESS: &str = "ANTHROPIC_BASE_URL";
/// The version of the interface.
const VERSION: &str = "2023-06-01";
/// The longest time for one answer.
const ANSWER_TIME: Duration = Duration::from_secs(3600);
/// The longest time until an answer begins.
const BEGIN_TIME: Duration = Duration::from_secs(600);
/// The longest time to connect.
const CONNECT_TIME: Duration = Duration::from_secs(30);
/// The largest answer, in bytes.
const MAX_ANSWER: u64 = 32 << 20;
/// The largest event of a stream, in bytes.
const MAX_EVENT: u64 = 4 << 20;

/// The connection to the service. Its key is shown nowhere.
#[derive(Clone)]
pub(super) struct Client {
    agent: Agent,
    url: String,
    key: String,
}

/// An answer of the model, and the headers with it.
pub(super) struct Answer {
    pub(super) message: Value,
    pub(super) headers: HeaderMap,
}

impl Client {
    /// Prepares requests to the address that the environment names.
    ///
    /// # Errors
    /// There is no key, or the address is not one of https, nor of this machine.
    pub(super) fn new(environment: &Environment, key_command: Option<&str>) -> Result<Self> {
        let base = environment.text_variable(ADDRESS).filter(|base| !base.trim().is_empty());
        let base = base.unwrap_or_else(|| SERVICE.to_owned());
        let base = base.trim().trim_end_matches('/');
        let is_here = check_address(base)?;
        let key = key::find(environment, key_command)?;
        // Fails only if another part of this process chose a provider, which is as good.
        let _ = ring::default_provider().install_default();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(0)
            .timeout_global(Some(ANSWER_TIME))
            .timeout_recv_response(Some(BEGIN_TIME))
            .timeout_connect(Some(CONNECT_TIME))
            .user_agent(concat!("git-orchestra/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build());
        // What is on this machine is not reached through a proxy.
        let config = if is_here { config.proxy(None) } else { config };
        Ok(Self { agent: config.build().into(), url: format!("{base}/v1/messages"), key })
    }

    /// Sends a request, and returns the model's answer. Its parts are passed on as they come. Once it is given up, the rest is not
    /// read.
    pub(super) fn ask(
        &self,
        request: &Value,
        given_up: &Cancel,
        on_part: &dyn Fn(Part),
    ) -> Result<Answer, Failure> {
        let unreachable = |error: ureq::Error| Failure::Unreachable(error.to_string());
        let sent = self
            .agent
            .post(&self.url)
            .header("x-api-key", &self.key)
            .header("anthropic-version", VERSION)
            .header("content-type", "application/json")
            .send(request.to_string().as_bytes());
        let mut response = sent.map_err(unreachable)?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if status == 200 && kind.trim_start().starts_with("text/event-stream") {
            let reader = response.body_mut().with_config().limit(MAX_ANSWER).reader();
            return Ok(Answer { message: read_stream(reader, given_up, on_part)?, headers });
        }
        let body = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec().map_err(unreachable)?;
        if status != 200 {
            return Err(Failure::refused(status, &headers, &body));
        }
        // A service that does not stream answers in one piece.
        let message: Value = serde_json::from_slice(&body).unwrap_or_default();
        if !message["content"].is_array() {
            return Err(Failure::Unreachable("the answer is not a message of the Messages API".to_owned()));
        }
        on_part(Part::Used(message["usage"].clone(), true));
        Ok(Answer { message, headers })
    }
}

/// Reads a stream of events to the end of the answer.
fn read_stream(body: impl Read, given_up: &Cancel, on_part: &dyn Fn(Part)) -> Result<Value, Failure> {
    let mut reader = BufReader::new(body);
    let (mut assembly, mut line) = (Assembly::default(), Vec::new());
    while !assembly.is_complete() {
        line.clear();
        let read = (&mut reader).take(MAX_EVENT).read_until(b'\n', &mut line);
        match read {
            Ok(0) => break,
            Ok(_) if given_up.is_cancelled() => break,
            Ok(_) => {}
            Err(error) => return Err(Failure::Unreachable(error.to_string())),
        }
        // The other fields of an event repeat what its data says.
        if let Some(data) = line.strip_prefix(b"data:") {
            on_part(assembly.take(String::from_utf8_lossy(data).trim()).map_err(failure)?);
        }
    }
    assembly.message().map_err(failure)
}

fn failure(broken: Broken) -> Failure {
    match broken {
        Broken::Error(kind, message) => Failure::in_stream(&kind, &message),
        Broken::Malformed(why) => Failure::Unreachable(why),
    }
}

/// Checks that the key is not sent in clear text to another machine. Returns whether the address is on this one.
fn check_address(base: &str) -> Result<bool> {
    let address: Option<Uri> = base.parse().ok();
    let parts = address.as_ref().and_then(|address| Some((address.scheme_str()?, address.host()?)));
    let is_here = |host: &str| host == "localhost" || host == "[::1]" || is_loopback(host);
    match parts {
        Some(("https", host)) => Ok(is_here(host)),
        Some(("http", host)) if is_here(host) => Ok(true),
        _ => Err(Error::new(
            Code::Refused,
            format!("{ADDRESS} is '{}', not an https address", text::safe(base)),
        )
        .hint("http is accepted only for this machine: it would show your key to others")),
    }
}

fn is_loopback(host: &str) -> bool {
    host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_sent_encrypted_or_not_at_all() {
        for (address, expected) in [
            ("https://api.example.com", Some(false)),
            ("https://api.example.com:8443/x", Some(false)),
            ("http://127.0.0.1:80", Some(true)),
            ("http://localhost", Some(true)),
            ("http://[::1]:1", Some(true)),
            ("http://127.example.com", None),
            ("http://api.example.com", None),
            ("http://localhost.example.com", None),
            ("ftp://localhost", None),
            ("localhost", None),
            ("", None),
        ] {
            assert_eq!(check_address(address).ok(), expected, "{address}");
        }
    }

    #[test]
    fn a_key_is_required() {
        let environment = Environment::of_this_process().without(super::super::KEY);
        assert!(Client::new(&environment, None).is_err());
        assert!(Client::new(&environment.with(super::super::KEY, "k"), None).is_ok());
    }
}
