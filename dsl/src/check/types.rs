//! Types as written become types; and which value may stand where.

use std::sync::Arc;

use crate::ast::{self, TypeExprKind};
use crate::check::Checker;
use crate::check::suggest::suggest;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::types::{RecordType, Type};

/// Every word that is a type of the language.
const WORDS: &[(&str, Type)] = &[
    ("text", Type::Text),
    ("bool", Type::Bool),
    ("int", Type::Int),
    ("duration", Type::Duration),
    ("size", Type::Size),
    ("image", Type::Image { pinned: false }),
    ("package", Type::Package { pinned: false }),
    ("path", Type::Path),
    ("url", Type::Url),
    ("digest", Type::Digest),
    ("port", Type::Port),
    ("host", Type::Host),
    ("version", Type::Version),
    ("secret", Type::Secret),
    ("backup", Type::Backup),
    ("service", Type::Service),
    // Each service is its own only member, so what may be said of the one may be said of the other.
    ("member", Type::Service),
    ("state", Type::State),
    ("resource", Type::Resource),
];

/// Whether a word is a type of the language.
pub(crate) fn is_word(name: &str) -> bool {
    WORDS.iter().any(|(word, _)| *word == name)
}

/// What another language calls a type.
fn foreign(word: &str) -> Option<&'static str> {
    Some(match word.to_ascii_lowercase().as_str() {
        "string" | "str" | "varchar" | "char" | "enum" => "text",
        "boolean" | "flag" => "bool",
        "integer" | "number" | "float" | "double" | "long" | "uint" | "num" => "int",
        "file" | "folder" | "directory" | "dir" | "filename" => "path",
        "uri" | "link" | "address" => "url",
        "time" | "timeout" | "seconds" | "interval" => "duration",
        "bytes" => "size",
        "hostname" | "ip" => "host",
        "password" | "token" => "secret",
        "array" | "strings" => "list of text",
        _ => return None,
    })
}

/// How deep declared types may hold one another.
const TYPE_DEPTH_MAX: usize = 8;

impl<'a> Checker<'a> {
    /// The type that is written in a file.
    pub(crate) fn resolve_type(&mut self, module: usize, written: &'a ast::TypeExpr) -> Type {
        match &written.kind {
            TypeExprKind::Named(path) => self.named_type(module, path, written),
            TypeExprKind::Pinned(name) => match name.value.as_str() {
                "image" => Type::Image { pinned: true },
                "package" => Type::Package { pinned: true },
                other => {
                    let message = format!("only an image or a package can be pinned, not `{other}`");
                    self.report(Diagnostic::error("unknown-type", written.span, message));
                    Type::Unknown
                }
            },
            TypeExprKind::List(element, _) => Type::list(self.resolve_type(module, element)),
            TypeExprKind::Map(element) => Type::Map(Box::new(self.resolve_type(module, element))),
            TypeExprKind::Optional(inner) => Type::Optional(Box::new(self.resolve_type(module, inner))),
        }
    }

    fn named_type(&mut self, module: usize, path: &'a [ast::Name], at: &ast::TypeExpr) -> Type {
        let (owner, name) = match path {
            [name] => (module, name),
            [alias, name] => match self.symbols[module].uses.get(alias.value.as_str()) {
                Some(owner) => (*owner, name),
                None if self.symbols[module].missing.contains(&alias.value) => return Type::Unknown,
                None => {
                    let message = format!("there is no module `{}` here", alias.value);
                    let finding = Diagnostic::error("unknown-type", alias.span, message);
                    let known = self.symbols[module].uses.keys().copied();
                    let finding = suggest(finding, alias.span, &alias.value, known, "module");
                    self.report(finding);
                    return Type::Unknown;
                }
            },
            _ => {
                self.report(Diagnostic::error(
                    "unknown-type",
                    at.span,
                    "a type is one name, or module.Type",
                ));
                return Type::Unknown;
            }
        };
        if let Some(declared) = self.symbols[owner].types.place(&name.value) {
            return self.record_type(owner, declared, at.span);
        }
        let words = WORDS.iter().filter(|_| path.len() == 1);
        if let Some((_, ty)) = words.clone().find(|(word, _)| *word == name.value) {
            return ty.clone();
        }
        let finding = Diagnostic::error("unknown-type", name.span, format!("there is no type `{}`", name.value));
        if let Some(known) = foreign(&name.value).filter(|_| path.len() == 1) {
            self.report(finding.suggest(format!("did you mean `{known}`?"), name.span, known));
            return Type::Unknown;
        }
        let words = words.map(|(word, _)| *word);
        let known: Vec<&str> = self.symbols[owner].types.names().chain(words).collect();
        let finding = suggest(finding, name.span, &name.value, known, "type");
        let all: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
        self.report(finding.help(format!(
            "types of the language: {}, `list of T`, `optional T`",
            all.join(", ")
        )));
        Type::Unknown
    }

    fn record_type(&mut self, owner: usize, place: usize, at: Span) -> Type {
        let declared = self.symbols[owner].types.list[place].item;
        match self.record_types.get(&(owner, place)) {
            Some(Some(known)) => return known.clone(),
            Some(None) => {
                let message = format!("the type `{}` holds itself", declared.name.value);
                self.report(Diagnostic::error("recursion", at, message).help("a value cannot hold itself"));
                return Type::Unknown;
            }
            None => {}
        }
        if self.record_types.values().filter(|known| known.is_none()).count() >= TYPE_DEPTH_MAX {
            let message = format!("types hold one another more than {TYPE_DEPTH_MAX} deep");
            self.report(Diagnostic::error("too-deep", at, message).help("flatten some of them"));
            return Type::Unknown;
        }
        self.record_types.insert((owner, place), None);
        let mut fields: Vec<(String, Type)> = Vec::new();
        for (name, written) in &declared.fields {
            if fields.iter().any(|(known, _)| *known == name.value) {
                let message = format!("the type `{}` has two fields `{}`", declared.name.value, name.value);
                self.report(Diagnostic::error("duplicate-name", name.span, message));
                continue;
            }
            let ty = self.resolve_type(owner, written);
            fields.push((name.value.clone(), ty));
        }
        let record = Type::Record(Arc::new(RecordType {
            name: declared.name.value.clone(),
            fields,
        }));
        self.record_types.insert((owner, place), Some(record.clone()));
        record
    }

    /// Checks every declared type once, used or not.
    pub(crate) fn check_type_declarations(&mut self) {
        for module in 0..self.symbols.len() {
            for place in 0..self.symbols[module].types.list.len() {
                let declared = self.symbols[module].types.list[place];
                self.record_type(module, place, declared.span);
            }
        }
    }
}

/// Whether a value of type `from` may stand where `wanted` is: the same type or a subtype, a value where it
/// may be absent, a record that has all the fields that are wanted.
pub(crate) fn assignable(wanted: &Type, from: &Type) -> bool {
    match (wanted, from) {
        (Type::Optional(inner), Type::Optional(from)) => assignable(inner, from),
        (Type::Optional(inner), from) => assignable(inner, from),
        (Type::List(to), Type::List(from)) | (Type::Map(to), Type::Map(from)) => assignable(to, from),
        (Type::Record(to), Type::Record(from)) => to
            .fields
            .iter()
            .all(|(name, ty)| from.field(name).is_some_and(|found| assignable(ty, found))),
        _ => wanted.accepts(from),
    }
}

/// Whether anything in a type is unknown: then a mistake has been told already.
pub(crate) fn is_unknown(ty: &Type) -> bool {
    match ty {
        Type::Unknown => true,
        Type::List(inner) | Type::Map(inner) | Type::Optional(inner) => is_unknown(inner),
        _ => false,
    }
}

/// The type with what is known of pinning taken away: the type to compare in.
pub(crate) fn without_pin(ty: &Type) -> Type {
    match ty {
        Type::Image { .. } => Type::Image { pinned: false },
        Type::Package { .. } => Type::Package { pinned: false },
        Type::List(inner) => Type::list(without_pin(inner)),
        other => other.clone(),
    }
}

/// A type with its article, for sentences: `a path`, `an image`.
pub(crate) fn with_article(ty: &Type) -> String {
    let word = ty.to_string();
    match ty {
        Type::Text | Type::Nothing => word,
        Type::Bool => "true or false".to_owned(),
        Type::Record(record) => format!("a record (`{}`)", record.name),
        _ if word.starts_with(['a', 'e', 'i', 'o']) => format!("an {word}"),
        _ => format!("a {word}"),
    }
}
