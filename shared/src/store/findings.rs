//! The findings of a reviewer, as comments on lines that exist.

use crate::{
    git::{Oid, Repo},
    model::{answer::Finding, event::MAX_COMMENTS, verdict::Comment},
};

/// Returns the findings on lines of files at a commit as comments, and the others as sentences.
pub fn as_comments(repo: &Repo, head: Oid, findings: Vec<Finding>) -> (Vec<Comment>, Vec<String>) {
    let (mut comments, mut others) = (Vec::new(), Vec::new());
    for finding in findings.into_iter().take(MAX_COMMENTS) {
        let text = finding.sentence();
        let content = repo.read_blob_of(head, &finding.file).ok().flatten();
        let lines = content.map_or(0, |content| content.split_inclusive(|byte| *byte == b'\n').count());
        if finding.line > 0 && finding.line as usize <= lines {
            comments.push(Comment { file: finding.file, line: finding.line, text });
        } else {
            others.push(text);
        }
    }
    (comments, others)
}
