//! Prints the end of what failed checks printed, and the command that shows all of it.

use orchestra::{
    git::Repo,
    model::text,
    ops::{
        check_output,
        merge_ranked::{BranchOutcome, BranchRow},
    },
};

use crate::Terminal;

/// How many lines of an output are shown.
const LINES: usize = 10;
/// How many failed checks are shown; more are only counted.
const MAX_SHOWN: usize = 3;
/// The width at which a line is cut, in columns.
const LINE_WIDTH: usize = 200;

/// Prints the last lines of each failed check of a landing.
pub fn print_failures(terminal: &Terminal, repo: &Repo, rows: &[BranchRow]) {
    let failed: Vec<(&BranchRow, &String)> = rows
        .iter()
        .filter(|row| row.outcome == BranchOutcome::Failed)
        .filter_map(|row| Some((row, row.log.as_ref()?)))
        .collect();
    for (row, log) in failed.iter().take(MAX_SHOWN) {
        // An output that cannot be read is missed here; the command says why.
        let output = check_output::of_log(repo, log).unwrap_or_default();
        let why = row.why.as_deref().unwrap_or("the check fails");
        let of = format!("{}: {}", text::one_line(&row.branch, 60), text::one_line(why, LINE_WIDTH));
        print_end(terminal, &of, &output);
        terminal.hint_command(&[&"git", &"orchestra", &"logs", &"--check", &row.branch]);
    }
    if let Some(more @ 1..) = failed.len().checked_sub(MAX_SHOWN) {
        terminal.eprintln(&format!("{} not shown", text::count(more as u64, "more failed check")));
        terminal.hint("git orchestra logs --check shows the output of all of them");
    }
}

/// Prints the last lines of what failed on the target itself, in the newest landing.
pub fn print_failure_of_target(terminal: &Terminal, repo: &Repo) {
    let request = check_output::Request::default();
    let Ok(report) = check_output::run(&crate::context::uninterrupted(), repo, &request) else { return };
    if let Some(one) = report.outputs.iter().find(|one| one.branch == report.into) {
        let of = format!("{} on {}", text::one_line(&one.check, 60), text::one_line(&one.branch, 60));
        print_end(terminal, &of, &one.output);
    }
}

fn print_end(terminal: &Terminal, of: &str, output: &[u8]) {
    let lines = last_lines(output, LINES);
    if lines.is_empty() {
        terminal.eprintln(&format!("{of} (no output)"));
        return;
    }
    terminal.eprintln(&format!("{of}; its last lines:"));
    for line in lines {
        terminal.eprintln(format!("  {line}").trim_end());
    }
}

/// Returns the last lines of an output, safe to show, without empty lines at the end.
pub fn last_lines(output: &[u8], most: usize) -> Vec<String> {
    let shown = text::shown_output(output);
    let shown = String::from_utf8_lossy(&shown);
    let lines: Vec<&str> = shown.trim_end().lines().collect();
    let last = lines.iter().skip(lines.len().saturating_sub(most));
    last.map(|line| text::truncate(&line.replace('\t', "    "), LINE_WIDTH)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_safe_and_not_empty() {
        let output = b"one\ntwo\n\x1b[31mthree\x1b[0m \x1b]0;x\x07\n\n\tfour\n\n\n";
        assert_eq!(last_lines(output, 3), ["three \\e]0;x\\u{7}", "", "    four"]);
        assert!(last_lines(b"\n\n", 3).is_empty());
        assert_eq!(last_lines(b"one", 0), [""; 0]);
    }
}
