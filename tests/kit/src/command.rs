//! A command that ran, with what it said.

use std::process::{Command, Output};

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Ran {
    shown: String,
    output: Output,
}

impl Ran {
    /// Runs a command to its end.
    pub fn of(command: &mut Command) -> Self {
        let shown = format!("{command:?}");
        let output = command.output().unwrap_or_else(|e| panic!("{shown}: {e}"));
        Self { shown, output }
    }

    /// Standard output.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// Standard error.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// Standard output without white space at its end.
    pub fn line(&self) -> String {
        self.stdout().trim_end().to_owned()
    }

    /// The exit code; -1 for a signal.
    pub fn code(&self) -> i32 {
        self.output.status.code().unwrap_or(-1)
    }

    /// Insists on an exit code.
    ///
    /// # Panics
    /// It is another one.
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "{}\n{}\n{}", self.shown, self.stdout(), self.stderr());
        self
    }

    /// Insists on success.
    ///
    /// # Panics
    /// It failed.
    pub fn succeeded(self) -> Self {
        self.exits(0)
    }

    /// Insists that standard output holds a text.
    ///
    /// # Panics
    /// It does not.
    pub fn prints(self, text: &str) -> Self {
        assert!(self.stdout().contains(text), "{}\n{}\n{}", self.shown, self.stdout(), self.stderr());
        self
    }

    /// Insists that standard error holds a text.
    ///
    /// # Panics
    /// It does not.
    pub fn says(self, text: &str) -> Self {
        assert!(
            self.stderr().contains(text),
            "{}\ndoes not say: {text}\nbut:\n{}",
            self.shown,
            self.stderr()
        );
        self
    }

    /// Standard output as JSON.
    ///
    /// # Panics
    /// It is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout())
            .unwrap_or_else(|e| panic!("{}: {e}\n{}", self.shown, self.stdout()))
    }
}
