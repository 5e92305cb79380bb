//! Reading transcripts: the beginning and the end for a list, every line for what is counted, only new lines where the others
//! are known.

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

/// Bytes read at the beginning and at the end, growing as long as nothing is found, in five steps.
const FIRST: u64 = 4 << 10;
/// Bytes read at the end where no line says where the conversation is, so that nothing tells how many are enough.
const ENOUGH: u64 = 8 << 10;
const MOST: u64 = 1 << 20;
/// How the lines begin that say where a conversation is, in every program's JSON; in a text the quotes would be escaped.
const PLACE: &[u8] = b"\"cwd\":\"";
/// Bytes before the end of what is known that must still be the same.
const MARK: usize = 64;

/// What a look at the beginning and the end of a file found.
#[derive(Clone, Debug)]
pub struct Skimmed {
    /// What is known.
    pub facts: ConversationFacts,
    /// Whether it is all that [`ReadDepth::Ends`] would have found.
    pub is_all: bool,
    /// What could not be read of a file in which nothing was found that a list shows.
    pub unread: Option<TranscriptReading>,
}

/// How much of a file a look takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReadDepth {
    /// Its beginning: what it is, where it began, what was asked first.
    Beginning,
    /// Its end as well: where it is now, what was asked last.
    Ends,
}

/// What a list must know of a conversation.
///
/// # Errors
/// The file cannot be read.
pub fn skim(program: &dyn SessionReader, place: &ConversationFile, look: ReadDepth) -> io::Result<Skimmed> {
    let mut window = Window { file: open(&place.path)?, bytes: Vec::new() };
    // What it got since it was found is read next time: it is remembered with the size that it had then.
    let length = place.size;
    let begun = program.begin(place);
    let mut facts = begun.clone();
    let read = head(program, &mut window, length, &mut facts)?;
    let is_whole = read >= length;
    if !is_whole {
        // What was counted so far is a part only.
        uncount(&mut facts);
        if look == ReadDepth::Ends {
            tail(program, &mut window, read..length, &begun, &mut facts)?;
            uncount(&mut facts);
        }
    }
    let mut unread = None;
    if !facts.is_shown() && !facts.inner {
        // What a person typed may stand anywhere, and a list shows what has something typed.
        unread = Some(search_typed(program, &mut window.file, &mut facts)?);
    }
    let unread = unread.filter(|unread| unread.is_partial() && !facts.is_shown());
    Ok(Skimmed { facts, is_all: is_whole || look == ReadDepth::Ends, unread })
}

/// Reads on until something typed is found; gives what could not be read up to there.
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
            unread.unreadable += u64::from(!learn(program, &mut found, bytes));
        }
        found.first_typed().is_none()
    })?;
    facts.first_prompt = found.first_prompt;
    facts.first_command = found.first_command;
    facts.last_prompt = facts.last_prompt.take().or(found.last_prompt);
    Ok(unread)
}

/// Adds what a line says, where it counts; gives whether it could be read.
fn learn(program: &dyn SessionReader, facts: &mut ConversationFacts, line: &[u8]) -> bool {
    if program.is_counted(line) { program.apply_line(facts, line) } else { looks_like_json(line) }
}

fn uncount(facts: &mut ConversationFacts) {
    (facts.messages, facts.unanswered) = (0, 0);
    facts.last_answer = None;
    facts.recent_usage.clear();
    facts.days.clear();
}

/// A part of a file, in memory that serves for the next one too.
struct Window {
    file: File,
    bytes: Vec<u8>,
}

impl Window {
    /// So many bytes from an offset on, or as many as there are.
    fn read(&mut self, offset: u64, most: u64) -> io::Result<&[u8]> {
        let most = usize::try_from(most).unwrap_or_default();
        self.bytes.resize(most.max(self.bytes.len()), 0);
        let got = fill(&self.file, &mut self.bytes[..most], offset)?;
        Ok(&self.bytes[..got])
    }
}

/// Reads until it is known where the conversation is and what was asked; gives up to where.
fn head(
    program: &dyn SessionReader,
    window: &mut Window,
    length: u64,
    facts: &mut ConversationFacts,
) -> io::Result<u64> {
    let mut most = FIRST;
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
        if is_enough(&now) || most >= MOST || bytes.len() as u64 >= length {
            *facts = now;
            return Ok(read as u64);
        }
        most *= 4;
    }
}

/// Reads what stands at the end: the last whole lines that say where the conversation is now.
fn tail(
    program: &dyn SessionReader,
    window: &mut Window,
    all: Range<u64>,
    begun: &ConversationFacts,
    facts: &mut ConversationFacts,
) -> io::Result<()> {
    let mut most = if begun.cwd.is_some() { ENOUGH } else { FIRST };
    loop {
        let start = all.end.saturating_sub(most).max(all.start);
        let bytes = window.read(start, all.end - start)?;
        // The first line is a part of one, unless the head ended here.
        let is_part = start > all.start;
        let begin = if is_part { memchr::memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1) } else { 0 };
        // From the last line on that says where the conversation is: what stands before is of yesterday.
        let last = last_place(&bytes[begin..]);
        if last.is_some() || begun.cwd.is_some() || most >= MOST || !is_part {
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

/// Where the last line begins that says where the conversation is. It is looked for line by line, from the end: where the line is
/// long, it stands near its beginning.
fn last_place(bytes: &[u8]) -> Option<usize> {
    let place = memmem::Finder::new(PLACE);
    let mut end = bytes.len();
    loop {
        let begin = memchr::memrchr(b'\n', &bytes[..end]).map_or(0, |before| before + 1);
        if place.find(&bytes[begin..end]).is_some() {
            return Some(begin);
        }
        end = begin.checked_sub(1)?;
    }
}

/// Every line. `known` is what was read before: of a file that only grew, its new lines are read alone. Gives where to read on,
/// and what is known with what stands behind the last whole line.
///
/// # Errors
/// The file cannot be read.
pub fn whole(
    program: &dyn SessionReader,
    place: &ConversationFile,
    known: Option<TranscriptReading>,
) -> io::Result<(TranscriptReading, ConversationFacts)> {
    let mut file = open(&place.path)?;
    let length = file.metadata()?.len();
    let mut read = known
        .filter(|known| still_begins(&file, length, known))
        .unwrap_or_else(|| TranscriptReading { facts: program.begin(place), ..TranscriptReading::default() });
    file.seek(SeekFrom::Start(read.offset))?;
    read.is_torn = false;
    let mut cut = None;
    let done = lines::read(file.try_clone()?.take(length - read.offset), |line| {
        match (read.note(line), line) {
            // An end that is being written is looked at, and read again when it has become a line.
            (Some(bytes), RawLine::Cut(_)) => cut = Some(bytes.to_vec()),
            (Some(bytes), _) => read.unreadable += u64::from(!learn(program, &mut read.facts, bytes)),
            (None, _) => {}
        }
        true
    })?;
    read.offset += done;
    read.mark = mark(&file, read.offset);
    let mut facts = read.facts.clone();
    if let Some(line) = cut {
        read.is_torn = !learn(program, &mut facts, &line);
    }
    Ok((read, facts))
}

/// What a sub-agent used and said that is not in the file of its conversation as well; and what could not be read of its file.
///
/// # Errors
/// One of the files cannot be read.
pub fn inner(
    program: &dyn SessionReader,
    inner: &ConversationFile,
    conversation: &Path,
) -> io::Result<(ConversationFacts, TranscriptReading)> {
    match program.own_part(&inner.path, conversation)? {
        Some(own) => Ok((own, TranscriptReading::default())),
        None => {
            let (TranscriptReading { passed_over, unreadable, is_torn, .. }, facts) =
                whole(program, inner, None)?;
            Ok((
                facts,
                TranscriptReading { passed_over, unreadable, is_torn, ..TranscriptReading::default() },
            ))
        }
    }
}

/// Whether a line that counts for nothing may be an object, or is empty.
fn looks_like_json(line: &[u8]) -> bool {
    let line = json::without_nul(line).trim_ascii();
    line.is_empty() || (line.ends_with(b"}") && line.contains(&b'{'))
}

fn still_begins(file: &File, length: u64, known: &TranscriptReading) -> bool {
    known.offset > 0 && known.offset <= length && mark(file, known.offset) == known.mark
}

/// A digest (FNV-1a) of the bytes before an offset.
fn mark(file: &File, offset: u64) -> u64 {
    let mut bytes = [0; MARK];
    let length = usize::try_from(offset).unwrap_or(MARK).min(MARK);
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
