//! What an agent said last: in its events, in its commit, in every clone.

use crate::{sync, world};

#[test]
fn the_last_line_of_a_command_is_shown_in_every_clone_and_in_the_commit() {
    let world = world();
    let (a, b) = (sync::first(&world), sync::clone(&world, "b"));
    let id = a.spawn(r"echo first; echo x > made; printf 'the \033[1mlast\033[0m line of %s/made\n' $PWD");
    let words = "the last line of made";
    assert_eq!(a.end_of(&id)["last_words"], words);
    let message = a.git(["log", "-1", "--format=%B", &format!("refs/orchestra/heads/{id}")]).stdout();
    assert!(message.contains(&format!("\n\n{words}\n\nLeft uncommitted by agent {id}")), "{message}");
    sync::sync(&a);
    sync::sync(&b);
    for repo in [&a, &b] {
        assert_eq!(repo.agent(&id)["last_words"], words);
        let row = repo.orchestra(["status"]).succeeded().stdout();
        assert!(row.lines().any(|line| line.starts_with(&id) && line.ends_with(words)), "{row}");
        for command in [["status", &id], ["review", &id]] {
            let shown = repo.orchestra(command).succeeded().stdout();
            assert!(shown.lines().any(|line| line.trim_start_matches("said").trim() == words), "{shown}");
        }
    }
}

#[test]
fn an_agent_is_not_quoted_with_a_secret_or_with_the_words_of_an_earlier_attempt() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&[], "say I begin.\nwrite hello.txt hi");
    assert_eq!(repo.end_of(&id)["last_words"], "That is all.");
    // In two parts, so that this file contains no secret.
    let token = ["ghp_", "0123456789abcdefghijklmnopqrstuvwxyzA"].concat();
    let secret = repo.spawn(&format!("echo token={token}; test -e again || exit 3"));
    let ended = repo.end_of(&secret);
    assert_eq!((&ended["reason"], &ended["last_words"]), (&"exit code 3".into(), &serde_json::Value::Null));
}

#[test]
fn the_time_of_all_attempts_is_added_up() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("until test -e go; do sleep 0.05; done; exit 1");
    repo.wait_for(&id, "running");
    let row = |id: &str| {
        let table = repo.orchestra(["status", id]).succeeded().stdout();
        table.lines().nth(1).unwrap_or_default().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row(&id)[3], "-", "it has not ended");
    std::fs::write(repo.worktree(&id).join("go"), "").expect("a file");
    let first = repo.end_of(&id);
    repo.orchestra(["resume", &id, "--detach"]).succeeded();
    let second = repo.end_of(&id);
    assert_eq!(second["attempt"], 2);
    let ends: Vec<u64> = repo.events(&id).iter().filter_map(|event| event["ran_seconds"].as_u64()).collect();
    assert_eq!((ends.len(), first["ran_seconds"].as_u64()), (2, ends.first().copied()));
    assert_eq!(second["ran_seconds"].as_u64(), Some(ends.iter().sum()));
    assert_eq!(row(&id)[4], "ago");
}
