//! Splitting a shell command into the commands that it runs, so that a rule for one command does not allow another. Pure.

/// Redirections that write no file.
const HARMLESS: [&str; 6] = [">&1", ">&2", ">/dev/null", "> /dev/null", ">>/dev/null", ">> /dev/null"];
/// Words that run the command after them.
const CARRIERS: [&str; 8] = ["command", "env", "exec", "nice", "nohup", "sudo", "time", "!"];

/// Returns the commands of a list or pipeline as they are written. `None` if it may run something that is not one of them, or may
/// write a file: a substitution, a subshell, a background job, a redirection.
pub(super) fn commands(text: &str) -> Option<Vec<&str>> {
    let mut reader = Reader { text, at: 0, begin: 0, found: Vec::new() };
    while let Some(next) = reader.rest().chars().next() {
        reader.step(next)?;
    }
    reader.end(0);
    (!reader.found.is_empty()).then_some(reader.found)
}

/// Returns every part of a text that a shell may run as a command, and more: what denies a command must not miss it.
pub(super) fn possible_commands(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split([';', '|', '&', '\n', '(', ')', '{', '}', '`']);
    parts.map(without_carriers).filter(|part| !part.is_empty())
}

/// Returns a command without the assignments and the carriers before it.
fn without_carriers(part: &str) -> &str {
    let mut part = part.trim();
    while let Some((word, rest)) = part.split_once(char::is_whitespace) {
        let is_name =
            |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let is_assignment = word.split_once('=').is_some_and(|(name, _)| is_name(name));
        if !is_assignment && !CARRIERS.contains(&word) {
            break;
        }
        part = rest.trim_start();
    }
    part
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    begin: usize,
    found: Vec<&'a str>,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Ends a command; its separator has this length.
    fn end(&mut self, separator: usize) {
        let command = self.text.get(self.begin..self.at).unwrap_or_default().trim();
        self.found.extend(Some(command).filter(|command| !command.is_empty()));
        self.at += separator;
        self.begin = self.at;
    }

    fn step(&mut self, next: char) -> Option<()> {
        let rest = self.rest();
        match next {
            '\'' => self.at += rest.get(1..)?.find('\'')? + 2,
            '"' => self.at += quoted(rest)?,
            '\\' => self.at += 1 + rest.chars().nth(1).filter(|next| *next != '\n')?.len_utf8(),
            '$' if rest.starts_with("$(") || rest.starts_with("$'") || rest.starts_with("$\"") => {
                return None;
            }
            '`' | '<' | '(' | ')' => return None,
            '>' => self.at += HARMLESS.iter().find(|harmless| is_whole(rest, harmless))?.len(),
            '&' if rest.starts_with("&&") => self.end(2),
            '|' if rest.starts_with("||") => self.end(2),
            '|' if !rest.starts_with("|&") => self.end(1),
            '&' | '|' => return None,
            ';' | '\n' => self.end(1),
            next => self.at += next.len_utf8(),
        }
        Some(())
    }
}

/// Returns the length of the text in double quotes at the beginning; `None` if it runs a command, or does not end.
fn quoted(text: &str) -> Option<usize> {
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some(at + 1),
            '\\' => drop(characters.next()),
            '`' => return None,
            '$' if text.get(at..)?.starts_with("$(") => return None,
            _ => {}
        }
    }
    None
}

fn is_whole(rest: &str, redirection: &str) -> bool {
    let after = rest.strip_prefix(redirection).map(|after| after.chars().next());
    after.is_some_and(|after| after.is_none_or(|next| next.is_whitespace() || matches!(next, ';' | '|')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_and_what_hides_one_is_refused() {
        for (text, expected) in [
            ("git status", Some(vec!["git status"])),
            (
                "git add -A && git commit -qm 'Add a; b'",
                Some(vec!["git add -A", "git commit -qm 'Add a; b'"]),
            ),
            ("a | b || c; d\ne;", Some(vec!["a", "b", "c", "d", "e"])),
            (r#"echo "a && \" b" \; c"#, Some(vec![r#"echo "a && \" b" \; c"#])),
            ("make 2>&1 | tail", Some(vec!["make 2>&1", "tail"])),
            ("make >/dev/null 2>&1", Some(vec!["make >/dev/null 2>&1"])),
            ("git log $REV", Some(vec!["git log $REV"])),
            ("git $(rm x)", None),
            ("git \"$(rm x)\"", None),
            ("git `rm x`", None),
            ("git \"`rm x`\"", None),
            ("git status & rm x", None),
            ("git log > x", None),
            ("git log >/dev/nullx", None),
            ("git log >> /etc/passwd", None),
            ("cat <(rm x)", None),
            ("(rm x)", None),
            ("git 'x", None),
            ("git \"x", None),
            ("git a\\\nb", None),
            ("git $'\\n'", None),
            ("a |& b", None),
            ("", None),
            (" ; ", None),
        ] {
            assert_eq!(commands(text), expected, "{text}");
        }
    }

    #[test]
    fn what_denies_a_command_does_not_miss_it() {
        for text in
            ["rm x", "a; rm x", "$(rm x)", "X=1 sudo rm x", "a && { rm x; }", "`rm x`", "a & rm x", "(rm x)"]
        {
            assert!(possible_commands(text).any(|part| part == "rm x"), "{text}");
        }
    }
}
