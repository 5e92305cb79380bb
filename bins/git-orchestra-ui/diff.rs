//! A diff as it is read: its files, the places of its lines, and which lines are beside each other. Pure.

use orchestra::ops::review::draft::fingerprint;
use ratatui::text::Line;

/// A place in a diff: the file, and the line of its new version.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) line: u64,
}

/// A file of a diff.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct DiffFile {
    pub(crate) name: String,
    /// The number of its first line in the diff.
    pub(crate) at: usize,
    /// Added and removed lines.
    pub(crate) lines: (u64, u64),
    /// What its lines are, so that a file that changed after it was read is known.
    pub(crate) fingerprint: String,
}

/// A row of a diff that is shown side by side, with the numbers of its lines.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SideRow {
    /// A line over both sides.
    Across(usize),
    /// A line of the old version, of the new one, or of both.
    Beside(Option<usize>, Option<usize>),
}

impl SideRow {
    /// Returns the line on which a remark is made: that of the new version, if there is one.
    fn line(self) -> usize {
        match self {
            Self::Across(line) | Self::Beside(_, Some(line)) | Self::Beside(Some(line), None) => line,
            Self::Beside(None, None) => 0,
        }
    }
}

/// What is known of the lines of a diff.
#[derive(Clone, Debug, Default)]
pub(crate) struct Diff {
    pub(crate) files: Vec<DiffFile>,
    /// The line of the new version at which each line of the diff is.
    numbers: Vec<Option<u64>>,
    /// The rows of the diff, if it is shown side by side.
    pub(crate) rows: Vec<SideRow>,
    /// The row of each line.
    row_of: Vec<usize>,
}

impl Diff {
    /// Reads the lines of a diff.
    pub(crate) fn of(lines: &[Line<'_>]) -> Self {
        let mut reader = Reader::default();
        for (at, line) in lines.iter().enumerate() {
            reader.read(at, &line.to_string());
        }
        reader.end()
    }

    /// Returns the number of the file to which a line belongs.
    pub(crate) fn file_at(&self, line: usize) -> Option<usize> {
        self.files.iter().rposition(|file| file.at <= line)
    }

    /// Returns the place of a line; `None` before the lines of a file, and in a file that was removed.
    pub(crate) fn place(&self, line: usize) -> Option<Place> {
        let number = (*self.numbers.get(line)?)?;
        Some(Place { file: self.files[self.file_at(line)?].name.clone(), line: number.max(1) })
    }

    /// Returns whether the next line has another place. What says that a line has no end does not count.
    pub(crate) fn is_last_of_place(&self, line: usize) -> bool {
        let is_content = |line| matches!(self.rows.get(self.row_of(line)), Some(SideRow::Beside(..)));
        self.numbers.get(line) != self.numbers.get(line + 1) || !is_content(line + 1)
    }

    /// Returns the row of a line.
    pub(crate) fn row_of(&self, line: usize) -> usize {
        self.row_of.get(line).copied().unwrap_or(0)
    }

    /// Returns the line of a row on which a remark is made.
    pub(crate) fn line_of(&self, row: usize) -> usize {
        self.rows.get(row).map_or(0, |row| row.line())
    }
}

/// Returns the name of a file in a line such as `+++ b/NAME`; `None` for a side on which it does not exist.
fn name_in<'a>(text: &'a str, side: &str) -> Option<&'a str> {
    (text != "/dev/null").then(|| text.strip_prefix(side).unwrap_or(text))
}

/// Reads a diff line by line.
#[derive(Default)]
struct Reader {
    diff: Diff,
    /// The lines of the file that is read.
    lines: Vec<String>,
    /// The lines that are left of the old and the new version in this hunk.
    left: (u64, u64),
    /// The next line of the new version; `None` before the lines of a file, and in one that was removed.
    next: Option<u64>,
    /// The removed and the added lines that follow each other now.
    run: (Vec<usize>, Vec<usize>),
}

impl Reader {
    fn read(&mut self, at: usize, text: &str) {
        if self.left == (0, 0) {
            self.heading(at, text);
        } else {
            self.content(at, text);
        }
        self.lines.push(text.to_owned());
    }

    /// Reads a line outside of hunks.
    fn heading(&mut self, at: usize, text: &str) {
        if text.starts_with('\\') {
            return self.push(at, self.next.map(|next| next.saturating_sub(1)));
        }
        if let Some(names) = text.strip_prefix("diff --") {
            self.end_file();
            let name = names.rsplit_once(" b/").map_or(names, |(_, name)| name);
            self.diff.files.push(DiffFile { name: name.to_owned(), at, ..DiffFile::default() });
            self.next = None;
        } else if let Some(old) = text.strip_prefix("--- ") {
            self.name(at, name_in(old, "a/"));
        } else if let Some(new) = text.strip_prefix("+++ ") {
            let name = name_in(new, "b/");
            self.name(at, name);
            self.next = name.map(|_| 1);
        } else if let Some((old, new)) = hunk(text) {
            self.left = (old.1, new.1);
            self.next = self.next.map(|_| new.0);
        }
        self.push(at, self.next);
    }

    /// Reads a line of a hunk.
    fn content(&mut self, at: usize, text: &str) {
        let (old, new) = match text.chars().next() {
            Some('-') => (1, 0),
            Some('+') => (0, 1),
            // It says that a line has no end.
            Some('\\') => return self.push(at, self.next.map(|next| next.saturating_sub(1))),
            _ => (1, 1),
        };
        self.left = (self.left.0.saturating_sub(old), self.left.1.saturating_sub(new));
        let number = self.next;
        self.diff.numbers.push(number);
        // A line that was removed has the place of the one that follows.
        self.next = self.next.map(|next| next + new);
        if let Some(file) = self.diff.files.last_mut().filter(|_| old != new) {
            file.lines = (file.lines.0 + new, file.lines.1 + old);
        }
        match (old, new) {
            (1, 0) if self.run.1.is_empty() => self.run.0.push(at),
            (1, 0) => {
                self.end_run();
                self.run.0.push(at);
            }
            (0, 1) => self.run.1.push(at),
            _ => {
                self.end_run();
                self.diff.rows.push(SideRow::Beside(Some(at), Some(at)));
            }
        }
    }

    /// Gives the file that is read a name, if there is one; a diff may begin without its first line.
    fn name(&mut self, at: usize, name: Option<&str>) {
        let Some(name) = name else { return };
        match self.diff.files.last_mut().filter(|_| self.next.is_none()) {
            Some(file) => name.clone_into(&mut file.name),
            None => self.diff.files.push(DiffFile { name: name.to_owned(), at, ..DiffFile::default() }),
        }
    }

    /// Adds a line that is over both sides.
    fn push(&mut self, at: usize, number: Option<u64>) {
        self.end_run();
        self.diff.numbers.push(number);
        self.diff.rows.push(SideRow::Across(at));
    }

    /// Sets the removed lines beside the added ones.
    fn end_run(&mut self) {
        let (removed, added) = std::mem::take(&mut self.run);
        for row in 0..removed.len().max(added.len()) {
            self.diff.rows.push(SideRow::Beside(removed.get(row).copied(), added.get(row).copied()));
        }
    }

    fn end_file(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        if let Some(file) = self.diff.files.last_mut() {
            file.fingerprint = fingerprint(lines.iter().map(String::as_str));
        }
    }

    fn end(mut self) -> Diff {
        self.end_run();
        self.end_file();
        let mut row_of = vec![0; self.diff.numbers.len()];
        for (row, lines) in self.diff.rows.iter().enumerate() {
            let (one, other) = match *lines {
                SideRow::Across(line) => (Some(line), None),
                SideRow::Beside(old, new) => (old, new),
            };
            for line in one.into_iter().chain(other) {
                row_of[line] = row;
            }
        }
        self.diff.row_of = row_of;
        self.diff
    }
}

/// Returns the first line and the number of lines of both versions, out of the first line of a hunk.
fn hunk(text: &str) -> Option<((u64, u64), (u64, u64))> {
    let mut words = text.strip_prefix("@@ -")?.split(' ');
    let mut range = |sign: &str| {
        let word = words.next()?.strip_prefix(sign)?;
        let (first, count) = word.split_once(',').unwrap_or((word, "1"));
        Some((first.parse().ok()?, count.parse().ok()?))
    };
    Some((range("")?, range("+")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Diff {
        let lines: Vec<Line<'_>> = text.lines().map(Line::from).collect();
        Diff::of(&lines)
    }

    const TWO: &str = "\
diff --git a/one b/one
index 1..2 100644
--- a/one
+++ b/one
@@ -12,4 +12,4 @@ mod x
 a
-b
-c
+d
 e
+f
diff --git a/old name b/old name
deleted file mode 100644
--- a/old name
+++ /dev/null
@@ -1 +0,0 @@
--- gone
\\ No newline at end of file
";

    #[test]
    fn lines_have_places_and_files() {
        let diff = read(TWO);
        let files: Vec<_> = diff.files.iter().map(|file| (file.name.as_str(), file.at, file.lines)).collect();
        assert_eq!(files, [("one", 0, (2, 2)), ("old name", 11, (0, 1))]);
        let numbers: Vec<_> = (0..18).map(|at| diff.place(at).map(|place| place.line)).collect();
        let one =
            [None, None, None, Some(1), Some(12), Some(12), Some(13), Some(13), Some(13), Some(14), Some(15)];
        assert_eq!(numbers[..11], one);
        assert_eq!(numbers[11..], [None; 7]);
    }

    #[test]
    fn removed_lines_are_beside_those_that_took_their_place() {
        use SideRow::{Across, Beside};
        let diff = read(TWO);
        let expected = [
            Across(4),
            Beside(Some(5), Some(5)),
            Beside(Some(6), Some(8)),
            Beside(Some(7), None),
            Beside(Some(9), Some(9)),
            Beside(None, Some(10)),
            Across(11),
        ];
        assert_eq!(diff.rows[4..11], expected);
        for line in 0..18 {
            let row = diff.row_of(line);
            assert!(row < diff.rows.len());
            assert_eq!(diff.row_of(diff.line_of(row)), row, "line {line}");
        }
    }

    #[test]
    fn a_file_that_changes_is_known_by_its_lines() {
        let (before, after) = (read(TWO), read(&TWO.replace("+d", "+D")));
        assert_ne!(before.files[0].fingerprint, after.files[0].fingerprint);
        assert_eq!(before.files[1].fingerprint, after.files[1].fingerprint);
    }

    #[test]
    fn an_added_line_that_looks_like_a_heading_is_none() {
        let diff =
            read("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -0,0 +1,2 @@\n+++ b/other\n+diff --git a/y b/y\n");
        let names: Vec<_> = diff.files.iter().map(|file| &file.name).collect();
        assert_eq!(names, ["x"]);
    }
}
