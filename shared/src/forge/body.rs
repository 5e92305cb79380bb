//! Our part of the text of a pull request. What people wrote around it stays theirs. Pure.

const BEGIN: &str = "<!-- git orchestra: this part is written again by 'git orchestra pr' -->";
const END: &str = "<!-- git orchestra: end -->";

/// Returns whether a text has a part of ours.
pub fn has_our_part(text: &str) -> bool {
    bounds(text).is_some()
}

/// Returns a text with our part replaced by `ours`. A text without one becomes it if it is empty, and stays as it is otherwise: its author
/// took it out.
pub fn with_our_part(text: &str, ours: &str) -> String {
    // Nothing in our part may end it early.
    let ours = ours.replace("<!-- git orchestra", "<! -- git orchestra");
    let part = format!("{BEGIN}\n{}\n{END}", ours.trim_end());
    match bounds(text) {
        Some((from, to)) => format!("{}{part}{}", &text[..from], &text[to..]),
        None if text.trim().is_empty() => part,
        None => text.to_owned(),
    }
}

fn bounds(text: &str) -> Option<(usize, usize)> {
    let from = text.find(BEGIN)?;
    let to = from + text[from..].find(END)? + END.len();
    Some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_stays() {
        let first = with_our_part("", "one");
        assert!(has_our_part(&first) && first.contains("\none\n"));
        let edited = format!("Hello.\n\n{first}\n\nPlease look at x.");
        let second = with_our_part(&edited, "two");
        assert!(second.starts_with("Hello.\n\n") && second.ends_with("\n\nPlease look at x."), "{second}");
        assert!(second.contains("\ntwo\n") && !second.contains("\none\n"), "{second}");
        assert_eq!(with_our_part("written by hand", "two"), "written by hand");
        assert_eq!(with_our_part(&second, "two"), second);
    }

    #[test]
    fn our_part_cannot_end_itself() {
        let text = with_our_part("", &format!("a {END} b"));
        assert_eq!(with_our_part(&text, "c"), with_our_part("", "c"));
    }
}
