//! A conversation of another machine, put where the program looks for it here.

use std::{fs, io::Write, path::Path};

use serde_json::Value;

use super::config;
use crate::{Error, Kind, Result, conversation::program, error::Context, model::text};

/// Puts a conversation where the program looks for it when it runs in `folder`. It speaks of the folder in which it was had: that
/// becomes this one, or the program would go on writing there.
///
/// # Errors
/// The id is none, or the file cannot be written.
pub fn restore(session: &str, folder: &Path, content: &[u8]) -> Result<()> {
    let cannot = || format!("cannot put back the conversation {}", text::safe(session));
    let config = config::dirs().into_iter().next().filter(|_| program::is_id(session));
    let config = config.ok_or_else(|| Error::new(Kind::Refused, cannot()))?;
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = folder.to_string_lossy().chars().map(plain).collect();
    let project = config.join("projects").join(name);
    fs::create_dir_all(&project).context(Kind::External, cannot)?;
    let mut file = tempfile::NamedTempFile::new_in(&project).context(Kind::External, cannot)?;
    let moved = moved(&String::from_utf8_lossy(content), folder);
    file.write_all(moved.as_bytes()).context(Kind::External, cannot)?;
    file.persist_noclobber(project.join(format!("{session}.jsonl"))).context(Kind::External, cannot)?;
    Ok(())
}

/// With its folder replaced, as it is spelled in JSON.
fn moved(content: &str, folder: &Path) -> String {
    let mut lines = content.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let before = lines.find_map(|line| line.get("cwd")?.as_str().map(str::to_owned));
    let spelled = |text: &str| Value::from(text).to_string().trim_matches('"').to_owned();
    let Some(before) = before.filter(|before| before.len() > 1 && before.starts_with('/')) else {
        return content.to_owned();
    };
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
