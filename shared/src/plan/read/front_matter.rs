//! The values between two lines `---` at the beginning of a file.

use crate::{Code, Error, Result};

/// The newest version of the format.
pub(in crate::plan) const VERSION: u32 = 1;
/// The key of the version.
pub(in crate::plan) const VERSION_KEY: &str = "orchestra-plan";

/// The values that a plan can have there.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct FrontMatter {
    pub(super) title: Option<String>,
    pub(super) into: Option<String>,
    pub(super) check: Option<String>,
    pub(super) review: Option<String>,
    /// How many lines it has; 0 if there is none.
    pub(super) lines: usize,
}

/// Reads it. Keys that are not ours are the user's.
///
/// # Errors
/// A newer version of git orchestra wrote the plan.
pub(super) fn read(file: &str) -> Result<FrontMatter> {
    let mut lines = (1..).zip(file.lines());
    let mut found = FrontMatter::default();
    if lines.next().is_none_or(|(_, first)| first.trim_end() != "---") {
        return Ok(found);
    }
    for (number, line) in lines {
        if line.trim_end() == "---" {
            return Ok(FrontMatter { lines: number, ..found });
        }
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = unquoted(value.trim());
        let said = (!value.is_empty()).then(|| value.to_owned());
        match key.trim() {
            VERSION_KEY if value.parse::<u32>().is_ok_and(|version| version > VERSION) => {
                return Err(Error::new(
                    Code::PlanInvalid,
                    format!("the plan has version {value}; this git orchestra knows version {VERSION}"),
                ));
            }
            "title" => found.title = said,
            "into" => found.into = said,
            "check" => found.check = said,
            "review" => found.review = said,
            _ => {}
        }
    }
    // It does not end: a file that begins with a rule.
    Ok(FrontMatter::default())
}

fn unquoted(value: &str) -> &str {
    ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_closed_front_matter_counts() {
        let found = read(
            "---\norchestra-plan: 1\ninto: main\ncheck: 'make: all'\nreview: claude\nmine: x\n---\n- a\n",
        )
        .unwrap();
        assert_eq!(found.review.as_deref(), Some("claude"));
        assert_eq!(
            (found.into.as_deref(), found.check.as_deref(), found.lines),
            (Some("main"), Some("make: all"), 7)
        );
        for none in ["", "- a\n", "---\n- a\n", "text\n---\ninto: x\n---\n"] {
            assert_eq!(read(none).unwrap(), FrontMatter::default(), "{none}");
        }
        assert!(read("---\norchestra-plan: 2\n---\n").is_err());
    }
}
