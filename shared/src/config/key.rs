//! The description of a config key: its name, the type of its value, its default, and its purpose.

use std::borrow::Cow;

use crate::{
    Error, Result,
    model::{nearest::nearest, text::safe},
};

/// How values of one type are parsed, written, and described.
pub(super) struct Kind<T: 'static> {
    /// What a value must be; completes the sentence "… is 'x', not …".
    pub(super) expected: &'static str,
    /// Parses a value; returns `None` if it is invalid.
    pub(super) parse: fn(&str) -> Option<T>,
    /// Formats a value so that `parse` reads the same one.
    pub(super) text: fn(&T) -> String,
}

/// The values among which a person chooses, for completions and suggestions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Choices {
    /// Any value of the type.
    Open,
    /// These words.
    Words(&'static [&'static str]),
    /// The profiles of agents.
    Profiles,
    /// The branches of the repository.
    Branches,
    /// The remotes of the repository.
    Remotes,
}

/// What the project's file may do with a key.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ProjectUse {
    /// It has no effect on the key.
    #[default]
    Nothing,
    /// It sets the key.
    Sets,
    /// It sets the key once a person approved the content of the file.
    Proposes,
}

impl Choices {
    /// Returns the word that is nearest to a value, if the words are known.
    pub(super) fn nearest(self, value: &str) -> Option<String> {
        match self {
            Self::Words(words) => nearest(value, words.iter().map(|&word| word.to_owned()).collect()),
            _ => None,
        }
    }
}

/// A key with one value of type `T`.
pub struct Key<T: 'static> {
    name: Cow<'static, str>,
    old_name: Option<&'static str>,
    kind: Kind<T>,
    default: fn() -> T,
    shown_default: Option<&'static str>,
    what: &'static str,
    only_measures: Option<&'static str>,
    choices: Choices,
    project: ProjectUse,
}

impl<T> Key<T> {
    /// Makes a key by its name in git config. `what` describes the value in one sentence without a full stop.
    pub(super) const fn new(
        name: &'static str,
        kind: Kind<T>,
        default: fn() -> T,
        what: &'static str,
    ) -> Self {
        let name = Cow::Borrowed(name);
        Self {
            name,
            old_name: None,
            kind,
            default,
            shown_default: None,
            what,
            only_measures: None,
            choices: Choices::Open,
            project: ProjectUse::Nothing,
        }
    }

    /// Lets the project's file set the key.
    pub(super) const fn set_by_project(mut self) -> Self {
        self.project = ProjectUse::Sets;
        self
    }

    /// Lets the project's file propose the key.
    pub(super) const fn proposed_by_project(mut self) -> Self {
        self.project = ProjectUse::Proposes;
        self
    }

    /// Sets the values among which a person chooses.
    pub(super) const fn with_choices(mut self, choices: Choices) -> Self {
        self.choices = choices;
        self
    }

    /// Sets the name that the key had in earlier versions, which is still read if the new one is not set.
    pub(super) const fn renamed_from(mut self, old_name: &'static str) -> Self {
        self.old_name = Some(old_name);
        self
    }

    /// Sets the text that the documentation shows as the default, if the default is only known at run time.
    pub(super) const fn shown_default(mut self, text: &'static str) -> Self {
        self.shown_default = Some(text);
        self
    }

    /// Marks the key as one whose changes nobody has to accept, and says why: it names no command, leads nowhere and limits no agent.
    pub(super) const fn only_measures(mut self, why: &'static str) -> Self {
        self.only_measures = Some(why);
        self
    }

    /// Returns the name as it is written in git config.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the value that applies if the key is not set.
    pub fn default(&self) -> T {
        (self.default)()
    }

    /// Returns a command that sets the key, for a hint: `git config orchestra.jobs 3`.
    pub fn hint(&self, value: &str) -> String {
        format!("git config {} {value}", self.name)
    }

    /// Returns the names whose values count; an earlier one only if the others have none.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        [self.name()].into_iter().chain(self.old_name)
    }

    /// Parses the value of `name`, which is the new or the old name of the key.
    pub(super) fn parse(&self, name: &str, value: &str) -> Result<T> {
        (self.kind.parse)(value)
            .ok_or_else(|| self.refused(name, value, &format!("not {}", self.kind.expected)))
    }

    /// Makes an error about a value. `why` completes the sentence.
    pub(super) fn refused(&self, name: &str, value: &str, why: &str) -> Error {
        self.refused_for(name, value, why, self.choices.nearest(value).as_deref())
    }

    /// Like [`Key::refused`], with a value that would be accepted, if one is known.
    pub(super) fn refused_for(&self, name: &str, value: &str, why: &str, better: Option<&str>) -> Error {
        let default = self.default_text();
        let has_default = !default.is_empty() && self.shown_default.is_none();
        let example = better.unwrap_or(if has_default { &default } else { "…" });
        let example = if example.contains(' ') { format!("'{example}'") } else { example.to_owned() };
        Error::refused(format!("git config '{name}' is '{}', {why}", safe(value))).hint(self.hint(&example))
    }

    fn default_text(&self) -> String {
        self.shown_default.map_or_else(|| (self.kind.text)(&self.default()), str::to_owned)
    }
}

/// A key whose name contains a name that the user chooses, which the documentation writes as `<name>`.
pub struct NamedKey<T: 'static>(Key<T>);

/// The placeholder for the user's name in a [`NamedKey`].
pub(super) const NAME_PLACEHOLDER: &str = "<name>";

impl<T> NamedKey<T> {
    /// Makes a key from one whose name contains `<name>`.
    pub(super) const fn new(key: Key<T>) -> Self {
        Self(key)
    }

    /// Returns the key for one name.
    pub fn of(&self, name: &str) -> Key<T> {
        let Kind { expected, parse, text } = self.0.kind;
        let kind = Kind { expected, parse, text };
        Key { name: Cow::Owned(self.0.name.replace(NAME_PLACEHOLDER, name)), kind, ..self.0 }
    }

    /// Returns what stands before the user's name, if that is the last part of the key.
    pub(super) fn before_last_name(&self) -> Option<&str> {
        self.0.name.strip_suffix(NAME_PLACEHOLDER)
    }

    /// Returns the user's name in a subsection of `orchestra`, if it belongs to this key: `x` in `agent.x` for
    /// `orchestra.agent.<name>.command`.
    pub(super) fn name_in<'a>(&self, subsection: &'a str) -> Option<&'a str> {
        let (before, _) = self.0.name.split_once(NAME_PLACEHOLDER)?;
        name_after(before, subsection)
    }
}

/// Returns the user's name in a subsection of `orchestra`, if it belongs to a key that begins with `before`.
fn name_after<'a>(before: &str, subsection: &'a str) -> Option<&'a str> {
    subsection.strip_prefix(before.strip_prefix("orchestra.")?)
}

/// A key that may be given several times, each time with one value.
pub struct RepeatedKey {
    name: Cow<'static, str>,
    old_name: Option<&'static str>,
    what: &'static str,
    kind: Kind<String>,
    project: ProjectUse,
}

impl RepeatedKey {
    /// Makes a key by its name in git config. `what` describes each value in one sentence without a full stop.
    pub(super) const fn new(name: &'static str, what: &'static str) -> Self {
        Self {
            name: Cow::Borrowed(name),
            old_name: None,
            what,
            kind: NOT_EMPTY,
            project: ProjectUse::Nothing,
        }
    }

    /// Sets the name that the key had in earlier versions. Its values count as well.
    pub(super) const fn renamed_from(mut self, old_name: &'static str) -> Self {
        self.old_name = Some(old_name);
        self
    }

    /// Lets the project's file set the key.
    pub(super) const fn set_by_project(mut self) -> Self {
        self.project = ProjectUse::Sets;
        self
    }

    /// Lets the project's file propose the key.
    pub(super) const fn proposed_by_project(mut self) -> Self {
        self.project = ProjectUse::Proposes;
        self
    }

    /// Sets what each value must be.
    pub(super) const fn of_kind(mut self, kind: Kind<String>) -> Self {
        self.kind = kind;
        self
    }

    /// Returns the name as it is written in git config.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Checks one value.
    pub(super) fn parse(&self, value: &str) -> Result<String> {
        (self.kind.parse)(value).ok_or_else(|| self.refused(value, &format!("not {}", self.kind.expected)))
    }

    /// Makes an error about one value. `why` completes the sentence.
    pub(super) fn refused(&self, value: &str, why: &str) -> Error {
        Error::refused(format!("git config '{}' has the value '{}', {why}", self.name, safe(value)))
    }

    /// Returns a command that adds a value, for a hint.
    pub fn hint(&self, value: &str) -> String {
        format!("git config --add {} {value}", self.name)
    }

    /// Returns the names whose values count.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        [self.name()].into_iter().chain(self.old_name)
    }
}

/// A key that may be given several times, whose name contains a name that the user chooses.
pub struct NamedRepeatedKey(RepeatedKey);

impl NamedRepeatedKey {
    /// Makes a key from one whose name contains `<name>`.
    pub(super) const fn new(key: RepeatedKey) -> Self {
        Self(key)
    }

    /// Returns the key for one name.
    pub fn of(&self, name: &str) -> RepeatedKey {
        let Kind { expected, parse, text } = self.0.kind;
        let kind = Kind { expected, parse, text };
        RepeatedKey { name: Cow::Owned(self.0.name.replace(NAME_PLACEHOLDER, name)), kind, ..self.0 }
    }

    /// As [`NamedKey::name_in`].
    pub(super) fn name_in<'a>(&self, subsection: &'a str) -> Option<&'a str> {
        name_after(self.0.name.split_once(NAME_PLACEHOLDER)?.0, subsection)
    }
}

/// A key of any type, as the documentation lists it.
pub trait Described: Sync {
    /// Returns the name as it is written in git config, with `<name>` for a name that the user chooses.
    fn name(&self) -> &str;
    /// Returns the name in earlier versions, which is still read.
    fn old_name(&self) -> Option<&'static str>;
    /// Returns the value that applies if the key is not set; empty if there is none.
    fn default_text(&self) -> String;
    /// Returns the description of the value: one sentence without a full stop.
    fn what(&self) -> &'static str;
    /// Returns why nobody has to accept a change of it; `None` if a person has to.
    fn only_measures(&self) -> Option<&'static str>;
    /// Returns what a value must be; completes the sentence "… is 'x', not …".
    fn expected(&self) -> &'static str;
    /// Returns the values among which a person chooses.
    fn choices(&self) -> Choices;
    /// Returns whether it may be given several times, each time with one value.
    fn is_repeated(&self) -> bool;
    /// Returns what the project's file may do with it.
    fn project(&self) -> ProjectUse;
    /// Parses and formats a value; returns `None` if it is invalid.
    fn rewritten(&self, value: &str) -> Option<String>;
}

impl<T> Described for Key<T> {
    fn name(&self) -> &str {
        &self.name
    }

    fn old_name(&self) -> Option<&'static str> {
        self.old_name
    }

    fn default_text(&self) -> String {
        self.default_text()
    }

    fn what(&self) -> &'static str {
        self.what
    }

    fn only_measures(&self) -> Option<&'static str> {
        self.only_measures
    }

    fn expected(&self) -> &'static str {
        self.kind.expected
    }

    fn choices(&self) -> Choices {
        self.choices
    }

    fn is_repeated(&self) -> bool {
        false
    }

    fn project(&self) -> ProjectUse {
        self.project
    }

    fn rewritten(&self, value: &str) -> Option<String> {
        (self.kind.parse)(value).map(|value| (self.kind.text)(&value))
    }
}

impl<T> Described for NamedKey<T> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn old_name(&self) -> Option<&'static str> {
        self.0.old_name
    }

    fn default_text(&self) -> String {
        self.0.default_text()
    }

    fn what(&self) -> &'static str {
        self.0.what
    }

    fn only_measures(&self) -> Option<&'static str> {
        self.0.only_measures
    }

    fn expected(&self) -> &'static str {
        self.0.kind.expected
    }

    fn choices(&self) -> Choices {
        self.0.choices
    }

    fn is_repeated(&self) -> bool {
        false
    }

    fn project(&self) -> ProjectUse {
        self.0.project
    }

    fn rewritten(&self, value: &str) -> Option<String> {
        self.0.rewritten(value)
    }
}

impl Described for RepeatedKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn old_name(&self) -> Option<&'static str> {
        self.old_name
    }

    fn default_text(&self) -> String {
        String::new()
    }

    fn what(&self) -> &'static str {
        self.what
    }

    fn only_measures(&self) -> Option<&'static str> {
        None
    }

    fn expected(&self) -> &'static str {
        self.kind.expected
    }

    fn choices(&self) -> Choices {
        Choices::Open
    }

    fn is_repeated(&self) -> bool {
        true
    }

    fn project(&self) -> ProjectUse {
        self.project
    }

    fn rewritten(&self, value: &str) -> Option<String> {
        (self.kind.parse)(value)
    }
}

impl Described for NamedRepeatedKey {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn old_name(&self) -> Option<&'static str> {
        self.0.old_name
    }

    fn default_text(&self) -> String {
        String::new()
    }

    fn what(&self) -> &'static str {
        self.0.what
    }

    fn only_measures(&self) -> Option<&'static str> {
        None
    }

    fn expected(&self) -> &'static str {
        self.0.kind.expected
    }

    fn choices(&self) -> Choices {
        Choices::Open
    }

    fn is_repeated(&self) -> bool {
        true
    }

    fn project(&self) -> ProjectUse {
        self.0.project
    }

    fn rewritten(&self, value: &str) -> Option<String> {
        self.0.rewritten(value)
    }
}

/// Any text that is not blank.
const NOT_EMPTY: Kind<String> = Kind {
    expected: "a text that is not empty",
    parse: |text| Some(text.to_owned()).filter(|text| !text.trim().is_empty()),
    text: String::clone,
};
