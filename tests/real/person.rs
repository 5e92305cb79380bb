//! A person in a terminal, who types into an interactive program.

use std::{
    io::{Read, Write},
    process::{Child, ChildStdin, Stdio},
    thread::JoinHandle,
    time::Duration,
};

use testkit::TestRepo;

/// How often a line or its end is typed.
const MAX_TRIES: usize = 100;

/// The terminal of a person, in which one command runs.
pub(crate) struct Person {
    terminal: Child,
    stdin: ChildStdin,
    shown: JoinHandle<String>,
}

impl Person {
    /// Attaches to an agent.
    pub(crate) fn attaches(repo: &TestRepo<'_>, id: &str, variables: &[(&str, String)]) -> Self {
        let program = repo.world().bins().join("git-orchestra-attach");
        let line = format!("stty rows 40 cols 120; exec {} {id}", program.display());
        let mut command = repo.command("script");
        command.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm-256color");
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let mut terminal = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a terminal");
        let stdin = terminal.stdin.take().expect("a pipe");
        let mut stdout = terminal.stdout.take().expect("a pipe");
        let shown = std::thread::spawn(move || {
            let mut shown = Vec::new();
            let _ = stdout.read_to_end(&mut shown);
            String::from_utf8_lossy(&shown).into_owned()
        });
        Self { terminal, stdin, shown }
    }

    /// Types a line until something has come of it: until a program reads keys, what is typed is dropped. Every other time only the end
    /// of the line is typed, which answers what the program asks meanwhile.
    pub(crate) fn types<T>(&mut self, what: &str, line: &str, found: impl Fn() -> Option<T>) -> T {
        // Some windows take a minute to appear on a busy machine.
        for types in [true, false].into_iter().cycle().take(MAX_TRIES) {
            if let Some(found) = found() {
                return found;
            }
            if types {
                self.press("\u{15}");
                self.press(line);
                std::thread::park_timeout(Duration::from_millis(500));
            }
            self.press("\r");
            std::thread::park_timeout(Duration::from_millis(1000));
        }
        panic!("waited in vain: {what}")
    }

    fn press(&mut self, keys: &str) {
        // The program may have ended already.
        let _ = self.stdin.write_all(keys.as_bytes()).and_then(|()| self.stdin.flush());
    }

    /// Waits until the command has ended. Returns what the terminal showed.
    pub(crate) fn leaves(mut self) -> String {
        drop(self.stdin);
        self.terminal.wait().expect("an end");
        self.shown.join().expect("what was shown")
    }
}
