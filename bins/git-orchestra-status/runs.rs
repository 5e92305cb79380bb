//! Shows the runs of plans that have not ended, one line for each.

use orchestra::{
    model::text,
    ops::{gate_object::OpenGate, status::OpenRun},
};
use orchestra_terminal::Terminal;

pub(crate) fn print(terminal: &Terminal, runs: &[OpenRun]) {
    for run in runs {
        terminal.print(&format!("{}\n", line(run)));
    }
}

/// Formats a run, such as `run 7k3: 2 of 5 tasks landed, 1 failed; waits: add-auth-k3m9q`.
fn line(run: &OpenRun) -> String {
    let of = run.tasks.map_or_else(String::new, |tasks| format!(" of {tasks}"));
    let word = if run.tasks.unwrap_or(run.landed) == 1 { "task" } else { "tasks" };
    let mut line = format!("run {}: {}{of} {word} landed", run.run, run.landed);
    for (number, how) in [
        (run.published, "published"),
        (run.unchanged, "unchanged"),
        (run.failed, "failed"),
        (run.skipped, "skipped"),
    ] {
        if number > 0 {
            line.push_str(&format!(", {number} {how}"));
        }
    }
    if let Some(clone) = run.driver.as_ref().filter(|clone| !clone.here) {
        let name = clone.label.as_deref().unwrap_or(&clone.writer);
        line.push_str(&format!("; clone {name} drives it"));
    }
    if !run.waits.is_empty() {
        let agents: Vec<&str> = run.waits.iter().map(|agent| agent.as_str()).collect();
        line.push_str(&format!("; waits: {}", agents.join(", ")));
    }
    if !run.gates.is_empty() {
        let gate = |gate: &OpenGate| match &gate.task {
            Some(task) => format!("{} ({}: {task})", gate.gate, gate.kind),
            None => format!("{} ({})", gate.gate, gate.kind),
        };
        let gates: Vec<String> = run.gates.iter().map(gate).collect();
        let word = if gates.len() == 1 { "gate" } else { "gates" };
        line.push_str(&format!("; open {word}: {}; 'git orchestra decide' answers", gates.join(", ")));
    }
    text::safe(&line).into_owned()
}
