//! `backstay explain SLUG`.

use backstay::render::visible;
use backstay_dsl::pages;

use crate::arguments::Explain;
use crate::failure::Failure;
use crate::streams;

pub(super) fn run(arguments: &Explain) -> Result<u8, Failure> {
    let Some(slug) = &arguments.slug else {
        let slugs: Vec<&str> = pages::slugs().collect();
        streams::data(&format!("{}\n", slugs.join("\n")));
        return Ok(0);
    };
    let bare = slug.trim_start_matches(['[', '`']).trim_end_matches([']', '`']);
    match pages::page(bare) {
        Some(page) => {
            streams::data(&format!("{}\n", page.trim_end()));
            Ok(0)
        }
        None => Err(Failure::usage(format!("no diagnostic is called `{}`", visible(slug)))
            .help("for a list of all: backstay explain")),
    }
}
