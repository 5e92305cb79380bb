use proptest::prelude::*;

use super::*;

const RUNNING: &str = r#"{"id":"NAME","title":"Add tests","phase":"PHASE","liveness":"LIVENESS","waiting":WAITING,"choice":false,"reason":null,"profile":"claude","model":null,"run":"019aa0a0a0a012345","place":2,"parent":null,"reviews":null,"attempt":1,"branch":"orchestra/x","base":"1111111111111111111111111111111111111111","head":null,"worktree":null,"worktree_state":null,"session":null,"writer":"5t2k","label":null,"told_at":"2026-11-21T01:40:13Z","pid":null,"supervisor_pid":7,"orphans":[],"queue_position":null,"queued_at":"2026-11-21T01:40:00Z","started_at":"2026-11-21T01:40:01Z","ended_at":null,"exit_code":null,"activity":null,"commits":4,"files_changed":7,"insertions":8,"deletions":9,"left_out":0,"unfinished":null,"unsaved":null,"limit":null,"dirty":null,"dirty_at":null,"cost_usd":0.21,"input_tokens":null,"output_tokens":null,"turns":7,"permission_mode":null,"denials":0,"verdict":null,"verdict_current":null,"proposed_verdict":null,"merged":false,"landed_in":null,"failed_check":null,"set_aside":null,"conflicts":0,"surroundings":[]}"#;

fn agent(name: &str, phase: &str, waiting: Option<&str>) -> AgentObject {
    let liveness = if phase == "done" { "ended" } else { "live" };
    let waiting = waiting.map_or_else(|| "null".to_owned(), |what| format!("{what:?}"));
    let text = RUNNING.replace("NAME", name).replace("PHASE", phase);
    serde_json::from_str(&text.replace("LIVENESS", liveness).replace("WAITING", &waiting)).unwrap()
}

fn composed(agents: &[AgentObject], rows: usize, columns: usize) -> Vec<String> {
    compose(agents, rows, columns, &Painter::new(false))
}

/// Returns the first word of each line.
fn firsts(lines: &[String]) -> Vec<&str> {
    lines.iter().filter_map(|line| line.split(' ').next()).collect()
}

const COMMAND: &str = "Bash python -m pytest tests/test_blueprints.py && git push origin HEAD";

#[test]
fn an_agent_that_waits_comes_first_and_its_command_is_shown_whole() {
    let agents = [
        agent("one-aaaaa", "running", None),
        agent("two-bbbbb", "waiting", Some(COMMAND)),
        agent("six-ccccc", "waiting", Some("Bash ls")),
    ];
    let lines = composed(&agents, 24, 60);
    assert_eq!(firsts(&lines[..4]), ["AGENT", "two-bbbbb", "six-ccccc", "one-aaaaa"]);
    assert_eq!(
        lines[lines.len() - 6..],
        [
            "1 running, 2 waiting",
            "two-bbbbb waits for an answer: Bash python -m pytest",
            "tests/test_blueprints.py && git push origin HEAD",
            "type in another terminal: git orchestra send two-bbbbb",
            "--allow, or --deny -m 'why'",
            "+1 more waits",
        ]
    );
}

#[test]
fn where_there_is_no_room_those_that_run_are_shown_and_the_others_counted() {
    let agents = [
        agent("one-aaaaa", "done", None),
        agent("two-bbbbb", "done", None),
        agent("six-ccccc", "running", None),
        agent("ten-ddddd", "running", None),
    ];
    assert_eq!(firsts(&composed(&agents, 6, 120)), ["AGENT", "six-ccccc", "ten-ddddd", "+2", "2"]);
    assert_eq!(
        firsts(&composed(&agents, 7, 120)),
        ["AGENT", "one-aaaaa", "two-bbbbb", "six-ccccc", "ten-ddddd", "2"]
    );
}

#[test]
fn half_a_command_is_not_shown() {
    let agents = [agent("two-bbbbb", "waiting", Some(COMMAND))];
    let lines = composed(&agents, 9, 30);
    assert!(!lines.iter().any(|line| line.contains("waits for an answer")), "{lines:?}");
    assert!(lines.join(" ").contains("'git orchestra status two-bbbbb'"), "{lines:?}");
}

proptest! {
    #[test]
    fn a_frame_is_never_wider_or_higher_than_the_terminal(
        phases in prop::collection::vec(0usize..3, 0..12),
        what in "[a-z 日]{1,150}",
        rows in 1usize..40,
        columns in 20usize..160,
    ) {
        let one = |(at, phase): (usize, &usize)| match phase {
            0 => agent(&format!("a-rather-long-name-{at:02}-aaaaa"), "running", None),
            1 => agent(&format!("done-{at:02}-aaaaa"), "done", None),
            _ => agent(&format!("waits-{at:02}-aaaaa"), "waiting", Some(&what)),
        };
        let agents: Vec<AgentObject> = phases.iter().enumerate().map(one).collect();
        let lines = composed(&agents, rows, columns);
        prop_assert!(lines.len() <= rows.saturating_sub(1).max(1));
        prop_assert!(lines.iter().all(|line| text::width(line) <= columns), "{lines:?}");
    }
}
