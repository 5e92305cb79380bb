//! Places foreign Markdown inside Markdown of ours.

/// The deepest level of headings in Markdown.
const DEEPEST: usize = 6;

/// Lowers the headings of a text by so many levels, except in fenced code. A fence that is left open is
/// closed, since what follows would be inside it.
pub fn lower_headings(words: &str, levels: usize) -> String {
    let mut fence: Option<String> = None;
    let mut lines: Vec<String> = Vec::new();
    for line in words.lines() {
        match (&fence, mark(line)) {
            (None, Some(mark)) => fence = Some(mark.to_owned()),
            (Some(open), Some(mark)) if mark.starts_with(open.as_str()) && line.trim() == mark => {
                fence = None;
            }
            _ => {}
        }
        if fence.is_some() {
            lines.push(line.to_owned());
            continue;
        }
        let underlined = underlined(line).filter(|_| lines.last().is_some_and(|before| is_paragraph(before)));
        match (underlined, lines.last_mut()) {
            (Some(level), Some(before)) => *before = heading(level + levels, before.trim()),
            _ => lines.push(lowered(line, levels)),
        }
    }
    lines.extend(fence);
    lines.join("\n")
}

/// Returns the text in a fence that is longer than any fence within it.
pub fn fenced(language: &str, words: &str) -> String {
    let longest =
        words.lines().map(|line| line.trim_start().bytes().take_while(|b| *b == b'`').count()).max();
    let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
    format!("{fence}{language}\n{words}\n{fence}\n")
}

/// Indents the lines so that they belong to a list entry.
pub fn indented(words: &str) -> String {
    words.lines().map(|line| format!("  {line}\n")).collect()
}

fn heading(level: usize, words: &str) -> String {
    format!("{} {words}", "#".repeat(level.min(DEEPEST)))
}

fn lowered(line: &str, levels: usize) -> String {
    let inner = line.trim_start_matches(' ');
    let level = inner.bytes().take_while(|byte| *byte == b'#').count();
    let rest = &inner[level..];
    let is_heading = line.len() - inner.len() < 4
        && (1..=DEEPEST).contains(&level)
        && (rest.is_empty() || rest.starts_with([' ', '\t']));
    if is_heading {
        heading(level + levels, rest.trim_start()).trim_end().to_owned()
    } else {
        line.to_owned()
    }
}

/// Returns the backquotes or tildes that begin or end a fence.
fn mark(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let of = |byte: char| Some(&line[..line.len() - line.trim_start_matches(byte).len()]);
    ['`', '~'].into_iter().filter_map(of).find(|mark| mark.len() >= 3)
}

/// Returns the level of the heading that an underline makes of the line before it.
fn underlined(line: &str) -> Option<usize> {
    let of = |byte: char| line.trim().len() > 1 && line.trim().chars().all(|c| c == byte);
    if of('=') { Some(1) } else { of('-').then_some(2) }
}

/// Whether a line is part of a paragraph, which an underline below it can turn into a heading.
fn is_paragraph(line: &str) -> bool {
    let begins = |marks: &[&str]| marks.iter().any(|mark| line.trim_start().starts_with(mark));
    !line.trim().is_empty()
        && !begins(&["#", ">", "- ", "* ", "+ ", "|", "```", "~~~"])
        && !line.starts_with("    ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_lowered_and_fences_closed() {
        for (words, expected) in [
            ("# a\ntext\n## b", "### a\ntext\n#### b"),
            ("##### deep\n###### deeper", "###### deep\n###### deeper"),
            ("#no heading\n    # code", "#no heading\n    # code"),
            ("  # indented\n#", "### indented\n###"),
            ("A title\n=====\nA part\n---\ntext", "### A title\n#### A part\ntext"),
            ("- entry\n---\n\n---\n| a |\n---", "- entry\n---\n\n---\n| a |\n---"),
            ("```sh\n# a comment\n```\n# b", "```sh\n# a comment\n```\n### b"),
            ("````\n```\n# in it\n```\n````\n# b", "````\n```\n# in it\n```\n````\n### b"),
            ("```\n# cut off", "```\n# cut off\n```"),
            ("~~~\n```\n# in it", "~~~\n```\n# in it\n~~~"),
        ] {
            assert_eq!(lower_headings(words, 2), expected, "{words}");
        }
        assert_eq!(fenced("diff", "-`\n```"), "````diff\n-`\n```\n````\n");
    }
}
