"""A stand-in for ONe that keeps state, checks what it receives and fails on request (one-api.md)."""
