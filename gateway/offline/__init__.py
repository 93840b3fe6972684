"""Flows without a network: what a message or a search means, and what given answers become."""
