//! Comments written into a diff: lines that begin with `>`, below the line that they are about. No line of a unified diff begins with
//! that character. Pure.

use super::Comment;

/// The explanation above the diff in the editor.
const HELP: &str = "# Write each comment on its own line, beginning with '>', below the line that it is about.\n\
                    # Lines at the top that begin with '#' are ignored. Without a comment, nothing happens.\n\n";

/// Returns the text for the user to edit.
pub fn template(diff: &str) -> String {
    format!("{HELP}{diff}")
}

/// Parses the comments in an edited diff. A comment above the first line of a file is about that line.
pub fn parse(edited: &str) -> Vec<Comment> {
    let mut comments: Vec<Comment> = Vec::new();
    let (mut file, mut next, mut continues) = (None::<String>, 1u32, false);
    let mut in_hunk = false;
    for line in edited.lines() {
        if let Some(text) = line.strip_prefix('>') {
            let text = text.trim();
            match (comments.last_mut().filter(|_| continues), &file) {
                (Some(last), _) => last.text = format!("{}\n{text}", last.text).trim().to_owned(),
                (None, Some(file)) => {
                    // The comment is about the line above it, the one before `next`.
                    let line = next.saturating_sub(1).max(1);
                    comments.push(Comment { file: file.clone(), line, text: text.to_owned() });
                }
                (None, None) => continue,
            }
            continues = true;
            continue;
        }
        continues = false;
        if let Some(start) = line.strip_prefix("@@ ").and_then(new_start) {
            (next, in_hunk) = (start, true);
        } else if line.starts_with("diff --git ") {
            (file, in_hunk) = (None, false);
        } else if let Some(name) = line.strip_prefix("+++ b/").filter(|_| !in_hunk) {
            (file, next) = (Some(name.trim_end_matches('\t').to_owned()), 1);
        } else if in_hunk && (line.starts_with([' ', '+']) || line.is_empty()) {
            next += 1;
        }
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
        assert_eq!(parse(&template("")), []);
    }
}
