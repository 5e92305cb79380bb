//! Forbids phrases, and comments that say nothing. `phrases.txt` lists each phrase with the number of times
//! that it may still appear in sources, documents and man pages, which may only shrink: `ORCHESTRA_BLESS=1 cargo
//! test --test suite phrases` lowers it to the present number.

use std::{collections::BTreeMap, fs, path::Path};

use super::{files, is_out_of_date, root, shown};

/// The path of the list.
const LIST: &str = "tests/suite/house/phrases.txt";
/// The prefix of a phrase that is the whole comment of an item.
const WHOLE_COMMENT: &str = "/// ";
/// The prefix of a phrase that is forbidden only in what users read: documents, man pages, help, and the code that prints messages.
const FOR_USERS: &str = "text: ";
/// The placeholder in a pattern: any one word, any one link.
const ANY: &str = "…";

#[test]
fn forbidden_phrases_become_fewer() {
    let (mut kept, mut wrong, mut left) = (String::new(), Vec::new(), 0);
    let (sources, bless) = (sources(), std::env::var_os("ORCHESTRA_BLESS").is_some());
    let text = fs::read_to_string(root().join(LIST)).expect("the list of phrases");
    for line in text.lines() {
        let Some((ceiling, phrase)) =
            line.split_once(' ').and_then(|(n, rest)| Some((n.parse().ok()?, rest)))
        else {
            kept += &format!("{line}\n");
            continue;
        };
        let places: Vec<String> = sources.iter().flat_map(|source| source.places(phrase)).collect();
        let ceiling: usize = ceiling;
        if places.len() > ceiling {
            wrong.push(format!("'{phrase}' may appear {ceiling} times:\n  {}", places.join("\n  ")));
        }
        if places.len() < ceiling && !bless {
            is_out_of_date(&format!(
                "'{phrase}' appears {} times, not {ceiling}: lower the number",
                places.len()
            ));
        }
        left += places.len();
        kept += &format!("{} {phrase}\n", ceiling.min(places.len()));
    }
    println!("{left} forbidden phrases are left");
    if bless {
        fs::write(root().join(LIST), kept).expect("written");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A source: its lines in lower case, those of them that users read, and the comments of its items by the line after them.
struct Source {
    name: String,
    lines: Vec<String>,
    for_users: Vec<String>,
    comments: BTreeMap<usize, String>,
}

fn sources() -> Vec<Source> {
    let all = ["shared/src", "bins", "tests"].iter().flat_map(|folder| files(folder, ".rs"));
    let documents = ["shared", "bins", "tests"].iter().flat_map(|folder| files(folder, ".md"));
    let pages = files("man", "");
    let all = all.chain(documents).chain(pages).chain([root().join("README.md")]);
    all.map(|file| Source::read(&file)).collect()
}

impl Source {
    fn read(file: &Path) -> Self {
        let text = fs::read_to_string(file).expect("a file");
        let (mut comments, mut comment) = (BTreeMap::new(), String::new());
        for (at, line) in text.lines().enumerate() {
            match line.trim_start().strip_prefix("///") {
                Some(part) if comment.is_empty() => part.trim().clone_into(&mut comment),
                Some(part) => comment += &format!(" {}", part.trim()),
                None if comment.is_empty() => {}
                None => drop(comments.insert(at, std::mem::take(&mut comment))),
            }
        }
        // Roff writes a hyphen and a quote as an escape.
        let text = text.replace("\\-", "-").replace("\\*(Aq", "'");
        let lines: Vec<String> = text.lines().map(str::to_lowercase).collect();
        let name = shown(file);
        let for_users = lines_for_users(&name, &lines);
        Self { name, lines, for_users, comments }
    }

    /// Returns the locations of a phrase, once for each occurrence.
    fn places(&self, phrase: &str) -> Vec<String> {
        let place = |line: usize| format!("{}:{line}", self.name);
        match phrase.strip_prefix(WHOLE_COMMENT) {
            Some(whole) => {
                let same = self.comments.iter().filter(|(_, comment)| is_like(comment, whole));
                same.map(|(line, _)| place(*line)).collect()
            }
            None => {
                let (lines, phrase) = match phrase.strip_prefix(FOR_USERS) {
                    Some(phrase) => (&self.for_users, phrase.to_lowercase()),
                    None => (&self.lines, phrase.to_lowercase()),
                };
                let times = |line: &String| times(line, &phrase);
                let found = lines.iter().enumerate().map(|(at, line)| (at + 1, times(line)));
                found.flat_map(|(line, times)| std::iter::repeat_n(place(line), times)).collect()
            }
        }
    }
}

/// Returns the lines of a source that users read, and empty lines in place of the others.
fn lines_for_users(name: &str, lines: &[String]) -> Vec<String> {
    let is_code = name.ends_with(".rs");
    let is_help = !is_code || name.ends_with("cli.rs");
    let tests = lines.iter().position(|line| is_code && line == "#[cfg(test)]").unwrap_or(lines.len());
    let is_read = |line: &String| {
        !name.starts_with("tests/")
            && !name.ends_with("tests.rs")
            && (is_help || !line.trim_start().starts_with("//"))
    };
    lines[..tests].iter().map(|line| if is_read(line) { line.clone() } else { String::new() }).collect()
}

/// Returns how often a phrase occurs in a line as whole words.
fn times(line: &str, phrase: &str) -> usize {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let found = line.match_indices(phrase).filter(|(at, _)| {
        !is_word(line[..*at].chars().next_back()) && !is_word(line[at + phrase.len()..].chars().next())
    });
    found.count()
}

/// Whether a comment matches a pattern, in which `…` stands for any text without a space.
fn is_like(comment: &str, pattern: &str) -> bool {
    match pattern.split_once(ANY) {
        None => comment == pattern,
        Some((before, after)) => comment
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .is_some_and(|between| !between.is_empty() && !between.contains(' ')),
    }
}

#[test]
fn users_read_help_and_messages_but_no_comments_and_tests() {
    let lines = ["/// a", "b", "#[cfg(test)]", "c"].map(str::to_owned);
    assert_eq!(lines_for_users("shared/src/a.rs", &lines), ["", "b"]);
    assert_eq!(lines_for_users("bins/git-orchestra-a/cli.rs", &lines), ["/// a", "b"]);
    assert_eq!(lines_for_users("README.md", &lines), lines);
    assert_eq!(lines_for_users("tests/suite/a.rs", &lines), ["", ""]);
}

#[test]
fn words_and_comments_are_compared_as_a_whole() {
    assert_eq!(times("one tree, one treetop", "one tree"), 1);
    assert!(is_like("See there.", "See there.") && !is_like("See there. It waits.", "See there."));
    assert!(is_like("Looks.", "….") && !is_like("Looks twice.", "…."));
    assert!(is_like("See [`Fact::Phase`].", "See [`…`].") && !is_like("See [`a`] and [`b`].", "See [`…`]."));
}

/// Returns what is between the parentheses of each call of a function whose name ends so.
fn arguments<'a>(code: &'a str, name: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(name) {
        let rest = &code[at + name.len()..];
        let mut open = 1;
        let end = rest.char_indices().find(|(_, letter)| {
            open += i32::from(*letter == '(') - i32::from(*letter == ')');
            open == 0
        });
        found.extend(end.map(|(end, _)| &rest[..end]));
    }
    found
}

/// Whether a hint offers two commands in one line, which nobody can paste.
fn offers_two(hint: &str) -> bool {
    let second = ["git ", "--", "-", "stop ", "cleanup ", "sh -c", "{"];
    let joins = [", or ", "; or "];
    let is_command = |text: &str| text.contains("git ") || text.contains("--");
    joins.iter().flat_map(|join| hint.match_indices(join).map(|(at, join)| (at, at + join.len()))).any(
        |(before, after)| {
            is_command(&hint[..before]) && second.iter().any(|begins| hint[after..].starts_with(begins))
        },
    )
}

#[test]
fn a_hint_is_one_command() {
    for hint in
        ["git a {id}, or git b {id}", "--test COMMAND, or {}", "git a; or cleanup --b", "git a --b, or --c"]
    {
        assert!(offers_two(hint), "{hint}");
    }
    for hint in ["git a -m 'this, or that'", "git a --b", "wait, or try again"] {
        assert!(!offers_two(hint), "{hint}");
    }
    assert_eq!(arguments("a.hint(f(b), c).hint(d)", ".hint("), ["f(b), c", "d"]);
    let mut wrong = Vec::new();
    for file in files("shared/src", ".rs").into_iter().chain(files("bins", ".rs")) {
        let text = fs::read_to_string(&file).expect("a source");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for call in [".hint(", ".fix(", ".then_hint("] {
            let hints = arguments(code, call).into_iter().filter(|hint| offers_two(hint));
            wrong.extend(hints.map(|hint| format!("{}: {hint}", shown(&file))));
        }
    }
    assert!(wrong.is_empty(), "each alternative is a hint of its own:\n{}", wrong.join("\n"));
}
