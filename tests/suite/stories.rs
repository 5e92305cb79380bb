//! The README is true: its commands are run, in order, in one shell.

use std::{fs, path::Path};

use testkit::Ran;

use crate::world;

/// Returns the lines after `$ ` in the code blocks marked `console` of a Markdown text.
fn commands(markdown: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut inside = false;
    for line in markdown.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| inside) {
            commands.push(command.to_owned());
        }
    }
    commands
}

#[test]
fn the_readme_tour_runs_as_written() {
    let world = world();
    let repo = world.repo();
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("a README");
    let (_, tour) = readme.split_once("## A short tour").expect("the tour");
    let (tour, _) = tour.split_once("\n## Install").expect("its end");
    let commands = commands(tour);
    assert!(commands.len() >= 8, "{commands:?}");
    for command in commands {
        let ran = Ran::of(repo.command("bash").args(["-ec", &command]));
        assert!(ran.code() == 0, "{command}\n{}\n{}", ran.stdout(), ran.stderr());
    }
}
