//! Usage limits, as the real Claude Code reports them.

use crate::{codex::codex, gemini::gemini, test_bed::TestBed};

#[test]
fn a_limit_pauses_the_agent_and_its_end_resumes_the_session() {
    let Some(test_bed) = TestBed::set_with_login() else { return };
    let repo = test_bed.repo();
    let id = repo.orchestra(["spawn", "-d", "-j", "1", "--name", "limited", "LIMIT-FIVE"]).succeeded().line();
    let paused = repo.wait_for(&id, "paused");
    let log = repo.orchestra(["logs", &id]).succeeded().stdout();
    let limit = &paused["limit"];
    assert_eq!(
        (&limit["kind"], &limit["warning"], &limit["resumes"], &paused["liveness"], &paused["attempt"]),
        (&"five_hour".into(), &false.into(), &true.into(), &"live".into(), &1.into()),
        "{paused}\n{log}"
    );
    assert!(paused["reason"].as_str().is_some_and(|why| why.starts_with("limit until 20")), "{paused}");
    assert!(log.contains("✗ the 5-hour limit is reached, until "), "{log}");
    let shown = repo.orchestra(["status"]).succeeded().stdout();
    assert!(shown.contains("paused") && shown.contains("limit until "), "{shown}");
    // Only one request was made; the slot is free for another program, and an agent of the same login
    // waits.
    let asked = test_bed.requests().len();
    let other = repo.orchestra(["spawn", "-d", "-j", "1", "--agent", "sh", "echo 1 > a"]).succeeded().line();
    assert_eq!(repo.end_of(&other)["phase"], "done");
    let queued =
        repo.orchestra(["spawn", "-d", "-j", "1", "--name", "next", "FAKE-WRITE b.txt"]).succeeded().line();
    testkit::until("it waits for the limit", || {
        Some(repo.agent(&queued)).filter(|agent| agent["limit"]["kind"] == "five_hour")
    });
    assert_eq!((repo.agent(&queued)["phase"].clone(), test_bed.requests().len()), ("queued".into(), asked));

    repo.end_limits();
    let done = repo.wait_for(&id, "done");
    assert_eq!(
        (&done["session"], &done["attempt"], &done["limit"]),
        (&paused["session"], &2.into(), &().into()),
        "{done}"
    );
    assert_eq!(repo.file_in_head(&id, "after.txt"), "after the limit\n");
    assert_eq!(repo.wait_for(&queued, "done")["attempt"], 1);
}

#[test]
fn a_warning_is_shown_and_changes_nothing() {
    let Some(test_bed) = TestBed::set_with_login() else { return };
    let repo = test_bed.repo();
    let ran = repo.orchestra(["spawn", "--name", "warned", "LIMIT-WARN"]).succeeded();
    ran.stderr_has("warning: 93 % of the 5-hour limit is used; it resets at ");
    let agent = repo.agents().into_iter().next().expect("an agent");
    let limit = &agent["limit"];
    assert_eq!(
        (&agent["phase"], &limit["kind"], &limit["warning"], &limit["used_percent"]),
        (&"done".into(), &"five_hour".into(), &true.into(), &93.into()),
        "{agent}"
    );
}

#[test]
fn the_same_answer_to_an_api_key_is_transient() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    repo.git(["config", "orchestra.retryDelay", "1s"]);
    let id = repo.orchestra(["spawn", "-d", "--retries", "1", "--", "LIMIT-FIVE"]).succeeded().line();
    // Too many requests: it is retried, and then the scripted model answers.
    let agent = repo.end_of(&id);
    assert_eq!(
        (&agent["phase"], &agent["attempt"], &agent["limit"]),
        (&"done".into(), &2.into(), &().into())
    );
}

#[test]
fn limits_of_codex_and_gemini_are_recognized_by_their_messages() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(of_codex) = codex(&test_bed, &repo, &[]) else { return };
    let Some(of_gemini) = gemini(&test_bed, &repo, &[]) else { return };
    let program = |command: &std::process::Command| {
        // The last word apart from options: everything before it enters the namespace.
        let words = command.get_args().map(|word| word.to_string_lossy().into_owned());
        words.take_while(|word| word != "-m").last().expect("a program")
    };
    let (of_codex, of_gemini) = (program(&of_codex), program(&of_gemini));
    for (name, command, task, kind) in [
        ("codex", format!("'{of_codex}' exec - < {{prompt_file}}"), "LIMIT-CODEX", "other"),
        ("codex", format!("'{of_codex}' exec --json - < {{prompt_file}}"), "LIMIT-CODEX", "other"),
        (
            "gemini",
            format!("'{of_gemini}' -m gemini-2.5-pro -p \"$(cat {{prompt_file}})\""),
            "LIMIT-GEMINI",
            "daily",
        ),
    ] {
        repo.git(["config", &format!("orchestra.agent.{name}.command"), &command]);
        let id = repo.orchestra(["spawn", "-d", "--agent", name, "--", task]).succeeded().line();
        let agent = repo.end_of(&id);
        assert_eq!(
            (&agent["phase"], &agent["limit"]["kind"], &agent["limit"]["resumes"]),
            (&"paused".into(), &kind.into(), &false.into()),
            "{command}: {agent}\n{}",
            repo.orchestra(["logs", &id]).stdout()
        );
        std::fs::remove_dir_all(repo.path().join(".git/orchestra/limits")).expect("limits");
    }
}
