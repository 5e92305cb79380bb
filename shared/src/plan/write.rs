//! Writes plans as Markdown lists.

use std::fmt::Write as _;

use super::{
    Plan, Task,
    read::{VERSION, VERSION_KEY},
};

/// Returns a plan as a Markdown list, which reads as the same plan.
pub fn markdown(plan: &Plan) -> String {
    let mut out = String::new();
    let values = [("into", &plan.into), ("check", &plan.check), ("review", &plan.review)];
    let said: Vec<(&str, &String)> =
        values.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?))).collect();
    if !said.is_empty() {
        let _ = writeln!(out, "---\n{VERSION_KEY}: {VERSION}");
        for (key, value) in said {
            let _ = writeln!(out, "{key}: {value}");
        }
        out.push_str("---\n");
    }
    if let Some(title) = &plan.title {
        let _ = writeln!(out, "# {title}\n");
    }
    for task in &plan.tasks {
        write_task(&mut out, task);
    }
    out
}

fn write_task(out: &mut String, task: &Task) {
    let Task { id, title, details, done, after, agent, team, files, size, .. } = task;
    let mark = if *done { 'x' } else { ' ' };
    let _ = write!(out, "- [{mark}] `{id}` {title}");
    if !after.is_empty() {
        let after: Vec<&str> = after.iter().map(super::TaskId::as_str).collect();
        let _ = write!(out, " (after: {})", after.join(", "));
    }
    out.push('\n');
    let files = (!files.is_empty()).then(|| files.join(", "));
    let attributes = [
        ("agent", agent.clone()),
        ("team", team.clone()),
        ("files", files),
        ("size", size.map(|size| size.to_string())),
    ];
    let attributes: Vec<String> =
        attributes.into_iter().filter_map(|(key, value)| Some(format!("{key}: {}", value?))).collect();
    if !attributes.is_empty() {
        let _ = writeln!(out, "      {}", attributes.join("   "));
    }
    if details.is_empty() {
        return;
    }
    // A blank line keeps details from reading as attributes.
    out.push('\n');
    for line in details.lines() {
        if line.is_empty() {
            out.push('\n');
        } else {
            let _ = writeln!(out, "      {line}");
        }
    }
    out.push('\n');
}
