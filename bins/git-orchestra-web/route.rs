//! A row of the table of calls.

use orchestra::{Result, ops::web::make_visible};
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde_json::Value;

use super::{
    background,
    call::Call,
    parameters::{self, Parameter},
    replies::Reply,
};

/// A call.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    /// Its path, with `{id}` in the place of an agent.
    pub(crate) path: &'static str,
    /// What it does.
    pub(crate) about: &'static str,
    /// Its parameters; a POST has none, but fields of its body.
    pub(crate) takes: &'static [Parameter],
    /// The kind of its answer.
    pub(crate) kind: &'static str,
    /// The schema of its body.
    pub(crate) body: Option<fn() -> Schema>,
    /// Whether it may answer before it is done.
    pub(crate) takes_long: bool,
    run: fn(&Call<'_>) -> Result<Value>,
}

impl Route {
    /// Makes the call.
    pub(crate) fn answer(&self, call: &Call<'_>) -> Reply {
        match parameters::check(self.takes, &call.parameters).and_then(|()| (self.run)(call)) {
            Ok(mut answer) => {
                make_visible(&mut answer);
                let is_running = answer["kind"] == background::KIND;
                Reply { status: if is_running { 202 } else { 200 }, ..Reply::json(answer.to_string()) }
            }
            Err(error) => Reply::error(&error),
        }
    }

    /// Returns the names of its parameters, or of the fields of its body.
    pub(crate) fn names(&self) -> Vec<String> {
        let Some(schema) = self.body else {
            return self.takes.iter().map(|one| one.name.to_owned()).collect();
        };
        let schema = schema().to_value();
        schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
    }

    pub(crate) const fn that_takes_long(self) -> Self {
        Self { takes_long: true, ..self }
    }

    /// Adds parameters to a POST of another program's API.
    pub(crate) const fn with(self, takes: &'static [Parameter]) -> Self {
        Self { takes, ..self }
    }
}

pub(crate) const fn get(
    path: &'static str,
    takes: &'static [Parameter],
    kind: &'static str,
    about: &'static str,
    run: fn(&Call<'_>) -> Result<Value>,
) -> Route {
    Route { method: "GET", path, about, takes, kind, body: None, takes_long: false, run }
}

pub(crate) const fn post(
    path: &'static str,
    kind: &'static str,
    body: fn() -> Schema,
    about: &'static str,
    run: fn(&Call<'_>) -> Result<Value>,
) -> Route {
    Route { method: "POST", path, about, takes: &[], kind, body: Some(body), takes_long: false, run }
}

/// Returns the schema of a body, complete in itself.
pub(crate) fn schema<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>()
}
