//! `send --allow --always` and `send --all`: what is allowed for good, by which pattern, and that nothing is allowed that was not shown.

use orchestra::ops::send;

use crate::{library, world};

#[test]
fn a_command_is_recorded_and_shown_whole() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let command = format!("echo {} && git push origin HEAD", "word ".repeat(100).trim_end());
    let id = repo.spawn_claude(&["--on-prompt", "ask"], &format!("ask {command}"));
    let agent = repo.wait_for(&id, "waiting");
    assert_eq!(agent["request"]["text"], format!("Bash {command}"));
    assert_eq!(agent["request"]["cut_from_bytes"], serde_json::Value::Null);
    let short = agent["waiting"].as_str().expect("a text");
    assert!(short.starts_with("Bash echo word") && short.ends_with("&& git push origin HEAD"), "{short}");
    let shown = repo.orchestra(["status", &id]).succeeded().stdout();
    assert!(shown.contains(&format!("waits     Bash {command}")), "{shown}");
    repo.orchestra(["send", &id, "--allow"]).succeeded().stderr_has(&format!("allowed: Bash {command}"));
    repo.end_of(&id);
}

#[test]
fn a_command_that_is_too_long_says_so() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let command = format!("echo {} && git push", "x".repeat(20_000));
    let id = repo.spawn_claude(&["--on-prompt", "ask"], &format!("ask {command}"));
    let agent = repo.wait_for(&id, "waiting");
    assert_eq!(agent["request"]["cut_from_bytes"], command.len() + "Bash ".len());
    let text = agent["request"]["text"].as_str().expect("a text");
    assert!(text.len() < 17_000 && text.ends_with("x && git push"));
    let note = format!("(cut: {} of {} bytes are shown)", text.len(), command.len() + 5);
    assert!(repo.orchestra(["status", &id]).succeeded().stdout().contains(&note));
    repo.orchestra(["send", &id, "--allow"]).succeeded().stderr_has(&note);
    repo.end_of(&id);
}

#[test]
fn a_rule_that_the_program_proposes_holds_for_the_agents_life() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let task = "propose make one\npropose make two\nawait go";
    let id = repo.spawn_claude(&["--on-prompt", "ask"], task);
    let agent = repo.wait_for(&id, "waiting");
    assert_eq!(agent["request"]["pattern"], "Bash(make:*)");
    repo.orchestra(["send", &id, "--allow", "--always"])
        .succeeded()
        .stderr_has("allowed: Bash make one")
        .stderr_has("allowed from now on: Bash(make:*)");
    repo.wait_for_output(&id, "ran make two by rule");
    assert!(repo.orchestra(["status", &id]).succeeded().stdout().contains("may Bash(make:*)"));
    repo.orchestra(["pause", &id]).succeeded();
    repo.orchestra(["resume", &id, "-d", "-m", "propose make three\nsay over"]).succeeded();
    std::fs::write(repo.worktree(&id).join("go"), "").expect("a file");
    let agent = repo.end_of(&id);
    assert_eq!((&agent["always"][0], &agent["automatic_answers"]), (&"Bash(make:*)".into(), &0.into()));
    assert!(repo.orchestra(["logs", &id]).succeeded().stdout().contains("ran make three by rule"));
}

#[test]
fn without_a_rule_exactly_the_same_request_is_answered_and_counted() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&["--on-prompt", "ask"], "ask ls\nask ls\nask ls -a");
    repo.wait_for(&id, "waiting");
    repo.orchestra(["send", &id, "--allow", "--always"])
        .succeeded()
        .stderr_has("allowed from now on: exactly Bash ls");
    testkit::until("the third question", || (repo.agent(&id)["waiting"] == "Bash ls -a").then_some(()));
    assert_eq!(repo.agent(&id)["automatic_answers"], 1);
    assert!(repo.orchestra(["status", &id]).succeeded().stdout().contains("1 request allowed automatically"));
    repo.orchestra(["send", &id, "--deny"]).succeeded();
    repo.end_of(&id);
    // A resumed attempt knows it.
    repo.orchestra(["resume", &id, "-d", "-m", "ask ls"]).succeeded();
    let agent = repo.end_of(&id);
    assert_eq!((&agent["phase"], &agent["automatic_answers"]), (&"done".into(), &2.into()));
}

#[test]
fn every_agent_that_waits_is_answered_and_listed() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    repo.orchestra(["send", "--all", "--allow"]).succeeded().stderr_has("no agent waits for an answer");
    let one = repo.spawn_claude(&["--on-prompt", "ask"], "ask git push");
    let other = repo.spawn_claude(&["--on-prompt", "ask"], "ask rm x");
    repo.wait_for(&one, "waiting");
    repo.wait_for(&other, "waiting");
    repo.orchestra(["send", "--all", "-m", "text"]).exits(2).stderr_has("only an answer");
    repo.orchestra(["send", &one, "--all", "--allow"]).exits(2);
    repo.orchestra(["send", &one, "--deny", "--always"]).exits(2);
    repo.orchestra(["send", "--all", "--allow"])
        .succeeded()
        .stderr_has(&format!("{one}: allowed: Bash git push"))
        .stderr_has(&format!("{other}: allowed: Bash rm x"));
    assert_eq!(
        (&repo.end_of(&one)["phase"], &repo.end_of(&other)["phase"]),
        (&"done".into(), &"done".into())
    );
}

#[test]
fn an_answer_to_another_question_is_refused() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&["--on-prompt", "ask"], "ask git push");
    repo.wait_for(&id, "waiting");
    let request = |question: &str| send::Request {
        agents: vec![id.clone()],
        allow: Some(true),
        question: Some(question.to_owned()),
        ..send::Request::default()
    };
    let library = library(&repo);
    let context = orchestra::context::Context::of(library.environment());
    let refused = send::run(&context, &library, &request("of yesterday")).expect_err("refused");
    assert!(refused.to_string().contains("asks something else now"), "{refused}");
    let now = repo.agent(&id)["request"]["id"].as_str().expect("an id").to_owned();
    let sent = send::run(&context, &library, &request(&now)).expect("sent").sent;
    assert_eq!(sent[0].answered.as_deref(), Some("Bash git push"));
    repo.end_of(&id);
}
