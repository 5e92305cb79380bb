//! What a program asks of the proxy. Pure.

use crate::model::host::HostAndPort;

/// Header fields that are between the program and the proxy alone, or that the proxy sets.
const OWN_FIELDS: [&str; 5] = ["connection", "host", "keep-alive", "proxy-authorization", "proxy-connection"];

/// A request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Request {
    /// To pass on whatever comes, to a host.
    Tunnel(HostAndPort),
    /// One request without encryption, as it is sent to the host.
    Plain(HostAndPort, String),
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
        // A second request on the same connection could be for another host.
        let mut text = format!("{method} {slash}{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        for line in lines {
            let (name, _) = line.split_once(':')?;
            if !OWN_FIELDS.contains(&name.to_ascii_lowercase().as_str()) {
                text.push_str(line);
                text.push_str("\r\n");
            }
        }
        text.push_str("\r\n");
        Some(Self::Plain(host, text))
    }

    /// Returns the host.
    pub(super) const fn host(&self) -> &HostAndPort {
        match self {
            Self::Tunnel(host) | Self::Plain(host, _) => host,
        }
    }
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
    use super::*;

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
                Some(Request::Plain(
                    host("x.org:81"),
                    "POST /a?b HTTP/1.1\r\nHost: x.org:81\r\nConnection: close\r\nAccept: */*\r\n\r\n"
                        .to_owned(),
                )),
            ),
            (
                "GET http://x.org?q HTTP/1.0",
                Some(Request::Plain(
                    host("x.org:80"),
                    "GET /?q HTTP/1.1\r\nHost: x.org:80\r\nConnection: close\r\n\r\n".to_owned(),
                )),
            ),
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
