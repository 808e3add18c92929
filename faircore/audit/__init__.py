"""What an audit of a system says: groups, gaps, proxies, similar people, doubtful outcomes."""
