//! Requests with filters, comparators, aggregators and processors.

use bytes::{BufMut, Bytes, BytesMut};

use grid_core::cache::{Among, CacheError, Query};
use grid_core::processor::ProcessorWork;
use grid_core::query::{Aggregator, Extractor, Filter};
use grid_core::store::IndexDefinition;
use grid_core::value::{Binary, Format, Key};
use grid_proto::limits::{BATCH_LEN_MAX, JSON_PREFIX};
use grid_proto::v1::cache::keys_or_filter::KeyOrFilter as Of;
use grid_proto::v1::cache::{ExecuteRequest, IndexRequest, KeysOrFilter, QueryRequest};
use grid_proto::v1::common::CollectionOfBytesValues;

/// An agent that cannot be sent.
pub(super) fn invalid(error: impl std::fmt::Display) -> CacheError {
    CacheError::Invalid {
        what: error.to_string(),
    }
}

/// A JSON text as the wire has it.
fn wire(text: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(text.len() + 1);
    bytes.put_u8(JSON_PREFIX);
    bytes.put_slice(text);
    bytes.freeze()
}

fn wire_key(key: &Key) -> Result<Bytes, CacheError> {
    let spelling: &Binary = key.spelling();
    if spelling.format() != Format::JSON {
        let format = spelling.format();
        let what = format!("a key is of format {format}; this session speaks json: send JSON");
        return Err(CacheError::Invalid { what });
    }
    Ok(wire(spelling.bytes()))
}

fn wire_filter(filter: &Filter) -> Result<Bytes, CacheError> {
    Ok(wire(&filter.to_json().map_err(invalid)?))
}

fn execute(agent: &[u8], of: Of) -> ExecuteRequest {
    ExecuteRequest {
        agent: wire(agent),
        keys: Some(KeysOrFilter {
            key_or_filter: Some(of),
        }),
    }
}

/// The request of a query.
pub(super) fn query(query: &Query) -> Result<QueryRequest, CacheError> {
    let order = query.order.as_ref();
    let order = order.map(|order| order.to_json().map_err(invalid)).transpose()?;
    Ok(QueryRequest {
        filter: Some(wire_filter(&query.filter)?),
        comparator: order.map(|order| wire(&order)),
    })
}

/// The request of an aggregation.
pub(super) fn aggregation(among: Among, aggregator: &Aggregator) -> Result<ExecuteRequest, CacheError> {
    let of = match among {
        Among::Where(filter) => Of::Filter(wire_filter(&filter)?),
        Among::Keys(keys) if keys.len() > BATCH_LEN_MAX => {
            let what = format!(
                "{} keys are to be aggregated; at most {BATCH_LEN_MAX} are allowed: use a filter",
                keys.len()
            );
            return Err(CacheError::Invalid { what });
        }
        Among::Keys(keys) => Of::Keys(CollectionOfBytesValues {
            values: keys.iter().map(wire_key).collect::<Result<_, _>>()?,
        }),
    };
    Ok(execute(&aggregator.to_json().map_err(invalid)?, of))
}

/// The request that adds an index.
pub(super) fn index(definition: &IndexDefinition) -> Result<IndexRequest, CacheError> {
    let order = definition.comparator.as_ref();
    let order = order.map(|order| order.to_json().map_err(invalid)).transpose()?;
    Ok(IndexRequest {
        add: true,
        extractor: wire(&definition.request_extractor().map_err(invalid)?),
        sorted: Some(definition.sorted),
        comparator: order.map(|order| wire(&order)),
    })
}

/// The request that takes an index away.
pub(super) fn no_index(extractor: &Extractor) -> Result<IndexRequest, CacheError> {
    Ok(IndexRequest {
        add: false,
        extractor: wire(&extractor.to_json().map_err(invalid)?),
        sorted: None,
        comparator: None,
    })
}

/// The request of a processor on a key.
pub(super) fn invocation(key: &Key, work: &ProcessorWork) -> Result<ExecuteRequest, CacheError> {
    Ok(execute(work.json(), Of::Key(wire_key(key)?)))
}
