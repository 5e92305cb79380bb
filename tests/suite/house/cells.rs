//! What the manual says each program can do names every program, and is shown by tests with the real ones.

use std::fs;

use super::root;

/// The programs whose own adapters have no line of their own in the table: a variant of another one, and the shell.
const OTHERS: [&str; 2] = ["agent-teams", "sh"];

/// The beginning of each paragraph, and the tests that show it.
const SHOWN: &[(&str, &[&str])] = &[
    ("Started", &["several::one_task_is_given_to_five_programs_in_one_table"]),
    (
        "Edited",
        &[
            "several::one_task_is_given_to_five_programs_in_one_table",
            "api::it_edits_and_its_work_is_committed",
        ],
    ),
    (
        "Committed",
        &["opencode::agents_of_every_mode_end_with_what_they_may_do", "acp::qwen_is_driven_by_its_name"],
    ),
    ("Session", &["codex::an_agent_is_paused_resumed_and_followed_up_in_its_session"]),
    (
        "Cost",
        &[
            "opencode::agents_of_every_mode_end_with_what_they_may_do",
            "api::it_edits_and_its_work_is_committed",
        ],
    ),
    ("Waiting", &["claude::a_permission_is_requested_and_granted_by_send", "acp::opencode_is_driven"]),
    (
        "Answered",
        &["api::a_permission_is_requested_and_granted_denied_or_answered_for_good", "acp::gemini_is_driven"],
    ),
    (
        "Told more",
        &[
            "aider::a_message_waits_for_the_end_of_its_turn",
            "api::messages_reach_it_and_it_is_paused_and_resumed",
        ],
    ),
    ("Resumed", &["aider::an_agent_edits_commits_and_is_resumed", "acp::qwen_is_driven_by_its_name"]),
    (
        "Paused and stopped",
        &[
            "aider::it_is_paused_stopped_and_resumed_and_leaves_no_process",
            "opencode::an_agent_is_paused_resumed_and_followed_up_in_its_session",
            "acp::qwen_is_ended",
            "turns::the_cost_of_a_turn_that_is_paused_is_known",
        ],
    ),
    ("Denied", &["opencode::agents_of_every_mode_end_with_what_they_may_do"]),
    (
        "Limit",
        &[
            "limits::a_limit_pauses_the_agent_and_its_end_resumes_the_session",
            "codex::a_limit_pauses_until_its_reset_and_the_session_is_resumed",
            "gemini::a_limit_pauses_it_and_errors_say_what_to_do",
            "api::a_usage_limit_pauses_it_and_a_warning_is_shown",
            "aider::errors_say_what_to_do",
        ],
    ),
    (
        "Attached",
        &[
            "attach::a_person_uses_codex_in_the_agents_conversation_and_it_continues",
            "attach::a_person_uses_gemini_in_the_agents_conversation_and_it_continues",
            "attach::a_person_uses_opencode_in_the_agents_conversation_and_it_continues",
            "attach::a_person_uses_aider_in_the_agents_conversation_and_it_continues",
            "turns::a_person_uses_the_interactive_program_and_the_agent_continues",
        ],
    ),
    ("Handed over", &["take_over::each_program_takes_over_from_another_and_is_told_what_was_done"]),
    (
        "Reviews",
        &[
            "reviewers::each_program_reviews_and_changes_nothing",
            "claude::a_reviewer_with_narrower_permissions_repairs_and_the_work_lands",
        ],
    ),
];

/// Returns the paragraphs of the table, without the breaks of its lines.
fn cells() -> Vec<String> {
    let source = fs::read_to_string(root().join("bins/git-orchestra-spawn/cli/cells.rs")).expect("the table");
    let (_, list) = source.split_once("&[\n").expect("a list");
    let list = list.replace("\\\n     ", "");
    list.lines()
        .filter_map(|line| Some(line.trim().strip_prefix('"')?.strip_suffix("\",")?.to_owned()))
        .collect()
}

#[test]
fn each_cell_names_every_program_and_is_shown_by_a_test() {
    let programs: Vec<&str> = orchestra::agents::all()
        .filter(|program| program.launcher().is_some() && !OTHERS.contains(&program.name()))
        .filter(|program| root().join("shared/src/agents").join(program.name()).is_dir())
        .map(orchestra::agents::AgentProgram::name)
        .chain(["protocol"])
        .collect();
    assert!(programs.len() > 6, "{programs:?}");
    let cells = cells();
    let (intro, cells) = cells.split_first().expect("paragraphs");
    assert_eq!(cells.len(), SHOWN.len());
    for (cell, (beginning, tests)) in cells.iter().zip(SHOWN) {
        assert!(cell.starts_with(beginning), "{beginning}: {cell}");
        for program in &programs {
            assert!(cell.contains(program), "{program} in {cell}");
        }
        for test in *tests {
            let (file, function) = test.split_once("::").expect("a file and a function");
            let path = root().join("tests/real").join(format!("{file}.rs"));
            let source = fs::read_to_string(&path).unwrap_or_default();
            assert!(source.contains(&format!("fn {function}()")), "{test}");
        }
    }
    // Of each program of the protocol it says whether it was tried.
    for program in orchestra::agents::all() {
        let name = program.name();
        let is_of_protocol = !root().join("shared/src/agents").join(name).is_dir() && name != "agent-teams";
        let is_untried = intro.split_once("not tried:").is_some_and(|(_, list)| list.contains(name));
        if is_of_protocol {
            assert_eq!(is_untried, program.examination().is_none(), "{name} in {intro}");
        }
    }
}
