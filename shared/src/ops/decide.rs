//! `decide`: shows what waits for a person, and answers at the gates of runs.
//!
//! An answer is an event in the log of the run, which any clone may write and sync exchanges. The clone that drives the run heeds the
//! first one of a clone that it trusts. If the command is interrupted, the answer is recorded or it is not.

use std::{cell::RefCell, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Result,
    backoff::Backoff,
    context::Context,
    git::Repo,
    lock::Lock,
    model::{
        Liveness, RunKey, WriterId,
        run::{DrivingClone, Fact, Fold, Gate, GateOption, Run, RunPhase, gate::Decided},
        text,
        words::words,
    },
    ops::{
        agent_object::AgentObject,
        gate_object::{AnswerStanding, OpenGate},
        run::edits,
        status,
    },
    store::{
        self,
        chain::Chain,
        layout::{self, PrivateDir, RUNS},
        verdicts::TrustedWriters,
        writer,
    },
};

/// The most runs whose logs are read, the newest.
const MAX_RUNS: usize = 1000;
/// The longest text that can be added to an answer, in bytes.
pub const MAX_NOTE: usize = 8 * 1024;

/// What to show or to answer.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// The run, by id or unique prefix. An answer without it is for the only run with an open gate.
    pub run: Option<String>,
    /// The number of the gate.
    pub gate: Option<u64>,
    /// The option; without it, nothing is answered.
    pub option: Option<String>,
    /// What to add to the answer; `retry` passes it on to the agent.
    pub note: Option<String>,
    /// How long to wait until the clone that drives the run has closed the gate.
    #[serde(rename = "wait_seconds", with = "crate::ops::seconds")]
    #[schemars(with = "Option<u64>")]
    pub wait: Option<Duration>,
}

/// What waits for a person.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "DecideReport")]
pub struct Report {
    /// The runs with open gates, oldest first.
    pub runs: Vec<WaitingRun>,
    /// The agents that ask for a permission, or about a cap. They are answered by `send`.
    pub agents: Vec<AgentObject>,
    /// The answer that was given, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<Answered>,
}

words! {
    /// Who drives a run.
    pub enum RunDriver {
        /// A process of this clone.
        Here = "here",
        /// No process: it was begun in this clone and can be continued.
        Nobody = "nobody",
        /// Another clone; if that is gone, `run --take` drives it here.
        Elsewhere = "elsewhere",
    }
}

/// A run with its open gates.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct WaitingRun {
    /// Its id.
    pub run: String,
    /// Its purpose, in a few words.
    pub title: String,
    /// The label of the clone that drives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Who drives it.
    pub driver: RunDriver,
    /// Its open gates.
    pub gates: Vec<OpenGate>,
}

/// An answer that was given.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Answered {
    /// The run.
    pub run: String,
    /// The gate.
    pub gate: u64,
    /// The option.
    pub option: String,
    /// Who drives the run, and so heeds the answer.
    pub driver: RunDriver,
    /// What became of the answer so far.
    pub standing: AnswerStanding,
    /// Whether the same answer had been given before, so that nothing was written.
    pub repeated: bool,
}

/// Shows what waits, or answers at a gate. The clone that drives the run decides which answer counts.
///
/// # Errors
/// The option or the note is not valid (2). There is no such run or gate, or an agent answers (3). Another answer came first (4). The gate was
/// not closed in the time to wait (124): the answer is recorded.
pub fn run(context: &Context, repo: &Repo, request: &Request) -> Result<Report> {
    context.check()?;
    let Some(option) = &request.option else { return list(context, repo, request) };
    if repo.is_called_by_agent() {
        return Err(Error::new(Code::NotForAgents, "an agent cannot answer at the gate of a run")
            .hint("a person answers: git orchestra decide"));
    }
    if request.note.as_ref().is_some_and(|note| note.len() > MAX_NOTE) {
        let what = format!("the text of an answer is longer than {MAX_NOTE} bytes");
        return Err(Error::new(Code::MessageInvalid, what));
    }
    let number = request.gate.ok_or_else(|| Error::new(Code::ArgumentMissing, "no gate was named"))?;
    let key = match &request.run {
        Some(typed) => find(repo, typed)?,
        None => only(&waiting_runs(repo)?)?,
    };
    let answered = answer(repo, &key, number, &option.to_ascii_lowercase(), request)?;
    let answered = match request.wait {
        Some(limit) if answered.standing == AnswerStanding::Waits => {
            wait_for(context, repo, &key, answered, limit)?
        }
        _ => answered,
    };
    Ok(Report { runs: Vec::new(), agents: Vec::new(), answered: Some(answered) })
}

fn list(context: &Context, repo: &Repo, request: &Request) -> Result<Report> {
    let mut runs = waiting_runs(repo)?;
    if let Some(typed) = &request.run {
        let (key, gate) = match (find(repo, typed), typed.parse()) {
            (Ok(key), _) => (key, request.gate),
            // A number alone is that of a gate: it is shown, with what can be answered.
            (Err(_), Ok(number)) if request.gate.is_none() => (only(&runs)?, Some(number)),
            (Err(error), _) => return Err(error),
        };
        runs.retain(|run| run.run == key.as_str());
        if let Some(number) = gate {
            runs.iter_mut().for_each(|run| run.gates.retain(|gate| gate.gate == number));
            if runs.iter().all(|run| run.gates.is_empty()) {
                return Err(
                    judge(&Chain::<Run>::of(repo, &key)?.fold(), number, "", &|_| true).error(&key, number)
                );
            }
        }
        return Ok(Report { runs, agents: Vec::new(), answered: None });
    }
    let mut agents = status::run(context, repo, &status::Request::default())?.agents;
    let is_held = |agent: &AgentObject| agent.cap.as_ref().is_some_and(|cap| !cap.warning);
    agents.retain(|agent| agent.liveness == Liveness::Live && (agent.waiting.is_some() || is_held(agent)));
    Ok(Report { runs, agents, answered: None })
}

/// Returns the runs that have open gates, oldest first.
fn waiting_runs(repo: &Repo) -> Result<Vec<WaitingRun>> {
    let mut all = Vec::new();
    for key in keys(repo)? {
        // A log that cannot be read is left out: `git orchestra doctor` names it.
        let Ok(chain) = Chain::<Run>::of(repo, &key) else { continue };
        let fold = chain.fold();
        let mut gates = OpenGate::all(&fold, &whose_answers_count(repo, &fold, None));
        if !gates.is_empty() {
            let driver = driver(repo, &key, &fold)?;
            for gate in gates.iter_mut().filter(|_| driver != RunDriver::Elsewhere) {
                gate.worktree = edits::worktree(repo, key.as_str(), gate);
            }
            let label = fold.driver.and_then(|clone| clone.label).or(fold.run.label);
            let title = fold.run.title;
            all.push(WaitingRun { run: key.to_string(), title, label, driver, gates });
        }
    }
    Ok(all)
}

/// Returns the ids of the newest runs that have logs, oldest first: they begin with the time.
///
/// # Errors
/// The refs cannot be read.
pub(in crate::ops) fn keys(repo: &Repo) -> Result<Vec<RunKey>> {
    let names = repo.refs_below(RUNS)?;
    let key = |(name, _)| RunKey::parse(String::as_str(&name).strip_prefix(RUNS)?).ok();
    let mut keys: Vec<RunKey> = names.into_iter().filter_map(key).collect();
    keys.sort_unstable();
    keys.drain(..keys.len().saturating_sub(MAX_RUNS));
    Ok(keys)
}

/// Finds a run by its id or a unique prefix.
///
/// # Errors
/// There is none, or there are several (3).
pub(in crate::ops) fn find(repo: &Repo, typed: &str) -> Result<RunKey> {
    let all = keys(repo)?;
    let typed = typed.to_ascii_lowercase();
    if let Some(key) = all.iter().find(|key| key.as_str() == typed) {
        return Ok(key.clone());
    }
    let matching: Vec<&RunKey> =
        all.iter().filter(|key| !typed.is_empty() && key.as_str().starts_with(&typed)).collect();
    let shown = text::safe(&typed);
    let what = match matching.as_slice() {
        [key] => return Ok((*key).clone()),
        [] => format!("no run '{shown}'"),
        several => format!("'{shown}' is ambiguous: {} runs", several.len()),
    };
    Err(Error::new(Code::RunUnknown, what).hint("git orchestra decide lists the runs that wait"))
}

/// Returns the only run that waits.
fn only(runs: &[WaitingRun]) -> Result<RunKey> {
    match runs {
        [run] => RunKey::parse(&run.run),
        [] => Err(Error::new(Code::GateUnknown, "no run has an open gate")
            .hint("git orchestra status shows the runs that have not ended")),
        several => {
            let ids: Vec<&str> = several.iter().map(|run| run.run.as_str()).collect();
            Err(Error::new(Code::GateUnknown, format!("{} runs wait: {}", ids.len(), ids.join(", ")))
                .hint("name one: git orchestra decide RUN GATE OPTION"))
        }
    }
}

/// Returns who drives a run.
fn driver(repo: &Repo, key: &RunKey, fold: &Fold) -> Result<RunDriver> {
    let folder = layout::runs_dir(&PrivateDir::new(repo.private_dir()?));
    let is_ours = writer::known_writer(repo).is_some_and(|own| fold.is_driven_by(&own));
    Ok(if !is_ours || !folder.join(format!("{key}.json")).exists() {
        RunDriver::Elsewhere
    } else if Lock::is_held(&folder.join(format!("{key}.lock"))) {
        RunDriver::Here
    } else {
        RunDriver::Nobody
    })
}

/// Returns whose answers to a gate count, as far as this clone knows: those of the clone that drives the run, and its own; if it drives
/// the run itself, those of the clones that the user trusts. Without a gate, all gates of a run are meant.
fn whose_answers_count<'a>(
    repo: &'a Repo,
    fold: &Fold,
    gate: Option<&Gate>,
) -> impl Fn(&WriterId) -> bool + use<'a> {
    let trusted = TrustedWriters::of(repo);
    let own = writer::known_writer(repo);
    let driving = fold.driver.as_ref().map_or_else(|| fold.run.writer.clone(), |clone| clone.writer.clone());
    let is_for_listing = gate.is_none();
    move |writer: &WriterId| {
        if own.as_ref() == Some(&driving) {
            trusted.contains(writer.as_str())
        } else {
            is_for_listing || *writer == driving || own.as_ref() == Some(writer)
        }
    }
}

/// What is to be said of an answer before it is written.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Judged {
    New,
    Repeated,
    Ended(RunPhase),
    NoGate(Vec<u64>),
    NoOption(Vec<String>),
    Closed(Option<String>),
    OtherFirst { option: String, writer: WriterId },
}

/// Judges an answer by the log of its run.
fn judge(fold: &Fold, number: u64, option: &str, counts: &dyn Fn(&WriterId) -> bool) -> Judged {
    let Some(gate) = fold.gate(number) else {
        return Judged::NoGate(fold.open_gates().map(|gate| gate.opened.gate).collect());
    };
    if let Some(closed) = &gate.closed {
        return Judged::Closed(closed.option.clone());
    }
    if fold.run.phase.is_end() {
        return Judged::Ended(fold.run.phase);
    }
    if !gate.opened.options.iter().any(|known| known == option) {
        return Judged::NoOption(gate.opened.options.clone());
    }
    match gate.first_answer(counts) {
        None => Judged::New,
        Some(answer) if answer.option == option => Judged::Repeated,
        Some(answer) => Judged::OtherFirst { option: answer.option.clone(), writer: answer.writer.clone() },
    }
}

impl Judged {
    /// Returns why the answer is not written.
    fn error(&self, key: &RunKey, number: u64) -> Error {
        let lists = format!("git orchestra decide {key} lists what can be answered");
        match self {
            Self::New | Self::Repeated => Error::internal("the answer is valid"),
            Self::Ended(phase) => {
                Error::new(Code::GateUnknown, format!("run '{key}' has ended: it is {phase}"))
            }
            Self::NoGate(open) if open.is_empty() => {
                Error::new(Code::GateUnknown, format!("run '{key}' has no open gate")).hint(lists)
            }
            Self::NoGate(open) => {
                let open: Vec<String> = open.iter().map(ToString::to_string).collect();
                let what = format!("run '{key}' has no gate {number}; open: {}", open.join(", "));
                Error::new(Code::GateUnknown, what).hint(lists)
            }
            Self::NoOption(options) => {
                let what = format!("gate {number} has no such option; it has {}", options.join(", "));
                Error::usage(what).hint(lists)
            }
            Self::Closed(Some(option)) => {
                let what = format!("gate {number} of run '{key}' is closed: '{option}' counted");
                Error::new(Code::GateAnswered, what).hint(lists)
            }
            Self::Closed(None) => {
                let what = format!("gate {number} of run '{key}' is closed: what it was about has changed");
                Error::new(Code::GateAnswered, what).hint(lists)
            }
            Self::OtherFirst { option, writer } => {
                let what = format!(
                    "gate {number} of run '{key}' was answered before: '{option}', by clone {writer}"
                );
                Error::new(Code::GateAnswered, what).hint("the first answer counts")
            }
        }
    }
}

/// Writes an answer, unless the log says that it cannot count.
fn answer(repo: &Repo, key: &RunKey, number: u64, option: &str, request: &Request) -> Result<Answered> {
    let judged = RefCell::new(Judged::NoGate(Vec::new()));
    let own = writer::writer(repo)?;
    if GateOption::parse(option).is_some_and(GateOption::is_by_hand) {
        refuse_elsewhere(repo, key, option)?;
    }
    let fold = store::append_if(repo, key, |fold| {
        let counts = whose_answers_count(repo, fold, fold.gate(number));
        let found = judge(fold, number, option, &counts);
        let is_new = found == Judged::New;
        judged.replace(found);
        let note = request.note.clone();
        is_new.then(|| vec![Fact::Decided(Decided { gate: number, option: option.to_owned(), note })])
    })?;
    let driver = driver(repo, key, &fold)?;
    let answered = |repeated, standing| Answered {
        run: key.to_string(),
        gate: number,
        option: option.to_owned(),
        driver,
        standing,
        repeated,
    };
    let heeded_before = fold.gate(number).and_then(Gate::heeded);
    match judged.into_inner() {
        Judged::New => Ok(answered(false, AnswerStanding::Waits)),
        Judged::Repeated => Ok(answered(true, AnswerStanding::Waits)),
        // The same answer of this clone counted: typed twice, it has the same result.
        Judged::Closed(Some(counted))
            if counted == option && heeded_before.is_some_and(|answer| answer.writer == own) =>
        {
            Ok(answered(true, AnswerStanding::Heeded))
        }
        other => Err(other.error(key, number)),
    }
}

/// Refuses an answer about a worktree that is in another clone.
fn refuse_elsewhere(repo: &Repo, key: &RunKey, option: &str) -> Result<()> {
    let fold = Chain::<Run>::of(repo, key)?.fold();
    if fold.run.phase.is_end() || driver(repo, key, &fold)? != RunDriver::Elsewhere {
        return Ok(());
    }
    let by = fold.driver.as_ref().map_or_else(|| "another clone".to_owned(), DrivingClone::name);
    let what = format!("'{option}' is answered where the worktree is: {by} drives run '{key}'");
    Err(Error::refused(what).hint("the other options of the gate can be answered here"))
}

/// Waits until the gate is closed, and returns whether the answer counted.
fn wait_for(
    context: &Context,
    repo: &Repo,
    key: &RunKey,
    answered: Answered,
    limit: Duration,
) -> Result<Answered> {
    let mut backoff = Backoff::millis(20, 1000);
    let mut left = limit;
    loop {
        let fold = Chain::<Run>::of(repo, key)?.fold();
        let closed = fold.gate(answered.gate).and_then(|gate| gate.closed.as_ref());
        if let Some(closed) = closed {
            if closed.option.as_deref() == Some(&answered.option) {
                return Ok(Answered { standing: AnswerStanding::Heeded, ..answered });
            }
            return Err(Judged::Closed(closed.option.clone()).error(key, answered.gate));
        }
        if left.is_zero() {
            let what = format!("the answer is recorded, and gate {} was not closed in time", answered.gate);
            let error = Error::new(Code::Timeout, what);
            return Err(match answered.driver {
                RunDriver::Nobody => {
                    error.hint_command(&[&"git", &"orchestra", &"run", &"--continue", &key.as_str()])
                }
                RunDriver::Elsewhere => {
                    error.hint("git orchestra sync brings it to the clone that drives the run")
                }
                RunDriver::Here => error.hint("the process that drives the run may be landing"),
            });
        }
        let pause = backoff.pause().min(left);
        left = left.saturating_sub(pause);
        if context.cancel.wait(pause) {
            return Err(crate::context::interrupted("interrupted; the answer is recorded"));
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::{
        event::Event,
        run::{
            fold,
            gate::{GateClosed, GateOpened},
        },
    };

    #[test]
    fn an_answer_is_judged_by_the_log() {
        let options = vec!["retry".to_owned(), "skip".to_owned()];
        let opened = GateOpened { gate: 3, kind: "failed".into(), options, ..GateOpened::default() };
        let event =
            |l, writer: &str, fact: &Fact| Event::new(fact, l, Timestamp::UNIX_EPOCH, writer).unwrap();
        let decided = |option: &str| Fact::Decided(Decided { gate: 3, option: option.into(), note: None });
        let mut events = vec![event(1, "a", &Fact::GateOpened(opened))];
        let is_not_x = |writer: &WriterId| writer.as_str() != "x";
        let see = |events: &[Event<Fact>], number, option: &str| {
            judge(&fold::fold(events), number, option, &is_not_x)
        };
        assert_eq!(see(&events, 4, "skip"), Judged::NoGate(vec![3]));
        assert_eq!(see(&events, 3, "skip"), Judged::New);
        assert!(matches!(see(&events, 3, "accept"), Judged::NoOption(_)));
        events.push(event(2, "x", &decided("retry")));
        assert_eq!(see(&events, 3, "skip"), Judged::New, "an answer that does not count blocks none");
        events.push(event(3, "b", &decided("skip")));
        assert_eq!(see(&events, 3, "skip"), Judged::Repeated);
        assert!(matches!(see(&events, 3, "retry"), Judged::OtherFirst { .. }));
        let closed = GateClosed { gate: 3, option: Some("skip".into()), decision: None };
        events.push(event(4, "a", &Fact::GateClosed(closed)));
        assert_eq!(see(&events, 3, "retry"), Judged::Closed(Some("skip".into())));
        let ended = Fact::Finished { phase: RunPhase::Stopped, reason: None };
        let ended = [events[0].clone(), event(5, "a", &ended)];
        assert_eq!(see(&ended, 3, "skip"), Judged::Ended(RunPhase::Stopped));
    }
}
