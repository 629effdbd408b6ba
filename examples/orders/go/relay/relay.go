// Package relay passes gRPC calls on to a server, except those of the v1 protocol.
package relay

import (
	"errors"
	"io"
	"net"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// frame is a message that the relay passes on unread.
type frame struct{ bytes []byte }

// rawCodec gives frames their bytes. It must be called "proto", which is what the client names its messages.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(value any) ([]byte, error) { return value.(*frame).bytes, nil }

func (rawCodec) Unmarshal(data []byte, value any) error {
	value.(*frame).bytes = append([]byte(nil), data...)
	return nil
}

// Start starts a server that does not know the v1 protocol and passes all other calls on to the address. It
// lives as long as the program.
func Start(address string) (string, error) {
	to, err := grpc.Dial(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(rawCodec{})))
	if err != nil {
		return "", err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := grpc.NewServer(grpc.ForceServerCodec(rawCodec{}),
		grpc.UnknownServiceHandler(func(_ any, client grpc.ServerStream) error { return pass(to, client) }))
	go func() { _ = server.Serve(listener) }()
	return listener.Addr().String(), nil
}

func pass(to *grpc.ClientConn, client grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(client)
	if strings.HasPrefix(method, "/coherence.proxy.v1.") {
		return status.Errorf(codes.Unimplemented, "Method not found: %s", strings.TrimPrefix(method, "/"))
	}
	both := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	server, err := to.NewStream(client.Context(), both, method)
	if err != nil {
		return err
	}
	go func() {
		for {
			var message frame
			if client.RecvMsg(&message) != nil || server.SendMsg(&message) != nil {
				_ = server.CloseSend()
				return
			}
		}
	}()
	for {
		var message frame
		if err = server.RecvMsg(&message); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err = client.SendMsg(&message); err != nil {
			return err
		}
	}
}
