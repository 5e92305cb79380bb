//! How people name sessions and agents that a list showed: by the number of a row, and by words of a title.

use crate::{sessions::write_small, skip, world};

/// Two sessions of a repository, about different things.
const IDS: [&str; 2] = ["1000000a-0000-4000-8000-000000000000", "2000000b-0000-4000-8000-000000000000"];

#[test]
fn words_of_a_title_or_first_prompt_name_a_session() {
    let world = world();
    let repo = world.repo();
    write_small(&world, IDS[0], repo.path(), "Add a rate limit to the API");
    write_small(&world, IDS[1], repo.path(), "Remove the old limit of uploads");
    let show = |typed: &str| repo.orchestra(["sessions", "show", typed]);
    show("rate limit")
        .succeeded()
        .stdout_has("I heard: Add a rate limit")
        .stderr_has(&format!("meaning {}: Add a rate limit to the API", IDS[0]));
    show("UPLOADS old").succeeded().stdout_has("I heard: Remove");
    show("limit")
        .exits(3)
        .stderr_has("'limit' is ambiguous: 2 sessions")
        .stderr_has(&format!("{}  Remove the old limit of uploads", IDS[1]));
    show("rate uploads").exits(3).stderr_has("no session 'rate uploads'");
    // An id is stronger than words.
    show("2000000b").succeeded().stdout_has("I heard: Remove");
    repo.orchestra(["sessions", "export", "rate"]).succeeded().stdout_has("# Add a rate limit");
    repo.orchestra(["sessions", "adopt", "uploads"]).stderr_has("meaning 2000000b");
}

#[test]
fn the_rows_of_every_table_of_agents_and_sessions_have_numbers() {
    if !testkit::has_terminal() {
        return skip("there is no terminal");
    }
    let world = world();
    let repo = world.repo();
    write_small(&world, IDS[0], repo.path(), "Add a rate limit to the API");
    for name in ["one", "two"] {
        let script = format!("echo {name}-said; echo 1 > {name}.txt");
        let id = repo.orchestra(["spawn", "-d", "--agent", "sh", "--name", name, &script]).succeeded().line();
        repo.end_of(&id);
    }
    let rests = repo.spawn("until test -e go; do :; done");
    repo.wait_for(&rests, "running");
    repo.orchestra(["pause", &rests]).succeeded();
    let on_terminal = |commands: &str| {
        let typed = format!("stty cols 100 rows 30; export GIT_PAGER=cat; {commands}");
        testkit::talk(repo.command("script").args(["-qec", &typed, "/dev/null"]), "no question", "").1
    };
    let shown = on_terminal("git orchestra resume --all -n; git orchestra status --json 1");
    assert!(shown.contains("#  AGENT") && shown.contains(&format!("\"id\":\"{rests}\"")), "{shown}");
    for table in ["cleanup -n", "review < /dev/null"] {
        let shown = on_terminal(&format!("git orchestra {table}; git orchestra logs 2"));
        let expected =
            if shown.lines().any(|line| line.starts_with("2  two-")) { "two-said" } else { "one-said" };
        assert!(shown.contains("#  AGENT") && shown.contains(expected), "{table}: {shown}");
    }
    let shown = on_terminal("git orchestra sessions; git orchestra sessions show 1; git orchestra logs 1");
    assert!(shown.contains("#  SESSION") && shown.contains("I heard: Add a rate limit"), "{shown}");
    assert!(shown.contains("no agent '1': that row shows the session '1000000a"), "{shown}");
    // A stale number may still be the beginning of an id.
    repo.orchestra(["sessions", "show", "1000"]).succeeded().stdout_has("I heard: Add a rate limit");
    repo.orchestra(["sessions", "show", "7"]).exits(3).stderr_has("no session '7'");
}
