//! The parameters of calls that look: their names, and what a value of each may be.

use std::collections::BTreeMap;

use orchestra::{Error, Result};
use serde_json::{Value, json};

/// What a value may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ValueType {
    /// `true` or `false`.
    Flag,
    /// A number from 0 on.
    Number,
    /// A number from 0 on, with or without decimals.
    Decimal,
    /// Any text.
    Text,
}

/// A parameter after the `?` of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    value: ValueType,
    pub(crate) is_required: bool,
}

pub(crate) const fn flag(name: &'static str) -> Parameter {
    Parameter { name, value: ValueType::Flag, is_required: false }
}

pub(crate) const fn number(name: &'static str) -> Parameter {
    Parameter { name, value: ValueType::Number, is_required: false }
}

pub(crate) const fn decimal(name: &'static str) -> Parameter {
    Parameter { name, value: ValueType::Decimal, is_required: false }
}

pub(crate) const fn text(name: &'static str) -> Parameter {
    Parameter { name, value: ValueType::Text, is_required: false }
}

pub(crate) const fn required_text(name: &'static str) -> Parameter {
    Parameter { name, value: ValueType::Text, is_required: true }
}

impl Parameter {
    /// Checks a value.
    fn check(self, given: &str) -> Result<()> {
        let name = self.name;
        match self.value {
            ValueType::Flag if !matches!(given, "true" | "false") => {
                Err(Error::usage(format!("'{name}' must be true or false")))
            }
            ValueType::Number if given.parse::<u64>().is_err() => {
                Err(Error::usage(format!("'{name}' must be a number from 0 on")))
            }
            ValueType::Decimal
                if !given.parse::<f64>().is_ok_and(|given| given.is_finite() && given >= 0.0) =>
            {
                Err(Error::usage(format!("'{name}' must be a number from 0 on, such as 0.5")))
            }
            _ => Ok(()),
        }
    }

    /// Returns the schema of its values.
    pub(crate) fn schema(self) -> Value {
        match self.value {
            ValueType::Flag => json!({"type": "boolean", "default": false}),
            ValueType::Number => json!({"type": "integer", "minimum": 0}),
            ValueType::Decimal => json!({"type": "number", "minimum": 0}),
            ValueType::Text => json!({"type": "string"}),
        }
    }
}

/// Checks what a call was given against what it takes.
///
/// # Errors
/// A parameter is unknown, missing, or of another type (2).
pub(crate) fn check(takes: &[Parameter], given: &BTreeMap<String, String>) -> Result<()> {
    if let Some(name) = given.keys().find(|name| !takes.iter().any(|one| one.name == name.as_str())) {
        return Err(Error::usage(format!("this call has no parameter '{name}'")));
    }
    for one in takes {
        match given.get(one.name) {
            Some(value) => one.check(value)?,
            None if one.is_required => {
                return Err(Error::usage(format!("this call needs the parameter '{}'", one.name)));
            }
            None => {}
        }
    }
    Ok(())
}
