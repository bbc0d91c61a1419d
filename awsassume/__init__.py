"""Take the credentials of an AWS IAM role into a shell, a command or an SDK, and give them back."""

__version__ = "0.1.0"
