//! A scripted agent for the tests: each line of its task is one action, in a process that behaves as real
//! agents do.
//!
//! `write FILE TEXT` · `print TEXT` · `commit MESSAGE` · `await FILE` · `ignore-term` · `daemon` (a process
//! in its own session that ignores TERM) · `listen` (reads standard input to its end) · `exit CODE`

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::exit,
    clippy::expect_used,
    reason = "a stand-in for a foreign program"
)]

use std::{
    io::Read,
    path::Path,
    process::{Command, exit},
    time::Duration,
};

use tokio::signal::unix::{SignalKind, signal};

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let task = std::env::args().nth(1).expect("a task or a file with it");
        if task == "--daemon" {
            // Listening for a signal is what makes the process ignore it.
            let _term = signal(SignalKind::terminate()).expect("a signal");
            std::fs::write("daemon", std::process::id().to_string()).expect("written");
            loop {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        let task = std::fs::read_to_string(task).expect("a task");
        for line in task.lines() {
            act(line).await;
        }
    });
}

async fn act(line: &str) {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    match verb {
        "write" => {
            let (file, text) = rest.split_once(' ').unwrap_or((rest, ""));
            std::fs::write(file, format!("{text}\n")).expect("written");
        }
        "print" => println!("{rest}"),
        "commit" => {
            for arguments in [vec!["add", "-A"], vec!["commit", "-qm", rest]] {
                assert!(Command::new("git").args(arguments).status().expect("git").success());
            }
        }
        "await" => {
            while !Path::new(rest).exists() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        // Listening once replaces the default action of the signal for the life of the process.
        "ignore-term" => drop(signal(SignalKind::terminate()).expect("a signal")),
        "daemon" => {
            let me = std::env::current_exe().expect("a program");
            let mut child =
                Command::new("setsid").arg("--fork").arg(me).arg("--daemon").spawn().expect("setsid");
            child.wait().expect("forked");
            while !Path::new("daemon").exists() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        "listen" => {
            let mut heard = String::new();
            std::io::stdin().read_to_string(&mut heard).expect("standard input");
        }
        "exit" => exit(rest.parse().expect("a code")),
        other => panic!("no such act: {other}"),
    }
}
