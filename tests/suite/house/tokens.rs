//! Splits Rust source into tokens, without comments and the contents of literals.

/// A token, and its line, counted from 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    pub(super) line: usize,
}

/// Returns the tokens of a source. A literal is one token: its opening quote.
pub(super) fn tokens(source: &str) -> Vec<Token<'_>> {
    let (mut found, mut at, mut line) = (Vec::new(), 0, 1);
    while let Some(first) = source[at..].chars().next() {
        let length = length(&source[at..], first);
        let text = &source[at..at + length];
        match first {
            _ if first.is_whitespace() || text.starts_with("//") || text.starts_with("/*") => {}
            '"' => found.push(Token { text: &text[..1], line }),
            _ if is_literal(text) => found.push(Token { text: &text[..1], line }),
            _ => found.push(Token { text, line }),
        }
        line += text.matches('\n').count();
        at += length;
    }
    found
}

fn is_literal(text: &str) -> bool {
    text.ends_with(['"', '#', '\'']) && text.len() > 1
}

fn length(rest: &str, first: char) -> usize {
    let end_of = |mark: &str| rest.find(mark).map_or(rest.len(), |at| at + mark.len());
    match first {
        '/' if rest.starts_with("//") => end_of("\n") - usize::from(rest.contains('\n')),
        '/' if rest.starts_with("/*") => end_of("*/"),
        ':' if rest.starts_with("::") => 2,
        '"' => 1 + quoted(&rest[1..], '"'),
        '\'' => character(rest),
        'r' | 'b' | 'c' => prefixed(rest).unwrap_or_else(|| word(rest)),
        _ if is_word(first) => word(rest),
        _ => first.len_utf8(),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn word(rest: &str) -> usize {
    rest.find(|c: char| !is_word(c)).unwrap_or(rest.len())
}

/// Returns the length up to and including the closing quote.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Returns the length of a character literal, or of the quote alone where a lifetime begins.
fn character(rest: &str) -> usize {
    let mut chars = rest[1..].chars();
    match (chars.next(), chars.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => 1 + quoted(&rest[1..], '\''),
        _ => 1,
    }
}

/// Returns the length of a string or character literal with a prefix of `r`, `b`, `c` or two of them.
fn prefixed(rest: &str) -> Option<usize> {
    let prefix = rest.find(|c| !matches!(c, 'r' | 'b' | 'c'))?;
    let (letters, body) = rest.split_at_checked(prefix).filter(|(letters, _)| letters.len() < 3)?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let inner = body[hashes..].strip_prefix('"');
    match inner {
        Some(inner) if letters.contains('r') => {
            let end = format!("\"{}", "#".repeat(hashes));
            Some(prefix + hashes + 1 + inner.find(&end)? + end.len())
        }
        Some(inner) if hashes == 0 => Some(prefix + 1 + quoted(inner, '"')),
        _ if letters == "b" && body.starts_with('\'') => Some(1 + character(body)),
        _ => None,
    }
}

/// Returns the tokens of the code that users run: items under `#[cfg(test)]` are left out.
pub(super) fn without_tests<'a>(all: &[Token<'a>]) -> Vec<Token<'a>> {
    const TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < all.len() {
        if all[at..].iter().map(|token| token.text).take(TEST.len()).eq(TEST) {
            at = end_of_item(all, at + TEST.len());
        } else {
            kept.push(all[at]);
            at += 1;
        }
    }
    kept
}

/// Returns the position after the item that begins here: after its `;`, or after the bracket that closes
/// its body.
fn end_of_item(all: &[Token<'_>], from: usize) -> usize {
    let is_use = all[from..].iter().take(3).any(|token| token.text == "use");
    let mut depth = 0;
    for (at, token) in all.iter().enumerate().skip(from) {
        match token.text {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth -= 1,
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
        if depth == 0 && token.text == "}" && !is_use {
            return at + 1;
        }
    }
    all.len()
}

/// Returns the name, the first line and the number of lines of each function.
pub(super) fn functions<'a>(all: &[Token<'a>]) -> Vec<(&'a str, usize, usize)> {
    let mut found = Vec::new();
    for (at, token) in all.iter().enumerate().filter(|(_, token)| token.text == "fn") {
        let Some(name) = all.get(at + 1).filter(|name| name.text.starts_with(is_word)) else { continue };
        let Some(body) = body_of(all, at) else { continue };
        let end = end_of_item(all, body);
        found.push((name.text, token.line, all[end - 1].line + 1 - token.line));
    }
    found
}

/// Returns the position of the body of the function whose `fn` is here; a function of a trait may have
/// none.
fn body_of(all: &[Token<'_>], from: usize) -> Option<usize> {
    let mut depth = 0;
    for (at, token) in all.iter().enumerate().skip(from) {
        match token.text {
            "(" | "[" => depth += 1,
            ")" | "]" => depth -= 1,
            "{" if depth == 0 => return Some(at),
            ";" if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

#[test]
fn tokens_are_words_and_signs() {
    let source =
        "use a::{b, c}; // no\nfn f<'a>(x: &'a str) -> char { r#\"\"x\"#; b\"\\\"\"; '\\''; /* { */ 'x' }";
    let texts: Vec<&str> = tokens(source).iter().map(|token| token.text).collect();
    let expected = "use a :: { b , c } ; fn f < ' a > ( x : & ' a str ) - > char { r ; b ; ' ; ' }";
    assert_eq!(texts.join(" "), expected);
    assert_eq!(functions(&tokens(source)), [("f", 2, 1)]);
    let tested = tokens("a; #[cfg(test)] use b::{c}; #[cfg(test)] mod tests { fn d() {} } e");
    let kept: Vec<&str> = without_tests(&tested).iter().map(|token| token.text).collect();
    assert_eq!(kept, ["a", ";", "e"]);
}
