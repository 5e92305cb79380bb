//! After agents have ended: who did what, and which command is next.

use orchestra::{
    model::{Liveness, Phase, setup, text},
    ops::agent_object::AgentObject,
};

use crate::{Terminal, agents, style::Painter};

/// How many failed agents get a hint of their own.
const MAX_FAILED: usize = 3;
/// How many lines of a screen are left for warnings and hints.
const OTHER_LINES: usize = 8;
/// What stands before the last words of an agent.
const INDENT: &str = "  ";

/// Prints what each agent did and said, on a terminal that has room for it, and what to do next. Elsewhere the line of each agent was
/// printed when it ended.
pub fn print(terminal: &Terminal, all: &[AgentObject]) {
    let ended: Vec<&AgentObject> = all.iter().filter(|agent| agent.liveness == Liveness::Ended).collect();
    if let Some((rows, columns)) = terminal.stderr_size().filter(|_| !ended.is_empty()) {
        // The table above has a row for each: of one that said nothing there is nothing to add.
        let speak = ended.iter().filter(|agent| agents::last_words(agent).is_some());
        let lines: Vec<String> =
            speak.flat_map(|agent| lines(agent, columns, terminal.painter_err())).collect();
        if ended.len() + lines.len() + OTHER_LINES <= rows {
            lines.iter().for_each(|line| terminal.eprintln(line));
        } else {
            terminal.eprintln(&totals(&ended));
        }
    }
    for hint in hints(&ended) {
        terminal.hint(&hint);
    }
}

/// Formats what an agent did: a line of figures, then its last words.
fn lines(agent: &AgentObject, columns: usize, painter: &Painter) -> Vec<String> {
    let words =
        agents::last_words(agent).map(|words| text::wrap(words, columns.saturating_sub(INDENT.len() + 1)));
    let words = words.unwrap_or_default().into_iter().map(|line| format!("{INDENT}{line}"));
    std::iter::once(agents::result(agent, painter)).chain(words).collect()
}

/// Formats what agents did together, such as `9 done, 1 failed: 12 commits, +340 -20; $4.20`.
fn totals(ended: &[&AgentObject]) -> String {
    let sum = |of: fn(&AgentObject) -> Option<u64>| {
        ended.iter().filter_map(|agent| of(agent)).fold(0, u64::saturating_add)
    };
    let (plus, minus) = (sum(|agent| agent.insertions), sum(|agent| agent.deletions));
    let commits = text::count(sum(|agent| agent.commits), "commit");
    let cost = ended.iter().any(|agent| agent.cost_usd.is_some());
    let cost =
        if cost { format!("; {}", agents::dollars(sum(AgentObject::cost_micros))) } else { String::new() };
    format!("{}: {commits}, +{plus} -{minus}{cost}", agents::summary_of(ended))
}

/// Returns what to type next: of agents that failed, how to see why and resume them; of work, how to look at it and land it.
fn hints(ended: &[&AgentObject]) -> Vec<String> {
    let has_failed = |agent: &&&AgentObject| matches!(agent.phase, Phase::Failed | Phase::Timeout);
    let failed: Vec<&AgentObject> = ended.iter().filter(has_failed).copied().collect();
    let logs = |agent: &&AgentObject| {
        let setup = if setup::is_failure(agent.reason.as_deref()) { " --setup" } else { "" };
        format!("'git orchestra logs {}{setup}' shows its output", agent.id)
    };
    let mut hints: Vec<String> = failed.iter().take(MAX_FAILED).map(logs).collect();
    match failed.as_slice() {
        [] => {}
        [one] if one.designer => {
            hints.push(format!("'git orchestra designer --continue={}' continues it", one.id));
        }
        [one] => hints.push(format!("'git orchestra resume {}' resumes it", one.id)),
        several => {
            let more = several.len().saturating_sub(MAX_FAILED);
            let more = if more > 0 { format!("{more} more failed; ") } else { String::new() };
            hints.push(format!("{more}'git orchestra resume AGENT' resumes one of them"));
        }
    }
    let lands = |agent: &&AgentObject| {
        agent.phase == Phase::Done
            && agent.commits.unwrap_or(0) > 0
            && agent.merged != Some(true)
            && agent.reviews.is_none()
    };
    if ended.iter().copied().any(|agent| lands(&agent)) {
        hints.push("'git orchestra review' looks at the work".to_owned());
        hints.push("'git orchestra merge-ranked --dry-run' shows how it lands".to_owned());
    }
    hints
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENT: &str = r#"{"id":"NAME-k3m9q","title":"Add tests","phase":"PHASE","liveness":"ended","waiting":null,"choice":false,"reason":null,"profile":"claude","model":null,"run":"019aa0a0a0a012345","place":2,"parent":null,"reviews":null,"attempt":1,"branch":"orchestra/x","base":"1111111111111111111111111111111111111111","head":null,"worktree":null,"worktree_state":null,"session":null,"writer":"5t2k","label":null,"told_at":"2026-11-21T01:40:13Z","pid":null,"supervisor_pid":null,"orphans":[],"queue_position":null,"queued_at":"2026-11-21T01:40:00Z","started_at":"2026-11-21T01:40:01Z","ended_at":"2026-11-21T01:41:01Z","exit_code":0,"activity":null,"last_words":"I added the tests.","commits":COMMITS,"files_changed":7,"insertions":8,"deletions":9,"left_out":0,"unfinished":null,"unsaved":null,"limit":null,"dirty":null,"cost_usd":0.21,"input_tokens":null,"output_tokens":null,"turns":7,"permission_mode":null,"denials":0,"verdict":null,"verdict_current":null,"proposed_verdict":null,"merged":false,"landed_in":null,"failed_check":null,"set_aside":null,"conflicts":0,"surroundings":[]}"#;

    fn agent(name: &str, phase: &str, commits: u64) -> AgentObject {
        let text = AGENT.replace("NAME", name).replace("PHASE", phase);
        serde_json::from_str(&text.replace("COMMITS", &commits.to_string())).unwrap()
    }

    #[test]
    fn the_last_words_follow_the_figures_and_fit() {
        let agent = agent("tidy", "done", 2);
        let shown = lines(&agent, 16, &Painter::new(false));
        assert_eq!(shown, ["tidy-k3m9q done: 2 commits, +8 -9; $0.21", "  I added the", "  tests."]);
        let same = AgentObject { reason: Some("it said: I added the tests.".to_owned()), ..agent };
        assert_eq!(lines(&same, 80, &Painter::new(false)).len(), 1, "the reason says it");
    }

    #[test]
    fn the_next_command_depends_on_how_the_agents_ended() {
        let next = |all: &[AgentObject]| hints(&all.iter().collect::<Vec<_>>());
        let land = [
            "'git orchestra review' looks at the work",
            "'git orchestra merge-ranked --dry-run' shows how it lands",
        ];
        assert_eq!(next(&[agent("a", "done", 1), agent("b", "stopped", 0)]), land);
        assert_eq!(
            next(&[agent("a", "done", 0), AgentObject { merged: Some(true), ..agent("b", "done", 1) }]),
            [""; 0]
        );
        assert_eq!(
            next(&[agent("x", "failed", 1)]),
            ["'git orchestra logs x-k3m9q' shows its output", "'git orchestra resume x-k3m9q' resumes it"]
        );
        let failed: Vec<AgentObject> = (0..5).map(|_| agent("x", "failed", 1)).collect();
        let shown = next(&failed);
        assert_eq!(shown.len(), MAX_FAILED + 1);
        assert_eq!(shown[MAX_FAILED], "2 more failed; 'git orchestra resume AGENT' resumes one of them");
    }

    #[test]
    fn many_agents_are_summed_up() {
        let all = [agent("a", "done", 1), agent("b", "failed", 2)];
        let shown = totals(&all.iter().collect::<Vec<_>>());
        assert_eq!(shown, "1 done, 1 failed: 3 commits, +16 -18; $0.42");
    }
}
