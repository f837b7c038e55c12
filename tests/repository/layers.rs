//! What may name what: the order of modules in each crate, what pure modules must not know, and libraries that stop
//! at one place.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::names::{Name, modules_for_tests, names_in, texts_in};
use super::{files_below, root};

/// The top-level modules of a crate from the bottom up. Each names only those before it, so there are no circles.
const ORDER: &[(&str, &[&str])] = &[
    (
        "dsl",
        &[
            "source",
            "ast",
            "effect",
            "types",
            "version",
            "json_place",
            "built_in",
            "service_kind",
            "topology",
            "units",
            "suggest",
            "pages",
            "catalogue",
            "diagnostic",
            "script",
            "model",
            "literal",
            "walk",
            "print",
            "graph",
            "order",
            "program",
            "term",
            "state",
            "time",
            "parse",
            "load",
            "unroll",
            "check",
            "choice",
            "flow",
            "prove",
            "allow",
            "compile",
        ],
    ),
    (
        "engine",
        &[
            "private_files",
            "users",
            "digest",
            "value",
            "containers",
            "redact",
            "event",
            "action",
            "eval",
            "inputs",
            "service_kind",
            "world",
            "error",
            "transcript",
            "plan",
            "sources",
            "check",
            "symptoms",
            "render",
            "run",
            "rehearse",
        ],
    ),
];

/// A place below `src/` of a crate, what it must not name, and why.
type Ban = (&'static str, &'static str, &'static [&'static str], &'static str);

const BANS: &[Ban] = &[
    (
        "dsl",
        "",
        &["std::fs", "std::env", "std::thread", "std::process", "tokio", "serde"],
        "the language is pure",
    ),
    (
        "dsl",
        "",
        &["std::net::TcpStream", "std::net::TcpListener", "std::net::UdpSocket"],
        "the language is pure",
    ),
    (
        "engine",
        "action",
        &["crate::transcript", "crate::render"],
        "actions know no runs",
    ),
    (
        "engine",
        "render",
        &["crate::world", "tokio", "std::fs"],
        "rendering is a function of data",
    ),
    (
        "engine",
        "run/machine",
        &[
            "tokio",
            "async",
            "crate::world",
            "std::fs",
            "std::process",
            "std::thread",
            "std::time::Instant",
        ],
        "the machine is pure",
    ),
    (
        "engine",
        "run/machine",
        &["crate::run::driver", "crate::run::session"],
        "the driver knows the machine",
    ),
    ("engine", "run/driver", &["crate::run::session"], "a session drives"),
    (
        "engine",
        "eval",
        &["tokio", "std::fs"],
        "evaluation sees the world through its port",
    ),
    (
        "engine",
        "plan",
        &["std::fs", "std::process"],
        "a dry run sees the world through its port",
    ),
    (
        "engine",
        "rehearse",
        &["std::fs", "std::process", "std::time::Instant"],
        "a simulated world has nothing real",
    ),
    ("engine", "transcript", &["crate::action"], "the record knows no runs"),
];

/// Libraries whose types stop at one place: the crate, and where in which of ours it may be named.
const FENCES: &[(&str, &str, &[&str])] = &[
    ("pest", "dsl", &["parse"]),
    ("pest_derive", "dsl", &["parse"]),
    ("petgraph", "dsl", &["graph"]),
    ("rhai", "dsl", &["script"]),
    ("semver", "dsl", &["version"]),
    ("base64", "engine", &["digest"]),
    ("minijinja", "engine", &["action/common/template"]),
    ("bollard", "engine", &["world/real/docker"]),
    ("annotate_snippets", "engine", &["render", "bin"]),
    ("clap", "engine", &["bin"]),
    ("reqwest", "engine", &["action/http"]),
    ("sha1", "engine", &["action/http"]),
    ("rustls_platform_verifier", "engine", &["action/net"]),
    ("tokio_rustls", "engine", &["action/net"]),
    ("x509_cert", "engine", &["action/net"]),
    ("rpassword", "engine", &["bin"]),
    ("rusqlite", "engine", &["action/common/sqlite"]),
];

/// Whether a file is this module or below it.
fn is_in(file: &Path, module: &str) -> bool {
    file.starts_with(module) || file.with_extension("") == Path::new(module)
}

/// Whether a name is this one or below it.
fn is_below(name: &Name, banned: &str) -> bool {
    let mut words = name.iter();
    banned
        .split("::")
        .all(|word| words.next().is_some_and(|known| known == word))
}

/// What is wrong with the names in a file of a crate.
fn broken(krate: &str, file: &Path, names: &BTreeSet<Name>) -> Vec<String> {
    let mut broken = Vec::new();
    let place = format!("{krate}/src/{}", file.display());
    for name in names {
        let written = name.join("::");
        broken.extend(out_of_order(krate, file, name).map(|reason| format!("{place} names {written}: {reason}")));
        for (_, module, banned, reason) in BANS
            .iter()
            .filter(|(of, module, ..)| *of == krate && is_in(file, module))
        {
            if banned.iter().any(|banned| is_below(name, banned)) {
                broken.push(format!("{place} names {written}, which {module} must not: {reason}"));
            }
        }
        for (library, home, modules) in FENCES {
            let is_home = *home == krate && modules.iter().any(|module| is_in(file, module));
            if name[0] == *library && !is_home {
                broken.push(format!(
                    "{place} names {written}, which stays in {home}/src/{modules:?}"
                ));
            }
        }
        broken.extend(other_family(file, name).map(|family| format!("{place} names {written} of the family {family}")));
    }
    broken
}

/// Why a name leads upwards.
fn out_of_order(krate: &str, file: &Path, name: &Name) -> Option<String> {
    let module = top(file);
    // The root names all; the program's own modules are no part of the library.
    if name[0] != "crate" || module == "lib" || module == "bin" {
        return None;
    }
    let other = name.get(1)?;
    let (_, order) = ORDER.iter().find(|(of, _)| *of == krate)?;
    let position = |name: &str| order.iter().position(|known| *known == name);
    match (position(&module), position(other)) {
        (None, _) => Some(format!("{module} has no place in the order")),
        (_, None) => Some(format!("{other} is no module of the order")),
        (Some(own), Some(others)) if others > own => Some(format!("{other} stands above {module}")),
        _ => None,
    }
}

/// The family of actions that a name leads to, if it is another than the file's own.
fn other_family(file: &Path, name: &Name) -> Option<String> {
    let own = file.strip_prefix("action").ok()?.with_extension("");
    let own = own.iter().next()?.to_str()?;
    let family = name.get(2).filter(|_| is_below(name, "crate::action"))?;
    let is_family = root().join("engine/src/action").join(family).is_dir() && family != "common";
    (is_family && family != own && own != "registry").then(|| family.clone())
}

fn top(file: &Path) -> String {
    let path = file.with_extension("");
    path.iter().next().unwrap().to_string_lossy().into_owned()
}

/// The files of a crate without those that are compiled for tests alone, by their paths below `src/`.
fn product(krate: &str) -> Vec<(PathBuf, String)> {
    let source = root().join(krate).join("src");
    let files: Vec<(PathBuf, String)> = files_below(&source, "rs")
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path.strip_prefix(&source).unwrap().to_owned(), text)
        })
        .collect();
    assert!(files.len() > 30, "the sources of {krate} were not found");
    let for_tests: Vec<PathBuf> = files
        .iter()
        .flat_map(|(file, text)| modules_for_tests(file, text))
        .collect();
    files
        .into_iter()
        .filter(|(file, _)| for_tests.iter().all(|module| !is_in(file, module.to_str().unwrap())))
        .collect()
}

/// Files by their paths below `src/`, with all that they name.
type Files = Vec<(PathBuf, BTreeSet<Name>)>;

/// What each file of the product names; reading all of them takes a while.
fn named(krate: &str) -> &'static Files {
    static NAMED: LazyLock<BTreeMap<&str, Files>> = LazyLock::new(|| {
        let of = |krate| {
            let files = product(krate).into_iter();
            files
                .map(|(file, text)| (file.clone(), names_in(&file, &text)))
                .collect()
        };
        ORDER.iter().map(|(krate, _)| (*krate, of(krate))).collect()
    });
    &NAMED[krate]
}

#[test]
fn layers_hold() {
    let mut all = Vec::new();
    for (krate, order) in ORDER {
        let files = named(krate);
        let modules: BTreeSet<String> = files.iter().map(|(file, _)| top(file)).collect();
        for module in modules.iter().filter(|name| *name != "lib" && *name != "bin") {
            assert!(
                order.contains(&module.as_str()),
                "{krate}/src/{module} has no place in the order"
            );
        }
        for module in *order {
            assert!(
                modules.contains(*module),
                "the order of {krate} names {module}, which is not there"
            );
        }
        for (_, module, ..) in BANS.iter().filter(|(of, module, ..)| of == krate && !module.is_empty()) {
            assert!(
                files.iter().any(|(file, _)| is_in(file, module)),
                "a ban names {module}, which is not there"
            );
        }
        for (file, names) in files {
            all.extend(broken(krate, file, names));
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

/// Which of the modules beside each other names which: by their parent and their two names, the files that do.
type Neighbours = BTreeMap<(Name, String, String), BTreeSet<String>>;

/// The same at every depth: where a path leaves the module of its file, what it leaves names what it enters. What
/// stands in a parent itself is above and below its children at once, so it counts for neither.
fn neighbours(files: &[(PathBuf, BTreeSet<Name>)]) -> Neighbours {
    let modules: BTreeSet<Name> = files.iter().map(|(file, _)| module_of(file)).collect();
    let mut found = Neighbours::new();
    for (file, names) in files {
        let own = module_of(file);
        for name in names.iter().filter(|name| name[0] == "crate") {
            let other = &name[1..];
            let shared = own.iter().zip(other).take_while(|(left, right)| left == right).count();
            if let (Some(left), Some(right)) = (own.get(shared), other.get(shared))
                && modules.contains(&other[..=shared])
            {
                let edge = (own[..shared].to_vec(), left.clone(), right.clone());
                found.entry(edge).or_default().insert(file.display().to_string());
            }
        }
    }
    found
}

fn module_of(file: &Path) -> Name {
    let path = file.with_extension("");
    path.iter().map(|part| part.to_string_lossy().into_owned()).collect()
}

/// The modules that name each other, directly or by way of others, with the files that do.
fn circles(neighbours: &Neighbours) -> Vec<String> {
    let next = |(parent, module): &(Name, String)| {
        let edges = neighbours.keys().filter(|(of, from, _)| of == parent && from == module);
        edges
            .map(|(parent, _, to)| (parent.clone(), to.clone()))
            .collect::<Vec<_>>()
    };
    let reaches = |from: &(Name, String), to: &(Name, String)| {
        let (mut seen, mut work) = (BTreeSet::new(), next(from));
        while let Some(at) = work.pop() {
            if seen.insert(at.clone()) {
                work.extend(next(&at));
            }
        }
        seen.contains(to)
    };
    let back = neighbours.iter().filter(|((parent, from, to), _)| {
        let (from, to) = ((parent.clone(), from.clone()), (parent.clone(), to.clone()));
        reaches(&to, &from)
    });
    back.map(|((parent, from, to), files)| {
        format!(
            "{}: {from} names {to}, which leads back, in {files:?}",
            parent.join("/")
        )
    })
    .collect()
}

/// Where circles still are, and why; whoever opens one takes it out of this list.
const OPEN: &[(&str, &str, &str)] = &[
    (
        "engine",
        "render",
        "the status is a view of the timeline, which ends with one",
    ),
    ("engine", "transcript", "lines and reader share a type"),
    ("engine", "world/real/docker", "a connection explains its own failures"),
];

#[test]
fn modules_beside_each_other_form_no_circles() {
    for (krate, _) in ORDER {
        let mut found = circles(&neighbours(named(krate)));
        for (_, parent, _) in OPEN.iter().filter(|(of, ..)| of == krate) {
            let before = found.len();
            found.retain(|circle| !circle.starts_with(&format!("{parent}: ")));
            assert!(
                found.len() < before,
                "{parent} has no circle any more: take it out of the list"
            );
        }
        assert!(found.is_empty(), "{krate}:\n{}", found.join("\n"));
    }
    let planted = [
        ("check.rs", "use one::A;"),
        ("check/one.rs", "use super::two::deep::B; use super::C;"),
        ("check/two.rs", ""),
        ("check/two/deep.rs", "use crate::check::three::D;"),
        ("check/three.rs", "fn f() { super::one::g() }"),
    ];
    let planted = planted.map(|(file, text)| (PathBuf::from(file), names_in(Path::new(file), text)));
    let found = circles(&neighbours(&planted));
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(circles(&neighbours(&planted[..4])), Vec::<String>::new());
}

/// The test above is worth what it finds: each of these is planted, and must be found.
#[test]
fn planted_violations_are_found() {
    let planted = [
        ("engine", "action/fs/link.rs", "use crate::{run as bypassed};"),
        ("engine", "action/fs/link.rs", "use crate::run::{self};"),
        ("engine", "action/fs/link.rs", "use super::super::super::run::session;"),
        (
            "engine",
            "action/fs/link.rs",
            "use crate as root; fn f() { root::run::start() }",
        ),
        ("engine", "action/fs/link.rs", "use crate::*;"),
        (
            "engine",
            "action/fs/link.rs",
            "use self::super::super::super::plan::Plan as P;",
        ),
        ("engine", "action/fs/link.rs", "fn f(plan: &crate::plan::Plan) {}"),
        (
            "engine",
            "action/fs/link.rs",
            "fn f() { format!(\"{}\", crate::run::NAME) }",
        ),
        ("engine", "action/fs/link.rs", "use crate::action::docker;"),
        ("engine", "action/fs/link.rs", "use super::super::exec::run;"),
        ("engine", "value.rs", "mod inner { use super::super::world::World; }"),
        (
            "engine",
            "run/machine/state/fold.rs",
            "use std::{fs as files}; fn f() { files::read(\"x\") }",
        ),
        ("engine", "run/machine/state/fold.rs", "async fn f() {}"),
        (
            "engine",
            "run/machine/state/fold.rs",
            "use super::super::super::driver;",
        ),
        ("engine", "eval/text.rs", "fn f() { let _ = std::fs::read(\"x\"); }"),
        ("engine", "unheard_of.rs", "use crate::value::Value;"),
        ("engine", "run.rs", "use bollard::Docker;"),
        ("dsl", "ast.rs", "use crate::parse;"),
        ("dsl", "ast.rs", "#[derive(serde::Serialize)] struct S;"),
        ("dsl", "term.rs", "impl crate::prove::Rule for () {}"),
    ];
    for (krate, file, text) in planted {
        let file = Path::new(file);
        let names = names_in(file, text);
        assert!(
            !broken(krate, file, &names).is_empty(),
            "not found in {file:?}: {text}\n{names:?}"
        );
    }
    let file = Path::new("action/fs/link.rs");
    let in_order = "use crate::value::Value; use super::walk; #[cfg(test)] mod tests { use crate::run; }";
    assert_eq!(broken("engine", file, &names_in(file, in_order)), Vec::<String>::new());
}

/// Where the product may name an action or a family outside of `action/`, and why.
const NAMED: &[(&str, &str, &str)] = &[
    (
        "engine",
        "service_kind",
        "a kind of service is asked by questions of the catalogue, so that every world answers",
    ),
    (
        "engine",
        "world/real/docker",
        "the engine's own names: a host, a registry",
    ),
    (
        "dsl",
        "service_kind",
        "the family whose actions are for services of a kind",
    ),
];

/// The run knows actions by their effects: only where actions are is one named.
#[test]
fn no_action_is_known_by_name() {
    let catalogue = backstay::action::catalogue();
    let actions: BTreeSet<String> = catalogue
        .iter()
        .map(backstay_dsl::catalogue::Signature::full_name)
        .collect();
    let mut families: BTreeSet<String> = catalogue.iter().map(|action| action.family.to_owned()).collect();
    // Also words of the language or of addresses.
    let words = ["process", "backup", "exec", "http", "compose", "unit", "package"];
    families.retain(|family| !words.contains(&family.as_str()));
    let is_name = |text: &String| actions.contains(text) || families.contains(text.trim_end_matches('.'));
    let mut found = Vec::new();
    let mut needed = BTreeSet::new();
    for (krate, _) in ORDER {
        for (file, text) in product(krate).iter().filter(|(file, _)| !is_in(file, "action")) {
            let Some(named) = texts_in(file, text).into_iter().find(is_name) else {
                continue;
            };
            match NAMED.iter().find(|(of, module, _)| of == krate && is_in(file, module)) {
                Some(exception) => drop(needed.insert(exception)),
                None => found.push(format!("{krate}/src/{} names {named:?}", file.display())),
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    for exception in NAMED {
        let module = exception.1;
        assert!(
            needed.contains(exception),
            "{module} names no action any more: take it out of the list"
        );
    }
    let planted = r#"fn f(name: &str) -> bool { matches!(name, "docker.remove") } #[cfg(test)] mod t { const A: &str = "fs.link"; }"#;
    let found: Vec<String> = texts_in(Path::new("run.rs"), planted)
        .into_iter()
        .filter(is_name)
        .collect();
    assert_eq!(found, ["docker.remove"]);
}
