//! Reading transcripts: the beginning and the end for a list, every line for counts and usage, and only new lines if the earlier
//! ones are known.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    os::unix::fs::FileExt,
    path::Path,
};

use super::{
    ConversationFacts, ConversationFile, SessionReader, json,
    lines::{self, RawLine},
    open::open,
    transcript_reading::TranscriptReading,
};
use memchr::memmem;

/// Number of bytes that are read first at the beginning and at the end. It grows fourfold while nothing is found.
const FIRST_READ: u64 = 4 << 10;
/// Number of bytes that are read at the end for a program whose lines do not name the working directory.
const TAIL_READ: u64 = 8 << 10;
/// Maximum number of bytes that are read at the beginning and at the end.
const MAX_READ: u64 = 1 << 20;
/// The field with the working directory in the JSON of every program. Inside a string its quotes would be escaped.
const CWD_FIELD: &[u8] = b"\"cwd\":\"";
/// Number of bytes before the offset that are compared to find out whether a file only grew.
const MARK_LENGTH: usize = 64;

/// The result of reading the beginning and the end of a file.
#[derive(Clone, Debug)]
pub struct Skimmed {
    /// The facts that were found.
    pub facts: ConversationFacts,
    /// Whether [`ReadDepth::Ends`] would not find more.
    pub is_all: bool,
    /// The parts that could not be read, if nothing was found for which lists show the session.
    pub unread: Option<TranscriptReading>,
}

/// How much of a file is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReadDepth {
    /// The beginning: the id, the first working directory, and the first prompt.
    Beginning,
    /// The end as well: the last working directory and the last prompt.
    Ends,
}

/// Reads what a list must know of a session.
///
/// # Errors
/// The file cannot be read.
pub fn skim(program: &dyn SessionReader, place: &ConversationFile, look: ReadDepth) -> io::Result<Skimmed> {
    let mut window = Window { file: open(&place.path)?, bytes: Vec::new() };
    // Lines that were added since it was found are read next time, because the index stores the size that it had then.
    let length = place.size;
    let begun = program.begin(place);
    let mut facts = begun.clone();
    let read = head(program, &mut window, length, &mut facts)?;
    let is_whole = read >= length;
    if !is_whole {
        // The counts so far are incomplete.
        reset_counts(&mut facts);
        if look == ReadDepth::Ends {
            tail(program, &mut window, read..length, &begun, &mut facts)?;
            reset_counts(&mut facts);
        }
    }
    let mut unread = None;
    if !facts.is_shown() && !facts.inner {
        // Lists show a session in which somebody typed something, which may be anywhere in the file.
        unread = Some(search_typed(program, &mut window.file, &mut facts)?);
    }
    let unread = unread.filter(|unread| unread.is_partial() && !facts.is_shown());
    Ok(Skimmed { facts, is_all: is_whole || look == ReadDepth::Ends, unread })
}

/// Reads lines until a prompt or command is found; returns what could not be read before it.
fn search_typed(
    program: &dyn SessionReader,
    file: &mut File,
    facts: &mut ConversationFacts,
) -> io::Result<TranscriptReading> {
    let mut found = ConversationFacts { id: facts.id.clone(), ..ConversationFacts::default() };
    let mut unread = TranscriptReading::default();
    file.seek(SeekFrom::Start(0))?;
    lines::read(file, |line| {
        if let Some(bytes) = unread.note(line) {
            unread.unreadable += u64::from(!apply_if_counted(program, &mut found, bytes));
        }
        found.first_typed().is_none()
    })?;
    facts.first_prompt = found.first_prompt;
    facts.first_command = found.first_command;
    facts.last_prompt = facts.last_prompt.take().or(found.last_prompt);
    Ok(unread)
}

/// Adds a line to the facts if it counts; returns whether it could be read.
fn apply_if_counted(program: &dyn SessionReader, facts: &mut ConversationFacts, line: &[u8]) -> bool {
    if program.is_counted(line) { program.apply_line(facts, line) } else { looks_like_json(line) }
}

fn reset_counts(facts: &mut ConversationFacts) {
    (facts.messages, facts.unanswered) = (0, 0);
    facts.last_answer = None;
    facts.recent_usage.clear();
    facts.days.clear();
}

/// A part of a file, in a buffer that is reused for the next part.
struct Window {
    file: File,
    bytes: Vec<u8>,
}

impl Window {
    /// Reads at most `most` bytes from an offset on.
    fn read(&mut self, offset: u64, most: u64) -> io::Result<&[u8]> {
        let most = usize::try_from(most).unwrap_or_default();
        self.bytes.resize(most.max(self.bytes.len()), 0);
        let got = fill(&self.file, &mut self.bytes[..most], offset)?;
        Ok(&self.bytes[..got])
    }
}

/// Reads from the beginning until the id, the working directory, and the first prompt are known; returns the offset after that.
fn head(
    program: &dyn SessionReader,
    window: &mut Window,
    length: u64,
    facts: &mut ConversationFacts,
) -> io::Result<u64> {
    let mut most = FIRST_READ;
    loop {
        let bytes = window.read(0, most.min(length))?;
        let whole = memchr::memrchr(b'\n', bytes).map_or(0, |end| end + 1);
        let mut now = facts.clone();
        let is_enough =
            |now: &ConversationFacts| now.cwd.is_some() && now.first_prompt.is_some() && now.id.is_some();
        let mut read = 0;
        while read < whole && !is_enough(&now) {
            let end = memchr::memchr(b'\n', &bytes[read..whole]).map_or(whole, |end| read + end);
            program.apply_line(&mut now, &bytes[read..end]);
            read = end + 1;
        }
        if is_enough(&now) || most >= MAX_READ || bytes.len() as u64 >= length {
            *facts = now;
            return Ok(read as u64);
        }
        most *= 4;
    }
}

/// Reads the last lines of the file, beginning with the last one that names the working directory.
fn tail(
    program: &dyn SessionReader,
    window: &mut Window,
    all: Range<u64>,
    begun: &ConversationFacts,
    facts: &mut ConversationFacts,
) -> io::Result<()> {
    let mut most = if begun.cwd.is_some() { TAIL_READ } else { FIRST_READ };
    loop {
        let start = all.end.saturating_sub(most).max(all.start);
        let bytes = window.read(start, all.end - start)?;
        // The first line is incomplete, unless the head ended here.
        let is_part = start > all.start;
        let begin = if is_part { memchr::memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1) } else { 0 };
        // Earlier lines may name a working directory that the session has left.
        let last = last_cwd_line(&bytes[begin..]);
        if last.is_some() || begun.cwd.is_some() || most >= MAX_READ || !is_part {
            let mut now = ConversationFacts { id: facts.id.clone(), inner: facts.inner, ..begun.clone() };
            let mut rest = &bytes[begin + last.unwrap_or(0)..];
            while !rest.is_empty() {
                let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                program.apply_line(&mut now, &rest[..end]);
                rest = rest.get(end + 1..).unwrap_or_default();
            }
            facts.join(now);
            return Ok(());
        }
        most *= 4;
    }
}

/// Returns the start of the last line that names the working directory. The search goes line by line from the end, because in a long
/// line the field is near the beginning.
fn last_cwd_line(bytes: &[u8]) -> Option<usize> {
    let place = memmem::Finder::new(CWD_FIELD);
    let mut end = bytes.len();
    loop {
        let begin = memchr::memrchr(b'\n', &bytes[..end]).map_or(0, |before| before + 1);
        if place.find(&bytes[begin..end]).is_some() {
            return Some(begin);
        }
        end = begin.checked_sub(1)?;
    }
}

/// Reads every line. `known` is an earlier result: if the file has only grown since, only its new lines are read. Returns the result
/// up to the last whole line, and the facts including the bytes after it.
///
/// # Errors
/// The file cannot be read.
pub fn read_all(
    program: &dyn SessionReader,
    place: &ConversationFile,
    known: Option<TranscriptReading>,
) -> io::Result<(TranscriptReading, ConversationFacts)> {
    let file = open(&place.path)?;
    let length = file.metadata()?.len();
    let mut read = known
        .filter(|known| still_begins(&file, length, known))
        .unwrap_or_else(|| TranscriptReading { facts: program.begin(place), ..TranscriptReading::default() });
    (&file).seek(SeekFrom::Start(read.offset))?;
    read.is_torn = false;
    let mut cut = None;
    let done = lines::read((&file).take(length - read.offset), |line| {
        match (read.note(line), line) {
            // A line that is being written counts now, and is read again when it is complete.
            (Some(bytes), RawLine::Cut(_)) => cut = Some(bytes.to_vec()),
            (Some(bytes), _) => {
                read.unreadable += u64::from(!apply_if_counted(program, &mut read.facts, bytes));
            }
            (None, _) => {}
        }
        true
    })?;
    read.offset += done;
    read.mark = mark(&file, read.offset);
    let mut facts = read.facts.clone();
    if let Some(line) = cut {
        read.is_torn = !apply_if_counted(program, &mut facts, &line);
    }
    Ok((read, facts))
}

/// Returns the facts of a subagent without what the transcript of its session holds as well, and what could not be read.
///
/// # Errors
/// One of the files cannot be read.
pub fn own_part(
    program: &dyn SessionReader,
    inner: &ConversationFile,
    conversation: &Path,
) -> io::Result<(ConversationFacts, TranscriptReading)> {
    match program.own_part(&inner.path, conversation)? {
        Some(own) => Ok((own, TranscriptReading::default())),
        None => {
            let (TranscriptReading { passed_over, unreadable, is_torn, .. }, facts) =
                read_all(program, inner, None)?;
            Ok((
                facts,
                TranscriptReading { passed_over, unreadable, is_torn, ..TranscriptReading::default() },
            ))
        }
    }
}

/// Returns whether a line is empty or may be a JSON object, for lines that do not count.
fn looks_like_json(line: &[u8]) -> bool {
    let line = json::without_nul(line).trim_ascii();
    line.is_empty() || (line.ends_with(b"}") && line.contains(&b'{'))
}

fn still_begins(file: &File, length: u64, known: &TranscriptReading) -> bool {
    known.offset > 0 && known.offset <= length && mark(file, known.offset) == known.mark
}

/// Computes a digest (FNV-1a) of the bytes before an offset.
fn mark(file: &File, offset: u64) -> u64 {
    let mut bytes = [0; MARK_LENGTH];
    let length = usize::try_from(offset).unwrap_or(MARK_LENGTH).min(MARK_LENGTH);
    match fill(file, &mut bytes[..length], offset - length as u64) {
        Ok(got) => bytes[..got]
            .iter()
            .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)),
        Err(_) => 0,
    }
}

/// Reads at an offset until the buffer is full or the file ends.
fn fill(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match file.read_at(&mut buffer[got..], offset + got as u64) {
            Ok(0) => break,
            Ok(more) => got += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}
