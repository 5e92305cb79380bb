//! Reading transcripts: the beginning and the end for a list, every line for what is counted, only new lines where the others
//! are known.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::FileExt,
    sync::atomic::{AtomicUsize, Ordering},
};

use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::{
    Facts, Place, Program,
    lines::{self, Line},
};

/// Bytes read at the beginning and at the end, growing as long as nothing is found, in four steps.
const FIRST: usize = 8 << 10;
const MOST: usize = 512 << 10;
/// How the lines begin that say where a conversation is, in every program's JSON; in a text the quotes would be escaped.
const PLACE: &[u8] = b"\"cwd\":\"";
/// Bytes before the end of what is known that must still be the same.
const MARK: usize = 64;

/// Every line of a file, up to some offset.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Reading {
    /// What is known.
    pub facts: Facts,
    /// Every line up to here is in it.
    pub offset: u64,
    /// Tells whether what stands before the offset is still the same.
    pub mark: u64,
    /// The longest line that was passed over.
    pub passed_over: u64,
}

/// What a list must know of a conversation: where it was, what it is called, what was asked.
///
/// # Errors
/// The file cannot be read.
pub fn skim(program: &dyn Program, place: &Place) -> io::Result<Facts> {
    let file = File::open(&place.path)?;
    let length = file.metadata()?.len();
    let begun = program.begin(place);
    let mut facts = begun.clone();
    let read = head(program, &file, length, &mut facts)?;
    if read < length {
        // What was counted so far is a part only.
        let (messages, days) = (0, std::collections::BTreeMap::new());
        facts = Facts { messages, days, unanswered: 0, last_answer: None, last_usage: None, ..facts };
        tail(program, &file, read, length, &begun, &mut facts)?;
        (facts.messages, facts.unanswered) = (0, 0);
        facts.days.clear();
    }
    Ok(facts)
}

/// Reads until it is known where the conversation is and what was asked; gives up to where.
fn head(program: &dyn Program, file: &File, length: u64, facts: &mut Facts) -> io::Result<u64> {
    let mut window = FIRST;
    loop {
        let mut bytes = vec![0; window.min(usize::try_from(length).unwrap_or(window))];
        let got = fill(file, &mut bytes, 0)?;
        let whole = memchr::memrchr(b'\n', &bytes[..got]).map_or(0, |end| end + 1);
        let mut now = facts.clone();
        let is_enough = |now: &Facts| now.cwd.is_some() && now.first_prompt.is_some() && now.id.is_some();
        let mut read = 0;
        while read < whole && !is_enough(&now) {
            let end = memchr::memchr(b'\n', &bytes[read..whole]).map_or(whole, |end| read + end);
            program.learn(&mut now, &bytes[read..end]);
            read = end + 1;
        }
        if is_enough(&now) || window >= MOST || got as u64 >= length {
            *facts = now;
            return Ok(read as u64);
        }
        window *= 4;
    }
}

/// Reads what stands at the end: the last whole lines that say where the conversation is now.
fn tail(
    program: &dyn Program,
    file: &File,
    from: u64,
    length: u64,
    begun: &Facts,
    facts: &mut Facts,
) -> io::Result<()> {
    let mut window = FIRST as u64;
    loop {
        let start = length.saturating_sub(window).max(from);
        let mut bytes = vec![0; usize::try_from(length - start).unwrap_or(0)];
        let got = fill(file, &mut bytes, start)?;
        let bytes = &bytes[..got];
        // The first line is a part of one, unless the head ended here.
        let begin = if start == from { 0 } else { memchr::memchr(b'\n', bytes).map_or(got, |end| end + 1) };
        // From the last line on that says where the conversation is: what stands before is of yesterday.
        let last = memmem::rfind(&bytes[begin..], PLACE).map(|at| begin + at);
        if last.is_some() || begun.cwd.is_some() || window >= MOST as u64 || start == from {
            let line =
                |at: usize| memchr::memrchr(b'\n', &bytes[begin..at]).map_or(begin, |end| begin + end + 1);
            let mut now = Facts { id: facts.id.clone(), inner: facts.inner, ..begun.clone() };
            bytes[last.map_or(begin, line)..]
                .split(|byte| *byte == b'\n')
                .for_each(|line| program.learn(&mut now, line));
            facts.join(now);
            return Ok(());
        }
        window *= 4;
    }
}

/// Every line. `known` is what was read before: of a file that only grew, its new lines are read alone. Gives where to read on,
/// and what is known with what stands behind the last whole line.
///
/// # Errors
/// The file cannot be read.
pub fn whole(program: &dyn Program, place: &Place, known: Option<Reading>) -> io::Result<(Reading, Facts)> {
    let mut file = File::open(&place.path)?;
    let length = file.metadata()?.len();
    let mut read = known
        .filter(|known| still_begins(&file, length, known))
        .unwrap_or_else(|| Reading { facts: program.begin(place), ..Reading::default() });
    file.seek(SeekFrom::Start(read.offset))?;
    let (facts, passed) = (&mut read.facts, &mut read.passed_over);
    let mut cut = None;
    let done = lines::read(file.try_clone()?.take(length - read.offset), |line| {
        match line {
            Line::Whole(bytes) if program.counts(bytes) => program.learn(facts, bytes),
            // An end that is being written is looked at, and read again when it has become a line.
            Line::Cut(bytes) => cut = Some(bytes.to_vec()),
            Line::Whole(_) => {}
            Line::TooLong(length) => *passed = length.max(*passed),
        }
        true
    })?;
    read.offset += done;
    read.mark = mark(&file, read.offset);
    let mut facts = read.facts.clone();
    if let Some(line) = cut {
        program.learn(&mut facts, &line);
    }
    Ok((read, facts))
}

fn still_begins(file: &File, length: u64, known: &Reading) -> bool {
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

/// Does the same to every item, on all cores; the results stand in the order of the items.
pub fn on_all_cores<T: Sync, R: Send>(items: &[T], each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(items.len());
    if cores <= 1 {
        return items.iter().map(each).collect();
    }
    let next = AtomicUsize::new(0);
    let mut done: Vec<Option<R>> = Vec::new();
    done.resize_with(items.len(), || None);
    std::thread::scope(|scope| {
        let work = || {
            let mut mine = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = items.get(at) else { return mine };
                mine.push((at, each(item)));
            }
        };
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        for (at, result) in workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()) {
            done[at] = Some(result);
        }
    });
    done.into_iter().flatten().collect()
}

/// Opens the transcript of a place.
///
/// # Errors
/// It cannot be read.
pub fn open(place: &Place) -> io::Result<Box<dyn Read>> {
    Ok(Box::new(File::open(&place.path)?))
}
