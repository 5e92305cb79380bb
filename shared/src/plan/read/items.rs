//! The items of Markdown lists.

/// An item at the left margin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Item<'a> {
    /// The line, counted from 1.
    pub(super) line: usize,
    /// Whether its box is ticked; `None` without a box.
    pub(super) ticked: Option<bool>,
    /// Whether the box is followed by a star: an optional task.
    pub(super) optional: bool,
    /// Its text on that line.
    pub(super) text: &'a str,
}

/// A part of a Markdown file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part<'a> {
    /// A heading: its depth and its text.
    Heading(usize, &'a str),
    /// An item of a list at the left margin.
    Item(Item<'a>),
    /// A line that belongs to the item before it: indented, or blank.
    More(&'a str),
    /// A line of text at the left margin.
    Text(&'a str),
    /// A line of code, of a comment, or a fence.
    Other,
}

/// Returns the parts of a file, a line each. Lines inside comments and fenced code at the left margin are none of a list.
pub(super) fn parts(file: &str) -> impl Iterator<Item = (usize, Part<'_>)> {
    let (mut fence, mut comment) = (None, false);
    (1..).zip(file.lines()).map(move |(number, line)| {
        if let Some(mark) = fence {
            if line.starts_with(mark) {
                fence = None;
            }
            return (number, Part::Other);
        }
        if comment {
            comment = !line.contains("-->");
            return (number, Part::Other);
        }
        fence = ["```", "~~~"].into_iter().find(|mark| line.starts_with(mark));
        if line.starts_with("<!--") {
            comment = !line.contains("-->");
        }
        let part = if fence.is_some() || line.starts_with("<!--") {
            Part::Other
        } else if let Some(heading) = heading(line) {
            heading
        } else if let Some(item) = item(number, line) {
            Part::Item(item)
        } else if line.trim().is_empty() || line.starts_with([' ', '\t']) {
            Part::More(line)
        } else {
            Part::Text(line)
        };
        (number, part)
    })
}

/// Returns the items at the left margin.
pub(super) fn at_margin(file: &str) -> impl Iterator<Item = Item<'_>> {
    parts(file).filter_map(|(_, part)| match part {
        Part::Item(item) => Some(item),
        _ => None,
    })
}

/// Returns the item that a line begins, indented or not.
pub(super) fn item(number: usize, line: &str) -> Option<Item<'_>> {
    let bullet = ["- ", "* ", "+ "].iter().find_map(|bullet| line.strip_prefix(bullet));
    let rest = bullet.or_else(|| numbered(line))?.trim_start();
    let boxes = [("[ ]", false), ("[x]", true), ("[X]", true), ("[~]", false), ("[-]", false)];
    let boxed = boxes.iter().find_map(|(mark, ticked)| Some((*ticked, rest.strip_prefix(mark)?)));
    let Some((ticked, text)) = boxed else {
        return Some(Item { line: number, ticked: None, optional: false, text: rest.trim() });
    };
    let starred = text.strip_prefix('*');
    let text = starred.unwrap_or(text);
    let is_box = text.is_empty() || text.starts_with([' ', '\t']);
    is_box.then(|| Item {
        line: number,
        ticked: Some(ticked),
        optional: starred.is_some(),
        text: text.trim(),
    })
}

fn numbered(line: &str) -> Option<&str> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &line[digits..];
    (1..=3).contains(&digits).then(|| rest.strip_prefix(". ").or_else(|| rest.strip_prefix(") "))).flatten()
}

fn heading(line: &str) -> Option<Part<'_>> {
    let depth = line.bytes().take_while(|byte| *byte == b'#').count();
    let said = line[depth..].strip_prefix(' ')?;
    (1..=6).contains(&depth).then(|| Part::Heading(depth, said.trim().trim_end_matches('#').trim_end()))
}

/// Removes the indentation that all lines of a text have in common, and blank lines at both ends.
pub(super) fn dedent<'a>(lines: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let common =
        lines.clone().into_iter().filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or(0);
    let cut: Vec<&str> = lines.into_iter().map(|line| line.get(common..).unwrap_or("").trim_end()).collect();
    let begin = cut.iter().position(|line| !line.is_empty()).unwrap_or(cut.len());
    let end = cut.iter().rposition(|line| !line.is_empty()).map_or(begin, |last| last + 1);
    cut[begin..end].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_items_headings_or_more_of_them() {
        let of = |line: &'static str| parts(line).next().map(|(_, part)| part);
        let item = |ticked, optional, text| Some(Part::Item(Item { line: 1, ticked, optional, text }));
        for (line, part) in [
            ("- [ ] a", item(Some(false), false, "a")),
            ("- [x] a b ", item(Some(true), false, "a b")),
            ("* [X] a", item(Some(true), false, "a")),
            ("- [ ]* 1.2 a", item(Some(false), true, "1.2 a")),
            ("1. a", item(None, false, "a")),
            ("+ a", item(None, false, "a")),
            ("- [link](x)", item(None, false, "[link](x)")),
            ("- [x](y)", Some(Part::Text("- [x](y)"))),
            ("## Phase 1: Setup ##", Some(Part::Heading(2, "Phase 1: Setup"))),
            ("#5 is an issue", Some(Part::Text("#5 is an issue"))),
            ("  - [ ] sub", Some(Part::More("  - [ ] sub"))),
            ("", None),
            ("2026. is", Some(Part::Text("2026. is"))),
        ] {
            assert_eq!(of(line), part, "{line}");
        }
    }

    #[test]
    fn code_and_comments_hold_no_items() {
        let file = "- a\n```\n- no\n```\n<!-- - no\n- no\n-->\n- b\n<!-- x -->\n- c\n";
        let found: Vec<(usize, &str)> = at_margin(file).map(|item| (item.line, item.text)).collect();
        assert_eq!(found, [(1, "a"), (8, "b"), (10, "c")]);
    }

    #[test]
    fn text_loses_its_common_indentation() {
        assert_eq!(dedent(["", "    a", "      b", "", "    c", ""]), "a\n  b\n\nc");
        assert_eq!(dedent([]), "");
    }
}
