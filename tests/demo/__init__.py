"""The article's AWS account on a loopback port, and its check as a transcript of a real shell."""
