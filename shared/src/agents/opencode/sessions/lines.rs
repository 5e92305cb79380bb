//! Parsing the lines of a copy. The first line holds the session, every other one a message with its parts, as in the output of
//! `opencode export`.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::conversation::{ConversationFacts, ItemKind, facts::AnswerUsage, json};

/// The beginnings of default titles.
const DEFAULT_TITLES: [&str; 2] = ["New session - ", "Child session - "];

/// The known fields of one line.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Line {
    pub(super) info: Info,
    parts: Vec<Part>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Info {
    id: String,
    /// The role of a message: `user` or `assistant`.
    role: Option<String>,
    pub(super) title: Option<String>,
    /// The kind of agent that answers.
    pub(super) agent: Option<String>,
    directory: Option<String>,
    path: Value,
    time: Value,
    #[serde(rename = "modelID")]
    model: Option<String>,
    tokens: Value,
    cost: Option<f64>,
    #[serde(rename = "parentID")]
    parent: Option<String>,
    error: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Part {
    #[serde(rename = "type")]
    sort: String,
    text: String,
    /// Whether the program inserted it, not the user.
    synthetic: bool,
    tool: String,
    state: Value,
    time: Value,
}

impl Info {
    /// Returns the title, unless it is a default title.
    pub(super) fn given_title(&self) -> Option<&str> {
        let title = self.title.as_deref().map(str::trim).filter(|title| !title.is_empty())?;
        (!DEFAULT_TITLES.iter().any(|none| title.starts_with(none))).then_some(title)
    }
}

/// Parses a line.
pub(super) fn parse(line: &[u8]) -> Option<Line> {
    let text = json::text(line);
    serde_json::from_str(&text).ok().or_else(|| {
        let objects = json::objects(&text, json::remove_nulls);
        serde_json::from_str(objects.all.first()?).ok()
    })
}

/// Adds a line to the facts.
pub(super) fn apply(facts: &mut ConversationFacts, line: &Line) {
    let info = &line.info;
    let at = moment(&info.time["created"]);
    // The messages that a fork copies are older than the fork.
    facts.repeats = info.role.is_some() && at.is_some() && at < facts.started_at;
    match info.role.as_deref() {
        None if info.directory.is_some() => {
            facts.id.get_or_insert_with(|| info.id.clone());
            facts.inner = info.parent.is_some();
            facts.parent.clone_from(&info.parent);
            facts.title = info.given_title().map(str::to_owned);
            facts.at(at.as_deref(), info.directory.as_deref(), None);
        }
        Some("user") => {
            facts.at(at.as_deref(), None, None);
            facts.prompt(&line.words());
        }
        Some("assistant") => {
            facts.at(at.as_deref(), info.path["cwd"].as_str(), None);
            facts.at(moment(&info.time["completed"]).as_deref(), None, None);
            answer(facts, line);
        }
        _ => {}
    }
}

fn answer(facts: &mut ConversationFacts, line: &Line) {
    let info = &line.info;
    info.model.iter().for_each(|model| facts.set_model(model));
    if !line.words().trim().is_empty() {
        facts.answer(Some(&info.id));
    }
    let count = |value: &Value| json::whole_number(value).unwrap_or(0);
    let tokens = &info.tokens;
    if tokens.is_object() {
        let cached = count(&tokens["cache"]["read"]).saturating_add(count(&tokens["cache"]["write"]));
        let written = count(&tokens["output"]).saturating_add(count(&tokens["reasoning"]));
        let tokens = Some((count(&tokens["input"]).saturating_add(cached), written));
        facts.usage(Some(&info.id), None, AnswerUsage { tokens, cost: None });
    }
    if let Some(cost) = info.cost.filter(|cost| cost.is_finite() && *cost >= 0.0) {
        facts.cost(cost);
    }
}

impl Line {
    /// Returns the text of the user or of the agent.
    fn words(&self) -> String {
        let texts = self.parts.iter().filter(|part| part.sort == "text" && !part.synthetic);
        texts.map(|part| part.text.trim()).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
    }

    /// Returns the items of a message, each with its time.
    pub(super) fn said(&self) -> Vec<(Option<String>, ItemKind)> {
        let by_user = match self.info.role.as_deref() {
            Some("user") => true,
            Some("assistant") => false,
            _ => return Vec::new(),
        };
        let begun = || moment(&self.info.time["created"]);
        let mut said: Vec<_> = Vec::new();
        for part in &self.parts {
            let at =
                moment(&part.time["start"]).or_else(|| moment(&part.state["time"]["start"])).or_else(begun);
            said.extend(part.said(by_user).into_iter().map(|what| (at.clone(), what)));
        }
        let error = &self.info.error;
        let why = error["data"]["message"].as_str().or_else(|| error["name"].as_str());
        said.extend(why.map(|why| (begun(), ItemKind::Remark(why.to_owned()))));
        said
    }
}

impl Part {
    fn said(&self, by_user: bool) -> Vec<ItemKind> {
        let text = || self.text.trim().to_owned();
        match self.sort.as_str() {
            "text" if text().is_empty() => Vec::new(),
            "text" if self.synthetic => vec![ItemKind::Remark(text())],
            "text" if by_user => vec![ItemKind::Prompt(text())],
            "text" => vec![ItemKind::Answer(text())],
            "reasoning" if !text().is_empty() => vec![ItemKind::Thought(text())],
            "tool" => self.tool_said(),
            _ => Vec::new(),
        }
    }

    fn tool_said(&self) -> Vec<ItemKind> {
        let state = &self.state;
        let mut said = vec![ItemKind::Tool { name: self.tool.clone(), input: state["input"].to_string() }];
        let gave = match state["status"].as_str() {
            Some("completed") => state["output"].as_str().map(|text| (false, text)),
            Some("error") => state["error"].as_str().map(|text| (true, text)),
            _ => None,
        };
        said.extend(gave.map(|(error, text)| ItemKind::Result { error, text: text.to_owned() }));
        said
    }
}

/// Converts milliseconds since 1970 to RFC 3339.
fn moment(value: &Value) -> Option<String> {
    Timestamp::from_millisecond(value.as_i64()?).ok().map(|at| format!("{at:.3}"))
}
