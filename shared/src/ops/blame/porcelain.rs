//! Reads the output of `git blame --porcelain`.

use std::collections::HashMap;

use super::{BlamedCommit, BlamedLine, MAX_WIDTH};
use crate::{git::Oid, model::text, world::Timestamp};

/// What `git blame` printed.
#[derive(Debug, Default)]
pub(super) struct Blamed {
    pub(super) lines: Vec<BlamedLine>,
    /// The commits in the order of their first lines; nothing is known of agents yet.
    pub(super) commits: Vec<BlamedCommit>,
}

/// Parses the output: for each line a header, at the first line of a commit what is known of it, and the text after a tab.
pub(super) fn parse(output: &[u8]) -> Blamed {
    let mut blamed = Blamed::default();
    let mut places: HashMap<Option<Oid>, usize> = HashMap::new();
    let mut open: Option<(usize, BlamedLine)> = None;
    for line in output.split(|byte| *byte == b'\n') {
        if let Some(content) = line.strip_prefix(b"\t") {
            if let Some((place, mut line)) = open.take() {
                line.text = String::from_utf8_lossy(content).trim_end_matches('\r').to_owned();
                blamed.commits[place].lines += 1;
                blamed.lines.push(line);
            }
            continue;
        }
        let line = String::from_utf8_lossy(line);
        if let Some((place, _)) = open {
            describe(&mut blamed.commits[place], &line);
        } else if let Some(header) = header(&line) {
            let place = *places.entry(header.commit).or_insert_with(|| {
                blamed.commits.push(unknown(header.commit));
                blamed.commits.len() - 1
            });
            open = Some((place, header));
        }
    }
    blamed
}

/// Parses `COMMIT LINE-THERE LINE [COUNT]`.
fn header(line: &str) -> Option<BlamedLine> {
    let mut words = line.split(' ');
    let commit = Oid::parse(words.next()?)?;
    let number_there = words.next()?.parse().ok()?;
    let number = words.next()?.parse().ok()?;
    let commit = Some(commit).filter(|commit| *commit != Oid::NULL);
    Some(BlamedLine { number, commit, number_there, text: String::new() })
}

const fn unknown(commit: Option<Oid>) -> BlamedCommit {
    BlamedCommit { commit, author: String::new(), at: None, summary: String::new(), lines: 0, agent: None }
}

fn describe(commit: &mut BlamedCommit, line: &str) {
    let Some((key, value)) = line.split_once(' ') else { return };
    match key {
        "author" => commit.author = text::one_line(value, MAX_WIDTH),
        "author-time" => commit.at = value.parse().ok().and_then(|at| Timestamp::from_second(at).ok()),
        "summary" => commit.summary = text::one_line(value, MAX_WIDTH),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_commits_are_read_in_order() {
        let (one, none) = ("1".repeat(40), "0".repeat(40));
        let output = format!(
            "{one} 1 1 1\nauthor Kim\nauthor-mail <kim@example.com>\nauthor-time 1700000000\n\
             summary Add a\nboundary\nfilename a\n\tfirst\r\n{none} 2 2 1\nauthor Not Committed Yet\n\
             author-time 1700000001\nsummary Version of a from a\nfilename a\n\t{one} 9 9\n{one} 2 3\n\t\n"
        );
        let blamed = parse(output.as_bytes());
        let lines: Vec<(u64, u64, &str, bool)> = blamed
            .lines
            .iter()
            .map(|line| (line.number, line.number_there, line.text.as_str(), line.commit.is_some()))
            .collect();
        // A line whose text looks like a header is a text.
        let looks_like_header = format!("{one} 9 9");
        assert_eq!(lines, [(1, 1, "first", true), (2, 2, &looks_like_header, false), (3, 2, "", true)]);
        let commits: Vec<(&str, &str, u64)> =
            blamed.commits.iter().map(|one| (one.author.as_str(), one.summary.as_str(), one.lines)).collect();
        assert_eq!(commits, [("Kim", "Add a", 2), ("Not Committed Yet", "Version of a from a", 1)]);
        assert_eq!(blamed.commits[0].at.map(Timestamp::as_second), Some(1_700_000_000));
        for broken in ["", "\n", "\tx\n", "zz 1 1\n\tx\n", "summary x\n"] {
            assert!(parse(broken.as_bytes()).lines.is_empty(), "{broken:?}");
        }
    }
}
