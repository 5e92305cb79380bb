//! Does what keys ask for, through the operations of the commands, in a thread.

use orchestra::{
    Result,
    context::{Cancel, Context},
    git::Repo,
    model::{AgentId, text},
    ops::{pause, resume, send, stop, unasked},
};
use orchestra_terminal::here;

use super::{
    row::Asked,
    state::{Action, Msg},
    watcher::Post,
};

/// Begins an action. Its end is news.
pub(crate) fn begin(post: &Post, cancel: &Cancel, action: Action) {
    let context = Context::cancelled_by(here::environment(), cancel.clone());
    post.send_later(move || {
        Some(Msg::Did(perform(&context, action).map_err(|error| {
            let hints: Vec<String> = error.hints.iter().map(|hint| format!(" ({hint})")).collect();
            text::safe(&format!("{}{}", error.one_line(), hints.concat())).into_owned()
        })))
    });
}

fn perform(context: &Context, action: Action) -> Result<String> {
    let repo = Repo::discover(here::environment())?;
    match action {
        Action::Allow { asked, always } => {
            let words = if always { "allowed from now on" } else { "allowed" };
            answer(context, &repo, asked, (true, always), None, words)
        }
        Action::Deny { asked, reason } => answer(context, &repo, asked, (false, false), reason, "denied"),
        Action::Say { agent, text } => {
            let request = send::Request {
                agents: vec![agent.to_string()],
                text: Some(text),
                ..send::Request::default()
            };
            send::run(context, &repo, &request)?;
            Ok(format!("told {agent}"))
        }
        Action::Pause(agent) => {
            pause::run(context, &repo, &one(&agent, false))?;
            Ok(format!("{agent} is paused"))
        }
        Action::Stop(agent) => {
            stop::run(context, &repo, &one(&agent, true))?;
            Ok(format!("{agent} is stopped"))
        }
        Action::Resume(agent) => {
            let repo = unasked::accepted(repo)?;
            let request = resume::Request { agents: vec![agent.to_string()], ..resume::Request::default() };
            resume::run(context, &repo, &request)?;
            Ok(format!("{agent} is resumed"))
        }
    }
}

fn one(agent: &AgentId, children: bool) -> stop::Request {
    stop::Request { agents: vec![agent.to_string()], children, ..stop::Request::default() }
}

/// Answers this question, and no other.
fn answer(
    context: &Context,
    repo: &Repo,
    asked: Asked,
    (allow, always): (bool, bool),
    text: Option<String>,
    words: &str,
) -> Result<String> {
    let Asked { agent, question } = asked;
    let request = send::Request {
        agents: vec![agent.to_string()],
        text,
        allow: Some(allow),
        always,
        question: Some(question),
        ..send::Request::default()
    };
    send::run(context, repo, &request)?;
    Ok(format!("{words} what {agent} asked for"))
}
