//! Getting the image onto the node.

use crate::Cause::*;
use crate::context::{Domain, Input};
use crate::rule::{Reason, Rule};
use crate::{Fact, Facts};

const PULL: &[Domain] = &[Domain::Pull, Domain::Sandbox];

pub(super) const REASONS: &[Reason] = &[("InvalidImageName", ImageNameInvalid, 93)];

pub(super) const RULES: &[Rule] =
    &[Rule::new(ImageNotFound, 93, &["manifest unknown", "failed to resolve reference <*>: <*>: not found"])
        .on(PULL)];

/// The image that the text names, taken apart.
pub(super) fn facts(input: &Input, facts: &mut Facts) {
    let text = &input.normal.text;
    let Some(image) = ["image \"", "reference \"", "docker://"].iter().find_map(|mark| {
        let after = text.split_once(mark)?.1;
        Some(after.split(|c: char| c.is_whitespace() || c == '"').next()?.trim_end_matches(':'))
    }) else {
        return;
    };
    facts.add(Fact::Image, image);
    let (rest, digest) = image.split_once('@').map_or((image, None), |(rest, digest)| (rest, Some(digest)));
    if let Some(digest) = digest {
        facts.add(Fact::Digest, digest);
    }
    let (name, tag) = match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (rest, None),
    };
    if let Some(tag) = tag {
        facts.add(Fact::Tag, tag);
    }
    match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => {
            facts.add(Fact::Registry, host);
            facts.add(Fact::Repository, path);
        }
        _ => {
            facts.add(Fact::Registry, "docker.io");
            facts.add(Fact::Repository, name);
        }
    }
}
