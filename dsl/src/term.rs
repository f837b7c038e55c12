//! Terms: what a resource's keys are called before their values are known, and how two resources lie
//! to each other.
//!
//! A [`Term`] is a normal form: two keys with one normal form are one thing. Proofs compute with
//! resources over terms; real values are terms too ([`ground`]), so that a proof, a dry run and a
//! rehearsal ask the same question. Two names that only *look* different are [`Relation::AssumedApart`]:
//! each such assumption is an obligation that `plan` and `run` discharge.

use std::fmt;

use crate::effect::{Effect, Part, Resource, ResourceKind};
use crate::model::BindingId;
use crate::source::Span;
use crate::topology::{MemberId, service_of};

pub mod normal;
pub(crate) mod reads;
pub mod topology;

/// The normal form of a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Term {
    /// A known text. The roots of known paths are `/`, `~` and `.`; of addresses `http://host:port`.
    Text(String),
    /// The value of an input.
    Input(String),
    /// The value of a bound name.
    Binding(BindingId),
    /// The value of an anchor as recorded at the start.
    AnchorAtStart(String),
    /// A parameter of the question around it.
    Parameter(String),
    /// A field of a value.
    Field(Box<Term>, String),
    /// A base with one or more segments below it; the base is never a join itself.
    Join(Box<Term>, Vec<Term>),
    /// What cannot be seen through, known by its place and by what goes into it: the same place with the same values
    /// is the same value. Texts that are joined have no place.
    Opaque(Span, Vec<Term>),
}

/// How a resource lies to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// They are two things, whatever the values.
    Apart,
    /// Nothing says that they are one thing; values could. An obligation.
    AssumedApart,
    /// The second lies within the first.
    Around,
    /// The first lies within the second.
    Inside,
    Same,
}

impl Relation {
    /// Whether changing one certainly touches the other.
    pub fn overlaps(self) -> bool {
        matches!(self, Self::Same | Self::Inside | Self::Around)
    }

    /// Whether the first is certainly covered by the second.
    pub fn is_covered(self) -> bool {
        matches!(self, Self::Same | Self::Inside)
    }

    /// The relation seen from the other side.
    #[must_use]
    pub fn turned(self) -> Self {
        match self {
            Self::Inside => Self::Around,
            Self::Around => Self::Inside,
            other => other,
        }
    }
}

impl Term {
    /// A known text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A known path in normal form: no empty and no `.` segments, `..` taken back where it can be.
    pub fn path(path: &str) -> Self {
        let (root, rest) = if let Some(rest) = path.strip_prefix('/') {
            ("/", rest)
        } else if path == "~" {
            ("~", "")
        } else if let Some(rest) = path.strip_prefix("~/") {
            ("~", rest)
        } else {
            (".", path)
        };
        let mut segments: Vec<&str> = Vec::new();
        for segment in rest.split('/') {
            match segment {
                "" | "." => {}
                ".." if segments.last().is_some_and(|last| *last != "..") => {
                    segments.pop();
                }
                ".." if root == "/" => {}
                other => segments.push(other),
            }
        }
        Self::Text(root.to_owned()).join(segments.into_iter().map(Self::text).collect())
    }

    /// A known address: scheme and authority are the base, the path's segments lie below it.
    pub fn url(url: &str) -> Self {
        let authority_at = url.find("://").map_or(0, |at| at + 3);
        let rest = url.get(authority_at..).unwrap_or("");
        let authority_end = rest.find(['/', '?', '#']).map_or(url.len(), |at| authority_at + at);
        let (base, path) = url.split_at(authority_end);
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        Self::Text(base.to_ascii_lowercase()).join(segments.map(Self::text).collect())
    }

    /// This term with segments below it.
    #[must_use]
    pub fn join(self, segments: Vec<Self>) -> Self {
        if segments.is_empty() {
            return self;
        }
        match self {
            Self::Join(base, mut known) => {
                known.extend(segments);
                Self::Join(base, known)
            }
            base => Self::Join(Box::new(base), segments),
        }
    }

    /// Whether its value is known.
    pub fn is_known(&self) -> bool {
        match self {
            Self::Text(_) => true,
            Self::Join(base, segments) => base.is_known() && segments.iter().all(Self::is_known),
            _ => false,
        }
    }

    /// The base and the segments below it.
    pub fn split(&self) -> (&Self, &[Self]) {
        match self {
            Self::Join(base, segments) => (base, segments),
            other => (other, &[]),
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Input(text) | Self::Parameter(text) => f.write_str(text),
            Self::AnchorAtStart(name) => write!(f, "{name} at start"),
            Self::Binding(BindingId(number)) => write!(f, "value {number}"),
            Self::Field(base, field) => write!(f, "{base}.{field}"),
            // Texts that are joined.
            Self::Opaque(place, parts) if *place == Span::default() && !parts.is_empty() => {
                let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
                f.write_str(&parts.join(" + "))
            }
            Self::Opaque(..) => f.write_str("a value known later"),
            Self::Join(base, segments) => {
                if **base != Self::Text("/".to_owned()) {
                    write!(f, "{base}")?;
                }
                segments.iter().try_for_each(|segment| write!(f, "/{segment}"))
            }
        }
    }
}

/// A resource with real keys, over terms.
pub fn ground(resource: &Resource<String>) -> Resource<Term> {
    in_full(resource.map_parts(&mut |part, key| key_term(resource.kind, part, key)))
}

/// A member by its service and its whole name, however it is named: `service(S.m)`, `member(S, "m")`.
pub(crate) fn in_full(mut resource: Resource<Term>) -> Resource<Term> {
    let whole = match (resource.kind, resource.key.as_slice()) {
        (ResourceKind::Service, [Term::Text(name)]) if service_of(name) != name => name.clone(),
        (ResourceKind::Member, [Term::Text(service), Term::Text(name)]) if service != name && !name.contains('.') => {
            MemberId::of(service_of(service), name).as_str().to_owned()
        }
        _ => return resource,
    };
    resource.kind = ResourceKind::Member;
    resource.key = vec![Term::text(service_of(&whole)), Term::text(&whole)];
    resource
}

/// An effect with real keys, in normal form.
pub fn ground_effect(effect: &Effect<String>) -> Effect<Term> {
    effect.map_resources(&mut ground, &mut |value| Term::text(value))
}

/// How two resources with real keys lie to each other; never [`Relation::AssumedApart`] within one kind.
pub fn ground_relation(left: &Resource<String>, right: &Resource<String>) -> Relation {
    relation(&ground(left), &ground(right))
}

/// The term of a known part of the name of a resource of this kind.
pub(crate) fn key_term(kind: ResourceKind, part: Part, text: &str) -> Term {
    match (part, kind) {
        (Part::Key(_), kind) if is_place(kind) => Term::path(text),
        (Part::Key(0), ResourceKind::Key) => Term::path(text),
        (Part::Key(_), ResourceKind::Endpoint) => Term::url(text),
        (Part::Key(_), ResourceKind::Package) => Term::text(text.split('=').next().unwrap_or(text)),
        _ => Term::text(text),
    }
}

/// How two resources lie to each other, by their names alone. Protected states and the parts of a
/// service are seen through by [`crate::topology::Topology::relation`].
pub fn relation(left: &Resource<Term>, right: &Resource<Term>) -> Relation {
    let by_name = by_name(left, right);
    if left.host == right.host || by_name == Relation::Apart {
        return by_name;
    }
    // The host that runs the runbook has no name, so no known name is its.
    let is_known = |host: &Option<Term>| host.as_ref().is_none_or(Term::is_known);
    if is_known(&left.host) && is_known(&right.host) {
        Relation::Apart
    } else {
        Relation::AssumedApart
    }
}

/// As [`relation`], for two resources on one host.
fn by_name(left: &Resource<Term>, right: &Resource<Term>) -> Relation {
    use ResourceKind::{Key, Member, Service, Volume};
    match (left.kind, right.kind) {
        (Key, Key) => both_keys(left, right),
        (Key, _) if is_place(right.kind) => match of_first(left, right) {
            Relation::Same => Relation::Inside,
            Relation::Around => Relation::Apart,
            other => other,
        },
        (_, Key) if is_place(left.kind) => by_name(right, left).turned(),
        (one, other) if is_place(one) && is_place(other) => of_first(left, right),
        (one, Volume) if is_place(one) || one == Key => Relation::AssumedApart,
        (Volume, other) if is_place(other) || other == Key => Relation::AssumedApart,
        (Member, Service) => match of_first(left, right) {
            Relation::Same => Relation::Inside,
            other => other,
        },
        (Service, Member) => by_name(right, left).turned(),
        (Member, Member) => both_keys(left, right),
        (one, other) if one == other => of_first(left, right),
        _ => Relation::Apart,
    }
}

/// What holds a resource, from the outside in, and the resource last: where one trail begins another,
/// the second resource lies in the first or is the same.
pub fn trail(resource: &Resource<Term>) -> Vec<Term> {
    let first = resource.key.first();
    let mut trail: Vec<Term> = resource.host.iter().cloned().collect();
    if is_place(resource.kind) || resource.kind == ResourceKind::Key {
        trail.push(Term::text("place"));
    } else if resource.kind == ResourceKind::Member {
        trail.push(Term::text(ResourceKind::Service.word()));
    } else {
        trail.push(Term::text(resource.kind.word()));
    }
    if let Some((base, below)) = first.map(Term::split) {
        // The root of the file system holds every path, also one whose beginning is not known.
        if !(below.is_empty() && is_place(resource.kind) && *base == Term::text("/")) {
            trail.push(base.clone());
        }
        trail.extend_from_slice(below);
    }
    if resource.kind == ResourceKind::Key {
        // No path has a segment with a slash, so a key is never taken for a file.
        trail.push(Term::text("/key"));
    }
    trail.extend(resource.key.iter().skip(1).cloned());
    trail
}

/// Whether resources of this kind are places of the file system.
fn is_place(kind: ResourceKind) -> bool {
    matches!(
        kind,
        ResourceKind::File | ResourceKind::Tree | ResourceKind::Link | ResourceKind::Backup
    )
}

/// Two keys of files, or two members: one thing only where both parts agree.
fn both_keys(left: &Resource<Term>, right: &Resource<Term>) -> Relation {
    let first = match of_first(left, right) {
        Relation::Inside | Relation::Around => Relation::Apart,
        other => other,
    };
    let second = match (left.key.get(1), right.key.get(1)) {
        (Some(one), Some(other)) => terms(one, other),
        _ => Relation::AssumedApart,
    };
    first.min(second)
}

fn of_first(left: &Resource<Term>, right: &Resource<Term>) -> Relation {
    match (left.key.first(), right.key.first()) {
        (Some(one), Some(other)) => terms(one, other),
        _ => Relation::AssumedApart,
    }
}

/// How two keys lie to each other.
fn terms(left: &Term, right: &Term) -> Relation {
    let (left_base, left_below) = left.split();
    let (right_base, right_below) = right.split();
    if left_base != right_base {
        return bases(left_base, left_below, right_base, right_below);
    }
    for (one, other) in left_below.iter().zip(right_below) {
        if one != other {
            return if one.is_known() && other.is_known() {
                Relation::Apart
            } else {
                Relation::AssumedApart
            };
        }
    }
    match left_below.len().cmp(&right_below.len()) {
        std::cmp::Ordering::Equal => Relation::Same,
        std::cmp::Ordering::Greater => Relation::Inside,
        std::cmp::Ordering::Less => Relation::Around,
    }
}

/// Two different bases: known names differ for certain, unless they are roots of paths, of which one
/// may lie in the other.
fn bases(left: &Term, left_below: &[Term], right: &Term, right_below: &[Term]) -> Relation {
    let is_relative = |term: &Term| matches!(term, Term::Text(text) if text == "~" || text == ".");
    let is_root = |term: &Term, below: &[Term]| matches!(term, Term::Text(text) if text == "/") && below.is_empty();
    if is_root(left, left_below) {
        Relation::Around
    } else if is_root(right, right_below) {
        Relation::Inside
    } else if left.is_known() && right.is_known() && !is_relative(left) && !is_relative(right) {
        Relation::Apart
    } else {
        Relation::AssumedApart
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Resource<String> {
        Resource::new(ResourceKind::File, path.to_owned())
    }

    fn tree(path: &str) -> Resource<String> {
        Resource::new(ResourceKind::Tree, path.to_owned())
    }

    fn key(path: &str, name: &str) -> Resource<String> {
        Resource::keyed(ResourceKind::Key, vec![path.to_owned(), name.to_owned()])
    }

    #[test]
    fn real_paths_are_compared_by_segments() {
        assert_eq!(ground_relation(&file("/a/b"), &tree("/a")), Relation::Inside);
        assert_eq!(ground_relation(&tree("/a"), &file("/a/b")), Relation::Around);
        assert_eq!(ground_relation(&file("/ab"), &tree("/a")), Relation::Apart);
        assert_eq!(ground_relation(&file("/a//./c/../b"), &file("/a/b")), Relation::Same);
        assert_eq!(ground_relation(&file("/../a"), &file("/a")), Relation::Same);
        assert_eq!(ground_relation(&tree("/"), &file("/a")), Relation::Around);
    }

    #[test]
    fn one_name_on_two_hosts_is_two_things_unless_the_hosts_may_be_one() {
        let on = |host: Term| Resource {
            host: Some(host),
            ..ground(&file("/a/b"))
        };
        let (a, b) = (on(Term::text("db_a")), on(Term::text("db_b")));
        let input = on(Term::Input("host".to_owned()));
        assert_eq!(relation(&a, &a), Relation::Same);
        assert_eq!(relation(&a, &b), Relation::Apart);
        assert_eq!(relation(&a, &ground(&file("/a/b"))), Relation::Apart);
        assert_eq!(relation(&a, &input), Relation::AssumedApart);
        assert_eq!(relation(&input, &ground(&file("/c"))), Relation::Apart);
        assert_ne!(trail(&a), trail(&b));
        assert_eq!(a.to_string(), "file(/a/b) on db_a");
    }

    #[test]
    fn a_key_lies_in_its_file_and_beside_other_keys() {
        assert_eq!(
            ground_relation(&key("/p/.env", "A"), &file("/p/.env")),
            Relation::Inside
        );
        assert_eq!(ground_relation(&tree("/p"), &key("/p/.env", "A")), Relation::Around);
        assert_eq!(
            ground_relation(&key("/p/.env", "A"), &key("/p/.env", "B")),
            Relation::Apart
        );
        assert_eq!(
            ground_relation(&key("/p/.env", "A"), &key("/p/.env", "A")),
            Relation::Same
        );
        assert_eq!(
            ground_relation(&key("/q/.env", "A"), &key("/p/.env", "A")),
            Relation::Apart
        );
    }

    #[test]
    fn an_unknown_base_is_assumed_apart_and_its_segments_are_inside() {
        let input = |name: &str| Term::Input(name.to_owned());
        let state = Resource::new(ResourceKind::Tree, input("state"));
        let inner = Resource::new(ResourceKind::File, input("state").join(vec![Term::text("db")]));
        let other = Resource::new(ResourceKind::Tree, input("backups"));
        let root = Resource::new(ResourceKind::Tree, Term::path("/"));
        assert_eq!(relation(&inner, &state), Relation::Inside);
        assert_eq!(relation(&inner, &other), Relation::AssumedApart);
        assert_eq!(relation(&inner, &root), Relation::Inside);
    }

    #[test]
    fn addresses_are_compared_below_their_authority() {
        let endpoint = |url: &str| Resource::new(ResourceKind::Endpoint, url.to_owned());
        let health = endpoint("http://127.0.0.1:9000/health");
        assert_eq!(
            ground_relation(&health, &endpoint("http://127.0.0.1:9000/")),
            Relation::Inside
        );
        assert_eq!(
            ground_relation(&health, &endpoint("http://127.0.0.1:9001/health")),
            Relation::Apart
        );
    }
}
