//! Tests of the server and of the real `grid` program.

#[cfg(test)]
mod cache_commands;
#[cfg(test)]
mod cluster_process;
#[cfg(test)]
mod cluster_state;
#[cfg(test)]
mod finding;
#[cfg(test)]
mod grpc_bad_input;
#[cfg(test)]
mod grpc_cluster;
#[cfg(test)]
mod grpc_cluster_listeners;
#[cfg(test)]
mod grpc_follow;
#[cfg(test)]
mod grpc_invoke;
#[cfg(test)]
mod grpc_late;
#[cfg(test)]
mod grpc_peer;
#[cfg(test)]
mod grpc_pressure;
#[cfg(test)]
mod grpc_session;
#[cfg(test)]
mod grpc_stop;
#[cfg(test)]
mod grpc_unready;
#[cfg(test)]
mod grpc_v0;
#[cfg(test)]
mod grpc_v0_listeners;
#[cfg(test)]
mod grpc_v0_peer;
#[cfg(test)]
mod grpc_v0_queries;
#[cfg(test)]
mod grpc_v1;
#[cfg(test)]
mod grpc_v1_listeners;
#[cfg(test)]
mod grpc_withdrawn;
#[cfg(test)]
mod http_edge;
#[cfg(test)]
mod http_view;
#[cfg(test)]
mod late_line;
#[cfg(test)]
mod manual;
#[cfg(test)]
#[cfg(feature = "member-tls")]
mod member_tls;
#[cfg(test)]
mod own;
#[cfg(test)]
mod process;
#[cfg(test)]
mod query_commands;
#[cfg(test)]
mod serve_command;
