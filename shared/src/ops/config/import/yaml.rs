//! A reader for the part of YAML that settings files use: block mappings and sequences, plain and quoted values, lists in brackets on
//! one line, and text blocks. Everything else is refused with its line, rather than read in another way than its author meant.

use serde_json::{Map, Value};

/// Maximum depth of nesting.
const MAX_DEPTH: usize = 20;

/// Something that is not read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Unread {
    /// The number of the line, counted from 1.
    pub(super) line: usize,
    /// What is there.
    pub(super) why: &'static str,
}

/// Parses a file.
///
/// # Errors
/// It contains something that is not read.
pub(super) fn parse(text: &str) -> Result<Value, Unread> {
    let mut parser = Parser { lines: text.lines().map(str::to_owned).collect(), at: 0 };
    if parser.lines.first().is_some_and(|first| first.trim_end() == "---") {
        parser.at = 1;
    }
    let Some(first) = parser.peek()? else { return Ok(Value::Null) };
    let value = parser.block(first.indent, 0)?;
    match parser.peek()? {
        None => Ok(value),
        Some(line) => Err(Unread { line: line.number, why: "its indentation belongs to nothing above" }),
    }
}

/// The next line with content.
struct Line {
    number: usize,
    indent: usize,
    /// Without indentation and comment.
    text: String,
}

struct Parser {
    lines: Vec<String>,
    at: usize,
}

impl Parser {
    fn unread<T>(&self, why: &'static str) -> Result<T, Unread> {
        Err(Unread { line: self.at + 1, why })
    }

    /// Skips blank lines and comments, and returns the next line without consuming it.
    fn peek(&mut self) -> Result<Option<Line>, Unread> {
        while let Some(line) = self.lines.get(self.at) {
            let text = line.trim_start_matches(' ');
            if text.starts_with('\t') && !text.trim().is_empty() {
                return self.unread("a tab in the indentation");
            }
            if !text.trim().is_empty() && !text.starts_with('#') {
                let indent = line.len() - text.len();
                let marker = ["---", "...", "%"].iter().any(|marker| text.starts_with(marker));
                if indent == 0 && marker {
                    return self.unread("a second document, or a directive");
                }
                let text = without_comment(text).trim_end().to_owned();
                return Ok(Some(Line { number: self.at + 1, indent, text }));
            }
            self.at += 1;
        }
        Ok(None)
    }

    /// Parses the mapping or sequence whose lines have this indentation.
    fn block(&mut self, indent: usize, depth: usize) -> Result<Value, Unread> {
        if depth > MAX_DEPTH {
            return self.unread("it is nested too deeply");
        }
        match self.peek()? {
            Some(line) if is_item(&line.text) => self.sequence(indent, depth),
            _ => self.mapping(indent, depth),
        }
    }

    fn mapping(&mut self, indent: usize, depth: usize) -> Result<Value, Unread> {
        let mut map = Map::new();
        while let Some(line) = self.peek()?.filter(|line| line.indent >= indent) {
            if line.indent > indent {
                return self
                    .unread("a value over several lines, or an indentation that belongs to nothing above");
            }
            if is_item(&line.text) {
                return self.unread("an item of a list between keys");
            }
            let Some((key, rest)) = key_of(&line.text) else { return self.unread("no key and colon") };
            let key = match scalar(key) {
                Ok(Value::String(key)) if key != "<<" => key,
                Ok(Value::Number(key)) => key.to_string(),
                _ => return self.unread("a key that is not a word"),
            };
            let value = self.value(rest, indent, depth, true)?;
            if map.insert(key, value).is_some() {
                return Err(Unread { line: line.number, why: "a key that is there twice" });
            }
        }
        Ok(Value::Object(map))
    }

    fn sequence(&mut self, indent: usize, depth: usize) -> Result<Value, Unread> {
        let mut items = Vec::new();
        while let Some(line) = self.peek()?.filter(|line| line.indent == indent && is_item(&line.text)) {
            let rest = line.text[1..].trim_start();
            if !rest.is_empty() && (is_item(rest) || key_of(rest).is_some()) {
                // What follows the dash is a block, as if it were on a line of its own.
                let inner = indent + line.text.len() - rest.len();
                self.lines[self.at].replace_range(..inner, &" ".repeat(inner));
                items.push(self.block(inner, depth + 1)?);
            } else {
                items.push(self.value(rest, indent, depth, false)?);
            }
        }
        if self.peek()?.is_some_and(|line| line.indent > indent) {
            return self
                .unread("a value over several lines, or an indentation that belongs to nothing above");
        }
        Ok(Value::Array(items))
    }

    /// Parses what follows a key or a dash, and consumes its line.
    fn value(&mut self, rest: &str, indent: usize, depth: usize, of_key: bool) -> Result<Value, Unread> {
        if rest.starts_with(['|', '>']) {
            return self.text_block(rest, indent);
        }
        if !rest.is_empty() {
            let value = scalar(rest).or_else(|why| self.unread(why))?;
            self.at += 1;
            return Ok(value);
        }
        self.at += 1;
        match self.peek()? {
            Some(next) if next.indent > indent => self.block(next.indent, depth + 1),
            Some(next) if of_key && next.indent == indent && is_item(&next.text) => {
                self.sequence(indent, depth + 1)
            }
            _ => Ok(Value::Null),
        }
    }

    /// Parses a text block: `|` keeps its lines, `>` joins them.
    fn text_block(&mut self, header: &str, indent: usize) -> Result<Value, Unread> {
        let (is_folded, keeps_end) = match header {
            "|" => (false, true),
            "|-" => (false, false),
            ">" => (true, true),
            ">-" => (true, false),
            _ => return self.unread("a text block of an unusual form"),
        };
        self.at += 1;
        let mut lines: Vec<String> = Vec::new();
        let mut inner = None;
        while let Some(line) = self.lines.get(self.at) {
            let text = line.trim_start_matches(' ');
            let own = line.len() - text.len();
            if text.trim().is_empty() {
                lines.push(String::new());
            } else if own <= indent {
                break;
            } else {
                let inner = *inner.get_or_insert(own);
                if own < inner || text.starts_with('\t') || is_folded && own > inner {
                    return self.unread("a text block with uneven indentation");
                }
                lines.push(line[inner..].to_owned());
            }
            self.at += 1;
        }
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        let mut text = if is_folded { folded(&lines) } else { lines.join("\n") };
        if keeps_end && !text.is_empty() {
            text.push('\n');
        }
        Ok(Value::String(text))
    }
}

/// Joins lines with spaces; empty lines become line breaks.
fn folded(lines: &[String]) -> String {
    let mut text = String::new();
    let mut breaks = 0;
    for line in lines {
        if line.is_empty() {
            breaks += 1;
            continue;
        }
        if breaks > 0 {
            text.push_str(&"\n".repeat(breaks));
        } else if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(line);
        breaks = 0;
    }
    text
}

fn is_item(text: &str) -> bool {
    text == "-" || text.starts_with("- ")
}

/// Returns the text before a comment, which begins with ` #` outside quotes.
fn without_comment(text: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match quote {
            None if c == '#' && before.is_whitespace() => return &text[..at],
            // A quote begins a quoted text only at the beginning of a word.
            None if matches!(c, '"' | '\'') && matches!(before, ' ' | '[' | ',') => quote = Some(c),
            Some('"') if before == '\\' && c == '\\' => {
                before = ' ';
                continue;
            }
            Some(open) if c == open && !(open == '"' && before == '\\') => quote = None,
            _ => {}
        }
        before = c;
    }
    text
}

/// Splits a line at the colon after its key.
fn key_of(text: &str) -> Option<(&str, &str)> {
    let end = match text.chars().next()? {
        quote @ ('"' | '\'') => 2 + text[1..].find(quote)?,
        '[' | '{' | '?' => return None,
        _ => match text.find(": ") {
            Some(at) => at,
            None => text.len() - usize::from(text.ends_with(':')),
        },
    };
    let (key, rest) = text.split_at(end);
    let rest = rest.strip_prefix(':')?;
    (rest.is_empty() || rest.starts_with(' ')).then(|| (key.trim_end(), rest.trim()))
}

/// Parses a value on one line. The error completes the sentence "line 3: …".
fn scalar(text: &str) -> Result<Value, &'static str> {
    match text.chars().next() {
        None => Ok(Value::Null),
        Some('"' | '\'') => match quoted(text)? {
            (value, "") => Ok(Value::String(value)),
            _ => Err("something after a quoted value"),
        },
        Some('[') => list(text),
        Some('{') if text == "{}" => Ok(Value::Object(Map::new())),
        Some('{') => Err("a mapping in braces"),
        Some('&' | '*' | '!' | '|' | '>' | '%' | '@' | '`' | '?' | ']' | '}' | ',') => {
            Err("an anchor, an alias, a tag, or another special form")
        }
        _ if text.contains(": ") || text.ends_with(':') => Err("a colon in a value without quotes"),
        _ => plain(text),
    }
}

fn plain(text: &str) -> Result<Value, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "~" | "null" => return Ok(Value::Null),
        "true" => return Ok(Value::Bool(true)),
        "false" => return Ok(Value::Bool(false)),
        "yes" | "no" | "on" | "off" | "y" | "n" => {
            return Err("a word that programs read differently: write true or false, or quote it");
        }
        _ => {}
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit());
    if is_number && digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.") {
        return Err("a number that begins with 0");
    }
    if is_number && let Ok(number) = text.parse::<i64>() {
        return Ok(number.into());
    }
    if is_number && let Ok(number) = text.parse::<f64>() {
        return Ok(serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number));
    }
    Ok(Value::String(text.to_owned()))
}

/// Parses a list in brackets, whose items are values without brackets.
fn list(text: &str) -> Result<Value, &'static str> {
    let mut rest = text[1..].trim_start();
    let mut items = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix(']') {
            return if after.is_empty() {
                Ok(Value::Array(items))
            } else {
                Err("something after a list in brackets")
            };
        }
        if rest.starts_with(['[', '{']) {
            return Err("a list or mapping within a list in brackets");
        }
        let (item, after) = if rest.starts_with(['"', '\'']) {
            let (value, after) = quoted(rest)?;
            (Value::String(value), after)
        } else {
            let end = rest.find([',', ']']).ok_or("a list in brackets over several lines")?;
            let item = rest[..end].trim();
            if item.is_empty() {
                return Err("an empty item in a list in brackets");
            }
            (scalar(item)?, &rest[end..])
        };
        items.push(item);
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(after) => after.trim_start(),
            None if after.starts_with(']') => after,
            None => return Err("a list in brackets over several lines"),
        };
    }
}

/// Parses the quoted value at the beginning of a text; returns what follows it as well.
fn quoted(text: &str) -> Result<(String, &str), &'static str> {
    let quote = text.chars().next().unwrap_or('"');
    let mut value = String::new();
    let mut rest = text[1..].char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        match c {
            '\'' if quote == '\'' && rest.peek().is_some_and(|(_, next)| *next == '\'') => {
                rest.next();
                value.push('\'');
            }
            c if c == quote => return Ok((value, text[1 + at + c.len_utf8()..].trim())),
            '\\' if quote == '"' => value.push(match rest.next() {
                Some((_, 'n')) => '\n',
                Some((_, 't')) => '\t',
                Some((_, same @ ('"' | '\\' | '/'))) => same,
                _ => return Err("an unusual escape in a quoted value"),
            }),
            c => value.push(c),
        }
    }
    Err("a quoted value over several lines")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_settings_files_contain_is_read() {
        let text = "---\n# made by hand\ngit:\n  base_branch: main   # the trunk\n  repo_slug: null\ntools:\n  allowed_cli:\n  - gh\n  \
                    - 'it''s'\n  allowed_tools: [Edit, \"Bash(git *)\", 'a, b']\n  empty: []\n  none: {}\nagent: {}\nlimits:\n  \
                    runtime: 3600\n  share: 2.5\n  fine: true\nlist:\n  - name: one\n    url: http://x/#y\n  -\n    name: two\n\
                    text: |\n  first: line\n    # kept\n\n  last\nfold: >-\n  a\n  b\n\n  c\nend: \"q \\\" # \\n\"\n";
        let expected = json!({
            "git": {"base_branch": "main", "repo_slug": null},
            "tools": {"allowed_cli": ["gh", "it's"], "allowed_tools": ["Edit", "Bash(git *)", "a, b"], "empty": [], "none": {}},
            "agent": {},
            "limits": {"runtime": 3600, "share": 2.5, "fine": true},
            "list": [{"name": "one", "url": "http://x/#y"}, {"name": "two"}],
            "text": "first: line\n  # kept\n\nlast\n",
            "fold": "a b\nc",
            "end": "q \" # \n",
        });
        assert_eq!(parse(text), Ok(expected));
        assert_eq!(parse("# nothing\n\n"), Ok(Value::Null));
        assert_eq!(parse("- a\n- - b\n  - c\n"), Ok(json!(["a", ["b", "c"]])));
    }

    #[test]
    fn everything_else_is_refused_with_its_line() {
        for (text, line) in [
            ("a: 1\na: 2\n", 2),
            ("a: &x 1\n", 1),
            ("a: 1\nb: *x\n", 2),
            ("a: !!str 1\n", 1),
            ("a: {b: 1}\n", 1),
            ("a: yes\n", 1),
            ("a: 007\n", 1),
            ("a:\n\t- b\n", 2),
            ("a: b\n  c\n", 2),
            ("a: b: c\n", 1),
            ("a: \"open\n", 1),
            ("a: [1,\n  2]\n", 1),
            ("a: [[1]]\n", 1),
            ("a: |2\n  b\n", 1),
            ("a: >\n  b\n   c\n", 3),
            ("a: 1\n---\nb: 2\n", 2),
            ("%YAML 1.2\n", 1),
            ("just words\n", 1),
            ("a:\n  b: 1\n c: 2\n", 3),
            ("a:\n  - b\n    c\n", 3),
            ("? a\n: b\n", 1),
            ("<<: a\n", 1),
            ("a: 'x' y\n", 1),
            ("a: \"\\x41\"\n", 1),
        ] {
            assert_eq!(parse(text).map_err(|unread| unread.line), Err(line), "{text:?}");
        }
        let deep: String = (0..40).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
        assert!(parse(&deep).is_err());
    }
}
