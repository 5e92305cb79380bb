//! `web`: the real server, asked by plain sockets, as a browser, a hostile page, or another user of this machine would.

mod calls;
mod guard;
mod icons;
mod landing;
mod page;
mod payloads;
mod running;
mod seeds;
mod socket;
mod stream;
mod texts;
mod threats;
mod work;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};
use testkit::TestRepo;

/// A running server.
struct Server {
    program: Child,
    port: u16,
    /// The tokens of the links that it printed.
    tokens: Vec<String>,
    output: BufReader<ChildStdout>,
}

/// An answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// A browser after it logged in.
struct Browser {
    port: u16,
    cookie: String,
    key: String,
}

impl Server {
    /// Starts the server, and reads its links.
    fn start(repo: &TestRepo<'_>, options: &[&str]) -> Self {
        Self::start_with(repo, options, &[])
    }

    /// As [`Server::start`], with more variables of its environment.
    fn start_with(repo: &TestRepo<'_>, options: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = repo.command(repo.world().bins().join("git-orchestra-web"));
        command.envs(variables.iter().copied());
        command.args(options).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut program = command.spawn().expect("the server");
        let mut output = BufReader::new(program.stdout.take().expect("an output"));
        let more = options.iter().filter(|option| ["--guest", "--host"].contains(option)).count();
        let (mut tokens, mut port) = (Vec::new(), 0);
        while tokens.len() < 1 + more {
            let (host, token) = next_link(&mut output);
            tokens.push(token);
            if port == 0 {
                port = host.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
            }
        }
        Self { program, port, tokens, output }
    }

    /// Sends bytes, and reads the answer until the connection ends.
    fn send(&self, request: &[u8]) -> Answer {
        exchange(self.port, request)
    }

    fn log_in(&self, token: &str) -> Answer {
        let body = json!({ "token": token }).to_string();
        let head = format!("Origin: http://127.0.0.1:{}\r\nContent-Type: application/json\r\n", self.port);
        self.send(post(self.port, "/login", &head, &body).as_bytes())
    }

    /// Logs a browser in by a link.
    fn browser(&self, link: usize) -> Browser {
        let answer = self.log_in(&self.tokens[link]);
        assert_eq!(answer.status, 200, "{answer:?}");
        let cookie =
            answer.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie");
        let key = answer.json()["key"].as_str().expect("a key").to_owned();
        Browser { port: self.port, cookie: cookie.to_owned(), key }
    }

    /// Ends the server as a closed terminal does, and returns whether it succeeded.
    fn end(mut self) -> bool {
        let pid = self.program.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().expect("kill").success());
        self.program.wait().expect("an end").success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl Browser {
    /// The headers that show who it is.
    fn head(&self) -> String {
        format!("Cookie: {}\r\nOrchestra-Key: {}\r\n", self.cookie, self.key)
    }

    fn get(&self, path: &str) -> Answer {
        exchange(self.port, get(self.port, path, &self.head()).as_bytes())
    }

    fn post(&self, path: &str, body: &Value, more: &str) -> Answer {
        let head = format!(
            "{}{more}Origin: http://127.0.0.1:{}\r\nContent-Type: application/json\r\n",
            self.head(),
            self.port
        );
        exchange(self.port, post(self.port, path, &head, &body.to_string()).as_bytes())
    }
}

/// Reads lines until one is a link, and returns its beginning and its token.
fn next_link(output: &mut impl BufRead) -> (String, String) {
    loop {
        let mut line = String::new();
        assert!(output.read_line(&mut line).expect("a line") > 0, "it ended");
        if let Some((host, token)) = line.trim_end().split_once("/#t=") {
            return (host.to_owned(), token.to_owned());
        }
    }
}

/// Returns a request of a page of ours, with more headers.
fn get(port: u16, path: &str, head: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{head}Connection: close\r\n\r\n")
}

fn post(port: u16, path: &str, head: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{head}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn exchange(port: u16, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("connected");
    // A server that refuses a request need not read all of it.
    let _ = stream.write_all(request);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}
