//! What is compared of an agent between two looks.

use serde_json::{Map, Value};

/// The fields of an agent, as in JSON, so that a field which is added to reports is compared without a change here. They are kept as
/// text, a tenth of the memory of a map: a watcher has those of all agents, and seldom reads any.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Fields(Box<str>);

impl Fields {
    pub(super) fn of(fields: Map<String, Value>) -> Self {
        if fields.is_empty() { Self::default() } else { Self(Value::Object(fields).to_string().into()) }
    }

    /// Returns the fields as a map.
    pub(super) fn map(&self) -> Map<String, Value> {
        // It was a map, so it is one again.
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// Returns the names of the fields that are not the same in both.
    pub(super) fn differing(&self, other: &Self) -> Vec<String> {
        if self == other {
            return Vec::new();
        }
        let (one, other) = (self.map(), other.map());
        let names = one.keys().chain(other.keys());
        names.filter(|name| one.get(*name) != other.get(*name)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_kept_and_compared_one_by_one() {
        let fields = |value: Value| Fields::of(value.as_object().unwrap().clone());
        let one = json!({"a": 1, "b": null, "c": {"d": ["\u{1f}", "é"]}, "e": 0.1});
        assert_eq!(Value::Object(fields(one.clone()).map()), one);
        assert!(Fields::default().map().is_empty());
        assert!(fields(one.clone()).differing(&fields(one.clone())).is_empty());
        let other = json!({"a": 2, "b": null, "c": {"d": []}, "f": null});
        let mut names = fields(one.clone()).differing(&fields(other));
        names.sort_unstable();
        names.dedup();
        // A field with the value null is not the same as none.
        assert_eq!(names, ["a", "c", "e", "f"]);
        assert_eq!(fields(json!({})).differing(&fields(one)).len(), 4);
    }
}
