"""Generated from sdk/wire's protobuf files by `make proto-python`."""
