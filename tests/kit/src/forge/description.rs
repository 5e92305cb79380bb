//! Checks requests and answers against GitHub's official description: every field of a request and of an answer must be described there,
//! with its type. What an answer leaves out is not looked at: nobody reads all of it.

use serde_json::{Map, Value};

use super::http::Request;
use crate::schema::schema_faults;

const DESCRIPTION: &str = include_str!("../../../fixtures/forge/github.json");
/// Keywords of OpenAPI that say nothing about validity, or nothing that the checker knows.
const LEFT_OUT: [&str; 9] = [
    "format",
    "deprecated",
    "readOnly",
    "example",
    "required",
    "pattern",
    "discriminator",
    "x-github",
    "minLength",
];

/// Returns what is wrong with a request and its answer.
pub(crate) fn faults(request: &Request, status: u16, answer: &Value) -> Vec<String> {
    let whole: Value = serde_json::from_str(DESCRIPTION).expect("the description");
    let path = request.path.strip_prefix("/api/v3").unwrap_or(&request.path);
    let named = format!("{} {path}", request.method);
    let Some(operation) = operation(&whole, &request.method, path) else {
        return vec![format!("{named}: no such call")];
    };
    let mut found = Vec::new();
    let known: Vec<&str> = operation["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| name(&whole, one))
        .collect();
    let given = request.query.split('&').filter_map(|pair| Some(pair.split_once('=')?.0));
    found.extend(
        given.filter(|name| !known.contains(name)).map(|name| format!("{named}: no parameter '{name}'")),
    );
    let components = converted(&whole["components"], true);
    let check = |schema: &Value, value: &Value, is_request: bool| {
        let mut schema = converted(schema, !is_request);
        schema["$defs"] = components.clone();
        schema_faults(&schema, value)
    };
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if !request.body.is_empty() {
        found.extend(
            check(body, &request.json(), true).into_iter().map(|fault| format!("{named} asks {fault}")),
        );
    }
    match &operation["responses"][status.to_string()] {
        Value::Null => found.push(format!("{named}: no status {status}")),
        response => {
            let response = resolved(&whole, response);
            let schema = &response["content"]["application/json"]["schema"];
            if !schema.is_null() {
                found.extend(
                    check(schema, answer, false).into_iter().map(|fault| format!("{named} {status} {fault}")),
                );
            }
        }
    }
    found
}

fn operation<'a>(whole: &'a Value, method: &str, path: &str) -> Option<&'a Value> {
    let paths = whole["paths"].as_object()?;
    let matches = |pattern: &str| {
        let (pattern, path): (Vec<&str>, Vec<&str>) =
            (pattern.split('/').collect(), path.split('/').collect());
        pattern.len() == path.len()
            && pattern.iter().zip(path).all(|(one, part)| one.starts_with('{') || *one == part)
    };
    let (_, operations) = paths.iter().find(|(pattern, _)| matches(pattern))?;
    operations.get(method.to_ascii_lowercase())
}

fn resolved<'a>(whole: &'a Value, value: &'a Value) -> &'a Value {
    let target = value["$ref"].as_str().and_then(|path| whole.pointer(path.strip_prefix('#')?));
    target.unwrap_or(value)
}

fn name<'a>(whole: &'a Value, parameter: &'a Value) -> Option<&'a str> {
    resolved(whole, parameter)["name"].as_str()
}

/// Returns a schema of OpenAPI 3.0 as one of JSON Schema; `relaxed` leaves out which fields are required.
fn converted(schema: &Value, relaxed: bool) -> Value {
    match schema {
        Value::Array(all) => all.iter().map(|one| converted(one, relaxed)).collect(),
        Value::Object(fields) => object(fields, relaxed),
        other => other.clone(),
    }
}

fn object(fields: &Map<String, Value>, relaxed: bool) -> Value {
    let is_schema = fields.contains_key("type") || fields.contains_key("properties");
    // Without the fields that are required, several of such choices may be right.
    let is_told_apart = fields.contains_key("oneOf") && fields.contains_key("discriminator");
    let mut made = Map::new();
    for (key, value) in fields {
        if is_schema && LEFT_OUT.contains(&key.as_str()) && (key != "required" || relaxed)
            || key == "nullable"
            || (key == "discriminator" && is_told_apart)
        {
            continue;
        }
        let value = match (key.as_str(), value.as_str()) {
            ("$ref", Some(path)) => Value::String(path.replace("#/components", "#/$defs")),
            _ => converted(value, relaxed),
        };
        let key = if key == "oneOf" && is_told_apart { "anyOf" } else { key.as_str() };
        made.insert(key.to_owned(), value);
    }
    if fields.get("nullable") == Some(&Value::Bool(true)) {
        return serde_json::json!({"anyOf": [Value::Object(made), {"type": "null"}]});
    }
    Value::Object(made)
}
