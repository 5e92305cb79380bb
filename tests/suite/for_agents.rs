//! What a coding agent learns about the suite: a page for it, and variables in its environment.

use std::collections::BTreeSet;

use orchestra_terminal::agent_variables::AGENT_VARIABLES;

use crate::world;

/// The length of the page, in lines, so that reading it costs little.
const LONGEST: usize = 120;

#[test]
fn the_page_for_agents() {
    let world = world();
    let repo = world.repo();
    let page = repo.orchestra(["help", "--for-agents"]).succeeded().stdout();
    assert!(page.lines().count() <= LONGEST, "{} lines", page.lines().count());
    insta::with_settings!({ snapshot_path => "pages", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("for-agents", page);
    });
    repo.orchestra(["help", "--for-agents", "spawn"]).exits(2);
}

#[test]
fn an_agent_sees_the_documented_variables_and_no_other() {
    let world = world();
    let repo = world.repo();
    let mut command = repo.orchestra_command(["spawn", "--agent", "sh", "--json", "env > all"]);
    // None of the caller's own gets through.
    for name in ["ORCHESTRA_OTHER", "GIT_ORCHESTRA_ASK_NOT", "ORCHESTRA_TRACE", "GIT_CONFIG_KEY_0"] {
        command.env(name, "0");
    }
    let id = testkit::Ran::of(&mut command).succeeded().json()["agents"][0]["id"].clone();
    let all = repo.file_in_head(id.as_str().expect("an id"), "all");
    let names = all.lines().filter_map(|line| Some(line.split_once('=')?.0));
    let ours: BTreeSet<&str> = names.filter(|name| name.contains("ORCHESTRA_")).collect();
    assert_eq!(ours, AGENT_VARIABLES.iter().map(|(name, _)| *name).collect());
    let page = repo.orchestra(["man", "spawn"]).succeeded().stdout();
    for (name, _) in AGENT_VARIABLES {
        assert!(page.contains(name), "{name}");
    }
}
