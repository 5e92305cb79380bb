//! What `status` shows of an agent that waits for room on the machine, or is held: a file in the agent's private folder.

use serde::{Deserialize, Serialize};

use super::judge::Shortage;
use crate::{git::careful, private_files, store::layout::AgentDir};

/// What an agent waits for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ShownShortage {
    /// What the machine is short of.
    pub shortage: Shortage,
    /// Whether its program was running and is held; if not, its program is not started.
    pub held: bool,
}

impl ShownShortage {
    /// Reads the file of an agent; `None` if it waits for nothing.
    pub fn read(dir: &AgentDir) -> Option<Self> {
        serde_json::from_slice(&careful::read(dir.shortage()).ok()?).ok()
    }

    /// Writes the file. On a full disk that may fail; then `status` does not say why the agent waits.
    pub fn write(&self, dir: &AgentDir) {
        if let Ok(text) = serde_json::to_vec(self) {
            let _ = private_files::replace(&dir.shortage(), text);
        }
    }

    /// Removes the file.
    pub fn remove(dir: &AgentDir) {
        let _ = std::fs::remove_file(dir.shortage());
    }

    /// Formats it, such as `held: low memory (310 MiB free, 512 MiB needed)`.
    pub fn sentence(&self) -> String {
        let sentence = self.shortage.sentence();
        if !self.held {
            return format!("waits for {sentence}");
        }
        let more = sentence.split_once(": ").map_or(sentence.as_str(), |(_, more)| more);
        format!("held: {} ({more})", self.shortage.resource.low())
    }

    /// Formats it as part of a sentence about the agent, such as `is held: low memory (310 MiB free, 512 MiB needed)`.
    pub fn clause(&self) -> String {
        let sentence = self.sentence();
        if self.held { format!("is {sentence}") } else { sentence }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervise::guard::Resource;

    #[test]
    fn it_says_whether_the_agent_is_held() {
        let mib = |count: u64| count * 1024 * 1024;
        let shortage = Shortage { resource: Resource::Memory, found: mib(310), needed: mib(512) };
        for (held, sentence) in [
            (true, "held: low memory (310 MiB free, 512 MiB needed)"),
            (false, "waits for memory: 310 MiB free, 512 MiB needed"),
        ] {
            assert_eq!(ShownShortage { shortage, held }.sentence(), sentence);
        }
    }
}
