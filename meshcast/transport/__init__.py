"""QUIC between peers: one UDP socket for every role, trio outside, aioquic inside."""
