//! What is there: services, protected state, anchors, holds.

use crate::ast::{Call, Check, Expr, Name, Text};
use crate::source::{Span, Spanned};

#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    pub name: Name,
    pub title: Option<Text>,
    /// Its clauses, in order as written.
    pub clauses: Vec<ServiceClause>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ServiceClause {
    /// `runs process("name")` and the like: a call.
    Runs(Call),
    /// `pinned by key(file, "NAME")`, `pinned by link(path)`: a resource written as a call.
    PinnedBy(Call),
    /// `writes S`, `writes S unmigrated because "…"`.
    Writes {
        state: Name,
        /// The reason why a new release does not migrate it.
        unmigrated: Option<Text>,
    },
    /// `behind ingress.site("…")`.
    Behind(Call),
    /// `well "label": E within D every D`.
    Well(Check),
    /// `begins running | stopped | absent` (or a member's name).
    Begins(Name),
    /// `ends stopped`.
    Ends(Name),
    /// `members { a: process("a")  b: process("b") begins stopped }`.
    Members(Vec<Member>, Span),
    /// `writers at most N`.
    Writers(Spanned<i64>),
    /// `serving at least N`.
    Serving(Spanned<i64>),
    /// `one release in front`.
    OneRelease(Span),
    /// `mixed because "…"`.
    Mixed(Text),
    /// `ignores path | volume | file E because "…"`: a mount that is not protected, on purpose.
    Ignores { part: ProtectPart, because: Text },
}

/// `a: process("a") on HOST pinned by R begins running ends stopped`.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    pub name: Name,
    pub runs: Call,
    pub host: Option<Name>,
    pub pinned_by: Option<Call>,
    pub begins: Option<Name>,
    pub ends: Option<Name>,
}

/// `protect ID "title" { path E except "cache"  volume E  file E }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Protect {
    pub name: Name,
    pub title: Option<Text>,
    /// `on HOST`.
    pub host: Option<Name>,
    pub parts: Vec<Protected>,
}

/// `path E except "cache", "logs"`.
#[derive(Debug, Clone, PartialEq)]
pub struct Protected {
    pub part: ProtectPart,
    /// The places in it that need not survive, as they are called within it.
    pub except: Vec<Text>,
}

/// One part of protected state.
#[derive(Debug, Clone, PartialEq)]
pub struct ProtectPart {
    /// `path`, `volume` or `file`.
    pub kind: Name,
    pub value: Expr,
}

/// `anchor ID = E`.
#[derive(Debug, Clone, PartialEq)]
pub struct Anchor {
    pub name: Name,
    /// `on HOST`.
    pub host: Option<Name>,
    pub value: Expr,
}

/// `hold ID "title" { take A within D  release A within D }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Hold {
    pub name: Name,
    pub title: Option<Text>,
    /// `on HOST`.
    pub host: Option<Name>,
    /// `take A within D`.
    pub take: Option<HoldAction>,
    /// `release A within D`.
    pub release: Option<HoldAction>,
}

/// One side of a hold.
#[derive(Debug, Clone, PartialEq)]
pub struct HoldAction {
    pub call: Call,
    /// `within D`, milliseconds; compulsory (its absence is a diagnostic of the checker).
    pub within: Option<Spanned<u64>>,
    pub span: Span,
}
