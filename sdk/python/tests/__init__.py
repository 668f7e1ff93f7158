"""Tests of sslctl_sdk that need no host: python -m unittest discover -s tests -t . (conformance_test.go holds it to Go)."""
