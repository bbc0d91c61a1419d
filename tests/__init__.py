"""The tests of awsassume."""
