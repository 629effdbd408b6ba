//! The numbers of requests that are done once.

use grid_core::replication::{ClientId, RequestId, RequestTag};
use grid_core::store::Timestamp;
use grid_proto::limits::{APPLY_WITHIN_MS_MAX, SERIES_MAX};
use grid_proto::tag::tag_of;
use grid_proto::wishes::Context;

use crate::grpc::Refusal;

/// The tag of a request of this client, if it has one.
///
/// The partitions keep an outcome until its request's time is over, so that time must not be far.
///
/// # Errors
/// When it cannot be read, or is beyond the limits.
pub(crate) fn request_tag(
    client: u128,
    context: &Context,
    now: Timestamp,
) -> Result<Option<RequestTag>, Refusal> {
    if context.is_empty() {
        return Ok(None);
    }
    let Some(tag) = tag_of(context).map_err(|error| Refusal::invalid(error.to_string()))? else {
        return Ok(None);
    };
    if tag.series >= SERIES_MAX {
        return Err(Refusal::invalid(format!(
            "the request is number {} of series {}, and a client has {SERIES_MAX} series at most",
            tag.number, tag.series
        )));
    }
    let apply_before = Timestamp::from_unix_ms(tag.apply_before_ms);
    if apply_before > now.after_ms(APPLY_WITHIN_MS_MAX) {
        let ahead_ms = tag.apply_before_ms.saturating_sub(now.as_unix_ms());
        return Err(Refusal::invalid(format!(
            "the request is to be applied within {ahead_ms} ms, and at most {APPLY_WITHIN_MS_MAX} are allowed; \
             count from the time that the handshake's answer says"
        )));
    }
    // Each series is a client of its own.
    let client = (client & !u128::from(u8::MAX)) | u128::from(tag.series);
    Ok(Some(RequestTag {
        id: RequestId {
            client: ClientId::new(client),
            number: tag.number,
        },
        lowest_open: tag.lowest_open,
        apply_before,
    }))
}

#[cfg(test)]
mod tests {
    use grid_proto::girih;
    use grid_proto::tag::TagContext;
    use grid_proto::v1::proxy::ProxyRequest;
    use grid_proto::wire::Encode;
    use prost::Message;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_000_000);

    fn context(series: u32, apply_before_ms: u64) -> Context {
        let tag = girih::RequestTag {
            number: 5,
            lowest_open: 4,
            apply_before_ms,
            series,
        };
        let mut bytes = Vec::new();
        TagContext(&tag).put(&mut bytes);
        ProxyRequest::decode(bytes.as_slice()).unwrap().context
    }

    #[test]
    fn each_series_is_a_client_of_its_own() {
        let tag = |series| {
            let context = context(series, 1_000_500);
            request_tag(0xabcd_ef77, &context, NOW).unwrap().unwrap()
        };
        assert_eq!(tag(0).id.client, ClientId::new(0xabcd_ef00));
        assert_eq!(tag(3).id.client, ClientId::new(0xabcd_ef03));
        assert_eq!((tag(0).id.number, tag(0).lowest_open), (5, 4));
        assert_eq!(tag(0).apply_before, Timestamp::from_unix_ms(1_000_500));
    }

    #[test]
    fn what_is_beyond_the_limits_is_refused() {
        let late = 1_000_000 + APPLY_WITHIN_MS_MAX;
        assert!(request_tag(1, &context(0, late), NOW).is_ok());
        let refusal = request_tag(1, &context(0, late + 1), NOW).unwrap_err();
        assert!(refusal.message.contains("600001 ms"), "{}", refusal.message);
        assert!(request_tag(1, &context(SERIES_MAX, 1_000_000), NOW).is_err());
        assert!(matches!(request_tag(1, &Context::new(), NOW), Ok(None)));
    }
}
