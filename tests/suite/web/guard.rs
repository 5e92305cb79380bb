//! Who gets in, and what is refused, whatever it asks for.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
};

use super::{Server, get, post};
use crate::world;

/// The headers of every answer.
const HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", "default-src 'none'; script-src 'self';"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

#[test]
fn a_link_logs_one_browser_in_and_is_nowhere_else() {
    let world = world();
    let repo = world.repo();
    let server = Server::start(&repo, &["--guest"]);
    let token = &server.tokens[0];
    let line = fs::read(format!("/proc/{}/cmdline", server.program.id())).unwrap_or_default();
    assert!(!String::from_utf8_lossy(&line).contains(token.as_str()));
    let browser = server.browser(0);
    assert_eq!(browser.get("/api/v1/status").status, 200);
    assert_eq!(server.log_in(token).status, 401);
    for wrong in ["", "x", &token[1..]] {
        assert_eq!(server.log_in(wrong).status, 401, "{wrong}");
    }
    let guest = server.log_in(&server.tokens[1]);
    let cookie = guest.header("set-cookie").expect("a cookie");
    assert!(cookie.starts_with(&format!("orchestra-{}-", server.port)), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    assert_eq!((&guest.json()["guest"], &guest.json()["write"]), (&true.into(), &false.into()));
    // A cookie reaches the servers of other ports, and is nothing without the key of our pages.
    let stolen = format!("Cookie: {}\r\n", browser.cookie);
    assert_eq!(server.send(get(server.port, "/api/v1/status", &stolen).as_bytes()).status, 401);
    assert!(server.end());
}

#[test]
fn pages_of_others_change_and_read_nothing() {
    let world = world();
    let repo = world.repo();
    let server = Server::start(&repo, &["--write"]);
    let (port, browser) = (server.port, server.browser(0));
    let me = browser.head();
    let ours = format!("Origin: http://127.0.0.1:{port}\r\n");
    let json = "Content-Type: application/json\r\n";
    let body = r#"{"tasks":["touch evil"],"profile":"sh"}"#;
    let origins = [
        "".to_owned(),
        "Origin: null\r\n".to_owned(),
        "Origin: http://evil.example\r\n".to_owned(),
        format!("Origin: http://127.0.0.1:{}\r\n", port ^ 1),
        format!("Origin: http://localhost:{port}\r\n"),
        format!("Origin: HTTP://127.0.0.1:{port}\r\n"),
        format!("Origin: http://127.0.0.1:{port}.\r\n"),
        format!("{ours}{ours}"),
    ];
    for origin in &origins {
        for kind in [json, "Content-Type: text/plain\r\n", ""] {
            let answer =
                server.send(post(port, "/api/v1/spawn", &format!("{me}{origin}{kind}"), body).as_bytes());
            assert!(matches!(answer.status, 400 | 403), "{origin}{kind}: {answer:?}");
            let answer = server.send(post(port, "/login", &format!("{origin}{kind}"), "{}").as_bytes());
            assert!(matches!(answer.status, 400 | 403), "{origin}{kind}: {answer:?}");
        }
    }
    for kind in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-8",
    ] {
        let head = format!("{me}{ours}Content-Type: {kind}\r\n");
        assert_eq!(server.send(post(port, "/api/v1/spawn", &head, body).as_bytes()).status, 415, "{kind}");
    }
    for site in ["cross-site", "same-site", "nonsense"] {
        let head = format!("{me}{ours}{json}Sec-Fetch-Site: {site}\r\n");
        assert_eq!(server.send(post(port, "/api/v1/spawn", &head, body).as_bytes()).status, 403, "{site}");
        let head = format!("{me}Sec-Fetch-Site: {site}\r\n");
        for (path, status) in [("/api/v1/status", 403), ("/api/v1/events", 403), ("/", 200)] {
            assert_eq!(server.send(get(port, path, &head).as_bytes()).status, status, "{site} {path}");
        }
    }
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "FOO"] {
        let request = get(port, "/api/v1/status", &me).replacen("GET", method, 1);
        assert_eq!(server.send(request.as_bytes()).status, 405, "{method}");
    }
    assert_eq!(repo.agents().len(), 0);
    assert!(server.end());
}

#[test]
fn other_names_and_other_protocols_are_refused() {
    let world = world();
    let repo = world.repo();
    let server = Server::start(&repo, &["--host", "https://box.example.net"]);
    let (port, browser) = (server.port, server.browser(0));
    let me = browser.head();
    let with_host =
        |host: &str| get(port, "/api/v1/status", &me).replacen(&format!("127.0.0.1:{port}"), host, 1);
    let status = |request: &str| server.send(request.as_bytes()).status;
    for (host, expected) in [
        (format!("localhost:{port}"), 200),
        ("box.example.net".to_owned(), 200),
        (format!("evil.example:{port}"), 421),
        (format!("127.0.0.1:{}", port ^ 1), 421),
        (format!("127.0.0.1:{port}."), 421),
        ("127.0.0.1".to_owned(), 421),
        (format!("[::1]:{port}"), 421),
        (String::new(), 421),
    ] {
        assert_eq!(status(&with_host(&host)), expected, "{host}");
    }
    let ok = get(port, "/api/v1/status", &me);
    assert_eq!(status(&ok.replacen("HTTP/1.1", "HTTP/1.0", 1)), 505);
    assert_eq!(status(&ok.replacen("Host:", "X-Host:", 1)), 400);
    assert_eq!(status(&ok.replacen("Host:", "Host: evil.example\r\nHost:", 1)), 400);
    for whole in
        ["http://evil.example/api/v1/status".to_owned(), format!("http://127.0.0.1:{port}/api/v1/status")]
    {
        assert_eq!(status(&ok.replacen("/api/v1/status", &whole, 1)), 400, "{whole}");
    }
    // A page of the tunnel logs in by HTTPS, and its cookie is for HTTPS alone.
    let body = format!("{{\"token\":\"{}\"}}", server.tokens[1]);
    let origin = "Origin: https://box.example.net\r\nContent-Type: application/json\r\n";
    let login =
        post(port, "/login", origin, &body).replacen(&format!("127.0.0.1:{port}"), "box.example.net", 1);
    let logged_in = server.send(login.as_bytes());
    assert!(
        logged_in.header("set-cookie").is_some_and(|cookie| cookie.ends_with("; Secure")),
        "{logged_in:?}"
    );
    let upgrade =
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    for origin in [
        "",
        "Origin: null\r\n",
        "Origin: http://evil.example\r\n",
        &format!("Origin: http://127.0.0.1:{port}\r\n"),
    ] {
        let is_ours = origin.ends_with(&format!("127.0.0.1:{port}\r\n"));
        // From our origin, a WebSocket is one: see `socket`.
        for path in ["/ws/status", "/api/v1/events", "/"].iter().skip(usize::from(is_ours)) {
            let request = get(port, path, &format!("{me}{origin}{upgrade}"))
                .replace("Connection: close", "Connection: close, upgrade");
            assert_eq!(status(&request), 403, "{origin} {path}");
        }
    }
    assert!(server.end());
}

#[test]
fn every_answer_tells_browsers_to_be_careful() {
    let world = world();
    let repo = world.repo();
    let server = Server::start(&repo, &[]);
    let (port, browser) = (server.port, server.browser(0));
    let me = browser.head();
    for (path, head, status) in [
        ("/", "", 200),
        ("/app.js", "", 200),
        ("/api/v1/status", &*me, 200),
        ("/api/v1/status", "", 401),
        ("/api/v1/nothing", &me, 404),
        ("/api/v1/agents/nosuch", &me, 404),
        ("/../../etc/passwd", &me, 404),
        ("/api/v1/status?x=1", &me, 400),
        ("/", "Origin: http://evil.example\r\n", 403),
    ] {
        let answer = server.send(get(port, path, head).as_bytes());
        assert_eq!(answer.status, status, "{path} {answer:?}");
        for (name, value) in HEADERS {
            let given = answer.header(name).unwrap_or_default();
            assert!(given.starts_with(value), "{path} {status}: {name}: {given}");
        }
        assert!(!answer.head.to_lowercase().contains("access-control-"), "{answer:?}");
        if status >= 400 {
            assert_eq!((&answer.json()["kind"], &answer.json()["version"]), (&"error".into(), &1.into()));
        }
    }
    // A person who mistypes an address gets a page, logged in or not; a program gets an error, and so does who asks for a call.
    let accept = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";
    for (path, head, status) in [
        ("/nosuch", String::new(), 404),
        ("/nosuch?a=b", me.clone(), 404),
        ("/api/v1/nosuch", me, 404),
        ("/api/v1/status", String::new(), 401),
        ("/nosuch", "Origin: http://evil.example\r\n".to_owned(), 403),
    ] {
        let answer = server.send(get(port, path, &format!("{head}{accept}")).as_bytes());
        assert_eq!(answer.status, status, "{path} {answer:?}");
        let is_page = status == 404 && !path.starts_with("/api");
        assert_eq!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), is_page);
        assert_eq!(answer.body.contains("There is no such page"), is_page, "{path} {answer:?}");
        for (name, value) in HEADERS {
            assert!(answer.header(name).unwrap_or_default().starts_with(value), "{path}: {name}");
        }
    }
    assert!(server.end());
}

#[test]
fn nobody_takes_all_places_or_all_memory() {
    let world = world();
    let repo = world.repo();
    let server = Server::start(&repo, &["--write"]);
    let (port, browser) = (server.port, server.browser(0));
    let me = browser.head();
    let big = format!("{me}X: {}\r\n", "x".repeat(20 * 1024));
    assert_eq!(server.send(get(port, "/api/v1/status", &big).as_bytes()).status, 431);
    let own = format!("{me}Origin: http://127.0.0.1:{port}\r\nContent-Type: application/json\r\n");
    let body = format!("{{\"text\":\"{}\"}}", "x".repeat(70 * 1024));
    assert_eq!(server.send(post(port, "/api/v1/agents/x/send", &own, &body).as_bytes()).status, 413);
    // A body that says it is small, and a stranger's body, which is not read.
    assert_eq!(server.send(post(port, "/api/v1/agents/x/send", "", &body).as_bytes()).status, 403);
    let chunked = format!(
        "POST /api/v1/agents/x/send HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{own}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n11170\r\n{}\r\n0\r\n\r\n",
        "x".repeat(0x11170)
    );
    assert_eq!(server.send(chunked.as_bytes()).status, 413);
    // Many that say little, slowly, and garbage.
    let slow: Vec<TcpStream> = (0..40)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("connected");
            stream.write_all(b"GET / HTTP/1.1\r\nHos").expect("sent");
            stream
        })
        .collect();
    for garbage in [
        &b"\0\0\0\0\r\n\r\n"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("connected");
        stream.write_all(garbage).expect("sent");
        stream.shutdown(std::net::Shutdown::Write).expect("closed");
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        assert!(!String::from_utf8_lossy(&said).contains(" 200 "), "{garbage:?}");
    }
    assert_eq!(browser.get("/api/v1/status").status, 200);
    drop(slow);
    assert!(server.end());
}

#[test]
fn it_listens_on_this_machine_alone_and_for_people() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["web", "--bind", "0.0.0.0"]).exits(2);
    for (host, why) in [("*", "a pattern"), ("0.0.0.0", "from this machine alone"), ("a b", "make a name")] {
        repo.orchestra(["web", "--host", host]).exits(2).stderr_has(why);
    }
    repo.orchestra(["web", "--port", "99999"]).exits(2);
    let server = Server::start(&repo, &[]);
    repo.orchestra(["web", "--port", &server.port.to_string()]).exits(5).stderr_has("a free one is taken");
    let id = repo.spawn("touch ready; sleep 60");
    repo.wait_for_file(&id, "ready");
    let mut command = repo.orchestra_command(["web", "--write"]);
    let ran = testkit::Ran::of(command.envs(repo.variables_of(&id))).exits(3);
    ran.stderr_has("an agent cannot serve the page");
    // The agents keep running when the page ends, and it ends by itself after its time.
    assert!(server.end());
    assert_eq!(repo.agent(&id)["liveness"], "live");
    repo.orchestra(["web", "--for", "1s"]).succeeded().stderr_has("agents keep running");
    repo.orchestra(["stop", &id]).succeeded();
}
