//! Reading, writing and editing files.

use std::io::{self, Read, Seek, Write};

use super::{super::confined::Folders, Outcome};

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 8 << 20;
/// The longest part of a file that the model gets, in bytes.
const MAX_SHOWN: usize = 128 << 10;

/// Returns a file from a line on.
pub(super) fn read(folders: &Folders, path: &str, first_line: usize) -> Outcome {
    let content = folders.place(path).and_then(|place| {
        let mut file = place.read().map_err(|error| cannot("read", path, &error))?;
        whole(&mut file, path)
    });
    match content {
        Ok(content) => shown(&content, first_line),
        Err(why) => Outcome::error(why),
    }
}

fn shown(content: &str, first_line: usize) -> Outcome {
    let skipped: usize = content.split_inclusive('\n').take(first_line.saturating_sub(1)).map(str::len).sum();
    let rest = &content[skipped..];
    if rest.len() <= MAX_SHOWN {
        return Outcome::ok(rest);
    }
    let mut shown = 0;
    let mut next_line = first_line.max(1);
    for line in rest.split_inclusive('\n') {
        if shown + line.len() > MAX_SHOWN {
            break;
        }
        shown += line.len();
        next_line += 1;
    }
    if shown == 0 {
        let cut = (0..=MAX_SHOWN).rev().find(|at| rest.is_char_boundary(*at)).unwrap_or_default();
        return Outcome::ok(format!("{}\n… the line is longer than {MAX_SHOWN} bytes …", &rest[..cut]));
    }
    Outcome::ok(format!("{}… it continues: first_line {next_line} …", &rest[..shown]))
}

/// Writes a whole file.
pub(super) fn write(folders: &Folders, path: &str, content: &str) -> Outcome {
    let written = folders.place(path).and_then(|place| {
        let written = place.make().and_then(|mut file| replace(&mut file, content));
        written.map_err(|error| cannot("write", path, &error))
    });
    match written {
        Ok(()) => Outcome::ok(format!("wrote {} bytes to {path}", content.len())),
        Err(why) => Outcome::error(why),
    }
}

/// Replaces a text that occurs exactly once.
pub(super) fn edit(folders: &Folders, path: &str, old: &str, new: &str) -> Outcome {
    let edited = folders.place(path).and_then(|place| {
        let mut file = place.change().map_err(|error| cannot("edit", path, &error))?;
        let content = whole(&mut file, path)?;
        let edited = replaced(&content, old, new)?;
        replace(&mut file, &edited).map_err(|error| cannot("edit", path, &error))
    });
    match edited {
        Ok(()) => Outcome::ok(format!("edited {path}")),
        Err(why) => Outcome::error(why),
    }
}

fn replaced(content: &str, old: &str, new: &str) -> Result<String, String> {
    match content.matches(old).count() {
        _ if old.is_empty() => Err("'old' is empty: write_file writes a whole file".to_owned()),
        1 => Ok(content.replacen(old, new, 1)),
        0 => Err("'old' does not occur in the file: read it again".to_owned()),
        several => Err(format!("'old' occurs {several} times: add lines around it")),
    }
}

fn whole(file: &mut std::fs::File, path: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read =
        file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| cannot("read", path, &error))?;
    if read as u64 > MAX_FILE {
        return Err(format!("'{path}' is larger than {MAX_FILE} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| format!("'{path}' is not UTF-8 text"))
}

fn replace(file: &mut std::fs::File, content: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(content.as_bytes())
}

fn cannot(what: &str, path: &str, error: &io::Error) -> String {
    format!("cannot {what} '{path}': {error}")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_are_read_written_and_edited() {
        let dir = tempfile::tempdir().expect("a folder");
        let folders = Folders::open(dir.path(), &[]).expect("folders");
        assert_eq!(write(&folders, "a/b", "one\ntwo\nthree\n"), Outcome::ok("wrote 14 bytes to a/b"));
        assert_eq!(read(&folders, "a/b", 2), Outcome::ok("two\nthree\n"));
        assert_eq!(edit(&folders, "a/b", "two\n", "2\n"), Outcome::ok("edited a/b"));
        assert_eq!(fs::read_to_string(dir.path().join("a/b")).expect("a file"), "one\n2\nthree\n");
        assert!(edit(&folders, "a/b", "e", "E").text.contains("occurs 3 times"));
        assert!(edit(&folders, "a/b", "none", "E").text.contains("does not occur"));
        assert!(edit(&folders, "a/b", "", "E").is_error && edit(&folders, "missing", "a", "b").is_error);
        assert!(!dir.path().join("missing").exists());
        assert!(write(&folders, "../x", "x").is_error);
        fs::write(dir.path().join("bytes"), [0xff, 0xfe]).expect("a file");
        assert!(read(&folders, "bytes", 1).text.contains("not UTF-8"));
    }

    #[test]
    fn a_long_file_is_read_in_parts() {
        let dir = tempfile::tempdir().expect("a folder");
        let folders = Folders::open(dir.path(), &[]).expect("folders");
        let content: String = (0..20_000).map(|number| format!("line {number}\n")).collect();
        fs::write(dir.path().join("long"), &content).expect("a file");
        let (mut line, mut parts) = (1, String::new());
        loop {
            let part = read(&folders, "long", line).text;
            match part.split_once("… it continues: first_line ") {
                Some((text, next)) => {
                    parts.push_str(text);
                    line = next.trim_end_matches(" …").parse().expect("a number");
                }
                None => break parts.push_str(&part),
            }
        }
        assert_eq!(parts, content);
        fs::write(dir.path().join("wide"), "ü".repeat(MAX_SHOWN)).expect("a file");
        assert!(read(&folders, "wide", 1).text.ends_with(" bytes …"));
    }
}
