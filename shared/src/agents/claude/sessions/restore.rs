//! Restoring a session from another machine, or after its working directory was renamed, to where the program looks for it.

use std::{fs, path::Path};

use serde_json::Value;

use super::config::{self, transcript};
use crate::{
    Error, Kind, Result, conversation::is_id, error::ErrorContext, model::text, private_files,
    world::Environment,
};

/// Maximum size of a transcript that is moved, in bytes.
const MAX_TRANSCRIPT: u64 = 256 << 20;

/// Writes a transcript to where the program looks for it when it runs in `folder`. The old working directory is replaced with
/// `folder` in its text, or the program would continue to write there.
///
/// # Errors
/// The id is none, or the file cannot be written.
pub(super) fn restore(environment: &Environment, session: &str, folder: &Path, content: &[u8]) -> Result<()> {
    let cannot = || format!("cannot restore the session {}", text::safe(session));
    let config = config::dirs(environment).into_iter().next().filter(|_| is_id(session));
    let config = config.ok_or_else(|| Error::new(Kind::Refused, cannot()))?;
    let project = config.join("projects").join(project_name(folder));
    fs::create_dir_all(&project).context(Kind::External, cannot)?;
    let moved = with_folder(&String::from_utf8_lossy(content), folder);
    let path = project.join(format!("{session}.jsonl"));
    private_files::create_durably(&path, moved).context(Kind::External, cannot)
}

/// Moves a session to where the program looks for it when it runs in `folder`, if its old working directory is gone because it was
/// renamed. The old transcript is kept in its folder, under a name that is not one of a transcript.
///
/// # Errors
/// The conversation cannot be read or written.
pub(super) fn follow(environment: &Environment, session: &str, folder: &Path) -> Result<()> {
    let Some(old) = transcript(environment, session) else { return Ok(()) };
    let cannot = || format!("cannot move the session {}", text::safe(session));
    if fs::metadata(&old).context(Kind::External, cannot)?.len() > MAX_TRANSCRIPT {
        return Ok(());
    }
    let content = fs::read(&old).context(Kind::External, cannot)?;
    let Some(before) = folder_of(&String::from_utf8_lossy(&content)) else { return Ok(()) };
    let is_named_after = |folder: &str| {
        old.parent().and_then(Path::file_name).is_some_and(|name| *name == *project_name(Path::new(folder)))
    };
    if Path::new(&before).exists() || !is_named_after(&before) {
        return Ok(());
    }
    restore(environment, session, folder, &content)?;
    fs::rename(&old, old.with_extension("jsonl.before-rename")).context(Kind::External, cannot)?;
    // The transcripts of its subagents move along.
    let inner = old.with_extension("");
    if let (true, Some(new)) = (inner.is_dir(), transcript(environment, session)) {
        fs::rename(inner, new.with_extension("")).context(Kind::External, cannot)?;
    }
    Ok(())
}

/// Returns the name that the program gives to the folder of transcripts for sessions in `folder`.
fn project_name(folder: &Path) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    folder.to_string_lossy().chars().map(plain).collect()
}

/// Returns the working directory of a session from its transcript.
fn folder_of(content: &str) -> Option<String> {
    let mut lines = content.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let folder = lines.find_map(|line| line.get("cwd")?.as_str().map(str::to_owned))?;
    (folder.len() > 1 && folder.starts_with('/')).then_some(folder)
}

/// Replaces the working directory in a transcript, as it is spelled in JSON.
fn with_folder(content: &str, folder: &Path) -> String {
    let spelled = |text: &str| Value::from(text).to_string().trim_matches('"').to_owned();
    let Some(before) = folder_of(content) else { return content.to_owned() };
    let (before, after) = (spelled(&before), spelled(&folder.to_string_lossy()));
    let mut out = String::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = rest.find(&before) {
        let (whole, end) = (&rest[..at], &rest[at + before.len()..]);
        // The path of another folder may begin with the same characters.
        let goes_on = end.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
        out.push_str(whole);
        out.push_str(if goes_on { &before } else { &after });
        rest = end;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_moves_with_its_folder() {
        let line = |folder: &str| {
            format!(
                "{{\"cwd\":\"{folder}\",\"text\":\"in {folder}, {folder}/a.rs; not /w/x-2/b or /w/x.old\"}}\nno JSON\n"
            )
        };
        assert_eq!(with_folder(&line("/w/x"), Path::new("/v/y z")), line("/v/y z"));
        assert_eq!(with_folder("no JSON", Path::new("/v")), "no JSON");
    }
}
