//! Finding passwords where people write commands: in tasks, titles, and the words of command lines. A password there can look like any
//! word, and is known by what is before it: `DB_PASSWORD=…`, `curl -u user:…`, `https://user:…@host`, `Authorization: Bearer …`.
//!
//! Files of work are not searched this way: code is full of such names.

use std::ops::Range;

use memchr::memmem;

use super::{Finding, MAX_HOST, looks_like_key};

/// The shortest value that is taken for a password, in bytes.
const MIN_VALUE: usize = 4;
/// What a name of a variable or an option ends in if its value is a secret, in capitals and without separators.
const STRONG: &[&str] = &[
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "SECRET",
    "TOKEN",
    "CREDENTIAL",
    "CREDENTIALS",
    "APIKEY",
    "ACCESSKEY",
    "SECRETKEY",
    "PRIVATEKEY",
    "AUTHKEY",
];
/// Whole parts at the end of such a name, behind an underscore or hyphen.
const PARTS: &[&str] = &["PASS", "PWD", "PW", "PAT"];
/// Options whose next word is `user:password`.
const USER_OPTIONS: &[&str] = &["-u", "-U", "--user", "--proxy-user"];
/// Words that stand for a password, and are none.
const PLACEHOLDERS: &[&str] = &[
    "pass", "password", "passwd", "secret", "token", "true", "false", "none", "null", "changeme", "example",
    "redacted", "hidden", "value",
];
/// Groups that `user:group` names.
const GROUPS: &[&str] =
    &["users", "staff", "wheel", "nogroup", "nobody", "daemon", "root", "docker", "adm", "latest", "group"];

/// Returns whether [`find`] may find something in a text, also in one with escapes: it has an assignment, an option, a URL or a header.
pub(super) fn may_contain(text: &[u8]) -> bool {
    memchr::memchr(b'=', text).is_some()
        || ["--", "-u", "-U", "://", "n:", "N:"]
            .iter()
            .any(|begin| memmem::find(text, begin.as_bytes()).is_some())
}

/// Finds passwords in a text of a person, in the order in which they occur.
pub(super) fn find(text: &str) -> Vec<Finding> {
    let mut all = Vec::new();
    let words = words(text);
    for (at, word) in words.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| words.get(at)).map(|before| &text[before.clone()]);
        let first = at.checked_sub(2).and_then(|at| words.get(at)).map(|first| &text[first.clone()]);
        let found = in_word(&text[word.clone()]).or_else(|| after(before, first, &text[word.clone()]));
        all.extend(
            found.map(|(what, range)| Finding {
                what,
                range: word.start + range.start..word.start + range.end,
            }),
        );
    }
    all
}

/// Returns the words of a text: what white space, quotes, and what ends a command separate.
fn words(text: &str) -> Vec<Range<usize>> {
    let ends = |c: char| {
        c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ';' | '|' | '(' | ')' | '<' | '>' | ',')
    };
    let mut words = Vec::new();
    let mut begin = 0;
    for (at, c) in text.char_indices().filter(|(_, c)| ends(*c)) {
        // `NAME="value"`: the quote does not end the word of the name.
        if matches!(c, '"' | '\'') && text[begin..at].ends_with('=') {
            let value = &text[at + 1..];
            let end = value.find(c).filter(|end| *end > 0 && !value[..*end].contains('\n'));
            if let Some(end) = end {
                words.push(begin..at + 1 + end);
                begin = at + 1 + end;
                continue;
            }
        }
        if begin < at {
            words.push(begin..at);
        }
        begin = begin.max(at + c.len_utf8());
    }
    if begin < text.len() {
        words.push(begin..text.len());
    }
    words
}

/// Finds the password in one word: an assignment, an option with its value, or a URL.
fn in_word(word: &str) -> Option<(&'static str, Range<usize>)> {
    if let Some(found) = in_url(word) {
        return Some(found);
    }
    let (name, value) = word.split_once('=')?;
    let is_quoted = value.starts_with(['"', '\'']);
    let from = name.len() + 1 + usize::from(is_quoted);
    let value = &word[from..];
    let value = if is_quoted { value } else { value.trim_end_matches(['.', ':', '!', '?']) };
    let range = from..from + value.len();
    // The last part of `?user=me&password=…` or `--env=DB_PASSWORD=…`.
    if let Some((_, inner)) = value.rsplit_once(['&', '?']).filter(|(_, inner)| inner.contains('=')) {
        let begin = range.end - inner.len();
        return in_word(inner).map(|(what, found)| (what, begin + found.start..begin + found.end));
    }
    if !is_variable(name.trim_start_matches('-')) {
        let begin = name.rfind(['&', '?']).map(|at| at + 1)?;
        return in_word(&word[begin..]).map(|(what, found)| (what, begin + found.start..begin + found.end));
    }
    if let Some((what, found)) = in_word(value) {
        return Some((what, from + found.start..from + found.end));
    }
    let is_user = USER_OPTIONS.contains(&name);
    if is_user {
        return password_of_user(value).map(|found| (A_PASSWORD, from + found.start..from + found.end));
    }
    (names_secret(name) && is_value(value)).then_some(("a value that is named as a secret", range))
}

const A_PASSWORD: &str = "a password";

/// Finds the password in a word after an option or a header: `-u user:…`, `--password …`, `Authorization: Bearer …`.
fn after(before: Option<&str>, first: Option<&str>, word: &str) -> Option<(&'static str, Range<usize>)> {
    let before = before?;
    if USER_OPTIONS.contains(&before) {
        return password_of_user(word).map(|range| (A_PASSWORD, range));
    }
    let is_telling = !is_plain(word) && is_value(word);
    if before.starts_with("--") && !before.contains('=') && names_secret(before) && is_telling {
        return Some((A_PASSWORD, 0..word.len()));
    }
    let is_scheme = ["bearer", "basic", "token"].iter().any(|scheme| before.eq_ignore_ascii_case(scheme));
    let is_header = first.is_some_and(|first| first.to_ascii_lowercase().ends_with("authorization:"));
    (is_header && is_scheme && is_telling).then_some(("a credential in a header", 0..word.len()))
}

/// Finds the password in `https://user:password@host`, also a short one.
fn in_url(word: &str) -> Option<(&'static str, Range<usize>)> {
    let start = word.find("://")? + "://".len();
    let rest = &word.as_bytes()[start..];
    let end =
        rest.iter().take(MAX_HOST).position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let user = &word.get(start..start + end)?;
    let user = &user[..user.rfind('@')?];
    let password = &user[user.find(':')? + 1..];
    let from = start + user.len() - password.len();
    (password.len() > 1 && !is_placeholder(password))
        .then_some(("a password in a URL", from..from + password.len()))
}

/// Returns where the password is in `user:password`, unless it is another pair: `1000:1000`, `node:node`, `HEAD:main`, `+%H:%M`.
fn password_of_user(word: &str) -> Option<Range<usize>> {
    let (user, password) = word.split_once(':')?;
    let is_user = !user.is_empty()
        && user.chars().all(|c| c.is_alphanumeric() || "._-@+\\".contains(c))
        && user != "HEAD";
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_pair = user == password
        || digits(user) && digits(password)
        || GROUPS.contains(&password)
        || password.contains("//");
    (is_user && !is_pair && password.len() > 1 && !user.starts_with('+') && !is_placeholder(password))
        .then(|| user.len() + 1..word.len())
}

/// Returns whether a name is that of a variable or an option.
fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

/// Returns whether the value of a variable or an option of this name is a secret.
fn names_secret(name: &str) -> bool {
    let whole = name.trim_start_matches('-').to_ascii_uppercase();
    let plain: String = whole.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    let last = whole.rsplit(['_', '-', '.']).next().unwrap_or_default();
    // Prose compares words: `token=word`. A whole name in small letters that is only a word of it says little.
    let is_word = matches!(name, "token" | "secret" | "credential" | "credentials");
    !is_word
        && (STRONG.iter().any(|end| plain.ends_with(end))
            || PARTS.contains(&last) && last.len() < whole.len())
}

/// Returns whether a value can be a password: it is not short, a placeholder, a number, a path, an expression, or a call.
fn is_value(value: &str) -> bool {
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let is_path = value.starts_with(['/', '.', '~', '$', '{', '%', '&', '*', '=', '[']);
    let is_code = value.contains("::") || value.ends_with(['(', '{']) || value.contains("${");
    let is_name = value.bytes().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'-'));
    value.len() >= MIN_VALUE && !is_number && !is_path && !is_code && !is_name && !is_placeholder(value)
}

/// Returns whether a value stands for one that a person is to fill in, such as `xxxx`, `...` or `<token>`.
fn is_placeholder(value: &str) -> bool {
    let is_filled = value.chars().all(|c| matches!(c, 'x' | 'X' | '*' | '.' | '-' | '…'));
    let is_open = value.contains(['$', '{', '<', '[']);
    is_filled || is_open || PLACEHOLDERS.iter().any(|one| value.eq_ignore_ascii_case(one))
}

/// Returns whether a word is one of a language: small letters, perhaps with a capital first and a mark at the end.
fn is_plain(word: &str) -> bool {
    let word = word.trim_end_matches(['.', ':', ',', '!', '?']);
    let rest = word.get(1..).unwrap_or_default();
    let is_joined = rest.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_' | b'/'));
    is_joined
        || !word.is_ascii()
        || word.starts_with('-')
        || word.len() > 30 && !looks_like_key(word.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::{PLACEHOLDER, redact_words};

    #[test]
    fn passwords_in_commands_of_people_are_taken_out() {
        for (text, expected) in [
            ("export DB_PASSWORD=hunter2pass; run it", "export DB_PASSWORD=#; run it"),
            ("PGPASSWORD=opensesame psql", "PGPASSWORD=# psql"),
            ("set `API_TOKEN=correcthorse`", "set `API_TOKEN=#`"),
            ("DB_PASS=\"correct horse\" make", "DB_PASS=\"#\" make"),
            ("MYSQL_PWD='open sesame!' mysql", "MYSQL_PWD='#' mysql"),
            ("curl -u me:opensesame2 https://example.com", "curl -u me:# https://example.com"),
            ("curl --user bob:s3cretpw x", "curl --user bob:# x"),
            ("curl --user=bob:pw7 x", "curl --user=bob:# x"),
            ("config set setup 'curl -u a:pw'", "config set setup 'curl -u a:#'"),
            ("git clone https://joe:pw@example.com/x.git", "git clone https://joe:#@example.com/x.git"),
            ("postgres://app:letmein@db/x?sslmode=off", "postgres://app:#@db/x?sslmode=off"),
            ("use https://x.com/?user=a&password=letmein1", "use https://x.com/?user=a&password=#"),
            ("mysql --password=opensesame", "mysql --password=#"),
            ("login --password hunter22 --now", "login --password # --now"),
            ("deploy --api-key q8Z3k1 now", "deploy --api-key # now"),
            ("curl -H 'Authorization: Bearer abc123secret' x", "curl -H 'Authorization: Bearer #' x"),
            ("docker run --env=DB_PASSWORD=hunter22 x", "docker run --env=DB_PASSWORD=# x"),
            ("spring.datasource.password=letmein", "spring.datasource.password=#"),
        ] {
            assert_eq!(redact_words(text, &[]), expected.replace('#', PLACEHOLDER), "{text}");
        }
    }

    #[test]
    fn ordinary_texts_of_tasks_stay() {
        for text in [
            "Add a --password option to the login command",
            "The --token flag is ignored; read API_TOKEN from the environment",
            "Set DB_PASSWORD=$SECRET in CI, and PASSWORD=<yours> in the docs",
            "Document that PASSWORD=xxxx and TOKEN=... are placeholders",
            "Rename max_tokens=4096 to limit, and TOKEN_TTL=3600",
            "Read the key from TOKEN_FILE=/run/secrets/token",
            "Parse `key=value` and KEY=VALUE pairs, such as PRIMARY_KEY=user_id",
            "let token=parser.next_token();",
            "docker run -u 1000:1000 or --user node:node or -u $UID:$GID or --user www-data:users",
            "git push -u origin HEAD:main; date -u +%H:%M",
            "Fix the password: it must have 12 characters; secret: none",
            "Send 'Authorization: Bearer TOKEN' and reply 401 to Authorization: Basic login",
            "Open https://example.com:8080/a@b and http://user:$PASSWORD@host and https://user:password@host",
            "See https://github.com/a/b/issues/1?page=2&tab=compass=north",
            "Make --secret optional, --credentials relative/path too",
            "Compare token=secret with pass=false and COMPASS=north",
            "ssh://git@example.com/x and mailto:me@example.com",
            "The ratio is 3:2; run `sort -u a:b` never; at 10:30 -u",
            "PASSWORD=\"\" must be refused, PASSWORD=true too",
            "Überprüfe das Passwort: Länge=12, TOKEN=ÄÖÜ${x}",
        ] {
            assert_eq!(redact_words(text, &[]), text);
        }
    }
}
