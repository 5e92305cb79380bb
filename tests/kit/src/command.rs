//! A command that has ended, with its output.

use std::process::{Command, Output};

/// The output of a command and how it ended.
#[derive(Debug)]
pub struct Ran {
    shown: String,
    output: Output,
}

impl Ran {
    /// Runs a command until it ends.
    pub fn of(command: &mut Command) -> Self {
        let shown = format!("{command:?}");
        let output = command.output().unwrap_or_else(|e| panic!("{shown}: {e}"));
        Self { shown, output }
    }

    /// Returns standard output.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// Returns standard error.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// Returns standard output without trailing white space.
    pub fn line(&self) -> String {
        self.stdout().trim_end().to_owned()
    }

    /// Returns the exit status; -1 if a signal ended it.
    pub fn code(&self) -> i32 {
        self.output.status.code().unwrap_or(-1)
    }

    /// Asserts the exit status.
    ///
    /// # Panics
    /// The exit status is another one.
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "{}\n{}\n{}", self.shown, self.stdout(), self.stderr());
        self
    }

    /// Asserts that the command succeeded.
    ///
    /// # Panics
    /// The command failed.
    pub fn succeeded(self) -> Self {
        self.exits(0)
    }

    /// Asserts that standard output contains a text.
    ///
    /// # Panics
    /// It does not contain the text.
    pub fn stdout_has(self, text: &str) -> Self {
        assert!(self.stdout().contains(text), "{}\n{}\n{}", self.shown, self.stdout(), self.stderr());
        self
    }

    /// Asserts that standard error contains a text.
    ///
    /// # Panics
    /// It does not contain the text.
    pub fn stderr_has(self, text: &str) -> Self {
        assert!(
            self.stderr().contains(text),
            "{}\ndoes not say: {text}\nbut:\n{}",
            self.shown,
            self.stderr()
        );
        self
    }

    /// Parses standard output as JSON.
    ///
    /// # Panics
    /// Standard output is not JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout())
            .unwrap_or_else(|e| panic!("{}: {e}\n{}", self.shown, self.stdout()))
    }
}
