//! The transcript of a session: a file to which each message is appended as a line. It survives the end of the program at any moment.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    path::Path,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::compaction;
use crate::{model::Tokens, private_files};

/// The largest transcript that is resumed, in bytes.
const MAX_SIZE: u64 = 256 << 20;
/// The answer to a use of a tool whose result is unknown.
const INTERRUPTED: &str = "interrupted: it may have run, in whole or in part";

/// What a session used so far.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub(super) struct Used {
    /// All input, cached or not.
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
    /// The part of the input that was read from the cache.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) cache_read_tokens: u64,
    /// The part of the input that was written into the cache.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) cache_write_tokens: u64,
}

impl Used {
    /// Reads the figures of one answer.
    pub(super) fn of(usage: &Value) -> Self {
        let count = |field: &str| usage[field].as_u64().unwrap_or_default();
        let (read, written) = (count("cache_read_input_tokens"), count("cache_creation_input_tokens"));
        Self {
            input_tokens: count("input_tokens").saturating_add(read).saturating_add(written),
            output_tokens: count("output_tokens"),
            cache_read_tokens: read,
            cache_write_tokens: written,
        }
    }

    /// Returns them by their prices.
    pub(super) const fn tokens(&self) -> Tokens {
        let cached = self.cache_read_tokens.saturating_add(self.cache_write_tokens);
        Tokens {
            input: self.input_tokens.saturating_sub(cached),
            cache_read: self.cache_read_tokens,
            cache_write: self.cache_write_tokens,
            output: self.output_tokens,
        }
    }

    const fn plus(self, other: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            cache_read_tokens: self.cache_read_tokens.saturating_add(other.cache_read_tokens),
            cache_write_tokens: self.cache_write_tokens.saturating_add(other.cache_write_tokens),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// One line of the file.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub(super) struct Line {
    /// `session`, `user`, `assistant`, or `summary`, which replaces everything before it but the messages that it keeps.
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) folder: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) content: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) used: Option<Used>,
    /// How many of the last messages a summary keeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) keeps: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cost_micros: Option<u64>,
}

/// A session in memory, and the file with it.
#[derive(Debug)]
pub(super) struct Transcript {
    file: File,
    messages: Vec<(String, Vec<Value>)>,
    used: Used,
    cost_micros: u64,
    /// The tokens of the conversation, as the last answer counted them.
    size: u64,
}

impl Transcript {
    /// Begins the transcript of a new session.
    ///
    /// # Errors
    /// The file is there already, or cannot be made.
    pub(super) fn create(
        path: &Path,
        id: &str,
        folder: &str,
        model: &str,
        at: Timestamp,
    ) -> io::Result<Self> {
        if let Some(parent) = path.parent() {
            private_files::create_dir(parent)?;
        }
        let file = private_files::options().create_new(true).read(true).append(true).open(path)?;
        let mut new = Self { file, messages: Vec::new(), used: Used::default(), cost_micros: 0, size: 0 };
        new.append(&Line {
            kind: "session".to_owned(),
            at: at.to_string(),
            id: Some(id.to_owned()),
            folder: Some(folder.to_owned()),
            model: Some(model.to_owned()),
            ..Line::default()
        })?;
        Ok(new)
    }

    /// Reads the transcript of a session that is resumed. A line that was written in part is left out; a tool whose result is missing
    /// gets one that says so.
    ///
    /// # Errors
    /// The file is missing, too large, or not readable.
    pub(super) fn resume(path: &Path, at: Timestamp) -> io::Result<Self> {
        let mut file = private_files::options().read(true).append(true).open(path)?;
        if !file.metadata()?.is_file() || file.metadata()?.len() > MAX_SIZE {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file of a possible size"));
        }
        let mut known = Self {
            messages: Vec::new(),
            used: Used::default(),
            cost_micros: 0,
            size: 0,
            file: file.try_clone()?,
        };
        let mut is_torn = false;
        let mut reader = BufReader::new((&mut file).take(MAX_SIZE));
        let mut bytes = Vec::new();
        while reader.read_until(b'\n', &mut bytes)? > 0 {
            is_torn = bytes.last() != Some(&b'\n');
            if let Ok(line) = serde_json::from_slice::<Line>(&bytes) {
                known.take(line);
            }
            bytes.clear();
        }
        if is_torn {
            known.file.seek(SeekFrom::End(0))?;
            known.file.write_all(b"\n")?;
        }
        known.answer_open_tools(at)?;
        Ok(known)
    }

    /// Adds a message of the user, or results of tools.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn add_user(&mut self, content: Vec<Value>, at: Timestamp) -> io::Result<()> {
        self.add(Line { kind: "user".to_owned(), at: at.to_string(), content, ..Line::default() })
    }

    /// Adds an answer of the model.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn add_answer(
        &mut self,
        content: Vec<Value>,
        model: &str,
        used: Used,
        cost_micros: Option<u64>,
        at: Timestamp,
    ) -> io::Result<()> {
        self.add(Line {
            kind: "assistant".to_owned(),
            at: at.to_string(),
            model: Some(model.to_owned()),
            content,
            used: Some(used),
            cost_micros,
            ..Line::default()
        })
    }

    /// Replaces the older part of the conversation by a summary. The file keeps everything.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn compact(
        &mut self,
        summary: &str,
        context: u64,
        used: Used,
        cost_micros: Option<u64>,
        at: Timestamp,
    ) -> io::Result<()> {
        let keeps = Some(compaction::kept(&self.messages, context));
        let content = vec![words(&compaction::replacement(self.messages.first(), summary))];
        let (kind, at, used) = ("summary".to_owned(), at.to_string(), Some(used));
        self.add(Line { kind, at, content, used, keeps, cost_micros, ..Line::default() })
    }

    /// Returns how many tokens the conversation had when it was last sent; 0 if that is not known.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Returns the messages as the service expects them: in turns, without empty ones.
    pub(super) fn messages(&self) -> Vec<Value> {
        let mut turns: Vec<(&str, Vec<&Value>)> = Vec::new();
        for (role, content) in self.messages.iter().filter(|(_, content)| !content.is_empty()) {
            match turns.last_mut() {
                Some((last, blocks)) if last == role => blocks.extend(content),
                _ => turns.push((role, content.iter().collect())),
            }
        }
        turns.into_iter().map(|(role, content)| json!({"role": role, "content": content})).collect()
    }

    /// Returns what the session used so far.
    pub(super) const fn used(&self) -> Used {
        self.used
    }

    /// Returns what the session has cost so far, in millionths of a US dollar, as far as prices were known.
    pub(super) const fn cost_micros(&self) -> u64 {
        self.cost_micros
    }

    fn add(&mut self, line: Line) -> io::Result<()> {
        self.append(&line)?;
        self.take(line);
        Ok(())
    }

    /// Appends a line with one write, and waits until it is on the disk.
    fn append(&mut self, line: &Line) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.file.write_all(&bytes)?;
        self.file.sync_data()
    }

    fn take(&mut self, line: Line) {
        let used = line.used.unwrap_or_default();
        self.used = self.used.plus(used);
        self.cost_micros = self.cost_micros.saturating_add(line.cost_micros.unwrap_or_default());
        match line.kind.as_str() {
            "user" => self.messages.push((line.kind, line.content)),
            "assistant" => {
                self.size = used.input_tokens.saturating_add(used.output_tokens);
                self.messages.push((line.kind, line.content));
            }
            "summary" => {
                let kept = line.keeps.unwrap_or(0).min(self.messages.len());
                self.messages.drain(..self.messages.len() - kept);
                self.messages.insert(0, ("user".to_owned(), line.content));
                self.size = 0;
            }
            _ => {}
        }
    }

    /// Answers the uses of tools that the last answer contains and that have no result.
    fn answer_open_tools(&mut self, at: Timestamp) -> io::Result<()> {
        let Some(last) = self.messages.iter().rposition(|(role, _)| role == "assistant") else {
            return Ok(());
        };
        let ids = |kind: &'static str, field: &'static str| {
            move |block: &Value| {
                (block["type"] == kind).then(|| block[field].as_str().map(str::to_owned)).flatten()
            }
        };
        let used = self.messages[last].1.iter().filter_map(ids("tool_use", "id"));
        let results = self.messages[last..].iter().flat_map(|(_, content)| content);
        let answered: Vec<String> = results.filter_map(ids("tool_result", "tool_use_id")).collect();
        let open: Vec<Value> =
            used.filter(|id| !answered.contains(id)).map(|id| tool_result(&id, INTERRUPTED, true)).collect();
        if open.is_empty() { Ok(()) } else { self.add_user(open, at) }
    }
}

/// Makes the result of a use of a tool.
pub(super) fn tool_result(id: &str, text: &str, is_error: bool) -> Value {
    json!({"type": "tool_result", "tool_use_id": id, "content": text, "is_error": is_error})
}

/// Makes a text of the user.
pub(super) fn words(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const AT: Timestamp = Timestamp::UNIX_EPOCH;

    fn tool_use(id: &str) -> Value {
        json!({"type": "tool_use", "id": id, "name": "bash", "input": {"command": "ls"}})
    }

    fn used(input_tokens: u64, output_tokens: u64) -> Used {
        Used { input_tokens, output_tokens, ..Used::default() }
    }

    /// Makes a transcript with a task, an answer that uses two tools, and the result of the first.
    fn write(path: &Path) {
        let mut new = Transcript::create(path, "id", "/w", "m", AT).expect("a file");
        new.add_user(vec![words("task")], AT).expect("added");
        new.add_answer(vec![words("I look."), tool_use("a"), tool_use("b")], "m", used(10, 3), Some(7), AT)
            .expect("added");
        new.add_user(vec![tool_result("a", "files", false)], AT).expect("added");
    }

    #[test]
    fn a_transcript_is_resumed_from_every_length_it_ever_had() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("whole");
        write(&path);
        let whole = fs::read(&path).expect("a file");
        for length in 0..=whole.len() {
            let path = dir.path().join("cut");
            fs::write(&path, &whole[..length]).expect("a file");
            let mut cut = Transcript::resume(&path, AT).expect("a transcript");
            cut.add_user(vec![words("go on")], AT).expect("added");
            let messages = cut.messages();
            // Resuming it again gives the same.
            assert_eq!(Transcript::resume(&path, AT).expect("a transcript").messages(), messages, "{length}");
            assert_eq!(messages.last().expect("a message")["role"], "user", "{length}");
            let open = messages.iter().flat_map(|message| message["content"].as_array().expect("blocks"));
            let (uses, results) = open.fold((0, 0), |(uses, results), block| match block["type"].as_str() {
                Some("tool_use") => (uses + 1, results),
                Some("tool_result") => (uses, results + 1),
                _ => (uses, results),
            });
            assert_eq!(uses, results, "{length}: each tool has one result");
        }
    }

    #[test]
    fn a_summary_replaces_the_older_part_and_the_file_keeps_everything() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("x");
        write(&path);
        let mut session = Transcript::resume(&path, AT).expect("a transcript");
        assert_eq!(session.size(), 13);
        session.compact("I looked.", 1_000_000, used(30, 4), Some(5), AT).expect("compacted");
        let messages = session.messages();
        // The summary is followed by the last use of tools, with its results.
        assert_eq!(messages.len(), 3);
        let text = messages[0]["content"][0]["text"].as_str().expect("a text");
        assert!(text.contains("I looked.") && text.ends_with("task"), "{text}");
        assert_eq!((messages[1]["content"][1]["id"].as_str(), session.size()), (Some("a"), 0));
        assert_eq!((session.used(), session.cost_micros()), (used(40, 7), 12));
        let again = Transcript::resume(&path, AT).expect("a transcript");
        assert_eq!((again.messages(), again.used()), (messages, used(40, 7)));
        assert!(fs::read_to_string(&path).expect("a file").contains("I look."));
    }

    #[test]
    fn cached_tokens_are_counted_once() {
        let usage = json!({"input_tokens": 3, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20, "output_tokens": 7});
        let found = Used::of(&usage);
        assert_eq!((found.input_tokens, found.tokens().input, found.tokens().all_input()), (123, 3, 123));
    }

    #[test]
    fn results_come_before_other_words() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("x");
        write(&path);
        let mut again = Transcript::resume(&path, AT).expect("a transcript");
        again.add_user(vec![words("go on")], AT).expect("added");
        let messages = again.messages();
        assert_eq!(messages.len(), 3);
        let kinds: Vec<&str> = messages[2]["content"]
            .as_array()
            .expect("blocks")
            .iter()
            .filter_map(|block| block["type"].as_str())
            .collect();
        assert_eq!(kinds, ["tool_result", "tool_result", "text"]);
        assert_eq!((again.used(), again.cost_micros()), (used(10, 3), 7));
        assert!(Transcript::create(&path, "id", "/w", "m", AT).is_err(), "it is not overwritten");
    }
}
