//! WebSockets: who gets one, and what it says.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::{Value, json};

use super::{Browser, Server, get};
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
