//! Complete sessions: converting the output of `opencode export` to lines, and lines to the input of `opencode import`.

use std::{
    fs::File,
    io::{self, BufWriter, Read, Write},
    path::Path,
};

use serde::Deserialize;
use serde_json::value::RawValue;
use tempfile::NamedTempFile;

use super::command::{Opencode, run};
use crate::conversation::lines;

/// Maximum size of an export that is read, in bytes.
const MAX_EXPORT: u64 = 256 << 20;

#[derive(Deserialize)]
struct Export<'a> {
    #[serde(borrow)]
    info: &'a RawValue,
    #[serde(borrow)]
    messages: Vec<&'a RawValue>,
}

/// Exports a complete session: a line for the session itself, and one for each of its messages.
///
/// # Errors
/// The program fails, or gives no such thing.
pub(super) fn whole(program: &Opencode, id: &str) -> io::Result<NamedTempFile> {
    let mut said = String::new();
    run(program, &["export", id], Path::new("/"))?.take(MAX_EXPORT).read_to_string(&mut said)?;
    let file = NamedTempFile::new()?;
    let mut sink = BufWriter::new(file.as_file());
    write_lines(&said, &mut sink)?;
    sink.flush()?;
    drop(sink);
    Ok(file)
}

fn write_lines(said: &str, sink: &mut impl Write) -> io::Result<()> {
    let export: Export<'_> = serde_json::from_str(said)?;
    writeln!(sink, "{{\"info\":{}}}", on_one_line(export.info.get()))?;
    export.messages.iter().try_for_each(|message| writeln!(sink, "{}", on_one_line(message.get())))
}

/// Removes the white space between the tokens of JSON, and with it all line breaks.
fn on_one_line(json: &str) -> String {
    let (mut in_text, mut escaped) = (false, false);
    let keep = |c: &char| {
        let keep = in_text || !c.is_ascii_whitespace();
        match c {
            '"' if !escaped => in_text = !in_text,
            _ => {}
        }
        escaped = in_text && *c == '\\' && !escaped;
        keep
    };
    json.chars().filter(keep).collect()
}

/// Imports a session into the program, in the session's working directory.
///
/// # Errors
/// The lines are none of a conversation, or the program fails.
pub(super) fn import(program: &Opencode, transcript: &Path, folder: &Path) -> io::Result<()> {
    let file = NamedTempFile::with_suffix(".json")?;
    let mut sink = BufWriter::new(file.as_file());
    let mut written = Ok(());
    let mut count = 0u64;
    lines::read(File::open(transcript)?, |line| {
        written = line.bytes().map_or_else(
            || Err(io::Error::other("a line is too long")),
            |bytes| write_element(&mut sink, count, bytes),
        );
        count += 1;
        written.is_ok()
    })?;
    written?;
    if count == 0 {
        return Err(io::Error::other("the transcript is empty"));
    }
    sink.write_all(b"]}")?;
    sink.flush()?;
    drop(sink);
    run(program, &["import", &file.path().to_string_lossy()], folder).map(|_| ())
}

fn write_element(sink: &mut impl Write, count: u64, line: &[u8]) -> io::Result<()> {
    match count {
        // The object of the session continues with its messages.
        0 => {
            let open =
                line.strip_suffix(b"}").ok_or_else(|| io::Error::other("the first line is cut off"))?;
            sink.write_all(open)?;
            sink.write_all(b",\"messages\":[")
        }
        1 => sink.write_all(line),
        _ => {
            sink.write_all(b",")?;
            sink.write_all(line)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_becomes_lines_and_its_texts_stay_as_they_are() {
        let export = "{\n  \"info\": {\n    \"id\": \"ses_1\", \"title\": \"a \\\"b  c\\\\\" },\n  \"messages\": [\n    \
                      { \"info\": {}, \"parts\": [ 1.50 ] },\n    { }\n  ]\n}\n";
        let mut out = Vec::new();
        write_lines(export, &mut out).expect("lines");
        let lines = "{\"info\":{\"id\":\"ses_1\",\"title\":\"a \\\"b  c\\\\\"}}\n{\"info\":{},\"parts\":[1.50]}\n{}\n";
        assert_eq!(String::from_utf8_lossy(&out), lines);
        let mut again = Vec::new();
        for (count, line) in lines.lines().enumerate() {
            write_element(&mut again, count as u64, line.as_bytes()).expect("written");
        }
        again.extend_from_slice(b"]}");
        let same: serde_json::Value = serde_json::from_slice(&again).expect("JSON");
        assert_eq!(same, serde_json::from_str::<serde_json::Value>(export).expect("JSON"));
        assert!(write_lines("{\"info\":1}", &mut Vec::new()).is_err());
    }
}
