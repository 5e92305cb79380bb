//! The JSON Schemas (draft 2020-12) of answers and requests, made from their types.

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answer::VERSION;

/// One answer or request: its name, a sentence, its schema.
#[derive(Clone, Copy, Debug)]
pub struct Described {
    /// The name.
    pub name: &'static str,
    about: &'static str,
    schema: fn(&str, &str) -> Schema,
}

impl Described {
    pub(super) const fn new(
        name: &'static str,
        about: &'static str,
        schema: fn(&str, &str) -> Schema,
    ) -> Self {
        Self { name, about, schema }
    }

    /// What it is, in a sentence.
    pub fn about(&self) -> &'static str {
        self.about.trim()
    }

    /// Its schema.
    pub fn schema(&self) -> Schema {
        (self.schema)(self.name, self.about())
    }
}

/// What `schema --json` prints.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Schemas {
    /// The answers that commands print with `--json`.
    pub answers: Vec<SchemaEntry>,
    /// The requests that operations take.
    pub requests: Vec<SchemaEntry>,
}

/// One schema.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct SchemaEntry {
    /// Its name: the `kind` of an answer, the operation of a request.
    pub name: String,
    /// What it is, in a sentence.
    pub about: String,
    /// Its JSON Schema, draft 2020-12.
    #[schemars(with = "Map<String, Value>")]
    pub schema: Schema,
}

impl Schemas {
    /// Those of some answers and requests.
    pub fn of(answers: &[Described], requests: &[Described]) -> Self {
        let entries = |some: &[Described]| some.iter().map(SchemaEntry::from).collect();
        Self { answers: entries(answers), requests: entries(requests) }
    }
}

impl From<&Described> for SchemaEntry {
    fn from(one: &Described) -> Self {
        Self { name: one.name.to_owned(), about: one.about().to_owned(), schema: one.schema() }
    }
}

/// The schema of an answer: that of its report, with `version` and `kind`.
pub(super) fn of_answer<T: JsonSchema>(kind: &str, about: &str) -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = titled::<T>(settings.into_generator(), kind, about);
    let head = [
        ("version", json!({"const": VERSION, "description": "The version of the format."})),
        ("kind", json!({"const": kind, "description": "What kind of answer it is."})),
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

/// The schema of a request.
pub(super) fn of_request<T: JsonSchema>(name: &str, about: &str) -> Schema {
    let settings = SchemaSettings::draft2020_12().for_deserialize();
    titled::<T>(settings.into_generator(), name, about)
}

fn titled<T: JsonSchema>(generator: SchemaGenerator, title: &str, about: &str) -> Schema {
    let mut schema = generator.into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    schema.insert("description".to_owned(), about.into());
    schema
}
