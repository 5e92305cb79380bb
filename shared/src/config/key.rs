//! What a key of git config is: its name, the type of its value, what holds where it is not set, and what it is for.

use std::borrow::Cow;

use crate::{Error, Result, model::text::safe};

/// How the values of one type are read, written and described.
pub(super) struct Kind<T: 'static> {
    /// What a value must be, to complete the sentence "… is 'x', not …".
    pub(super) wanted: &'static str,
    /// Reads a value; `None` where it is none.
    pub(super) parse: fn(&str) -> Option<T>,
    /// Writes a value so that `parse` reads the same one.
    pub(super) text: fn(&T) -> String,
}

/// A key with one value of type `T`.
pub struct Key<T: 'static> {
    name: Cow<'static, str>,
    old_name: Option<&'static str>,
    kind: Kind<T>,
    default: fn() -> T,
    shown_default: Option<&'static str>,
    what: &'static str,
    only_measures: bool,
}

impl<T> Key<T> {
    /// A key by its name in git config. `what` is one sentence without a full stop that says what the value does.
    pub(super) const fn new(
        name: &'static str,
        kind: Kind<T>,
        default: fn() -> T,
        what: &'static str,
    ) -> Self {
        let name = Cow::Borrowed(name);
        Self { name, old_name: None, kind, default, shown_default: None, what, only_measures: false }
    }

    /// The same key, which was called differently in earlier versions: the old name is still read where the new one is not set.
    pub(super) const fn formerly(mut self, old_name: &'static str) -> Self {
        self.old_name = Some(old_name);
        self
    }

    /// The same key, with a text for the documentation where the default is found out at run time.
    pub(super) const fn shown_default(mut self, text: &'static str) -> Self {
        self.shown_default = Some(text);
        self
    }

    /// The same key, which only says how much or how long, or what a clone is called: nobody has to accept a change of it.
    pub(super) const fn only_measures(mut self) -> Self {
        self.only_measures = true;
        self
    }

    /// The name as it is written in git config.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value that holds where nothing is set.
    pub fn default(&self) -> T {
        (self.default)()
    }

    /// A command that sets the key, for a hint: `git config orchestra.jobs 3`.
    pub fn hint(&self, value: &str) -> String {
        format!("git config {} {value}", self.name)
    }

    pub(super) fn old_name(&self) -> Option<&'static str> {
        self.old_name
    }

    /// Reads a value that stands under `name`, the new one or the old one.
    pub(super) fn parse(&self, name: &str, value: &str) -> Result<T> {
        (self.kind.parse)(value)
            .ok_or_else(|| self.refused(name, value, &format!("not {}", self.kind.wanted)))
    }

    /// An error about a value, which `why` completes as a sentence.
    pub(super) fn refused(&self, name: &str, value: &str, why: &str) -> Error {
        let default = self.default_text();
        let example = if default.is_empty() || self.shown_default.is_some() { "…" } else { &default };
        let example = if example.contains(' ') { format!("'{example}'") } else { example.to_owned() };
        Error::refused(format!("git config '{name}' is '{}', {why}", safe(value))).hint(self.hint(&example))
    }

    fn default_text(&self) -> String {
        self.shown_default.map_or_else(|| (self.kind.text)(&self.default()), str::to_owned)
    }
}

/// A key with a name of the user's choice in the middle, which the documentation writes as `<name>`.
pub struct NamedKey<T: 'static>(Key<T>);

/// What stands for the name in [`NamedKey`].
const NAME: &str = "<name>";

impl<T> NamedKey<T> {
    /// A key whose name in the table holds `<name>`.
    pub(super) const fn new(key: Key<T>) -> Self {
        Self(key)
    }

    /// The key for one name.
    pub fn of(&self, name: &str) -> Key<T> {
        let Kind { wanted, parse, text } = self.0.kind;
        let kind = Kind { wanted, parse, text };
        Key { name: Cow::Owned(self.0.name.replace(NAME, name)), kind, ..self.0 }
    }

    /// The name in a subsection of `orchestra`, if it is one of this key: `x` in `agent.x` for `orchestra.agent.<name>.command`.
    pub(super) fn name_in<'a>(&self, subsection: &'a str) -> Option<&'a str> {
        let (before, _) = self.0.name.split_once(NAME)?;
        subsection.strip_prefix(before.strip_prefix("orchestra.")?)
    }
}

/// A key that may be given several times, each time with one text.
pub struct RepeatedKey {
    name: &'static str,
    old_name: Option<&'static str>,
    what: &'static str,
}

impl RepeatedKey {
    /// A key by its name in git config. `what` is one sentence without a full stop that says what each value does.
    pub(super) const fn new(name: &'static str, what: &'static str) -> Self {
        Self { name, old_name: None, what }
    }

    /// The same key, which was called differently in earlier versions: what stands under the old name counts as well.
    pub(super) const fn formerly(mut self, old_name: &'static str) -> Self {
        self.old_name = Some(old_name);
        self
    }

    /// The name as it is written in git config.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// A command that adds a value, for a hint.
    pub fn hint(&self, value: &str) -> String {
        format!("git config --add {} {value}", self.name)
    }

    /// The names under which values are looked for.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        [self.name].into_iter().chain(self.old_name)
    }
}

/// A key of any type, as the documentation lists it.
pub trait Described: Sync {
    /// The name as it is written in git config, with `<name>` for a name of the user's choice.
    fn name(&self) -> &str;
    /// The name in earlier versions, which is still read.
    fn old_name(&self) -> Option<&'static str>;
    /// The value that holds where nothing is set; empty where there is none.
    fn default_text(&self) -> String;
    /// What the value does, one sentence without a full stop.
    fn what(&self) -> &'static str;
    /// Whether it only says how much or how long, or what a clone is called.
    fn only_measures(&self) -> bool;
    /// The value as it would be written after it was read; `None` where it is none.
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

    fn only_measures(&self) -> bool {
        self.only_measures
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

    fn only_measures(&self) -> bool {
        self.0.only_measures
    }

    fn rewritten(&self, value: &str) -> Option<String> {
        self.0.rewritten(value)
    }
}

impl Described for RepeatedKey {
    fn name(&self) -> &str {
        self.name
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

    fn only_measures(&self) -> bool {
        false
    }

    fn rewritten(&self, value: &str) -> Option<String> {
        Some(value.to_owned())
    }
}
