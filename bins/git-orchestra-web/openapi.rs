//! The description of all calls for programs that make clients of it: OpenAPI 3.1, from the types.

use std::collections::BTreeMap;

use orchestra::wire::KINDS;
use schemars::Schema;
use serde_json::{Map, Value, json};

/// A call, as far as it is described.
pub(crate) struct Described {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) about: &'static str,
    /// The names of its parameters; of a POST, of the fields of its body.
    pub(crate) takes: &'static [&'static str],
    /// The kind of its answer.
    pub(crate) kind: &'static str,
    /// The schema of its body.
    pub(crate) body: Option<Schema>,
}

/// Returns the document.
pub(crate) fn document(calls: impl Iterator<Item = Described>) -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let mut schemas = Map::new();
    add_schema(&mut schemas, "error");
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
    let is_get = call.method == "GET";
    let mut parameters = Vec::new();
    if call.path.contains("{id}") {
        parameters.push(parameter("id", "path", true));
    }
    if is_get {
        parameters.extend(call.takes.iter().map(|name| parameter(name, "query", false)));
    } else {
        parameters.push(parameter("Idempotency-Key", "header", false));
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
    if let Some(body) = &call.body {
        operation["requestBody"] =
            json!({"required": true, "content": {"application/json": {"schema": body}}});
    }
    operation
}

fn parameter(name: &str, place: &str, is_required: bool) -> Value {
    json!({"name": name, "in": place, "required": is_required, "schema": {"type": "string"}})
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
