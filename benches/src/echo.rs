//! A server that answers from a constant: the limit for any server of this protocol on the same libraries.
//!
//! It is what a straightforward fast tonic server does: the generated service, prost's messages, a stream of requests
//! mapped to a stream of answers. There is no cache behind it: every key has the same value, and puts are forgotten.

use std::pin::Pin;

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use grid_proto::any::{Packed, pack, unpack};
use grid_proto::google::{Any, BoolValue, BytesValue};
use grid_proto::v1::cache::{NamedCacheRequest, NamedCacheRequestType as Kind, NamedCacheResponse};
use grid_proto::v1::common::{
    BinaryKeyAndValue, CollectionOfBytesValues, Complete, ErrorMessage, OptionalValue,
};
use grid_proto::v1::proxy::proxy_service_server::{ProxyService, ProxyServiceServer};
use grid_proto::v1::proxy::{
    InitResponse, ProxyRequest, ProxyResponse, proxy_request::Request as Asked,
    proxy_response::Response as Told,
};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

use crate::data_set::DataSet;

/// The same windows as those of `grid serve`, in bytes.
const STREAM_WINDOW_LEN: u32 = 1 << 20;
const CONNECTION_WINDOW_LEN: u32 = 4 << 20;

/// Bytes before JSON text on the wire.
const JSON_PREFIX: u8 = 0x15;

/// The one cache id that is given out.
const CACHE_ID: i32 = 1;

/// The constants.
#[derive(Clone, Debug)]
pub struct Echo {
    /// The value of every key, as it travels.
    value: Bytes,
    /// The messages of answers, as they travel.
    get_answer: Bytes,
    put_answer: Bytes,
}

impl Echo {
    /// Answers with values of so many bytes of JSON.
    #[must_use]
    pub fn new(value_len: usize) -> Self {
        let data = DataSet::new(1, value_len);
        let mut value = vec![JSON_PREFIX];
        value.extend_from_slice(data.value(0).bytes());
        let value = Bytes::from(value);
        let present = OptionalValue {
            present: true,
            value: value.clone(),
        };
        let before = BytesValue { value: value.clone() };
        Echo {
            value,
            get_answer: pack(&present).value,
            put_answer: pack(&before).value,
        }
    }

    /// Serves on this listener until the future is dropped.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(self, listener: TcpListener) -> Result<(), tonic::transport::Error> {
        Server::builder()
            .initial_stream_window_size(STREAM_WINDOW_LEN)
            .initial_connection_window_size(CONNECTION_WINDOW_LEN)
            .add_service(ProxyServiceServer::new(self))
            .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
            .await
    }

    /// The answers to one request, each a frame.
    fn answers(&self, request: ProxyRequest) -> Vec<ProxyResponse> {
        let id = request.id;
        match request.request {
            Some(Asked::Init(init)) => vec![frame(id, Told::Init(welcome(init.protocol_version)))],
            Some(Asked::Heartbeat(heartbeat)) => vec![frame(id, Told::Heartbeat(heartbeat))],
            Some(Asked::Message(message)) => match self.messages(message) {
                Ok(messages) => {
                    let told = messages.into_iter().map(|any| frame(id, Told::Message(any)));
                    told.chain([frame(id, Told::Complete(Complete {}))]).collect()
                }
                Err(message) => vec![frame(id, Told::Error(ErrorMessage { message, error: None }))],
            },
            None => {
                let message = "a frame without a request".to_owned();
                vec![frame(id, Told::Error(ErrorMessage { message, error: None }))]
            }
        }
    }

    fn messages(&self, message: Any) -> Result<Vec<Any>, String> {
        let request: NamedCacheRequest = unpack(Some(message)).map_err(|error| error.to_string())?;
        match request.r#type() {
            Kind::EnsureCache => Ok(vec![cache_answer(None)]),
            Kind::Get => Ok(vec![constant::<OptionalValue>(&self.get_answer)]),
            Kind::Put => Ok(vec![constant::<BytesValue>(&self.put_answer)]),
            Kind::PutAll | Kind::Clear => Ok(Vec::new()),
            Kind::IsReady => Ok(vec![cache_answer(Some(pack(&BoolValue { value: true })))]),
            Kind::GetAll => {
                let keys: CollectionOfBytesValues =
                    unpack(request.message).map_err(|error| error.to_string())?;
                let pair = |key| BinaryKeyAndValue {
                    key,
                    value: self.value.clone(),
                };
                Ok(keys
                    .values
                    .into_iter()
                    .map(|key| cache_answer(Some(pack(&pair(key)))))
                    .collect())
            }
            other => Err(format!("the echo does not answer {}", other.as_str_name())),
        }
    }
}

fn frame(id: i64, response: Told) -> ProxyResponse {
    ProxyResponse {
        id,
        response: Some(response),
        ..ProxyResponse::default()
    }
}

fn welcome(protocol_version: i32) -> InitResponse {
    InitResponse {
        uuid: Bytes::from_static(&[7; 32]),
        version: "echo".to_owned(),
        encoded_version: 1,
        protocol_version,
        proxy_member_id: 1,
        proxy_member_uuid: Bytes::from_static(&[7; 32]),
    }
}

fn constant<M: Packed>(value: &Bytes) -> Any {
    cache_answer(Some(Any {
        type_url: M::TYPE_URL.to_owned(),
        value: value.clone(),
    }))
}

fn cache_answer(message: Option<Any>) -> Any {
    pack(&NamedCacheResponse {
        cache_id: CACHE_ID,
        message,
        ..NamedCacheResponse::default()
    })
}

#[tonic::async_trait]
impl ProxyService for Echo {
    type subChannelStream = Pin<Box<dyn Stream<Item = Result<ProxyResponse, Status>> + Send>>;

    async fn sub_channel(
        &self,
        requests: Request<Streaming<ProxyRequest>>,
    ) -> Result<Response<Self::subChannelStream>, Status> {
        let echo = self.clone();
        let answers = requests.into_inner().flat_map(move |request| {
            let answers = match request {
                Ok(request) => echo.answers(request).into_iter().map(Ok).collect(),
                Err(status) => vec![Err(status)],
            };
            stream::iter(answers)
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(kind: Kind, message: Option<Any>) -> Vec<ProxyResponse> {
        let request = NamedCacheRequest {
            r#type: kind.into(),
            cache_id: Some(CACHE_ID),
            message,
        };
        let request = ProxyRequest {
            id: 9,
            request: Some(Asked::Message(pack(&request))),
            ..ProxyRequest::default()
        };
        Echo::new(64).answers(request)
    }

    fn answer(response: ProxyResponse) -> NamedCacheResponse {
        let Some(Told::Message(any)) = response.response else {
            panic!("no message: {response:?}")
        };
        unpack(Some(any)).unwrap()
    }

    #[test]
    fn a_get_is_answered_with_the_constant_and_completed() {
        let key = pack(&BytesValue {
            value: Bytes::from_static(b"\x15\"k\""),
        });
        let mut answers = ask(Kind::Get, Some(key));
        assert_eq!(answers.len(), 2);
        assert!(matches!(answers.pop().unwrap().response, Some(Told::Complete(_))));
        let value: OptionalValue = unpack(answer(answers.pop().unwrap()).message).unwrap();
        assert_eq!(
            (value.present, value.value.len(), value.value[0]),
            (true, 65, JSON_PREFIX)
        );
    }

    #[test]
    fn a_get_of_several_has_an_answer_each() {
        let keys = CollectionOfBytesValues {
            values: vec![Bytes::from_static(b"\x151"), Bytes::from_static(b"\x152")],
        };
        let answers = ask(Kind::GetAll, Some(pack(&keys)));
        assert_eq!(answers.len(), 3);
        assert!(answers.iter().all(|answer| answer.id == 9));
    }

    #[test]
    fn what_it_does_not_do_is_an_error_of_the_protocol() {
        let answers = ask(Kind::Aggregate, None);
        assert!(matches!(
            &answers[..],
            [ProxyResponse {
                response: Some(Told::Error(_)),
                ..
            }]
        ));
        let empty = Echo::new(64).answers(ProxyRequest::default());
        assert!(matches!(
            &empty[..],
            [ProxyResponse {
                response: Some(Told::Error(_)),
                ..
            }]
        ));
    }
}
