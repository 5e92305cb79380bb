//! Checks requests and answers against the official description of a forge's interface: every call, parameter and status, and every field
//! of a request and of an answer must be described there, with its type. What an answer leaves out is not looked at: nobody reads all of it.

use serde_json::{Map, Value};

use super::{ForgeFlavor, http::Request};
use crate::schema::schema_faults;

/// Keywords of OpenAPI that say nothing about validity, or nothing that the checker knows.
const LEFT_OUT: [&str; 10] = [
    "format",
    "deprecated",
    "readOnly",
    "example",
    "required",
    "pattern",
    "discriminator",
    "x-github",
    "maxLength",
    "minLength",
];

/// What a maker says of the interface of its forge.
struct Description {
    /// The cut of its description.
    text: &'static str,
    /// What all paths begin with that are described.
    prefix: &'static str,
    /// Parameters that its documentation describes once for all calls.
    general: &'static [&'static str],
    /// Statuses that its documentation describes once for all calls.
    errors: &'static [u16],
    /// Fields that only its documentation describes.
    documented: &'static [&'static str],
}

impl Description {
    /// Returns the description of a forge. GitLab's newest one that a package carries is of an interface that it no longer has.
    const fn of(flavor: ForgeFlavor) -> Option<Self> {
        let (text, prefix) = match flavor {
            ForgeFlavor::GitHub => (include_str!("../../../fixtures/forge/github.json"), "/api/v3"),
            ForgeFlavor::Gitea => (include_str!("../../../fixtures/forge/gitea.json"), "/api/v1"),
            ForgeFlavor::Bitbucket => (include_str!("../../../fixtures/forge/bitbucket.json"), "/2.0"),
            ForgeFlavor::GitLab => return None,
        };
        let is_bitbucket = matches!(flavor, ForgeFlavor::Bitbucket);
        Some(Self {
            text,
            prefix,
            general: if is_bitbucket { &["page", "pagelen", "q", "sort"] } else { &[] },
            errors: if is_bitbucket { &[400] } else { &[] },
            documented: if is_bitbucket { &["account_id", "description", "draft", "nickname"] } else { &[] },
        })
    }

    fn is_documented(&self, fault: &str) -> bool {
        self.documented.iter().any(|name| fault.ends_with(&format!("the schema does not describe '{name}'")))
    }
}

/// Returns what is wrong with a request and its answer.
pub(crate) fn faults(flavor: ForgeFlavor, request: &Request, status: u16, answer: &Value) -> Vec<String> {
    let Some(description) = Description::of(flavor) else { return Vec::new() };
    let whole: Value = serde_json::from_str(description.text).expect("the description");
    let path = request.path.strip_prefix(description.prefix).unwrap_or(&request.path);
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
        .chain(description.general.iter().copied())
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
        Value::Null if description.errors.contains(&status) => {}
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
    found.retain(|fault| !description.is_documented(fault));
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
            || (key == "additionalProperties" && value == &Value::Bool(true))
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
