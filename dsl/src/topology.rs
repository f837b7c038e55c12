//! What a runbook says is there: services with their members, and protected states.
//!
//! One shape serves three levels: keys are expressions in a checked runbook ([`crate::model::Runbook`]),
//! terms for proofs ([`crate::term::topology`]), and texts once the inputs are known.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;

use crate::effect::Resource;
use crate::service_kind::ServiceKind;

/// Services and protected states by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology<K> {
    pub services: BTreeMap<String, Service<K>>,
    /// The parts of each: trees, files and volumes, in the order of the text.
    pub states: BTreeMap<String, Vec<Resource<K>>>,
    /// What need not survive of each, in the order of the text; none where nothing is excepted.
    pub excepted: BTreeMap<String, Vec<Excepted>>,
}

/// A place within a part of protected state that is no part of it: no backup holds it, no restore touches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excepted {
    /// Which of the parts it lies in.
    pub part: usize,
    /// How it is called within that part: names between slashes. It never lies within another one.
    pub path: String,
}

/// A service: members that do the same, and what they share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service<K> {
    /// Never empty; a plain service has exactly one.
    pub members: BTreeMap<MemberId, Member<K>>,
    /// In the order of the text, each state once.
    pub writes: Vec<Writes>,
    /// The ingress that carries its traffic.
    pub behind: Option<Resource<K>>,
    /// What its `well` reads, each once: reading one of these is evidence about it. Empty over expressions,
    /// where the questions in `well` are not seen through.
    pub endpoints: Vec<Resource<K>>,
    /// How many members may write at once (1 unless said).
    pub writers_at_most: u64,
    /// How many members must have traffic (0 unless said).
    pub serving_at_least: u64,
    /// Whether all members that have traffic have to run one release at every moment.
    pub has_one_release: bool,
    /// What is mounted into it and left unprotected on purpose.
    pub ignores: Vec<Resource<K>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member<K> {
    pub runs: Runs<K>,
    /// The machine that it is on; `None`: this one.
    pub host: Option<K>,
    /// Where its release is pinned.
    pub pinned_by: Option<Resource<K>>,
    pub begins: Begins,
    /// How the text says that it should be after a way forward.
    pub ends: Option<Begins>,
}

/// Names a member within a runbook: `SERVICE.MEMBER`, and the service's name for the only member of a plain service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(String);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runs<K> {
    /// The word behind `runs`.
    pub kind: ServiceKind,
    /// What names it: the last that stands in its brackets.
    pub name: K,
    /// What it is named within: a project's folder.
    within: Vec<K>,
    /// How one is known that others may have started (`port`, `arguments`, …), and how it is asked to stop.
    pub known_by: BTreeMap<&'static str, Vec<K>>,
}

/// A protected state that a service writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writes {
    pub state: String,
    /// Whether a new release may migrate it: assumed unless the text says why not.
    pub migrates: bool,
}

/// How a member is at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begins {
    Running,
    /// It runs, and neither writes nor serves.
    Standby,
    /// There, and not running.
    Stopped,
    Absent,
}

impl MemberId {
    /// The only member of a plain service.
    pub fn only(service: &str) -> Self {
        Self(service.to_owned())
    }

    /// A member of this name of a service that says its members.
    pub fn of(service: &str, member: &str) -> Self {
        Self(format!("{service}.{member}"))
    }

    /// The service that it belongs to.
    pub fn service(&self) -> &str {
        service_of(&self.0)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The service that a name speaks of, which is that of a service or of a member.
pub fn service_of(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

impl Borrow<str> for MemberId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<K> Default for Topology<K> {
    fn default() -> Self {
        Self {
            services: BTreeMap::new(),
            states: BTreeMap::new(),
            excepted: BTreeMap::new(),
        }
    }
}

impl<K> Topology<K> {
    /// The member of this name; the only one where it is the name of a plain service.
    pub fn member(&self, name: &str) -> Option<&Member<K>> {
        self.services.values().find_map(|service| service.members.get(name))
    }

    /// Every member with the service it belongs to.
    pub fn members(&self) -> impl Iterator<Item = (&MemberId, &Member<K>, &Service<K>)> {
        let services = self.services.values();
        services.flat_map(|service| service.members.iter().map(move |(id, member)| (id, member, service)))
    }

    /// Every part of every protected state.
    pub fn parts(&self) -> impl Iterator<Item = &Resource<K>> {
        self.states.values().flatten()
    }

    /// What is excepted from a protected state, each with the part that it lies in.
    pub fn excepted(&self, state: &str) -> impl Iterator<Item = (&Resource<K>, &str)> {
        let parts = self.states.get(state).map_or(&[][..], Vec::as_slice);
        let excepted = self.excepted.get(state).into_iter().flatten();
        excepted.filter_map(|excepted| Some((parts.get(excepted.part)?, excepted.path.as_str())))
    }

    /// The same with every resource and every key that stands alone passed through a function each.
    pub fn map<L>(
        &self,
        resource: &mut impl FnMut(&Resource<K>) -> Resource<L>,
        key: &mut impl FnMut(&K) -> L,
    ) -> Topology<L> {
        let services = self.services.iter().map(|(name, service)| {
            let Ok(service) = service.try_map::<L, Infallible>(&mut |r| Ok(resource(r)), &mut |k| Ok(key(k)));
            (name.clone(), service)
        });
        let services = services.collect();
        let states = self.states.iter();
        Topology {
            services,
            states: states
                .map(|(name, parts)| (name.clone(), parts.iter().map(&mut *resource).collect()))
                .collect(),
            excepted: self.excepted.clone(),
        }
    }
}

impl<K> Service<K> {
    /// A plain service that is this member and says nothing else.
    pub fn plain(name: &str, member: Member<K>) -> Self {
        Self::of(BTreeMap::from([(MemberId::only(name), member)]))
    }

    /// A service that is these members and says nothing else.
    pub fn of(members: BTreeMap<MemberId, Member<K>>) -> Self {
        Self {
            members,
            writes: Vec::new(),
            behind: None,
            endpoints: Vec::new(),
            writers_at_most: 1,
            serving_at_least: 0,
            has_one_release: false,
            ignores: Vec::new(),
        }
    }

    /// Whether its members write this protected state.
    pub fn is_writer(&self, state: &str) -> bool {
        self.writes.iter().any(|writes| writes.state == state)
    }

    /// Whether any of its members runs at the start.
    pub fn begins_running(&self) -> bool {
        self.members.values().any(|member| member.begins == Begins::Running)
    }

    /// The same with every resource and every key that stands alone passed through a function each; the first
    /// error ends it.
    pub fn try_map<L, E>(
        &self,
        resource: &mut impl FnMut(&Resource<K>) -> Result<Resource<L>, E>,
        key: &mut impl FnMut(&K) -> Result<L, E>,
    ) -> Result<Service<L>, E> {
        let mut members = BTreeMap::new();
        for (id, member) in &self.members {
            let member = Member {
                runs: member.runs.try_map(key)?,
                host: member.host.as_ref().map(&mut *key).transpose()?,
                pinned_by: member.pinned_by.as_ref().map(&mut *resource).transpose()?,
                begins: member.begins,
                ends: member.ends,
            };
            members.insert(id.clone(), member);
        }
        Ok(Service {
            members,
            writes: self.writes.clone(),
            behind: self.behind.as_ref().map(&mut *resource).transpose()?,
            endpoints: self.endpoints.iter().map(&mut *resource).collect::<Result<_, E>>()?,
            writers_at_most: self.writers_at_most,
            serving_at_least: self.serving_at_least,
            has_one_release: self.has_one_release,
            ignores: self.ignores.iter().map(&mut *resource).collect::<Result<_, E>>()?,
        })
    }
}

impl<K> Member<K> {
    /// A member of which nothing says how it is pinned.
    pub fn new(runs: Runs<K>, begins: Begins) -> Self {
        Self {
            runs,
            host: None,
            pinned_by: None,
            begins,
            ends: None,
        }
    }
}

impl<K> Runs<K> {
    /// What is known by a name alone.
    pub fn new(kind: ServiceKind, name: K) -> Self {
        Self {
            kind,
            name,
            within: Vec::new(),
            known_by: BTreeMap::new(),
        }
    }

    /// With everything that stands in the brackets; `None` where nothing does.
    pub(crate) fn with(kind: ServiceKind, mut within: Vec<K>) -> Option<Self> {
        let name = within.pop()?;
        Some(Self {
            within,
            ..Self::new(kind, name)
        })
    }

    /// The name, where it is of this kind.
    pub fn named(&self, kind: ServiceKind) -> Option<&K> {
        (self.kind == kind).then_some(&self.name)
    }

    /// What it is named within: a project's folder.
    pub fn within(&self) -> &[K] {
        &self.within
    }

    fn try_map<L, E>(&self, key: &mut impl FnMut(&K) -> Result<L, E>) -> Result<Runs<L>, E> {
        let known_by = self.known_by.iter().map(|(word, keys)| {
            let keys = keys.iter().map(&mut *key).collect::<Result<_, E>>()?;
            Ok((*word, keys))
        });
        Ok(Runs {
            kind: self.kind,
            known_by: known_by.collect::<Result<_, E>>()?,
            within: self.within.iter().map(&mut *key).collect::<Result<_, E>>()?,
            name: key(&self.name)?,
        })
    }
}

impl<K: Clone> Member<K> {
    /// The container or unit that this is, where it is one: such a resource names the member too.
    pub fn resource(&self) -> Option<Resource<K>> {
        Some(Resource {
            host: self.host.clone(),
            ..Resource::new(self.runs.kind.names_member()?, self.runs.name.clone())
        })
    }
}

impl Runs<String> {
    /// How it is known, as it is written: `port: 6379, user: redis`; empty where nothing is said.
    pub fn known_by_in_words(&self) -> String {
        let known = self.known_by.iter().filter(|(word, _)| !word.starts_with("stop"));
        let words: Vec<String> = known
            .map(|(word, keys)| format!("{word}: {}", keys.join(" ")))
            .collect();
        words.join(", ")
    }
}

/// `container-app`: what two runs that act on the same thing both write, whatever they call the service.
impl fmt::Display for Runs<String> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.kind.word())?;
        for outer in &self.within {
            write!(f, "{outer}-")?;
        }
        f.write_str(&self.name)
    }
}
