//! The settings files of other orchestrators: what is taken over is what a person could set.

use std::path::Path;

use orchestra::{
    config::{Settings, TableKey},
    ops::config::read_import,
};

use crate::shown;

/// A file of each kind.
const FILES: [&str; 3] = [".claude-orchestrator.yaml", "config.json", "orchestra.yml"];

pub(crate) fn check(bytes: &[u8]) {
    for file in FILES {
        match read_import(Path::new(file), bytes.to_vec(), &Settings::default()) {
            Err(error) => shown::check(&error.one_line()),
            Ok(import) => {
                for one in &import.settings {
                    let key = TableKey::find(&one.key).expect("a key of the table");
                    assert!(!one.values.is_empty(), "{} has no value", one.key);
                    for value in &one.values {
                        assert!(key.check(value).is_ok(), "{} cannot be {value:?}", one.key);
                    }
                    assert!(!one.field.chars().any(char::is_control), "{:?}", one.field);
                }
                for left in &import.left_out {
                    assert!(!left.field.chars().any(char::is_control), "{:?}", left.field);
                    shown::check(&left.why);
                }
            }
        }
    }
}
