//! Reading and writing processors.

use super::versioned::version_of;
use super::{Processor, PutAll};
use crate::query::agent::{
    Node, ObjectWriter, Tree, WriteAgent, check_depth, extractor, filter, implied, manipulator, operands,
    updater,
};
use crate::query::{AgentError, Datum, Extractor, Filter, MethodCall, Operand, QueryError};

impl Processor {
    /// Reads a processor as clients send it.
    ///
    /// # Errors
    /// As [`Filter::from_json`](crate::query::Filter::from_json).
    pub fn from_json(text: &[u8]) -> Result<Self, AgentError> {
        processor(Tree::read(text)?.root(), 0)
    }

    /// Writes the processor in the one form.
    ///
    /// # Errors
    /// When it holds a number that JSON cannot say.
    pub fn to_json(&self) -> Result<Vec<u8>, QueryError> {
        let mut out = Vec::new();
        self.write_agent(&mut out)?;
        Ok(out)
    }
}

/// Reads a processor that stands in so many agents.
fn processor(node: Node<'_>, depth: usize) -> Result<Processor, AgentError> {
    check_depth(depth)?;
    let expected = "a processor";
    let class = node.expect_class(expected)?;
    Ok(match class.as_ref() {
        "processor.CompositeProcessor" => {
            let mut processors = Vec::new();
            for inner in node.need_elements("processors")? {
                processors.push(processor(inner, depth + 1)?);
            }
            Processor::Composite(processors)
        }
        "processor.ConditionalProcessor" => {
            let processor = processor(node.need("processor")?, depth + 1)?;
            processor.when(of_filter(node, depth)?)
        }
        // What it says of priorities and time is for those who run it.
        "processor.PriorityProcessor" => return processor(node.need("processor")?, depth + 1),
        class => return single(node, class, depth),
    })
}

fn of_filter(node: Node<'_>, depth: usize) -> Result<Filter, AgentError> {
    filter(node.need("filter")?, depth + 1)
}

/// A processor that has no other one in it. On its own, so that processors in processors take little stack.
fn single(node: Node<'_>, class: &str, depth: usize) -> Result<Processor, AgentError> {
    Ok(match class {
        "processor.ExtractorProcessor" => Processor::Extract(extractor(node.need("extractor")?, depth + 1)?),
        "processor.ConditionalPut" => Processor::Put {
            filter: of_filter(node, depth)?,
            value: node.operand("value")?,
            answers_current: node.flag("return")?,
        },
        "processor.ConditionalPutAll" => Processor::PutAll {
            filter: of_filter(node, depth)?,
            entries: put_all(node)?,
        },
        "processor.ConditionalRemove" => Processor::Remove {
            filter: of_filter(node, depth)?,
            answers_current: node.flag("return")?,
        },
        "processor.NumberIncrementor" => Processor::Increment {
            manipulator: manipulator(node.need("manipulator")?, depth + 1)?,
            by: number(node, "increment")?,
            answers_old: node.flag("postInc")? || node.flag("postIncrement")?,
        },
        "processor.NumberMultiplier" => Processor::Multiply {
            manipulator: manipulator(node.need("manipulator")?, depth + 1)?,
            by: number(node, "multiplier")?,
            answers_old: node.flag("postMultiplication")?,
        },
        "processor.UpdaterProcessor" => Processor::Update {
            updater: match node.get("updater") {
                Some(inner) => Some(updater(inner, depth + 1)?),
                None => None,
            },
            value: node.operand("value")?,
        },
        "processor.MethodInvocationProcessor" => Processor::Method {
            call: {
                let name = node.need_string("methodName")?;
                MethodCall::read(&name, operands(node, "args")?, node.patterns())?
            },
            mutates: node.flag("mutator")?,
        },
        "processor.VersionedPut" => Processor::VersionedPut {
            value: versioned(node.operand("value")?)?,
            inserts: inserts(node)?,
            answers_current: node.flag("return")?,
        },
        "processor.VersionedPutAll" => versioned_put_all(node)?,
        "util.NullEntryProcessor" | "processor.NullEntryProcessor" => Processor::Nothing,
        "processor.TouchProcessor" => Processor::Touch,
        "processor.PreloadRequest" => Processor::Preload,
        // The Java client asks for keys, for entries and to remove by these.
        "internal.util.processor.CacheProcessors.Null" => Processor::Select,
        "internal.util.processor.CacheProcessors.Get"
        | "internal.util.processor.CacheProcessors.BinaryGet" => {
            Processor::Extract(implied(Extractor::Identity, depth)?)
        }
        "internal.util.processor.CacheProcessors.RemoveBlind" => Processor::Discard,
        "girih.Processor" => Processor::Own {
            name: node.need_string("name")?.into_owned(),
            args: node.operand("args")?,
        },
        "processor.ScriptProcessor" => {
            let other = "scripts are not run here; use other processors, or your own in Rust by name: girih.Processor";
            return Err(node.refused(other));
        }
        _ => return Err(node.unknown("a processor")),
    })
}

/// A value that has a version, if only by not saying one.
fn versioned(value: Operand) -> Result<Operand, AgentError> {
    version_of(value.text())?;
    Ok(value)
}

fn versioned_put_all(node: Node<'_>) -> Result<Processor, AgentError> {
    let entries = put_all(node)?;
    for (_, value) in entries.iter() {
        version_of(value.text())?;
    }
    Ok(Processor::VersionedPutAll {
        entries,
        inserts: inserts(node)?,
        answers_current: node.flag("return")?,
    })
}

/// The clients name it in two ways, of which the reference reads one.
fn inserts(node: Node<'_>) -> Result<bool, AgentError> {
    Ok(node.flag("insert")? || node.flag("allowInsert")?)
}

fn number(node: Node<'_>, field: &'static str) -> Result<Operand, AgentError> {
    let operand = node.operand(field)?;
    match operand.datum() {
        Datum::Int(_) | Datum::BigInt(_) | Datum::Decimal(_) => Ok(operand),
        Datum::Double(number) if number.is_finite() => Ok(operand),
        _ => Err(node.wrong(field, "a number")),
    }
}

/// Maps come with their entries; one whose keys are all strings may come as an object.
fn put_all(node: Node<'_>) -> Result<PutAll, AgentError> {
    let wrong = || node.wrong("entries", "a map");
    let map = node.need("entries")?;
    if let Some(entries) = map.get("entries").and_then(Node::elements) {
        let entries: Result<Vec<_>, AgentError> = entries
            .map(|entry| {
                if entry.members().is_none() {
                    return Err(wrong());
                }
                Ok((entry.operand("key")?, entry.operand("value")?))
            })
            .collect();
        return Ok(PutAll::new(entries?));
    }
    let members = map.members().ok_or_else(wrong)?;
    let entries: Result<Vec<_>, AgentError> = members
        .filter(|(name, _)| *name != "@class")
        .map(|(name, value)| Ok((Operand::from(name), Operand::new(value.text())?)))
        .collect();
    Ok(PutAll::new(entries?))
}

/// Writes the entries of a map.
fn entries_of(entries: &PutAll) -> Vec<u8> {
    let mut out = br#"{"entries":["#.to_vec();
    for (index, (key, value)) in entries.iter().enumerate() {
        out.extend_from_slice(if index == 0 { br#"{"key":"# } else { br#",{"key":"# });
        out.extend_from_slice(key.text());
        out.extend_from_slice(br#","value":"#);
        out.extend_from_slice(value.text());
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
    out
}

impl Processor {
    fn class(&self) -> &'static str {
        match self {
            Processor::Extract(_) => "processor.ExtractorProcessor",
            Processor::Composite(_) => "processor.CompositeProcessor",
            Processor::When { .. } => "processor.ConditionalProcessor",
            Processor::Put { .. } => "processor.ConditionalPut",
            Processor::PutAll { .. } => "processor.ConditionalPutAll",
            Processor::Remove { .. } => "processor.ConditionalRemove",
            Processor::Increment { .. } => "processor.NumberIncrementor",
            Processor::Multiply { .. } => "processor.NumberMultiplier",
            Processor::Update { .. } => "processor.UpdaterProcessor",
            Processor::Method { .. } => "processor.MethodInvocationProcessor",
            Processor::VersionedPut { .. } => "processor.VersionedPut",
            Processor::VersionedPutAll { .. } => "processor.VersionedPutAll",
            Processor::Nothing => "util.NullEntryProcessor",
            Processor::Touch => "processor.TouchProcessor",
            Processor::Preload => "processor.PreloadRequest",
            Processor::Select => "internal.util.processor.CacheProcessors.Null",
            Processor::Discard => "internal.util.processor.CacheProcessors.RemoveBlind",
            Processor::Own { .. } => "girih.Processor",
        }
    }
}

impl WriteAgent for Processor {
    fn write_agent(&self, out: &mut Vec<u8>) -> Result<(), QueryError> {
        let writer = ObjectWriter::new(self.class(), out);
        match self {
            Processor::Extract(extractor) => writer.agent("extractor", extractor)?.end(),
            Processor::Composite(inner) => writer.agents("processors", inner)?.end(),
            Processor::When { filter, processor } => writer
                .agent("filter", filter)?
                .agent("processor", processor.as_ref())?
                .end(),
            Processor::Put {
                filter,
                value,
                answers_current,
            } => writer
                .agent("filter", filter)?
                .flag("return", *answers_current)
                .json("value", value.text())
                .end(),
            Processor::PutAll { filter, entries } => writer
                .json("entries", &entries_of(entries))
                .agent("filter", filter)?
                .end(),
            Processor::Remove {
                filter,
                answers_current,
            } => writer
                .agent("filter", filter)?
                .flag("return", *answers_current)
                .end(),
            Processor::Increment {
                manipulator,
                by,
                answers_old,
            } => writer
                .json("increment", by.text())
                .agent("manipulator", manipulator)?
                .flag("postInc", *answers_old)
                .end(),
            Processor::Multiply {
                manipulator,
                by,
                answers_old,
            } => writer
                .agent("manipulator", manipulator)?
                .json("multiplier", by.text())
                .flag("postMultiplication", *answers_old)
                .end(),
            Processor::Update { updater, value } => match updater {
                Some(updater) => writer
                    .agent("updater", updater)?
                    .json("value", value.text())
                    .end(),
                None => writer.json("value", value.text()).end(),
            },
            other => other.write_without_agents(writer),
        }
        Ok(())
    }
}

impl Processor {
    /// The members of a processor that has no other agent in it.
    fn write_without_agents(&self, writer: ObjectWriter<'_>) {
        match self {
            Processor::Method { call, mutates } => writer
                .operands("args", call.arguments())
                .string("methodName", call.name())
                .flag("mutator", *mutates)
                .end(),
            Processor::VersionedPut {
                value,
                inserts,
                answers_current,
            } => writer
                .flag("insert", *inserts)
                .flag("return", *answers_current)
                .json("value", value.text())
                .end(),
            Processor::VersionedPutAll {
                entries,
                inserts,
                answers_current,
            } => writer
                .json("entries", &entries_of(entries))
                .flag("insert", *inserts)
                .flag("return", *answers_current)
                .end(),
            Processor::Own { name, args } => writer.json("args", args.text()).string("name", name).end(),
            _ => writer.end(),
        }
    }
}
