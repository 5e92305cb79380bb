//! The description of all calls for programs that make clients of it: OpenAPI 3.1, from the types.

use std::collections::BTreeMap;

use orchestra::wire::KINDS;
use schemars::Schema;
use serde_json::{Map, Value, json};

use super::{background, parameters::Parameter};

/// A call, as far as it is described.
pub(crate) struct Described {
    pub(crate) method: &'static str,
    /// The call of ours in whose place it stands, if it is one of another program.
    pub(crate) stands_for: Option<&'static str>,
    pub(crate) path: &'static str,
    pub(crate) about: &'static str,
    /// Its parameters.
    pub(crate) takes: &'static [Parameter],
    /// The kind of its answer.
    pub(crate) kind: &'static str,
    /// The schema of its body.
    pub(crate) body: Option<Schema>,
    /// Whether it may answer before it is done.
    pub(crate) takes_long: bool,
}

/// Returns the document.
pub(crate) fn document(calls: impl Iterator<Item = Described>) -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let mut schemas = Map::new();
    add_schema(&mut schemas, "error");
    add_schema(&mut schemas, background::KIND);
    for call in calls {
        add_schema(&mut schemas, call.kind);
        let item = paths.entry(call.path).or_default();
        item.insert(call.method.to_lowercase(), operation(&call));
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "git orchestra web", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "Orchestra-Key"}},
        },
        "security": [{"key": []}],
    })
}

fn operation(call: &Described) -> Value {
    let text = || json!({"type": "string"});
    let places = call.path.split('/').filter_map(|word| word.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = places.map(|name| parameter(name, "path", true, &text())).collect();
    parameters
        .extend(call.takes.iter().map(|one| parameter(one.name, "query", one.is_required, &one.schema())));
    if call.body.is_some() {
        parameters.push(parameter("Idempotency-Key", "header", false, &text()));
    }
    let answer = |kind: &str, about: &str| {
        let schema = json!({"$ref": format!("#/components/schemas/{kind}")});
        json!({"description": about, "content": {"application/json": {"schema": schema}}})
    };
    let mut operation = json!({
        "summary": call.about,
        "parameters": parameters,
        "responses": {"200": answer(call.kind, "It is done"), "default": answer("error", "It failed, and why")},
    });
    if let Some(stands_for) = call.stands_for {
        operation["deprecated"] = json!(true);
        operation["description"] =
            json!(format!("For scripts of other programs. In its place: {stands_for}"));
    }
    if call.takes_long {
        operation["responses"]["202"] = answer(background::KIND, "It continues, and its answer is kept");
    }
    if let Some(body) = &call.body {
        operation["requestBody"] =
            json!({"required": true, "content": {"application/json": {"schema": body}}});
    }
    operation
}

fn parameter(name: &str, place: &str, is_required: bool, schema: &Value) -> Value {
    json!({"name": name, "in": place, "required": is_required, "schema": schema})
}

/// Adds the schema of a kind of answer, with all that it refers to. Answers that no command prints are objects.
fn add_schema(schemas: &mut Map<String, Value>, kind: &str) {
    if schemas.contains_key(kind) {
        return;
    }
    let known = KINDS.iter().find(|one| one.name == kind);
    let mut schema = known.map_or_else(|| json!({"type": "object"}), |one| one.schema().to_value());
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("$schema");
        if let Some(Value::Object(parts)) = fields.remove("$defs") {
            for (name, mut part) in parts {
                refer(&mut part);
                schemas.entry(name).or_insert(part);
            }
        }
    }
    refer(&mut schema);
    schemas.insert(kind.to_owned(), schema);
}

/// Lets references lead to where the parts are now.
fn refer(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::String(to)) = fields.get_mut("$ref") {
                *to = to.replace("#/$defs/", "#/components/schemas/");
            }
            fields.values_mut().for_each(refer);
        }
        Value::Array(all) => all.iter_mut().for_each(refer),
        _ => {}
    }
}
