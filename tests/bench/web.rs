//! The server of `web`: how soon a change of the repository is on the stream, what a list of many agents costs, and what it takes while
//! nothing happens.

use std::{
    fmt::{self, Display, Formatter},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    anchor::{Row, median_of_turns},
    data::Lab,
    live,
};

/// The largest memory of its own, in KiB: with nobody connected, and with one listener and many agents. Beside it, the resident memory counts
/// the pages of the program's file that were read, some ten MiB, which the system shares, keeps anyway, and takes back when it needs them.
const MEMORY: [u64; 2] = [1024, 15 * 1024];
/// The most bytes of a list of many agents on the stream, and how many times more a whole list has than one change.
const MOST_BYTES: usize = 100 * 1024;
/// How long nothing happens.
const IDLE: Duration = Duration::from_secs(5);
/// The pause before a change that comes alone.
const ALONE: Duration = Duration::from_millis(100);

/// A server that runs, and what shows that a browser is logged in.
struct Server {
    program: Child,
    port: u16,
    head: String,
}

impl Server {
    fn start(lab: &Lab, repo: &Path) -> Self {
        let mut command = lab.ours("git-orchestra-web");
        command.current_dir(repo).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut program = command.spawn().expect("a server");
        let mut line = String::new();
        let output = program.stdout.take().expect("an output");
        BufReader::new(output).read_line(&mut line).expect("a link");
        let (host, token) = line.trim_end().split_once("/#t=").expect("a link");
        let port = host.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        let body = format!("{{\"token\":\"{token}\"}}");
        let request = format!(
            "POST /login HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let answer = exchange(port, &request);
        let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
        let cookie = cookie.split(';').next().expect("a value");
        let login: Value =
            serde_json::from_str(answer.rsplit("\r\n\r\n").next().expect("a body")).expect("JSON");
        let key = login["key"].as_str().expect("a key");
        let head = format!("Host: 127.0.0.1:{port}\r\nCookie: {cookie}\r\nOrchestra-Key: {key}\r\n");
        Self { program, port, head }
    }

    fn get(&self, path: &str) -> String {
        exchange(self.port, &format!("GET {path} HTTP/1.1\r\n{}Connection: close\r\n\r\n", self.head))
    }

    fn listen(&self) -> Frames {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("connected");
        write!(stream, "GET /api/v1/events HTTP/1.1\r\n{}\r\n", self.head).expect("sent");
        Frames(BufReader::new(stream))
    }

    /// Returns the ticks that its threads ran, in hundredths of a second.
    fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.program.id())).expect("a process");
        let fields = stat.rsplit(") ").next().expect("fields").split(' ');
        let fields: Vec<u64> = fields.filter_map(|field| field.parse().ok()).collect();
        fields[10] + fields[11]
    }

    /// Returns its memory, and how often it was woken up.
    fn figures(&self) -> (Memory, u64) {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.program.id())).expect("a status");
        let value = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
            line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
        };
        let memory = Memory { own: value("RssAnon:"), resident: value("VmRSS:") };
        (memory, value("voluntary_ctxt_switches:"))
    }

    /// Returns the percents of a core, the wake-ups and the memory while nothing happens.
    fn idle(&self) -> (f64, u64, Memory) {
        let (ticks, (_, woken), begun) = (self.ticks(), self.figures(), Instant::now());
        std::thread::sleep(IDLE);
        let percent = (self.ticks() - ticks) as f64 / begun.elapsed().as_secs_f64();
        let (memory, now) = self.figures();
        (percent, now - woken, memory)
    }

    fn end(mut self) {
        self.program.kill().expect("killed");
        self.program.wait().expect("an end");
    }
}

/// Memory in KiB.
struct Memory {
    /// What it wrote.
    own: u64,
    /// That, and what it read of files.
    resident: u64,
}

impl Display for Memory {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} KiB of its own, {} KiB with files", self.own, self.resident)
    }
}

fn exchange(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("connected");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// A stream of frames.
struct Frames(BufReader<TcpStream>);

impl Frames {
    /// Reads up to the next frame of one of these kinds that holds a text, and returns its size.
    fn next(&mut self, events: &[&str], text: &str) -> usize {
        let mut is_it = false;
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).expect("a line") > 0, "the stream ended");
            if let Some(name) = line.strip_prefix("event: ") {
                is_it = events.contains(&name.trim_end());
            } else if is_it && line.starts_with("data: ") && line.contains(text) {
                return line.len();
            }
        }
    }
}

/// Shows all rows.
pub(crate) fn rows(lab: &Lab, turns: usize, short: bool, show: &mut impl FnMut(Row)) {
    let agents = if short { 200 } else { 1000 };
    let repo = lab.repo("web", agents);
    let server = Server::start(lab, &repo);
    let (percent, woken, memory) = server.idle();
    println!(
        "web, nobody connected: {percent:.2} % of a core, woken {woken} times in {IDLE:?}, {memory} (goal {} of its own)",
        MEMORY[0]
    );
    one_change(lab, &repo, &server, turns);
    lists(lab, &repo, &server, turns, agents, show);
    let mut frames = server.listen();
    let all = frames.next(&["reset"], "");
    let (percent, woken, memory) = server.idle();
    println!(
        "web, one listener, {agents} agents: {percent:.2} % of a core (goal 0.5), woken {woken} times, {memory} (goal {} of its own)",
        MEMORY[1]
    );
    println!("web, everything on the stream, {agents} agents: {all} bytes (goal {MOST_BYTES})");
    server.end();
}

/// Prints the time from the start of `git update-ref`, which moves the events of an agent that runs, to the row on the stream, and that of
/// the process itself. The difference is a look at this agent, of which a noisy machine makes many times the goal: it is no row.
fn one_change(lab: &Lab, repo: &Path, server: &Server, turns: usize) {
    let id = live::start_one(lab, repo);
    let name = format!("refs/orchestra/agents/{id}");
    let tip = |revision: &str| {
        let output = lab.git().current_dir(repo).args(["rev-parse", revision]).output().expect("git");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let (whole, before) = (tip(&name), tip(&format!("{name}~1")));
    let mut frames = server.listen();
    // What happens before the watch has looked for the first time is in another reset.
    frames.next(&["counts"], "");
    let mut is_whole = true;
    let mut update = || {
        is_whole = !is_whole;
        let value = if is_whole { &whole } else { &before };
        // Changes that follow each other within some milliseconds are read together by intent; this one comes alone.
        std::thread::sleep(ALONE);
        let begun = Instant::now();
        lab.run(lab.git().args(["update-ref", &name, value]), repo);
        frames.next(&["agent"], &id);
        begun.elapsed()
    };
    let mut anchor = || lab.run(lab.git().args(["update-ref", "refs/bench/one", &whole]), repo);
    let (ours, git) = median_of_turns(turns, &mut update, &mut anchor);
    // Half of the updates of the anchor change nothing, which is the same work for git.
    let (ours, git) = (ours.as_secs_f64() * 1e3, git.as_secs_f64() * 1e3);
    println!(
        "web, git update-ref to the row on the stream: {ours:.2} ms, {git:.2} ms without us (goal 1.5 times)"
    );
    lab.run(lab.ours("git-orchestra-stop").arg(&id), repo);
}

fn lists(lab: &Lab, repo: &Path, server: &Server, turns: usize, agents: usize, show: &mut impl FnMut(Row)) {
    let mut status = || lab.run(lab.ours("git-orchestra-status").arg("--json"), repo);
    let mut call = || {
        let begun = Instant::now();
        assert!(server.get("/api/v1/status").starts_with("HTTP/1.1 200"));
        begun.elapsed()
    };
    let (ours, anchor) = median_of_turns(turns, &mut call, &mut status);
    show(Row::new(&format!("web, the list of agents, {agents} agents"), ours, anchor, 3.0));
    let mut refs =
        || lab.run(lab.git().args(["for-each-ref", "--format=%(contents)", "refs/orchestra/agents"]), repo);
    let mut whole = || {
        let begun = Instant::now();
        server.listen().next(&["reset"], "");
        begun.elapsed()
    };
    let (ours, anchor) = median_of_turns(turns, &mut whole, &mut refs);
    show(Row::new(&format!("web, a new listener to everything, {agents} agents"), ours, anchor, 3.0));
}
