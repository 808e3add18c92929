"""Training many times and mixing: reductions to plain weighted learning."""
