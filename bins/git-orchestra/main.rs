//! `git orchestra`: contains every command of the suite but `agent-api`, `ui` and `web`. It runs the one that its first argument names, or that
//! the name of the program names; other commands are programs `git-orchestra-<command>` on PATH.

mod agent_api;
mod cli;
mod commands;
mod completions;
mod demo;
mod for_agents;
mod guides;
mod help;
mod installation;
mod lookup;
mod overview;
mod schema;
mod separate;
mod setup;
mod ui;
mod view;
mod web;

use std::process::ExitCode;

use orchestra_terminal::CommandLine;

fn main() -> ExitCode {
    lookup::dispatch(CommandLine::typed())
}
