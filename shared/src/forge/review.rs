//! A review as it is given on a forge. Each part of it ends with a mark, by which it is found again: so it is given once. Pure.

use sha2::{Digest, Sha256};

use crate::git::Oid;

/// What a review says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ForgeVerdict {
    /// It may be merged.
    Approve,
    /// It should change first.
    RequestChanges,
    /// Neither: a forge does not let people judge their own pull requests.
    Comment,
}

/// A remark on one line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ForgeRemark {
    /// The path of the file at the head.
    pub file: String,
    /// The number of the line at the head.
    pub line: u32,
    /// The text, in Markdown.
    pub text: String,
}

/// A review to give.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ForgeReview {
    /// What it says.
    pub verdict: ForgeVerdict,
    /// The text, in Markdown.
    pub text: String,
    /// Remarks on lines.
    pub remarks: Vec<ForgeRemark>,
    /// Where the pull request branches off.
    pub base: Oid,
    /// The commit that was reviewed.
    pub head: Oid,
}

/// What became of a review.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GivenForgeReview {
    /// Whether it was given now; otherwise it was there.
    pub is_new: bool,
    /// Whether it became a comment, because its author may not judge the pull request.
    pub is_comment: bool,
}

/// The user of the token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct ForgeUser {
    /// The name, as authors of pull requests have it.
    pub(super) name: String,
    /// What authors of comments are compared with.
    pub(super) id: String,
}

/// Something that was said at a pull request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Said {
    /// Whose it is, as in [`ForgeUser::id`].
    pub(super) by: String,
    /// The text.
    pub(super) text: String,
}

impl ForgeReview {
    /// Returns the mark of the review: one for each head and verdict.
    pub(super) fn mark(&self) -> String {
        mark(&[&self.head.to_string(), self.verdict.word()])
    }

    /// Returns the mark of a remark of it.
    pub(super) fn mark_of(&self, remark: &ForgeRemark) -> String {
        let line = remark.line.to_string();
        mark(&[&self.head.to_string(), self.verdict.word(), &remark.file, &line, &remark.text])
    }

    /// Returns its text with its mark; remarks that no line takes are in it.
    pub(super) fn body(&self, also: &[&ForgeRemark]) -> String {
        let remarks: String = also
            .iter()
            .map(|one| format!("\n\n`{}:{}`: {}", one.file.replace('`', "'"), one.line, one.text))
            .collect();
        marked(&format!("{}{remarks}", self.text.trim()), &self.mark())
    }

    /// Returns the text of a remark with its mark.
    pub(super) fn body_of(&self, remark: &ForgeRemark) -> String {
        marked(remark.text.trim(), &self.mark_of(remark))
    }
}

impl ForgeVerdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::RequestChanges => "changes",
            Self::Comment => "comment",
        }
    }
}

/// A line that every forge's Markdown leaves out.
fn mark(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    format!("[//]: # (git orchestra: review {})", faster_hex::hex_string(&digest.finalize()[..12]))
}

fn marked(text: &str, mark: &str) -> String {
    // Nothing in a text may pass for a mark.
    format!("{}\n\n{mark}", text.replace("(git orchestra: review", "(git orchestra : review"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_of_one_head_and_verdict_and_no_text_contains_it() {
        let review = |verdict, text: &str| ForgeReview {
            verdict,
            text: text.into(),
            remarks: Vec::new(),
            base: Oid::EMPTY_TREE,
            head: Oid::EMPTY_TREE,
        };
        let (yes, no) = (review(ForgeVerdict::Approve, "a"), review(ForgeVerdict::RequestChanges, "a"));
        assert_ne!(yes.mark(), no.mark());
        assert_eq!(yes.mark(), review(ForgeVerdict::Approve, "b").mark());
        let tricked = review(ForgeVerdict::RequestChanges, &format!("a {}", yes.mark()));
        assert!(!tricked.body(&[]).contains(&yes.mark()) && tricked.body(&[]).contains(&no.mark()));
        let remark = ForgeRemark { file: "a`b".into(), line: 3, text: "why".into() };
        assert!(yes.body(&[&remark]).contains("\n\n`a'b:3`: why\n\n[//]: # "), "{}", yes.body(&[&remark]));
        assert_ne!(yes.mark_of(&remark), yes.mark());
    }
}
