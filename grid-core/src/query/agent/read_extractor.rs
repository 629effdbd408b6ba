//! Reading extractors and updaters.

use super::tree::{check_depth, implied};
use super::{AgentError, EXTRACTORS_MAX, Node};
use crate::query::{Extractor, Manipulator, MethodCall, Operand, Updater};

/// Reads an extractor that stands in so many agents.
pub(crate) fn extractor(node: Node<'_>, depth: usize) -> Result<Extractor, AgentError> {
    check_depth(depth)?;
    let expected = "an extractor";
    let class = node.expect_class(expected)?;
    Ok(match class.as_ref() {
        "extractor.UniversalExtractor" => universal(node, depth)?,
        "extractor.ReflectionExtractor" => reflection(node, depth)?,
        "extractor.ChainedExtractor" => Extractor::Chained(extractors(node, depth)?),
        "extractor.MultiExtractor" => Extractor::Multi(extractors(node, depth)?),
        "extractor.IdentityExtractor" => Extractor::Identity,
        "extractor.KeyExtractor" => Extractor::Key(Box::new(match node.get("extractor") {
            Some(inner) => extractor(inner, depth + 1)?,
            None => implied(Extractor::Identity, depth)?,
        })),
        "extractor.CollectionExtractor" => {
            let instead =
                "the reference cannot read it from JSON either; take the list, or its elements by get()";
            return Err(node.refused(instead));
        }
        "extractor.PofExtractor" | "extractor.FragmentExtractor" | "extractor.ChainedFragmentExtractor" => {
            return Err(node.refused("values are JSON here; use UniversalExtractor or MultiExtractor"));
        }
        "extractor.ScriptValueExtractor" => return Err(node.refused("scripts are not run here")),
        _ => return Err(node.unknown(expected)),
    })
}

fn extractors(node: Node<'_>, depth: usize) -> Result<Vec<Extractor>, AgentError> {
    // A loop: adapters of iterators would take stack for each extractor in another one.
    let mut extractors = Vec::new();
    let inner = node.need_elements("extractors")?;
    if inner.len() > EXTRACTORS_MAX {
        return Err(AgentError::TooMany { max: EXTRACTORS_MAX });
    }
    for inner in inner {
        extractors.push(extractor(inner, depth + 1)?);
    }
    Ok(extractors)
}

/// A method of the value or the key. The reference names its arguments `args`.
fn reflection(node: Node<'_>, depth: usize) -> Result<Extractor, AgentError> {
    let name = node.need_string("method")?;
    let field = if node.get("args").is_some() {
        "args"
    } else {
        "params"
    };
    let extractor = method(node, &name, operands(node, field)?)?;
    targeted(node, extractor, depth)
}

fn method(node: Node<'_>, name: &str, arguments: Vec<Operand>) -> Result<Extractor, AgentError> {
    let call = MethodCall::read(name, arguments, node.patterns())?;
    Ok(Extractor::Method(Box::new(call)))
}

/// What an extractor takes from what its node says it is of: the key, or the value.
fn targeted(node: Node<'_>, extractor: Extractor, depth: usize) -> Result<Extractor, AgentError> {
    /// The target that means the key.
    const KEY: i64 = 1;
    Ok(match node.integer("target")? {
        Some(KEY) => Extractor::Key(Box::new(implied(extractor, depth)?)),
        _ => extractor,
    })
}

fn universal(node: Node<'_>, depth: usize) -> Result<Extractor, AgentError> {
    let name = node.need_string("name")?;
    let params = operands(node, "params")?;
    let extractor = match name.strip_suffix("()") {
        Some(name) => method(node, name, params)?,
        None if name.is_empty() => return Err(node.wrong("name", "the name of a property")),
        None if params.is_empty() => Extractor::Property(name.into_owned()),
        None => return Err(node.wrong("params", "absent for a property")),
    };
    targeted(node, extractor, depth)
}

/// The values of a member that is an array or missing.
pub(crate) fn operands(node: Node<'_>, field: &'static str) -> Result<Vec<Operand>, AgentError> {
    if node.get(field).is_none() {
        return Ok(Vec::new());
    }
    let values = node.need_elements(field)?;
    values.map(|value| Ok(Operand::new(value.text())?)).collect()
}

/// Reads an updater that stands in so many agents.
pub(crate) fn updater(node: Node<'_>, depth: usize) -> Result<Updater, AgentError> {
    check_depth(depth)?;
    let expected = "an updater";
    let class = node.expect_class(expected)?;
    Ok(match class.as_ref() {
        "extractor.UniversalUpdater" => Updater::Property(node.need_string("name")?.into_owned()),
        "extractor.ReflectionUpdater" => {
            let method = node.need_string("method")?;
            if !Updater::is_setter(&method) {
                return Err(node.wrong("method", "the name of a setter"));
            }
            Updater::Property(format!("{method}()"))
        }
        "extractor.PofUpdater" => {
            return Err(node.refused("values are JSON here; use UniversalUpdater"));
        }
        "extractor.CompositeUpdater" => Updater::Composite {
            extractor: extractor(node.need("extractor")?, depth + 1)?,
            updater: Box::new(updater(node.need("updater")?, depth + 1)?),
        },
        _ => return Err(node.unknown(expected)),
    })
}

/// Reads what reads and sets a property.
pub(crate) fn manipulator(node: Node<'_>, depth: usize) -> Result<Manipulator, AgentError> {
    check_depth(depth)?;
    let expected = "a manipulator of a property";
    let class = node.expect_class(expected)?;
    match class.as_ref() {
        "extractor.CompositeUpdater" => Ok(Manipulator {
            extractor: extractor(node.need("extractor")?, depth + 1)?,
            updater: updater(node.need("updater")?, depth + 1)?,
        }),
        // The clients name it in several ways; the reference reads none of them.
        "processor.PropertyManipulator" => {
            let names = ["property_name", "propertyName", "property", "name"];
            let name = names.iter().find_map(|name| node.get(name)?.string());
            let name = name.ok_or_else(|| node.wrong("property_name", "the name of a property"))?;
            // It is written as an extractor and an updater, which may be of several properties.
            implied(Manipulator::path(&name), depth + 1)
        }
        _ => Err(node.unknown(expected)),
    }
}
