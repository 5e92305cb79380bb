//! The JSON Schemas (draft 2020-12) of answers and requests, derived from their types.

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answer::VERSION;

/// An answer or request, with its name, description, and schema.
#[derive(Clone, Copy, Debug)]
pub struct MessageType {
    /// The `kind` of an answer, or the operation of a request.
    pub name: &'static str,
    about: &'static str,
    schema: fn(&str, &str) -> Schema,
}

impl MessageType {
    pub(super) const fn new(
        name: &'static str,
        about: &'static str,
        schema: fn(&str, &str) -> Schema,
    ) -> Self {
        Self { name, about, schema }
    }

    /// Returns the description, one sentence.
    pub fn about(&self) -> &'static str {
        self.about.trim()
    }

    /// Returns the schema, with the description in it.
    pub fn schema(&self) -> Schema {
        (self.schema)(self.name, self.about())
    }
}

/// The answer of `schema --json`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Schemas {
    /// The answers that commands print with `--json`.
    pub answers: Vec<SchemaEntry>,
    /// The requests that operations take.
    pub requests: Vec<SchemaEntry>,
}

/// The schema of one answer or request.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct SchemaEntry {
    /// The `kind` of an answer, or the operation of a request.
    pub name: String,
    /// The description, one sentence.
    pub about: String,
    /// The JSON Schema, draft 2020-12.
    #[schemars(with = "Map<String, Value>")]
    pub schema: Schema,
}

impl Schemas {
    /// Collects the schemas of these answers and requests.
    pub fn of(answers: &[MessageType], requests: &[MessageType]) -> Self {
        let entries = |some: &[MessageType]| some.iter().map(SchemaEntry::from).collect();
        Self { answers: entries(answers), requests: entries(requests) }
    }
}

impl From<&MessageType> for SchemaEntry {
    fn from(one: &MessageType) -> Self {
        Self { name: one.name.to_owned(), about: one.about().to_owned(), schema: one.schema() }
    }
}

/// Returns the schema of an answer: that of its report, with `version` and `kind`.
pub(super) fn of_answer<T: JsonSchema>(kind: &str, about: &str) -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = with_title::<T>(settings.into_generator(), kind, about);
    let head = [
        ("version", json!({"const": VERSION, "description": "The version of the format."})),
        ("kind", json!({"const": kind, "description": "The kind of answer."})),
    ];
    for (name, of_field) in head {
        if let Value::Object(properties) =
            schema.ensure_object().entry("properties").or_insert_with(|| json!({}))
        {
            properties.insert(name.to_owned(), of_field);
        }
        if let Value::Array(required) = schema.ensure_object().entry("required").or_insert_with(|| json!([]))
        {
            required.push(name.into());
        }
    }
    schema.insert("type".to_owned(), "object".into());
    schema
}

/// Returns the schema of a request.
pub(super) fn of_request<T: JsonSchema>(name: &str, about: &str) -> Schema {
    let settings = SchemaSettings::draft2020_12().for_deserialize();
    with_title::<T>(settings.into_generator(), name, about)
}

fn with_title<T: JsonSchema>(generator: SchemaGenerator, title: &str, about: &str) -> Schema {
    let mut schema = generator.into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    schema.insert("description".to_owned(), about.into());
    schema
}
