"""The test bed: real drivers and real QUIC over the fabric in virtual time, for tests and benchmarks alike."""
