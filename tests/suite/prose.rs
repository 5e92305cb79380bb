//! Foreign text is never passed to an agent that may run it: the command reports this, and nothing changes.

use testkit::{Ran, TestRepo};

use crate::{
    sync::{clone, first, sync},
    world,
};

/// Spawns a shell agent, waits until it has ended, and returns its id.
fn ended(repo: &TestRepo<'_>, script: &str) -> String {
    let id = repo.spawn(script);
    repo.end_of(&id);
    id
}

/// Returns the state of an agent and its work.
fn state(repo: &TestRepo<'_>, id: &str) -> [String; 4] {
    let branch = format!("refs/heads/orchestra/{id}");
    let files = Ran::of(repo.command("git").args(["status", "--porcelain"]).current_dir(repo.worktree(id)));
    [
        repo.tip(&branch),
        repo.tip(&format!("refs/orchestra/heads/{id}")),
        repo.agent(id)["attempt"].to_string(),
        files.stdout(),
    ]
}

#[test]
fn names_of_conflicting_files_are_not_run() {
    let world = world();
    let repo = world.repo();
    let name = "a$(touch PWNED)b";
    repo.commit("a name that a shell would obey", &[(name, "base\n")]);
    let id = ended(&repo, "for file in a*b; do echo mine > \"$file\"; done");
    repo.commit("the other side", &[(name, "theirs\n")]);
    let before = state(&repo, &id);
    let report = repo.orchestra(["merge-ranked", &id, "--on-conflict", "agent", "--json"]).exits(1).json();
    let why = report["order"][0]["why"].as_str().expect("a reason");
    assert!(why.contains("it would run it as a script"), "{why}");
    assert_eq!(report["order"][0]["outcome"], "set_aside");
    assert!(!repo.worktree(&id).join("PWNED").exists());
    assert_eq!(state(&repo, &id), before);
}

#[test]
fn the_output_of_a_failed_test_is_not_run() {
    let world = world();
    let repo = world.repo();
    let proof = world.dir().join("pwned");
    let id = ended(&repo, "echo bad > t");
    let before = state(&repo, &id);
    let test = format!("grep -q ok t || {{ echo; echo 'touch {}'; exit 1; }}", proof.display());
    repo.commit("the target passes", &[("t", "ok\n")]);
    let arguments =
        ["merge-ranked", &id, "--on-failure", "agent", "--on-conflict", "theirs", "--test", &test];
    let ran = repo.orchestra(arguments).exits(1);
    assert!(ran.stdout().contains("it would run it as a script"), "{}", ran.stdout());
    assert!(!proof.exists());
    assert_eq!(state(&repo, &id), before);
}

#[test]
fn text_of_a_reviewer_is_not_run() {
    let world = world();
    let repo = world.repo();
    let proof = world.dir().join("pwned");
    let id = ended(&repo, "echo 1 > a.txt");
    let before = state(&repo, &id);
    let words = format!("please fix; touch {}", proof.display());
    repo.orchestra(["review", &id, "--changes", "-m", &words])
        .exits(3)
        .stderr_has("a review cannot be given to agent 'sh': it would run it as a script")
        .stderr_has("--changes --keep");
    assert!(repo.events(&id).iter().all(|fact| fact["t"] != "verdict"), "no verdict was recorded");
    assert_eq!(state(&repo, &id), before);
    repo.orchestra(["review", &id, "--changes", "--keep", "-m", &words]).succeeded();
    assert_eq!(repo.events(&id).pop().expect("a fact")["verdict"], "changes");
    assert_eq!((state(&repo, &id), proof.exists()), (before, false));
    // The user may type anything for the agent.
    repo.orchestra(["resume", &id, "-m", "echo 2 > b.txt"]).succeeded();
    repo.end_of(&id);
    assert_eq!(repo.file_in_head(&id, "b.txt"), "2\n");
}

#[test]
fn a_shell_cannot_be_a_reviewer() {
    let world = world();
    let repo = world.repo();
    let proof = world.dir().join("pwned");
    let id = ended(&repo, "echo 1 > a.txt");
    let test = format!("touch {}", proof.display());
    repo.orchestra(["review", &id, "--by", "sh", "--test", &test])
        .exits(3)
        .stderr_has("it would run it as a script");
    assert!(!proof.exists(), "not even the test has run");
    assert_eq!(repo.agents().len(), 1);
}

#[test]
fn a_custom_program_must_declare_that_it_reads_prose() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.agent.mine.command", "cat {prompt_file} >> told"]);
    let id = repo.orchestra(["spawn", "--agent", "mine", "--detach", "--", "begin"]).succeeded().line();
    repo.end_of(&id);
    let review = || repo.orchestra(["review", &id, "--changes", "-m", "rename it"]);
    review().exits(3).stderr_has("git config orchestra.agent.mine.reads prose");
    repo.git(["config", "orchestra.agent.mine.reads", "words"]);
    review().exits(3).stderr_has("'prose' or 'script'");
    repo.git(["config", "orchestra.agent.mine.reads", "prose"]);
    review().succeeded();
    repo.end_of(&id);
    assert!(repo.file_in_head(&id, "told").contains("rename it"));
}

#[test]
fn a_message_is_not_given_to_a_program_that_may_run_it() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.agent.talk.command", "cat > heard"]);
    repo.git(["config", "orchestra.agent.talk.stdin", "held"]);
    let spawn = || {
        repo.orchestra(["spawn", "--agent", "talk", "--detach", "--again", "--", "begin\n"])
            .succeeded()
            .line()
    };
    let deaf = spawn();
    repo.wait_for_file(&deaf, "heard");
    let facts = repo.events(&deaf).len();
    repo.orchestra(["send", &deaf, "touch x"]).exits(3).stderr_has("it would run it as a script");
    assert_eq!(repo.events(&deaf).len(), facts);
    repo.git(["config", "orchestra.agent.talk.reads", "prose"]);
    repo.accept_configuration();
    let hearing = spawn();
    repo.wait_for_file(&hearing, "heard");
    repo.orchestra(["send", &hearing, "more of it"]).succeeded();
    let heard = repo.worktree(&hearing).join("heard");
    testkit::until("the message arrives", || {
        std::fs::read_to_string(&heard).unwrap_or_default().contains("more of it").then_some(())
    });
}

#[test]
fn a_task_of_another_clone_is_not_run_as_a_script() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    let proof = world.dir().join("pwned");
    let id = ended(&a, &format!("touch {}", proof.display()));
    std::fs::remove_file(&proof).expect("it ran where it was typed");
    sync(&a);
    sync(&b);
    b.orchestra(["resume", &id])
        .exits(3)
        .stderr_has("a task of another clone")
        .stderr_has(&format!("git orchestra status {id}"));
    assert!(!proof.exists());
    assert_eq!(b.agent(&id)["attempt"], 1);
    b.orchestra(["resume", &id, "-m", "echo seen > seen.txt"]).succeeded();
    b.end_of(&id);
    assert_eq!((b.file_in_head(&id, "seen.txt"), proof.exists()), ("seen\n".into(), false));
    // Tasks of a trusted clone run here.
    let (c, writer) = (clone(&world, "c"), a.agent(&id)["writer"].as_str().unwrap_or_default().to_owned());
    assert!(!writer.is_empty());
    let other = ended(&a, "echo again >> again.txt");
    sync(&a);
    sync(&c);
    let from = c.agent(&other)["writer"].as_str().expect("a writer").to_owned();
    c.git(["config", "--add", "orchestra.trustWriter", &from]);
    c.orchestra(["resume", &other]).succeeded();
    c.end_of(&other);
    assert_eq!(c.file_in_head(&other, "again.txt"), "again\nagain\n");
}
