//! Finds the agent whose work a commit is: by the notes that travel with the repository, else by the trailers of its message; and
//! adds what this clone knows of that agent.
//!
//! A landing writes a note on the commit that it makes, and one on each commit of the agent that comes with it. So one read for each
//! commit is enough, after the agent was removed, too, and in every clone that has the notes.

use std::collections::{BTreeMap, HashMap, HashSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Result,
    git::{Oid, Repo},
    model::{
        Agent, AgentId, Cost, canonical, cost, text, trailers,
        verdict::{CurrentVerdict, Verdict},
    },
    ops::named,
    store::{self, Chain, archive, archive::Archived, layout, notes, verdicts::TrustedWriters},
};

/// The longest text that is taken from a note or a message, in columns.
const MAX_WIDTH: usize = 200;
/// The most commits of an agent's work that has not landed.
const MAX_WORK: usize = 10_000;

/// The agent that wrote lines, and what is known of it.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct LineAgent {
    /// Its id.
    pub id: String,
    /// Its task, in a few words.
    pub task: Option<String>,
    /// Its program, or its role.
    pub program: Option<String>,
    /// The model that answered.
    pub model: Option<String>,
    /// What it cost, in US dollars, as its program reported.
    #[serde(with = "cost::in_dollars")]
    #[schemars(with = "Option<f64>")]
    pub cost_usd: Option<Cost>,
    /// The verdict on its work: the one that counts in this clone, else the newest of the notes.
    pub verdict: Option<Verdict>,
    /// Who gave that verdict.
    pub verdict_by: Option<String>,
    /// Its conversation.
    pub session: Option<String>,
    /// The branch in which its work landed.
    pub landed_in: Option<String>,
    /// The commit that landed it.
    pub landed_as: Option<Oid>,
    /// What says that the commit is its work.
    pub told_by: ToldBy,
    /// Whether this clone has its log.
    pub here: AgentHere,
}

/// What says whose work a commit is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ToldBy {
    /// A note on the commit.
    #[default]
    Note,
    /// The trailers of its message.
    Message,
    /// The agent's branch contains it, and its base does not.
    Branch,
}

/// Whether the log of an agent is in this clone.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentHere {
    /// It is.
    Listed,
    /// The agent was removed, and is archived.
    Archived,
    /// It is not.
    #[default]
    Missing,
}

/// What notes or trailers say of a commit.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Told {
    agent: LineAgent,
    /// The head of the work as it was reviewed.
    head: Option<Oid>,
}

/// Finds the agents of commits. What several commits need is read once.
pub(super) struct Origins<'repo> {
    repo: &'repo Repo,
    results: Option<Oid>,
    reviews: Option<Oid>,
    known: HashMap<AgentId, Option<(Agent, AgentHere)>>,
    archived: Option<BTreeMap<AgentId, Archived>>,
    /// The work of the agent whose lines are explained.
    work: Option<(AgentId, HashSet<Oid>)>,
}

impl<'repo> Origins<'repo> {
    pub(super) fn new(repo: &'repo Repo) -> Result<Self> {
        let (results, reviews) = (repo.find_ref(layout::RESULTS)?, repo.find_ref(layout::REVIEWS)?);
        Ok(Self { repo, results, reviews, known: HashMap::new(), archived: None, work: None })
    }

    /// Adds the commits of an agent that was named, which may not have landed.
    pub(super) fn add_work_of(&mut self, typed: &str) -> Result<()> {
        if self.repo.commit(typed).is_ok() {
            return Ok(());
        }
        let id = named::find_id(self.repo, typed)?;
        let agent = store::any_agent(self.repo, &id)?;
        let tip = named::resolve_commit(self.repo, typed)?;
        if let Some(base) = agent.base.commit().filter(|base| self.repo.has_commit(*base)) {
            self.work = Some((id, self.repo.commits_since(base, tip, MAX_WORK)?.into_iter().collect()));
        }
        Ok(())
    }

    /// Returns the agent whose work a commit is.
    pub(super) fn of(&mut self, commit: Oid) -> Result<Option<LineAgent>> {
        let Some(Told { mut agent, head }) = self.told(commit)? else { return Ok(None) };
        let reviewed = head.unwrap_or(commit);
        if let Some((verdict, by)) = self.noted_verdict(reviewed, &agent.id)? {
            (agent.verdict, agent.verdict_by) = (Some(verdict), Some(by));
        }
        if let Ok(id) = AgentId::parse(&agent.id)
            && let Some((state, here)) = self.known(&id)?
        {
            let verdict = TrustedWriters::of(self.repo).effective(&id, &state).unwrap_or_default();
            complete(&mut agent, state, verdict);
            agent.here = here;
        }
        Ok(Some(agent))
    }

    fn told(&self, commit: Oid) -> Result<Option<Told>> {
        if let Some(told) = self.noted(commit)? {
            return Ok(Some(told));
        }
        if let Some((id, work)) = &self.work
            && work.contains(&commit)
        {
            let agent = LineAgent { id: id.to_string(), told_by: ToldBy::Branch, ..LineAgent::default() };
            return Ok(Some(Told { agent, head: None }));
        }
        Ok(self.repo.read_commit(commit).ok().and_then(|commit| by_message(&commit.message)))
    }

    /// Returns what the notes on a commit say, and for a commit that came with a landing, those on the commit of the landing.
    fn noted(&self, commit: Oid) -> Result<Option<Told>> {
        let Some(results) = self.results else { return Ok(None) };
        let Some(note) = notes::read_one(self.repo, results, commit)? else { return Ok(None) };
        let Some(mut told) = by_note(&note, commit, None) else { return Ok(None) };
        if let Some(landing) = told.agent.landed_as.filter(|landing| *landing != commit)
            && let Some(note) = notes::read_one(self.repo, results, landing)?
            && let Some(landed) = by_note(&note, landing, Some(&told.agent.id))
        {
            told = landed;
        }
        Ok(Some(told))
    }

    /// Returns the newest verdict that the notes on a commit say of an agent's work, and who gave it.
    fn noted_verdict(&self, head: Oid, agent: &str) -> Result<Option<(Verdict, String)>> {
        let Some(reviews) = self.reviews else { return Ok(None) };
        let note = notes::read_one(self.repo, reviews, head)?;
        Ok(note.and_then(|note| newest_verdict(&note, agent)))
    }

    fn known(&mut self, id: &AgentId) -> Result<Option<(Agent, AgentHere)>> {
        if let Some(known) = self.known.get(id) {
            return Ok(known.clone());
        }
        let known = if self.repo.find_ref(&layout::agent_ref(id))?.is_some() {
            store::agent(self.repo, id).ok().map(|agent| (agent, AgentHere::Listed))
        } else {
            if self.archived.is_none() {
                self.archived = Some(archive::all(self.repo)?.0);
            }
            let tip = self.archived.as_ref().and_then(|all| all.get(id)).map(|archived| archived.tip);
            let chain = tip.and_then(|tip| Chain::read(self.repo, &[tip]).ok());
            chain.map(|chain| (chain.fold().agent, AgentHere::Archived))
        };
        self.known.insert(id.clone(), known.clone());
        Ok(known)
    }
}

/// Adds what the log of the agent says. What its landing said stays: that is about this work.
fn complete(agent: &mut LineAgent, state: Agent, verdict: Option<CurrentVerdict>) {
    let fill = |known: &mut Option<String>, new: Option<String>| {
        if known.is_none() {
            *known = new.filter(|new| !new.is_empty());
        }
    };
    fill(&mut agent.task, Some(state.title));
    fill(&mut agent.program, state.role.or(Some(state.profile)));
    fill(&mut agent.model, state.model);
    fill(&mut agent.session, state.session.map(String::from));
    agent.cost_usd = agent.cost_usd.or(state.cost);
    if let Some(verdict) = verdict {
        (agent.verdict, agent.verdict_by) = (Some(verdict.verdict), Some(verdict.by));
    }
}

/// Reads the note on a commit. Lines of other agents than `wanted` are left out, if one is given. A remote may have written the note.
fn by_note(note: &[u8], commit: Oid, wanted: Option<&str>) -> Option<Told> {
    let mut told: Option<Told> = None;
    for note in String::from_utf8_lossy(note).lines().filter_map(canonical::read) {
        let word = |key: &str| note.get(key).and_then(Value::as_str).filter(|word| !word.is_empty());
        let short = |key: &str| word(key).map(|word| text::one_line(word, MAX_WIDTH));
        let (Some(id), Some(kind)) = (word("agent").and_then(|id| AgentId::parse(id).ok()), word("t")) else {
            continue;
        };
        if !matches!(kind, "landed" | "part" | "result") || wanted.is_some_and(|wanted| id.as_str() != wanted)
        {
            continue;
        }
        let told = told.get_or_insert_with(Told::default);
        if !told.agent.id.is_empty() && told.agent.id != id.as_str() {
            continue;
        }
        let agent = &mut told.agent;
        agent.id = id.to_string();
        agent.task = short("task").or_else(|| agent.task.take());
        agent.program = short("profile").or_else(|| agent.program.take());
        agent.model = short("model").or_else(|| agent.model.take());
        agent.session = short("session").or_else(|| agent.session.take());
        let cost = note.get("cost_micros").and_then(Value::as_u64).map(Cost::from_micros);
        agent.cost_usd = cost.or(agent.cost_usd);
        match kind {
            "landed" => {
                agent.landed_in = short("into");
                agent.landed_as = Some(commit);
                told.head = word("head").and_then(Oid::parse);
            }
            "part" => agent.landed_as = agent.landed_as.or_else(|| word("landed").and_then(Oid::parse)),
            _ => {}
        }
    }
    told
}

/// Returns the newest verdict on an agent's work in a note, and who gave it.
fn newest_verdict(note: &[u8], agent: &str) -> Option<(Verdict, String)> {
    let note = String::from_utf8_lossy(note);
    let said = note.lines().filter_map(canonical::read).filter_map(|note| {
        let word = |key: &str| note.get(key).and_then(Value::as_str);
        let is_of_agent = word("t") == Some("verdict") && word("agent") == Some(agent);
        let verdict = Verdict::parse(word("verdict").filter(|_| is_of_agent)?)?;
        let by = text::one_line(word("by").unwrap_or_default(), MAX_WIDTH);
        Some((word("at")?.to_owned(), verdict, by))
    });
    said.max_by(|a, b| a.0.cmp(&b.0)).map(|(_, verdict, by)| (verdict, by))
}

/// Reads the trailers that a landing, or the commit of what an agent left uncommitted, has in its message.
fn by_message(message: &str) -> Option<Told> {
    let trailers = trailers::paragraph(message)?;
    let value = |key: &str| trailers::value(trailers, key).map(|value| text::one_line(value, MAX_WIDTH));
    let id = AgentId::parse(&value("Agent")?).ok()?;
    let cost = value("Cost").and_then(|cost| Cost::parse(cost.strip_suffix(" USD")?));
    let agent = LineAgent {
        id: id.to_string(),
        task: value("Task"),
        cost_usd: cost,
        session: value("Session"),
        told_by: ToldBy::Message,
        ..LineAgent::default()
    };
    Some(Told { agent, head: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(digit: u8) -> Oid {
        Oid::from_bytes([digit; 20])
    }

    #[test]
    fn a_note_says_whose_work_a_commit_is() {
        let (head, landed) = (commit(2), commit(3));
        let landing = format!(
            "{{\"agent\":\"tidy-k3m9q\",\"cost_micros\":1500000,\"head\":\"{head}\",\"into\":\"main\",\
             \"profile\":\"claude\",\"session\":\"s-1\",\"t\":\"landed\",\"task\":\"Tidy up\",\"v\":1}}"
        );
        let part = format!("{{\"agent\":\"tidy-k3m9q\",\"landed\":\"{landed}\",\"t\":\"part\",\"v\":1}}");
        let result = "{\"agent\":\"tidy-k3m9q\",\"t\":\"result\",\"task\":\"Tidy\",\"v\":1}";
        let told = by_note(landing.as_bytes(), landed, None).expect("told");
        assert_eq!((told.agent.landed_as, told.head), (Some(landed), Some(head)));
        assert_eq!(told.agent.landed_in.as_deref(), Some("main"));
        assert_eq!(
            (told.agent.program.as_deref(), told.agent.cost_usd),
            (Some("claude"), Some(Cost::from_micros(1_500_000)))
        );
        for note in [format!("{part}\n{result}\n"), format!("{result}\n{part}\n")] {
            let told = by_note(note.as_bytes(), head, None).expect("told");
            assert_eq!((told.agent.landed_as, told.agent.task.as_deref()), (Some(landed), Some("Tidy")));
        }
        assert_eq!(by_note(landing.as_bytes(), landed, Some("other-k3m9q")), None);
        let unusable =
            ["", "not JSON", "{\"t\":\"landed\",\"v\":1}", "{\"agent\":\"../x\",\"t\":\"landed\"}"];
        for note in unusable.iter().chain(&["{\"agent\":\"tidy-k3m9q\",\"t\":\"unknown\"}"]) {
            assert_eq!(by_note(note.as_bytes(), landed, None), None, "{note}");
        }
    }

    #[test]
    fn the_newest_verdict_of_the_agent_is_taken() {
        let line = |agent: &str, at: &str, verdict: &str| {
            format!(
                "{{\"agent\":\"{agent}\",\"at\":\"{at}\",\"by\":\"Kim\",\"t\":\"verdict\",\"verdict\":\"{verdict}\"}}\n"
            )
        };
        let note = [
            line("a-k3m9q", "2026-02-01T00:00:00Z", "approve"),
            line("a-k3m9q", "2026-01-01T00:00:00Z", "reject"),
            line("b-k3m9q", "2026-03-01T00:00:00Z", "reject"),
        ]
        .concat();
        assert_eq!(newest_verdict(note.as_bytes(), "a-k3m9q"), Some((Verdict::Approve, "Kim".to_owned())));
        assert_eq!(newest_verdict(note.as_bytes(), "c-k3m9q"), None);
    }

    #[test]
    fn trailers_say_it_where_no_note_does() {
        let message =
            "Tidy\n\nOrchestra-Agent: tidy-k3m9q\nOrchestra-Task: Tidy\nOrchestra-Cost: 1.500000 USD\n";
        let told = by_message(message).expect("told").agent;
        assert_eq!((told.id.as_str(), told.told_by), ("tidy-k3m9q", ToldBy::Message));
        assert_eq!(told.cost_usd, Some(Cost::from_micros(1_500_000)));
        for message in ["Tidy\n", "Tidy\n\nOrchestra-Task: x\n", "Tidy\n\nOrchestra-Agent: a b\n"] {
            assert_eq!(by_message(message), None, "{message}");
        }
    }
}
