"""One module for each kind of thing the service offers; each has a `router` that `starter.api.app` includes."""
