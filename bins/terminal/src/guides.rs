//! Generates the manual pages that belong to no command, from Markdown: headings, paragraphs, `code` and fenced blocks.

use clap_mangen::roff::{Inline, Roff, bold, roman};

use crate::pages::{DATE, MANUAL, NOTE, SOURCE, tidy};

/// What a line of the Markdown is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    Paragraph,
    Code,
}

/// Returns a page as roff. The first line of the Markdown is `# NAME - SUMMARY`; `see_also` names the related pages.
pub fn man(markdown: &str, section: u8, see_also: &str) -> String {
    let (title, text) = markdown.split_once('\n').unwrap_or((markdown, ""));
    let (name, summary) = title.trim_start_matches("# ").split_once(" - ").unwrap_or((title, ""));
    let mut roff = Roff::new();
    roff.control("TH", [name.to_uppercase().as_str(), &section.to_string(), DATE, SOURCE, MANUAL]);
    roff.control("SH", ["NAME"]).text([roman(format!("{name} - {summary}"))]);
    roff.control("SH", ["SYNOPSIS"]).text([bold("git orchestra")]);
    roff.control("SH", ["DESCRIPTION"]);
    let mut part = Part::Paragraph;
    for line in text.lines() {
        part = match (part, line) {
            (Part::Paragraph, line) if line.starts_with("```") => {
                roff.control("PP", []).control("EX", []);
                Part::Code
            }
            (Part::Code, "```") => {
                roff.control("EE", []).control("PP", []);
                Part::Paragraph
            }
            (Part::Code, line) => {
                roff.text([roman(line)]);
                Part::Code
            }
            (Part::Paragraph, "") => {
                roff.control("PP", []);
                Part::Paragraph
            }
            (Part::Paragraph, line) => {
                match line.strip_prefix("## ") {
                    Some(heading) => roff.control("SH", [heading.to_uppercase().as_str()]),
                    None => roff.text(inlines(line)),
                };
                Part::Paragraph
            }
        };
    }
    roff.control("SH", ["SEE ALSO"]).text([roman(see_also)]);
    roff.control("SH", ["NOTES"]).text([roman(NOTE)]);
    without_needless_breaks(&tidy(&roff.to_roff()))
}

/// Returns the pieces of a line, with those between backquotes in bold.
fn inlines(line: &str) -> Vec<Inline> {
    let pieces = line.split('`').enumerate();
    pieces.map(|(at, piece)| if at % 2 == 1 { bold(piece) } else { roman(piece) }).collect()
}

/// Removes paragraph breaks before a heading, after one, and before another break, of which linters complain.
fn without_needless_breaks(roff: &str) -> String {
    let lines: Vec<&str> = roff.lines().collect();
    let is_needless = |at: usize| {
        let next = lines.get(at + 1).copied().unwrap_or(".SH");
        let before = lines[..at].last().copied().unwrap_or(".SH");
        lines[at] == ".PP" && (next.starts_with(".SH") || next == ".PP" || before.starts_with(".SH"))
    };
    (0..lines.len()).filter(|at| !is_needless(*at)).map(|at| format!("{}\n", lines[at])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_a_page() {
        let text =
            "# gitx-guide - a way\n\nUse `git x` first:\n\n```sh\n$ git x\n.hidden\n```\n\n## Then\n\nEnd.\n";
        let page = man(text, 7, "git(1)");
        for expected in [
            ".TH GITX-GUIDE 7 ",
            "gitx\\-guide \\- a way",
            ".SH DESCRIPTION\nUse \\fBgit x\\fR first:\n.PP\n.EX\n$ git x\n\\&.hidden\n.EE\n.SH THEN\nEnd.\n.SH \"SEE ALSO\"\ngit(1)\n",
        ] {
            assert!(page.contains(expected), "{expected}\nin\n{page}");
        }
    }
}
