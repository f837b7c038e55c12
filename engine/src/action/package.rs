//! `package`: packages of the operating system, always by name and exact version; by their effects alone until
//! something carries them out.

use backstay_dsl::catalogue::{Pattern, Signature};
use backstay_dsl::effect::{Cancel, Effect, Resource, ResourceKind};
use backstay_dsl::types::Type;

use super::common::describe::{self, Describe};

/// The longest that fetching takes where the text does not say, in milliseconds.
const FETCH_LIMIT_MS: u64 = 240_000;
/// The longest that installing and removing take where the text does not say, in milliseconds.
const INSTALL_LIMIT_MS: u64 = 180_000;

const RELEASE: Type = Type::Package { pinned: true };

/// The actions of the family `package`.
pub(super) fn signatures() -> Vec<Signature> {
    let archive = |name| Resource::new(ResourceKind::External, Pattern::Text(name));
    vec![
        named(describe::read(
            "package",
            "installed",
            "Gives the package that is installed, as NAME=VERSION.\n\nThere is no answer where it is not installed.",
        ))
        .gives(RELEASE)
        .effects(Effect::ValueOf(the_package()))
        .example(r#"
            let old = package.installed("shop-web")
            record old
            "#)
        .done(),
        released(describe::read(
            "package",
            "is_available",
            "Says whether exactly this version could be installed.\n\nAn archive drops old versions: without them there is no \
             way back to them.",
        ))
        .gives(Type::Bool)
        .effects(Effect::Reads(archive("package archive")))
        .limit_ms(30_000)
        .example(r#"require package.is_available(release) else "There is no such package""#)
        .done(),
        released(describe::change(
            "package",
            "fetch",
            "Downloads a package and what it needs, so that installing it needs no network. Nothing is installed.",
        ))
        .effects(Effect::Adds(archive("downloaded packages")))
        .limit_ms(FETCH_LIMIT_MS)
        .example("do package.fetch(release)")
        .done(),
        installing(released(named(describe::change(
            "package",
            "install",
            "Installs exactly this version, an older one than is installed too, and starts or restarts nothing.",
        ))))
        .effects(Effect::Sets {
            resource: the_package(),
            to: Some(Pattern::Parameter("release")),
        })
        .example(r#"
            let old = package.installed("shop-web")
            require package.is_available(old) else "Keep the old package at hand first"
            do package.fetch(release)
            do unit.stop(web) undo unit.start(web) within 2m
            do package.install("shop-web", release: release) undo {
              do unit.stop(web)
              do package.install("shop-web", release: old)
            } within 5m
            do unit.start(web) undo unit.stop(web) within 2m
            check "it is active": unit.state(web) is ok within 30s every 1s
            "#)
        .done(),
        installing(named(describe::change(
            "package",
            "remove",
            "Removes a package; its settings stay.",
        )))
        .effects(Effect::Removes(the_package()))
        .example(r#"do package.remove("shop-doc") no undo because "it can be installed again""#)
        .done(),
    ]
}

fn named(describe: Describe) -> Describe {
    describe.needs("name", Type::Text, "The name of the package.")
}

fn released(describe: Describe) -> Describe {
    describe.needs("release", RELEASE, "The package with its exact version: NAME=VERSION.")
}

/// A package manager that is stopped half-way has to be repaired.
fn installing(describe: Describe) -> Describe {
    describe.partial().cancel(Cancel::Never).limit_ms(INSTALL_LIMIT_MS)
}

fn the_package() -> Resource<Pattern> {
    describe::of(ResourceKind::Package, "name")
}
