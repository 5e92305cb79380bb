//! The list that was last shown on a terminal, whose rows people name by their numbers.
//!
//! It is one small private file for each clone, and only a convenience: if it cannot be written, no numbers are shown, and if it
//! cannot be read, a number means nothing.

use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Result,
    git::{Repo, careful},
    model::{AgentId, text},
    private_files,
    store::layout::PrivateDir,
    supervise::tree,
};

/// The most rows that have numbers.
const MAX_ROWS: usize = 1000;
/// How long the numbers of a list are valid, in seconds: after that, nobody remembers them.
const MAX_AGE: i64 = 3600;

/// A list that was shown.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct ShownList {
    /// When it was shown, in seconds since 1970.
    at: i64,
    /// The session of the terminal that showed it; see `setsid(2)`.
    session: i32,
    /// The names in its rows, in order.
    names: Vec<String>,
    /// Whether they are those of sessions, and not of agents and branches.
    #[serde(default)]
    of_sessions: bool,
}

/// Returns the session of the terminal on which this process was started, which is the same in each of its pipelines; `None` in a
/// container whose session was started outside.
pub fn session() -> Option<i32> {
    tree::session()
}

/// Keeps a list that a terminal is about to show. Returns whether its rows can be named by their numbers from now on: without our
/// folder, or in a repository that cannot be written, they cannot.
pub fn keep(repo: &Repo, session: i32, names: Vec<String>) -> bool {
    write(repo, &ShownList { at: repo.now().as_second(), session, names, of_sessions: false })
}

/// As [`keep`], for a list of the sessions of agent programs.
pub fn keep_sessions(repo: &Repo, session: i32, names: Vec<String>) -> bool {
    write(repo, &ShownList { at: repo.now().as_second(), session, names, of_sessions: true })
}

fn write(repo: &Repo, list: &ShownList) -> bool {
    let written = || {
        let file = PrivateDir::new(repo.private_dir().ok()?).shown_list();
        private_files::replace(&file, serde_json::to_vec(list).ok()?).ok()
    };
    list.names.len() <= MAX_ROWS && written().is_some()
}

/// Returns the id of the agent whose number was typed; `None` if this is not a number, or no list was shown yet.
///
/// # Errors
/// The list is too old, another terminal showed it, or the row has no agent (3).
pub fn agent(repo: &Repo, session: i32, typed: &str) -> Result<Option<AgentId>> {
    let (Some(number), Some(list)) = (number(typed), read(repo)?) else { return Ok(None) };
    list.agent(number, session, repo.now().as_second()).map(Some).map_err(|why| {
        Error::new(Code::AgentUnknown, format!("no agent '{number}': {why}"))
            .hint("git orchestra status shows the numbers of the agents")
    })
}

/// Returns the name in the row whose number was typed, for a command that takes sessions: of a session, or of an agent that has one.
/// `None` if this is not a number, or no list was shown yet. A number has no zero in front, but the beginning of an id may.
///
/// # Errors
/// As those of [`agent`].
pub fn session_row(repo: &Repo, session: i32, typed: &str) -> Result<Option<String>> {
    let number = number(typed).filter(|_| !typed.starts_with('0'));
    let (Some(number), Some(list)) = (number, read(repo)?) else { return Ok(None) };
    let name = list.name(number, session, repo.now().as_second());
    name.map(|name| Some(name.to_owned())).map_err(|why| {
        Error::new(Code::SessionUnknown, format!("no session '{number}': {why}"))
            .hint("git orchestra sessions shows the numbers of the sessions")
    })
}

fn read(repo: &Repo) -> Result<Option<ShownList>> {
    let file = PrivateDir::new(repo.private_dir()?).shown_list();
    Ok(careful::text(file).ok().and_then(|text| serde_json::from_str(&text).ok()))
}

/// Returns the number of a row, from 1.
fn number(typed: &str) -> Option<usize> {
    let is_number = (1..=4).contains(&typed.len()) && typed.bytes().all(|byte| byte.is_ascii_digit());
    typed.parse().ok().filter(|_| is_number)
}

impl ShownList {
    /// Returns the name in a row, or why there is none.
    fn name(&self, number: usize, session: i32, now: i64) -> Result<&str, String> {
        if self.session != session {
            return Err("the list that was last shown is on another terminal".to_owned());
        }
        if now - self.at > MAX_AGE {
            return Err("the list that was last shown is older than an hour".to_owned());
        }
        number.checked_sub(1).and_then(|at| self.names.get(at)).map(String::as_str).ok_or_else(|| {
            let rows = text::count(self.names.len() as u64, "row");
            format!("the list that was last shown has {rows}")
        })
    }

    /// Returns the agent in a row, or why there is none.
    fn agent(&self, number: usize, session: i32, now: i64) -> Result<AgentId, String> {
        let name = self.name(number, session, now)?;
        let agent = AgentId::parse(name).ok().filter(|_| !self.of_sessions);
        let kind = if self.of_sessions { "the session " } else { "" };
        agent.ok_or_else(|| format!("that row shows {kind}'{}'", text::one_line(name, 40)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_means_a_row_of_a_fresh_list_of_this_terminal() {
        let names = ["fix-login-00000", "feature"].map(str::to_owned).to_vec();
        let list = ShownList { at: 10_000, session: 7, names, of_sessions: false };
        for (number, session, now, expected) in [
            (1, 7, 10_000, Ok("fix-login-00000")),
            (1, 7, 10_000 + MAX_AGE, Ok("fix-login-00000")),
            (1, 7, 10_001 + MAX_AGE, Err("older than an hour")),
            (1, 8, 10_000, Err("on another terminal")),
            (2, 7, 10_000, Err("that row shows 'feature'")),
            (3, 7, 10_000, Err("has 2 rows")),
            (0, 7, 10_000, Err("has 2 rows")),
        ] {
            match (list.agent(number, session, now), expected) {
                (Ok(id), Ok(expected)) => assert_eq!(id.as_str(), expected),
                (Err(why), Err(expected)) => assert!(why.contains(expected), "{why}"),
                (found, _) => panic!("{number}, {session}, {now}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_row_of_sessions_is_no_agent() {
        let old = r#"{"at": 10, "session": 7, "names": ["fix-login-00000"]}"#;
        let old: ShownList = serde_json::from_str(old).unwrap();
        assert!(old.agent(1, 7, 10).is_ok());
        let list = ShownList { of_sessions: true, ..old };
        assert_eq!(list.agent(1, 7, 10), Err("that row shows the session 'fix-login-00000'".to_owned()));
        assert_eq!(list.name(1, 7, 10), Ok("fix-login-00000"));
    }

    #[test]
    fn only_short_decimal_numbers_are_numbers_of_rows() {
        for (typed, expected) in
            [("1", Some(1)), ("12", Some(12)), ("", None), ("+1", None), ("12345", None), ("1a", None)]
        {
            assert_eq!(number(typed), expected, "{typed}");
        }
    }
}
