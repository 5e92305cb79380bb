//! Comments written into a diff: lines that begin with `>`, below the line that they are about. No line of a unified diff begins with
//! that character. Pure.

use super::Comment;

/// The explanation above the diff in the editor.
const HELP: &str = "# Write each comment on its own line, beginning with '>', below the line that it is about.\n\
                    # Lines at the top that begin with '#' are ignored. Without a comment, nothing happens.\n\n";

/// Returns the text for the user to edit, with these comments below their lines, and the comments whose lines are not in the diff.
pub fn template<'a>(diff: &str, comments: &'a [Comment]) -> (String, Vec<&'a Comment>) {
    let mut left: Vec<&Comment> = comments.iter().collect();
    let mut text = HELP.to_owned();
    let mut place = Place::default();
    for line in diff.split_inclusive('\n') {
        text.push_str(line);
        if !place.read(line.trim_end_matches('\n')) {
            continue;
        }
        let number = place.next.saturating_sub(1);
        let is_here = |one: &&Comment| Some(&one.file) == place.file.as_ref() && one.line == number;
        for comment in left.extract_if(.., |one| is_here(one)) {
            let lines: String = comment.text.lines().map(|line| format!("> {line}\n")).collect();
            text.push_str(if line.ends_with('\n') { "" } else { "\n" });
            text.push_str(&lines);
        }
    }
    (text, left)
}

/// Where a line of a diff is.
#[derive(Default)]
struct Place {
    file: Option<String>,
    /// The number of the next line of the new version.
    next: u32,
    in_hunk: bool,
}

impl Place {
    /// Reads a line. Returns whether it is one of the new version.
    fn read(&mut self, line: &str) -> bool {
        if let Some(start) = line.strip_prefix("@@ ").and_then(new_start) {
            (self.next, self.in_hunk) = (start, true);
        } else if line.starts_with("diff --git ") {
            (self.file, self.in_hunk) = (None, false);
        } else if let Some(name) = line.strip_prefix("+++ b/").filter(|_| !self.in_hunk) {
            (self.file, self.next) = (Some(name.trim_end_matches('\t').to_owned()), 1);
        } else if self.in_hunk && (line.starts_with([' ', '+']) || line.is_empty()) {
            self.next += 1;
            return true;
        }
        false
    }
}

/// Parses the comments in an edited diff. A comment above the first line of a file is about that line.
pub fn parse(edited: &str) -> Vec<Comment> {
    let mut comments: Vec<Comment> = Vec::new();
    let (mut place, mut continues) = (Place { next: 1, ..Place::default() }, false);
    for line in edited.lines() {
        if let Some(text) = line.strip_prefix('>') {
            let text = text.trim();
            match (comments.last_mut().filter(|_| continues), &place.file) {
                (Some(last), _) => last.text = format!("{}\n{text}", last.text).trim().to_owned(),
                (None, Some(file)) => {
                    // The comment is about the line above it, the one before `next`.
                    let line = place.next.saturating_sub(1).max(1);
                    comments.push(Comment { file: file.clone(), line, text: text.to_owned() });
                }
                (None, None) => continue,
            }
            continues = true;
            continue;
        }
        continues = false;
        place.read(line);
    }
    comments.retain(|comment| !comment.text.is_empty());
    comments
}

/// Returns the first line of the new side: `12` in `-10,3 +12,4 @@ fn main`.
fn new_start(hunk: &str) -> Option<u32> {
    let new = hunk.split(' ').find_map(|part| part.strip_prefix('+'))?;
    new.split(',').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_find_their_lines() {
        let edited = "# help\n> nowhere\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,3 +1,4 @@ fn\n one\n-two\n\
                      > of the removed line\n+zwei\n+drei\n> first\n>  second\n three\n@@ -9 +10 @@\n-a\n++++ b/odd\n\
                      > odd\ndiff --git a/y b/z\nrename\n--- a/y\n+++ b/z\n> top\n@@ -0,0 +1 @@\n+n\n>\n";
        let parsed: Vec<(String, u32, String)> =
            parse(edited).into_iter().map(|one| (one.file, one.line, one.text)).collect();
        let one = |file: &str, line, text: &str| (file.to_owned(), line, text.to_owned());
        assert_eq!(
            parsed,
            [
                one("x", 1, "of the removed line"),
                one("x", 3, "first\nsecond"),
                one("x", 10, "odd"),
                one("z", 1, "top"),
            ]
        );
        assert_eq!(parse(&template("", &[]).0), []);
    }

    #[test]
    fn comments_that_were_kept_are_below_their_lines_again() {
        let diff = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n one\n-two\n+zwei\n+drei\ndiff --git a/y b/y\n\
                    --- /dev/null\n+++ b/y\n@@ -0,0 +1 @@\n+n";
        let one = |file: &str, line, text: &str| Comment { file: file.into(), line, text: text.into() };
        let kept = [one("x", 1, "why\nso?"), one("x", 3, "no"), one("y", 1, "yes")];
        let far = [one("x", 9, "far"), one("z", 1, "other")];
        let all = [&kept[..], &far[..]].concat();
        let (text, left) = template(diff, &all);
        assert_eq!(parse(&text), kept);
        assert_eq!(left, [&far[0], &far[1]]);
    }
}
