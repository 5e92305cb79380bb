//! Putting an answer together from the events of a stream. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Maximum number of blocks in one answer.
const MAX_BLOCKS: usize = 1000;

/// Something that came in while the answer is being written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    /// More text of the block with this number.
    Text(usize, String),
    /// What the request used so far, as the service counts it; whether it is the first count.
    Used(Value, bool),
    /// The answer is still being written.
    Alive,
}

/// Why the rest of a stream is not read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Broken {
    /// The service reports an error: its word and its sentence.
    Error(String, String),
    /// The stream is not one of the Messages API.
    Malformed(String),
}

/// An answer that is being put together.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    message: Map<String, Value>,
    blocks: BTreeMap<usize, Value>,
    /// The input of each tool so far, which comes as pieces of JSON.
    inputs: BTreeMap<usize, String>,
    is_complete: bool,
}

impl Assembly {
    /// Takes the data of one event. Returns what it adds.
    ///
    /// # Errors
    /// The service reports an error, or the event cannot be understood.
    pub(super) fn take(&mut self, data: &str) -> Result<Part, Broken> {
        let malformed = |what: &str| Broken::Malformed(what.to_owned());
        let event: Value = serde_json::from_str(data).map_err(|_| malformed("an event is not JSON"))?;
        let index = event["index"].as_u64().and_then(|index| usize::try_from(index).ok());
        match event["type"].as_str().unwrap_or_default() {
            "message_start" => {
                self.message = event["message"].as_object().cloned().unwrap_or_default();
                return Ok(Part::Used(event["message"]["usage"].clone(), true));
            }
            "content_block_start" => {
                let index = index.filter(|index| *index < MAX_BLOCKS);
                let index = index.ok_or_else(|| malformed("a block has no number"))?;
                self.blocks.insert(index, event["content_block"].clone());
            }
            "content_block_delta" => {
                let index = index.ok_or_else(|| malformed("a part has no number"))?;
                return self.add(index, &event["delta"]);
            }
            "message_delta" => {
                for (field, value) in event["delta"].as_object().into_iter().flatten() {
                    self.message.insert(field.clone(), value.clone());
                }
                let usage = self.message.entry("usage").or_insert_with(|| json!({}));
                if let (Some(known), Some(new)) = (usage.as_object_mut(), event["usage"].as_object()) {
                    let counted = new.iter().filter(|(_, value)| !value.is_null());
                    known.extend(counted.map(|(field, value)| (field.clone(), value.clone())));
                }
                return Ok(Part::Used(usage.clone(), false));
            }
            "message_stop" => self.is_complete = true,
            "error" => {
                let of = |field: &str| event["error"][field].as_str().unwrap_or_default().to_owned();
                return Err(Broken::Error(of("type"), of("message")));
            }
            _ => {}
        }
        Ok(Part::Alive)
    }

    fn add(&mut self, index: usize, delta: &Value) -> Result<Part, Broken> {
        let more = |field: &str| delta[field].as_str().unwrap_or_default();
        let block = self.blocks.get_mut(&index);
        let block = block.ok_or_else(|| Broken::Malformed("a part belongs to no block".to_owned()))?;
        let mut append = |field: &str| {
            let known = block[field].as_str().unwrap_or_default();
            block[field] = format!("{known}{}", more(field)).into();
        };
        match delta["type"].as_str().unwrap_or_default() {
            "text_delta" => {
                append("text");
                return Ok(Part::Text(index, more("text").to_owned()));
            }
            "thinking_delta" => append("thinking"),
            "signature_delta" => append("signature"),
            "input_json_delta" => self.inputs.entry(index).or_default().push_str(more("partial_json")),
            _ => {}
        }
        Ok(Part::Alive)
    }

    /// Returns whether the stream has come to its end.
    pub(super) const fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Returns the whole answer. An input of a tool that was cut off is empty: such a tool does not run.
    ///
    /// # Errors
    /// The stream ended before the answer did.
    pub(super) fn message(mut self) -> Result<Value, Broken> {
        if !self.is_complete {
            return Err(Broken::Malformed("the answer was cut off".to_owned()));
        }
        let is_cut = self.message.get("stop_reason").is_some_and(|reason| reason == "max_tokens");
        for (index, input) in self.inputs {
            let Some(block) = self.blocks.get_mut(&index) else { continue };
            match serde_json::from_str::<Value>(&input) {
                Ok(input) => block["input"] = input,
                Err(_) if input.trim().is_empty() || is_cut => block["input"] = json!({}),
                Err(_) => return Err(Broken::Malformed("the input of a tool is not JSON".to_owned())),
            }
        }
        self.message.insert("content".to_owned(), self.blocks.into_values().collect());
        Ok(Value::Object(self.message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events() -> Vec<Value> {
        vec![
            json!({"type": "message_start", "message": {"model": "m", "content": [], "usage": {"input_tokens": 9, "output_tokens": 1}}}),
            json!({"type": "ping"}),
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "I lo"}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "ok."}}),
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "t", "name": "bash", "input": {}}}),
            json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{\"command\":"}}),
            json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "\"ls\"}"}}),
            json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}}),
            json!({"type": "message_stop"}),
        ]
    }

    fn put_together(events: &[Value]) -> Result<Value, Broken> {
        let mut assembly = Assembly::default();
        for event in events {
            assembly.take(&event.to_string())?;
        }
        assembly.message()
    }

    #[test]
    fn an_answer_is_put_together_from_its_parts() {
        let message = put_together(&events()).expect("an answer");
        assert_eq!(message["content"][0]["text"], "I look.");
        assert_eq!(message["content"][1]["input"], json!({"command": "ls"}));
        assert_eq!(message["usage"], json!({"input_tokens": 9, "output_tokens": 5}));
        assert_eq!((&message["stop_reason"], &message["model"]), (&"tool_use".into(), &"m".into()));
        let mut assembly = Assembly::default();
        let parts: Vec<Part> =
            events().iter().map(|event| assembly.take(&event.to_string()).expect("a part")).collect();
        assert_eq!(parts[3], Part::Text(0, "I lo".to_owned()));
        assert_eq!(parts[0], Part::Used(json!({"input_tokens": 9, "output_tokens": 1}), true));
    }

    #[test]
    fn an_answer_that_is_cut_off_at_any_event_is_none() {
        let all = events();
        for length in 0..all.len() - 1 {
            assert!(put_together(&all[..length]).is_err(), "{length}");
        }
        let mut broken = all;
        broken.remove(8);
        assert!(put_together(&broken).is_err(), "the input of the tool is not whole");
        broken[8]["delta"]["stop_reason"] = "max_tokens".into();
        assert_eq!(put_together(&broken).expect("an answer")["content"][1]["input"], json!({}));
    }

    #[test]
    fn what_is_not_such_a_stream_is_refused() {
        for data in [
            "",
            "x",
            r#"{"type":"content_block_delta","index":3,"delta":{}}"#,
            r#"{"type":"content_block_start"}"#,
        ] {
            assert!(matches!(Assembly::default().take(data), Err(Broken::Malformed(_))), "{data}");
        }
        let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
        let expected = Broken::Error("overloaded_error".to_owned(), "Overloaded".to_owned());
        assert_eq!(Assembly::default().take(error), Err(expected));
        assert_eq!(Assembly::default().take(r#"{"type":"of_next_year"}"#), Ok(Part::Alive));
    }
}
