//! What a program asks of the proxy. Pure.

use super::machine_proxy::MachineProxy;
use crate::model::{host::HostAndPort, text};

/// Header fields that are between the program and the proxy alone, or that the proxy sets.
const OWN_FIELDS: [&str; 5] = ["connection", "host", "keep-alive", "proxy-authorization", "proxy-connection"];

/// The longest part of an answer that is shown, in columns.
const MAX_STATUS: usize = 100;

/// A request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Request {
    /// To pass on whatever comes, to a host.
    Tunnel(HostAndPort),
    /// One request without encryption.
    Plain(HostAndPort, Plain),
}

/// A request without encryption.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Plain {
    method: String,
    /// The path on the host, with the query.
    path: String,
    /// The header fields that are passed on, each with the end of its line.
    fields: String,
}

impl Request {
    /// Parses the head of a request, without its last empty line. `None` if it is none that a proxy answers.
    pub(super) fn parse(head: &[u8]) -> Option<Self> {
        let head = str::from_utf8(head).ok()?;
        let mut lines = head.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        if words.next().is_some() || !matches!(version, "HTTP/1.1" | "HTTP/1.0") {
            return None;
        }
        if method == "CONNECT" {
            return HostAndPort::parse(target, None).map(Self::Tunnel);
        }
        let rest =
            target.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://")).map(|_| &target[7..])?;
        let host = HostAndPort::of_url(target)?;
        let path = rest.find(['/', '?']).map_or("", |at| &rest[at..]);
        let slash = if path.starts_with('/') { "" } else { "/" };
        let mut fields = String::new();
        for line in lines {
            let (name, _) = line.split_once(':')?;
            if !OWN_FIELDS.contains(&name.to_ascii_lowercase().as_str()) {
                fields.push_str(line);
                fields.push_str("\r\n");
            }
        }
        Some(Self::Plain(host, Plain { method: method.to_owned(), path: format!("{slash}{path}"), fields }))
    }

    /// Returns what is sent first: to the host itself, or to the proxy of the machine that it is reached through. Nothing precedes what
    /// the program sends through a tunnel to the host itself.
    pub(super) fn opening(&self, proxy: Option<&MachineProxy>) -> String {
        let login = proxy.map(MachineProxy::login).unwrap_or_default();
        match (self, proxy) {
            (Self::Tunnel(_), None) => String::new(),
            (Self::Tunnel(host), Some(_)) => {
                format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n{login}\r\n")
            }
            // A second request on the same connection could be for another host.
            (Self::Plain(host, Plain { method, path, fields }), _) => {
                let absolute = if proxy.is_some() { format!("http://{host}") } else { String::new() };
                format!(
                    "{method} {absolute}{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{login}{fields}\r\n"
                )
            }
        }
    }

    /// Returns the host.
    pub(super) const fn host(&self) -> &HostAndPort {
        match self {
            Self::Tunnel(host) | Self::Plain(host, _) => host,
        }
    }
}

/// Returns why a proxy of the machine does not connect with a host, by the head of its answer; `None` if it does.
pub(super) fn denial(proxy: &MachineProxy, head: &[u8]) -> Option<String> {
    let line = String::from_utf8_lossy(head);
    let line = line.lines().next().unwrap_or_default();
    let status =
        line.strip_prefix("HTTP/1.").and_then(|rest| rest.split_once(' ')).map_or(line, |(_, rest)| rest);
    let is_made = status.len() >= 3 && status.starts_with('2');
    (!is_made).then(|| format!("{proxy:?} answers '{}'", text::one_line(status, MAX_STATUS)))
}

/// Returns the answer for a host that is not allowed; programs show its text to their user.
pub(super) fn refusal(host: &HostAndPort) -> String {
    let name = if matches!(host.port, 80 | 443) { host.host.clone() } else { host.to_string() };
    answer(
        "403 Forbidden",
        &format!(
            "The sandbox of this agent does not allow '{host}'. A person allows it with:\n\
             git config --add orchestra.sandboxHost {name}\n"
        ),
    )
}

/// Returns an answer of the proxy itself.
pub(super) fn answer(status: &str, text: &str) -> String {
    let length = text.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{text}"
    )
}

#[cfg(test)]
mod tests {
    use super::{super::machine_proxy::MachineProxies, *};
    use crate::world::Environment;

    fn plain(method: &str, path: &str, fields: &str) -> Plain {
        Plain { method: method.to_owned(), path: path.to_owned(), fields: fields.to_owned() }
    }

    #[test]
    fn a_request_is_sent_to_its_host_or_to_the_proxy_of_the_machine() {
        let variables = [("all_proxy".into(), concat!("http://kim:", "word@a:1").into())];
        let environment = Environment::new(variables, std::path::Path::new("/"));
        let proxies = MachineProxies::read(&environment).expect("a proxy");
        let login = "Proxy-Authorization: Basic a2ltOndvcmQ=\r\n";
        for (head, direct, by_proxy) in [
            (
                "CONNECT x.org:443 HTTP/1.1",
                String::new(),
                format!("CONNECT x.org:443 HTTP/1.1\r\nHost: x.org:443\r\n{login}\r\n"),
            ),
            (
                "GET http://x.org/a HTTP/1.1\r\nAccept: */*\r\nProxy-Authorization: Basic x",
                "GET /a HTTP/1.1\r\nHost: x.org:80\r\nConnection: close\r\nAccept: */*\r\n\r\n".to_owned(),
                format!(
                    "GET http://x.org:80/a HTTP/1.1\r\nHost: x.org:80\r\nConnection: close\r\n{login}Accept: */*\r\n\r\n"
                ),
            ),
        ] {
            let asked = Request::parse(head.as_bytes()).expect("a request");
            assert_eq!(
                (asked.opening(None), asked.opening(proxies.for_tunnel(asked.host()))),
                (direct, by_proxy),
                "{head}"
            );
        }
    }

    #[test]
    fn a_proxy_of_the_machine_that_refuses_is_quoted() {
        let variables = [("https_proxy".into(), "a:1".into())];
        let environment = Environment::new(variables, std::path::Path::new("/"));
        let proxies = MachineProxies::read(&environment).expect("a proxy");
        let proxy =
            proxies.for_tunnel(&HostAndPort { host: "x.org".to_owned(), port: 443 }).expect("a proxy");
        let why = |status: &str| Some(format!("the proxy of https_proxy at a:1 answers '{status}'"));
        for (head, expected) in [
            ("HTTP/1.1 200 Connection established\r\nVia: a", None),
            ("HTTP/1.0 200 OK", None),
            ("HTTP/1.1 407 Proxy Authentication Required\r\nA: b", why("407 Proxy Authentication Required")),
            ("SSH-2.0-x", why("SSH-2.0-x")),
            ("", why("")),
        ] {
            assert_eq!(denial(proxy, head.as_bytes()), expected, "{head}");
        }
    }

    #[test]
    fn requests_name_their_host() {
        let host = |text: &str| HostAndPort::parse(text, None).expect("a host");
        for (head, expected) in [
            (
                "CONNECT api.example.com:443 HTTP/1.1\r\nHost: other.org",
                Some(Request::Tunnel(host("api.example.com:443"))),
            ),
            ("CONNECT api.example.com HTTP/1.1", None),
            ("CONNECT a:1 b HTTP/1.1", None),
            ("GET / HTTP/1.1\r\nHost: x.org", None),
            ("GET https://x.org/ HTTP/1.1", None),
            ("GET http://x.org/ HTTP/2", None),
            ("GET http://x.org/\r\nno colon", None),
            ("", None),
            (
                "POST HTTP://X.org:81/a?b HTTP/1.1\r\nHost: other.org\r\nAccept: */*\r\nProxy-Connection: keep-alive\r\nConnection: keep-alive",
                Some(Request::Plain(host("x.org:81"), plain("POST", "/a?b", "Accept: */*\r\n"))),
            ),
            ("GET http://x.org?q HTTP/1.0", Some(Request::Plain(host("x.org:80"), plain("GET", "/?q", "")))),
        ] {
            assert_eq!(Request::parse(head.as_bytes()), expected, "{head}");
        }
        assert_eq!(Request::parse(b"GET http://x.org/\xff HTTP/1.1"), None);
    }

    #[test]
    fn a_refusal_names_the_setting() {
        let said = refusal(&HostAndPort { host: "x.org".to_owned(), port: 443 });
        assert!(
            said.starts_with("HTTP/1.1 403 ") && said.ends_with("orchestra.sandboxHost x.org\n"),
            "{said}"
        );
        let other = refusal(&HostAndPort { host: "x.org".to_owned(), port: 22 });
        assert!(other.ends_with("orchestra.sandboxHost x.org:22\n"), "{other}");
    }
}
