//! Draws what a terminal shows as an SVG image.

use std::fmt::Write as _;

/// The sizes in pixels.
const COLUMN: f64 = 8.4;
const LINE: usize = 20;
const FONT: usize = 14;
const MARGIN: usize = 16;
const TITLE_BAR: usize = 32;
/// Where a line is divided.
const GAP: &str = "  ";

const BACKGROUND: &str = "#161b22";
const FOREGROUND: &str = "#d0d7de";
/// The eight colours of a terminal, and their bright forms.
const COLOURS: [&str; 16] = [
    "#484f58", "#ff7b72", "#7ee787", "#e3b341", "#79c0ff", "#d2a8ff", "#76e3ea", "#d0d7de", "#6e7681",
    "#ffa198", "#a5f3b0", "#f2cc60", "#a5d6ff", "#e2c5ff", "#b3f0ff", "#ffffff",
];

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Look {
    colour: Option<usize>,
    is_bold: bool,
    is_faint: bool,
}

/// A piece of a line in one look, with the column at which it begins.
#[derive(Debug, Eq, PartialEq)]
struct Span {
    column: usize,
    look: Look,
    text: String,
}

/// Draws the lines of a terminal, in which colours are escape sequences, below a title.
pub fn svg(title: &str, lines: &str) -> String {
    let mut look = Look::default();
    let lines: Vec<Vec<Span>> = lines.lines().map(|line| spans(line, &mut look)).collect();
    let columns = lines.iter().filter_map(|line| line.last()).map(Span::end).max().unwrap_or(0);
    let width = pixels(columns) + 2.0 * MARGIN as f64;
    let height = TITLE_BAR + lines.len() * LINE + MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height}\" viewBox=\"0 0 {width:.0} {height}\" role=\"img\">\n\
         <title>{}</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n",
        escaped(title)
    );
    for (at, colour) in ["#ff5f56", "#ffbd2e", "#27c93f"].iter().enumerate() {
        let _ =
            writeln!(out, "<circle cx=\"{}\" cy=\"{MARGIN}\" r=\"5\" fill=\"{colour}\"/>", MARGIN + at * 18);
    }
    let _ = writeln!(
        out,
        "<g font-family=\"ui-monospace, Menlo, Consolas, monospace\" font-size=\"{FONT}\" fill=\"{FOREGROUND}\">"
    );
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        let _ = write!(out, "<text y=\"{}\">", TITLE_BAR + at * LINE + FONT);
        line.iter().for_each(|span| span.draw(&mut out));
        out.push_str("</text>\n");
    }
    out.push_str("</g>\n</svg>\n");
    out
}

/// Returns the text of a picture, with single spaces, one line for each line of the terminal that has some.
pub fn text_of_svg(svg: &str) -> String {
    let mut out = String::new();
    for line in svg.lines().filter(|line| line.starts_with("<text")) {
        let pieces = line.split('<').filter_map(|piece| piece.split_once('>')).map(|(_, text)| text);
        let text = pieces.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ");
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        out += &format!("{text}\n");
    }
    out
}

impl Span {
    fn end(&self) -> usize {
        self.column + self.text.chars().count()
    }

    /// Draws it, each part between wide gaps with its exact place and width, so that columns are aligned in every font.
    fn draw(&self, out: &mut String) {
        let mut column = self.column;
        for part in self.text.split(GAP) {
            let word = part.trim_start();
            let begins = column + part.chars().count() - word.chars().count();
            column += part.chars().count() + GAP.len();
            if word.is_empty() {
                continue;
            }
            let (x, width) = (MARGIN as f64 + pixels(begins), pixels(word.trim_end().chars().count()));
            let _ = write!(out, "<tspan x=\"{x:.1}\" textLength=\"{width:.1}\"");
            if let Some(colour) = self.look.colour {
                let _ = write!(out, " fill=\"{}\"", COLOURS[colour]);
            }
            if self.look.is_bold {
                out.push_str(" font-weight=\"bold\"");
            }
            if self.look.is_faint {
                out.push_str(" opacity=\"0.65\"");
            }
            let _ = write!(out, ">{}</tspan>", escaped(word.trim_end()));
        }
    }
}

fn pixels(columns: usize) -> f64 {
    columns as f64 * COLUMN
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Divides a line where its look changes. The look continues in the next line.
fn spans(line: &str, look: &mut Look) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut column = 0;
    for (at, piece) in line.split("\u{1b}[").enumerate() {
        let text = match piece.split_once('m').filter(|_| at > 0) {
            Some((codes, text)) => {
                look.change(codes);
                text
            }
            None => piece,
        };
        let text = if text.trim().is_empty() { "" } else { text };
        let begins = column;
        column += piece_width(piece, at);
        if text.is_empty() {
            continue;
        }
        match spans.last_mut() {
            Some(last) if last.look == *look && last.end() == begins => last.text += text,
            _ => spans.push(Span { column: begins, look: *look, text: text.to_owned() }),
        }
    }
    spans
}

fn piece_width(piece: &str, at: usize) -> usize {
    let text = piece.split_once('m').filter(|_| at > 0).map_or(piece, |(_, text)| text);
    text.chars().count()
}

impl Look {
    /// Applies the codes of one escape sequence; those of which a picture shows nothing are ignored.
    fn change(&mut self, codes: &str) {
        let mut codes = codes.split(';').map(|code| code.parse::<usize>().unwrap_or(0));
        while let Some(code) = codes.next() {
            match code {
                0 => *self = Self::default(),
                1 => self.is_bold = true,
                2 => self.is_faint = true,
                22 => (self.is_bold, self.is_faint) = (false, false),
                30..=37 => self.colour = Some(code - 30),
                90..=97 => self.colour = Some(code - 82),
                39 => self.colour = None,
                // A colour by its number in a palette of 256.
                38 | 48 if codes.next() == Some(5) => {
                    let number = codes.next().filter(|number| code == 38 && *number < COLOURS.len());
                    self.colour = number.or(self.colour);
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_divided_where_its_look_changes() {
        let mut look = Look::default();
        let good = Look { colour: Some(2), ..Look::default() };
        let span = |column, look, text: &str| Span { column, look, text: text.to_owned() };
        assert_eq!(
            spans("a \u{1b}[32mgood\u{1b}[39m   end", &mut look),
            [span(0, Look::default(), "a "), span(2, good, "good"), span(6, Look::default(), "   end")]
        );
        let bold = Look { is_bold: true, colour: Some(9), ..Look::default() };
        assert_eq!(spans("\u{1b}[1;91mopen", &mut look), [span(0, bold, "open")]);
        assert_eq!(spans("still\u{1b}[0m", &mut look), [span(0, bold, "still")]);
        assert_eq!(look, Look::default());
        assert_eq!(spans("\u{1b}[38;5;2mdone\u{1b}[m", &mut look), [span(0, good, "done")]);
    }

    #[test]
    fn a_picture_contains_its_text() {
        let picture = svg("A run", "$ echo '<&>'\n\n\u{1b}[32m<&>\u{1b}[39m   done\n");
        assert_eq!(text_of_svg(&picture), "$ echo '<&>'\n<&> done\n");
        assert!(picture.contains("fill=\"#7ee787\"") && picture.contains("<title>A run</title>"));
    }
}
