//! A command of ours that prints into a window: nothing asks a question, and it ends when nobody wants to know any more.

use std::{
    io::{self, PipeReader, Read},
    process::{Child, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

use orchestra::process;

/// How much is read at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// A command of ours whose output is read.
#[derive(Debug)]
pub struct Printing(Mutex<Child>);

/// What a command printed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Printed {
    /// What it wrote to stdout and stderr, in the order in which it did.
    pub bytes: Vec<u8>,
    /// Whether it succeeded.
    pub succeeded: bool,
    /// Whether the rest was not read.
    pub is_cut: bool,
}

impl Printing {
    /// Starts `git orchestra` with these words. Its tables are at most this many columns wide.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(words: &[String], columns: u16) -> io::Result<(Self, PipeReader)> {
        let (output, writer) = io::pipe()?;
        let mut command = process::sibling_command(&process::own_program());
        command
            .args(words)
            .env("COLUMNS", columns.to_string())
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer);
        let child = process::spawn(&mut command)?;
        Ok((Self(Mutex::new(child)), output))
    }

    /// Reads what it prints until its end, at most `most` lines. The rest is not waited for.
    pub fn read(&self, mut output: PipeReader, most: usize) -> Printed {
        let (mut printed, mut lines) = (Printed::default(), 0);
        let mut chunk = vec![0; CHUNK];
        while let Ok(length @ 1..) = output.read(&mut chunk) {
            let read = &chunk[..length];
            lines += read.iter().filter(|byte| **byte == b'\n').count();
            printed.bytes.extend_from_slice(read);
            if lines > most {
                printed.is_cut = true;
                self.end();
                break;
            }
        }
        drop(output);
        let ended = self.child().wait();
        printed.succeeded = printed.is_cut || ended.is_ok_and(|status| status.success());
        printed
    }

    /// Ends it, with all that it started.
    pub fn end(&self) {
        process::kill_tree(&mut self.child());
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
