//! Agents for the tests of windows.

use orchestra::ops::agent_object::{AgentObject, RequestObject};

const RUNNING: &str = r#"{"id":"NAME","title":"Add tests","phase":"PHASE","liveness":"LIVENESS","waiting":WAITING,"choice":false,"reason":null,"profile":"claude","model":null,"run":"019aa0a0a0a012345","place":2,"parent":null,"reviews":null,"attempt":1,"branch":"orchestra/x","base":"1111111111111111111111111111111111111111","head":null,"worktree":null,"worktree_state":null,"session":null,"writer":"5t2k","label":null,"told_at":"2026-11-21T01:40:13Z","pid":null,"supervisor_pid":7,"orphans":[],"queue_position":null,"queued_at":"2026-11-21T01:40:00Z","started_at":"2026-11-21T01:40:01Z","ended_at":null,"exit_code":null,"activity":null,"commits":4,"files_changed":7,"insertions":8,"deletions":9,"left_out":0,"unfinished":null,"unsaved":null,"limit":null,"dirty":null,"dirty_at":null,"cost_usd":0.21,"input_tokens":null,"output_tokens":null,"turns":7,"permission_mode":null,"denials":0,"verdict":null,"verdict_current":null,"proposed_verdict":null,"merged":false,"landed_in":null,"failed_check":null,"set_aside":null,"conflicts":0,"surroundings":[]}"#;

/// Returns an agent in a phase, which asks for something in the words of an older version.
pub(super) fn agent(name: &str, phase: &str, waiting: Option<&str>) -> AgentObject {
    let liveness = if phase == "done" { "ended" } else { "live" };
    let waiting = waiting.map_or_else(|| "null".to_owned(), |what| format!("{what:?}"));
    let text = RUNNING.replace("NAME", name).replace("PHASE", phase);
    serde_json::from_str(&text.replace("LIVENESS", liveness).replace("WAITING", &waiting)).unwrap()
}

/// Returns an agent that asks for something, with a question of this id.
pub(super) fn asking(name: &str, question: &str, what: &str) -> AgentObject {
    let request =
        RequestObject { id: question.to_owned(), text: what.to_owned(), cut_from_bytes: None, pattern: None };
    AgentObject { request: Some(request), ..agent(name, "waiting", Some(what)) }
}
