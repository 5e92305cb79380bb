//! Validates a JSON value against a JSON Schema (draft 2020-12), strictly: every keyword of the schema must
//! be supported here, and the schema must describe every property of the value.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::{Map, Value};

/// Keywords that do not affect validity.
const REMARKS: [&str; 6] = ["$defs", "$schema", "default", "description", "examples", "title"];

/// Returns the faults of a value, each as a sentence that begins with its path.
pub fn schema_faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut check = Check { root: schema, faults: Vec::new() };
    check.whole(schema, value, "$");
    check.faults
}

struct Check<'a> {
    root: &'a Value,
    faults: Vec<String>,
}

/// The properties of an object that a schema describes.
#[derive(Default)]
struct Described {
    names: BTreeSet<String>,
    /// Whether the schema describes properties at all.
    any: bool,
}

impl Check<'_> {
    fn fault(&mut self, at: &str, what: impl Into<String>) {
        self.faults.push(format!("{at}: {}", what.into()));
    }

    /// Validates a value with all nested values, and reports properties that are not described.
    fn whole(&mut self, schema: &Value, value: &Value, at: &str) {
        let described = self.value(schema, value, at);
        if let (Value::Object(fields), true) = (value, described.any) {
            for name in fields.keys().filter(|name| !described.names.contains(*name)) {
                self.fault(at, format!("the schema does not describe '{name}'"));
            }
        }
    }

    /// Validates a value by one of the schemas that may apply to it.
    fn value(&mut self, schema: &Value, value: &Value, at: &str) -> Described {
        let mut described = Described::default();
        match schema {
            Value::Bool(true) => {}
            Value::Object(schema) => {
                for (keyword, says) in schema {
                    self.keyword(schema, keyword, says, value, at, &mut described);
                }
            }
            _ => self.fault(at, format!("no value is right for {schema}")),
        }
        described
    }

    fn keyword(
        &mut self,
        schema: &Map<String, Value>,
        keyword: &str,
        says: &Value,
        value: &Value,
        at: &str,
        described: &mut Described,
    ) {
        match keyword {
            _ if REMARKS.contains(&keyword) => {}
            "$ref" => {
                let target = says.as_str().and_then(|path| path.strip_prefix('#'));
                match target.and_then(|path| self.root.pointer(path)) {
                    Some(target) => described.join(self.value(target, value, at)),
                    None => self.fault(at, format!("{says} does not exist")),
                }
            }
            "allOf" => {
                for one in list(says) {
                    described.join(self.value(one, value, at));
                }
            }
            "anyOf" | "oneOf" => self.choice(keyword, list(says), value, at, described),
            "type" => self.type_of(says, value, at),
            "const" if value != says => self.fault(at, format!("{value} is not {says}")),
            "enum" if !list(says).contains(value) => self.fault(at, format!("{value} is not one of {says}")),
            "const" | "enum" => {}
            "format" => self.format(says, value, at),
            "pattern" => self.pattern(says, value, at),
            "minimum" | "maximum" => self.bound(keyword, says, value, at),
            "minItems" | "maxItems" => self.length(keyword, says, value, at),
            "uniqueItems" => {}
            "items" => {
                let first = schema.get("prefixItems").map_or(0, |first| list(first).len());
                for (number, item) in list(value).iter().enumerate().skip(first) {
                    self.whole(says, item, &format!("{at}[{number}]"));
                }
            }
            "prefixItems" => {
                for (number, (one, item)) in list(says).iter().zip(list(value)).enumerate() {
                    self.whole(one, item, &format!("{at}[{number}]"));
                }
            }
            "required" => {
                for name in list(says).iter().filter_map(Value::as_str) {
                    if value.as_object().is_some_and(|fields| !fields.contains_key(name)) {
                        self.fault(at, format!("'{name}' is missing"));
                    }
                }
            }
            "properties" => {
                described.any = true;
                for (name, one) in says.as_object().into_iter().flatten() {
                    if let Some(field) = value.get(name) {
                        described.names.insert(name.clone());
                        self.whole(one, field, &format!("{at}.{name}"));
                    }
                }
            }
            "additionalProperties" => self.further(schema, says, value, at, described),
            _ => self.fault(at, format!("the keyword '{keyword}' is not understood by this checker")),
        }
    }

    fn further(
        &mut self,
        schema: &Map<String, Value>,
        says: &Value,
        value: &Value,
        at: &str,
        described: &mut Described,
    ) {
        described.any = true;
        let known = schema.get("properties").and_then(Value::as_object);
        for (name, field) in value.as_object().into_iter().flatten() {
            if known.is_none_or(|known| !known.contains_key(name)) {
                described.names.insert(name.clone());
                self.whole(says, field, &format!("{at}.{name}"));
            }
        }
    }

    fn choice(
        &mut self,
        keyword: &str,
        choices: &[Value],
        value: &Value,
        at: &str,
        described: &mut Described,
    ) {
        let mut right = 0;
        let mut nearest: Option<Vec<String>> = None;
        for one in choices {
            let mut check = Check { root: self.root, faults: Vec::new() };
            let found = check.value(one, value, at);
            if check.faults.is_empty() {
                right += 1;
                described.join(found);
            } else if nearest.as_ref().is_none_or(|nearest| check.faults.len() < nearest.len()) {
                nearest = Some(check.faults);
            }
        }
        match (keyword, right) {
            (_, 0) => {
                self.fault(at, "it is right for no choice; the nearest says:");
                self.faults.extend(nearest.unwrap_or_default());
            }
            ("oneOf", 2..) => self.fault(at, format!("it is right for {right} choices, not for one")),
            _ => {}
        }
    }

    fn type_of(&mut self, says: &Value, value: &Value, at: &str) {
        let types = if says.is_array() { list(says) } else { std::slice::from_ref(says) };
        let is = |name: &Value| match name.as_str() {
            Some("null") => value.is_null(),
            Some("boolean") => value.is_boolean(),
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            Some("array") => value.is_array(),
            Some("object") => value.is_object(),
            _ => false,
        };
        if !types.iter().any(is) {
            self.fault(at, format!("{value} is not of type {says}"));
        }
    }

    fn format(&mut self, says: &Value, value: &Value, at: &str) {
        let is_right = match says.as_str().unwrap_or_default() {
            "uint" | "uint8" | "uint16" | "uint32" | "uint64" => !value.is_number() || value.is_u64(),
            "int" | "int32" | "int64" => !value.is_number() || value.is_i64(),
            "double" => true,
            "date-time" => value.as_str().is_none_or(is_time),
            _ => return self.fault(at, format!("the format {says} is not understood by this checker")),
        };
        if !is_right {
            self.fault(at, format!("{value} is not of format {says}"));
        }
    }

    fn pattern(&mut self, says: &Value, value: &Value, at: &str) {
        match Regex::new(says.as_str().unwrap_or_default()) {
            Ok(pattern) if value.as_str().is_some_and(|text| !pattern.is_match(text)) => {
                self.fault(at, format!("{value} does not match {says}"));
            }
            Ok(_) => {}
            Err(error) => self.fault(at, error.to_string()),
        }
    }

    fn bound(&mut self, keyword: &str, says: &Value, value: &Value, at: &str) {
        let (Some(bound), Some(number)) = (says.as_f64(), value.as_f64()) else { return };
        if keyword == "minimum" && number < bound || keyword == "maximum" && number > bound {
            self.fault(at, format!("{value} is beyond the {keyword} {says}"));
        }
    }

    fn length(&mut self, keyword: &str, says: &Value, value: &Value, at: &str) {
        let (Some(bound), Some(items)) = (says.as_u64(), value.as_array()) else { return };
        let length = items.len() as u64;
        if keyword == "minItems" && length < bound || keyword == "maxItems" && length > bound {
            self.fault(at, format!("{length} items are beyond {keyword} {says}"));
        }
    }
}

impl Described {
    fn join(&mut self, other: Self) {
        self.names.extend(other.names);
        self.any |= other.any;
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Whether a text is a time of RFC 3339.
fn is_time(text: &str) -> bool {
    let pattern = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$";
    Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_fault_is_found() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "kind": {"const": "x"},
                "word": {"enum": ["a", "b"]},
                "number": {"type": "integer", "format": "uint32", "minimum": 0, "maximum": 9},
                "at": {"type": ["string", "null"], "format": "date-time"},
                "id": {"type": "string", "pattern": "^[0-9a-f]{4}$"},
                "many": {"type": "array", "items": {"$ref": "#/$defs/Inner"}},
                "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "minItems": 2},
                "map": {"type": "object", "additionalProperties": {"type": "string"}},
                "maybe": {"anyOf": [{"$ref": "#/$defs/Inner"}, {"type": "null"}]},
            },
            "required": ["kind"],
            "$defs": {"Inner": {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}},
        });
        let right = json!({"kind": "x", "word": "a", "number": 9, "at": "2026-11-26T10:00:00.5Z", "id": "00ff",
            "many": [{"a": true}], "pair": ["x", 1], "map": {"k": "v"}, "maybe": {"a": false}});
        assert_eq!(schema_faults(&schema, &right), [""; 0]);
        for (field, wrong) in [
            ("kind", json!("y")),
            ("word", json!("c")),
            ("number", json!(-1)),
            ("number", json!(10)),
            ("number", json!(1.5)),
            ("at", json!("yesterday")),
            ("id", json!("00fg")),
            ("many", json!([{}])),
            ("many", json!([{"a": true, "b": 1}])),
            ("pair", json!(["x"])),
            ("pair", json!([1, 1])),
            ("map", json!({"k": 1})),
            ("maybe", json!(7)),
            ("maybe", json!({"a": true, "b": 1})),
            ("unknown", json!(1)),
        ] {
            let mut value = right.clone();
            value[field] = wrong;
            assert!(!schema_faults(&schema, &value).is_empty(), "{value}");
        }
        assert!(!schema_faults(&schema, &json!({})).is_empty(), "a required field is missing");
        assert!(!schema_faults(&json!({"propertyNames": {}}), &json!({})).is_empty(), "an unknown keyword");
    }
}
