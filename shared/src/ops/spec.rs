//! `spec`: texts that say what is to be built. People edit them, agents read them, and the designer hears what changed.
//!
//! | file | contains |
//! |---|---|
//! | `save` | saving a version: merged with what others saved meanwhile, or kept beside it |
//! | `texts` | merging and comparing texts, by git |
//! | `draft` | the file that an editor opens |
//! | `tell` | telling the designer |

pub mod draft;
mod save;
mod tell;
mod texts;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    save::{SaveOutcome, SaveReport, SaveRequest, save},
    tell::{SpecTips, Told, announce, tips},
};
use crate::{
    Code, Error, Result,
    context::Context,
    git::Repo,
    model::{
        AgentId, IdOrText,
        nearest::nearest,
        quote,
        spec::{
            Fold, SpecName, SpecState, Version,
            fact::{Fact, TEXT},
        },
        text,
        via::Via,
    },
    ops::kept_away,
    store::{FoldedLog, chain::Chain, layout::SPECS},
    world::Timestamp,
};

/// The most specs that are listed, by name.
const MAX_SPECS: usize = 1000;
/// The most versions of a spec that are listed, the newest.
const MAX_VERSIONS: usize = 1000;

/// Which specs to list.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "SpecListRequest")]
pub struct Request {}

/// The specs of this repository.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "SpecList")]
pub struct Report {
    /// The specs, by name.
    pub specs: Vec<SpecObject>,
    /// The specs that cannot be read, each with the reason.
    pub unreadable: Vec<String>,
}

/// A spec.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct SpecObject {
    /// Its name.
    pub name: String,
    /// The first line of its text, shortened.
    pub title: String,
    /// The number of the current version; the first is 1.
    pub version: u64,
    /// The number of its versions.
    pub versions: u64,
    /// The numbers of the versions that were saved beside the current one, and not merged since.
    pub beside: Vec<u64>,
    /// The designer that hears what changes.
    pub designer: Option<IdOrText<AgentId>>,
    /// When the current version was saved, by the clock of the clone that saved it.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// Who saved it: a person, the label of a clone, or an agent.
    pub by: Option<String>,
    /// Through which window a person saved it, where that was no terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
}

/// Which version of a spec to show.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "SpecShowRequest")]
pub struct ShowRequest {
    /// The spec; by default, the only one.
    pub name: Option<String>,
    /// The number of the version; by default, the current one.
    pub version: Option<u64>,
}

/// The text of a spec.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct SpecText {
    /// The spec.
    pub spec: SpecObject,
    /// The number of the version.
    pub number: u64,
    /// The id of the version, which a change of its text names as its base.
    pub id: String,
    /// The text.
    pub text: String,
    /// Its versions, oldest first.
    pub versions: Vec<SpecVersion>,
}

/// A version of a spec.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct SpecVersion {
    /// Its number; the first is 1.
    pub version: u64,
    /// The number of the version that it changed.
    pub base: Option<u64>,
    /// When it was saved, by the clock of the clone that saved it.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// Who saved it: a person, the label of a clone, or an agent.
    pub by: Option<String>,
    /// Through which window a person saved it, where that was no terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
}

/// Lists the specs.
///
/// # Errors
/// The refs cannot be read.
pub fn run(context: &Context, repo: &Repo) -> Result<Report> {
    let mut report = Report::default();
    for name in names(repo)? {
        context.check()?;
        match FoldedLog::<SpecState>::of(repo, &name) {
            Ok(log) => report.specs.push(object(&name, &log.fold)),
            Err(error) => report.unreadable.push(format!("{name}: {}", error.one_line())),
        }
    }
    Ok(report)
}

/// Reads a version of a spec.
///
/// # Errors
/// There is no such spec or version, or several and none is named (3).
pub fn show(context: &Context, repo: &Repo, request: &ShowRequest) -> Result<SpecText> {
    context.check()?;
    let name = find(repo, request.name.as_deref())?;
    let chain = Chain::<SpecState>::of(repo, &name)?;
    let fold = chain.fold();
    let number = request.version.unwrap_or(fold.spec.current);
    let version = fold.version(number).ok_or_else(|| {
        Error::new(Code::SpecUnknown, format!("spec '{name}' has no version {number}"))
            .hint(format!("git orchestra spec show {name} --versions"))
    })?;
    let text = text_of(repo, &chain, version)?;
    let from = fold.versions.len().saturating_sub(MAX_VERSIONS);
    let versions = (1..).zip(&fold.versions).skip(from);
    let versions = versions.map(|(number, one)| SpecVersion {
        version: number,
        base: one.base.as_deref().and_then(|base| fold.number_of(base)),
        at: one.at,
        by: one.by.clone(),
        via: one.via,
    });
    let id = version.id.clone();
    Ok(SpecText { spec: object(&name, &fold), number, id, text, versions: versions.collect() })
}

/// Finds a spec by its name; without one, the only spec.
///
/// # Errors
/// There is no such spec, or several and none is named (3).
pub fn find(repo: &Repo, typed: Option<&str>) -> Result<SpecName> {
    let all = names(repo)?;
    if let Some(typed) = typed {
        let known = |name: &SpecName| name.as_str() == typed;
        if let Some(name) = all.iter().find(|name| known(name)) {
            return Ok(name.clone());
        }
        let shown = text::one_line(typed, 60);
        let near = nearest(typed, all.iter().map(ToString::to_string).collect());
        let error = Error::new(Code::SpecUnknown, format!("no spec '{shown}'"));
        let error = near.into_iter().fold(error, |error, near| {
            let show = quote::command(&[&"git", &"orchestra", &"spec", &"show", &near]);
            error.hint(format!("{show}, if you meant that one"))
        });
        return Err(match SpecName::parse(typed) {
            Ok(name) => error.hint(format!("git orchestra spec new {name} begins one")),
            Err(_) => error.hint("git orchestra spec list shows the names"),
        });
    }
    match all.as_slice() {
        [one] => Ok(one.clone()),
        [] => {
            Err(Error::new(Code::SpecUnknown, "there is no spec").hint(match kept_away::is_kept_away(repo) {
                true => kept_away::WHY,
                false => "git orchestra spec new NAME begins one, in your editor",
            }))
        }
        several => {
            let shown: Vec<&str> = several.iter().take(10).map(SpecName::as_str).collect();
            Err(Error::new(
                Code::SpecUnknown,
                format!("there are {} specs, and none was named", several.len()),
            )
            .hint(format!("name one: {}", shown.join(", "))))
        }
    }
}

/// Returns the names of all specs.
///
/// # Errors
/// The refs cannot be read.
pub fn names(repo: &Repo) -> Result<Vec<SpecName>> {
    let name = |(name, _)| SpecName::parse(String::as_str(&name).strip_prefix(SPECS)?).ok();
    let mut names: Vec<SpecName> = repo.refs_below(SPECS)?.into_iter().filter_map(name).collect();
    names.sort_unstable();
    names.truncate(MAX_SPECS);
    Ok(names)
}

fn object(name: &SpecName, fold: &Fold) -> SpecObject {
    let current = fold.version(fold.spec.current);
    SpecObject {
        name: name.to_string(),
        title: fold.spec.title.clone(),
        version: fold.spec.current,
        versions: fold.spec.versions,
        beside: fold.beside.iter().filter_map(|one| fold.number_of(one)).collect(),
        designer: fold.spec.designer.clone(),
        at: fold.spec.updated_at,
        by: current.and_then(|current| current.by.clone()),
        via: current.and_then(|current| current.via),
    }
}

/// Reads the text of a version. What is shown of it elsewhere passes through [`text`].
fn text_of(repo: &Repo, chain: &Chain<SpecState>, version: &Version) -> Result<String> {
    let event = chain.events.iter().find(|event| event.id == version.event);
    let inline = event.and_then(|event| match event.fact.as_ref()? {
        Fact::Created(saved) | Fact::Changed(saved) => saved.text.clone(),
    });
    if let Some(text) = inline {
        return Ok(text);
    }
    let blob = chain.long_text(repo, version.event, TEXT)?.ok_or_else(|| {
        Error::new(Code::StateDamaged, "the text of a version of this spec is not in the repository")
    })?;
    Ok(String::from_utf8_lossy(&blob).into_owned())
}
