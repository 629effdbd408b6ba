//! What extractors take.

use serde_json::Value as Json;

use super::typed::Typed;
use super::{Entry, class, many};

/// What an extractor takes from an entry.
pub(super) fn extract(extractor: &Json, entry: &Entry) -> Option<Json> {
    match class(extractor) {
        "extractor.IdentityExtractor" => Some(entry.value.clone()),
        "extractor.UniversalExtractor" => property(&entry.value, extractor["name"].as_str()?),
        "extractor.ChainedExtractor" => {
            let mut taken = entry.clone();
            for (index, link) in many(extractor, "extractors").iter().enumerate() {
                let key = taken.key.take().filter(|_| index == 0);
                let value = extract(link, &Entry { key, ..taken })?;
                taken = Entry { key: None, value };
            }
            Some(taken.value)
        }
        "extractor.MultiExtractor" => {
            let taken = many(extractor, "extractors")
                .iter()
                .map(|inner| extract(inner, entry));
            taken.collect::<Option<Vec<_>>>().map(Json::Array)
        }
        "extractor.KeyExtractor" => {
            let (key, value) = (None, entry.key.clone()?);
            extract(&extractor["extractor"], &Entry { key, value })
        }
        other => panic!("{other} is not made here"),
    }
}

fn property(value: &Json, name: &str) -> Option<Json> {
    match Typed::of(value) {
        Typed::Null => Some(Json::Null),
        Typed::Object(members) => match members.get(name) {
            Some(member) => Some(member.clone()),
            None if name == "size" => Some(Json::from(members.len())),
            None => Some(Json::Null),
        },
        Typed::Array(elements) if name == "size" => Some(Json::from(elements.len())),
        _ => None,
    }
}
