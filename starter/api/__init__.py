"""The HTTP service: webhooks in, and everything people and other systems can do, as resources."""
