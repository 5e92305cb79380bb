//! The queries to opencode's database, through `opencode db`, which sees every session of the machine (`session list` shows only
//! those of one project, without messages). Each line of the result has a kind, an id, and JSON.

use crate::conversation::is_id;

/// Every session, with the time of its last change.
const LISTED: &str = "listed(id, parent, updated) AS (SELECT s.id, s.parent_id, max(s.time_updated, coalesce(\
    (SELECT max(m.time_updated) FROM message m WHERE m.session_id = s.id), 0)) FROM session s)";
/// The session itself, in the form of an export.
const INFO: &str = "SELECT 1 AS kind, s.id AS id, 0 AS at, '' AS message, json_object('info', json_object('id', s.id, \
    'parentID', s.parent_id, 'directory', s.directory, 'title', s.title, \
    'time', json_object('created', s.time_created, 'updated', s.time_updated))) AS line \
    FROM session s WHERE s.id IN (SELECT id FROM wanted)";
/// Its messages with their texts, without the inputs and results of tools.
const SAID: &str = "SELECT 2, m.session_id, m.time_created, m.id, json_object('info', \
    json_set(json_remove(m.data, '$.summary'), '$.id', m.id), 'parts', (SELECT json_group_array(json(p.data)) FROM \
    (SELECT data FROM part WHERE message_id = m.id AND json_valid(data) AND json_extract(data, '$.type') = 'text' \
    ORDER BY id) p)) FROM message m WHERE m.session_id IN (SELECT id FROM wanted) AND json_valid(m.data)";
/// The list of sessions.
const LIST: &str = "SELECT 0, id, 0, '', json_object('parent', parent, 'updated', updated) FROM listed";
/// The last line, without which a result is incomplete.
const END: &str = "SELECT 3, 'end', 0, '', ''";

/// Makes a query for the list of all sessions, and for the messages of those that changed after `time` (in milliseconds since 1970),
/// at most the newest `most`.
pub(super) fn since(time: i64, most: usize) -> [String; 4] {
    let wanted = format!("SELECT id FROM listed WHERE updated > {time} ORDER BY updated DESC LIMIT {most}");
    query(&format!("{LISTED}, wanted(id) AS ({wanted})"), &format!("{LIST} UNION ALL "))
}

/// Makes a query for the messages of these sessions.
pub(super) fn of(ids: &[&str]) -> [String; 4] {
    let ids: Vec<String> = ids.iter().filter(|id| is_id(id)).map(|id| format!("('{id}')")).collect();
    query(&format!("wanted(id) AS (VALUES {})", ids.join(",")), "")
}

fn query(with: &str, list: &str) -> [String; 4] {
    let all = format!("SELECT * FROM ({INFO}) UNION ALL {list}{SAID} UNION ALL {END}");
    let text = format!(
        "WITH {with} SELECT kind, id, line FROM ({all}) ORDER BY kind = 3, kind > 0, id, kind, at, message"
    );
    ["db".to_owned(), text, "--format".to_owned(), "tsv".to_owned()]
}

/// One line of a result.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum ResultLine<'a> {
    /// An entry of the list of sessions.
    Listed {
        /// The id of the session.
        id: &'a str,
        /// The entry as JSON.
        about: &'a [u8],
    },
    /// A line for the copy of a session.
    Line {
        /// The id of the session.
        id: &'a str,
        /// The line.
        line: &'a [u8],
    },
    /// The end of the result.
    End,
}

/// Parses a line of a result; returns `None` for the names of the columns.
pub(super) fn parse(line: &[u8]) -> Option<ResultLine<'_>> {
    let mut parts = line.splitn(3, |byte| *byte == b'\t');
    let (kind, id, line) = (parts.next()?, std::str::from_utf8(parts.next()?).ok()?, parts.next()?);
    match kind {
        b"3" => Some(ResultLine::End),
        _ if !is_id(id) => None,
        b"0" => Some(ResultLine::Listed { id, about: line }),
        b"1" | b"2" => Some(ResultLine::Line { id, line }),
        _ => None,
    }
}
