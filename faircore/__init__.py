"""faircore: fair models, their cost, and how sure we are."""
