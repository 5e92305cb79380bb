//! Explains the suite to a coding agent that runs it, as Markdown. Names and codes come from the tables that the commands use.

use std::fmt::Write as _;

use orchestra::{Code, Kind, wire};
use orchestra_terminal::{agent_variables::AGENT_VARIABLES, catalog::Group, exit};

const INTRODUCTION: &str = "\
# git orchestra, for coding agents

git orchestra runs coding agents side by side. Each has one task, one worktree and one branch; all state is in git refs below
`refs/orchestra`. This page is for a program that runs it. `git orchestra help COMMAND` describes a command.

## How to call it

- Add `--json` to get one object on standard output, `{\"version\":1,\"kind\":…}`; a failure is one of kind `error`, with `code` and `hints`.
- Decide by exit status, `kind` and `code`. Never parse the text for people: it changes.
- Add `--dry-run` to see what a command would do. It changes nothing.
- Nothing waits for an answer: without a terminal a command that would ask fails with `confirmation-needed` and names the option.
- Name an agent by its id, as `spawn --json --detach` printed it. A word of it is enough if it is unique.
- Read hints as proposals: they are commands for a person, and some remove things.
- Start builds, test suites and other heavy commands by `git orchestra slot -- COMMAND`: it waits until the machine has a slot.
- Do not edit refs below `refs/orchestra` or files below `.git/orchestra`; both are read at any time by supervisors.

## The order of work

1. `git orchestra spawn --detach --json 'task' 'task'` starts agents; `-f FILE` reads a list. Each costs money: start what was asked for.
2. `git orchestra status --wait --json ID` waits for them; one of them may use your slot meanwhile. `--wait=10m` limits the wait.
3. `git orchestra logs ID` shows what one printed, `git orchestra diff ID` what it changed.
4. `git orchestra send ID 'message'` instructs one that runs; `git orchestra resume ID -m 'message'` one that has ended.
5. `git orchestra review ID --approve` records a verdict on its work; `--reject` and `--changes` are the others.
6. `git orchestra merge-ranked --json` lands all finished work in the current branch, each step checked. `undo` reverts that.
7. `git orchestra cleanup` removes agents whose work has landed. `undo` brings them back.

## What is for people

Only a person changes the configuration (`config`) or accepts one that changed while agents ran (`init --accept`): if an agent's
program runs these, they fail with `not-for-agents`. Ask the person who started you.
";

/// Returns the page.
pub(crate) fn page() -> String {
    let mut out = INTRODUCTION.to_owned();
    commands(&mut out);
    exits(&mut out);
    answers(&mut out);
    variables(&mut out);
    out
}

fn commands(out: &mut String) {
    out.push_str("\n## Commands\n\n");
    for entry in Group::ALL.into_iter().flat_map(Group::commands) {
        let _ = writeln!(out, "- `{}`: {}", entry.name, entry.summary);
    }
}

fn exits(out: &mut String) {
    out.push_str("\n## Exit statuses and error codes\n\n");
    for (status, meaning) in exit::TABLE {
        let codes: Vec<String> = Code::ALL
            .iter()
            .filter(|code| exit::code(code.kind()).to_string() == *status)
            .map(|code| format!("`{}`", code.as_str()))
            .collect();
        let _ = writeln!(out, "- {status}: {meaning}");
        if !codes.is_empty() {
            let _ = writeln!(out, "  Codes: {}.", codes.join(", "));
        }
    }
    let again = exit::code(Kind::Conflict);
    let _ = writeln!(
        out,
        "\nAfter {again} the same command may be tried again; after any other, change something first."
    );
}

fn answers(out: &mut String) {
    let kinds: Vec<String> = wire::KINDS.iter().map(|kind| format!("`{}`", kind.name)).collect();
    let _ = write!(
        out,
        "\n## Kinds of answers\n\n{}.\n\n`git orchestra schema KIND` prints the JSON Schema of one. Fields are only ever added.\n",
        kinds.join(", ")
    );
}

fn variables(out: &mut String) {
    out.push_str("\n## Variables of an agent's program\n\n");
    for (name, meaning) in AGENT_VARIABLES {
        let _ = writeln!(out, "- `{name}`: {meaning}");
    }
}
