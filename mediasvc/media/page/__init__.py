"""Pages of a disc for people: XHTML and pictures."""
