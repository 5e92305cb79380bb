//! Shows the runs of plans that have not ended, one line for each.

use orchestra::{
    model::text,
    ops::{
        gate_object::{AnswerStanding, OpenGate},
        status::OpenRun,
    },
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
    line.push_str(&gates(run));
    text::safe(&line).into_owned()
}

/// Formats the open gates: those that wait for a person, and those whose answer waits for the clone that drives the run.
fn gates(run: &OpenRun) -> String {
    let name = |gate: &OpenGate| match &gate.task {
        Some(task) => format!("{} ({}: {task})", gate.gate, gate.kind),
        None => format!("{} ({})", gate.gate, gate.kind),
    };
    let word = |count| if count == 1 { "gate" } else { "gates" };
    let (mut open, mut answered) = (Vec::new(), Vec::new());
    for gate in &run.gates {
        match gate.answers.iter().find(|answer| answer.standing == AnswerStanding::Waits) {
            Some(answer) => answered.push(format!("{} {}", name(gate), answer.option)),
            None => open.push(name(gate)),
        }
    }
    let mut line = String::new();
    if !open.is_empty() {
        line.push_str(&format!(
            "; open {}: {}; 'git orchestra decide' answers",
            word(open.len()),
            open.join(", ")
        ));
    }
    if !answered.is_empty() {
        let here = run.driver.as_ref().is_some_and(|clone| clone.here);
        let next = if here {
            format!("'git orchestra run --continue {}' heeds it, unless the run is driven now", run.run)
        } else {
            "'git orchestra sync' sends it".to_owned()
        };
        line.push_str(&format!("; answered {}: {}; {next}", word(answered.len()), answered.join(", ")));
    }
    line
}
