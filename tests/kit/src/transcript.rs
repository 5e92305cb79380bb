//! Transcripts in documents: the commands to run, and what each prints.

use std::{fmt::Write as _, sync::LazyLock};

use regex::Regex;

/// The line that stands for any number of lines of output.
const ANY_LINES: &str = "…";
/// The start of a code block whose commands are run.
const BLOCK: &str = "```console";
const PROMPT: &str = "$ ";
/// The start of a line that continues a command with a here-document, which ends with this line.
const CONTINUED: &str = "> ";
const END: &str = "END";

/// A Markdown document with the transcripts in it.
pub struct Transcript {
    pieces: Vec<Piece>,
}

/// A part of a document.
enum Piece {
    /// Lines that no command printed.
    Text(String),
    /// A command.
    Step(Step),
}

/// A command with the output that the document shows.
pub struct Step {
    /// What is typed.
    pub command: String,
    /// The lines below it.
    pub output: String,
}

impl Transcript {
    /// Finds the commands: the lines after `$ ` in blocks that are marked `console`, with the lines after `> ` of a here-document.
    pub fn parse(markdown: &str) -> Self {
        let (mut pieces, mut is_inside): (Vec<Piece>, bool) = (Vec::new(), false);
        for line in markdown.lines() {
            let is_fence = line.starts_with("```");
            if is_fence {
                is_inside = line == BLOCK;
            }
            match (line.strip_prefix(PROMPT).filter(|_| is_inside), pieces.last_mut()) {
                (Some(command), _) => {
                    pieces.push(Piece::Step(Step { command: command.to_owned(), output: String::new() }))
                }
                (None, Some(Piece::Step(step))) if is_inside => step.add(line),
                (None, Some(Piece::Text(text))) => *text += &format!("{line}\n"),
                (None, _) => pieces.push(Piece::Text(format!("{line}\n"))),
            }
        }
        Self { pieces }
    }

    /// Returns the commands in their order.
    pub fn steps(&mut self) -> impl Iterator<Item = &mut Step> {
        self.pieces.iter_mut().filter_map(|piece| match piece {
            Piece::Step(step) => Some(step),
            Piece::Text(_) => None,
        })
    }

    /// Returns the document with the present outputs.
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            let _ = match piece {
                Piece::Text(text) => write!(out, "{text}"),
                Piece::Step(step) => {
                    let command = step.command.replace('\n', &format!("\n{CONTINUED}"));
                    write!(out, "{PROMPT}{command}\n{}", step.output)
                }
            };
        }
        out
    }
}

impl Step {
    fn add(&mut self, line: &str) {
        let is_open =
            self.command.contains(&format!("<<'{END}'")) && !self.command.ends_with(&format!("\n{END}"));
        match line.strip_prefix(CONTINUED).filter(|_| is_open) {
            Some(more) => self.command += &format!("\n{more}"),
            None => self.output += &format!("{line}\n"),
        }
    }

    /// Whether a command printed what the document shows, apart from what differs in each run.
    pub fn agrees_with(&self, printed: &str) -> bool {
        let shown: Vec<String> = self.output.trim_end().lines().map(comparable).collect();
        let printed: Vec<String> = printed.trim_end().lines().map(comparable).collect();
        lines_agree(&shown, &printed)
    }
}

fn lines_agree(shown: &[String], printed: &[String]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((any, rest)) if any == ANY_LINES => {
            (0..=printed.len()).any(|skipped| lines_agree(rest, &printed[skipped..]))
        }
        Some((line, rest)) => printed.first() == Some(line) && lines_agree(rest, &printed[1..]),
    }
}

/// Returns a line without what differs in each run: the random ends of names, ids, times, sizes, and the width of columns.
pub fn comparable(line: &str) -> String {
    static VARYING: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        let all = [
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<time>"),
            (r"\b([a-z0-9]+(?:-[a-z0-9]+)*)-[0-9a-hj-kmnp-tv-z]{5}\b", "$1-*****"),
            (r"\b[0-9a-f]{7,64}\b", "<id>"),
            (r"\b\d+(\.\d+)? ([KMG]iB|B)\b", "<size>"),
            (r"\b\d+(\.\d+)?(ms|s|m|h|d)\b", "<time>"),
            (r"\s+", " "),
        ];
        all.iter().map(|(pattern, shown)| (Regex::new(pattern).expect("a pattern"), *shown)).collect()
    });
    let mut line = line.trim_end().to_owned();
    for (pattern, shown) in VARYING.iter() {
        line = pattern.replace_all(&line, *shown).into_owned();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "# Title\n```console\n$ one\nfirst\n…\nlast\n$ two <<'END'\n> text\n> END\n> printed\n```\n\n```sh\n$ not run\n```\n";

    #[test]
    fn commands_are_found_with_their_output_and_the_document_is_kept() {
        let mut transcript = Transcript::parse(DOCUMENT);
        let steps: Vec<(String, String)> =
            transcript.steps().map(|step| (step.command.clone(), step.output.clone())).collect();
        assert_eq!(
            steps,
            [("one", "first\n…\nlast\n"), ("two <<'END'\ntext\nEND", "> printed\n")]
                .map(|(command, output)| (command.to_owned(), output.to_owned()))
        );
        assert_eq!(transcript.markdown(), DOCUMENT);
    }

    #[test]
    fn outputs_agree_apart_from_what_differs_in_each_run() {
        let of = |output: &str| Step { command: String::new(), output: output.to_owned() };
        for (shown, printed, is_true) in [
            ("add-k3m9q  running  2s\n", "add-00000 running 17m", true),
            ("add-k3m9q  running  2s\n", "add-00000  done  17m", false),
            ("a\n…\nz\n", "a\nb\nc\nz\n\n", true),
            ("a\n…\nz\n", "a\nb\n", false),
            ("…\n", "", true),
            ("", "a\n", false),
            ("main is at 1234567\n", "main is at 89abcde0", true),
        ] {
            assert_eq!(of(shown).agrees_with(printed), is_true, "{shown} {printed}");
        }
    }
}
