//! Functions of the language itself: each works on values alone, so it gives the same on paper, in a rehearsal and in
//! a run. What they look like stands here; what they give, where values are worked out.

use crate::types::Type;

/// A function of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BuiltIn {
    Basic,
    Bearer,
    Count,
    Digest,
    Entry,
    First,
    JsonBool,
    JsonHas,
    JsonInt,
    JsonLength,
    JsonText,
    Lines,
    Text,
    Version,
}

/// What a parameter takes.
#[derive(Debug, PartialEq, Eq)]
pub enum Takes {
    /// A value of this type.
    Value(Type),
    /// A place in a JSON document, a text.
    JsonPlace,
    /// A list of whatever.
    List,
    /// A map of whatever.
    Map,
    /// Whatever has a text that may be seen.
    Anything,
}

/// What a function gives.
#[derive(Debug, PartialEq, Eq)]
pub enum Gives {
    Value(Type),
    /// A value of this type, where there is one.
    Perhaps(Type),
    /// Several values of this type.
    Several(Type),
    /// An element of the list or map that it takes, where there is one.
    Element,
}

/// What a function looks like.
#[derive(Debug)]
pub struct Row {
    pub function: BuiltIn,
    /// As it is called.
    pub name: &'static str,
    /// In order: arguments go without names.
    pub parameters: &'static [(&'static str, Takes)],
    pub gives: Gives,
    /// One sentence.
    pub doc: &'static str,
}

const TEXT: Takes = Takes::Value(Type::Text);
const PLACE: (&str, Takes) = ("place", Takes::JsonPlace);

/// All of them, by name.
pub const ALL: &[Row] = &[
    Row {
        function: BuiltIn::Basic,
        name: "basic",
        parameters: &[("user", TEXT), ("password", Takes::Value(Type::Secret))],
        gives: Gives::Value(Type::Secret),
        doc: "The value of an `Authorization` header for a user with a password; a secret.",
    },
    Row {
        function: BuiltIn::Bearer,
        name: "bearer",
        parameters: &[("token", Takes::Value(Type::Secret))],
        gives: Gives::Value(Type::Secret),
        doc: "The value of an `Authorization` header for whoever holds a token; a secret.",
    },
    Row {
        function: BuiltIn::Count,
        name: "count",
        parameters: &[("list", Takes::List)],
        gives: Gives::Value(Type::Int),
        doc: "How many elements a list has.",
    },
    Row {
        function: BuiltIn::Digest,
        name: "digest",
        parameters: &[("text", TEXT)],
        gives: Gives::Value(Type::Digest),
        doc: "The SHA-256 of a text: evidence that it is the same, which does not hold what users wrote.",
    },
    Row {
        function: BuiltIn::Entry,
        name: "entry",
        parameters: &[("map", Takes::Map), ("name", TEXT)],
        gives: Gives::Element,
        doc: "What a map has under a name; absent where it has nothing.",
    },
    Row {
        function: BuiltIn::First,
        name: "first",
        parameters: &[("list", Takes::List)],
        gives: Gives::Element,
        doc: "The first element of a list; absent where it is empty.",
    },
    Row {
        function: BuiltIn::JsonBool,
        name: "json.bool",
        parameters: &[("body", TEXT), PLACE],
        gives: Gives::Perhaps(Type::Bool),
        doc: "What is true or false at a place of a JSON text.",
    },
    Row {
        function: BuiltIn::JsonHas,
        name: "json.has",
        parameters: &[("body", TEXT), PLACE],
        gives: Gives::Value(Type::Bool),
        doc: "Whether there is anything at a place of a JSON text; `null` is nothing.",
    },
    Row {
        function: BuiltIn::JsonInt,
        name: "json.int",
        parameters: &[("body", TEXT), PLACE],
        gives: Gives::Perhaps(Type::Int),
        doc: "The whole number at a place of a JSON text.",
    },
    Row {
        function: BuiltIn::JsonLength,
        name: "json.length",
        parameters: &[("body", TEXT), PLACE],
        gives: Gives::Perhaps(Type::Int),
        doc: "How many elements or fields there are at a place of a JSON text.",
    },
    Row {
        function: BuiltIn::JsonText,
        name: "json.text",
        parameters: &[("body", TEXT), PLACE],
        gives: Gives::Perhaps(Type::Text),
        doc: "The text at a place of a JSON text.",
    },
    Row {
        function: BuiltIn::Lines,
        name: "lines",
        parameters: &[("text", TEXT)],
        gives: Gives::Several(Type::Text),
        doc: "The lines of a text that are not blank.",
    },
    Row {
        function: BuiltIn::Text,
        name: "text",
        parameters: &[("value", Takes::Anything)],
        gives: Gives::Value(Type::Text),
        doc: "The text of any value but a secret, as records show it.",
    },
    Row {
        function: BuiltIn::Version,
        name: "version",
        parameters: &[("text", TEXT)],
        gives: Gives::Value(Type::Version),
        doc: "A text as a version that is older or newer than others; `v` and spaces around it are left out.",
    },
];

impl BuiltIn {
    /// What it looks like.
    pub fn row(self) -> &'static Row {
        &ALL[self as usize]
    }

    pub fn name(self) -> &'static str {
        self.row().name
    }
}

/// The function of this name; `None` where the language has none.
pub fn named(name: &str) -> Option<&'static Row> {
    ALL.iter().find(|row| row.name == name)
}

/// Whether functions stand below this word: `json`.
pub fn is_family(word: &str) -> bool {
    ALL.iter()
        .any(|row| row.name.split_once('.').is_some_and(|(family, _)| family == word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_function_has_its_own_row_in_order_of_names() {
        for (place, row) in ALL.iter().enumerate() {
            assert_eq!(row.function as usize, place, "{}", row.name);
        }
        assert!(ALL.is_sorted_by_key(|row| row.name));
    }
}
