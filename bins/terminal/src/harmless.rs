//! Shows the output of git with its colours, and without anything else that files can make a terminal do: set its title, fill the
//! clipboard, hide lines.

use std::io::{self, IsTerminal, Write};

use orchestra::{Result, git::Git, model::text};

use crate::{output::Terminal, pager};

/// The longest line that is held back until its end, in bytes.
const MAX_LINE: usize = 64 << 10;
const ESCAPE: char = '\u{1b}';

/// Lets git show something on the terminal, through the user's pager. Without a pager, or with `cat`, only colours reach the terminal:
/// the files are those of an agent. Returns git's exit code; `None`: a signal ended it.
///
/// # Errors
/// Git cannot be started; without a pager, also if it fails.
pub fn show(terminal: &Terminal, git: Git) -> Result<Option<i32>> {
    if !std::io::stdout().is_terminal() || pager::is_used() {
        return git.run_interactive();
    }
    let git = match terminal.width() {
        Some(width) => git.env("COLUMNS", width.to_string()),
        None => git,
    };
    let mut out = Harmless { out: terminal.writer(), line: Vec::new() };
    let shown = git.stream(&mut out);
    // What was left without the end of a line.
    let _ = out.show();
    shown.map(|()| Some(0))
}

/// A writer that passes on text and colours.
struct Harmless<W> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> Harmless<W> {
    /// Writes what was held back.
    fn show(&mut self) -> io::Result<()> {
        let text = harmless(&String::from_utf8_lossy(&self.line));
        self.line.clear();
        self.out.write_all(text.as_bytes())
    }
}

impl<W: Write> Write for Harmless<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.line.len() > MAX_LINE {
                self.show()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Escapes everything in a line but text, tabs, and the sequences of colours.
fn harmless(line: &str) -> String {
    let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
    let mut out = String::with_capacity(line.len() + 1);
    let mut pieces = line.split(ESCAPE);
    out.push_str(&tabbed(pieces.next().unwrap_or_default()));
    for piece in pieces {
        let rest = match colour_length(piece) {
            Some(length) => {
                out.push(ESCAPE);
                out.push_str(&piece[..length]);
                &piece[length..]
            }
            None => {
                out.push_str("\\e");
                piece
            }
        };
        out.push_str(&tabbed(rest));
    }
    out + end
}

fn tabbed(text: &str) -> String {
    text.split('\t').map(text::safe).collect::<Vec<_>>().join("\t")
}

/// Returns the length of the sequence of a colour, without its escape character, at the start of a text.
fn colour_length(text: &str) -> Option<usize> {
    let values = text.strip_prefix('[')?;
    let length = values.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b';').count();
    values[length..].starts_with('m').then_some(length + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_text_pass_and_nothing_else() {
        for (line, shown) in [
            ("\u{1b}[32m+\u{1b}[m\u{1b}[32mä\tb\u{1b}[m\n", "\u{1b}[32m+\u{1b}[m\u{1b}[32mä\tb\u{1b}[m\n"),
            ("+\u{1b}]52;c;aGk=\u{7}x\n", "+\\e]52;c;aGk=\\u{7}x\n"),
            ("\u{1b}[1;31mx\u{1b}[2J\u{1b}[?25l\r\n", "\u{1b}[1;31mx\\e[2J\\e[?25l\\u{d}\n"),
            ("end \u{1b}", "end \\e"),
            ("\u{9b}31m\u{202e}", "\\u{9b}31m\\u{202e}"),
        ] {
            assert_eq!(harmless(line).replace("\\r", "\\u{d}"), shown);
        }
        let mut out = Harmless { out: Vec::new(), line: Vec::new() };
        for piece in ["a\u{1b}", "[3", "1mb\u{1b}]0;t\u{7}\nc"] {
            out.write_all(piece.as_bytes()).expect("written");
        }
        out.show().expect("written");
        assert_eq!(String::from_utf8(out.out).expect("text"), "a\u{1b}[31mb\\e]0;t\\u{7}\nc");
    }
}
