//! What a name means at one place: the names of the body around it, and which values are surely there.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{BindingId, Expr};
use crate::source::Span;

/// Which values bound in steps may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Values {
    /// None: the words say why.
    None(&'static str),
    /// Those of the steps that this step waits for (its own are local names).
    Step(usize),
    /// Those of the steps that every one of these waits for.
    Before(Vec<usize>),
}

/// What kind of thing may be asked at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Only inputs and fixed values: the words name the place.
    Inputs(&'static str),
    /// Production may be asked too.
    Production,
}

/// A name of the body around a place.
#[derive(Debug, Clone)]
pub(crate) struct Local {
    pub(crate) expr: Expr,
    pub(crate) span: Span,
}

/// What refinement (`require x is pinned`) can speak of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Refinable {
    Input(String),
    /// A name bound by a statement.
    Binding(BindingId),
    Parameter(String),
    /// The recorded answer of an anchor.
    AnchorAtStart(String),
}

/// The names that are visible at a place.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    pub(crate) module: usize,
    /// Which values of steps are visible.
    pub(crate) values: Values,
    pub(crate) reach: Reach,
    /// Why `at start` cannot stand here; `None` where it can.
    pub(crate) no_start: Option<&'static str>,
    /// The machine on which what is written here is done; `None`: this one.
    pub(crate) host: Option<Expr>,
    /// The calls of procedures through which one came here, outermost first.
    pub(crate) calls: Vec<Span>,
    /// Whether this is the body of a procedure or a question: names of steps mean nothing there.
    pub(crate) is_closed: bool,
    /// What is known to be pinned since an earlier statement.
    pub(crate) pinned: BTreeSet<Refinable>,
    locals: BTreeMap<String, Local>,
    order: Vec<String>,
}

impl Scope {
    /// A place of a file with nothing bound yet.
    pub(crate) fn new(module: usize, values: Values) -> Self {
        Self {
            module,
            values,
            reach: Reach::Production,
            no_start: None,
            host: None,
            calls: Vec::new(),
            is_closed: false,
            pinned: BTreeSet::new(),
            locals: BTreeMap::new(),
            order: Vec::new(),
        }
    }

    /// A place where only inputs are known.
    pub(crate) fn fixed(module: usize, place: &'static str) -> Self {
        let mut scope = Self::new(module, Values::None(place));
        scope.reach = Reach::Inputs(place);
        scope.no_start = Some("nothing has been asked yet there");
        scope
    }

    /// The body of a question or procedure.
    pub(crate) fn body(module: usize) -> Self {
        let mut scope = Self::new(
            module,
            Values::None("a question or procedure knows only its parameters"),
        );
        scope.is_closed = true;
        scope
    }

    pub(crate) fn local(&self, name: &str) -> Option<&Local> {
        self.locals.get(name)
    }

    /// All local names, for suggestions.
    pub(crate) fn local_names(&self) -> impl Iterator<Item = &str> {
        self.locals.keys().map(String::as_str)
    }

    /// Adds a local name; the first of two stays.
    pub(crate) fn bind(&mut self, name: &str, expr: Expr, span: Span) {
        if !self.locals.contains_key(name) {
            self.locals.insert(name.to_owned(), Local { expr, span });
            self.order.push(name.to_owned());
        }
    }

    /// How many names there are now: for [`Self::reset`].
    pub(crate) fn mark(&self) -> usize {
        self.order.len()
    }

    /// Forgets the names that came after a mark.
    pub(crate) fn reset(&mut self, mark: usize) {
        for name in self.order.drain(mark..) {
            self.locals.remove(&name);
        }
    }
}
