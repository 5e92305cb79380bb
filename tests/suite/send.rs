//! `send`: an agent that waits gets an answer, a running agent gets a message.

use crate::{library, skip, world};

#[test]
fn an_agent_that_asks_waits_and_is_answered() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&["--on-prompt", "ask"], "write a b\nask git push\nask rm x\nsay over");
    let agent = repo.wait_for(&id, "waiting");
    assert_eq!((&agent["waiting"], &agent["choice"]), (&"Bash git push".into(), &false.into()));
    repo.orchestra(["status"]).succeeded().stderr_has(&format!("git orchestra send {id} --allow"));
    repo.orchestra(["send", &id, "--allow"]).succeeded().stderr_has("allowed: Bash git push");
    // The answer takes effect before it is acknowledged: the next question is a new one.
    testkit::until("the next question", || (repo.agent(&id)["waiting"] == "Bash rm x").then_some(()));
    repo.orchestra(["send", &id, "--deny", "-m", "never remove"]).succeeded().stderr_has("denied: Bash rm x");
    let agent = repo.end_of(&id);
    assert_eq!((&agent["phase"], &agent["denials"]), (&"done".into(), &1.into()));
    let log = repo.orchestra(["logs", &id]).succeeded().stdout();
    for line in ["  ? Bash git push\n  ← ran git push\n", "  ? Bash rm x\n  ✗ never remove\n", "over\n"] {
        assert!(log.contains(line), "{line} in {log}");
    }
    let answers: Vec<_> = repo.events(&id).into_iter().filter(|fact| fact["t"] == "send").collect();
    assert_eq!(answers.len(), 2);
    assert_eq!((&answers[1]["allow"], &answers[1]["text"]), (&false.into(), &"never remove".into()));
}

#[test]
fn a_choice_is_answered_by_a_message() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&["--on-prompt", "ask"], "choose Which color?");
    let agent = repo.wait_for(&id, "waiting");
    assert_eq!((&agent["waiting"], &agent["choice"]), (&"Which color? (red, blue)".into(), &true.into()));
    repo.orchestra(["send", &id, "blue"]).succeeded().stderr_has("answered: Which color?");
    repo.end_of(&id);
    assert!(repo.orchestra(["logs", &id]).succeeded().stdout().contains("chosen: blue"));
}

#[test]
fn a_message_is_delivered_in_the_same_session() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&[], "say first\nawait go");
    repo.wait_for_output(&id, "first");
    repo.orchestra(["send", &id, "write second.txt 2"]).succeeded().stderr_has("message sent");
    std::fs::write(repo.worktree(&id).join("go"), "").expect("a file");
    let agent = repo.end_of(&id);
    assert_eq!((&agent["phase"], &agent["attempt"], &agent["turns"]), (&"done".into(), &1.into(), &2.into()));
    assert_eq!(repo.file_in_head(&id, "second.txt"), "2\n");
    assert_eq!(agent["cost_usd"], 0.02);
}

/// The turn is over and the work is being saved: a message that is confirmed then is read.
#[test]
fn a_message_that_comes_at_the_end_is_read() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let (saves, go) = (world.dir().join("saves"), world.dir().join("go"));
    let filter =
        format!("touch {}; while ! test -e {}; do sleep 0.01; done; cat", saves.display(), go.display());
    repo.git(["config", "filter.slow.clean", &filter]);
    repo.commit("a slow filter", &[(".gitattributes", "*.slow filter=slow\n")]);
    let id = repo.spawn_claude(&[], "write a.slow 1");
    testkit::until("its work is being saved", || saves.exists().then_some(()));
    repo.orchestra(["send", &id, "write second.txt 2"]).succeeded().stderr_has("message sent");
    std::fs::write(&go, "").expect("a file");
    let agent = repo.end_of(&id);
    assert_eq!((&agent["phase"], &agent["attempt"]), (&"done".into(), &2.into()), "{agent}");
    assert_eq!(repo.file_in_head(&id, "second.txt"), "2\n");
    assert!(repo.events(&id).iter().all(|fact| fact["phase"] != "lost"));
}

#[test]
fn the_first_of_two_answers_counts_and_the_other_is_told() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&["--on-prompt", "ask"], "ask git push");
    let agent = repo.wait_for(&id, "waiting");
    let supervisor = agent["supervisor_pid"].as_u64().expect("a supervisor").to_string();
    let signal = |name: &str| {
        let ran = std::process::Command::new("kill").args([name, &supervisor]).status();
        assert!(ran.expect("kill").success());
    };
    signal("-STOP");
    let mut first = repo.orchestra_command(["send", &id, "--allow"]).spawn().expect("a process");
    let answered = || repo.events(&id).iter().any(|fact| fact["t"] == "send").then_some(());
    testkit::until("the first answer", answered);
    repo.orchestra(["send", &id, "--deny", "-m", "no"]).exits(3).stderr_has("was answered before: allowed");
    signal("-CONT");
    assert!(first.wait().expect("its end").success());
    repo.end_of(&id);
    assert!(repo.orchestra(["logs", &id]).succeeded().stdout().contains("ran git push"));
}

#[test]
fn without_a_person_a_request_is_denied_or_fails() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let denied = repo.spawn_claude(&[], "ask git push\nwrite a b");
    let failed = repo.spawn_claude(&["--on-prompt", "fail", "--again"], "ask git push\nwrite a b");
    let agent = repo.end_of(&denied);
    assert_eq!((&agent["phase"], &agent["denials"]), (&"done".into(), &1.into()));
    let agent = repo.end_of(&failed);
    assert_eq!(agent["phase"], "failed");
    assert_eq!(agent["reason"], "asked, but nobody can answer: Bash git push");
}

#[test]
fn undeliverable_messages_are_refused() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let shell = repo.spawn("while :; do sleep 0.1; done");
    repo.wait_for(&shell, "running");
    repo.orchestra(["send", &shell, "hello"]).exits(3).stderr_has("does not read messages while it runs");
    let id = repo.spawn_claude(&[], "hang");
    repo.wait_for(&id, "running");
    repo.orchestra(["send", &id]).exits(2).stderr_has("nothing to send");
    repo.orchestra(["send", &id, "  "]).exits(2).stderr_has("nothing to send");
    repo.orchestra(["send", &id, "--allow", "--deny"]).exits(2);
    repo.orchestra(["send", &id, "--allow"]).exits(3).stderr_has("is not waiting for an answer");
    repo.orchestra(["send", &id, &"x".repeat(20_000)]).exits(2).stderr_has("the limit is 16384");
    repo.orchestra(["stop", &id]).succeeded();
    repo.orchestra(["send", &id, "hello"]).exits(3).stderr_has(&format!("git orchestra resume {id} -m"));
    repo.orchestra(["send", "nobody", "hello"]).exits(3).stderr_has("no agent 'nobody'");
    assert!(repo.events(&id).iter().all(|fact| fact["t"] != "send"));
}

#[test]
fn messages_of_an_untrusted_writer_are_not_delivered() {
    // A message of another clone, as a sync would fetch it: shown in the history, but not sent to the
    // agent.
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&[], "say begun\nawait go");
    repo.wait_for_output(&id, "begun");
    let library = library(&repo);
    let agent = orchestra::model::AgentId::parse(&id).expect("an id");
    let tip = library.find_ref(&orchestra::store::layout::agent_ref(&agent)).expect("refs").expect("a tip");
    let chain = orchestra::store::Chain::read(&library, &[tip]).expect("a chain");
    let fact = orchestra::model::Fact::Send(orchestra::model::event::Message {
        text: Some("write evil.txt 1".into()),
        ..Default::default()
    });
    let event =
        orchestra::model::Event::new(&fact, chain.lamport() + 1, library.now(), "stranger").expect("fits");
    let state = orchestra::model::fold::fold(chain.events.iter().chain([&event])).agent;
    let message = orchestra::store::commit::message(&agent, None, &[event], &state, "stranger");
    repo.write("message", &message);
    let tree = repo.git(["mktree"]).line();
    let commit = repo.git(["commit-tree", &tree, "-p", &tip.to_string(), "-F", "message"]).line();
    repo.git(["update-ref", &orchestra::store::layout::agent_ref(&agent), &commit]);
    std::fs::write(repo.worktree(&id).join("go"), "").expect("a file");
    assert_eq!(repo.end_of(&id)["phase"], "done");
    assert_eq!(
        repo.git(["ls-tree", "--name-only", &format!("refs/orchestra/heads/{id}")]).stdout(),
        "file.txt\ngo\n"
    );
}

#[test]
fn without_a_name_a_terminal_picks_an_agent_that_can_be_meant() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    for arguments in [&["send"][..], &["send", "--allow"], &["send", "-m", "go on"]] {
        repo.orchestra(arguments).exits(2).stderr_has("which agent?").stderr_has("git orchestra send AGENT");
    }
    if !testkit::has_terminal() {
        return skip("there is no terminal");
    }
    let on_terminal = |command: &str, question: &str, answer: &str| {
        let typed = format!("git orchestra {command}");
        testkit::talk(repo.command("script").args(["-qec", &typed, "/dev/null"]), question, answer)
    };
    let (code, shown) = on_terminal("send", "message to", "");
    assert!(code == 3 && shown.contains("no agent is running"), "{code}: {shown}");
    let asks = repo.spawn_claude(&["--on-prompt", "ask"], "ask git push\nchoose Which color?");
    repo.wait_for(&asks, "waiting");
    let runs = repo.spawn("until test -e go; do :; done");
    repo.wait_for(&runs, "running");
    // Of the two, one waits, and needs no question.
    let (code, shown) = on_terminal("send --allow", "which agent?", "");
    assert!(code == 0 && shown.contains("allowed: Bash git push"), "{code}: {shown}");
    testkit::until("the choice", || (repo.agent(&asks)["choice"] == true).then_some(()));
    repo.orchestra(["stop", &runs]).succeeded();
    let (code, shown) = on_terminal("send", "message to", "blue");
    assert!(code == 0 && shown.contains("answered: Which color?"), "{code}: {shown}");
    repo.end_of(&asks);
    let (code, shown) = on_terminal("send --deny", "which agent?", "");
    assert!(code == 3 && shown.contains("no agent waits for an answer"), "{code}: {shown}");
}
