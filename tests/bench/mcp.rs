//! The server of the Model Context Protocol, compared with the commands that do the same once.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    anchor::{Row, median_of_turns},
    data::Lab,
};

/// The largest resident memory of a server, in MiB.
const MOST_MEMORY: u64 = 8;

/// A server that runs.
struct Server {
    program: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    asked: u64,
}

impl Server {
    fn start(lab: &Lab, repo: &Path) -> Self {
        let mut command = lab.ours("git-orchestra-mcp");
        command.arg("--write=spawn,send,control").current_dir(repo);
        let mut program = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a server");
        let input = program.stdin.take().expect("an input");
        let output = BufReader::new(program.stdout.take().expect("an output"));
        Self { program, input, output, asked: 0 }
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.asked += 1;
        let request = json!({"jsonrpc": "2.0", "id": self.asked, "method": method, "params": params});
        writeln!(self.input, "{request}").expect("sent");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("an answer");
        serde_json::from_str(&line).expect("JSON")
    }

    fn call(&mut self, tool: &str) {
        let answer = self.ask("tools/call", &json!({"name": tool, "arguments": {}}));
        assert_eq!(answer["result"]["isError"], false, "{answer}");
    }

    /// Returns one of the kernel's figures of the server's memory, in KiB.
    fn memory(&self, figure: &str) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.program.id())).expect("a status");
        let line = status.lines().find_map(|line| line.strip_prefix(figure)).expect("the memory");
        line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().expect("a number")
    }

    fn end(mut self) {
        drop(self.input);
        self.program.wait().expect("an end");
    }
}

/// Shows the start, a call, and the memory.
pub(crate) fn rows(lab: &Lab, turns: usize, short: bool, show: &mut impl FnMut(Row)) {
    let agents = if short { 20 } else { 100 };
    let repo = lab.repo("mcp", agents);
    let mut status = || lab.run(&mut lab.ours("git-orchestra-status"), &repo);
    let mut start = || {
        let begun = Instant::now();
        let mut server = Server::start(lab, &repo);
        assert!(server.ask("tools/list", &json!({}))["result"]["tools"].is_array());
        let taken = begun.elapsed();
        server.end();
        taken
    };
    let (ours, anchor) = median_of_turns(turns, &mut start, &mut status);
    show(Row::new(&format!("mcp, start to the tools, {agents} agents"), ours, anchor, 1.5));
    let mut server = Server::start(lab, &repo);
    let mut call = || {
        let begun = Instant::now();
        server.call("agents_status");
        begun.elapsed()
    };
    let (ours, anchor) = median_of_turns(turns, &mut call, &mut status);
    show(Row::new(&format!("mcp, agents_status, {agents} agents"), ours, anchor, 1.2));
    // The columns of these rows are in MiB. Most of what is resident are pages of the program's file, which all
    // processes of git orchestra share and the kernel can drop.
    let most = Duration::from_millis(MOST_MEMORY);
    for (what, figure) in [("resident", "VmHWM"), ("not shared", "RssAnon")] {
        let memory = Duration::from_micros(server.memory(figure) * 1000 / 1024);
        show(Row::new(&format!("mcp, {what} in MiB after these calls"), memory, most, 1.0));
    }
    server.end();
}
