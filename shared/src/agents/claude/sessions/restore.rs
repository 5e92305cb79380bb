//! A conversation of another machine, put where the program looks for it here.

use std::{fs, path::Path};

use serde_json::Value;

use super::config::{self, transcript};
use crate::{
    Error, Kind, Result, conversation::is_id, error::Context, model::text, private_files, world::Environment,
};

/// Longest conversation that is moved along, in bytes.
const LARGEST: u64 = 256 << 20;

/// Puts a conversation where the program looks for it when it runs in `folder`. It speaks of the folder in which it was had: that
/// becomes this one, or the program would go on writing there.
///
/// # Errors
/// The id is none, or the file cannot be written.
pub(super) fn restore(environment: &Environment, session: &str, folder: &Path, content: &[u8]) -> Result<()> {
    let cannot = || format!("cannot put back the conversation {}", text::safe(session));
    let config = config::dirs(environment).into_iter().next().filter(|_| is_id(session));
    let config = config.ok_or_else(|| Error::new(Kind::Refused, cannot()))?;
    let project = config.join("projects").join(project_name(folder));
    fs::create_dir_all(&project).context(Kind::External, cannot)?;
    let moved = moved(&String::from_utf8_lossy(content), folder);
    let path = project.join(format!("{session}.jsonl"));
    private_files::create_durably(&path, moved).context(Kind::External, cannot)
}

/// Puts a conversation where the program looks for it when it runs in `folder`, if it was had in a folder that is gone: that one was
/// renamed. The file as it was stays beside, under a name that is not a conversation's.
///
/// # Errors
/// The conversation cannot be read or written.
pub(super) fn follow(environment: &Environment, session: &str, folder: &Path) -> Result<()> {
    let Some(old) = transcript(environment, session) else { return Ok(()) };
    let cannot = || format!("cannot move the conversation {}", text::safe(session));
    if fs::metadata(&old).context(Kind::External, cannot)?.len() > LARGEST {
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
    // Its sub-agents.
    let inner = old.with_extension("");
    if let (true, Some(new)) = (inner.is_dir(), transcript(environment, session)) {
        fs::rename(inner, new.with_extension("")).context(Kind::External, cannot)?;
    }
    Ok(())
}

/// How the program calls the folder of the conversations that are had in `folder`.
fn project_name(folder: &Path) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    folder.to_string_lossy().chars().map(plain).collect()
}

/// The folder in which a conversation was had.
fn folder_of(content: &str) -> Option<String> {
    let mut lines = content.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let folder = lines.find_map(|line| line.get("cwd")?.as_str().map(str::to_owned))?;
    (folder.len() > 1 && folder.starts_with('/')).then_some(folder)
}

/// With its folder replaced, as it is spelled in JSON.
fn moved(content: &str, folder: &Path) -> String {
    let spelled = |text: &str| Value::from(text).to_string().trim_matches('"').to_owned();
    let Some(before) = folder_of(content) else { return content.to_owned() };
    let (before, after) = (spelled(&before), spelled(&folder.to_string_lossy()));
    let mut out = String::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = rest.find(&before) {
        let (whole, end) = (&rest[..at], &rest[at + before.len()..]);
        // Another folder may begin with the same name.
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
    fn it_moves_with_its_folder() {
        let line = |folder: &str| {
            format!(
                "{{\"cwd\":\"{folder}\",\"text\":\"in {folder}, {folder}/a.rs; not /w/x-2/b or /w/x.old\"}}\nno JSON\n"
            )
        };
        assert_eq!(moved(&line("/w/x"), Path::new("/v/y z")), line("/v/y z"));
        assert_eq!(moved("no JSON", Path::new("/v")), "no JSON");
    }
}
