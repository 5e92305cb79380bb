use std::time::Duration;

use super::*;

const HOST: &[u8] = b"127.0.0.1:4000";
const ORIGIN: &[u8] = b"http://127.0.0.1:4000";

/// A server with an owner and a guest who are logged in, and a tunnel.
struct Server {
    hosts: Vec<HostName>,
    logins: Logins,
    owner: (String, String),
    guest: (String, String),
    write: bool,
}

impl Server {
    fn new(write: bool) -> Self {
        let mut logins = Logins::default();
        let mut log_in = |visitor| {
            let token = logins.link(visitor, Duration::ZERO).unwrap();
            let login = logins.log_in(&token, Duration::ZERO).unwrap().unwrap();
            (format!("c={}", login.cookie), login.key)
        };
        let (owner, guest) = (log_in(Visitor::Owner), log_in(Visitor::Guest));
        let mut hosts = HostName::of_this_machine(4000).to_vec();
        hosts.push("https://box.example.net".parse().unwrap());
        Self { hosts, logins, owner, guest, write }
    }

    fn decide(&self, facts: &Facts<'_>) -> Result<Option<Visitor>, Refusal> {
        let policy = Policy {
            hosts: &self.hosts,
            public: &["/", "/app.js"],
            login: "/login",
            sockets: &["/ws/status"],
            cookie: "c",
            logins: &self.logins,
            write: self.write,
        };
        guard(facts, &policy)
    }

    fn get(&self) -> Facts<'_> {
        Facts {
            is_http_1_1: true,
            is_path: true,
            method: "GET",
            path: "/api/v1/status",
            hosts: vec![HOST],
            cookies: vec![self.owner.0.as_bytes()],
            keys: vec![self.owner.1.as_bytes()],
            ..Facts::default()
        }
    }

    fn post(&self) -> Facts<'_> {
        Facts {
            method: "POST",
            path: "/api/v1/spawn",
            origins: vec![ORIGIN],
            content_types: vec![b"application/json"],
            ..self.get()
        }
    }
}

#[test]
fn the_owner_reads_and_writes_and_a_guest_reads() {
    let server = Server::new(true);
    assert_eq!(server.decide(&server.get()), Ok(Some(Visitor::Owner)));
    assert_eq!(server.decide(&server.post()), Ok(Some(Visitor::Owner)));
    let guest = |facts| Facts {
        cookies: vec![server.guest.0.as_bytes()],
        keys: vec![server.guest.1.as_bytes()],
        ..facts
    };
    assert_eq!(server.decide(&guest(server.get())), Ok(Some(Visitor::Guest)));
    assert_eq!(server.decide(&guest(server.post())), Err(Refusal::Guest));
    let reading = Server::new(false);
    assert_eq!(reading.decide(&reading.get()), Ok(Some(Visitor::Owner)));
    assert_eq!(reading.decide(&reading.post()), Err(Refusal::ReadOnly));
}

/// Every method with every origin and every kind of content: of all of them, only our own page's JSON changes something.
#[test]
fn only_json_of_our_own_page_changes_something() {
    let server = Server::new(true);
    let methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "get", ""];
    let origins: [(&[&[u8]], bool); 12] = [
        (&[], false),
        (&[b"null"], false),
        (&[b""], false),
        (&[b"http://evil.example"], false),
        (&[b"http://127.0.0.1:4001"], false),
        (&[b"http://127.0.0.1"], false),
        (&[b"https://127.0.0.1:4000"], false),
        (&[b"http://localhost:4000"], false),
        (&[b"HTTP://127.0.0.1:4000"], false),
        (&[b"http://127.0.0.1:4000."], false),
        (&[ORIGIN, ORIGIN], false),
        (&[ORIGIN], true),
    ];
    let types: [&[&[u8]]; 9] = [
        &[],
        &[b"text/plain"],
        &[b"application/x-www-form-urlencoded"],
        &[b"multipart/form-data; boundary=a"],
        &[b"application/json; charset=utf-8"],
        &[b"text/plain; application/json"],
        &[b"Application/JSON"],
        &[b"application/json", b"text/plain"],
        &[b"application/json"],
    ];
    let mut passed = 0;
    for method in methods {
        for (origins, is_ours) in origins {
            for types in types {
                let facts = Facts {
                    method,
                    origins: origins.to_vec(),
                    content_types: types.to_vec(),
                    ..server.post()
                };
                let verdict = server.decide(&facts);
                let expected = match method {
                    "GET" => origins.is_empty() || is_ours,
                    "POST" => is_ours && types == [b"application/json" as &[u8]],
                    _ => false,
                };
                assert_eq!(verdict.is_ok(), expected, "{method} {origins:?} {types:?}: {verdict:?}");
                passed += usize::from(expected);
            }
        }
    }
    // GET without an origin or with ours, whatever its type, and one POST.
    assert_eq!(passed, 2 * types.len() + 1);
}

#[test]
fn only_our_names_are_hosts() {
    let server = Server::new(true);
    let with = |hosts: &[&'static [u8]]| server.decide(&Facts { hosts: hosts.to_vec(), ..server.get() });
    for host in [HOST, b"localhost:4000", b"LOCALHOST:4000", b"box.example.net"] {
        assert_eq!(with(&[host]), Ok(Some(Visitor::Owner)), "{host:?}");
    }
    for host in [
        &b"evil.example:4000"[..],
        b"127.0.0.1",
        b"127.0.0.1:4001",
        b"127.0.0.1:4000.",
        b"localhost.:4000",
        b"127.0.0.1:04000",
        b"127.0.0.2:4000",
        b"[::1]:4000",
        b"0.0.0.0:4000",
        b"user@127.0.0.1:4000",
        b"127.0.0.1:4000, evil.example",
        b"box.example.net:443",
        b"",
        b"\xff",
    ] {
        assert_eq!(with(&[host]), Err(Refusal::OtherHost), "{host:?}");
    }
    for several in [&[][..], &[HOST, HOST], &[HOST, b"evil.example"], &[b"evil.example", HOST]] {
        assert_eq!(with(several), Err(Refusal::Malformed), "{several:?}");
    }
    // A page of the tunnel has the tunnel's origin, and no other name's.
    let tunnel = |origin| {
        server.decide(&Facts { hosts: vec![b"box.example.net"], origins: vec![origin], ..server.post() })
    };
    assert_eq!(tunnel(b"https://box.example.net"), Ok(Some(Visitor::Owner)));
    assert_eq!(tunnel(b"http://box.example.net"), Err(Refusal::OtherOrigin));
    assert_eq!(tunnel(ORIGIN), Err(Refusal::OtherOrigin));
}

#[test]
fn pages_of_other_sites_and_ports_are_kept_out() {
    let server = Server::new(true);
    let sites: [(&[u8], bool, bool, bool); 6] = [
        (b"same-origin", true, true, true),
        (b"none", true, true, false),
        (b"same-site", true, false, false),
        (b"cross-site", true, false, false),
        (b"Same-Origin", true, false, false),
        (b"", true, false, false),
    ];
    for (site, page, get, post) in sites {
        let facts = |facts| Facts { fetch_sites: vec![site], ..facts };
        let page_facts = Facts { path: "/", ..server.get() };
        assert_eq!(server.decide(&facts(page_facts)).is_ok(), page, "{site:?}");
        assert_eq!(server.decide(&facts(server.get())).is_ok(), get, "{site:?}");
        assert_eq!(server.decide(&facts(server.post())).is_ok(), post, "{site:?}");
    }
    let twice = Facts { fetch_sites: vec![b"same-origin", b"cross-site"], ..server.get() };
    assert_eq!(server.decide(&twice), Err(Refusal::Malformed));
    // A page that a stranger may get is still not read by pages of others.
    let foreign = Facts { path: "/", origins: vec![b"http://evil.example"], ..server.get() };
    assert_eq!(server.decide(&foreign), Err(Refusal::OtherOrigin));
}

#[test]
fn no_other_protocol_is_begun() {
    let server = Server::new(true);
    for origin in [None, Some(&b"null"[..]), Some(b"http://evil.example")] {
        let facts = Facts { origins: origin.into_iter().collect(), wants_upgrade: true, ..server.get() };
        assert_eq!(server.decide(&facts), Err(Refusal::OtherOrigin), "{origin:?}");
    }
    let ours = Facts { origins: vec![ORIGIN], wants_upgrade: true, ..server.get() };
    assert_eq!(server.decide(&ours), Err(Refusal::Upgrade));
    let at_socket = Facts { path: "/ws/status", ..ours.clone() };
    assert_eq!(server.decide(&at_socket), Ok(Some(Visitor::Owner)));
    assert_eq!(server.decide(&Facts { keys: Vec::new(), ..at_socket.clone() }), Err(Refusal::Stranger));
    assert!(server.decide(&Facts { method: "POST", ..at_socket }).is_err());
    assert_eq!(server.decide(&Facts { is_http_1_1: false, ..server.get() }), Err(Refusal::Version));
    assert_eq!(server.decide(&Facts { is_path: false, ..server.get() }), Err(Refusal::Malformed));
}

#[test]
fn a_stranger_gets_the_empty_page_and_may_log_in() {
    let server = Server::new(true);
    let (cookie, key) = (server.owner.0.as_bytes(), server.owner.1.as_bytes());
    let other = [b"c=", key].concat();
    let both = [b"a=b; c=wrong;c = ", &cookie[2..], b" ; d"].concat();
    let near = [b"cc=", &cookie[2..], b"; C=", &cookie[2..]].concat();
    /// The values of one header.
    type Values<'a> = &'a [&'a [u8]];
    let cases: [(Values<'_>, Values<'_>, bool); 10] = [
        (&[], &[], false),
        (&[cookie], &[], false),
        (&[], &[key], false),
        (&[cookie], &[b""], false),
        (&[cookie], &[server.guest.1.as_bytes()], false),
        (&[&other], &[key], false),
        (&[&near], &[key], false),
        (&[b"\xff;=;;c"], &[key], false),
        (&[&both], &[key], true),
        (&[b"c=wrong", cookie], &[key], true),
    ];
    for (cookies, keys, is_in) in cases {
        let facts = |facts| Facts { cookies: cookies.to_vec(), keys: keys.to_vec(), ..facts };
        let expected = if is_in { Ok(Some(Visitor::Owner)) } else { Err(Refusal::Stranger) };
        assert_eq!(server.decide(&facts(server.get())), expected, "{cookies:?} {keys:?}");
        assert_eq!(server.decide(&facts(server.post())), expected, "{cookies:?} {keys:?}");
        for path in ["/", "/app.js"] {
            assert_eq!(server.decide(&facts(Facts { path, ..server.get() })), Ok(None));
            assert_eq!(server.decide(&facts(Facts { path, ..server.post() })), expected);
        }
        for path in ["/app.js/", "/login", "//", "/App.js", ""] {
            assert_eq!(server.decide(&facts(Facts { path, ..server.get() })), expected, "{path}");
        }
        let login = Facts { path: "/login", ..server.post() };
        assert_eq!(server.decide(&facts(login.clone())), Ok(None));
        let foreign = Facts { origins: vec![b"http://evil.example"], ..login };
        assert_eq!(server.decide(&facts(foreign)), Err(Refusal::OtherOrigin));
    }
    let two_keys = Facts { keys: vec![key, key], ..server.get() };
    assert_eq!(server.decide(&two_keys), Err(Refusal::Malformed));
}

#[test]
fn every_refusal_has_a_status_and_a_reason() {
    for refusal in Refusal::ALL {
        assert!((400..600).contains(&refusal.status()) && !refusal.message().0.is_empty(), "{refusal:?}");
    }
}
