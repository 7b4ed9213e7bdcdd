"""Deterministic time-keeping: one workflow per invoice. No rules, no I/O.

May import the types of `cadence.directive` and `temporalio`; nothing else of the house.
"""
