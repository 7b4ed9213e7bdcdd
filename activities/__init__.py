"""Every side effect a workflow asks for: glue of ledger, planner, templates and channels.

May import `cadence`, `ledger`, `channels` and `templates`; never `starter`.
"""
