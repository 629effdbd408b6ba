module map-api

go 1.23.0

require (
	github.com/google/uuid v1.6.0
	github.com/oracle/coherence-go-client/v2 v2.2.0
	orders-example v0.0.0
)

require (
	github.com/golang/protobuf v1.5.3 // indirect
	golang.org/x/net v0.38.0 // indirect
	golang.org/x/sys v0.31.0 // indirect
	golang.org/x/text v0.23.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20230711160842-782d3b101e98 // indirect
	google.golang.org/grpc v1.58.3 // indirect
	google.golang.org/protobuf v1.36.1 // indirect
)

// For the relay that hides v1 from the client.
replace orders-example => ../../../examples/orders/go
