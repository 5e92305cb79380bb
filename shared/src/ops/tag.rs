//! `tag`: adds tags to agents, and removes some.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Result,
    context::Context,
    git::Repo,
    model::{Agent, AgentId, Fact, Tag, event::Tagged, tag},
    ops::{caller::Caller, selection},
    store::{self, Listing, append_if, writer},
};

/// Which tags to add to which agents, and which to remove.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// The agents, by id, unique prefix, or tag.
    pub agents: Vec<String>,
    /// The tags that they have from now on.
    pub add: Vec<Tag>,
    /// The tags that they no longer have.
    pub remove: Vec<Tag>,
}

/// The agents with their tags.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "TagReport")]
pub struct Report {
    /// The agents, in the order of the names.
    pub agents: Vec<TaggedAgent>,
}

/// An agent with its tags.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct TaggedAgent {
    /// The id of the agent.
    pub id: AgentId,
    /// Its tags now.
    pub tags: Vec<Tag>,
    /// Whether the command changed them.
    pub changed: bool,
}

/// Changes the tags of the agents. All of the request is checked before the first change. If it is interrupted (130), the agents
/// so far have their new tags.
///
/// # Errors
/// No tag or no agent is named, a tag is both added and removed, or an agent would have too many (2). There is no such agent, or it
/// belongs to another clone (3).
pub fn run(context: &Context, repo: &Repo, request: &Request) -> Result<Report> {
    check(request)?;
    let listing = Listing::of_names(repo, &request.agents)?;
    let ids = selection::named(repo, &listing, &request.agents)?;
    Caller::of(repo).check_directs(repo, &ids)?;
    let fact = Fact::Tagged(Tagged {
        add: request.add.iter().map(ToString::to_string).collect(),
        remove: request.remove.iter().map(ToString::to_string).collect(),
    });
    let here = writer::known_writer(repo);
    for id in &ids {
        let agent = store::agent(repo, id)?;
        if here.as_deref() != Some(agent.writer.as_str()) {
            let clone = agent.label.as_deref().unwrap_or(&agent.writer);
            let what = format!("'{id}' belongs to clone {clone}, which alone changes its tags");
            return Err(Error::new(Code::AgentOfAnotherClone, what));
        }
        tag::check_count(&changed(&agent, request))?;
    }
    let mut report = Report { agents: Vec::with_capacity(ids.len()) };
    for id in ids {
        context.check()?;
        let before = store::agent(repo, &id)?.tags;
        let decide = |fold: &crate::model::fold::Fold| {
            (changed(&fold.agent, request) != fold.agent.tags).then(|| vec![fact.clone()])
        };
        let tags = append_if(repo, &id, decide)?.agent.tags;
        report.agents.push(TaggedAgent { changed: tags != before, id, tags });
    }
    Ok(report)
}

fn check(request: &Request) -> Result<()> {
    let usage = "git orchestra tag AGENT --add NAME --remove NAME";
    if request.agents.is_empty() {
        return Err(Error::usage("no agent given").hint(usage));
    }
    if request.add.is_empty() && request.remove.is_empty() {
        return Err(Error::usage("no tag named")
            .hint(usage)
            .hint("git orchestra status AGENT shows the tags"));
    }
    match request.add.iter().find(|tag| request.remove.contains(tag)) {
        Some(both) => Err(Error::usage(format!("tag '{both}' is both added and removed"))),
        None => Ok(()),
    }
}

/// Returns the tags that an agent would have, however many these are.
fn changed(agent: &Agent, request: &Request) -> Vec<Tag> {
    let kept = agent.tags.iter().filter(|tag| !request.remove.contains(tag));
    let mut tags: Vec<Tag> = kept.chain(&request.add).cloned().collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}
