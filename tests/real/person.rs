//! A person in a terminal, who types into an interactive program.

use std::{
    io::{Read, Write},
    process::{Child, ChildStdin, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use testkit::TestRepo;

/// How long a window may take to appear on a busy machine.
const LONGEST: Duration = Duration::from_secs(120);
/// How often a line or its end is typed.
const MAX_TRIES: usize = 40;
/// How many seconds a line may take until something has come of it, before it is typed again.
const PATIENCE: usize = 8;

/// The terminal of a person, in which one command runs.
pub(crate) struct Person {
    terminal: Child,
    stdin: ChildStdin,
    shown: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Person {
    /// Attaches to an agent.
    pub(crate) fn attaches(repo: &TestRepo<'_>, id: &str, variables: &[(&str, String)]) -> Self {
        Self::runs(repo, "git-orchestra-attach", id, variables)
    }

    /// Runs one of our programs.
    pub(crate) fn runs(
        repo: &TestRepo<'_>,
        program: &str,
        arguments: &str,
        variables: &[(&str, String)],
    ) -> Self {
        let program = repo.world().bins().join(program);
        let line = format!("stty rows 40 cols 120; exec {} {arguments}", program.display());
        let mut command = repo.command("script");
        command.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm-256color");
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let mut terminal = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a terminal");
        let stdin = terminal.stdin.take().expect("a pipe");
        let mut stdout = terminal.stdout.take().expect("a pipe");
        let shown = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&shown);
        let reader = std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(length @ 1..) = stdout.read(&mut part) {
                all.lock().expect("what was shown").extend_from_slice(&part[..length]);
            }
        });
        Self { terminal, stdin, shown, reader }
    }

    /// Waits until the terminal has shown these words, whatever colours they have.
    pub(crate) fn sees(&self, words: &str) {
        let begun = Instant::now();
        while !plain(&self.shown()).contains(words) {
            assert!(begun.elapsed() < LONGEST, "waited in vain for {words:?}: {}", plain(&self.shown()));
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().expect("what was shown")).into_owned()
    }

    /// Types a line until something has come of it: until a program reads keys, what is typed is dropped. Every other time only the end
    /// of the line is typed, which answers what the program asks meanwhile.
    pub(crate) fn types<T>(&mut self, what: &str, line: &str, found: impl Fn() -> Option<T>) -> T {
        // Some windows take a minute to appear on a busy machine.
        for types in [true, false].into_iter().cycle().take(MAX_TRIES) {
            if types {
                self.press("\u{15}");
                self.press(line);
                std::thread::park_timeout(Duration::from_millis(500));
            }
            self.press("\r");
            for _ in 0..if types { 1 } else { PATIENCE } {
                std::thread::park_timeout(Duration::from_millis(1000));
                if let Some(found) = found() {
                    return found;
                }
            }
        }
        panic!("waited in vain: {what}; shown: {}", plain(&self.shown()))
    }

    fn press(&mut self, keys: &str) {
        // The program may have ended already.
        let _ = self.stdin.write_all(keys.as_bytes()).and_then(|()| self.stdin.flush());
    }

    /// Waits until the command has ended. Returns what the terminal showed.
    pub(crate) fn leaves(mut self) -> String {
        drop(self.stdin);
        self.terminal.wait().expect("an end");
        self.reader.join().expect("the end of what is shown");
        String::from_utf8_lossy(&self.shown.lock().expect("what was shown")).into_owned()
    }
}

/// Returns what was shown without what moves the cursor and colours the text.
fn plain(shown: &str) -> String {
    let mut text = String::new();
    let mut characters = shown.chars();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            text.push(character);
        } else if characters.next() == Some('[') {
            let _ =
                characters.by_ref().find(|character| character.is_ascii_alphabetic() || *character == '~');
        }
    }
    text
}
