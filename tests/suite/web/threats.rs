//! The threats to a server on a person's machine, each with a request of the attacker. `guard` has more of each.

use std::{
    collections::BTreeSet,
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt,
    process::Command,
    time::Duration,
};

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

use super::{Browser, Server, exchange, get, post};
use crate::{skip, world};

const JSON: &str = "Content-Type: application/json\r\n";

fn own_origin(port: u16) -> String {
    format!("Origin: http://127.0.0.1:{port}\r\n")
}

/// Returns the calls of the server, by method.
fn calls(browser: &Browser, method: &str) -> Vec<String> {
    let list = browser.get("/api/v1").json();
    let all = ["calls", "aliases"].into_iter().flat_map(|name| list[name].as_array().expect("calls").clone());
    let all = all.filter(|call| call["method"] == method && call["path"] != "/api/v1/events");
    all.map(|call| call["path"].as_str().expect("a path").to_owned()).collect()
}

/// Returns a path with a word in each of its places.
fn filled(path: &str, word: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { word.to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[test]
fn only_a_page_of_ours_changes_anything() {
    let world = world();
    let repo = world.repo();
    let server = Server::start(&repo, &["--write"]);
    let (port, browser) = (server.port, server.browser(0));
    let origins = [
        ("", false),
        ("Origin: null\r\n", false),
        ("Origin: http://evil.example\r\n", false),
        (&format!("Origin: http://127.0.0.1:{}\r\n", port ^ 1), false),
        (&format!("Origin: HTTP://127.0.0.1:{port}\r\n"), false),
        (&format!("Origin: http://127.0.0.1:{port}.\r\n"), false),
        (&*own_origin(port), true),
    ];
    let kinds = [
        ("", false),
        ("Content-Type: text/plain\r\n", false),
        ("Content-Type: application/x-www-form-urlencoded\r\n", false),
        ("Content-Type: multipart/form-data; boundary=x\r\n", false),
        (JSON, true),
    ];
    let posts = calls(&browser, "POST");
    assert!(posts.len() > 25, "{posts:?}");
    for path in &posts {
        let path = filled(path, "nosuch");
        for (origin, is_ours) in &origins {
            for (kind, is_json) in kinds {
                // A body that no call takes: what passes the guard fails there.
                let head = format!("{}{origin}{kind}", browser.head());
                let status = server.send(post(port, &path, &head, "[]").as_bytes()).status;
                let expected = match (is_ours, is_json) {
                    (false, _) => 403,
                    (true, false) => 415,
                    (true, true) => 400,
                };
                assert_eq!(status, expected, "{path} {origin}{kind}");
            }
        }
        for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
            let head = format!("{}{}{JSON}", browser.head(), own_origin(port));
            let request = post(port, &path, &head, "{}").replacen("POST", method, 1);
            assert_eq!(server.send(request.as_bytes()).status, 405, "{method} {path}");
        }
    }
    assert_eq!(repo.agents().len(), 0);
    assert!(server.end());
}

#[test]
fn a_name_that_was_led_here_gets_nothing() {
    let world = world();
    let repo = world.repo();
    let server = Server::start(&repo, &[]);
    let (port, browser) = (server.port, server.browser(0));
    for path in
        calls(&browser, "GET").iter().map(|path| filled(path, "x")).chain(["/".into(), "/app.js".into()])
    {
        let request = get(port, &path, &browser.head()).replacen(
            &format!("127.0.0.1:{port}"),
            &format!("evil.example:{port}"),
            1,
        );
        let answer = server.send(request.as_bytes());
        assert_eq!((answer.status, answer.json()["kind"].as_str()), (421, Some("error")), "{path}");
    }
    assert!(server.end());
}

#[test]
fn another_user_of_the_machine_learns_no_secret() {
    let world = world();
    let repo = world.repo();
    let server = Server::start(&repo, &[]);
    let browser = server.browser(0);
    assert_eq!(exchange(server.port, get(server.port, "/api/v1/status", "").as_bytes()).status, 401);
    let file = repo.path().join(".git/orchestra/web.json");
    if !is_root() {
        skip("only root can act as another user");
        return;
    }
    // As another user: neither the file nor the command line says more than the port.
    let as_other = |program: &str, argument: &str| {
        let mut command = Command::new(program);
        let output =
            command.arg(argument).uid(65_534).gid(65_534).env_clear().env("PATH", "/usr/bin:/bin").output();
        String::from_utf8_lossy(&output.expect("it ran").stdout).into_owned()
    };
    assert_eq!(as_other("cat", &file.to_string_lossy()), "");
    let line = as_other("cat", &format!("/proc/{}/cmdline", server.program.id()));
    for secret in [&server.tokens[0], &browser.key, &browser.cookie] {
        assert!(!line.contains(secret.as_str()));
    }
    assert!(server.end());
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("id");
    output.stdout.trim_ascii() == b"0"
}

#[test]
fn wrong_tokens_lock_nobody_out() {
    let world = world();
    let repo = world.repo();
    let server = Server::start(&repo, &[]);
    let port = server.port;
    let guesses: Vec<_> = (0..20)
        .map(|number| {
            std::thread::spawn(move || {
                let body = json!({"token": format!("{number:064x}")}).to_string();
                exchange(port, post(port, "/login", &format!("{}{JSON}", own_origin(port)), &body).as_bytes())
                    .status
            })
        })
        .collect();
    for guess in guesses {
        assert_eq!(guess.join().expect("an answer"), 401);
    }
    assert_eq!(server.browser(0).get("/api/v1/status").status, 200);
    assert!(server.end());
}

#[test]
fn a_page_of_another_port_has_the_cookie_and_gets_nothing() {
    let world = world();
    let repo = world.repo();
    let server = Server::start(&repo, &["--write"]);
    let (port, browser) = (server.port, server.browser(0));
    let other = TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr().expect("an address").port();
    let foreign = format!("Origin: http://127.0.0.1:{other}\r\nSec-Fetch-Site: same-site\r\n");
    let cookie = format!("Cookie: {}\r\n", browser.cookie);
    for path in calls(&browser, "POST") {
        let head = format!("{cookie}{foreign}{JSON}");
        assert_eq!(
            server.send(post(port, &filled(&path, "x"), &head, "{}").as_bytes()).status,
            403,
            "{path}"
        );
    }
    for path in calls(&browser, "GET") {
        let path = filled(&path, "x");
        assert_eq!(
            server.send(get(port, &path, &format!("{cookie}{foreign}")).as_bytes()).status,
            403,
            "{path}"
        );
        assert_eq!(server.send(get(port, &path, &cookie).as_bytes()).status, 401, "{path}: without our key");
    }
    assert!(server.end());
}

#[test]
fn a_guest_looks_and_changes_nothing() {
    let world = world();
    let repo = world.repo();
    let server = Server::start(&repo, &["--write", "--guest"]);
    let (owner, guest) = (server.browser(0), server.browser(1));
    for path in calls(&owner, "POST") {
        let answer = guest.post(&filled(&path, "x"), &json!({}), "");
        assert_eq!(
            (answer.status, answer.json()["message"].as_str()),
            (403, Some("a guest only looks")),
            "{path}"
        );
    }
    assert_eq!(guest.get("/api/v1/status").status, 200);
    assert!(server.end());
}

#[test]
fn what_is_written_from_the_page_says_so() {
    let world = world();
    let repo = world.repo();
    let id = crate::cleanup::ended(&repo, "echo 1 > one.txt");
    let server = Server::start(&repo, &["--write"]);
    let browser = server.browser(0);
    let work = browser.get(&format!("/api/v1/agents/{id}/review")).json()["work"].clone();
    let verdict = json!({"verdict": "approve", "base": work["base"], "head": work["head"]});
    assert_eq!(browser.post(&format!("/api/v1/agents/{id}/review"), &verdict, "").status, 200);
    assert_eq!(browser.post(&format!("/api/v1/agents/{id}/tag"), &json!({"add": ["night"]}), "").status, 200);
    let via: Vec<Value> = repo.events(&id).iter().map(|event| json!([event["t"], event["via"]])).collect();
    assert!(via.contains(&json!(["verdict", "web"])) && via.contains(&json!(["tagged", "web"])), "{via:?}");
    assert!(via.contains(&json!(["created", null])), "{via:?}");
    repo.orchestra(["review", &id]).succeeded().stdout_has("(web)");
    let landed = browser.post("/api/v1/landing", &json!({"branches": [id]}), "");
    assert!(matches!(landed.status, 200 | 202), "{landed:?}");
    testkit::until("it lands", || repo.has("main", "one.txt").then_some(()));
    repo.orchestra(["undo", "--list"]).succeeded().stdout_has("(web)");
    // The same from a terminal says nothing.
    repo.orchestra(["tag", &id, "--add", "day"]).succeeded();
    assert_eq!(repo.events(&id).last().expect("an event")["via"], Value::Null);
    assert!(server.end());
}

#[test]
fn any_parameter_is_answered_and_changes_nothing() {
    let world = world();
    let repo = world.repo();
    let server = Server::start(&repo, &[]);
    let browser = server.browser(0);
    let document = browser.get("/api/v1/openapi.json").json();
    let mut parameters: BTreeSet<(String, String)> = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for parameter in item["get"]["parameters"].as_array().into_iter().flatten() {
            parameters.insert((path.clone(), parameter["name"].as_str().expect("a name").to_owned()));
        }
    }
    assert!(parameters.len() >= 15, "{parameters:?}");
    let parameters: Vec<_> = parameters.into_iter().collect();
    let before = repo.refs("refs/");
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    let strategy = (prop::sample::select(parameters), ".{0,60}", "[a-z0-9._/%{}-]{0,30}");
    let ran = runner.run(&strategy, |((path, name), value, word)| {
        let value: String = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let path = if path.contains(&format!("{{{name}}}")) {
            filled(&path, &word)
        } else {
            format!("{}?{name}={value}", filled(&path, &word))
        };
        let answer = browser.get(&path.replace(' ', ""));
        prop_assert!(matches!(answer.status, 200 | 400 | 404 | 409), "{path}: {answer:?}");
        Ok(())
    });
    ran.expect("every answer is one of ours");
    assert_eq!(repo.refs("refs/"), before);
    assert!(server.end());
}

#[test]
fn a_thousand_connections_keep_no_agent_from_running() {
    let world = world();
    let repo = world.repo();
    let server = Server::start(&repo, &[]);
    let (port, browser) = (server.port, server.browser(0));
    // Half of them say nothing, and half say little, slowly.
    let mut held = Vec::new();
    for number in 0..1000 {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
            // This process may open no more files, and needs some.
            held.truncate(held.len().saturating_sub(100));
            break;
        };
        if number % 2 == 1 {
            let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: 127");
        }
        held.push(stream);
    }
    assert!(held.len() > 500, "{}", held.len());
    let id = repo.spawn("echo 1 > one.txt");
    assert_eq!(repo.end_of(&id)["phase"], "done");
    // Those for which there was no place were ended at once.
    let last = held.last_mut().expect("a connection");
    assert!(matches!(last.read(&mut [0; 1]), Ok(0) | Err(_)));
    drop(held);
    testkit::until("a browser is answered", || (browser.get("/api/v1/status").status == 200).then_some(()));
    assert!(server.end());
}

#[test]
fn a_head_that_trickles_is_cut_after_its_time() {
    let world = world();
    let repo = world.repo();
    let server = Server::start_with(&repo, &[], &[("ORCHESTRA_HEAD_MILLIS", "300")]);
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_millis(10))).expect("a limit");
    stream.write_all(b"GET / HTTP/1.1\r\nX: ").expect("sent");
    // Each byte would begin the time once more if it counted from the last one. The head never becomes too long.
    let mut sent = 0;
    let is_cut = (0..8000).any(|_| {
        sent += 1;
        let is_gone = stream.write_all(b"x").is_err();
        is_gone
            || match stream.read(&mut [0; 512]) {
                Ok(size) => size == 0,
                Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            }
    });
    assert!(is_cut, "{sent} bytes came, one after the other");
    assert_eq!(server.browser(0).get("/api/v1/status").status, 200, "and others are answered");
    assert!(server.end());
}
