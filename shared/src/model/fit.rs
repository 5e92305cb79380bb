//! Fits text into columns of a terminal. Terminals differ in how wide they draw a sequence of emoji; it counts as the widest, so that
//! what is said to fit does fit. Pure.

use unicode_width::UnicodeWidthChar;

/// Asks for the coloured form of the character before it, which is two columns wide.
const EMOJI_SELECTOR: char = '\u{fe0f}';

/// Returns how many columns a text takes.
pub fn width(text: &str) -> usize {
    ends(text).last().map_or(0, |(_, width)| width)
}

/// Cuts `text` to at most `columns`, with `…` at its end if anything was cut.
pub fn truncate(text: &str, columns: usize) -> String {
    match columns {
        _ if width(text) <= columns => text.to_owned(),
        0 => String::new(),
        _ => format!("{}…", text[..start_of(text, columns - 1)].trim_end()),
    }
}

/// Cuts `text` to at most `columns`, with `…` at its start if anything was cut.
pub fn keep_end(text: &str, columns: usize) -> String {
    match columns {
        _ if width(text) <= columns => text.to_owned(),
        0 => String::new(),
        _ => format!("…{}", &text[end_of(text, columns - 1)..]),
    }
}

/// Cuts `text` to at most `columns`, with `…` in its middle if anything was cut.
pub fn keep_ends(text: &str, columns: usize) -> String {
    if width(text) <= columns || columns == 0 {
        return truncate(text, columns);
    }
    let room = columns - 1;
    format!("{}…{}", &text[..start_of(text, room.div_ceil(2))], &text[end_of(text, room / 2)..])
}

/// Breaks `text` into lines of at most `columns`, between words where there are any. Nothing but the spaces at the breaks is lost. A
/// character that is wider than `columns` has its own line.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text.trim_end();
    while width(rest) > columns {
        let whole = match start_of(rest, columns) {
            0 => rest.chars().next().map_or(0, char::len_utf8),
            end => end,
        };
        let is_between_words = rest[whole..].starts_with(' ');
        let space = rest[..whole].rfind(' ').filter(|at| !rest[..*at].trim().is_empty());
        let end = if is_between_words { whole } else { space.unwrap_or(whole) };
        lines.push(rest[..end].trim_end().to_owned());
        rest = rest[end..].trim_start_matches(' ');
    }
    if !rest.is_empty() || lines.is_empty() {
        lines.push(rest.to_owned());
    }
    lines
}

/// Returns where each character ends, and how many columns the text takes up to there.
fn ends(text: &str) -> impl Iterator<Item = (usize, usize)> {
    // At the start of a text, the character before it is a space.
    let (mut sum, mut before) = (0, 1);
    text.char_indices().map(move |(at, c)| {
        let own = if c == EMOJI_SELECTOR { usize::from(before == 1) } else { c.width().unwrap_or(0) };
        sum += own;
        before = own;
        (at + c.len_utf8(), sum)
    })
}

/// Returns where the longest start of `text` ends that takes at most `columns`.
fn start_of(text: &str, columns: usize) -> usize {
    ends(text).take_while(|(_, width)| *width <= columns).last().map_or(0, |(end, _)| end)
}

/// Returns where the longest end of `text` begins that takes at most `columns`. It does not begin with a mark that belongs to the
/// character before it.
fn end_of(text: &str, columns: usize) -> usize {
    let total = width(text);
    let begins = std::iter::once((0, 0)).chain(ends(text)).zip(text.chars());
    let fits =
        |((_, before), c): &((usize, usize), char)| total - before <= columns && c.width().unwrap_or(0) > 0;
    begins.into_iter().find(fits).map_or(text.len(), |((at, _), _)| at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cuts_where_it_says() {
        for (columns, at_end, at_start, in_middle) in [
            (9, "add-tests", "add-tests", "add-tests"),
            (8, "add-tes…", "…d-tests", "add-…sts"),
            (3, "ad…", "…ts", "a…s"),
            (1, "…", "…", "…"),
            (0, "", "", ""),
        ] {
            let text = "add-tests";
            assert_eq!(
                (truncate(text, columns), keep_end(text, columns), keep_ends(text, columns)),
                (at_end.to_owned(), at_start.to_owned(), in_middle.to_owned())
            );
        }
        assert_eq!((width("日本"), width("e\u{301}"), width("\u{2764}\u{fe0f}")), (4, 1, 2));
        assert_eq!(keep_ends("日本日本日本", 7), "日…本");
    }

    #[test]
    fn wraps_between_words() {
        assert_eq!(wrap("git add . && git commit -m x", 12), ["git add . &&", "git commit", "-m x"]);
        assert_eq!(wrap("abcdefgh ij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("日本", 1), ["日", "本"]);
    }

    proptest! {
        #[test]
        fn nothing_is_wider_than_it_may_be(text in "[a-z é日\u{301}\u{2764}\u{fe0f}👩\\-]{0,40}", columns in 2usize..30) {
            for cut in [truncate(&text, columns), keep_end(&text, columns), keep_ends(&text, columns)] {
                prop_assert!(width(&cut) <= columns, "{cut:?}");
                prop_assert!(width(&text) > columns || cut == text);
            }
            let lines = wrap(&text, columns);
            prop_assert!(lines.iter().all(|line| width(line) <= columns), "{lines:?}");
            let letters = |text: &str| text.replace(' ', "");
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }
}
