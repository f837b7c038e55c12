//! Effects are data: what an action touches, how it repeats, how an unknown outcome is decided.
//!
//! One shape serves two levels. In a signature the keys of resources are [`crate::catalogue::Pattern`]s
//! over parameters and result; in a checked runbook they are expressions ([`crate::model::Expr`]).
//! The meaning of each word is in `docs/language/effects.md` (contract: semantics, section 2).

use std::fmt;

/// What kind of thing a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceKind {
    /// One file: `file(path)`.
    File,
    /// A directory with all that is in it: `tree(path)`.
    Tree,
    /// A symbolic link: `link(path)`.
    Link,
    /// One setting in a file: `key(file, name)`.
    Key,
    /// A container image: `image(reference)`.
    Image,
    /// An installed package: `package(name)`.
    Package,
    /// A container volume: `volume(name)`.
    Volume,
    /// A container: `container(name)`.
    Container,
    /// A member of a service: `member(service, name)`.
    Member,
    /// A service of the runbook: `service(name)`.
    Service,
    /// An address that answers: `endpoint(url)`.
    Endpoint,
    /// What carries traffic: `ingress(name)`.
    Ingress,
    /// The configuration that a running unit has loaded: `unit(name)`.
    Unit,
    /// A port: `port(number)`.
    Port,
    /// A backup: `backup(path)`.
    Backup,
    /// Protected state of the runbook: `state(name)`.
    State,
    /// Anything outside: `external(name)`.
    External,
}

impl ResourceKind {
    /// Every kind with its word, in the order of the contract.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("file", Self::File),
        ("tree", Self::Tree),
        ("link", Self::Link),
        ("key", Self::Key),
        ("image", Self::Image),
        ("package", Self::Package),
        ("volume", Self::Volume),
        ("container", Self::Container),
        ("member", Self::Member),
        ("service", Self::Service),
        ("endpoint", Self::Endpoint),
        ("ingress", Self::Ingress),
        ("unit", Self::Unit),
        ("port", Self::Port),
        ("backup", Self::Backup),
        ("state", Self::State),
        ("external", Self::External),
    ];

    /// The word that authors write.
    pub fn word(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("external", |(word, _)| word)
    }

    /// The kind that a word names; `None` for any other word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == word)
            .map(|(_, kind)| *kind)
    }

    /// Whether it is something that runs, by its name in the runbook.
    pub fn is_of_service(self) -> bool {
        matches!(self, Self::Service | Self::Member)
    }

    /// Whether it is a place of the file system, or a part of what lies there.
    pub fn is_of_files(self) -> bool {
        matches!(self, Self::File | Self::Tree | Self::Link | Self::Key)
    }

    /// How many keys a resource of this kind has.
    pub fn keys(self) -> usize {
        match self {
            Self::Key | Self::Member => 2,
            _ => 1,
        }
    }
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A thing that an action touches: a kind and its keys, and the host it is on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource<K> {
    /// `None` is the host that runs the runbook, and for what is on no host (a service, an address).
    pub host: Option<K>,
    pub kind: ResourceKind,
    /// As many as [`ResourceKind::keys`] says.
    pub key: Vec<K>,
}

/// What a part of a resource's name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Host,
    Key(usize),
}

impl<K> Resource<K> {
    /// A local resource with one key.
    pub fn new(kind: ResourceKind, key: K) -> Self {
        Self::keyed(kind, vec![key])
    }

    /// A local resource with these keys.
    pub fn keyed(kind: ResourceKind, key: Vec<K>) -> Self {
        Self { host: None, kind, key }
    }

    /// The same resource with its keys and then its host passed through `f`.
    pub fn map<L>(&self, f: &mut impl FnMut(&K) -> L) -> Resource<L> {
        self.map_parts(&mut |_, key| f(key))
    }

    /// As [`Self::map`], for what depends on which part it is.
    pub fn map_parts<L>(&self, f: &mut impl FnMut(Part, &K) -> L) -> Resource<L> {
        let keys = self.key.iter().enumerate();
        Resource {
            key: keys.map(|(place, key)| f(Part::Key(place), key)).collect(),
            host: self.host.as_ref().map(|host| f(Part::Host, host)),
            kind: self.kind,
        }
    }
}

impl<K: fmt::Display> fmt::Display for Resource<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.kind)?;
        for (place, key) in self.key.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{key}")?;
        }
        f.write_str(")")?;
        self.host.as_ref().map_or(Ok(()), |host| write!(f, " on {host}"))
    }
}

impl Resource<String> {
    /// Its first key: the path, the name. Empty where there is none, which nothing is.
    pub fn first(&self) -> &str {
        self.key.first().map_or("", String::as_str)
    }
}

/// One thing that an action does to one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect<K> {
    /// The answer depends on it.
    Reads(Resource<K>),
    /// The answer *is* its value, so setting it to that value restores it. Of an action that sets another thing
    /// without saying to what: it sets it to this value.
    ValueOf(Resource<K>),
    /// Gives it a whole value; `to` is that value where it can be said.
    Sets {
        resource: Resource<K>,
        to: Option<K>,
    },
    /// Changes a part of it.
    Edits(Resource<K>),
    /// It is not there any more. A service or member is stopped by that: see [`Effect::ended`].
    Removes(Resource<K>),
    /// Changes it in a way that cannot be seen.
    Opaque(Resource<K>),
    /// Makes something new on which nothing depended: needs no way back.
    Adds(Resource<K>),
    /// Makes a backup of protected state.
    Captures {
        state: Resource<K>,
        backup: Resource<K>,
    },
    /// Proves that a backup can be restored.
    Proves(Resource<K>),
    Restores(Resource<K>),
    /// Starts a service or member, perhaps with another release.
    Starts {
        member: Resource<K>,
        /// The release that runs then; without it, what is pinned.
        with: Option<K>,
    },
    /// Stops a service or member.
    Stops(Resource<K>),
    /// Makes a service or member a standby: it runs afterwards, and neither writes nor serves.
    Demotes(Resource<K>),
    /// Takes traffic away: a service, a member, or an ingress with every service behind it.
    Drains(Resource<K>),
    Opens(Resource<K>),
    /// Sends a message to people: never undone, its failure fails no step.
    Tells(K),
}

impl<K> Effect<K> {
    /// Whether this changes production so that a way back is owed. `adds`, `captures`, `proves` and
    /// `tells` do not, nor do the two ways of looking.
    pub fn is_changing(&self) -> bool {
        matches!(
            self,
            Self::Sets { .. }
                | Self::Edits(_)
                | Self::Removes(_)
                | Self::Opaque(_)
                | Self::Restores(_)
                | Self::Starts { .. }
                | Self::Stops(_)
                | Self::Demotes(_)
                | Self::Drains(_)
                | Self::Opens(_)
        )
    }

    /// The service or member that does not run after this: stopped, or removed.
    pub fn ended(&self) -> Option<&Resource<K>> {
        match self {
            Self::Stops(member) => Some(member),
            Self::Removes(member) if member.kind.is_of_service() => Some(member),
            _ => None,
        }
    }

    /// The thing that this changes or makes; `None` for what the topology knows: protected state, a service.
    pub fn thing(&self) -> Option<&Resource<K>> {
        match self {
            Self::Sets { resource, .. }
            | Self::Edits(resource)
            | Self::Opaque(resource)
            | Self::Removes(resource)
            | Self::Adds(resource) => {
                Some(resource).filter(|resource| resource.kind != ResourceKind::State && self.ended().is_none())
            }
            _ => None,
        }
    }

    /// Whether this moves what runs, or the traffic to it.
    pub fn is_of_service(&self) -> bool {
        self.ended().is_some()
            || matches!(
                self,
                Self::Starts { .. } | Self::Demotes(_) | Self::Drains(_) | Self::Opens(_)
            )
    }

    /// Whether this only looks.
    pub fn is_observing(&self) -> bool {
        matches!(self, Self::Reads(_) | Self::ValueOf(_))
    }

    /// The word that authors write.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Reads(_) => "reads",
            Self::ValueOf(_) => "value_of",
            Self::Sets { .. } => "sets",
            Self::Edits(_) => "edits",
            Self::Removes(_) => "removes",
            Self::Opaque(_) => "opaque",
            Self::Adds(_) => "adds",
            Self::Captures { .. } => "captures",
            Self::Proves(_) => "proves",
            Self::Restores(_) => "restores",
            Self::Starts { .. } => "starts",
            Self::Stops(_) => "stops",
            Self::Demotes(_) => "demotes",
            Self::Drains(_) => "drains",
            Self::Opens(_) => "opens",
            Self::Tells(_) => "tells",
        }
    }

    /// The resource it speaks of (the backup for `captures`); `None` for `tells`.
    pub fn resource(&self) -> Option<&Resource<K>> {
        match self {
            Self::Reads(resource)
            | Self::ValueOf(resource)
            | Self::Sets { resource, .. }
            | Self::Edits(resource)
            | Self::Removes(resource)
            | Self::Opaque(resource)
            | Self::Adds(resource)
            | Self::Captures { backup: resource, .. }
            | Self::Proves(resource)
            | Self::Restores(resource)
            | Self::Starts { member: resource, .. }
            | Self::Stops(resource)
            | Self::Demotes(resource)
            | Self::Drains(resource)
            | Self::Opens(resource) => Some(resource),
            Self::Tells(_) => None,
        }
    }

    /// Every key and value, in the order in which [`Self::map`] visits them.
    pub fn parts(&self) -> impl Iterator<Item = &K> {
        let (second, value) = match self {
            Self::Captures { state, .. } => (Some(state), None),
            Self::Sets { to: value, .. } | Self::Starts { with: value, .. } => (None, value.as_ref()),
            Self::Tells(channel) => (None, Some(channel)),
            _ => (None, None),
        };
        let resources = second.into_iter().chain(self.resource());
        resources
            .flat_map(|resource| resource.key.iter().chain(&resource.host))
            .chain(value)
    }

    /// The same effect with every resource and every value that stands alone passed through a function each.
    pub fn map_resources<L>(
        &self,
        resource: &mut impl FnMut(&Resource<K>) -> Resource<L>,
        value: &mut impl FnMut(&K) -> L,
    ) -> Effect<L> {
        match self {
            Self::Reads(r) => Effect::Reads(resource(r)),
            Self::ValueOf(r) => Effect::ValueOf(resource(r)),
            Self::Sets { resource: r, to } => Effect::Sets {
                resource: resource(r),
                to: to.as_ref().map(value),
            },
            Self::Edits(r) => Effect::Edits(resource(r)),
            Self::Removes(r) => Effect::Removes(resource(r)),
            Self::Opaque(r) => Effect::Opaque(resource(r)),
            Self::Adds(r) => Effect::Adds(resource(r)),
            Self::Captures { state, backup } => Effect::Captures {
                state: resource(state),
                backup: resource(backup),
            },
            Self::Proves(r) => Effect::Proves(resource(r)),
            Self::Restores(r) => Effect::Restores(resource(r)),
            Self::Starts { member, with } => Effect::Starts {
                member: resource(member),
                with: with.as_ref().map(value),
            },
            Self::Stops(r) => Effect::Stops(resource(r)),
            Self::Demotes(r) => Effect::Demotes(resource(r)),
            Self::Drains(r) => Effect::Drains(resource(r)),
            Self::Opens(r) => Effect::Opens(resource(r)),
            Self::Tells(channel) => Effect::Tells(value(channel)),
        }
    }

    /// The same effect with every key and value passed through `f`, in the order of the text.
    pub fn map<L>(&self, f: &mut impl FnMut(&K) -> L) -> Effect<L> {
        let f = std::cell::RefCell::new(f);
        self.map_resources(
            &mut |resource| resource.map(&mut |key| (f.borrow_mut())(key)),
            &mut |value| (f.borrow_mut())(value),
        )
    }
}

/// In words: `sets link(/srv/current) to /srv/releases/2`.
impl<K: fmt::Display> fmt::Display for Effect<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Self::Tells(channel) => return write!(f, " {channel}"),
            Self::Captures { state, backup } => return write!(f, " {state} as {backup}"),
            _ => {}
        }
        if let Some(resource) = self.resource() {
            write!(f, " {resource}")?;
        }
        match self {
            Self::Sets { to: Some(to), .. } => write!(f, " to {to}"),
            Self::Starts { with: Some(with), .. } => write!(f, " with {with}"),
            _ => Ok(()),
        }
    }
}

/// What a resume, a `retry` and a second try may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It only looks.
    Read,
    /// Doing it twice is as doing it once.
    Convergent,
    /// It carries a key by which a second attempt finds the first.
    Keyed,
    /// It must not be repeated.
    Once,
}

impl Repeat {
    /// Whether a second attempt is safe.
    pub fn is_safe(self) -> bool {
        !matches!(self, Self::Once)
    }

    /// The word that authors write.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Convergent => "convergent",
            Self::Keyed => "keyed",
            Self::Once => "once",
        }
    }
}

/// What turning back may do to an action while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancel {
    /// End it at once.
    Kill,
    /// Ask it to end, and end it after this many milliseconds.
    Grace {
        /// Milliseconds of grace.
        ms: u64,
    },
    /// Wait for it, up to its own limit.
    Never,
}
