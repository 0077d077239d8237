"""A disc is judged by readers that share nothing with the writers."""
