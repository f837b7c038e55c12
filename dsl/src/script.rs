//! Pure computation in Rhai, fenced: the one place that knows the library.
//!
//! A script gets values and gives one. It knows no file, clock, environment or process; the limits below hold in every
//! build, so it gives the same answer wherever it runs, and ends. What can be known of it without running it (form,
//! unknown names, a call that no function takes) is told when it is compiled.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::LazyLock;

use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicFnPackage, BasicIteratorPackage, BasicMapPackage, BasicMathPackage,
    BasicStringPackage, LanguageCorePackage, LogicPackage, MoreStringPackage, Package,
};
use rhai::{AST, ASTNode, Dynamic, Engine, EvalAltResult, Expr, LexError, ParseErrorType, Position, Scope, Stmt};

use crate::suggest::closest;

/// The longest script, in bytes.
pub const SCRIPT_BYTES_MAX: usize = 64 * 1024;

/// So many operations of Rhai in one call.
const OPERATIONS_MAX: u64 = 100_000;

/// So many calls of the script's own functions inside each other.
const CALLS_MAX: usize = 8;

/// Expressions nest at most so deep, in the script and in its own functions.
const EXPRESSION_DEPTH_MAX: usize = 24;

/// What a call needs of the stack, in bytes: lists within lists are gone through by recursion.
pub const STACK_BYTES: usize = 64 * 1024 * 1024;

/// The longest text, in bytes.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// The most elements of a list or a map, with all in it.
const ELEMENTS_MAX: usize = 1_000;

/// The most names of values at once, and of functions.
const NAMES_MAX: usize = 256;

/// Words of Rhai that have no place here: what prints, waits, runs text, or calls by a name that is only known later.
const DISABLED: &[&str] = &[
    "eval",
    "print",
    "debug",
    "Fn",
    "is_shared",
    "is_def_var",
    "is_def_fn",
    "sleep",
];

/// What Rhai knows without registering it.
const BUILT_IN: &[(&str, usize)] = &[("type_of", 1), ("curry", 2), ("curry", 3)];

/// A value on its way into a script or out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Datum {
    /// `()`: nothing is there.
    Nothing,
    Bool(bool),
    Int(i64),
    Text(String),
    List(Vec<Datum>),
    Map(BTreeMap<String, Datum>),
    /// What the language has no type for, by Rhai's word.
    Other(String),
}

impl Datum {
    /// What it is, for a message.
    pub fn kind(&self) -> &str {
        match self {
            Self::Nothing => "nothing",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Other(word) => word,
        }
    }
}

/// What is wrong with a script, or went wrong in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptError {
    /// Line and column in the script, in characters from one; `None` where Rhai does not say.
    pub at: Option<(usize, usize)>,
    pub message: String,
    /// What may have been meant.
    pub help: Option<String>,
}

/// A script that was read, with the names of its arguments.
#[derive(Clone)]
pub struct Script {
    text: String,
    parameters: Vec<String>,
    tree: AST,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("text", &self.text)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Script {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.parameters == other.parameters
    }
}

impl Script {
    /// Reads a script whose arguments have these names; else says what is wrong, each at its place.
    pub fn new(text: &str, parameters: Vec<String>) -> Result<Self, Vec<ScriptError>> {
        let mut scope = Scope::new();
        for parameter in &parameters {
            scope.push_dynamic(parameter.as_str(), Dynamic::UNIT);
        }
        let tree = FENCE.engine.compile_with_scope(&scope, text).map_err(|error| {
            vec![ScriptError {
                at: place(error.1),
                message: of_form(&error.0),
                help: match &*error.0 {
                    ParseErrorType::VariableUndefined(name) => near(name, parameters.iter().map(String::as_str)),
                    _ => None,
                },
            }]
        })?;
        let unknown = unknown_calls(&tree);
        if unknown.is_empty() {
            let text = text.to_owned();
            Ok(Self { text, parameters, tree })
        } else {
            Err(unknown)
        }
    }

    /// What it gives for these arguments, which stand in the order of their names. It may need [`STACK_BYTES`].
    pub fn call(&self, arguments: Vec<Datum>) -> Result<Datum, ScriptError> {
        let mut scope = Scope::new();
        for (parameter, argument) in self.parameters.iter().zip(arguments) {
            within_limits(&argument).map_err(|message| ScriptError {
                at: None,
                message: format!("`{parameter}` {message}"),
                help: None,
            })?;
            scope.push_dynamic(parameter.as_str(), inward(argument));
        }
        let given = FENCE.engine.eval_ast_with_scope::<Dynamic>(&mut scope, &self.tree);
        given.map(outward).map_err(|error| {
            let inner = error.unwrap_inner();
            ScriptError {
                at: place(inner.position()).or_else(|| place(error.position())),
                message: in_words(inner),
                help: None,
            }
        })
    }
}

/// The engine with everything that a script may use.
struct Fence {
    engine: Engine,
    /// Each function with how many arguments it takes; a method counts what stands before its point.
    functions: BTreeSet<(String, usize)>,
}

static FENCE: LazyLock<Fence> = LazyLock::new(|| {
    let mut engine = Engine::new_raw();
    LanguageCorePackage::new().register_into_engine(&mut engine);
    ArithmeticPackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicMathPackage::new().register_into_engine(&mut engine);
    BasicStringPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);
    BasicIteratorPackage::new().register_into_engine(&mut engine);
    BasicFnPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);
    engine
        .set_strict_variables(true)
        .set_fail_on_invalid_map_property(true)
        .set_max_operations(OPERATIONS_MAX)
        .set_max_call_levels(CALLS_MAX)
        .set_max_expr_depths(EXPRESSION_DEPTH_MAX, EXPRESSION_DEPTH_MAX)
        .set_max_string_size(TEXT_BYTES_MAX)
        .set_max_array_size(ELEMENTS_MAX)
        .set_max_map_size(ELEMENTS_MAX)
        .set_max_variables(NAMES_MAX)
        .set_max_functions(NAMES_MAX);
    for word in DISABLED {
        engine.disable_symbol(*word);
    }
    let registered = engine.collect_fn_metadata(
        None,
        |info| Some((info.metadata.name.to_string(), info.metadata.num_params)),
        true,
    );
    let built_in = BUILT_IN.iter().map(|(name, count)| ((*name).to_owned(), *count));
    let mut functions: BTreeSet<(String, usize)> = registered.into_iter().chain(built_in).collect();
    functions.retain(|(name, _)| !DISABLED.contains(&name.as_str()));
    Fence { engine, functions }
});

/// The calls of functions that there are not, or that take another number of arguments.
fn unknown_calls(tree: &AST) -> Vec<ScriptError> {
    let own: BTreeSet<(String, usize)> = tree
        .iter_functions()
        .map(|function| (function.name.to_owned(), function.params.len()))
        .collect();
    let mut found = Vec::new();
    tree.walk(&mut |path: &[ASTNode<'_>]| {
        let (call, position, before) = match path.last() {
            Some(ASTNode::Expr(Expr::FnCall(call, position)) | ASTNode::Stmt(Stmt::FnCall(call, position))) => {
                (call, *position, 0)
            }
            Some(ASTNode::Expr(Expr::MethodCall(call, position))) => (call, *position, 1),
            _ => return true,
        };
        let (name, count) = (call.name.as_str(), call.args.len() + before);
        let is_known = |all: &BTreeSet<(String, usize)>| all.contains(&(name.to_owned(), count));
        // `call` takes what the closure takes.
        if call.op_token.is_none() && name != "call" && !is_known(&own) && !is_known(&FENCE.functions) {
            found.push(unknown_call(name, call.args.len(), before, &own, position));
        }
        true
    });
    found
}

fn unknown_call(name: &str, given: usize, before: usize, own: &BTreeSet<(String, usize)>, at: Position) -> ScriptError {
    let all = || own.iter().chain(&FENCE.functions);
    let counts: BTreeSet<usize> = all()
        .filter(|(known, count)| known == name && *count >= before)
        .map(|(_, count)| count - before)
        .collect();
    let is_word = |known: &&str| known.chars().all(|one| one.is_alphanumeric() || one == '_');
    let (message, help) = if counts.is_empty() {
        let known = all().map(|(known, _)| known.as_str()).filter(is_word);
        (
            format!("there is no function `{name}` in Rhai or in this script"),
            near(name, known),
        )
    } else {
        let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
        let message = format!(
            "`{name}` takes {} arguments, and {given} are given",
            counts.join(" or ")
        );
        (message, None)
    };
    ScriptError {
        at: place(at),
        message,
        help,
    }
}

fn near<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    closest(name, known).map(|near| format!("did you mean `{near}`?"))
}

fn place(position: Position) -> Option<(usize, usize)> {
    Some((position.line()?, position.position().unwrap_or(1)))
}

/// What is wrong with the form of a script.
fn of_form(error: &ParseErrorType) -> String {
    match error {
        ParseErrorType::VariableUndefined(name) => {
            format!("nothing here is called `{name}`: a script knows its arguments and what it names itself")
        }
        ParseErrorType::Reserved(word) | ParseErrorType::BadInput(LexError::ImproperSymbol(word, _))
            if DISABLED.contains(&word.as_str()) =>
        {
            format!("`{word}` has no place in a script: it computes, and no more")
        }
        ParseErrorType::ExprTooDeep => format!("expressions nest more than {EXPRESSION_DEPTH_MAX} deep here"),
        other => format!("the script cannot be read: {}", sentence(&other.to_string())),
    }
}

/// What went wrong in a script.
fn in_words(error: &EvalAltResult) -> String {
    match error {
        EvalAltResult::ErrorTooManyOperations(_) => {
            format!("it takes more than {OPERATIONS_MAX} operations; perhaps a loop that never ends")
        }
        EvalAltResult::ErrorStackOverflow(_) => format!("its functions call each other more than {CALLS_MAX} deep"),
        EvalAltResult::ErrorDataTooLarge(what, _) => format!(
            "{} that is too large: the longest text has {TEXT_BYTES_MAX} bytes, lists and maps at most {ELEMENTS_MAX} \
             elements",
            sentence(what)
        ),
        EvalAltResult::ErrorRuntime(thrown, _) => format!("it gives up: {thrown}"),
        other => {
            let mut bare = other.to_string();
            if let Some((before, _)) = bare.rsplit_once(" (line ") {
                bare.truncate(before.len());
            }
            sentence(&bare)
        }
    }
}

/// The words of Rhai as part of a sentence, its types by our names.
fn sentence(words: &str) -> String {
    let words = words
        .replace("i64", "int")
        .replace("&str | ImmutableString | String", "text");
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_lowercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// Whether an argument is one that a script may hold.
fn within_limits(datum: &Datum) -> Result<(), String> {
    let mut elements = 0;
    let mut open = vec![datum];
    while let Some(datum) = open.pop() {
        match datum {
            Datum::Text(text) if text.len() > TEXT_BYTES_MAX => {
                return Err(format!(
                    "has {} bytes, and the longest text here has {TEXT_BYTES_MAX}",
                    text.len()
                ));
            }
            Datum::List(list) => open.extend(list),
            Datum::Map(map) => open.extend(map.values()),
            _ => {}
        }
        elements += 1;
        if elements > ELEMENTS_MAX {
            return Err(format!("has more than {ELEMENTS_MAX} elements"));
        }
    }
    Ok(())
}

fn inward(datum: Datum) -> Dynamic {
    match datum {
        Datum::Nothing | Datum::Other(_) => Dynamic::UNIT,
        Datum::Bool(value) => value.into(),
        Datum::Int(value) => value.into(),
        Datum::Text(text) => text.into(),
        Datum::List(list) => Dynamic::from_array(list.into_iter().map(inward).collect()),
        Datum::Map(map) => {
            let pairs = map.into_iter().map(|(key, value)| (key.into(), inward(value)));
            Dynamic::from_map(pairs.collect())
        }
    }
}

fn outward(value: Dynamic) -> Datum {
    let value = value.flatten();
    if value.is_unit() {
        Datum::Nothing
    } else if let Ok(value) = value.as_bool() {
        Datum::Bool(value)
    } else if let Ok(value) = value.as_int() {
        Datum::Int(value)
    } else if value.is_string() {
        Datum::Text(value.into_string().unwrap_or_default())
    } else if value.is_array() {
        Datum::List(
            value
                .into_array()
                .unwrap_or_default()
                .into_iter()
                .map(outward)
                .collect(),
        )
    } else {
        match value.try_cast_result::<rhai::Map>() {
            Ok(map) => Datum::Map(
                map.into_iter()
                    .map(|(key, value)| (key.to_string(), outward(value)))
                    .collect(),
            ),
            Err(other) => Datum::Other(format!("a {}", other.type_name())),
        }
    }
}

#[cfg(test)]
mod tests;
