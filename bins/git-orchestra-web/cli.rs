//! The command line of `web`.

use std::time::Duration;

use clap::Parser;
use orchestra::ops::web::{HostName, Request};
use orchestra_terminal::{pages::Page, settings::time};

/// Show agents in a browser of this machine
///
/// Prints a link that logs one browser in, within ten minutes. The page shows what agents do, what they say
/// and what they changed, while it happens. It ends with Ctrl-C, or with the terminal; the agents keep running.
///
/// Only this machine can connect. A phone or another computer comes through a tunnel, such as 'ssh -L' or
/// 'tailscale serve', whose name --host allows.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-web", version)]
pub(crate) struct Cli {
    /// Listen on this port (default: a free one)
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) port: u16,
    /// Let the page start, answer and direct agents, and not only look
    #[arg(long)]
    pub(crate) write: bool,
    /// Print one more link, for somebody who only looks
    #[arg(long)]
    pub(crate) guest: bool,
    /// Answer to this name too, that of a tunnel, such as https://box.example.net or localhost:8080
    ///
    /// Write it as the browser shows it; a link with it is printed as well. It can be repeated. No name stands for all
    /// names.
    #[arg(long, value_name = "NAME", value_parser = host)]
    pub(crate) host: Vec<HostName>,
    /// End after this time, such as 8h
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    pub(crate) limit: Option<Duration>,
    /// Let the page that is served already print one more link in its terminal
    #[arg(long, exclusive = true)]
    pub(crate) new_token: bool,
    /// Let the page that is served already log all browsers out, and print a new link in its terminal
    #[arg(long, exclusive = true)]
    pub(crate) revoke: bool,
    /// Show the link as a QR code as well: that of the first --host, if there is one
    #[arg(long)]
    pub(crate) qr: bool,
}

fn host(text: &str) -> Result<HostName, String> {
    text.parse().map_err(|error: orchestra::Error| error.one_line())
}

impl Cli {
    /// Returns what is offered.
    pub(crate) fn request(&self) -> Request {
        Request { write: self.write, hosts: self.host.clone() }
    }
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra web", "Print a link to a page that shows the agents of this repository"),
        ("git orchestra web --revoke", "Log all browsers out, because a phone was lost"),
        ("git orchestra web --write --for 8h", "Answer and direct agents from the page, until the evening"),
        (
            "git orchestra web --port 4000 --host https://box.example.net",
            "Serve what a tunnel with that name leads to port 4000",
        ),
    ],
    sections: &[
        (
            "WHO CAN CONNECT",
            &[
                "The server listens on 127.0.0.1 alone, and no option changes that. The part of the link after '#' \
                 is a secret that the browser does not send with the address: the page sends it once, and gets a \
                 cookie that no script reads and a key that only pages of this server have. Both are needed for \
                 every request. Other pages, other servers of this machine, and names that were led here are \
                 refused. If the link was used or is too old: git orchestra web --new-token.",
                "Without --write nothing can be changed. An agent cannot start the server. What is changed from the page is \
                 recorded with 'via: web'.",
                "One server at a time runs for a repository; .git/orchestra/web.json says on which port, and which process it \
                 is, and holds no secret. A second command says where the first one runs. With --new-token it asks that one for \
                 another link, and with --revoke to end all logins: the link is printed where the server runs.",
            ],
        ),
        (
            "FOR PROGRAMS",
            &[
                "POST /login with {\"token\":\"…\"} returns a cookie and a key, which goes into the header Orchestra-Key of \
                 all other requests. GET /api/v1 lists the calls, and GET /api/v1/openapi.json describes them. Answers are those of --json, except that control \
                 and bidirectional characters are made visible. A call that changes something takes an \
                 Idempotency-Key: sent again with the same one, it is not done again. Landings and runs continue if their answer takes longer than two \
                 seconds: it is 202 then, and GET /api/v1/background has the answer later.",
                "GET /api/v1/events streams changes as server-sent events: reset (the counts, at most 100 agents, and the open \
                 runs), agent (one agent that came or changed), gone, counts, log (output grew), operation (a landing made \
                 a step), runs (a run of a plan made a step, or a gate opened or was answered) and background (a landing or \
                 a run that was begun here has ended). A reader that is too slow gets reset.",
                "Scripts for the dashboards of claude-orchestra and agent-orchestra run with another port and with these \
                 headers: /api/status, /api/sessions, /api/worktrees, /api/spawn, /api/agents, /api/cleanup, /api/teams, \
                 /api/gm, and the WebSockets /ws/status, /ws/logs, /ws/teams and /ws/gm. What lost work there does not \
                 lose it here: cleanup keeps what has not landed, a merge is a tested landing, and tasks wait instead of \
                 being dropped. Build and test commands are those of the configuration.",
            ],
        ),
    ],
    configuration: false,
    see_also: &["git-orchestra-status", "git-orchestra-send", "git-orchestra-mcp"],
};
