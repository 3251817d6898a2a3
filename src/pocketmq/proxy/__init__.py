"""gRPC: apache.rocketmq.v2 translated to the remoting protocol. May import: model, protocol, transport, client."""
