"""The commands of `regua`, a module for each group; each is a thin layer over what it calls."""
