//! WebSockets: who gets one, and what it says.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::{Value, json};

use super::{Browser, Server, get, seeds::with_worker};
use crate::world;

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const PATHS: [&str; 4] = ["/ws/status", "/ws/logs", "/ws/teams", "/ws/gm"];

fn handshake(port: u16, path: &str, head: &str) -> String {
    let upgrade = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    get(port, path, &format!("{head}{upgrade}{KEY}")).replace("Connection: close", "Connection: Upgrade")
}

/// Sends a request, and reads the head of its answer.
fn asked(port: u16, request: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a limit");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
    (stream, String::from_utf8_lossy(&head).into_owned())
}

/// An open WebSocket.
struct Socket(TcpStream);

impl Socket {
    fn open(browser: &Browser, path: &str) -> Self {
        let head = format!("{}Origin: http://127.0.0.1:{}\r\n", browser.head(), browser.port);
        let (stream, answer) = asked(browser.port, &handshake(browser.port, path, &head));
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        // The answer to the key of the example in RFC 6455.
        assert!(
            answer.to_lowercase().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="),
            "{answer}"
        );
        Self(stream)
    }

    /// Returns the opcode and the content of the next frame.
    fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).ok()?;
        assert_eq!((head[0] & 0x80, head[1] & 0x80), (0x80, 0), "a whole frame without a mask");
        let size = match head[1] {
            126 => {
                let mut size = [0; 2];
                self.0.read_exact(&mut size).ok()?;
                usize::from(u16::from_be_bytes(size))
            }
            127 => {
                let mut size = [0; 8];
                self.0.read_exact(&mut size).ok()?;
                usize::try_from(u64::from_be_bytes(size)).ok()?
            }
            size => usize::from(size),
        };
        let mut content = vec![0; size];
        self.0.read_exact(&mut content).ok()?;
        Some((head[0] & 0x0f, content))
    }

    /// Returns the next message that `is_meant` accepts.
    fn next(&mut self, is_meant: impl Fn(&Value) -> bool) -> Value {
        loop {
            let (opcode, content) = self.frame().expect("a frame");
            if opcode == 1 {
                let message: Value = serde_json::from_slice(&content).expect("JSON");
                if is_meant(&message) {
                    return message;
                }
            }
        }
    }

    /// Waits until the server has looked for the first time, and so has said what there was: before that, it reads nothing.
    fn await_first_look(&mut self) {
        self.say(9, b"looked?");
        while self.frame().expect("a frame") != (10, b"looked?".to_vec()) {}
    }

    /// Sends a frame with the mask of zeros.
    fn say(&mut self, opcode: u8, content: &[u8]) {
        let mut frame = vec![0x80 | opcode];
        match u16::try_from(content.len()).expect("a short text") {
            size @ 0..=125 => frame.push(0x80 | u8::try_from(size).expect("a byte")),
            size => {
                frame.push(0x80 | 126);
                frame.extend(size.to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(content);
        self.0.write_all(&frame).expect("sent");
    }
}

#[test]
fn only_a_page_of_ours_gets_a_socket() {
    let world = world();
    let repo = world.repo();
    let server = Server::start(&repo, &["--guest"]);
    let (port, browser, guest) = (server.port, server.browser(0), server.browser(1));
    let ours = format!("Origin: http://127.0.0.1:{port}\r\n");
    for path in PATHS {
        for (origin, status) in [
            (String::new(), 403),
            ("Origin: null\r\n".to_owned(), 403),
            ("Origin: http://evil.example\r\n".to_owned(), 403),
            (format!("Origin: http://127.0.0.1:{}\r\n", port ^ 1), 403),
            (format!("Origin: http://localhost:{port}\r\n"), 403),
            (format!("{ours}Sec-Fetch-Site: same-site\r\n"), 403),
            (format!("{ours}{ours}"), 400),
        ] {
            let head = format!("{}{origin}", browser.head());
            let (_, answer) = asked(port, &handshake(port, path, &head));
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path} {origin}: {answer}");
        }
        // Who has the cookie alone, or nothing, is a stranger.
        for head in [ours.clone(), format!("{ours}Cookie: {}\r\n", browser.cookie)] {
            let (_, answer) = asked(port, &handshake(port, path, &head));
            assert!(answer.starts_with("HTTP/1.1 401 "), "{path}: {answer}");
        }
        let evil = handshake(port, path, &format!("{}{ours}", browser.head()))
            .replace(&format!("Host: 127.0.0.1:{port}"), &format!("Host: evil.example:{port}"));
        assert!(asked(port, &evil).1.starts_with("HTTP/1.1 421 "), "{path}");
        let good = handshake(port, path, &format!("{}{ours}", browser.head()));
        for (from, to) in [
            ("Version: 13", "Version: 8"),
            (KEY, ""),
            ("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="),
            ("Upgrade: websocket", "Upgrade: h2c"),
        ] {
            let (_, answer) = asked(port, &good.replacen(from, to, 1));
            assert!(answer.starts_with("HTTP/1.1 426 "), "{path} {to}: {answer}");
        }
        drop(Socket::open(&guest, path));
        assert_eq!(browser.get(path).status, 426, "{path} is nothing else");
    }
    assert!(server.end());
}

#[test]
fn a_socket_tells_what_changed_in_the_words_of_the_other_programs() {
    let world = world();
    let repo = world.repo();
    let server = Server::start(&repo, &["--write"]);
    let browser = server.browser(0);
    let mut status = Socket::open(&browser, "/ws/status");
    assert_eq!(status.next(|_| true)["total"], 0);
    let mut logs = Socket::open(&browser, "/ws/logs");
    logs.say(1, b"keep me");
    logs.say(9, b"ping");
    assert_eq!(logs.frame(), Some((10, b"ping".to_vec())));
    let id = repo.spawn(
        "touch ready; echo '<script>hello'; while ! test -e go; do sleep 0.05; done; echo bye; sleep 60",
    );
    let running = status.next(|state| state["running"] == 1);
    assert_eq!(
        (&running["agents"][0]["agent_id"], &running["agents"][0]["status"]),
        (&json!(id), &json!("running")),
        "{running}"
    );
    let line = logs.next(|line| line["message"].as_str().is_some_and(|text| text.contains("hello")));
    assert_eq!(
        (&line["source"], &line["level"], &line["message"]),
        (&json!(id), &json!("info"), &json!("<script>hello"))
    );
    std::fs::write(repo.worktree(&id).join("go"), "").expect("written");
    let mut between = Vec::new();
    loop {
        let line = logs.next(|_| true);
        if line["message"] == "bye" {
            break;
        }
        between.push(line);
    }
    assert!(
        !between.iter().any(|line| line["message"] == "<script>hello"),
        "no line comes twice: {between:?}"
    );
    repo.orchestra(["stop", &id]).succeeded();
    assert_eq!(status.next(|state| state["running"] == 0)["cancelled"], 1);
    // Who says more than a word is sent away, and so is everybody whose login ended.
    logs.say(1, &[b'x'; 5000]);
    while logs.frame().is_some() {}
    repo.orchestra(["web", "--revoke"]).succeeded();
    while status.frame().is_some() {}
    assert!(server.end());
}

#[test]
fn a_socket_of_teams_tells_of_their_sessions() {
    let world = world();
    let repo = world.repo();
    with_worker(&repo);
    let server = Server::start(&repo, &[]);
    let mut teams = Socket::open(&server.browser(0), "/ws/teams");
    teams.await_first_look();
    let spawned =
        repo.orchestra(["spawn", "--team", "feature-dev", "--detach", "--", "Add a page"]).succeeded();
    let id = json!(spawned.stdout().trim());
    let begun = teams.next(|message| message["type"] == "new_team_session");
    assert_eq!((&begun["data"]["id"], &begun["data"]["team_name"]), (&id, &json!("feature-dev")), "{begun}");
    let is_over =
        |message: &Value| message["type"] == "team_progress" && message["data"]["status"] == "completed";
    assert_eq!(teams.next(is_over)["data"]["id"], id);
    assert!(server.end());
}

#[test]
fn a_socket_of_projects_tells_of_runs_their_gates_and_landings() {
    let world = world();
    let repo = world.repo();
    let server = Server::start(&repo, &["--write"]);
    let browser = server.browser(0);
    let mut projects = Socket::open(&browser, "/ws/gm");
    projects.await_first_look();
    let is = |word: &'static str| move |message: &Value| message["type"] == word;
    let plan = |text: &str| {
        repo.write("../todo.md", text);
        let plan = repo.path().parent().expect("a folder").join("todo.md").to_string_lossy().into_owned();
        repo.orchestra(["run", "--agent", "sh", "--check", "true", "--again", &plan])
    };
    let resumed = |run: &str| repo.orchestra(["run", "--continue", run]);
    plan("- [ ] `one` false\n");
    let begun = projects.next(is("phase_change"));
    let run = begun["data"]["project_id"].as_str().expect("a run").to_owned();
    let gate = projects.next(is("decision_required"));
    assert_eq!(
        (&gate["data"]["type"], &gate["data"]["project_id"]),
        (&json!("failed"), &json!(run)),
        "{gate}"
    );
    let decision = gate["data"]["id"].as_str().expect("a gate").to_owned();
    let answered =
        browser.post(&format!("/api/gm/decisions/{decision}/resolve"), &json!({"action": "reject"}), "");
    assert_eq!(answered.json()["status"], "rejected", "{answered:?}");
    resumed(&run);
    assert_eq!(projects.next(is("decision_resolved"))["data"]["id"], json!(decision));
    let over = projects.next(is("project_completed"));
    assert_eq!((&over["data"]["project_id"], &over["data"]["phase"]), (&json!(run), &json!("completed")));
    // Two change the same line: the second waits for a person.
    plan("- [ ] `two` echo 2 > same.txt\n- [ ] `three` echo 3 > same.txt\n");
    let conflict = projects.next(is("merge_conflict"));
    let run = conflict["data"]["project_id"].as_str().expect("a run").to_owned();
    assert_eq!(projects.next(is("decision_required"))["data"]["id"], conflict["data"]["id"]);
    repo.orchestra(["run", "--abort", &run]).succeeded();
    assert_eq!(projects.next(is("project_completed"))["data"]["project_id"], json!(run));
    // A landing that takes its time is heard of while it runs.
    let id = repo.spawn("echo 1 > one.txt");
    repo.end_of(&id);
    let go = world.dir().join("go");
    let test = format!("until test -e '{}'; do sleep 0.05; done", go.display());
    let mut landing =
        repo.orchestra_command(["merge-ranked", "--test", &test, &id]).spawn().expect("a landing");
    let started = projects.next(is("merge_started"));
    assert!(started["data"]["operation"].as_str().is_some_and(|id| !id.is_empty()), "{started}");
    std::fs::write(go, "").expect("a file");
    assert!(landing.wait().expect("an end").success());
    assert!(server.end());
}
