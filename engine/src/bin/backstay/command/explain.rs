//! `backstay explain SLUG`.

use backstay::render::visible;
use backstay_dsl::pages;
use backstay_dsl::suggest::closest;

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
    if let Some(page) = pages::page(bare) {
        streams::data(&format!("{}\n", page.trim_end()));
        Ok(0)
    } else {
        let failure = Failure::usage(format!("no diagnostic is called `{}`", visible(slug)));
        let failure = match closest(bare, pages::slugs()) {
            Some(nearest) => failure.help(format!("did you mean `{nearest}`?")),
            None => failure,
        };
        Err(failure.help("for a list of all: backstay explain"))
    }
}
