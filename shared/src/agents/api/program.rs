//! The agent itself: asks the model, runs the tools that it uses, and asks again, until the model has nothing more to do.

use std::io::{self, Read, Write};

use serde_json::{Value, json};

use super::{
    client::{Answer, Client},
    compaction,
    confined::Folders,
    failure::{Failure, Limit, MAX_RETRIES, Next},
    input::Inbox,
    live_text::LiveText,
    output::{How, Output, TurnEnd},
    permission::{Policy, Verdict},
    rules::Tool,
    session_files,
    settings::Settings,
    stream::Part,
    tools::{self, Outcome, Toolbox, Use},
    transcript::{Transcript, Used, tool_result, words},
};
use crate::{Code, Kind, Result, error::ErrorContext, model::Cost, world::Environment};

/// The longest answer of the model, in tokens.
const MAX_TOKENS: u32 = 16_000;
/// The number of requests in one turn, if the user sets none.
const MAX_REQUESTS: u32 = 50;
/// The message to the model when its answer was cut off.
const CUT_OFF: &str =
    "Your answer was cut off because it was too long. Continue where it ended, in smaller parts.";
/// The reason that the model gets when nobody says one.
const NOT_ALLOWED: &str = "The user does not want this. Continue without it.";

/// Runs the agent until its input ends and nothing is left to do. Returns whether the last turn succeeded.
///
/// # Errors
/// There is no key, the session cannot be read or written, or the worktree cannot be opened.
pub fn run(
    environment: &Environment,
    settings: &Settings,
    input: impl Read + Send + 'static,
    output: &mut dyn Write,
) -> Result<bool> {
    let client = Client::new(environment, settings.key_command.as_deref())?;
    let folder = environment.directory();
    let cannot = || format!("cannot open '{}' or a folder besides it", folder.display());
    let folders = Folders::open(folder, &settings.add_dirs).context(Code::FileInaccessible, cannot)?;
    let transcript = session_files::open(environment, settings)?;
    let inbox = Inbox::of(input).context(Kind::External, || "cannot read the input".into())?;
    let program = Program {
        environment,
        settings,
        policy: settings.policy(),
        client,
        toolbox: Toolbox::new(environment.clone(), folders),
        transcript,
        output: Output::new(output),
        inbox,
        answered: 0,
        denied: Vec::new(),
    };
    program.run().context(Kind::External, || "the agent cannot continue".into())
}

struct Program<'a> {
    environment: &'a Environment,
    settings: &'a Settings,
    policy: Policy,
    client: Client,
    toolbox: Toolbox,
    transcript: Transcript,
    output: Output<'a>,
    inbox: Inbox,
    /// The number of answers of the model so far.
    answered: u64,
    denied: Vec<(String, &'static str)>,
}

/// Why a turn ends before the model is done.
type Stop = (How, String);

/// A result, or the end of the turn. Errors of files end the program.
type Flow<T> = io::Result<std::result::Result<T, Stop>>;

impl Program<'_> {
    fn run(mut self) -> io::Result<bool> {
        let mut is_ok = true;
        while self.inbox.wait_for_message() {
            is_ok = self.turn()?;
        }
        Ok(is_ok)
    }

    /// Runs one turn, from a message to the answer without a tool. Returns whether it succeeded.
    fn turn(&mut self) -> io::Result<bool> {
        self.denied.clear();
        let folder = self.environment.directory().to_string_lossy().into_owned();
        let Settings { session, model, permission, .. } = self.settings;
        self.output.begin(session, model, permission.as_str(), &folder)?;
        let begun = self.answered;
        let (how, said) = loop {
            match self.step(self.answered - begun)? {
                Ok(None) => {}
                Ok(Some(said)) => break (How::Success, said),
                Err(stop) => break stop,
            }
        };
        let is_ok = how == How::Success;
        let end = TurnEnd {
            how,
            text: said,
            requests: self.answered - begun,
            denied: std::mem::take(&mut self.denied),
        };
        let dollars = self.settings.price.map(|_| Cost::from_micros(self.transcript.cost_micros()).dollars());
        self.output.end(&end, model, self.transcript.used(), dollars)?;
        Ok(is_ok)
    }

    /// Makes one request, and runs the tools that the answer uses. Returns the final text, if the answer uses none and no message
    /// came meanwhile.
    fn step(&mut self, requests: u64) -> Flow<Option<String>> {
        self.hand_over_messages()?;
        if let Some(stop) = self.limit_reached(requests) {
            return Ok(Err(stop));
        }
        if compaction::is_due(self.transcript.size(), self.settings.context)
            && let Err(stop) = self.compact()?
        {
            return Ok(Err(stop));
        }
        let (answer, live) = match self.ask(&self.request(), true)? {
            Ok(answered) => answered,
            Err(stop) => return Ok(Err(stop)),
        };
        let content = self.record(&answer, &live)?;
        let said = texts(&content);
        let uses: Vec<&Value> = content.iter().filter(|block| block["type"] == "tool_use").collect();
        let is_cut = answer.message["stop_reason"] == "max_tokens";
        for used in &uses {
            let outcome = if is_cut { Ok(Outcome::error(CUT_OFF)) } else { self.use_tool(used)? };
            let (outcome, stop) = match outcome {
                Ok(outcome) => (outcome, None),
                Err(stop) => (Outcome::error("the user interrupted it"), Some(stop)),
            };
            let result = tool_result(text_of(used, "id"), &outcome.text, outcome.is_error);
            self.output.tool_result(&result)?;
            self.transcript.add_user(vec![result], self.environment.now())?;
            if let Some(stop) = stop {
                self.answer_rest(&uses)?;
                return Ok(Err(stop));
            }
        }
        match answer.message["stop_reason"].as_str() {
            Some("refusal") => return Ok(Err((How::Refused, "the model refused to answer".to_owned()))),
            Some("max_tokens") if uses.is_empty() => {
                self.transcript.add_user(vec![words(CUT_OFF)], self.environment.now())?;
                return Ok(Ok(None));
            }
            _ => {}
        }
        let is_done =
            uses.is_empty() && !self.inbox.has_message() && answer.message["stop_reason"] != "pause_turn";
        Ok(Ok(is_done.then_some(said)))
    }

    /// Adds the messages that arrived to the conversation.
    fn hand_over_messages(&mut self) -> io::Result<()> {
        while let Some(message) = self.inbox.next_message() {
            self.transcript.add_user(vec![words(&message)], self.environment.now())?;
            self.output.accepted(&message)?;
        }
        Ok(())
    }

    /// Gives results to the tools of an answer that did not run because the turn was interrupted.
    fn answer_rest(&mut self, uses: &[&Value]) -> io::Result<()> {
        let known = self.transcript.messages();
        let results = known.last().and_then(|last| last["content"].as_array()).into_iter().flatten();
        let answered: Vec<&str> = results.filter_map(|block| block["tool_use_id"].as_str()).collect();
        let open = uses.iter().map(|used| text_of(used, "id")).filter(|id| !answered.contains(id));
        let rest: Vec<Value> =
            open.map(|id| tool_result(id, "not run: the user interrupted", true)).collect();
        if rest.is_empty() { Ok(()) } else { self.transcript.add_user(rest, self.environment.now()) }
    }

    fn limit_reached(&self, requests: u64) -> Option<Stop> {
        let most = self.settings.max_turns.unwrap_or(MAX_REQUESTS);
        if requests >= u64::from(most) {
            return Some((How::OutOfTurns, format!("it made {most} requests in one turn")));
        }
        let budget = self.settings.budget?;
        let spent = Cost::from_micros(self.transcript.cost_micros());
        (spent >= budget).then(|| (How::OutOfBudget, format!("it has cost ${}", spent.text())))
    }

    /// Adds an answer to the conversation. Returns its blocks.
    fn record(&mut self, answer: &Answer, live: &LiveText) -> io::Result<Vec<Value>> {
        if let Some(limit) = Limit::of(&answer.headers).filter(Limit::is_news) {
            self.output.limit(&limit.info())?;
        }
        let content = answer.message["content"].as_array().cloned().unwrap_or_default();
        let used = Used::of(&answer.message["usage"]);
        let cost = self.cost(used);
        let model = answer.message["model"].as_str().unwrap_or(&self.settings.model).to_owned();
        self.transcript.add_answer(content.clone(), &model, used, cost, self.environment.now())?;
        let rest = shown(&live.rest(&content));
        if !rest.is_empty() {
            self.output.answer(&rest)?;
        }
        Ok(content)
    }

    fn cost(&self, used: Used) -> Option<u64> {
        self.settings.price.map(|price| price.of_tokens(used.tokens()).micros())
    }

    /// Replaces the older part of the conversation by a summary of the model.
    fn compact(&mut self) -> Flow<()> {
        let mut request = self.request();
        request["tool_choice"] = json!({"type": "none"});
        let last = request["messages"].as_array_mut().and_then(|messages| messages.last_mut());
        if let Some(content) = last.and_then(|message| message["content"].as_array_mut()) {
            content.push(words(compaction::REQUEST));
        }
        let (answer, _) = match self.ask(&request, false)? {
            Ok(answered) => answered,
            Err(stop) => return Ok(Err(stop)),
        };
        let summary = texts(answer.message["content"].as_array().map_or(&[][..], Vec::as_slice));
        if summary.trim().is_empty() {
            return Ok(Err((How::Refused, "the model did not summarize the conversation".to_owned())));
        }
        let used = Used::of(&answer.message["usage"]);
        let (cost, now) = (self.cost(used), self.environment.now());
        self.transcript.compact(&summary, self.settings.context, used, cost, now)?;
        self.output.compacted()?;
        Ok(Ok(()))
    }

    /// Asks the model, again if the service is overloaded or not reached. What was printed of the answer already is returned with it.
    /// Of a summary, no text is printed.
    fn ask(&mut self, request: &Value, is_shown: bool) -> Flow<(Answer, LiveText)> {
        let mut done = 0;
        loop {
            let (client, body) = (self.client.clone(), request.clone());
            let Self { inbox, output, .. } = self;
            let mut live = LiveText::default();
            let answer = inbox.answer_of(
                move |given_up, on_part| client.ask(&body, given_up, on_part),
                &mut |part| match part {
                    Part::Text(..) if !is_shown => live.take(Part::Alive, output),
                    part => live.take(part, output),
                },
            )?;
            let Some(answer) = answer else { return Ok(Err(interrupted())) };
            let failure = match answer {
                Ok(answer) => {
                    self.answered += 1;
                    return Ok(Ok((answer, live)));
                }
                Err(failure) => failure,
            };
            match failure.next(done) {
                Next::Retry(pause) => {
                    done += 1;
                    self.output.retry(done, MAX_RETRIES, failure.word(), failure.status())?;
                    if !self.inbox.pause(pause) {
                        return Ok(Err(interrupted()));
                    }
                }
                Next::Limited => {
                    self.output.limit(&failure.limit(self.environment.now()))?;
                    return self.give_up(&failure);
                }
                Next::GiveUp => return self.give_up(&failure),
            }
        }
    }

    fn give_up<T>(&mut self, failure: &Failure) -> Flow<T> {
        self.output.api_error(failure.word(), &failure.sentence())?;
        let how = if failure.is_too_long() { How::ContextFull } else { How::ApiError(failure.status()) };
        Ok(Err((how, failure.sentence())))
    }

    fn request(&self) -> Value {
        let mut tools: Vec<Value> = self.policy.offered().map(tools::description).collect();
        let mut messages = self.transcript.messages();
        // Everything up to these marks is read from the service's cache with the next request.
        let mut system = words(&system_prompt(self.environment, self.settings));
        system["cache_control"] = json!({"type": "ephemeral"});
        let newest = messages.last_mut().and_then(|last| last["content"].as_array_mut()?.last_mut());
        for marked in tools.last_mut().into_iter().chain(newest) {
            marked["cache_control"] = json!({"type": "ephemeral"});
        }
        json!({
            "model": self.settings.model,
            "max_tokens": MAX_TOKENS,
            "stream": true,
            "system": [system],
            "messages": messages,
            "tools": tools,
        })
    }

    /// Runs a tool, if that is allowed.
    fn use_tool(&mut self, block: &Value) -> Flow<Outcome> {
        let (id, name) = (text_of(block, "id").to_owned(), text_of(block, "name"));
        let Some(tool) = Tool::named(name) else {
            return Ok(Ok(Outcome::error(format!("there is no tool '{name}'"))));
        };
        let used = Use::of(tool, &block["input"]);
        let (used, subject) =
            match used.and_then(|used| self.toolbox.subject(&used).map(|subject| (used, subject))) {
                Ok(understood) => understood,
                Err(why) => return Ok(Ok(Outcome::error(why))),
            };
        match self.policy.decide(tool, &subject) {
            Verdict::Allowed => {}
            Verdict::Denied(why) => {
                self.output.denied(&id, tool.word(), &why)?;
                self.denied.push((id, tool.word()));
                return Ok(Ok(Outcome::error(format!("denied: {why}"))));
            }
            Verdict::Asks => match self.question(&id, tool, &block["input"])? {
                Ok(None) => {}
                Ok(Some(why)) => {
                    self.denied.push((id, tool.word()));
                    return Ok(Ok(Outcome::error(why)));
                }
                Err(stop) => return Ok(Err(stop)),
            },
        }
        let Self { toolbox, inbox, .. } = self;
        let outcome = toolbox.run(&used, &mut || inbox.is_interrupted());
        Ok(if self.inbox.is_interrupted() { Err(interrupted()) } else { Ok(outcome) })
    }

    /// Asks a person whether a tool may run. Returns the reason if it may not.
    fn question(&mut self, id: &str, tool: Tool, input: &Value) -> Flow<Option<String>> {
        self.output.question(id, tool.word(), input)?;
        match self.inbox.decision(id) {
            Some((true, _)) => return Ok(Ok(None)),
            Some((false, why)) => return Ok(Ok(Some(why.unwrap_or_else(|| NOT_ALLOWED.to_owned())))),
            None => self.output.question_cancelled(id)?,
        }
        Ok(if self.inbox.is_interrupted() { Err(interrupted()) } else { Ok(Some(NOT_ALLOWED.to_owned())) })
    }
}

fn interrupted() -> Stop {
    (How::Interrupted, "interrupted".to_owned())
}

fn system_prompt(environment: &Environment, settings: &Settings) -> String {
    let own = format!(
        "You are a coding agent. You work alone on one task, in a git worktree of your own; nobody reads along, so do not ask \
         unless you cannot continue. Look before you change something, make the smallest change that solves the task, and check it. \
         You need not commit: what you leave is committed for you. When you are done, say in a few sentences what you changed.\n\n\
         Working directory: {}",
        environment.directory().display()
    );
    match &settings.append_system_prompt {
        Some(more) => format!("{own}\n\n{more}"),
        None => own,
    }
}

/// Returns an answer as it is printed: tools have the names that rules use.
fn shown(content: &[Value]) -> Vec<Value> {
    let shown = |block: &Value| {
        let mut block = block.clone();
        if let Some(tool) = Tool::named(text_of(&block, "name")).filter(|_| block["type"] == "tool_use") {
            block["name"] = tool.word().into();
        }
        block
    };
    content.iter().map(shown).collect()
}

fn texts(content: &[Value]) -> String {
    let texts: Vec<&str> = content.iter().filter_map(|block| block["text"].as_str()).collect();
    texts.join("\n")
}

fn text_of<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_default()
}
