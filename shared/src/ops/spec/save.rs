//! Saves a version of a spec: merged with what others saved meanwhile, or kept beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    SpecObject, find, object,
    tell::{self, Written},
    text_of, texts,
};
use crate::{
    Code, Error, Result,
    config::{Config, keys::LABEL},
    context::Context,
    git::Repo,
    model::{
        AgentId, IdOrText,
        spec::{
            Fold, SpecName, SpecState,
            fact::{Fact, Saved},
        },
        text,
    },
    ops::{designer, named, status},
    store::{self, Listing, append_if, chain::Chain, layout},
};

/// The longest text of a spec, in bytes.
const MAX_TEXT: usize = 512 * 1024;
/// How often saving is tried again because somebody else saved at the same moment.
const MAX_TRIES: usize = 20;

/// The text to save.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "SpecSaveRequest")]
pub struct SaveRequest {
    /// The spec; by default, the only one. A new one needs a name.
    pub name: Option<String>,
    /// Whether the spec is new.
    pub new: bool,
    /// The text.
    pub text: String,
    /// The number of an earlier version whose text is saved again, instead of `text`.
    pub restore: Option<u64>,
    /// The id of the version that was changed; by default, the current one.
    pub base: Option<String>,
    /// The ids of the versions beside it that the text merges.
    pub merges: Vec<String>,
    /// The designer that hears what changes, from now on.
    pub designer: Option<String>,
}

/// What became of the text.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "SpecSaveOutcome")]
pub enum SaveOutcome {
    /// It is the current version.
    Saved,
    /// It was merged with what somebody saved meanwhile, and the result is the current version.
    Merged,
    /// It conflicts with what somebody saved meanwhile: it is a version beside that.
    Beside,
    /// The current version has this text already.
    Unchanged,
}

/// What became of a text that was saved.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "SpecSaved")]
pub struct SaveReport {
    /// The spec, afterwards.
    pub spec: SpecObject,
    /// What became of the text.
    pub outcome: SaveOutcome,
    /// The number of the version that holds it.
    pub number: u64,
    /// The lines that changed, as a diff without its header.
    pub diff: String,
    /// The designer that heard of it.
    pub told: Option<AgentId>,
}

/// Saves a text, and tells the designer what changed.
///
/// # Errors
/// The text is empty, too long, or has marks of a conflict (2). The caller is the program of an agent that is no designer, there is no
/// such spec, or the new one exists already (3).
pub fn save(context: &Context, repo: &Repo, request: &SaveRequest) -> Result<SaveReport> {
    context.check()?;
    let caller = designer::of_caller(repo);
    if repo.is_called_by_agent() && caller.is_none() {
        return Err(Error::new(Code::NotForAgents, "only people and designers change specs")
            .hint("git orchestra inbox tell 'what should be changed'"));
    }
    let designer = match &request.designer {
        Some(typed) => Some(find_designer(repo, typed)?),
        None => caller.clone().filter(|_| request.new),
    };
    let by = match &caller {
        Some(id) => Some(id.to_string()),
        // The commit of the version names the person as well.
        None => {
            repo.identity().ok().map(|person| person.name).or_else(|| Config::of(repo).get_or_default(&LABEL))
        }
    };
    let saved = Saved { by, designer: designer.map(IdOrText::from), ..Saved::default() };
    let (written, outcome) = match request.new {
        true => begin(repo, request, saved)?,
        false => change(context, repo, request, &saved)?,
    };
    let told = match outcome {
        SaveOutcome::Saved | SaveOutcome::Merged if !request.new => {
            tell::changed(context, repo, caller.as_ref(), &written)?
        }
        _ => None,
    };
    let Written { name, fold, version, diff, .. } = written;
    Ok(SaveReport { spec: object(&name, &fold), outcome, number: version, diff, told })
}

/// Writes the first version of a spec.
fn begin(repo: &Repo, request: &SaveRequest, saved: Saved) -> Result<(Written, SaveOutcome)> {
    let Some(typed) = &request.name else {
        return Err(Error::usage("a new spec needs a name").hint("git orchestra spec new NAME"));
    };
    let name = SpecName::parse(typed)?;
    let taken = || {
        Error::new(Code::PathTaken, format!("there is a spec '{name}' already"))
            .hint(format!("git orchestra spec edit {name}"))
    };
    if repo.find_ref(&layout::subject_ref(&name))?.is_some() {
        return Err(taken());
    }
    check_text(&request.text)?;
    let first = with_text(saved, &request.text);
    store::begin(repo, &name, Fact::Created(first))
        .map_err(|error| if error.code == Code::RefChanged { taken() } else { error })?;
    let fold = Chain::<SpecState>::of(repo, &name)?.fold();
    let diff = texts::diff(repo, "", &request.text)?;
    Ok((Written { name, fold, before: 0, version: 1, diff }, SaveOutcome::Saved))
}

/// Writes another version.
fn change(
    context: &Context,
    repo: &Repo,
    request: &SaveRequest,
    saved: &Saved,
) -> Result<(Written, SaveOutcome)> {
    let name = find(repo, request.name.as_deref())?;
    for _ in 0..MAX_TRIES {
        context.check()?;
        let chain = Chain::<SpecState>::of(repo, &name)?;
        let seen = chain.fold();
        let text = match request.restore {
            None => request.text.clone(),
            Some(number) => {
                let version = seen.version(number).ok_or_else(|| {
                    Error::new(Code::SpecUnknown, format!("spec '{name}' has no version {number}"))
                        .hint(format!("git orchestra spec show {name} --versions"))
                })?;
                text_of(repo, &chain, version)?
            }
        };
        check_text(&text)?;
        let (next, outcome, diff) = next(repo, &chain, &seen, request, saved, &text)?;
        let before = seen.spec.current;
        let Some(next) = next else {
            return Ok((Written { name, version: before, fold: seen, before, diff }, outcome));
        };
        let is_same = |now: &Fold| now.current == seen.current && now.beside == seen.beside;
        let count = seen.versions.len();
        let fold = append_if(repo, &name, |now| is_same(now).then(|| vec![Fact::Changed(next.clone())]))?;
        if fold.versions.len() > count && is_written(&fold, &seen) {
            let version = fold.spec.versions;
            return Ok((Written { name, fold, before, version, diff }, outcome));
        }
    }
    Err(Error::new(Code::RefChanged, format!("spec '{name}' changes all the time; nothing was saved"))
        .hint("try again"))
}

/// Returns whether exactly one version follows those that were seen: ours, since it was appended to the same state.
fn is_written(fold: &Fold, seen: &Fold) -> bool {
    fold.versions.len() == seen.versions.len() + 1
}

/// Decides what to write: the text itself, a merge, or a version beside the current one. `None`: the text is there already.
fn next(
    repo: &Repo,
    chain: &Chain<SpecState>,
    seen: &Fold,
    request: &SaveRequest,
    saved: &Saved,
    text: &str,
) -> Result<(Option<Saved>, SaveOutcome, String)> {
    let current =
        seen.version(seen.spec.current).ok_or_else(|| Error::internal("a spec without a version"))?;
    let now = text_of(repo, chain, current)?;
    let base = request.base.clone().unwrap_or_else(|| current.id.clone());
    let merges: Vec<String> =
        request.merges.iter().filter(|one| seen.beside.contains(one)).cloned().collect();
    if base == current.id {
        let is_new = text != now || !merges.is_empty() || saved.designer.is_some();
        let diff = texts::diff(repo, &now, text)?;
        let next = Saved { base: Some(base), merges, ..with_text(saved.clone(), text) };
        return Ok(match is_new {
            true => (Some(next), SaveOutcome::Saved, diff),
            false => (None, SaveOutcome::Unchanged, String::new()),
        });
    }
    let known = seen.versions.iter().find(|one| one.id == base).ok_or_else(|| {
        Error::new(Code::SpecUnknown, "the version that was changed is not in this repository")
            .hint("git orchestra spec edit --from FILE saves the text over the current version")
    })?;
    let before = text_of(repo, chain, known)?;
    if text == before || text == now {
        return Ok((None, SaveOutcome::Unchanged, String::new()));
    }
    let merged = texts::merge(repo, &before, (&now, "saved meanwhile"), (text, "yours"))?;
    if merged.conflicts {
        let diff = texts::diff(repo, &now, text)?;
        let next = Saved { base: Some(base), merges, ..with_text(saved.clone(), text) };
        return Ok((Some(next), SaveOutcome::Beside, diff));
    }
    let diff = texts::diff(repo, &now, &merged.text)?;
    let next = Saved { base: Some(current.id.clone()), merges, ..with_text(saved.clone(), &merged.text) };
    Ok((Some(next), SaveOutcome::Merged, diff))
}

fn with_text(saved: Saved, text: &str) -> Saved {
    let first =
        text.lines().map(|line| line.trim_start_matches(['#', ' '])).find(|line| !line.trim().is_empty());
    Saved { title: text::title(first.unwrap_or_default()), text: Some(text.to_owned()), ..saved }
}

fn check_text(text: &str) -> Result<()> {
    let wrong = |what: String| Error::new(Code::TaskInvalid, what);
    if text.trim().is_empty() {
        return Err(wrong("the spec is empty; nothing was saved".to_owned()));
    }
    if text.len() > MAX_TEXT {
        return Err(wrong(format!("the spec has {} bytes; the limit is {MAX_TEXT}", text.len())));
    }
    if text.contains('\0') {
        return Err(wrong("the spec is not text: it contains a zero byte".to_owned()));
    }
    if texts::has_marks(text) {
        return Err(wrong(
            "marks of a conflict are left in the spec ('<<<<<<< '); nothing was saved".to_owned(),
        ));
    }
    Ok(())
}

fn find_designer(repo: &Repo, typed: &str) -> Result<AgentId> {
    let id = named::find_current(repo, &Listing::of_name(repo, typed)?, typed)?;
    if status::read_agent(repo, &id)?.designer {
        return Ok(id);
    }
    Err(Error::refused(format!("agent '{id}' is not a designer"))
        .hint("git orchestra status lists designers with the agents"))
}
