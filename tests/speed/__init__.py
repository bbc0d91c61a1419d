"""How long whole processes take: ours, and those that a user would pick instead."""
